//! What a sender has in hand before anything is encrypted: data, attachments, and how the metadata describe them.

use std::io::{self, Write};

use bytes::Bytes;
use ozg_protocols::{
    application::Purpose,
    fit_connect::{
        hash::{ContentHash, ContentHasher},
        metadata::{AttachmentPart, DataFormat, DataPart, DataSchema, Metadata, SchemaVersion},
    },
    ids::AttachmentId,
};

/// What is produced of generated content at once.
const CHUNK: u64 = 48 * 1024;

/// The bytes of an attachment.
#[derive(Debug, Clone)]
pub enum Content {
    /// Given.
    Bytes(Bytes),
    /// This many bytes that are made while they are read: for attachments that do not fit into memory.
    Generated {
        /// How many.
        length: u64,
    },
}

impl Content {
    /// Its length in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Generated { length } => *length,
        }
    }

    /// The piece that begins at this place; empty at the end.
    #[must_use]
    pub fn piece(&self, from: u64) -> Bytes {
        let end = self.length().min(from.saturating_add(CHUNK));
        match self {
            Self::Bytes(bytes) => {
                let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(bytes.len());
                bytes.slice(at(from)..at(end).max(at(from)))
            }
            // Changes from byte to byte and from block to block, so that a piece in a wrong place is noticed.
            Self::Generated { .. } => (from..end).map(|at| (at ^ (at >> 8) ^ (at >> 16)).to_le_bytes()[0]).collect(),
        }
    }

    /// All of it.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Generated { .. } => {
                let (mut all, mut from) = (Vec::new(), 0);
                while from < self.length() {
                    all.extend_from_slice(&self.piece(from));
                    from = all.len() as u64;
                }
                all.into()
            }
        }
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        let (mut hasher, mut from) = (ContentHasher::new(), 0);
        loop {
            let piece = self.piece(from);
            if piece.is_empty() {
                return hasher.finish();
            }
            from += piece.len() as u64;
            // Writing into a hasher does not fail.
            let written: io::Result<()> = hasher.write_all(&piece);
            debug_assert!(written.is_ok());
        }
    }
}

/// An attachment.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// What it is for.
    pub purpose: Purpose,
    /// Its media type.
    pub mime_type: String,
    /// Its name.
    pub filename: String,
    /// Its bytes.
    pub content: Content,
}

/// A submission before it is encrypted.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Identifier (URN) of the service.
    pub service: String,
    /// Name of the service.
    pub service_name: String,
    /// Region (`DE…`), told in version 2 only.
    pub region: Option<String>,
    /// The data (Fachdaten).
    pub data: Vec<u8>,
    /// Their schema.
    pub schema_uri: String,
    /// Their format.
    pub format: DataFormat,
    /// The attachments.
    pub attachments: Vec<Attachment>,
    /// What the metadata say beside that; content parts are filled in when it is sent.
    pub metadata: Metadata,
}

impl Parcel {
    /// The metadata with every part described as it is.
    #[must_use]
    pub fn described(&self) -> Metadata {
        let data = DataPart {
            hash: ContentHash::of(&self.data),
            schema: DataSchema { uri: self.schema_uri.clone(), format: self.format },
            signature: None,
        };
        let attachments = self.attachments.iter().map(|attachment| AttachmentPart {
            id: attachment.id,
            hash: attachment.content.hash(),
            purpose: attachment.purpose,
            mime_type: attachment.mime_type.clone(),
            filename: Some(attachment.filename.clone()),
            description: None,
            signature: None,
            fragments: Vec::new(),
        });
        Metadata { data: Some(data), attachments: attachments.collect(), ..self.metadata.clone() }
    }

    /// The least parcel: data without attachments.
    #[must_use]
    pub fn of_data(service: &str, schema_uri: &str, data: Vec<u8>) -> Self {
        Self {
            service: service.to_owned(),
            service_name: "Prüfung".to_owned(),
            region: None,
            data,
            schema_uri: schema_uri.to_owned(),
            format: DataFormat::Json,
            attachments: Vec::new(),
            metadata: Metadata::new(SchemaVersion::V2_1_0, None, Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_content_has_its_length_and_is_the_same_in_one_piece() {
        let content = Content::Generated { length: 100_001 };
        let whole = content.bytes();
        assert_eq!(whole.len(), 100_001);
        assert_eq!(Content::Bytes(whole).hash(), content.hash());
    }
}
