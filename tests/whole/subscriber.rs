//! From a sender through the sandbox into a house and back, with trouble and restarts on the way.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::future::join_all;
use http::Method;
use ozg_actors::{ActorReport, ActorState, Callback, CallbackError, DestinationSettings, House, Secret};
use ozg_cloud::{
    sandbox::{OfferedService, SeedDestination},
    sender::{
        client::{ApiVersion, Verdict},
        parcel::Content,
    },
};
use ozg_protocols::{
    case::{Event, ReceiptState, RoutingRow},
    fit_connect::{callback::CallbackSecret, hash::ContentHasher, jose::rsa::DecryptionKey},
    ids::DestinationId,
    intake::ClearingReason,
    moment::Moment,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    sandbox_town::{SERVICE, Town, eventually, keys, now, sample, signed},
    subscriber_hall::{Bounds, Hall, PATIENCE, counted, erika, query, settings, start, start_with, unit},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_application_becomes_a_case_and_its_sender_gets_a_signed_acceptance() {
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let hall = Hall::open(version).await;
        let receipt = hall.submit(version, &sample(version), None).await;
        assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
        let case = hall.only_case().await;
        assert_eq!((case.receipt, case.org_unit), (ReceiptState::Delivered, Some(unit())));
        assert!(!case.application.form.items.is_empty());
        assert!(case.application.files().count() >= 2);
        let id = hall.tenant().work_list().page(&erika(), &query()).rows[0].case;
        let history = hall.tenant().show_case(&erika(), id).await.expect("visible").history;
        let Event::Received { followed, .. } = &history[0].event else { panic!("{history:?}") };
        assert_eq!(followed.routing, Some(RoutingRow { row: 1, from: None }), "tables change; what was followed stays");
        let accepts = hall.town.log(receipt).await.iter().filter(|set| set.to_string().contains("accept-sub")).count();
        assert_eq!(accepts, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_for_a_submission_is_vacant_until_somebody_works_there_and_again_afterwards() {
    let hall = Hall::open(ApiVersion::V2).await;
    let all_are_vacant =
        |seats: &[ActorReport]| !seats.is_empty() && seats.iter().all(|seat| seat.state == ActorState::Vacant);
    let seats = async || {
        let tree = hall.house.tree().await;
        tree.into_iter().filter(|report| report.class == "intake").collect::<Vec<_>>()
    };
    eventually("nobody is at any of them", async || all_are_vacant(&seats().await)).await;
    let receipt = hall.submit(ApiVersion::V2, &sample(ApiVersion::V2), None).await;
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    let was_used = |seats: &[ActorReport]| seats.iter().any(|seat| seat.handled > 0);
    eventually("all are vacant again, also the one that was used", async || {
        let seats = seats().await;
        was_used(&seats) && all_are_vacant(&seats)
    })
    .await;
}

/// The calls that only a subscriber makes, after the submission is listed.
const ON_THE_WAY: [(&str, &str); 4] =
    [("GET", "/submissions/"), ("GET", "/events"), ("GET", "/attachments/"), ("POST", "/events")];

#[tokio::test(flavor = "multi_thread")]
async fn trouble_on_the_way_is_no_reason_to_reject() {
    let everywhere = |trouble: Value| {
        ON_THE_WAY.map(|(method, path)| {
            let mut fault = trouble.clone();
            (fault["method"], fault["path"]) = (method.into(), path.into());
            fault
        })
    };
    let troubles = [
        everywhere(json!({ "kind": "unauthorized" })).to_vec(),
        everywhere(json!({ "kind": "server-error" })).to_vec(),
        everywhere(json!({ "kind": "too-many-requests", "seconds": 1 })).to_vec(),
        everywhere(json!({ "kind": "lost-answer" })).to_vec(),
        // This one is taken at the submission itself.
        vec![json!({ "kind": "slow-visibility", "millis": 500 })],
    ];
    join_all(troubles.map(accepted_after_every_fault)).await;
}

/// Looks by the administration: the calls that are to fail are for the subscriber.
async fn accepted_after_every_fault(faults: Vec<Value>) {
    let hall = Hall::open(ApiVersion::V2).await;
    for fault in &faults {
        hall.town.fault(fault).await;
    }
    let receipt = hall.town.submit(ApiVersion::V2).await;
    let state = async || hall.town.seen(receipt).await["state"].as_str().expect("a state").to_owned();
    for _ in 0..600 {
        if state().await != "submitted" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(state().await, "accepted", "{faults:?}");
    let armed = hall.town.get("/sandbox/faults", None).await.json();
    assert_eq!(armed["faults"], json!([]), "{faults:?}: not every call has failed");
    assert_eq!(hall.town.seen(receipt).await["events"]["accept-submission"], 1, "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_ours_that_is_missing_makes_a_submission_wait() {
    let other = || Arc::new(DecryptionKey::new(&keys()[1].decryption).expect("usable"));
    let lacking = |settings: &mut DestinationSettings| settings.decryption_keys = vec![other()];
    let hall = Hall::open_with(ApiVersion::V2, |_| {}, lacking).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    eventually("the alarm", async || hall.metric("ozg_fitconnect_retries_total", "unknown-decryption-key")).await;
    let verdict = hall.town.sender.verdict(receipt, ApiVersion::V2).await.expect("a log");
    assert_eq!(verdict, Verdict::Open);
    let Hall { town, house, data } = hall;
    house.drain(PATIENCE).await;
    let both = |settings: &mut DestinationSettings| settings.decryption_keys.insert(0, other());
    let house = start(&town, ApiVersion::V2, data.path(), both).await;
    let hall = Hall { town, house, data };
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted, "now that the key is there");
    hall.only_case().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_destinations_of_one_tenant_take_in_side_by_side_each_with_its_own_keys() {
    let second = DestinationId::from_random([2; 16]);
    let town = Town::open_with(|sandbox| {
        let keys = &keys()[1];
        let (encryption, signing) = (keys.decryption.public(), keys.signing.public());
        let offered = OfferedService {
            identifier: SERVICE.to_owned(),
            region: "DE09162".to_owned(),
            schema_uri: "urn:ozg-cloud:schema:form-data:1".to_owned(),
            mime_type: "application/json".to_owned(),
        };
        sandbox.seed.destinations.push(SeedDestination::new(second, "Bauamt", &encryption, &signing, &[offered]));
        let amt = sandbox.seed.clients.iter_mut().find(|client| client.client_id == "amt").expect("the office");
        amt.destinations.insert(second);
    });
    let (town, data) = (town.await, TempDir::new().expect("a directory"));
    let other = settings(&town, second, "Bauamt", ApiVersion::V2, &keys()[1]);
    let bounds = Bounds { others: vec![Arc::new(other)], ..Bounds::default() };
    let house = start_with(&town, ApiVersion::V2, data.path(), bounds, |_| {}).await;
    let mut receipts = Vec::new();
    for destination in [town.destination, second, town.destination, second] {
        let key = town.sender.key_of(destination, ApiVersion::V2).await.expect("a key");
        let sent = town.sender.send(destination, &key, ApiVersion::V2, &sample(ApiVersion::V2), None).await;
        receipts.push((destination, sent.expect("sent")));
    }
    for (destination, receipt) in receipts {
        assert_eq!(town.sender.wait(receipt, ApiVersion::V2, PATIENCE).await.expect("a log"), Verdict::Accepted);
        let log = town.log(receipt).await;
        let accepts: Vec<_> = log.iter().filter(|set| set.to_string().contains("accept-sub")).collect();
        assert_eq!((accepts.len(), &accepts[0]["iss"]), (1, &json!(destination.to_string())));
        let received = format!("destination=\"{destination}\"");
        assert_eq!(counted(&house, "ozg_fitconnect_received_total", &received), 2.0);
    }
    house.drain(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_shutdowns_during_a_long_download_use_up_no_attempt() {
    let Hall { town, mut house, data } = Hall::open(ApiVersion::V2).await;
    town.fault(&json!({ "kind": "delay", "times": 100, "millis": 60_000, "method": "GET", "path": "/attachments/" }))
        .await;
    let receipt = town.submit(ApiVersion::V2).await;
    for round in 1..=3 {
        let answers = async || town.get("/sandbox/state", None).await.json()["answers"].clone();
        let asked = async || {
            let answers = answers().await;
            let gets = answers.as_object().expect("counts").iter().filter(|(what, _)| what.starts_with("GET"));
            let of_attachments = gets.filter(|(what, _)| what.contains("/attachments/"));
            of_attachments.filter_map(|(_, count)| count.as_u64()).sum::<u64>() == round
        };
        eventually("the download begins", asked).await;
        house.drain(PATIENCE).await;
        house = start(&town, ApiVersion::V2, data.path(), |_| {}).await;
    }
    house.drain(PATIENCE).await;
    town.call(Method::DELETE, "/sandbox/faults", None, ("", "")).await;
    let house = start(&town, ApiVersion::V2, data.path(), |_| {}).await;
    let hall = Hall { town, house, data };
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    assert_eq!(hall.tenant().clearing_items(&erika()).await.expect("allowed").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_that_is_not_there_at_the_first_look_is_looked_for_again() {
    let hall = Hall::open(ApiVersion::V2).await;
    let gone = json!({ "kind": "server-error", "status": 404, "method": "GET", "path": "/attachments/" });
    hall.town.fault(&gone).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_attachment_is_streamed_and_comes_out_as_it_went_in() {
    const LENGTH: u64 = 48 << 20;
    let hall = Hall::open(ApiVersion::V2).await;
    let mut parcel = sample(ApiVersion::V2);
    parcel.attachments[1].content = Content::Generated { length: LENGTH };
    let (id, expected) = (parcel.attachments[1].id, parcel.attachments[1].content.hash());
    let receipt = hall.submit(ApiVersion::V2, &parcel, None).await;
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    hall.only_case().await;
    let (tenant, erika) = (hall.tenant(), erika());
    let case = tenant.work_list().page(&erika, &query()).rows[0].case;
    let (file, mut reader) = tenant.open_file(&erika, case, id).await.expect("the file");
    let mut hasher = ContentHasher::new();
    while let Some(piece) = reader.next().await {
        std::io::Write::write_all(&mut hasher, &piece.expect("verified")).expect("memory");
    }
    assert_eq!((file.bytes, hasher.finish()), (LENGTH, expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_nothing_is_lost_and_nothing_is_doubled() {
    let Hall { town, house, data } = Hall::open(ApiVersion::V2).await;
    let mut receipts = Vec::new();
    for _ in 0..6 {
        receipts.push(town.submit(ApiVersion::V2).await);
    }
    house.drain(PATIENCE).await;
    let house = start(&town, ApiVersion::V2, data.path(), |_| {}).await;
    let hall = Hall { town, house, data };
    for receipt in receipts {
        assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
        let verdicts = hall.town.log(receipt).await.iter().filter(|set| set.to_string().contains("accept-sub")).count();
        assert_eq!(verdicts, 1);
    }
    let rows = || hall.tenant().work_list().page(&erika(), &query()).rows.len();
    eventually("six rows", async || rows() == 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_authentic_and_recent_callback_wakes_the_connector() {
    const SECRET: &str = "ein-geheimnis-von-mindestens-32-zeichen";
    let change = |settings: &mut DestinationSettings| {
        settings.callback_secret = Some(Secret::new(SECRET.into()));
        settings.poll_every = Duration::from_secs(3600);
    };
    let hall = Hall::open_with(ApiVersion::V2, |_| {}, change).await;
    let (tenant, destination) = (hall.tenant(), hall.town.destination);
    let lists = async || {
        let state = hall.town.get("/sandbox/state", None).await.json();
        state["answers"]["GET /submission-api/v2/submissions 200"].as_u64().unwrap_or_default()
    };
    eventually("the first look at the list", async || lists().await > 0).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    let (before, body) = (lists().await, b"{\"submissions\":[]}");
    let secret = CallbackSecret::new(SECRET).expect("long enough");
    let call = |(authentication, timestamp): (String, String)| Callback {
        authentication,
        timestamp,
        body: bytes::Bytes::from_static(body),
    };
    let wrong = CallbackSecret::new("ein-anderes-geheimnis-mit-32-zeichen").expect("long enough").sign(body, now());
    let old = secret.sign(body, Moment::from_millis(now().millis() - 301_000));
    for refused in [wrong, old] {
        let answer = tenant.callback(destination, call(refused)).await;
        assert_eq!(answer, Err(CallbackError::Unauthenticated));
    }
    assert_eq!(lists().await, before, "nobody looks");
    for _ in 0..2 {
        tenant.callback(destination, call(secret.sign(body, now()))).await.expect("taken");
    }
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    hall.only_case().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_during_an_outage_use_up_no_attempt() {
    let Hall { town, mut house, data } = Hall::open(ApiVersion::V2).await;
    town.fault(&json!({ "kind": "server-error", "times": 100_000, "method": "GET", "path": "/attachments/" })).await;
    let receipt = town.submit(ApiVersion::V2).await;
    for _ in 0..4 {
        let failing = |house: &House| house.metrics_text().contains("reason=\"server-error\"");
        eventually("a failed try", async || failing(&house)).await;
        house.drain(PATIENCE).await;
        house = start(&town, ApiVersion::V2, data.path(), |_| {}).await;
    }
    town.call(Method::DELETE, "/sandbox/faults", None, ("", "")).await;
    let hall = Hall { town, house, data };
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    assert_eq!(hall.tenant().clearing_items(&erika()).await.expect("allowed").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_that_is_not_ours_stops_the_submission_and_a_person_has_to_look() {
    let hall = Hall::open(ApiVersion::V2).await;
    // Whoever speaks version 2 fails as long as it takes the other one to be there first.
    let fault = json!({ "kind": "server-error", "times": 100_000, "method": "POST", "path": "/v2/cases/" });
    hall.town.fault(&fault).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    let failed = async || hall.metric("ozg_outbox_attempts_total", "outcome=\"server-error\"");
    eventually("a failed try", failed).await;
    let foreign = signed(&hall.town.accept(receipt).await);
    let (token, path) = (hall.town.token("amt").await, format!("/submission-api/v1/cases/{}/events", receipt.case_id));
    let posted = hall.town.call(Method::POST, &path, Some(&token), ("application/jose", foreign)).await;
    assert!(posted.status.is_success(), "{:?}", posted.bytes);
    hall.town.call(Method::DELETE, "/sandbox/faults", None, ("", "")).await;
    assert_eq!(hall.only_case().await.receipt, ReceiptState::Foreign);
    let tenant = hall.tenant();
    let waiting = async || tenant.clearing_items(&erika()).await.expect("allowed");
    eventually("the clearing item", async || !waiting().await.is_empty()).await;
    assert_eq!(waiting().await[0].reason, ClearingReason::ForeignVerdict);
}

/// A house that ends in the middle, as by SIGKILL: its runtime goes, and nobody finishes anything.
fn cut_off(town: &Arc<Town>, data: &Path) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (held, data) = (town.clone(), data.to_owned());
    let house = runtime.block_on(async move {
        let left = async || held.get("/sandbox/faults", None).await.json()["faults"][0]["times"].as_u64();
        let before = left().await;
        let house = start(&held, ApiVersion::V2, &data, |_| {}).await;
        // The attempt is durable before it asks for the attachment that it waits for.
        eventually("the opening", async || left().await < before).await;
        house
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    drop(house);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_end_the_process_three_times_wait_for_a_person_unopened() {
    let (town, data) = (Arc::new(Town::open().await), TempDir::new().expect("a directory"));
    town.fault(&json!({ "kind": "delay", "times": 100, "millis": 60_000, "method": "GET", "path": "/attachments/" }))
        .await;
    let receipt = town.submit(ApiVersion::V2).await;
    for _ in 0..3 {
        let (town, data) = (town.clone(), data.path().to_owned());
        tokio::task::spawn_blocking(move || cut_off(&town, &data)).await.expect("ended");
    }
    town.call(Method::DELETE, "/sandbox/faults", None, ("", "")).await;
    let house = start(&town, ApiVersion::V2, data.path(), |_| {}).await;
    let tenant = house.tenant_by_host("musterstadt.localhost").expect("the tenant");
    let waiting = async || tenant.clearing_items(&erika()).await.expect("allowed");
    eventually("the clearing item", async || !waiting().await.is_empty()).await;
    let item = waiting().await.remove(0);
    assert_eq!((item.reason, item.attempts), (ClearingReason::FailedThreeTimes, 3));
    let key = ozg_protocols::ids::CommandKey::from_u128(7);
    tenant.retry_clearing(&erika(), item.intake, key).await.expect("tried again");
    let verdict = town.sender.wait(receipt, ApiVersion::V2, PATIENCE).await.expect("a log");
    assert_eq!(verdict, Verdict::Accepted);
}
