//! The notary of a tenant: shows every record to the store's notary, in order, and has a checkpoint signed when one is due.
//!
//! Owns nothing but its place; the log of checkpoints lies in the store, and where the operator names a file outside, every
//! line of the log is brought there, too. Blocking work is a job of the reader pool.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use ozg_protocols::moment::Moment;
use ozg_storage::{
    checkpoint::Checkpoint,
    notary::{Notary, NotaryError},
    outside::{Brought, OutsideFile},
    tenant_store::TenantStore,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::TenantContext;
use crate::{
    observe::{ActorState, Probe},
    pool::Workers,
    supervise::Failure,
};

/// How long it waits before it tries again to bring checkpoints out.
const AGAIN: Duration = Duration::from_secs(60);
/// How often it looks for new records.
const EVERY: Duration = Duration::from_secs(1);
const AT_ONCE: usize = 1_000;

/// What a notary is told.
#[derive(Debug)]
pub(crate) enum NotaryMessage {
    /// Look for more.
    Look,
}

/// Starts a notary.
#[derive(Debug)]
pub(crate) struct NotaryActor;

/// Where the notary stands.
#[derive(Debug)]
pub(crate) struct Watch {
    context: TenantContext,
    store: Arc<TenantStore>,
    workers: Workers,
    probe: Probe,
    notary: Option<Notary>,
    outside: Option<Outside>,
}

/// The file outside, and when it is due; nothing is once it has every checkpoint.
#[derive(Debug)]
struct Outside {
    file: OutsideFile,
    due: Option<Moment>,
}

/// What came of a look: whether there is more, and the checkpoint that was signed.
type Seen = (bool, Option<Checkpoint>);

impl Actor for NotaryActor {
    type Msg = NotaryMessage;
    type State = Watch;
    type Arguments = (TenantContext, Arc<TenantStore>, Option<PathBuf>, Workers, Probe);

    async fn pre_start(
        &self,
        me: ActorRef<NotaryMessage>,
        (context, store, file, workers, probe): Self::Arguments,
    ) -> Result<Watch, ActorProcessingErr> {
        me.cast(NotaryMessage::Look)?;
        probe.set(ActorState::Running);
        // What an earlier run could not bring out any more is due at once.
        let due = Some(context.clock.now());
        let outside = file.map(|file| Outside { file: store.outside(file), due });
        Ok(Watch { context, store, workers, probe, notary: None, outside })
    }

    async fn handle(
        &self,
        me: ActorRef<NotaryMessage>,
        NotaryMessage::Look: NotaryMessage,
        watch: &mut Watch,
    ) -> Result<(), ActorProcessingErr> {
        let more = watch.look().await?;
        me.send_after(if more { Duration::ZERO } else { EVERY }, || NotaryMessage::Look);
        Ok(())
    }
}

impl Watch {
    async fn look(&mut self) -> Result<bool, Failure> {
        let _working = self.probe.waiting(None).begin("look");
        let (store, notary, now) = (self.store.clone(), self.notary.take(), self.context.clock.now());
        let looked = self.workers.run("notary", move || look(&store, notary, now)).await;
        let (notary, (more, signed)) = looked.map_err(|_| Failure("the notary's job was lost"))?.map_err(|error| {
            tracing::error!(%error, "the notary cannot go on");
            Failure("the notary cannot go on")
        })?;
        self.notary = Some(notary);
        if let Some(checkpoint) = signed {
            let (record, root) = (checkpoint.record().0, checkpoint.root_text());
            tracing::info!(tenant = %self.context.settings.slug, record, root, "checkpoint signed");
            let metrics = self.probe.observation().metrics();
            metrics.checkpoint(self.context.settings.slug.as_str(), record);
            if let Some(outside) = &mut self.outside {
                outside.due = Some(now);
            }
        }
        self.bring_out(now).await?;
        Ok(more)
    }

    /// Brings out what is due. A file that cannot be written (a share that is away) stops nothing else.
    async fn bring_out(&mut self, now: Moment) -> Result<(), Failure> {
        let due = |outside: &mut Outside| outside.due.is_some_and(|due| due <= now);
        let Some(notary) = self.notary.take() else { return Ok(()) };
        let Some(mut outside) = self.outside.take_if(due) else {
            self.notary = Some(notary);
            return Ok(());
        };
        let bring = move || {
            let brought = notary.log().map_err(io::Error::other).and_then(|log| outside.file.bring(&log));
            (notary, outside, brought)
        };
        let brought = self.workers.run("checkpoints", bring).await;
        let (notary, mut outside, brought) = brought.map_err(|_| Failure("the notary's job was lost"))?;
        self.notary = Some(notary);
        let tenant = self.context.settings.slug.as_str();
        outside.due = match brought {
            Ok(Brought::All(record)) => {
                self.probe.observation().metrics().checkpoint_outside(tenant, record.0);
                None
            }
            Ok(Brought::Busy) => Some(now),
            Ok(Brought::StoreIsOlder { outside }) => {
                tracing::error!(tenant, record = outside.0, "the store is older than its checkpoint outside");
                self.probe.failed("the store is older than its checkpoint outside");
                Some(now.plus(AGAIN))
            }
            Err(error) => {
                tracing::warn!(tenant, kind = ?error.kind(), "checkpoints cannot be brought out");
                self.probe.failed("checkpoints cannot be brought out");
                Some(now.plus(AGAIN))
            }
        };
        self.outside = Some(outside);
        Ok(())
    }
}

fn look(store: &TenantStore, notary: Option<Notary>, now: Moment) -> Result<(Notary, Seen), NotaryError> {
    let mut notary = match notary {
        Some(notary) => notary,
        None => store.notary()?,
    };
    let mut more = false;
    if let Ok(page) = store.core.tail(&notary.cursor(), AT_ONCE) {
        more = page.records.len() >= AT_ONCE;
        for record in &page.records {
            notary.observe(record, now)?;
        }
    }
    let signed = if notary.is_due(now) { Some(notary.sign(now)?) } else { None };
    Ok((notary, (more, signed)))
}
