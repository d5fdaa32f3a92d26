//! Bytes as lower-case hexadecimal digits, the one way in which ids, hashes and keys are written as text here.

/// The digits of these bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    // Of its full size from the start: the digits of a secret are not left behind in a smaller one.
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        for half in [byte >> 4, byte & 0xf] {
            text.extend(char::from_digit(half.into(), 16));
        }
    }
    text
}

/// The bytes behind these digits; nothing unless they are complete and lower-case.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for pair in text.as_bytes().chunks_exact(2) {
        bytes.push(digit(pair[0])? << 4 | digit(pair[1])?);
    }
    Some(bytes)
}

/// The bytes of an array behind these digits; nothing unless there are exactly as many.
#[must_use]
pub fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() == 2 * N { decode(text)?.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_read_as_it_was_written() {
        let all: Vec<u8> = (0..=255).collect();
        let text = encode(&all);
        assert!(text.starts_with("000102") && text.ends_with("fdfeff"));
        assert_eq!(decode(&text), Some(all));
        assert_eq!(decode(""), Some(Vec::new()));
    }

    #[test]
    fn what_is_not_exactly_lower_case_digits_is_refused() {
        for wrong in ["0", "0G", "AB", "+1", " 1", "ä"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
        assert_eq!(decode_array("00ff"), Some([0, 255]));
        assert_eq!(decode_array::<2>("00ff00"), None);
        assert_eq!(decode_array::<2>("00"), None);
    }
}
