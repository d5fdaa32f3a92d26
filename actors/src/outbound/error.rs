//! Why a call brought nothing, and when it may be tried again.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

/// Why a call brought nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// No connection, or one that broke.
    #[error("network: {0}")]
    Network(&'static str),
    /// Too slow: a small answer as a whole, or a large one between two pieces.
    #[error("no answer in time")]
    Timeout,
    /// A large answer that trickles.
    #[error("slower than the least rate")]
    TooSlow,
    /// The other side says no.
    #[error("status {}", .0.status.as_u16())]
    Status(Refused),
    /// The other side wants us to go elsewhere; nobody follows with a token in hand.
    #[error("redirected with status {}", .0.as_u16())]
    Redirected(StatusCode),
    /// Longer than allowed.
    #[error("the answer is too long")]
    TooLarge,
    /// So much is under way that this has to come again.
    #[error("too many calls at a time")]
    Busy,
}

/// A no of the other side.
#[derive(Clone)]
pub struct Refused {
    /// Its status.
    pub status: StatusCode,
    /// When it may be tried again (`Retry-After` in seconds, or `RateLimit-Reset`).
    pub retry_after: Option<Duration>,
    /// What it says, for example `application/problem+json`; never logged.
    pub body: Bytes,
}

impl std::fmt::Debug for Refused {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Refused({}, {} bytes)", self.status.as_u16(), self.body.len())
    }
}

impl CallError {
    /// Whoever carried the exchange has ended in the middle of it.
    pub(super) const CUT_OFF: Self = Self::Network("the exchange was cut off");

    /// A short name for metrics and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Network(_) => "network",
            Self::Timeout => "timeout",
            Self::TooSlow => "too-slow",
            Self::Redirected(_) => "redirected",
            Self::TooLarge => "too-large",
            Self::Busy => "busy",
            Self::Status(refused) => match refused.status.as_u16() {
                401 => "unauthorized",
                403 => "forbidden",
                404 => "not-found",
                409 => "conflict",
                422 => "unprocessable",
                429 => "too-many",
                500.. => "server-error",
                _ => "client-error",
            },
        }
    }

    /// Whether the other side is in trouble: it cannot be reached, does not answer in time, or says so itself.
    #[must_use]
    pub fn is_trouble(&self) -> bool {
        match self {
            Self::Network(_) | Self::Timeout | Self::TooSlow => true,
            Self::Status(refused) => {
                refused.status.is_server_error() || refused.status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Redirected(_) | Self::TooLarge | Self::Busy => false,
        }
    }

    /// The status of a no.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status(refused) => Some(refused.status),
            _ => None,
        }
    }

    /// How long the other side wants to be left alone.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status(refused) => refused.retry_after,
            _ => None,
        }
    }
}

/// The longest wait that is believed.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs);
    let wait = seconds(header::RETRY_AFTER.as_str()).or_else(|| seconds("ratelimit-reset"))?;
    Some(wait.min(LONGEST_WAIT))
}
