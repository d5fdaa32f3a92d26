//! What is written beside the log, compared with the log: stream rows, outbox, snapshots, small records.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use redb::{ReadTransaction, ReadableTable as _};

use super::{Verification, VerifyError, broken};
use crate::{
    fault::Fault,
    heads,
    journal::{StreamId, StreamKind},
    seal::{Part, Place},
    tables::{self, EffectRow, Entry, Head, Page, SmallRow, SnapshotRow},
};

impl Verification<'_> {
    /// Compares what is written beside the log with the log.
    pub(super) fn check_rows(&self) -> Result<(), VerifyError> {
        let mut problem = None;
        self.shelf.read(|transaction| {
            problem = self.check_streams(transaction)?.or(self.check_outbox(transaction)?);
            problem = problem.take().or(self.check_bodies(transaction)?);
            let marked = heads::marked(transaction)?.into_iter().min_by_key(|(_, record)| *record);
            let stopped = marked.map(|(id, record)| broken(record, Some(id), "its stream was found damaged before"));
            problem = problem.take().or(stopped);
            Ok(())
        })?;
        problem.map_or(Ok(()), Err)
    }

    fn check_streams(&self, transaction: &ReadTransaction) -> Result<Option<VerifyError>, Fault> {
        let mut heads = 0;
        let mut places = DefaultHasher::new();
        for row in transaction.open_table(tables::STREAMS)?.iter()? {
            let (key, value) = row?;
            let (kind, id, first) = key.value();
            let add = |places: &mut DefaultHasher, entries: &[Entry]| {
                entries.iter().for_each(|entry| (entry.number, entry.first, entry.events).hash(places));
            };
            if first != tables::HEAD {
                add(&mut places, &tables::decode::<Page>(value.value())?.0);
                continue;
            }
            let head: Head = tables::decode(value.value())?;
            add(&mut places, &head.recent);
            let chain = StreamKind::from_number(kind).and_then(|kind| self.chains_of_rows.get(&StreamId { kind, id }));
            let same = chain.is_some_and(|chain| {
                (chain.version, chain.hash, chain.places.finish()) == (head.version, head.hash, places.finish())
            });
            if !same {
                let record = head.recent.last().map_or(0, |entry| entry.number);
                let stream = StreamKind::from_number(kind).map(|kind| StreamId { kind, id });
                return Ok(Some(broken(record, stream, "the row of its stream contradicts the log")));
            }
            heads += 1;
            places = DefaultHasher::new();
        }
        let whole = heads == self.chains_of_rows.len();
        Ok((!whole).then(|| broken(0, None, "the row of a stream is missing")))
    }

    fn check_outbox(&self, transaction: &ReadTransaction) -> Result<Option<VerifyError>, Fault> {
        let due = transaction.open_table(tables::DUE)?;
        let (mut waiting, mut lanes) = (0, BTreeMap::<_, u64>::new());
        for row in transaction.open_table(tables::EFFECTS)?.iter()? {
            let (key, value) = row?;
            let (target, lane, record, index) = key.value();
            let row: EffectRow = tables::decode(value.value())?;
            let Some(stream) = row.stream() else {
                return Ok(Some(broken(record, None, "an effect has no stream")));
            };
            let place = Place { index, ..Place::of(Part::Effect, stream, row.first) };
            let body = row.body.into();
            if let Err(what) = self.opens(place, &body) {
                return Ok(Some(broken(record, Some(stream), what)));
            }
            if due.get((target, lane, row.due.millis(), record, index))?.is_none() {
                return Ok(Some(broken(record, Some(stream), "an effect of it is never due")));
            }
            waiting += 1;
            *lanes.entry((target, lane)).or_default() += 1;
        }
        let kept = transaction.open_table(tables::LANES)?;
        let kept = kept.iter()?.map(|row| row.map(|(lane, count)| (lane.value(), count.value())));
        if kept.collect::<Result<BTreeMap<_, _>, _>>()? != lanes {
            return Ok(Some(broken(0, None, "effects are counted wrongly")));
        }
        let whole = due.iter()?.count() == waiting;
        Ok((!whole).then(|| broken(0, None, "an effect is missing")))
    }

    fn check_bodies(&self, transaction: &ReadTransaction) -> Result<Option<VerifyError>, Fault> {
        for row in transaction.open_table(tables::SNAPSHOTS)?.iter()? {
            let (key, value) = row?;
            let (kind, id) = key.value();
            let row: SnapshotRow = tables::decode(value.value())?;
            let place = Place { part: Part::Snapshot, kind, id, version: row.version, index: 0 };
            if self.opens(place, &row.body.into()).is_err() {
                return Ok(Some(broken(0, None, "a snapshot does not open")));
            }
        }
        for row in transaction.open_table(tables::SMALL)?.iter()? {
            let (key, value) = row?;
            let (kind, id) = key.value();
            let row: SmallRow = tables::decode(value.value())?;
            let place = Place { part: Part::Small, kind, id, version: 0, index: 0 };
            if self.opens(place, &row.body.into()).is_err() {
                return Ok(Some(broken(0, None, "a small record does not open")));
            }
        }
        Ok(None)
    }
}
