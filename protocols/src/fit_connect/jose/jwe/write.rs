//! A large JWE, written chunk by chunk in constant memory.

use std::io::{self, Write};

use super::{ContentType, Iv, StreamError, gcm::Gcm, start};
use crate::fit_connect::{
    jose::{
        base64url,
        rsa::{ContentKey, RsaFailed, WrapKey},
    },
    tag::AuthenticationTag,
};

/// Plaintext that is sealed at once; a multiple of 3.
const CHUNK: usize = 48 * 1024;

/// Seals a message while it is being read.
pub struct JweWriter {
    gcm: Gcm,
    /// Ciphertext that does not fill a group of three yet.
    carry: Vec<u8>,
    sealed: Vec<u8>,
    text: String,
}

impl std::fmt::Debug for JweWriter {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("JweWriter(..)")
    }
}

impl JweWriter {
    /// Begins a message for the holder of this key. Content key and initialisation vector are fresh random bytes.
    ///
    /// # Errors
    /// Only when the library fails.
    pub fn new(
        content_type: Option<&ContentType>,
        recipient: &dyn WrapKey,
        key: &ContentKey,
        iv: Iv,
    ) -> Result<Self, RsaFailed> {
        let text = start(content_type, recipient, key, iv)?;
        let protected = text.split('.').next().unwrap_or_default();
        let gcm = Gcm::encrypting(key, iv, protected.as_bytes()).map_err(|_| RsaFailed)?;
        Ok(Self { gcm, carry: Vec::new(), sealed: Vec::new(), text })
    }

    /// Seals the next bytes and writes their text.
    ///
    /// # Errors
    /// Passes on what `out` answers.
    pub fn push(&mut self, plaintext: &[u8], out: &mut dyn Write) -> Result<(), StreamError> {
        for piece in plaintext.chunks(CHUNK) {
            self.gcm.update(piece, &mut self.sealed).map_err(|_| sink_failed())?;
            self.carry.append(&mut self.sealed);
            let whole = self.carry.len() - self.carry.len() % 3;
            base64url::encode_into(&self.carry[..whole], &mut self.text);
            self.carry.drain(..whole);
            self.flush(out)?;
        }
        Ok(())
    }

    /// Ends the message with its tag.
    ///
    /// # Errors
    /// Passes on what `out` answers.
    pub fn finish(mut self, out: &mut dyn Write) -> Result<AuthenticationTag, StreamError> {
        base64url::encode_into(&self.carry, &mut self.text);
        self.text.push('.');
        self.flush(out)?;
        let tag = AuthenticationTag::of(&self.gcm.tag());
        out.write_all(tag.as_str().as_bytes()).map_err(StreamError::Sink)?;
        Ok(tag)
    }

    fn flush(&mut self, out: &mut dyn Write) -> Result<(), StreamError> {
        out.write_all(self.text.as_bytes()).map_err(StreamError::Sink)?;
        self.text.clear();
        Ok(())
    }
}

fn sink_failed() -> StreamError {
    StreamError::Sink(io::Error::other("the cipher failed"))
}
