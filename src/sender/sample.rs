//! Realistic applications out of a seed: the same seed makes the same applications, so every run can be repeated.
//!
//! [`service`] is the table of what is applied for, [`person`] invents who applies (names as DIN 91379 allows them),
//! [`paper`] says what stands on its documents, [`pdf`] makes them, [`dice`] is the randomness. The data have the OZG-Cloud form shape
//! (`ozg_protocols::forms::ozg_cloud`). Nobody in here is real.

pub mod dice;
mod letters;
mod paper;
pub mod pdf;
pub mod person;
pub mod service;

use ozg_protocols::{
    application::{Author, Payment, PaymentMethod, PaymentStatus, Product, Purpose, ReplyChannel, SenderReferences},
    fit_connect::{
        api::submission::Service,
        metadata::{DataFormat, Metadata, Reply, SchemaVersion},
    },
    forms::ozg_cloud,
    ids::AttachmentId,
    moment::Moment,
};
use serde_json::{Value, json};

use self::{
    dice::Dice,
    person::Applicant,
    service::{Field, Kind, SERVICES, ServiceForm},
};
use super::{
    client::ApiVersion,
    parcel::{Attachment, Content, Parcel},
};

/// Where in the data of a sample the applicant stands: a section of a tenant's configuration.
pub const MAPPING: &str = r#"
[[tenant.mapping]]
schema_uri = "urn:ozg-cloud:schema:form-data:1"
valid_from = 2020-01-01
shape = "ozg-cloud"

[tenant.mapping.natural]
given_names = "/antragsteller/vorname"
family_name = "/antragsteller/nachname"
birth_date = "/antragsteller/geburtsdatum"
birth_place = "/antragsteller/geburtsort"

[tenant.mapping.legal]
name = "/organisation/firma"
legal_form = "/organisation/rechtsform"
register_entry = "/organisation/register"
represented_by = "/organisation/vertreten_durch"

[tenant.mapping.contact]
street = "/kontakt/strasse"
house_number = "/kontakt/hausnummer"
postal_code = "/kontakt/plz"
town = "/kontakt/ort"
email = "/kontakt/email"
phone = "/kontakt/telefon"
"#;

const DAY: i64 = 24 * 60 * 60;

/// Makes applications.
#[derive(Debug, Clone)]
pub struct Samples {
    dice: Dice,
    /// Size that attachments are filled up to, in bytes.
    pub attachment_size: usize,
}

impl Samples {
    /// Applications of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed), attachment_size: 0 }
    }

    /// The next application, for a service of the table's choice.
    pub fn next(&mut self, version: ApiVersion, now: Moment) -> Parcel {
        let service = self.dice.pick(&SERVICES);
        self.of(service, version, now)
    }

    /// The next application for this service.
    pub fn of(&mut self, service: &ServiceForm, version: ApiVersion, now: Moment) -> Parcel {
        let applicant = Applicant::invent(&mut self.dice, service.by_organisations);
        let transaction = self.uuid();
        let data = self.form(service, &applicant, &transaction, now);
        let attachments = self.attachments(service, &applicant, &data, now);
        Parcel {
            service: service.identifier(),
            service_name: service.name.to_owned(),
            region: Some("DE091620000000".to_owned()),
            data: data.to_string().into_bytes(),
            schema_uri: ozg_cloud::SCHEMA_URI.to_owned(),
            format: DataFormat::Json,
            attachments,
            metadata: self.metadata(service, &applicant, version, now),
        }
    }

    fn form(&mut self, service: &ServiceForm, applicant: &Applicant, transaction: &str, now: Moment) -> Value {
        let details: Vec<Value> = service.fields.iter().map(|field| self.field(field, now)).collect();
        let mut control = json!({
            "transactionId": transaction,
            "zustaendigeStelle": service.org_unit,
            "leikaIds": [service.key],
            "formId": service.form_id,
            "name": service.name,
        });
        if let Some(members) = control.as_object_mut()
            && let Some(postbox) = &applicant.postbox
        {
            members.insert("serviceKonto".to_owned(), postbox.clone());
        }
        let agreed = json!({ "name": "hinweise", "label": "Hinweise zum Datenschutz gelesen", "booleanValue": true });
        let group = json!({ "name": "angaben", "label": service.name, "formItems": details });
        let [person, contact] = applicant.form();
        json!({ "control": control, "formData": [person, contact, group, agreed] })
    }

    fn field(&mut self, field: &Field, now: Moment) -> Value {
        let mut item = json!({ "name": field.name, "label": field.label });
        let Some(members) = item.as_object_mut() else { return item };
        let (kind, value) = match field.kind {
            Kind::Words(words) => ("stringValue", json!(self.dice.pick(words))),
            Kind::Number(least, most) => ("numberValue", json!(least + self.dice.below(most - least + 1))),
            Kind::DayAhead(most) => ("dateValue", json!(day(now, 1 + self.dice.below(most)))),
            Kind::Flag => ("booleanValue", json!(self.dice.below(2) == 1)),
            Kind::Plate => {
                let letters: String = (0..2).map(|_| *self.dice.pick(&['A', 'E', 'K', 'L', 'M', 'R', 'T'])).collect();
                ("stringValue", json!(format!("MS-{letters} {}", 10 + self.dice.below(990))))
            }
        };
        members.insert(kind.to_owned(), value);
        item
    }

    fn attachments(
        &mut self,
        service: &ServiceForm,
        applicant: &Applicant,
        data: &Value,
        now: Moment,
    ) -> Vec<Attachment> {
        let today = paper::german_day(&day(now, 0));
        let below = format!("Antrag über die Onlinedienste der Stadt Musterstadt, gesendet am {today}");
        let form = (Purpose::Form, service.name, paper::form(data));
        let enclosures = service.enclosures.iter().map(|name| {
            let page = paper::enclosure(service.name, &applicant.name, &today);
            (Purpose::Attachment, *name, page)
        });
        let all: Vec<_> = std::iter::once(form).chain(enclosures).collect();
        all.into_iter()
            .map(|(purpose, name, sections)| {
                let filler: Vec<u8> = (0..self.attachment_size).map(|_| self.dice.byte()).collect();
                Attachment {
                    id: AttachmentId::from_random(self.dice.bytes()),
                    purpose,
                    mime_type: "application/pdf".to_owned(),
                    filename: format!("{name}.pdf"),
                    content: Content::Bytes(pdf::document(name, &below, &sections, &filler).into()),
                }
            })
            .collect()
    }

    fn metadata(&mut self, service: &ServiceForm, applicant: &Applicant, version: ApiVersion, now: Moment) -> Metadata {
        let old = version == ApiVersion::V1;
        let mut metadata =
            Metadata::new(if old { SchemaVersion::V1_0_0 } else { SchemaVersion::V2_1_0 }, None, Vec::new());
        metadata.references = SenderReferences {
            sender_reference: Some(format!("OD-{:06}", self.dice.below(1_000_000))),
            application_date: Some(day(now, 0)),
            agrees_to_digital_decision: if old { None } else { Some(true) },
            ..SenderReferences::default()
        };
        metadata.reply = Some(Reply::Known(match &applicant.mailbox {
            Some(mailbox) if !old => ReplyChannel::BundIdMailbox { mailbox: mailbox.clone() },
            _ => ReplyChannel::Email { address: applicant.email.clone(), pgp_public_key: None },
        }));
        metadata.payment = service.fee.map(|fee| Payment {
            transaction_reference: format!("PAY-{:08}", self.dice.below(100_000_000)),
            transaction_id: self.uuid(),
            transaction_url: None,
            transaction_timestamp: Some(now.to_string()),
            method: *self.dice.pick(&[PaymentMethod::CreditCard, PaymentMethod::Paypal, PaymentMethod::Giropay]),
            method_detail: None,
            status: PaymentStatus::Booked,
            gross_amount: Some(fee.to_owned()),
        });
        if old {
            metadata.service = Some(Service {
                name: Some(service.name.to_owned()),
                description: None,
                identifier: service.identifier(),
            });
        } else {
            metadata.author = Some(Author {
                name: "Onlinedienste der Stadt Musterstadt".to_owned(),
                description: None,
                url: None,
                product: Some(Product {
                    name: "OZG-Cloud Demo-Onlinedienst".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    manufacturer: "OZG-Cloud".to_owned(),
                    description: None,
                }),
            });
        }
        metadata
    }

    fn uuid(&mut self) -> String {
        AttachmentId::from_random(self.dice.bytes()).to_string()
    }
}

/// The day this many days after a moment, as `yyyy-MM-dd`.
fn day(now: Moment, ahead: u32) -> String {
    let then = Moment::from_seconds(now.seconds() + i64::from(ahead) * DAY).to_string();
    then.get(..10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use ozg_protocols::fit_connect::metadata::{EmptyFragments, MissingSchema, Tolerance};

    use super::*;

    const NOW: Moment = Moment::from_seconds(1_800_000_000);
    const STRICT: Tolerance = Tolerance { fragments: EmptyFragments::Reject, schema: MissingSchema::Reject };

    #[test]
    fn the_same_seed_makes_the_same_applications() {
        let make = |seed| {
            let mut samples = Samples::new(seed);
            (0..20).map(|_| samples.next(ApiVersion::V2, NOW).data).collect::<Vec<_>>()
        };
        assert_eq!(make(7), make(7));
        assert_ne!(make(7), make(8));
    }

    /// Whatever cannot be written is a question mark, and no label or value of a sample has one.
    #[test]
    fn the_form_on_paper_is_one_small_page_with_every_letter() {
        let mut samples = Samples::new(3);
        for _ in 0..300 {
            for attachment in samples.next(ApiVersion::V2, NOW).attachments {
                let Content::Bytes(file) = attachment.content else { panic!("no bytes") };
                let text = String::from_utf8_lossy(&file);
                assert!(!text.contains('?') && file.len() < 12_000, "{} bytes: {text}", file.len());
                let form = attachment.purpose == Purpose::Form;
                assert_eq!(
                    text.contains("(Anschrift und Erreichbarkeit) Tj") && text.contains("(Ort) Tj"),
                    form,
                    "{text}"
                );
                assert_eq!(text.contains("(Hinweise zum Datenschutz gelesen) Tj"), form, "cut off: {text}");
            }
        }
    }

    #[test]
    fn every_sample_follows_the_rules_for_metadata_and_forms() {
        let mut samples = Samples::new(1);
        for service in &SERVICES {
            for version in [ApiVersion::V1, ApiVersion::V2] {
                for _ in 0..20 {
                    let parcel = samples.of(service, version, NOW);
                    let metadata = parcel.described().to_json();
                    let read = Metadata::parse(metadata.as_bytes(), STRICT);
                    assert!(read.is_ok(), "{read:?}: {metadata}");
                    let form = ozg_cloud::parse(&parcel.data).expect("a form");
                    assert_eq!(form.control.services, [service.key]);
                }
            }
        }
    }
}
