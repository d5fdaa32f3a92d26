//! The house: the whole hierarchy, from the outside. Starts it, looks at it and closes it.
//!
//! Root → infrastructure (observer, pools, batchers) and root → one tenant each. The root gives up when the infrastructure
//! does; then the process is not alive any more. Closing goes from the edge inwards: nobody comes in, then connectors and
//! outbox, cases, the rest of each tenant, batchers, pools. Whoever drains stands outside the hierarchy, so that no actor
//! waits for one that may wait for it.

mod closing;
mod root;
mod shut;
#[cfg(any(test, feature = "testing"))]
mod staff;
mod start;

use std::{sync::Arc, time::Duration};

use ozg_storage::disk::Disk;
use ractor::ActorRef;

pub use closing::DrainReport;
#[cfg(any(test, feature = "testing"))]
pub use staff::Member;
pub use start::StartError;

use crate::{
    observe::{ActorReport, Observation},
    pool::{WorkerThreads, Workers},
    seams::{Clock, Random},
    tenant::{Connect, Limits, Tenant},
};
use root::RootMessage;

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

/// The house; a cheap handle.
#[derive(Debug, Clone)]
pub struct House(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    observation: Observation,
    tenants: Vec<Tenant>,
    stores: Vec<start::Store>,
    shut: Vec<shut::Shut>,
    root: ActorRef<RootMessage>,
    vault: Workers,
    clock: Arc<dyn Clock>,
    closing: tokio::sync::watch::Sender<bool>,
    // Ends with the last handle, after every pool.
    _threads: Option<WorkerThreads>,
}

impl House {
    /// The tenant with this host (without port, in lower case).
    #[must_use]
    pub fn tenant_by_host(&self, host: &str) -> Option<Tenant> {
        self.0.tenants.iter().find(|tenant| tenant.hosts().iter().any(|known| known == host)).cloned()
    }

    /// Whether the tenant with this host is there, but its store could not be opened.
    #[must_use]
    pub fn is_shut(&self, host: &str) -> bool {
        self.0.shut.iter().any(|shut| shut.answers_to(host))
    }

    /// All tenants that are served.
    #[must_use]
    pub fn tenants(&self) -> Vec<Tenant> {
        self.0.tenants.clone()
    }

    /// Every actor, parents before their children.
    #[expect(clippy::unused_async, reason = "a question to the house, whatever answers it today")]
    pub async fn tree(&self) -> Vec<ActorReport> {
        self.0.observation.reports()
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

    /// Whether it can take work: asks every journal to write a small record.
    pub async fn readiness(&self) -> Readiness {
        let mut journal = true;
        for store in &self.0.stores {
            let (core, now) = (store.0.core.clone(), self.0.clock.now());
            let write = self.0.vault.run("probe", move || core.put_record(start::PROBE, 0, None, now));
            let written = tokio::time::timeout(Duration::from_secs(5), write).await;
            journal &= matches!(written, Ok(Ok(Ok(()))));
        }
        let full = self.0.tenants.iter().any(|tenant| tenant.edge().is_full());
        let word = |words: [&'static str; 2], wrong: bool| words[usize::from(wrong)];
        Readiness {
            journal: word(JOURNAL, !journal),
            load: word(LOAD, full),
            draining: word(DRAINING, *self.0.closing.borrow()),
            tenants: word(TENANTS, !self.0.shut.is_empty()),
        }
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
