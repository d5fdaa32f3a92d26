//! What waits to leave: however much it is, the journal holds it and knows how much.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use ozg_protocols::{
    application::Channel,
    case::{Effect, Receipt, ReceiptOf},
    ids::{CommandKey, DestinationId, FitCaseId, IntakeId, SubmissionId},
    intake::{IntakeEvent, RawPart, RawSubmission, RecordedIntake},
    moment::Moment,
};
use ozg_storage::{
    journal::{EffectTarget, Epoch, Lane, Version},
    stream::{self, Record, Ticket},
    testing::Sample,
};
use ractor::{Actor, ActorRef};

use super::town::{PATIENCE, Town};
use crate::{
    house::{
        root::{RootMessage, Supervisor},
        start::WRITERS,
    },
    outbox::{self, OutboxMessage},
    seams::{Clock, WallClock},
    supervise::Address,
    tenant::{TenantContext, lane, leaving},
};

/// So many verdicts for one record, as many as it may have.
const TOGETHER: usize = 64;
const RECORDS: u128 = 100;

/// An outbox without any carrier, below somebody who only supervises it.
async fn outbox(context: &TenantContext) -> (ActorRef<RootMessage>, Address<OutboxMessage>) {
    let (spec, address) = outbox::spec(context, HashMap::new());
    let (above, _) = Actor::spawn(None, Supervisor, (vec![spec], context.probe.clone())).await.expect("starts");
    (above, address)
}

const DESTINATION: DestinationId = DestinationId::from_random([7; 16]);

async fn waits_for(context: &TenantContext, number: u128, lane: Lane) {
    let (id, at, destination) = (IntakeId::from_u128(number), WallClock.now(), DESTINATION);
    let (submission, case) = (SubmissionId::from_random([1; 16]), FitCaseId::from_random([2; 16]));
    let channel = Channel::FitConnect { destination, submission, case };
    let raw = RawSubmission { metadata: RawPart::Inline("m".into()), data: None, event_log: Vec::new() };
    let event = IntakeEvent::Kept { channel, service: "urn:x:y".into(), raw };
    let record = Record { at, by: None, events: vec![RecordedIntake { at, event }] };
    let receipt = Receipt { destination, submission, case, token: "a.b.c".into() };
    let what = Effect::SendReceipt { of: ReceiptOf::Intake(id), receipt };
    let effects = vec![stream::Effect { lane, ..leaving(what, at) }; TOGETHER];
    let ticket = Ticket { key: CommandKey::from_u128(number), command: b"intake", reply: &[] };
    let append = context.intake_stream(id).seal(Version(0), Epoch::default(), ticket, &record, &effects, Vec::new());
    context.journal.append(append.expect("seals")).await.expect("appends");
}

async fn says(town: &Town, line: &str) {
    let said = async {
        while !town.house.metrics_text().lines().any(|said| said == line) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, said).await.expect(line);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_thousand_verdicts_that_nobody_carries_are_counted_by_the_journal() {
    let (town, context) = Town::founded_with_its_context().await;
    for number in 1..=RECORDS {
        waits_for(&context, number, lane(DESTINATION)).await;
    }
    let (above, _address) = outbox(&context).await;
    let all = TOGETHER as u128 * RECORDS;
    says(&town, &format!("ozg_outbox_pending{{tenant=\"musterstadt\",target=\"fit-connect\"}} {all}")).await;
    above.stop_and_wait(None, None).await.expect("ends");
    drop(context);
    town.closes().await;
}

/// A clock that is an hour later each time somebody looks at it: for whom everything takes very long.
#[derive(Debug)]
struct Hours(AtomicI64);

impl Clock for Hours {
    fn now(&self) -> Moment {
        Moment::from_seconds(self.0.fetch_add(3_600, Relaxed))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_of_the_outbox_ends_however_slow_the_disk_is() {
    let (town, context) = Town::founded_with_its_context().await;
    for number in 1..=10 {
        waits_for(&context, number, Lane { target: EffectTarget::FitConnect, place: 0 }).await;
    }
    // Nothing of it opens under foreign keys: all is put off, and due again by the time that the next is claimed.
    let directory = tempfile::tempdir().expect("a directory");
    let slow = TenantContext {
        sealer: Sample::founded(directory.path()).open().expect("opens").sealer,
        clock: Arc::new(Hours(AtomicI64::new(WallClock.now().millis() / 1_000 + 3_600))),
        ..context.clone()
    };
    let (above, _address) = outbox(&slow).await;
    says(&town, "ozg_outbox_pending{tenant=\"musterstadt\",target=\"fit-connect\"} 640").await;
    above.stop_and_wait(None, None).await.expect("ends");
    drop((slow, context));
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_another_lane_than_that_of_its_destination_is_put_there() {
    let (town, context) = Town::founded_with_its_context().await;
    for number in 1..=10 {
        waits_for(&context, number, Lane { target: EffectTarget::FitConnect, place: 0 }).await;
    }
    let (above, _address) = outbox(&context).await;
    let sorted = async {
        loop {
            let backlog = context.journal.backlog(EffectTarget::FitConnect).await.expect("reads");
            if let [all] = backlog[..]
                && (all.lane, all.count) == (lane(DESTINATION), 10 * TOGETHER as u64)
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, sorted).await.expect("all of it");
    above.stop_and_wait(None, None).await.expect("ends");
    drop(context);
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_outbox_has_not_heard_yet_is_seen_waiting_and_how_long() {
    let (town, context) = Town::founded_with_its_context().await;
    let held = Town::held(&town.house.0.pools.vault, WRITERS).await;
    let (above, address) = outbox(&context).await;
    for _ in 0..3 {
        outbox::wake(&address);
    }
    let stuck = async {
        while town.report("/outbox").mailbox != 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, stuck).await.expect("its first look waits for the journal, the rest for that");
    drop(held);
    let heard = async {
        while town.report("/outbox").mailbox != 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("it goes on");
    assert!(town.report("/outbox").waited > Duration::ZERO);
    above.stop_and_wait(None, None).await.expect("ends");
    drop(context);
    town.closes().await;
}
