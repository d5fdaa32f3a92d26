//! The house: the whole hierarchy, from the outside. Starts it, looks at it and closes it.
//!
//! Root → infrastructure (pools, outbound HTTP, clock, observer, batchers) and root → one tenant each. The root gives up when
//! the infrastructure does; then the process is not alive any more. Closing goes from the edge inwards: nobody comes in, then
//! connectors and outbox, cases, the rest of each tenant, batchers, clock, outbound HTTP, pools. Whoever drains stands
//! outside the hierarchy, so that no actor waits for one that may wait for it.

mod closing;
mod root;
mod shut;
#[cfg(any(test, feature = "testing"))]
mod staff;
mod start;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use ozg_storage::disk::Disk;
use ractor::ActorRef;
use tokio::{sync::watch, time::Instant};

pub use closing::DrainReport;
pub(crate) use root::RootMessage;
#[cfg(any(test, feature = "testing"))]
pub use staff::Member;
pub use start::StartError;

use crate::{
    observe::{ActorReport, Observation, Probe},
    outbound::Outbound,
    pool::WorkerThreads,
    seams::{Clock, Random},
    supervise::Address,
    tenant::{Connect, Limits, Tenant},
};

/// What comes in from outside.
#[derive(Clone)]
pub struct Seams {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids, keys and nonces.
    pub random: Arc<dyn Random>,
    /// The file system.
    pub disk: Arc<dyn Disk>,
    /// Where blocking work is done.
    pub pools: Pools,
    /// How much one tenant holds at a time.
    pub limits: Limits,
    /// The way to foreign services.
    pub outbound: Outbound,
    /// The channels of each tenant.
    pub connect: Connect,
}

impl std::fmt::Debug for Seams {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Seams")
    }
}

/// Where blocking work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pools {
    /// On threads of their own.
    Threads,
    /// Where it is given: for tests.
    Inline,
}

/// Whether the house can take work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// Whether every journal can be written, in a word.
    pub journal: &'static str,
    /// Whether work is turned away, in a word.
    pub load: &'static str,
    /// Whether it closes, in a word.
    pub draining: &'static str,
    /// Whether every tenant's store is open, in a word. One that is not does not keep the house from work for the others.
    pub tenants: &'static str,
}

/// How often the journals are written to find out whether they can be, whoever asks.
const WRITTEN_EVERY: Duration = Duration::from_secs(1);
/// How long that may take.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

const JOURNAL: [&str; 2] = ["schreibbar", "nicht schreibbar"];
const LOAD: [&str; 2] = ["frei", "überlastet"];
const DRAINING: [&str; 2] = ["nein", "ja"];
const TENANTS: [&str; 2] = ["alle", "nicht alle"];

impl Readiness {
    /// All is well.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        (self.journal, self.load, self.draining) == (JOURNAL[0], LOAD[0], DRAINING[0])
    }
}

/// The two that only supervise.
#[derive(Debug)]
struct Supervisors {
    house: Probe,
    infrastructure: Probe,
}

/// The house; a cheap handle.
#[derive(Debug, Clone)]
pub struct House(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    observation: Observation,
    doors: watch::Receiver<shut::Doors>,
    /// Tries to open who is shut.
    opener: Option<Address<shut::OpenerMessage>>,
    root: ActorRef<RootMessage>,
    probes: Supervisors,
    pools: start::AllPools,
    clock: Arc<dyn Clock>,
    closing: watch::Sender<bool>,
    /// Whether every journal could be written, when that was last tried.
    written: Mutex<Option<(Instant, bool)>>,
    // Ends with the last handle, after every pool.
    _threads: Option<WorkerThreads>,
}

impl House {
    /// The tenant with this host (without port, in lower case).
    #[must_use]
    pub fn tenant_by_host(&self, host: &str) -> Option<Tenant> {
        let answers_to = |tenant: &Tenant| tenant.hosts().iter().any(|known| known == host);
        self.0.doors.borrow().open.iter().map(|(tenant, _)| tenant).find(|tenant| answers_to(tenant)).cloned()
    }

    /// Whether the tenant with this host is there, but its store could not be opened yet.
    #[must_use]
    pub fn is_shut(&self, host: &str) -> bool {
        self.0.doors.borrow().shut.iter().any(|shut| shut.answers_to(host))
    }

    /// All tenants that are served.
    #[must_use]
    pub fn tenants(&self) -> Vec<Tenant> {
        self.0.doors.borrow().open.iter().map(|(tenant, _)| tenant.clone()).collect()
    }

    fn stores(&self) -> Vec<start::Store> {
        self.0.doors.borrow().open.iter().map(|(_, store)| store.clone()).collect()
    }

    /// Every actor of every tenant, parents before their children; for whoever runs the house.
    #[expect(clippy::unused_async, reason = "a question to the house, whatever answers it today")]
    pub async fn tree(&self) -> Vec<ActorReport> {
        self.0.observation.reports()
    }

    /// What the people of one tenant see of it: the actors that everybody leans on, and the tenant's own. Others are neither
    /// named nor told of.
    #[expect(clippy::unused_async, reason = "a question to the house, whatever answers it today")]
    pub async fn tree_for(&self, tenant: &Tenant) -> Vec<ActorReport> {
        self.0.observation.reports_for(tenant.slug().as_str())
    }

    /// The instruments, for metrics of whoever stands before the house.
    #[must_use]
    pub fn observation(&self) -> &Observation {
        &self.0.observation
    }

    /// All metrics in the text format of Prometheus.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        self.0.observation.metrics_text()
    }

    /// Whether it can take work: asks every journal to write a small record, once a second at most.
    pub async fn readiness(&self) -> Readiness {
        let journal = self.journals_are_written().await;
        let full = self.tenants().iter().any(|tenant| tenant.edge().is_full());
        let word = |words: [&'static str; 2], wrong: bool| words[usize::from(wrong)];
        Readiness {
            journal: word(JOURNAL, !journal),
            load: word(LOAD, full),
            draining: word(DRAINING, *self.0.closing.borrow()),
            tenants: word(TENANTS, !self.0.doors.borrow().shut.is_empty()),
        }
    }

    /// Asks all journals at once: one that hangs costs its own time only. Whoever asks again at once hears the same.
    async fn journals_are_written(&self) -> bool {
        let known = *self.0.written.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, written)) = known.filter(|(at, _)| at.elapsed() < WRITTEN_EVERY) {
            return written;
        }
        let written = join_all(self.stores().into_iter().map(|store| {
            let (core, now) = (store.0.core.clone(), self.0.clock.now());
            let write = move || core.put_record(start::PROBE, 0, None, now);
            self.0.pools.vault.run_within(WRITTEN_WITHIN, "probe", write)
        }));
        let written = written.await.iter().all(|written| matches!(written, Ok(Ok(()))));
        *self.0.written.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), written));
        written
    }

    /// Whether the topmost actor is there. Says nothing about anybody outside.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        matches!(self.0.root.get_status(), ractor::ActorStatus::Running | ractor::ActorStatus::Starting)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use {root::Supervisor, tests::application};
