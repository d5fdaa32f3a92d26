//! AES-256-GCM over a stream (NIST SP 800-38D): counter mode for the bytes, GHASH for the tag, in constant memory.
//!
//! The one-shot cipher is several times faster and is used for everything small. The plaintext of a stream is worth
//! nothing before [`Gcm::tag_matches`] has said so.

use aws_lc_rs::{
    cipher::{
        AES_256, DecryptionContext, EncryptingKey, EncryptionContext, StreamingDecryptingKey, StreamingEncryptingKey,
        UnboundCipherKey,
    },
    constant_time::verify_slices_are_equal,
    iv::FixedLength,
};
use ghash::{GHash, universal_hash::UniversalHash};

use super::{Iv, TAG_BYTES};
use crate::fit_connect::jose::rsa::ContentKey;

const BLOCK: usize = 16;
/// Longest message of one key and initialisation vector (SP 800-38D section 5.2.1.1), in bytes.
pub(super) const LONGEST: u64 = (1 << 36) - 32;

/// The library could not do its work; never caused by the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CipherFailed;

/// The keyed stream in one direction.
enum Counter {
    Decrypting(StreamingDecryptingKey),
    Encrypting(StreamingEncryptingKey),
}

/// A message on its way through the cipher.
pub(super) struct Gcm {
    counter: Counter,
    hash: GHash,
    /// Ciphertext that does not fill a block yet.
    pending: Vec<u8>,
    mask: [u8; BLOCK],
    additional: u64,
    hashed: u64,
}

impl Gcm {
    pub(super) fn decrypting(key: &ContentKey, iv: Iv, additional: &[u8]) -> Result<Self, CipherFailed> {
        let context = DecryptionContext::Iv128(FixedLength::from(counter_block(iv, 2)));
        let counter = StreamingDecryptingKey::ctr(cipher_key(key)?, context).map_err(|_| CipherFailed)?;
        Self::new(key, iv, additional, Counter::Decrypting(counter))
    }

    pub(super) fn encrypting(key: &ContentKey, iv: Iv, additional: &[u8]) -> Result<Self, CipherFailed> {
        let context = EncryptionContext::Iv128(FixedLength::from(counter_block(iv, 2)));
        let counter = StreamingEncryptingKey::less_safe_ctr(cipher_key(key)?, context).map_err(|_| CipherFailed)?;
        Self::new(key, iv, additional, Counter::Encrypting(counter))
    }

    fn new(key: &ContentKey, iv: Iv, additional: &[u8], counter: Counter) -> Result<Self, CipherFailed> {
        let blocks = EncryptingKey::ecb(cipher_key(key)?).map_err(|_| CipherFailed)?;
        let mut hash_key = [0; BLOCK];
        let mut mask = counter_block(iv, 1);
        blocks.encrypt(&mut hash_key).map_err(|_| CipherFailed)?;
        blocks.encrypt(&mut mask).map_err(|_| CipherFailed)?;
        let mut hash = GHash::new(&hash_key.into());
        hash.update_padded(additional);
        let additional = additional.len() as u64;
        Ok(Self { counter, hash, pending: Vec::with_capacity(BLOCK), mask, additional, hashed: 0 })
    }

    /// Sends bytes through; `output` is replaced by what came out, as many as went in.
    pub(super) fn update(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<(), CipherFailed> {
        output.clear();
        output.resize(input.len() + BLOCK, 0);
        let written = match &mut self.counter {
            Counter::Decrypting(key) => key.update(input, output).map_err(|_| CipherFailed)?.written().len(),
            Counter::Encrypting(key) => key.update(input, output).map_err(|_| CipherFailed)?.written().len(),
        };
        if written != input.len() {
            return Err(CipherFailed);
        }
        output.truncate(written);
        match self.counter {
            Counter::Decrypting(_) => self.hash(input),
            Counter::Encrypting(_) => self.hash(output),
        }
        Ok(())
    }

    fn hash(&mut self, ciphertext: &[u8]) {
        self.hashed += ciphertext.len() as u64;
        let mut rest = ciphertext;
        if !self.pending.is_empty() {
            let (fill, after) = rest.split_at(rest.len().min(BLOCK - self.pending.len()));
            self.pending.extend_from_slice(fill);
            rest = after;
            if self.pending.len() < BLOCK {
                return;
            }
            self.hash.update_padded(&self.pending);
            self.pending.clear();
        }
        let (whole, tail) = rest.split_at(rest.len() - rest.len() % BLOCK);
        self.hash.update_padded(whole);
        self.pending.extend_from_slice(tail);
    }

    /// The tag of everything that went through.
    pub(super) fn tag(mut self) -> [u8; TAG_BYTES] {
        self.hash.update_padded(&self.pending);
        let mut lengths = [0; BLOCK];
        lengths[..8].copy_from_slice(&(self.additional * 8).to_be_bytes());
        lengths[8..].copy_from_slice(&(self.hashed * 8).to_be_bytes());
        self.hash.update_padded(&lengths);
        let mut tag = self.mask;
        for (byte, hashed) in tag.iter_mut().zip(self.hash.finalize()) {
            *byte ^= hashed;
        }
        tag
    }

    /// Whether this is the tag of everything that went through, in constant time.
    pub(super) fn tag_matches(self, tag: &[u8; TAG_BYTES]) -> bool {
        verify_slices_are_equal(&self.tag(), tag).is_ok()
    }
}

fn cipher_key(key: &ContentKey) -> Result<UnboundCipherKey, CipherFailed> {
    UnboundCipherKey::new(&AES_256, key.as_bytes()).map_err(|_| CipherFailed)
}

fn counter_block(iv: Iv, counter: u32) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..iv.len()].copy_from_slice(&iv);
    block[iv.len()..].copy_from_slice(&counter.to_be_bytes());
    block
}
