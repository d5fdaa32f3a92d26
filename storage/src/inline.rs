//! The journal right over its core, in the caller's thread: for tests and tools. The server commits in batches instead.

use std::sync::Arc;

use ozg_protocols::{ids::CommandKey, moment::Moment};

use crate::{
    journal::{
        Append, Appended, Backlog, BoxFuture, ClaimedEffect, Cursor, EffectId, EffectTarget, EffectVerdict, Journal,
        JournalError, Lane, SealedBody, StoredAnswer, StreamId, StreamPage, TailPage, Version,
    },
    redb_core::RedbCore,
};

/// A journal that blocks whoever asks it.
#[derive(Debug, Clone)]
pub struct InlineJournal(Arc<RedbCore>);

impl InlineJournal {
    /// The journal over this core.
    #[must_use]
    pub const fn new(core: Arc<RedbCore>) -> Self {
        Self(core)
    }
}

fn now<'a, T: Send + 'a>(answer: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(answer))
}

impl Journal for InlineJournal {
    fn has_room(&self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(self.0.has_room()))
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, JournalError>> {
        now(self.0.commit(vec![append]).pop().unwrap_or(Err(JournalError::UnknownOutcome)))
    }

    fn answer_to(
        &self,
        stream: StreamId,
        key: CommandKey,
    ) -> BoxFuture<'_, Result<Option<StoredAnswer>, JournalError>> {
        now(self.0.answer_to(stream, key))
    }

    fn read(&self, stream: StreamId, from: Version, limit: usize) -> BoxFuture<'_, Result<StreamPage, JournalError>> {
        now(self.0.read(stream, from, limit))
    }

    fn beginning(&self) -> Cursor {
        self.0.beginning()
    }

    fn tail(&self, after: Cursor, limit: usize) -> BoxFuture<'_, Result<TailPage, JournalError>> {
        now(self.0.tail(&after, limit))
    }

    fn put_snapshot(
        &self,
        stream: StreamId,
        version: Version,
        body: SealedBody,
    ) -> BoxFuture<'_, Result<(), JournalError>> {
        now(self.0.put_snapshot(stream, version, body))
    }

    fn snapshot(&self, stream: StreamId) -> BoxFuture<'_, Result<Option<(Version, SealedBody)>, JournalError>> {
        now(self.0.snapshot(stream))
    }

    fn claim(
        &self,
        from: Vec<(Lane, usize)>,
        at: Moment,
        until: Moment,
    ) -> BoxFuture<'_, Result<Vec<ClaimedEffect>, JournalError>> {
        now(self.0.claim(&from, at, until))
    }

    fn release(&self, target: EffectTarget, at: Moment, before: Moment) -> BoxFuture<'_, Result<(), JournalError>> {
        now(self.0.release(target, at, before))
    }

    fn backlog(&self, target: EffectTarget) -> BoxFuture<'_, Result<Vec<Backlog>, JournalError>> {
        now(self.0.backlog(target))
    }

    fn settle(&self, verdicts: Vec<(EffectId, EffectVerdict)>) -> BoxFuture<'_, Result<(), JournalError>> {
        now(self.0.settle(&verdicts))
    }

    fn put_record(
        &self,
        kind: u8,
        id: u128,
        value: Option<SealedBody>,
        expires: Moment,
    ) -> BoxFuture<'_, Result<(), JournalError>> {
        now(self.0.put_record(kind, id, value, expires))
    }

    fn record(&self, kind: u8, id: u128, at: Moment) -> BoxFuture<'_, Result<Option<SealedBody>, JournalError>> {
        now(self.0.record(kind, id, at))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;
    use crate::{
        disk::RealDisk,
        testing::{Sample, conformance},
    };

    #[test]
    fn the_journal_on_redb_keeps_every_promise() {
        let directories = [tempfile::tempdir(), tempfile::tempdir()].map(|made| made.expect("a directory"));
        let mut seed = 0;
        let stores = directories.each_ref().map(|directory| {
            seed += 1;
            Sample::on(Arc::new(RealDisk), directory.path(), seed).open().expect("opens")
        });
        let [journal, other] = stores.each_ref().map(|store| InlineJournal::new(store.core.clone()));
        let suite = pin!(conformance::every_rule(&journal, &other));
        // Everything here is ready at once.
        assert_eq!(suite.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()));
    }
}
