//! The outbox: effects wait here from the commit of their record until somebody says they have happened.
//!
//! Claiming counts the attempt durably before anything is handed out (law 5). Claims and verdicts pass when the store is
//! full: they are how it gets rid of things.

use std::sync::atomic::Ordering;

use ozg_protocols::moment::Moment;
use redb::{Durability, ReadableTable as _};

use crate::{
    fault::Fault,
    journal::{Backlog, ClaimedEffect, EffectId, EffectTarget, EffectVerdict, JournalError, RecordNo, Version},
    redb_core::RedbCore,
    shelf::Outcome,
    tables::{self, OutboxRow},
};

/// The most effects that one claim hands out.
const MAX_CLAIM: usize = 1_000;

impl RedbCore {
    /// Claims effects that are due, at most `limit`, oldest first; nobody else gets them before `until`.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`], [`JournalError::Full`] or [`JournalError::Damaged`]; an attempt may have been counted
    /// then, but nothing is handed out.
    pub fn claim(
        &self,
        target: EffectTarget,
        now: Moment,
        until: Moment,
        limit: usize,
    ) -> Result<Vec<ClaimedEffect>, JournalError> {
        self.latest.fetch_max(now.millis(), Ordering::Relaxed);
        let target = tables::target_number(target);
        self.writing(Durability::Immediate, |transaction| {
            let mut due = transaction.open_table(tables::DUE)?;
            let mut outbox = transaction.open_table(tables::OUTBOX)?;
            let ready = due
                .range((target, i64::MIN, 0, 0)..=(target, now.millis(), u64::MAX, u16::MAX))?
                .take(limit.min(MAX_CLAIM))
                .map(|row| row.map(|(key, _)| key.value()))
                .collect::<Result<Vec<_>, _>>()?;
            let mut claimed = Vec::with_capacity(ready.len());
            for key in ready {
                let (_, _, record, index) = key;
                let row =
                    outbox.get((record, index))?.map(|row| tables::decode::<OutboxRow>(row.value())).transpose()?;
                let mut row = row.ok_or(Fault::damaged(record, "an effect is missing"))?;
                let stream = row.stream().ok_or(Fault::damaged(record, "an effect has no stream"))?;
                let attempts = row.attempts;
                row.attempts = attempts.saturating_add(1);
                row.due = until;
                due.remove(key)?;
                due.insert((target, until.millis(), record, index), ())?;
                outbox.insert((record, index), tables::encode(&row)?.as_slice())?;
                claimed.push(ClaimedEffect {
                    id: EffectId { record: RecordNo(record), index },
                    stream,
                    first: Version(row.first),
                    attempts,
                    since: row.since,
                    body: row.body.into(),
                });
            }
            Ok(if claimed.is_empty() { Outcome::Nothing(claimed) } else { Outcome::Commit(claimed) })
        })
    }

    /// Makes what would be due before `before` due at `now`, at most 1,000 effects: nobody is left who carries them out.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`], [`JournalError::Full`] or [`JournalError::Damaged`].
    pub fn release(&self, target: EffectTarget, now: Moment, before: Moment) -> Result<(), JournalError> {
        let target = tables::target_number(target);
        self.writing(Durability::Immediate, |transaction| {
            let mut due = transaction.open_table(tables::DUE)?;
            let mut outbox = transaction.open_table(tables::OUTBOX)?;
            let held = due
                .range((target, now.millis().saturating_add(1), 0, 0)..(target, before.millis(), 0, 0))?
                .take(MAX_CLAIM)
                .map(|row| row.map(|(key, _)| key.value()))
                .collect::<Result<Vec<_>, _>>()?;
            for key in &held {
                let (_, _, record, index) = *key;
                let row =
                    outbox.get((record, index))?.map(|row| tables::decode::<OutboxRow>(row.value())).transpose()?;
                let row = OutboxRow { due: now, ..row.ok_or(Fault::damaged(record, "an effect is missing"))? };
                due.remove(*key)?;
                due.insert((target, now.millis(), record, index), ())?;
                outbox.insert((record, index), tables::encode(&row)?.as_slice())?;
            }
            Ok(if held.is_empty() { Outcome::Nothing(()) } else { Outcome::Commit(()) })
        })
    }

    /// How many effects have not happened yet, claimed or not, and when the one of the oldest record was first due.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`] or [`JournalError::Damaged`].
    pub fn backlog(&self, target: EffectTarget) -> Result<Backlog, JournalError> {
        let target = tables::target_number(target);
        self.reading(|transaction| {
            let mut backlog = Backlog::default();
            let all = (target, i64::MIN, u64::MIN, u16::MIN)..=(target, i64::MAX, u64::MAX, u16::MAX);
            for row in transaction.open_table(tables::DUE)?.range(all)? {
                row?;
                backlog.count += 1;
            }
            if backlog.count == 0 {
                return Ok(backlog);
            }
            for row in transaction.open_table(tables::OUTBOX)?.iter()? {
                let row: OutboxRow = tables::decode(row?.1.value())?;
                if row.target == target {
                    backlog.oldest = Some(row.since);
                    break;
                }
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
            let mut due = transaction.open_table(tables::DUE)?;
            let mut outbox = transaction.open_table(tables::OUTBOX)?;
            for (EffectId { record: RecordNo(record), index }, verdict) in verdicts {
                let key = (*record, *index);
                let row = outbox.get(key)?.map(|row| tables::decode::<OutboxRow>(row.value())).transpose()?;
                // Settled before: a repetition changes nothing.
                let Some(mut row) = row else { continue };
                due.remove((row.target, row.due.millis(), *record, *index))?;
                match verdict {
                    EffectVerdict::Done => {
                        outbox.remove(key)?;
                    }
                    EffectVerdict::Retry(at) | EffectVerdict::Untried(at) => {
                        if matches!(verdict, EffectVerdict::Untried(_)) {
                            row.attempts = row.attempts.saturating_sub(1);
                        }
                        row.due = *at;
                        due.insert((row.target, at.millis(), *record, *index), ())?;
                        outbox.insert(key, tables::encode(&row)?.as_slice())?;
                    }
                }
            }
            Ok(Outcome::Commit(()))
        })
    }
}
