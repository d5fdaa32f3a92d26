//! The writer of the views: tails the journal every [`EVERY`] and applies what it reads in one go.
//!
//! Owns the cursor. Starts from the beginning each time it is started: a view is a fold, and readers keep the old one
//! until the new one has caught up.

use std::time::Duration;

use ozg_storage::journal::Cursor;
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::{
    Views,
    fold::{Step, step},
    index::Index,
};
use crate::{
    observe::{ActorState, Probe},
    supervise::Failure,
    tenant::TenantContext,
};

/// How long a change takes at most until the views look for it.
const EVERY: Duration = Duration::from_millis(10);
/// The pause when the journal cannot be read.
const PAUSE: Duration = Duration::from_secs(1);
const AT_ONCE: usize = 1_000;

/// What the writer is told.
#[derive(Debug)]
pub(crate) enum ViewsMessage {
    /// Look for more.
    Tail,
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
    cursor: Cursor,
    /// What is being rebuilt; nothing once it has taken the place of the old one.
    rebuilt: Option<Box<Index>>,
}

impl Actor for ViewsActor {
    type Msg = ViewsMessage;
    type State = Writer;
    type Arguments = (TenantContext, Views, Probe);

    async fn pre_start(
        &self,
        me: ActorRef<ViewsMessage>,
        (context, views, probe): Self::Arguments,
    ) -> Result<Writer, ActorProcessingErr> {
        let cursor = context.journal.beginning();
        me.cast(ViewsMessage::Tail)?;
        probe.set(ActorState::Running);
        Ok(Writer { context, views, probe, cursor, rebuilt: Some(Box::default()) })
    }

    async fn handle(
        &self,
        me: ActorRef<ViewsMessage>,
        ViewsMessage::Tail: ViewsMessage,
        writer: &mut Writer,
    ) -> Result<(), ActorProcessingErr> {
        let pause = writer.tail().await?;
        me.send_after(pause, || ViewsMessage::Tail);
        Ok(())
    }
}

impl Writer {
    /// Reads on and applies it; how long to wait before the next look.
    async fn tail(&mut self) -> Result<Duration, Failure> {
        let Ok(page) = self.context.journal.tail(self.cursor.clone(), AT_ONCE).await else { return Ok(PAUSE) };
        let full = page.records.len() >= AT_ONCE;
        if page.records.is_empty() && self.rebuilt.is_none() {
            return Ok(EVERY);
        }
        let _working = self.probe.waiting(None).begin("tail");
        let sealer = self.context.sealer.clone();
        // Opening a thousand records burns a core for a while: that is work for the pool.
        let opened = self.context.crypto.run("open_records", move || {
            let open = |stored| {
                step(&sealer, stored).unwrap_or_else(|error| {
                    tracing::error!(%error, record = stored.number.0, "a record cannot be shown");
                    Step::Nothing
                })
            };
            page.records.iter().map(|stored| (stored.number.0, open(stored))).collect::<Vec<_>>()
        });
        let Ok(opened) = opened.await else { return Ok(PAUSE) };
        let newest = page.newest.0;
        let changed = match &mut self.rebuilt {
            Some(index) => apply(index, opened),
            None => self.views.write(|index| apply(index, opened)),
        };
        self.cursor = page.next;
        if !full && let Some(mut index) = self.rebuilt.take() {
            index.as_of = index.as_of.max(newest);
            self.views.write(|old| *old = *index);
        }
        if self.rebuilt.is_none() {
            self.views.tell(&changed);
        }
        Ok(if full { Duration::ZERO } else { EVERY })
    }
}

fn apply(index: &mut Index, opened: Vec<(u64, Step)>) -> Vec<(ozg_protocols::ids::CaseId, u64)> {
    let mut changed = Vec::new();
    for (record, step) in opened {
        index.as_of = record;
        changed.extend(index.take(step).map(|case| (case, record)));
    }
    changed
}
