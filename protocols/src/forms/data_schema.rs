//! Schemas that an operator has installed for form data: JSON schemas by their `$id`, XML schemas by the URI that the
//! operator gives them (an XSD does not carry the `schemaUri` that senders name).
//!
//! A reference to a schema that is not installed is an error at start; nothing is ever fetched. A verdict names places in
//! the data, never what stands there.

use std::{collections::BTreeMap, fmt};

use jsonschema::Validator;
use serde_json::Value;

use super::{json, xml_schema::XmlSchema};
use crate::fit_connect::metadata::DataFormat;

/// Most places that a verdict names.
const MOST_PLACES: usize = 20;

/// The schemas of one tenant.
#[derive(Default)]
pub struct DataSchemas {
    json: BTreeMap<String, Validator>,
    xml: BTreeMap<String, XmlSchema>,
}

impl fmt::Debug for DataSchemas {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.json.keys()).entries(self.xml.keys()).finish()
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
    /// It does not; some of the places: JSON pointers, or lines of XML.
    Invalid(Vec<String>),
    /// Nobody has installed it, or it cannot judge such data.
    NotInstalled,
}

impl DataSchemas {
    /// These JSON schemas.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub fn new<'d>(documents: impl IntoIterator<Item = &'d [u8]>) -> Result<Self, SchemaRefused> {
        let mut json = BTreeMap::new();
        for document in documents {
            let schema: Value = serde_json::from_slice(document).map_err(|_| SchemaRefused::Unnamed)?;
            let id = schema.get("$id").and_then(Value::as_str).ok_or(SchemaRefused::Unnamed)?.to_owned();
            let validator = jsonschema::validator_for(&schema).map_err(|_| SchemaRefused::Unusable(id.clone()))?;
            json.insert(id, validator);
        }
        Ok(Self { json, xml: BTreeMap::new() })
    }

    /// With these XML schemas too, each by the `schemaUri` of the data that it is for.
    #[must_use]
    pub fn with_xml(mut self, schemas: impl IntoIterator<Item = (String, XmlSchema)>) -> Self {
        self.xml.extend(schemas);
        self
    }

    /// Checks data against the schema with this URI for this format.
    #[must_use]
    pub fn check(&self, uri: &str, format: DataFormat, data: &[u8]) -> Verdict {
        match format {
            DataFormat::Json => self.check_json(uri, data),
            DataFormat::Xml => match self.xml.get(uri).and_then(|schema| schema.check(data)) {
                None => Verdict::NotInstalled,
                Some(places) if places.is_empty() => Verdict::Valid,
                Some(places) => Verdict::Invalid(places),
            },
            DataFormat::Jose => Verdict::NotInstalled,
        }
    }

    /// What is no JSON is not valid.
    fn check_json(&self, uri: &str, data: &[u8]) -> Verdict {
        let Some(validator) = self.json.get(uri) else { return Verdict::NotInstalled };
        let Ok(value) = serde_json::from_slice::<Value>(json::without_mark(data)) else {
            let judged = !json::is_well_formed(data);
            return if judged { Verdict::Invalid(vec![String::new()]) } else { Verdict::NotInstalled };
        };
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

    const XSD: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="hund"><xs:complexType>
        <xs:sequence><xs:element name="rasse" type="xs:string"/><xs:element name="alter" type="xs:integer"/></xs:sequence>
        </xs:complexType></xs:element></xs:schema>"#;

    #[test]
    fn data_are_checked_against_the_schema_that_they_name() {
        let schemas = DataSchemas::new([SCHEMA.as_bytes()]).expect("a schema");
        let check = |uri, data: &str| schemas.check(uri, DataFormat::Json, data.as_bytes());
        assert_eq!(check("urn:x:hund", r#"{"rasse":"Dackel"}"#), Verdict::Valid);
        assert_eq!(check("urn:x:hund", r#"{"rasse":7}"#), Verdict::Invalid(vec!["/rasse".into()]));
        assert_eq!(check("urn:x:katze", "{}"), Verdict::NotInstalled);
        assert_eq!(check("urn:x:hund", "\u{feff}{\"rasse\":\"Dackel\"}"), Verdict::Valid);
        assert_eq!(
            check("urn:x:hund", r#"{"rasse":1e400}"#),
            Verdict::NotInstalled,
            "nothing here holds such a number"
        );
        assert_eq!(check("urn:x:hund", "{"), Verdict::Invalid(vec![String::new()]));
    }

    #[test]
    fn xml_is_checked_against_the_schema_that_was_installed_for_its_uri() {
        let document = uppsala::parse(XSD).expect("well-formed");
        let schema = uppsala::XsdValidator::from_schema(&document).expect("a schema");
        let schemas = DataSchemas::default().with_xml([("urn:x:hund".to_owned(), schema.into())]);
        let check = |uri, data: &str| schemas.check(uri, DataFormat::Xml, data.as_bytes());
        assert_eq!(check("urn:x:hund", "<hund><rasse>Dackel</rasse><alter>3</alter></hund>"), Verdict::Valid);
        let old = "<hund>\n<rasse>Dackel</rasse>\n<alter>dreißig</alter>\n</hund>";
        assert_eq!(check("urn:x:hund", old), Verdict::Invalid(vec!["Zeile 3".into()]));
        assert_eq!(check("urn:x:hund", "<katze/>"), Verdict::Invalid(vec!["Zeile 1".into()]));
        assert_eq!(check("urn:x:katze", "<katze/>"), Verdict::NotInstalled);
        let declared = "<!DOCTYPE hund><hund><rasse>Dackel</rasse><alter>3</alter></hund>";
        assert_eq!(check("urn:x:hund", declared), Verdict::NotInstalled, "nothing is expanded to judge it");
        let deep = format!("{}{}", "<hund>".repeat(10_000), "</hund>".repeat(10_000));
        assert_eq!(check("urn:x:hund", &deep), Verdict::NotInstalled);
    }

    #[test]
    fn a_reference_to_elsewhere_is_never_followed() {
        let remote = br#"{"$id":"urn:x:y","$ref":"https://example.org/schema.json"}"#;
        assert_eq!(DataSchemas::new([&remote[..]]).err(), Some(SchemaRefused::Unusable("urn:x:y".into())));
    }
}
