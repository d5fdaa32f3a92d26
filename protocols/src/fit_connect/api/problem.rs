//! Errors of the Submission API (problem+json, RFC 9457), not to be taken for the problems of a rejected submission.

use serde::{Deserialize, Serialize};

/// What every type that FITKO defines begins with.
pub const PREFIX: &str = "https://schema.fitko.de/fit-connect/submission-api/problems/";
/// The media type of the body.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The types that have been seen (dossier section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownType {
    /// No such destination.
    DestinationNotFound,
    /// The destination takes no submissions.
    DestinationStateInvalid,
    /// No such submission, or not in a state to be fetched.
    SubmissionNotFound,
}

impl KnownType {
    /// Its URI.
    #[must_use]
    pub fn uri(self) -> String {
        let suffix = match self {
            Self::DestinationNotFound => "destination-not-found",
            Self::DestinationStateInvalid => "destination-state-invalid",
            Self::SubmissionNotFound => "submission-not-found",
        };
        format!("{PREFIX}{suffix}")
    }
}

/// An error body. Reading takes any JSON object; a client shows it to nobody who may not see the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiProblem {
    /// The URI of its type.
    #[serde(rename = "type", default = "blank")]
    pub kind: String,
    /// What went wrong.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What exactly went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where it went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

fn blank() -> String {
    "about:blank".to_owned()
}

impl ApiProblem {
    /// A problem of this type (a URI).
    #[must_use]
    pub fn new(kind: impl Into<String>, title: impl Into<String>, status: u16) -> Self {
        Self { kind: kind.into(), title: title.into(), status, detail: None, instance: None }
    }

    /// The same, with more to say.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Whether it is of this type.
    #[must_use]
    pub fn is(&self, known: KnownType) -> bool {
        self.kind == known.uri()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_written_without_what_is_absent() {
        let problem = ApiProblem::new(KnownType::SubmissionNotFound.uri(), "Nicht gefunden", 404);
        let json = serde_json::to_string(&problem).expect("JSON");
        assert_eq!(json, format!(r#"{{"type":"{PREFIX}submission-not-found","title":"Nicht gefunden","status":404}}"#));
        assert!(serde_json::from_str::<ApiProblem>(&json).expect("read").is(KnownType::SubmissionNotFound));
    }

    #[test]
    fn any_object_is_taken_for_a_problem() {
        assert_eq!(serde_json::from_str::<ApiProblem>("{}").expect("read").kind, "about:blank");
    }
}
