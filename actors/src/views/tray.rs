//! The clearing tray: which submissions wait for a person, kept up with each record, so that counting them costs nothing.

use std::collections::BTreeSet;

use ozg_protocols::{
    case::Status,
    ids::{CaseId, IntakeId},
    intake::{ClearingReason, Intake, IntakeState},
};

use super::{ClearingItem, index::Index};

/// What waits, and since which record it is so.
#[derive(Debug, Clone, Default)]
pub(super) struct Tray {
    waiting: BTreeSet<IntakeId>,
    /// Those that somebody settles by taking on their case: they come and go with it.
    by_case: BTreeSet<(CaseId, IntakeId)>,
    /// The last record that changed anything here.
    changed: u64,
}

impl Tray {
    pub(super) fn count(&self) -> u64 {
        self.waiting.len() as u64
    }

    pub(super) fn has(&self, intake: IntakeId) -> bool {
        self.waiting.contains(&intake)
    }

    /// What waits, if that has changed after this record.
    pub(super) fn after(&self, record: u64) -> Option<BTreeSet<IntakeId>> {
        (self.changed > record).then(|| self.waiting.clone())
    }
}

impl Index {
    /// Looks again whether a submission waits: something happened to it. Whether the tray shows that.
    pub(super) fn look_at_intake(&mut self, id: IntakeId) -> bool {
        let intake = self.intakes.get(&id);
        let waits = intake.is_some_and(|intake| self.waits(intake));
        if let Some((case, settles)) = intake.and_then(|intake| Some((intake.case?, is_settled_by_its_case(intake)))) {
            if settles {
                self.tray.by_case.insert((case, id));
            } else {
                self.tray.by_case.remove(&(case, id));
            }
        }
        let waited = if waits { !self.tray.waiting.insert(id) } else { self.tray.waiting.remove(&id) };
        if waits || waited {
            self.tray.changed = self.as_of;
        }
        waits || waited
    }

    /// Looks again whether what a case settles waits: something happened to the case.
    pub(super) fn look_at_intakes_of(&mut self, case: CaseId) {
        let all = (case, IntakeId::from_u128(0))..=(case, IntakeId::from_u128(u128::MAX));
        let of_case: Vec<_> = self.tray.by_case.range(all).map(|(_, intake)| *intake).collect();
        for id in of_case {
            let waits = self.intakes.get(&id).is_some_and(|intake| self.waits(intake));
            if waits != self.tray.has(id) {
                self.look_at_intake(id);
            }
        }
    }

    pub(super) fn clearing(&self) -> Vec<ClearingItem> {
        let item = |id: &IntakeId| {
            let intake = self.intakes.get(id)?;
            let IntakeState::Clearing(reason) = &intake.state else { return None };
            Some(ClearingItem {
                intake: *id,
                channel: intake.channel.clone(),
                service: intake.service.clone(),
                reason: reason.clone(),
                kept: intake.kept,
                since: intake.since,
                attempts: intake.attempts,
                case: intake.case,
            })
        };
        let mut items: Vec<_> = self.tray.waiting.iter().filter_map(item).collect();
        items.sort_by_key(|item| (item.since, item.intake));
        items
    }

    fn waits(&self, intake: &Intake) -> bool {
        matches!(intake.state, IntakeState::Clearing(_)) && !self.is_taken_on(intake)
    }

    /// Whether somebody has taken on the case that an accepted submission became: the rest happens there.
    fn is_taken_on(&self, intake: &Intake) -> bool {
        let row = intake.case.and_then(|case| self.columns.row_of(case));
        let taken = |row| self.columns.facts(row).assignee.is_some() || self.columns.facts(row).status != Status::New;
        is_settled_by_its_case(intake) && row.is_some_and(taken)
    }
}

const fn is_settled_by_its_case(intake: &Intake) -> bool {
    matches!(intake.state, IntakeState::Clearing(ClearingReason::NotMapped | ClearingReason::NoResponsibleUnit))
}
