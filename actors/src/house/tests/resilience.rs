//! What a crash, a full house and a damaged stream do to everybody else: nothing (laws 8 and 9).

use std::{sync::Arc, time::Duration};

use ozg_protocols::{
    case::{Accept, AddComment, Order},
    ids::{CaseId, CommentId},
    principal::Role,
};
use ozg_storage::{
    codec::Schema,
    journal::{Epoch, StreamId, Version},
    stream,
    stream::{NoEffect, Record, Stream},
    testing::break_record,
};

use super::town::{PATIENCE, Town, erika, key};
use crate::{
    case::{Outcome, Ticket},
    house::{Pools, root::RootMessage},
    observe::ActorState,
    seams::{Clock as _, WallClock},
    secret::Secret,
    supervise::{Address, AskError},
    tenant::{Limits, NewAccount},
};

impl Town {
    /// How often a case was let go.
    fn passivations(&self) -> u64 {
        self.house.0.observation.metrics().passivations.get()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn letting_a_case_go_loses_no_caller() {
    let always = Duration::from_millis(1);
    let town = Town::founded_with(Limits { idle: Duration::ZERO, sweep_every: always, ..Limits::default() }).await;
    let case = town.receives(1).await;
    let (town, mut callers) = (Arc::new(town), tokio::task::JoinSet::new());
    for caller in 0..4_u64 {
        let town = town.clone();
        callers.spawn(async move {
            for number in 0..50_u64 {
                let (id, gone) = (caller * 1_000 + number, town.passivations());
                let comment = AddComment { id: CommentId::from_u128(u128::from(id)), text: format!("Notiz {id}") };
                let outcome = town.orders(&erika(), case, Order::Comment(comment), 10_000 + id, 1).await;
                assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
                // Out of step with each other, so that the case is now and then needed just when it goes ...
                tokio::time::sleep(Duration::from_millis(3 + 2 * caller)).await;
                // ... and now and then by nobody, until it has gone.
                while number % 10 == 9 && town.passivations() == gone {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.expect("every caller is answered");
    }
    let town = Arc::into_inner(town).expect("nobody else holds it");
    let sheet = town.tenant().show_case(&erika(), case).await.expect("there");
    assert_eq!((sheet.version, sheet.case.comments.len()), (201, 200));
    assert!(town.passivations() >= 5);
    assert!(town.house.metrics_text().contains("ozg_actor_passivations_total "));
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_resumes_whichever_actor_is_killed() {
    let town = Town::founded().await;
    let (case, erika) = (town.receives(1).await, erika());
    let account = NewAccount {
        user: "erika".parse().expect("valid"),
        name: "Erika".into(),
        roles: vec![Role::Caseworker],
        org_units: vec!["32".parse().expect("valid")],
        password: Secret::new("Sonne".into()),
    };
    town.tenant().add_account(account).await.expect("made");
    let token = town.tenant().sign_in("erika", Secret::new("Sonne".into())).await.expect("signed in");
    let mut cells = town.house.0.root.get_children();
    let mut everybody = Vec::new();
    while let Some(cell) = cells.pop() {
        cells.extend(cell.get_children());
        everybody.push(cell);
    }
    assert!(everybody.len() >= 16, "{}", everybody.len());
    for (number, cell) in everybody.into_iter().enumerate() {
        cell.kill();
        let comment = AddComment { id: CommentId::from_u128(number as u128), text: "weiter".into() };
        let ticket = Ticket { key: key(1_000 + number as u64), seen: 1 };
        let order = Order::Comment(comment);
        let answered = async {
            while town.tenant().order(&erika, case, order.clone(), ticket).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            while !matches!(town.tenant().session(&token).await, Ok(Some(_))) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, answered).await.expect("work resumes");
    }
    let sheet = town.tenant().show_case(&erika, case).await.expect("there");
    let comments = sheet.case.comments.len();
    assert_eq!(sheet.history.len(), 1 + comments, "nothing lost, nothing doubled");
    assert!(town.house.metrics_text().contains("ozg_actor_restarts_total"));
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_everybody_leans_on_is_one_level_that_is_seen_and_supervised() {
    let town = Town::founded().await;
    let tree = town.house.tree().await;
    let leaves = tree.iter().filter_map(|report| report.path.strip_prefix("house/infrastructure/"));
    let actors: Vec<_> = leaves.filter(|name| !name.contains('/')).collect();
    let all = ["batcher-musterstadt", "blob", "clock", "crypto", "observer", "outbound", "password", "reader", "vault"];
    assert_eq!(actors, all);
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_house_pushes_back() {
    let town = Town::founded_with(Limits { permits: 1, ..Limits::default() }).await;
    let held = town.tenant().edge().permit().expect("free");
    let turned_away = town.tenant().show_case(&erika(), CaseId::from_u128(1)).await;
    assert!(matches!(turned_away, Err(AskError::Busy { .. })));
    assert!(!town.house.readiness().await.is_ready());
    drop(held);
    assert!(town.house.readiness().await.is_ready());
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_cannot_be_read_is_disturbed_alone() {
    let town = Town::founded().await;
    let (well, broken) = (town.receives(1).await, CaseId::from_u128(0xbad << 64));
    let (records, at) = (Schema::<Record<u64>>::first(1), WallClock.now());
    let sealer = town.on_store(|store| store.sealer.clone());
    let mut stream = Stream::new(sealer, StreamId::case(broken), records, NoEffect::SCHEMA);
    let ticket = stream::Ticket { key: key(77), command: b"nonsense", reply: &[] };
    let record = Record { at, by: None, events: vec![7] };
    let append = stream.seal(Version(0), Epoch::default(), ticket, &record, &[], Vec::new()).expect("seals");
    assert!(town.on_store(|store| store.core.commit(vec![append])).iter().all(Result::is_ok));
    for _ in 0..3 {
        assert_eq!(town.tenant().show_case(&erika(), broken).await.err(), Some(AskError::Unavailable));
    }
    assert_eq!(town.tenant().show_case(&erika(), broken).await.err(), Some(AskError::Disturbed));
    let report = town.report(&format!("case-{}", &broken.to_string()[..16]));
    assert_eq!(report.state, ActorState::Disturbed);
    assert_eq!(report.last_failure.map(|(_, what)| what), Some("the case cannot be read".into()));
    assert_eq!(town.orders(&erika(), well, Order::Accept(Accept), 1, 1).await, Outcome::Done { version: 3 });
    assert_eq!(town.report("musterstadt").restarts, 0);
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_does_not_decode_stops_its_case_alone() {
    let town = Town::founded().await;
    let (broken, well) = (town.receives(1).await, town.receives(2).await);
    town.on_store(|store| {
        let page = store.core.tail(&store.core.beginning(), 1_000).expect("reads");
        let first = page.records.iter().find(|record| record.stream == StreamId::case(broken)).expect("there");
        break_record(store, first.number.0, |bytes| bytes.truncate(40));
    });
    let directory = town.closes().await;
    std::fs::remove_dir_all(directory.path().join("data/musterstadt/index")).expect("removed");
    std::fs::create_dir(directory.path().join("data/musterstadt/index")).expect("made");
    let town = Town::again(directory).await;
    assert_eq!(town.orders(&erika(), well, Order::Accept(Accept), 1, 1).await, Outcome::Done { version: 3 });
    town.shows(1).await;
    let later = town.receives(3).await;
    town.shows(2).await;
    assert!(town.tenant().show_case(&erika(), later).await.is_ok());
    for _ in 0..3 {
        assert_eq!(town.tenant().show_case(&erika(), broken).await.err(), Some(AskError::Unavailable));
    }
    assert_eq!(town.tenant().show_case(&erika(), broken).await.err(), Some(AskError::Disturbed));
    town.closes().await;
}

#[tokio::test(start_paused = true)]
async fn with_inline_pools_a_house_lives_in_paused_time() {
    let town = Town::founded_on(Pools::Inline, Limits::default()).await;
    let case = town.receives(1).await;
    assert_eq!(town.orders(&erika(), case, Order::Accept(Accept), 1, 1).await, Outcome::Done { version: 3 });
    tokio::time::sleep(Limits::default().idle * 2).await;
    assert!(town.house.tree().await.iter().all(|report| report.class != "case"), "idle cases are gone");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_whose_infrastructure_fails_too_often_is_not_alive() {
    let town = Town::founded().await;
    let root = Address::fixed(town.house.0.root.clone(), town.house.0.probes.house.clone());
    // Six failures are too many; on a slow machine somebody else may be met last once or twice.
    for _ in 0..12 {
        // What was started first is drained last.
        let Ok(Some(cell)) = root.ask_seen(PATIENCE, RootMessage::Staff).await.map(|staff| staff.last().cloned())
        else {
            break;
        };
        assert!(town.house.is_alive());
        cell.kill();
        let replaced = async {
            while root
                .ask_seen(PATIENCE, RootMessage::Staff)
                .await
                .is_ok_and(|staff| staff.last().is_none_or(|now| now.get_id() == cell.get_id()) || staff.len() < 2)
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, replaced).await.expect("it is started again, or the house gives up");
    }
    // It answers no more from the moment it gives up, and ends a little later.
    let gone = async {
        while town.house.is_alive() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the house gives up");
    assert!(town.house.metrics_text().contains("ozg_actor_restart_intensity_exceeded_total"));
}
