//! The edge of a tenant: where permits are taken and time is stamped. Whoever wants something of a case comes through here,
//! people and the house's own channels alike.

use std::{sync::Arc, time::Duration};

use ozg_protocols::{
    case::{Case, Order},
    ids::CaseId,
    principal::Principal,
};
use ozg_storage::journal::WrappedKey;
use ractor::Message;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError},
    time::Instant,
};

use super::{TenantMessage, WITHIN};
use crate::{
    case::{Ask, Errand, Outcome, Reply, Ticket},
    observe::{Probe, Waiting},
    seams::Clock,
    supervise::{Address, AskError},
};

/// When somebody who was turned away may come back.
const COME_BACK: Duration = Duration::from_secs(1);
/// The pause before a question is put again whose actor went away.
const PAUSE: Duration = Duration::from_millis(10);

/// Where whoever wants something of one actor takes a permit, which rides with the message to its end.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    permits: Arc<Semaphore>,
    /// What is short when somebody is turned away, in metrics.
    what: &'static str,
    probe: Probe,
}

impl Gate {
    /// A gate with this many permits to the actor that is seen by this probe.
    pub(crate) fn new(what: &'static str, permits: usize, probe: Probe) -> Self {
        Self { permits: Arc::new(Semaphore::new(permits)), what, probe }
    }

    /// Takes a permit and asks; asks again when the actor went away without an answer: only for what is safe to repeat.
    pub(crate) async fn ask<M: Message, T: Send + 'static>(
        &self,
        actor: &Address<M>,
        mut question: impl FnMut(Reply<T>, Waiting) -> M,
    ) -> Result<T, AskError> {
        let until = Instant::now() + WITHIN;
        loop {
            let waiting = self.probe.waiting(Some(self.permit()?));
            let left = until.saturating_duration_since(Instant::now());
            match actor.ask(left, |reply| question(reply, waiting)).await {
                Ok(answer) => return answer,
                Err(AskError::Unavailable) if Instant::now() + PAUSE < until => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(error),
            }
        }
    }

    fn permit(&self) -> Result<OwnedSemaphorePermit, AskError> {
        match self.permits.clone().try_acquire_owned() {
            Ok(permit) => Ok(permit),
            Err(TryAcquireError::Closed) => Err(AskError::Draining),
            Err(TryAcquireError::NoPermits) => {
                self.probe.observation().metrics().turned_away(self.what, "normal");
                Err(AskError::Busy { retry_after: COME_BACK })
            }
        }
    }
}

/// The edge of one tenant.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    tenant: Address<TenantMessage>,
    gate: Gate,
    clock: Arc<dyn Clock>,
}

impl Edge {
    pub(crate) fn new(tenant: Address<TenantMessage>, permits: usize, clock: Arc<dyn Clock>, probe: Probe) -> Self {
        Self { tenant, gate: Gate::new("permits", permits, probe), clock }
    }

    /// Gives an order; `who` is nobody where the house itself gives it. `keys` are those of files that it names.
    pub(crate) async fn order(
        &self,
        who: Option<&Principal>,
        case: CaseId,
        order: Order,
        ticket: Ticket,
        keys: Vec<WrappedKey>,
    ) -> Result<Outcome, AskError> {
        let at = self.clock.now();
        let errand = |reply| {
            let (who, order, keys) = (who.cloned(), order.clone(), keys.clone());
            Ask::Do(Box::new(Errand { who, order, at, ticket, keys, reply }))
        };
        self.through(case, errand).await
    }

    /// The case as it is, for the house itself.
    pub(crate) async fn look(&self, case: CaseId) -> Result<Option<(Case, u64)>, AskError> {
        self.through(case, |reply| Ask::Look { reply }).await
    }

    /// Asks a case; all of it is safe to repeat.
    pub(crate) async fn through<T: Send + 'static>(
        &self,
        case: CaseId,
        mut ask: impl FnMut(Reply<T>) -> Ask,
    ) -> Result<T, AskError> {
        let question = |reply, waiting| TenantMessage::ForCase { case, ask: ask(reply), waiting };
        self.gate.ask(&self.tenant, question).await
    }

    /// Holds one place, as a message would.
    #[cfg(test)]
    pub(crate) fn permit(&self) -> Result<OwnedSemaphorePermit, AskError> {
        self.gate.permit()
    }

    /// Whether the next one would be turned away.
    pub(crate) fn is_full(&self) -> bool {
        self.gate.permits.available_permits() == 0
    }

    /// The tenant behind it.
    pub(crate) const fn tenant(&self) -> &Address<TenantMessage> {
        &self.tenant
    }

    /// From now on nobody comes in.
    pub(crate) fn close(&self) {
        self.gate.permits.close();
    }
}
