//! What a house bounds itself by on the way in: free space, lengths, and what it tells about itself (law 9, law 10).

use std::{sync::Arc, time::Duration};

use http::Method;
use ozg_actors::{outbound::OutboundSettings, seams::Clock};
use ozg_cloud::sender::client::{ApiVersion, Verdict};
use ozg_protocols::moment::Moment;
use ozg_storage::testing::PowerCutDisk;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    sandbox_town::{Town, eventually, now, sample},
    subscriber_hall::{Bounds, Hall, PATIENCE, counted, start, start_with},
};

#[tokio::test(flavor = "multi_thread")]
async fn below_the_reserve_of_free_space_no_submission_is_fetched() {
    let (town, data) = (Town::open_with(|_| {}).await, TempDir::new().expect("a directory"));
    let receipt = town.submit(ApiVersion::V2).await;
    let bounds = Bounds { reserve_bytes: u64::MAX, ..Bounds::default() };
    let house = start_with(&town, ApiVersion::V2, data.path(), bounds, |_| {}).await;
    eventually("nothing is fetched", async || {
        let text = house.metrics_text();
        text.lines().any(|line| line.starts_with("ozg_fitconnect_retries_total") && line.contains("reason=\"full\""))
    })
    .await;
    assert!(!house.metrics_text().contains("ozg_fitconnect_received_total{"));
    house.drain(PATIENCE).await;
    let house = start(&town, ApiVersion::V2, data.path(), |_| {}).await;
    let verdict = town.sender.wait(receipt, ApiVersion::V2, PATIENCE).await.expect("a log");
    assert_eq!(verdict, Verdict::Accepted, "with room again it is taken as ever");
    house.drain(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_an_attachment_has_filled_takes_no_further_one() {
    let (town, data) = (Town::open().await, TempDir::new().expect("a directory"));
    let disk = PowerCutDisk::with_directory(data.path());
    let bounds = Bounds { reserve_bytes: 1_000, disk: Some(Arc::new(disk.clone())), ..Bounds::default() };
    let house = start_with(&town, ApiVersion::V2, data.path(), bounds, |_| {}).await;
    town.fault(&json!({ "kind": "delay", "millis": 3_000, "method": "GET", "path": "/attachments/" })).await;
    let receipt = town.submit(ApiVersion::V2).await;
    // It is counted before it is held back.
    let fetched = async || {
        let answers = town.get("/sandbox/state", None).await.json()["answers"].clone();
        let attachments =
            answers.as_object().expect("counts").iter().filter(|(what, _)| what.contains("/attachments/"));
        attachments.filter(|(what, _)| what.starts_with("GET")).filter_map(|(_, count)| count.as_u64()).sum::<u64>()
    };
    eventually("the first attachment", async || fetched().await == 1).await;
    disk.set_free_space(999);
    let full = async || counted(&house, "ozg_fitconnect_retries_total", "reason=\"full\"") > 0.0;
    eventually("it waits for room", full).await;
    assert_eq!(fetched().await, 1, "the second one is not fetched");
    disk.set_free_space(1_000_000);
    house.drain(PATIENCE).await;
    let bounds = Bounds { reserve_bytes: 1_000, disk: Some(Arc::new(disk)), ..Bounds::default() };
    let house = start_with(&town, ApiVersion::V2, data.path(), bounds, |_| {}).await;
    let verdict = town.sender.wait(receipt, ApiVersion::V2, PATIENCE).await.expect("a log");
    assert_eq!(verdict, Verdict::Accepted, "with room again it is taken as ever");
    house.drain(PATIENCE).await;
}

/// A clock that is ahead of that of the machine.
#[derive(Debug)]
struct Ahead(Duration);

impl Clock for Ahead {
    fn now(&self) -> Moment {
        now().plus(self.0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_the_oldest_open_submission_counts_from_when_it_was_kept_also_after_a_restart() {
    const HALF_AN_HOUR: Duration = Duration::from_secs(1_800);
    let (town, data) = (Town::open().await, TempDir::new().expect("a directory"));
    town.fault(&json!({ "kind": "server-error", "times": 100_000, "method": "GET", "path": "/attachments/" })).await;
    let receipt = town.submit(ApiVersion::V2).await;
    let house = start(&town, ApiVersion::V2, data.path(), |_| {}).await;
    let failed = async || counted(&house, "ozg_fitconnect_retries_total", "reason=\"server-error\"") > 0.0;
    eventually("it is kept and tried", failed).await;
    house.drain(PATIENCE).await;
    let bounds = Bounds { clock: Some(Arc::new(Ahead(HALF_AN_HOUR))), ..Bounds::default() };
    let house = start_with(&town, ApiVersion::V2, data.path(), bounds, |_| {}).await;
    let oldest = || counted(&house, "ozg_fitconnect_oldest_unaccepted_seconds", "destination");
    eventually("its age", async || oldest() >= HALF_AN_HOUR.as_secs_f64()).await;
    assert!(oldest() < HALF_AN_HOUR.as_secs_f64() * 2.0);
    town.call(Method::DELETE, "/sandbox/faults", None, ("", "")).await;
    let verdict = town.sender.wait(receipt, ApiVersion::V2, PATIENCE).await.expect("a log");
    assert_eq!(verdict, Verdict::Accepted);
    eventually("nothing is open", async || oldest() == 0.0).await;
    house.drain(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_two_hours_ahead_of_the_delivery_service_is_not_believed_while_submissions_come_in() {
    let (town, data) = (Town::open().await, TempDir::new().expect("a directory"));
    let bounds = Bounds { clock: Some(Arc::new(Ahead(Duration::from_secs(7_200)))), ..Bounds::default() };
    let house = start_with(&town, ApiVersion::V2, data.path(), bounds, |_| {}).await;
    let stands_still = async || counted(&house, "ozg_clock_standing_still", "musterstadt") > 0.0;
    eventually("its answers show the time", stands_still).await;
    let receipt = town.submit(ApiVersion::V2).await;
    let verdict = town.sender.wait(receipt, ApiVersion::V2, PATIENCE).await.expect("a log");
    assert_eq!(verdict, Verdict::Accepted);
    assert!(house.readiness().await.is_ready());
    house.drain(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_named_as_operators_know_them_and_never_name_a_case_or_a_person() {
    let hall = Hall::open(ApiVersion::V2).await;
    let receipt = hall.submit(ApiVersion::V2, &sample(ApiVersion::V2), None).await;
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    let case = hall.only_case().await;
    let text = hall.house.metrics_text();
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    for name in [
        "ozg_actor_active{",
        "ozg_actor_busy_seconds_total{",
        "ozg_actor_mailbox_depth{",
        "ozg_actor_message_wait_seconds_count{",
        "ozg_journal_append_seconds_count{",
        "ozg_journal_commit_batch_size_count",
        "ozg_journal_conflicts_total",
        "ozg_clock_disagreement_seconds{",
        "ozg_clock_standing_still{",
        "ozg_outbox_pending{",
        "ozg_outbox_oldest_pending_seconds{",
        "ozg_outbox_attempts_total{",
        "ozg_attachment_bytes_total{",
        "ozg_fitconnect_oldest_unaccepted_seconds{",
        "ozg_build_info{",
    ] {
        assert!(samples.iter().any(|sample| sample.starts_with(name)), "{name} is missing");
    }
    let destination = hall.town.destination.to_string();
    for sample in samples {
        let name = sample.split(['{', ' ']).next().expect("a name");
        assert!(
            name.starts_with("ozg_") && !name.contains("_total_total") && !name.contains("_seconds_seconds"),
            "{name}"
        );
        let labels = sample.split('"').skip(1).step_by(2);
        for label in labels {
            let digits = label.chars().filter(char::is_ascii_digit).count();
            assert!(label == destination || label.contains('.') || digits < 4, "{sample}: this may name a case");
            assert!(!label.contains("Erika") && label != case.number.to_string(), "{sample}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_longer_than_allowed_is_a_technical_error_of_its_submission() {
    let (town, data) = (Town::open_with(|_| {}).await, TempDir::new().expect("a directory"));
    let parcel = sample(ApiVersion::V2);
    let longest = parcel.attachments.iter().map(|part| part.content.length()).max().expect("an attachment");
    for (longest_attachment, verdict) in [(longest - 1, false), (longest, true)] {
        let outbound = OutboundSettings { longest_attachment, ..OutboundSettings::default() };
        let bounds = Bounds { outbound, ..Bounds::default() };
        let house = start_with(&town, ApiVersion::V2, data.path(), bounds, |_| {}).await;
        let receipt = town.submit(ApiVersion::V2).await;
        match town.sender.wait(receipt, ApiVersion::V2, PATIENCE).await.expect("a log") {
            Verdict::Accepted => assert!(verdict, "accepted at {longest_attachment} of {longest} bytes"),
            Verdict::Rejected(problems) => {
                assert!(!verdict, "rejected at {longest_attachment} of {longest} bytes: {problems:?}");
                let kind = problems[0]["type"].as_str().expect("a type");
                assert!(problems.len() == 1 && kind.ends_with("technical-error"), "{problems:?}");
            }
            other => panic!("{other:?}"),
        }
        house.drain(PATIENCE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_is_opened_by_the_crypto_pool_and_written_by_the_blob_pool() {
    let hall = Hall::open(ApiVersion::V2).await;
    let receipt = hall.submit(ApiVersion::V2, &sample(ApiVersion::V2), None).await;
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    let did = |pool: &str, job: &str| {
        let text = hall.house.metrics_text();
        text.lines().any(|line| line.contains("class=\"worker\"") && line.contains(&format!("message=\"{job}\"")))
            && hall.house.staff().iter().any(|member| {
                let report = member.report();
                report.path.contains(&format!("/{pool}/")) && report.handled > 0
            })
    };
    assert!(did("crypto", "attachment") && did("blob", "publish"));
}
