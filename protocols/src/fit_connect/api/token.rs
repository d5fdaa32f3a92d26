//! The token endpoint (OAuth 2.0 client credentials in the form body; HTTP Basic is refused there).

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// Life of a token whose answer names none (seconds); the dossier has seen 1800.
const UNNAMED_LIFE: u64 = 300;

/// An access token; never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccessToken(String);

impl AccessToken {
    /// A token with this text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for an `Authorization` header.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("AccessToken(..)")
    }
}

impl Drop for AccessToken {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// `200` of the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenResponse {
    /// The token.
    pub access_token: AccessToken,
    /// Always `Bearer`.
    #[serde(default = "bearer")]
    pub token_type: String,
    /// How long it lives, in seconds.
    #[serde(default = "unnamed_life")]
    pub expires_in: u64,
    /// What it is good for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

fn bearer() -> String {
    "Bearer".to_owned()
}

const fn unnamed_life() -> u64 {
    UNNAMED_LIFE
}

/// Any other answer of the token endpoint (RFC 6749 section 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenError {
    /// For example `invalid_client`.
    pub error: String,
    /// A few words on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_and_never_printed() {
        let json = r#"{"access_token":"geheim","token_type":"Bearer","expires_in":1800,"scope":"x"}"#;
        let read: TokenResponse = serde_json::from_str(json).expect("a token");
        assert_eq!((read.access_token.secret(), read.expires_in), ("geheim", 1800));
        assert!(!format!("{read:?}").contains("geheim"));
    }
}
