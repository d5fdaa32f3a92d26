//! From records of the journal to changes of the views. Nothing but the record and the index goes in.

use std::sync::Arc;

use ozg_protocols::{
    account::Account,
    ids::{CaseId, IntakeId},
    intake::{Intake, IntakeEvent, RawPart, RawSubmission, RecordedIntake},
};
use ozg_storage::{
    journal::{StoredRecord, StreamKind},
    seal::{SealError, Sealer},
    stream::{NoEffect, Opened, Stream},
};

use super::{ACCOUNT_RECORDS, Change, index::Index};
use crate::tenant::{CASE_RECORDS, EFFECTS, INTAKE_RECORDS};

/// What a record changes, opened before the index is touched.
#[derive(Debug)]
pub(super) enum Step {
    Case(CaseId, Vec<ozg_protocols::case::Recorded>),
    Intake(IntakeId, Vec<RecordedIntake>),
    Account(u128, Vec<ozg_protocols::account::RecordedAccount>),
    Nothing,
}

/// Opens a record. One that cannot be opened belongs to a stream that its own actor finds disturbed: it is left out here.
pub(super) fn step(sealer: &Arc<Sealer>, stored: &StoredRecord) -> Result<Step, SealError> {
    let (sealer, id) = (sealer.clone(), stored.stream);
    Ok(match id.kind {
        StreamKind::Case => match Stream::new(sealer, id, CASE_RECORDS, EFFECTS).open(stored)? {
            Opened::Events(record) => Step::Case(CaseId::from_u128(id.id), record.events),
            Opened::Erased => Step::Nothing,
        },
        StreamKind::Intake => match Stream::new(sealer, id, INTAKE_RECORDS, EFFECTS).open(stored)? {
            Opened::Events(record) => Step::Intake(IntakeId::from_u128(id.id), record.events),
            Opened::Erased => Step::Nothing,
        },
        StreamKind::User => match Stream::new(sealer, id, ACCOUNT_RECORDS, NoEffect::SCHEMA).open(stored)? {
            Opened::Events(record) => Step::Account(id.id, record.events),
            Opened::Erased => Step::Nothing,
        },
        StreamKind::Tenant | StreamKind::Access => Step::Nothing,
    })
}

impl Index {
    /// Takes the step of this record; what a page may show of it.
    pub(super) fn take(&mut self, record: u64, step: Step) -> Option<Change> {
        self.as_of = record;
        match step {
            Step::Case(case, events) => self.case(case, &events).then_some(Change::Case { case, record }),
            Step::Intake(id, events) => {
                let before = self.intakes.remove(&id);
                let after = events.iter().fold(before, |intake, recorded| Intake::apply(intake, &slim(recorded)));
                if let Some(intake) = after {
                    self.put_intake(id, intake);
                }
                self.look_at_intake(id).then_some(Change::Tray { record })
            }
            Step::Account(id, events) => {
                let before = self.accounts.remove(&id);
                if let Some(mut account) = events.iter().fold(before, Account::apply) {
                    // Nobody reads a password here.
                    account.password = None;
                    self.accounts.insert(id, account);
                }
                None
            }
            Step::Nothing => None,
        }
    }
}

/// The bytes of a submission stay in the journal.
fn slim(recorded: &RecordedIntake) -> RecordedIntake {
    match &recorded.event {
        IntakeEvent::Kept { channel, service, .. } => {
            let raw = RawSubmission { metadata: RawPart::Inline(String::new()), data: None, event_log: Vec::new() };
            let event = IntakeEvent::Kept { channel: channel.clone(), service: service.clone(), raw };
            RecordedIntake { at: recorded.at, event }
        }
        _ => recorded.clone(),
    }
}
