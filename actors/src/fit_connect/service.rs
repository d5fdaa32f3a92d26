//! The delivery service (Zustelldienst) as one destination sees it: the calls of the Submission API that a subscriber makes.
//!
//! Keeps no state: tokens come from [`Credentials`], a token that the service refuses is replaced once. Every list and log
//! is read to its end. Answers are parsed, never interpreted: what they mean is judged elsewhere.

use std::sync::Arc;

use http::{HeaderValue, Method, Uri, header};
use ozg_protocols::{
    fit_connect::api::{
        page::{EventLogPage, MAX_LIMIT, SubmissionsForPickup},
        submission::{Submission, SubmissionIds},
    },
    ids::{AttachmentId, FitCaseId, SubmissionId},
};
use serde::de::DeserializeOwned;

use super::credentials::Credentials;
use crate::{
    clock::Agreement,
    outbound::{Answer, Call, CallError, Outbound, Streaming},
    settings::DestinationSettings,
};

/// The most entries of a log that are read; a hostile service could go on for ever.
const MOST_EVENTS: usize = 20_000;
/// The most pages that they may come in.
const MOST_PAGES: usize = 200;

/// Why the delivery service brought nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ServiceError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The token service gives no token; its status says nothing about what the token was wanted for.
    #[error("no token")]
    Token(#[source] CallError),
    /// What it says is not what the API says.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// Our own side is not ready.
    #[error("not available")]
    Unavailable,
}

impl ServiceError {
    /// A short name for metrics and logs.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Call(error) | Self::Token(error) => error.kind(),
            Self::Malformed(_) => "malformed",
            Self::Unavailable => "unavailable",
        }
    }

    /// How long the service wants to be left alone.
    pub(crate) const fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Call(error) | Self::Token(error) => error.retry_after(),
            Self::Malformed(_) | Self::Unavailable => None,
        }
    }

    /// The status, if the service said no.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Call(error) => error.status().map(|status| status.as_u16()),
            Self::Token(_) | Self::Malformed(_) | Self::Unavailable => None,
        }
    }
}

/// The delivery service.
#[derive(Debug, Clone)]
pub(crate) struct DeliveryService {
    settings: Arc<DestinationSettings>,
    outbound: Outbound,
    credentials: Credentials,
    agreement: Agreement,
}

/// An address of the Submission API of this destination.
pub(super) fn uri(settings: &DestinationSettings, path: &str) -> Result<Uri, ServiceError> {
    let (base, version) = (settings.submission_url.to_string(), settings.version.segment());
    format!("{}/{version}/{path}", base.trim_end_matches('/')).parse().map_err(|_| ServiceError::Malformed("address"))
}

impl DeliveryService {
    pub(crate) const fn new(
        settings: Arc<DestinationSettings>,
        outbound: Outbound,
        credentials: Credentials,
        agreement: Agreement,
    ) -> Self {
        Self { settings, outbound, credentials, agreement }
    }

    /// The keys of event logs.
    pub(crate) const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The longest attachment in clear that is fetched, in bytes.
    pub(crate) fn longest_attachment(&self) -> u64 {
        self.outbound.longest_attachment()
    }

    /// One page of what waits to be fetched, and where the next begins.
    pub(crate) async fn waiting(&self, offset: u64) -> Result<(Vec<SubmissionIds>, Option<u64>), ServiceError> {
        let path = format!("submissions?destinationId={}&limit={MAX_LIMIT}&offset={offset}", self.settings.id);
        let page: SubmissionsForPickup = self.get("list", &path).await?;
        let next = page.position.next(offset, page.submissions.len() as u64, u64::from(MAX_LIMIT));
        Ok((page.submissions, next))
    }

    /// A submission, still encrypted.
    pub(crate) async fn submission(&self, id: SubmissionId) -> Result<Submission, ServiceError> {
        self.get("submission", &format!("submissions/{id}")).await
    }

    /// The whole event log of a case, oldest first.
    pub(crate) async fn event_log(&self, case: FitCaseId) -> Result<Vec<String>, ServiceError> {
        let (mut log, mut offset): (Vec<String>, u64) = (Vec::new(), 0);
        for _ in 0..MOST_PAGES {
            let path = format!("cases/{case}/events?limit={MAX_LIMIT}&offset={offset}");
            let page: EventLogPage = self.get("event-log", &path).await?;
            // Taken for a log, it would be one in which everything happened twice.
            if offset > 0 && !page.event_log.is_empty() && page.event_log.iter().all(|set| log.contains(set)) {
                return Err(ServiceError::Malformed("event log that repeats itself"));
            }
            let next = page.position.next(offset, page.event_log.len() as u64, u64::from(MAX_LIMIT));
            log.extend(page.event_log);
            match next {
                Some(next) if log.len() < MOST_EVENTS => offset = next,
                Some(_) => break,
                None => return Ok(log),
            }
        }
        Err(ServiceError::Malformed("event log without end"))
    }

    /// An attachment or a fragment, still encrypted, at most this many bytes.
    pub(crate) async fn attachment(
        &self,
        submission: SubmissionId,
        attachment: AttachmentId,
        most: u64,
    ) -> Result<Streaming, ServiceError> {
        let at = uri(&self.settings, &format!("submissions/{submission}/attachments/{attachment}"))?;
        let call = || Call::new("attachment", Method::GET, at.clone()).with(header::ACCEPT, JOSE);
        let token = self.credentials.token(None).await?;
        match self.outbound.stream(call().with(header::AUTHORIZATION, token.header.clone()), most).await {
            Err(error) if is_unauthorised(&error) => {
                let token = self.credentials.token(Some(&token)).await?;
                Ok(self.outbound.stream(call().with(header::AUTHORIZATION, token.header), most).await?)
            }
            answer => Ok(answer?),
        }
    }

    /// Hands in a signed event.
    pub(crate) async fn post_event(&self, case: FitCaseId, token: &str) -> Result<(), ServiceError> {
        let at = uri(&self.settings, &format!("cases/{case}/events"))?;
        let body = bytes::Bytes::copy_from_slice(token.as_bytes());
        let call = || Call::new("post-event", Method::POST, at.clone()).sending("application/jose", body.clone());
        self.authorised(call).await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, purpose: &'static str, path: &str) -> Result<T, ServiceError> {
        let at = uri(&self.settings, path)?;
        let answer = self.authorised(|| Call::new(purpose, Method::GET, at.clone()).with(header::ACCEPT, JSON)).await?;
        serde_json::from_slice(&answer.body).map_err(|_| ServiceError::Malformed(purpose))
    }

    async fn authorised(&self, call: impl Fn() -> Call) -> Result<Answer, ServiceError> {
        let token = self.credentials.token(None).await?;
        let answer = match self.outbound.call(call().with(header::AUTHORIZATION, token.header.clone())).await {
            Err(error) if is_unauthorised(&error) => {
                let token = self.credentials.token(Some(&token)).await?;
                self.outbound.call(call().with(header::AUTHORIZATION, token.header)).await?
            }
            answer => answer?,
        };
        if let Some(date) = answer.date {
            self.agreement.shown(self.settings.id, date);
        }
        Ok(answer)
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const JOSE: HeaderValue = HeaderValue::from_static("application/jose");

fn is_unauthorised(error: &CallError) -> bool {
    error.status() == Some(http::StatusCode::UNAUTHORIZED)
}
