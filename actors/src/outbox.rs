//! The outbox actor of one tenant: sees to it that what has to leave the house does (law 5).
//!
//! Owns which effects it has claimed and who carries each, so many and no more; the entries themselves lie in the journal, in
//! a lane for each destination, which also knows how many wait. Supervised by the tenant, supervises one [`carrier`] per
//! destination, so that a destination that is slow or dead delays nobody else: nothing is claimed for a carrier that is
//! full, or whose destination is left alone. It is woken right after an append, or when a carrier has room again, and looks
//! by itself besides; it never waits for anything but the journal. Every attempt is recorded by the claim before its first byte leaves, so an
//! attempt whose outcome nobody knows is followed by a look at the event log. What leaves for the file outside has a
//! carrier of its own ([`checkpoints`]), because it is no business of a channel.

mod breaker;
mod carrier;
pub(crate) mod checkpoints;
mod meter;
mod sending;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use ozg_protocols::{case::Effect, ids::DestinationId};
use ozg_storage::{
    journal::{ClaimedEffect, EffectId, EffectTarget, EffectVerdict, Lane, MOST_CLAIMED},
    stream::open_effect,
};
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::time::Instant;

pub(crate) use checkpoints::{CHECKPOINT_EFFECTS, CheckpointsMessage, LANE as CHECKPOINT_LANE};
pub(crate) use meter::Meter;

use crate::{
    fit_connect::{backoff, service::DeliveryService},
    observe::{ActorState, Probe, Waiting},
    supervise::{self, Address, Children, Spec},
    tenant::{EFFECTS, TenantContext, destination_of, lane},
};
use carrier::{CarrierActor, CarrierMessage, CarrierParts, Errand};
use meter::TenantMeter;
use sending::Sender;

const TARGET: EffectTarget = EffectTarget::FitConnect;
/// Where effects wait whose destination the journal does not know: they come from before there were lanes.
const UNSORTED: Lane = Lane { target: TARGET, place: 0 };
/// The most effects that one carrier holds (some kilobytes each); what is more waits in the journal.
const MOST_HELD: usize = 64;
/// A carrier that holds no more than this gets more: it has enough to do meanwhile, and a claim is worth its commit.
const FEW_HELD: usize = MOST_HELD / 2;
/// A claim that nobody settled is free again after this time, or when the outbox is started anew.
const CLAIM: Duration = Duration::from_secs(300);
/// How often it looks by itself.
const LOOK: Duration = Duration::from_secs(2);
/// Between two claims, and between two settlements of a carrier, where there is much to do: each is a commit of its own, and
/// costs the same however many effects it is for.
const PACE: Duration = Duration::from_millis(50);
/// The first and the longest pause before an effect is tried again.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// What the outbox is told.
#[derive(Debug)]
pub(crate) enum OutboxMessage {
    /// Something was appended before this moment.
    Wake(Instant, Waiting),
    /// The turn of a wake that was put off.
    Turn(Waiting),
    /// Time to look.
    Look(Waiting),
    /// A carrier has no longer these in hand, and leaves its destination alone until then.
    Carried { destination: DestinationId, carried: Vec<EffectId>, alone: Option<Instant>, waiting: Waiting },
    /// The pause after a carrier's failure is over.
    Again(usize, Waiting),
}

/// Has the outbox look for what was just appended.
pub(crate) fn wake(outbox: &Address<OutboxMessage>) {
    outbox.tell_seen(|waiting| OutboxMessage::Wake(Instant::now(), waiting));
}

/// The outbox of a tenant as its child, and the way to it.
pub(crate) fn spec(
    context: &TenantContext,
    services: HashMap<DestinationId, DeliveryService>,
) -> (Spec, Address<OutboxMessage>) {
    let context = context.clone();
    let meter = context.probe.observation().metrics().outbox.of(context.settings.slug.as_str(), "fit-connect");
    let arguments = move |probe| (context.clone(), services.clone(), meter.clone(), probe);
    Spec::new("outbox", &supervise::OUTBOX, || OutboxActor, arguments)
}

/// Starts the outbox.
#[derive(Debug)]
pub(crate) struct OutboxActor;

/// The outbox while it runs.
#[derive(Debug)]
pub(crate) struct Outbox {
    context: TenantContext,
    meter: TenantMeter,
    probe: Probe,
    children: Children,
    carriers: HashMap<DestinationId, Carrier>,
    /// Whether anything may be waiting.
    waits: bool,
    claimed: Option<Instant>,
    /// Whether a wake is put off until its turn.
    dozes: bool,
    /// Lanes that nobody here carries anything from, and of which that was said.
    strange: HashSet<Lane>,
}

/// A carrier as the outbox sees it.
#[derive(Debug)]
struct Carrier {
    address: Address<CarrierMessage>,
    probe: Probe,
    lane: Lane,
    /// What it has in hand, with the earlier attempts.
    holds: BTreeMap<EffectId, u32>,
    /// Until when its destination is left alone.
    alone: Option<Instant>,
    /// Whether more may be due for it than it got.
    more: bool,
}

impl Carrier {
    /// How many more it takes now.
    fn room(&self) -> usize {
        if self.alone.is_some_and(|until| until > Instant::now()) {
            0
        } else {
            MOST_HELD.saturating_sub(self.holds.len())
        }
    }
}

impl Actor for OutboxActor {
    type Msg = OutboxMessage;
    type State = Outbox;
    type Arguments = (TenantContext, HashMap<DestinationId, DeliveryService>, TenantMeter, Probe);

    async fn pre_start(
        &self,
        me: ActorRef<OutboxMessage>,
        (context, services, meter, probe): Self::Arguments,
    ) -> Result<Outbox, ActorProcessingErr> {
        let mut children = Children::new(probe.clone());
        let mut carriers = HashMap::new();
        for (destination, service) in services {
            let name = format!("carrier-{destination}");
            let seen = probe.child(name.clone(), &supervise::CARRIER, MOST_HELD as u64);
            let sender = Arc::new(Sender { context: context.clone(), service });
            let parts =
                CarrierParts { destination, sender, meter: meter.clone(), outbox: me.clone(), seen: probe.clone() };
            let arguments = move |probe| (parts.clone(), probe);
            let (spec, address) = Spec::new(name, &supervise::CARRIER, || CarrierActor, arguments);
            children.start(spec.seen_by(seen.clone()), me.get_cell()).await?;
            let (lane, holds) = (lane(destination), BTreeMap::new());
            carriers.insert(destination, Carrier { address, probe: seen, lane, holds, alone: None, more: false });
        }
        me.cast(OutboxMessage::Look(probe.waiting(None)))?;
        probe.set(ActorState::Running);
        let strange = HashSet::new();
        Ok(Outbox { context, meter, probe, children, carriers, waits: true, claimed: None, dozes: false, strange })
    }

    async fn handle(
        &self,
        me: ActorRef<OutboxMessage>,
        message: OutboxMessage,
        outbox: &mut Outbox,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            OutboxMessage::Wake(at, waiting) => {
                let _working = waiting.begin("wake");
                outbox.woken(&me, at).await;
            }
            OutboxMessage::Turn(waiting) => {
                let _working = waiting.begin("turn");
                outbox.dozes = false;
                outbox.give_out().await;
            }
            OutboxMessage::Look(waiting) => {
                let _working = waiting.begin("look");
                outbox.give_out().await;
                outbox.measure().await;
                outbox.probe.after(&me, LOOK, OutboxMessage::Look);
            }
            OutboxMessage::Carried { destination, carried, alone, waiting } => {
                let _working = waiting.begin("carried");
                if outbox.carried(destination, &carried, alone) {
                    outbox.give_out().await;
                }
            }
            OutboxMessage::Again(place, waiting) => {
                let _working = waiting.begin("again");
                outbox.children.again(place, &me, OutboxMessage::Again).await?;
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<OutboxMessage>,
        event: SupervisionEvent,
        outbox: &mut Outbox,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(cell, _) | SupervisionEvent::ActorTerminated(cell, ..) = &event {
            outbox.lost(cell.get_id()).await;
        }
        outbox.children.heard(event, &me, OutboxMessage::Again)
    }

    /// Whoever carries something finishes it, each on its own.
    async fn post_stop(&self, _: ActorRef<OutboxMessage>, outbox: &mut Outbox) -> Result<(), ActorProcessingErr> {
        let cells = outbox.children.cells();
        join_all(cells.iter().map(|cell| cell.drain_and_wait(Some(carrier::GRACE * 2)))).await;
        Ok(())
    }
}

impl Outbox {
    /// Gives out what was appended before this moment, unless that has happened: at once, or with what comes until its turn.
    async fn woken(&mut self, me: &ActorRef<OutboxMessage>, at: Instant) {
        let Some(claimed) = self.claimed else { return self.give_out().await };
        let since = claimed.elapsed();
        // Whoever claimed since then has seen it.
        if claimed > at || self.dozes {
            return;
        }
        if since >= PACE {
            return self.give_out().await;
        }
        self.dozes = true;
        self.probe.after(me, PACE - since, OutboxMessage::Turn);
    }

    /// Claims for every carrier as much as it takes of what was due when this began, however long it takes: what is put off
    /// meanwhile is not met again.
    async fn give_out(&mut self) {
        if self.claimed.is_none() && !self.take_over().await {
            return;
        }
        self.claimed = Some(Instant::now());
        let due = self.context.clock.now();
        loop {
            let until = self.context.clock.now().plus(CLAIM);
            let rooms = self.rooms();
            let claimed = match self.context.journal.claim(rooms, due, until).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::warn!(%error, "the outbox cannot be read");
                    self.probe.failed("journal");
                    return;
                }
            };
            let full = claimed.len() == MOST_CLAIMED;
            self.waits |= !claimed.is_empty();
            self.hand_out(claimed).await;
            if !full {
                return;
            }
        }
    }

    /// How much may be claimed from which lane.
    fn rooms(&mut self) -> Vec<(Lane, usize)> {
        let rooms = self.carriers.values_mut().map(|carrier| {
            let room = carrier.room();
            carrier.more = room == 0;
            (carrier.lane, room)
        });
        rooms.filter(|(_, room)| *room > 0).chain([(UNSORTED, MOST_CLAIMED)]).collect()
    }

    /// What an outbox before this one had claimed is nobody's any more: it ended with its claims open.
    async fn take_over(&mut self) -> bool {
        let now = self.context.clock.now();
        // Its last claim may be from this very moment.
        let before = now.plus(CLAIM + LOOK);
        let taken = self.context.journal.release(TARGET, now, before).await;
        if let Err(error) = &taken {
            tracing::warn!(%error, "the outbox cannot be taken over");
            self.probe.failed("journal");
        }
        taken.is_ok()
    }

    async fn hand_out(&mut self, claimed: Vec<ClaimedEffect>) {
        let (mut verdicts, mut errands) = (Vec::new(), HashMap::<DestinationId, Vec<Errand>>::new());
        let now = self.context.clock.now();
        for effect in claimed {
            let (id, attempts) = (effect.id, effect.attempts);
            let what: Effect = match open_effect(&self.context.sealer, &EFFECTS, &effect) {
                Ok(what) => what,
                Err(error) => {
                    tracing::error!(%error, record = id.record.0, "an effect cannot be opened");
                    self.probe.failed("an effect cannot be opened");
                    verdicts.push((id, later(&self.context, attempts, None)));
                    continue;
                }
            };
            let destination = destination_of(&what);
            match self.carriers.get_mut(&destination).filter(|carrier| carrier.lane == id.lane) {
                // Its claim ran out while it waits for its turn.
                Some(carrier) if carrier.holds.contains_key(&id) => {}
                Some(carrier) => {
                    carrier.holds.insert(id, attempts);
                    errands.entry(destination).or_default().push(Errand { id, attempts, what });
                }
                None => verdicts.push((id, EffectVerdict::Belongs(lane(destination), now))),
            }
        }
        for (destination, errands) in errands {
            let Some(carrier) = self.carriers.get_mut(&destination) else { continue };
            carrier.more = carrier.room() == 0;
            let ids: Vec<_> = errands.iter().map(|errand| errand.id).collect();
            let waiting = carrier.probe.waiting(None);
            if !carrier.address.tell(CarrierMessage::Carry(errands, waiting)) {
                for id in ids {
                    carrier.holds.remove(&id);
                    verdicts.push((id, EffectVerdict::Untried(now.plus(LOOK))));
                }
            }
        }
        self.settle(verdicts).await;
    }

    /// Whether the carrier may get more.
    fn carried(&mut self, destination: DestinationId, carried: &[EffectId], alone: Option<Instant>) -> bool {
        let Some(carrier) = self.carriers.get_mut(&destination) else { return false };
        for id in carried {
            carrier.holds.remove(id);
        }
        carrier.alone = alone;
        carrier.more && carrier.room() >= MOST_HELD - FEW_HELD
    }

    /// A carrier has ended: what it had in hand is tried again, by the next one there. It may have been tried.
    async fn lost(&mut self, actor: ActorId) {
        let sits = |carrier: &&mut Carrier| carrier.address.now().is_some_and(|there| there.get_id() == actor);
        let Some(carrier) = self.carriers.values_mut().find(sits) else { return };
        let holds = std::mem::take(&mut carrier.holds);
        carrier.alone = None;
        let verdicts = holds.into_iter().map(|(id, attempts)| (id, later(&self.context, attempts, None)));
        self.settle(verdicts.collect()).await;
    }

    async fn settle(&self, verdicts: Vec<(EffectId, EffectVerdict)>) {
        if verdicts.is_empty() {
            return;
        }
        if let Err(error) = self.context.journal.settle(verdicts).await {
            // The claim runs out by itself; then the event log tells what happened.
            tracing::warn!(%error, "the outbox cannot be settled");
            self.probe.failed("journal");
        }
    }

    /// The journal knows what waits, however much that is, and for whom.
    async fn measure(&mut self) {
        if !self.waits {
            return;
        }
        let Ok(backlog) = self.context.journal.backlog(TARGET).await else { return };
        let oldest = backlog.iter().map(|lane| lane.oldest).min();
        let age = oldest.map(|since| self.context.clock.now().since(since));
        self.meter.pending(backlog.iter().map(|lane| lane.count).sum(), age.unwrap_or_default());
        self.waits = !backlog.is_empty();
        for waiting in backlog {
            let known = waiting.lane == UNSORTED || self.carriers.values().any(|carrier| carrier.lane == waiting.lane);
            if !known && self.strange.insert(waiting.lane) {
                let destination = format_args!("{:032x}", waiting.lane.place);
                tracing::warn!(%destination, count = waiting.count, "verdicts wait for a destination that is not configured");
                self.probe.failed("verdicts wait for a destination that is not configured");
            }
        }
    }
}

/// When an effect is tried again after so many earlier attempts and one more.
fn later(context: &TenantContext, attempts: u32, asked: Option<Duration>) -> EffectVerdict {
    let pause = backoff::pause(attempts.saturating_add(1), FIRST_PAUSE, LONGEST_PAUSE, asked, &context.ids);
    EffectVerdict::Retry(context.clock.now().plus(pause))
}
