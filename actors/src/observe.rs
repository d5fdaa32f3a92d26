//! What can be seen of every actor: class, state, mailbox depth, handled, restarts, last failure, busy and waiting time.
//!
//! Whoever starts an actor makes its [`Probe`] first, below its own; the probe outlives restarts and goes when nobody holds
//! it. A message that waits carries a [`Waiting`] (with its permit, where it came in at the edge), which becomes
//! [`Working`] when its handler begins. Instruments are counters, not application state: they live beside the actors, and
//! one observer takes their history every second.

mod instruments;
mod metrics;
mod observer;
mod sight;
mod trial;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use ozg_protocols::moment::Moment;
use prometheus_client::registry::Registry;
use ractor::{ActorCell, ActorRef, Message};

pub(crate) use instruments::Instruments;
pub use instruments::{ActorState, HISTORY};
pub use metrics::{Answered, ClassMeter, Metrics};
pub(crate) use observer::Observer;

use crate::{seams::Clock, supervise::Policy};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

/// What can be seen of one actor.
#[derive(Debug, Clone, PartialEq)]
pub struct ActorReport {
    /// Its place: the names of its ancestors and its own, joined by `/`.
    pub path: String,
    /// What it is.
    pub class: &'static str,
    /// How many ancestors it has.
    pub depth: u16,
    /// How it is.
    pub state: ActorState,
    /// Messages that wait for it.
    pub mailbox: u64,
    /// Permits for its messages; 0 where its mailbox is bounded by construction.
    pub mailbox_limit: u64,
    /// Messages it has handled.
    pub handled: u64,
    /// How often it was started again.
    pub restarts: u64,
    /// When it last failed, and how; never with personal data.
    pub last_failure: Option<(Moment, String)>,
    /// How long it has worked.
    pub busy: Duration,
    /// How long its messages have waited.
    pub waited: Duration,
    /// What 99 of 100 messages took at most to handle, to the next power of two of microseconds.
    pub p99: Option<Duration>,
    /// Depth of its mailbox in the last 60 s, one value per second, oldest first.
    pub history: Vec<u32>,
    /// What its supervisor does when it fails, in words.
    pub policy: &'static str,
}

type Board = BTreeMap<Vec<String>, Weak<Instruments>>;

/// The instruments of one hierarchy. Not a singleton: every world has its own.
#[derive(Clone)]
pub struct Observation(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    board: Mutex<Board>,
    metrics: Metrics,
    registry: Mutex<Registry>,
}

impl fmt::Debug for Observation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Observation")
    }
}

impl Observation {
    /// Instruments for a new hierarchy.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (metrics, mut registry) = (Metrics::default(), Registry::with_prefix("ozg"));
        metrics.register(&mut registry);
        let observation =
            Self(Arc::new(Inner { clock, board: Mutex::default(), metrics, registry: Mutex::new(registry) }));
        let collector = metrics::Actors(Arc::downgrade(&observation.0));
        observation.register(|registry| registry.register_collector(Box::new(collector)));
        observation
    }

    /// The probe of the topmost actor.
    #[must_use]
    pub fn root(&self, name: &str, policy: &'static Policy) -> Probe {
        self.place(vec![name.to_owned()], policy, 0)
    }

    /// Adds metrics of somebody else under the prefix `ozg`.
    pub fn register<T>(&self, add: impl FnOnce(&mut Registry) -> T) -> T {
        add(&mut self.0.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The metrics that are not about a single actor.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// All metrics in the text format of Prometheus.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        let mut text = String::new();
        let registry = self.0.registry.lock().unwrap_or_else(PoisonError::into_inner);
        match prometheus_client::encoding::text::encode(&mut text, &registry) {
            Ok(()) => text,
            Err(fmt::Error) => String::new(),
        }
    }

    /// Every actor, parents before their children.
    #[must_use]
    pub fn reports(&self) -> Vec<ActorReport> {
        self.probes().iter().map(|probe| probe.report()).collect()
    }

    /// The probe of every actor, parents before their children.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn members(&self) -> Vec<Probe> {
        let member = |instruments| Probe { observation: self.clone(), instruments };
        self.probes().into_iter().map(member).collect()
    }

    /// Takes the history of every actor; called once a second.
    pub(crate) fn tick(&self) {
        for probe in self.probes() {
            probe.take_history();
        }
    }

    fn probes(&self) -> Vec<Arc<Instruments>> {
        let mut board = self.0.board.lock().unwrap_or_else(PoisonError::into_inner);
        board.retain(|_, probe| probe.strong_count() > 0);
        board.values().filter_map(Weak::upgrade).collect()
    }

    fn place(&self, path: Vec<String>, policy: &'static Policy, limit: u64) -> Probe {
        let instruments = Arc::new(Instruments::new(&path, policy, limit, self.0.metrics.class(policy.class)));
        let mut board = self.0.board.lock().unwrap_or_else(PoisonError::into_inner);
        board.insert(path, Arc::downgrade(&instruments));
        Probe { observation: self.clone(), instruments }
    }
}

/// The instruments of one actor, through all its restarts.
#[derive(Clone)]
pub struct Probe {
    observation: Observation,
    instruments: Arc<Instruments>,
}

impl fmt::Debug for Probe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Probe({})", self.instruments.path())
    }
}

impl Probe {
    /// The probe of a child, under this name and policy, with this many permits (0 where it has none of its own).
    #[must_use]
    pub fn child(&self, name: impl Into<String>, policy: &'static Policy, limit: u64) -> Self {
        let mut path = self.instruments.names().to_vec();
        path.push(name.into());
        self.observation.place(path, policy, limit)
    }

    /// All instruments of the hierarchy.
    #[must_use]
    pub const fn observation(&self) -> &Observation {
        &self.observation
    }

    /// Notes that a message starts to wait; the permit it came with ends with it.
    #[must_use]
    pub fn waiting(&self, permit: Option<OwnedSemaphorePermit>) -> Waiting {
        self.instruments.enqueued();
        Waiting { probe: self.clone(), since: Instant::now(), permits: Permits(permit, None), begun: false }
    }

    /// Has the actor that it sees hear this in a while; it is seen waiting from then on.
    pub(crate) fn after<M: Message>(
        &self,
        me: &ActorRef<M>,
        pause: Duration,
        message: impl FnOnce(Waiting) -> M + Send + 'static,
    ) {
        let probe = self.clone();
        me.send_after(pause, move || message(probe.waiting(None)));
    }

    /// Notes which actor it is now, for tests that kill it.
    pub(crate) fn is_stood_for_by(&self, actor: &ActorCell) {
        self.instruments.trial.is_stood_for_by(actor);
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn cell(&self) -> Option<ActorCell> {
        self.instruments.trial.cell()
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn panic_next(&self, panics: bool) {
        self.instruments.trial.panic_next(panics);
    }

    /// Where it stands among all ends; 0 where it has not ended.
    #[cfg(test)]
    pub(crate) fn ended(&self) -> u64 {
        self.instruments.trial.ended()
    }

    /// Notes how the actor is.
    pub fn set(&self, state: ActorState) {
        self.instruments.set(state);
    }

    /// Notes a failure. `what` names no person and no content.
    pub fn failed(&self, what: &str) {
        self.instruments.failed(self.observation.0.clock.now(), what);
    }

    /// Notes that it is disturbed in what it does for this tenant; `what` names no person and no content.
    pub(crate) fn disturbed_for(&self, tenant: &str, what: &str) {
        self.instruments.disturbed_for(tenant, self.observation.0.clock.now(), what);
    }

    /// Notes that it is not any more.
    pub(crate) fn settled_for(&self, tenant: &str) {
        self.instruments.settled_for(tenant);
    }

    /// Notes that it was started again after this kind of failure.
    pub fn restarted(&self, reason: &'static str) {
        self.instruments.restarted(reason);
    }

    /// What can be seen.
    #[must_use]
    pub fn report(&self) -> ActorReport {
        self.instruments.report()
    }
}

/// The permits that ride with a message: that of the edge, and that of the case it goes to.
#[derive(Debug, Default)]
struct Permits(Option<OwnedSemaphorePermit>, Option<OwnedSemaphorePermit>);

/// A message on its way: it counts as waiting until its handler begins, and as lost if none does.
pub struct Waiting {
    probe: Probe,
    since: Instant,
    permits: Permits,
    begun: bool,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Waiting({:?})", self.since.elapsed())
    }
}

impl Waiting {
    /// The handler begins with this kind of message.
    #[must_use]
    pub fn begin(self, message: &'static str) -> Working {
        let worker = self.probe.clone();
        self.begin_as(&worker, message)
    }

    /// The one it waited for passes it on to somebody else, for whom it waits from now on, with one more permit.
    #[must_use]
    pub fn pass_on(mut self, message: &'static str, to: &Probe, permit: OwnedSemaphorePermit) -> Self {
        let Permits(edge, _) = std::mem::take(&mut self.permits);
        drop(self.begin(message));
        let mut waiting = to.waiting(edge);
        waiting.permits.1 = Some(permit);
        waiting
    }

    /// Somebody else than the one it waited for begins with it: a worker of a pool.
    #[must_use]
    pub fn begin_as(self, worker: &Probe, message: &'static str) -> Working {
        Self::begin_together(vec![self], worker, message)
    }

    /// All of these are handled as one.
    #[must_use]
    pub fn begin_together(all: Vec<Self>, worker: &Probe, message: &'static str) -> Working {
        let started = Instant::now();
        let begin = |mut waiting: Self| {
            waiting.begun = true;
            waiting.probe.instruments.waited(started.duration_since(waiting.since));
            std::mem::take(&mut waiting.permits)
        };
        let permits = all.into_iter().map(begin).collect();
        worker.instruments.began();
        Working { probe: worker.clone(), started, message, permits }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.probe.instruments.dequeued();
        if !self.begun {
            self.probe.observation.metrics().dead_letters.inc();
        }
    }
}

/// A message that is being handled, or several as one, until this is dropped.
pub struct Working {
    probe: Probe,
    started: Instant,
    message: &'static str,
    /// Of each of them.
    permits: Vec<Permits>,
}

impl fmt::Debug for Working {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Working({})", self.message)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        self.probe.instruments.ended(self.permits.len() as u64, took);
        self.probe.observation.metrics().handled(self.probe.instruments.class(), self.message, took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{seams::WallClock, supervise};

    fn observed() -> (Observation, Probe) {
        let observation = Observation::new(Arc::new(WallClock));
        let root = observation.root("house", &supervise::HOUSE);
        (observation, root)
    }

    #[tokio::test]
    async fn a_message_is_seen_waiting_then_handled() {
        let (_observation, root) = observed();
        let waiting = root.waiting(None);
        assert_eq!(root.report().mailbox, 1);
        let working = waiting.begin("order");
        assert_eq!((root.report().mailbox, root.report().state), (0, ActorState::Busy));
        drop(working);
        let report = root.report();
        assert_eq!((report.handled, report.state), (1, ActorState::Running));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_done_at_the_same_time_takes_its_time_once() {
        let (observation, root) = observed();
        let second = Duration::from_secs(1);
        let [one, other] = ["attempt"; 2].map(|name| root.waiting(None).begin(name));
        tokio::time::advance(second).await;
        drop(one);
        assert_eq!((root.report().busy, root.report().state), (second, ActorState::Busy), "the other goes on");
        tokio::time::advance(second).await;
        drop(other);
        assert_eq!((root.report().busy, root.report().state), (second * 2, ActorState::Running));
        tokio::time::advance(second).await;
        let batch = Waiting::begin_together((0..256).map(|_| root.waiting(None)).collect(), &root, "append");
        tokio::time::advance(second).await;
        drop(batch);
        assert_eq!((root.report().busy, root.report().handled), (second * 3, 258));
        assert!(observation.metrics_text().contains("ozg_actor_busy_seconds_total{class=\"house\"} 3.0\n"));
    }

    #[test]
    fn only_the_newest_root_of_a_tenant_is_shown() {
        let (observation, _root) = observed();
        for (record, root) in [(1, "ab"), (2, "cd"), (3, "cd")] {
            observation.metrics().checkpoint("musterstadt", record, root);
        }
        observation.metrics().checkpoint("kleinau", 1, "ef");
        let text = observation.metrics_text();
        assert!(text.contains("ozg_journal_checkpoint_info{tenant=\"musterstadt\",root=\"cd\"} 1\n"), "{text}");
        assert!(text.contains("ozg_journal_checkpoint_info{tenant=\"kleinau\",root=\"ef\"} 1\n"), "{text}");
        assert!(!text.contains("root=\"ab\""), "{text}");
    }

    #[tokio::test]
    async fn a_message_that_nobody_handles_is_a_dead_letter() {
        let (observation, root) = observed();
        drop(root.waiting(None));
        assert!(observation.metrics_text().contains("ozg_actor_dead_letters_total 1"));
        assert_eq!(root.report().mailbox, 0);
    }

    #[test]
    fn parents_come_before_their_children_and_who_is_gone_is_not_shown() {
        let (observation, root) = observed();
        let town = root.child("musterstadt", &supervise::TENANT, 8);
        let _case = town.child("ab", &supervise::CASE, 8);
        let _other = root.child("infrastructure", &supervise::INFRASTRUCTURE, 0);
        let gone = town.child("cd", &supervise::CASE, 8);
        drop(gone);
        let paths: Vec<_> = observation.reports().into_iter().map(|report| (report.path, report.depth)).collect();
        let expected =
            [("house", 0), ("house/infrastructure", 1), ("house/musterstadt", 1), ("house/musterstadt/ab", 2)];
        assert_eq!(paths, expected.map(|(path, depth)| (path.to_owned(), depth)));
    }

    #[test]
    fn history_keeps_the_last_minute() {
        let (observation, root) = observed();
        let _one = root.waiting(None);
        observation.tick();
        let report = root.report();
        assert_eq!((report.history.len(), report.history.last()), (HISTORY, Some(&1)));
    }
}
