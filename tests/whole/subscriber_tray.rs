//! The clearing tray of a house at a sandbox: what waits in it, and how it goes on.

use std::{future::Future, pin::pin, task::Poll};

use ozg_actors::{House, outbound::OutboundSettings};
use ozg_cloud::sender::client::{ApiVersion, Receipt, Verdict};
use ozg_protocols::{ids::CommandKey, intake::ClearingReason};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    sandbox_town::{Town, eventually, sample},
    subscriber_hall::{Bounds, Hall, PATIENCE, erika, start, start_with},
};

/// A submission that is longer than a house with these bounds fetches.
async fn too_long(town: &Town) -> (Receipt, Bounds) {
    let mut parcel = sample(ApiVersion::V2);
    parcel.data = serde_json::to_vec(&json!({ "text": "x".repeat(100_000) })).expect("JSON");
    parcel.schema_uri = "urn:example:schema:lang:1".into();
    let receipt = town.submit_parcel(ApiVersion::V2, &parcel).await;
    let outbound = OutboundSettings { most_bytes: 64_000, ..OutboundSettings::default() };
    (receipt, Bounds { outbound, ..Bounds::default() })
}

async fn waits_for_a_person(house: &House) {
    let tenant = house.tenant_by_host("musterstadt.localhost").expect("the tenant");
    let one = async || tenant.clearing_items(&erika()).await.expect("may see it").len() == 1;
    eventually("a person has to look", one).await;
}

/// What comes of it, if it comes to an end before it was polled so many times; then it is dropped.
async fn polled<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let (mut future, mut polls) = (pin!(future), 0);
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => {
            polls += 1;
            if polls == times { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_too_long_is_taken_under_a_higher_limit_when_a_person_wants_it_even_one_who_goes_away() {
    let (town, data) = (Town::open().await, TempDir::new().expect("a directory"));
    let (receipt, bounds) = too_long(&town).await;
    let house = start_with(&town, ApiVersion::V2, data.path(), bounds, |_| {}).await;
    waits_for_a_person(&house).await;
    house.drain(PATIENCE).await;
    let house = start(&town, ApiVersion::V2, data.path(), |settings| settings.published.clear()).await;
    waits_for_a_person(&house).await;
    let (tenant, erika) = (house.tenant_by_host("musterstadt.localhost").expect("the tenant"), erika());
    let item = tenant.clearing_items(&erika).await.expect("may see it").remove(0);
    assert_eq!((item.reason, item.attempts), (ClearingReason::TooLarge, 0), "nothing of it was opened");
    // Whoever wants it goes away a little later each time: sooner or later just after it was sent.
    for times in 1.. {
        let retry = tenant.retry_clearing(&erika, item.intake, CommandKey::from_u128(times as u128));
        let answered = polled(retry, times).await.is_some();
        if answered || tenant.clearing_items(&erika).await.expect("may see it").is_empty() {
            break;
        }
    }
    let verdict = town.sender.wait(receipt, ApiVersion::V2, PATIENCE).await.expect("a log");
    assert_eq!(verdict, Verdict::Accepted);
    house.drain(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_and_was_ended_by_the_service_waits_for_a_person() {
    let hall = Hall::open(ApiVersion::V2).await;
    hall.town.fault(&json!({ "kind": "server-error", "times": 10_000, "method": "GET", "path": "/attachments" })).await;
    let receipt = hall.submit(ApiVersion::V2, &sample(ApiVersion::V2), None).await;
    eventually("it is kept, and tried again", async || hall.metric("ozg_fitconnect_retries_total", "")).await;
    hall.town.days_later(15).await;
    assert_eq!(hall.town.seen(receipt).await["state"], "rejected", "the service gave up waiting");
    waits_for_a_person(&hall.house).await;
    let item = hall.tenant().clearing_items(&erika()).await.expect("may see it").remove(0);
    assert_eq!(item.reason, ClearingReason::ForeignVerdict);
    hall.house.drain(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_that_were_fetched_in_vain_leave_nothing_on_the_disk() {
    let hall = Hall::open(ApiVersion::V2).await;
    let mut parcel = sample(ApiVersion::V2);
    parcel.attachments.truncate(2);
    assert_eq!(parcel.attachments.len(), 2, "one that is good, and one that fails");
    let last = parcel.attachments[1].id;
    hall.town.fault(&json!({ "kind": "server-error", "times": 3, "method": "GET", "path": last.to_string() })).await;
    let receipt = hall.submit(ApiVersion::V2, &parcel, None).await;
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    let case = hall.only_case().await;
    let blobs = hall.data.path().join("musterstadt/blobs");
    let shelves = std::fs::read_dir(blobs).expect("lists").map(|shelf| shelf.expect("is there").path());
    let files = shelves.flat_map(|shelf| std::fs::read_dir(shelf).expect("lists")).count();
    assert_eq!(files, case.application.stored_files().count());
    hall.house.drain(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_listed_any_more_waits_for_its_next_try_however_often_the_list_is_read() {
    let hall = Hall::open(ApiVersion::V2).await;
    hall.town.fault(&json!({ "kind": "server-error", "times": 10_000, "method": "GET", "path": "/attachments" })).await;
    let receipt = hall.submit(ApiVersion::V2, &sample(ApiVersion::V2), None).await;
    eventually("it is kept, and tried again", async || hall.metric("ozg_fitconnect_retries_total", "")).await;
    // Nobody hears how it was ended.
    hall.town.fault(&json!({ "kind": "server-error", "times": 10_000, "method": "GET", "path": "/events" })).await;
    hall.town.days_later(15).await;
    assert_eq!(hall.town.seen(receipt).await["state"], "rejected");
    let answers = async |what: &str| {
        let state = hall.town.get("/sandbox/state", None).await.json();
        state["answers"][format!("GET /submission-api/v2/{what}")].as_u64().unwrap_or_default()
    };
    let (lists, tries) = (answers("submissions 200").await, answers("cases/{}/events 503").await);
    eventually("the list is read again and again", async || answers("submissions 200").await > lists + 20).await;
    let tries = answers("cases/{}/events 503").await - tries;
    assert!(tries <= 8, "{tries} tries while the list was read twenty times");
    hall.house.drain(PATIENCE).await;
}
