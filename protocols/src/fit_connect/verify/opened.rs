//! A sealed part, opened or not: the result of the work that a pool does before the judging.

use super::{Check, Problem, Retry, Stop};
use crate::{
    fit_connect::{
        jose::{
            jwe::{Compact, Inflate, JweRefused},
            kid::Kid,
            rsa::{UnwrapKey, find_unwrapping},
        },
        tag::AuthenticationTag,
    },
    ids::AttachmentId,
};

/// Why a part cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Sealed for a key that we do not have: perhaps our own fault.
    #[error("sealed for a key that we do not have")]
    UnknownKid(Kid),
    /// The message breaks a rule, or its tag does not match its bytes.
    #[error(transparent)]
    Refused(#[from] JweRefused),
    /// The content key cannot be unwrapped with the key that it names.
    #[error("the content key cannot be unwrapped")]
    Unwrap,
}

impl Unreadable {
    /// What this is for the judging; `check` is the one of the part's decryption.
    pub(super) fn stop(&self, check: Check, attachment: Option<AttachmentId>) -> Stop {
        let problem = |check: Check, detail: &str| Stop::Reject(vec![check.problem_with(detail, attachment)]);
        match self {
            Self::UnknownKid(kid) => Stop::Retry(Retry::UnknownDecryptionKey(kid.clone())),
            Self::Refused(JweRefused::TooLarge) => {
                problem(Check::Internal, "Ein Teil der Einreichung ist größer, als hier verarbeitet wird.")
            }
            Self::Refused(refused) => problem(check, detail(refused)),
            Self::Unwrap => problem(check, "Der Inhaltsschlüssel kann nicht entschlüsselt werden."),
        }
    }
}

fn detail(refused: &JweRefused) -> &'static str {
    match refused {
        JweRefused::Segments | JweRefused::Segment(_) | JweRefused::Truncated => "Die JWE ist nicht wohlgeformt.",
        JweRefused::Header(_) => "Der JWE-Header ist nicht zulässig.",
        JweRefused::Compressed => "Komprimierte Inhalte (zip) sind nicht zulässig.",
        JweRefused::Inflate => "Der komprimierte Inhalt ist beschädigt.",
        JweRefused::Tag | JweRefused::TooLarge => {
            "Der Inhalt wurde verändert oder mit einem anderen Schlüssel verschlüsselt."
        }
    }
}

/// Metadata or data after the attempt to open it.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenedPart {
    /// The tag that it carries; `None` where there is none to be seen.
    pub tag: Option<AuthenticationTag>,
    /// The content.
    pub content: Result<Vec<u8>, Unreadable>,
}

impl std::fmt::Debug for OpenedPart {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let length = self.content.as_ref().map(Vec::len);
        out.debug_struct("OpenedPart").field("tag", &self.tag).field("bytes", &length).finish()
    }
}

impl OpenedPart {
    /// Opens metadata or data with whichever key they name. One RSA operation: work for a pool.
    #[must_use]
    pub fn open<'k>(sealed: &str, keys: impl IntoIterator<Item = &'k dyn UnwrapKey>, inflate: Inflate) -> Self {
        let tag = AuthenticationTag::of_message(sealed).ok();
        Self { tag, content: open(sealed, keys, inflate) }
    }

    /// Whether it carries this tag; otherwise the problem of this check.
    pub(super) fn carries(&self, expected: &AuthenticationTag, check: Check) -> Option<Problem> {
        let same = self.tag.as_ref() == Some(expected);
        (!same).then(|| check.problem("Der Authentication-Tag stimmt nicht mit dem Event-Log überein."))
    }
}

fn open<'k>(
    sealed: &str,
    keys: impl IntoIterator<Item = &'k dyn UnwrapKey>,
    inflate: Inflate,
) -> Result<Vec<u8>, Unreadable> {
    let message = Compact::parse(sealed)?;
    let kid = &message.header.kid;
    let key = find_unwrapping(keys, kid).ok_or_else(|| Unreadable::UnknownKid(kid.clone()))?;
    let content_key = key.unwrap_key(&message.wrapped_key).map_err(|_| Unreadable::Unwrap)?;
    Ok(message.open(&content_key, inflate)?)
}
