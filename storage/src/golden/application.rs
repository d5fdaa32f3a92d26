//! Applications that hold everything that schema 1 knows, and everything that schema 2 knows.

use ozg_protocols::{
    application::{
        Address, Applicant, Application, Attachment, Author, Channel, Contact, DataCheck, DataSet, Form, FormItem,
        FormValue, LegalPerson, NaturalPerson, Payment, PaymentMethod, PaymentStatus, PostboxAddress, PostboxKind,
        Product, Purpose, RawReference, ReplyChannel, SenderReferences, Service, ServiceAccount, SignatureNote, Whole,
    },
    ids::{AttachmentId, BlobId, DestinationId, FitCaseId, IntakeId, SubmissionId},
    moment::Moment,
};

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(super) fn channel() -> Channel {
    Channel::FitConnect {
        destination: DestinationId::from_random([1; 16]),
        submission: SubmissionId::from_random([2; 16]),
        case: FitCaseId::from_random([3; 16]),
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
    Form { id, name, schema, check: DataCheck::Valid, items, ..Form::default() }
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
        fragments: Vec::new(),
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
    let product =
        Product { name: "Formular".into(), version: "1".into(), manufacturer: "Haus".into(), description: None };
    let author =
        Author { name: "Amt".into(), description: some("d"), url: some("https://example.org"), product: Some(product) };
    let service = Service {
        identifier: "urn:de:fim:leika:leistung:99050012104000".into(),
        key: "99050012104000".parse().ok(),
        name: some("Gewerbe"),
        description: None,
    };
    let raw = RawReference { intake: IntakeId::from_u128(8), blobs: vec![BlobId::from_u128(9)] };
    Application {
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
            sha512: Vec::new(),
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
        ..Application::new(channel(), service, raw)
    }
}

/// One application for every way to answer; between them they hold every kind of payment.
pub(super) fn of_schema_1() -> Vec<Application> {
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

/// The same with all that schema 2 knows besides.
pub(super) fn of_schema_2() -> Vec<Application> {
    let unknown = ReplyChannel::Other { name: "brieftaube".into(), content: r#"{"schlag":"7"}"#.into() };
    let paid = (PaymentMethod::Other, PaymentStatus::Booked);
    of_schema_1().into_iter().chain([application(natural(), unknown, paid)]).map(completed).collect()
}

fn completed(application: Application) -> Application {
    let file = attachment(Purpose::Data);
    let in_pieces = |file: Attachment| Attachment { fragments: vec![AttachmentId::from_random([10; 16])], ..file };
    let with_hash = |set: DataSet| DataSet { sha512: vec![11; 64], ..set };
    let described = |product: Product| Product { description: some("p"), ..product };
    let author = application.author.clone();
    let author = author.map(|author| Author { product: author.product.map(described), ..author });
    Application {
        service: Service { description: some("In Worten"), ..application.service },
        form: Form {
            media_type: some("application/json"),
            sha512: vec![12; 64],
            signature: file.signature.clone(),
            ..application.form
        },
        attachments: application.attachments.into_iter().map(in_pieces).collect(),
        data_sets: application.data_sets.into_iter().map(with_hash).collect(),
        author,
        services: vec!["99050012104000".into(), "99050012104001".into()],
        region_text: some("11"),
        account: Some(ServiceAccount {
            kind: PostboxKind::Osi,
            trust_level: some("Keine Angaben"),
            identifier: some("0815"),
            holder: some("Citizen"),
        }),
        metadata_schema: some("https://example.org/metadata"),
        submitted: Some(Moment::from_millis(1_794_999_999_000)),
        whole: Whole { data: Some(file.clone()), metadata: Some(file) },
        ..application
    }
}
