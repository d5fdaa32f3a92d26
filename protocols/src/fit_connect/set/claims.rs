//! The claims of a SET (set-payload schema 1.0.0 to 1.2.2), read strictly where a rule is known and tolerantly elsewhere;
//! and of a SET that cannot be read as a whole, the little that is the same in every version.

use std::{fmt, str::FromStr};

use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::event::{Event, EventRefused};
use crate::{
    ids::{DestinationId, FitCaseId, SubmissionId},
    moment::Moment,
};

/// 2020-01-01T00:00:00+01:00, the schema's least `iat`, in seconds.
const EARLIEST: i64 = 1_577_833_200;

/// Who says something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Issuer {
    /// The delivery service, by its base URL.
    Service(String),
    /// A subscriber, by its destination.
    Destination(DestinationId),
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A submission.
    Submission(SubmissionId),
    /// A reply (since 1.2).
    Reply(Uuid),
}

/// What a SET says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// `$schema`: the version of the payload schema; mirrored when answering.
    pub schema: Option<String>,
    /// `jti`: the id of this SET.
    pub id: Uuid,
    /// `iss`: who says so.
    pub issuer: Issuer,
    /// `iat`: since when, in whole seconds.
    pub issued_at: Moment,
    /// `sub`: about what.
    pub subject: Subject,
    /// `txn`: in which case of the delivery service.
    pub case: FitCaseId,
    /// The one event.
    pub event: Event,
}

/// Why claims are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsRefused {
    /// Not a JSON object.
    #[error("the payload is not a JSON object")]
    NotAnObject,
    /// A required claim is absent or malformed.
    #[error("the claim {0} is absent or malformed")]
    Claim(&'static str),
    /// `$schema` is no set-payload schema of a version that we know.
    #[error("the payload schema is not supported")]
    Schema,
    /// Not exactly one event.
    #[error("not exactly one event")]
    Events,
    /// The event's own content is malformed.
    #[error(transparent)]
    Event(#[from] EventRefused),
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "$schema")]
    schema: Option<Value>,
    jti: Option<Value>,
    iss: Option<Value>,
    iat: Option<Value>,
    sub: Option<Value>,
    txn: Option<Value>,
    events: Option<Map<String, Value>>,
}

impl Claims {
    /// Reads claims from the payload of a SET. Unknown claims and unknown events are taken.
    ///
    /// # Errors
    /// Names the first rule that they break.
    pub fn parse(json: &[u8]) -> Result<Self, ClaimsRefused> {
        let raw: Raw = serde_json::from_slice(json).map_err(|_| ClaimsRefused::NotAnObject)?;
        let schema = match &raw.schema {
            None => None,
            Some(Value::String(uri)) if is_schema(uri) => Some(uri.clone()),
            Some(_) => return Err(ClaimsRefused::Schema),
        };
        let seconds = raw.iat.as_ref().and_then(Value::as_i64).filter(|seconds| *seconds >= EARLIEST);
        let events = raw.events.as_ref().filter(|events| events.len() == 1).ok_or(ClaimsRefused::Events)?;
        let (uri, payload) = events.iter().next().ok_or(ClaimsRefused::Events)?;
        Ok(Self {
            schema,
            id: text(raw.jti.as_ref(), "jti")?,
            issuer: text(raw.iss.as_ref(), "iss")?,
            issued_at: Moment::from_seconds(seconds.ok_or(ClaimsRefused::Claim("iat"))?),
            subject: text(raw.sub.as_ref(), "sub")?,
            case: text::<CaseClaim>(raw.txn.as_ref(), "txn")?.0,
            event: Event::parse(uri, payload)?,
        })
    }

    /// The claims as JSON; the same claims always give the same bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut claims = Map::new();
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        if let Some(schema) = &self.schema {
            put("$schema", Value::from(schema.as_str()));
        }
        put("jti", Value::from(self.id.to_string()));
        put("iss", Value::from(self.issuer.to_string()));
        put("iat", Value::from(self.issued_at.seconds()));
        put("sub", Value::from(self.subject.to_string()));
        put("txn", Value::from(format!("case:{}", self.case)));
        let (uri, payload) = self.event.to_json();
        put("events", Value::Object(Map::from_iter([(uri, payload)])));
        Value::Object(claims).to_string()
    }
}

/// The versions of the set-payload schema that are read, by their major number.
#[rustfmt::skip]
const VERSIONS: [&str; 1] = [
    "1", // 1.0.0 to 1.2.2 are published; the pattern of 1.2.2 lets every later minor version pass.
];

/// Whether this is a set-payload schema of a version that is read.
fn is_schema(uri: &str) -> bool {
    let version = uri
        .strip_prefix("https://schema.fitko.de/fit-connect/set-payload/")
        .and_then(|rest| rest.strip_suffix("/set-payload.schema.json"));
    let number = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    match version.map(|version| version.split('.').collect::<Vec<_>>()).as_deref() {
        Some([major, minor, patch]) => VERSIONS.contains(major) && number(minor) && number(patch),
        _ => false,
    }
}

/// What every version of the schema has in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outline {
    pub(super) issuer: Issuer,
    pub(super) schema: String,
}

impl Outline {
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        let raw: Raw = serde_json::from_slice(json).ok()?;
        let schema = raw.schema.as_ref().and_then(Value::as_str).unwrap_or_default();
        Some(Self { issuer: text(raw.iss.as_ref(), "iss").ok()?, schema: schema.to_owned() })
    }
}

#[derive(Deserialize)]
struct About {
    sub: String,
}

/// Whether the payload of a SET says that it is about something else than this submission, however the rest of it reads.
pub(super) fn is_about_another(json: &[u8], submission: SubmissionId) -> bool {
    let Ok(About { sub }) = serde_json::from_slice(json) else { return false };
    match sub.parse::<Subject>() {
        Ok(subject) => subject != Subject::Submission(submission),
        // Another kind of subject. A submission that is named badly may be ours.
        Err(InvalidClaim) => sub.split_once(':').is_some_and(|(kind, _)| kind != "submission"),
    }
}

fn text<T: FromStr>(claim: Option<&Value>, name: &'static str) -> Result<T, ClaimsRefused> {
    let text = claim.and_then(Value::as_str).ok_or(ClaimsRefused::Claim(name))?;
    text.parse().map_err(|_| ClaimsRefused::Claim(name))
}

/// A text that is no issuer, subject or case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a claim of this kind")]
pub struct InvalidClaim;

impl FromStr for Issuer {
    type Err = InvalidClaim;

    fn from_str(text: &str) -> Result<Self, InvalidClaim> {
        if text.starts_with("http") {
            return Ok(Self::Service(text.to_owned()));
        }
        text.parse().map(Self::Destination).map_err(|_| InvalidClaim)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(url) => out.write_str(url),
            Self::Destination(id) => id.fmt(out),
        }
    }
}

impl FromStr for Subject {
    type Err = InvalidClaim;

    fn from_str(text: &str) -> Result<Self, InvalidClaim> {
        match text.split_once(':') {
            Some(("submission", id)) => id.parse().map(Self::Submission).map_err(|_| InvalidClaim),
            Some(("reply", id)) if id.len() == 36 => id.parse().map(Self::Reply).map_err(|_| InvalidClaim),
            _ => Err(InvalidClaim),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submission(id) => write!(out, "submission:{id}"),
            Self::Reply(id) => write!(out, "reply:{id}"),
        }
    }
}

struct CaseClaim(FitCaseId);

impl FromStr for CaseClaim {
    type Err = InvalidClaim;

    fn from_str(text: &str) -> Result<Self, InvalidClaim> {
        let id = text.strip_prefix("case:").ok_or(InvalidClaim)?;
        id.parse().map(Self).map_err(|_| InvalidClaim)
    }
}
