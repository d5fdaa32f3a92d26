//! XML schemas (XSD 1.0) that an operator has installed for form data.
//!
//! The schema is read elsewhere, with all that it includes: nothing here opens a file. What it does not see: an attribute
//! that nobody declared on an element of simple type (found beside another validator; it errs on the side of the sender).

use std::fmt;

use uppsala::{Parser, XsdValidator};

use super::DEEPEST;

/// Most places that a verdict names.
const MOST_PLACES: usize = 20;

/// One schema.
pub struct XmlSchema(XsdValidator);

impl fmt::Debug for XmlSchema {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("XmlSchema")
    }
}

impl From<XsdValidator> for XmlSchema {
    fn from(validator: XsdValidator) -> Self {
        Self(validator)
    }
}

impl XmlSchema {
    /// The lines of data that break the schema, without what stands there. Nothing for what cannot be judged here: other
    /// encodings than UTF-8, document type declarations, nesting beyond what any form has.
    pub(super) fn check(&self, data: &[u8]) -> Option<Vec<String>> {
        let text = std::str::from_utf8(data).ok()?.trim_start_matches('\u{feff}');
        let deepest = u32::try_from(DEEPEST).unwrap_or(u32::MAX);
        let document = Parser::new().with_forbid_dtd(true).with_max_depth(deepest).parse(text).ok()?;
        let mut places: Vec<String> = Vec::new();
        for error in self.0.validate(&document) {
            let place = error.line.map_or_else(|| "Dokument".to_owned(), |line| format!("Zeile {line}"));
            if !places.contains(&place) {
                places.push(place);
            }
            if places.len() == MOST_PLACES {
                break;
            }
        }
        Some(places)
    }
}
