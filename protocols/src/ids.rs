//! The names of things: one type per kind of id, so that a submission can never be taken for a case.
//!
//! Ids of our own are 128-bit numbers that somebody else made (a keyed hash or a random source); ids of FIT-Connect are
//! UUIDs as its OpenAPI defines them. An id knows how it is written; it never knows what it stands for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// A text that is not an id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}")]
pub struct InvalidId {
    /// The kind of id that was expected.
    pub kind: &'static str,
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// The id with this number.
            #[must_use]
            pub const fn from_u128(number: u128) -> Self {
                Self(number)
            }

            /// The number of this id.
            #[must_use]
            pub const fn as_u128(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{:032x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, concat!(stringify!($name), "({:032x})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let lower_hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
                if text.len() == 32 && text.bytes().all(lower_hex) {
                    u128::from_str_radix(text, 16).map(Self).map_err(|_| InvalidId { kind: $kind })
                } else {
                    Err(InvalidId { kind: $kind })
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                if to.is_human_readable() { to.collect_str(self) } else { self.0.to_be_bytes().serialize(to) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                if from.is_human_readable() {
                    String::deserialize(from)?.parse().map_err(de::Error::custom)
                } else {
                    <[u8; 16]>::deserialize(from).map(|bytes| Self(u128::from_be_bytes(bytes)))
                }
            }
        }
    };
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A random (version 4) id made from these random bytes.
            #[must_use]
            pub const fn from_random(bytes: [u8; 16]) -> Self {
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }

            /// The 16 bytes of this id.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self.0.as_hyphenated(), out)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, concat!(stringify!($name), "({})"), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.len() != 36 {
                    return Err(InvalidId { kind: $kind });
                }
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId { kind: $kind })
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text of this id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId { kind: $kind }) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

number_id!(
    /// A case (Vorgang): a keyed hash of tenant, channel and external id, so that two deliveries meet in one case.
    CaseId, "case id"
);
number_id!(
    /// A submission on its way in: a keyed hash like [`CaseId`], of another kind.
    IntakeId, "intake id"
);
number_id!(
    /// What makes an order safe to repeat: the same for every repetition of the same order, random otherwise.
    CommandKey, "command key"
);
number_id!(
    /// A sealed file in the blob store. Random, so that nothing can be read from it.
    BlobId, "blob id"
);
number_id!(
    /// A data key in the key ring of a tenant. Random.
    KeyId, "key id"
);
number_id!(
    /// A comment on a case.
    CommentId, "comment id"
);

uuid_id!(
    /// Our address at FIT-Connect (Zustellpunkt).
    DestinationId, "destination id"
);
uuid_id!(
    /// One delivery at FIT-Connect (Einreichung).
    SubmissionId, "submission id"
);
uuid_id!(
    /// The case of the delivery service that a submission belongs to (`caseId`); not one of our cases.
    FitCaseId, "FIT-Connect case id"
);
uuid_id!(
    /// An attachment or a fragment of one; chosen by the sender.
    AttachmentId, "attachment id"
);

text_id!(
    /// A tenant (Mandant), as it stands in host names: lower-case letters, digits and hyphens, 2 to 40 characters.
    TenantSlug, "tenant slug", |text| {
        (2..=40).contains(&text.len())
            && text.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-')
    }
);
text_id!(
    /// A person who works here, as the identity provider or the embedded accounts name them (1 to 128 characters).
    UserId, "user id", |text| visible(text, 128)
);
text_id!(
    /// An org unit (Organisationseinheit), for example `197008` (1 to 64 characters).
    OrgUnitId, "org unit id", |text| visible(text, 64)
);
text_id!(
    /// A LeiKa service key: `99` and twelve more digits.
    ServiceKey, "service key", |text| text.len() == 14 && text.starts_with("99") && digits(text)
);
text_id!(
    /// An official region key: ARS (12 digits) or AGS (8 digits).
    RegionKey, "region key", |text| matches!(text.len(), 8 | 12) && digits(text)
);

impl ServiceKey {
    /// The key in a service identifier of FIM (`urn:de:fim:leika:leistung:<14 digits>`), if it is one.
    #[must_use]
    pub fn from_identifier(identifier: &str) -> Option<Self> {
        identifier.strip_prefix("urn:de:fim:leika:leistung:")?.parse().ok()
    }
}

fn digits(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_digit())
}

fn visible(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_writes() {
        let id = CaseId::from_u128(0xabc);
        assert_eq!(id.to_string().parse(), Ok(id));
        let id = SubmissionId::from_random([7; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn an_id_has_exactly_one_spelling() {
        assert!("0ABC".parse::<CaseId>().is_err());
        assert!("000000000000000000000000000000AA".parse::<CaseId>().is_err());
        assert!("{00000000-0000-4000-8000-000000000000}".parse::<SubmissionId>().is_err());
    }

    #[test]
    fn a_tenant_slug_is_a_host_name_label() {
        assert!("musterstadt".parse::<TenantSlug>().is_ok());
        for wrong in ["", "a", "Stadt", "-a", "a-", "a.b", "ä1", "1a"] {
            assert!(wrong.parse::<TenantSlug>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_service_key_is_found_in_its_identifier() {
        let found = ServiceKey::from_identifier("urn:de:fim:leika:leistung:99050012104000");
        assert_eq!(found.as_ref().map(ServiceKey::as_str), Some("99050012104000"));
        assert_eq!(ServiceKey::from_identifier("urn:other:99050012104000"), None);
    }
}
