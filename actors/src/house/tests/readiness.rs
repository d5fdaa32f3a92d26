//! Whether the house can take work, for monitors that ask often.

use std::{io, path::Path, sync::Arc, time::Duration};

use ozg_storage::{
    disk::Disk,
    keys::TenantKey,
    random::{Random, StrongRandom},
    tenant_store::TenantStore,
    testing::{PowerCutDisk, Trouble},
};
use tokio::time::Instant;

use super::town::{PATIENCE, seams, settings};
use crate::{
    house::{House, Pools, Seams, WRITTEN_WITHIN},
    pool::{HangingPool, Workers},
    seams::{Clock as _, WallClock},
    settings::{HouseSettings, TenantSettings},
    tenant::Limits,
};

#[tokio::test(start_paused = true)]
async fn monitors_that_ask_again_at_once_are_not_worth_another_write() {
    let (directory, data) = (tempfile::tempdir().expect("a directory"), Path::new("/data"));
    let disk = PowerCutDisk::with_directory(data);
    let (shared, random): (Arc<dyn Disk>, Arc<dyn Random>) = (Arc::new(disk.clone()), Arc::new(StrongRandom::new()));
    let key = TenantKey::create(&directory.path().join("tenant.key"), &*random).expect("a key");
    let settings = HouseSettings { data_dir: data.to_owned(), ..settings(&directory) };
    TenantStore::init(&shared, data, &settings.tenants[0].slug, &key, &random, WallClock.now()).expect("a store");
    let seams = Seams { disk: shared, ..seams(Pools::Inline, Limits::default()) };
    let house = House::start(settings, seams).await.expect("starts");
    assert!(house.readiness().await.is_ready());
    disk.trouble(Trouble { after: 0, kind: io::ErrorKind::Other, times: u64::MAX });
    assert!(house.readiness().await.is_ready(), "nobody has tried again yet");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(house.readiness().await.journal, "nicht schreibbar");
    disk.calm();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(house.readiness().await.is_ready());
    house.drain(PATIENCE).await;
}

#[tokio::test(start_paused = true)]
async fn tenants_whose_journal_hangs_are_waited_for_together() {
    let (directory, data) = (tempfile::tempdir().expect("a directory"), Path::new("/data"));
    let (disk, random): (Arc<dyn Disk>, Arc<dyn Random>) =
        (Arc::new(PowerCutDisk::with_directory(data)), Arc::new(StrongRandom::new()));
    let key = TenantKey::create(&directory.path().join("tenant.key"), &*random).expect("a key");
    let mut settings = HouseSettings { data_dir: data.to_owned(), ..settings(&directory) };
    for slug in ["kleinau", "neustadt"] {
        let (slug, hosts) = (slug.parse().expect("valid"), vec![format!("{slug}.localhost")]);
        settings.tenants.push(TenantSettings { slug, hosts, ..settings.tenants[0].clone() });
    }
    for tenant in &settings.tenants {
        TenantStore::init(&disk, data, &tenant.slug, &key, &random, WallClock.now()).expect("a store");
    }
    let seams = Seams { disk, ..seams(Pools::Inline, Limits::default()) };
    let mut house = House::start(settings, seams).await.expect("starts");
    let inner = Arc::get_mut(&mut house.0).expect("nobody else holds the house");
    let working = std::mem::replace(&mut inner.pools.vault, Workers::new(Arc::new(HangingPool::default())));
    let began = Instant::now();
    assert_eq!(house.readiness().await.journal, "nicht schreibbar");
    assert_eq!(began.elapsed(), WRITTEN_WITHIN, "for three as long as for one");
    Arc::get_mut(&mut house.0).expect("nobody else holds the house").pools.vault = working;
    house.drain(PATIENCE).await;
}
