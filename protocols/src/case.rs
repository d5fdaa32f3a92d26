//! The case (Vorgang): its state, what may happen to it, and what has happened.
//!
//! `decide` looks at a case and an order and says what happens, or why not; `apply` makes it so; `effects` says what has to
//! leave the house because of it. Nothing else changes a case, and none of them reads a clock or a table that could
//! change later: events carry outcomes. One file per command lies in `case/`; [`Order`] gathers them.

mod accept;
mod acknowledge;
mod assign;
mod comment;
mod effect;
mod event;
mod order;
mod receive;
mod step;
mod transitions;
pub mod v1;

#[cfg(test)]
pub(crate) mod scenario;

pub use accept::Accept;
pub use acknowledge::NoteReceipt;
pub use assign::Assign;
pub use comment::{AddComment, LONGEST_COMMENT};
pub use effect::{Effect, ReceiptOf, effects};
pub use event::{By, CaseNumber, Event, Followed, Person, Receipt, ReceiptState, Recorded, RoutingRow};
pub use order::{Order, Unauthorised};
pub use receive::Receive;
pub use step::{Discard, FetchBack, PutBack, StartWork};
pub use transitions::{Action, Status};

use serde::{Deserialize, Serialize};

use crate::{
    application::Application,
    ids::{CaseId, CommentId, OrgUnitId},
    moment::Moment,
};

/// Counts changes of the fold: a snapshot of another revision is thrown away.
pub const FOLD_REVISION: u16 = 2;

/// Who acts, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Who gave the order.
    pub by: By,
    /// When, taken once at the edge.
    pub at: Moment,
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The table has no such way.
    #[error("{action:?} is not possible in status {status:?}")]
    NotPossible {
        /// What was wanted.
        action: Action,
        /// Where the case stands.
        status: Status,
    },
    /// The case is already so.
    #[error("nothing would change")]
    NothingToDo,
    /// There is no such case yet.
    #[error("there is no such case")]
    NoSuchCase,
    /// There is such a case already, from another delivery.
    #[error("the case exists already")]
    ExistsAlready,
    /// What was written is empty or too long.
    #[error("the text is empty or too long")]
    BadText,
}

/// What somebody wants done with a case.
pub trait Command {
    /// What must not have happened since the person looked; anything else may have (law 1).
    fn minds(event: &Event) -> bool;

    /// What happens if it is carried out now, or why it is not.
    ///
    /// # Errors
    /// The rule that forbids it.
    fn decide(self, case: Option<&Case>, act: &Act) -> Result<Vec<Event>, Refusal>;
}

/// A case as its events have made it. A snapshot of it names [`FOLD_REVISION`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Its number (Vorgangsnummer).
    pub number: CaseNumber,
    /// What was applied for.
    pub application: Application,
    /// When it was received.
    pub received: Moment,
    /// Where it stands.
    pub status: Status,
    /// Since when.
    pub since: Moment,
    /// Who is in charge.
    pub assignee: Option<Person>,
    /// Which org unit it belongs to; `None` keeps it with the mailroom.
    pub org_unit: Option<OrgUnitId>,
    /// What colleagues wrote on it, oldest first.
    pub comments: Vec<Comment>,
    /// The case it continues: a further submission into the same case of the delivery service.
    pub continues: Option<CaseId>,
    /// Whether its sender has the signed acceptance.
    pub receipt: ReceiptState,
    /// When anything last happened.
    pub changed: Moment,
}

/// What somebody wrote on a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Its id.
    pub id: CommentId,
    /// Who wrote it.
    pub by: By,
    /// When.
    pub at: Moment,
    /// The text.
    pub text: String,
}

impl Case {
    /// The case that these events made; `None` before it was received.
    pub fn fold<'e>(events: impl IntoIterator<Item = &'e Recorded>) -> Option<Self> {
        events.into_iter().fold(None, Self::apply)
    }

    /// The case after one more event.
    ///
    /// Total: an event that cannot follow (which only a damaged journal holds) changes nothing.
    #[must_use]
    pub fn apply(case: Option<Self>, recorded: &Recorded) -> Option<Self> {
        let Recorded { at, by, event } = recorded;
        let Some(mut case) = case else {
            return Self::received(event, *at);
        };
        case.changed = *at;
        match event {
            Event::Received { .. } => {}
            Event::StatusChanged { to, .. } => (case.status, case.since) = (*to, *at),
            Event::Assigned { to } => case.assignee.clone_from(to),
            Event::Commented { id, text } => {
                case.comments.push(Comment { id: *id, by: by.clone(), at: *at, text: text.clone() });
            }
            Event::ReceiptNoted { state } => case.receipt = *state,
        }
        Some(case)
    }

    fn received(event: &Event, at: Moment) -> Option<Self> {
        let Event::Received { number, application, org_unit, continues, receipt, .. } = event else { return None };
        Some(Self {
            number: number.clone(),
            application: application.as_ref().clone(),
            received: at,
            status: Status::New,
            since: at,
            assignee: None,
            org_unit: org_unit.clone(),
            comments: Vec::new(),
            continues: *continues,
            receipt: if receipt.is_some() { ReceiptState::Pending } else { ReceiptState::NotNeeded },
            changed: at,
        })
    }
}

/// The case, or the refusal of whoever expects one.
fn existing(case: Option<&Case>) -> Result<&Case, Refusal> {
    case.ok_or(Refusal::NoSuchCase)
}
