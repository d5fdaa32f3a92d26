//! What the sandbox answers when it refuses: `application/problem+json` (RFC 7807) with the types of the delivery service.
//!
//! Which refusal belongs to which status stands where the rule is checked; here is only how it is written.

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;

use super::answer::{self, Answer};

const PREFIX: &str = "https://schema.fitko.de/fit-connect/submission-api/problems/";

/// A refusal: status, type and title are fixed by the rule, the detail says what this request got wrong.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, title, detail: detail.into(), headers: Vec::new() }
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "Bad Request", detail)
    }

    pub(super) fn unauthorized(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized", detail);
        problem.headers.push((http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        problem
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden", detail)
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not Found", "no such resource")
    }

    pub(super) fn no_submission() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "submission-not-found",
            "Submission not found",
            "there is none, or it is not in the state submitted or forwarded",
        )
    }

    pub(super) fn no_destination() -> Self {
        Self::new(StatusCode::NOT_FOUND, "destination-not-found", "Destination not found", "there is none with this id")
    }

    pub(super) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request-too-large", "Request Entity Too Large", detail)
    }

    pub(super) fn media_type(expected: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "Unsupported Media Type",
            format!("expected {expected}"),
        )
    }

    pub(super) fn unprocessable(kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, title, detail)
    }

    pub(super) fn not_implemented() -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "not-implemented",
            "Not Implemented",
            "the sandbox serves only what is evidenced of this version",
        )
    }

    pub(super) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal-error", "Internal Server Error", detail)
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: u64) -> Self {
        self.headers.push((name, HeaderValue::from(value)));
        self
    }

    pub(super) fn into_answer(self) -> Answer {
        let body = json!({
            "type": format!("{PREFIX}{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let mut answer = answer::json_as(self.status, "application/problem+json", &body);
        for (name, value) in self.headers {
            answer.headers_mut().insert(name, value);
        }
        answer
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.title, self.detail)
    }
}
