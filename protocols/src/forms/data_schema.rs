//! Schemas that an operator has installed for form data: JSON schemas by their `$id`, XML schemas by the URI that the
//! operator gives them (an XSD does not carry the `schemaUri` that senders name).
//!
//! A reference to a schema that is not installed is an error at start; nothing is ever fetched. A verdict names places in
//! the data, never what stands there. Where a schema is installed under the URI that data name, data that cannot be held
//! against it break it: else whoever sends them would decide whether they are checked.

use std::{collections::BTreeMap, fmt};

use jsonschema::Validator;
use serde_json::Value;

use super::{json, judgeable::judgeable, xml_schema::XmlSchema};
use crate::fit_connect::metadata::DataFormat;

/// Most places that a verdict names.
const MOST_PLACES: usize = 20;
/// The place of what is wrong with data as a whole.
const WHOLE: &str = "Dokument";

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
    /// It does not, or they are nothing that it could be asked about; some of the places: JSON pointers, or lines of XML.
    Invalid(Vec<String>),
    /// Nobody has installed any under this URI.
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
        let judged = match format {
            DataFormat::Json => self.json.get(uri).map(|schema| check_json(schema, data)),
            DataFormat::Xml => self.xml.get(uri).map(|schema| check_xml(schema, data)),
            DataFormat::Jose => None,
        };
        match judged {
            Some(places) if places.is_empty() => Verdict::Valid,
            Some(places) => Verdict::Invalid(places),
            // Of another format than the schema is for.
            None if self.json.contains_key(uri) || self.xml.contains_key(uri) => {
                Verdict::Invalid(vec![WHOLE.to_owned()])
            }
            None => Verdict::NotInstalled,
        }
    }
}

/// Where JSON breaks its schema. What is no JSON breaks it as a whole.
fn check_json(schema: &Validator, data: &[u8]) -> Vec<String> {
    let data = json::without_mark(data);
    let read = |data: &[u8]| serde_json::from_slice::<Value>(data).ok();
    let value = read(data).or_else(|| json::is_well_formed(data).then(|| judgeable(data)).and_then(|data| read(&data)));
    let Some(value) = value else { return vec![WHOLE.to_owned()] };
    schema.iter_errors(&value).take(MOST_PLACES).map(|error| error.instance_path().to_string()).collect()
}

/// Where XML breaks its schema. What is never expanded or followed to judge it breaks it as a whole.
fn check_xml(schema: &XmlSchema, data: &[u8]) -> Vec<String> {
    schema.check(data).unwrap_or_else(|| vec![WHOLE.to_owned()])
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
        assert_eq!(check("urn:x:hund", "{"), whole());
    }

    fn whole() -> Verdict {
        Verdict::Invalid(vec!["Dokument".into()])
    }

    #[test]
    fn what_nothing_here_can_hold_is_judged_all_the_same() {
        let check = |schema: &str, data: &str| {
            let schema = format!(r#"{{"$id":"urn:x:hund","type":"object","properties":{{"a":{schema}}}}}"#);
            let schemas = DataSchemas::new([schema.as_bytes()]).expect("a schema");
            schemas.check("urn:x:hund", DataFormat::Json, format!(r#"{{"a":{data}}}"#).as_bytes())
        };
        let wrong = || Verdict::Invalid(vec!["/a".into()]);
        for (schema, data, verdict) in [
            (r#"{"type":"string"}"#, "1e400", wrong()),
            (r#"{"type":"integer"}"#, "1e400", Verdict::Valid),
            (r#"{"maximum":100}"#, "-1e400", Verdict::Valid),
            (r#"{"maximum":100}"#, "1e400", wrong()),
            (r#"{"minimum":0}"#, "-1e400", wrong()),
            (r#"{"type":"number"}"#, r#""\ud800""#, wrong()),
            (r#"{"maxLength":1}"#, r#""\ud800""#, Verdict::Valid),
        ] {
            assert_eq!(check(schema, data), verdict, "{schema} {data}");
        }
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(check("true", &deep), whole());
    }

    #[test]
    fn data_of_another_format_than_the_installed_schema_break_it() {
        let schemas = DataSchemas::new([SCHEMA.as_bytes()]).expect("a schema");
        let check = |uri, format, data: &str| schemas.check(uri, format, data.as_bytes());
        assert_eq!(check("urn:x:hund", DataFormat::Xml, "<hund/>"), whole());
        assert_eq!(check("urn:x:hund", DataFormat::Jose, "{}"), whole());
        assert_eq!(check("urn:x:katze", DataFormat::Xml, "<katze/>"), Verdict::NotInstalled);
        let only_xml = DataSchemas::default().with_xml([("urn:x:hund".to_owned(), xml_schema())]);
        assert_eq!(only_xml.check("urn:x:hund", DataFormat::Json, br#"{"rasse":"Dackel"}"#), whole());
    }

    fn xml_schema() -> XmlSchema {
        let document = uppsala::parse(XSD).expect("well-formed");
        uppsala::XsdValidator::from_schema(&document).expect("a schema").into()
    }

    #[test]
    fn xml_is_checked_against_the_schema_that_was_installed_for_its_uri() {
        let schemas = DataSchemas::default().with_xml([("urn:x:hund".to_owned(), xml_schema())]);
        let check = |uri, data: &str| schemas.check(uri, DataFormat::Xml, data.as_bytes());
        assert_eq!(check("urn:x:hund", "<hund><rasse>Dackel</rasse><alter>3</alter></hund>"), Verdict::Valid);
        let old = "<hund>\n<rasse>Dackel</rasse>\n<alter>dreißig</alter>\n</hund>";
        assert_eq!(check("urn:x:hund", old), Verdict::Invalid(vec!["Zeile 3".into()]));
        assert_eq!(check("urn:x:hund", "<katze/>"), Verdict::Invalid(vec!["Zeile 1".into()]));
        assert_eq!(check("urn:x:katze", "<katze/>"), Verdict::NotInstalled);
        let declared = "<!DOCTYPE hund><hund><rasse>Dackel</rasse><alter>3</alter></hund>";
        assert_eq!(check("urn:x:hund", declared), whole(), "nothing is expanded to judge it");
        let deep = format!("{}{}", "<hund>".repeat(10_000), "</hund>".repeat(10_000));
        assert_eq!(check("urn:x:hund", &deep), whole());
    }

    #[test]
    fn xml_in_the_encodings_that_are_still_met_is_judged_and_in_others_breaks_its_schema() {
        let schemas = DataSchemas::default().with_xml([("urn:x:hund".to_owned(), xml_schema())]);
        let check = |data: &[u8]| schemas.check("urn:x:hund", DataFormat::Xml, data);
        let hund = |encoding: &str, age: &str| {
            format!(
                "<?xml version='1.0' encoding='{encoding}'?><hund><rasse>M\u{f6}ps</rasse><alter>{age}</alter></hund>"
            )
        };
        let latin = |text: &str| text.chars().map(|c| u8::try_from(c).expect("Latin-1")).collect::<Vec<_>>();
        assert_eq!(check(&latin(&hund("ISO-8859-1", "3"))), Verdict::Valid);
        assert_eq!(check(&latin(&hund("ISO-8859-1", "alt"))), Verdict::Invalid(vec!["Zeile 1".into()]));
        assert_eq!(check(&latin(&hund("ISO-8859-7", "3"))), whole());
        let wide = format!("\u{feff}{}", hund("UTF-16", "3"));
        assert_eq!(check(&wide.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()), Verdict::Valid);
        assert_eq!(check(&wide.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>()), Verdict::Valid);
    }

    #[test]
    fn a_reference_to_elsewhere_is_never_followed() {
        let remote = br#"{"$id":"urn:x:y","$ref":"https://example.org/schema.json"}"#;
        assert_eq!(DataSchemas::new([&remote[..]]).err(), Some(SchemaRefused::Unusable("urn:x:y".into())));
    }
}
