//! Signing in and out.

use ozg_protocols::principal::Role;

use super::town::Town;
use crate::{
    secret::Secret,
    tenant::{NewAccount, SignInError},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_somebody_signs_out_and_outlives_a_restart() {
    let town = Town::founded().await;
    let account = NewAccount {
        user: "erika".parse().expect("valid"),
        name: "Erika".into(),
        roles: vec![Role::Caseworker],
        org_units: vec!["32".parse().expect("valid")],
        password: Secret::new("Sonne".into()),
    };
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
