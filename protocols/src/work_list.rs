//! The work list's questions and answers: page, counts, search, suggest, neighbours. Final from the spine on.
//!
//! Who answers, and from what index, is the business of the views; whoever asks brings the principal along, and nothing
//! outside the principal's reach is ever in an answer, a total or a suggestion (law 6).

use std::fmt;

use crate::{
    case::{CaseNumber, Person, Status},
    ids::{CaseId, OrgUnitId},
    moment::Moment,
};

/// The most rows of one page.
pub const LARGEST_PAGE: usize = 200;

/// Which cases, before any filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum View {
    /// Meine: those that the principal is in charge of.
    #[default]
    Mine,
    /// Nicht zugewiesen: those that nobody is in charge of.
    Unassigned,
    /// Alle: all that the principal may see.
    All,
}

/// What to sort by. Ties are broken by the case id, so that every order is total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SortBy {
    /// Eingang.
    #[default]
    Received,
    /// Letzte Änderung.
    Changed,
    /// Name of the applicant, as Germans sort.
    Applicant,
    /// Vorgangsnummer.
    Number,
    /// Status, in the order of a case's life.
    Status,
}

/// A question for a stretch of the list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// Which cases.
    pub view: View,
    /// Only these statuses; all where empty.
    pub statuses: Vec<Status>,
    /// Only these services (identifiers); all where empty.
    pub services: Vec<String>,
    /// Only these org units; all within reach where empty.
    pub org_units: Vec<OrgUnitId>,
    /// Words that must all occur in number, applicant, title or form data. Any text is just words.
    pub text: Option<String>,
    /// What to sort by.
    pub sort: SortBy,
    /// Largest first.
    pub descending: bool,
    /// Go on after this row of the page before; from the beginning where empty.
    pub after: Option<PageCursor>,
    /// How many rows; at most [`LARGEST_PAGE`].
    pub limit: usize,
}

/// A place in an order, kept by value: it stays right when rows before it come and go.
#[derive(Clone, PartialEq, Eq)]
pub struct PageCursor(pub Vec<u8>);

impl fmt::Debug for PageCursor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PageCursor({} bytes)", self.0.len())
    }
}

/// One case in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The case.
    pub case: CaseId,
    /// The version that the row shows.
    pub version: u64,
    /// Its number.
    pub number: CaseNumber,
    /// What it is about.
    pub title: String,
    /// Who applies; `None` when not recognised.
    pub applicant: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Since when.
    pub since: Moment,
    /// When it was received.
    pub received: Moment,
    /// When anything last happened.
    pub changed: Moment,
    /// Who is in charge.
    pub assignee: Option<Person>,
    /// Which org unit it belongs to.
    pub org_unit: Option<OrgUnitId>,
    /// How many files came with it.
    pub files: u32,
    /// How many comments it has.
    pub comments: u32,
}

/// A stretch of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its rows, in order.
    pub rows: Vec<Row>,
    /// How many the whole answer has.
    pub total: u64,
    /// Where the next page goes on; `None` on the last.
    pub next: Option<PageCursor>,
    /// The journal record up to which the answer is complete.
    pub as_of: u64,
}

/// The numbers beside the list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Meine, not counting what is closed or discarded.
    pub mine: u64,
    /// Nicht zugewiesen, likewise.
    pub unassigned: u64,
    /// Alle.
    pub all: u64,
    /// By status, in the order of [`Status::ALL`].
    pub by_status: [u64; Status::ALL.len()],
    /// Klärungsfälle, for those who may see them.
    pub clearing: Option<u64>,
    /// The journal record up to which they are complete.
    pub as_of: u64,
}

/// A completion for what is being typed into the search field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// What to show and search for.
    pub text: String,
    /// The case, where it is exactly one.
    pub case: Option<CaseId>,
}

/// The cases before and after one, in the order of a query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Neighbours {
    /// The one before.
    pub previous: Option<CaseId>,
    /// The one after.
    pub next: Option<CaseId>,
    /// Its place, counted from 1; `None` when it is not in the answer.
    pub position: Option<u64>,
    /// How many the answer has.
    pub total: u64,
}

impl Status {
    /// Whether a case in this status still waits for somebody; closed work is not counted as mine.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::New | Self::Accepted | Self::InProgress | Self::Decided)
    }
}
