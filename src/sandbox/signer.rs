//! The service's signing key: signs events and routing answers away from the asynchronous threads.
//!
//! A signature costs about 1.7 ms of one core; no more are made at once than the machine has cores.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::rand;
use ozg_protocols::fit_connect::jose::{
    jwk::{JwkRefused, PrivateJwk},
    jws,
    kid::Kid,
    rsa::SigningKey,
};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{
    problem::Problem,
    set::{self, About, EventKind},
};

/// Signs in the name of the service.
pub(super) struct Signer {
    keys: RwLock<Keys>,
    /// The `iss` of its events: the base URL of the Submission API.
    pub(super) issuer: String,
    /// The `$schema` of its events.
    pub(super) schema: String,
    turns: Semaphore,
}

/// The key that signs, and those that are published.
struct Keys {
    signing: Arc<SigningKey>,
    kid: Kid,
    published: Vec<Value>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Signer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(jwk: &PrivateJwk, issuer: String, schema: String) -> Result<Self, JwkRefused> {
        let turns = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (signing, published) = (Arc::new(SigningKey::new(jwk)?), vec![jwk.public().to_value()]);
        let keys = RwLock::new(Keys { signing, kid: jwk.kid.clone(), published });
        Ok(Self { keys, issuer, schema, turns: Semaphore::new(turns) })
    }

    /// The published keys, the newest first.
    pub(super) fn published(&self) -> Vec<Value> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).published.clone()
    }

    /// The name of the key that signs.
    pub(super) fn kid(&self) -> Kid {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).kid.clone()
    }

    /// Signs with another key from now on; the older ones stay published, or do not.
    pub(super) fn roll_over(&self, jwk: &PrivateJwk, withdraw: bool, beside: Vec<Value>) -> Result<(), JwkRefused> {
        let signing = Arc::new(SigningKey::new(jwk)?);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if withdraw {
            keys.published.clear();
        }
        keys.published.insert(0, jwk.public().to_value());
        keys.published.extend(beside);
        (keys.signing, keys.kid) = (signing, jwk.kid.clone());
        Ok(())
    }

    /// Signs an event.
    pub(super) async fn event(&self, about: About, event: EventKind, payload: &Value) -> Result<String, Problem> {
        self.event_under(&self.schema, about, event, payload).await
    }

    /// Signs an event that names another schema.
    pub(super) async fn event_under(
        &self,
        schema: &str,
        about: About,
        event: EventKind,
        payload: &Value,
    ) -> Result<String, Problem> {
        self.sign(set::TYPE, &set::claims(&self.issuer, schema, about, event, payload)).await
    }

    /// Signs claims.
    pub(super) async fn sign(&self, typ: &'static str, claims: &Value) -> Result<String, Problem> {
        let _turn = self.turns.acquire().await.map_err(|_| failed())?;
        let key = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner).signing);
        let payload = claims.to_string();
        let signed = tokio::task::spawn_blocking(move || jws::sign(payload.as_bytes(), typ, &*key)).await;
        signed.map_err(|_| failed())?.map_err(|_| failed())
    }
}

fn failed() -> Problem {
    Problem::internal("signing failed")
}

/// Random bytes of the operating system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| Problem::internal("no randomness"))?;
    Ok(bytes)
}
