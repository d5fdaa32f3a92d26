//! The event log of a case: what became of one submission, told by its events in order (dossier section 9.4).

use super::{Claims, Event, Subject};
use crate::ids::SubmissionId;

/// Where a submission stands at the delivery service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Announced or not known: nothing can be fetched.
    #[default]
    Incomplete,
    /// Handed over, waiting for the subscriber.
    Submitted,
    /// Passed on by the subscriber, still open.
    Forwarded,
    /// Accepted for good.
    Accepted,
    /// Rejected for good.
    Rejected,
    /// Deleted by the service.
    Deleted,
}

impl State {
    /// Whether a subscriber may still accept or reject.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Submitted | Self::Forwarded)
    }

    /// The state after an event, `None` where the event may not happen now. Events without a bearing change nothing.
    #[must_use]
    pub fn after(self, event: &Event) -> Option<Self> {
        match (self, event) {
            (Self::Incomplete, Event::Created) => Some(Self::Incomplete),
            (Self::Incomplete, Event::Submitted(_)) => Some(Self::Submitted),
            (Self::Submitted, Event::Forwarded(_)) => Some(Self::Forwarded),
            (Self::Submitted | Self::Forwarded, Event::Accepted(_)) => Some(Self::Accepted),
            (Self::Submitted | Self::Forwarded, Event::Rejected { .. }) => Some(Self::Rejected),
            (_, Event::Deleted(_)) => Some(Self::Deleted),
            (state, Event::Notified(_) | Event::Other { .. }) => Some(state),
            _ => None,
        }
    }
}

/// The state of this submission after these (verified) events, oldest first; impossible events are passed over.
#[must_use]
pub fn state<'a>(log: impl IntoIterator<Item = &'a Claims>, submission: SubmissionId) -> State {
    of(log, submission).fold(State::default(), |state, event| state.after(event).unwrap_or(state))
}

/// The events of this submission among those of its case.
pub fn of<'a>(log: impl IntoIterator<Item = &'a Claims>, submission: SubmissionId) -> impl Iterator<Item = &'a Event> {
    log.into_iter().filter(move |set| set.subject == Subject::Submission(submission)).map(|set| &set.event)
}
