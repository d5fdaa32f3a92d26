//! The HTTP client: one call after the other, each within the limits of the settings.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use ozg_protocols::moment::Moment;
use tokio::time::Instant;

use super::{
    Answer, Call, CallError, OutboundError, OutboundSettings, Refused, Resolve, error, meter::Meter, streaming::Large,
    wire::Wire,
};

/// The HTTP client. Cheap to clone: all clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    wire: Wire<Full<Bytes>>,
    settings: Arc<OutboundSettings>,
    agent: HeaderValue,
    pub(super) meter: Meter,
}

impl Client {
    /// A client with these settings.
    ///
    /// # Errors
    /// [`OutboundError`] when certificates or names in the settings are none.
    pub fn new(settings: OutboundSettings, resolver: Arc<dyn Resolve>) -> Result<Self, OutboundError> {
        let wire = Wire::new(&settings, resolver)?;
        let agent = settings.user_agent.parse().map_err(|_| OutboundError::UserAgent)?;
        Ok(Self { wire, agent, settings: Arc::new(settings), meter: Meter::new() })
    }

    /// The same without any connection.
    pub(super) fn anew(&self) -> Self {
        Self { wire: self.wire.anew(), ..self.clone() }
    }

    pub(super) fn settings(&self) -> &OutboundSettings {
        &self.settings
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
    pub(super) async fn stream(&self, call: Call, most: u64) -> Result<Large, CallError> {
        let (purpose, begun) = (call.purpose, Instant::now());
        let response = tokio::time::timeout(self.settings.answer_within, self.send(call)).await;
        let answer = response.unwrap_or(Err(CallError::Timeout)).and_then(|response| {
            if announced(&response).is_some_and(|length| length > most) {
                return Err(CallError::TooLarge);
            }
            let meter = self.meter.bytes(purpose);
            Ok(Large::new(response.into_body(), most, self.settings.idle, self.settings.least_rate, meter))
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
