//! What operators see of the outbox: how much waits, and how attempts end.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

use crate::observe::Observation;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Tenant {
    tenant: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempt {
    tenant: String,
    outcome: &'static str,
}

/// The metrics of all outboxes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    pending: Family<Tenant, Gauge>,
    attempts: Family<Attempt, Counter>,
}

impl Meter {
    /// Registers them once for all tenants.
    pub(crate) fn register(&self, observation: &Observation) {
        let meter = self;
        observation.register(|registry| {
            registry.register(
                "outbox_pending",
                "Effects that were claimed and have not happened yet",
                meter.pending.clone(),
            );
            registry.register("outbox_attempts", "Attempts to carry out an effect, by outcome", meter.attempts.clone());
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
    pub(super) fn pending(&self, number: usize) {
        let place = Tenant { tenant: self.tenant.clone() };
        self.all.pending.get_or_create(&place).set(i64::try_from(number).unwrap_or(i64::MAX));
    }

    pub(super) fn attempted(&self, outcome: &'static str) {
        self.all.attempts.get_or_create(&Attempt { tenant: self.tenant.clone(), outcome }).inc();
    }
}
