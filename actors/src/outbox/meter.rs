//! What operators see of the outbox: how much waits, and how attempts end.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

use crate::observe::Observation;

/// The only class of targets so far.
const TARGET: &str = "fit-connect";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Tenant {
    tenant: String,
    target: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempt {
    tenant: String,
    target: &'static str,
    outcome: &'static str,
}

/// The metrics of all outboxes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    pending: Family<Tenant, Gauge>,
    oldest: Family<Tenant, Gauge<f64, AtomicU64>>,
    attempts: Family<Attempt, Counter>,
    given_up: Family<Tenant, Counter>,
}

impl Meter {
    /// Registers them once for all tenants.
    pub(crate) fn register(&self, observation: &Observation) {
        let meter = self;
        observation.register(|registry| {
            registry.register("outbox_pending", "Effects that have not happened yet", meter.pending.clone());
            registry.register(
                "outbox_oldest_pending_seconds",
                "Seconds since the oldest of them was first due",
                meter.oldest.clone(),
            );
            registry.register("outbox_attempts", "Attempts to carry out an effect, by outcome", meter.attempts.clone());
            registry.register(
                "outbox_given_up",
                "Effects that their target refuses for good, left to a person",
                meter.given_up.clone(),
            );
        });
    }

    pub(super) fn of(&self, tenant: &str) -> TenantMeter {
        TenantMeter { all: self.clone(), tenant: tenant.to_owned() }
    }
}

/// The metrics of one outbox.
#[derive(Debug, Clone)]
pub(crate) struct TenantMeter {
    all: Meter,
    tenant: String,
}

impl TenantMeter {
    /// One was left to a person.
    pub(super) fn given_up(&self) {
        self.all.given_up.get_or_create(&self.place()).inc();
    }

    fn place(&self) -> Tenant {
        Tenant { tenant: self.tenant.clone(), target: TARGET }
    }

    /// So many have not happened yet, the oldest is due for so long.
    pub(super) fn pending(&self, number: usize, oldest: Duration) {
        let place = self.place();
        self.all.pending.get_or_create(&place).set(i64::try_from(number).unwrap_or(i64::MAX));
        self.all.oldest.get_or_create(&place).set(oldest.as_secs_f64());
    }

    pub(super) fn attempted(&self, outcome: &'static str) {
        self.all.attempts.get_or_create(&Attempt { tenant: self.tenant.clone(), target: TARGET, outcome }).inc();
    }
}
