//! Golden bytes: every event of schema 1, as it was first written. A program that cannot read them has lost its past.
//!
//! The fixtures in `fixtures/events-v1` are never written again; a changed type gets a schema of its own
//! (`docs/adding-an-event.md`). For a new one, the test that misses it writes a proposal beside it.

use std::{fmt::Debug, fs, path::PathBuf};

use ozg_protocols::{
    account::{AccountEvent, PasswordHash, RecordedAccount},
    application::{
        Address, Applicant, Application, Attachment, Author, Channel, Contact, DataCheck, DataSet, Form, FormItem,
        FormValue, LegalPerson, NaturalPerson, Payment, PaymentMethod, PaymentStatus, PostboxAddress, PostboxKind,
        Product, Purpose, RawReference, ReplyChannel, SenderReferences, Service, SignatureNote,
    },
    case::{Action, By, CaseNumber, Effect, Event, Person, Receipt, ReceiptOf, ReceiptState, Recorded, Status},
    ids::{AttachmentId, BlobId, CaseId, CommentId, DestinationId, FitCaseId, IntakeId, SubmissionId},
    intake::{ClearingReason, IntakeEvent, RawPart, RawSubmission, RecordedIntake, RejectedFor},
    moment::Moment,
    principal::Role,
    tenant::{RecordedTenant, TenantEvent},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    checkpoint::{BringOut, CheckpointSigned},
    codec::Schema,
};

const AT: Moment = Moment::from_millis(1_795_000_000_123);

fn holds<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, values: &T) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/events-v1").join(format!("{name}.bin"));
    let written = Schema::first(1).encode(values).expect("encodes");
    let Ok(golden) = fs::read(&file) else {
        let new = file.with_extension("new");
        fs::write(&new, &written).expect("the directory of fixtures can be written");
        panic!("there is no fixture; a first one lies in {}: look at it, and rename it", new.display());
    };
    assert_eq!(&Schema::<T>::first(1).decode(&golden).expect("the first bytes still decode"), values);
    assert_eq!(written, golden, "the same value has other bytes now");
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn channel() -> Channel {
    Channel::FitConnect {
        destination: DestinationId::from_random([1; 16]),
        submission: SubmissionId::from_random([2; 16]),
        case: FitCaseId::from_random([3; 16]),
    }
}

fn receipt() -> Receipt {
    Receipt {
        destination: DestinationId::from_random([1; 16]),
        submission: SubmissionId::from_random([2; 16]),
        case: FitCaseId::from_random([3; 16]),
        token: "header.payload.signature".into(),
    }
}

fn contact() -> Contact {
    let address = Address {
        street: some("Lange Straße"),
        house_number: some("14 b"),
        addition: some("Hinterhaus"),
        postal_code: some("24999"),
        town: some("Musterstadt"),
        country: some("DE"),
    };
    Contact { address: Some(address), email: some("wanda@example.org"), phone: some("+49 40 1234") }
}

fn postbox(kind: PostboxKind) -> PostboxAddress {
    let (holder, trust_level) = (some("Citizen"), some("STORK-QAA-Level-1"));
    PostboxAddress { kind, identifier: "0815".into(), holder, trust_level }
}

fn natural() -> Applicant {
    Applicant::Natural(NaturalPerson {
        salutation: some("Frau"),
        title: some("Dr."),
        given_names: some("Wanda Ḫāled"),
        family_name: some("Öztürk"),
        birth_name: some("Wójcik"),
        birth_date: some("1984-04-03"),
        birth_place: some("Gdańsk"),
        contact: contact(),
        postbox: Some(postbox(PostboxKind::BayernId)),
    })
}

fn legal() -> Applicant {
    Applicant::Legal(LegalPerson {
        name: some("Backhaus Lindner GmbH"),
        legal_form: some("GmbH"),
        register_entry: some("HRB 20447"),
        represented_by: some("Maren Lindner"),
        contact: Contact::default(),
        postbox: Some(postbox(PostboxKind::Other("Neu".into()))),
    })
}

fn form() -> Form {
    let item = |name: &str, value| FormItem { name: name.into(), label: some("Beschriftung"), value };
    let items = vec![
        item("leer", FormValue::Empty),
        item("text", FormValue::Text("Bäckerei".into())),
        item("zahl", FormValue::Number("12.50".into())),
        item("tag", FormValue::Date("2026-12-01".into())),
        item("ja", FormValue::Flag(true)),
        item("gruppe", FormValue::Group(vec![FormItem { name: "innen".into(), label: None, value: FormValue::Empty }])),
    ];
    let (id, name, schema) = (some("Gewerbeanmeldung"), some("Gewerbe anmelden"), some("https://example.org/s"));
    Form { id, name, schema, check: DataCheck::Valid, items }
}

fn attachment(purpose: Purpose) -> Attachment {
    let signature =
        SignatureNote { format: "cms".into(), detached: true, profile: some("AdES"), content: some("c2ln") };
    Attachment {
        id: AttachmentId::from_random([5; 16]),
        blob: BlobId::from_u128(6),
        filename: some("Mietvertrag.pdf"),
        description: some("Mietvertrag"),
        media_type: "application/pdf".into(),
        purpose,
        bytes: 1 << 33,
        sha512: vec![7; 64],
        signature: Some(signature),
    }
}

fn application(
    applicant: Applicant,
    reply: ReplyChannel,
    (method, status): (PaymentMethod, PaymentStatus),
) -> Application {
    let payment = Payment {
        transaction_reference: "ref".into(),
        transaction_id: "id".into(),
        transaction_url: some("https://example.org/pay"),
        transaction_timestamp: some("2026-11-24T10:00:00Z"),
        method,
        method_detail: some("Karte"),
        status,
        gross_amount: some("31.50"),
    };
    let product = Product { name: "Formular".into(), version: "1".into(), manufacturer: "Haus".into() };
    let author =
        Author { name: "Amt".into(), description: some("d"), url: some("https://example.org"), product: Some(product) };
    Application {
        channel: channel(),
        service: Service {
            identifier: "urn:de:fim:leika:leistung:99050012104000".into(),
            key: "99050012104000".parse().ok(),
            name: some("Gewerbe"),
        },
        region: "010010000000".parse().ok(),
        responsible: "197008".parse().ok(),
        applicant: Some(applicant),
        form: form(),
        representations: vec![attachment(Purpose::Form)],
        attachments: vec![attachment(Purpose::Attachment), attachment(Purpose::Report), attachment(Purpose::Data)],
        payment: Some(payment),
        data_sets: vec![DataSet {
            id: some("1"),
            schema: "s".into(),
            media_type: some("application/jose"),
            description: some("d"),
            content: "c".into(),
        }],
        reply: Some(reply),
        references: SenderReferences {
            sender_reference: some("a"),
            application_date: some("2026-11-24"),
            bund_id_application: some("b"),
            agrees_to_digital_decision: Some(false),
            transaction_id: some("t"),
        },
        author: Some(author),
        raw: RawReference { intake: IntakeId::from_u128(8), blobs: vec![BlobId::from_u128(9)] },
    }
}

/// One application for every way to answer; between them they hold every kind of payment.
fn applications() -> Vec<Application> {
    let replies = [
        ReplyChannel::Email { address: "a@example.org".into(), pgp_public_key: some("k") },
        ReplyChannel::DeMail { address: "a@example.org".into() },
        ReplyChannel::Fink { postbox: "p".into(), host: some("h") },
        ReplyChannel::Elster { account: "1".into(), delivery_ticket: some("t"), reference: some("r") },
        ReplyChannel::FitConnect { process_standards: vec!["urn:x".into()], encryption_public_key: "{}".into() },
        ReplyChannel::BundIdMailbox { mailbox: "m".into() },
    ];
    let payments = [
        (PaymentMethod::Giropay, PaymentStatus::Initial),
        (PaymentMethod::Paydirect, PaymentStatus::Booked),
        (PaymentMethod::CreditCard, PaymentStatus::Failed),
        (PaymentMethod::Paypal, PaymentStatus::Cancelled),
        (PaymentMethod::Invoice, PaymentStatus::Booked),
        (PaymentMethod::Other, PaymentStatus::Booked),
    ];
    let applicants = [natural(), legal()].into_iter().cycle();
    replies
        .into_iter()
        .zip(payments)
        .zip(applicants)
        .map(|((reply, paid), who)| application(who, reply, paid))
        .collect()
}

fn person() -> Person {
    Person { user: "erika".parse().expect("valid"), name: "Erika Muster".into() }
}

#[test]
fn events_of_a_case() {
    let received = applications().into_iter().map(|application| Event::Received {
        number: CaseNumber::new("MUS", 2026, 42),
        application: Box::new(application),
        org_unit: "32".parse().ok(),
        continues: Some(CaseId::from_u128(1)),
        receipt: Some(receipt()),
    });
    let moves = [
        (Action::Accept, Status::Accepted),
        (Action::Discard, Status::Discarded),
        (Action::Forward, Status::Forwarded),
        (Action::FetchBack, Status::New),
        (Action::StartWork, Status::InProgress),
        (Action::PutBack, Status::Accepted),
        (Action::Decide, Status::Decided),
        (Action::Close, Status::Closed),
        (Action::WorkAgain, Status::InProgress),
        (Action::Reopen, Status::InProgress),
        (Action::MarkForDeletion, Status::ToBeDeleted),
    ];
    let noted = [ReceiptState::NotNeeded, ReceiptState::Pending, ReceiptState::Delivered, ReceiptState::Foreign];
    let events = received
        .chain(moves.map(|(action, to)| Event::StatusChanged { action, to }))
        .chain([Event::Assigned { to: Some(person()) }, Event::Assigned { to: None }])
        .chain([Event::Commented { id: CommentId::from_u128(2), text: "Bitte prüfen".into() }])
        .chain(noted.map(|state| Event::ReceiptNoted { state }));
    let by = [By::Person(person()), By::System].into_iter().cycle();
    let recorded: Vec<Recorded> = events.zip(by).map(|(event, by)| Recorded { at: AT, by, event }).collect();
    holds("case", &recorded);
}

#[test]
fn events_of_an_intake() {
    let reasons = [
        ClearingReason::FailedThreeTimes,
        ClearingReason::NoResponsibleUnit,
        ClearingReason::NotMapped,
        ClearingReason::ForeignVerdict,
    ];
    let raw = RawSubmission {
        metadata: RawPart::Inline("a.b.c.d.e".into()),
        data: Some(RawPart::Blob(BlobId::from_u128(3))),
        event_log: vec!["a.b.c".into()],
    };
    let channels = [
        channel(),
        Channel::Xta { message_id: "urn:1".into() },
        Channel::FormVendor { vendor: "v".into(), transaction_id: "t".into() },
    ];
    let kept = channels.map(|channel| IntakeEvent::Kept { channel, service: "urn:x:y".into(), raw: raw.clone() });
    let problems = vec![RejectedFor { problem: "https://example.org/p".into(), instance: "metadata".into() }];
    let rest = [
        IntakeEvent::Attempted { number: 2 },
        IntakeEvent::BecameCase { case: CaseId::from_u128(4) },
        IntakeEvent::Rejected { problems, receipt: receipt() },
        IntakeEvent::Retried,
        IntakeEvent::ReceiptNoted { state: ReceiptState::Delivered },
        IntakeEvent::AttemptSpared,
    ];
    let clearing = reasons.map(|reason| IntakeEvent::NeedsClearing { reason });
    let events = kept.into_iter().chain(rest).chain(clearing);
    holds("intake", &events.map(|event| RecordedIntake { at: AT, event }).collect::<Vec<_>>());
}

/// What was added when a verdict that the service refuses for good became a matter for a person.
#[test]
fn events_of_a_refused_verdict() {
    let of = [ReceiptOf::Case(CaseId::from_u128(1)), ReceiptOf::Intake(IntakeId::from_u128(2))];
    let refused = of.map(|of| IntakeEvent::VerdictRefused { of, receipt: receipt() });
    let again = of.map(|of| IntakeEvent::SentAgain { of, receipt: receipt() });
    let reason = ClearingReason::VerdictRefused;
    let rest = [IntakeEvent::NeedsClearing { reason }, IntakeEvent::ReceiptNoted { state: ReceiptState::Refused }];
    let events = refused.into_iter().chain(again).chain(rest);
    holds("intake-refused-verdict", &events.map(|event| RecordedIntake { at: AT, event }).collect::<Vec<_>>());
    let noted = Event::ReceiptNoted { state: ReceiptState::Refused };
    holds("case-refused-verdict", &vec![Recorded { at: AT, by: By::System, event: noted }]);
}

#[test]
fn events_of_a_tenant() {
    let slug = "musterstadt".parse().expect("valid");
    let events = [
        TenantEvent::Created { slug, name: "Stadt Musterstadt".into(), key_fingerprint: [9; 32] },
        TenantEvent::NumbersReserved { year: 2026, up_to: 100 },
    ];
    holds("tenant", &events.map(|event| RecordedTenant { at: AT, event }).to_vec());
}

#[test]
fn checkpoints_on_their_way_out() {
    let (record, line) = (7, "ozg-checkpoint-1 ...".into());
    holds("checkpoints", &(vec![CheckpointSigned { record, line }], vec![BringOut { record }]));
}

#[test]
fn events_of_an_account() {
    let described = AccountEvent::Described {
        user: "erika".parse().expect("valid"),
        name: "Erika Muster".into(),
        roles: Role::ALL.to_vec(),
        org_units: vec!["32".parse().expect("valid")],
    };
    let events =
        [described, AccountEvent::PasswordSet { hash: PasswordHash("$argon2id$".into()) }, AccountEvent::Disabled];
    holds("account", &events.map(|event| RecordedAccount { at: AT, event }).to_vec());
}

#[test]
fn effects() {
    let of = [ReceiptOf::Case(CaseId::from_u128(1)), ReceiptOf::Intake(IntakeId::from_u128(2))];
    holds("effects", &of.map(|of| Effect::SendReceipt { of, receipt: receipt() }).to_vec());
}
