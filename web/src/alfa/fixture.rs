//! A made-up case and list for tests of what pages look like.

use ozg_protocols::{
    application::{
        Address, Applicant, Application, Attachment, Channel, Contact, Form, FormItem, FormValue, LegalPerson, Purpose,
        RawReference, SenderReferences, Service,
    },
    case::{Action, By, Case, CaseNumber, Event, Followed, Person, Recorded, Status},
    ids::{AttachmentId, BlobId, CaseId, CommentId, DestinationId, FitCaseId, IntakeId, SubmissionId},
    moment::Moment,
    principal::{Principal, Role},
    work_list::{Counts, Page, Row},
};

/// Who looks.
pub(super) fn emil() -> Principal {
    Principal {
        user: "emil".parse().expect("valid"),
        name: "Emil Ansbach".into(),
        roles: [Role::Caseworker, Role::Mailroom, Role::Operations].into(),
        org_units: ["32".parse().expect("valid")].into(),
    }
}

/// A colleague.
pub(super) fn person(user: &str, name: &str) -> Person {
    Person { user: user.parse().expect("valid"), name: name.into() }
}

/// A moment on 19 November 2026 and so many minutes.
pub(super) fn minutes(later: i64) -> Moment {
    Moment::from_seconds(1_795_122_600 + later * 60)
}

fn text(name: &str, label: &str, value: &str) -> FormItem {
    FormItem { name: name.into(), label: Some(label.into()), value: FormValue::Text(value.into()) }
}

fn group(label: &str, items: Vec<FormItem>) -> FormItem {
    FormItem { name: label.to_lowercase(), label: Some(label.into()), value: FormValue::Group(items) }
}

fn file(number: u8, name: &str, media_type: &str, bytes: u64) -> Attachment {
    Attachment {
        id: AttachmentId::from_random([number; 16]),
        blob: BlobId::from_u128(u128::from(number)),
        filename: Some(name.into()),
        description: None,
        media_type: media_type.into(),
        purpose: if number == 1 { Purpose::Form } else { Purpose::Attachment },
        bytes,
        sha512: Vec::new(),
        signature: None,
        fragments: Vec::new(),
    }
}

/// What was applied for.
pub(super) fn application() -> Application {
    let address = Address {
        street: Some("Lange Straße".into()),
        house_number: Some("14".into()),
        postal_code: Some("24999".into()),
        town: Some("Musterstadt".into()),
        ..Address::default()
    };
    let place = group(
        "Betriebsstätte",
        vec![text("strasse", "Straße", "Lange Straße 14"), text("ort", "Ort", "24999 Musterstadt")],
    );
    let open = group("Öffnungszeiten", vec![text("mo", "Montag", "7 bis 18 Uhr")]);
    let items = vec![
        text("betrieb", "Betrieb", "Backhaus <b>Lindner</b> GmbH"),
        text("taetigkeit", "Tätigkeit", "Herstellung und Verkauf von Backwaren, Café-Betrieb mit 24 Sitzplätzen"),
        FormItem { name: "beginn".into(), label: Some("Beginn".into()), value: FormValue::Date("2026-12-01".into()) },
        FormItem { name: "ausland".into(), label: Some("Zweigstelle".into()), value: FormValue::Flag(false) },
        FormItem { name: "bemerkung".into(), label: Some("Bemerkung".into()), value: FormValue::Empty },
        group("Betriebsstätte und Zeiten", vec![place, open]),
    ];
    let channel = Channel::FitConnect {
        destination: DestinationId::from_random([1; 16]),
        submission: SubmissionId::from_random([2; 16]),
        case: FitCaseId::from_random([3; 16]),
    };
    let service = Service {
        identifier: "urn:de:fim:leika:leistung:99050012104000".into(),
        name: Some("Gewerbeanmeldung".into()),
        ..Service::default()
    };
    Application {
        applicant: Some(Applicant::Legal(LegalPerson {
            name: Some("Backhaus Lindner GmbH".into()),
            legal_form: Some("GmbH".into()),
            register_entry: Some("HRB 20447 Amtsgericht Musterstadt".into()),
            represented_by: Some("Maren Lindner".into()),
            contact: Contact { address: Some(address), email: Some("post@backhaus.example".into()), phone: None },
            postbox: None,
        })),
        form: Form { name: Some("Gewerbeanmeldung".into()), items, ..Form::default() },
        representations: vec![file(1, "Antrag.pdf", "application/pdf", 318_000)],
        attachments: vec![
            file(2, "Handelsregisterauszug_Ḧ.pdf", "application/pdf", 1_120_000),
            file(3, "Grundriss.dwg", "application/acad", 2_400_000),
        ],
        references: SenderReferences { sender_reference: Some("GA-118".into()), ..SenderReferences::default() },
        ..Application::new(channel, service, RawReference { intake: IntakeId::from_u128(1), blobs: Vec::new() })
    }
}

/// What happened to the case.
pub(super) fn history() -> Vec<Recorded> {
    let (rita, emil) = (By::Person(person("rita", "Rita Kolb")), By::Person(person("emil", "Emil Ansbach")));
    let received = Event::Received {
        number: CaseNumber::new("MUS", 2026, 4_688),
        application: Box::new(application()),
        org_unit: "32".parse().ok(),
        continues: None,
        receipt: None,
        followed: Followed::default(),
    };
    let assigned = Event::Assigned { to: Some(person("emil", "Emil Ansbach")) };
    let accepted = Event::StatusChanged { action: Action::Accept, to: Status::Accepted };
    let commented =
        Event::Commented { id: CommentId::from_u128(1), text: "Mietvertrag fehlt noch.\nIch rufe morgen an.".into() };
    vec![
        Recorded { at: minutes(0), by: By::System, event: received },
        Recorded { at: minutes(621), by: rita, event: assigned },
        Recorded { at: minutes(648), by: emil.clone(), event: accepted },
        Recorded { at: minutes(664), by: emil, event: commented },
    ]
}

/// The case that [`history`] made.
pub(super) fn case() -> Case {
    Case::fold(&history()).expect("received")
}

/// A page of the list.
pub(super) fn rows() -> Page {
    let row = |number: u64, title: &str, applicant: Option<&str>, status: Status, mine: bool| Row {
        case: CaseId::from_u128(u128::from(number)),
        version: 2,
        number: CaseNumber::new("MUS", 2026, number),
        title: title.into(),
        applicant: applicant.map(str::to_owned),
        status,
        since: minutes(0),
        received: minutes(i64::try_from(number).expect("few") - 4_800),
        changed: minutes(0),
        assignee: mine.then(|| person("emil", "Emil Ansbach")),
        org_unit: "32".parse().ok(),
        files: 3,
        comments: 0,
    };
    let rows = vec![
        row(4_711, "Bewohnerparkausweis", Some("Svenja Petersen"), Status::New, false),
        row(4_709, "Anmeldung eines Hundes", Some("Murat Yıldız"), Status::New, false),
        row(4_688, "Gewerbeanmeldung", Some("Backhaus Lindner GmbH"), Status::InProgress, true),
        row(4_655, "Sondernutzung öffentlicher Straßen", Some("Straßenfest Altstadt e. V."), Status::Accepted, true),
        row(4_640, "Wohngeld (Erstantrag)", None, Status::Decided, true),
        row(4_622, "Baumfällung – Ausnahmegenehmigung", Some("Ḧalîl ʾAbd al-Karīm"), Status::Closed, false),
        row(4_610, "<script>alert(1)</script>", Some("Familie Wójcik"), Status::Discarded, false),
    ];
    Page { rows, total: 148, next: Some(ozg_protocols::work_list::PageCursor(vec![1, 2])), as_of: 7 }
}

/// The numbers beside it.
pub(super) fn counts() -> Counts {
    Counts { mine: 14, unassigned: 5, all: 1_148, by_status: [5, 21, 38, 19, 65, 2, 0, 0], clearing: Some(3), as_of: 7 }
}
