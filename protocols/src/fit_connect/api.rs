//! The bodies of the Submission API (OpenAPI 1.1.3; version 2 as far as it is evidenced), of the token endpoint and of
//! problem+json.
//!
//! One model for both versions: names that changed are a table here and nowhere else. Reading takes both names and
//! passes over unknown members; writing ([`to_json`]) uses the names of the version, leaves absent members out and never
//! writes `null`; lists are always there.

pub mod destination;
pub mod page;
pub mod problem;
#[cfg(test)]
mod recorded;
pub mod submission;
pub mod token;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A major version of the Submission API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApiVersion {
    /// Fully specified by OpenAPI 1.1.3.
    V1,
    /// In operation; only what has been observed.
    V2,
}

/// Top-level members whose name changed: version 1, version 2.
const RENAMED: [(&str, &str); 2] = [("serviceType", "publicService"), ("services", "publicServices")];

impl ApiVersion {
    /// Its segment in a path, for example `/v1/submissions`.
    #[must_use]
    pub const fn segment(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }

    /// The HTTP status that answers a submitted submission.
    #[must_use]
    pub const fn submitted_status(self) -> u16 {
        match self {
            Self::V1 => 202,
            Self::V2 => 200,
        }
    }
}

/// A body as JSON, with the names of this version.
///
/// # Errors
/// Only when the body itself cannot be written; none of this module's can fail.
pub fn to_json<T: Serialize>(body: &T, version: ApiVersion) -> Result<String, serde_json::Error> {
    let mut value = serde_json::to_value(body)?;
    if let (ApiVersion::V2, Value::Object(members)) = (version, &mut value) {
        for (old, new) in RENAMED {
            if let Some(member) = members.remove(old) {
                members.insert(new.to_owned(), member);
            }
        }
    }
    Ok(value.to_string())
}

/// Whether this is the URN of a public service (OpenAPI: 7 to 255 characters,
/// `^urn:[a-z0-9][a-z0-9-]{0,31}:[a-z0-9()+,.:=@;$_!*'%/?#-]+$`).
#[must_use]
pub fn is_service_identifier(text: &str) -> bool {
    let small = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9');
    let Some((space, name)) = text.strip_prefix("urn:").and_then(|rest| rest.split_once(':')) else {
        return false;
    };
    (7..=255).contains(&text.len())
        && (1..=32).contains(&space.len())
        && !space.starts_with('-')
        && space.bytes().all(|c| small(c) || c == b'-')
        && !name.is_empty()
        && name.bytes().all(|c| small(c) || b"()+,.:=@;$_!*'%/?#-".contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_identifier_is_a_lower_case_urn() {
        assert!(is_service_identifier("urn:de:fim:leika:leistung:99108008252000"));
        assert!(is_service_identifier("urn:schema-fitko-de:fit-connect:id.bund.de:message_v6"));
        for wrong in [
            "",
            "urn:de:",
            "urn::xx",
            "urn:-a:xx",
            "urn:de:Leistung",
            "urn:d e:x",
            &format!("urn:de:{}", "x".repeat(249)),
        ] {
            assert!(!is_service_identifier(wrong), "{wrong}");
        }
    }
}
