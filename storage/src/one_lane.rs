//! Stores from before effects lay in lanes: what waits there is put into lanes when the file is opened.
//!
//! Whom an effect is for stands in its sealed body, which nobody opens here. So all of them go to place 0 of their target,
//! and whoever claims them says where they belong.

use ozg_protocols::moment::Moment;
use redb::{Database, Durability, ReadableDatabase as _, ReadableTable as _, TableDefinition, TableHandle as _};
use serde::{Deserialize, Serialize};

use crate::{
    fault::Fault,
    journal::{EffectId, EffectTarget, Lane, RecordNo},
    outbox::Outbox,
    shelf,
    tables::{self, BodyRow, EffectRow},
};

/// (record, index) -> [`OutboxRow`].
const OUTBOX: TableDefinition<'_, (u64, u16), &[u8]> = TableDefinition::new("outbox");
/// (target, due, record, index).
const DUE: TableDefinition<'_, (u8, i64, u64, u16), ()> = TableDefinition::new("due");

/// An effect as it lay there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OutboxRow {
    target: u8,
    due: Moment,
    since: Moment,
    attempts: u32,
    kind: u8,
    id: [u8; 16],
    first: u64,
    body: BodyRow,
}

/// Puts everything into lanes, in one transaction. Does nothing if that was done before.
pub(crate) fn sort(database: &Database) -> Result<(), Fault> {
    if !database.begin_read()?.list_tables()?.any(|table| table.name() == OUTBOX.name()) {
        return Ok(());
    }
    let transaction = shelf::begin(database, Durability::Immediate)?;
    {
        let (old, mut outbox) = (transaction.open_table(OUTBOX)?, Outbox::open(&transaction)?);
        for entry in old.iter()? {
            let (key, value) = entry?;
            let (record, index) = key.value();
            let OutboxRow { target, due, since, attempts, kind, id, first, body } = tables::decode(value.value())?;
            let target = EffectTarget::from_number(target).ok_or(Fault::damaged(record, "an effect has no target"))?;
            let id_there = EffectId { lane: Lane { target, place: 0 }, record: RecordNo(record), index };
            outbox.put(id_there, &EffectRow { due, since, attempts, kind, id, first, body })?;
        }
    }
    transaction.delete_table(OUTBOX)?;
    transaction.delete_table(DUE)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::{Backlog, EffectVerdict},
        shelf::Outcome,
        stream::open_effect,
        testing::{Errand, Sample, nothing_named},
        verify::{Report, VerifyError, verify_store},
    };

    const ONE_LANE: Lane = Lane { target: EffectTarget::FitConnect, place: 0 };

    #[test]
    fn what_waited_before_there_were_lanes_waits_in_one_until_somebody_says_where_it_belongs() {
        let directory = tempfile::tempdir().expect("a directory");
        let sample = Sample::founded(directory.path());
        let store = sample.open().expect("opens");
        let mut stream = Sample::stream(&store, 5);
        let errands = (0..3).map(|n| Sample::append(&mut stream, n, u128::from(n), "x", Some(9), vec![]));
        store.core.commit(errands.collect());
        let (now, later) = (Moment::from_seconds(1_000), Moment::from_seconds(2_000));
        assert_eq!(store.core.claim(&[(Sample::LANE, 1)], now, later).expect("claims").len(), 1);
        store.core.shelf.write(Durability::Immediate, as_it_was).expect("is written as it was");
        drop(store);

        verified(&sample).expect("whole, though nothing was sorted yet");
        let store = sample.open().expect("opens");
        let backlog = |lane, oldest| Backlog { lane, count: 3, oldest: Moment::from_seconds(oldest) };
        assert_eq!(store.core.backlog(EffectTarget::FitConnect), Ok(vec![backlog(ONE_LANE, 100)]));
        let claimed = store.core.claim(&[(ONE_LANE, 9)], later, later).expect("claims");
        assert_eq!(claimed.iter().map(|effect| effect.attempts).collect::<Vec<_>>(), [0, 0, 1]);
        let errand: Errand = open_effect(&store.sealer, &crate::codec::Schema::first(1), &claimed[2]).expect("opens");
        assert_eq!(errand, Errand(9));
        let lane = Sample::LANE;
        let verdicts: Vec<_> = claimed.iter().map(|effect| (effect.id, EffectVerdict::Belongs(lane, now))).collect();
        store.core.settle(&verdicts).expect("settles");
        store.core.settle(&verdicts).expect("settles, again");
        assert_eq!(store.core.backlog(EffectTarget::FitConnect), Ok(vec![backlog(lane, 100)]));
        let claimed = store.core.claim(&[(ONE_LANE, 9), (lane, 9)], now, later).expect("claims");
        assert_eq!(claimed.iter().map(|effect| effect.attempts).collect::<Vec<_>>(), [1, 0, 0]);
        drop(store);
        verified(&sample).expect("whole, with the numbers that are kept");
    }

    fn verified(sample: &Sample) -> Result<Report, VerifyError> {
        let Sample { disk, data, tenant, key, .. } = sample;
        verify_store(disk, data, tenant, Some(key), None, &nothing_named, &mut |_| {})
    }

    /// Writes the tables as the stores had them that knew no lanes.
    fn as_it_was(transaction: &redb::WriteTransaction) -> Result<Outcome<()>, Fault> {
        {
            let (mut old, mut due) = (transaction.open_table(OUTBOX)?, transaction.open_table(DUE)?);
            for entry in transaction.open_table(tables::EFFECTS)?.iter()? {
                let (key, value) = entry?;
                let (target, _, record, index) = key.value();
                let EffectRow { due: at, since, attempts, kind, id, first, body } = tables::decode(value.value())?;
                let row = OutboxRow { target, due: at, since, attempts, kind, id, first, body };
                old.insert((record, index), tables::encode(&row)?.as_slice())?;
                due.insert((target, at.millis(), record, index), ())?;
            }
        }
        transaction.delete_table(tables::EFFECTS)?;
        transaction.delete_table(tables::DUE)?;
        transaction.delete_table(tables::LANES)?;
        Ok(Outcome::Commit(()))
    }
}
