//! The redb file of a tenant while it is open, and the way to open it again after an I/O error.
//!
//! Whoever works with the file holds it for that long; opening it again waits until nobody does, drops the dead handle and
//! makes durable what can be read. redb's types end here and in the files beside it.

use std::{
    ops::{Bound, ControlFlow},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use redb::{
    Builder, Database, Durability, Key, ReadTransaction, ReadableDatabase as _, TableDefinition, Value,
    WriteTransaction,
};

use crate::{
    backend::{Condition, DiskBackend},
    disk::Disk,
    fault::Fault,
    heads::{Before, HeadBoard, Heads, Moved},
    journal::StreamId,
    one_lane,
    span::{self, MAX_ROWS, Span},
    tables::{self, Foundation},
};

/// The file.
#[derive(Debug)]
pub(crate) struct Shelf {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    cache: usize,
    handle: RwLock<Handle>,
}

#[derive(Debug)]
struct Handle {
    database: Option<Database>,
    condition: Arc<Condition>,
    /// Read when somebody asks for the first of them.
    heads: OnceLock<HeadBoard>,
}

impl Handle {
    fn heads(&self, database: &Database, disk: &dyn Disk) -> Result<&HeadBoard, Fault> {
        if let Some(heads) = self.heads.get() {
            return Ok(heads);
        }
        let heads = HeadBoard::of(database, disk)?;
        // Whoever was first is right: nobody has appended before one of them was in place.
        Ok(self.heads.get_or_init(|| heads))
    }
}

/// A write transaction that has not come to its end. Where it never does (a panic, an error of its commit, of whatever kind)
/// nobody knows what became of it, and the heads may lag behind the file: the handle is dead then.
struct Unsettled<'h>(Option<&'h Condition>);

impl<'h> Unsettled<'h> {
    fn on(handle: &'h Handle) -> Self {
        Self(Some(&handle.condition))
    }

    fn settle(mut self) {
        self.0 = None;
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        if let Some(condition) = self.0 {
            condition.kill();
        }
    }
}

/// How a write transaction ends.
pub(crate) enum Outcome<T> {
    /// Commit it, then this is the answer.
    Commit(T),
    /// There is nothing to commit; this is the answer.
    Nothing(T),
}

impl Shelf {
    /// Makes a new file with its tables. The caller syncs the directory.
    pub(crate) fn create(
        disk: &dyn Disk,
        path: &Path,
        foundation: &Foundation,
        ring_entries: u64,
    ) -> Result<(), Fault> {
        let backend = DiskBackend::new(disk.create(path)?, Arc::default());
        let database = Builder::new().create_with_backend(backend)?;
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        {
            let mut meta = transaction.open_table(tables::META)?;
            meta.insert(tables::FOUNDATION, tables::encode(foundation)?.as_slice())?;
            meta.insert(tables::RING_ENTRIES, ring_entries.to_be_bytes().as_slice())?;
            meta.insert(tables::ROWS_UNTIL, 0_u64.to_be_bytes().as_slice())?;
            transaction.open_table(tables::LOG)?;
            transaction.open_table(tables::STREAMS)?;
            transaction.open_table(tables::EFFECTS)?;
            transaction.open_table(tables::DUE)?;
            transaction.open_table(tables::LANES)?;
            transaction.open_table(tables::SNAPSHOTS)?;
            transaction.open_table(tables::SMALL)?;
            transaction.open_table(tables::EXPIRY)?;
            transaction.open_table(tables::BROKEN)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Opens the file. `cache` is in bytes.
    pub(crate) fn open(disk: Arc<dyn Disk>, path: &Path, cache: usize) -> Result<Self, Fault> {
        let condition = Arc::<Condition>::default();
        let database = open_database(&*disk, path, cache, &condition)?;
        one_lane::sort(&database)?;
        let handle = RwLock::new(Handle { database: Some(database), condition, heads: OnceLock::new() });
        Ok(Self { disk, path: path.to_owned(), cache, handle })
    }

    /// Drops the handle and opens the file again; what can be read then is durable. Does nothing if the handle is alive.
    pub(crate) fn revive(&self) -> Result<(), Fault> {
        let mut handle = self.handle.write().unwrap_or_else(PoisonError::into_inner);
        if handle.database.is_some() && !handle.condition.is_dead() {
            return Ok(());
        }
        handle.condition.kill();
        handle.database = None;
        handle.condition.settle(&*self.disk.open(&self.path)?)?;
        let condition = Arc::<Condition>::default();
        handle.database = Some(open_database(&*self.disk, &self.path, self.cache, &condition)?);
        (handle.condition, handle.heads) = (condition, OnceLock::new());
        Ok(())
    }

    /// Reads in one transaction.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&ReadTransaction) -> Result<T, Fault>) -> Result<T, Fault> {
        self.with(|_, database| work(&database.begin_read()?))
    }

    /// A whole span for one of these, for at most so many rows.
    pub(crate) fn span(&self, rows: usize) -> Span<'_> {
        Span::of(&*self.disk, rows)
    }

    /// Looks at all rows of a table from this key on, in as many transactions as it takes, until somebody breaks it off.
    pub(crate) fn look_at_rows<K, V, B>(
        &self,
        table: TableDefinition<'_, K, V>,
        mut from: Bound<K>,
        mut look: impl FnMut(&ReadTransaction, K, V::SelfType<'_>) -> Result<ControlFlow<B>, Fault>,
    ) -> Result<Option<B>, Fault>
    where
        K: for<'k> Key<SelfType<'k> = K> + Copy + 'static,
        V: Value + 'static,
    {
        loop {
            let span = self.span(MAX_ROWS);
            let looked = self.read(|transaction| {
                span::look_at_rows(transaction, span, table, from, |key, value| look(transaction, key, value))
            });
            match looked? {
                ControlFlow::Break(found) => return Ok(Some(found)),
                ControlFlow::Continue(None) => return Ok(None),
                ControlFlow::Continue(Some(last)) => from = Bound::Excluded(last),
            }
        }
    }

    /// Reads about a stream in one transaction.
    pub(crate) fn read_stream<T>(
        &self,
        stream: StreamId,
        work: impl FnOnce(&ReadTransaction, &Before) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.with(|handle, database| {
            let before = handle.heads(database, &*self.disk)?.before_reading(stream)?;
            work(&database.begin_read()?, &before)
        })
    }

    /// Appends to streams in one transaction, durable when it answers; the heads follow it. What moves nothing is not
    /// committed.
    pub(crate) fn append<T>(
        &self,
        work: impl FnOnce(&WriteTransaction, &Heads) -> Result<(T, Option<Moved>), Fault>,
    ) -> Result<T, Fault> {
        self.with(|handle, database| {
            let heads = handle.heads(database, &*self.disk)?;
            let _turn = heads.turn();
            // Whoever had the turn before may have left heads behind that nobody should believe.
            handle.condition.alive()?;
            let unsettled = Unsettled::on(handle);
            let transaction = begin(database, Durability::Immediate)?;
            let answer = match heads.with(|heads| work(&transaction, heads)) {
                Ok((answer, Some(moved))) => {
                    transaction.commit()?;
                    heads.follow(moved);
                    Ok(answer)
                }
                Ok((answer, None)) => {
                    transaction.abort()?;
                    Ok(answer)
                }
                Err(fault) => {
                    transaction.abort()?;
                    Err(fault)
                }
            };
            unsettled.settle();
            answer
        })
    }

    /// Writes in one transaction; durable when it answers, if `durability` says so.
    pub(crate) fn write<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&WriteTransaction) -> Result<Outcome<T>, Fault>,
    ) -> Result<T, Fault> {
        self.with(|handle, database| {
            let unsettled = Unsettled::on(handle);
            let transaction = begin(database, durability)?;
            let answer = match work(&transaction) {
                Ok(Outcome::Commit(answer)) => {
                    transaction.commit()?;
                    Ok(answer)
                }
                Ok(Outcome::Nothing(answer)) => {
                    transaction.abort()?;
                    Ok(answer)
                }
                Err(fault) => {
                    transaction.abort()?;
                    Err(fault)
                }
            };
            unsettled.settle();
            answer
        })
    }

    fn with<T>(&self, work: impl FnOnce(&Handle, &Database) -> Result<T, Fault>) -> Result<T, Fault> {
        let handle = self.handle.read().unwrap_or_else(PoisonError::into_inner);
        let database = handle.database.as_ref().ok_or(Fault::Io)?;
        handle.condition.alive()?;
        work(&handle, database)
            .map_err(|fault| if handle.condition.was_full() { Fault::Full } else { fault })
            .inspect_err(|fault| {
                // redb refuses everything after an error of its own, too.
                if matches!(fault, Fault::Io | Fault::Full) {
                    handle.condition.kill();
                }
            })
    }

    /// Runs redb's own check of every page. An error is damage.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let mut handle = self.handle.write().unwrap_or_else(PoisonError::into_inner);
        match handle.database.as_mut().ok_or(Fault::Io)?.check_integrity()? {
            true => Ok(()),
            false => Err(Fault::damaged(0, "the file's own checks fail")),
        }
    }

    pub(crate) fn foundation(&self) -> Result<Foundation, Fault> {
        self.read(|transaction| {
            let meta = transaction.open_table(tables::META)?;
            let row = meta.get(tables::FOUNDATION)?.ok_or(Fault::damaged(0, "the foundation is missing"))?;
            Ok(tables::decode(row.value())?)
        })
    }

    pub(crate) fn ring_entries(&self) -> Result<u64, Fault> {
        self.read(|transaction| {
            let meta = transaction.open_table(tables::META)?;
            let row = meta.get(tables::RING_ENTRIES)?.ok_or(Fault::damaged(0, "the ring's length is missing"))?;
            row.value().try_into().map(u64::from_be_bytes).map_err(|_| Fault::damaged(0, "the ring's length is broken"))
        })
    }
}

pub(crate) fn begin(database: &Database, durability: Durability) -> Result<WriteTransaction, Fault> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(durability)?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

fn open_database(disk: &dyn Disk, path: &Path, cache: usize, condition: &Arc<Condition>) -> Result<Database, Fault> {
    let backend = DiskBackend::new(disk.open(path)?, condition.clone());
    let database = Builder::new().set_cache_size(cache).create_with_backend(backend)?;
    Ok(database)
}
