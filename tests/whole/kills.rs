//! Any one actor killed under load (law 8): one of each kind and others at random are killed, or panic, while submissions come
//! in. Work resumes at once, nothing is lost and nothing doubled, and each restart can be seen.
//!
//! `OZG_KILLS_SEED` repeats a run, `OZG_KILLS` sets how many actors are met at random, `OZG_KILLS_SUBMISSIONS` how much comes
//! in.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use ozg_actors::{ActorState, Member, named_blobs};
use ozg_cloud::sender::{
    client::{ApiVersion, Receipt, Verdict},
    sample::dice::Dice,
};
use ozg_protocols::{case::ReceiptState, ids::CaseId, work_list::Query};
use ozg_storage::{
    disk::{Disk, RealDisk},
    keys::{KeySource, TenantKey},
    verify::verify_store,
};
use tokio::time::Instant;

use crate::{
    sandbox_town::{eventually, now},
    soak::{number, strict},
    subscriber_hall::{Hall, erika, query},
};

/// From the kill of an actor until it runs again: what a release build on a quiet machine keeps.
const AT_ONCE: Duration = Duration::from_millis(100);
/// No actor is met more often: who fails again and again is started again ever later, and some take others along.
const MOST: u64 = 2;
/// After so long nobody hears any more of one that ended by itself.
const UNNOTICED: Duration = Duration::from_secs(5);
/// Between two random kills.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a submission may take; those that were open in a killed actor are tried again one by one.
const PATIENCE: Duration = Duration::from_secs(120);

#[expect(clippy::print_stderr, reason = "how to repeat a run, and what it met")]
fn say(what: fmt::Arguments<'_>) {
    eprintln!("kills: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_one_actor_killed_under_load_is_back_at_once_and_nothing_is_lost_with_version_2() {
    assert_soon(under_load(ApiVersion::V2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_one_actor_killed_under_load_is_back_at_once_and_nothing_is_lost_with_version_1() {
    assert_soon(under_load(ApiVersion::V1).await);
}

fn assert_soon(slowest: Duration) {
    assert!(slowest < if strict() { AT_ONCE } else { PATIENCE }, "somebody runs again after {slowest:?} only");
}

/// Kills while submissions of this version come in; the longest time until somebody ran again. What is lost fails it.
pub(crate) async fn under_load(version: ApiVersion) -> Duration {
    let seed = number("OZG_KILLS_SEED", now().millis().unsigned_abs());
    let all = usize::try_from(number("OZG_KILLS_SUBMISSIONS", 60)).expect("a count");
    say(format_args!("version {version:?}: OZG_KILLS_SEED={seed}, {all} submissions"));
    let hall = Hall::open(version).await;
    let mut killer = Killer { hall: &hall, dice: Dice::new(seed), met: BTreeMap::new(), took: Vec::new() };
    let each_was_met = AtomicBool::new(false);
    let send = async {
        let mut receipts = Vec::new();
        // Some are there only while there is work: it goes on until each was met.
        while receipts.len() < all || !each_was_met.load(Relaxed) {
            receipts.push(hall.town.submit(version).await);
            if receipts.len() > all {
                tokio::time::sleep(PAUSE).await;
            }
        }
        receipts
    };
    let kill = async {
        killer.every_kind_once().await;
        each_was_met.store(true, Relaxed);
        for _ in 0..number("OZG_KILLS", 12) {
            tokio::time::sleep(PAUSE).await;
            killer.at_random().await;
        }
        killer
    };
    let from = Instant::now();
    let (receipts, killer) = tokio::join!(send, kill);
    let slowest = killer.tell();
    let disturbed = from.elapsed();
    each_is_one_case(&hall, &receipts).await;
    say(format_args!("all killed and sent after {disturbed:.1?}, all accepted after {:.1?}", from.elapsed()));
    killer.restarts_are_counted();
    // Some had nothing to do since: they are not to panic while the house closes.
    hall.house.staff().iter().for_each(Member::panic_no_more);
    is_whole(hall).await;
    slowest
}

/// Who has been met, how, and how long each took to run again.
struct Killer<'h> {
    hall: &'h Hall,
    dice: Dice,
    met: BTreeMap<String, u64>,
    took: Vec<Met>,
}

struct Met {
    class: &'static str,
    path: String,
    how: &'static str,
    /// Nothing where it comes back only when there is something for it to do.
    took: Option<Duration>,
}

/// What an actor is: its class, and where several kinds share one, the beginning of its name.
fn kind(member: &Member) -> String {
    let report = member.report();
    let name = report.path.rsplit('/').next().unwrap_or_default();
    match report.class {
        class @ ("pool" | "connector") => format!("{class} {}", name.split('-').next().unwrap_or_default()),
        class => class.to_owned(),
    }
}

impl Killer<'_> {
    /// Everybody but the topmost actor, who has nobody to start it again.
    fn staff(&self, kind_of: &str) -> Vec<Member> {
        let free = |member: &Member| {
            member.report().depth > 0
                && (member.actor().is_none() || member.is_running())
                && self.met.get(&member.report().path).is_none_or(|met| *met < MOST)
        };
        self.hall.house.staff().into_iter().filter(|member| kind(member) == kind_of && free(member)).collect()
    }

    fn kinds(&self) -> Vec<String> {
        let all: BTreeSet<_> =
            self.hall.house.staff().iter().map(kind).chain(["case".into(), "intake".into()]).collect();
        all.into_iter().filter(|kind| kind != "house").collect()
    }

    /// Waits until somebody of each kind is there, and kills him; of some there is somebody only while there is work.
    async fn every_kind_once(&mut self) {
        for kind in self.kinds() {
            let mut left = false;
            let until = Instant::now() + PATIENCE;
            while Instant::now() < until {
                if let Some(member) = self.staff(&kind).first() {
                    left = self.meet(member, "kill").await;
                    // A case counts once it was seen to serve again.
                    left &= kind != "case" || self.took.last().is_some_and(|met| met.took.is_some());
                    // Whoever ends by itself just then leaves no trace.
                    if left || member.report().class == "worker" {
                        break;
                    }
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert!(left || kind == "worker", "no {kind} could be killed");
        }
    }

    async fn at_random(&mut self) {
        let kinds = self.kinds();
        let kind = self.choose(&kinds).expect("some");
        let staff = self.staff(kind);
        let how = if self.dice.below(3) == 0 { "panic" } else { "kill" };
        if let Some(member) = self.choose(&staff).cloned() {
            self.meet(&member, how).await;
        }
    }

    fn choose<'t, T>(&mut self, from: &'t [T]) -> Option<&'t T> {
        let at = self.dice.below(u32::try_from(from.len()).expect("few"));
        from.get(usize::try_from(at).expect("small"))
    }

    /// Kills it, or has its next handler panic (the only way where there is but a thread), and waits until it runs again;
    /// whether that left a trace.
    async fn meet(&mut self, member: &Member, how: &'static str) -> bool {
        let (before, actor) = (member.report(), member.actor());
        let how = if actor.is_none() { "panic" } else { how };
        let from = Instant::now();
        if how == "panic" {
            member.panic_next();
        } else if !member.kill() {
            return false;
        }
        let met = self.met.entry(before.path.clone()).or_default();
        *met += 1;
        let first = *met == 1;
        let other = |now: &Member| now.actor() != actor;
        let took = match before.class {
            "case" => self.serves_again(&before.path).await.then(|| from.elapsed()),
            // A submission is tried again by and by, and who has nothing to do does not panic.
            _ if how == "panic" || before.class == "intake" => None,
            _ => {
                while !self.is_back(&before.path, other) {
                    assert!(from.elapsed() < PATIENCE, "{} does not run again: {:?}", before.path, member.report());
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Some(from.elapsed())
            }
        };
        // Some end by themselves just then, and there is nothing to hear of.
        let by_itself = ["case", "intake"].contains(&before.class);
        // Who fails together with his supervisor is started anew with him, and seen by a new probe.
        let renewed = || !by_itself && actor.is_some() && self.is_back(&before.path, other);
        let trace = || member.report().last_failure != before.last_failure || renewed();
        let noticed = Instant::now() + if by_itself { UNNOTICED } else { PATIENCE };
        while !trace() && how == "kill" && Instant::now() < noticed {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let trace = trace();
        if by_itself
            && !trace
            && let Some(met) = self.met.get_mut(&before.path)
        {
            *met -= 1;
        }
        assert!(trace || how == "panic" || by_itself, "{} left no trace", before.path);
        self.took.push(Met { class: before.class, path: before.path, how, took: took.filter(|_| first) });
        trace
    }

    /// Whether somebody works at this place, and it is another one.
    fn is_back(&self, path: &str, other: impl Fn(&Member) -> bool) -> bool {
        let staff = self.hall.house.staff();
        let now = staff.iter().find(|member| member.report().path == path);
        now.is_some_and(|member| member.is_running() && other(member) && is_up(member))
    }

    /// Asks a case; false where the list does not have it yet.
    async fn serves_again(&self, path: &str) -> bool {
        let tenant = self.hall.tenant();
        let rows = tenant.work_list().page(&erika(), &Query { limit: 1_000, ..query() }).rows;
        let name = |case: &CaseId| path.ends_with(&format!("case-{}", &case.to_string()[..16]));
        let Some(row) = rows.iter().find(|row| name(&row.case)) else { return false };
        tenant.show_case(&erika(), row.case).await.expect("shown");
        true
    }

    fn tell(&self) -> Duration {
        for Met { class, path, how, took } in &self.took {
            let took = took.map_or_else(String::new, |took| format!("{took:.1?}"));
            say(format_args!("{how:5} {class:15} {took:>8}  {path}"));
        }
        self.took.iter().filter_map(|met| met.took).max().unwrap_or_default()
    }

    fn restarts_are_counted(&self) {
        let metrics = self.hall.house.metrics_text();
        for class in self.took.iter().filter(|met| met.how == "kill").map(|met| met.class) {
            let counted = metrics.lines().any(|line| {
                line.starts_with("ozg_actor_restarts_total") && line.contains(&format!("class=\"{class}\""))
            });
            assert!(counted, "no restart of a {class} in the metrics");
        }
    }
}

fn is_up(member: &Member) -> bool {
    matches!(member.report().state, ActorState::Running | ActorState::Busy)
}

/// Accepted once at the service; one case, whose versions have no gap.
async fn each_is_one_case(hall: &Hall, receipts: &[Receipt]) {
    for receipt in receipts {
        let verdict = hall.town.sender.wait(*receipt, ApiVersion::V2, PATIENCE).await.expect("a log");
        assert_eq!(verdict, Verdict::Accepted, "{}", hall.town.seen(*receipt).await);
        let accepts = hall.town.log(*receipt).await.iter().filter(|set| set.to_string().contains("accept-sub")).count();
        assert_eq!(accepts, 1);
    }
    let (tenant, erika) = (hall.tenant(), erika());
    let mut rows = Vec::new();
    eventually("a row for each", async || {
        rows = tenant.work_list().page(&erika, &Query { limit: receipts.len() + 10, ..query() }).rows;
        rows.len() >= receipts.len()
    })
    .await;
    assert_eq!(rows.len(), receipts.len(), "as many cases as submissions");
    let numbers: BTreeSet<_> = rows.iter().map(|row| row.number.to_string()).collect();
    assert_eq!(numbers.len(), rows.len(), "each with a number of its own");
    for row in rows {
        let mut sheet = None;
        eventually("its acceptance is noted", async || {
            sheet = tenant.show_case(&erika, row.case).await.ok();
            sheet.as_ref().is_some_and(|sheet| sheet.case.receipt == ReceiptState::Delivered)
        })
        .await;
        let sheet = sheet.expect("shown");
        assert_eq!(u64::try_from(sheet.history.len()).expect("few"), sheet.version, "no gap");
    }
}

/// Closes the house in order and checks its whole store.
pub(crate) async fn is_whole(hall: Hall) {
    let Hall { house, data, town: _town } = hall;
    let report = house.drain(PATIENCE).await;
    assert_eq!(report.cut_off, 0, "{report:?}");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let slug = "musterstadt".parse().expect("a slug");
    let key = TenantKey::load(&KeySource::File(data.path().join("tenant.key"))).expect("the key");
    let mut progress = |_| {};
    let verdict = verify_store(&disk, data.path(), &slug, Some(&key), None, &named_blobs, &mut progress);
    say(format_args!("{:?}", verdict.expect("the store is whole")));
}
