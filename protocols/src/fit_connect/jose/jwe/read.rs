//! A large JWE, read from the network chunk by chunk in constant memory.
//!
//! First the head: [`JweReader::push`] until it yields a [`Head`]. Then the caller has the content key unwrapped and goes
//! on with [`Head::open`]: [`Opener::push`] writes plaintext in pieces of at most 64 KiB into a **quarantine**. Only
//! when [`Opener::finish`] has checked the tag may anybody look at it; after any error it has to be thrown away.

use std::io::{self, Write};

use super::{
    Header, Inflate, Iv, JweRefused, Segment, TAG_BYTES, gcm::Gcm, gcm::LONGEST, inflate::Inflater, wrapped_key,
};
use crate::fit_connect::{
    jose::{base64url, header, rsa::ContentKey},
    tag::AuthenticationTag,
};

/// Head segments together: header, wrapped key of 8192 bits, initialisation vector.
const LONGEST_HEAD: usize = header::LONGEST + 1366 + 16 + 3;
/// Text that is decoded at once; a multiple of 4.
const CHUNK: usize = 64 * 1024;
const TAG_CHARACTERS: usize = 22;

/// What a stream may grow to, and whether it may be compressed.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most bytes of ciphertext.
    pub ciphertext: u64,
    /// Whether compressed content is taken, and up to which size.
    pub inflate: Inflate,
}

/// What came of a chunk.
#[derive(Debug)]
pub enum Progress {
    /// The head is not complete; go on with this reader.
    More(JweReader),
    /// The head is complete; what followed in the chunk is in it.
    Head(Box<Head>),
}

/// Reads the head of a message.
#[derive(Debug, Default)]
pub struct JweReader {
    text: Vec<u8>,
    dots: usize,
}

/// The head of a message: enough to choose and unwrap its key.
#[derive(Debug)]
pub struct Head {
    /// Its header.
    pub header: Header,
    /// The wrapped content key.
    pub wrapped_key: Vec<u8>,
    protected: Vec<u8>,
    iv: Iv,
    rest: Vec<u8>,
}

/// What [`Opener::finish`] vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The tag as it stands in the text.
    pub tag: AuthenticationTag,
    /// Length of the plaintext in bytes.
    pub length: u64,
}

/// Why a stream stopped.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The message is refused.
    #[error(transparent)]
    Refused(#[from] JweRefused),
    /// The quarantine could not take the plaintext.
    #[error("the plaintext could not be stored")]
    Sink(#[source] io::Error),
}

impl JweReader {
    /// A reader before the first byte.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next chunk of the text.
    ///
    /// # Errors
    /// Refuses a head that is too long, malformed, or asks for what FIT-Connect does not use.
    pub fn push(mut self, chunk: &[u8]) -> Result<Progress, JweRefused> {
        for (at, byte) in chunk.iter().enumerate() {
            if *byte == b'.' {
                self.dots += 1;
            }
            if self.dots == 3 {
                return self.head(chunk[at + 1..].to_vec()).map(|head| Progress::Head(Box::new(head)));
            }
            if self.text.len() >= LONGEST_HEAD {
                return Err(JweRefused::TooLarge);
            }
            self.text.push(*byte);
        }
        Ok(Progress::More(self))
    }

    fn head(&self, rest: Vec<u8>) -> Result<Head, JweRefused> {
        let mut segments = self.text.split(|byte| *byte == b'.');
        let mut next = || segments.next().ok_or(JweRefused::Segments);
        let (protected, key, iv) = (next()?, next()?, next()?);
        Ok(Head {
            header: Header::parse(protected)?,
            wrapped_key: wrapped_key(key)?,
            iv: base64url::decode_exact(iv).map_err(|_| JweRefused::Segment(Segment::Iv))?,
            protected: protected.to_vec(),
            rest,
        })
    }
}

impl Head {
    /// Goes on with the unwrapped content key. What the chunk of the head held beyond it is opened with the next push.
    ///
    /// # Errors
    /// Refuses compressed content where `limits` does not allow it.
    pub fn open(self, key: &ContentKey, limits: Limits) -> Result<Opener, JweRefused> {
        let inflater = match (self.header.compressed, limits.inflate) {
            (false, _) => None,
            (true, Inflate::Never) => return Err(JweRefused::Compressed),
            (true, Inflate::UpTo(bound)) => Some(Inflater::new(bound)),
        };
        let gcm = Gcm::decrypting(key, self.iv, &self.protected).map_err(|_| JweRefused::Tag)?;
        Ok(Opener {
            gcm,
            inflater,
            left: limits.ciphertext.min(LONGEST),
            head_rest: self.rest,
            carry: Vec::with_capacity(4),
            tag: None,
            length: 0,
            sealed: Vec::new(),
            clear: Vec::new(),
        })
    }
}

/// Opens the rest of a message.
pub struct Opener {
    gcm: Gcm,
    inflater: Option<Inflater>,
    left: u64,
    head_rest: Vec<u8>,
    /// Characters that do not fill a group of four yet.
    carry: Vec<u8>,
    /// The fifth segment, once it has begun.
    tag: Option<Vec<u8>>,
    length: u64,
    sealed: Vec<u8>,
    clear: Vec<u8>,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Opener").field("length", &self.length).finish_non_exhaustive()
    }
}

impl Opener {
    /// Takes the next chunk of the text and writes its plaintext into the quarantine.
    ///
    /// # Errors
    /// Refuses malformed text and content beyond the limits; passes on what the quarantine answers.
    pub fn push(&mut self, chunk: &[u8], quarantine: &mut dyn Write) -> Result<(), StreamError> {
        let rest = std::mem::take(&mut self.head_rest);
        self.text(&rest, quarantine)?;
        self.text(chunk, quarantine)
    }

    /// The tag as far as it can be read, checked or not: tells a changed tag from changed content. Whole once the last
    /// chunk was pushed.
    #[must_use]
    pub fn seen_tag(&self) -> Option<AuthenticationTag> {
        std::str::from_utf8(self.tag.as_deref()?).ok()?.parse().ok()
    }

    /// The message is complete: checks the tag. Only now may the plaintext be used.
    ///
    /// # Errors
    /// Refuses a message that was cut off, or whose tag does not match.
    pub fn finish(mut self, quarantine: &mut dyn Write) -> Result<Opened, StreamError> {
        self.push(&[], quarantine)?;
        let text = self.tag.ok_or(JweRefused::Truncated)?;
        if text.len() < TAG_CHARACTERS {
            return Err(JweRefused::Truncated.into());
        }
        let tag: [u8; TAG_BYTES] = base64url::decode_exact(&text).map_err(|_| JweRefused::Segment(Segment::Tag))?;
        if !self.gcm.tag_matches(&tag) {
            return Err(JweRefused::Tag.into());
        }
        if let Some(inflater) = &self.inflater {
            inflater.finish()?;
        }
        Ok(Opened { tag: AuthenticationTag::of(&tag), length: self.length })
    }

    fn text(&mut self, chunk: &[u8], quarantine: &mut dyn Write) -> Result<(), StreamError> {
        let mut rest = chunk;
        if self.tag.is_none() {
            let dot = rest.iter().position(|byte| *byte == b'.');
            let (ciphertext, after) = rest.split_at(dot.unwrap_or(rest.len()));
            self.ciphertext(ciphertext, quarantine)?;
            if dot.is_none() {
                return Ok(());
            }
            let last = std::mem::take(&mut self.carry);
            self.decode(&last, quarantine)?;
            self.tag = Some(Vec::with_capacity(TAG_CHARACTERS));
            rest = &after[1..];
        }
        let tag = self.tag.get_or_insert_default();
        if rest.contains(&b'.') {
            return Err(JweRefused::Segments.into());
        }
        if tag.len() + rest.len() > TAG_CHARACTERS {
            return Err(JweRefused::Segment(Segment::Tag).into());
        }
        tag.extend_from_slice(rest);
        Ok(())
    }

    fn ciphertext(&mut self, mut text: &[u8], quarantine: &mut dyn Write) -> Result<(), StreamError> {
        if !self.carry.is_empty() {
            let (fill, after) = text.split_at(text.len().min(4 - self.carry.len()));
            self.carry.extend_from_slice(fill);
            text = after;
            if self.carry.len() < 4 {
                return Ok(());
            }
            let group = std::mem::take(&mut self.carry);
            self.decode(&group, quarantine)?;
        }
        let (whole, tail) = text.split_at(text.len() - text.len() % 4);
        for piece in whole.chunks(CHUNK) {
            self.decode(piece, quarantine)?;
        }
        self.carry.extend_from_slice(tail);
        Ok(())
    }

    fn decode(&mut self, text: &[u8], quarantine: &mut dyn Write) -> Result<(), StreamError> {
        self.sealed.clear();
        base64url::decode_into(text, &mut self.sealed).map_err(|_| JweRefused::Segment(Segment::Ciphertext))?;
        self.left = self.left.checked_sub(self.sealed.len() as u64).ok_or(JweRefused::TooLarge)?;
        self.gcm.update(&self.sealed, &mut self.clear).map_err(|_| JweRefused::Tag)?;
        let length = &mut self.length;
        let mut write = |piece: &[u8]| {
            *length += piece.len() as u64;
            quarantine.write_all(piece).map_err(StreamError::Sink)
        };
        match &mut self.inflater {
            None => write(&self.clear),
            Some(inflater) => inflater.push(&self.clear, write),
        }
    }
}
