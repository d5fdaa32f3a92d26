//! AES-256-GCM as storage uses it: a 32-byte secret that is wiped when dropped, and sealing with a nonce given or random.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::random::{self, NoRandomness, Random};

/// Bytes that sealing with a random nonce adds.
pub(crate) const OVERHEAD: usize = NONCE_LEN + MAX_TAG_LEN;

/// The bytes do not belong to this key and these facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAuthentic;

/// A 256-bit secret.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) Zeroizing<[u8; 32]>);

impl Secret {
    pub(crate) fn random(random: &dyn Random) -> Result<Self, NoRandomness> {
        let mut secret = Zeroizing::new([0; 32]);
        random.fill(&mut *secret)?;
        Ok(Self(secret))
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    pub(crate) fn cipher(&self) -> Gcm {
        // The length is right by type, so the only way to fail does not exist.
        let key = UnboundKey::new(&AES_256_GCM, &*self.0).expect("32 bytes are a key of AES-256");
        Gcm(LessSafeKey::new(key))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret")
    }
}

/// A secret ready to seal and open.
pub(crate) struct Gcm(LessSafeKey);

impl fmt::Debug for Gcm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Gcm")
    }
}

impl Gcm {
    /// Nonce, ciphertext and tag.
    pub(crate) fn seal(&self, random: &dyn Random, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let nonce = random::bytes::<NONCE_LEN>(random)?;
        let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed[NONCE_LEN..])
            .map_err(|_| NoRandomness)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// What [`Gcm::seal`] sealed.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotAuthentic> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LEN).ok_or(NotAuthentic)?;
        let mut plain = ciphertext.to_vec();
        let length = self.open_in_place(nonce.try_into().map_err(|_| NotAuthentic)?, aad, &mut plain)?;
        plain.truncate(length);
        Ok(plain)
    }

    /// Seals in place under a nonce that the caller never uses again, and appends the tag.
    pub(crate) fn seal_in_place(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        block: &mut Vec<u8>,
    ) -> Result<(), NoRandomness> {
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), block)
            .map_err(|_| NoRandomness)
    }

    /// Opens ciphertext and tag in place; the length of the plaintext at its front.
    pub(crate) fn open_in_place(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        block: &mut [u8],
    ) -> Result<usize, NotAuthentic> {
        self.0
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), block)
            .map(|plain| plain.len())
            .map_err(|_| NotAuthentic)
    }
}
