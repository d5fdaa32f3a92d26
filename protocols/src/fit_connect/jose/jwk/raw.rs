//! The members of a JWK as they stand in JSON, each with the rule that reads it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{EXPONENT, JwkRefused, check_size};
use crate::fit_connect::jose::{base64url, kid::Kid};

/// A text that is wiped when dropped.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Secret(#[serde(serialize_with = "secret_text")] pub(super) Zeroizing<String>);

fn secret_text<S: serde::Serializer>(text: &Zeroizing<String>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text)
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Zeroizing::new(text)))
    }
}

/// The members as they stand in JSON.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Raw {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kty: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_ops: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) x5c: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) d: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) q: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dp: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dq: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) qi: Option<Secret>,
}

impl Raw {
    pub(super) fn public(alg: &str, operation: &str, kid: &Kid, modulus: &[u8], certificates: &[Vec<u8>]) -> Self {
        let chain: Vec<String> = certificates.iter().map(|der| STANDARD.encode(der)).collect();
        Self {
            kty: Some("RSA".to_owned()),
            key_ops: Some(vec![operation.to_owned()]),
            alg: Some(alg.to_owned()),
            x5c: if chain.is_empty() { None } else { Some(chain) },
            kid: Some(kid.as_str().to_owned()),
            n: Some(base64url::encode(modulus)),
            e: Some(base64url::encode(&EXPONENT)),
            ..Self::default()
        }
    }

    pub(super) fn into_value(self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    pub(super) fn algorithm_and_operation(&self) -> Result<(&str, &str), JwkRefused> {
        if self.kty.as_deref() != Some("RSA") {
            return Err(JwkRefused::KeyType);
        }
        let alg = self.alg.as_deref().unwrap_or_default();
        if !matches!(alg, "RSA-OAEP-256" | "PS512") {
            return Err(JwkRefused::Algorithm);
        }
        match self.key_ops.as_deref() {
            Some([operation]) => Ok((alg, operation)),
            _ => Err(JwkRefused::Operations),
        }
    }

    pub(super) fn kid(&self) -> Result<Kid, JwkRefused> {
        self.kid.as_deref().unwrap_or_default().parse().map_err(|_| JwkRefused::Kid)
    }

    pub(super) fn modulus(&self) -> Result<Vec<u8>, JwkRefused> {
        let text = self.n.as_deref().ok_or(JwkRefused::Modulus)?;
        let modulus = base64url::decode(text.as_bytes()).map_err(|_| JwkRefused::Modulus)?;
        check_size(&modulus)?;
        if self.e.as_deref() == Some("AQAB") { Ok(modulus) } else { Err(JwkRefused::Exponent) }
    }

    pub(super) fn certificates(&self) -> Result<Vec<Vec<u8>>, JwkRefused> {
        let chain = self.x5c.as_deref().unwrap_or_default();
        chain.iter().map(|text| STANDARD.decode(text).map_err(|_| JwkRefused::Certificates)).collect()
    }
}
