//! One batch of appends in one write transaction: dedup, fence, version, chain, number, log, outbox. All or nothing. The
//! rows of streams follow when they are due ([`crate::heads`]).

use std::{collections::HashMap, mem};

use redb::{ReadableTable, Table, WriteTransaction};

use crate::{
    fault::Fault,
    heads::{Heads, Moved, read_row},
    journal::{Append, Appended, EffectId, Epoch, JournalError, MAX_BODY, RecordNo, StreamId, StreamKind, Version},
    log_record::{self, LogRecord},
    outbox::Outbox,
    tables::{self, EffectRow, Entry, Head, Page, tag},
};

/// The longest stored reply in bytes.
pub(crate) const MAX_REPLY: usize = 1_024;
/// The most effects of one record.
const MAX_EFFECTS: usize = 64;

/// Whether an append keeps the journal's bounds.
pub(crate) fn check(append: &Append) -> Result<(), JournalError> {
    let too_long = |body: &[u8]| body.len() > MAX_BODY;
    if append.events == 0 {
        Err(JournalError::Invalid("a record has at least one event"))
    } else if too_long(&append.body.bytes) || append.effects.iter().any(|effect| too_long(&effect.body.bytes)) {
        Err(JournalError::Invalid("a body is too long"))
    } else if append.reply.len() > MAX_REPLY {
        Err(JournalError::Invalid("the reply is too long"))
    } else if append.effects.len() > MAX_EFFECTS {
        Err(JournalError::Invalid("a record has too many effects"))
    } else {
        Ok(())
    }
}

/// The tables an append writes, open in one transaction.
pub(crate) struct Batch<'t> {
    log: Table<'t, u64, &'static [u8]>,
    streams: Table<'t, (u8, u128, u64), &'static [u8]>,
    transaction: &'t WriteTransaction,
    ahead: &'t Heads,
    heads: HashMap<StreamId, Touched>,
    next: u64,
    replay: bool,
    /// Something has changed that the log does not tell: the rows have to.
    rows_due: bool,
}

struct Touched {
    head: Head,
    changed: bool,
}

impl<'t> Batch<'t> {
    /// `replay`: the batch may have taken hold before, so a record of the very same bytes is this one.
    pub(crate) fn begin(transaction: &'t WriteTransaction, ahead: &'t Heads, replay: bool) -> Result<Self, Fault> {
        let log = transaction.open_table(tables::LOG)?;
        let next = log.last()?.map_or(1, |(number, _)| number.value() + 1);
        Ok(Self {
            log,
            streams: transaction.open_table(tables::STREAMS)?,
            transaction,
            ahead,
            heads: HashMap::new(),
            next,
            replay,
            rows_due: false,
        })
    }

    /// Carries one append out, or says why not.
    pub(crate) fn apply(&mut self, append: &Append) -> Result<Appended, Fault> {
        let mut touched = match self.heads.remove(&append.stream) {
            Some(touched) => touched,
            None => Touched { head: self.head(append.stream)?, changed: false },
        };
        let answer = self.apply_to(&mut touched, append);
        self.heads.insert(append.stream, touched);
        answer
    }

    fn head(&self, stream: StreamId) -> Result<Head, Fault> {
        match self.ahead.of(stream)? {
            Some(head) => Ok(Head::clone(head)),
            None => Ok(read_row(&self.streams, stream)?.unwrap_or_default()),
        }
    }

    fn apply_to(&mut self, touched: &mut Touched, append: &Append) -> Result<Appended, Fault> {
        let head = &mut touched.head;
        if let Some((number, before)) = find(&self.log, &self.streams, head, append.stream, append.key.as_u128())? {
            return Ok(self.repeated(append, number, before));
        }
        if head.epoch > append.epoch.0 {
            return Ok(Appended::Fenced { epoch: Epoch(head.epoch) });
        }
        if head.version != append.expected.0 {
            return Ok(Appended::Conflict { actual: Version(head.version) });
        }
        let previous = if head.version == 0 { append.origin } else { head.hash };
        let (bytes, hash) = log_record::encode(append, previous);
        let number = self.next;
        self.log.insert(number, bytes.as_slice())?;
        self.next += 1;
        head.follow(number, append.events, append.key.as_u128(), hash);
        self.rows_due |= head.epoch != append.epoch.0;
        head.epoch = append.epoch.0;
        touched.changed = true;
        if !append.effects.is_empty() {
            self.put_effects(append, number)?;
        }
        Ok(Appended::Durable { version: Version(touched.head.version), number: RecordNo(number) })
    }

    fn put_effects(&self, append: &Append, number: u64) -> Result<(), Fault> {
        let mut outbox = Outbox::open(self.transaction)?;
        for (effect, index) in append.effects.iter().zip(0..) {
            let row = EffectRow {
                due: effect.due,
                since: effect.due,
                attempts: 0,
                kind: append.stream.kind as u8,
                id: append.stream.id.to_be_bytes(),
                first: append.expected.0,
                body: effect.body.clone().into(),
            };
            outbox.put(EffectId { lane: effect.lane, record: RecordNo(number), index }, &row)?;
        }
        Ok(())
    }

    fn repeated(&self, append: &Append, number: u64, before: LogRecord) -> Appended {
        let version = before.after();
        if before.digest != append.digest {
            Appended::KeyReused
        } else if self.replay && before.body.as_deref() == Ok(&append.body.bytes) {
            Appended::Durable { version, number: RecordNo(number) }
        } else {
            Appended::Duplicate { version, reply: before.reply }
        }
    }

    /// Writes the rows of streams, if the log is `rows_every` records ahead of them, and says what became of the heads.
    /// Nothing if there is nothing to commit.
    pub(crate) fn finish(mut self, rows_every: u64) -> Result<Option<Moved>, Fault> {
        let mut changed: HashMap<StreamId, Head> = mem::take(&mut self.heads)
            .into_iter()
            .filter(|(_, touched)| touched.changed)
            .map(|(id, touched)| (id, touched.head))
            .collect();
        let newest = self.next - 1;
        if changed.is_empty() {
            return Ok(None);
        }
        if !self.rows_due && self.ahead.behind(newest) < rows_every {
            return Ok(Some(Moved::Ahead(changed.into_iter().collect())));
        }
        for (stream, head) in self.ahead.ahead() {
            changed.entry(stream).or_insert_with(|| head.clone());
        }
        let mut rows: Vec<(StreamId, Head)> = changed.into_iter().collect();
        rows.sort_by_key(|(stream, _)| *stream);
        for (stream, head) in rows {
            self.write_row(stream, head)?;
        }
        // Nobody reads the records again that show it.
        let mut marks = self.transaction.open_table(tables::BROKEN)?;
        for (stream, record) in self.ahead.broken() {
            marks.insert((stream.kind as u8, stream.id), record)?;
        }
        let mut meta = self.transaction.open_table(tables::META)?;
        meta.insert(tables::ROWS_UNTIL, newest.to_be_bytes().as_slice())?;
        Ok(Some(Moved::Written(newest)))
    }

    fn write_row(&mut self, stream: StreamId, mut head: Head) -> Result<(), Fault> {
        while head.recent.len() > tables::LONGEST_HEAD {
            let page = Page(head.recent.drain(..tables::PAGE).collect());
            let first = page.0.first().map_or(0, |entry| entry.first);
            self.streams.insert((stream.kind as u8, stream.id, first), tables::encode(&page)?.as_slice())?;
            head.pages += 1;
        }
        self.streams.insert(tables::head_key(stream), tables::encode(&head)?.as_slice())?;
        Ok(())
    }
}

/// The record of a stream that was appended under this command key, among those whose keys are kept: all of an intake, the
/// last 64 of any other stream.
pub(crate) fn find(
    log: &impl ReadableTable<u64, &'static [u8]>,
    streams: &impl ReadableTable<(u8, u128, u64), &'static [u8]>,
    head: &Head,
    stream: StreamId,
    command: u128,
) -> Result<Option<(u64, LogRecord)>, Fault> {
    let kept = match stream.kind {
        StreamKind::Intake => &head.recent[..],
        _ => &head.recent[head.recent.len().saturating_sub(tables::PAGE)..],
    };
    if let Some(found) = find_among(log, kept, command)? {
        return Ok(Some(found));
    }
    if stream.kind == StreamKind::Intake && head.pages > 0 {
        for page in streams.range(tables::pages_from(stream, 0))? {
            let page: Page = tables::decode(page?.1.value())?;
            if let Some(found) = find_among(log, &page.0, command)? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

fn find_among(
    log: &impl ReadableTable<u64, &'static [u8]>,
    entries: &[Entry],
    command: u128,
) -> Result<Option<(u64, LogRecord)>, Fault> {
    for entry in entries.iter().rev().filter(|entry| entry.tag == tag(command)) {
        let record = read_record(log, entry.number)?;
        if record.command.as_u128() == command {
            return Ok(Some((entry.number, record)));
        }
    }
    Ok(None)
}

/// The record with this number; it has to be there.
pub(crate) fn read_record(log: &impl ReadableTable<u64, &'static [u8]>, number: u64) -> Result<LogRecord, Fault> {
    let row = log.get(number)?.ok_or(Fault::damaged(number, "the record is missing"))?;
    log_record::decode(row.value()).map_err(|_| Fault::damaged(number, "the record does not decode"))
}
