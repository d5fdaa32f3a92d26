//! Security event tokens (SET, RFC 8417): what happened to a submission, signed by whoever says so.
//!
//! [`Set::parse`] reads one without believing it, [`Set::verify`] makes it a [`Claims`] that may be believed once the
//! caller has checked that its issuer may say this. [`Envelope`] and [`is_about_another`] read the little that is needed of
//! one that cannot be read. [`Claims::sign`] writes one; its payload bytes are stable, so that a
//! SET is signed once and the same bytes are sent again. [`log`] is the list of them.

pub mod claims;
pub mod event;
#[cfg(test)]
mod examples;
pub mod log;

pub use self::{
    claims::{Claims, ClaimsRefused, Issuer, Subject},
    event::{Event, EventKind},
    log::{State, state},
};

use super::jose::{
    base64url,
    jws::{self, Jws, JwsRefused},
    kid::Kid,
    rsa::{RsaFailed, SignPs512, VerifyPs512},
};
use crate::ids::SubmissionId;

/// The media type of a SET in its header.
const TYPE: &str = "secevent+jwt";
/// Longest SET that is looked at: room for the tags of some 15,000 attachments.
pub const LONGEST: usize = 1024 * 1024;

/// Why a SET is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetRefused {
    /// The signed text around it breaks a rule.
    #[error(transparent)]
    Jws(#[from] JwsRefused),
    /// Its claims break a rule.
    #[error(transparent)]
    Claims(#[from] ClaimsRefused),
}

/// A SET as it was received: its claims are claims only.
#[derive(Debug, Clone)]
pub struct Set<'a> {
    jws: Jws<'a>,
    claims: Claims,
}

impl<'a> Set<'a> {
    /// Reads a compact SET.
    ///
    /// # Errors
    /// Names the first rule that it breaks.
    pub fn parse(text: &'a str) -> Result<Self, SetRefused> {
        let jws = Jws::parse(text, TYPE, LONGEST)?;
        let claims = Claims::parse(jws.unverified_payload())?;
        Ok(Self { jws, claims })
    }

    /// The key that is said to have signed.
    #[must_use]
    pub fn kid(&self) -> &Kid {
        &self.jws.kid
    }

    /// What it says, not believed yet: good for finding the key.
    #[must_use]
    pub fn unverified(&self) -> &Claims {
        &self.claims
    }

    /// What it says, if this key signed it.
    ///
    /// # Errors
    /// [`JwsRefused::Signature`] if not.
    pub fn verify(self, key: &dyn VerifyPs512) -> Result<Claims, SetRefused> {
        self.jws.verify(key)?;
        Ok(self.claims)
    }
}

/// A SET as far as it is the same in every version of its schema: who is said to have signed it, and with which key.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    jws: Jws<'a>,
    outline: claims::Outline,
}

impl<'a> Envelope<'a> {
    /// Reads a compact SET, as far as that; nothing where not even that can be read.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let jws = Jws::parse(text, TYPE, LONGEST).ok()?;
        let outline = claims::Outline::parse(jws.unverified_payload())?;
        Some(Self { jws, outline })
    }

    /// Who is said to have signed it.
    #[must_use]
    pub const fn issuer(&self) -> &Issuer {
        &self.outline.issuer
    }

    /// The key that is said to have signed.
    #[must_use]
    pub const fn kid(&self) -> &Kid {
        &self.jws.kid
    }

    /// The `$schema` it claims; empty where it names none.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.outline.schema
    }

    /// Whether this key signed it.
    #[must_use]
    pub fn is_signed_by(&self, key: &dyn VerifyPs512) -> bool {
        self.jws.verify(key).is_ok()
    }
}

/// Whether a SET says that it is about something else than this submission, as far as anything of it can be read: a log
/// holds those of all submissions of a case, and what is wrong with one of them is nothing to the others.
#[must_use]
pub fn is_about_another(text: &str, submission: SubmissionId) -> bool {
    let payload = text.split('.').nth(1).and_then(|payload| base64url::decode(payload.as_bytes()).ok());
    payload.is_some_and(|payload| claims::is_about_another(&payload, submission))
}

impl Claims {
    /// Signs these claims as a compact SET.
    ///
    /// # Errors
    /// Only when the library fails.
    pub fn sign(&self, key: &dyn SignPs512) -> Result<String, RsaFailed> {
        jws::sign(self.to_json().as_bytes(), TYPE, key)
    }
}
