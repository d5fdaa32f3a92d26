//! What happens when an actor fails: one table of policies, and the few lines that follow it.
//!
//! A supervisor keeps its children in [`Children`]: it starts them, hears of their end, starts them again, and gives up
//! where they fail too often: then it fails itself (and its own supervisor decides) or leaves the child *disturbed*. The
//! first restart is at once, because most failures go with the message that caused them; before each further one is a pause
//! that doubles. An end that somebody asked for (drained, stopped) is no failure. Senders find a child through its
//! [`Address`], which follows it through its restarts.

mod address;
mod children;

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

pub(crate) use address::Seat;
pub use address::{Address, AskError};
pub(crate) use children::Ended;
pub use children::{Children, Spec};

/// What a supervisor does about a child of one class.
#[derive(Debug, PartialEq, Eq)]
pub struct Policy {
    /// The class of the child.
    pub class: &'static str,
    /// So many failures are forgiven ...
    pub most: u32,
    /// ... within this time.
    pub within: Duration,
    /// The pause before the second restart (the first is at once); it doubles with every further failure within the time.
    pub pause: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// What happens at one failure more.
    pub then: Then,
    /// All of it in words, for the operations page.
    pub words: &'static str,
}

/// What a supervisor does when a child fails too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It fails itself.
    Escalate,
    /// It leaves the child as *disturbed*; the others go on.
    Disturb,
    /// It tries once more after this time, again and again.
    Retry(Duration),
}

const fn policy(class: &'static str, most: u32, seconds: u64, pause: u64, then: Then, words: &'static str) -> Policy {
    let within = Duration::from_secs(seconds);
    Policy { class, most, within, pause: Duration::from_millis(pause), longest: Duration::from_secs(5), then, words }
}

const MINUTE: Duration = Duration::from_secs(60);

// One line per class: failures forgiven, within seconds, pause before the second restart in ms, and then.
/// The topmost actor has no supervisor: when it ends, the process is not alive any more.
pub const HOUSE: Policy = policy("house", 0, 1, 0, Then::Escalate, "endet mit dem Prozess");
/// Pools, connections, clock and batchers: everybody leans on them.
pub const INFRASTRUCTURE: Policy =
    policy("infrastructure", 5, 60, 10, Then::Escalate, "5 Neustarts je Minute, dann Prozessende");
/// The guard of a pool of workers.
pub const POOL: Policy = policy("pool", 10, 60, 10, Then::Escalate, "10 Neustarts je Minute, dann eskaliert");
/// One worker thread of a pool; its guard replaces it.
pub const WORKER: Policy = policy("worker", u32::MAX, 60, 0, Then::Disturb, "wird sofort ersetzt");
/// Whoever tries to open the stores that could not be opened.
pub const OPENER: Policy =
    policy("opener", 5, 60, 1_000, Then::Retry(MINUTE), "5 Neustarts je Minute, dann neuer Versuch jede Minute");
/// The batcher of one tenant's journal.
pub const BATCHER: Policy = policy("batcher", 10, 60, 10, Then::Escalate, "10 Neustarts je Minute, dann eskaliert");
/// Whoever carries calls to foreign services out.
pub const OUTBOUND: Policy = policy("outbound", 10, 60, 10, Then::Escalate, "10 Neustarts je Minute, dann eskaliert");
/// The clock.
pub const CLOCK: Policy = policy("clock", 10, 60, 10, Then::Escalate, "10 Neustarts je Minute, dann eskaliert");
/// The observer.
pub const OBSERVER: Policy = policy("observer", 10, 60, 100, Then::Escalate, "10 Neustarts je Minute, dann eskaliert");
/// A tenant with everything below it.
pub const TENANT: Policy =
    policy("tenant", 5, 60, 50, Then::Retry(MINUTE), "5 Neustarts je Minute, dann gestört, neuer Versuch jede Minute");
/// A case: it never escalates.
pub const CASE: Policy =
    policy("case", 2, 300, 50, Then::Disturb, "nach 3 Fehlern in 5 Minuten gestört, andere laufen weiter");
/// The intake of a tenant.
pub const INTAKE: Policy =
    policy("intake", 5, 60, 100, Then::Retry(MINUTE), "5 Neustarts je Minute, dann neuer Versuch jede Minute");
/// The connector of one destination.
pub const CONNECTOR: Policy =
    policy("connector", 5, 60, 200, Then::Retry(MINUTE), "5 Neustarts je Minute, dann neuer Versuch jede Minute");
/// The worker that carries out what has to leave the house.
pub const OUTBOX: Policy =
    policy("outbox", 5, 60, 100, Then::Retry(MINUTE), "5 Neustarts je Minute, dann neuer Versuch jede Minute");
/// The carrier of one destination, below the outbox.
pub const CARRIER: Policy =
    policy("carrier", 5, 60, 100, Then::Retry(MINUTE), "5 Neustarts je Minute, dann neuer Versuch jede Minute");
/// The case numbers of a tenant.
pub const NUMBERS: Policy =
    policy("numbers", 5, 60, 50, Then::Escalate, "5 Neustarts je Minute, dann Neustart des Mandanten");
/// Sessions and embedded accounts of a tenant.
pub const SESSIONS: Policy =
    policy("sessions", 5, 60, 50, Then::Escalate, "5 Neustarts je Minute, dann Neustart des Mandanten");
/// The views of a tenant.
pub const VIEWS: Policy =
    policy("views", 5, 60, 100, Then::Escalate, "5 Neustarts je Minute, dann Neustart des Mandanten");
/// The notary of a tenant.
pub const NOTARY: Policy =
    policy("notary", 5, 60, 100, Then::Retry(MINUTE), "5 Neustarts je Minute, dann neuer Versuch jede Minute");

/// A failure of ours, in words that name no person and no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub &'static str);

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Start again after this pause.
    Again(Duration),
    /// Too often: leave it.
    Disturbed,
    /// Too often: the supervisor fails too.
    Escalate,
}

/// The failures of one child within the time of its policy.
#[derive(Debug)]
pub struct Intensity {
    policy: &'static Policy,
    failures: VecDeque<Instant>,
}

impl Intensity {
    /// No failures yet.
    #[must_use]
    pub const fn new(policy: &'static Policy) -> Self {
        Self { policy, failures: VecDeque::new() }
    }

    /// Whether there is nothing to remember.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty()
    }

    /// Another failure, now: what follows from it.
    pub fn failed(&mut self, now: Instant) -> Fate {
        let Policy { within, most, pause, longest, then, .. } = *self.policy;
        self.failures.retain(|at| now.duration_since(*at) < within);
        let before = u32::try_from(self.failures.len()).unwrap_or(u32::MAX);
        if self.failures.len() < 64 {
            self.failures.push_back(now);
        }
        if before < most {
            let doubled = before.checked_sub(1).map_or(Duration::ZERO, |more| pause.saturating_mul(1 << more.min(16)));
            return Fate::Again(doubled.min(longest));
        }
        match then {
            Then::Escalate => Fate::Escalate,
            Then::Disturb => Fate::Disturbed,
            Then::Retry(after) => Fate::Again(after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_case_is_started_again_at_once_then_after_a_pause_and_then_disturbed() {
        let mut intensity = Intensity::new(&CASE);
        let now = Instant::now();
        assert_eq!(intensity.failed(now), Fate::Again(Duration::ZERO));
        assert_eq!(intensity.failed(now), Fate::Again(Duration::from_millis(50)));
        assert_eq!(intensity.failed(now), Fate::Disturbed);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_of_long_ago_are_forgiven() {
        let mut intensity = Intensity::new(&NUMBERS);
        for _ in 0..5 {
            intensity.failed(Instant::now());
        }
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(intensity.failed(Instant::now()), Fate::Again(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn what_everybody_needs_escalates() {
        let mut intensity = Intensity::new(&INFRASTRUCTURE);
        let fates: Vec<_> = (0..6).map(|_| intensity.failed(Instant::now())).collect();
        assert_eq!(fates.last(), Some(&Fate::Escalate));
    }
}
