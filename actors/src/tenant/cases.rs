//! The cases of a tenant that are resident, and how each comes and goes.
//!
//! A case is started by its first message. It is let go by taking all its permits, so that nothing is under way, and
//! draining it; another one is started only after its end was heard, and gets what arrived meanwhile. One that served nobody
//! goes at once, and where too many are resident the one unused for longest goes first. A case that fails is started again
//! by its next message; after three failures it is disturbed, alone.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use ozg_protocols::ids::CaseId;
use ractor::{Actor, ActorCell, ActorId, ActorRef, MessagingErr, SupervisionEvent};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{Limits, TenantMessage};
use crate::{
    case::{Ask, CaseActor, CaseMessage, CaseParts},
    observe::{ActorState, Probe, Waiting},
    supervise::{AskError, CASE, Ended, Fate, Intensity},
};

const COME_BACK: Duration = Duration::from_secs(1);

/// All cases that the tenant has to do with now.
#[derive(Debug)]
pub(super) struct Cases {
    parts: CaseParts,
    probe: Probe,
    limits: Limits,
    slots: HashMap<CaseId, Slot>,
    actors: HashMap<ActorId, CaseId>,
}

/// One case.
#[derive(Debug)]
struct Slot {
    probe: Probe,
    permits: Arc<Semaphore>,
    intensity: Intensity,
    last_used: Instant,
    place: Place,
    /// What came while there was no actor to take it; bounded by the permits of the edge.
    held: VecDeque<(Ask, Waiting)>,
}

/// Where the case is.
#[derive(Debug)]
enum Place {
    /// Nowhere: the next message starts it.
    Away,
    /// In its actor.
    Resident(ActorRef<CaseMessage>),
    /// On its way out; holds all its permits until its end is heard.
    Leaving(ActorRef<CaseMessage>, #[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit),
    /// It failed; it is started again after a pause.
    Restarting,
    /// It failed too often.
    Disturbed(Instant),
}

impl Cases {
    pub(super) fn new(parts: CaseParts, probe: Probe, limits: Limits) -> Self {
        Self { parts, probe, limits, slots: HashMap::new(), actors: HashMap::new() }
    }

    /// Passes a message on to its case.
    pub(super) async fn forward(&mut self, case: CaseId, ask: Ask, waiting: Waiting, me: &ActorRef<TenantMessage>) {
        let slot = self.slots.entry(case).or_insert_with(|| Slot::new(case, &self.probe, self.limits));
        slot.last_used = Instant::now();
        match &slot.place {
            Place::Disturbed(since) if since.elapsed() < CASE.within => return ask.refuse(AskError::Disturbed),
            Place::Disturbed(_) => slot.place = Place::Away,
            _ => {}
        }
        slot.held.push_back((ask, waiting));
        self.serve(case, me).await;
    }

    /// The pause after a failure is over.
    pub(super) async fn again(&mut self, case: CaseId, me: &ActorRef<TenantMessage>) {
        if let Some(slot) = self.slots.get_mut(&case).filter(|slot| matches!(slot.place, Place::Restarting)) {
            slot.place = Place::Away;
            slot.probe.restarted("failure");
            if slot.held.is_empty() {
                // Nobody waits for it: its next message starts it.
                slot.probe.set(ActorState::Stopped);
            }
            self.serve(case, me).await;
        }
    }

    /// Hears of an end. Gives the event back if it was not a case's.
    pub(super) async fn heard(
        &mut self,
        event: SupervisionEvent,
        me: &ActorRef<TenantMessage>,
    ) -> Option<SupervisionEvent> {
        let ours = event.actor_id().is_some_and(|actor| self.actors.contains_key(&actor));
        if !ours {
            return Some(event);
        }
        let ended = Ended::of(event)?;
        let case = self.actors.remove(&ended.actor)?;
        let slot = self.slots.get_mut(&case)?;
        slot.place = Place::Away;
        match ended.failure {
            None => {
                slot.probe.set(ActorState::Stopped);
                self.probe.observation().metrics().passivations.inc();
                if slot.held.is_empty() && slot.intensity.is_clean() {
                    self.slots.remove(&case);
                } else {
                    self.serve(case, me).await;
                }
            }
            Some((reason, words)) => slot.failed(case, (reason, &words), me, &self.probe),
        }
        None
    }

    /// The case has served nobody: it does not exist, or is not for those who asked.
    pub(super) fn unneeded(&mut self, case: CaseId) {
        if let Some(slot) = self.slots.get_mut(&case) {
            slot.let_go(self.limits.case_permits);
        }
    }

    /// Starts to let those go that nobody has needed for a while.
    pub(super) fn let_idle_go(&mut self) {
        let idle = self.limits.idle;
        for slot in self.slots.values_mut().filter(|slot| slot.last_used.elapsed() >= idle) {
            slot.let_go(self.limits.case_permits);
        }
        self.slots.retain(|_, slot| {
            let gone = matches!(slot.place, Place::Away) && slot.held.is_empty();
            !(gone && slot.last_used.elapsed() >= CASE.within)
        });
    }

    /// The actors of all resident cases.
    pub(super) fn cells(&self) -> Vec<ActorCell> {
        let resident = |slot: &Slot| match &slot.place {
            Place::Resident(actor) | Place::Leaving(actor, _) => Some(actor.get_cell()),
            _ => None,
        };
        self.slots.values().filter_map(resident).collect()
    }

    /// Where no more may be resident, starts to let the one go that nobody has used for longest. At work are never more than
    /// the edge has permits, so that what is beyond the limit for a moment is bounded, too.
    fn make_room(&mut self) {
        if self.actors.len() < self.limits.residents {
            return;
        }
        let all = self.limits.case_permits;
        let free =
            |slot: &&mut Slot| matches!(slot.place, Place::Resident(_)) && slot.permits.available_permits() == all;
        if let Some(slot) = self.slots.values_mut().filter(free).min_by_key(|slot| slot.last_used) {
            slot.let_go(all);
        }
    }

    /// Gives the case what is held for it, if there is somebody to take it.
    async fn serve(&mut self, case: CaseId, me: &ActorRef<TenantMessage>) {
        let waits = |slot: &Slot| matches!(slot.place, Place::Away) && !slot.held.is_empty();
        if self.slots.get(&case).is_some_and(waits) {
            self.make_room();
        }
        let Some(slot) = self.slots.get_mut(&case) else { return };
        if slot.held.is_empty() {
            return;
        }
        if matches!(slot.place, Place::Away) {
            let arguments = (case, self.parts.clone(), slot.probe.clone());
            match Actor::spawn_linked(
                None,
                CaseActor { tenant: me.clone(), seen: self.probe.clone() },
                arguments,
                me.get_cell(),
            )
            .await
            {
                Ok((actor, _)) => {
                    slot.probe.is_stood_for_by(&actor.get_cell());
                    self.actors.insert(actor.get_id(), case);
                    slot.place = Place::Resident(actor);
                }
                Err(_) => return slot.failed(case, ("start", "does not start"), me, &self.probe),
            }
        }
        slot.pass_on();
    }
}

impl Slot {
    fn new(case: CaseId, tenant: &Probe, limits: Limits) -> Self {
        let name = case.to_string();
        Self {
            probe: tenant.child(format!("case-{}", &name[..16]), &CASE, limits.case_permits as u64),
            permits: Arc::new(Semaphore::new(limits.case_permits)),
            intensity: Intensity::new(&CASE),
            last_used: Instant::now(),
            place: Place::Away,
            held: VecDeque::new(),
        }
    }

    /// Starts to let it go, unless it has work; `all` are its permits.
    fn let_go(&mut self, all: usize) {
        let Place::Resident(actor) = &self.place else { return };
        let all = u32::try_from(all).unwrap_or(u32::MAX);
        let Ok(permits) = self.permits.clone().try_acquire_many_owned(all) else { return };
        if actor.drain().is_ok() {
            self.place = Place::Leaving(actor.clone(), permits);
        }
    }

    fn pass_on(&mut self) {
        let Place::Resident(actor) = &self.place else { return };
        while let Some((ask, waiting)) = self.held.pop_front() {
            let Ok(permit) = self.permits.clone().try_acquire_owned() else {
                self.probe.observation().metrics().turned_away("case", "normal");
                ask.refuse(AskError::Busy { retry_after: COME_BACK });
                continue;
            };
            let waiting = waiting.pass_on("forward", &self.probe, permit);
            if let Err(MessagingErr::SendErr(CaseMessage { waiting, ask })) = actor.cast(CaseMessage { waiting, ask }) {
                // It has ended, and the news of that is on the way: then somebody else takes this.
                self.held.push_front((ask, waiting));
                return;
            }
        }
    }

    /// Follows the policy; `tenant` sees whoever starts it again.
    fn failed(
        &mut self,
        case: CaseId,
        (reason, words): (&'static str, &str),
        me: &ActorRef<TenantMessage>,
        tenant: &Probe,
    ) {
        tracing::warn!(class = CASE.class, reason, "failed");
        self.probe.failed(words);
        if reason == "panic" {
            self.probe.observation().metrics().panics.inc();
        }
        match self.intensity.failed(Instant::now()) {
            Fate::Again(pause) => {
                self.probe.set(ActorState::Restarting);
                self.place = Place::Restarting;
                tenant.after(me, pause, move |waiting| TenantMessage::CaseAgain(case, waiting));
            }
            Fate::Disturbed | Fate::Escalate => {
                self.probe.set(ActorState::Disturbed);
                self.place = Place::Disturbed(Instant::now());
                for (ask, _waiting) in self.held.drain(..) {
                    ask.refuse(AskError::Disturbed);
                }
            }
        }
    }
}
