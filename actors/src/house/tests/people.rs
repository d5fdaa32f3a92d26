//! Signing in and out.

use tokio::task::JoinSet;

use super::town::{Town, account_of_erika};
use crate::{house::start::SIGN_INS, secret::Secret, supervise::AskError, tenant::SignInError};

#[tokio::test(flavor = "multi_thread")]
async fn where_all_places_at_the_passwords_are_taken_nobody_signs_in_and_no_account_is_made() {
    let town = Town::founded().await;
    let held = Town::held(&town.house.0.pools.passwords, 1).await;
    let mut guessers = JoinSet::new();
    for number in 0..=SIGN_INS {
        let tenant = town.tenant();
        guessers.spawn(async move { tenant.sign_in(&format!("gast{number}"), Secret::new("Mond".into())).await });
    }
    // All others wait for the comparison: the first answer is that of the one for whom there is no place.
    let turned_away = guessers.join_next().await.expect("some").expect("no panic");
    assert!(matches!(turned_away, Err(SignInError::Unavailable(AskError::Busy { .. }))), "{:?}", turned_away.err());
    let account = account_of_erika();
    let made = town.tenant().add_account(account.clone()).await;
    assert!(matches!(made, Err(AskError::Busy { .. })), "{made:?}");
    drop(held);
    while let Some(answer) = guessers.join_next().await {
        assert_eq!(answer.expect("no panic").err(), Some(SignInError::Wrong));
    }
    assert_eq!(town.tenant().add_account(account).await, Ok(()));
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_somebody_signs_out_and_outlives_a_restart() {
    let town = Town::founded().await;
    let account = account_of_erika();
    town.tenant().add_account(account).await.expect("made");
    let wrong = town.tenant().sign_in("erika", Secret::new("Mond".into())).await;
    assert_eq!(wrong.err(), Some(SignInError::Wrong));
    let nobody = town.tenant().sign_in("niemand", Secret::new("Mond".into())).await;
    assert_eq!(nobody.err(), Some(SignInError::Wrong));
    let token = town.tenant().sign_in("erika", Secret::new("Sonne".into())).await.expect("signed in");
    let town = Town::again(town.closes().await).await;
    let who = town.tenant().session(&token).await.expect("answers").expect("signed in");
    assert_eq!(who.name, "Erika");
    town.tenant().sign_out(&token).await.expect("signs out");
    assert_eq!(town.tenant().session(&token).await, Ok(None));
    town.closes().await;
}
