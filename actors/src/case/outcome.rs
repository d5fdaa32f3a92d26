//! What goes into a case and comes out of it, as everybody above sees it.

use ozg_protocols::{
    case::{Action, Case, Recorded, Refusal},
    ids::{CaseId, CommandKey},
};

/// What makes an order safe to send twice, and honest about what its sender saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The same for every repetition of the same order.
    pub key: CommandKey,
    /// The version on the sender's screen.
    pub seen: u64,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Durable, under this version.
    Done {
        /// The version after it.
        version: u64,
    },
    /// The rules say no.
    Refused(Refusal),
    /// Something that matters to this order has happened since its sender looked.
    Stale {
        /// All that happened since.
        since: Vec<Recorded>,
    },
    /// The sender says to have seen a version that there has never been: nothing can be judged by it.
    NeverSeen,
    /// The sender sees the case, but may not do this.
    Forbidden,
}

/// A case as one person may see it.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseSheet {
    /// Its id.
    pub id: CaseId,
    /// The case.
    pub case: Case,
    /// Its version.
    pub version: u64,
    /// All that happened, oldest first.
    pub history: Vec<Recorded>,
    /// The steps that this person may take now.
    pub steps: Vec<Action>,
    /// Whether this person may put somebody in charge.
    pub may_assign: bool,
    /// Whether this person may write a comment.
    pub may_comment: bool,
}
