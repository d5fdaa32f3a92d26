//! Judging a submission (Einreichung prüfen): what is checked in which order, and which problem a failure becomes.
//!
//! [`TABLE`] is the order and the wording as data; each stage is a value that is given what the subscriber has fetched
//! and decrypted, and answers with what the next stage needs or with a [`Stop`]. The subscriber drives:
//! [`EventLogCheck`] → [`TagCheck`] → [`MetadataCheck`] → [`DataCheck`] → one [`AttachmentCheck`] per attachment, joined by
//! [`all`]. Within a stage everything is collected that can be judged; the next stage is only reached when nothing was
//! found. Rejecting is final, so what may be our own fault (a key that we do not have, a log that we cannot check yet) is
//! a [`Retry`], and a retry outweighs every problem found beside it. Nothing else is ever a reason to reject.

mod attachment;
mod data;
mod event_log;
mod metadata;
mod opened;
mod problem;
mod reply;
mod table;
mod tags;
#[cfg(test)]
mod verdicts;

pub use self::{
    attachment::{AttachmentCheck, FetchedPart, parts},
    data::{DataCheck, SchemaVerdict, ValidateData},
    event_log::{EventLogCheck, JudgedLog, SetKeys},
    metadata::MetadataCheck,
    opened::{OpenedPart, Unreadable},
    problem::{Instance, PREFIX, Problem, told},
    reply::{ReplyChannels, ReplyKind, UnknownReplyKind},
    table::{Check, Row, Stage, TABLE},
    tags::{TagCheck, Tags},
};
use super::jose::kid::Kid;

/// Why a submission cannot be judged yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Retry {
    /// A SET names a key that its issuer has not published (to us), or our own service's key under an issuer that is not
    /// configured: its address changed, or our settings are wrong.
    #[error("no key {0} of a known issuer to verify an event with")]
    UnknownSetKey(Kid),
    /// A SET of somebody who may speak here has a schema that we do not know: the service has moved on, and we have not.
    #[error("an event has the schema {0}, which is not known")]
    UnknownSetSchema(String),
    /// A part is sealed for a key that we do not have.
    #[error("no key {0} to decrypt with")]
    UnknownDecryptionKey(Kid),
}

/// Why the judging of a submission ends before it is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It has these problems: reject it, for good.
    Reject(Vec<Problem>),
    /// It cannot be judged yet: raise an alarm, come back later.
    Retry(Retry),
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was found: persist, then accept.
    Accept,
    /// See [`Stop::Reject`].
    Reject(Vec<Problem>),
    /// See [`Stop::Retry`].
    Retry(Retry),
}

impl From<Result<(), Stop>> for Outcome {
    fn from(judged: Result<(), Stop>) -> Self {
        match judged {
            Ok(()) => Self::Accept,
            Err(Stop::Reject(problems)) => Self::Reject(problems),
            Err(Stop::Retry(retry)) => Self::Retry(retry),
        }
    }
}

/// Joins what was found side by side in one stage: a retry outweighs problems, problems are collected in order.
///
/// # Errors
/// When any of them is one.
pub fn all(found: impl IntoIterator<Item = Result<(), Stop>>) -> Result<(), Stop> {
    let mut problems = Vec::new();
    let mut retry = None;
    for one in found {
        match one {
            Ok(()) => {}
            Err(Stop::Reject(more)) => problems.extend(more),
            Err(Stop::Retry(reason)) => retry = retry.or(Some(reason)),
        }
    }
    match retry {
        Some(reason) => Err(Stop::Retry(reason)),
        None => reject_if(problems),
    }
}

fn reject_if(problems: Vec<Problem>) -> Result<(), Stop> {
    if problems.is_empty() { Ok(()) } else { Err(Stop::Reject(problems)) }
}
