//! The way to whoever carries calls out: here the permit is taken that rides with each call to its end.

use std::{fmt, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{
    Answer, Call, CallError, OutboundError, OutboundSettings, Resolve, Streaming,
    client::Client,
    exchanges::{Errand, OutboundActor, OutboundMessage, Wanted},
    peers,
};
use crate::{
    observe::{Observation, Probe},
    supervise::{self, Address, Seat, Spec},
};

/// So many calls of the house at a time.
const MOST: usize = peers::MOST;

/// The way out. Cheap to clone: all clones lead to the same actor, once a house has started it.
#[derive(Clone)]
pub struct Outbound {
    client: Client,
    permits: Arc<Semaphore>,
    seat: Seat<OutboundMessage>,
    address: Address<OutboundMessage>,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Outbound")
    }
}

impl Outbound {
    /// The way out with these settings.
    ///
    /// # Errors
    /// [`OutboundError`] when certificates or names in the settings are none.
    pub fn new(settings: OutboundSettings, resolver: Arc<dyn Resolve>) -> Result<Self, OutboundError> {
        let (client, permits) = (Client::new(settings, resolver)?, Arc::new(Semaphore::new(MOST)));
        let (seat, address) = Seat::empty();
        Ok(Self { client, permits, seat, address })
    }

    /// The actor as a child of the infrastructure (whose probe this is); its calls are shown among the metrics.
    pub(crate) fn spec(&self, infrastructure: &Probe, observation: &Observation) -> Spec {
        self.client.meter.register(observation);
        let client = self.client.clone();
        let arguments = move |probe| (client.clone(), probe);
        let probe = infrastructure.child("outbound", &supervise::OUTBOUND, MOST as u64);
        Spec::seated("outbound", &supervise::OUTBOUND, self.seat.clone(), || OutboundActor, arguments).seen_by(probe)
    }

    /// The longest attachment in clear that is fetched, in bytes.
    #[must_use]
    pub fn longest_attachment(&self) -> u64 {
        self.client.settings().longest_attachment
    }

    /// Calls and waits for the whole of a small answer.
    ///
    /// # Errors
    /// [`CallError`] unless it says yes in time.
    pub async fn call(&self, call: Call) -> Result<Answer, CallError> {
        self.exchange(call, Wanted::Whole).await
    }

    /// Calls and hands out a large answer piece by piece, at most this many bytes.
    ///
    /// # Errors
    /// [`CallError`] unless it begins to say yes in time.
    pub async fn stream(&self, call: Call, most: u64) -> Result<Streaming, CallError> {
        self.exchange(call, |reply| Wanted::Pieces(most, reply)).await
    }

    async fn exchange<T>(
        &self,
        call: Call,
        wanted: impl FnOnce(oneshot::Sender<Result<T, CallError>>) -> Wanted,
    ) -> Result<T, CallError> {
        let permit = self.permit()?;
        let (reply, answer) = oneshot::channel();
        let errand = Box::new(Errand { call, wanted: wanted(reply) });
        if !self.address.tell_holding(permit, |waiting| OutboundMessage::Exchange(errand, waiting)) {
            return Err(CallError::CUT_OFF);
        }
        // The exchange has a limit of its own; this one is for whoever carries it.
        match tokio::time::timeout(self.client.settings().answer_within * 2, answer).await {
            Ok(answer) => answer.unwrap_or(Err(CallError::CUT_OFF)),
            Err(_) => Err(CallError::Timeout),
        }
    }

    /// Permits that nobody holds.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.permits.available_permits()
    }

    /// All of them, as many calls would hold them.
    #[cfg(test)]
    pub(super) fn all_permits(&self) -> OwnedSemaphorePermit {
        let all = u32::try_from(MOST).expect("few");
        self.permits.clone().try_acquire_many_owned(all).expect("nothing is under way")
    }

    fn permit(&self) -> Result<OwnedSemaphorePermit, CallError> {
        self.permits.clone().try_acquire_owned().map_err(|_| CallError::Busy)
    }
}
