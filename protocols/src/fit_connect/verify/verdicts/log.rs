//! Tests of rows 1 to 4: the event log and its tags.

use super::{super::*, attachment_id, one, problems, tag, tags};
use crate::{
    fit_connect::{
        jose::{
            jws,
            rsa::{RsaFailed, SignPs512, VerifyPs512},
        },
        set::{Claims, Event, Issuer, State, Subject},
        tag::AuthenticationTags,
    },
    ids::{AttachmentId, DestinationId, FitCaseId, SubmissionId},
    moment::Moment,
};

const SERVICE: &str = "https://service.example.org/submission-api";

/// A stand-in for RSA: the signature is the key's name.
struct NamedKey(Kid);

impl NamedKey {
    fn new(name: &str) -> Self {
        Self(name.parse().expect("a kid"))
    }
}

impl SignPs512 for NamedKey {
    fn kid(&self) -> &Kid {
        &self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, RsaFailed> {
        Ok(self.0.as_str().into())
    }
}

impl VerifyPs512 for NamedKey {
    fn kid(&self) -> &Kid {
        &self.0
    }

    fn verify(&self, _: &[u8], signature: &[u8]) -> Result<(), RsaFailed> {
        if signature == self.0.as_str().as_bytes() { Ok(()) } else { Err(RsaFailed) }
    }
}

struct Published(Vec<(Issuer, NamedKey)>);

impl SetKeys for Published {
    fn find(&self, issuer: &Issuer, kid: &Kid) -> Option<&dyn VerifyPs512> {
        let found = self.0.iter().find(|(owner, key)| owner == issuer && key.0 == *kid)?;
        Some(&found.1)
    }
}

fn submission() -> SubmissionId {
    SubmissionId::from_random([1; 16])
}

fn case() -> FitCaseId {
    FitCaseId::from_random([2; 16])
}

fn destination() -> DestinationId {
    DestinationId::from_random([3; 16])
}

fn service_key() -> NamedKey {
    NamedKey::new("service-key")
}

fn published() -> Published {
    Published(vec![
        (Issuer::Service(SERVICE.to_owned()), service_key()),
        (Issuer::Destination(destination()), NamedKey::new("our-set-key")),
    ])
}

fn by_service(event: Event) -> Claims {
    Claims {
        schema: Some("https://schema.fitko.de/fit-connect/set-payload/1.2.2/set-payload.schema.json".to_owned()),
        id: uuid::Uuid::from_u128(7),
        issuer: Issuer::Service(SERVICE.to_owned()),
        issued_at: Moment::from_seconds(1_763_900_000),
        subject: Subject::Submission(submission()),
        case: case(),
        event,
    }
}

fn signed(claims: &Claims) -> String {
    claims.sign(&service_key()).expect("signed")
}

fn good_log() -> Vec<String> {
    vec![signed(&by_service(Event::Created)), signed(&by_service(Event::Submitted(Some(tags()))))]
}

fn judge_log(log: &[String]) -> Result<JudgedLog, Stop> {
    let issuers = [SERVICE.to_owned()];
    let check =
        EventLogCheck { submission: submission(), case: case(), destination: destination(), service_issuers: &issuers };
    check.judge(log, &published())
}

#[test]
fn a_good_log_is_passed_on_with_its_tags() {
    let judged = judge_log(&good_log()).expect("good");
    assert_eq!(judged.tags, Some(tags()));
    assert_eq!(judged.state, State::Submitted);
    assert!(judged.schema.expect("mirrored").contains("1.2.2"));
}

#[test]
fn row_1_a_forged_set_is_an_invalid_event_log() {
    let mut log = good_log();
    let (signed_part, _) = log[0].rsplit_once('.').expect("segments");
    log[0] = format!("{signed_part}.Zm9yZ2Vk");
    assert_eq!(problems(judge_log(&log)), one("invalid-event-log", "submission"));
}

#[test]
fn row_1_a_set_that_is_none_is_an_invalid_event_log() {
    let log = [good_log(), vec!["x.y.z".to_owned()]].concat();
    assert_eq!(problems(judge_log(&log)), one("invalid-event-log", "submission"));
}

#[test]
fn row_1_nobody_else_may_issue_events() {
    let stranger = NamedKey::new("a-strangers-key");
    for issuer in [
        Issuer::Service("https://evil.example.org".to_owned()),
        Issuer::Destination(DestinationId::from_random([9; 16])),
    ] {
        let forged = Claims { issuer, ..by_service(Event::Notified(serde_json::Value::Null)) };
        let log = [good_log(), vec![forged.sign(&stranger).expect("signed")]].concat();
        assert_eq!(problems(judge_log(&log)), one("invalid-event-log", "submission"));
    }
}

#[test]
fn our_service_under_another_name_is_a_reason_to_come_back() {
    let issuer = Issuer::Service("https://neu.example.org/submission-api".to_owned());
    let renamed = signed(&Claims { issuer, ..by_service(Event::Created) });
    let log = [vec![renamed], good_log()].concat();
    assert_eq!(judge_log(&log), Err(Stop::Retry(Retry::UnknownSetKey(service_key().0))));
}

#[test]
fn row_1_the_service_may_not_accept_for_us() {
    let log = [good_log(), vec![signed(&by_service(Event::Accepted(None)))]].concat();
    assert_eq!(problems(judge_log(&log)), one("invalid-event-log", "submission"));
}

#[test]
fn row_1_a_set_of_another_case_is_an_invalid_event_log() {
    let foreign =
        Claims { case: FitCaseId::from_random([8; 16]), ..by_service(Event::Notified(serde_json::Value::Null)) };
    let log = [good_log(), vec![signed(&foreign)]].concat();
    assert_eq!(problems(judge_log(&log)), one("invalid-event-log", "submission"));
}

#[test]
fn row_2_two_submit_events_or_none_are_an_invalid_event_log() {
    let twice = [good_log(), good_log()].concat();
    assert_eq!(problems(judge_log(&twice)), one("invalid-event-log", "submission"));
    assert_eq!(problems(judge_log(&good_log()[..1])), one("invalid-event-log", "submission"));
    assert_eq!(problems(judge_log(&[])), one("invalid-event-log", "submission"));
}

#[test]
fn an_unknown_set_key_is_a_reason_to_come_back_and_never_to_reject() {
    let claims = by_service(Event::Created);
    let unknown = claims.sign(&NamedKey::new("rolled-over")).expect("signed");
    let log = [vec!["broken".to_owned(), unknown], good_log()].concat();
    let kid = "rolled-over".parse().expect("a kid");
    assert_eq!(judge_log(&log), Err(Stop::Retry(Retry::UnknownSetKey(kid))));
}

#[test]
fn events_of_other_submissions_in_the_case_are_passed_over() {
    let other = Claims {
        subject: Subject::Submission(SubmissionId::from_random([7; 16])),
        issuer: Issuer::Destination(DestinationId::from_random([9; 16])),
        ..by_service(Event::Submitted(None))
    };
    let log = [good_log(), vec![signed(&other)]].concat();
    assert_eq!(judge_log(&log).expect("good").events.len(), 2);
}

/// A SET of ours with this member instead.
fn with(claims: &Claims, name: &str, value: serde_json::Value, key: &NamedKey) -> String {
    let mut payload: serde_json::Value = serde_json::from_str(&claims.to_json()).expect("JSON");
    payload[name] = value;
    jws::sign(payload.to_string().as_bytes(), "secevent+jwt", key).expect("signed")
}

#[test]
fn what_is_wrong_with_an_event_of_another_submission_is_nothing_to_this_one() {
    let other = Subject::Submission(SubmissionId::from_random([7; 16]));
    let others = Claims { subject: other, ..by_service(Event::Submitted(None)) };
    let (key, deep) = (service_key(), format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)));
    let without_header = signed(&others).split_once('.').map(|(_, rest)| format!("e30.{rest}")).expect("segments");
    let deep = format!(r#"{{"sub":"{other}","events":{deep}}}"#);
    let log = [
        vec![
            with(&others, "events", serde_json::json!({"a": {}, "b": {}}), &key),
            with(&others, "$schema", "https://example.org/9".into(), &key),
            with(&others, "iat", "yesterday".into(), &key),
            with(&others, "sub", "letter:7".into(), &key),
            without_header,
            jws::sign(deep.as_bytes(), "secevent+jwt", &key).expect("signed"),
        ],
        good_log(),
    ]
    .concat();
    assert_eq!(judge_log(&log).expect("good").events.len(), 2);
    for unreadable in ["submission:7", ""] {
        let log = [vec![with(&others, "sub", unreadable.into(), &key)], good_log()].concat();
        assert_eq!(problems(judge_log(&log)), one("invalid-event-log", "submission"), "{unreadable:?} may be ours");
    }
}

#[test]
fn an_unknown_schema_is_a_reason_to_come_back_unless_a_stranger_signed_it() {
    let schema = "https://schema.fitko.de/fit-connect/set-payload/9.0.0/set-payload.schema.json";
    let (service, destination) = (by_service(Event::Submitted(Some(tags()))), Issuer::Destination(destination()));
    let ours = Claims { issuer: destination, ..service.clone() };
    for (claims, key) in [(&service, service_key()), (&ours, NamedKey::new("our-set-key"))] {
        let log = [good_log(), vec![with(claims, "$schema", schema.into(), &key)]].concat();
        assert_eq!(judge_log(&log), Err(Stop::Retry(Retry::UnknownSetSchema(schema.to_owned()))));
    }
    let rolled = with(&service, "$schema", schema.into(), &NamedKey::new("rolled-over"));
    let kid = "rolled-over".parse().expect("a kid");
    assert_eq!(judge_log(&[rolled]), Err(Stop::Retry(Retry::UnknownSetKey(kid))));
    let stranger = Claims { issuer: Issuer::Service("https://evil.example.org".to_owned()), ..service.clone() };
    let forged = with(&service, "$schema", schema.into(), &service_key());
    let forged = forged.rsplit_once('.').map(|(signed, _)| format!("{signed}.Zm9yZ2Vk")).expect("segments");
    for bad in [with(&stranger, "$schema", schema.into(), &NamedKey::new("a-strangers-key")), forged] {
        assert_eq!(problems(judge_log(&[good_log(), vec![bad]].concat())), one("invalid-event-log", "submission"));
    }
}

#[test]
fn a_key_is_in_doubt_when_somebody_else_signed_under_its_name() {
    let issuers = [SERVICE.to_owned()];
    let check =
        EventLogCheck { submission: submission(), case: case(), destination: destination(), service_issuers: &issuers };
    assert_eq!(check.keys_in_doubt(&good_log(), &published()), []);
    let mut log = good_log();
    let (signed_part, _) = log[1].rsplit_once('.').expect("segments");
    log[1] = format!("{signed_part}.Zm9yZ2Vk");
    let unknown = by_service(Event::Created).sign(&NamedKey::new("rolled-over")).expect("signed");
    log.push(unknown);
    let doubted = check.keys_in_doubt(&log, &published());
    assert_eq!(doubted, [(Issuer::Service(SERVICE.to_owned()), service_key().0)]);
}

#[test]
fn only_keys_of_those_who_may_speak_are_needed() {
    let issuers = [SERVICE.to_owned()];
    let check =
        EventLogCheck { submission: submission(), case: case(), destination: destination(), service_issuers: &issuers };
    let evil = Claims { issuer: Issuer::Service("https://evil.example.org".to_owned()), ..by_service(Event::Created) };
    let other = Claims { issuer: Issuer::Destination(DestinationId::from_random([9; 16])), ..evil.clone() };
    let log = [good_log(), vec![signed(&evil), signed(&other)]].concat();
    let needed = check.keys_needed(&log);
    assert_eq!(needed, [(Issuer::Service(SERVICE.to_owned()), service_key().0)]);
}

#[test]
fn our_own_acceptance_is_found_in_the_log() {
    let ours = Claims { issuer: Issuer::Destination(destination()), ..by_service(Event::Accepted(Some(tags()))) };
    let ours = ours.sign(&NamedKey::new("our-set-key")).expect("signed");
    assert_eq!(judge_log(&[good_log(), vec![ours]].concat()).expect("good").state, State::Accepted);
}

fn judge_tags(tags: Option<&AuthenticationTags>) -> Result<Tags, Stop> {
    TagCheck { attachments: &[attachment_id()], has_data: true }.judge(tags)
}

#[test]
fn row_3_a_submit_event_without_tags_lacks_them() {
    assert_eq!(problems(judge_tags(None)), one("missing-authentication-tags", "submission"));
}

#[test]
fn row_3_incomplete_tags_are_an_invalid_event_log() {
    let incomplete = AuthenticationTags { metadata: None, data: None, ..tags() };
    let both = ["invalid-event-log"; 2].map(|suffix| (suffix.to_owned(), "submission".to_owned()));
    assert_eq!(problems(judge_tags(Some(&incomplete))), both);
}

#[test]
fn row_4_attachments_without_tags_or_tags_without_attachments_do_not_match() {
    let none = AuthenticationTags { attachments: [].into(), ..tags() };
    assert_eq!(problems(judge_tags(Some(&none))), one("attachments-mismatch", "submission"));
    let mut more = tags();
    more.attachments.insert(AttachmentId::from_random([6; 16]), tag(9));
    assert_eq!(problems(judge_tags(Some(&more))), one("attachments-mismatch", "submission"));
}

#[test]
fn an_id_that_the_service_names_twice_counts_once() {
    let twice = [attachment_id(), attachment_id()];
    let judged = TagCheck { attachments: &twice, has_data: true }.judge(Some(&tags()));
    assert_eq!(judged.expect("good").to_event(), tags());
}

#[test]
fn only_signed_events_of_its_case_tell_which_other_submissions_a_case_has() {
    let other = |number: u8| SubmissionId::from_random([number; 16]);
    let about = |number: u8| Claims { subject: Subject::Submission(other(number)), ..by_service(Event::Created) };
    let forged = |claims: &Claims| format!("{}.Zm9yZ2Vk", signed(claims).rsplit_once('.').expect("segments").0);
    let mut log = good_log();
    log.extend([
        forged(&about(11)),
        signed(&Claims { case: FitCaseId::from_random([9; 16]), ..about(12) }),
        signed(&Claims { issuer: Issuer::Service("https://elsewhere.example".to_owned()), ..about(13) }),
        signed(&Claims { event: Event::Accepted(None), ..about(14) }),
        about(15).sign(&NamedKey::new("a-key-that-was-not-fetched")).expect("signed"),
        "x".to_owned(),
        signed(&about(16)),
        signed(&about(16)),
        signed(&about(17)),
    ]);
    let issuers = [SERVICE.to_owned()];
    let check =
        EventLogCheck { submission: submission(), case: case(), destination: destination(), service_issuers: &issuers };
    assert_eq!(check.siblings(&log, &published(), 50), [other(16), other(17)]);
    assert_eq!(check.siblings(&log, &published(), 3), [other(16)], "the third signature is the last that is verified");
}
