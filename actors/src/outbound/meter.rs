//! What calls cost and how they end, by purpose; how each service behaves, by its host. Never by a whole address.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
};

use super::CallError;
use crate::observe::Observation;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    purpose: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Peer {
    peer: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Purpose {
    purpose: &'static str,
}

/// From 1 ms to 33 s.
#[derive(Debug, Clone, Copy)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(0.001, 2.0, 16))
    }
}

/// The metrics of all calls.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    calls: Family<Ended, Counter>,
    seconds: Family<Purpose, Histogram, Seconds>,
    bytes: Family<Purpose, Counter>,
    under_way: Family<Peer, Gauge>,
    failures: Family<Peer, Gauge>,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            calls: Family::default(),
            seconds: Family::new_with_constructor(Seconds),
            bytes: Family::default(),
            under_way: Family::default(),
            failures: Family::default(),
        }
    }

    pub(super) fn register(&self, observation: &Observation) {
        let meter = self;
        observation.register(|registry| {
            registry.register("outbound_calls", "Calls to foreign services, by how they ended", meter.calls.clone());
            registry.register("outbound_seconds", "Time until an answer", meter.seconds.clone());
            registry.register("outbound_streamed_bytes", "Bytes of large answers", meter.bytes.clone());
            registry.register("outbound_under_way", "Exchanges that have not ended yet", meter.under_way.clone());
            registry.register(
                "outbound_failures_in_a_row",
                "Failures since a service last answered",
                meter.failures.clone(),
            );
        });
    }

    pub(super) fn called(&self, purpose: &'static str, error: Option<&CallError>, took: Duration) {
        let outcome = error.map_or("ok", CallError::kind);
        self.calls.get_or_create(&Ended { purpose, outcome }).inc();
        self.seconds.get_or_create(&Purpose { purpose }).observe(took.as_secs_f64());
    }

    pub(super) fn bytes(&self, purpose: &'static str) -> Counter {
        self.bytes.get_or_create(&Purpose { purpose }).clone()
    }

    /// How much is under way with this peer, and how often it failed in a row.
    pub(super) fn peer(&self, peer: &str) -> [Gauge; 2] {
        let label = Peer { peer: peer.to_owned() };
        [&self.under_way, &self.failures].map(|family| family.get_or_create_owned(&label))
    }

    /// Nobody remembers this peer any more.
    pub(super) fn forget_peer(&self, peer: &str) {
        let label = Peer { peer: peer.to_owned() };
        for family in [&self.under_way, &self.failures] {
            family.remove(&label);
        }
    }

    /// Nobody remembers any.
    pub(super) fn forget_peers(&self) {
        self.under_way.clear();
        self.failures.clear();
    }
}
