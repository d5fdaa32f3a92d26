//! What real clients were seen to send (records of ours in `protocols/fixtures/fit_connect/wire`), sent to the sandbox again.
//!
//! Tokens, ids and sealed parts differ from run to run, so they are put in anew; method, path, headers and the members of
//! the bodies stay. The answer must have the status and at least the members that the client went on with.

use std::{collections::BTreeMap, fs};

use http::Method;
use ozg_cloud::sandbox::Scope;
use ozg_protocols::{
    fit_connect::jose::{
        jwe::{self, ContentType},
        rsa::ContentKey,
    },
    ids::{DestinationId, FitCaseId},
};
use serde_json::Value;

use crate::sandbox_town::{Town, client, signed};

const DESTINATION: &str = "25ad2fe2-22e4-4bb5-8d29-5fe29d937c78";

fn records(name: &str) -> Vec<Value> {
    let file = crate::sources::root().join("protocols/fixtures/fit_connect/wire").join(name);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
}

/// The town with the destination of the records and the two clients they come from.
async fn recorded_town() -> Town {
    let destination: DestinationId = DESTINATION.parse().expect("an id");
    let mut town = Town::open_with(move |settings| {
        settings.seed.destinations[0].destination_id = destination;
        let all = [Scope::SendSubmissions, Scope::SubscribeDestinations, Scope::ManageDestinations];
        settings.seed.clients = vec![client("any", &all, &[destination])];
    })
    .await;
    town.destination = destination;
    town
}

/// Ids of the record and what the sandbox gave out instead.
type Ids = BTreeMap<String, String>;

fn replaced(text: &str, ids: &Ids) -> String {
    ids.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new))
}

fn learn(ids: &mut Ids, recorded: &Value, answered: &Value) {
    for member in ["submissionId", "caseId"] {
        if let (Some(old), Some(new)) = (recorded[member].as_str(), answered[member].as_str()) {
            ids.insert(old.to_owned(), new.to_owned());
        }
    }
}

/// Sends one record. False when it cannot be repeated (cut bodies, answers of a fault).
async fn replay(town: &Town, record: &Value, base: &str, token: &str, sealed: &str, ids: &mut Ids) -> bool {
    let (request, response) = (&record["req"], &record["resp"]);
    let path = request["path"].as_str().expect("a path");
    if path.ends_with("/token") || response["status"].as_u64() == Some(503) {
        return false;
    }
    let mut body = request["body"].as_str().unwrap_or_default().to_owned();
    let media_type = request["headers"]["Content-Type"].as_str().unwrap_or_default().to_owned();
    let is_event = path.ends_with("/events") && request["method"] == "POST";
    let is_key = path.contains("/keys/");
    if media_type == "application/jose" && !is_event {
        sealed.clone_into(&mut body);
    } else if body.contains("encryptedMetadata") {
        body = serde_json::json!({ "encryptedMetadata": sealed, "encryptedData": sealed }).to_string();
    } else if is_event || is_key {
        // Signed or named by keys of the record; the tests of events and destinations send their own.
        return false;
    }
    let method: Method = request["method"].as_str().expect("a method").parse().expect("a method");
    let reply = town
        .call(method, &format!("{base}{}", replaced(path, ids)), Some(token), (&media_type, replaced(&body, ids)))
        .await;
    assert_eq!(
        u64::from(reply.status.as_u16()),
        response["status"].as_u64().expect("a status"),
        "{path}: {:?}",
        reply.bytes
    );
    let Ok(recorded) = serde_json::from_str::<Value>(response["body"].as_str().unwrap_or_default()) else {
        return true;
    };
    let answered = reply.json();
    if let Some(members) = recorded.as_object() {
        for name in members.keys() {
            assert!(!answered[name.as_str()].is_null(), "{path}: the answer lacks {name}: {answered}");
        }
    }
    learn(ids, &recorded, &answered);
    true
}

async fn sealed_for(town: &Town, content_type: &ContentType) -> String {
    let account = ozg_cloud::sender::client::Account {
        token_url: town.running.urls.token.clone(),
        submission_url: town.running.urls.submission.clone(),
        client_id: "any".to_owned(),
        client_secret: "any-secret".to_owned(),
    };
    let transport = ozg_cloud::sender::transport::Transport::new(None).expect("a transport");
    let sender = ozg_cloud::sender::client::Sender::new(transport, account);
    let key = sender.key_of(town.destination, ozg_cloud::sender::client::ApiVersion::V1).await.expect("a key");
    jwe::seal(b"{}", Some(content_type), &key, &ContentKey::from_random([1; 32]), [2; 12]).expect("sealed")
}

#[tokio::test]
async fn the_php_client_of_version_2_finds_what_it_needs() {
    let records = records("v2-php.jsonl");
    let town = recorded_town().await;
    let (token, sealed) = (town.token("any").await, sealed_for(&town, &ContentType::json()).await);
    let (mut ids, mut repeated) = (Ids::new(), 0);
    for record in &records {
        repeated += usize::from(replay(&town, record, "", &token, &sealed, &mut ids).await);
    }
    assert!(repeated >= 10, "{repeated} of {}", records.len());
}

#[tokio::test]
async fn the_python_client_of_version_1_finds_what_it_needs() {
    let records = records("v1-python.jsonl");
    let town = recorded_town().await;
    let sealed = sealed_for(&town, &ContentType::json()).await;
    let (mut ids, mut repeated) = (Ids::new(), 0);
    for record in &records {
        let path = record["req"]["path"].as_str().expect("a path");
        // This client fetches a token before every call.
        let token = town.token("any").await;
        if record["req"]["method"] == "POST" && path.ends_with("/events") {
            accept(&town, &token, &replaced(path, &ids)).await;
            continue;
        }
        repeated += usize::from(replay(&town, record, "/submission-api", &token, &sealed, &mut ids).await);
    }
    assert!(repeated >= 30, "{repeated} of {}", records.len());
}

/// Accepts, as the driver of the record did, what the case in this path holds.
async fn accept(town: &Town, token: &str, path: &str) {
    let case: FitCaseId = path.split('/').nth(3).expect("a case").parse().expect("an id");
    let list = town.get("/submission-api/v1/submissions", Some(token)).await.json();
    let of_case =
        list["submissions"].as_array().expect("a list").iter().find(|found| found["caseId"] == format!("{case}"));
    let submission = of_case.expect("a submission")["submissionId"].as_str().expect("an id").parse().expect("an id");
    let receipt = ozg_cloud::sender::client::Receipt { submission_id: submission, case_id: case };
    let log = town.get(&format!("/submission-api{path}"), Some(token)).await.json();
    let submit = log["eventLog"][1].as_str().expect("a SET");
    let jws = ozg_protocols::fit_connect::jose::jws::Jws::parse(submit, "secevent+jwt", 1 << 20).expect("a SET");
    let claims: Value = serde_json::from_slice(jws.unverified_payload()).expect("claims");
    let (_, payload) = claims["events"].as_object().expect("events").iter().next().expect("an event");
    let content = ("application/jose", signed(&town.claims(receipt, "accept-submission", payload)));
    let reply = town.call(Method::POST, &format!("/submission-api{path}"), Some(token), content).await;
    assert_eq!(reply.status, 204, "{:?}", reply.bytes);
}
