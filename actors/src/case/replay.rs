//! What a case does while the journal does not say what became of its append (law 2).

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use ozg_protocols::{
    case::Order,
    ids::{CaseId, CommandKey},
    moment::Moment,
};
use ozg_storage::{
    inline::InlineJournal,
    journal::{
        Append, Appended, Backlog, BoxFuture, ClaimedEffect, Cursor, EffectId, EffectTarget, EffectVerdict, Journal,
        JournalError, Lane, SealedBody, StoredAnswer, StreamId, StreamPage, TailPage, Version,
    },
    testing::Sample,
};
use tokio::sync::oneshot;

use super::{CaseParts, Errand, Outcome, Ticket, resident::Resident};
use crate::{
    blobs::Blobs,
    house::application,
    observe::Observation,
    pool::{InlinePool, Workers},
    seams::WallClock,
    supervise::{self, AskError},
};

/// A journal that carries appends out, but says so only after some silence.
#[derive(Debug)]
struct Silent {
    journal: InlineJournal,
    /// Every append, and how often its answer is kept back.
    sent: Mutex<Vec<Append>>,
    silences: usize,
}

impl Silent {
    fn sent(&self) -> Vec<Append> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Journal for Silent {
    fn has_room(&self) -> BoxFuture<'_, bool> {
        self.journal.has_room()
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, JournalError>> {
        let before = {
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.push(append.clone());
            sent.len()
        };
        Box::pin(async move {
            let answer = self.journal.append(append).await;
            if before <= self.silences { Err(JournalError::UnknownOutcome) } else { answer }
        })
    }

    fn answer_to(
        &self,
        stream: StreamId,
        key: CommandKey,
    ) -> BoxFuture<'_, Result<Option<StoredAnswer>, JournalError>> {
        self.journal.answer_to(stream, key)
    }

    fn read(&self, stream: StreamId, from: Version, limit: usize) -> BoxFuture<'_, Result<StreamPage, JournalError>> {
        self.journal.read(stream, from, limit)
    }

    fn beginning(&self) -> Cursor {
        self.journal.beginning()
    }

    fn tail(&self, after: Cursor, limit: usize) -> BoxFuture<'_, Result<TailPage, JournalError>> {
        self.journal.tail(after, limit)
    }

    fn put_snapshot(
        &self,
        stream: StreamId,
        version: Version,
        body: SealedBody,
    ) -> BoxFuture<'_, Result<(), JournalError>> {
        self.journal.put_snapshot(stream, version, body)
    }

    fn snapshot(&self, stream: StreamId) -> BoxFuture<'_, Result<Option<(Version, SealedBody)>, JournalError>> {
        self.journal.snapshot(stream)
    }

    fn claim(
        &self,
        from: Vec<(Lane, usize)>,
        now: Moment,
        until: Moment,
    ) -> BoxFuture<'_, Result<Vec<ClaimedEffect>, JournalError>> {
        self.journal.claim(from, now, until)
    }

    fn release(&self, target: EffectTarget, now: Moment, before: Moment) -> BoxFuture<'_, Result<(), JournalError>> {
        self.journal.release(target, now, before)
    }

    fn backlog(&self, target: EffectTarget) -> BoxFuture<'_, Result<Vec<Backlog>, JournalError>> {
        self.journal.backlog(target)
    }

    fn settle(&self, verdicts: Vec<(EffectId, EffectVerdict)>) -> BoxFuture<'_, Result<(), JournalError>> {
        self.journal.settle(verdicts)
    }

    fn put_record(
        &self,
        kind: u8,
        id: u128,
        value: Option<SealedBody>,
        expires: Moment,
    ) -> BoxFuture<'_, Result<(), JournalError>> {
        self.journal.put_record(kind, id, value, expires)
    }

    fn record(&self, kind: u8, id: u128, now: Moment) -> BoxFuture<'_, Result<Option<SealedBody>, JournalError>> {
        self.journal.record(kind, id, now)
    }
}

const CASE: CaseId = CaseId::from_u128(7);

fn case_with(directory: &Path, silences: usize) -> (Resident, Arc<Silent>) {
    let store = Sample::founded(directory).open().expect("opens");
    let journal = Arc::new(Silent { journal: InlineJournal::new(store.core), sent: Mutex::default(), silences });
    let blobs = Blobs::new(Arc::new(store.blobs), Workers::new(Arc::new(InlinePool)));
    let parts = CaseParts { journal: journal.clone(), sealer: store.sealer, blobs };
    let observation = Observation::new(Arc::new(WallClock));
    (Resident::new(CASE, parts, observation.root("case", &supervise::CASE)), journal)
}

fn received() -> Order {
    Order::Receive(application(1))
}

async fn give(case: &mut Resident, order: Order) -> Result<Outcome, AskError> {
    let (reply, answer) = oneshot::channel();
    let ticket = Ticket { key: CommandKey::from_u128(1), seen: 0 };
    let errand =
        Errand { who: None, order, at: Moment::from_seconds(9), ticket, keys: Vec::new(), reply: reply.into() };
    let _ = case.carry_out(errand).await;
    answer.await.expect("is answered")
}

#[tokio::test(start_paused = true)]
async fn an_append_of_unknown_outcome_goes_again_as_the_same_sealed_bytes() {
    let directory = tempfile::tempdir().expect("a directory");
    let (mut case, journal) = case_with(directory.path(), 3);
    assert_eq!(give(&mut case, received()).await, Ok(Outcome::Done { version: 1 }));
    let sent = journal.sent();
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|append| *append == sent[0]), "sealed once, under one key");
}

#[tokio::test(start_paused = true)]
async fn nobody_hears_failed_of_what_may_have_happened() {
    let directory = tempfile::tempdir().expect("a directory");
    let (mut case, _journal) = case_with(directory.path(), usize::MAX);
    assert_eq!(give(&mut case, received()).await, Err(AskError::Unavailable));
    assert_eq!(give(&mut case, received()).await, Ok(Outcome::Done { version: 1 }), "it had happened");
}
