//! The heads of streams that were appended to lately: in memory, ahead of their rows in the file.
//!
//! Where a stream stands follows from the log, so its row needs no place in every commit: a batch of appends to a hundred
//! streams would write a hundred pages for a few bytes each. The rows are written together, in the order of their keys,
//! once [`Options::rows_every`](crate::redb_core::Options) records have come since; META says up to which record they
//! know. Whoever opens the file reads the log behind that record again. A head here is never ahead of what is durable:
//! it is put in place after its commit. What a head knows and the log does not, its epoch, makes the rows due at once.

use std::{
    collections::{HashMap, hash_map},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use redb::{Database, ReadTransaction, ReadableDatabase as _, ReadableTable};

use crate::{
    fault::Fault,
    journal::StreamId,
    log_record,
    tables::{self, Entry, Head},
};

/// What a commit did to the heads.
#[derive(Debug)]
pub(crate) enum Moved {
    /// It put these before their rows.
    Ahead(Vec<(StreamId, Head)>),
    /// It wrote all rows; they know every record up to this one.
    Written(u64),
}

/// Heads that are ahead of their rows.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    /// The last record that the rows know.
    rows_until: u64,
    ahead: HashMap<StreamId, Arc<Head>>,
    /// Streams whose records do not continue them, with the first that does not: nobody knows where they stand.
    broken: HashMap<StreamId, u64>,
}

impl Heads {
    /// Reads the log behind what the rows know.
    fn load(transaction: &ReadTransaction) -> Result<Self, Fault> {
        // A store from before the rows lagged behind says nothing: then every record is looked at once.
        let rows_until = rows_until(transaction)?.unwrap_or_default();
        let (log, streams) = (transaction.open_table(tables::LOG)?, transaction.open_table(tables::STREAMS)?);
        let (mut ahead, mut broken) = (HashMap::<StreamId, Head>::new(), HashMap::new());
        for row in log.range(rows_until + 1..)? {
            let (number, bytes) = row?;
            let number = number.value();
            let record =
                log_record::decode(bytes.value()).map_err(|_| Fault::damaged(number, "the record does not decode"))?;
            let head = match ahead.entry(record.stream) {
                hash_map::Entry::Occupied(head) => head.into_mut(),
                hash_map::Entry::Vacant(place) => place.insert(read_row(&streams, record.stream)?.unwrap_or_default()),
            };
            if record.first.0 < head.version {
                continue;
            }
            if record.first.0 > head.version || (head.version > 0 && record.previous != head.hash) {
                broken.entry(record.stream).or_insert(number);
            } else {
                head.follow(number, record.events, record.command.as_u128(), record.hash);
            }
        }
        let ahead = ahead.into_iter().map(|(stream, head)| (stream, Arc::new(head))).collect();
        Ok(Self { rows_until, ahead, broken })
    }

    /// All heads that are ahead of their rows.
    pub(crate) fn ahead(&self) -> impl Iterator<Item = (StreamId, &Head)> {
        self.ahead.iter().map(|(stream, head)| (*stream, &**head))
    }

    /// The head of a stream, if it is ahead of its row. An error if nobody knows where the stream stands.
    pub(crate) fn of(&self, stream: StreamId) -> Result<Option<&Arc<Head>>, Fault> {
        match self.broken.get(&stream) {
            Some(&record) => Err(Fault::damaged(record, "the record does not continue its stream")),
            None => Ok(self.ahead.get(&stream)),
        }
    }

    /// How many of the records up to this one the rows do not know.
    pub(crate) const fn behind(&self, record: u64) -> u64 {
        record.saturating_sub(self.rows_until)
    }

    /// Whether nobody knows where some stream stands: the rows must not forget that.
    pub(crate) fn is_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    fn follow(&mut self, moved: Moved) {
        match moved {
            Moved::Written(rows_until) => (self.rows_until, self.ahead) = (rows_until, HashMap::new()),
            Moved::Ahead(heads) => self.ahead.extend(heads.into_iter().map(|(stream, head)| (stream, Arc::new(head)))),
        }
    }
}

/// The heads of an open file, for its one writer at a time and all readers. They go with the handle: whoever opens the file
/// again reads them again, because only the file knows what became of a commit that failed.
#[derive(Debug)]
pub(crate) struct HeadBoard {
    heads: RwLock<Heads>,
    /// Held from the beginning of a commit until the heads have followed it.
    turn: Mutex<()>,
}

impl HeadBoard {
    /// The heads of this file.
    pub(crate) fn of(database: &Database) -> Result<Self, Fault> {
        let heads = RwLock::new(Heads::load(&database.begin_read()?)?);
        Ok(Self { heads, turn: Mutex::default() })
    }

    /// Waits until nobody else commits.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows a commit that is durable.
    pub(crate) fn follow(&self, moved: Moved) {
        self.heads.write().unwrap_or_else(PoisonError::into_inner).follow(moved);
    }

    /// Looks at all of them.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&Heads) -> T) -> T {
        look(&self.heads.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The head of a stream as it was before a read transaction began that is begun after this.
    pub(crate) fn before_reading(&self, stream: StreamId) -> Result<Before, Fault> {
        self.with(|heads| Ok(Before { stream, head: heads.of(stream)?.cloned() }))
    }
}

/// A head from before a read transaction began.
#[derive(Debug)]
pub(crate) struct Before {
    stream: StreamId,
    head: Option<Arc<Head>>,
}

impl Before {
    /// The head of the stream as this transaction sees it, if it has any record. Where the rows were written in between,
    /// the row is as new or newer, and fits the pages beside it.
    pub(crate) fn in_transaction(
        &self,
        streams: &impl ReadableTable<(u8, u128, u64), &'static [u8]>,
    ) -> Result<Option<Arc<Head>>, Fault> {
        let row = read_row(streams, self.stream)?.map(Arc::new);
        Ok(match (&self.head, row) {
            (Some(ahead), Some(row)) if row.version < ahead.version => Some(ahead.clone()),
            (Some(ahead), None) => Some(ahead.clone()),
            (_, row) => row,
        })
    }
}

impl Head {
    /// Takes a record that continues the stream.
    pub(crate) fn follow(&mut self, number: u64, events: u16, command: u128, hash: [u8; 32]) {
        self.recent.push(Entry { number, first: self.version, events, tag: tables::tag(command) });
        self.version += u64::from(events);
        self.hash = hash;
    }
}

/// The row of a stream's head, if there is one.
pub(crate) fn read_row(
    streams: &impl ReadableTable<(u8, u128, u64), &'static [u8]>,
    stream: StreamId,
) -> Result<Option<Head>, Fault> {
    let Some(row) = streams.get(tables::head_key(stream))? else { return Ok(None) };
    Ok(Some(tables::decode(row.value())?))
}

/// The last record that the rows know; nothing in a store from before there was such a thing.
pub(crate) fn rows_until(transaction: &ReadTransaction) -> Result<Option<u64>, Fault> {
    let meta = transaction.open_table(tables::META)?;
    let Some(row) = meta.get(tables::ROWS_UNTIL)? else { return Ok(None) };
    let until = row.value().try_into().map_err(|_| Fault::damaged(0, "how far the rows reach is broken"))?;
    Ok(Some(u64::from_be_bytes(until)))
}

#[cfg(test)]
mod tests {
    use ozg_protocols::ids::CommandKey;
    use redb::{Durability, ReadableTable as _, TableDefinition};

    use crate::{
        journal::{Append, Appended, Epoch, JournalError, StreamId, StreamKind, Version},
        redb_core::Options,
        shelf::Outcome,
        tables,
        tenant_store::TenantStore,
        testing::{Sample, nothing_named},
        verify::verify_store,
    };

    /// A store whose rows are written after so many records.
    fn sample(directory: &tempfile::TempDir, rows_every: u64) -> Sample {
        let mut sample = Sample::founded(directory.path());
        sample.options = Options { rows_every, ..sample.options };
        sample
    }

    fn append(store: &TenantStore, id: u128, version: u64) -> Append {
        let mut stream = Sample::stream(store, id);
        let known = store.core.read(stream.id(), Version(0), 1).expect("reads");
        known.iter().for_each(|record| drop(stream.open(record).expect("opens")));
        Sample::append(&mut stream, version, u128::from(version), &version.to_string(), None, Vec::new())
    }

    fn appended(store: &TenantStore, id: u128, version: u64) {
        let answer = store.core.commit(vec![append(store, id, version)]).pop().expect("an answer");
        assert!(matches!(answer, Ok(Appended::Durable { version: Version(after), .. }) if after == version + 1));
    }

    fn versions(store: &TenantStore, id: u128, from: u64) -> Vec<u64> {
        let stream = StreamId { kind: StreamKind::Case, id };
        store.core.read(stream, Version(from), 1_000).expect("reads").iter().map(|record| record.first.0).collect()
    }

    #[test]
    fn a_stream_reads_the_same_before_and_after_its_row_is_written_and_after_it_is_opened_again() {
        for rows_every in [1, 7, 100, 1_000] {
            let directory = tempfile::tempdir().expect("a directory");
            let sample = sample(&directory, rows_every);
            let mut store = sample.open().expect("opens");
            for version in 0..200 {
                appended(&store, 1, version);
                if version % 3 == 0 {
                    appended(&store, 2, version / 3);
                }
                if version % 50 == 20 {
                    drop(store);
                    store = sample.open().expect("opens again");
                }
                assert_eq!(versions(&store, 1, 0), (0..=version).collect::<Vec<_>>(), "every {rows_every}");
            }
            assert_eq!(versions(&store, 1, 150), (150..200).collect::<Vec<_>>());
            assert_eq!(versions(&store, 2, 0), (0..67).collect::<Vec<_>>());
            let stream = StreamId { kind: StreamKind::Case, id: 1 };
            let answer = store.core.answer_to(stream, CommandKey::from_u128(199)).expect("reads").expect("is kept");
            assert_eq!(answer.version, Version(200));
            drop(store);
            verify_store(
                &sample.disk,
                &sample.data,
                &sample.tenant,
                Some(&sample.key),
                None,
                &nothing_named,
                &mut |_, _| {},
            )
            .unwrap_or_else(|problem| panic!("every {rows_every}: {problem:?}"));
        }
    }

    #[test]
    fn whoever_reads_while_rows_are_written_sees_a_whole_stream_that_only_grows() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = sample(&directory, 3).open().expect("opens");
        appended(&store, 1, 0);
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| (1..400).for_each(|version| appended(&store, 1, version)));
            let mut seen = 1;
            while !writing.is_finished() {
                let versions = versions(&store, 1, 0);
                assert_eq!(versions, (0..versions.len() as u64).collect::<Vec<_>>());
                assert!(versions.len() >= seen, "{seen} records, then {}", versions.len());
                seen = versions.len();
            }
        });
        assert_eq!(versions(&store, 1, 0).len(), 400);
    }

    /// Changes a row of a table as no program of ours would.
    fn break_row<K: redb::Key + 'static>(
        store: &TenantStore,
        table: TableDefinition<'static, K, &'static [u8]>,
        key: &K::SelfType<'_>,
        change: impl Fn(&mut Vec<u8>),
    ) {
        let broken = store.core.shelf.write(Durability::Immediate, |transaction| {
            let mut table = transaction.open_table(table)?;
            let mut row = table.get(key)?.expect("there").value().to_vec();
            change(&mut row);
            table.insert(key, row.as_slice())?;
            Ok(Outcome::Commit(()))
        });
        broken.expect("written");
    }

    #[test]
    fn a_damaged_stream_takes_nobody_of_its_batch_along() {
        let directory = tempfile::tempdir().expect("a directory");
        let sample = sample(&directory, 1);
        let store = sample.open().expect("opens");
        (1..=5).for_each(|id| appended(&store, id, 0));
        let appends: Vec<Append> = (1..=5).map(|id| append(&store, id, 1)).collect();
        let stream = StreamId { kind: StreamKind::Case, id: 3 };
        break_row(&store, tables::STREAMS, &tables::head_key(stream), |row| row.truncate(3));
        for (answer, id) in store.core.commit(appends).into_iter().zip(1..) {
            match answer {
                Err(JournalError::Damaged { .. }) => assert_eq!(id, 3),
                Ok(Appended::Durable { version: Version(2), .. }) => assert_ne!(id, 3),
                other => panic!("stream {id}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_record_that_does_not_continue_its_stream_stops_that_stream_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let sample = sample(&directory, 100);
        let store = sample.open().expect("opens");
        (0..3).for_each(|version| (1..=2).for_each(|id| appended(&store, id, version)));
        // Stream 1 has the records 2, 4 and 6; one bit of the second is another one.
        break_row(&store, tables::LOG, &4, |row| *row.last_mut().expect("a body") ^= 1);
        drop(store);
        let store = sample.open().expect("opens all the same");
        let stream = StreamId { kind: StreamKind::Case, id: 1 };
        assert!(matches!(store.core.read(stream, Version(0), 9), Err(JournalError::Damaged { record: 6, .. })));
        (3..200).for_each(|version| appended(&store, 2, version));
        drop(store);
        let store = sample.open().expect("opens again");
        assert!(store.core.read(stream, Version(0), 9).is_err(), "it is not forgotten");
    }

    #[test]
    fn a_later_epoch_is_known_after_the_store_was_opened_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let sample = sample(&directory, 1_000);
        let store = sample.open().expect("opens");
        appended(&store, 1, 0);
        let raised = Append { epoch: Epoch(5), ..append(&store, 1, 1) };
        assert!(matches!(store.core.commit(vec![raised])[0], Ok(Appended::Durable { .. })));
        drop(store);
        let store = sample.open().expect("opens again");
        let late = Append { epoch: Epoch(4), ..append(&store, 1, 2) };
        assert_eq!(store.core.commit(vec![late])[0], Ok(Appended::Fenced { epoch: Epoch(5) }));
    }
}
