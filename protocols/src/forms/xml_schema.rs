//! XML schemas (XSD 1.0) that an operator has installed for form data.
//!
//! The schema is read elsewhere, with all that it includes: nothing here opens a file. What it does not see: an attribute
//! that nobody declared on an element of simple type (found beside another validator; it errs on the side of the sender).

use std::{borrow::Cow, fmt};

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
    /// The lines of data that break the schema, without what stands there. Nothing for what cannot be judged here: rare
    /// encodings, document type declarations, nesting beyond what any form has.
    pub(super) fn check(&self, data: &[u8]) -> Option<Vec<String>> {
        let text = text(data)?;
        let deepest = u32::try_from(DEEPEST).unwrap_or(u32::MAX);
        let document = Parser::new()
            .with_forbid_dtd(true)
            .with_max_depth(deepest)
            .parse(text.trim_start_matches('\u{feff}'))
            .ok()?;
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

/// The text of a document in UTF-8, in UTF-16 with its mark, or in the Latin-1 that it declares.
fn text(data: &[u8]) -> Option<Cow<'_, str>> {
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units: Option<Vec<u16>> = data.chunks(2).map(|pair| pair.try_into().ok().map(unit)).collect();
        String::from_utf16(&units?).ok().map(Cow::Owned)
    };
    match (std::str::from_utf8(data), data) {
        (Ok(text), _) => Some(Cow::Borrowed(text)),
        (_, [0xff, 0xfe, ..]) => wide(u16::from_le_bytes),
        (_, [0xfe, 0xff, ..]) => wide(u16::from_be_bytes),
        _ => declares_latin_1(data).then(|| data.iter().copied().map(char::from).collect()),
    }
}

fn declares_latin_1(data: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&data[..data.len().min(200)]).to_ascii_lowercase();
    let declaration = start.strip_prefix("<?xml").and_then(|rest| rest.split("?>").next()).unwrap_or_default();
    declaration.contains("iso-8859-1\"") || declaration.contains("iso-8859-1'")
}
