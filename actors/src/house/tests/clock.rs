//! A clock that cannot be believed: what would happen only because of the time stands still, and everything else goes on
//! (law 7).

use std::{
    collections::HashMap,
    fs::File,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use ozg_protocols::{ids::DestinationId, moment::Moment};
use tempfile::TempDir;

use super::town::{PATIENCE, Town, account_of_erika, seams, settings, settings_with_a_neighbour};
use crate::{
    house::{House, Pools, Seams},
    observe::ActorState,
    seams::{Clock, WallClock},
    secret::Secret,
    settings::HouseSettings,
    tenant::{Limits, NoChannels, TenantContext},
};

const HOUR: i64 = 3_600;
/// Longer than the clock of the house pauses.
const MOMENT: Duration = Duration::from_millis(10);

/// A clock that is set by hand: so many seconds ahead of that of the machine.
#[derive(Debug, Clone, Default)]
struct Hand(Arc<AtomicI64>);

impl Hand {
    fn at(ahead: i64) -> Self {
        Self(Arc::new(AtomicI64::new(ahead)))
    }

    fn set(&self, ahead: i64) {
        self.0.store(ahead, Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Moment {
        Moment::from_millis(WallClock.now().millis() + self.0.load(Relaxed) * 1_000)
    }
}

/// A house by a clock that is set by hand, and what those who work for each of its tenants use.
struct Place {
    town: Town,
    clock: Hand,
    contexts: Arc<Mutex<HashMap<String, TenantContext>>>,
}

impl Place {
    async fn on(directory: TempDir, settings: HouseSettings, clock: Hand) -> Self {
        let contexts = Arc::new(Mutex::new(HashMap::new()));
        let (seen, none) = (contexts.clone(), NoChannels::connect());
        let connect = Arc::new(move |context: &TenantContext| {
            seen.lock().expect("held").insert(context.settings.slug.to_string(), context.clone());
            none(context)
        });
        let seams = Seams { clock: Arc::new(clock.clone()), connect, ..seams(Pools::Threads, Limits::default()) };
        let house = House::start(settings, seams).await.expect("starts");
        let town = Town::of(house, directory);
        Self { town, clock, contexts }
    }

    /// Musterstadt, on what an earlier house has left.
    async fn again(directory: TempDir, ahead: i64) -> Self {
        let settings = settings(&directory);
        Self::on(directory, settings, Hand::at(ahead)).await
    }

    async fn founded() -> Self {
        Self::again(Town::founded().await.closes().await, 0).await
    }

    /// With a neighbour.
    async fn of_two() -> Self {
        let directory = Town::founded().await.closes().await;
        let settings = settings_with_a_neighbour(&directory);
        Self::on(directory, settings, Hand::default()).await
    }

    fn stands_still(&self, tenant: &str) -> bool {
        let contexts = self.contexts.lock().expect("held");
        contexts.get(tenant).is_none_or(|context| context.agreement.stands_still(context.clock.now()))
    }

    /// The delivery service of Musterstadt shows what its clock shows: so many seconds ahead of that of the machine.
    fn service_shows(&self, ahead: i64) {
        let contexts = self.contexts.lock().expect("held");
        contexts["musterstadt"].agreement.shown(DestinationId::from_random([1; 16]), Hand::at(ahead).now());
    }

    fn says(&self, line: &str) -> bool {
        self.town.house.metrics_text().contains(line)
    }

    /// Waits until the notary has looked twice more: at least once from beginning to end.
    async fn the_notary_looks(&self) {
        let handled = || self.town.report("musterstadt/notary").handled;
        let before = handled();
        until("the notary looks", || handled() >= before + 2).await;
    }

    async fn closes(self) -> TempDir {
        self.contexts.lock().expect("held").clear();
        self.town.closes().await
    }
}

async fn until(what: &str, is: impl Fn() -> bool) {
    let waits = async {
        while !is() {
            tokio::time::sleep(MOMENT).await;
        }
    };
    tokio::time::timeout(PATIENCE, waits).await.expect(what);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_two_hours_ahead_of_a_tenants_delivery_service_stands_still_for_it_while_all_else_goes_on() {
    let place = Place::of_two().await;
    until("the clock is believed", || !place.stands_still("musterstadt") && !place.stands_still("kleinau")).await;
    place.service_shows(-2 * HOUR);
    assert!(place.stands_still("musterstadt") && !place.stands_still("kleinau"));
    until("it is seen", || place.town.report("infrastructure/clock").state == ActorState::Disturbed).await;
    let (_, why) = place.town.report("infrastructure/clock").last_failure.expect("a reason");
    assert!(why.starts_with("musterstadt: disagrees with the delivery service by 1"), "{why}");
    let seen = async |host: &str| {
        let tenant = place.town.house.tenant_by_host(host).expect("there");
        let tree = place.town.house.tree_for(&tenant).await;
        let clock = tree.into_iter().find(|report| report.class == "clock").expect("everybody sees it");
        (clock.state == ActorState::Disturbed, clock.last_failure.is_some())
    };
    // While it compares it is busy.
    let told = async {
        while seen("musterstadt.localhost").await != (true, true) {
            tokio::time::sleep(MOMENT).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("whom it concerns is told");
    assert_eq!(seen("kleinau.localhost").await, (false, false), "nothing stands still there");
    assert!(place.says("ozg_clock_standing_still{tenant=\"musterstadt\"} 1"));
    assert!(place.says("ozg_clock_standing_still{tenant=\"kleinau\"} 0"));
    place.town.receives(1).await;
    assert!(place.town.house.readiness().await.is_ready(), "intake goes on");
    place.service_shows(0);
    until("it agrees again", || place.says("ozg_clock_standing_still{tenant=\"musterstadt\"} 0")).await;
    assert!(!place.stands_still("musterstadt"));
    assert_eq!(place.town.report("infrastructure/clock").state, ActorState::Running);
    place.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_while_the_house_runs_stands_still_at_once_and_goes_on_when_it_is_set_back() {
    let place = Place::of_two().await;
    for jump in [2 * HOUR, -2 * HOUR] {
        until("it is believed", || !place.stands_still("musterstadt") && !place.stands_still("kleinau")).await;
        place.clock.set(jump);
        assert!(place.stands_still("musterstadt") && place.stands_still("kleinau"));
        until("it is noticed", || place.says("ozg_clock_standing_still{tenant=\"kleinau\"} 1")).await;
        place.clock.set(0);
        until("that is over", || place.says("ozg_clock_standing_still{tenant=\"kleinau\"} 0")).await;
    }
    place.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_killed_under_load_still_knows_what_it_disagrees_with() {
    let directory = Place::founded().await.closes().await;
    let place = Place::again(directory, -2 * HOUR).await;
    until("it is noticed", || place.says("ozg_clock_standing_still{tenant=\"musterstadt\"} 1")).await;
    // What is written meanwhile would make a clock right that remembers nothing.
    for number in 1..5 {
        place.town.receives(number).await;
        let clock = place.town.house.staff().into_iter().find(|member| member.report().class == "clock");
        assert!(clock.expect("there").kill());
        let back = || place.town.report("infrastructure/clock");
        until("it is started again", || back().restarts == number && back().state == ActorState::Disturbed).await;
        assert!(place.stands_still("musterstadt"));
    }
    place.clock.set(0);
    place.service_shows(0);
    until("the next one goes on", || place.says("ozg_clock_standing_still{tenant=\"musterstadt\"} 0")).await;
    place.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_only_the_clock_shows_signs_no_checkpoint() {
    let place = Place::founded().await;
    place.town.receives(1).await;
    place.the_notary_looks().await;
    place.clock.set(2 * HOUR);
    place.the_notary_looks().await;
    place.the_notary_looks().await;
    assert!(!place.says("ozg_journal_checkpoint_record{"));
    // It was slow, and has been set.
    place.service_shows(2 * HOUR);
    until("it is signed", || place.says("ozg_journal_checkpoint_record{tenant=\"musterstadt\"}")).await;
    place.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_is_removed_by_a_clock_behind_the_last_record() {
    let place = Place::founded().await;
    let blob = place.town.on_store(|store| store.blobs.begin().expect("begins").publish().expect("publishes").id);
    let directory = place.closes().await;
    let name = blob.to_string();
    let file = directory.path().join("data/musterstadt/blobs").join(&name[..2]).join(&name);
    File::options().write(true).open(file).and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH)).expect("ages");
    let place = Place::again(directory, -2 * HOUR).await;
    until("it was to be swept", || place.says("message=\"sweep files\"")).await;
    let left = || place.town.on_store(|store| store.blobs.list(Moment::from_millis(i64::MAX)).expect("lists"));
    place.the_notary_looks().await;
    assert_eq!(left(), [blob]);
    // The next house is right.
    let place = Place::again(place.closes().await, 0).await;
    let left = || place.town.on_store(|store| store.blobs.list(Moment::from_millis(i64::MAX)).expect("lists"));
    until("it is swept", || left().is_empty()).await;
    place.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_has_ended_does_not_become_valid_by_a_clock_that_goes_back() {
    let place = Place::founded().await;
    let account = account_of_erika();
    let tenant = place.town.tenant();
    tenant.add_account(account).await.expect("made");
    let token = tenant.sign_in("erika", Secret::new("Sonne".into())).await.expect("signed in");
    // Time goes by, as the delivery service shows, too: nobody uses it for three hours.
    place.clock.set(3 * HOUR);
    place.service_shows(3 * HOUR);
    until("it is believed", || !place.stands_still("musterstadt")).await;
    assert_eq!(tenant.session(&token).await, Ok(None), "it has ended");
    place.clock.set(0);
    assert!(place.stands_still("musterstadt"));
    assert_eq!(tenant.session(&token).await, Ok(None), "and stays so");
    let token = tenant.sign_in("erika", Secret::new("Sonne".into())).await.expect("whoever comes now is served");
    assert!(tenant.session(&token).await.expect("answers").is_some());
    place.closes().await;
}
