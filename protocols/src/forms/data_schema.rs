//! Schemas that an operator has installed for form data: JSON schemas by their `$id`.
//!
//! A reference to a schema that is not installed is an error at start; nothing is ever fetched. A verdict names places in
//! the data, never what stands there.

use std::{collections::BTreeMap, fmt};

use jsonschema::Validator;
use serde_json::Value;

/// Most places that a verdict names.
const MOST_PLACES: usize = 20;

/// The schemas of one tenant.
#[derive(Default)]
pub struct DataSchemas(BTreeMap<String, Validator>);

impl fmt::Debug for DataSchemas {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

/// A document that is no schema to check data against.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaRefused {
    /// Not JSON, or without an `$id`.
    #[error("no JSON schema with an $id")]
    Unnamed,
    /// Not a usable schema.
    #[error("the schema {0} cannot be used")]
    Unusable(String),
}

/// What a schema says about data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It accepts them.
    Valid,
    /// It does not; JSON pointers to some of the places.
    Invalid(Vec<String>),
    /// Nobody has installed it.
    NotInstalled,
}

impl DataSchemas {
    /// These documents.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub fn new<'d>(documents: impl IntoIterator<Item = &'d [u8]>) -> Result<Self, SchemaRefused> {
        let mut schemas = BTreeMap::new();
        for document in documents {
            let schema: Value = serde_json::from_slice(document).map_err(|_| SchemaRefused::Unnamed)?;
            let id = schema.get("$id").and_then(Value::as_str).ok_or(SchemaRefused::Unnamed)?.to_owned();
            let validator = jsonschema::validator_for(&schema).map_err(|_| SchemaRefused::Unusable(id.clone()))?;
            schemas.insert(id, validator);
        }
        Ok(Self(schemas))
    }

    /// Checks data against the schema with this URI. What is no JSON is not valid.
    #[must_use]
    pub fn check(&self, uri: &str, data: &[u8]) -> Verdict {
        let Some(validator) = self.0.get(uri) else { return Verdict::NotInstalled };
        let Ok(value) = serde_json::from_slice::<Value>(data) else { return Verdict::Invalid(vec![String::new()]) };
        let places: Vec<_> =
            validator.iter_errors(&value).take(MOST_PLACES).map(|error| error.instance_path().to_string()).collect();
        if places.is_empty() { Verdict::Valid } else { Verdict::Invalid(places) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"urn:x:hund",
        "type":"object","properties":{"rasse":{"type":"string"}},"required":["rasse"]}"#;

    #[test]
    fn data_are_checked_against_the_schema_that_they_name() {
        let schemas = DataSchemas::new([SCHEMA.as_bytes()]).expect("a schema");
        assert_eq!(schemas.check("urn:x:hund", br#"{"rasse":"Dackel"}"#), Verdict::Valid);
        assert_eq!(schemas.check("urn:x:hund", br#"{"rasse":7}"#), Verdict::Invalid(vec!["/rasse".into()]));
        assert_eq!(schemas.check("urn:x:katze", b"{}"), Verdict::NotInstalled);
    }

    #[test]
    fn a_reference_to_elsewhere_is_never_followed() {
        let remote = br#"{"$id":"urn:x:y","$ref":"https://example.org/schema.json"}"#;
        assert_eq!(DataSchemas::new([&remote[..]]).err(), Some(SchemaRefused::Unusable("urn:x:y".into())));
    }
}
