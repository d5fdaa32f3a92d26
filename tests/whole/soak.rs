//! The server is killed again and again while applications arrive: nothing is lost, nothing is doubled, every sender
//! hears once, and the store is whole. `OZG_SOAK_SUBMISSIONS` and `OZG_SOAK_KILLS` change the numbers, `OZG_SOAK_SEED`
//! the moments; `OZG_STRICT=1` holds a debug build to the goal of a release build.

use std::{collections::BTreeMap, env, sync::Arc, time::Duration};

use ozg_cloud::sender::{
    client::{Receipt, Sender},
    parcel::Parcel,
    sample::{Samples, dice::Dice, service::SERVICES},
};
use ozg_protocols::fit_connect::jose::rsa::EncryptionKey;
use serde_json::Value;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    sandbox_town::{eventually, now},
    world::{PLACES, Place, World},
};

const SENDERS: usize = 3;
/// How long everything may take to be decided once nobody disturbs any more.
const PATIENCE: Duration = Duration::from_secs(45);
/// Time from the start of a process to its first yes at `/readyz`.
const READY: Duration = Duration::from_secs(2);
/// The same for a debug build on a machine that does other things too.
const READY_UNHURRIED: Duration = Duration::from_secs(20);

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
    let mut form: Value = serde_json::from_slice(&parcel.data).expect("a form");
    rename_applicant(&mut form, &name(number));
    parcel.data = form.to_string().into_bytes();
    parcel
}

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

/// Applications on their way, sent in turn to both tenants.
#[derive(Debug)]
struct Load {
    sending: JoinSet<Vec<(usize, Receipt)>>,
    all: usize,
}

impl Load {
    async fn begin(world: &World, all: usize) -> Self {
        let mut keys = Vec::new();
        for place in &PLACES {
            keys.push(world.key_of(place).await);
        }
        let (sender, keys) = (Arc::new(world.sender()), Arc::new(keys));
        let mut sending = JoinSet::new();
        for first in 0..SENDERS {
            sending.spawn(send(sender.clone(), keys.clone(), (first..all).step_by(SENDERS).collect()));
        }
        Self { sending, all }
    }

    async fn sent(self) -> Vec<(usize, Receipt)> {
        let sent: Vec<_> = self.sending.join_all().await.into_iter().flatten().collect();
        assert_eq!(sent.len(), self.all);
        sent
    }
}

async fn send(sender: Arc<Sender>, keys: Arc<Vec<EncryptionKey>>, numbers: Vec<usize>) -> Vec<(usize, Receipt)> {
    let mut sent = Vec::new();
    for number in numbers {
        let (place, key) = (&PLACES[number % PLACES.len()], &keys[number % PLACES.len()]);
        let receipt = sender.send(place.destination(), key, place.version, &parcel(number), None).await;
        sent.push((number, receipt.expect("the sandbox takes it")));
    }
    sent
}

/// Waits until the sandbox knows of as many accept events as there are submissions.
async fn all_accepted(world: &World, all: usize) {
    let until = Instant::now() + PATIENCE;
    loop {
        let state = world.sandbox("state").await;
        if state["events"]["accept-submission"].as_u64() >= Some(all as u64) {
            return;
        }
        assert!(Instant::now() < until, "{state}\n{}\n{}", world.metrics().await, tail(&world.server_log()));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The last complaints of the server.
fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

/// Exactly one case per submission, at the right tenant, and exactly one accept event.
async fn nothing_is_lost_or_doubled(world: &World, all: usize) {
    let state = world.sandbox("state").await;
    assert_eq!(state["submissions"], serde_json::json!({ "accepted": all }), "{state}");
    assert_eq!(state["events"]["accept-submission"], all, "{state}");
    assert_eq!(state["mostAcceptsOfOneSubmission"], 1, "{state}");
    for (turn, place) in PLACES.iter().enumerate() {
        let expected: BTreeMap<String, usize> =
            (turn..all).step_by(PLACES.len()).map(|number| (name(number), 1)).collect();
        assert_eq!(cases(world, place, expected.len()).await, expected, "{}", place.slug);
    }
}

/// How many cases there are of each applicant. The list follows the journal, so it is asked until it is long enough.
async fn cases(world: &World, place: &Place, expected: usize) -> BTreeMap<String, usize> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let rows = world.rows(place).await;
        if rows.len() >= expected || Instant::now() > until {
            let mut found = BTreeMap::new();
            for row in rows {
                let at = row.find("Probe-").unwrap_or_else(|| panic!("an applicant: {row}"));
                *found.entry(row[at..at + name(0).len()].to_owned()).or_default() += 1;
            }
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_the_server_loses_nothing_and_doubles_nothing() {
    let all = usize::try_from(number("OZG_SOAK_SUBMISSIONS", 500)).expect("a number");
    let kills = number("OZG_SOAK_KILLS", 20);
    let seed = number("OZG_SOAK_SEED", now().millis().unsigned_abs());
    let begun = Instant::now();
    let mut world = World::open().await;
    let load = Load::begin(&world, all).await;
    let (mut dice, mut starts) = (Dice::new(seed), Vec::new());
    for kill in 0..kills {
        // Every fourth one hits a server that has not come up yet.
        let while_starting = kill % 4 == 3;
        if !while_starting {
            starts.push(world.ready().await);
        }
        let pause = dice.below(if while_starting { 400 } else { 1_500 });
        tokio::time::sleep(Duration::from_millis(pause.into())).await;
        world.kill_server();
        world.start_server();
    }
    starts.push(world.ready().await);
    let disturbed = begun.elapsed();
    load.sent().await;
    all_accepted(&world, all).await;
    let decided = begun.elapsed();
    nothing_is_lost_or_doubled(&world, all).await;
    let (status, took) = world.terminate_server().await;
    assert!(status.success(), "{status}");
    let verified = world.done(&["verify"], "");
    let slowest = starts.iter().max().expect("it was started");
    eprintln!(
        "soak, seed {seed}: {all} submissions, {kills} kills; kills over after {disturbed:.1?}, all decided after \
         {decided:.1?}, end took {took:.1?}; slowest start {slowest:.2?}, all {starts:.2?}\n{verified}"
    );
    let bound = if strict() { READY } else { READY_UNHURRIED };
    assert!(*slowest < bound, "ready after {slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_under_load_it_ends_in_time_and_goes_on_later() {
    const ALL: usize = 240;
    /// How long the program gives itself, and a little for the machine.
    const GOODBYE: Duration = Duration::from_secs(35);
    let mut world = World::open().await;
    let load = Load::begin(&world, ALL).await;
    let some = async || world.sandbox("state").await["events"]["accept-submission"].as_u64() > Some(5);
    eventually("the first acceptances", some).await;
    let (status, took) = world.terminate_server().await;
    assert!(status.success() && took < GOODBYE, "{status} after {took:?}");
    let state = world.sandbox("state").await;
    assert!(state["events"]["accept-submission"].as_u64() < Some(ALL as u64), "it ended under load: {state}");
    world.done(&["verify"], "");
    world.start_server();
    world.ready().await;
    load.sent().await;
    all_accepted(&world, ALL).await;
    nothing_is_lost_or_doubled(&world, ALL).await;
}
