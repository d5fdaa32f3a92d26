//! The seam to RSA: what a key can do, and aws-lc-rs doing it.
//!
//! The simulation puts a seeded stand-in behind these traits. The seeds of OAEP and PSS are drawn inside of aws-lc-rs:
//! the one exception to "randomness is passed in". A private operation costs about 1.7 ms of one core and never belongs
//! on an asynchronous thread; a key is parsed once and shared.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{
        KeyPair, KeyPairComponents, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
        PrivateDecryptingKey, PublicEncryptingKey, PublicKeyComponents,
    },
    signature::{ParsedPublicKey, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA512},
};
use zeroize::Zeroizing;

use super::{
    jwk::{EXPONENT, JwkRefused, PrivateJwk, PrivateNumbers, PrivateUse, PublicJwk, PublicUse},
    kid::{Kid, Thumbprint},
};

/// The key of one message (CEK): 256 bits, wiped when dropped.
#[derive(Clone)]
pub struct ContentKey(Zeroizing<[u8; 32]>);

impl ContentKey {
    /// The content key of these random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key itself, for whoever implements the seam.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ContentKey(..)")
    }
}

/// An RSA operation failed; by design there is no word on why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the RSA operation failed")]
pub struct RsaFailed;

/// Unwraps content keys (`RSA-OAEP-256`).
pub trait UnwrapKey: Send + Sync {
    /// The key's name.
    fn kid(&self) -> &Kid;
    /// The fingerprint of its public half.
    fn thumbprint(&self) -> &Thumbprint;
    /// The content key in this wrapped one.
    ///
    /// # Errors
    /// When it was not wrapped for this key, or is not 256 bits long.
    fn unwrap_key(&self, wrapped: &[u8]) -> Result<ContentKey, RsaFailed>;
}

/// Wraps content keys (`RSA-OAEP-256`).
pub trait WrapKey: Send + Sync {
    /// The key's name.
    fn kid(&self) -> &Kid;
    /// The content key, wrapped for this key.
    ///
    /// # Errors
    /// Only when the library fails.
    fn wrap_key(&self, key: &ContentKey) -> Result<Vec<u8>, RsaFailed>;
}

/// Signs (`PS512`, salt of 64 bytes).
pub trait SignPs512: Send + Sync {
    /// The key's name.
    fn kid(&self) -> &Kid;
    /// The signature of this message.
    ///
    /// # Errors
    /// Only when the library fails.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, RsaFailed>;
}

/// Checks signatures (`PS512`, salt of 64 bytes).
pub trait VerifyPs512: Send + Sync {
    /// The key's name.
    fn kid(&self) -> &Kid;
    /// Succeeds if this signature over this message was made by the private half.
    ///
    /// # Errors
    /// For every other signature.
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), RsaFailed>;
}

/// A private key that unwraps, ready for use.
pub struct DecryptionKey {
    kid: Kid,
    thumbprint: Thumbprint,
    key: OaepPrivateDecryptingKey,
}

/// A public key that wraps, ready for use.
pub struct EncryptionKey {
    kid: Kid,
    key: OaepPublicEncryptingKey,
}

/// A private key that signs, ready for use.
pub struct SigningKey {
    kid: Kid,
    key: KeyPair,
}

/// A public key that verifies, ready for use.
pub struct VerificationKey {
    kid: Kid,
    key: ParsedPublicKey,
}

impl DecryptionKey {
    /// Makes the key ready.
    ///
    /// # Errors
    /// Refuses a key for another use, and numbers that do not fit together.
    pub fn new(jwk: &PrivateJwk) -> Result<Self, JwkRefused> {
        if jwk.purpose != PrivateUse::UnwrapKey {
            return Err(JwkRefused::Operations);
        }
        let pair = key_pair(&jwk.numbers)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| JwkRefused::Unusable)?;
        let key = PrivateDecryptingKey::from_pkcs8(der.as_ref()).map_err(|_| JwkRefused::Unusable)?;
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| JwkRefused::Unusable)?;
        Ok(Self { kid: jwk.kid.clone(), thumbprint: Thumbprint::of(&jwk.numbers.n, &EXPONENT), key })
    }
}

impl EncryptionKey {
    /// Makes the key ready.
    ///
    /// # Errors
    /// Refuses a key for another use, and numbers that are no key.
    pub fn new(jwk: &PublicJwk) -> Result<Self, JwkRefused> {
        if jwk.purpose != PublicUse::WrapKey {
            return Err(JwkRefused::Operations);
        }
        let numbers = PublicKeyComponents { n: jwk.modulus(), e: &EXPONENT[..] };
        let key: PublicEncryptingKey = numbers.try_into().map_err(|_| JwkRefused::Unusable)?;
        let key = OaepPublicEncryptingKey::new(key).map_err(|_| JwkRefused::Unusable)?;
        Ok(Self { kid: jwk.kid.clone(), key })
    }
}

impl SigningKey {
    /// Makes the key ready.
    ///
    /// # Errors
    /// Refuses a key for another use, and numbers that do not fit together.
    pub fn new(jwk: &PrivateJwk) -> Result<Self, JwkRefused> {
        if jwk.purpose != PrivateUse::Sign {
            return Err(JwkRefused::Operations);
        }
        Ok(Self { kid: jwk.kid.clone(), key: key_pair(&jwk.numbers)? })
    }
}

impl VerificationKey {
    /// Makes the key ready.
    ///
    /// # Errors
    /// Refuses a key for another use, and numbers that are no key.
    pub fn new(jwk: &PublicJwk) -> Result<Self, JwkRefused> {
        if jwk.purpose != PublicUse::Verify {
            return Err(JwkRefused::Operations);
        }
        let numbers = PublicKeyComponents { n: jwk.modulus(), e: &EXPONENT[..] };
        let key = numbers.to_parsed_public_key(&RSA_PSS_2048_8192_SHA512).map_err(|_| JwkRefused::Unusable)?;
        Ok(Self { kid: jwk.kid.clone(), key })
    }
}

pub(super) fn key_pair(numbers: &PrivateNumbers) -> Result<KeyPair, JwkRefused> {
    KeyPair::from_components(&KeyPairComponents {
        public_key: PublicKeyComponents { n: numbers.n.as_slice(), e: &EXPONENT[..] },
        d: numbers.d.as_slice(),
        p: numbers.p.as_slice(),
        q: numbers.q.as_slice(),
        dP: numbers.dp.as_slice(),
        dQ: numbers.dq.as_slice(),
        qInv: numbers.qi.as_slice(),
    })
    .map_err(|_| JwkRefused::Unusable)
}

pub(super) fn sign_with(key: &KeyPair, message: &[u8]) -> Result<Vec<u8>, RsaFailed> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PSS_SHA512, &SystemRandom::new(), message, &mut signature).map_err(|_| RsaFailed)?;
    Ok(signature)
}

impl UnwrapKey for DecryptionKey {
    fn kid(&self) -> &Kid {
        &self.kid
    }

    fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    fn unwrap_key(&self, wrapped: &[u8]) -> Result<ContentKey, RsaFailed> {
        let mut buffer = Zeroizing::new(vec![0; self.key.min_output_size()]);
        let key = self.key.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut buffer, None).map_err(|_| RsaFailed)?;
        let key: &[u8; 32] = (&*key).try_into().map_err(|_| RsaFailed)?;
        Ok(ContentKey(Zeroizing::new(*key)))
    }
}

impl WrapKey for EncryptionKey {
    fn kid(&self) -> &Kid {
        &self.kid
    }

    fn wrap_key(&self, key: &ContentKey) -> Result<Vec<u8>, RsaFailed> {
        let mut wrapped = vec![0; self.key.ciphertext_size()];
        self.key.encrypt(&OAEP_SHA256_MGF1SHA256, key.as_bytes(), &mut wrapped, None).map_err(|_| RsaFailed)?;
        Ok(wrapped)
    }
}

impl SignPs512 for SigningKey {
    fn kid(&self) -> &Kid {
        &self.kid
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, RsaFailed> {
        sign_with(&self.key, message)
    }
}

impl VerifyPs512 for VerificationKey {
    fn kid(&self) -> &Kid {
        &self.kid
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), RsaFailed> {
        self.key.verify_sig(message, signature).map_err(|_| RsaFailed)
    }
}

/// Finds the key that a header names, by `kid` or by fingerprint: some senders write the latter.
pub fn find_unwrapping<'a, K: UnwrapKey + ?Sized + 'a>(
    keys: impl IntoIterator<Item = &'a K>,
    kid: &Kid,
) -> Option<&'a K> {
    keys.into_iter().find(|key| key.kid() == kid || key.thumbprint().as_str() == kid.as_str())
}

macro_rules! printed_by_name {
    ($($key:ident),*) => {$(
        impl fmt::Debug for $key {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.debug_struct(stringify!($key)).field("kid", &self.kid).finish_non_exhaustive()
            }
        }
    )*};
}
printed_by_name!(DecryptionKey, EncryptionKey, SigningKey, VerificationKey);
