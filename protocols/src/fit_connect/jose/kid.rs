//! The name of a key (`kid`) and its fingerprint (RFC 7638), either of which a sender may put into a header.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::base64url;

/// A key's name: 8 to 64 visible ASCII characters (OpenAPI 1.1.3, `JWK.kid`; the path parameter's 36 is not enforced).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Kid(String);

/// A text that no key can have as its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key id has 8 to 64 visible characters")]
pub struct InvalidKid;

impl Kid {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Kid {
    type Err = InvalidKid;

    fn from_str(text: &str) -> Result<Self, InvalidKid> {
        let fits = (8..=64).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidKid) }
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Kid({})", self.0)
    }
}

impl<'de> Deserialize<'de> for Kid {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// The fingerprint of a public RSA key (RFC 7638, SHA-256), base64url. Some senders write it where the `kid` belongs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Thumbprint(String);

impl Thumbprint {
    /// The fingerprint of the key with this modulus and exponent (big-endian, without leading zeros).
    #[must_use]
    pub fn of(modulus: &[u8], exponent: &[u8]) -> Self {
        let canonical =
            format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, base64url::encode(exponent), base64url::encode(modulus));
        Self(base64url::encode(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref()))
    }

    /// The fingerprint as text (43 characters).
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kid_has_8_to_64_visible_characters() {
        assert!("12345678".parse::<Kid>().is_ok());
        assert!("x".repeat(64).parse::<Kid>().is_ok());
        for wrong in ["", "1234567", "with space", "zeilen\numbruch", "schlüssel-1", &"x".repeat(65)] {
            assert_eq!(wrong.parse::<Kid>(), Err(InvalidKid), "{wrong:?}");
        }
    }

    #[test]
    fn the_thumbprint_of_rfc_7638_is_found() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let modulus = base64url::decode(n.as_bytes()).expect("base64url");
        assert_eq!(Thumbprint::of(&modulus, &[1, 0, 1]).as_str(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
