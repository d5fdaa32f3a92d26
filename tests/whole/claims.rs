//! A journal that counts what is claimed of its outbox: each claim is written, and what becomes of it, too.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use ozg_protocols::{ids::CommandKey, moment::Moment};
use ozg_storage::journal::{
    Append, Appended, Backlog, BoxFuture, ClaimedEffect, Cursor, EffectId, EffectTarget, EffectVerdict, Journal,
    JournalError, Lane, SealedBody, StoredAnswer, StreamId, StreamPage, TailPage, Version,
};

/// The numbers.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    asked: AtomicU64,
    claimed: AtomicU64,
}

impl Claims {
    /// How often somebody wanted to claim something.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Relaxed)
    }

    /// How many effects were claimed.
    pub(crate) fn claimed(&self) -> u64 {
        self.claimed.load(Relaxed)
    }
}

/// The journal.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) claims: Arc<Claims>,
}

type Answer<'a, T> = BoxFuture<'a, Result<T, JournalError>>;

impl Journal for Counted {
    fn has_room(&self) -> BoxFuture<'_, bool> {
        self.journal.has_room()
    }

    fn append(&self, append: Append) -> Answer<'_, Appended> {
        self.journal.append(append)
    }

    fn answer_to(&self, stream: StreamId, key: CommandKey) -> Answer<'_, Option<StoredAnswer>> {
        self.journal.answer_to(stream, key)
    }

    fn read(&self, stream: StreamId, from: Version, limit: usize) -> Answer<'_, StreamPage> {
        self.journal.read(stream, from, limit)
    }

    fn beginning(&self) -> Cursor {
        self.journal.beginning()
    }

    fn tail(&self, after: Cursor, limit: usize) -> Answer<'_, TailPage> {
        self.journal.tail(after, limit)
    }

    fn put_snapshot(&self, stream: StreamId, version: Version, body: SealedBody) -> Answer<'_, ()> {
        self.journal.put_snapshot(stream, version, body)
    }

    fn snapshot(&self, stream: StreamId) -> Answer<'_, Option<(Version, SealedBody)>> {
        self.journal.snapshot(stream)
    }

    fn claim(&self, from: Vec<(Lane, usize)>, now: Moment, until: Moment) -> Answer<'_, Vec<ClaimedEffect>> {
        Box::pin(async move {
            self.claims.asked.fetch_add(1, Relaxed);
            let claimed = self.journal.claim(from, now, until).await?;
            self.claims.claimed.fetch_add(claimed.len() as u64, Relaxed);
            Ok(claimed)
        })
    }

    fn release(&self, target: EffectTarget, now: Moment, before: Moment) -> Answer<'_, ()> {
        self.journal.release(target, now, before)
    }

    fn backlog(&self, target: EffectTarget) -> Answer<'_, Vec<Backlog>> {
        self.journal.backlog(target)
    }

    fn settle(&self, verdicts: Vec<(EffectId, EffectVerdict)>) -> Answer<'_, ()> {
        self.journal.settle(verdicts)
    }

    fn put_record(&self, kind: u8, id: u128, value: Option<SealedBody>, expires: Moment) -> Answer<'_, ()> {
        self.journal.put_record(kind, id, value, expires)
    }

    fn record(&self, kind: u8, id: u128, now: Moment) -> Answer<'_, Option<SealedBody>> {
        self.journal.record(kind, id, now)
    }
}
