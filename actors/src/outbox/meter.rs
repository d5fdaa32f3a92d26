//! What operators see of the outbox: how much waits, and how attempts end.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

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
    pub(crate) fn register(&self, to: &mut Registry) {
        to.register("outbox_pending", "Effects that have not happened yet", self.pending.clone());
        to.register(
            "outbox_oldest_pending_seconds",
            "Seconds since the oldest of them was first due",
            self.oldest.clone(),
        );
        to.register("outbox_attempts", "Attempts to carry out an effect, by outcome", self.attempts.clone());
        to.register(
            "outbox_given_up",
            "Effects that their target refuses for good, left to a person",
            self.given_up.clone(),
        );
    }

    pub(super) fn of(&self, tenant: &str, target: &'static str) -> TenantMeter {
        TenantMeter { all: self.clone(), tenant: tenant.to_owned(), target }
    }
}

/// The metrics of one outbox and one class of targets.
#[derive(Debug, Clone)]
pub(crate) struct TenantMeter {
    all: Meter,
    tenant: String,
    target: &'static str,
}

impl TenantMeter {
    /// One was left to a person.
    pub(super) fn given_up(&self) {
        self.all.given_up.get_or_create(&self.place()).inc();
    }

    fn place(&self) -> Tenant {
        Tenant { tenant: self.tenant.clone(), target: self.target }
    }

    /// So many have not happened yet, the oldest is due for so long.
    pub(super) fn pending(&self, number: u64, oldest: Duration) {
        let place = self.place();
        self.all.pending.get_or_create(&place).set(i64::try_from(number).unwrap_or(i64::MAX));
        self.all.oldest.get_or_create(&place).set(oldest.as_secs_f64());
    }

    pub(super) fn attempted(&self, outcome: &'static str) {
        self.all.attempts.get_or_create(&Attempt { tenant: self.tenant.clone(), target: self.target, outcome }).inc();
    }
}
