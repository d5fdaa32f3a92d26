//! The writer of the views: tails the journal [`EVERY`] so often while there is news, and applies what it reads in one go.
//!
//! Owns the cursor. Begins with the file that was kept last, or from the beginning, each time it is started: a view is a
//! fold, and readers keep the old one until the new one has caught up. What it keeps is only a convenience.

use std::{sync::Arc, time::Duration};

use ozg_storage::{
    journal::{Cursor, RecordNo, StoredRecord},
    seal::Sealer,
    view_file::ViewFiles,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::watch;

use super::{
    Change, Views,
    fold::{Step, step},
    index::Index,
    saved,
    text::Done,
};
use crate::{
    observe::{ActorState, Probe, Waiting},
    pool::{JobLost, Workers},
    tenant::TenantContext,
};

/// How long a change takes at most until the views look for it.
const EVERY: Duration = Duration::from_millis(10);
/// How long it waits for news before it looks all the same.
const QUIET: Duration = Duration::from_secs(1);
/// The pause when the journal cannot be read.
const PAUSE: Duration = Duration::from_secs(1);
const AT_ONCE: usize = 1_000;
/// A file is kept after so many records.
const KEPT_EVERY: u64 = 100_000;
/// So many records are applied under one lock: readers wait for no more than that.
const UNDER_LOCK: usize = 16;

/// What the writer is told.
#[derive(Debug)]
pub(crate) enum ViewsMessage {
    /// Read what was kept.
    Begin(Waiting),
    /// Look for more.
    Tail(Waiting),
    /// Work on the words is done.
    Words(Result<Done, JobLost>, Waiting),
}

/// What a writer is started with.
#[derive(Debug, Clone)]
pub(crate) struct ViewsParts {
    pub(crate) context: TenantContext,
    pub(crate) views: Views,
    pub(crate) files: ViewFiles,
    pub(crate) readers: Workers,
    pub(crate) news: watch::Receiver<u64>,
}

/// Starts the writer.
#[derive(Debug)]
pub(crate) struct ViewsActor;

/// Where the writer stands.
#[derive(Debug)]
pub(crate) struct Writer {
    context: TenantContext,
    views: Views,
    probe: Probe,
    files: ViewFiles,
    readers: Workers,
    news: watch::Receiver<u64>,
    cursor: Cursor,
    /// What is being rebuilt; nothing once it has taken the place of the old one.
    rebuilt: Option<Box<Index>>,
    /// Whether the cursor comes from a file.
    from_file: bool,
    /// The last record of the file that was kept.
    kept: u64,
}

impl Actor for ViewsActor {
    type Msg = ViewsMessage;
    type State = Writer;
    type Arguments = (ViewsParts, Probe);

    async fn pre_start(
        &self,
        me: ActorRef<ViewsMessage>,
        (ViewsParts { context, views, files, readers, news }, probe): Self::Arguments,
    ) -> Result<Writer, ActorProcessingErr> {
        let cursor = context.journal.beginning();
        me.cast(ViewsMessage::Begin(probe.waiting(None)))?;
        probe.set(ActorState::Running);
        let rebuilt = Some(Box::new(Index::to_be_filled()));
        Ok(Writer { context, views, probe, files, readers, news, cursor, rebuilt, from_file: false, kept: 0 })
    }

    async fn handle(
        &self,
        me: ActorRef<ViewsMessage>,
        message: ViewsMessage,
        writer: &mut Writer,
    ) -> Result<(), ActorProcessingErr> {
        let next = match message {
            ViewsMessage::Begin(waiting) => {
                let _working = waiting.begin("begin");
                writer.begin().await;
                Next::After(Duration::ZERO)
            }
            ViewsMessage::Tail(waiting) => {
                let _working = waiting.begin("tail");
                let next = writer.tail().await;
                writer.work_on_words(&me);
                next
            }
            ViewsMessage::Words(done, waiting) => {
                let _working = waiting.begin("words");
                // Without it the words would pile up: the next writer begins anew.
                writer.views.write(|index| done.map(|done| index.text.finish(done)))?;
                writer.work_on_words(&me);
                return Ok(());
            }
        };
        match next {
            Next::After(pause) => writer.probe.after(&me, pause, ViewsMessage::Tail),
            Next::News => {
                let (mut news, probe) = (writer.news.clone(), writer.probe.clone());
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(QUIET, news.changed()).await;
                    // What comes within this time is applied together.
                    tokio::time::sleep(EVERY).await;
                    let _ = me.cast(ViewsMessage::Tail(probe.waiting(None)));
                });
            }
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<ViewsMessage>, writer: &mut Writer) -> Result<(), ActorProcessingErr> {
        writer.keep().await;
        Ok(())
    }
}

/// When to look again.
enum Next {
    After(Duration),
    News,
}

impl Writer {
    /// Begins with the file that was kept.
    async fn begin(&mut self) {
        let files = self.files.clone();
        match self.context.blobs.workers().run("load_view", move || saved::load(&files)).await {
            Ok(Ok(Some((index, cursor)))) => {
                (self.cursor, self.from_file, self.kept) = (cursor, true, index.as_of);
                self.rebuilt = Some(Box::new(index));
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the file of the views cannot be read: they are rebuilt"),
            Err(lost) => tracing::warn!(%lost, "the file of the views cannot be read: they are rebuilt"),
        }
    }

    /// Keeps a file of what is there. Readers go on meanwhile.
    async fn keep(&mut self) {
        if self.rebuilt.is_some() {
            return;
        }
        let (views, files, cursor) = (self.views.clone(), self.files.clone(), self.cursor.clone());
        let job = move || views.read(|index| saved::save(&files, index, &cursor).map(|()| index.as_of));
        match self.context.blobs.workers().run("keep_view", job).await {
            Ok(Ok(record)) => self.kept = record,
            Ok(Err(error)) => tracing::warn!(%error, "the views cannot be kept"),
            Err(lost) => tracing::warn!(%lost, "the views cannot be kept"),
        }
    }

    /// Reads on and applies it.
    async fn tail(&mut self) -> Next {
        self.news.borrow_and_update();
        let page = match self.context.journal.tail(self.cursor.clone(), AT_ONCE).await {
            Ok(page) => page,
            Err(_) if std::mem::take(&mut self.from_file) => {
                // Of another incarnation, or of a journal that has been replaced.
                self.begin_anew();
                return Next::After(Duration::ZERO);
            }
            Err(_) => return Next::After(PAUSE),
        };
        self.from_file = false;
        if let Some(RecordNo(record)) = page.damaged {
            let tenant = self.context.settings.slug.as_str();
            tracing::error!(tenant, record, "a record cannot be read, the views go on without it: run verify");
        }
        let (newest, next, more) = (page.newest.0, page.next, page.more);
        if page.records.is_empty() && self.rebuilt.is_none() && !more {
            self.cursor = next;
            return Next::News;
        }
        let sealer = self.context.sealer.clone();
        if let Some(mut index) = self.rebuilt.take() {
            let job = move || {
                apply(&mut index, open(&sealer, &page.records));
                while let Some(job) = index.text.job() {
                    index.text.finish(job.run());
                }
                if !more {
                    index.as_of = index.as_of.max(newest);
                    index.settle();
                }
                index
            };
            let Ok(index) = self.readers.run("fill_views", job).await else {
                self.begin_anew();
                return Next::After(PAUSE);
            };
            self.cursor = next;
            if more {
                self.rebuilt = Some(index);
                return Next::After(Duration::ZERO);
            }
            // The old one goes when nobody waits for the lock any more.
            drop(self.views.write(|old| std::mem::replace(old, *index)));
            // Whoever listens since before was told nothing of what the new one has learnt.
            self.views.tell([Change::Missed]);
        } else {
            let opened = self.readers.run("open_records", move || open(&sealer, &page.records));
            let Ok(mut opened) = opened.await else { return Next::After(PAUSE) };
            let mut changed = Vec::new();
            while !opened.is_empty() {
                let some = opened.drain(..opened.len().min(UNDER_LOCK)).collect();
                changed.extend(self.views.write(|index| apply(index, some)));
            }
            self.cursor = next;
            self.views.tell(changed);
        }
        if newest >= self.kept + KEPT_EVERY {
            self.keep().await;
        }
        if more { Next::After(Duration::ZERO) } else { Next::News }
    }

    fn begin_anew(&mut self) {
        (self.cursor, self.rebuilt) = (self.context.journal.beginning(), Some(Box::new(Index::to_be_filled())));
    }

    /// Has the words frozen or merged, if there are enough of them, beside everything else.
    fn work_on_words(&self, me: &ActorRef<ViewsMessage>) {
        let Some(job) = self.views.write(|index| index.text.job()) else { return };
        let (me, workers, probe) = (me.clone(), self.context.blobs.workers().clone(), self.probe.clone());
        tokio::spawn(async move {
            let done = workers.run("words", move || job.run()).await;
            // A writer that has ended needs no words.
            let _ = me.cast(ViewsMessage::Words(done, probe.waiting(None)));
        });
    }
}

fn open(sealer: &Arc<Sealer>, records: &[StoredRecord]) -> Vec<(u64, Step)> {
    let open = |stored| {
        step(sealer, stored).unwrap_or_else(|error| {
            tracing::error!(%error, record = stored.number.0, "a record cannot be shown");
            Step::Nothing
        })
    };
    records.iter().map(|stored| (stored.number.0, open(stored))).collect()
}

fn apply(index: &mut Index, opened: Vec<(u64, Step)>) -> Vec<Change> {
    let mut changed = Vec::new();
    for (record, step) in opened {
        changed.extend(index.take(record, step));
    }
    changed
}
