//! Tests of reading SETs: the real ones of 2022, the one of the documentation, and broken ones.

use serde_json::{Value, json};

use super::{Claims, ClaimsRefused, Event, EventKind, Issuer, State, Subject, state};
use crate::{
    fit_connect::{shared_data, verify::Instance},
    ids::SubmissionId,
};

fn shared(name: &str) -> Option<Value> {
    Some(serde_json::from_slice(&shared_data(&format!("examples/{name}"))?).expect("JSON"))
}

fn claims(payload: &Value) -> Result<Claims, ClaimsRefused> {
    Claims::parse(payload.to_string().as_bytes())
}

fn good(event: &str, content: &Value) -> Value {
    json!({
        "$schema": "https://schema.fitko.de/fit-connect/set-payload/1.2.2/set-payload.schema.json",
        "jti": "5f2c6a1e-9999-4888-8777-666655554444", "iss": "c2f1d0e4-1111-4222-8333-444455556666",
        "iat": 1_763_900_000, "sub": "submission:7d3b1f0a-2222-4333-8444-555566667777",
        "txn": "case:1a2b3c4d-3333-4444-8555-666677778888", "unknown": [1],
        "events": { format!("https://schema.fitko.de/fit-connect/events/{event}"): content }
    })
}

#[test]
fn the_real_sets_of_2022_are_read() {
    let Some(created) = shared("set-create-submission.real-2022.json") else { return };
    let created = claims(&created["payload"]).expect("a real SET");
    assert_eq!(created.event, Event::Created);
    assert_eq!(created.issuer, Issuer::Service("https://submission-api-testing.fit-connect.fitko.dev".to_owned()));
    let Some(submitted) = shared("set-submit-submission.real-2022.payload.json") else { return };
    let submitted = claims(&submitted).expect("a real SET");
    let Event::Submitted(Some(tags)) = &submitted.event else { panic!("tags expected: {submitted:?}") };
    assert_eq!(tags.attachments.len(), 2);
    assert_eq!(submitted.subject, created.subject);
    let Subject::Submission(submission) = created.subject else { panic!("a submission expected") };
    assert_eq!(state([&created, &submitted], submission), State::Submitted);
}

#[test]
fn the_reject_set_of_the_documentation_is_read_with_its_problem() {
    let Some(rejected) = shared("set-reject-submission.docs.payload.json") else { return };
    let Event::Rejected { problems, tags: None } = claims(&rejected).expect("a SET").event else { panic!("rejected") };
    assert_eq!(problems[0].instance, Instance::Metadata);
    assert_eq!(problems[0].title, "Nur ein Beispiel");
}

#[test]
fn claims_read_back_as_they_were_written() {
    for (event, content) in [
        ("create-submission", json!({})),
        ("submit-submission", json!({"authenticationTags": {"metadata": "XFBoMYUZodetZdvTiFvSkQ", "attachments": {}}})),
        ("notify-submission", json!({"notifyType": "x"})),
        ("reject-submission", json!({"problems": []})),
        ("something-new", json!([1, 2])),
    ] {
        let read = claims(&good(event, &content)).expect("good claims");
        assert_eq!(Claims::parse(read.to_json().as_bytes()), Ok(read), "{event}");
    }
}

#[test]
fn an_unknown_event_is_taken_and_known_by_its_uri() {
    let read = claims(&good("reply-of-the-future", &json!({}))).expect("tolerated");
    assert_eq!(read.event.kind(), None);
    assert!(matches!(read.event, Event::Other { uri, .. } if uri.ends_with("/reply-of-the-future")));
}

#[test]
fn broken_claims_are_refused_by_name() {
    let with = |name: &str, value: Value| {
        let mut payload = good("create-submission", &json!({}));
        payload[name] = value;
        claims(&payload).err()
    };
    let claim = |name| Some(ClaimsRefused::Claim(name));
    assert_eq!(with("jti", json!("x")), claim("jti"));
    assert_eq!(with("iss", json!("ftp://x")), claim("iss"));
    assert_eq!(with("iat", json!(1_577_833_199)), claim("iat"));
    assert_eq!(with("iat", json!(1.5)), claim("iat"));
    assert_eq!(with("sub", json!("case:7d3b1f0a-2222-4333-8444-555566667777")), claim("sub"));
    assert_eq!(with("txn", json!("7d3b1f0a-2222-4333-8444-555566667777")), claim("txn"));
    assert_eq!(
        with("$schema", json!("https://schema.fitko.de/fit-connect/set-payload/2.0.0/x")),
        Some(ClaimsRefused::Schema)
    );
    assert_eq!(with("events", json!({})), Some(ClaimsRefused::Events));
    assert_eq!(with("events", json!({"a": {}, "b": {}})), Some(ClaimsRefused::Events));
    assert_eq!(claims(&json!([])).err(), Some(ClaimsRefused::NotAnObject));
    assert!(matches!(
        claims(&good("accept-submission", &json!({"authenticationTags": 1}))),
        Err(ClaimsRefused::Event(_))
    ));
}

#[test]
fn a_payload_ten_thousand_levels_deep_is_refused() {
    let deep = format!(r#"{{"events":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(Claims::parse(deep.as_bytes()), Err(ClaimsRefused::NotAnObject));
}

#[test]
fn only_the_service_creates_and_only_a_subscriber_accepts() {
    assert!(EventKind::CreateSubmission.by_service() && !EventKind::CreateSubmission.by_subscriber());
    assert!(EventKind::AcceptSubmission.by_subscriber() && !EventKind::AcceptSubmission.by_service());
    assert!(EventKind::RejectSubmission.by_subscriber() && EventKind::RejectSubmission.by_service());
}

#[test]
fn a_closed_submission_stays_closed_and_others_do_not_count() {
    let event = |event: &str, content: Value| claims(&good(event, &content)).expect("good claims");
    let mine: SubmissionId = "7d3b1f0a-2222-4333-8444-555566667777".parse().expect("an id");
    let (submitted, forwarded) = (event("submit-submission", json!({})), event("forward-submission", json!({})));
    let (rejected, accepted) = (event("reject-submission", json!({})), event("accept-submission", json!({})));
    assert_eq!(state([&submitted, &forwarded, &accepted, &rejected], mine), State::Accepted);
    assert!(state([&submitted, &forwarded], mine).is_open());
    assert_eq!(state([&accepted], mine), State::Incomplete, "nothing is accepted before it was submitted");
    assert_eq!(state([&submitted], SubmissionId::from_random([1; 16])), State::Incomplete);
}
