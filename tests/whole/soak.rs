//! The server is killed again and again while applications arrive: nothing is lost, nothing is doubled, every sender
//! hears once, and the store is whole; `make bench` shows the same as a figure. `OZG_SOAK_SUBMISSIONS` and `OZG_SOAK_KILLS` change the numbers, `OZG_SOAK_SEED`
//! the moments; `OZG_STRICT=1` holds a debug build to the goal of a release build.

use std::{
    collections::BTreeMap,
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ozg_cloud::sender::{
    client::Sender,
    parcel::Parcel,
    sample::{Samples, dice::Dice, service::SERVICES},
};
use ozg_protocols::fit_connect::jose::rsa::EncryptionKey;
use serde_json::Value;
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use crate::{
    sandbox_town::now,
    world::{PLACES, Place, World},
};

const SENDERS: usize = 3;
/// How long everything may take to be decided once nobody disturbs any more.
const PATIENCE: Duration = Duration::from_secs(180);
/// Time from the start of a process to its first yes at `/readyz`.
const READY: Duration = Duration::from_secs(2);
/// The same for a debug build on a machine that does other things too.
const READY_UNHURRIED: Duration = Duration::from_secs(100);
/// How long the program gives itself to end, and a little for the machine.
pub(crate) const GOODBYE: Duration = Duration::from_secs(35);

#[expect(clippy::disallowed_methods, reason = "numbers of a test, not settings of the program")]
pub(crate) fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

#[expect(clippy::disallowed_methods, reason = "numbers of a test, not settings of the program")]
pub(crate) fn strict() -> bool {
    !cfg!(debug_assertions) || env::var_os("OZG_STRICT").is_some()
}

/// An application whose applicant is called by its number, with one small attachment.
fn parcel(number: usize) -> Parcel {
    let version = PLACES[number % PLACES.len()].version;
    let service = SERVICES.iter().find(|service| !service.by_organisations).expect("one for people");
    let mut parcel = Samples::new(number as u64).of(service, version, now());
    parcel.attachments.truncate(1);
    if is_unreadable(number) {
        parcel.data = format!("{}\"Inhalt\"{}", "[".repeat(100), "]".repeat(100)).into_bytes();
        return parcel;
    }
    let mut form: Value = serde_json::from_slice(&parcel.data).expect("a form");
    rename_applicant(&mut form, &name(number));
    parcel.data = form.to_string().into_bytes();
    parcel
}

/// Whether its form is one that nobody can read: it becomes a case, and a person has to look.
const fn is_unreadable(number: usize) -> bool {
    number % 5 == 3
}

/// The name of applicants whom nobody can read.
const NOBODY: &str = "";

/// The family name of an applicant; no name is the beginning of another.
fn name(number: usize) -> String {
    format!("Probe-{number:05}")
}

/// Gives the applicant of a form another family name.
pub(crate) fn rename_applicant(form: &mut Value, to: &str) {
    match form {
        Value::Object(item) if item.get("name").is_some_and(|name| name == "nachname") => {
            item.insert("stringValue".to_owned(), to.into());
        }
        Value::Object(members) => members.values_mut().for_each(|value| rename_applicant(value, to)),
        Value::Array(values) => values.iter_mut().for_each(|value| rename_applicant(value, to)),
        _ => {}
    }
}

/// Applications on their way, sent in turn to both tenants, as fast as they are let in.
#[derive(Debug)]
struct Load {
    sending: JoinSet<()>,
    let_in: Arc<Semaphore>,
    sent: Arc<AtomicUsize>,
    all: usize,
}

impl Load {
    async fn begin(world: &World, all: usize) -> Self {
        let mut keys = Vec::new();
        for place in &PLACES {
            keys.push(world.key_of(place).await);
        }
        let (sender, keys) = (Arc::new(world.sender()), Arc::new(keys));
        let (let_in, sent, mut sending) = (Arc::new(Semaphore::new(0)), Arc::default(), JoinSet::new());
        for first in 0..SENDERS {
            let numbers = (first..all).step_by(SENDERS).collect();
            sending.spawn(send(sender.clone(), keys.clone(), numbers, (let_in.clone(), Arc::clone(&sent))));
        }
        Self { sending, let_in, sent, all }
    }

    /// Lets so many in, one after the other over this time.
    async fn arrive(&self, some: usize, over: Duration) {
        for _ in 0..some {
            tokio::time::sleep(over / u32::try_from(some).expect("few")).await;
            self.let_in.add_permits(1);
        }
    }

    /// How many the sandbox has taken.
    fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Lets everybody in and waits until all are sent.
    async fn rest(self) {
        self.let_in.add_permits(self.all);
        self.sending.join_all().await;
        assert_eq!(self.sent.load(Ordering::Relaxed), self.all);
    }
}

async fn send(
    sender: Arc<Sender>,
    keys: Arc<Vec<EncryptionKey>>,
    numbers: Vec<usize>,
    (let_in, sent): (Arc<Semaphore>, Arc<AtomicUsize>),
) {
    for number in numbers {
        let_in.acquire().await.expect("it is never closed").forget();
        let (place, key) = (&PLACES[number % PLACES.len()], &keys[number % PLACES.len()]);
        let receipt = sender.send(place.destination(), key, place.version, &parcel(number), None).await;
        receipt.expect("the sandbox takes it");
        sent.fetch_add(1, Ordering::Relaxed);
    }
}

#[expect(clippy::print_stderr, reason = "how to repeat a run, and what it came to")]
fn say(what: std::fmt::Arguments<'_>) {
    eprintln!("{what}");
}

/// The last complaints of the server.
fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

/// What there should be exactly once: an accept event per submission, and a case at the right tenant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Of which there is none.
    pub(crate) lost: usize,
    /// Of which there is more than one, or which nobody sent.
    pub(crate) doubled: usize,
}

/// Waits until everything is accepted, at most for a while, and counts.
async fn tally(world: &World, all: usize) -> Tally {
    let in_time = world.accepted(all, PATIENCE).await;
    let state = world.sandbox("state").await;
    let count = |at: &str| usize::try_from(state.pointer(at).and_then(Value::as_u64).unwrap_or(0)).expect("few");
    let (accepted, events) = (count("/submissions/accepted"), count("/events/accept-submission"));
    let mut tally = Tally { lost: all.saturating_sub(accepted), doubled: events.saturating_sub(accepted) };
    for (turn, place) in PLACES.iter().enumerate() {
        let (unreadable, wanted): (Vec<_>, Vec<_>) =
            (turn..all).step_by(PLACES.len()).partition(|number| is_unreadable(*number));
        let mut found = cases(world, place, wanted.len() + unreadable.len()).await;
        for cases in wanted.into_iter().map(|number| found.remove(&name(number)).unwrap_or_default()) {
            tally.lost += usize::from(cases == 0);
            tally.doubled += cases.saturating_sub(1);
        }
        for there in [found.remove(NOBODY).unwrap_or_default(), to_clear(world, place, unreadable.len()).await] {
            tally.lost += unreadable.len().saturating_sub(there);
            tally.doubled += there.saturating_sub(unreadable.len());
        }
        tally.doubled += found.into_values().sum::<usize>();
    }
    if !in_time || tally != Tally::default() {
        say(format_args!("{tally:?}: {state}\n{}\n{}", world.metrics().await, tail(&world.server_log())));
    }
    tally
}

/// How many cases there are of each applicant. The list follows the journal, so it is asked until it is long enough.
async fn cases(world: &World, place: &Place, expected: usize) -> BTreeMap<String, usize> {
    let until = Instant::now() + PATIENCE;
    loop {
        let rows = world.rows(place).await;
        if rows.len() >= expected || Instant::now() > until {
            let mut found = BTreeMap::new();
            for row in rows {
                let named = row.find("Probe-").map(|at| row[at..at + name(0).len()].to_owned());
                *found.entry(named.unwrap_or_else(|| NOBODY.to_owned())).or_default() += 1;
            }
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How many forms that nobody can read wait for a person.
async fn to_clear(world: &World, place: &Place, expected: usize) -> usize {
    let until = Instant::now() + PATIENCE;
    let visitor = world.visitor(place, "rita").await;
    loop {
        let page = visitor.open("/klaerung").await.expect("a page");
        let found = page.text.matches("Formular nicht erkannt</h2>").count();
        if found >= expected || Instant::now() > until {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What a run came to.
pub(crate) struct Soaked {
    /// The longest time from a start of the server to its first yes.
    pub(crate) slowest_start: Duration,
    /// How long it took to end when it was asked to.
    pub(crate) end_took: Duration,
    /// What it lost and doubled.
    pub(crate) tally: Tally,
}

/// Kills the server at random moments while applications arrive, until after the last kill; its store is whole then.
pub(crate) async fn soak() -> Soaked {
    let all = usize::try_from(number("OZG_SOAK_SUBMISSIONS", 500)).expect("a number");
    let kills = number("OZG_SOAK_KILLS", 20);
    let seed = number("OZG_SOAK_SEED", now().millis().unsigned_abs());
    let begun = Instant::now();
    let mut world = World::open().await;
    let load = Load::begin(&world, all).await;
    let (mut dice, mut starts) = (Dice::new(seed), Vec::new());
    let share = all / usize::try_from(kills + 1).expect("few");
    for kill in 0..kills {
        // Every fourth one hits a server that has not come up yet.
        let while_starting = kill % 4 == 3;
        if !while_starting {
            starts.push(world.ready().await);
        }
        let pause = dice.below(if while_starting { 400 } else { 1_500 });
        load.arrive(share, Duration::from_millis(pause.into())).await;
        world.kill_server();
        world.start_server();
    }
    let arrived = load.sent();
    assert!(0 < arrived && arrived < all, "after the last kill {arrived} of {all} had arrived");
    starts.push(world.ready().await);
    let disturbed = begun.elapsed();
    load.rest().await;
    let tally = tally(&world, all).await;
    let decided = begun.elapsed();
    let (status, end_took) = world.terminate_server().await;
    assert!(status.success(), "{status}");
    let verified = world.done(&["verify"], "");
    let slowest_start = *starts.iter().max().expect("it was started");
    say(format_args!(
        "soak, seed {seed}: {all} submissions, {kills} kills; kills over after {disturbed:.1?}, all decided after \
         {decided:.1?}, end took {end_took:.1?}; slowest start {slowest_start:.2?}, all {starts:.2?}\n{verified}"
    ));
    Soaked { slowest_start, end_took, tally }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_the_server_loses_nothing_and_doubles_nothing() {
    let Soaked { slowest_start, end_took, tally } = soak().await;
    assert_eq!(tally, Tally::default());
    let bound = if strict() { READY } else { READY_UNHURRIED };
    assert!(slowest_start < bound, "ready after {slowest_start:?}");
    assert!(end_took < GOODBYE || !strict(), "ended after {end_took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_under_load_it_ends_in_time_and_goes_on_later() {
    const ALL: usize = 240;
    /// The others are sent once it has ended: some are always left for later.
    const BEFORE: usize = 200;
    let mut world = World::open().await;
    let load = Load::begin(&world, ALL).await;
    load.arrive(BEFORE, Duration::ZERO).await;
    let some = async || world.sandbox("state").await["events"]["accept-submission"].as_u64() > Some(5);
    crate::sandbox_town::eventually("the first acceptances", some).await;
    let (status, took) = world.terminate_server().await;
    assert!(status.success() && (took < GOODBYE || !strict()), "{status} after {took:?}");
    world.done(&["verify"], "");
    world.start_server();
    world.ready().await;
    load.rest().await;
    assert_eq!(tally(&world, ALL).await, Tally::default());
}
