//! The one way out by HTTP: every call of the house to a foreign service goes through an [`Outbound`].
//!
//! A small answer has a deadline for the whole of it and a size ([`Outbound::call`]); a large one has an idle limit, a least
//! rate and a size ([`Outbound::stream`]). Redirects are never followed: they would carry a token to somebody else. Names
//! are resolved by whoever was handed in. Says what went wrong in a [`CallError`], which names no person and no content.

mod dial;
mod error;
mod meter;
mod resolve;
mod streaming;
mod wire;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use ozg_protocols::moment::Moment;
use tokio::time::Instant;

pub use error::{CallError, Refused};
pub use resolve::{Resolve, SystemResolver};
pub use streaming::Streaming;
pub use wire::Wire;

use crate::observe::Observation;
use meter::Meter;

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

/// The HTTP client. Cheap to clone: all clones share their connections.
#[derive(Clone)]
pub struct Outbound {
    wire: Wire<Full<Bytes>>,
    settings: Arc<OutboundSettings>,
    agent: HeaderValue,
    meter: Meter,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Outbound")
    }
}

impl Outbound {
    /// A client with these settings.
    ///
    /// # Errors
    /// [`OutboundError`] when certificates or names in the settings are none.
    pub fn new(settings: OutboundSettings, resolver: Arc<dyn Resolve>) -> Result<Self, OutboundError> {
        let wire = Wire::new(&settings, resolver)?;
        let agent = settings.user_agent.parse().map_err(|_| OutboundError::UserAgent)?;
        Ok(Self { wire, agent, settings: Arc::new(settings), meter: Meter::new() })
    }

    /// The longest attachment in clear that is fetched, in bytes.
    #[must_use]
    pub fn longest_attachment(&self) -> u64 {
        self.settings.longest_attachment
    }

    /// Shows what its calls cost among these metrics; once.
    pub fn register(&self, observation: &Observation) {
        self.meter.register(observation);
    }

    /// Calls and waits for the whole of a small answer.
    ///
    /// # Errors
    /// [`CallError`] unless it says yes in time.
    pub async fn call(&self, call: Call) -> Result<Answer, CallError> {
        let (purpose, begun) = (call.purpose, Instant::now());
        let answer = tokio::time::timeout(self.settings.answer_within, async {
            let response = self.send(call).await?;
            let (status, date) = (response.status(), response.headers().get(header::DATE).and_then(moment));
            Ok(Answer { status, date, body: self.collect(response).await? })
        });
        let answer = answer.await.unwrap_or(Err(CallError::Timeout));
        self.meter.called(purpose, answer.as_ref().err(), begun.elapsed());
        answer
    }

    /// Calls and hands out a large answer piece by piece, at most this many bytes.
    ///
    /// # Errors
    /// [`CallError`] unless it begins to say yes in time.
    pub async fn stream(&self, call: Call, most: u64) -> Result<Streaming, CallError> {
        let (purpose, begun) = (call.purpose, Instant::now());
        let response = tokio::time::timeout(self.settings.answer_within, self.send(call)).await;
        let answer = response.unwrap_or(Err(CallError::Timeout)).and_then(|response| {
            if announced(&response).is_some_and(|length| length > most) {
                return Err(CallError::TooLarge);
            }
            let meter = self.meter.bytes(purpose);
            Ok(Streaming::new(response.into_body(), most, self.settings.idle, self.settings.least_rate, meter))
        });
        self.meter.called(purpose, answer.as_ref().err(), begun.elapsed());
        answer
    }

    async fn send(&self, call: Call) -> Result<Response<Incoming>, CallError> {
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = call.uri;
        *request.headers_mut() = call.headers;
        request.headers_mut().insert(header::USER_AGENT, self.agent.clone());
        let response = self.wire.send(request).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_redirection() {
            return Err(CallError::Redirected(status));
        }
        let retry_after = error::retry_after(response.headers());
        let body = self.collect(response).await.unwrap_or_default();
        Err(CallError::Status(Refused { status, retry_after, body }))
    }

    async fn collect(&self, response: Response<Incoming>) -> Result<Bytes, CallError> {
        let most = self.settings.most_bytes;
        if announced(&response).is_some_and(|length| length > most as u64) {
            return Err(CallError::TooLarge);
        }
        match Limited::new(response.into_body(), most).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(CallError::TooLarge),
            Err(_) => Err(CallError::Network("the answer broke off")),
        }
    }
}

/// `Date` (RFC 9110, section 5.6.7); its newer form is a form of RFC 5322.
fn moment(date: &HeaderValue) -> Option<Moment> {
    let zoned = jiff::fmt::rfc2822::parse(date.to_str().ok()?).ok()?;
    Some(Moment::from_seconds(zoned.timestamp().as_second()))
}

fn announced(response: &Response<Incoming>) -> Option<u64> {
    response.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod peer;

#[cfg(test)]
mod tests;
