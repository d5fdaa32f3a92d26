//! Authentication tags: the fifth segment of each sealed part, by which sender, service and receiver know that they
//! talk about the same bytes.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

use super::jose::base64url;
use crate::ids::AttachmentId;

/// A tag as it stands in a message: 22 characters of base64url.
///
/// Compared as text. The last character of a tag out of an event log may carry stray bits (FITKO's own example does);
/// such a tag never equals one that a message can have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AuthenticationTag(String);

/// A text that is no authentication tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an authentication tag has 22 characters of base64url")]
pub struct InvalidTag;

impl AuthenticationTag {
    /// The tag of these 128 bits.
    #[must_use]
    pub fn of(bytes: &[u8; 16]) -> Self {
        Self(base64url::encode(bytes))
    }

    /// The tag of a message that is not opened: what stands behind its last dot.
    ///
    /// # Errors
    /// When that is no tag.
    pub fn of_message(compact: &str) -> Result<Self, InvalidTag> {
        compact.rsplit_once('.').ok_or(InvalidTag)?.1.parse()
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AuthenticationTag {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Self, InvalidTag> {
        let fits = text.len() == 22 && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidTag) }
    }
}

impl fmt::Display for AuthenticationTag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for AuthenticationTag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "AuthenticationTag({})", self.0)
    }
}

impl<'de> Deserialize<'de> for AuthenticationTag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// The tags of all parts of a submission, as the submit and accept events carry them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuthenticationTags {
    /// Of the metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<AuthenticationTag>,
    /// Of the data (Fachdaten).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<AuthenticationTag>,
    /// Of each uploaded attachment or fragment.
    #[serde(default, deserialize_with = "null_is_none")]
    pub attachments: BTreeMap<AttachmentId, AuthenticationTag>,
}

fn null_is_none<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<AttachmentId, AuthenticationTag>, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_22_characters_of_base64url() {
        assert!("XFBoMYUZodetZdvTiFvSkQ".parse::<AuthenticationTag>().is_ok());
        for wrong in ["", "XFBoMYUZodetZdvTiFvSk", "XFBoMYUZodetZdvTiFvSkQ=", "XFBoMYUZodetZdvTiFvS.Q"] {
            assert_eq!(wrong.parse::<AuthenticationTag>(), Err(InvalidTag), "{wrong}");
        }
    }

    #[test]
    fn the_tags_of_the_documentation_are_read() {
        let json = r#"{"metadata":"XFBoMYUZodetZdvTiFvSkQ","data":"UCGiqJxhBI3IFVdPalHHvA",
            "attachments":{"0b799252-deb9-42b0-98d3-c50d24bbafe0":"rT99rwrBTbTI7IJM8fU3El"}}"#;
        let tags: AuthenticationTags = serde_json::from_str(json).expect("tags");
        assert_eq!(tags.attachments.len(), 1);
    }
}
