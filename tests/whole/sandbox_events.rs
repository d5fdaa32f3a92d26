//! The sandbox's event log: what it writes, and every check that an event of a subscriber has to pass.

use http::{Method, StatusCode};
use ozg_cloud::sender::client::{ApiVersion, Verdict};
use ozg_protocols::{fit_connect::jose::jws, ids::FitCaseId};
use serde_json::{Value, json};

use crate::sandbox_town::{EVENTS, Town, signed, signing_key};

fn kinds(log: &[Value]) -> Vec<String> {
    let kind = |claims: &Value| claims["events"].as_object().and_then(|events| events.keys().next().cloned());
    log.iter().filter_map(kind).map(|uri| uri.strip_prefix(EVENTS).expect("the prefix").to_owned()).collect()
}

#[tokio::test]
async fn create_and_submit_are_in_the_log_before_the_sender_hears_of_it() {
    let town = Town::open().await;
    let receipt = town.submit(ApiVersion::V2).await;
    let log = town.log(receipt).await;
    assert_eq!(kinds(&log), ["create-submission", "submit-submission"]);
    for claims in &log {
        assert_eq!(claims["iss"], town.running.urls.submission.as_str());
        assert_eq!(claims["sub"], format!("submission:{}", receipt.submission_id));
        assert_eq!(claims["txn"], format!("case:{}", receipt.case_id));
        assert!(claims["$schema"].as_str().expect("text").ends_with("/set-payload/1.2.2/set-payload.schema.json"));
    }
    let tags = &log[1]["events"][format!("{EVENTS}submit-submission")]["authenticationTags"];
    assert_eq!(tags["metadata"].as_str().map(str::len), Some(22));
    assert_eq!(tags["attachments"].as_object().map(serde_json::Map::len), Some(3));
    assert_eq!(town.sender.verdict(receipt, ApiVersion::V2).await.expect("a log"), Verdict::Open);
}

#[tokio::test]
async fn accepting_ends_a_submission_and_lets_its_content_go() {
    let town = Town::open().await;
    let receipt = town.submit(ApiVersion::V2).await;
    let claims = town.accept(receipt).await;
    let accepted = town.post(receipt, &claims).await;
    assert_eq!((accepted.status, accepted.bytes.len()), (StatusCode::NO_CONTENT, 0));
    let token = town.token("amt").await;
    let place = format!("/submission-api/v2/submissions/{}", receipt.submission_id);
    assert_eq!(town.get(&place, Some(&token)).await.problem(), "submission-not-found");
    let list = town.get("/submission-api/v2/submissions", Some(&token)).await.json();
    assert_eq!((&list["totalCount"], &list["submissions"]), (&json!(0), &json!([])));
    assert_eq!(town.post(receipt, &claims).await.problem(), "invalid-state-transition", "the same event again is 409");
    let seen = town.seen(receipt).await;
    assert_eq!((&seen["state"], &seen["events"]["accept-submission"]), (&json!("accepted"), &json!(1)));
    assert_eq!(town.sender.verdict(receipt, ApiVersion::V1).await.expect("a log"), Verdict::Accepted);
}

#[tokio::test]
async fn a_rejection_keeps_its_problems_even_none() {
    for problems in [json!([]), json!([{ "type": "urn:x", "title": "T", "detail": "D", "instance": "data" }])] {
        let town = Town::open().await;
        let receipt = town.submit(ApiVersion::V1).await;
        let claims = town.claims(receipt, "reject-submission", &json!({ "problems": problems }));
        assert_eq!(town.post(receipt, &claims).await.status, StatusCode::NO_CONTENT);
        assert_eq!(town.seen(receipt).await["problems"], problems);
        let expected = Verdict::Rejected(problems.as_array().expect("a list").clone());
        assert_eq!(town.sender.verdict(receipt, ApiVersion::V1).await.expect("a log"), expected);
    }
}

#[tokio::test]
async fn a_forwarded_submission_is_not_listed_but_can_be_fetched_and_decided() {
    let town = Town::open().await;
    let receipt = town.submit(ApiVersion::V2).await;
    let accept = town.accept(receipt).await;
    let forward = town.claims(receipt, "forward-submission", &json!({}));
    assert_eq!(town.post(receipt, &forward).await.status, StatusCode::NO_CONTENT);
    assert_eq!(town.post(receipt, &forward).await.status, StatusCode::CONFLICT, "only from submitted");
    let token = town.token("amt").await;
    let list = town.get("/submission-api/v2/submissions", Some(&token)).await.json();
    assert_eq!(list["submissions"], json!([]));
    let place = format!("/submission-api/v2/submissions/{}", receipt.submission_id);
    assert_eq!(town.get(&place, Some(&token)).await.status, StatusCode::OK);
    assert_eq!(town.post(receipt, &accept).await.status, StatusCode::NO_CONTENT);
}

/// One row of the table of checks: what is wrong, and what it is answered with.
type Row = (&'static str, fn(&mut Value), u16, &'static str);

const ROWS: [Row; 16] = [
    ("no jti", |claims| drop(claims.as_object_mut().expect("claims").remove("jti")), 422, "invalid-set-payload"),
    ("jti is no uuid", |claims| claims["jti"] = json!("x"), 422, "invalid-set-payload"),
    ("iat before 2020", |claims| claims["iat"] = json!(1_577_833_199), 422, "invalid-set-payload"),
    ("iat is text", |claims| claims["iat"] = json!("1800000000"), 422, "invalid-set-payload"),
    ("no event", |claims| claims["events"] = json!({}), 422, "invalid-set-payload"),
    ("two events", |claims| claims["events"][format!("{EVENTS}x")] = json!({}), 422, "invalid-set-payload"),
    ("no schema", |claims| drop(claims.as_object_mut().expect("claims").remove("$schema")), 422, "invalid-set-payload"),
    (
        "the schema of the documentation",
        |claims| {
            claims["$schema"] = json!("https://schema.fitko.de/fit-connect/set-payload/1.0.0/set-payload.schema.json");
        },
        422,
        "unsupported-set-payload-schema",
    ),
    ("iss is a URL", |claims| claims["iss"] = json!("https://example.org"), 403, "forbidden"),
    ("iss is elsewhere", |claims| claims["iss"] = json!("00000000-0000-4000-8000-000000000000"), 403, "forbidden"),
    (
        "sub is a reply",
        |claims| claims["sub"] = json!("reply:0b4b5f6e-60f4-4a2c-8a4e-3a4f0c1d2e3f"),
        422,
        "set-subject-mismatch",
    ),
    (
        "sub is unknown",
        |claims| claims["sub"] = json!("submission:0b4b5f6e-60f4-4a2c-8a4e-3a4f0c1d2e3f"),
        422,
        "set-subject-mismatch",
    ),
    (
        "txn is elsewhere",
        |claims| claims["txn"] = json!("case:0b4b5f6e-60f4-4a2c-8a4e-3a4f0c1d2e3f"),
        422,
        "set-subject-mismatch",
    ),
    (
        "an event of the service",
        |claims| claims["events"] = json!({ format!("{EVENTS}submit-submission"): {} }),
        422,
        "event-not-allowed",
    ),
    (
        "no tags",
        |claims| claims["events"] = json!({ format!("{EVENTS}accept-submission"): {} }),
        422,
        "authentication-tags-mismatch",
    ),
    (
        "reject without problems",
        |claims| claims["events"] = json!({ format!("{EVENTS}reject-submission"): {} }),
        422,
        "invalid-set-payload",
    ),
];

#[tokio::test]
async fn every_wrong_claim_is_refused_as_its_row_says_and_changes_nothing() {
    let town = Town::open().await;
    let receipt = town.submit(ApiVersion::V2).await;
    let good = town.accept(receipt).await;
    for (what, spoil, status, problem) in ROWS {
        let mut claims = good.clone();
        spoil(&mut claims);
        let reply = town.post(receipt, &claims).await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (status, problem), "{what}");
    }
    let mut tags = good.clone();
    tags["events"][format!("{EVENTS}accept-submission")]["authenticationTags"]["data"] =
        json!("AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(town.post(receipt, &tags).await.problem(), "authentication-tags-mismatch");
    assert_eq!(town.log(receipt).await.len(), 2);
    assert_eq!(town.post(receipt, &good).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_event_that_is_no_signed_token_of_the_destination_is_refused() {
    let town = Town::open().await;
    let receipt = town.submit(ApiVersion::V2).await;
    let good = town.accept(receipt).await;
    let (token, text) = (town.token("amt").await, signed(&good));
    let path = format!("/submission-api/v2/cases/{}/events", receipt.case_id);
    let other_type = jws::sign(good.to_string().as_bytes(), "jwt", signing_key()).expect("signed");
    let mut changed = good.clone();
    changed["iat"] = json!(1_800_000_000);
    let foreign = signed(&changed);
    let mixed = {
        let (good, foreign): (Vec<&str>, Vec<&str>) = (text.split('.').collect(), foreign.split('.').collect());
        format!("{}.{}.{}", good[0], foreign[1], good[2])
    };
    let unknown_kid = {
        let header = br#"{"alg":"PS512","typ":"secevent+jwt","kid":"unbekannter-schluessel"}"#;
        let header = ozg_protocols::fit_connect::jose::base64url::encode(header);
        format!("{header}.{}", text.split_once('.').expect("segments").1)
    };
    for (media_type, body, status, problem) in [
        ("application/json", text.clone(), 400, "unsupported-media-type"),
        ("application/jose", "kein.jws".to_owned(), 400, "invalid-set"),
        ("application/jose", "a.b.c.d".to_owned(), 400, "invalid-set"),
        ("application/jose", other_type, 400, "invalid-set-header"),
        ("application/jose", unknown_kid, 422, "unknown-set-key"),
        ("application/jose", mixed, 422, "invalid-set-signature"),
    ] {
        let reply = town.call(Method::POST, &path, Some(&token), (media_type, body)).await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (status, problem));
    }
    let stranger = town.token("fremder").await;
    let reply = town.call(Method::POST, &path, Some(&stranger), ("application/jose", text.clone())).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    let sender = town.token("sender").await;
    let reply = town.call(Method::POST, &path, Some(&sender), ("application/jose", text.clone())).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    let nowhere = format!("/submission-api/v2/cases/{}/events", FitCaseId::from_random([8; 16]));
    let reply = town.call(Method::POST, &nowhere, Some(&token), ("application/jose", text)).await;
    assert_eq!((reply.status, reply.problem()), (StatusCode::NOT_FOUND, "case-not-found".to_owned()));
}

#[tokio::test]
async fn a_log_is_for_those_who_take_part_and_comes_in_pages() {
    let town = Town::open().await;
    let receipt = town.submit(ApiVersion::V2).await;
    let path = format!("/submission-api/v2/cases/{}/events", receipt.case_id);
    for client in ["sender", "amt"] {
        let token = town.token(client).await;
        let of_submission = format!("/submission-api/v2/submissions/{}/events", receipt.submission_id);
        assert_eq!(town.get(&of_submission, Some(&token)).await.json()["totalCount"], 2, "{client}");
        let second = town.get(&format!("{path}?limit=1&offset=1"), Some(&token)).await.json();
        assert_eq!((&second["count"], &second["offset"], &second["totalCount"]), (&json!(1), &json!(1), &json!(2)));
    }
    let stranger = town.token("fremder").await;
    assert_eq!(town.get(&path, Some(&stranger)).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_service_rejects_after_14_days_and_forgets_after_21() {
    let town = Town::open().await;
    let receipt = town.submit(ApiVersion::V2).await;
    town.days_later(13).await;
    assert_eq!(town.seen(receipt).await["state"], "submitted");
    town.days_later(1).await;
    assert_eq!(town.seen(receipt).await["state"], "rejected");
    let log = town.log(receipt).await;
    assert_eq!(kinds(&log), ["create-submission", "submit-submission", "reject-submission"]);
    assert_eq!(log[2]["iss"], town.running.urls.submission.as_str(), "in the name of the service");
    town.days_later(7).await;
    assert_eq!(town.seen(receipt).await["state"], "deleted");
    assert_eq!(kinds(&town.log(receipt).await).last().map(String::as_str), Some("delete-submission"));
}
