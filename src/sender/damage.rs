//! Parcels that are broken on purpose, so that tests can see what a receiver makes of them.
//!
//! What the delivery service itself would break (tags, event logs, its own answers) is a fault of the sandbox instead.

use ozg_protocols::{fit_connect::hash::ContentHash, ids::AttachmentId};
use serde_json::{Value, json};

use super::parcel::Parcel;

/// What is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// The metadata hold another hash of the data.
    DataHash,
    /// The metadata hold another hash of the first attachment.
    AttachmentHash,
    /// Every attachment says `"fragments": []`, as SDK 4 does.
    EmptyFragments,
    /// The metadata are these bytes.
    Metadata(Vec<u8>),
    /// The metadata name this schema of themselves.
    MetadataSchema(String),
    /// The metadata describe an attachment that was never announced.
    UnannouncedAttachment(AttachmentId),
    /// The metadata leave the first attachment out.
    UndescribedAttachment,
    /// The data are lists in lists, this deep.
    DeepData(usize),
    /// The text of the sealed metadata is replaced by this one.
    SealedMetadata(String),
    /// The text of the sealed data is replaced by this one.
    SealedData(String),
    /// The text of every sealed attachment is replaced by this one.
    SealedAttachment(String),
    /// A character in the ciphertext of the metadata is another one.
    ChangedMetadata,
    /// A character in the ciphertext of the data is another one.
    ChangedData,
    /// A character in the ciphertext of every attachment is another one.
    ChangedAttachment,
    /// No data are sent, nor described (version 1 only).
    NoData,
    /// No data are sent, though the metadata describe them (version 1 only).
    WithheldData,
}

impl Damage {
    /// Breaks the data before they are described and sealed.
    pub(super) fn of_parcel(&self, parcel: &mut Parcel) {
        if let Self::DeepData(depth) = self {
            parcel.data = [vec![b'['; *depth], vec![b']'; *depth]].concat();
        }
    }

    /// Breaks the metadata before they are sealed.
    pub(super) fn of_metadata(&self, json: String) -> Vec<u8> {
        let mut document: Value = serde_json::from_str(&json).unwrap_or_default();
        let wrong = json!({ "type": "sha512", "content": ContentHash::of(b"etwas anderes").to_string() });
        match self {
            Self::Metadata(bytes) => return bytes.clone(),
            Self::DataHash => set(&mut document, "/contentStructure/data/hash", wrong),
            Self::AttachmentHash => set(&mut document, "/contentStructure/attachments/0/hash", wrong),
            Self::MetadataSchema(uri) => set(&mut document, "/$schema", json!(uri)),
            Self::NoData => {
                if let Some(content) = document.pointer_mut("/contentStructure").and_then(Value::as_object_mut) {
                    content.remove("data");
                }
            }
            Self::EmptyFragments => {
                attachments(&mut document, |list| {
                    for attachment in list.iter_mut().filter_map(Value::as_object_mut) {
                        attachment.insert("fragments".to_owned(), json!([]));
                    }
                });
            }
            Self::UnannouncedAttachment(id) => {
                let described = json!({
                    "attachmentId": id,
                    "hash": wrong,
                    "purpose": "attachment",
                    "mimeType": "application/pdf",
                });
                attachments(&mut document, |list| list.push(described));
            }
            Self::UndescribedAttachment => {
                attachments(&mut document, |list| drop(list.drain(..1.min(list.len()))));
            }
            _ => return json.into_bytes(),
        }
        document.to_string().into_bytes()
    }

    /// Breaks the sealed metadata.
    pub(super) fn of_sealed_metadata(&self, sealed: String) -> String {
        match self {
            Self::SealedMetadata(text) => text.clone(),
            Self::ChangedMetadata => changed(&sealed),
            _ => sealed,
        }
    }

    /// Breaks the sealed data; `None` sends none.
    pub(super) fn of_sealed_data(&self, sealed: String) -> Option<String> {
        match self {
            Self::NoData | Self::WithheldData => None,
            Self::SealedData(text) => Some(text.clone()),
            Self::ChangedData => Some(changed(&sealed)),
            _ => Some(sealed),
        }
    }

    /// Breaks a sealed attachment.
    pub(super) fn of_sealed_attachment(&self, sealed: String) -> String {
        match self {
            Self::SealedAttachment(text) => text.clone(),
            Self::ChangedAttachment => changed(&sealed),
            _ => sealed,
        }
    }
}

/// The message with another character at the begin of its ciphertext.
fn changed(sealed: &str) -> String {
    let mut segments: Vec<String> = sealed.split('.').map(str::to_owned).collect();
    if let Some(ciphertext) = segments.get_mut(3) {
        let other = if ciphertext.starts_with('A') { "B" } else { "A" };
        ciphertext.replace_range(..1.min(ciphertext.len()), other);
    }
    segments.join(".")
}

fn set(document: &mut Value, pointer: &str, to: Value) {
    if let Some(place) = document.pointer_mut(pointer) {
        *place = to;
    }
}

/// Changes the list of described attachments.
fn attachments(document: &mut Value, change: impl FnOnce(&mut Vec<Value>)) {
    if let Some(Value::Array(list)) = document.pointer_mut("/contentStructure/attachments") {
        change(list);
    }
}
