//! The clearing tray: what waits for a person is there, and only for whom it concerns.

use std::time::Duration;

use ozg_protocols::{
    application::Channel,
    ids::{DestinationId, FitCaseId, IntakeId, SubmissionId},
    intake::{ClearingReason, IntakeEvent, RawPart, RawSubmission, RecordedIntake},
    principal::Role,
};
use ozg_storage::{
    journal::{Epoch, StreamId, Version},
    stream::{Record, Stream, Ticket},
};

use super::town::{Town, key, person};
use crate::{
    house::start::Store,
    seams::{Clock as _, WallClock},
    supervise::AskError,
    tenant::{EFFECTS, INTAKE_RECORDS, IntakeStream},
};

const INTAKE: IntakeId = IntakeId::from_u128(11);

impl Town {
    /// Appends one record to the intake, as its connector would.
    fn happens(&self, stream: &mut IntakeStream, version: u64, events: Vec<IntakeEvent>) {
        let Store(store) = &self.house.0.stores[0];
        let at = WallClock.now();
        let events = events.into_iter().map(|event| RecordedIntake { at, event }).collect();
        let ticket = Ticket { key: key(900 + version), command: b"intake", reply: &[] };
        let record = Record { at, by: None, events };
        let append = stream.seal(Version(version), Epoch::default(), ticket, &record, &[], Vec::new()).expect("seals");
        assert!(store.core.commit(vec![append]).iter().all(Result::is_ok));
    }

    /// Waits until so many items wait.
    async fn waits(&self, items: usize) {
        let rita = person("rita", Role::Mailroom, "1");
        let enough = async {
            while self.tenant().clearing_items(&rita).await.expect("may see it").len() != items {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), enough).await.expect("the views catch up");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_three_times_waits_until_a_person_tries_it_again() {
    let town = Town::founded().await;
    let Store(store) = &town.house.0.stores[0];
    let mut stream = Stream::new(store.sealer.clone(), StreamId::intake(INTAKE), INTAKE_RECORDS, EFFECTS);
    let channel = Channel::FitConnect {
        destination: DestinationId::from_random([1; 16]),
        submission: SubmissionId::from_random([2; 16]),
        case: FitCaseId::from_random([3; 16]),
    };
    let raw = RawSubmission { metadata: RawPart::Inline("a.b.c.d.e".into()), data: None, event_log: Vec::new() };
    let kept = IntakeEvent::Kept { channel: channel.clone(), service: "urn:x:y".into(), raw };
    let reason = ClearingReason::FailedThreeTimes;
    let failed = [IntakeEvent::Attempted { number: 3 }, IntakeEvent::NeedsClearing { reason: reason.clone() }];
    town.happens(&mut stream, 0, [kept].into_iter().chain(failed).collect());
    town.waits(1).await;
    let rita = person("rita", Role::Mailroom, "1");
    let item = town.tenant().clearing_items(&rita).await.expect("may see it").remove(0);
    assert_eq!((item.intake, item.channel, item.reason, item.attempts), (INTAKE, channel, reason, 3));
    let erika = person("erika", Role::Caseworker, "32");
    assert_eq!(town.tenant().clearing_items(&erika).await.err(), Some(AskError::Forbidden));
    town.happens(&mut stream, 3, vec![IntakeEvent::Retried]);
    town.waits(0).await;
    town.closes().await;
}
