//! Writing metadata, for senders.

use serde_json::{Map, Value, json};

use super::{AttachmentPart, DataPart, DataSchema, DataSet, Metadata, Reply, SchemaVersion};
use crate::{
    application::{
        Author, Payment, PaymentMethod, PaymentStatus, Product, Purpose, ReplyChannel, SenderReferences, SignatureNote,
    },
    fit_connect::hash::ContentHash,
};

impl Metadata {
    /// The least that metadata say: data and attachments.
    #[must_use]
    pub fn new(version: SchemaVersion, data: Option<DataPart>, attachments: Vec<AttachmentPart>) -> Self {
        Self {
            version,
            data,
            attachments,
            service: None,
            identity: Vec::new(),
            payment: None,
            reply: None,
            references: SenderReferences::default(),
            author: None,
            data_sets: Vec::new(),
        }
    }

    /// The metadata as JSON. Absent members are left out; `attachments` is always there.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut content = Map::new();
        put(&mut content, "data", self.data.as_ref().map(data));
        content.insert("attachments".to_owned(), self.attachments.iter().map(attachment).collect());
        let mut document = Map::new();
        document.insert("$schema".to_owned(), self.version.uri().into());
        document.insert("contentStructure".to_owned(), content.into());
        let service = self.service.as_ref();
        put(&mut document, "publicServiceType", service.and_then(|service| serde_json::to_value(service).ok()));
        put(
            &mut document,
            "authenticationInformation",
            list(
                &self.identity,
                |proof| json!({"type": "identificationReport", "version": proof.version, "content": proof.content}),
            ),
        );
        put(&mut document, "paymentInformation", self.payment.as_ref().map(payment));
        put(&mut document, "replyChannel", self.reply.as_ref().map(reply));
        put(&mut document, "additionalReferenceInfo", references(&self.references));
        put(&mut document, "author", self.author.as_ref().map(author));
        put(&mut document, "dataSets", list(&self.data_sets, data_set));
        Value::Object(document).to_string()
    }
}

fn put(object: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

fn list<T>(items: &[T], write: impl Fn(&T) -> Value) -> Option<Value> {
    if items.is_empty() { None } else { Some(items.iter().map(write).collect()) }
}

fn hash(hash: &ContentHash) -> Value {
    json!({"type": "sha512", "content": hash.to_string()})
}

fn schema(schema: &DataSchema) -> Value {
    json!({"schemaUri": schema.uri, "mimeType": schema.format.media_type()})
}

fn signature(note: &SignatureNote) -> Value {
    let mut object = Map::new();
    object.insert("signatureFormat".to_owned(), note.format.as_str().into());
    object.insert("detachedSignature".to_owned(), note.detached.into());
    put(&mut object, "eidasAdesProfile", note.profile.clone());
    put(&mut object, "content", note.content.clone());
    object.into()
}

fn data(part: &DataPart) -> Value {
    let mut object = Map::new();
    object.insert("hash".to_owned(), hash(&part.hash));
    object.insert("submissionSchema".to_owned(), schema(&part.schema));
    put(&mut object, "signature", part.signature.as_ref().map(signature));
    object.into()
}

fn attachment(part: &AttachmentPart) -> Value {
    let purpose = match part.purpose {
        Purpose::Form => "form",
        Purpose::Attachment => "attachment",
        Purpose::Report => "report",
        Purpose::Data => "data",
    };
    let mut object = Map::new();
    object.insert("attachmentId".to_owned(), part.id.to_string().into());
    object.insert("hash".to_owned(), hash(&part.hash));
    object.insert("purpose".to_owned(), purpose.into());
    object.insert("mimeType".to_owned(), part.mime_type.as_str().into());
    put(&mut object, "filename", part.filename.clone());
    put(&mut object, "description", part.description.clone());
    put(&mut object, "signature", part.signature.as_ref().map(signature));
    put(&mut object, "fragments", list(&part.fragments, |id| id.to_string().into()));
    object.into()
}

fn payment(payment: &Payment) -> Value {
    let method = match payment.method {
        PaymentMethod::Giropay => "GIROPAY",
        PaymentMethod::Paydirect => "PAYDIRECT",
        PaymentMethod::CreditCard => "CREDITCARD",
        PaymentMethod::Paypal => "PAYPAL",
        PaymentMethod::Invoice => "INVOICE",
        PaymentMethod::Other => "OTHER",
    };
    let status = match payment.status {
        PaymentStatus::Initial => "INITIAL",
        PaymentStatus::Booked => "BOOKED",
        PaymentStatus::Failed => "FAILED",
        PaymentStatus::Cancelled => "CANCELED",
    };
    let mut object = Map::new();
    object.insert("transactionReference".to_owned(), payment.transaction_reference.as_str().into());
    object.insert("transactionId".to_owned(), payment.transaction_id.as_str().into());
    object.insert("paymentMethod".to_owned(), method.into());
    object.insert("status".to_owned(), status.into());
    put(&mut object, "transactionUrl", payment.transaction_url.clone());
    put(&mut object, "transactionTimestamp", payment.transaction_timestamp.clone());
    put(&mut object, "paymentMethodDetail", payment.method_detail.clone());
    let amount = payment.gross_amount.as_deref();
    put(&mut object, "grossAmount", amount.and_then(|text| serde_json::from_str::<Value>(text).ok()));
    object.into()
}

fn reply(reply: &Reply) -> Value {
    let mut object = Map::new();
    let name = match reply {
        Reply::Unknown { name, content } => return json!({ name: content }),
        Reply::Known(ReplyChannel::Email { address, pgp_public_key }) => {
            put(&mut object, "address", Some(address.as_str()));
            put(&mut object, "pgpPublicKey", pgp_public_key.clone());
            "eMail"
        }
        Reply::Known(ReplyChannel::DeMail { address }) => {
            put(&mut object, "address", Some(address.as_str()));
            "deMail"
        }
        Reply::Known(ReplyChannel::Fink { postbox, host }) => {
            put(&mut object, "finkPostfachRef", Some(postbox.as_str()));
            put(&mut object, "host", host.clone());
            "fink"
        }
        Reply::Known(ReplyChannel::Elster { account, delivery_ticket, reference }) => {
            put(&mut object, "accountId", Some(account.as_str()));
            put(&mut object, "lieferTicket", delivery_ticket.clone());
            put(&mut object, "geschaeftszeichen", reference.clone());
            "elster"
        }
        Reply::Known(ReplyChannel::FitConnect { process_standards, encryption_public_key }) => {
            put(&mut object, "processStandards", Some(process_standards.clone()));
            put(&mut object, "encryptionPublicKey", serde_json::from_str::<Value>(encryption_public_key).ok());
            "fitConnect"
        }
        Reply::Known(ReplyChannel::BundIdMailbox { mailbox }) => {
            put(&mut object, "mailboxUuid", Some(mailbox.as_str()));
            "idBundDeMailbox"
        }
        Reply::Known(ReplyChannel::Other { name, content }) => {
            return json!({ name: serde_json::from_str::<Value>(content).unwrap_or_default() });
        }
    };
    json!({ name: object })
}

fn references(references: &SenderReferences) -> Option<Value> {
    let mut object = Map::new();
    put(&mut object, "senderReference", references.sender_reference.clone());
    put(&mut object, "applicationDate", references.application_date.clone());
    put(&mut object, "idBundDeApplicationId", references.bund_id_application.clone());
    put(&mut object, "zustimmungZumDigitalenBescheid", references.agrees_to_digital_decision);
    if object.is_empty() { None } else { Some(object.into()) }
}

fn author(author: &Author) -> Value {
    let mut object = Map::new();
    object.insert("name".to_owned(), author.name.as_str().into());
    put(&mut object, "description", author.description.clone());
    put(&mut object, "url", author.url.clone());
    put(&mut object, "product", author.product.as_ref().map(product));
    object.into()
}

fn product(product: &Product) -> Value {
    let mut object = Map::new();
    object.insert("name".to_owned(), product.name.as_str().into());
    object.insert("version".to_owned(), product.version.as_str().into());
    object.insert("manufacturer".to_owned(), product.manufacturer.as_str().into());
    put(&mut object, "description", product.description.clone());
    object.into()
}

fn data_set(set: &DataSet) -> Value {
    let mut object = Map::new();
    object.insert("dataSetId".to_owned(), set.id.to_string().into());
    object.insert("schema".to_owned(), schema(&set.schema));
    object.insert("hash".to_owned(), hash(&set.hash));
    put(&mut object, "description", set.description.clone());
    object.insert("content".to_owned(), set.content.clone());
    object.into()
}
