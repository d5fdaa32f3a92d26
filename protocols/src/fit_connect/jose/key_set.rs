//! Key sets (RFC 7517 section 5), as the delivery service publishes its keys at `/.well-known/jwks.json`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    jwk::{Chain, JwkRefused, PublicJwk},
    kid::Kid,
};

/// Published public keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeySet {
    keys: Vec<PublicJwk>,
    refused: Vec<JwkRefused>,
}

#[derive(Deserialize)]
struct Raw {
    keys: Vec<Value>,
}

impl KeySet {
    /// A set of these keys.
    #[must_use]
    pub fn new(keys: Vec<PublicJwk>) -> Self {
        Self { keys, refused: Vec::new() }
    }

    /// Reads a set. A key that breaks a rule is left out, because it may be for somebody else; [`Self::refused`] says why.
    ///
    /// # Errors
    /// When this is no key set at all.
    pub fn parse(json: &[u8], chain: Chain) -> Result<Self, JwkRefused> {
        let raw: Raw = serde_json::from_slice(json).map_err(|_| JwkRefused::NotAnObject)?;
        let mut set = Self::default();
        for key in &raw.keys {
            match PublicJwk::from_value(key, chain) {
                Ok(key) => set.keys.push(key),
                Err(refused) => set.refused.push(refused),
            }
        }
        Ok(set)
    }

    /// The key of this name.
    #[must_use]
    pub fn find(&self, kid: &Kid) -> Option<&PublicJwk> {
        self.keys.iter().find(|key| key.kid == *kid)
    }

    /// All keys, in the order in which they were published.
    #[must_use]
    pub fn keys(&self) -> &[PublicJwk] {
        &self.keys
    }

    /// Why keys were left out, one for each.
    #[must_use]
    pub fn refused(&self) -> &[JwkRefused] {
        &self.refused
    }

    /// The set as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        json!({"keys": self.keys.iter().map(PublicJwk::to_value).collect::<Vec<_>>()}).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_leaves_out_what_it_cannot_use() {
        let good = include_str!("../../../fixtures/fit_connect/jose/key-signing.public.jwk.json");
        let small = include_str!("../../../fixtures/fit_connect/jose/key-small2048.public.jwk.json");
        let set = format!(r#"{{"keys":[{small},{good},{{"kty":"EC"}}],"more":1}}"#);
        let set = KeySet::parse(set.as_bytes(), Chain::Required).expect("a set");
        assert_eq!(set.keys().len(), 1);
        assert!(set.find(&"3f7a1c9e-51d4-4d0b-8e57-0c9a4c5d7e02".parse().expect("a kid")).is_some());
        assert_eq!(set.refused(), [JwkRefused::Size { bits: 2048 }, JwkRefused::KeyType]);
        let read = KeySet::parse(set.to_json().as_bytes(), Chain::Required);
        assert_eq!(read, Ok(KeySet::new(set.keys().to_vec())));
        assert!(KeySet::parse(b"[]", Chain::Required).is_err());
    }
}
