//! Security event tokens (RFC 8417) as the delivery service writes them, and the names of all events.

use ozg_protocols::{
    ids::{FitCaseId, SubmissionId},
    moment::Moment,
};
use serde_json::{Value, json};

/// The media type in the header of a SET.
pub(super) const TYPE: &str = "secevent+jwt";
const EVENTS: &str = "https://schema.fitko.de/fit-connect/events/";
/// Earliest `iat` (2020-01-01T00:00:00+01:00, set-payload schemas).
pub(super) const EARLIEST: i64 = 1_577_833_200;

/// An event (dossier section 9.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EventKind {
    Create,
    Submit,
    Notify,
    Forward,
    Accept,
    Reject,
    Delete,
}

impl EventKind {
    const ALL: [Self; 7] =
        [Self::Create, Self::Submit, Self::Notify, Self::Forward, Self::Accept, Self::Reject, Self::Delete];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create-submission",
            Self::Submit => "submit-submission",
            Self::Notify => "notify-submission",
            Self::Forward => "forward-submission",
            Self::Accept => "accept-submission",
            Self::Reject => "reject-submission",
            Self::Delete => "delete-submission",
        }
    }

    /// The event with this URI.
    pub(super) fn of_uri(uri: &str) -> Option<Self> {
        let name = uri.strip_prefix(EVENTS)?;
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    /// Whether a subscriber may write it.
    pub(super) const fn of_subscribers(self) -> bool {
        matches!(self, Self::Forward | Self::Accept | Self::Reject)
    }
}

/// What a SET of the service is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub(super) submission: SubmissionId,
    pub(super) case: FitCaseId,
    pub(super) at: Moment,
    /// Random bytes for the `jti`.
    pub(super) random: [u8; 16],
}

/// The URI of a version of the set-payload schema.
pub(super) fn schema(version: &str) -> String {
    format!("https://schema.fitko.de/fit-connect/set-payload/{version}/set-payload.schema.json")
}

/// The claims of an event of the service.
pub(super) fn claims(issuer: &str, schema: &str, about: About, event: EventKind, payload: &Value) -> Value {
    json!({
        "$schema": schema,
        "jti": SubmissionId::from_random(about.random).to_string(),
        "iss": issuer,
        "iat": about.at.seconds(),
        "sub": format!("submission:{}", about.submission),
        "txn": format!("case:{}", about.case),
        "events": { format!("{EVENTS}{}", event.name()): payload },
    })
}
