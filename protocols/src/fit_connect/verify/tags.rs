//! Stage 2: the authentication tags that the sender handed over, against what the service gives out.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Stop};
use crate::{
    fit_connect::tag::{AuthenticationTag, AuthenticationTags},
    ids::AttachmentId,
};

/// What the service gives out.
#[derive(Debug, Clone, Copy)]
pub struct TagCheck<'a> {
    /// `attachments` of the submission; doubles count once.
    pub attachments: &'a [AttachmentId],
    /// Whether the submission holds data.
    pub has_data: bool,
}

/// The tags by which the parts are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    /// Of the metadata.
    pub metadata: AuthenticationTag,
    /// Of the data.
    pub data: Option<AuthenticationTag>,
    /// Of each uploaded attachment or fragment.
    pub attachments: BTreeMap<AttachmentId, AuthenticationTag>,
}

impl Tags {
    /// The tags as an accept or reject event repeats them.
    #[must_use]
    pub fn to_event(&self) -> AuthenticationTags {
        let Self { metadata, data, attachments } = self.clone();
        AuthenticationTags { metadata: Some(metadata), data, attachments }
    }
}

impl TagCheck<'_> {
    /// Judges the tags of the submit event.
    ///
    /// # Errors
    /// Rejects when tags are absent or incomplete, or are not those of the attachments that the service names.
    pub fn judge(&self, tags: Option<&AuthenticationTags>) -> Result<Tags, Stop> {
        let Some(tags) = tags else {
            let detail = "Das Event submit-submission enthält keine Authentication-Tags.";
            return Err(Stop::Reject(vec![Check::TagsPresent.problem(detail)]));
        };
        let mut problems = Vec::new();
        if tags.metadata.is_none() {
            problems.push(Check::TagsComplete.problem("Der Authentication-Tag der Metadaten fehlt im Event-Log."));
        }
        if self.has_data && tags.data.is_none() {
            problems.push(Check::TagsComplete.problem("Der Authentication-Tag der Fachdaten fehlt im Event-Log."));
        }
        let named: BTreeSet<_> = self.attachments.iter().collect();
        if named != tags.attachments.keys().collect() {
            let detail = "Die Anlagen der Einreichung stimmen nicht mit denen im Event-Log überein.";
            problems.push(Check::AttachmentsHaveTags.problem(detail));
        }
        match &tags.metadata {
            Some(metadata) if problems.is_empty() => {
                Ok(Tags { metadata: metadata.clone(), data: tags.data.clone(), attachments: tags.attachments.clone() })
            }
            _ => Err(Stop::Reject(problems)),
        }
    }
}
