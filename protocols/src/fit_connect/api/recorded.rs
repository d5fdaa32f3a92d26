//! Tests: what real clients put on the wire (`fixtures/fit_connect/wire`) is read, and written again as it was.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    ApiVersion,
    destination::Destination,
    page::{EventLogPage, SubmissionsForPickup},
    problem::ApiProblem,
    submission::{CreateSubmission, Submission, SubmissionCreated, SubmitSubmission},
    to_json,
    token::{TokenError, TokenResponse},
};
use crate::fit_connect::{
    jose::{
        jwe::{Header, SealedPart},
        jwk::Chain,
        key_set::KeySet,
        rsa::VerificationKey,
    },
    set::{Event, Issuer, Set},
};

/// One request with its answer.
struct Exchange {
    what: String,
    status: u64,
    sent: String,
    answered: String,
}

fn recorded(name: &str) -> Vec<Exchange> {
    let path = format!("{}/fixtures/fit_connect/wire/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let lines = std::fs::read_to_string(path).expect("recorded");
    let exchange = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let path = text(&line["req"]["path"]);
        // `/v2/submissions/{id}/events?limit=100` is filed under `GET submissions/*/events`.
        let place =
            path.split('?').next().unwrap_or_default().split_once("/v").map_or(path.as_str(), |(_, rest)| &rest[2..]);
        let segments: Vec<&str> = place.split('/').map(|part| if part.len() == 36 { "*" } else { part }).collect();
        Exchange {
            what: format!("{} {}", text(&line["req"]["method"]), segments.join("/")),
            status: line["resp"]["status"].as_u64().expect("a status"),
            sent: text(&line["req"]["body"]),
            answered: text(&line["resp"]["body"]),
        }
    };
    lines.lines().map(exchange).collect()
}

/// Reads a body (unless it was cut) and compares what is written again.
fn same<T: DeserializeOwned + Serialize>(body: &str, version: ApiVersion) -> Option<T> {
    let original: Value = serde_json::from_str(body).ok()?;
    let read: T = serde_json::from_value(original.clone()).unwrap_or_else(|error| panic!("{error}: {body:.300}"));
    let written: Value = serde_json::from_str(&to_json(&read, version).expect("JSON")).expect("JSON");
    assert_eq!(written, original);
    Some(read)
}

/// Reads every body of a recording; answers how many of each kind there were.
fn read_all(name: &str, version: ApiVersion) -> [usize; 3] {
    let mut counted = [0; 3];
    for exchange in recorded(name) {
        let (sent, answered) = (&exchange.sent, &exchange.answered);
        match (exchange.what.as_str(), exchange.status) {
            ("POST /token", 200) => drop(same::<TokenResponse>(answered, version).expect("a token")),
            ("POST /token", _) => drop(same::<TokenError>(answered, version).expect("an error")),
            ("POST submissions", 201) => {
                same::<CreateSubmission>(sent, version).expect("an announcement");
                same::<SubmissionCreated>(answered, version).expect("ids");
                counted[0] += 1;
            }
            ("PUT submissions/*", _) => drop(same::<SubmitSubmission>(sent, version)),
            ("GET submissions/*", 200) => drop(same::<Submission>(answered, version)),
            ("GET submissions", 200) => drop(same::<SubmissionsForPickup>(answered, version).expect("a page")),
            ("GET cases/*/events" | "GET submissions/*/events", 200) => {
                let page = same::<EventLogPage>(answered, version).expect("a page");
                for set in &page.event_log {
                    Set::parse(set).expect("a SET");
                    counted[1] += 1;
                }
            }
            ("PUT submissions/*/attachments/*", _) => {
                let header = Header::parse(sent.split('.').next().expect("a header").as_bytes()).expect("a header");
                match version {
                    ApiVersion::V1 => assert!(header.compressed && header.kid.as_str().len() == 43, "a thumbprint"),
                    ApiVersion::V2 => assert_eq!(header.fit_for_v2(SealedPart::Attachment), Ok(())),
                }
                counted[2] += 1;
            }
            ("GET destinations/*", 200) => drop(same::<Destination>(answered, version).expect("a destination")),
            (_, 400..) => drop(same::<ApiProblem>(answered, version).expect("a problem")),
            _ => {}
        }
    }
    counted
}

#[test]
fn every_body_of_the_python_client_is_read_and_written_again() {
    assert_eq!(read_all("v1-python", ApiVersion::V1), [7, 2, 3]);
}

#[test]
fn every_body_of_the_php_client_is_read_and_written_again() {
    let [announced, events, uploaded] = read_all("v2-php", ApiVersion::V2);
    assert_eq!((announced, uploaded), (3, 2));
    assert!(events > 0);
}

#[test]
fn the_recorded_log_verifies_with_the_recorded_keys() {
    let exchanges = recorded("v2-php");
    let answer = |what: &str| {
        let found = exchanges.iter().find(|exchange| exchange.what.ends_with(what) && exchange.status == 200);
        &found.unwrap_or_else(|| panic!("{what}")).answered
    };
    let service = KeySet::parse(answer("jwks.json").as_bytes(), Chain::Optional).expect("a key set");
    let ours = format!(r#"{{"keys":[{}]}}"#, answer("destinations/*/keys/*"));
    let ours = KeySet::parse(ours.as_bytes(), Chain::Optional).expect("a key");
    let page: EventLogPage = serde_json::from_str(answer("submissions/*/events")).expect("a page");
    let mut accepted = false;
    for text in &page.event_log {
        let set = Set::parse(text).expect("a SET");
        let keys = match set.unverified().issuer {
            Issuer::Service(_) => &service,
            Issuer::Destination(_) => &ours,
        };
        let key = VerificationKey::new(keys.find(set.kid()).expect("published")).expect("usable");
        accepted |= matches!(set.verify(&key).expect("signed").event, Event::Accepted(_));
    }
    assert!(accepted);
}
