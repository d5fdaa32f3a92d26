//! The heads of streams that were appended to lately: in memory, ahead of their rows in the file.
//!
//! Where a stream stands follows from the log, so its row needs no place in every commit: a batch of appends to a hundred
//! streams would write a hundred pages for a few bytes each. The rows are written together, in the order of their keys,
//! once [`Options::rows_every`](crate::redb_core::Options) records have come since; META says up to which record they
//! know. Whoever opens the file reads the log behind that record again. A head here is never ahead of what is durable:
//! it is put in place after its commit. What a head knows and the log does not, its epoch, makes the rows due at once.
//!
//! Damage stays with its stream: where a record does not decode or does not continue its stream, that stream stops, and
//! all others go on. The rows of the others are written past it; its own stays as it was, and a mark beside them keeps
//! what the records behind them had shown. `verify` names the record.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, hash_map},
    convert::Infallible,
    ops::{Bound, ControlFlow},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use redb::{Database, ReadTransaction, ReadableDatabase as _, ReadableTable, TableError};

use crate::{
    disk::Disk,
    fault::Fault,
    journal::{StreamId, StreamKind},
    log_record,
    span::{self, MAX_ROWS, Span},
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
    /// Streams of which nobody knows where they stand, each with the first record that shows it. Such a one is never ahead.
    broken: HashMap<StreamId, u64>,
}

impl Heads {
    /// Reads the log behind what the rows know.
    fn load(database: &Database, disk: &dyn Disk) -> Result<Self, Fault> {
        let transaction = database.begin_read()?;
        // A store from before the rows lagged behind says nothing: then every record is looked at once.
        let rows_until = rows_until(&transaction)?.unwrap_or_default();
        let mut heads = Self { rows_until, ahead: HashMap::new(), broken: marked(&transaction)? };
        drop(transaction);
        let mut from = Some(rows_until);
        while let Some(last) = from {
            let (span, transaction) = (Span::of(disk, MAX_ROWS), database.begin_read()?);
            let looked = span::look_at_rows(&transaction, span, tables::LOG, Bound::Excluded(last), |number, bytes| {
                heads.take(&transaction, number, bytes).map(ControlFlow::<Infallible>::Continue)
            });
            let ControlFlow::Continue(next) = looked?;
            from = next;
        }
        Ok(heads)
    }

    /// Takes the next record of the log.
    fn take(&mut self, transaction: &ReadTransaction, number: u64, bytes: &[u8]) -> Result<(), Fault> {
        let Ok(record) = log_record::decode(bytes) else {
            // Whose it is may still stand in its beginning. If not, the stream's next record does not continue it.
            if let Some(stream) = log_record::stream_named(bytes) {
                self.give_up(stream, number);
            }
            return Ok(());
        };
        if self.broken.contains_key(&record.stream) {
            return Ok(());
        }
        let head = match self.ahead.entry(record.stream) {
            hash_map::Entry::Occupied(head) => head.into_mut(),
            hash_map::Entry::Vacant(place) => {
                match read_row(&transaction.open_table(tables::STREAMS)?, record.stream) {
                    Ok(head) => place.insert(Arc::new(head.unwrap_or_default())),
                    Err(Fault::Damaged { .. }) => {
                        self.give_up(record.stream, number);
                        return Ok(());
                    }
                    Err(fault) => return Err(fault),
                }
            }
        };
        if record.first.0 < head.version {
            return Ok(());
        }
        if record.first.0 > head.version || (head.version > 0 && record.previous != head.hash) {
            self.give_up(record.stream, number);
        } else {
            Arc::make_mut(head).follow(number, record.events, record.command.as_u128(), record.hash);
        }
        Ok(())
    }

    fn give_up(&mut self, stream: StreamId, record: u64) {
        tracing::error!(record, "a stream is damaged; the others go on");
        self.ahead.remove(&stream);
        self.broken.entry(stream).or_insert(record);
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

    /// All streams of which nobody knows where they stand, each with the first record that shows it.
    pub(crate) fn broken(&self) -> impl Iterator<Item = (StreamId, u64)> {
        self.broken.iter().map(|(stream, record)| (*stream, *record))
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
    pub(crate) fn of(database: &Database, disk: &dyn Disk) -> Result<Self, Fault> {
        let heads = RwLock::new(Heads::load(database, disk)?);
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

/// The streams that were found broken by records which the rows know by now.
pub(crate) fn marked(transaction: &ReadTransaction) -> Result<HashMap<StreamId, u64>, Fault> {
    let marks = match transaction.open_table(tables::BROKEN) {
        // A store from before there was such a thing.
        Err(TableError::TableDoesNotExist(_)) => return Ok(HashMap::new()),
        marks => marks?,
    };
    let mut broken = HashMap::new();
    for row in marks.iter()? {
        let (key, record) = row?;
        let (kind, id) = key.value();
        if let Some(kind) = StreamKind::from_number(kind) {
            broken.insert(StreamId { kind, id }, record.value());
        }
    }
    Ok(broken)
}
