//! The credentials actor of one destination: our token at the delivery service, and the public keys that its event logs are
//! signed with.
//!
//! Owns both caches; supervised by the tenant. A token is fetched again a little before it ends, or when the service
//! refused the one somebody used; whoever asks meanwhile waits for the same fetch. Keys are kept by issuer and kid and
//! fetched again for a kid that is not known, but not more often than [`PAUSE`]. Holds nothing that cannot be fetched.

use std::{collections::HashMap, sync::Arc, time::Duration};

use http::{HeaderValue, Method, Uri, header};
use ozg_protocols::fit_connect::{
    api::token::TokenResponse,
    jose::{
        jwk::{Chain, PublicJwk},
        key_set::KeySet,
        kid::Kid,
        rsa::VerificationKey,
    },
    set::Issuer,
};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::time::Instant;

use super::service::{ServiceError, uri};
use crate::{
    observe::{ActorState, Probe, Waiting},
    outbound::{Call, Outbound},
    settings::DestinationSettings,
    supervise::{self, Address, Spec},
};

/// Keys are not asked for more often than this.
const PAUSE: Duration = Duration::from_secs(5);
/// A token is renewed so long before it ends.
const EARLY: Duration = Duration::from_secs(60);
/// How long anybody waits for the answer of this actor.
const WITHIN: Duration = Duration::from_secs(60);
/// The most keys that are kept; more than any log of ours will ever name.
const MOST_KEYS: usize = 1_000;

/// A token, ready for use.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    serial: u64,
    /// `Bearer …`, marked as sensitive.
    pub(crate) header: HeaderValue,
}

/// What can be asked.
#[derive(Debug)]
pub(crate) enum CredentialsMessage {
    /// A token that is not the one with this serial.
    Token { refused: Option<u64>, reply: RpcReplyPort<Result<Token, ServiceError>>, waiting: Waiting },
    /// The key of this issuer with this kid; nothing if the issuer has no such key.
    Key { issuer: Issuer, kid: Kid, reply: RpcReplyPort<KeyAnswer>, waiting: Waiting },
}

type KeyAnswer = Result<Option<Arc<VerificationKey>>, ServiceError>;

/// The way to the credentials of one destination.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    address: Address<CredentialsMessage>,
    probe: Probe,
}

impl Credentials {
    /// The actor as a child of the tenant, and the way to it.
    pub(crate) fn spec(settings: &Arc<DestinationSettings>, outbound: &Outbound, tenant: &Probe) -> (Spec, Self) {
        let name = format!("credentials-{}", settings.id);
        let probe = tenant.child(name.clone(), &supervise::CONNECTOR, 0);
        let (settings, outbound) = (settings.clone(), outbound.clone());
        let arguments = move |probe| (settings.clone(), outbound.clone(), probe);
        let (spec, address) = Spec::new(name, &supervise::CONNECTOR, || CredentialsActor, arguments);
        (spec.seen_by(probe.clone()), Self { address, probe })
    }

    /// A token; another one than `refused`.
    pub(crate) async fn token(&self, refused: Option<&Token>) -> Result<Token, ServiceError> {
        let refused = refused.map(|token| token.serial);
        let ask = |reply| CredentialsMessage::Token { refused, reply, waiting: self.probe.waiting(None) };
        self.address.insist(WITHIN, ask).await.unwrap_or(Err(ServiceError::Unavailable))
    }

    /// The key of this issuer; nothing if it has no such key.
    pub(crate) async fn key(&self, issuer: &Issuer, kid: &Kid) -> KeyAnswer {
        let ask = |reply| CredentialsMessage::Key {
            issuer: issuer.clone(),
            kid: kid.clone(),
            reply,
            waiting: self.probe.waiting(None),
        };
        self.address.insist(WITHIN, ask).await.unwrap_or(Err(ServiceError::Unavailable))
    }
}

/// Starts the actor.
#[derive(Debug)]
pub(crate) struct CredentialsActor;

/// What was fetched.
#[derive(Debug)]
pub(crate) struct Fetched {
    settings: Arc<DestinationSettings>,
    outbound: Outbound,
    probe: Probe,
    token: Option<(Token, Instant)>,
    serial: u64,
    keys: HashMap<(String, Kid), Arc<VerificationKey>>,
    key_set_asked: Option<Instant>,
}

impl Actor for CredentialsActor {
    type Msg = CredentialsMessage;
    type State = Fetched;
    type Arguments = (Arc<DestinationSettings>, Outbound, Probe);

    async fn pre_start(
        &self,
        _: ActorRef<CredentialsMessage>,
        (settings, outbound, probe): Self::Arguments,
    ) -> Result<Fetched, ActorProcessingErr> {
        probe.set(ActorState::Running);
        let (token, keys, key_set_asked) = (None, HashMap::new(), None);
        Ok(Fetched { settings, outbound, probe, token, serial: 0, keys, key_set_asked })
    }

    async fn handle(
        &self,
        _: ActorRef<CredentialsMessage>,
        message: CredentialsMessage,
        fetched: &mut Fetched,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            CredentialsMessage::Token { refused, reply, waiting } => {
                let _working = waiting.begin("token");
                let _ = reply.send(fetched.token(refused).await);
            }
            CredentialsMessage::Key { issuer, kid, reply, waiting } => {
                let _working = waiting.begin("key");
                let _ = reply.send(fetched.key(issuer, kid).await);
            }
        }
        Ok(())
    }
}

impl Fetched {
    async fn token(&mut self, refused: Option<u64>) -> Result<Token, ServiceError> {
        if let Some((token, good_until)) = &self.token
            && Some(token.serial) != refused
            && Instant::now() < *good_until
        {
            return Ok(token.clone());
        }
        let (token, good_for) = self.fetch_token().await.inspect_err(|error| self.note("token", error))?;
        self.token = Some((token.clone(), Instant::now() + good_for));
        Ok(token)
    }

    async fn fetch_token(&mut self) -> Result<(Token, Duration), ServiceError> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.settings.client_id.as_str()),
            ("client_secret", self.settings.client_secret.expose()),
        ];
        let call = Call::new("token", Method::POST, self.settings.token_url.clone())
            .with(header::ACCEPT, HeaderValue::from_static("application/json"))
            .sending("application/x-www-form-urlencoded", urlencoded(&form));
        let answer = self.outbound.call(call).await.map_err(ServiceError::Token)?;
        let response: TokenResponse =
            serde_json::from_slice(&answer.body).map_err(|_| ServiceError::Malformed("token answer"))?;
        let text = format!("Bearer {}", response.access_token.secret());
        let mut header = HeaderValue::try_from(text).map_err(|_| ServiceError::Malformed("token"))?;
        header.set_sensitive(true);
        let life = Duration::from_secs(response.expires_in);
        self.serial += 1;
        Ok((Token { serial: self.serial, header }, life.saturating_sub(EARLY.min(life / 4))))
    }

    async fn key(&mut self, issuer: Issuer, kid: Kid) -> KeyAnswer {
        let place = (issuer.to_string(), kid);
        if let Some(key) = self.keys.get(&place) {
            return Ok(Some(key.clone()));
        }
        let found = match issuer {
            Issuer::Service(_) => self.fetch_key_set(&place.0).await.map(|()| self.keys.get(&place).cloned()),
            Issuer::Destination(id) => {
                let path = format!("destinations/{id}/keys/{}", place.1);
                self.fetch_key(uri(&self.settings, &path)?, place).await
            }
        };
        found.inspect_err(|error| self.note("key", error))
    }

    /// The key set lies at the base that we are configured with, whoever a token names as its issuer.
    async fn fetch_key_set(&mut self, issuer: &str) -> Result<(), ServiceError> {
        if self.key_set_asked.is_some_and(|asked| asked.elapsed() < PAUSE) {
            return Err(ServiceError::Unavailable);
        }
        self.key_set_asked = Some(Instant::now());
        let base = self.settings.submission_url.to_string();
        let at: Uri = format!("{}/.well-known/jwks.json", base.trim_end_matches('/'))
            .parse()
            .map_err(|_| ServiceError::Malformed("address"))?;
        let answer = self.outbound.call(Call::new("keys", Method::GET, at)).await?;
        let set = KeySet::parse(&answer.body, Chain::Required).map_err(|_| ServiceError::Malformed("key set"))?;
        for jwk in set.keys() {
            match VerificationKey::new(jwk) {
                Ok(key) => self.keep((issuer.to_owned(), jwk.kid.clone()), key),
                Err(error) => {
                    tracing::warn!(destination = %self.settings.id, %error, "a key of the service is not usable");
                }
            }
        }
        Ok(())
    }

    async fn fetch_key(&mut self, at: Uri, place: (String, Kid)) -> KeyAnswer {
        let answer = match self.outbound.call(Call::new("keys", Method::GET, at)).await {
            Err(error) if error.status() == Some(http::StatusCode::NOT_FOUND) => return Ok(None),
            answer => answer?,
        };
        let Ok(jwk) = PublicJwk::parse(&answer.body, Chain::Required) else { return Ok(None) };
        let Ok(key) = VerificationKey::new(&jwk) else { return Ok(None) };
        if jwk.kid != place.1 {
            return Ok(None);
        }
        self.keep(place.clone(), key);
        Ok(self.keys.get(&place).cloned())
    }

    fn keep(&mut self, place: (String, Kid), key: VerificationKey) {
        if self.keys.len() >= MOST_KEYS {
            self.keys.clear();
        }
        self.keys.insert(place, Arc::new(key));
    }

    fn note(&self, what: &'static str, error: &ServiceError) {
        tracing::warn!(destination = %self.settings.id, what, kind = error.kind(), "the delivery service does not give it");
        self.probe.failed(error.kind());
    }
}

/// `application/x-www-form-urlencoded` (WHATWG URL, section 5.2).
fn urlencoded(fields: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(name);
        form.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => form.push(char::from(byte)),
                b' ' => form.push('+'),
                _ => form.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_with_signs_survives_the_form() {
        assert_eq!(urlencoded(&[("a", "x+y &ü"), ("b", "1-_.*")]), "a=x%2By+%26%C3%BC&b=1-_.*");
    }
}
