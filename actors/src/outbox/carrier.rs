//! The carrier actor of one destination: sends what the outbox hands it, a few at a time, and settles each with the journal.
//!
//! Owns what waits for its turn, what is on its way, and how the destination behaves ([`Breaker`]). Supervised by the
//! outbox. Attempts are tasks of its own that end with it; no handler waits for the network, so a failure is heard, and
//! opens the breaker, as soon as it happens. When it is drained it hands back what has not begun and gives the rest a while.

use std::{
    collections::{HashMap, VecDeque},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt as _;
use ozg_protocols::{case::Effect, ids::DestinationId};
use ozg_storage::journal::{EffectId, EffectVerdict};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{
    OutboxMessage, PACE,
    breaker::Breaker,
    later,
    meter::TenantMeter,
    sending::{Sender, Sent},
};
use crate::observe::{ActorState, Probe, Waiting};

/// So many attempts at a time.
const AT_A_TIME: usize = 16;
/// How long whoever closes the house waits for attempts that have begun; their outcome is looked up after the next start.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// One effect to carry out.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) id: EffectId,
    /// How often it was attempted before.
    pub(super) attempts: u32,
    pub(super) what: Effect,
}

/// What a carrier is told.
#[derive(Debug)]
pub(crate) enum CarrierMessage {
    /// Carry these out; the outbox bounds how many it hands over.
    Carry(Vec<Errand>, Waiting),
    /// An attempt has ended.
    Landed(Waiting),
    /// Time to settle.
    Settle(Waiting),
}

/// What a carrier is started with.
#[derive(Debug, Clone)]
pub(crate) struct CarrierParts {
    pub(super) destination: DestinationId,
    pub(super) sender: Arc<Sender>,
    pub(super) meter: TenantMeter,
    pub(super) outbox: ActorRef<OutboxMessage>,
    /// Sees the outbox.
    pub(super) seen: Probe,
}

/// Starts a carrier.
#[derive(Debug)]
pub(crate) struct CarrierActor;

/// How an attempt ended; nothing where it panicked.
type Landing = (EffectId, Option<Sent>);

/// A carrier while it runs.
#[derive(Debug)]
pub(crate) struct Carrying {
    parts: CarrierParts,
    probe: Probe,
    breaker: Breaker,
    queue: VecDeque<Errand>,
    /// What is on its way, with the earlier attempts. The tasks end with this actor.
    on_its_way: HashMap<EffectId, u32>,
    tasks: JoinSet<()>,
    land: UnboundedSender<Landing>,
    landed: UnboundedReceiver<Landing>,
    /// How often each was refused for good since this carrier began.
    refusals: HashMap<EffectId, u32>,
    /// What is to be settled, bounded by what it has in hand. Where it is lost the log of the destination tells.
    verdicts: Vec<(EffectId, EffectVerdict)>,
    /// When that was done last.
    settled: Option<Instant>,
    /// Whether [`CarrierMessage::Settle`] is on its way.
    dozes: bool,
}

impl Actor for CarrierActor {
    type Msg = CarrierMessage;
    type State = Carrying;
    type Arguments = (CarrierParts, Probe);

    async fn pre_start(
        &self,
        _: ActorRef<CarrierMessage>,
        (parts, probe): Self::Arguments,
    ) -> Result<Carrying, ActorProcessingErr> {
        probe.set(ActorState::Running);
        let (land, landed) = mpsc::unbounded_channel();
        Ok(Carrying {
            parts,
            probe,
            breaker: Breaker::default(),
            queue: VecDeque::new(),
            on_its_way: HashMap::new(),
            tasks: JoinSet::new(),
            land,
            landed,
            refusals: HashMap::new(),
            verdicts: Vec::new(),
            settled: None,
            dozes: false,
        })
    }

    async fn handle(
        &self,
        me: ActorRef<CarrierMessage>,
        message: CarrierMessage,
        carrier: &mut Carrying,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            CarrierMessage::Carry(errands, waiting) => {
                let _working = waiting.begin("carry");
                carrier.queue.extend(errands);
            }
            CarrierMessage::Landed(waiting) => {
                let _working = waiting.begin("landed");
                while let Ok(landing) = carrier.landed.try_recv() {
                    carrier.judge(landing);
                }
            }
            CarrierMessage::Settle(waiting) => {
                let _working = waiting.begin("settle");
                carrier.dozes = false;
            }
        }
        carrier.set_out(&me);
        let rest = carrier.settled.map_or(Duration::ZERO, |settled| PACE.saturating_sub(settled.elapsed()));
        if rest.is_zero() {
            carrier.settle().await;
        } else if !carrier.verdicts.is_empty() && !carrier.dozes {
            carrier.dozes = true;
            carrier.probe.after(&me, rest, CarrierMessage::Settle);
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<CarrierMessage>, carrier: &mut Carrying) -> Result<(), ActorProcessingErr> {
        carrier.hand_back(Duration::ZERO);
        let all = async {
            while !carrier.on_its_way.is_empty()
                && let Some(landing) = carrier.landed.recv().await
            {
                carrier.judge(landing);
            }
        };
        let _ = timeout(GRACE, all).await;
        carrier.settle().await;
        Ok(())
    }
}

impl Carrying {
    /// Begins as many attempts as there is room for, unless the destination is left alone just now.
    fn set_out(&mut self, me: &ActorRef<CarrierMessage>) {
        if let Some(pause) = self.breaker.until() {
            self.hand_back(pause);
        }
        while self.on_its_way.len() < AT_A_TIME
            && let Some(Errand { id, attempts, what }) = self.queue.pop_front()
        {
            self.on_its_way.insert(id, attempts);
            let (sender, land, me) = (self.parts.sender.clone(), self.land.clone(), me.clone());
            let (working, probe) = (self.probe.waiting(None).begin("attempt"), self.probe.clone());
            let refused = self.refusals.get(&id).copied().unwrap_or_default();
            self.tasks.spawn(async move {
                let sent = AssertUnwindSafe(sender.carry_out(&what, attempts, refused)).catch_unwind().await;
                drop(working);
                let _ = land.send((id, sent.ok()));
                let _ = me.cast(CarrierMessage::Landed(probe.waiting(None)));
            });
        }
        while self.tasks.try_join_next().is_some() {}
    }

    /// What waits for its turn goes back to the journal untried.
    fn hand_back(&mut self, pause: Duration) {
        let at = self.parts.sender.context.clock.now().plus(pause);
        self.verdicts.extend(self.queue.drain(..).map(|errand| (errand.id, EffectVerdict::Untried(at))));
    }

    fn judge(&mut self, (id, sent): Landing) {
        let attempts = self.on_its_way.remove(&id).unwrap_or_default();
        let context = &self.parts.sender.context;
        let Some(sent) = sent else {
            self.parts.meter.attempted("panicked");
            self.probe.failed("an attempt panicked");
            self.verdicts.push((id, later(context, attempts, None)));
            return;
        };
        self.parts.meter.attempted(sent.name());
        let verdict = match sent {
            Sent::Done | Sent::Foreign | Sent::GivenUp => EffectVerdict::Done,
            Sent::NotShown | Sent::Refused => later(context, attempts, None),
            Sent::Failed { asked, .. } => later(context, attempts, asked),
        };
        match sent {
            Sent::Failed { why, trouble: true, asked } => {
                self.probe.failed(why);
                self.breaker.failed(asked);
            }
            Sent::Failed { why, .. } => self.probe.failed(why),
            _ => self.breaker.worked(),
        }
        match sent {
            Sent::Refused => *self.refusals.entry(id).or_default() += 1,
            Sent::Done | Sent::Foreign => drop(self.refusals.remove(&id)),
            Sent::GivenUp => {
                self.refusals.remove(&id);
                self.parts.meter.given_up();
            }
            Sent::NotShown | Sent::Failed { .. } => {}
        }
        self.verdicts.push((id, verdict));
    }

    async fn settle(&mut self) {
        if self.verdicts.is_empty() {
            return;
        }
        let verdicts = std::mem::take(&mut self.verdicts);
        let carried = verdicts.iter().map(|(id, _)| *id).collect();
        if let Err(error) = self.parts.sender.context.journal.settle(verdicts).await {
            // The claim runs out by itself; then the event log tells what happened.
            tracing::warn!(%error, "the outbox cannot be settled");
            self.probe.failed("journal");
        }
        self.settled = Some(Instant::now());
        let CarrierParts { destination, outbox, seen, .. } = &self.parts;
        let (destination, waiting) = (*destination, seen.waiting(None));
        let alone = self.breaker.until().map(|pause| Instant::now() + pause);
        let _ = outbox.cast(OutboxMessage::Carried { destination, carried, alone, waiting });
    }
}
