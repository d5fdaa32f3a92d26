//! Lists and logs that come in pages, as a subscriber reads them.

use futures_util::{StreamExt as _, stream};

use ozg_actors::DestinationSettings;
use ozg_cloud::sender::{
    client::{ApiVersion, Receipt, Verdict},
    parcel::Parcel,
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    sandbox_town::{PATIENCE, SERVICE, Town, eventually},
    subscriber_hall::{Hall, start},
};

const SCHEMA: &str = "urn:ozg-cloud:schema:form-data:1";
/// More than a page of the list ever holds.
const MANY: usize = 501;

/// Something short, so that many of them cost little.
fn short() -> Parcel {
    Parcel::of_data(SERVICE, SCHEMA, json!({ "text": "kurz" }).to_string().into_bytes())
}

fn offers_all(settings: &mut DestinationSettings) {
    settings.published.clear();
}

async fn submit_all(town: &Town, times: usize) -> Vec<Receipt> {
    let sent = stream::iter(0..times).map(|_| async { town.submit_parcel(ApiVersion::V2, &short()).await });
    sent.buffer_unordered(16).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_with_short_pages_is_read_to_the_end_of_its_list_and_of_its_logs() {
    let hall = Hall::open_with(ApiVersion::V2, |sandbox| sandbox.largest_page = 1, offers_all).await;
    for receipt in submit_all(&hall.town, 3).await {
        // A sender reads one page only; who looks after the sandbox sees all.
        eventually("it is accepted", async || hall.town.seen(receipt).await["state"] == "accepted").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_submissions_than_a_page_holds_are_all_taken() {
    let (town, data) = (Town::open().await, TempDir::new().expect("a directory"));
    let receipts = submit_all(&town, MANY).await;
    let house = start(&town, ApiVersion::V2, data.path(), offers_all).await;
    for receipt in receipts {
        let verdict = town.sender.wait(receipt, ApiVersion::V2, PATIENCE).await.expect("a log");
        assert_eq!(verdict, Verdict::Accepted);
    }
    let state = town.get("/sandbox/state", None).await.json();
    assert_eq!((&state["submissions"]["accepted"], &state["mostAcceptsOfOneSubmission"]), (&json!(MANY), &json!(1)));
    house.drain(PATIENCE).await;
}
