//! Base64url without padding (RFC 7515 section 2), in its one canonical spelling.
//!
//! Padding, line breaks and stray bits in the last character are refused: two texts never mean the same bytes.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// A text that is not canonical base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not canonical base64url without padding")]
pub struct NotBase64url;

/// The text of these bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the text of these bytes.
pub fn encode_into(bytes: &[u8], text: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// The bytes of this text.
///
/// # Errors
/// Refuses anything that [`encode`] would not have written.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, NotBase64url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotBase64url)
}

/// Appends the bytes of this text; on an error `bytes` may hold some of them.
///
/// # Errors
/// As [`decode`].
pub fn decode_into(text: &[u8], bytes: &mut Vec<u8>) -> Result<(), NotBase64url> {
    URL_SAFE_NO_PAD.decode_vec(text, bytes).map_err(|_| NotBase64url)
}

/// The bytes of this text, if they are exactly `N`.
///
/// # Errors
/// As [`decode`], and for any other length.
pub fn decode_exact<const N: usize>(text: &[u8]) -> Result<[u8; N], NotBase64url> {
    decode(text)?.try_into().map_err(|_| NotBase64url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_spelling() {
        assert_eq!(decode(b"AQAB"), Ok(vec![1, 0, 1]));
        for wrong in ["AQA=", "AQ==", "AR", "A", "AQ\n", "A+A/", " AQAB"] {
            assert_eq!(decode(wrong.as_bytes()), Err(NotBase64url), "{wrong}");
        }
    }
}
