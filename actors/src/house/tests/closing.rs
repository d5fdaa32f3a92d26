//! Closing goes from the edge inwards, and no tenant waits for another.

use std::{path::Path, sync::Arc};

use ozg_storage::testing::PowerCutDisk;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::Barrier;

use super::town::{PATIENCE, Town, seams, settings_with_a_neighbour};
use crate::{
    house::{House, Pools, Seams},
    observe::Probe,
    supervise::{CONNECTOR, Spec},
    tenant::{Connect, Connected, Limits, NoChannels},
};

/// A channel that has ended when others have, too.
struct Channel;

impl Actor for Channel {
    type Msg = ();
    type State = Arc<Barrier>;
    type Arguments = Arc<Barrier>;

    async fn pre_start(&self, _: ActorRef<()>, ends: Arc<Barrier>) -> Result<Arc<Barrier>, ActorProcessingErr> {
        Ok(ends)
    }

    async fn post_stop(&self, _: ActorRef<()>, ends: &mut Arc<Barrier>) -> Result<(), ActorProcessingErr> {
        ends.wait().await;
        Ok(())
    }
}

/// Each tenant with one channel; so many of them end together.
fn channels(together: usize) -> Connect {
    let ends = Arc::new(Barrier::new(together));
    Arc::new(move |_| {
        let ends = ends.clone();
        let (spec, _) = Spec::new("channel", &CONNECTOR, || Channel, move |_| ends.clone());
        Connected { children: vec![spec], door: Arc::new(NoChannels) }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_end_before_cases_then_the_household_the_batchers_and_the_vault() {
    let data = Path::new("/data");
    let disk = Arc::new(PowerCutDisk::with_directory(data));
    let town = Town::founded_below(disk, data, 0, channels(1)).await;
    town.receives(1).await;
    let everybody = town.house.0.observation.members();
    town.closes().await;
    let ends = |is: &dyn Fn(&str) -> bool| -> Vec<u64> {
        let ended = everybody.iter().filter(|probe| is(&probe.report().path)).map(Probe::ended).collect::<Vec<_>>();
        assert!(!ended.is_empty() && ended.iter().all(|turn| *turn > 0), "{ended:?} of {everybody:?}");
        ended
    };
    let last = |name: &str| ends(&|path| path.ends_with(name)).into_iter().max();
    let household = ["/numbers", "/sessions", "/views", "/notary"];
    // An end counts when its supervisor hears of it; the tenant's is heard by the root, beside everything below it.
    let groups = [
        last("/channel"),
        ends(&|path| path.contains("/case-")).into_iter().max(),
        household.iter().map(|name| last(name)).max().flatten(),
        last("/batcher-musterstadt"),
        last("/outbound"),
        last("/vault"),
        last("/infrastructure"),
    ];
    assert!(groups.is_sorted(), "{groups:?}");
    let first_of_the_household = household.iter().filter_map(|name| last(name)).min();
    assert!(groups[1] < first_of_the_household, "no case is without its household");
    assert!(groups[2] < last("/musterstadt"), "no household is without its tenant");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tenant_waits_until_another_is_closed() {
    let directory = Town::founded().await.closes().await;
    let settings = settings_with_a_neighbour(&directory);
    let seams = Seams { connect: channels(2), ..seams(Pools::Threads, Limits::default()) };
    let house = House::start(settings, seams).await.expect("starts");
    let report = house.drain(PATIENCE).await;
    assert_eq!(report.cut_off, 0, "one channel ends only with the other: {report:?}");
}
