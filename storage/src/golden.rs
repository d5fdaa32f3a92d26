//! Golden bytes: every event of every schema, as it was first written. A program that cannot read them has lost its past.
//!
//! The fixtures in `fixtures/events-v1` and `events-v2` are never written again; a changed type gets a schema of its own
//! (`docs/adding-an-event.md`). For a new one, the test that misses it writes a proposal beside it.

mod application;

use std::{fmt::Debug, fs, path::PathBuf};

use ozg_protocols::{
    account::{AccountEvent, PasswordHash, RecordedAccount},
    application::{Application, Channel},
    case::{
        self, Action, By, CaseNumber, Effect, Event, Followed, Person, Receipt, ReceiptOf, ReceiptState, Recorded,
        RoutingRow, Status,
    },
    ids::{BlobId, CaseId, CommentId, DestinationId, FitCaseId, IntakeId, SubmissionId},
    intake::{ClearingReason, IntakeEvent, RawPart, RawSubmission, RecordedIntake, RejectedFor},
    moment::Moment,
    principal::Role,
    tenant::{RecordedTenant, TenantEvent},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    checkpoint::{BringOut, CheckpointSigned},
    codec::Schema,
};

const AT: Moment = Moment::from_millis(1_795_000_000_123);

fn holds<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, values: &T) {
    holds_in("events-v1", 1, name, values);
}

fn holds_in<T: Serialize + DeserializeOwned + PartialEq + Debug>(place: &str, schema: u8, name: &str, values: &T) {
    let written = Schema::first(schema).encode(values).expect("encodes");
    let file = fixture(place, name);
    let Ok(golden) = fs::read(&file) else {
        let new = file.with_extension("new");
        fs::write(&new, &written).expect("the directory of fixtures can be written");
        panic!("there is no fixture; a first one lies in {}: look at it, and rename it", new.display());
    };
    assert_eq!(&Schema::<T>::first(schema).decode(&golden).expect("the first bytes still decode"), values);
    assert_eq!(written, golden, "the same value has other bytes now");
}

/// What schema 1 wrote of a case still becomes these events, and its frozen types still have its bytes.
fn still_become(name: &str, values: &[Recorded]) {
    let golden = fs::read(fixture("events-v1", name)).expect("a fixture");
    let first = Schema::<Vec<case::v1::Recorded>>::first(1);
    let old = first.decode(&golden).expect("the first bytes still decode");
    assert_eq!(first.encode(&old).expect("encodes"), golden, "the same value has other bytes now");
    assert_eq!(old.into_iter().map(Recorded::from).collect::<Vec<_>>(), values);
}

fn fixture(place: &str, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(place).join(format!("{name}.bin"))
}

fn receipt() -> Receipt {
    Receipt {
        destination: DestinationId::from_random([1; 16]),
        submission: SubmissionId::from_random([2; 16]),
        case: FitCaseId::from_random([3; 16]),
        token: "header.payload.signature".into(),
    }
}

fn person() -> Person {
    Person { user: "erika".parse().expect("valid"), name: "Erika Muster".into() }
}

/// Everything that can happen to a case, to these applications.
fn of_a_case(applications: Vec<Application>, followed: &Followed) -> Vec<Recorded> {
    let received = applications.into_iter().map(|application| Event::Received {
        number: CaseNumber::new("MUS", 2026, 42),
        application: Box::new(application),
        org_unit: "32".parse().ok(),
        continues: Some(CaseId::from_u128(1)),
        receipt: Some(receipt()),
        followed: followed.clone(),
    });
    let moves = [
        (Action::Accept, Status::Accepted),
        (Action::Discard, Status::Discarded),
        (Action::Forward, Status::Forwarded),
        (Action::FetchBack, Status::New),
        (Action::StartWork, Status::InProgress),
        (Action::PutBack, Status::Accepted),
        (Action::Decide, Status::Decided),
        (Action::Close, Status::Closed),
        (Action::WorkAgain, Status::InProgress),
        (Action::Reopen, Status::InProgress),
        (Action::MarkForDeletion, Status::ToBeDeleted),
    ];
    let noted = [ReceiptState::NotNeeded, ReceiptState::Pending, ReceiptState::Delivered, ReceiptState::Foreign];
    let events = received
        .chain(moves.map(|(action, to)| Event::StatusChanged { action, to }))
        .chain([Event::Assigned { to: Some(person()) }, Event::Assigned { to: None }])
        .chain([Event::Commented { id: CommentId::from_u128(2), text: "Bitte prüfen".into() }])
        .chain(noted.map(|state| Event::ReceiptNoted { state }));
    let by = [By::Person(person()), By::System].into_iter().cycle();
    events.zip(by).map(|(event, by)| Recorded { at: AT, by, event }).collect()
}

#[test]
fn events_of_a_case_of_schema_1_become_those_of_schema_2() {
    still_become("case", &of_a_case(application::of_schema_1(), &Followed::default()));
}

#[test]
fn events_of_a_case() {
    let noted = Recorded { at: AT, by: By::System, event: Event::ReceiptNoted { state: ReceiptState::Refused } };
    let followed = Followed { mapping: Some(AT), routing: Some(RoutingRow { row: 3, from: Some(AT) }) };
    let events: Vec<_> = of_a_case(application::of_schema_2(), &followed).into_iter().chain([noted]).collect();
    holds_in("events-v2", 2, "case", &events);
}

#[test]
fn events_of_an_intake() {
    let reasons = [
        ClearingReason::FailedThreeTimes,
        ClearingReason::NoResponsibleUnit,
        ClearingReason::NotMapped,
        ClearingReason::ForeignVerdict,
    ];
    let raw = RawSubmission {
        metadata: RawPart::Inline("a.b.c.d.e".into()),
        data: Some(RawPart::Blob(BlobId::from_u128(3))),
        event_log: vec!["a.b.c".into()],
    };
    let channels = [
        application::channel(),
        Channel::Xta { message_id: "urn:1".into() },
        Channel::FormVendor { vendor: "v".into(), transaction_id: "t".into() },
    ];
    let kept = channels.map(|channel| IntakeEvent::Kept { channel, service: "urn:x:y".into(), raw: raw.clone() });
    let problems = vec![RejectedFor { problem: "https://example.org/p".into(), instance: "metadata".into() }];
    let rest = [
        IntakeEvent::Attempted { number: 2 },
        IntakeEvent::BecameCase { case: CaseId::from_u128(4) },
        IntakeEvent::Rejected { problems, receipt: receipt() },
        IntakeEvent::Retried,
        IntakeEvent::ReceiptNoted { state: ReceiptState::Delivered },
        IntakeEvent::AttemptSpared,
    ];
    let clearing = reasons.map(|reason| IntakeEvent::NeedsClearing { reason });
    let events = kept.into_iter().chain(rest).chain(clearing);
    holds("intake", &events.map(|event| RecordedIntake { at: AT, event }).collect::<Vec<_>>());
}

/// What was added when a verdict that the service refuses for good became a matter for a person.
#[test]
fn events_of_a_refused_verdict() {
    let of = [ReceiptOf::Case(CaseId::from_u128(1)), ReceiptOf::Intake(IntakeId::from_u128(2))];
    let refused = of.map(|of| IntakeEvent::VerdictRefused { of, receipt: receipt() });
    let again = of.map(|of| IntakeEvent::SentAgain { of, receipt: receipt() });
    let reason = ClearingReason::VerdictRefused;
    let rest = [IntakeEvent::NeedsClearing { reason }, IntakeEvent::ReceiptNoted { state: ReceiptState::Refused }];
    let events = refused.into_iter().chain(again).chain(rest);
    holds("intake-refused-verdict", &events.map(|event| RecordedIntake { at: AT, event }).collect::<Vec<_>>());
    let noted = Event::ReceiptNoted { state: ReceiptState::Refused };
    still_become("case-refused-verdict", &[Recorded { at: AT, by: By::System, event: noted }]);
}

/// What was added when a submission could be too long for any case.
#[test]
fn events_of_a_submission_too_long() {
    let event = IntakeEvent::NeedsClearing { reason: ClearingReason::TooLong };
    holds("intake-too-long", &vec![RecordedIntake { at: AT, event }]);
}

/// What was added when being too long to be fetched became a reason of its own.
#[test]
fn events_of_what_is_too_long() {
    let (reason, raw) = (ClearingReason::TooLarge, RawSubmission::nothing());
    let kept = IntakeEvent::Kept { channel: application::channel(), service: String::new(), raw };
    let events = [kept, IntakeEvent::NeedsClearing { reason }];
    holds("intake-too-large", &events.map(|event| RecordedIntake { at: AT, event }).to_vec());
}

#[test]
fn events_of_a_tenant() {
    let slug = "musterstadt".parse().expect("valid");
    let events = [
        TenantEvent::Created { slug, name: "Stadt Musterstadt".into(), key_fingerprint: [9; 32] },
        TenantEvent::NumbersReserved { year: 2026, up_to: 100 },
    ];
    holds("tenant", &events.map(|event| RecordedTenant { at: AT, event }).to_vec());
}

#[test]
fn checkpoints_on_their_way_out() {
    let (record, line) = (7, "ozg-checkpoint-1 ...".into());
    holds("checkpoints", &(vec![CheckpointSigned { record, line }], vec![BringOut { record }]));
}

#[test]
fn events_of_an_account() {
    let described = AccountEvent::Described {
        user: "erika".parse().expect("valid"),
        name: "Erika Muster".into(),
        roles: Role::ALL.to_vec(),
        org_units: vec!["32".parse().expect("valid")],
    };
    let events =
        [described, AccountEvent::PasswordSet { hash: PasswordHash("$argon2id$".into()) }, AccountEvent::Disabled];
    holds("account", &events.map(|event| RecordedAccount { at: AT, event }).to_vec());
}

#[test]
fn effects() {
    let of = [ReceiptOf::Case(CaseId::from_u128(1)), ReceiptOf::Intake(IntakeId::from_u128(2))];
    holds("effects", &of.map(|of| Effect::SendReceipt { of, receipt: receipt() }).to_vec());
}
