//! Encrypted messages: compact JWE (RFC 7516) with exactly `RSA-OAEP-256` and `A256GCM`.
//!
//! Metadata and data are small: [`Compact`] opens them at once and [`seal`] makes them. An attachment may be large and
//! is never whole in memory: [`JweReader`] reads it from the network chunk by chunk, [`JweWriter`] writes it likewise.
//! Unwrapping the content key is somebody else's work (a pool): a caller reads the header, picks the key by its `kid`,
//! has the key unwrapped, and comes back. Nothing that was decrypted may be used before its tag has been checked.

mod gcm;
mod head;
mod inflate;
mod read;
mod write;

pub use self::{
    head::{ContentType, Header, HeaderRefused, InvalidContentType, NotFitForV2, SealedPart},
    read::{Head, JweReader, Limits, Opened, Opener, Progress, StreamError},
    write::JweWriter,
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::{
    base64url,
    rsa::{ContentKey, RsaFailed, WrapKey},
};
use crate::fit_connect::tag::AuthenticationTag;

/// A wrapped content key is between 4096 and 8192 bits long.
const WRAPPED_BYTES: std::ops::RangeInclusive<usize> = 512..=1024;
const TAG_BYTES: usize = 16;

/// A random initialisation vector; never used twice with one content key.
pub type Iv = [u8; NONCE_LEN];

/// The five segments, by the name that an error gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    /// Protected header.
    Header,
    /// Wrapped content key.
    Key,
    /// Initialisation vector.
    Iv,
    /// Ciphertext.
    Ciphertext,
    /// Authentication tag.
    Tag,
}

/// What may be done with `zip: DEF`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inflate {
    /// Compressed messages are refused (version 2).
    Never,
    /// Compressed messages are inflated up to this many bytes (version 1).
    UpTo(u64),
}

/// Why a JWE is refused. None of this says anything about its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JweRefused {
    /// Not five segments.
    #[error("not five segments")]
    Segments,
    /// A segment is not canonical base64url, or has an impossible length.
    #[error("the segment {0:?} is malformed")]
    Segment(Segment),
    /// The header breaks a rule.
    #[error("the header is refused: {0}")]
    Header(#[from] HeaderRefused),
    /// Compressed where that is not allowed.
    #[error("compressed content is not allowed here")]
    Compressed,
    /// Longer than allowed, before or after inflating.
    #[error("the content is larger than allowed")]
    TooLarge,
    /// The compressed content is damaged.
    #[error("the compressed content is damaged")]
    Inflate,
    /// Wrong content key or changed bytes.
    #[error("the authentication tag does not match")]
    Tag,
    /// It ended in the middle.
    #[error("the message ended early")]
    Truncated,
}

/// A small message, taken apart but not yet decrypted.
#[derive(Debug)]
pub struct Compact<'a> {
    /// Its header.
    pub header: Header,
    /// The wrapped content key.
    pub wrapped_key: Vec<u8>,
    /// Its authentication tag as it stands in the text.
    pub tag: AuthenticationTag,
    protected: &'a str,
    iv: Iv,
    sealed: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Takes a message apart. The caller has bounded its length.
    ///
    /// # Errors
    /// Names the first rule that it breaks.
    pub fn parse(text: &'a str) -> Result<Self, JweRefused> {
        let mut segments = text.split('.');
        let mut next = || segments.next().ok_or(JweRefused::Segments);
        let (protected, key, iv, ciphertext, tag) = (next()?, next()?, next()?, next()?, next()?);
        if segments.next().is_some() {
            return Err(JweRefused::Segments);
        }
        let header = Header::parse(protected.as_bytes())?;
        let wrapped_key = wrapped_key(key.as_bytes())?;
        let iv = base64url::decode_exact(iv.as_bytes()).map_err(|_| JweRefused::Segment(Segment::Iv))?;
        let tag_bytes: [u8; TAG_BYTES] =
            base64url::decode_exact(tag.as_bytes()).map_err(|_| JweRefused::Segment(Segment::Tag))?;
        let mut sealed = Vec::with_capacity(ciphertext.len() / 4 * 3 + 3 + TAG_BYTES);
        base64url::decode_into(ciphertext.as_bytes(), &mut sealed)
            .map_err(|_| JweRefused::Segment(Segment::Ciphertext))?;
        sealed.extend_from_slice(&tag_bytes);
        Ok(Self { header, wrapped_key, tag: AuthenticationTag::of(&tag_bytes), protected, iv, sealed })
    }

    /// The content, decrypted and checked.
    ///
    /// # Errors
    /// Refuses a wrong key, changed bytes, and compression beyond what `inflate` allows.
    pub fn open(self, key: &ContentKey, inflate: Inflate) -> Result<Vec<u8>, JweRefused> {
        let bound = match (self.header.compressed, inflate) {
            (false, _) => None,
            (true, Inflate::Never) => return Err(JweRefused::Compressed),
            (true, Inflate::UpTo(bound)) => Some(bound),
        };
        let mut sealed = self.sealed;
        let nonce = Nonce::assume_unique_for_key(self.iv);
        let length = cipher(key)?
            .open_in_place(nonce, Aad::from(self.protected.as_bytes()), &mut sealed)
            .map_err(|_| JweRefused::Tag)?
            .len();
        sealed.truncate(length);
        match bound {
            None => Ok(sealed),
            Some(bound) => inflate::whole(&sealed, bound),
        }
    }
}

/// Seals a small message for the holder of this key. Content key and initialisation vector are fresh random bytes.
///
/// # Errors
/// Only when the library fails.
pub fn seal(
    plaintext: &[u8],
    content_type: Option<&ContentType>,
    recipient: &dyn WrapKey,
    key: &ContentKey,
    iv: Iv,
) -> Result<String, RsaFailed> {
    let mut text = start(content_type, recipient, key, iv)?;
    let protected = text.find('.').unwrap_or(text.len());
    let mut sealed = Vec::with_capacity(plaintext.len() + TAG_BYTES);
    sealed.extend_from_slice(plaintext);
    let tag = cipher(key)
        .map_err(|_| RsaFailed)?
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(iv),
            Aad::from(&text.as_bytes()[..protected]),
            &mut sealed,
        )
        .map_err(|_| RsaFailed)?;
    base64url::encode_into(&sealed, &mut text);
    text.push('.');
    base64url::encode_into(tag.as_ref(), &mut text);
    Ok(text)
}

/// The first three segments, each with its dot.
fn start(
    content_type: Option<&ContentType>,
    recipient: &dyn WrapKey,
    key: &ContentKey,
    iv: Iv,
) -> Result<String, RsaFailed> {
    let header = Header { kid: recipient.kid().clone(), content_type: content_type.cloned(), compressed: false };
    let mut text = header.to_segment();
    text.push('.');
    base64url::encode_into(&recipient.wrap_key(key)?, &mut text);
    text.push('.');
    base64url::encode_into(&iv, &mut text);
    text.push('.');
    Ok(text)
}

fn wrapped_key(segment: &[u8]) -> Result<Vec<u8>, JweRefused> {
    let key = base64url::decode(segment).map_err(|_| JweRefused::Segment(Segment::Key))?;
    if WRAPPED_BYTES.contains(&key.len()) { Ok(key) } else { Err(JweRefused::Segment(Segment::Key)) }
}

fn cipher(key: &ContentKey) -> Result<LessSafeKey, JweRefused> {
    UnboundKey::new(&AES_256_GCM, key.as_bytes()).map(LessSafeKey::new).map_err(|_| JweRefused::Tag)
}
