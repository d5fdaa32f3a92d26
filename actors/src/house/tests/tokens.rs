//! Whoever tries out tokens delays nobody who has one (law 9).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ozg_protocols::principal::Role;
use tokio::{task::JoinSet, time::Instant};

use super::town::Town;
use crate::{
    secret::Secret,
    supervise::AskError,
    tenant::{NewAccount, SessionToken, Tenant},
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

/// How long each of so many questions after a known token took.
async fn asked(tenant: &Tenant, token: &SessionToken, times: usize) -> Vec<Duration> {
    let mut took = Vec::new();
    for _ in 0..times {
        let from = Instant::now();
        assert!(tenant.session(token).await.expect("answered").is_some());
        took.push(from.elapsed());
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    took.sort();
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_unknown_tokens_do_not_delay_a_known_one() {
    let town = Town::founded().await;
    let tenant = town.tenant();
    let token = signed_in(&tenant).await;
    let alone = asked(&tenant, &token, 200).await;
    let mut guessers = JoinSet::new();
    for guesser in 0..200_u64 {
        let tenant = tenant.clone();
        guessers.spawn(async move {
            for number in 0..50 {
                match tenant.session(&guessed(guesser * 50 + number)).await {
                    Ok(None) | Err(AskError::Busy { .. }) => {}
                    other => panic!("{other:?}"),
                }
            }
        });
    }
    let mut beside = Vec::new();
    while !guessers.is_empty() {
        beside.extend(asked(&tenant, &token, 10).await);
        while guessers.try_join_next().is_some() {}
    }
    beside.sort();
    let (alone, beside) = (alone[alone.len() / 2], beside[beside.len() / 2]);
    assert!(beside < alone * 4 + Duration::from_millis(5), "alone {alone:?}, beside guessers {beside:?}");
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
