//! The credentials actor of one destination: our token at the delivery service, and the public keys that its event logs are
//! signed with.
//!
//! Owns both caches; supervised by the tenant. A token is fetched again a little before it ends, or when the service
//! refused the one somebody used; whoever asks meanwhile waits for the same fetch. Keys are fetched again for a kid that is
//! not known (not more often than [`PAUSE`]), when they have reached their age, and once in that age when a signature does
//! not fit: the key may have been replaced under its name. Holds nothing that cannot be fetched.

mod keys;

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Method, Uri, header};
use ozg_protocols::fit_connect::{
    api::token::TokenResponse,
    jose::{
        jwk::{Chain, JwkRefused, PublicJwk},
        key_set::KeySet,
        kid::Kid,
        rsa::VerificationKey,
    },
    set::Issuer,
};
use ozg_protocols::ids::DestinationId;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::time::Instant;

pub(crate) use self::keys::PublishedKey;
use self::keys::{Keys, Publisher, publisher};
use super::{
    meter::DestinationMeter,
    service::{ServiceError, uri},
};
use crate::{
    observe::{ActorState, Probe, Waiting},
    outbound::{Call, CallError, Outbound},
    settings::DestinationSettings,
    supervise::{self, Address, Spec},
};

/// Keys are not asked for more often than this.
const PAUSE: Duration = Duration::from_secs(5);
/// A token is renewed so long before it ends.
const EARLY: Duration = Duration::from_secs(60);
/// How long anybody waits for the answer of this actor.
const WITHIN: Duration = Duration::from_secs(60);
/// The longest life of a token that is believed.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

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
    /// The key of this issuer with this kid; nothing if the issuer has no such key. Where one is in doubt, because somebody
    /// else signed under its name, another one than that which was fetched then.
    Key { issuer: Issuer, kid: Kid, doubted: Option<Instant>, reply: RpcReplyPort<KeyAnswer>, waiting: Waiting },
}

type KeyAnswer = Result<Option<PublishedKey>, ServiceError>;

/// The way to the credentials of one destination.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    address: Address<CredentialsMessage>,
    probe: Probe,
}

impl Credentials {
    /// The actor as a child of the tenant, and the way to it.
    pub(crate) fn spec(
        settings: &Arc<DestinationSettings>,
        outbound: &Outbound,
        meter: DestinationMeter,
        tenant: &Probe,
    ) -> (Spec, Self) {
        let name = format!("credentials-{}", settings.id);
        let probe = tenant.child(name.clone(), &supervise::CONNECTOR, 0);
        let (settings, outbound) = (settings.clone(), outbound.clone());
        let arguments = move |probe| (settings.clone(), outbound.clone(), meter.clone(), probe);
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
        self.published(issuer, kid, None).await
    }

    /// The key as it is published now, because the one that was fetched then is in doubt; nothing if it is gone. Not available
    /// where the service was asked for that already: then it waits until the keys are fetched anyway.
    pub(crate) async fn key_after(&self, issuer: &Issuer, kid: &Kid, fetched: Instant) -> KeyAnswer {
        self.published(issuer, kid, Some(fetched)).await
    }

    async fn published(&self, issuer: &Issuer, kid: &Kid, doubted: Option<Instant>) -> KeyAnswer {
        let ask = |reply| CredentialsMessage::Key {
            issuer: issuer.clone(),
            kid: kid.clone(),
            doubted,
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
    meter: DestinationMeter,
    probe: Probe,
    token: Option<(Token, Instant)>,
    serial: u64,
    keys: Keys,
    key_set_asked: Option<Instant>,
}

impl Actor for CredentialsActor {
    type Msg = CredentialsMessage;
    type State = Fetched;
    type Arguments = (Arc<DestinationSettings>, Outbound, DestinationMeter, Probe);

    async fn pre_start(
        &self,
        _: ActorRef<CredentialsMessage>,
        (settings, outbound, meter, probe): Self::Arguments,
    ) -> Result<Fetched, ActorProcessingErr> {
        probe.set(ActorState::Running);
        let (token, keys, key_set_asked) = (None, Keys::default(), None);
        Ok(Fetched { settings, outbound, meter, probe, token, serial: 0, keys, key_set_asked })
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
            CredentialsMessage::Key { issuer, kid, doubted, reply, waiting } => {
                let _working = waiting.begin("key");
                let _ = reply.send(fetched.key(publisher(&issuer), &kid, doubted).await);
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
        self.serial += 1;
        Ok((Token { serial: self.serial, header }, good_for(response.expires_in)))
    }

    async fn key(&mut self, by: Publisher, kid: &Kid, doubted: Option<Instant>) -> KeyAnswer {
        let now = Instant::now();
        if let Some(found) = self.keys.find(by, kid, now) {
            if doubted.is_none_or(|fetched| found.fetched > fetched) {
                return Ok(Some(found));
            }
            if !self.keys.may_be_doubted(by, now) {
                return Err(ServiceError::Unavailable);
            }
        }
        let fetched = match by {
            None => self.fetch_key_set().await,
            Some(id) => self.fetch_key(id, kid).await,
        };
        fetched.inspect_err(|error| self.note("key", error))?;
        if doubted.is_some() {
            self.keys.were_doubted(by, now);
        }
        Ok(self.keys.find(by, kid, Instant::now()))
    }

    /// The key set lies at the base that we are configured with, whoever a token names as its issuer.
    async fn fetch_key_set(&mut self) -> Result<(), ServiceError> {
        if self.key_set_asked.is_some_and(|asked| asked.elapsed() < PAUSE) {
            return Err(ServiceError::Unavailable);
        }
        self.key_set_asked = Some(Instant::now());
        let base = self.settings.submission_url.to_string();
        let at: Uri = format!("{}/.well-known/jwks.json", base.trim_end_matches('/'))
            .parse()
            .map_err(|_| ServiceError::Malformed("address"))?;
        let answer = self.outbound.call(Call::new("keys", Method::GET, at)).await.map_err(no_key)?;
        let set = KeySet::parse(&answer.body, Chain::Required).map_err(|_| ServiceError::Malformed("key set"))?;
        for refused in set.refused() {
            self.refuse(refused);
        }
        let mut keys = Vec::new();
        for jwk in set.keys() {
            match VerificationKey::new(jwk) {
                Ok(key) => keys.push((jwk.kid.clone(), key)),
                Err(refused) => self.refuse(&refused),
            }
        }
        self.keys.replace(None, keys, Instant::now());
        Ok(())
    }

    async fn fetch_key(&mut self, id: DestinationId, kid: &Kid) -> Result<(), ServiceError> {
        let at = uri(&self.settings, &format!("destinations/{id}/keys/{kid}"))?;
        let answer = self.outbound.call(Call::new("keys", Method::GET, at)).await;
        self.keys.forget(Some(id), kid);
        let answer = match answer {
            Err(error) if error.status() == Some(http::StatusCode::NOT_FOUND) => return Ok(()),
            answer => answer.map_err(no_key)?,
        };
        let named = PublicJwk::parse(&answer.body, Chain::Required)
            .and_then(|jwk| if jwk.kid == *kid { VerificationKey::new(&jwk) } else { Err(JwkRefused::Kid) });
        match named {
            Ok(key) => self.keys.keep(Some(id), kid.clone(), key, Instant::now()),
            Err(refused) => self.refuse(&refused),
        }
        Ok(())
    }

    /// A key that breaks a rule is none; somebody has to hear of it, because what it signed will wait.
    fn refuse(&self, refused: &JwkRefused) {
        let (destination, reason) = (self.settings.id, refused.reason());
        self.meter.key_refused(reason);
        tracing::warn!(%destination, reason, error = %refused, "a published key is not usable");
    }

    fn note(&self, what: &'static str, error: &ServiceError) {
        tracing::warn!(destination = %self.settings.id, what, kind = error.kind(), "the delivery service does not give it");
        self.probe.failed(error.kind());
    }
}

/// How long a token that is said to live so many seconds is used.
fn good_for(seconds: u64) -> Duration {
    let life = Duration::from_secs(seconds).min(LONGEST_LIFE);
    life.saturating_sub(EARLY.min(life / 4))
}

/// Too many keys are no fault of the submission for which one was looked up.
fn no_key(error: CallError) -> ServiceError {
    match error {
        CallError::TooLarge => ServiceError::Malformed("key"),
        error => error.into(),
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
    fn a_token_is_renewed_before_its_end_and_at_least_daily_whatever_is_said_of_it() {
        assert_eq!(good_for(1_800), Duration::from_secs(1_740));
        assert_eq!(good_for(40), Duration::from_secs(30));
        assert_eq!(good_for(u64::MAX), LONGEST_LIFE - EARLY);
        assert!(Instant::now().checked_add(good_for(u64::MAX)).is_some());
    }

    #[test]
    fn a_secret_with_signs_survives_the_form() {
        assert_eq!(urlencoded(&[("a", "x+y &ü"), ("b", "1-_.*")]), "a=x%2By+%26%C3%BC&b=1-_.*");
    }
}
