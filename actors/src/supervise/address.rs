//! Where to find an actor that may be restarted, and what a caller hears who gets no answer.

use std::{fmt, sync::Arc, time::Duration};

use ractor::{ActorRef, Message, RpcReplyPort};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::Instant,
};

use crate::observe::{Probe, Waiting};

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// There is no such thing, or the principal may not see it: nobody can tell these apart.
    #[error("there is no such thing")]
    NotFound,
    /// The principal sees it, but may not do this.
    #[error("the role does not allow this")]
    Forbidden,
    /// The house is full: ask again later.
    #[error("too much to do; try again in {retry_after:?}")]
    Busy {
        /// When.
        retry_after: Duration,
    },
    /// It failed too often and waits for somebody to look.
    #[error("disturbed")]
    Disturbed,
    /// The house closes.
    #[error("the house is closing")]
    Draining,
    /// It cannot be reached now.
    #[error("not available")]
    Unavailable,
}

impl AskError {
    /// What a disk without room tells whoever wants to write something new: it takes a while until somebody has made some.
    pub(crate) const FULL: Self = Self::Busy { retry_after: Duration::from_secs(60) };
}

/// The place of an actor, kept by its supervisor.
pub(crate) struct Seat<M: 'static>(Arc<watch::Sender<Option<Sitting<M>>>>);

/// Who sits there, and by what it is seen.
struct Sitting<M: 'static>(ActorRef<M>, Probe);

impl<M> Clone for Seat<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M> fmt::Debug for Seat<M> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Seat")
    }
}

/// Finds an actor through its restarts.
pub struct Address<M: 'static>(watch::Receiver<Option<Sitting<M>>>);

impl<M> Clone for Address<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M> fmt::Debug for Address<M> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Address")
    }
}

impl<M: Message> Seat<M> {
    /// An empty seat and the way to whoever will sit there.
    pub(crate) fn empty() -> (Self, Address<M>) {
        let (seat, here) = watch::channel(None);
        (Self(Arc::new(seat)), Address(here))
    }

    /// Somebody sits down.
    pub(crate) fn take(&self, actor: ActorRef<M>, probe: Probe) {
        self.0.send_replace(Some(Sitting(actor, probe)));
    }
}

/// How often a question is put again to an actor that went away without an answer.
const TRIES: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(50);

impl<M: Message> Address<M> {
    /// An address of an actor that is never restarted, seen by this probe.
    #[must_use]
    pub fn fixed(actor: ActorRef<M>, probe: Probe) -> Self {
        let (seat, here) = watch::channel(Some(Sitting(actor, probe)));
        drop(seat);
        Self(here)
    }

    /// Whoever sits there now.
    #[must_use]
    pub fn now(&self) -> Option<ActorRef<M>> {
        self.0.borrow().as_ref().map(|Sitting(actor, _)| actor.clone())
    }

    /// Sends a message; nothing is known about its fate. Whether somebody was there to take it.
    pub fn tell(&self, message: M) -> bool {
        self.now().is_some_and(|actor| actor.cast(message).is_ok())
    }

    /// Sends a message that is seen waiting from now on; otherwise as [`Address::tell`].
    pub(crate) fn tell_seen(&self, message: impl FnOnce(Waiting) -> M) -> bool {
        let there = self.0.borrow().as_ref().map(|Sitting(actor, probe)| (actor.clone(), probe.clone()));
        there.is_some_and(|(actor, probe)| actor.cast(message(probe.waiting(None))).is_ok())
    }

    /// The same with a message that holds a permit of its edge to its end.
    pub(crate) fn tell_holding(&self, permit: OwnedSemaphorePermit, message: impl FnOnce(Waiting) -> M) -> bool {
        let there = self.0.borrow().as_ref().map(|Sitting(actor, probe)| (actor.clone(), probe.clone()));
        there.is_some_and(|(actor, probe)| actor.cast(message(probe.waiting(Some(permit)))).is_ok())
    }

    /// Asks once with a question that is seen waiting.
    ///
    /// # Errors
    /// As [`Address::ask`].
    pub(crate) async fn ask_seen<R: Send + 'static>(
        &self,
        within: Duration,
        question: impl FnOnce(RpcReplyPort<R>, Waiting) -> M,
    ) -> Result<R, AskError> {
        let probe = self.0.borrow().as_ref().map(|Sitting(_, probe)| probe.clone()).ok_or(AskError::Unavailable)?;
        self.ask(within, |reply| question(reply, probe.waiting(None))).await
    }

    /// Asks once. The question is lost when the actor ends before it answers.
    ///
    /// # Errors
    /// [`AskError::Unavailable`] without an answer in this time.
    pub async fn ask<R: Send + 'static>(
        &self,
        within: Duration,
        question: impl FnOnce(RpcReplyPort<R>) -> M,
    ) -> Result<R, AskError> {
        let Some(actor) = self.now() else { return Err(AskError::Unavailable) };
        let (port, answer) = tokio::sync::oneshot::channel();
        actor.cast(question(port.into())).map_err(|_| AskError::Unavailable)?;
        match tokio::time::timeout(within, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(AskError::Unavailable),
        }
    }

    /// Asks, and asks again when the actor ended without an answer: only for what is safe to ask twice.
    ///
    /// # Errors
    /// [`AskError::Unavailable`] without an answer in this time.
    pub async fn insist<R: Send + 'static>(
        &self,
        within: Duration,
        mut question: impl FnMut(RpcReplyPort<R>) -> M,
    ) -> Result<R, AskError> {
        let until = Instant::now() + within;
        for _ in 0..TRIES {
            let left = until.saturating_duration_since(Instant::now());
            match self.ask(left, &mut question).await {
                Err(AskError::Unavailable) if Instant::now() + BETWEEN < until => tokio::time::sleep(BETWEEN).await,
                answer => return answer,
            }
        }
        Err(AskError::Unavailable)
    }
}
