//! JSON as a schema check can hold it, of documents that no value can: a number beyond the largest is one of `1e308`
//! instead, and half a surrogate pair is the sign for what is no character.
//!
//! Types and bounds are judged rightly so. Whether such a number is the multiple of another, or the same as a second one,
//! is judged by what stands for it.

/// Stands for any number beyond it. Not the largest of all: reading is not exact to the last digit.
const LARGEST: (&[u8], f64) = (b"1e308", 1e308);
/// U+FFFD.
const SIGN: &[u8] = br"\ufffd";

/// The document with something in place of what no value holds. It must be well-formed.
pub(super) fn judgeable(json: &[u8]) -> Vec<u8> {
    let (mut written, mut rest, mut quoted) = (Vec::with_capacity(json.len()), json, false);
    while let Some(first) = rest.first() {
        let (length, stands_for_it) = match first {
            b'\\' if quoted => escape(rest),
            b'-' | b'0'..=b'9' if !quoted => number(rest),
            b'"' => {
                quoted = !quoted;
                (1, None)
            }
            _ => (1, None),
        };
        let (token, more) = rest.split_at(length.min(rest.len()));
        written.extend_from_slice(stands_for_it.unwrap_or(token));
        rest = more;
    }
    written
}

/// The length of an escape, and what stands for it.
fn escape(json: &[u8]) -> (usize, Option<&'static [u8]>) {
    match (unit(json), json.get(6..).and_then(unit)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, None),
        (Some(0xd800..=0xdfff), _) => (6, Some(SIGN)),
        (Some(_), _) => (6, None),
        (None, _) => (2, None),
    }
}

/// The UTF-16 code unit that is escaped here.
fn unit(json: &[u8]) -> Option<u16> {
    let digits = json.strip_prefix(br"\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The length of a number or of its sign, and what stands for it.
fn number(json: &[u8]) -> (usize, Option<&'static [u8]>) {
    if json.starts_with(b"-") {
        return (1, None);
    }
    let length = json.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).count();
    let value =
        json.get(..length).and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|text| text.parse().ok());
    let (stands, largest) = LARGEST;
    (length, value.is_some_and(|value: f64| value > largest).then_some(stands))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_value_holds_is_replaced() {
        for (given, expected) in [
            (r#"{"a":[1e400,-1e400,1e-400,12.50,0e999]}"#, r#"{"a":[1e308,-1e308,1e-400,12.50,0e999]}"#),
            (r#"["1e400","\"1e400",1e400]"#, r#"["1e400","\"1e400",1e308]"#),
            (
                r#"["\\ud800","\\\ud800","\ud83d\ude00","\ude00\ud83d"]"#,
                r#"["\\ud800","\\\ufffd","\ud83d\ude00","\ufffd\ufffd"]"#,
            ),
            (r#"["\ud800\n","\u00e4ä"]"#, r#"["\ufffd\n","\u00e4ä"]"#),
        ] {
            assert_eq!(String::from_utf8(judgeable(given.as_bytes())).expect("a text"), expected, "{given}");
            assert!(serde_json::from_str::<serde_json::Value>(expected).is_ok(), "{expected}");
        }
        let long = format!("[{}]", "9".repeat(5_000));
        assert_eq!(judgeable(long.as_bytes()), b"[1e308]");
    }
}
