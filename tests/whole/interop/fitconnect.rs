//! PyPI `fitconnect`, a client of version 1: it sends to our subscriber, and it receives what our sender sent.

use std::path::Path;

use http::{Method, StatusCode};
use ozg_cloud::{
    sandbox::{Client, OfferedService, Scope, Seed, SeedDestination, Urls, make_destination_keys},
    sender::{
        client::{ApiVersion, Verdict},
        sample::service::SERVICES,
    },
};
use ozg_protocols::{forms::ozg_cloud as form_data, ids::DestinationId};
use serde_json::{Value, json};

use super::{ask, counterpart, driver};
use crate::{
    sandbox_town::{eventually, now, sample},
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
    tokio::task::spawn_blocking(move || run("send.py", &told)).await.expect("it ran")
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
    let destination = DestinationId::from_random([3; 16]);
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox-keys");
    let keys = make_destination_keys(&directory, &["fremd"], now()).expect("keys").remove(0);
    let parcel = sample(ApiVersion::V1);
    let offered = OfferedService {
        identifier: parcel.service.clone(),
        region: "DE09162".to_owned(),
        schema_uri: parcel.schema_uri.clone(),
        mime_type: "application/json".to_owned(),
    };
    let seed = Seed {
        clients: vec![Client {
            client_id: "fremd".to_owned(),
            client_secret: "fremd-secret".to_owned(),
            scopes: [Scope::SubscribeDestinations].into(),
            destinations: [destination].into(),
        }],
        destinations: vec![SeedDestination::new(
            destination,
            "Fremdes Amt",
            &keys.decryption.public(),
            &keys.signing.public(),
            &[offered],
        )],
        areas: Vec::new(),
    };
    let urls = Urls::at(&format!("http://127.0.0.1:{}", world.sandbox_port));
    let seed = serde_json::to_string(&seed).expect("JSON");
    let (status, said) = world.call(Method::POST, &format!("{}/sandbox/seed", urls.base), seed).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{said}");

    let sender = world.sender();
    let key = sender.key_of(destination, ApiVersion::V1).await.expect("a key");
    let receipt = sender.send(destination, &key, ApiVersion::V1, &parcel, None).await.expect("sent");
    let told = json!({
        "token_url": urls.token,
        "submission_url": urls.submission,
        "client_id": "fremd",
        "client_secret": "fremd-secret",
        "destination": destination,
        "decryption_key": serde_json::from_str::<Value>(&keys.decryption.to_json()).expect("JSON"),
        "signing_key": serde_json::from_str::<Value>(&keys.signing.to_json()).expect("JSON"),
    });
    let received = tokio::task::spawn_blocking(move || run("receive.py", &told)).await.expect("it ran");

    assert_eq!(received["data"], serde_json::from_slice::<Value>(&parcel.data).expect("JSON"));
    assert_eq!(received["schema"], "https://schema.fitko.de/fit-connect/metadata/1.0.0/metadata.schema.json");
    let attachments: Value = parcel
        .attachments
        .iter()
        .map(|attachment| (attachment.id.to_string(), Value::from(attachment.content.hash().to_string())))
        .collect();
    assert_eq!(received["attachments"], attachments);
    assert_eq!(received["events"], json!(["create-submission", "submit-submission", "accept-submission"]));
    assert_eq!(sender.verdict(receipt, ApiVersion::V1).await.expect("a log"), Verdict::Accepted);
}
