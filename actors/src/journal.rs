//! The journal of one tenant as the actors use it: [`ozg_storage::journal::Journal`] around the synchronous store.
//!
//! Appends go to the tenant's batcher, which gathers the next batch while one is in flight; the vault pool makes each
//! batch durable. Everything else is a job of the vault or of the reader pool. One batcher and no name per tenant; a small
//! pool serves them all.

mod batcher;

use std::sync::Arc;

use ozg_protocols::{ids::CommandKey, moment::Moment};
use ozg_storage::{
    journal::{
        Append, Appended, Backlog, BoxFuture, ClaimedEffect, Cursor, EffectId, EffectTarget, EffectVerdict, Journal,
        JournalError, Lane, SealedBody, StoredAnswer, StreamId, StreamPage, TailPage, Version,
    },
    redb_core::RedbCore,
};
use tokio::{
    sync::{oneshot, watch},
    time::{Duration, Instant},
};

pub(crate) use batcher::{BatcherActor, BatcherMessage, Pending};

use crate::{
    clock::Agreement,
    observe::Probe,
    pool::{JobLost, Workers},
    supervise::{self, Address, Spec},
};

/// How long whoever asks the journal waits: then it counts as not available, and the outcome of a write as unknown.
const WITHIN: Duration = Duration::from_secs(30);
/// So long it counts what is known of the free space: less than it takes to fill what is kept free.
const ROOM_KNOWN_FOR: Duration = Duration::from_millis(100);

/// The journal of one tenant.
#[derive(Debug, Clone)]
pub(crate) struct TenantJournal {
    core: Arc<RedbCore>,
    vault: Workers,
    readers: Workers,
    batcher: Address<BatcherMessage>,
    news: watch::Sender<u64>,
    /// Whether there was room, and when that was.
    room: watch::Sender<Option<(Instant, bool)>>,
    agreement: Agreement,
    probe: Probe,
}

impl TenantJournal {
    /// The journal around this store, and its batcher as a child of the infrastructure (whose probe this is).
    pub(crate) fn new(
        name: &str,
        core: Arc<RedbCore>,
        vault: Workers,
        readers: Workers,
        agreement: Agreement,
        infrastructure: &Probe,
    ) -> (Self, Spec) {
        let name = format!("batcher-{name}");
        let probe = infrastructure.child(name.clone(), &supervise::BATCHER, 0);
        let (store, workers) = (core.clone(), vault.clone());
        let arguments = move |probe| (store.clone(), workers.clone(), probe);
        let (spec, batcher) = Spec::new(name, &supervise::BATCHER, || BatcherActor, arguments);
        let (news, room) = (watch::Sender::new(0), watch::Sender::new(None));
        (Self { core, vault, readers, batcher, news, room, agreement, probe: probe.clone() }, spec.seen_by(probe))
    }

    /// The number of the last record that was appended; for whoever tails.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    async fn send(&self, append: Append) -> Result<Appended, JournalError> {
        let started = Instant::now();
        let (at, (reply, answer)) = (append.at, oneshot::channel());
        let pending = Pending { append, since: started, reply };
        let taken = self.batcher.tell(BatcherMessage::Append(Box::new(pending), self.probe.waiting(None)));
        let answer = match tokio::time::timeout(WITHIN, answer).await {
            _ if !taken => Err(JournalError::Unavailable),
            Ok(Ok(answer)) => answer,
            // The batcher or its job ended under way: the batch may have become durable all the same.
            Ok(Err(_)) | Err(_) => Err(JournalError::UnknownOutcome),
        };
        let metrics = self.probe.observation().metrics();
        metrics.appended(outcome(&answer), started.elapsed());
        match answer {
            Ok(Appended::Durable { number, .. }) => {
                self.agreement.recorded(at);
                self.news.send_modify(|newest| *newest = (*newest).max(number.0));
            }
            Ok(Appended::Conflict { .. }) => drop(metrics.conflicts.inc()),
            Ok(Appended::Fenced { .. }) => drop(metrics.fenced.inc()),
            _ => {}
        }
        answer
    }

    /// A job that reads.
    async fn reads<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&RedbCore) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let core = self.core.clone();
        let read = self.readers.run_within(WITHIN, name, move || work(&core)).await;
        read.unwrap_or(Err(JournalError::Unavailable))
    }

    /// A job that writes: one that nobody has begun has not happened.
    async fn writes<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&RedbCore) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let core = self.core.clone();
        self.vault.run_within(WITHIN, name, move || work(&core)).await.unwrap_or_else(|lost| match lost {
            JobLost::NoPool => Err(JournalError::Unavailable),
            JobLost::Panicked | JobLost::Late => Err(JournalError::UnknownOutcome),
        })
    }
}

const fn outcome(answer: &Result<Appended, JournalError>) -> &'static str {
    match answer {
        Ok(Appended::Durable { .. }) => "durable",
        Ok(Appended::Duplicate { .. }) => "duplicate",
        Ok(Appended::KeyReused) => "key_reused",
        Ok(Appended::Conflict { .. }) => "conflict",
        Ok(Appended::Fenced { .. }) => "fenced",
        Err(JournalError::UnknownOutcome) => "unknown",
        Err(JournalError::Full) => "full",
        Err(_) => "error",
    }
}

impl Journal for TenantJournal {
    fn has_room(&self) -> BoxFuture<'_, bool> {
        let known = *self.room.borrow();
        if let Some((_, room)) = known.filter(|(at, _)| at.elapsed() < ROOM_KNOWN_FOR) {
            return Box::pin(std::future::ready(room));
        }
        let core = self.core.clone();
        Box::pin(async move {
            // Where even the question finds no worker there is no room either.
            let room = self.readers.run_within(WITHIN, "room", move || core.has_room()).await.unwrap_or(false);
            self.room.send_replace(Some((Instant::now(), room)));
            room
        })
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, JournalError>> {
        Box::pin(self.send(append))
    }

    fn answer_to(
        &self,
        stream: StreamId,
        key: CommandKey,
    ) -> BoxFuture<'_, Result<Option<StoredAnswer>, JournalError>> {
        Box::pin(self.reads("answer", move |core| core.answer_to(stream, key)))
    }

    fn read(&self, stream: StreamId, from: Version, limit: usize) -> BoxFuture<'_, Result<StreamPage, JournalError>> {
        Box::pin(self.reads("read", move |core| core.read(stream, from, limit)))
    }

    fn beginning(&self) -> Cursor {
        self.core.beginning()
    }

    fn tail(&self, after: Cursor, limit: usize) -> BoxFuture<'_, Result<TailPage, JournalError>> {
        Box::pin(self.reads("tail", move |core| core.tail(&after, limit)))
    }

    fn put_snapshot(
        &self,
        stream: StreamId,
        version: Version,
        body: SealedBody,
    ) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(self.writes("snapshot", move |core| core.put_snapshot(stream, version, body)))
    }

    fn snapshot(&self, stream: StreamId) -> BoxFuture<'_, Result<Option<(Version, SealedBody)>, JournalError>> {
        Box::pin(self.reads("snapshot", move |core| core.snapshot(stream)))
    }

    fn claim(
        &self,
        from: Vec<(Lane, usize)>,
        now: Moment,
        until: Moment,
    ) -> BoxFuture<'_, Result<Vec<ClaimedEffect>, JournalError>> {
        Box::pin(self.writes("claim", move |core| core.claim(&from, now, until)))
    }

    fn release(&self, target: EffectTarget, now: Moment, before: Moment) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(self.writes("release", move |core| core.release(target, now, before)))
    }

    fn backlog(&self, target: EffectTarget) -> BoxFuture<'_, Result<Vec<Backlog>, JournalError>> {
        Box::pin(self.reads("backlog", move |core| core.backlog(target)))
    }

    fn settle(&self, verdicts: Vec<(EffectId, EffectVerdict)>) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(self.writes("settle", move |core| core.settle(&verdicts)))
    }

    fn put_record(
        &self,
        kind: u8,
        id: u128,
        value: Option<SealedBody>,
        expires: Moment,
    ) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(self.writes("record", move |core| core.put_record(kind, id, value, expires)))
    }

    fn record(&self, kind: u8, id: u128, now: Moment) -> BoxFuture<'_, Result<Option<SealedBody>, JournalError>> {
        Box::pin(self.reads("record", move |core| core.record(kind, id, now)))
    }
}

#[cfg(test)]
mod tests {
    use ozg_storage::{
        disk::RealDisk,
        testing::{Sample, conformance},
    };
    use ractor::{Actor, ActorRef};

    use super::*;
    use crate::{
        clock,
        house::{RootMessage, Supervisor},
        observe::Observation,
        pool::{HangingPool, InlinePool},
        seams::WallClock,
    };

    fn agreement(observation: &Observation) -> Agreement {
        let (_, door) = clock::spec(Arc::new(WallClock), observation);
        door.opened(&"musterstadt".parse().expect("a slug"), None)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_a_journal_that_hangs_hears_so_and_of_a_write_that_its_outcome_is_unknown() {
        let directory = tempfile::tempdir().expect("a directory");
        let observation = Observation::new(Arc::new(WallClock));
        let probe = observation.root("infrastructure", &supervise::INFRASTRUCTURE);
        let hanging = || Workers::new(Arc::new(HangingPool::default()));
        let store = Sample::on(Arc::new(RealDisk), directory.path(), 1).open().expect("opens");
        let (journal, _batcher) =
            TenantJournal::new("one", store.core, hanging(), hanging(), agreement(&observation), &probe);
        let (target, now) = (EffectTarget::FitConnect, Moment::default());
        assert_eq!(journal.read(StreamId::TENANT, Version(0), 9).await.err(), Some(JournalError::Unavailable));
        assert_eq!(journal.tail(journal.beginning(), 9).await.err(), Some(JournalError::Unavailable));
        assert_eq!(journal.record(1, 1, now).await.err(), Some(JournalError::Unavailable));
        assert_eq!(journal.settle(Vec::new()).await, Err(JournalError::UnknownOutcome));
        assert_eq!(
            journal.claim(vec![(Lane { target, place: 0 }, 9)], now, now).await.err(),
            Some(JournalError::UnknownOutcome)
        );
        assert_eq!(journal.put_record(1, 1, None, now).await, Err(JournalError::UnknownOutcome));
        assert!(!journal.has_room().await);
    }

    /// A journal whose time stands still but for waiting, with one record in each of so many streams to be appended.
    async fn paced(
        directory: &tempfile::TempDir,
        streams: u128,
    ) -> (TenantJournal, Vec<Append>, ActorRef<RootMessage>) {
        let observation = Observation::new(Arc::new(WallClock));
        let (probe, agreement) =
            (observation.root("infrastructure", &supervise::INFRASTRUCTURE), agreement(&observation));
        let workers = || Workers::new(Arc::new(InlinePool));
        let store = Sample::on(Arc::new(RealDisk), directory.path(), 1).open().expect("opens");
        let append = |id| Sample::append(&mut Sample::stream(&store, id), 0, 1, "first", None, Vec::new());
        let appends = (1..=streams).map(append).collect();
        let (journal, batcher) = TenantJournal::new("one", store.core, workers(), workers(), agreement, &probe);
        let (root, _) = Actor::spawn(None, Supervisor, (vec![batcher], probe)).await.expect("starts");
        (journal, appends, root)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_appends_alone_never_waits() {
        let directory = tempfile::tempdir().expect("a directory");
        let (journal, appends, root) = paced(&directory, 5).await;
        let began = Instant::now();
        for append in appends {
            assert!(matches!(journal.append(append).await, Ok(Appended::Durable { .. })));
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        root.stop(None);
    }

    #[tokio::test(start_paused = true)]
    async fn where_several_append_the_next_batch_waits_for_them_and_not_for_long() {
        let directory = tempfile::tempdir().expect("a directory");
        let (journal, appends, root) = paced(&directory, 5).await;
        let mut appends = appends.into_iter();
        let mut append = || journal.append(appends.next().expect("one more"));
        let began = Instant::now();
        // The first goes at once; the others gather meanwhile.
        let (first, second, third) = tokio::join!(append(), append(), append());
        assert!(first.is_ok() && second.is_ok() && third.is_ok());
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(append().await.is_ok());
        let waited = began.elapsed();
        assert!(waited > Duration::ZERO && waited < Duration::from_millis(15), "{waited:?}");
        // Nobody else came: who is alone again does not wait.
        assert!(append().await.is_ok());
        assert_eq!(began.elapsed(), waited);
        root.stop(None);
    }

    #[tokio::test]
    async fn the_batched_journal_keeps_every_rule_of_a_journal() {
        let (one, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let observation = Observation::new(Arc::new(WallClock));
        let probe = observation.root("infrastructure", &supervise::INFRASTRUCTURE);
        let (workers, agreement) = (|| Workers::new(Arc::new(InlinePool)), agreement(&observation));
        let journal = |name, directory: &tempfile::TempDir, seed| {
            let store = Sample::on(Arc::new(RealDisk), directory.path(), seed).open().expect("opens");
            TenantJournal::new(name, store.core, workers(), workers(), agreement.clone(), &probe)
        };
        let ((one, first), (other, second)) = (journal("one", &one, 1), journal("other", &other, 2));
        let arguments = (vec![first, second], probe.clone());
        let (root, running) = Actor::spawn(None, Supervisor, arguments).await.expect("starts");
        conformance::every_rule(&one, &other).await;
        assert!(observation.metrics_text().contains("ozg_journal_append_seconds"));
        root.stop(None);
        running.await.expect("ends");
    }
}
