//! From a FIT-Connect submission that was checked and opened to an [`Application`].
//!
//! Metadata say what came, the mapping of the data's schema says who applies. What no mapping names is shown as it is; a
//! postbox that the metadata name (`replyChannel`) goes before one in the data.

#[cfg(test)]
mod everything;

use std::collections::BTreeMap;

use super::{FormRefused, Mapping, Mappings, json, mapping::Shape, ozg_cloud, xml};
use crate::{
    application::{
        Applicant, Application, Attachment, Channel, DataCheck, DataSet, Form, FormItem, NaturalPerson, PostboxAddress,
        PostboxKind, Purpose, RawReference, ReplyChannel, SenderReferences, Service, Whole,
    },
    fit_connect::{
        api::submission::Service as SentService,
        metadata::{AttachmentPart, DataFormat, Metadata, Reply},
    },
    ids::{AttachmentId, BlobId, DestinationId, FitCaseId, RegionKey, ServiceKey, SubmissionId},
    moment::Moment,
};

/// A submission, checked and opened.
#[derive(Debug)]
pub struct FitConnectParts<'p> {
    /// Our address.
    pub destination: DestinationId,
    /// The submission.
    pub submission: SubmissionId,
    /// The delivery service's case.
    pub case: FitCaseId,
    /// The service that the submission names (version 2, and the wrapper of version 1).
    pub service: Option<&'p SentService>,
    /// The region that it names (version 2).
    pub region: Option<&'p str>,
    /// Its metadata.
    pub metadata: &'p Metadata,
    /// Its data in clear.
    pub data: Option<&'p [u8]>,
    /// What is known of the data against their schema.
    pub check: DataCheck,
    /// Where its attachments lie.
    pub files: &'p BTreeMap<AttachmentId, StoredFile>,
    /// Where it lies as it came.
    pub raw: RawReference,
    /// When its sender handed it over, by the delivery service's clock.
    pub submitted: Moment,
    /// When it came.
    pub at: Moment,
}

/// An attachment whose bytes were checked and lie sealed in the blob store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Where.
    pub blob: BlobId,
    /// Its length in bytes.
    pub bytes: u64,
}

/// What became of a submission.
#[derive(Debug)]
pub struct Composed {
    /// The application.
    pub application: Application,
    /// Why its data could not be read as a form, if they could not: then its tree is empty and a person has to look.
    pub refused: Option<FormRefused>,
    /// Whether the tree holds all that the data say. Where it does not, they have to be kept beside it.
    pub shows_all: bool,
}

/// Makes an application of a submission.
#[must_use]
pub fn application_from_fit_connect(parts: FitConnectParts<'_>, mappings: &Mappings) -> Composed {
    let metadata = parts.metadata;
    let mapping = metadata.data.as_ref().and_then(|data| mappings.find(&data.schema.uri, parts.at));
    let (read, refused) = match read_form(&parts, mapping) {
        Ok(read) => (read, None),
        Err(refused) => (Read::default(), Some(refused)),
    };
    let Read { mut items, control, shows_all } = read;
    let applicant = mapping.and_then(|mapping| mapping.applicant(&items));
    if let Some(mapping) = mapping {
        mapping.label(&mut items);
    }
    let reply = metadata.reply.clone().map(|reply| match reply {
        Reply::Known(channel) => channel,
        Reply::Unknown { name, content } => ReplyChannel::Other { name, content: content.to_string() },
    });
    let postbox = reply.as_ref().and_then(reply_postbox).or_else(|| control.postbox());
    let region = parts.region.and_then(region);
    let said = metadata.data.as_ref();
    let (mut representations, mut attachments) = (Vec::new(), Vec::new());
    for part in &metadata.attachments {
        let Some(file) = parts.files.get(&part.id) else { continue };
        let list = if part.purpose == Purpose::Form { &mut representations } else { &mut attachments };
        list.push(attachment(part, file));
    }
    let application = Application {
        channel: Channel::FitConnect { destination: parts.destination, submission: parts.submission, case: parts.case },
        service: service(&parts, &control.services),
        region_text: parts.region.filter(|_| region.is_none()).map(ToOwned::to_owned),
        region,
        responsible: control.responsible.and_then(|unit| unit.parse().ok()),
        applicant: with_postbox(applicant, postbox),
        form: Form {
            id: control.form_id,
            name: control.name.or_else(|| mapping.and_then(|mapping| mapping.form_name.clone())),
            schema: said.map(|data| data.schema.uri.clone()),
            check: parts.check,
            items,
            media_type: said.map(|data| data.schema.format.media_type().to_owned()),
            sha512: said.map(|data| data.hash.as_bytes().to_vec()).unwrap_or_default(),
            signature: said.and_then(|data| data.signature.clone()),
        },
        representations,
        attachments,
        payment: metadata.payment.clone(),
        data_sets: data_sets(metadata),
        reply,
        references: references(metadata, control.transaction_id),
        author: metadata.author.clone(),
        raw: parts.raw,
        services: control.services,
        account: control.account,
        metadata_schema: Some(metadata.version.uri()),
        submitted: Some(parts.submitted),
        whole: Whole::default(),
    };
    Composed { application, refused, shows_all }
}

/// What the data hold.
#[derive(Default)]
struct Read {
    items: Vec<FormItem>,
    control: ozg_cloud::Control,
    shows_all: bool,
}

fn read_form(parts: &FitConnectParts<'_>, mapping: Option<&Mapping>) -> Result<Read, FormRefused> {
    let (Some(data), Some(said)) = (parts.data, &parts.metadata.data) else {
        // Metadata 1.x may come with data that they do not describe, and nobody reads those.
        return Ok(Read { shows_all: parts.data.is_none(), ..Read::default() });
    };
    let ours = said.schema.uri == ozg_cloud::SCHEMA_URI;
    let shape = mapping.map_or(if ours { Shape::OzgCloud } else { Shape::Plain }, |mapping| mapping.shape);
    let plain = |items| Ok(Read { items, control: ozg_cloud::Control::default(), shows_all: true });
    match (said.schema.format, shape) {
        (DataFormat::Json, Shape::OzgCloud) => {
            let ozg_cloud::OzgCloudForm { control, items, complete } = ozg_cloud::parse(data)?;
            Ok(Read { items, control, shows_all: complete })
        }
        (DataFormat::Json, Shape::Plain) => plain(json::parse(data)?),
        (DataFormat::Xml, _) => plain(xml::parse(data)?),
        (DataFormat::Jose, _) => Err(FormRefused::OtherShape),
    }
}

fn service(parts: &FitConnectParts<'_>, named_in_form: &[String]) -> Service {
    let sent = parts.service.or(parts.metadata.service.as_ref());
    let identifier = sent.map(|service| service.identifier.clone()).unwrap_or_default();
    let in_form = || named_in_form.iter().find_map(|key| key.parse().ok());
    let both = || parts.service.into_iter().chain(&parts.metadata.service);
    let told = |words: fn(&SentService) -> &Option<String>| {
        both().filter_map(|service| words(service).clone()).find(|words| !words.trim().is_empty())
    };
    let (name, description) = (told(|service| &service.name), told(|service| &service.description));
    Service { key: ServiceKey::from_identifier(&identifier).or_else(in_form), identifier, name, description }
}

/// `DE` and an ARS or AGS; anything else is no region key (SDK senders write free text).
fn region(text: &str) -> Option<RegionKey> {
    text.strip_prefix("DE").unwrap_or(text).parse().ok()
}

fn attachment(part: &AttachmentPart, file: &StoredFile) -> Attachment {
    Attachment {
        id: part.id,
        blob: file.blob,
        filename: part.filename.clone(),
        description: part.description.clone(),
        media_type: part.mime_type.clone(),
        purpose: part.purpose,
        bytes: file.bytes,
        sha512: part.hash.as_bytes().to_vec(),
        signature: part.signature.clone(),
        fragments: part.fragments.clone(),
    }
}

/// The postbox of a service account, where the reply channel is one.
fn reply_postbox(reply: &ReplyChannel) -> Option<PostboxAddress> {
    let (kind, identifier) = match reply {
        ReplyChannel::Fink { postbox, .. } => (PostboxKind::Fink, postbox),
        ReplyChannel::Elster { account, .. } => (PostboxKind::BusinessAccount, account),
        ReplyChannel::BundIdMailbox { mailbox } => (PostboxKind::BundId, mailbox),
        ReplyChannel::Email { .. }
        | ReplyChannel::DeMail { .. }
        | ReplyChannel::FitConnect { .. }
        | ReplyChannel::Other { .. } => return None,
    };
    Some(PostboxAddress { kind, identifier: identifier.clone(), holder: None, trust_level: None })
}

/// A postbox makes somebody known to us: an applicant without any name, but reachable.
fn with_postbox(applicant: Option<Applicant>, postbox: Option<PostboxAddress>) -> Option<Applicant> {
    let Some(postbox) = postbox else { return applicant };
    Some(match applicant {
        Some(Applicant::Natural(mut person)) => {
            person.postbox = Some(postbox);
            Applicant::Natural(person)
        }
        Some(Applicant::Legal(mut organisation)) => {
            organisation.postbox = Some(postbox);
            Applicant::Legal(organisation)
        }
        None => Applicant::Natural(NaturalPerson { postbox: Some(postbox), ..NaturalPerson::default() }),
    })
}

fn data_sets(metadata: &Metadata) -> Vec<DataSet> {
    let proofs = metadata.identity.iter().map(|proof| DataSet {
        id: None,
        schema: format!("identificationReport {}", proof.version),
        media_type: None,
        description: None,
        content: proof.content.clone(),
        sha512: Vec::new(),
    });
    let sets = metadata.data_sets.iter().map(|set| DataSet {
        id: Some(set.id.to_string()),
        schema: set.schema.uri.clone(),
        media_type: Some(set.schema.format.media_type().to_owned()),
        description: set.description.clone(),
        content: set.content.as_str().map_or_else(|| set.content.to_string(), ToOwned::to_owned),
        sha512: set.hash.as_bytes().to_vec(),
    });
    proofs.chain(sets).collect()
}

fn references(metadata: &Metadata, transaction_id: Option<String>) -> SenderReferences {
    SenderReferences { transaction_id, ..metadata.references.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::PaymentStatus,
        fit_connect::metadata::{EmptyFragments, MissingSchema, Tolerance},
        ids::IntakeId,
    };

    const FILE: &str = "11111111-2222-4333-8444-555555555555";

    fn metadata(schema_uri: &str, extra: &serde_json::Value) -> Metadata {
        let hash = serde_json::json!({ "type": "sha512", "content": "a".repeat(128) });
        let attachment = |id: &str, purpose: &str| serde_json::json!({ "attachmentId": id, "purpose": purpose, "mimeType": "application/pdf", "hash": hash });
        let mut value = serde_json::json!({
            "$schema": "https://schema.fitko.de/fit-connect/metadata/2.1.0/metadata.schema.json",
            "contentStructure": {
                "data": { "hash": hash, "submissionSchema": { "schemaUri": schema_uri, "mimeType": "application/json" } },
                "attachments": [attachment(FILE, "form"), attachment("21111111-2222-4333-8444-555555555555", "attachment")],
            },
        });
        let members = value.as_object_mut().expect("an object");
        members.extend(extra.as_object().cloned().expect("an object"));
        let tolerance = Tolerance { fragments: EmptyFragments::Reject, schema: MissingSchema::Reject };
        Metadata::parse(value.to_string().as_bytes(), tolerance).expect("metadata")
    }

    fn build(metadata: &Metadata, data: &str, mappings: Vec<Mapping>) -> Composed {
        let files = metadata.attachments.iter().zip(1..);
        let files = files.map(|(part, at)| (part.id, StoredFile { blob: BlobId::from_u128(at), bytes: 7 })).collect();
        let service = SentService {
            name: Some("Hundesteuer".into()),
            description: None,
            identifier: "urn:de:fim:leika:leistung:99102013070000".into(),
        };
        let parts = FitConnectParts {
            destination: DestinationId::from_random([1; 16]),
            submission: SubmissionId::from_random([2; 16]),
            case: FitCaseId::from_random([3; 16]),
            service: Some(&service),
            region: Some("DE010510044044"),
            metadata,
            data: Some(data.as_bytes()),
            check: DataCheck::Unchecked,
            files: &files,
            raw: RawReference { intake: IntakeId::from_u128(1), blobs: Vec::new() },
            submitted: Moment::from_day("2026-05-31").expect("a day"),
            at: Moment::from_day("2026-06-01").expect("a day"),
        };
        application_from_fit_connect(parts, &Mappings::new(mappings))
    }

    fn mapping(uri: &str) -> Mapping {
        serde_json::from_value(serde_json::json!({
            "schema_uri": uri, "valid_from": "2026-01-01", "form_name": "Anmeldung eines Hundes",
            "natural": { "family_name": "/halter/name" },
        }))
        .expect("a mapping")
    }

    #[test]
    fn without_a_mapping_the_tree_is_shown_and_nobody_is_guessed() {
        let Composed { application, refused, .. } =
            build(&metadata("urn:x:y", &serde_json::json!({})), r#"{"halter":{"name":"Sommer"}}"#, vec![]);
        assert_eq!((application.applicant, refused, application.form.items.len()), (None, None, 1));
        assert_eq!(application.region.as_ref().map(RegionKey::as_str), Some("010510044044"));
        assert_eq!(application.service.key.as_ref().map(ServiceKey::as_str), Some("99102013070000"));
    }

    #[test]
    fn a_mapping_names_applicant_and_form_and_the_reply_channel_the_postbox() {
        let extra = serde_json::json!({ "replyChannel": { "idBundDeMailbox": { "mailboxUuid": FILE } } });
        let Composed { application, .. } =
            build(&metadata("urn:x:y", &extra), r#"{"halter":{"name":"Sommer"}}"#, vec![mapping("urn:x:y")]);
        assert_eq!(application.title(), "Anmeldung eines Hundes");
        let applicant = application.applicant.expect("an applicant");
        assert_eq!(applicant.display_name().as_deref(), Some("Sommer"));
        let postbox = applicant.postbox().expect("a postbox");
        assert_eq!((&postbox.kind, postbox.identifier.as_str()), (&PostboxKind::BundId, FILE));
    }

    #[test]
    fn the_rendered_form_is_told_apart_from_what_was_handed_in() {
        let Composed { application, .. } = build(&metadata("urn:x:y", &serde_json::json!({})), "{}", vec![]);
        assert_eq!(application.representations.len(), 1);
        assert_eq!((application.representations[0].purpose, application.attachments.len()), (Purpose::Form, 1));
    }

    #[test]
    fn our_own_form_format_needs_no_mapping() {
        let data = r#"{"control":{"formId":"Hund","zustaendigeStelle":"197008","transactionId":"t-1"},
            "formData":[{"name":"rasse","label":"Rasse","stringValue":"Dackel"}]}"#;
        let Composed { application, .. } =
            build(&metadata(ozg_cloud::SCHEMA_URI, &serde_json::json!({})), data, vec![]);
        assert_eq!(application.form.items[0].heading(), "Rasse");
        assert_eq!(application.references.transaction_id.as_deref(), Some("t-1"));
        assert_eq!(application.responsible.expect("a unit").as_str(), "197008");
    }

    #[test]
    fn data_that_are_no_form_leave_an_empty_tree_and_a_reason() {
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        let Composed { application, refused, .. } = build(&metadata("urn:x:y", &serde_json::json!({})), &deep, vec![]);
        assert_eq!((application.form.items, refused), (Vec::new(), Some(FormRefused::TooDeep)));
    }

    #[test]
    fn payment_and_references_come_along() {
        let extra = serde_json::json!({
            "paymentInformation": { "transactionReference": "K-1", "transactionId": "T-1", "paymentMethod": "INVOICE",
                "status": "BOOKED" },
            "additionalReferenceInfo": { "senderReference": "S-1", "zustimmungZumDigitalenBescheid": false },
        });
        let Composed { application, .. } = build(&metadata("urn:x:y", &extra), "{}", vec![]);
        let payment = application.payment.expect("a payment");
        assert_eq!((payment.transaction_id.as_str(), payment.status), ("T-1", PaymentStatus::Booked));
        assert_eq!(application.references.agrees_to_digital_decision, Some(false));
    }
}
