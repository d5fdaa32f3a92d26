//! The clock of the house: whether what it shows can be believed (law 7).
//!
//! One actor of the infrastructure, a leaf: everybody may ask it, it asks nobody. It owns the judgement on the clock, per
//! tenant, so that what is wrong with one tenant's records or service stays with that tenant: every second it compares what
//! the clock shows with what it showed before (by the clock that never jumps), with the moment of the tenant's last record
//! and with what the delivery service showed. Where they are more than an hour apart, what is done *only because the time
//! has come* stands still, and everything else goes on. What it has found lies in a watched place, where everybody reads it
//! and applies it to the very moment at which he would act ([`Agreement`]), so that a jump since the last look is not missed;
//! from there the next one goes on, too, when this one is started again.
//!
//! The delivery service shows the time in the `Date` of its answers: that is there with every poll, also where nothing else
//! happens, and was never long on its way. When a SET was signed (`iat`) says little about the time at which it is read,
//! and may be the word of a sender. A clock *ahead* of the last record is a quiet night and no disagreement; one *behind* it
//! is one. What is written while the clock is in doubt does not count, or a wrong clock would confirm itself; so a clock that
//! jumped stays in doubt until it is set back, a delivery service confirms it, or the house is started again. A machine that
//! slept has such a clock, until the next answer.
//!
//! | What happens because the time has come | While the clock is in doubt |
//! |---|---|
//! | a checkpoint, because an hour is over (notary) | stands still; after 10,000 records and at the close it is signed as ever |
//! | files that no event names are removed, because they are a day old (tenant) | stands still: they cannot be brought back |
//! | a session is kept longer, because it is in use (sessions) | stands still: it can only get shorter |
//! | a session ends (sessions) | goes on, by the latest that the time may be ([`Agreement::at_least`]): it must not become valid again; one from the future is none |
//! | small records expire (journal) | goes on: they are sessions |
//! | what has to leave is due again, a claim runs out (outbox) | goes on: before each repetition the event log is asked, so one too early does no harm, and an acceptance must not wait |
//! | a callback is too old (connector) | goes on: to refuse it is safe, the list is read anyway |
//! | polls, back-off, restarts, limits of time, tokens, published keys, failed sign-ins, idle cases | go by the clock that never jumps |
//!
//! Whatever a person or a submission asks for is stamped with what the clock shows, and done. Deadlines and other durable
//! timers belong to this actor, too, once there are any.

mod agreement;
mod judge;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use ozg_protocols::ids::TenantSlug;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::{sync::watch, time::Instant};

pub use agreement::Agreement;
pub(crate) use agreement::ClockDoor;

use crate::{
    observe::{ActorState, Observation, Probe, Waiting},
    seams::Clock,
    supervise::{self, Spec},
};
pub(crate) use judge::APART;
use judge::{Doubt, Findings, Words};

/// How often it compares.
const EVERY: Duration = Duration::from_secs(1);

/// What the clock is told.
#[derive(Debug)]
pub(crate) enum ClockMessage {
    /// Time to compare.
    Tick(Waiting),
    /// Somebody new is there to be compared with.
    Look(Waiting),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTenant {
    tenant: String,
}

/// What operators see of it.
#[derive(Debug, Clone, Default)]
struct Meter {
    apart: Family<OfTenant, Gauge<f64, AtomicU64>>,
    stands_still: Family<OfTenant, Gauge>,
}

impl Meter {
    fn register(&self, observation: &Observation) {
        observation.register(|registry| {
            registry.register(
                "clock_disagreement_seconds",
                "How far the clock is from whoever it is compared with, at most",
                self.apart.clone(),
            );
            registry.register(
                "clock_standing_still",
                "Whether what is done because of the time stands still",
                self.stands_still.clone(),
            );
        });
    }
}

/// What the clock is started with; all of it outlives its restarts.
#[derive(Debug, Clone)]
pub(crate) struct ClockParts {
    clock: Arc<dyn Clock>,
    words: watch::Receiver<Words>,
    findings: watch::Sender<Findings>,
    meter: Meter,
}

/// The actor as a child of the infrastructure, and the way to it.
pub(crate) fn spec(clock: Arc<dyn Clock>, observation: &Observation) -> (Spec, ClockDoor) {
    let meter = Meter::default();
    meter.register(observation);
    let words = watch::Sender::new(Words::new());
    let findings = watch::Sender::new(Findings::at_the_start(clock.now(), Instant::now()));
    let parts = ClockParts { clock, words: words.subscribe(), findings: findings.clone(), meter };
    let (spec, address) = Spec::new("clock", &supervise::CLOCK, || ClockActor, move |probe| (parts.clone(), probe));
    (spec, ClockDoor { words, findings: findings.subscribe(), address })
}

/// Starts the clock.
#[derive(Debug)]
pub(crate) struct ClockActor;

/// The clock while it runs.
#[derive(Debug)]
pub(crate) struct Comparing {
    parts: ClockParts,
    probe: Probe,
    /// What this one has said about each doubt.
    noted: BTreeMap<TenantSlug, &'static str>,
}

impl Actor for ClockActor {
    type Msg = ClockMessage;
    type State = Comparing;
    type Arguments = (ClockParts, Probe);

    async fn pre_start(
        &self,
        me: ActorRef<ClockMessage>,
        (parts, probe): Self::Arguments,
    ) -> Result<Comparing, ActorProcessingErr> {
        let mut comparing = Comparing { parts, probe, noted: BTreeMap::new() };
        comparing.compare();
        comparing.probe.after(&me, EVERY, ClockMessage::Tick);
        Ok(comparing)
    }

    async fn handle(
        &self,
        me: ActorRef<ClockMessage>,
        message: ClockMessage,
        clock: &mut Comparing,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ClockMessage::Tick(waiting) => {
                let _working = waiting.begin("tick");
                clock.compare();
                clock.probe.after(&me, EVERY, ClockMessage::Tick);
            }
            ClockMessage::Look(waiting) => {
                let _working = waiting.begin("look");
                clock.compare();
            }
        }
        Ok(())
    }
}

impl Comparing {
    fn compare(&mut self) {
        let (wall, now) = (self.parts.clock.now(), Instant::now());
        let before = self.parts.findings.borrow().clone();
        let found = before.judged(&self.parts.words.borrow(), wall, now);
        for (tenant, standing) in &found.tenants {
            let earlier = before.tenants.get(tenant).and_then(|standing| standing.doubt);
            self.note(tenant, earlier, standing.doubt, now);
            let label = OfTenant { tenant: tenant.to_string() };
            self.parts.meter.apart.get_or_create(&label).set(standing.apart.as_secs_f64());
            self.parts.meter.stands_still.get_or_create(&label).set(i64::from(standing.doubt.is_some()));
        }
        self.parts.findings.send_replace(found);
        // It stays to be seen as long as it lasts.
        self.probe.set(if self.noted.is_empty() { ActorState::Running } else { ActorState::Disturbed });
    }

    /// Says in the log when a doubt begins and ends, and in the tree with whom it is.
    fn note(&mut self, tenant: &TenantSlug, earlier: Option<Doubt>, doubt: Option<Doubt>, now: Instant) {
        match (earlier, doubt) {
            (None, Some(Doubt { with, by, .. })) => {
                let with = with.name();
                tracing::error!(%tenant, with, ?by, "the clock is in doubt: what is done because of the time stands still");
            }
            (Some(Doubt { since, .. }), None) => {
                let lasted = now.saturating_duration_since(since);
                tracing::info!(%tenant, ?lasted, "the clock agrees again: what is done because of the time goes on");
            }
            _ => {}
        }
        let Some(Doubt { with, by, .. }) = doubt else {
            self.noted.remove(tenant);
            self.probe.settled_for(tenant.as_str());
            return;
        };
        if self.noted.insert(tenant.clone(), with.name()) != Some(with.name()) {
            let minutes = by.as_secs() / 60;
            let what = format!("{tenant}: disagrees with {} by {minutes} min", with.name());
            self.probe.disturbed_for(tenant.as_str(), &what);
        }
    }
}
