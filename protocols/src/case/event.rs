//! Everything that can happen to a case: event schema 2. Schema 1 is frozen in [`super::v1`].
//!
//! Shipped variants never change (`docs/adding-an-event.md`); golden bytes of this version lie beside the storage codec.
//! No serde attribute here may make a value depend on its neighbours: the journal's codec does not describe itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Action, Status};
use crate::{
    application::Application,
    ids::{CaseId, CommentId, DestinationId, FitCaseId, OrgUnitId, SubmissionId, UserId},
    moment::Moment,
};

/// An event with who caused it and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// When it happened.
    pub at: Moment,
    /// Who caused it.
    pub by: By,
    /// What happened.
    pub event: Event,
}

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// Somebody who works here.
    Person(Person),
    /// The house itself, for example on intake.
    System,
}

/// The rows of the tenant's tables that an application followed on its way in, as they were then: tables change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// The day from which on the form mapping holds that read it; none where no mapping knew its schema.
    pub mapping: Option<Moment>,
    /// The row of the routing table that found the org unit; none where the destination's own was taken, or none found.
    pub routing: Option<RoutingRow>,
}

/// A row of the routing table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingRow {
    /// Its place, counted from 1.
    pub row: u32,
    /// The day from which on it holds, if it says so.
    pub from: Option<Moment>,
}

/// Somebody who works here, named as at that time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Person {
    /// Their id.
    pub user: UserId,
    /// How colleagues read it.
    pub name: String,
}

/// Something that happened to a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// An application became a case.
    Received {
        /// The number it got.
        number: CaseNumber,
        /// What was applied for.
        application: Box<Application>,
        /// The org unit that routing found.
        org_unit: Option<OrgUnitId>,
        /// The case it continues.
        continues: Option<CaseId>,
        /// The signed acceptance that its sender gets.
        receipt: Option<Receipt>,
        /// What of the tenant's tables it followed.
        followed: Followed,
    },
    /// The status moved along the table in `transitions.rs`.
    StatusChanged {
        /// What moved it.
        action: Action,
        /// Where it stands now.
        to: Status,
    },
    /// Somebody is in charge now, or nobody.
    Assigned {
        /// Who.
        to: Option<Person>,
    },
    /// A colleague wrote on it.
    Commented {
        /// The comment's id.
        id: CommentId,
        /// The text.
        text: String,
    },
    /// What became of the signed acceptance.
    ReceiptNoted {
        /// How it stands.
        state: ReceiptState,
    },
}

/// A signed acceptance, made once and sent as these bytes until the delivery service shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The destination that signs.
    pub destination: DestinationId,
    /// The submission it accepts.
    pub submission: SubmissionId,
    /// The delivery service's case.
    pub case: FitCaseId,
    /// The security event token (compact JWS).
    pub token: String,
}

/// How a signed acceptance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReceiptState {
    /// The channel wants none.
    NotNeeded,
    /// On its way.
    Pending,
    /// The delivery service shows it.
    Delivered,
    /// The delivery service shows another verdict: somebody else spoke for us.
    Foreign,
    /// The delivery service refuses it for good: a person decides.
    Refused,
}

/// A case number as people read it, for example `MUS-2026-000042`. Gaps are allowed: numbers come in blocks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseNumber(String);

impl CaseNumber {
    /// The number with this prefix, year and running number.
    #[must_use]
    pub fn new(prefix: &str, year: i16, running: u64) -> Self {
        Self(format!("{prefix}-{year}-{running:06}"))
    }

    /// A number that was given out before, as it was written down.
    #[must_use]
    pub fn given_out(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As people read it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CaseNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
