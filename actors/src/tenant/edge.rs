//! The edge of a tenant: where permits are taken and time is stamped. Whoever wants something of a case comes through here,
//! people and the house's own channels alike.

use std::{sync::Arc, time::Duration};

use ozg_protocols::{
    case::{Case, Order},
    ids::CaseId,
    principal::Principal,
};
use ozg_storage::journal::WrappedKey;
use tokio::{sync::Semaphore, time::Instant};

use super::{TenantMessage, WITHIN};
use crate::{
    case::{Ask, Errand, Outcome, Reply, Ticket},
    observe::Probe,
    seams::Clock,
    supervise::{Address, AskError},
};

/// When somebody who was turned away may come back.
const COME_BACK: Duration = Duration::from_secs(1);
/// The pause before a question is put again whose actor went away.
const PAUSE: Duration = Duration::from_millis(50);

/// The edge of one tenant.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(super) tenant: Address<TenantMessage>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) probe: Probe,
}

impl Edge {
    pub(crate) fn new(tenant: Address<TenantMessage>, permits: usize, clock: Arc<dyn Clock>, probe: Probe) -> Self {
        Self { tenant, permits: Arc::new(Semaphore::new(permits)), clock, probe }
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

    /// Takes a permit and asks; asks again when the actor went away without an answer, because all of it is safe to repeat.
    pub(crate) async fn through<T: Send + 'static>(
        &self,
        case: CaseId,
        mut ask: impl FnMut(Reply<T>) -> Ask,
    ) -> Result<T, AskError> {
        let until = Instant::now() + WITHIN;
        loop {
            let permit = self.permit()?;
            let left = until.saturating_duration_since(Instant::now());
            let message =
                |reply| TenantMessage::ForCase { case, ask: ask(reply), waiting: self.probe.waiting(Some(permit)) };
            match self.tenant.ask(left, message).await {
                Ok(answer) => return answer,
                Err(AskError::Unavailable) if Instant::now() + PAUSE < until => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn permit(&self) -> Result<tokio::sync::OwnedSemaphorePermit, AskError> {
        match self.permits.clone().try_acquire_owned() {
            Ok(permit) => Ok(permit),
            Err(tokio::sync::TryAcquireError::Closed) => Err(AskError::Draining),
            Err(tokio::sync::TryAcquireError::NoPermits) => {
                self.probe.observation().metrics().turned_away("permits", "normal");
                Err(AskError::Busy { retry_after: COME_BACK })
            }
        }
    }

    /// Whether the next one would be turned away.
    pub(crate) fn is_full(&self) -> bool {
        self.permits.available_permits() == 0
    }

    /// The tenant behind it.
    pub(crate) const fn tenant(&self) -> &Address<TenantMessage> {
        &self.tenant
    }

    /// From now on nobody comes in.
    pub(crate) fn close(&self) {
        self.permits.close();
    }
}
