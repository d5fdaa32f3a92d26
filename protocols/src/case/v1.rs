//! What happens to a case as event schema 1 has it: frozen (`docs/adding-an-event.md`).

use serde::{Deserialize, Serialize};

use super::{Action, By, CaseNumber, Person, Receipt, ReceiptState, Status};
use crate::{
    application::v1::Application,
    ids::{CaseId, CommentId, OrgUnitId},
    moment::Moment,
};

/// [`super::Recorded`].
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the type that followed says it")]
pub struct Recorded {
    pub at: Moment,
    pub by: By,
    pub event: Event,
}

/// [`super::Event`].
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the type that followed says it")]
pub enum Event {
    Received {
        number: CaseNumber,
        application: Box<Application>,
        org_unit: Option<OrgUnitId>,
        continues: Option<CaseId>,
        receipt: Option<Receipt>,
    },
    StatusChanged {
        action: Action,
        to: Status,
    },
    Assigned {
        to: Option<Person>,
    },
    Commented {
        id: CommentId,
        text: String,
    },
    ReceiptNoted {
        state: ReceiptState,
    },
}

impl From<Recorded> for super::Recorded {
    fn from(Recorded { at, by, event }: Recorded) -> Self {
        Self { at, by, event: event.into() }
    }
}

impl From<Event> for super::Event {
    fn from(old: Event) -> Self {
        match old {
            Event::Received { number, application, org_unit, continues, receipt } => {
                let (application, followed) = (Box::new((*application).into()), super::Followed::default());
                Self::Received { number, application, org_unit, continues, receipt, followed }
            }
            Event::StatusChanged { action, to } => Self::StatusChanged { action, to },
            Event::Assigned { to } => Self::Assigned { to },
            Event::Commented { id, text } => Self::Commented { id, text },
            Event::ReceiptNoted { state } => Self::ReceiptNoted { state },
        }
    }
}
