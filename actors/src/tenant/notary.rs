//! The notary of a tenant: shows every record to the store's notary, in order, and has a checkpoint signed when one is due.
//!
//! Owns nothing but its place; the log of checkpoints lies in the store. Blocking work is a job of the reader pool.

use std::{sync::Arc, time::Duration};

use ozg_protocols::moment::Moment;
use ozg_storage::{
    checkpoint::Checkpoint,
    notary::{Notary, NotaryError},
    tenant_store::TenantStore,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::TenantContext;
use crate::{
    observe::{ActorState, Probe},
    pool::Workers,
    supervise::Failure,
};

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
}

/// What came of a look: whether there is more, and the checkpoint that was signed.
type Seen = (bool, Option<Checkpoint>);

impl Actor for NotaryActor {
    type Msg = NotaryMessage;
    type State = Watch;
    type Arguments = (TenantContext, Arc<TenantStore>, Workers, Probe);

    async fn pre_start(
        &self,
        me: ActorRef<NotaryMessage>,
        (context, store, workers, probe): Self::Arguments,
    ) -> Result<Watch, ActorProcessingErr> {
        me.cast(NotaryMessage::Look)?;
        probe.set(ActorState::Running);
        Ok(Watch { context, store, workers, probe, notary: None })
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
        }
        Ok(more)
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
