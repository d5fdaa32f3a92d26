//! What the service can see of a sealed part without its key: five segments, the header, and the tag.
//!
//! An own, deliberately plain reading of RFC 7516; the subscriber's opinion on the same bytes must not come from here.
//! Whether the recipient can open the part is none of the service's business.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{destination::Destination, problem::Problem, version::Version};

/// Shortest JWE with a 4096-bit key: an empty payload.
const SHORTEST: u64 = 776;
const LONGEST_HEADER: usize = 8 * 1024;
/// A tag of 128 bits has 22 characters; some more are kept to see that one is too long.
const TAG_CHARACTERS: usize = 22;

/// What is known of a sealed part.
#[derive(Debug, Clone)]
pub(super) struct Seal {
    header: Vec<u8>,
    /// The fifth segment.
    pub(super) tag: String,
    segments: usize,
    length: u64,
}

/// Which part of a submission a JWE is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The metadata.
    Metadata,
    /// The data (Fachdaten).
    Data,
    /// An attachment.
    Attachment,
}

/// Looks at a JWE while it passes.
#[derive(Debug, Default)]
pub(super) struct Scan {
    header: Vec<u8>,
    tag: Vec<u8>,
    dots: usize,
    length: u64,
}

#[derive(Deserialize)]
struct Header {
    alg: Option<String>,
    enc: Option<String>,
    kid: Option<String>,
    cty: Option<String>,
    zip: Option<String>,
}

impl Scan {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        for byte in bytes {
            match byte {
                b'.' => {
                    self.dots += 1;
                    self.tag.clear();
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'=' => match self.dots {
                    0 if self.header.len() < LONGEST_HEADER => self.header.push(*byte),
                    0 => return Err(Problem::bad_request("the JWE header is too long")),
                    4.. if self.tag.len() <= TAG_CHARACTERS => self.tag.push(*byte),
                    _ => {}
                },
                _ => return Err(Problem::bad_request("not a JWE: must match ^[a-zA-Z0-9-_=.]+$")),
            }
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Ends the look.
    pub(super) fn finish(self) -> Result<Seal, Problem> {
        if self.length == 0 {
            return Err(Problem::bad_request("the body is empty"));
        }
        let tag = String::from_utf8(self.tag).unwrap_or_default();
        Ok(Seal { header: self.header, tag, segments: self.dots + 1, length: self.length })
    }
}

impl Seal {
    /// Looks at a whole text.
    pub(super) fn of(text: &str) -> Result<Self, Problem> {
        let mut scan = Scan::default();
        scan.push(text.as_bytes())?;
        scan.finish()
    }

    /// The rules that the service can check (dossier sections 4.1 and 18).
    pub(super) fn check(&self, part: Part, version: Version, destination: &Destination) -> Result<(), Problem> {
        if self.segments != 5 || self.length < SHORTEST || self.tag.len() != TAG_CHARACTERS {
            return Err(refuse("not a JWE in compact serialization"));
        }
        let header: Header = URL_SAFE_NO_PAD
            .decode(&self.header)
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .ok_or_else(|| refuse("the JWE header is not a JSON object"))?;
        if header.alg.as_deref() != Some("RSA-OAEP-256") {
            return Err(refuse("Invalid JWE Header 'alg'"));
        }
        if header.enc.as_deref() != Some("A256GCM") {
            return Err(refuse("Invalid JWE Header 'enc'"));
        }
        // PyPI fitconnect names the key by its thumbprint (RFC 7638).
        if !header.kid.is_some_and(|kid| destination.encrypts_for(&kid)) {
            return Err(refuse("Invalid JWE Header 'kid'"));
        }
        if version == Version::V1 {
            return Ok(());
        }
        if header.zip.is_some() {
            return Err(refuse("Invalid JWE Header 'zip'"));
        }
        let content_type = header.cty.as_deref();
        if part != Part::Attachment && !matches!(content_type, Some("application/json" | "application/xml")) {
            return Err(refuse("Invalid JWE Header 'cty'"));
        }
        Ok(())
    }
}

fn refuse(detail: &str) -> Problem {
    Problem::unprocessable("invalid-jwe", "Invalid JWE", detail)
}
