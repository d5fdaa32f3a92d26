//! Damage stays with one tenant (law 9): the others are served, and the broken one says why it is not.

use std::{fs, sync::Arc};

use ozg_storage::{
    disk::{Disk, RealDisk},
    keys::TenantKey,
    random::{Random, StrongRandom},
    tenant_store::TenantStore,
};

use super::town::{Town, seams, settings};
use crate::{
    House, StartError,
    house::Pools,
    observe::ActorState,
    seams::{Clock as _, WallClock},
    settings::{HouseSettings, TenantSettings},
    tenant::Limits,
};

/// A founded town and a neighbour whose ring is gone.
async fn with_a_broken_neighbour() -> (tempfile::TempDir, HouseSettings) {
    let directory = Town::founded().await.closes().await;
    let mut settings = settings(&directory);
    let neighbour = TenantSettings {
        slug: "kleinau".parse().expect("valid"),
        hosts: vec!["kleinau.localhost".into()],
        ..settings.tenants[0].clone()
    };
    let (disk, random): (Arc<dyn Disk>, Arc<dyn Random>) = (Arc::new(RealDisk), Arc::new(StrongRandom::new()));
    let key = TenantKey::load(&neighbour.key).expect("a key");
    let (data, now) = (&settings.data_dir, WallClock.now());
    TenantStore::init(&disk, data, &neighbour.slug, &key, &random, now).expect("a store");
    fs::remove_file(data.join("kleinau/keys.ring")).expect("is removed");
    settings.tenants.insert(0, neighbour);
    (directory, settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_whose_ring_is_gone_is_disturbed_while_the_other_serves() {
    let (directory, settings) = with_a_broken_neighbour().await;
    let house = House::start(settings, seams(Pools::Threads, Limits::default())).await.expect("starts");
    let town = Town::of(house, directory);
    town.receives(1).await;
    town.shows(1).await;
    let report = town.report("/kleinau");
    assert_eq!(report.state, ActorState::Disturbed);
    assert!(report.last_failure.is_some_and(|(_, why)| why.contains("ring")));
    assert!(town.house.is_shut("kleinau.localhost") && !town.house.is_shut("musterstadt.localhost"));
    assert!(town.house.tenant_by_host("kleinau.localhost").is_none());
    let readiness = town.house.readiness().await;
    assert!(readiness.is_ready() && readiness.tenants == "nicht alle", "{readiness:?}");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_without_any_tenant_that_opens_does_not_start() {
    let (_directory, mut settings) = with_a_broken_neighbour().await;
    settings.tenants.truncate(1);
    let started = House::start(settings, seams(Pools::Threads, Limits::default())).await;
    assert!(matches!(started, Err(StartError::Store { tenant, .. }) if tenant.as_str() == "kleinau"));
}
