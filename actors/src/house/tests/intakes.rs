//! An intake whose worker is cut off in the middle: the house closes, and that is not the fault of the bytes.

use std::time::Duration;

use futures_util::FutureExt as _;
use ozg_protocols::{
    application::Channel,
    ids::{DestinationId, FitCaseId, IntakeId, SubmissionId},
    intake::{IntakeEvent, RawPart, RawSubmission},
};

use super::town::{PATIENCE, Town};
use crate::{house::start::WRITERS, intake::IntakeRecord, tenant::TenantContext};

fn attempted() -> Vec<IntakeEvent> {
    let channel = Channel::FitConnect {
        destination: DestinationId::from_random([7; 16]),
        submission: SubmissionId::from_random([1; 16]),
        case: FitCaseId::from_random([2; 16]),
    };
    let raw = RawSubmission { metadata: RawPart::Inline("m".into()), data: None, event_log: Vec::new() };
    vec![IntakeEvent::Kept { channel, service: "urn:x:y".into(), raw }, IntakeEvent::Attempted { number: 1 }]
}

/// Waits until the intake is so long, and says how many attempts are counted.
async fn attempts(context: &TenantContext, id: IntakeId, events: u64) -> u8 {
    let read = async {
        loop {
            let record = IntakeRecord::load(context, id).await.expect("reads");
            if record.version() == events {
                break record.intake.expect("was kept").attempts;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("both become durable")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_given_back_though_the_append_that_counts_it_is_still_under_way() {
    let (town, context) = Town::founded_with_its_context().await;
    for (number, stays) in [(1, true), (2, false)] {
        let id = IntakeId::from_u128(number);
        let held = Town::held(&town.house.0.pools.vault, WRITERS).await;
        let mut record = IntakeRecord::load(&context, id).await.expect("reads");
        assert!(record.append(attempted(), Vec::new()).now_or_never().is_none(), "nobody writes it");
        let mut given_back = Box::pin(record.give_back(0));
        assert!(given_back.as_mut().now_or_never().is_none(), "it is known only behind the other");
        if stays {
            drop(held);
            given_back.await.expect("is given back");
        } else {
            // The house waits no longer either.
            drop(given_back);
            drop(held);
        }
        assert_eq!(attempts(&context, id, 3).await, 0);
    }
    drop(context);
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_given_back_of_an_attempt_that_was_never_counted() {
    let (town, context) = Town::founded_with_its_context().await;
    let id = IntakeId::from_u128(1);
    let mut record = IntakeRecord::load(&context, id).await.expect("reads");
    record.append(attempted(), Vec::new()).await.expect("appends");
    let mut late = IntakeRecord::load(&context, id).await.expect("reads");
    for event in [IntakeEvent::AttemptSpared, IntakeEvent::Attempted { number: 1 }] {
        record.append(vec![event], Vec::new()).await.expect("appends");
    }
    let held = Town::held(&town.house.0.pools.vault, WRITERS).await;
    // It conflicts, because somebody else has written; so does what would give it back.
    assert!(late.append(vec![IntakeEvent::Attempted { number: 2 }], Vec::new()).now_or_never().is_none());
    drop(held);
    late.give_back(1).await.expect("there is nothing to give back");
    assert_eq!(attempts(&context, id, 4).await, 1);
    drop((record, late, context));
    town.closes().await;
}
