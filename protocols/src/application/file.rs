//! A file of an application: what its sender says about it and where its bytes lie.

use serde::{Deserialize, Serialize};

use crate::ids::{AttachmentId, BlobId};

/// A file that came with an application. Its bytes were checked against their SHA-512 before it was named here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its id at the sender.
    pub id: AttachmentId,
    /// Where its bytes lie, sealed.
    pub blob: BlobId,
    /// Its name as sent; shown, never used as a path.
    pub filename: Option<String>,
    /// In words.
    pub description: Option<String>,
    /// Its media type as sent; never trusted when it is delivered to a browser.
    pub media_type: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-512 of its bytes; empty in an excerpt.
    #[serde(with = "serde_bytes")]
    pub sha512: Vec<u8>,
    /// The signature that the sender says it carries; nobody has checked it.
    pub signature: Option<SignatureNote>,
    /// The fragments that it was uploaded in.
    pub fragments: Vec<AttachmentId>,
}

/// What a file is for (`purpose`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// The rendered form.
    Form,
    /// Something handed in with it.
    Attachment,
    /// A report on the submission.
    Report,
    /// Form data too large for the form itself.
    Data,
}

/// What a sender says about a signature (`signature`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureNote {
    /// `cms`, `xml`, `pdf`, `asic` or `json`.
    pub format: String,
    /// Whether it lies beside the file.
    pub detached: bool,
    /// The eIDAS AdES profile.
    pub profile: Option<String>,
    /// The detached signature itself.
    pub content: Option<String>,
}

impl Attachment {
    /// How pages name the file.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.filename.as_deref().map(str::trim).filter(|name| !name.is_empty()).unwrap_or("Ohne Namen")
    }
}
