//! The counters of one actor. Written by whoever handles or sends, read by the observer; atomics only, except the words of
//! the last failure and what is being done just now.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use ozg_protocols::moment::Moment;
use tokio::time::Instant;

use super::{ActorReport, ClassMeter, trial::Trial};
use crate::supervise::Policy;

/// How many seconds of mailbox depth are kept.
pub const HISTORY: usize = 60;

/// Powers of two of microseconds, up to about two minutes.
const BUCKETS: usize = 28;

/// How an actor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ActorState {
    /// Made, but not ready yet.
    Starting,
    /// Ready, without work.
    Running,
    /// Handling a message.
    Busy,
    /// Failed; it is started again after a pause.
    Restarting,
    /// Failed too often: it answers 503 until somebody looks.
    Disturbed,
    /// At its end.
    Stopped,
    /// A place that is kept for somebody, and nobody is at it now.
    Vacant,
}

impl ActorState {
    /// All states.
    pub const ALL: [Self; 7] =
        [Self::Starting, Self::Running, Self::Busy, Self::Restarting, Self::Disturbed, Self::Stopped, Self::Vacant];

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Busy => "busy",
            Self::Restarting => "restarting",
            Self::Disturbed => "disturbed",
            Self::Stopped => "stopped",
            Self::Vacant => "vacant",
        }
    }
}

/// What is being done, and for how long anything was.
#[derive(Debug, Default)]
struct Work {
    open: u32,
    /// When that last changed.
    since: Option<Instant>,
    busy: Duration,
}

/// A failure, in words that name no person and no content.
#[derive(Debug)]
struct Noted {
    /// The tenant whose matter it is; nobody's in particular where it is the actor's own.
    of: Option<String>,
    at: Moment,
    what: String,
    /// It is why the actor is disturbed now.
    lasts: bool,
}

#[derive(Debug)]
pub(crate) struct Instruments {
    names: Vec<String>,
    policy: &'static Policy,
    limit: u64,
    meter: ClassMeter,
    state: AtomicU8,
    mailbox: AtomicU64,
    handled: AtomicU64,
    restarts: AtomicU64,
    work: Mutex<Work>,
    waited_micros: AtomicU64,
    took: [AtomicU32; BUCKETS],
    history: [AtomicU32; HISTORY],
    ticks: AtomicU64,
    /// The last failure of each, the latest last; as many as there are tenants at most.
    failures: Mutex<Vec<Noted>>,
    pub(super) trial: Trial,
}

impl Instruments {
    pub(super) fn new(names: &[String], policy: &'static Policy, limit: u64, meter: ClassMeter) -> Self {
        Self {
            names: names.to_vec(),
            policy,
            limit,
            meter,
            state: AtomicU8::new(ActorState::Starting as u8),
            mailbox: AtomicU64::new(0),
            handled: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
            work: Mutex::default(),
            waited_micros: AtomicU64::new(0),
            took: std::array::from_fn(|_| AtomicU32::new(0)),
            history: std::array::from_fn(|_| AtomicU32::new(0)),
            ticks: AtomicU64::new(0),
            failures: Mutex::default(),
            trial: Trial::default(),
        }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn path(&self) -> String {
        self.names.join("/")
    }

    pub(super) const fn class(&self) -> &'static str {
        self.policy.class
    }

    pub(super) fn state(&self) -> ActorState {
        let state = self.state.load(Relaxed);
        ActorState::ALL.into_iter().find(|known| *known as u8 == state).unwrap_or(ActorState::Stopped)
    }

    pub(super) fn mailbox(&self) -> u64 {
        self.mailbox.load(Relaxed)
    }

    pub(super) fn set(&self, state: ActorState) {
        self.trial.is(state);
        self.state.store(state as u8, Relaxed);
    }

    pub(super) fn enqueued(&self) {
        self.mailbox.fetch_add(1, Relaxed);
    }

    pub(super) fn dequeued(&self) {
        self.mailbox.fetch_sub(1, Relaxed);
    }

    pub(super) fn began(&self) {
        self.trial.begins();
        self.worked(|open| open + 1);
        self.set(ActorState::Busy);
    }

    /// Changes how much is open now, and counts the time since the last change where anything was: what is done at the same
    /// time takes its time once. Whether anything is still open.
    fn worked(&self, change: impl FnOnce(u32) -> u32) -> bool {
        let now = Instant::now();
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = work.since.filter(|_| work.open > 0) {
            let more = now.saturating_duration_since(since);
            work.busy += more;
            self.meter.busy.inc_by(more.as_secs_f64());
        }
        (work.open, work.since) = (change(work.open), Some(now));
        work.open > 0
    }

    pub(super) fn waited(&self, waited: Duration) {
        self.waited_micros.fetch_add(micros(waited), Relaxed);
        self.meter.wait.observe(waited.as_secs_f64());
    }

    /// So many messages were handled together in this time.
    pub(super) fn ended(&self, messages: u64, took: Duration) {
        if !self.worked(|open| open.saturating_sub(1)) {
            // A failure that was noted while it worked stays to be seen.
            let _ = self.state.compare_exchange(ActorState::Busy as u8, ActorState::Running as u8, Relaxed, Relaxed);
        }
        self.handled.fetch_add(messages, Relaxed);
        self.took[bucket(took)].fetch_add(1, Relaxed);
    }

    pub(super) fn failed(&self, at: Moment, what: &str) {
        self.note(Noted { of: None, at, what: what.to_owned(), lasts: false });
    }

    pub(super) fn disturbed_for(&self, tenant: &str, at: Moment, what: &str) {
        self.note(Noted { of: Some(tenant.to_owned()), at, what: what.to_owned(), lasts: true });
    }

    pub(super) fn settled_for(&self, tenant: &str) {
        let mut failures = self.failures();
        failures.iter_mut().filter(|noted| noted.of.as_deref() == Some(tenant)).for_each(|noted| noted.lasts = false);
    }

    fn note(&self, noted: Noted) {
        let mut failures = self.failures();
        failures.retain(|earlier| earlier.of != noted.of);
        failures.push(noted);
    }

    fn failures(&self) -> MutexGuard<'_, Vec<Noted>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn restarted(&self, reason: &'static str) {
        self.restarts.fetch_add(1, Relaxed);
        self.meter.restarted(reason);
    }

    pub(super) fn take_history(&self) {
        let tick = self.ticks.fetch_add(1, Relaxed);
        let depth = u32::try_from(self.mailbox()).unwrap_or(u32::MAX);
        self.history[usize::try_from(tick % HISTORY as u64).unwrap_or(0)].store(depth, Relaxed);
    }

    pub(super) fn report(&self) -> ActorReport {
        let oldest = usize::try_from(self.ticks.load(Relaxed) % HISTORY as u64).unwrap_or(0);
        let history = (0..HISTORY).map(|second| self.history[(oldest + second) % HISTORY].load(Relaxed)).collect();
        ActorReport {
            path: self.path(),
            class: self.class(),
            depth: u16::try_from(self.names.len().saturating_sub(1)).unwrap_or(u16::MAX),
            state: self.state(),
            mailbox: self.mailbox(),
            mailbox_limit: self.limit,
            handled: self.handled.load(Relaxed),
            restarts: self.restarts.load(Relaxed),
            last_failure: self.failures().last().map(|noted| (noted.at, noted.what.clone())),
            busy: self.work.lock().unwrap_or_else(PoisonError::into_inner).busy,
            waited: Duration::from_micros(self.waited_micros.load(Relaxed)),
            p99: self.p99(),
            history,
            policy: self.policy.words,
        }
    }

    /// The same for one tenant: what only others have trouble with is not told.
    pub(super) fn report_for(&self, tenant: &str) -> ActorReport {
        let whole = self.report();
        let failures = self.failures();
        let is_theirs = |noted: &&Noted| noted.of.as_deref().is_none_or(|of| of == tenant);
        let latest = failures.iter().rev().find(is_theirs);
        let only_others =
            failures.iter().any(|noted| noted.lasts) && !failures.iter().filter(is_theirs).any(|noted| noted.lasts);
        let state = if whole.state == ActorState::Disturbed && only_others { ActorState::Running } else { whole.state };
        ActorReport { state, last_failure: latest.map(|noted| (noted.at, noted.what.clone())), ..whole }
    }

    fn p99(&self) -> Option<Duration> {
        let counts: Vec<u64> = self.took.iter().map(|count| u64::from(count.load(Relaxed))).collect();
        let all: u64 = counts.iter().sum();
        let mut left = all.div_ceil(100);
        for (bucket, count) in counts.iter().enumerate().rev() {
            if all > 0 && *count >= left {
                return Some(Duration::from_micros(2 << bucket));
            }
            left = left.saturating_sub(*count);
        }
        None
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn bucket(time: Duration) -> usize {
    let log = (micros(time) | 1).ilog2();
    usize::try_from(log).unwrap_or(0).min(BUCKETS - 1)
}
