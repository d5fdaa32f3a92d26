//! The clearing tray: what waits for a person is there, and only for whom it concerns.

use std::time::Duration;

use ozg_protocols::{
    application::Channel,
    case::{Assign, Order, Person, Receive, Refusal},
    ids::{CaseId, DestinationId, FitCaseId, IntakeId, SubmissionId},
    intake::{ClearingReason, IntakeEvent, RawPart, RawSubmission, RecordedIntake},
    principal::Role,
};
use ozg_storage::{
    journal::{Epoch, StreamId, Version},
    stream::{Opened, Record, Stream, Ticket},
};

use super::town::{PATIENCE, Town, application, key, person};
use crate::{
    case::Outcome,
    intake::IntakeRecord,
    seams::{Clock as _, WallClock},
    supervise::AskError,
    tenant::{EFFECTS, INTAKE_RECORDS, IntakeStream},
    views::Change,
};

const INTAKE: IntakeId = IntakeId::from_u128(11);

impl Town {
    /// Appends one record to the intake, as its connector would.
    fn happens(&self, stream: &mut IntakeStream, version: u64, events: Vec<IntakeEvent>) {
        let at = WallClock.now();
        let events = events.into_iter().map(|event| RecordedIntake { at, event }).collect();
        let ticket = Ticket { key: key(900 + version), command: b"intake", reply: &[] };
        let record = Record { at, by: None, events };
        let append = stream.seal(Version(version), Epoch::default(), ticket, &record, &[], Vec::new()).expect("seals");
        assert!(self.on_store(|store| store.core.commit(vec![append])).iter().all(Result::is_ok));
    }

    /// Waits until so many items wait.
    async fn waits(&self, items: usize) {
        let rita = person("rita", Role::Mailroom, "1");
        let enough = async {
            while self.tenant().clearing_items(&rita).await.expect("may see it").len() != items {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.expect("the views catch up");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_three_times_waits_until_a_person_tries_it_again() {
    let town = Town::founded().await;
    let sealer = town.on_store(|store| store.sealer.clone());
    let mut stream = Stream::new(sealer, StreamId::intake(INTAKE), INTAKE_RECORDS, EFFECTS);
    let kept = kept();
    let IntakeEvent::Kept { channel, .. } = kept.clone() else { panic!("it is kept") };
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

fn kept() -> IntakeEvent {
    let channel = Channel::FitConnect {
        destination: DestinationId::from_random([1; 16]),
        submission: SubmissionId::from_random([2; 16]),
        case: FitCaseId::from_random([3; 16]),
    };
    let raw = RawSubmission { metadata: RawPart::Inline("a.b.c.d.e".into()), data: None, event_log: Vec::new() };
    IntakeEvent::Kept { channel, service: "urn:x:y".into(), raw }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_repeats_a_retry_gets_the_first_answer_and_the_journal_says_who_it_was() {
    let (town, context) = Town::founded_with_its_context().await;
    let rita = person("rita", Role::Mailroom, "1");
    let mut record = IntakeRecord::load(&context, INTAKE).await.expect("reads");
    let reason = ClearingReason::FailedThreeTimes;
    record.append(vec![kept(), IntakeEvent::NeedsClearing { reason }], Vec::new()).await.expect("appends");
    for _ in 0..2 {
        record = IntakeRecord::load(&context, INTAKE).await.expect("reads");
        let outcome = record.retry(&rita, key(1)).await.expect("answers");
        assert_eq!(outcome, Outcome::Done { version: 3 });
    }
    record = IntakeRecord::load(&context, INTAKE).await.expect("reads");
    let nothing = Outcome::Refused(Refusal::NothingToDo);
    assert_eq!(record.retry(&rita, key(2)).await.expect("answers"), nothing, "it waits no longer");
    let max = person("max", Role::Mailroom, "1");
    assert_eq!(record.retry(&max, key(1)).await.expect("answers"), nothing, "the key is rita's");
    let stored = context.journal.read(StreamId::intake(INTAKE), Version(2), 10).await.expect("reads").records;
    let Opened::Events(opened) = context.intake_stream(INTAKE).open(&stored[0]).expect("opens") else {
        panic!("nothing is erased")
    };
    assert_eq!((stored.len(), opened.by), (1, Some(rita.user)));
    drop((record, context));
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_clear_hears_and_counts_what_waits_and_nobody_else_does() {
    let (town, context) = Town::founded_with_its_context().await;
    let (rita, erika) = (person("rita", Role::Mailroom, "1"), person("erika", Role::Caseworker, "32"));
    let (tenant, list) = (town.tenant(), town.tenant().work_list());
    // Whatever comes while the views are filled is told together.
    town.receives(1).await;
    town.shows(1).await;
    let mut feed = tenant.changes();
    let mut hears = async || {
        let heard = async {
            loop {
                if let Some(Change::Tray { record }) = feed.next().await {
                    return record;
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("is told")
    };
    assert_eq!((list.counts(&rita).clearing, list.counts(&erika).clearing), (Some(0), None));
    let mut record = IntakeRecord::load(&context, INTAKE).await.expect("reads");
    let reason = ClearingReason::FailedThreeTimes;
    record.append(vec![kept(), IntakeEvent::NeedsClearing { reason }], Vec::new()).await.expect("appends");
    let came = hears().await;
    assert_eq!((list.counts(&rita).clearing, list.counts(&erika).clearing), (Some(1), None));
    assert_eq!(tenant.clearing_after(&rita, came - 1), Some([INTAKE].into()));
    assert_eq!((tenant.clearing_after(&rita, came), tenant.clearing_after(&erika, 0)), (None, None));
    record.append(vec![IntakeEvent::Retried], Vec::new()).await.expect("appends");
    assert!(tenant.cleared(INTAKE).await);
    assert!(hears().await > came);
    assert_eq!((list.counts(&rita).clearing, tenant.clearing_after(&rita, came)), (Some(0), Some([].into())));
    drop((record, context));
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_nobody_could_take_on_waits_until_somebody_is_in_charge() {
    let (town, context) = Town::founded_with_its_context().await;
    let (rita, case) = (person("rita", Role::Mailroom, "1"), CaseId::from_u128(0xca5e));
    let received = Receive { org_unit: None, ..application(1) };
    let outcome = town.door().order(case, Order::Receive(received), key(1), Vec::new()).await;
    assert_eq!(outcome, Ok(Outcome::Done { version: 1 }));
    let mut record = IntakeRecord::load(&context, INTAKE).await.expect("reads");
    let reason = ClearingReason::NoResponsibleUnit;
    let events = vec![kept(), IntakeEvent::BecameCase { case }, IntakeEvent::NeedsClearing { reason }];
    record.append(events, Vec::new()).await.expect("appends");
    town.waits(1).await;
    assert_eq!(town.tenant().clearing_items(&rita).await.expect("may see it")[0].case, Some(case));
    let outcome = record.retry(&rita, key(2)).await.expect("answers");
    assert_eq!(outcome, Outcome::Refused(Refusal::NothingToDo), "trying again would change nothing");
    assert_eq!(town.tenant().clearing_items(&rita).await.expect("may see it").len(), 1);
    let erika = person("erika", Role::Caseworker, "32");
    assert_eq!(town.tenant().show_case(&erika, case).await.err(), Some(AskError::NotFound));
    let in_charge = Assign(Some(Person { user: erika.user.clone(), name: erika.name.clone() }));
    town.orders(&rita, case, Order::Assign(in_charge), 3, 1).await;
    town.waits(0).await;
    assert_eq!(town.tenant().work_list().counts(&rita).clearing, Some(0));
    assert!(town.tenant().show_case(&erika, case).await.is_ok(), "who is in charge goes on");
    drop((record, context));
    town.closes().await;
}
