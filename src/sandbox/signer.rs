//! The service's signing key: signs events and routing answers away from the asynchronous threads.
//!
//! A signature costs about 1.7 ms of one core; no more are made at once than the machine has cores.

use std::{fmt, sync::Arc};

use aws_lc_rs::rand;
use ozg_protocols::fit_connect::jose::{jwk::PrivateJwk, jws, rsa::SigningKey};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{
    problem::Problem,
    set::{self, About, EventKind},
};

/// Signs in the name of the service.
pub(super) struct Signer {
    key: Arc<SigningKey>,
    /// The public half as JSON.
    pub(super) public: Value,
    /// The `iss` of its events: the base URL of the Submission API.
    pub(super) issuer: String,
    /// The `$schema` of its events.
    pub(super) schema: String,
    turns: Semaphore,
}

impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Signer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(key: SigningKey, jwk: &PrivateJwk, issuer: String, schema: String) -> Self {
        let turns = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { key: Arc::new(key), public: jwk.public().to_value(), issuer, schema, turns: Semaphore::new(turns) }
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
        let (key, payload) = (Arc::clone(&self.key), claims.to_string());
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
