//! The one way out by HTTP: every call of the house to a foreign service goes through an [`Outbound`].
//!
//! A small answer has a deadline for the whole of it and a size ([`Outbound::call`]); a large one has an idle limit, a least
//! rate and a size ([`Outbound::stream`]). Redirects are never followed: they would carry a token to somebody else. Names
//! are resolved by whoever was handed in. Says what went wrong in a [`CallError`], which names no person and no content.
//!
//! One actor of the infrastructure owns the connections and what is under way ([`exchanges`]); a call takes its permit at
//! the edge of it ([`way`]). A tool without a house has the [`Client`] alone.

mod client;
mod dial;
mod error;
mod exchanges;
mod meter;
mod peers;
mod resolve;
mod streaming;
mod way;
mod wire;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use ozg_protocols::moment::Moment;

pub use client::Client;
pub use error::{CallError, Refused};
pub use resolve::{Resolve, SystemResolver};
pub use streaming::Streaming;
pub use way::Outbound;
pub use wire::Wire;

/// How calls go out.
#[derive(Debug, Clone)]
pub struct OutboundSettings {
    /// The proxy that `https` calls to other machines go through.
    pub proxy: Option<Uri>,
    /// Certificates (DER) of authorities that are trusted besides those of the system.
    pub authorities: Vec<Vec<u8>>,
    /// The time for a connection, TLS included.
    pub connect_within: Duration,
    /// The time for the whole of a small answer.
    pub answer_within: Duration,
    /// The longest small answer in bytes.
    pub most_bytes: usize,
    /// How long a large answer may pause.
    pub idle: Duration,
    /// Bytes per second that a large answer has to bring on average.
    pub least_rate: u64,
    /// The longest attachment in clear, in bytes: a longer one is a technical error of its submission.
    pub longest_attachment: u64,
    /// How we call ourselves.
    pub user_agent: String,
}

impl Default for OutboundSettings {
    fn default() -> Self {
        Self {
            proxy: None,
            authorities: Vec::new(),
            connect_within: Duration::from_secs(10),
            answer_within: Duration::from_secs(30),
            most_bytes: 16 * 1024 * 1024,
            idle: Duration::from_secs(20),
            least_rate: 8 * 1024,
            longest_attachment: 2 * 1024 * 1024 * 1024,
            user_agent: concat!("ozg-cloud/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// The client cannot be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// One of the configured authorities is no certificate.
    #[error("a configured certificate authority is no certificate")]
    Authority,
    /// The TLS library refuses its own versions.
    #[error("TLS cannot be set up")]
    Tls,
    /// The name that we give ourselves cannot stand in a header.
    #[error("the user agent cannot stand in a header")]
    UserAgent,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// What it is for; the label of its metrics.
    pub purpose: &'static str,
    /// Method.
    pub method: Method,
    /// Where to.
    pub uri: Uri,
    /// Headers besides `User-Agent`.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Bytes,
}

impl Call {
    /// A call without headers and body.
    #[must_use]
    pub fn new(purpose: &'static str, method: Method, uri: Uri) -> Self {
        Self { purpose, method, uri, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// With this header.
    #[must_use]
    pub fn with(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With this body of this type.
    #[must_use]
    pub fn sending(self, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut call = self.with(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        call.body = body.into();
        call
    }
}

/// A small answer that says yes (2xx).
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// When it was given, as the other side's clock says (RFC 9110, section 6.6.1).
    pub date: Option<Moment>,
    /// The whole of it.
    pub body: Bytes,
}

#[cfg(test)]
mod peer;

#[cfg(test)]
mod tests;
