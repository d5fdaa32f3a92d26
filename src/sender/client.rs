//! A FIT-Connect sender: fetches the destination's key, announces, encrypts, uploads, submits, and asks for the verdict.
//!
//! Speaks version 1 and 2 of the Submission API. Large attachments are sealed while they are sent. It believes the event
//! log of the service as it is: it is the counterpart in demo, benches and tests, not a product.

use std::{fmt, time::Duration};

use http::{Method, Request, StatusCode, header};
use ozg_actors::outbound::CallError;
use ozg_protocols::{
    fit_connect::jose::{
        jwe::ContentType,
        jwk::{Chain, JwkRefused, PublicJwk},
        jws::Jws,
        rsa::{EncryptionKey, RsaFailed},
    },
    ids::{AttachmentId, DestinationId, FitCaseId, SubmissionId},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

pub use ozg_protocols::fit_connect::api::ApiVersion;

use super::{
    damage::Damage,
    parcel::{Content, Parcel},
    sealing,
    transport::{self, Body, Transport, TransportError, Whole},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// Uploads may take long; this only ends those that hang.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(30 * 60);
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;
/// So long before its end a token is replaced.
const TOKEN_MARGIN: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// Attachments above this size are sealed while they are sent.
const AT_ONCE: u64 = 1024 * 1024;

/// Where a delivery service is, and who calls.
#[derive(Clone)]
pub struct Account {
    /// The token endpoint.
    pub token_url: String,
    /// Base of the Submission API, without version.
    pub submission_url: String,
    /// OAuth client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

impl fmt::Debug for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Account").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// Why a submission was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No answer.
    #[error("the delivery service was not reached")]
    Transport(#[from] TransportError),
    /// No answer in time.
    #[error("the delivery service did not answer in time")]
    TooSlow,
    /// An answer that says no.
    #[error("{step} was answered with {status}: {title}")]
    Refused {
        /// What was tried.
        step: &'static str,
        /// The status.
        status: StatusCode,
        /// Type of the problem, if the answer was one.
        kind: String,
        /// Its title, if the answer was a problem.
        title: String,
    },
    /// An answer that makes no sense.
    #[error("{step} was answered with something unexpected")]
    Unexpected {
        /// What was tried.
        step: &'static str,
    },
    /// The destination's key is not usable.
    #[error("the destination's key is refused")]
    Key(#[from] JwkRefused),
    /// Encryption failed.
    #[error("encryption failed")]
    Encryption(#[from] RsaFailed),
}

/// A token as it is given out.
#[derive(Deserialize)]
struct Issued {
    access_token: String,
    expires_in: u64,
}

/// What a sender has after sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The submission.
    pub submission_id: SubmissionId,
    /// Its case.
    pub case_id: FitCaseId,
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Accepted.
    Accepted,
    /// Rejected with these problems.
    Rejected(Vec<Value>),
    /// Nothing yet.
    Open,
}

/// A token and until when it is used.
#[derive(Clone)]
struct Token {
    text: String,
    until: Instant,
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Token").field("until", &self.until).finish_non_exhaustive()
    }
}

/// A sender.
#[derive(Debug)]
pub struct Sender {
    transport: Transport,
    account: Account,
    token: watch::Sender<Option<Token>>,
}

impl Sender {
    /// A sender with this account. Nothing is fetched before it is needed; a token is used until
    /// shortly before its end, or until it is refused.
    #[must_use]
    pub fn new(transport: Transport, account: Account) -> Self {
        Self { transport, account, token: watch::Sender::new(None) }
    }

    /// Fetches the key that a destination wants to be written to with.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn key_of(&self, destination: DestinationId, version: ApiVersion) -> Result<EncryptionKey, SendError> {
        let place = format!("{}/{}/destinations/{destination}", self.account.submission_url, version.segment());
        let described: Value = self.get("destination", &place).await?;
        let kid = described.get("encryptionKid").and_then(Value::as_str);
        let kid = kid.ok_or(SendError::Unexpected { step: "destination" })?;
        let key: Value = self.get("destination key", &format!("{place}/keys/{kid}")).await?;
        Ok(EncryptionKey::new(&PublicJwk::from_value(&key, Chain::Required)?)?)
    }

    /// Sends a parcel, broken as asked.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send(
        &self,
        destination: DestinationId,
        key: &EncryptionKey,
        version: ApiVersion,
        parcel: &Parcel,
        damage: Option<&Damage>,
    ) -> Result<Receipt, SendError> {
        let mut parcel = parcel.clone();
        if let Some(damage) = damage {
            damage.of_parcel(&mut parcel);
        }
        let announced: Vec<AttachmentId> = parcel.attachments.iter().map(|attachment| attachment.id).collect();
        let receipt = self.announce(destination, version, &parcel, &announced).await?;
        for attachment in &parcel.attachments {
            self.upload(receipt, version, attachment.id, &attachment.content, key, damage).await?;
        }
        self.submit(receipt, version, key, &parcel, damage).await?;
        Ok(receipt)
    }

    /// Announces a submission with these attachments.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn announce(
        &self,
        destination: DestinationId,
        version: ApiVersion,
        parcel: &Parcel,
        attachments: &[AttachmentId],
    ) -> Result<Receipt, SendError> {
        let service = json!({ "identifier": parcel.service, "name": parcel.service_name });
        let mut body = json!({ "destinationId": destination, "announcedAttachments": attachments });
        if let Some(members) = body.as_object_mut() {
            match version {
                ApiVersion::V1 => members.insert("serviceType".to_owned(), service),
                ApiVersion::V2 => members.insert("publicService".to_owned(), service),
            };
            if let (ApiVersion::V2, Some(region)) = (version, &parcel.region) {
                members.insert("region".to_owned(), region.as_str().into());
            }
        }
        let place = format!("{}/{}/submissions", self.account.submission_url, version.segment());
        let body = transport::full(body.to_string());
        self.json("announce", Method::POST, &place, "application/json", body, PATIENCE).await
    }

    async fn upload(
        &self,
        receipt: Receipt,
        version: ApiVersion,
        id: AttachmentId,
        content: &Content,
        key: &EncryptionKey,
        damage: Option<&Damage>,
    ) -> Result<(), SendError> {
        let body = if content.length() > AT_ONCE {
            sealing::stream(content.clone(), key)?
        } else {
            let sealed = sealing::whole(&content.bytes(), Some(&ContentType::json()), key)?;
            transport::full(match damage {
                Some(damage) => damage.of_sealed_attachment(sealed),
                None => sealed,
            })
        };
        let place = format!(
            "{}/{}/submissions/{}/attachments/{id}",
            self.account.submission_url,
            version.segment(),
            receipt.submission_id
        );
        self.call("upload", Method::PUT, &place, "application/jose", body, UPLOAD_PATIENCE).await?;
        Ok(())
    }

    async fn submit(
        &self,
        receipt: Receipt,
        version: ApiVersion,
        key: &EncryptionKey,
        parcel: &Parcel,
        damage: Option<&Damage>,
    ) -> Result<(), SendError> {
        let described = parcel.described().to_json();
        let described =
            damage.map_or_else(|| described.clone().into_bytes(), |damage| damage.of_metadata(described.clone()));
        let metadata = sealing::whole(&described, Some(&ContentType::json()), key)?;
        let data = sealing::whole(&parcel.data, Some(&sealing::content_type(parcel.format)), key)?;
        let (metadata, data) = match damage {
            Some(damage) => (damage.of_sealed_metadata(metadata), damage.of_sealed_data(data)),
            None => (metadata, Some(data)),
        };
        let mut body = json!({ "encryptedMetadata": metadata });
        if let (Some(members), Some(data)) = (body.as_object_mut(), data) {
            members.insert("encryptedData".to_owned(), data.into());
        }
        let place =
            format!("{}/{}/submissions/{}", self.account.submission_url, version.segment(), receipt.submission_id);
        let body = transport::full(body.to_string());
        self.call("submit", Method::PUT, &place, "application/json", body, PATIENCE).await?;
        Ok(())
    }

    /// What the event log says of a submission now.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn verdict(&self, receipt: Receipt, version: ApiVersion) -> Result<Verdict, SendError> {
        let place =
            format!("{}/{}/cases/{}/events?limit=500", self.account.submission_url, version.segment(), receipt.case_id);
        let log: Value = self.get("event log", &place).await?;
        let events =
            log.get("eventLog").and_then(Value::as_array).ok_or(SendError::Unexpected { step: "event log" })?;
        let mut of_submission = events.iter().filter_map(Value::as_str).filter_map(claims);
        let subject = format!("submission:{}", receipt.submission_id);
        let last = of_submission.rfind(|claims| claims.get("sub").and_then(Value::as_str) == Some(&subject));
        let event = last.as_ref().and_then(|claims| claims.get("events")?.as_object()?.iter().next());
        Ok(match event {
            Some((uri, _)) if uri.ends_with("/accept-submission") => Verdict::Accepted,
            Some((uri, payload)) if uri.ends_with("/reject-submission") => {
                Verdict::Rejected(payload.get("problems").and_then(Value::as_array).cloned().unwrap_or_default())
            }
            _ => Verdict::Open,
        })
    }

    /// Waits until a submission is decided; [`Verdict::Open`] if that does not happen in time.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn wait(&self, receipt: Receipt, version: ApiVersion, patience: Duration) -> Result<Verdict, SendError> {
        let until = Instant::now() + patience;
        loop {
            let verdict = self.verdict(receipt, version).await?;
            if verdict != Verdict::Open || Instant::now() >= until {
                return Ok(verdict);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    async fn token(&self) -> Result<String, SendError> {
        let known = self.token.borrow().clone().filter(|token| token.until > Instant::now());
        if let Some(token) = known {
            return Ok(token.text);
        }
        let (id, secret) = (encode(&self.account.client_id), encode(&self.account.client_secret));
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.account.token_url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(transport::full(form))
            .map_err(|_| SendError::Unexpected { step: "token" })?;
        let answer: Issued = read("token", &self.exchange("token", request, PATIENCE).await?)?;
        let until = Instant::now() + Duration::from_secs(answer.expires_in).saturating_sub(TOKEN_MARGIN);
        self.token.send_replace(Some(Token { text: answer.access_token.clone(), until }));
        Ok(answer.access_token)
    }

    async fn get<T: DeserializeOwned>(&self, step: &'static str, place: &str) -> Result<T, SendError> {
        self.json(step, Method::GET, place, "application/json", transport::empty(), PATIENCE).await
    }

    async fn json<T: DeserializeOwned>(
        &self,
        step: &'static str,
        method: Method,
        place: &str,
        media_type: &str,
        body: Body,
        patience: Duration,
    ) -> Result<T, SendError> {
        read(step, &self.call(step, method, place, media_type, body, patience).await?)
    }

    async fn call(
        &self,
        step: &'static str,
        method: Method,
        place: &str,
        media_type: &str,
        body: Body,
        patience: Duration,
    ) -> Result<Vec<u8>, SendError> {
        let request = Request::builder()
            .method(method)
            .uri(place)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token().await?))
            .header(header::CONTENT_TYPE, media_type)
            .header(header::ACCEPT, "application/json, application/problem+json")
            .body(body)
            .map_err(|_| SendError::Unexpected { step })?;
        self.exchange(step, request, patience).await
    }

    async fn exchange(
        &self,
        step: &'static str,
        request: Request<Body>,
        patience: Duration,
    ) -> Result<Vec<u8>, SendError> {
        let whole = self.transport.whole(request, patience, LARGEST_ANSWER).await;
        let Whole { status, body, .. } = whole.map_err(|error| match error {
            TransportError::Call(CallError::Timeout) => SendError::TooSlow,
            TransportError::Call(CallError::TooLarge) => SendError::Unexpected { step },
            error => SendError::Transport(error),
        })?;
        if status.is_success() {
            return Ok(body.to_vec());
        }
        if status == StatusCode::UNAUTHORIZED {
            self.token.send_replace(None);
        }
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        let member = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(SendError::Refused { step, status, kind: member("type"), title: member("title") })
    }
}

fn read<T: DeserializeOwned>(step: &'static str, body: &[u8]) -> Result<T, SendError> {
    serde_json::from_slice(body).map_err(|_| SendError::Unexpected { step })
}

fn claims(token: &str) -> Option<Value> {
    let jws = Jws::parse(token, "secevent+jwt", LARGEST_ANSWER).ok()?;
    serde_json::from_slice(jws.unverified_payload()).ok()
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
