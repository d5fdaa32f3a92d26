//! Below the reserve of free space nothing new comes in, and what was taken before is still brought to its end (law 9).

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use ozg_protocols::{
    application::Channel,
    case::{Accept, NoteReceipt, Order, ReceiptState},
    ids::{CaseId, DestinationId, FitCaseId, IntakeId, SubmissionId},
    intake::{IntakeEvent, RawPart, RawSubmission},
    principal::Role,
};
use ozg_storage::{journal::JournalError, testing::PowerCutDisk};

use super::town::{PATIENCE, Town, application, erika, key};
use crate::{
    case::{Outcome, Ticket},
    intake::{IntakeRecord, RecordError},
    secret::Secret,
    supervise::AskError,
    tenant::{NewAccount, NoChannels, SignInError, TenantContext},
};

const LATER: AskError = AskError::Busy { retry_after: Duration::from_secs(60) };

/// A town on a disk of which the test says how much is free; the reserve is 1,000 bytes.
async fn town() -> (Town, PowerCutDisk, TenantContext) {
    let data = Path::new("/data");
    let disk = PowerCutDisk::with_directory(data);
    let seen = Arc::new(OnceLock::new());
    let (shown, nobody) = (seen.clone(), NoChannels::connect());
    let connect = Arc::new(move |context: &TenantContext| {
        let _ = shown.set(context.clone());
        nobody(context)
    });
    let town = Town::founded_below(Arc::new(disk.clone()), data, 1_000, connect).await;
    let context = async {
        loop {
            if let Some(context) = seen.get() {
                break context.clone();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let context = tokio::time::timeout(PATIENCE, context).await.expect("the tenant starts");
    (town, disk, context)
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_reserve_new_orders_wait_and_the_receipt_of_an_old_one_is_noted() {
    let (town, disk, _) = town().await;
    let case = town.receives(1).await;
    disk.set_free_space(999);
    let (new, ticket) = (CaseId::from_u128(7), Ticket { key: key(9), seen: 1 });
    assert_eq!(town.door().order(new, Order::Receive(application(2)), key(2), Vec::new()).await, Err(LATER));
    assert_eq!(town.tenant().order(&erika(), case, Order::Accept(Accept), ticket).await, Err(LATER));
    let noted = Order::NoteReceipt(NoteReceipt(ReceiptState::Delivered));
    assert_eq!(town.door().order(case, noted, key(3), Vec::new()).await, Ok(Outcome::Done { version: 2 }));
    disk.set_free_space(1_000);
    let done = town.tenant().order(&erika(), case, Order::Accept(Accept), ticket).await;
    assert!(matches!(done, Ok(Outcome::Done { .. })), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_reserve_no_submission_is_kept_and_those_that_were_reach_their_end() {
    let (_town, disk, context) = town().await;
    let kept = |number: u8| {
        let channel = Channel::FitConnect {
            destination: DestinationId::from_random([1; 16]),
            submission: SubmissionId::from_random([number; 16]),
            case: FitCaseId::from_random([3; 16]),
        };
        let raw = RawSubmission { metadata: RawPart::Inline("a.b.c.d.e".into()), data: None, event_log: Vec::new() };
        vec![IntakeEvent::Kept { channel, service: "urn:x:y".into(), raw }, IntakeEvent::Attempted { number: 1 }]
    };
    let mut old = IntakeRecord::load(&context, IntakeId::from_u128(1)).await.expect("reads");
    old.append(kept(1), Vec::new()).await.expect("there is room");
    disk.set_free_space(999);
    assert!(!context.journal.has_room().await);
    let mut new = IntakeRecord::load(&context, IntakeId::from_u128(2)).await.expect("reads");
    let refused = new.append(kept(2), Vec::new()).await;
    assert!(matches!(refused, Err(RecordError::Journal(JournalError::Full))), "{refused:?}");
    assert!(old.append(vec![IntakeEvent::Attempted { number: 2 }], Vec::new()).await.is_err(), "no new attempt either");
    old.append(vec![IntakeEvent::AttemptSpared], Vec::new()).await.expect("passes");
    old.append(vec![IntakeEvent::ReceiptNoted { state: ReceiptState::Delivered }], Vec::new()).await.expect("passes");
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_reserve_nobody_signs_in_and_everybody_may_sign_out() {
    let (town, disk, _) = town().await;
    let account = NewAccount {
        user: "erika".parse().expect("valid"),
        name: "Erika".into(),
        roles: vec![Role::Caseworker],
        org_units: vec!["32".parse().expect("valid")],
        password: Secret::new("Sonne".into()),
    };
    town.tenant().add_account(account).await.expect("made");
    let token = town.tenant().sign_in("erika", Secret::new("Sonne".into())).await.expect("signed in");
    disk.set_free_space(999);
    let refused = town.tenant().sign_in("erika", Secret::new("Sonne".into())).await;
    assert!(matches!(refused, Err(SignInError::Unavailable(LATER))), "{:?}", refused.err());
    assert!(matches!(town.tenant().session(&token).await, Ok(Some(_))), "who is in stays in");
    assert_eq!(town.tenant().sign_out(&token).await, Ok(()));
}
