//! Any JSON document as a form tree: members in their order, numbers digit for digit, elements of a list by their index.
//!
//! Where a member is written twice, both are shown and a path finds the last, as a schema check does.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_bytes::ByteBuf;
use serde_json::value::RawValue;

use super::{DEEPEST, FormRefused, LONGEST, MOST_ITEMS};
use crate::application::{FormItem, FormValue};

/// Reads a JSON document (RFC 8259).
///
/// # Errors
/// [`FormRefused`] when it is no JSON or breaks a bound.
pub fn parse(bytes: &[u8]) -> Result<Vec<FormItem>, FormRefused> {
    if bytes.len() > LONGEST {
        return Err(FormRefused::TooLong);
    }
    if nesting(bytes) > DEEPEST {
        return Err(FormRefused::TooDeep);
    }
    let document: &RawValue = serde_json::from_slice(without_mark(bytes)).map_err(|_| FormRefused::NotJson)?;
    match (Import { left: MOST_ITEMS }).value(document)? {
        FormValue::Group(items) => Ok(items),
        value => Ok(vec![FormItem { name: String::new(), label: None, value }]),
    }
}

/// The deepest nesting of JSON that is still called well-formed, though no tree follows it so far.
const DEEPEST_SYNTAX: usize = 128;

/// Whether bytes are JSON by its grammar. What a number or an escape stands for is not asked: no number is too large, and half
/// a surrogate pair is an escape.
#[must_use]
pub fn is_well_formed(bytes: &[u8]) -> bool {
    nesting(bytes) < DEEPEST_SYNTAX && serde_json::from_slice::<&RawValue>(without_mark(bytes)).is_ok()
}

/// The document without the mark that some editors put before it (RFC 8259, section 8.1).
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// How deep brackets are nested, outside strings. Right for JSON; for anything else the parser has the last word.
fn nesting(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// An import under way. Values stay raw text until they are leaves: that keeps the digits of numbers.
struct Import {
    left: usize,
}

impl Import {
    fn value(&mut self, raw: &RawValue) -> Result<FormValue, FormRefused> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let Members(members) = read(text)?;
                let items = members.into_iter().map(|(name, value)| self.item(name, None, value));
                group(items.collect::<Result<_, _>>()?)
            }
            Some(b'[') => {
                let elements: Vec<&RawValue> = read(text)?;
                let items = elements.into_iter().enumerate();
                let items = items.map(|(at, value)| self.item(at.to_string(), Some((at + 1).to_string()), value));
                group(items.collect::<Result<_, _>>()?)
            }
            Some(b'"') => FormValue::Text(read::<Words>(text)?.0),
            Some(b't') => FormValue::Flag(true),
            Some(b'f') => FormValue::Flag(false),
            Some(b'n') | None => FormValue::Empty,
            Some(_) => FormValue::Number(text.to_owned()),
        })
    }

    fn item(&mut self, name: String, label: Option<String>, value: &RawValue) -> Result<FormItem, FormRefused> {
        self.left = self.left.checked_sub(1).ok_or(FormRefused::TooMany)?;
        Ok(FormItem { name, label, value: self.value(value)? })
    }
}

fn group(items: Vec<FormItem>) -> FormValue {
    if items.is_empty() { FormValue::Empty } else { FormValue::Group(items) }
}

fn read<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, FormRefused> {
    serde_json::from_str(text).map_err(|_| FormRefused::NotJson)
}

/// A text. Half a surrogate pair in it is no character, and is shown as the sign for that.
#[derive(Deserialize)]
#[serde(from = "ByteBuf")]
struct Words(String);

impl From<ByteBuf> for Words {
    fn from(bytes: ByteBuf) -> Self {
        let bytes = String::from_utf8(bytes.into_vec());
        Self(bytes.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

/// The members of an object in their order, repeated ones too.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Words(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(name: &str, value: FormValue) -> FormItem {
        FormItem { name: name.into(), label: None, value }
    }

    #[test]
    fn numbers_keep_their_digits_and_members_their_order() {
        let items = parse(br#"{"z":12345678901234567890.10,"a":"\u00e4","n":null,"ja":true}"#).expect("JSON");
        let expected = [
            leaf("z", FormValue::Number("12345678901234567890.10".into())),
            leaf("a", FormValue::Text("ä".into())),
            leaf("n", FormValue::Empty),
            leaf("ja", FormValue::Flag(true)),
        ];
        assert_eq!(items, expected);
    }

    #[test]
    fn elements_of_a_list_are_called_by_their_index_and_counted_from_one() {
        let items = parse(br#"{"hunde":["Rex"]}"#).expect("JSON");
        let FormValue::Group(dogs) = &items[0].value else { panic!("a group") };
        assert_eq!((dogs[0].name.as_str(), dogs[0].heading()), ("0", "1"));
    }

    #[test]
    fn a_document_of_ten_thousand_levels_is_refused() {
        let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
        assert_eq!(parse(&deep), Err(FormRefused::TooDeep));
        assert_eq!(parse(&b"{\"a\":".repeat(10_000)), Err(FormRefused::TooDeep));
    }

    #[test]
    fn brackets_in_a_text_are_no_levels() {
        let text = format!("{{\"a\":\"{}\\\"[[[\"}}", "[".repeat(200));
        assert!(parse(text.as_bytes()).is_ok());
    }

    #[test]
    fn more_values_than_anybody_reads_are_refused() {
        let many = format!("[{}0]", "0,".repeat(MOST_ITEMS));
        assert_eq!(parse(many.as_bytes()), Err(FormRefused::TooMany));
    }

    #[test]
    fn numbers_beyond_any_type_and_halves_of_surrogate_pairs_are_values_like_any_other() {
        let items = parse(br#"{"a\ud83d":1e400,"b":"x\ud800y","c":"\ud83d\ude00"}"#).expect("JSON");
        let sign = "\u{fffd}";
        assert_eq!(items[0].value, FormValue::Number("1e400".into()));
        assert!(items[0].name.starts_with("a\u{fffd}"), "{}", items[0].name);
        let FormValue::Text(text) = &items[1].value else { panic!("a text") };
        assert!(text.starts_with('x') && text.contains(sign) && text.ends_with('y'), "{text}");
        assert_eq!(items[2].value, FormValue::Text("😀".into()));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for wrong in ["", "{", "{\"a\":1}}", "{'a':1}", "nul", "01"] {
            assert_eq!(parse(wrong.as_bytes()), Err(FormRefused::NotJson), "{wrong}");
        }
    }
}
