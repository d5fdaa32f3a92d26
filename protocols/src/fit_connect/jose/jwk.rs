//! JSON Web Keys under the rules of FIT-Connect (OpenAPI 1.1.3 `JWK`, metadata 2.x `encryptionPublicKey`).
//!
//! RSA of 4096 to 8192 bits, `e` = `AQAB`, exactly one operation that fits the algorithm, a `kid`. A published key
//! carries its certificate chain (`x5c`), a reply key in metadata does not. Whether the chain is trusted is not judged
//! here. Private numbers are wiped when dropped and never printed.

mod raw;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use self::raw::{Raw, Secret};
use super::{
    base64url,
    kid::{Kid, Thumbprint},
};

/// The only public exponent that FIT-Connect allows (65537).
pub(super) const EXPONENT: [u8; 3] = [1, 0, 1];
const BITS: std::ops::RangeInclusive<usize> = 4096..=8192;

/// What a public key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicUse {
    /// Wrapping content keys: `RSA-OAEP-256`, `wrapKey`.
    WrapKey,
    /// Checking signatures: `PS512`, `verify`.
    Verify,
}

/// What a private key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivateUse {
    /// Unwrapping content keys: `RSA-OAEP-256`, `unwrapKey`.
    UnwrapKey,
    /// Signing: `PS512`, `sign`.
    Sign,
}

impl PublicUse {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::WrapKey => ("RSA-OAEP-256", "wrapKey"),
            Self::Verify => ("PS512", "verify"),
        }
    }
}

impl PrivateUse {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::UnwrapKey => ("RSA-OAEP-256", "unwrapKey"),
            Self::Sign => ("PS512", "sign"),
        }
    }

    /// What the public half of such a key is for.
    #[must_use]
    pub const fn public(self) -> PublicUse {
        match self {
            Self::UnwrapKey => PublicUse::WrapKey,
            Self::Sign => PublicUse::Verify,
        }
    }
}

/// Whether a key has to bring its certificate chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// As published at a destination or by the delivery service.
    Required,
    /// As in the reply channel of metadata.
    Optional,
}

/// Why a JWK is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwkRefused {
    /// Not a JSON object of the right shape.
    #[error("the key is not a JSON Web Key object")]
    NotAnObject,
    /// `kty` is not `RSA`.
    #[error("the key type is not RSA")]
    KeyType,
    /// `alg` is neither `RSA-OAEP-256` nor `PS512`.
    #[error("the algorithm is neither RSA-OAEP-256 nor PS512")]
    Algorithm,
    /// `key_ops` does not hold exactly the one operation of `alg`.
    #[error("key_ops must hold exactly one operation, the one of the algorithm")]
    Operations,
    /// No usable `kid`.
    #[error("the kid is absent or not 8 to 64 visible characters")]
    Kid,
    /// `n` is not a canonical number.
    #[error("the modulus is not a number in canonical base64url")]
    Modulus,
    /// `n` is too small or too large.
    #[error("the modulus has {bits} bits, allowed are 4096 to 8192")]
    Size {
        /// Its size.
        bits: usize,
    },
    /// `e` is not `AQAB`.
    #[error("the exponent is not AQAB")]
    Exponent,
    /// `x5c` is absent, empty or not base64.
    #[error("the certificate chain is absent or not base64")]
    Certificates,
    /// A private number is absent or malformed.
    #[error("the private member {0} is absent or malformed")]
    Private(&'static str),
    /// A private key where a public one belongs.
    #[error("the key holds private members")]
    NotPublic,
    /// The numbers do not make a key.
    #[error("the numbers do not form a usable RSA key")]
    Unusable,
}

impl JwkRefused {
    /// A short name for metrics and logs.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotAnObject => "not-an-object",
            Self::KeyType => "key-type",
            Self::Algorithm => "algorithm",
            Self::Operations => "operations",
            Self::Kid => "kid",
            Self::Modulus => "modulus",
            Self::Size { .. } => "size",
            Self::Exponent => "exponent",
            Self::Certificates => "certificates",
            Self::Private(_) => "private",
            Self::NotPublic => "not-public",
            Self::Unusable => "unusable",
        }
    }
}

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicJwk {
    /// What it is for.
    pub purpose: PublicUse,
    /// Its name.
    pub kid: Kid,
    modulus: Vec<u8>,
    certificates: Vec<Vec<u8>>,
}

/// A private key, with the certificate chain of its public half if it came with one.
#[derive(Clone)]
pub struct PrivateJwk {
    /// What it is for.
    pub purpose: PrivateUse,
    /// Its name.
    pub kid: Kid,
    pub(super) numbers: PrivateNumbers,
    certificates: Vec<Vec<u8>>,
}

/// The numbers of an RSA key, big-endian without leading zeros.
#[derive(Clone)]
pub(super) struct PrivateNumbers {
    pub(super) n: Vec<u8>,
    pub(super) d: Zeroizing<Vec<u8>>,
    pub(super) p: Zeroizing<Vec<u8>>,
    pub(super) q: Zeroizing<Vec<u8>>,
    pub(super) dp: Zeroizing<Vec<u8>>,
    pub(super) dq: Zeroizing<Vec<u8>>,
    pub(super) qi: Zeroizing<Vec<u8>>,
}

impl PublicJwk {
    /// The key with this modulus (big-endian, no leading zeros) and certificate chain (DER, leaf first).
    ///
    /// # Errors
    /// Refuses sizes outside of 4096 to 8192 bits.
    pub fn new(purpose: PublicUse, kid: Kid, modulus: Vec<u8>, certificates: Vec<Vec<u8>>) -> Result<Self, JwkRefused> {
        check_size(&modulus)?;
        Ok(Self { purpose, kid, modulus, certificates })
    }

    /// Reads a key from JSON text.
    ///
    /// # Errors
    /// Names the first rule that the key breaks.
    pub fn parse(json: &[u8], chain: Chain) -> Result<Self, JwkRefused> {
        Self::from_raw(&serde_json::from_slice(json).map_err(|_| JwkRefused::NotAnObject)?, chain)
    }

    /// Reads a key from a JSON value.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_value(value: &Value, chain: Chain) -> Result<Self, JwkRefused> {
        Self::from_raw(&Raw::deserialize(value).map_err(|_| JwkRefused::NotAnObject)?, chain)
    }

    fn from_raw(raw: &Raw, chain: Chain) -> Result<Self, JwkRefused> {
        let secrets = [&raw.d, &raw.p, &raw.q, &raw.dp, &raw.dq, &raw.qi];
        if secrets.iter().any(|secret| secret.is_some()) {
            return Err(JwkRefused::NotPublic);
        }
        let purpose = match raw.algorithm_and_operation()? {
            ("RSA-OAEP-256", "wrapKey") => PublicUse::WrapKey,
            ("PS512", "verify") => PublicUse::Verify,
            _ => return Err(JwkRefused::Operations),
        };
        let certificates = raw.certificates()?;
        if chain == Chain::Required && certificates.is_empty() {
            return Err(JwkRefused::Certificates);
        }
        Ok(Self { purpose, kid: raw.kid()?, modulus: raw.modulus()?, certificates })
    }

    /// The modulus, big-endian without leading zeros.
    #[must_use]
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// The certificate chain as DER, leaf first; empty where none was given.
    #[must_use]
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    /// The key's fingerprint.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        Thumbprint::of(&self.modulus, &EXPONENT)
    }

    /// The key as a JSON value with exactly the members that FIT-Connect knows.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let (alg, operation) = self.purpose.names();
        Raw::public(alg, operation, &self.kid, &self.modulus, &self.certificates).into_value()
    }
}

impl PrivateJwk {
    pub(super) fn new(purpose: PrivateUse, kid: Kid, numbers: PrivateNumbers, certificates: Vec<Vec<u8>>) -> Self {
        Self { purpose, kid, numbers, certificates }
    }

    /// Reads a private key from JSON text. All of `d`, `p`, `q`, `dp`, `dq`, `qi` are required.
    ///
    /// # Errors
    /// Names the first rule that the key breaks.
    pub fn parse(json: &[u8]) -> Result<Self, JwkRefused> {
        let raw: Raw = serde_json::from_slice(json).map_err(|_| JwkRefused::NotAnObject)?;
        let purpose = match raw.algorithm_and_operation()? {
            ("RSA-OAEP-256", "unwrapKey") => PrivateUse::UnwrapKey,
            ("PS512", "sign") => PrivateUse::Sign,
            _ => return Err(JwkRefused::Operations),
        };
        let secret = |text: &Option<Secret>, name| {
            let text = text.as_ref().ok_or(JwkRefused::Private(name))?;
            let number = base64url::decode(text.0.as_bytes()).map_err(|_| JwkRefused::Private(name))?;
            if number.is_empty() { Err(JwkRefused::Private(name)) } else { Ok(Zeroizing::new(number)) }
        };
        let numbers = PrivateNumbers {
            n: raw.modulus()?,
            d: secret(&raw.d, "d")?,
            p: secret(&raw.p, "p")?,
            q: secret(&raw.q, "q")?,
            dp: secret(&raw.dp, "dp")?,
            dq: secret(&raw.dq, "dq")?,
            qi: secret(&raw.qi, "qi")?,
        };
        Ok(Self { purpose, kid: raw.kid()?, numbers, certificates: raw.certificates()? })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicJwk {
        PublicJwk {
            purpose: self.purpose.public(),
            kid: self.kid.clone(),
            modulus: self.numbers.n.clone(),
            certificates: self.certificates.clone(),
        }
    }

    /// The key as JSON text, to be kept in a key file. The text is wiped when dropped.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<String> {
        let (alg, operation) = self.purpose.names();
        let secret = |number: &Zeroizing<Vec<u8>>| Some(Secret(Zeroizing::new(base64url::encode(number))));
        let numbers = &self.numbers;
        let raw = Raw {
            d: secret(&numbers.d),
            p: secret(&numbers.p),
            q: secret(&numbers.q),
            dp: secret(&numbers.dp),
            dq: secret(&numbers.dq),
            qi: secret(&numbers.qi),
            ..Raw::public(alg, operation, &self.kid, &numbers.n, &self.certificates)
        };
        Zeroizing::new(serde_json::to_string(&raw).unwrap_or_default())
    }
}

impl Serialize for PublicJwk {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(to)
    }
}

impl fmt::Debug for PublicJwk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PublicJwk").field("purpose", &self.purpose).field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl fmt::Debug for PrivateJwk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PrivateJwk").field("purpose", &self.purpose).field("kid", &self.kid).finish_non_exhaustive()
    }
}

fn check_size(modulus: &[u8]) -> Result<(), JwkRefused> {
    let first = modulus.first().copied().unwrap_or(0);
    if first == 0 {
        return Err(JwkRefused::Modulus);
    }
    let bits = modulus.len() * 8 - first.leading_zeros() as usize;
    if BITS.contains(&bits) { Ok(()) } else { Err(JwkRefused::Size { bits }) }
}
