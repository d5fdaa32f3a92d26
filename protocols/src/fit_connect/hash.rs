//! SHA-512 of unencrypted content: what metadata promise and a receiver recomputes.

use std::{fmt, io};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{Context, SHA512, digest},
};

use crate::hex;

/// A SHA-512 value.
#[derive(Clone, Copy)]
pub struct ContentHash([u8; 64]);

impl ContentHash {
    /// The hash of these bytes.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self::from_digest(digest(&SHA512, content).as_ref())
    }

    /// Reads 128 lower-case hexadecimal digits (metadata schema, `^[a-f0-9]{128}$`).
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode_array(text).map(Self)
    }

    fn from_digest(bytes: &[u8]) -> Self {
        let mut hash = [0; 64];
        for (to, from) in hash.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self(hash)
    }

    /// The 64 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl PartialEq for ContentHash {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for ContentHash {}

impl fmt::Display for ContentHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ContentHash({self})")
    }
}

/// Hashes content that comes in pieces; write the pieces into it.
pub struct ContentHasher(Context);

impl ContentHasher {
    /// A hasher before the first piece.
    #[must_use]
    pub fn new() -> Self {
        Self(Context::new(&SHA512))
    }

    /// The hash of all pieces.
    #[must_use]
    pub fn finish(self) -> ContentHash {
        ContentHash::from_digest(self.0.finish().as_ref())
    }
}

impl Default for ContentHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl io::Write for ContentHasher {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.update(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for ContentHasher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ContentHasher(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn pieces_hash_as_the_whole() {
        let mut hasher = ContentHasher::new();
        hasher.write_all(b"Hal").expect("memory");
        hasher.write_all(b"lo").expect("memory");
        assert_eq!(hasher.finish(), ContentHash::of(b"Hallo"));
    }

    #[test]
    fn a_hash_is_written_in_lower_case_only() {
        let text = ContentHash::of(b"").to_string();
        assert!(text.starts_with("cf83e1357eefb8bd"));
        assert_eq!(ContentHash::from_hex(&text), Some(ContentHash::of(b"")));
        assert_eq!(ContentHash::from_hex(&text.to_uppercase()), None);
        assert_eq!(ContentHash::from_hex(&text[1..]), None);
    }
}
