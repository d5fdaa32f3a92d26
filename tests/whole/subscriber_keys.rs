//! What a house does while the delivery service changes: new signing keys, a schema that nobody knows yet.

use http::{Method, StatusCode};
use ozg_cloud::sender::client::{ApiVersion, Verdict};
use serde_json::{Value, json};

use crate::{
    sandbox_town::{Town, eventually},
    subscriber_hall::Hall,
};

/// The service signs with a new key from now on; its name.
async fn new_service_key(town: &Town, how: &Value) -> String {
    let body = ("application/json", how.to_string());
    let reply = town.call(Method::POST, "/sandbox/service-key", None, body).await;
    assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.bytes);
    reply.json()["kid"].as_str().expect("a name").to_owned()
}

async fn published(town: &Town) -> Vec<String> {
    let keys = town.get("/submission-api/.well-known/jwks.json", None).await.json();
    let kid = |key: &Value| key["kid"].as_str().expect("a name").to_owned();
    keys["keys"].as_array().expect("a list").iter().map(kid).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_of_the_service_is_fetched_under_a_new_name_and_under_the_old_one() {
    let hall = Hall::open(ApiVersion::V2).await;
    let accepted = async || {
        let receipt = hall.town.submit(ApiVersion::V2).await;
        assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    };
    accepted().await;
    let first = published(&hall.town).await;
    let new = new_service_key(&hall.town, &json!({})).await;
    assert_eq!(published(&hall.town).await, [std::slice::from_ref(&new), &first].concat());
    accepted().await;
    let same = new_service_key(&hall.town, &json!({ "sameKid": true })).await;
    assert_eq!((&same, published(&hall.town).await), (&new, vec![new.clone()]));
    accepted().await;
    assert!(!hall.metric("ozg_fitconnect_refused_total", "invalid-event-log"));
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_events_make_a_house_ask_for_the_keys_once_and_are_rejected() {
    let hall = Hall::open(ApiVersion::V2).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    hall.town.fault(&json!({ "kind": "forged-set" })).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    assert_eq!(hall.problems(receipt).await, ["invalid-event-log @ submission"; 2]);
    let asked = "ozg_outbound_calls_total{purpose=\"keys\",outcome=\"ok\"} 2";
    assert!(hall.house.metrics_text().contains(asked));
    // Until the keys are fetched anyway nobody can tell a forgery from a key that was replaced: it waits.
    let waits = || hall.counted("ozg_fitconnect_retries_total", "reason=\"unavailable\"");
    let before = waits();
    hall.town.fault(&json!({ "kind": "forged-set" })).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    eventually("it waits", async || waits() > before).await;
    assert_eq!(hall.town.sender.verdict(receipt, ApiVersion::V2).await.expect("a log"), Verdict::Open);
    assert!(hall.house.metrics_text().contains(asked), "and nobody asks again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_key_of_2048_bits_is_left_out_and_counted() {
    let small = include_str!("../../protocols/fixtures/fit_connect/jose/key-small2048.public.jwk.json");
    let small: Value = serde_json::from_str(small).expect("JSON");
    let hall = Hall::open(ApiVersion::V2).await;
    new_service_key(&hall.town, &json!({ "beside": [small] })).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted, "with the good one beside it");
    assert_eq!(hall.counted("ozg_fitconnect_keys_refused_total", "reason=\"size\""), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_schema_that_nobody_knows_makes_a_submission_wait_until_the_service_writes_a_known_one() {
    let hall = Hall::open(ApiVersion::V2).await;
    hall.town.fault(&json!({ "kind": "unsupported-set-schema" })).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    eventually("the alarm", async || hall.metric("ozg_fitconnect_retries_total", "unknown-set-schema")).await;
    assert_eq!(hall.town.sender.verdict(receipt, ApiVersion::V2).await.expect("a log"), Verdict::Open);
    let path = format!("/sandbox/submissions/{}/signatures", receipt.submission_id);
    assert_eq!(hall.town.call(Method::POST, &path, None, ("", "")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
}
