//! What an administrator changes about the signatures of the service: another key, events that are signed again.

use ozg_protocols::{
    fit_connect::jose::{jwk::PrivateUse, jws::Jws, kid::Kid},
    ids::SubmissionId,
};
use serde::Deserialize;
use serde_json::Value;

use super::{delivery::Entry, key_file, problem::Problem, service::Service, set};

/// A new key of the service.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewKey {
    /// It takes the name of the one before, and its place.
    #[serde(default)]
    same_kid: bool,
    /// The older ones are published no more.
    #[serde(default)]
    withdraw: bool,
    /// What is published beside it, as it is: keys that nobody may use.
    #[serde(default)]
    beside: Vec<Value>,
}

/// Makes a key and signs with it from now on.
pub(super) async fn new_key(service: &Service, wanted: NewKey) -> Result<Kid, Problem> {
    let now = service.desk.ask(|world| world.now()).await?;
    let made = tokio::task::spawn_blocking(move || key_file::make(PrivateUse::Sign, "sandbox", now)).await;
    let mut made = made.ok().and_then(Result::ok).ok_or_else(|| Problem::internal("a key could not be made"))?;
    if wanted.same_kid {
        made.kid = service.signer.kid();
    }
    let withdraw = wanted.withdraw || wanted.same_kid;
    service.signer.roll_over(&made, withdraw, wanted.beside).map_err(|_| Problem::internal("the key is not usable"))?;
    Ok(made.kid)
}

/// Signs the service's events about a submission again: with its present key, under its own schema.
pub(super) async fn sign_again(service: &Service, id: SubmissionId) -> Result<(), Problem> {
    let (case, tokens) = service
        .desk
        .ask(move |world| {
            let case = world.deliveries.get(id)?.case;
            let ours = |entry: &&Entry| entry.submission == id && !entry.event.of_subscribers();
            let log = world.deliveries.case(case)?.log.iter().filter(ours);
            Ok((case, log.map(|entry| entry.token.clone()).collect::<Vec<_>>()))
        })
        .await??;
    for old in tokens {
        let mut claims = claims(&old).ok_or_else(|| Problem::internal("an event of the service is unreadable"))?;
        claims["$schema"] = service.signer.schema.as_str().into();
        let new = service.signer.sign(set::TYPE, &claims).await?;
        service.desk.ask(move |world| world.deliveries.exchange(case, &old, &new)).await?;
    }
    Ok(())
}

fn claims(token: &str) -> Option<Value> {
    let jws = Jws::parse(token, set::TYPE, token.len()).ok()?;
    serde_json::from_slice(jws.unverified_payload()).ok()
}
