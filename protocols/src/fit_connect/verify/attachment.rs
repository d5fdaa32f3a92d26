//! Stage 5: one attachment, fetched whole or in fragments, streamed into quarantine by the caller.
//!
//! Fragments (dossier section 13) are joined in the order of the metadata; the hash covers the joined plaintext. The
//! caller hashes while it streams ([`crate::fit_connect::hash::ContentHasher`]), so nothing is ever whole in memory.

use super::{Check, Stop, Tags, Unreadable, reject_if};
use crate::{
    fit_connect::{hash::ContentHash, metadata::AttachmentPart, tag::AuthenticationTag},
    ids::AttachmentId,
};

/// The uploaded parts of an attachment, in the order in which their plaintexts are joined.
#[must_use]
pub fn parts(attachment: &AttachmentPart) -> &[AttachmentId] {
    if attachment.fragments.is_empty() { std::slice::from_ref(&attachment.id) } else { &attachment.fragments }
}

/// What became of fetching and opening one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchedPart {
    /// Opened; this is the tag that it carried.
    Opened(AuthenticationTag),
    /// The service says that it is not there. Only a clear answer counts; trouble on the way is tried again.
    Missing,
    /// It cannot be read.
    Unreadable {
        /// Why.
        reason: Unreadable,
        /// The tag that it carried, where that was to be seen.
        tag: Option<AuthenticationTag>,
    },
}

/// What an attachment is judged by.
#[derive(Debug, Clone, Copy)]
pub struct AttachmentCheck<'a> {
    /// What the metadata say of it.
    pub described: &'a AttachmentPart,
    /// The tags in the event log.
    pub tags: &'a Tags,
}

impl AttachmentCheck<'_> {
    /// Judges the attachment by its parts, in the order of [`parts`], and the hash of their joined plaintext. A caller
    /// may stop fetching at the first part that cannot be used.
    ///
    /// # Errors
    /// Rejects what is absent or changed; asks for a retry when our key is not known.
    pub fn judge(&self, fetched: &[FetchedPart], joined: Option<&ContentHash>) -> Result<(), Stop> {
        let expected = parts(self.described);
        super::all(expected.iter().zip(fetched).map(|(part, fetched)| self.part(*part, fetched)))?;
        if fetched.len() < expected.len() {
            return self.stop(Check::AttachmentPresent, "Die Anlage kann nicht vollständig abgerufen werden.");
        }
        if joined == Some(&self.described.hash) {
            return Ok(());
        }
        self.stop(Check::AttachmentHash, "Die Prüfsumme der Anlage ist nicht die der Metadaten.")
    }

    fn part(&self, part: AttachmentId, fetched: &FetchedPart) -> Result<(), Stop> {
        let (tag, reason) = match fetched {
            FetchedPart::Missing => {
                return self.stop(Check::AttachmentPresent, "Die Anlage kann nicht abgerufen werden.");
            }
            FetchedPart::Opened(tag) => (Some(tag), None),
            FetchedPart::Unreadable { reason, tag } => (tag.as_ref(), Some(reason)),
        };
        let expected = self.tags.attachments.get(&part);
        // Without a tag to be seen there is only the reason to tell.
        if tag.is_some_and(|tag| Some(tag) != expected) {
            let detail = "Der Authentication-Tag stimmt nicht mit dem Event-Log überein.";
            return self.stop(Check::AttachmentTag, detail);
        }
        match reason {
            Some(reason) => Err(reason.stop(Check::AttachmentDecrypt, Some(self.described.id))),
            None => Ok(()),
        }
    }

    fn stop(&self, check: Check, detail: &str) -> Result<(), Stop> {
        reject_if(vec![check.problem_with(detail, Some(self.described.id))])
    }
}
