//! The application as event schema 1 has it: frozen. What schema 2 knows besides stays empty.
//!
//! Types that are not here are the same in both; one of them that changes has to be copied here first.

use serde::{Deserialize, Serialize};

use super::{
    Applicant, Channel, DataCheck, FormItem, Payment, Purpose, RawReference, ReplyChannel, SenderReferences,
    SignatureNote,
};
use crate::ids::{AttachmentId, BlobId, OrgUnitId, RegionKey, ServiceKey};

/// [`super::Application`].
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the type that followed says it")]
pub struct Application {
    pub channel: Channel,
    pub service: Service,
    pub region: Option<RegionKey>,
    pub responsible: Option<OrgUnitId>,
    pub applicant: Option<Applicant>,
    pub form: Form,
    pub representations: Vec<Attachment>,
    pub attachments: Vec<Attachment>,
    pub payment: Option<Payment>,
    pub data_sets: Vec<DataSet>,
    pub reply: Option<ReplyChannel>,
    pub references: SenderReferences,
    pub author: Option<Author>,
    pub raw: RawReference,
}

/// [`super::Service`].
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the type that followed says it")]
pub struct Service {
    pub identifier: String,
    pub key: Option<ServiceKey>,
    pub name: Option<String>,
}

/// [`super::Form`].
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the type that followed says it")]
pub struct Form {
    pub id: Option<String>,
    pub name: Option<String>,
    pub schema: Option<String>,
    pub check: DataCheck,
    pub items: Vec<FormItem>,
}

/// [`super::Attachment`].
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the type that followed says it")]
pub struct Attachment {
    pub id: AttachmentId,
    pub blob: BlobId,
    pub filename: Option<String>,
    pub description: Option<String>,
    pub media_type: String,
    pub purpose: Purpose,
    pub bytes: u64,
    #[serde(with = "serde_bytes")]
    pub sha512: Vec<u8>,
    pub signature: Option<SignatureNote>,
}

/// [`super::DataSet`].
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the type that followed says it")]
pub struct DataSet {
    pub id: Option<String>,
    pub schema: String,
    pub media_type: Option<String>,
    pub description: Option<String>,
    pub content: String,
}

/// [`super::Author`].
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the type that followed says it")]
pub struct Author {
    pub name: String,
    pub description: Option<String>,
    pub url: Option<String>,
    pub product: Option<Product>,
}

/// [`super::Product`].
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the type that followed says it")]
pub struct Product {
    pub name: String,
    pub version: String,
    pub manufacturer: String,
}

impl From<Application> for super::Application {
    fn from(old: Application) -> Self {
        let files = |files: Vec<Attachment>| files.into_iter().map(Into::into).collect();
        Self {
            region: old.region,
            responsible: old.responsible,
            applicant: old.applicant,
            form: old.form.into(),
            representations: files(old.representations),
            attachments: files(old.attachments),
            payment: old.payment,
            data_sets: old.data_sets.into_iter().map(Into::into).collect(),
            reply: old.reply,
            references: old.references,
            author: old.author.map(Into::into),
            ..Self::new(old.channel, old.service.into(), old.raw)
        }
    }
}

impl From<Service> for super::Service {
    fn from(Service { identifier, key, name }: Service) -> Self {
        Self { identifier, key, name, description: None }
    }
}

impl From<Form> for super::Form {
    fn from(Form { id, name, schema, check, items }: Form) -> Self {
        Self { id, name, schema, check, items, ..Self::default() }
    }
}

impl From<Attachment> for super::Attachment {
    fn from(old: Attachment) -> Self {
        Self {
            id: old.id,
            blob: old.blob,
            filename: old.filename,
            description: old.description,
            media_type: old.media_type,
            purpose: old.purpose,
            bytes: old.bytes,
            sha512: old.sha512,
            signature: old.signature,
            fragments: Vec::new(),
        }
    }
}

impl From<DataSet> for super::DataSet {
    fn from(DataSet { id, schema, media_type, description, content }: DataSet) -> Self {
        Self { id, schema, media_type, description, content, sha512: Vec::new() }
    }
}

impl From<Author> for super::Author {
    fn from(Author { name, description, url, product }: Author) -> Self {
        Self { name, description, url, product: product.map(Into::into) }
    }
}

impl From<Product> for super::Product {
    fn from(Product { name, version, manufacturer }: Product) -> Self {
        Self { name, version, manufacturer, description: None }
    }
}
