//! Files that no event names go with the next start, once they are a day old.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use ozg_protocols::moment::Moment;

use super::town::{PATIENCE, Town};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_no_event_names_goes_a_day_later() {
    let town = Town::founded().await;
    let [old, young] =
        [0, 1].map(|_| town.on_store(|store| store.blobs.begin().expect("begins").publish().expect("publishes").id));
    let directory = town.closes().await;
    let name = old.to_string();
    let file = directory.path().join("data/musterstadt/blobs").join(&name[..2]).join(&name);
    File::options().write(true).open(file).and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH)).expect("ages");
    let town = Town::again(directory).await;
    let left = || town.on_store(|store| store.blobs.list(Moment::from_millis(i64::MAX)).expect("lists"));
    let gone = async {
        while left().contains(&old) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("it is swept");
    assert_eq!(left(), [young], "somebody may just be about to name it");
    town.closes().await;
}
