//! The outbox actor of one tenant: carries out what has to leave the house, until it has (law 5).
//!
//! Owns which effects it has claimed and how each destination behaves; the entries themselves lie in the journal. Supervised
//! by the tenant. It is woken right after an append and looks by itself besides. Every attempt is recorded by the claim
//! before its first byte leaves, so an attempt whose outcome nobody knows is followed by a look at the event log.

mod breaker;
mod meter;
mod sending;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use ozg_protocols::{case::Effect, ids::DestinationId, moment::Moment};
use ozg_storage::{
    journal::{ClaimedEffect, EffectId, EffectTarget, EffectVerdict},
    stream::open_effect,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::time::Instant;

pub(crate) use meter::Meter;

use crate::{
    fit_connect::{backoff, service::DeliveryService},
    observe::{ActorState, Probe},
    supervise::{self, Address, Spec},
    tenant::{EFFECTS, TenantContext},
};
use breaker::Breaker;
use sending::{Sender, Sent};

/// Effects that are claimed at a time, and sent at a time.
const CLAIMED: usize = 64;
const AT_A_TIME: usize = 16;
/// A claim that nobody settled is free again after this time, or when the outbox is started anew.
const CLAIM: Duration = Duration::from_secs(300);
/// How often it looks by itself.
const LOOK: Duration = Duration::from_secs(2);
/// The first and the longest pause before an effect is tried again.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// What the outbox is told.
#[derive(Debug)]
pub(crate) enum OutboxMessage {
    /// Something was appended before this moment.
    Wake(Instant),
    /// Time to look.
    Look,
}

/// Has the outbox look for what was just appended.
pub(crate) fn wake(outbox: &Address<OutboxMessage>) {
    outbox.tell(OutboxMessage::Wake(Instant::now()));
}

/// The outbox of a tenant as its child, and the way to it.
pub(crate) fn spec(
    context: &TenantContext,
    services: HashMap<DestinationId, DeliveryService>,
    meter: &Meter,
) -> (Spec, Address<OutboxMessage>) {
    let (context, meter) = (context.clone(), meter.of(context.settings.slug.as_str()));
    let arguments = move |probe| {
        let sender = Arc::new(Sender { context: context.clone(), services: services.clone() });
        (sender, meter.clone(), probe)
    };
    Spec::new("outbox", &supervise::OUTBOX, || OutboxActor, arguments)
}

/// Starts the outbox.
#[derive(Debug)]
pub(crate) struct OutboxActor;

/// The outbox while it runs.
#[derive(Debug)]
pub(crate) struct Carrying {
    sender: Arc<Sender>,
    meter: meter::TenantMeter,
    probe: Probe,
    breakers: HashMap<DestinationId, Breaker>,
    /// What was claimed and has not happened yet, with the moment when it was first due.
    pending: BTreeMap<EffectId, Moment>,
    claimed: Option<Instant>,
}

impl Actor for OutboxActor {
    type Msg = OutboxMessage;
    type State = Carrying;
    type Arguments = (Arc<Sender>, meter::TenantMeter, Probe);

    async fn pre_start(
        &self,
        me: ActorRef<OutboxMessage>,
        (sender, meter, probe): Self::Arguments,
    ) -> Result<Carrying, ActorProcessingErr> {
        me.cast(OutboxMessage::Look)?;
        probe.set(ActorState::Running);
        let (breakers, pending) = (HashMap::new(), BTreeMap::new());
        Ok(Carrying { sender, meter, probe, breakers, pending, claimed: None })
    }

    async fn handle(
        &self,
        me: ActorRef<OutboxMessage>,
        message: OutboxMessage,
        outbox: &mut Carrying,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            // Whoever claimed since then has seen it.
            OutboxMessage::Wake(at) if outbox.claimed.is_some_and(|claimed| claimed > at) => {}
            OutboxMessage::Wake(_) => outbox.carry_out().await,
            OutboxMessage::Look => {
                outbox.carry_out().await;
                me.send_after(LOOK, || OutboxMessage::Look);
            }
        }
        Ok(())
    }
}

impl Carrying {
    /// Claims and carries out until nothing is due.
    async fn carry_out(&mut self) {
        if self.claimed.is_none() && !self.take_over().await {
            return;
        }
        loop {
            self.claimed = Some(Instant::now());
            let now = self.sender.context.clock.now();
            let journal = &self.sender.context.journal;
            let claimed = match journal.claim(EffectTarget::FitConnect, now, now.plus(CLAIM), CLAIMED).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::warn!(%error, "the outbox cannot be read");
                    self.probe.failed("journal");
                    return;
                }
            };
            if claimed.is_empty() {
                self.measure();
                return;
            }
            let full = claimed.len() == CLAIMED;
            self.batch(claimed).await;
            if !full {
                return;
            }
        }
    }

    /// What an outbox before this one had claimed is nobody's any more: it ended with its claims open.
    async fn take_over(&self) -> bool {
        let now = self.sender.context.clock.now();
        // Its last claim may be from this very moment.
        let before = now.plus(CLAIM + LOOK);
        match self.sender.context.journal.release(EffectTarget::FitConnect, now, before).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "the outbox cannot be taken over");
                self.probe.failed("journal");
                false
            }
        }
    }

    async fn batch(&mut self, claimed: Vec<ClaimedEffect>) {
        let working = self.probe.waiting(None).begin("batch");
        self.pending.extend(claimed.iter().map(|effect| (effect.id, effect.since)));
        self.measure();
        let mut verdicts = Vec::with_capacity(claimed.len());
        let mut sending = Vec::new();
        let now = self.sender.context.clock.now();
        for effect in claimed {
            let opened: Result<Effect, _> = open_effect(&self.sender.context.sealer, &EFFECTS, &effect);
            match opened {
                Ok(what) => match self.breakers.entry(sending::destination(&what)).or_default().until() {
                    Some(until) => verdicts.push((effect.id, EffectVerdict::Retry(now.plus(until)))),
                    None => sending.push((effect, what)),
                },
                Err(error) => {
                    tracing::error!(%error, record = effect.id.record.0, "an effect cannot be opened");
                    self.probe.failed("an effect cannot be opened");
                    verdicts.push((effect.id, self.later(effect.attempts, None)));
                }
            }
        }
        let sender = &self.sender;
        let sent: Vec<_> = stream::iter(sending)
            .map(|(effect, what)| async move {
                let sent = sender.carry_out(&what, effect.attempts).await;
                (effect, sending::destination(&what), sent)
            })
            .buffer_unordered(AT_A_TIME)
            .collect()
            .await;
        for (effect, destination, sent) in sent {
            self.meter.attempted(sent.name());
            let breaker = self.breakers.entry(destination).or_default();
            let verdict = match sent {
                Sent::Done | Sent::Foreign => {
                    breaker.worked();
                    self.pending.remove(&effect.id);
                    EffectVerdict::Done
                }
                Sent::NotShown => {
                    breaker.worked();
                    self.later(effect.attempts, None)
                }
                Sent::Failed { trouble, asked, .. } => {
                    if trouble {
                        breaker.failed(asked);
                    }
                    self.later(effect.attempts, asked)
                }
            };
            verdicts.push((effect.id, verdict));
        }
        if let Err(error) = self.sender.context.journal.settle(verdicts).await {
            // The claim runs out by itself; then the event log tells what happened.
            tracing::warn!(%error, "the outbox cannot be settled");
            self.probe.failed("journal");
        }
        self.measure();
        drop(working);
    }

    fn measure(&self) {
        let oldest = self.pending.values().min().map(|since| self.sender.context.clock.now().since(*since));
        self.meter.pending(self.pending.len(), oldest.unwrap_or_default());
    }

    fn later(&self, attempts: u32, asked: Option<Duration>) -> EffectVerdict {
        let context = &self.sender.context;
        let pause = backoff::pause(attempts + 1, FIRST_PAUSE, LONGEST_PAUSE, asked, &context.ids);
        EffectVerdict::Retry(context.clock.now().plus(pause))
    }
}
