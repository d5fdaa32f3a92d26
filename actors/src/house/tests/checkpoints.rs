//! Signed checkpoints leave the data directory, also those that an earlier run could not bring out (law 4).

use std::{sync::Arc, time::Duration};

use ozg_storage::{
    checkpoint::Checkpoint,
    disk::{Disk, RealDisk},
    keys::TenantKey,
    random::{Random, StrongRandom},
    redb_core::Options,
    tenant_store::TenantStore,
};

use super::town::{Town, seams, settings};
use crate::{
    house::{House, Pools},
    seams::{Clock as _, WallClock},
    settings::HouseSettings,
    tenant::Limits,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_an_earlier_run_is_brought_to_the_file_outside() {
    let directory = Town::founded().await.closes().await;
    let made = settings(&directory);
    let (disk, random): (Arc<dyn Disk>, Arc<dyn Random>) = (Arc::new(RealDisk), Arc::new(StrongRandom::new()));
    let key = TenantKey::load(&made.tenants[0].key).expect("a key");
    let slug = &made.tenants[0].slug;
    let store = TenantStore::open(&disk, &made.data_dir, slug, &key, &random, Options::default()).expect("opens");
    let mut notary = store.notary().expect("a notary");
    let page = store.core.tail(&notary.cursor(), 100).expect("reads");
    page.records.iter().for_each(|record| notary.observe(record, WallClock.now()).expect("in order"));
    let signed = notary.sign(WallClock.now()).expect("signs");
    drop((store, notary));

    let file = directory.path().join("outside");
    let settings = HouseSettings { checkpoint_file: Some(file.clone()), ..made };
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
    assert_eq!(tokio::time::timeout(Duration::from_secs(10), there).await.expect("is brought out"), signed);
    house.drain(Duration::from_secs(10)).await;
}
