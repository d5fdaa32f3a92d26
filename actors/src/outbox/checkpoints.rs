//! The carrier of checkpoints: brings what the notary of a tenant has signed to the file outside the data directory.
//!
//! Owns the file as this tenant sees it. Supervised by the tenant, woken by the notary, and looks by itself besides. An
//! effect names a checkpoint; the file takes every one up to it that it does not know yet, each once. A file that cannot be
//! written (a share that is away) stops nothing else: it is tried again, and seen on the operations page and in the metrics.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use ozg_protocols::moment::Moment;
use ozg_storage::{
    checkpoint::BringOut,
    codec::Schema,
    journal::{ClaimedEffect, EffectTarget, EffectVerdict, JournalError, Lane},
    outside::{Brought, OutsideFile},
    stream::open_effect,
    tenant_store::TenantStore,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::meter::TenantMeter;
use crate::{
    fit_connect::backoff,
    observe::{ActorState, Probe, Waiting},
    pool::Workers,
    supervise::{self, Address, Failure, Spec},
    tenant::TenantContext,
};

/// Schema 1 of the effects that bring checkpoints out.
pub(crate) const CHECKPOINT_EFFECTS: Schema<BringOut> = Schema::first(1);
/// Where they wait; there is but one file.
pub(crate) const LANE: Lane = Lane { target: EffectTarget::Checkpoint, place: 0 };
/// Effects that are claimed at a time: days of them.
const CLAIMED: usize = 256;
/// A claim that nobody settled is free again after this time.
const CLAIM: Duration = Duration::from_secs(60);
/// How often it looks by itself.
const LOOK: Duration = Duration::from_secs(2);
/// How long it waits while another tenant writes.
const BUSY: Duration = Duration::from_millis(200);
/// The first and the longest pause before a file that could not be written is tried again.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What the carrier of checkpoints is told.
#[derive(Debug)]
pub(crate) enum CheckpointsMessage {
    /// Something was appended.
    Wake(Waiting),
    /// Time to look.
    Look(Waiting),
}

/// The carrier of a tenant's checkpoints as its child, and the way to it.
pub(crate) fn spec(
    context: &TenantContext,
    store: &Arc<TenantStore>,
    file: PathBuf,
    workers: &Workers,
) -> (Spec, Address<CheckpointsMessage>) {
    let (context, store, workers) = (context.clone(), store.clone(), workers.clone());
    let arguments = move |probe| {
        let meter = context.probe.observation().metrics().outbox.of(context.settings.slug.as_str(), "checkpoint");
        Parts {
            context: context.clone(),
            store: store.clone(),
            file: file.clone(),
            workers: workers.clone(),
            meter,
            probe,
        }
    };
    Spec::new("checkpoints", &supervise::CARRIER, || CheckpointsActor, arguments)
}

/// What it is started with.
#[derive(Debug)]
pub(crate) struct Parts {
    context: TenantContext,
    store: Arc<TenantStore>,
    file: PathBuf,
    workers: Workers,
    meter: TenantMeter,
    probe: Probe,
}

/// Starts the carrier of checkpoints.
#[derive(Debug)]
pub(crate) struct CheckpointsActor;

/// The carrier while it runs.
#[derive(Debug)]
pub(crate) struct Bringing {
    parts: Parts,
    outside: Option<OutsideFile>,
    taken_over: bool,
    /// Whether anything may be waiting.
    waits: bool,
}

impl Actor for CheckpointsActor {
    type Msg = CheckpointsMessage;
    type State = Bringing;
    type Arguments = Parts;

    async fn pre_start(&self, me: ActorRef<CheckpointsMessage>, parts: Parts) -> Result<Bringing, ActorProcessingErr> {
        me.cast(CheckpointsMessage::Look(parts.probe.waiting(None)))?;
        parts.probe.set(ActorState::Running);
        Ok(Bringing { parts, outside: None, taken_over: false, waits: true })
    }

    async fn handle(
        &self,
        me: ActorRef<CheckpointsMessage>,
        message: CheckpointsMessage,
        bringing: &mut Bringing,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            CheckpointsMessage::Wake(waiting) => {
                let _working = waiting.begin("wake");
                bringing.bring().await?;
            }
            CheckpointsMessage::Look(waiting) => {
                let _working = waiting.begin("look");
                bringing.bring().await?;
                bringing.parts.probe.after(&me, LOOK, CheckpointsMessage::Look);
            }
        }
        Ok(())
    }

    /// The notary has ended before: its last checkpoint leaves, too.
    async fn post_stop(
        &self,
        _: ActorRef<CheckpointsMessage>,
        bringing: &mut Bringing,
    ) -> Result<(), ActorProcessingErr> {
        Ok(bringing.bring().await?)
    }
}

impl Bringing {
    async fn bring(&mut self) -> Result<(), Failure> {
        while let Some(claimed) = self.claim().await {
            if claimed.is_empty() {
                break;
            }
            self.waits = true;
            let brought = self.write().await?;
            let verdicts = claimed.iter().map(|effect| (effect.id, self.verdict(effect, &brought))).collect();
            if let Err(error) = self.parts.context.journal.settle(verdicts).await {
                // The claim runs out by itself; what is outside by then is not written again.
                tracing::warn!(%error, "the outbox cannot be settled");
                self.parts.probe.failed("journal");
                break;
            }
            if matches!(brought, Ok(Brought::Busy)) {
                tokio::time::sleep(BUSY).await;
            }
        }
        if self.waits {
            self.measure().await;
        }
        Ok(())
    }

    /// What is due; nothing where the journal does not say.
    async fn claim(&mut self) -> Option<Vec<ClaimedEffect>> {
        let now = self.parts.context.clock.now();
        match self.try_claim(now).await {
            Ok(claimed) => {
                self.taken_over = true;
                Some(claimed)
            }
            Err(error) => {
                tracing::warn!(%error, "the outbox cannot be read");
                self.parts.probe.failed("journal");
                None
            }
        }
    }

    async fn try_claim(&self, now: Moment) -> Result<Vec<ClaimedEffect>, JournalError> {
        let journal = &self.parts.context.journal;
        if !self.taken_over {
            // Nobody else brings them out: whatever waits may go at once.
            journal.release(LANE.target, now, now.plus(LONGEST_PAUSE + CLAIM)).await?;
        }
        journal.claim(vec![(LANE, CLAIMED)], now, now.plus(CLAIM)).await
    }

    async fn write(&mut self) -> Result<io::Result<Brought>, Failure> {
        let (store, file) = (self.parts.store.clone(), self.parts.file.clone());
        let mut outside = self.outside.take().unwrap_or_else(|| store.outside(file));
        let bring = move || {
            let brought = store.checkpoints().map_err(io::Error::other).and_then(|log| outside.bring(&log));
            (outside, brought)
        };
        let done = self.parts.workers.run("checkpoints", bring).await;
        let (outside, brought) = done.map_err(|_| Failure("the job that brings checkpoints out was lost"))?;
        self.outside = Some(outside);
        let tenant = self.parts.context.settings.slug.as_str();
        let outcome = match &brought {
            Ok(Brought::All(record)) => {
                self.parts.probe.observation().metrics().checkpoint_outside(tenant, record.0);
                "done"
            }
            Ok(Brought::Busy) => "busy",
            Ok(Brought::StoreIsOlder { outside }) => {
                tracing::error!(tenant, record = outside.0, "the store is older than its checkpoint outside");
                self.parts.probe.failed("the store is older than its checkpoint outside");
                "store-is-older"
            }
            Err(error) => {
                tracing::warn!(tenant, kind = ?error.kind(), "checkpoints cannot be brought out");
                self.parts.probe.failed("checkpoints cannot be brought out");
                "file"
            }
        };
        self.parts.meter.attempted(outcome);
        Ok(brought)
    }

    fn verdict(&self, effect: &ClaimedEffect, brought: &io::Result<Brought>) -> EffectVerdict {
        let context = &self.parts.context;
        let now = context.clock.now();
        match (open_effect(&context.sealer, &CHECKPOINT_EFFECTS, effect), brought) {
            (Ok(BringOut { record }), Ok(Brought::All(known))) if record <= known.0 => EffectVerdict::Done,
            (_, Ok(Brought::Busy)) => EffectVerdict::Untried(now),
            _ => {
                let tries = effect.attempts.saturating_add(1);
                let pause = backoff::pause(tries, FIRST_PAUSE, LONGEST_PAUSE, None, &context.ids);
                EffectVerdict::Retry(now.plus(pause))
            }
        }
    }

    async fn measure(&mut self) {
        let Ok(backlog) = self.parts.context.journal.backlog(LANE.target).await else { return };
        let waiting = backlog.first();
        let age = waiting.map(|lane| self.parts.context.clock.now().since(lane.oldest));
        self.parts.meter.pending(waiting.map_or(0, |lane| lane.count), age.unwrap_or_default());
        self.waits = waiting.is_some();
    }
}
