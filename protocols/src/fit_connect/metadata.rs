//! Metadata: what a submission consists of, who sent it, what was paid and where an answer may go.
//!
//! Versions 1.x and 2.x become one [`Metadata`]. They are read by rules of our own (`rules` is the table of what differs
//! between versions), because the official schema files are not part of the project; a test compares both on thousands of
//! mutated documents. Every violation names its place by a JSON pointer and never repeats what stands there. Unknown
//! members are passed over where the schema does. Of the formats only `uuid` is enforced: `uri`, `email`, `date` and
//! `date-time` are annotations in draft 2020-12, and a rejection is final for the applicant.

mod content;
mod context;
#[cfg(test)]
mod differential;
mod reading;
mod rules;
mod write;

use serde_json::Value;
use uuid::Uuid;

pub use self::{
    reading::{Rule, Violation},
    rules::SchemaVersion,
};
use super::{api::submission::Service, hash::ContentHash};
use crate::{
    application::{Author, Payment, Purpose, ReplyChannel, SenderReferences, SignatureNote},
    forms::json::without_mark,
    ids::AttachmentId,
};

/// The metadata of a submission (dossier section 8.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// The version of the schema that they follow.
    pub version: SchemaVersion,
    /// The data (Fachdaten); optional in 1.x.
    pub data: Option<DataPart>,
    /// The attachments.
    pub attachments: Vec<AttachmentPart>,
    /// The service (1.x only).
    pub service: Option<Service>,
    /// Proofs of identity (1.x only).
    pub identity: Vec<IdentityProof>,
    /// What was paid.
    pub payment: Option<Payment>,
    /// Where an answer may go; none means by letter.
    pub reply: Option<Reply>,
    /// How the sender calls the application.
    pub references: SenderReferences,
    /// The software that sent it (2.x).
    pub author: Option<Author>,
    /// Structured data beside the form, proofs of identity among them (2.x).
    pub data_sets: Vec<DataSet>,
}

/// What is said of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataPart {
    /// Hash of the unencrypted bytes.
    pub hash: ContentHash,
    /// Their schema.
    pub schema: DataSchema,
    /// How they are signed.
    pub signature: Option<SignatureNote>,
}

/// The schema of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSchema {
    /// Its URI.
    pub uri: String,
    /// The format of the data.
    pub format: DataFormat,
}

/// A format of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFormat {
    /// `application/json`.
    Json,
    /// `application/xml`.
    Xml,
    /// `application/jose` (data sets only).
    Jose,
}

impl DataFormat {
    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
            Self::Jose => "application/jose",
        }
    }
}

/// What is said of an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentPart {
    /// Its id.
    pub id: AttachmentId,
    /// Hash of the whole unencrypted file.
    pub hash: ContentHash,
    /// What it is for.
    pub purpose: Purpose,
    /// Its media type, as the sender says.
    pub mime_type: String,
    /// Its name at the sender's; not to be trusted as a path.
    pub filename: Option<String>,
    /// A few words on it.
    pub description: Option<String>,
    /// How it is signed.
    pub signature: Option<SignatureNote>,
    /// Its fragments in order, if it was uploaded in pieces.
    pub fragments: Vec<AttachmentId>,
}

/// A proof of identity (1.x).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityProof {
    /// Version of the identification report.
    pub version: String,
    /// The report, base64url or JWS.
    pub content: String,
}

/// Where an answer may go.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A channel of the schema.
    Known(ReplyChannel),
    /// One that we do not know; the schemas allow it.
    Unknown {
        /// Its name.
        name: String,
        /// What stands there.
        content: Value,
    },
}

/// Structured data beside the form.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// Its id within the submission.
    pub id: Uuid,
    /// Its schema.
    pub schema: DataSchema,
    /// Hash of its content; over the UTF-8 bytes of a string, undefined for anything else.
    pub hash: ContentHash,
    /// A few words on it.
    pub description: Option<String>,
    /// The data.
    pub content: Value,
}

/// What is done with `fragments: []`, which SDK 4 sends and the schema forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyFragments {
    /// Taken for "no fragments".
    Tolerate,
    /// A violation of the schema.
    Reject,
}

/// What is done with metadata without `$schema`, as 1.0.0 knew it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingSchema {
    /// Taken for 1.0.0.
    IsVersion1,
    /// A problem of its own.
    Reject,
}

/// How tolerant a receiver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerance {
    /// On empty fragments.
    pub fragments: EmptyFragments,
    /// On metadata without `$schema`.
    pub schema: MissingSchema,
}

/// Why metadata are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataRefused {
    /// Not JSON, or nested deeper than 128 levels.
    #[error("the metadata are not JSON")]
    Syntax,
    /// No `$schema`.
    #[error("the metadata name no schema")]
    MissingSchema,
    /// A `$schema` that we do not read.
    #[error("the schema of the metadata is not supported")]
    UnsupportedSchema,
    /// They break the rules of their schema.
    #[error("the metadata break {} rules of their schema", .0.len())]
    Schema(Vec<Violation>),
}

impl Metadata {
    /// Reads metadata.
    ///
    /// # Errors
    /// Names the stage that failed; within the schema, every violation.
    pub fn parse(json: &[u8], tolerance: Tolerance) -> Result<Self, MetadataRefused> {
        let value: Value = serde_json::from_slice(without_mark(json)).map_err(|_| MetadataRefused::Syntax)?;
        let version = match (value.get("$schema"), tolerance.schema) {
            (None, MissingSchema::IsVersion1) => SchemaVersion::V1_0_0,
            (None, MissingSchema::Reject) => return Err(MetadataRefused::MissingSchema),
            (Some(uri), _) => {
                let version = uri.as_str().and_then(SchemaVersion::from_uri);
                version.ok_or(MetadataRefused::UnsupportedSchema)?
            }
        };
        Self::read(&value, version, tolerance.fragments).map_err(MetadataRefused::Schema)
    }
}
