//! The case actor: the only writer of one case (law 1).
//!
//! Owns the folded case and its version while somebody needs it. Supervised by its tenant, which starts it on the first
//! message for the case and lets it go by taking all its permits and draining it. Holds nothing that the journal does not:
//! it may die at any moment. An answer leaves only after the commit (law 2); a caller without one asks again with the same
//! key and gets the answer of the first time.

mod command;
mod history;
mod outcome;
#[cfg(test)]
mod replay;
mod resident;

use std::sync::Arc;

use ozg_protocols::{
    application::Attachment,
    case::{Case, Order},
    ids::{AttachmentId, CaseId},
    moment::Moment,
    principal::Principal,
};
use ozg_storage::{
    journal::{Journal, WrappedKey},
    seal::Sealer,
};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use crate::{
    blobs::{BlobReader, Blobs},
    observe::{ActorState, Probe, Waiting},
    supervise::{AskError, Failure},
    tenant::TenantMessage,
};

pub use outcome::{CaseSheet, Outcome, Ticket};
use resident::Resident;

/// Where an answer goes.
pub(crate) type Reply<T> = RpcReplyPort<Result<T, AskError>>;

/// What can be asked of a case.
#[derive(Debug)]
pub(crate) struct CaseMessage {
    pub(crate) waiting: Waiting,
    pub(crate) ask: Ask,
}

/// The question itself.
#[derive(Debug)]
pub(crate) enum Ask {
    /// Carry this order out; `who` is nobody where the house itself gives it.
    Do(Box<Errand>),
    /// Show the case to this person.
    Show { who: Principal, reply: Reply<Box<CaseSheet>> },
    /// The case as it is, for the house itself.
    Look { reply: Reply<Option<(Case, u64)>> },
    /// Open one of its files for this person.
    Open { who: Principal, file: AttachmentId, reply: Reply<(Attachment, BlobReader)> },
}

/// An order on its way.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) who: Option<Principal>,
    pub(crate) order: Order,
    pub(crate) at: Moment,
    pub(crate) ticket: Ticket,
    pub(crate) keys: Vec<WrappedKey>,
    pub(crate) reply: Reply<Outcome>,
}

impl Ask {
    const fn name(&self) -> &'static str {
        match self {
            Self::Do(_) => "order",
            Self::Show { .. } => "show",
            Self::Look { .. } => "look",
            Self::Open { .. } => "open",
        }
    }

    /// Answers without doing anything.
    pub(crate) fn refuse(self, why: AskError) {
        match self {
            Self::Do(errand) => answer(errand.reply, Err(why)),
            Self::Show { reply, .. } => answer(reply, Err(why)),
            Self::Look { reply } => answer(reply, Err(why)),
            Self::Open { reply, .. } => answer(reply, Err(why)),
        }
    }
}

/// What a case needs to know of the house.
#[derive(Debug, Clone)]
pub(crate) struct CaseParts {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) blobs: Blobs,
}

/// Starts a case actor.
#[derive(Debug)]
pub(crate) struct CaseActor {
    /// Hears when nobody got anything of the case.
    pub(crate) tenant: ActorRef<TenantMessage>,
    /// Sees the tenant.
    pub(crate) seen: Probe,
}

impl Actor for CaseActor {
    type Msg = CaseMessage;
    type State = Resident;
    type Arguments = (CaseId, CaseParts, Probe);

    async fn pre_start(
        &self,
        _: ActorRef<CaseMessage>,
        (id, parts, probe): Self::Arguments,
    ) -> Result<Resident, ActorProcessingErr> {
        probe.set(ActorState::Running);
        Ok(Resident::new(id, parts, probe))
    }

    async fn handle(
        &self,
        _: ActorRef<CaseMessage>,
        CaseMessage { waiting, ask }: CaseMessage,
        case: &mut Resident,
    ) -> Result<(), ActorProcessingErr> {
        let working = waiting.begin(ask.name());
        let done = match ask {
            Ask::Do(errand) => case.carry_out(*errand).await,
            Ask::Show { who, reply } => settle(reply, case.show(&who).await),
            Ask::Look { reply } => settle(reply, case.look().await),
            Ask::Open { who, file, reply } => settle(reply, case.open(&who, file).await),
        };
        // Its permits first: whoever still holds one is not let go.
        drop(working);
        if !case.is_needed() {
            let _ = self.tenant.cast(TenantMessage::Unneeded(case.id(), self.seen.waiting(None)));
        }
        done.map_err(ActorProcessingErr::from)
    }
}

/// Why a case does not do what was asked.
#[derive(Debug)]
enum Trouble {
    /// The one who asked hears it; the case is well.
    Answer(AskError),
    /// The case is not well: it answers this, ends and is started again.
    Fail(AskError, Failure),
}

impl From<AskError> for Trouble {
    fn from(error: AskError) -> Self {
        Self::Answer(error)
    }
}

/// Answers, and fails afterwards where the case is not well.
fn settle<T>(reply: Reply<T>, result: Result<T, Trouble>) -> Result<(), Failure> {
    match result {
        Ok(value) => answer(reply, Ok(value)),
        Err(Trouble::Answer(error)) => answer(reply, Err(error)),
        Err(Trouble::Fail(error, failure)) => {
            answer(reply, Err(error));
            return Err(failure);
        }
    }
    Ok(())
}

/// A caller that has gone away needs no answer.
fn answer<T>(reply: Reply<T>, value: Result<T, AskError>) {
    let _ = reply.send(value);
}
