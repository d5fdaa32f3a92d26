//! PyPI `fitconnect`, a client of version 1: it sends to our subscriber, and it receives what our sender sent.

use ozg_cloud::sender::{
    client::{ApiVersion, Verdict},
    sample::service::SERVICES,
};
use ozg_protocols::forms::ozg_cloud as form_data;
use serde_json::{Value, json};

use super::{aside, ask, counterpart, driver, guest::Guest};
use crate::{
    sandbox_town::{eventually, sample},
    soak::rename_applicant,
    subscriber_hall::PATIENCE,
    world::{PLACES, Place, World},
};

/// A name whose letters JSON of Python writes as escapes.
const APPLICANT: &str = "Çelik-Größenwahn";

fn place() -> &'static Place {
    PLACES.iter().find(|place| place.version == ApiVersion::V1).expect("one of version 1")
}

fn run(program: &str, told: &Value) -> Value {
    ask(&counterpart("fitconnect/bin/python"), &[driver("fitconnect").join(program)], told)
}

/// Sends with the client of Python; every address of the Submission API begins with this one.
pub(super) async fn send(world: &World, submission_url: &str) -> Value {
    let account = world.account();
    let mut data: Value = serde_json::from_slice(&sample(ApiVersion::V1).data).expect("a form");
    rename_applicant(&mut data, APPLICANT);
    let told = json!({
        "token_url": account.token_url,
        "submission_url": submission_url,
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "destination": place().destination(),
        "service": SERVICES[0].identifier(),
        "schema": form_data::SCHEMA_URI,
        "data": data,
        "attachment": "255044462d312e37",
        "patience": PATIENCE.as_secs(),
    });
    aside(move || run("send.py", &told)).await
}

#[tokio::test]
#[ignore = "needs a counterpart: make interop"]
async fn what_a_foreign_client_sends_becomes_a_case_and_it_verifies_the_acceptance() {
    let world = World::open().await;
    let sent = send(&world, &world.account().submission_url).await;
    assert_eq!(sent["events"], json!(["create-submission", "submit-submission", "accept-submission"]));
    eventually("the case in the work list", async || {
        world.rows(place()).await.iter().any(|row| row.contains(APPLICANT))
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a counterpart: make interop"]
async fn a_foreign_client_receives_what_we_send_and_we_see_its_acceptance() {
    let world = World::open().await;
    let guest = Guest::move_in(&world).await;
    let (sender, receipt) = guest.receive(&world).await;
    let mut told = guest.told();
    told["decryption_key"] = serde_json::from_str(&guest.keys.decryption.to_json()).expect("JSON");
    told["signing_key"] = serde_json::from_str(&guest.keys.signing.to_json()).expect("JSON");
    let received = aside(move || run("receive.py", &told)).await;

    assert_eq!(received["data"], serde_json::from_slice::<Value>(&guest.parcel.data).expect("JSON"));
    assert_eq!(received["schema"], "https://schema.fitko.de/fit-connect/metadata/1.0.0/metadata.schema.json");
    let attachments: Value = guest
        .parcel
        .attachments
        .iter()
        .map(|attachment| (attachment.id.to_string(), Value::from(attachment.content.hash().to_string())))
        .collect();
    assert_eq!(received["attachments"], attachments);
    assert_eq!(received["events"], json!(["create-submission", "submit-submission", "accept-submission"]));
    assert_eq!(sender.verdict(receipt, ApiVersion::V1).await.expect("a log"), Verdict::Accepted);
}
