//! The metrics of the hierarchy, named as operators know them (prefix `ozg_`, base units). Labels name classes, never a
//! case and never a person.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError, Weak},
    time::Duration,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::{ConstGauge, Gauge},
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::Registry,
};

use super::{ActorState, Inner, Observation};
use crate::outbox::Meter;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Class {
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassReason {
    class: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassMessage {
    class: &'static str,
    message: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Supervisor {
    supervisor: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTenant {
    tenant: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoot {
    tenant: String,
    root: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Shed {
    reason: &'static str,
    priority: &'static str,
}

/// How a request over HTTP was answered. Each label has few values: what was typed or an id never is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Answered {
    /// The pattern of its address.
    pub route: &'static str,
    /// Its method.
    pub method: &'static str,
    /// The class of the status: `2xx`.
    pub status: &'static str,
}

/// From 1 ms to 10 s, what a person notices.
#[derive(Debug, Clone, Copy)]
struct Answers;

impl MetricConstructor<Histogram> for Answers {
    fn new_metric(&self) -> Histogram {
        Histogram::new([0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
    }
}

/// From 16 µs to 67 s.
#[derive(Debug, Clone, Copy)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(0.000_016, 4.0, 12))
    }
}

type Times<S> = Family<S, Histogram, Seconds>;

/// The metrics that all actors of one class share.
#[derive(Clone)]
pub struct ClassMeter {
    class: &'static str,
    pub(super) wait: Histogram,
    pub(super) busy: Counter<f64, std::sync::atomic::AtomicU64>,
    restarts: Family<ClassReason, Counter>,
}

impl fmt::Debug for ClassMeter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ClassMeter({})", self.class)
    }
}

impl ClassMeter {
    pub(super) fn restarted(&self, reason: &'static str) {
        self.restarts.get_or_create(&ClassReason { class: self.class, reason }).inc();
    }
}

/// The metrics that are kept beside the instruments of single actors.
#[derive(Debug)]
pub struct Metrics {
    wait: Times<Class>,
    handle: Times<ClassMessage>,
    busy: Family<Class, Counter<f64, std::sync::atomic::AtomicU64>>,
    restarts: Family<ClassReason, Counter>,
    intensity: Family<Supervisor, Counter>,
    appends: Times<Outcome>,
    shed: Family<Shed, Counter>,
    answers: Family<Answered, Histogram, Answers>,
    checkpoints: Family<OfTenant, Gauge>,
    outside: Family<OfTenant, Gauge>,
    roots: Family<OfRoot, Gauge>,
    /// The root that is shown of each tenant.
    known_roots: Mutex<BTreeMap<String, String>>,
    /// What waits in the outboxes, and how attempts end.
    pub(crate) outbox: Meter,
    /// Actors that panicked.
    pub panics: Counter,
    /// Messages that no handler has seen.
    pub dead_letters: Counter,
    /// Cases that were let go.
    pub passivations: Counter,
    /// How long a case took to load itself again.
    pub recovery: Histogram,
    /// How many appends one commit of the journal held.
    pub batch_size: Histogram,
    /// Appends that met another version than they expected.
    pub conflicts: Counter,
    /// Appends by a writer that had lost its place.
    pub fenced: Counter,
    /// How long the oldest append of the last batch had waited for its commit.
    pub queue_age: Gauge<f64, std::sync::atomic::AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            wait: Family::new_with_constructor(Seconds),
            handle: Family::new_with_constructor(Seconds),
            busy: Family::default(),
            restarts: Family::default(),
            intensity: Family::default(),
            appends: Family::new_with_constructor(Seconds),
            shed: Family::default(),
            answers: Family::new_with_constructor(Answers),
            checkpoints: Family::default(),
            outside: Family::default(),
            roots: Family::default(),
            known_roots: Mutex::default(),
            outbox: Meter::default(),
            panics: Counter::default(),
            dead_letters: Counter::default(),
            passivations: Counter::default(),
            recovery: Seconds.new_metric(),
            batch_size: Histogram::new(exponential_buckets(1.0, 2.0, 9)),
            conflicts: Counter::default(),
            fenced: Counter::default(),
            queue_age: Gauge::default(),
        }
    }
}

impl Metrics {
    pub(super) fn register(&self, to: &mut Registry) {
        to.register("actor_message_wait_seconds", "Time from send to handler", self.wait.clone());
        to.register("actor_message_handle_seconds", "Time in the handler", self.handle.clone());
        to.register("actor_busy_seconds", "Time spent in handlers", self.busy.clone());
        to.register("actor_restarts", "Actors started again", self.restarts.clone());
        to.register(
            "actor_restart_intensity_exceeded",
            "Supervisors whose child failed too often",
            self.intensity.clone(),
        );
        to.register("actor_panics", "Handlers and jobs that panicked", self.panics.clone());
        to.register("actor_dead_letters", "Messages that no handler has seen", self.dead_letters.clone());
        to.register("actor_passivations", "Cases that were let go", self.passivations.clone());
        to.register("actor_recovery_seconds", "Time a case took to load itself", self.recovery.clone());
        to.register("journal_append_seconds", "Time from append to its answer", self.appends.clone());
        to.register("journal_commit_batch_size", "Appends in one commit", self.batch_size.clone());
        to.register("journal_conflicts", "Appends at another version than expected", self.conflicts.clone());
        to.register("journal_fenced", "Appends of a writer that lost its place", self.fenced.clone());
        to.register("journal_queue_age_seconds", "Wait of the oldest append of the last batch", self.queue_age.clone());
        to.register("journal_checkpoint_record", "Last record under a signed checkpoint", self.checkpoints.clone());
        to.register("journal_checkpoint_info", "Root under the newest signed checkpoint", self.roots.clone());
        to.register(
            "journal_checkpoint_outside_record",
            "Last record that the file outside knows",
            self.outside.clone(),
        );
        self.outbox.register(to);
        to.register("shed", "Requests turned away", self.shed.clone());
        to.register(
            "http_server_request_duration_seconds",
            "Time from a request's head to the head of its answer",
            self.answers.clone(),
        );
        to.register("build", "The program that runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
    }

    pub(super) fn class(&self, class: &'static str) -> ClassMeter {
        let label = Class { class };
        ClassMeter {
            class,
            wait: self.wait.get_or_create_owned(&label),
            busy: self.busy.get_or_create_owned(&label),
            restarts: self.restarts.clone(),
        }
    }

    pub(super) fn handled(&self, class: &'static str, message: &'static str, took: Duration) {
        self.handle.get_or_create(&ClassMessage { class, message }).observe(took.as_secs_f64());
    }

    /// A supervisor's child has failed too often.
    pub fn intensity_exceeded(&self, supervisor: &'static str) {
        self.intensity.get_or_create(&Supervisor { supervisor }).inc();
    }

    /// An append was answered so.
    pub fn appended(&self, outcome: &'static str, took: Duration) {
        self.appends.get_or_create(&Outcome { outcome }).observe(took.as_secs_f64());
    }

    /// A checkpoint of this tenant covers everything up to this record, and this is the root of the tree over it.
    pub fn checkpoint(&self, tenant: &str, record: u64, root: &str) {
        let of = |root: &str| OfRoot { tenant: tenant.to_owned(), root: root.to_owned() };
        let mut known = self.known_roots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = known.insert(tenant.to_owned(), root.to_owned()) {
            self.roots.remove(&of(&before));
        }
        self.roots.get_or_create(&of(root)).set(1);
        drop(known);
        let record = i64::try_from(record).unwrap_or(i64::MAX);
        self.checkpoints.get_or_create(&OfTenant { tenant: tenant.to_owned() }).set(record);
    }

    /// The file outside has the checkpoint of this tenant that covers everything up to this record.
    pub fn checkpoint_outside(&self, tenant: &str, record: u64) {
        let record = i64::try_from(record).unwrap_or(i64::MAX);
        self.outside.get_or_create(&OfTenant { tenant: tenant.to_owned() }).set(record);
    }

    /// A request over HTTP was answered so.
    pub fn answered(&self, answered: Answered, took: Duration) {
        self.answers.get_or_create(&answered).observe(took.as_secs_f64());
    }

    /// A request was turned away.
    pub fn turned_away(&self, reason: &'static str, priority: &'static str) {
        self.shed.get_or_create(&Shed { reason, priority }).inc();
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassStatus {
    class: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassOf {
    class: &'static str,
    of: &'static str,
}

/// Counts actors by class when somebody asks.
pub(super) struct Actors(pub(super) Weak<Inner>);

impl fmt::Debug for Actors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Actors")
    }
}

impl Collector for Actors {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(inner) = self.0.upgrade() else { return Ok(()) };
        let mut active: BTreeMap<(&'static str, ActorState), i64> = BTreeMap::new();
        let mut depth: BTreeMap<&'static str, (u64, u64)> = BTreeMap::new();
        for probe in Observation(inner).probes() {
            *active.entry((probe.class(), probe.state())).or_default() += 1;
            let (sum, max) = depth.entry(probe.class()).or_default();
            *sum += probe.mailbox();
            *max = (*max).max(probe.mailbox());
        }
        let kind = prometheus_client::metrics::MetricType::Gauge;
        let mut family = to.encode_descriptor("actor_active", "Actors by class and state", None, kind)?;
        for ((class, state), count) in active {
            let status = state.name();
            ConstGauge::new(count).encode(family.encode_family(&ClassStatus { class, status })?)?;
        }
        let mut family = to.encode_descriptor("actor_mailbox_depth", "Messages that wait", None, kind)?;
        for (class, (sum, max)) in depth {
            for (of, count) in [("sum", sum), ("max", max)] {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                ConstGauge::new(count).encode(family.encode_family(&ClassOf { class, of })?)?;
            }
        }
        Ok(())
    }
}
