//! Reading the journal: streams, the tenant's order, stored answers, snapshots, small records.
//!
//! A read transaction ends with its [`Span`]; whoever asked goes on with the next page. An I/O error kills the handle; the read is tried once more on a new one.

use std::sync::atomic::Ordering;

use ozg_protocols::{
    ids::{CommandKey, TenantSlug},
    moment::Moment,
};
use redb::{Durability, ReadTransaction, ReadableTable, Table, WriteTransaction};

use crate::{
    append::{find, read_record},
    fault::Fault,
    heads::Before,
    journal::{
        Append, Appended, Cursor, JournalError, MAX_BODY, RecordNo, SealedBody, StoredAnswer, StoredRecord, StreamId,
        StreamPage, TailPage, Version,
    },
    log_record,
    redb_core::RedbCore,
    shelf::Outcome,
    span::{MAX_ROWS, Span},
    tables::{self, Entry, Page, SmallRow, SnapshotRow},
    wire::Fields,
};

/// How many expired small records one write removes.
const SWEEP: usize = 8;

impl RedbCore {
    /// The answer stored under a key of this stream, if it was used.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`] or [`JournalError::Damaged`].
    pub fn answer_to(&self, stream: StreamId, key: CommandKey) -> Result<Option<StoredAnswer>, JournalError> {
        let found = self.find_record(stream, key)?;
        Ok(found.map(|(_, record)| StoredAnswer {
            digest: record.digest,
            version: record.after(),
            reply: record.reply,
        }))
    }

    fn find_record(
        &self,
        stream: StreamId,
        key: CommandKey,
    ) -> Result<Option<(u64, log_record::LogRecord)>, JournalError> {
        self.reading_stream(stream, |transaction, before| {
            let streams = transaction.open_table(tables::STREAMS)?;
            let Some(head) = before.in_transaction(&streams)? else { return Ok(None) };
            find(&transaction.open_table(tables::LOG)?, &streams, &head, stream, key.as_u128())
        })
    }

    /// The outcome that this very append had, if it is in the journal.
    pub(crate) fn record_of(&self, append: &Append) -> Result<Option<Appended>, JournalError> {
        let Some((number, record)) = self.find_record(append.stream, append.key)? else { return Ok(None) };
        let version = record.after();
        Ok(Some(if record.digest != append.digest {
            Appended::KeyReused
        } else if record.body.as_deref() == Ok(&append.body.bytes) {
            Appended::Durable { version, number: RecordNo(number) }
        } else {
            Appended::Duplicate { version, reply: record.reply }
        }))
    }

    /// Records of a stream whose events lie at or after `from`, in order, at most `limit`.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`] or [`JournalError::Damaged`].
    pub fn read(&self, stream: StreamId, from: Version, limit: usize) -> Result<StreamPage, JournalError> {
        self.reading_stream(stream, |transaction, before| {
            let mut records = Collected { records: Vec::new(), span: self.shelf.span(limit) };
            let streams = transaction.open_table(tables::STREAMS)?;
            let Some(head) = before.in_transaction(&streams)? else { return Ok(records.page(0)) };
            let log = transaction.open_table(tables::LOG)?;
            if head.recent.first().is_none_or(|entry| from.0 < entry.first) {
                let start = match streams.range(tables::pages_until(stream, from))?.next_back() {
                    Some(page) => page?.0.value().2,
                    None => 0,
                };
                for page in streams.range(tables::pages_from(stream, start))? {
                    let page: Page = tables::decode(page?.1.value())?;
                    records.collect(&log, stream, &page.0, from)?;
                    if records.span.is_over() {
                        return Ok(records.page(head.version));
                    }
                }
            }
            records.collect(&log, stream, &head.recent, from)?;
            Ok(records.page(head.version))
        })
    }

    /// The beginning of the tenant's order.
    #[must_use]
    pub fn beginning(&self) -> Cursor {
        self.cursor(RecordNo(0))
    }

    /// The cursor behind this record.
    pub(crate) fn cursor(&self, after: RecordNo) -> Cursor {
        cursor(&self.tenant, self.incarnation, after)
    }

    /// The moment of the last record that can be read; one that is damaged keeps nobody from opening the others.
    pub(crate) fn last_moment(&self) -> Result<Option<Moment>, JournalError> {
        self.reading(|transaction| {
            let log = transaction.open_table(tables::LOG)?;
            for row in log.iter()?.rev().take(MAX_ROWS) {
                if let Ok(record) = log_record::decode(row?.1.value()) {
                    return Ok(Some(record.at));
                }
            }
            Ok(None)
        })
    }

    fn number_of(&self, cursor: &Cursor) -> Result<u64, JournalError> {
        let mut fields = Fields::of(&cursor.0);
        let number = fields.array::<16>().and_then(|incarnation| Ok((incarnation, fields.u64()?)));
        match number {
            Ok((incarnation, number))
                if incarnation == self.incarnation && fields.rest() == self.tenant.as_str().as_bytes() =>
            {
                Ok(number)
            }
            _ => Err(JournalError::Invalid("the cursor belongs to another journal")),
        }
    }

    /// Records after the cursor, at most `limit`. One that cannot be read is passed over: it stops its own stream alone.
    ///
    /// # Errors
    /// [`JournalError::Invalid`] for the cursor of another journal, [`JournalError::Unavailable`] or
    /// [`JournalError::Damaged`].
    pub fn tail(&self, after: &Cursor, limit: usize) -> Result<TailPage, JournalError> {
        let start = self.number_of(after)?;
        self.reading(|transaction| {
            let log = transaction.open_table(tables::LOG)?;
            let newest = log.last()?.map_or(0, |(number, _)| number.value());
            if start > newest {
                return Err(Fault::damaged(newest + 1, "the journal is older than its reader"));
            }
            let (mut records, mut damaged, mut last) = (Vec::new(), None, start);
            let mut span = self.shelf.span(limit);
            for row in log.range(start + 1..)? {
                let (number, bytes) = row?;
                let (number, bytes) = (number.value(), bytes.value());
                if number != last + 1 {
                    damaged.get_or_insert(RecordNo(last + 1));
                }
                match log_record::decode(bytes) {
                    Ok(record) => records.push(record.stored(RecordNo(number))),
                    Err(_) => drop(damaged.get_or_insert(RecordNo(number))),
                }
                last = number;
                if span.ends_with(bytes.len()) {
                    break;
                }
            }
            let (next, more) = (self.cursor(RecordNo(last)), last < newest);
            Ok(TailPage { records, damaged, next, more, newest: RecordNo(newest) })
        })
    }

    /// Keeps a sealed snapshot of a stream's fold. It is durable with the next append; it may be lost before.
    ///
    /// # Errors
    /// [`JournalError::Invalid`], [`JournalError::Unavailable`] or [`JournalError::Full`].
    pub fn put_snapshot(&self, stream: StreamId, version: Version, body: SealedBody) -> Result<(), JournalError> {
        if body.bytes.len() > MAX_BODY {
            return Err(JournalError::Invalid("a body is too long"));
        }
        if self.is_full() {
            return Err(JournalError::Full);
        }
        let row = SnapshotRow { version: version.0, body: body.into() };
        self.writing(Durability::None, |transaction| {
            let mut snapshots = transaction.open_table(tables::SNAPSHOTS)?;
            snapshots.insert((stream.kind as u8, stream.id), tables::encode(&row)?.as_slice())?;
            Ok(Outcome::Commit(()))
        })
    }

    /// The newest snapshot of a stream.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`] or [`JournalError::Damaged`].
    pub fn snapshot(&self, stream: StreamId) -> Result<Option<(Version, SealedBody)>, JournalError> {
        self.reading(|transaction| {
            let snapshots = transaction.open_table(tables::SNAPSHOTS)?;
            let Some(row) = snapshots.get((stream.kind as u8, stream.id))? else { return Ok(None) };
            let row: SnapshotRow = tables::decode(row.value())?;
            Ok(Some((Version(row.version), row.body.into())))
        })
    }

    /// Keeps a small sealed record without history, or removes it. Some that have expired go with it.
    ///
    /// # Errors
    /// [`JournalError::Invalid`], [`JournalError::Unavailable`] or [`JournalError::Full`].
    pub fn put_record(
        &self,
        kind: u8,
        id: u128,
        value: Option<SealedBody>,
        expires: Moment,
    ) -> Result<(), JournalError> {
        if value.as_ref().is_some_and(|body| body.bytes.len() > MAX_BODY) {
            return Err(JournalError::Invalid("a body is too long"));
        }
        if value.is_some() && self.is_full() {
            return Err(JournalError::Full);
        }
        let row = value.map(|body| SmallRow { expires, body: body.into() });
        self.writing(Durability::Immediate, |transaction| {
            let mut small = Small::begin(transaction)?;
            small.sweep(self.latest.load(Ordering::Relaxed))?;
            small.remove(kind, id)?;
            if let Some(row) = &row {
                small.rows.insert((kind, id), tables::encode(row)?.as_slice())?;
                small.expiry.insert((row.expires.millis(), kind, id), ())?;
            }
            Ok(Outcome::Commit(()))
        })
    }

    /// A small sealed record, if it is there and has not expired at `now`.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`] or [`JournalError::Damaged`].
    pub fn record(&self, kind: u8, id: u128, now: Moment) -> Result<Option<SealedBody>, JournalError> {
        self.latest.fetch_max(now.millis(), Ordering::Relaxed);
        self.reading(|transaction| {
            let small = transaction.open_table(tables::SMALL)?;
            let Some(row) = small.get((kind, id))? else { return Ok(None) };
            let row: SmallRow = tables::decode(row.value())?;
            Ok((row.expires > now).then(|| row.body.into()))
        })
    }

    pub(crate) fn reading<T>(&self, work: impl Fn(&ReadTransaction) -> Result<T, Fault>) -> Result<T, JournalError> {
        self.twice(|| self.shelf.read(&work))
    }

    fn reading_stream<T>(
        &self,
        stream: StreamId,
        work: impl Fn(&ReadTransaction, &Before) -> Result<T, Fault>,
    ) -> Result<T, JournalError> {
        self.twice(|| self.shelf.read_stream(stream, &work))
    }

    pub(crate) fn twice<T>(&self, read: impl Fn() -> Result<T, Fault>) -> Result<T, JournalError> {
        let again = |fault| match fault {
            Fault::Damaged { .. } => Err(fault),
            Fault::Io | Fault::Full => self.shelf.revive().and_then(|()| read()),
        };
        read().or_else(again).map_err(|fault| match fault {
            Fault::Full => JournalError::Unavailable,
            other => other.not_done(),
        })
    }

    /// Writes what may be written twice: after an I/O error once more on a new handle.
    pub(crate) fn writing<T>(
        &self,
        durability: Durability,
        work: impl Fn(&WriteTransaction) -> Result<Outcome<T>, Fault>,
    ) -> Result<T, JournalError> {
        let again = |fault| match fault {
            Fault::Damaged { .. } => Err(fault),
            Fault::Io | Fault::Full => self.shelf.revive().and_then(|()| self.shelf.write(durability, &work)),
        };
        self.shelf.write(durability, &work).or_else(again).map_err(|fault| fault.not_done())
    }
}

/// The cursor behind this record of this journal.
pub(crate) fn cursor(tenant: &TenantSlug, incarnation: [u8; 16], after: RecordNo) -> Cursor {
    Cursor([&incarnation, after.0.to_be_bytes().as_slice(), tenant.as_str().as_bytes()].concat())
}

/// Records of a stream on their way into an answer, within one transaction.
struct Collected<'d> {
    records: Vec<StoredRecord>,
    span: Span<'d>,
}

impl Collected<'_> {
    /// The answer, if the stream ends at this version.
    fn page(self, end: u64) -> StreamPage {
        let more = self.records.last().is_some_and(|last| last.first.0 + u64::from(last.events) < end);
        StreamPage { records: self.records, more }
    }

    fn collect(
        &mut self,
        log: &impl ReadableTable<u64, &'static [u8]>,
        stream: StreamId,
        entries: &[Entry],
        from: Version,
    ) -> Result<(), Fault> {
        for entry in entries.iter().filter(|entry| entry.first + u64::from(entry.events) > from.0) {
            let record = read_record(log, entry.number)?;
            let in_place = record.stream == stream && record.first.0 == entry.first && record.events == entry.events;
            let linked = self.records.last().is_none_or(|last| last.hash == record.previous);
            if !in_place || !linked {
                return Err(Fault::damaged(entry.number, "the record does not continue its stream"));
            }
            let record = record.stored(RecordNo(entry.number));
            let bytes = record.body.as_ref().map_or(0, |body| body.bytes.len());
            self.records.push(record);
            if self.span.ends_with(bytes) {
                break;
            }
        }
        Ok(())
    }
}

/// The tables of small records, open in one transaction.
struct Small<'t> {
    rows: Table<'t, (u8, u128), &'static [u8]>,
    expiry: Table<'t, (i64, u8, u128), ()>,
}

impl<'t> Small<'t> {
    fn begin(transaction: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self { rows: transaction.open_table(tables::SMALL)?, expiry: transaction.open_table(tables::EXPIRY)? })
    }

    fn remove(&mut self, kind: u8, id: u128) -> Result<(), Fault> {
        let Some(row) = self.rows.remove((kind, id))? else { return Ok(()) };
        let row: SmallRow = tables::decode(row.value())?;
        self.expiry.remove((row.expires.millis(), kind, id))?;
        Ok(())
    }

    fn sweep(&mut self, now: i64) -> Result<(), Fault> {
        let expired = self
            .expiry
            .range(..=(now, u8::MAX, u128::MAX))?
            .take(SWEEP)
            .map(|row| row.map(|(key, _)| key.value()))
            .collect::<Result<Vec<_>, _>>()?;
        for (_, kind, id) in expired {
            self.remove(kind, id)?;
        }
        Ok(())
    }
}
