//! The protected header of a JWE or JWS: read member by member, so that nothing is read twice or by accident.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// Longest header that is looked at, in characters of its segment.
pub(super) const LONGEST: usize = 8 * 1024;

/// The members of a header in the order they came, doubles included.
pub(super) struct Members(Vec<(String, Value)>);

impl Members {
    /// Reads the members of a JSON object.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// A name that stands there twice (RFC 7515 section 4: must be unique).
    pub(super) fn doubled(&self) -> bool {
        self.0.iter().enumerate().any(|(at, (name, _))| self.0[..at].iter().any(|(earlier, _)| earlier == name))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// The first member that brings or points to a key: nobody gets to say which key speaks for him.
    pub(super) fn embedded_key(&self) -> Option<&'static str> {
        ["jwk", "jku", "x5u", "x5c"].into_iter().find(|name| self.get(name).is_some())
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Object)
    }
}
