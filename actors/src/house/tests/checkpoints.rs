//! Signed checkpoints leave the data directory, also those that an earlier run could not bring out (law 4).

use std::{path::Path, time::Duration};

use ozg_storage::checkpoint::Checkpoint;

use super::town::{PATIENCE, Town, seams, settings};
use crate::{
    house::{House, Pools},
    settings::HouseSettings,
    tenant::Limits,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_an_earlier_run_is_brought_to_the_file_outside() {
    let directory = Town::founded().await.closes().await;
    let log = std::fs::read_to_string(directory.path().join("data/musterstadt/checkpoints.log")).expect("a log");
    let signed: Checkpoint = log.lines().last().expect("the close was signed for").parse().expect("a checkpoint");
    let file = directory.path().join("outside");
    let settings = HouseSettings { checkpoint_file: Some(file.clone()), ..settings(&directory) };
    let house = House::start(settings, seams(Pools::Threads, Limits::default())).await.expect("starts");
    let there = async {
        loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Some(line) = text.lines().next() {
                break line.parse::<Checkpoint>().expect("a checkpoint");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, there).await.expect("is brought out"), signed);
    house.drain(PATIENCE).await;
}

/// The records that the checkpoints of a file cover.
fn covered(file: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| line.parse::<Checkpoint>().expect("a checkpoint").record().0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_closes_the_house_signs_for_what_happened_and_an_idle_store_stays_idle() {
    let directory = Town::founded().await.closes().await;
    let (log, file) = (directory.path().join("data/musterstadt/checkpoints.log"), directory.path().join("outside"));
    let signed = covered(&log);
    assert_eq!(signed, [1], "the founding is signed for, though no file outside is named");
    for _ in 0..3 {
        let settings = HouseSettings { checkpoint_file: Some(file.clone()), ..settings(&directory) };
        let house = House::start(settings, seams(Pools::Threads, Limits::default())).await.expect("starts");
        house.drain(PATIENCE).await;
        assert_eq!((covered(&log), covered(&file)), (signed.clone(), signed.clone()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_outside_that_cannot_be_written_is_seen_and_tried_again() {
    let directory = Town::founded().await.closes().await;
    let away = directory.path().join("share");
    let file = away.join("outside");
    let settings = HouseSettings { checkpoint_file: Some(file.clone()), ..settings(&directory) };
    let house = House::start(settings, seams(Pools::Threads, Limits::default())).await.expect("starts");
    let says = async |line: &str| {
        let said = async {
            while !house.metrics_text().contains(line) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, said).await.expect(line);
    };
    says("ozg_outbox_attempts_total{tenant=\"musterstadt\",target=\"checkpoint\",outcome=\"file\"}").await;
    says("ozg_outbox_pending{tenant=\"musterstadt\",target=\"checkpoint\"} 1").await;
    let tree = house.tree().await;
    let failed = tree.iter().filter_map(|report| report.last_failure.as_ref());
    assert!(failed.into_iter().any(|(_, what)| what == "checkpoints cannot be brought out"));
    std::fs::create_dir(&away).expect("the share is back");
    says("ozg_outbox_pending{tenant=\"musterstadt\",target=\"checkpoint\"} 0").await;
    assert_eq!(covered(&file), [1]);
    house.drain(PATIENCE).await;
}
