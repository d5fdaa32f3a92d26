//! Signed text: compact JWS (RFC 7515) with exactly `PS512`.
//!
//! Reading takes a text apart and says which key it names; only [`Jws::verify`] makes its payload trustworthy, and it
//! is the only way to it.

use serde_json::{Map, Value};

use super::{
    base64url,
    header::{LONGEST, Members},
    kid::Kid,
    rsa::{RsaFailed, SignPs512, VerifyPs512},
};

/// Why a JWS is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsRefused {
    /// Not three segments.
    #[error("not three segments")]
    Segments,
    /// Longer than allowed.
    #[error("longer than allowed")]
    TooLong,
    /// The header is not canonical base64url of a JSON object with unique members.
    #[error("the header is not base64url of a JSON object with unique members")]
    Header,
    /// `alg` is not `PS512`.
    #[error("alg is not PS512")]
    Algorithm,
    /// `typ` is not the expected one.
    #[error("typ is not the expected one")]
    Type,
    /// `crit` demands an extension; we know none.
    #[error("crit demands an unknown extension")]
    Critical,
    /// The header brings or points to a key.
    #[error("the header carries a key of its own ({0})")]
    EmbeddedKey(&'static str),
    /// No usable `kid`.
    #[error("kid is absent or not 8 to 64 visible characters")]
    Kid,
    /// Payload or signature are not canonical base64url.
    #[error("payload or signature is not base64url")]
    Malformed,
    /// The signature was not made by this key over these bytes.
    #[error("the signature does not verify")]
    Signature,
}

/// A signed text, taken apart, not verified.
#[derive(Debug, Clone)]
pub struct Jws<'a> {
    /// The key that is said to have signed.
    pub kid: Kid,
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a text apart whose `typ` must be this one (compared without case, as RFC 7515 says).
    ///
    /// # Errors
    /// Names the first rule that it breaks.
    pub fn parse(text: &'a str, typ: &str, longest: usize) -> Result<Self, JwsRefused> {
        if text.len() > longest {
            return Err(JwsRefused::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwsRefused::Segments)?;
        let (protected, payload) = signed.split_once('.').ok_or(JwsRefused::Segments)?;
        if payload.contains('.') {
            return Err(JwsRefused::Segments);
        }
        if protected.len() > LONGEST {
            return Err(JwsRefused::TooLong);
        }
        let json = base64url::decode(protected.as_bytes()).map_err(|_| JwsRefused::Header)?;
        let members = Members::parse(&json).ok_or(JwsRefused::Header)?;
        if members.doubled() {
            return Err(JwsRefused::Header);
        }
        if members.text("alg") != Some("PS512") {
            return Err(JwsRefused::Algorithm);
        }
        if !members.text("typ").is_some_and(|found| found.eq_ignore_ascii_case(typ)) {
            return Err(JwsRefused::Type);
        }
        if members.get("crit").is_some() {
            return Err(JwsRefused::Critical);
        }
        if let Some(member) = members.embedded_key() {
            return Err(JwsRefused::EmbeddedKey(member));
        }
        Ok(Self {
            kid: members.text("kid").unwrap_or_default().parse().map_err(|_| JwsRefused::Kid)?,
            signed,
            payload: base64url::decode(payload.as_bytes()).map_err(|_| JwsRefused::Malformed)?,
            signature: base64url::decode(signature.as_bytes()).map_err(|_| JwsRefused::Malformed)?,
        })
    }

    /// The payload, if this key signed it.
    ///
    /// # Errors
    /// [`JwsRefused::Signature`] if not.
    pub fn verify(&self, key: &dyn VerifyPs512) -> Result<&[u8], JwsRefused> {
        match key.verify(self.signed.as_bytes(), &self.signature) {
            Ok(()) => Ok(&self.payload),
            Err(RsaFailed) => Err(JwsRefused::Signature),
        }
    }

    /// The payload as somebody claims it: good for choosing a key, not for believing.
    #[must_use]
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }
}

/// Signs a payload.
///
/// # Errors
/// Only when the library fails.
pub fn sign(payload: &[u8], typ: &str, key: &dyn SignPs512) -> Result<String, RsaFailed> {
    let mut members = Map::new();
    members.insert("alg".to_owned(), Value::from("PS512"));
    members.insert("typ".to_owned(), Value::from(typ));
    members.insert("kid".to_owned(), Value::from(key.kid().as_str()));
    let mut text = base64url::encode(Value::Object(members).to_string().as_bytes());
    text.push('.');
    base64url::encode_into(payload, &mut text);
    let signature = key.sign(text.as_bytes())?;
    text.push('.');
    base64url::encode_into(&signature, &mut text);
    Ok(text)
}
