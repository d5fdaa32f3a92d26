//! Damage stays with one tenant (law 9): the others are served, and the broken one says why it is not.

use std::{fs, sync::Arc, time::Duration};

use ozg_protocols::{case::Order, ids::CaseId};
use ozg_storage::{
    disk::{Disk, RealDisk},
    keys::TenantKey,
    random::{Random, StrongRandom},
    tenant_store::TenantStore,
};

use super::town::{PATIENCE, Town, application, key, seams, settings};
use crate::{
    House, StartError,
    case::Outcome,
    house::Pools,
    observe::ActorState,
    seams::{Clock as _, WallClock},
    settings::{HouseSettings, TenantSettings},
    tenant::{CaseDoor, Limits},
};

/// Where the ring of the neighbour lies, and where it is moved to.
const RING: [&str; 2] = ["kleinau/keys.ring", "kleinau/keys.ring.away"];

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
    let tenant_key = TenantKey::load(&neighbour.key).expect("a key");
    let (data, now) = (&settings.data_dir, WallClock.now());
    TenantStore::init(&disk, data, &neighbour.slug, &tenant_key, &random, now).expect("a store");
    let [ring, away] = RING.map(|name| data.join(name));
    fs::rename(ring, away).expect("is moved");
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
async fn a_tenant_whose_ring_is_back_is_served_without_a_restart() {
    let (directory, settings) = with_a_broken_neighbour().await;
    let [ring, away] = RING.map(|name| settings.data_dir.join(name));
    let house = House::start(settings, seams(Pools::Threads, Limits::default())).await.expect("starts");
    let town = Town::of(house, directory);
    assert!(town.house.tenant_by_host("kleinau.localhost").is_none());
    fs::rename(away, ring).expect("is moved back");
    let opened = async {
        loop {
            if let Some(tenant) = town.house.tenant_by_host("kleinau.localhost") {
                break tenant;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let tenant = tokio::time::timeout(PATIENCE, opened).await.expect("it is tried again");
    assert!(!town.house.is_shut("kleinau.localhost"));
    let (case, door) = (CaseId::from_u128(7), CaseDoor::new(tenant.edge().clone()));
    let outcome = door.order(case, Order::Receive(application(1)), key(1), Vec::new()).await;
    assert_eq!(outcome, Ok(Outcome::Done { version: 1 }));
    drop((tenant, door));
    assert_eq!(town.house.readiness().await.tenants, "alle");
    assert_ne!(town.report("/kleinau").state, ActorState::Disturbed);
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_without_any_tenant_that_opens_does_not_start() {
    let (_directory, mut settings) = with_a_broken_neighbour().await;
    settings.tenants.truncate(1);
    let started = House::start(settings, seams(Pools::Threads, Limits::default())).await;
    assert!(matches!(started, Err(StartError::Store { tenant, .. }) if tenant.as_str() == "kleinau"));
}
