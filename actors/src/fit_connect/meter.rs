//! What operators see of the channel: how old the oldest open submission is, why submissions are refused or tried again, how
//! many bytes came. Labels name destinations and reasons, never a submission.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

use ozg_protocols::ids::DestinationId;

use crate::observe::Observation;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Destination {
    destination: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    destination: String,
    reason: String,
}

/// The metrics of all destinations of a tenant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    oldest: Family<Destination, Gauge<f64, AtomicU64>>,
    received: Family<Destination, Counter>,
    refused: Family<Reason, Counter>,
    retries: Family<Reason, Counter>,
    clearing: Family<Reason, Counter>,
    callbacks: Family<Reason, Counter>,
    keys_refused: Family<Reason, Counter>,
    bytes: Family<Destination, Counter>,
}

impl Meter {
    /// Registers them once for all tenants.
    pub(crate) fn register(&self, observation: &Observation) {
        let meter = self;
        observation.register(|registry| {
            registry.register("attachment_bytes", "Bytes of attachments in clear", meter.bytes.clone());
            let registry = registry.sub_registry_with_prefix("fitconnect");
            let oldest =
                "Seconds since the oldest submission that is still worked on was kept, or seen if it is not kept yet";
            registry.register("oldest_unaccepted_seconds", oldest, meter.oldest.clone());
            registry.register("received", "Submissions that became a case", meter.received.clone());
            registry.register("refused", "Submissions that were rejected, by problem", meter.refused.clone());
            registry.register("retries", "Submissions that are tried again later, by reason", meter.retries.clone());
            registry.register(
                "clearing",
                "Submissions that a person has to look at, by reason",
                meter.clearing.clone(),
            );
            let refused = "Published keys that break a rule, by the rule; nothing that they signed is believed";
            registry.register("keys_refused", refused, meter.keys_refused.clone());
            registry.register("callbacks", "Callbacks, by what became of them", meter.callbacks.clone());
        });
    }

    /// For one destination.
    pub(crate) fn of(&self, destination: DestinationId) -> DestinationMeter {
        DestinationMeter { all: self.clone(), destination: destination.to_string() }
    }
}

/// The metrics of one destination.
#[derive(Debug, Clone)]
pub(crate) struct DestinationMeter {
    all: Meter,
    destination: String,
}

impl DestinationMeter {
    fn place(&self) -> Destination {
        Destination { destination: self.destination.clone() }
    }

    fn why(&self, reason: &str) -> Reason {
        Reason { destination: self.destination.clone(), reason: reason.to_owned() }
    }

    pub(crate) fn oldest(&self, age: std::time::Duration) {
        self.all.oldest.get_or_create(&self.place()).set(age.as_secs_f64());
    }

    pub(crate) fn received(&self) {
        self.all.received.get_or_create(&self.place()).inc();
    }

    pub(crate) fn refused(&self, reason: &str) {
        self.all.refused.get_or_create(&self.why(reason)).inc();
    }

    pub(crate) fn retried(&self, reason: &str) {
        self.all.retries.get_or_create(&self.why(reason)).inc();
    }

    pub(crate) fn clearing(&self, reason: &str) {
        self.all.clearing.get_or_create(&self.why(reason)).inc();
    }

    pub(crate) fn callback(&self, outcome: &str) {
        self.all.callbacks.get_or_create(&self.why(outcome)).inc();
    }

    pub(crate) fn key_refused(&self, reason: &str) {
        self.all.keys_refused.get_or_create(&self.why(reason)).inc();
    }

    pub(crate) fn bytes(&self, bytes: u64) {
        self.all.bytes.get_or_create(&self.place()).inc_by(bytes);
    }
}
