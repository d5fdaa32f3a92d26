//! What is written beside the log, compared with the log: stream rows, outbox, snapshots, small records.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    ops::{Bound, ControlFlow},
};

use super::{Verification, VerifyError, broken};
use crate::{
    fault::Fault,
    heads,
    journal::{StreamId, StreamKind},
    seal::{Part, Place},
    tables::{self, EffectRow, Entry, Head, Page, SmallRow, SnapshotRow},
};

/// The row is whole, or what is wrong with it.
type Looked = Result<ControlFlow<VerifyError>, Fault>;

const WHOLE: Looked = Ok(ControlFlow::Continue(()));

const fn found(problem: VerifyError) -> Looked {
    Ok(ControlFlow::Break(problem))
}

fn none_wrong(problem: Option<VerifyError>) -> Result<(), VerifyError> {
    problem.map_or(Ok(()), Err)
}

impl Verification<'_> {
    /// Compares what is written beside the log with the log.
    pub(super) fn check_rows(&self) -> Result<(), VerifyError> {
        self.check_streams()?;
        self.check_outbox()?;
        self.check_snapshots()?;
        self.check_small()?;
        let marked = self.shelf.read(heads::marked)?.into_iter().min_by_key(|(_, record)| *record);
        none_wrong(marked.map(|(id, record)| broken(record, Some(id), "its stream was found damaged before")))
    }

    fn check_streams(&self) -> Result<(), VerifyError> {
        let (mut heads, mut places) = (0, DefaultHasher::new());
        let add = |places: &mut DefaultHasher, entries: &[Entry]| {
            entries.iter().for_each(|entry| (entry.number, entry.first, entry.events).hash(places));
        };
        let problem = self.shelf.look_at_rows(tables::STREAMS, Bound::Unbounded, |_, (kind, id, first), value| {
            if first != tables::HEAD {
                add(&mut places, &tables::decode::<Page>(value)?.0);
                return WHOLE;
            }
            let head: Head = tables::decode(value)?;
            add(&mut places, &head.recent);
            let stream = StreamKind::from_number(kind).map(|kind| StreamId { kind, id });
            let chain = stream.and_then(|stream| self.chains_of_rows.get(&stream));
            let same = chain.is_some_and(|chain| {
                (chain.version, chain.hash, chain.places.finish()) == (head.version, head.hash, places.finish())
            });
            if !same {
                let record = head.recent.last().map_or(0, |entry| entry.number);
                return found(broken(record, stream, "the row of its stream contradicts the log"));
            }
            heads += 1;
            places = DefaultHasher::new();
            WHOLE
        })?;
        let whole = heads == self.chains_of_rows.len();
        none_wrong(problem.or_else(|| (!whole).then(|| broken(0, None, "the row of a stream is missing"))))
    }

    fn check_outbox(&self) -> Result<(), VerifyError> {
        let (mut waiting, mut lanes) = (0_u64, BTreeMap::<(u8, u128), u64>::new());
        let problem = self.shelf.look_at_rows(tables::EFFECTS, Bound::Unbounded, |transaction, key, value| {
            let (target, lane, record, index) = key;
            let row: EffectRow = tables::decode(value)?;
            let Some(stream) = row.stream() else {
                return found(broken(record, None, "an effect has no stream"));
            };
            let place = Place { index, ..Place::of(Part::Effect, stream, row.first) };
            let due = (target, lane, row.due.millis(), record, index);
            if let Err(what) = self.opens(place, &row.body.into()) {
                return found(broken(record, Some(stream), what));
            }
            if transaction.open_table(tables::DUE)?.get(due)?.is_none() {
                return found(broken(record, Some(stream), "an effect of it is never due"));
            }
            waiting += 1;
            *lanes.entry((target, lane)).or_default() += 1;
            WHOLE
        })?;
        none_wrong(problem)?;
        let mut due = 0_u64;
        let problem = self.shelf.look_at_rows(tables::DUE, Bound::Unbounded, |_, _, ()| {
            due += 1;
            WHOLE
        })?;
        none_wrong(problem.or_else(|| (due != waiting).then(|| broken(0, None, "an effect is missing"))))?;
        let problem = self.shelf.look_at_rows(tables::LANES, Bound::Unbounded, |_, lane, count| {
            let counted = lanes.remove(&lane) == Some(count);
            if counted { WHOLE } else { found(broken(0, None, "effects are counted wrongly")) }
        })?;
        let uncounted = || (!lanes.is_empty()).then(|| broken(0, None, "effects are counted wrongly"));
        none_wrong(problem.or_else(uncounted))
    }

    fn check_snapshots(&self) -> Result<(), VerifyError> {
        let problem = self.shelf.look_at_rows(tables::SNAPSHOTS, Bound::Unbounded, |_, (kind, id), value| {
            let row: SnapshotRow = tables::decode(value)?;
            let place = Place { part: Part::Snapshot, kind, id, version: row.version, index: 0 };
            match self.opens(place, &row.body.into()) {
                Ok(_) => WHOLE,
                Err(_) => found(broken(0, None, "a snapshot does not open")),
            }
        })?;
        none_wrong(problem)
    }

    fn check_small(&self) -> Result<(), VerifyError> {
        let problem = self.shelf.look_at_rows(tables::SMALL, Bound::Unbounded, |_, (kind, id), value| {
            let row: SmallRow = tables::decode(value)?;
            let place = Place { part: Part::Small, kind, id, version: 0, index: 0 };
            match self.opens(place, &row.body.into()) {
                Ok(_) => WHOLE,
                Err(_) => found(broken(0, None, "a small record does not open")),
            }
        })?;
        none_wrong(problem)
    }
}
