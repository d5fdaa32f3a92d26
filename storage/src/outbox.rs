//! The outbox: effects wait here from the commit of their record until somebody says they have happened.
//!
//! They lie in lanes, one for each counterpart, so that a claim touches only what it is for. How many wait in a lane is
//! counted in the same transactions that put them there and take them away. Claiming counts the attempt durably before
//! anything is handed out (law 5). Claims and verdicts pass when the store is full: they are how it gets rid of things.

use std::sync::atomic::Ordering;

use ozg_protocols::moment::Moment;
use redb::{Durability, ReadableTable as _, Table, WriteTransaction};

use crate::{
    fault::Fault,
    journal::{
        Backlog, ClaimedEffect, EffectId, EffectTarget, EffectVerdict, JournalError, Lane, MOST_CLAIMED, RecordNo,
        Version,
    },
    redb_core::RedbCore,
    shelf::Outcome,
    tables::{self, EffectKey, EffectRow, effect_key, lane_key},
};

/// The most claims that are freed at a time.
const MOST_RELEASED: usize = 1_000;

/// The tables of the outbox, open in one transaction.
pub(crate) struct Outbox<'t> {
    effects: Table<'t, EffectKey, &'static [u8]>,
    due: Table<'t, (u8, u128, i64, u64, u16), ()>,
    lanes: Table<'t, (u8, u128), u64>,
}

impl<'t> Outbox<'t> {
    pub(crate) fn open(transaction: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self {
            effects: transaction.open_table(tables::EFFECTS)?,
            due: transaction.open_table(tables::DUE)?,
            lanes: transaction.open_table(tables::LANES)?,
        })
    }

    /// Puts one there that is not there yet.
    pub(crate) fn put(&mut self, id: EffectId, row: &EffectRow) -> Result<(), Fault> {
        self.write(id, row)?;
        let waiting = self.waiting(id.lane)?;
        self.lanes.insert(lane_key(id.lane), waiting + 1)?;
        Ok(())
    }

    fn waiting(&self, lane: Lane) -> Result<u64, Fault> {
        Ok(self.lanes.get(lane_key(lane))?.map_or(0, |count| count.value()))
    }

    fn row(&self, id: EffectId) -> Result<Option<EffectRow>, Fault> {
        Ok(self.effects.get(effect_key(id))?.map(|row| tables::decode(row.value())).transpose()?)
    }

    fn write(&mut self, id: EffectId, row: &EffectRow) -> Result<(), Fault> {
        self.due.insert(due_key(id, row.due), ())?;
        self.effects.insert(effect_key(id), tables::encode(row)?.as_slice())?;
        Ok(())
    }

    /// Writes what became of a row that was due at `before`.
    fn change(&mut self, id: EffectId, before: Moment, row: &EffectRow) -> Result<(), Fault> {
        self.due.remove(due_key(id, before))?;
        self.write(id, row)
    }

    fn take(&mut self, id: EffectId, row: &EffectRow) -> Result<(), Fault> {
        self.due.remove(due_key(id, row.due))?;
        self.effects.remove(effect_key(id))?;
        match self.waiting(id.lane)? {
            0 | 1 => self.lanes.remove(lane_key(id.lane))?,
            count => self.lanes.insert(lane_key(id.lane), count - 1)?,
        };
        Ok(())
    }

    /// What is due in a lane between these moments, at most so many, oldest first.
    fn due(&self, lane: Lane, after: i64, until: i64, limit: usize) -> Result<Vec<EffectId>, Fault> {
        let (target, place) = lane_key(lane);
        let id = |key: (u8, u128, i64, u64, u16)| EffectId { lane, record: RecordNo(key.3), index: key.4 };
        self.due
            .range((target, place, after, 0, 0)..=(target, place, until, u64::MAX, u16::MAX))?
            .take(limit)
            .map(|row| Ok(id(row?.0.value())))
            .collect()
    }

    /// All lanes of a target where anything waits.
    fn lanes(&self, target: EffectTarget) -> Result<Vec<Lane>, Fault> {
        let all = lane_key(Lane { target, place: 0 })..=lane_key(Lane { target, place: u128::MAX });
        self.lanes.range(all)?.map(|row| Ok(Lane { target, place: row?.0.value().1 })).collect()
    }
}

const fn due_key(id: EffectId, due: Moment) -> (u8, u128, i64, u64, u16) {
    (id.lane.target as u8, id.lane.place, due.millis(), id.record.0, id.index)
}

const fn missing(id: EffectId) -> Fault {
    Fault::damaged(id.record.0, "an effect is missing")
}

impl RedbCore {
    /// Claims effects that are due, from each lane at most so many and [`MOST_CLAIMED`] in all, the oldest of each lane
    /// first; nobody else gets them before `until`.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`], [`JournalError::Full`] or [`JournalError::Damaged`]; an attempt may have been counted
    /// then, but nothing is handed out.
    pub fn claim(
        &self,
        from: &[(Lane, usize)],
        now: Moment,
        until: Moment,
    ) -> Result<Vec<ClaimedEffect>, JournalError> {
        self.latest.fetch_max(now.millis(), Ordering::Relaxed);
        self.writing(Durability::Immediate, |transaction| {
            let mut outbox = Outbox::open(transaction)?;
            let mut claimed = Vec::new();
            for (lane, room) in from {
                let room = (*room).min(MOST_CLAIMED - claimed.len());
                for id in outbox.due(*lane, i64::MIN, now.millis(), room)? {
                    let mut row = outbox.row(id)?.ok_or(missing(id))?;
                    let stream = row.stream().ok_or(Fault::damaged(id.record.0, "an effect has no stream"))?;
                    let (attempts, due) = (row.attempts, row.due);
                    row.attempts = attempts.saturating_add(1);
                    row.due = until;
                    outbox.change(id, due, &row)?;
                    let (first, since) = (Version(row.first), row.since);
                    claimed.push(ClaimedEffect { id, stream, first, attempts, since, body: row.body.into() });
                }
            }
            Ok(if claimed.is_empty() { Outcome::Nothing(claimed) } else { Outcome::Commit(claimed) })
        })
    }

    /// Makes what would be due before `before` due at `now`, at most 1,000 effects: nobody is left who carries them out.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`], [`JournalError::Full`] or [`JournalError::Damaged`].
    pub fn release(&self, target: EffectTarget, now: Moment, before: Moment) -> Result<(), JournalError> {
        self.writing(Durability::Immediate, |transaction| {
            let mut outbox = Outbox::open(transaction)?;
            let mut released = 0;
            for lane in outbox.lanes(target)? {
                let (after, until) = (now.millis().saturating_add(1), before.millis().saturating_sub(1));
                if after > until {
                    break;
                }
                for id in outbox.due(lane, after, until, MOST_RELEASED - released)? {
                    let row = outbox.row(id)?.ok_or(missing(id))?;
                    outbox.change(id, row.due, &EffectRow { due: now, ..row.clone() })?;
                    released += 1;
                }
            }
            Ok(if released == 0 { Outcome::Nothing(()) } else { Outcome::Commit(()) })
        })
    }

    /// How many effects have not happened yet, claimed or not, and when the one of the oldest record was first due, lane by
    /// lane. Reads two rows for each.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`] or [`JournalError::Damaged`].
    pub fn backlog(&self, target: EffectTarget) -> Result<Vec<Backlog>, JournalError> {
        self.reading(|transaction| {
            let effects = transaction.open_table(tables::EFFECTS)?;
            let all = lane_key(Lane { target, place: 0 })..=lane_key(Lane { target, place: u128::MAX });
            let mut backlog = Vec::new();
            for row in transaction.open_table(tables::LANES)?.range(all)? {
                let (key, count) = row?;
                let (target_number, place) = key.value();
                let mut lane =
                    effects.range((target_number, place, 0, 0)..=(target_number, place, u64::MAX, u16::MAX))?;
                let oldest = lane.next().ok_or(Fault::damaged(0, "an effect is missing"))??;
                let oldest: EffectRow = tables::decode(oldest.1.value())?;
                let lane = Lane { target, place };
                backlog.push(Backlog { lane, count: count.value(), oldest: oldest.since });
            }
            Ok(backlog)
        })
    }

    /// Settles claimed effects. May be repeated.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`], [`JournalError::Full`] or [`JournalError::Damaged`].
    pub fn settle(&self, verdicts: &[(EffectId, EffectVerdict)]) -> Result<(), JournalError> {
        self.writing(Durability::Immediate, |transaction| {
            let mut outbox = Outbox::open(transaction)?;
            for &(id, ref verdict) in verdicts {
                // Settled before: a repetition changes nothing.
                let Some(row) = outbox.row(id)? else { continue };
                let untried = row.attempts.saturating_sub(1);
                match *verdict {
                    EffectVerdict::Done => outbox.take(id, &row)?,
                    EffectVerdict::Retry(due) => outbox.change(id, row.due, &EffectRow { due, ..row.clone() })?,
                    EffectVerdict::Untried(due) => {
                        outbox.change(id, row.due, &EffectRow { due, attempts: untried, ..row.clone() })?;
                    }
                    EffectVerdict::Belongs(lane, due) => {
                        outbox.take(id, &row)?;
                        outbox.put(EffectId { lane, ..id }, &EffectRow { due, attempts: untried, ..row })?;
                    }
                }
            }
            Ok(Outcome::Commit(()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::Appended,
        testing::{Sample, nothing_named},
        verify::{VerifyError, verify_store},
    };

    const LANE: Lane = Sample::LANE;

    #[test]
    fn a_backlog_is_kept_and_not_counted() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Sample::founded(directory.path()).open().expect("opens");
        let mut stream = Sample::stream(&store, 5);
        let batch = (0..20)
            .map(|version| Sample::append(&mut stream, version, u128::from(version), "waits", Some(1), Vec::new()));
        let answers = store.core.commit(batch.collect());
        assert!(answers.iter().all(|answer| matches!(answer, Ok(Appended::Durable { .. }))));
        let backlog = || store.core.backlog(LANE.target).expect("reads");
        assert_eq!(backlog(), [Backlog { lane: LANE, count: 20, oldest: Moment::from_seconds(100) }]);
        // Whoever looked at more than the first of them could not read the second.
        let spoil = |transaction: &WriteTransaction| {
            let second = (1, 7, 3, 0);
            transaction.open_table(tables::EFFECTS)?.insert(second, [0xff].as_slice())?;
            transaction.open_table(tables::LANES)?.insert(lane_key(LANE), 1_000_000)?;
            let mut due = transaction.open_table(tables::DUE)?;
            due.retain(|_, ()| false)?;
            Ok(Outcome::Commit(()))
        };
        store.core.shelf.write(Durability::Immediate, spoil).expect("is spoilt");
        assert_eq!(backlog()[0].count, 1_000_000, "the number that is kept");
    }

    #[test]
    fn a_number_that_is_not_that_of_what_waits_is_damage() {
        let directory = tempfile::tempdir().expect("a directory");
        let sample = Sample::founded(directory.path());
        let store = sample.open().expect("opens");
        let mut stream = Sample::stream(&store, 5);
        store.core.commit(vec![Sample::append(&mut stream, 0, 1, "waits", Some(1), Vec::new())]);
        let forget = |transaction: &WriteTransaction| {
            transaction.open_table(tables::LANES)?.insert(lane_key(LANE), 2)?;
            Ok(Outcome::Commit(()))
        };
        store.core.shelf.write(Durability::Immediate, forget).expect("is spoilt");
        drop((store, stream));
        let Sample { disk, data, tenant, key, .. } = &sample;
        let verified = verify_store(disk, data, tenant, Some(key), None, &nothing_named, &mut |_| {});
        assert!(matches!(verified, Err(VerifyError::Journal { what: "effects are counted wrongly", .. })));
    }
}
