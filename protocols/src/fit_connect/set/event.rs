//! The events that a SET can report, with what they carry, and who may report which: a table.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fit_connect::{tag::AuthenticationTags, verify::Problem};

const PREFIX: &str = "https://schema.fitko.de/fit-connect/events/";

/// The events we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The service has made a place for a submission.
    CreateSubmission,
    /// The sender has handed it over.
    SubmitSubmission,
    /// The service has told the subscriber.
    NotifySubmission,
    /// The subscriber has passed it on.
    ForwardSubmission,
    /// The subscriber has it and takes responsibility.
    AcceptSubmission,
    /// The subscriber (or, after its deadline, the service) refuses it for technical reasons.
    RejectSubmission,
    /// The service has deleted it.
    DeleteSubmission,
}

/// One row: the event, its name, whether the service and whether a subscriber may report it.
///
/// Source: dossier section 9.2; that the service rejects after 14 days is inferred there, section 18.
type Row = (EventKind, &'static str, bool, bool);

#[rustfmt::skip]
const EVENTS: [Row; 7] = [
    //                                                       service subscriber
    (EventKind::CreateSubmission,  "create-submission",       true,  false),
    (EventKind::SubmitSubmission,  "submit-submission",       true,  false),
    (EventKind::NotifySubmission,  "notify-submission",       true,  false),
    (EventKind::ForwardSubmission, "forward-submission",      false, true),
    (EventKind::AcceptSubmission,  "accept-submission",       false, true),
    (EventKind::RejectSubmission,  "reject-submission",       true,  true),
    (EventKind::DeleteSubmission,  "delete-submission",       true,  false),
];

impl EventKind {
    fn row(self) -> Row {
        // The table has a row for every kind; the first is never taken for another.
        EVENTS.into_iter().find(|row| row.0 == self).unwrap_or(EVENTS[0])
    }

    /// The last part of its URI.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// Its URI.
    #[must_use]
    pub fn uri(self) -> String {
        format!("{PREFIX}{}", self.name())
    }

    /// Whether the delivery service may report it.
    #[must_use]
    pub fn by_service(self) -> bool {
        self.row().2
    }

    /// Whether the subscriber of the destination may report it.
    #[must_use]
    pub fn by_subscriber(self) -> bool {
        self.row().3
    }

    fn of(uri: &str) -> Option<Self> {
        let name = uri.strip_prefix(PREFIX)?;
        EVENTS.into_iter().find(|row| row.1 == name).map(|row| row.0)
    }
}

/// An event with what it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// See [`EventKind::CreateSubmission`].
    Created,
    /// See [`EventKind::SubmitSubmission`]; old services send no tags.
    Submitted(Option<AuthenticationTags>),
    /// See [`EventKind::NotifySubmission`]; what it carries is not established and kept as it is.
    Notified(Value),
    /// See [`EventKind::ForwardSubmission`].
    Forwarded(Option<AuthenticationTags>),
    /// See [`EventKind::AcceptSubmission`]; carries what was accepted.
    Accepted(Option<AuthenticationTags>),
    /// See [`EventKind::RejectSubmission`].
    Rejected {
        /// Why; may be empty.
        problems: Vec<Problem>,
        /// What was rejected, where the author says so.
        tags: Option<AuthenticationTags>,
    },
    /// See [`EventKind::DeleteSubmission`]; what it carries is not established and kept as it is.
    Deleted(Value),
    /// An event we do not know.
    Other {
        /// Its URI.
        uri: String,
        /// What it carries.
        payload: Value,
    },
}

/// The content of a known event is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the content of the event {0} is malformed")]
pub struct EventRefused(pub &'static str);

/// What events of submissions carry.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authentication_tags: Option<AuthenticationTags>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<Problem>>,
}

impl Event {
    /// Reads an event by its URI. Members that we do not know are passed over.
    ///
    /// # Errors
    /// When a known event carries malformed tags or problems.
    pub fn parse(uri: &str, payload: &Value) -> Result<Self, EventRefused> {
        let Some(kind) = EventKind::of(uri) else {
            return Ok(Self::Other { uri: uri.to_owned(), payload: payload.clone() });
        };
        let carried = || Payload::deserialize(payload).map_err(|_| EventRefused(kind.name()));
        Ok(match kind {
            EventKind::CreateSubmission => Self::Created,
            EventKind::SubmitSubmission => Self::Submitted(carried()?.authentication_tags),
            EventKind::NotifySubmission => Self::Notified(payload.clone()),
            EventKind::ForwardSubmission => Self::Forwarded(carried()?.authentication_tags),
            EventKind::AcceptSubmission => Self::Accepted(carried()?.authentication_tags),
            EventKind::RejectSubmission => {
                let Payload { authentication_tags, problems } = carried()?;
                Self::Rejected { problems: problems.unwrap_or_default(), tags: authentication_tags }
            }
            EventKind::DeleteSubmission => Self::Deleted(payload.clone()),
        })
    }

    /// Which event this is; `None` for one that we do not know.
    #[must_use]
    pub const fn kind(&self) -> Option<EventKind> {
        Some(match self {
            Self::Created => EventKind::CreateSubmission,
            Self::Submitted(_) => EventKind::SubmitSubmission,
            Self::Notified(_) => EventKind::NotifySubmission,
            Self::Forwarded(_) => EventKind::ForwardSubmission,
            Self::Accepted(_) => EventKind::AcceptSubmission,
            Self::Rejected { .. } => EventKind::RejectSubmission,
            Self::Deleted(_) => EventKind::DeleteSubmission,
            Self::Other { .. } => return None,
        })
    }

    /// Its URI and what it carries.
    pub(super) fn to_json(&self) -> (String, Value) {
        let with = |tags: &Option<AuthenticationTags>, problems: Option<&Vec<Problem>>| {
            let payload = Payload { authentication_tags: tags.clone(), problems: problems.cloned() };
            serde_json::to_value(payload).unwrap_or_default()
        };
        let payload = match self {
            Self::Created => Value::Object(Map::new()),
            Self::Notified(payload) | Self::Deleted(payload) => payload.clone(),
            Self::Submitted(tags) | Self::Forwarded(tags) | Self::Accepted(tags) => with(tags, None),
            Self::Rejected { problems, tags } => with(tags, Some(problems)),
            Self::Other { uri, payload } => return (uri.clone(), payload.clone()),
        };
        (self.kind().map(EventKind::uri).unwrap_or_default(), payload)
    }
}
