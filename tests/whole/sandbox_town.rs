//! A sandbox with one destination, a sender and a subscriber, as the tests of the sandbox use it.

use std::{path::Path, sync::OnceLock, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use ozg_cloud::{
    sandbox::{
        self, Client, DestinationKeys, OfferedService, Running, SandboxSettings, Scope, Seed, SeedDestination,
        make_destination_keys,
    },
    sender::{
        client::{Account, ApiVersion, Receipt, Sender},
        parcel::Parcel,
        sample::Samples,
        transport::{self, Transport},
    },
};
use ozg_protocols::{
    fit_connect::jose::{jws, rsa::SigningKey},
    ids::DestinationId,
    moment::Moment,
};
use serde_json::{Value, json};
use tokio::time::Instant;

pub(crate) const SCHEMA: &str = "https://schema.fitko.de/fit-connect/set-payload/1.2.2/set-payload.schema.json";
pub(crate) const EVENTS: &str = "https://schema.fitko.de/fit-connect/events/";
pub(crate) const SERVICE: &str = "urn:de:fim:leika:leistung:99050012104000";

/// What a call was answered with.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {:?}", self.bytes))
    }

    /// The last part of a problem's type.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        assert!(body["title"].is_string(), "{body}");
        let kind = body["type"].as_str().expect("a type");
        kind.strip_prefix("https://schema.fitko.de/fit-connect/submission-api/problems/")
            .expect("the prefix")
            .to_owned()
    }
}

/// The sandbox and those who use it.
pub(crate) struct Town {
    pub(crate) running: Running,
    pub(crate) destination: DestinationId,
    pub(crate) sender: Sender,
    transport: Transport,
}

/// Keys for all tests, kept between runs: making one takes seconds.
pub(crate) fn keys() -> &'static [DestinationKeys] {
    static KEYS: OnceLock<Vec<DestinationKeys>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox-keys");
        make_destination_keys(&directory, &["eins", "zwei"], now()).expect("keys")
    })
}

#[expect(clippy::disallowed_methods, reason = "the tests need the time of the machine")]
pub(crate) fn now() -> Moment {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Moment::default().plus(since)
}

pub(crate) fn client(id: &str, scopes: &[Scope], destinations: &[DestinationId]) -> Client {
    Client {
        client_id: id.to_owned(),
        client_secret: format!("{id}-secret"),
        scopes: scopes.iter().copied().collect(),
        destinations: destinations.iter().copied().collect(),
    }
}

impl Town {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub(crate) async fn open_with(change: impl FnOnce(&mut SandboxSettings)) -> Self {
        let destination = DestinationId::from_random([1; 16]);
        let keys = &keys()[0];
        let offered = OfferedService {
            identifier: SERVICE.to_owned(),
            region: "DE09162".to_owned(),
            schema_uri: "urn:ozg-cloud:schema:form-data:1".to_owned(),
            mime_type: "application/json".to_owned(),
        };
        let mut settings = SandboxSettings::new(now);
        settings.service_key = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox-service-key.jwk.json"));
        settings.seed = Seed {
            clients: vec![
                client("sender", &[Scope::SendSubmissions], &[]),
                client(
                    "fremder",
                    &[Scope::SendSubmissions, Scope::SubscribeDestinations],
                    &[DestinationId::from_random([9; 16])],
                ),
                client("amt", &[Scope::SubscribeDestinations], &[destination]),
                client("verwalter", &[Scope::ManageDestinations], &[destination]),
            ],
            destinations: vec![SeedDestination::new(
                destination,
                "Gewerbeamt",
                &keys.decryption.public(),
                &keys.signing.public(),
                &[offered],
            )],
            areas: Vec::new(),
        };
        change(&mut settings);
        let running = sandbox::run(settings).await.expect("a sandbox");
        let transport = Transport::new(None).expect("a transport");
        let account = Account {
            token_url: running.urls.token.clone(),
            submission_url: running.urls.submission.clone(),
            client_id: "sender".to_owned(),
            client_secret: "sender-secret".to_owned(),
        };
        let sender = Sender::new(transport.clone(), account);
        Self { running, destination, sender, transport }
    }

    /// Calls the sandbox; `path` begins behind its address.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        content: (&str, impl Into<Bytes>),
    ) -> Reply {
        self.try_call(method, path, token, content).await.expect("an answer")
    }

    pub(crate) async fn try_call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        (media_type, body): (&str, impl Into<Bytes>),
    ) -> Option<Reply> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.running.urls.base));
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if !media_type.is_empty() {
            request = request.header(header::CONTENT_TYPE, media_type);
        }
        let answer = self.transport.send(request.body(transport::full(body)).expect("a request")).await.ok()?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = answer.into_body().collect().await.ok()?.to_bytes();
        Some(Reply { status, headers, bytes })
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Reply {
        self.call(Method::GET, path, token, ("", "")).await
    }

    /// A call with a JSON body.
    pub(crate) async fn send(&self, method: Method, path: &str, token: &str, body: &Value) -> Reply {
        self.call(method, path, Some(token), ("application/json", body.to_string())).await
    }

    /// A new token of a client.
    pub(crate) async fn token(&self, client: &str) -> String {
        let form = format!("grant_type=client_credentials&client_id={client}&client_secret={client}-secret");
        let reply = self.call(Method::POST, "/auth/token", None, ("application/x-www-form-urlencoded", form)).await;
        assert_eq!(reply.status, StatusCode::OK);
        reply.json()["access_token"].as_str().expect("a token").to_owned()
    }

    /// Sends a sample that has attachments.
    pub(crate) async fn submit(&self, version: ApiVersion) -> Receipt {
        self.submit_parcel(version, &sample(version)).await
    }

    pub(crate) async fn submit_parcel(&self, version: ApiVersion, parcel: &Parcel) -> Receipt {
        let key = self.sender.key_of(self.destination, version).await.expect("a key");
        self.sender.send(self.destination, &key, version, parcel, None).await.expect("sent")
    }

    /// The claims of all events of a case.
    pub(crate) async fn log(&self, receipt: Receipt) -> Vec<Value> {
        let token = self.token("amt").await;
        let reply = self.get(&format!("/submission-api/v2/cases/{}/events", receipt.case_id), Some(&token)).await;
        let log = reply.json()["eventLog"].as_array().expect("a log").clone();
        log.iter()
            .map(|token| {
                let jws = jws::Jws::parse(token.as_str().expect("text"), "secevent+jwt", 1 << 20).expect("a SET");
                serde_json::from_slice(jws.unverified_payload()).expect("claims")
            })
            .collect()
    }

    /// The claims of an accept event as a good subscriber writes it.
    pub(crate) async fn accept(&self, receipt: Receipt) -> Value {
        let log = self.log(receipt).await;
        let submit = log.iter().rev().find_map(|claims| claims["events"].get(format!("{EVENTS}submit-submission")));
        let tags = submit.expect("a submit event")["authenticationTags"].clone();
        self.claims(receipt, "accept-submission", &json!({ "authenticationTags": tags }))
    }

    pub(crate) fn claims(&self, receipt: Receipt, event: &str, payload: &Value) -> Value {
        json!({
            "$schema": SCHEMA,
            "jti": "0b4b5f6e-60f4-4a2c-8a4e-3a4f0c1d2e3f",
            "iss": self.destination.to_string(),
            "iat": now().seconds(),
            "sub": format!("submission:{}", receipt.submission_id),
            "txn": format!("case:{}", receipt.case_id),
            "events": { format!("{EVENTS}{event}"): payload },
        })
    }

    /// Posts an event that is signed with the destination's key.
    pub(crate) async fn post(&self, receipt: Receipt, claims: &Value) -> Reply {
        let token = self.token("amt").await;
        let path = format!("/submission-api/v2/cases/{}/events", receipt.case_id);
        self.call(Method::POST, &path, Some(&token), ("application/jose", signed(claims))).await
    }

    /// Arms a fault.
    pub(crate) async fn fault(&self, fault: &Value) {
        let reply = self.call(Method::POST, "/sandbox/faults", None, ("application/json", fault.to_string())).await;
        assert_eq!(reply.status, StatusCode::NO_CONTENT, "{:?}", reply.bytes);
    }

    /// Moves the clock of the sandbox.
    pub(crate) async fn days_later(&self, days: u64) {
        let body = json!({ "advanceSeconds": days * 24 * 60 * 60 + 1 }).to_string();
        assert_eq!(self.call(Method::POST, "/sandbox/clock", None, ("", body)).await.status, StatusCode::OK);
    }

    /// What the administration says of a submission.
    pub(crate) async fn seen(&self, receipt: Receipt) -> Value {
        self.get(&format!("/sandbox/submissions/{}", receipt.submission_id), None).await.json()
    }
}

/// Signs claims with the destination's key.
pub(crate) fn signed(claims: &Value) -> String {
    jws::sign(claims.to_string().as_bytes(), "secevent+jwt", signing_key()).expect("signed")
}

pub(crate) fn signing_key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::new(&keys()[0].signing).expect("usable"))
}

/// A sample with attachments.
pub(crate) fn sample(version: ApiVersion) -> Parcel {
    let service = ozg_cloud::sender::sample::service::SERVICES.iter().find(|service| service.enclosures.len() == 2);
    Samples::new(5).of(service.expect("one with two enclosures"), version, now())
}

/// When a test gives up: no promise of anything, and long enough for a machine that does other things too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !so().await {
        assert!(Instant::now() < until, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
