//! Whoever tries out tokens delays nobody who has one (law 9).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ozg_protocols::principal::Role;
use tokio::task::JoinSet;

use super::town::Town;
use crate::{
    house::start::READERS,
    secret::Secret,
    supervise::AskError,
    tenant::{ASIDE, NewAccount, SessionToken, Tenant},
};

async fn signed_in(tenant: &Tenant) -> SessionToken {
    let account = NewAccount {
        user: "erika".parse().expect("valid"),
        name: "Erika".into(),
        roles: vec![Role::Caseworker],
        org_units: vec!["32".parse().expect("valid")],
        password: Secret::new("Sonne".into()),
    };
    tenant.add_account(account).await.expect("made");
    tenant.sign_in("erika", Secret::new("Sonne".into())).await.expect("signed in")
}

fn guessed(number: u64) -> SessionToken {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes).parse().expect("a token")
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_tokens_wait_aside_and_one_too_many_is_turned_away_while_a_known_one_is_answered() {
    let town = Town::founded().await;
    let tenant = town.tenant();
    let token = signed_in(&tenant).await;
    let held = Town::held(&town.house.0.pools.readers, READERS).await;
    let mut guessers = JoinSet::new();
    for number in 0..=ASIDE as u64 {
        let tenant = tenant.clone();
        guessers.spawn(async move { tenant.session(&guessed(number)).await });
    }
    // All others wait for the journal: the first answer is that of the one for whom there is no room.
    let turned_away = guessers.join_next().await.expect("some").expect("no panic");
    assert!(matches!(turned_away, Err(AskError::Busy { .. })), "{turned_away:?}");
    assert!(tenant.session(&token).await.expect("answered").is_some());
    assert!(guessers.try_join_next().is_none(), "the others still wait");
    drop(held);
    while let Some(answer) = guessers.join_next().await {
        assert_eq!(answer.expect("no panic"), Ok(None));
    }
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_ended_stays_ended_also_for_who_asks_meanwhile() {
    let town = Town::founded().await;
    let token = signed_in(&town.tenant()).await;
    // A new actor of the sessions knows no token and has to look for it.
    let directory = town.closes().await;
    let town = Town::again(directory).await;
    let tenant = town.tenant();
    let (_, ended, _) = tokio::join!(tenant.session(&token), tenant.sign_out(&token), tenant.session(&token));
    assert_eq!(ended, Ok(()));
    assert_eq!(tenant.session(&token).await, Ok(None));
    assert_eq!(tenant.sign_out(&guessed(1)).await, Ok(()), "what never was is ended already");
    town.closes().await;
}
