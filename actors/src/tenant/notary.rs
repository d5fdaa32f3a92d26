//! The notary of a tenant: shows every record to the store's notary, in order, and has a checkpoint signed when one is due,
//! and when the house closes.
//!
//! Owns nothing but its place; the log of checkpoints lies in the store. Where the operator names a file outside, a signed
//! checkpoint becomes a record with an effect, which the outbox carries there ([`crate::outbox`]). Blocking work is a job
//! of the reader pool.

use std::{sync::Arc, time::Duration};

use ozg_protocols::moment::Moment;
use ozg_storage::{
    checkpoint::{BringOut, Checkpoint, CheckpointSigned},
    codec::Schema,
    journal::{Append, Appended, Epoch, JournalError, StreamId, Version, Weight},
    notary::{Notary, NotaryError},
    stream::{Effect, Opened, Record, Stream, Ticket},
    tenant_store::TenantStore,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::TenantContext;
use crate::{
    observe::{ActorState, Probe, Waiting},
    outbox::{CHECKPOINT_EFFECTS, CHECKPOINT_LANE, CheckpointsMessage},
    pool::Workers,
    supervise::{Address, Failure},
};

/// Schema 1 of the records of checkpoints.
const RECORDS: Schema<Record<CheckpointSigned>> = Schema::first(1);
/// How often it looks for new records.
const EVERY: Duration = Duration::from_secs(1);
const AT_ONCE: usize = 1_000;

/// What a notary is told.
#[derive(Debug)]
pub(crate) enum NotaryMessage {
    /// Look for more.
    Look(Waiting),
}

/// What a notary is started with.
#[derive(Debug, Clone)]
pub(crate) struct NotaryParts {
    pub(crate) context: TenantContext,
    pub(crate) store: Arc<TenantStore>,
    /// Who carries checkpoints out, where that is wanted.
    pub(crate) carrier: Option<Address<CheckpointsMessage>>,
    pub(crate) workers: Workers,
}

/// Starts a notary.
#[derive(Debug)]
pub(crate) struct NotaryActor;

/// Where the notary stands.
#[derive(Debug)]
pub(crate) struct Watch {
    parts: NotaryParts,
    probe: Probe,
    notary: Option<Notary>,
    outgoing: Option<Outgoing>,
}

/// The stream of checkpoints, once it was read.
#[derive(Debug)]
struct Outgoing {
    stream: Stream<CheckpointSigned, BringOut>,
    version: Version,
    /// The last record that a checkpoint on its way out covers.
    record: u64,
}

/// What came of a look: whether there is more, and the checkpoint that was signed.
type Seen = (bool, Option<Checkpoint>);

impl Actor for NotaryActor {
    type Msg = NotaryMessage;
    type State = Watch;
    type Arguments = (NotaryParts, Probe);

    async fn pre_start(
        &self,
        me: ActorRef<NotaryMessage>,
        (parts, probe): Self::Arguments,
    ) -> Result<Watch, ActorProcessingErr> {
        me.cast(NotaryMessage::Look(probe.waiting(None)))?;
        probe.set(ActorState::Running);
        Ok(Watch { parts, probe, notary: None, outgoing: None })
    }

    async fn handle(
        &self,
        me: ActorRef<NotaryMessage>,
        NotaryMessage::Look(waiting): NotaryMessage,
        watch: &mut Watch,
    ) -> Result<(), ActorProcessingErr> {
        let _working = waiting.begin("look");
        let more = watch.look(false).await?;
        watch.probe.after(&me, if more { Duration::ZERO } else { EVERY }, NotaryMessage::Look);
        Ok(())
    }

    /// What happened since the last checkpoint is signed for before the house closes.
    async fn post_stop(&self, _: ActorRef<NotaryMessage>, watch: &mut Watch) -> Result<(), ActorProcessingErr> {
        while watch.look(true).await? {}
        Ok(())
    }
}

impl Watch {
    /// Looks for more; `last` signs for all there is once there is no more. Whether there is.
    async fn look(&mut self, last: bool) -> Result<bool, Failure> {
        let context = &self.parts.context;
        let (store, notary, now) = (self.parts.store.clone(), self.notary.take(), context.clock.now());
        // An hour that only the clock shows may be none.
        let hours = !context.agreement.stands_still(now);
        let looked = self.parts.workers.run("notary", move || look(&store, notary, now, hours, last)).await;
        let (notary, (more, signed)) = looked.map_err(|_| Failure("the notary's job was lost"))?.map_err(|error| {
            tracing::error!(%error, "the notary cannot go on");
            Failure("the notary cannot go on")
        })?;
        self.notary = Some(notary);
        let first = self.outgoing.is_none();
        if let Some(checkpoint) = &signed {
            let (record, root) = (checkpoint.record().0, checkpoint.root_text());
            let tenant = self.parts.context.settings.slug.as_str();
            tracing::info!(tenant, record, root, "checkpoint signed");
            self.probe.observation().metrics().checkpoint(tenant, record, &root);
        }
        if first || signed.is_some() {
            self.send_out(signed).await?;
        }
        Ok(more)
    }

    /// Makes it durable that the newest checkpoint has to leave the machine, if anybody carries it; also one that an
    /// earlier run signed.
    async fn send_out(&mut self, signed: Option<Checkpoint>) -> Result<(), Failure> {
        let Some(carrier) = self.parts.carrier.clone() else { return Ok(()) };
        let newest = match signed {
            Some(checkpoint) => Some(checkpoint),
            None => {
                let store = self.parts.store.clone();
                let log = self.parts.workers.run("checkpoints", move || store.checkpoints()).await;
                log.map_err(|_| Failure("the notary's job was lost"))?.map_err(|_| UNREADABLE)?.pop()
            }
        };
        let mut outgoing = match self.outgoing.take() {
            Some(outgoing) => outgoing,
            None => self.read().await?,
        };
        if let Some(checkpoint) = newest.filter(|checkpoint| checkpoint.record().0 > outgoing.record) {
            self.append(&mut outgoing, &checkpoint).await?;
            carrier.tell_seen(CheckpointsMessage::Wake);
        }
        self.outgoing = Some(outgoing);
        Ok(())
    }

    async fn read(&self) -> Result<Outgoing, Failure> {
        let context = &self.parts.context;
        let stream = Stream::new(context.sealer.clone(), StreamId::CHECKPOINTS, RECORDS, CHECKPOINT_EFFECTS);
        let mut outgoing = Outgoing { stream, version: Version(0), record: 0 };
        loop {
            let page = context.journal.read(StreamId::CHECKPOINTS, outgoing.version, AT_ONCE).await;
            let page = page.map_err(|_| UNREADABLE)?;
            if let Some(newest) = page.records.last() {
                let opened = outgoing.stream.open(newest).map_err(|_| UNREADABLE)?;
                if let Opened::Events(Record { events, .. }) = opened {
                    outgoing.record = events.last().map_or(0, |signed| signed.record);
                }
                outgoing.version = Version(newest.first.0 + u64::from(newest.events));
            }
            if !page.more {
                return Ok(outgoing);
            }
        }
    }

    async fn append(&self, outgoing: &mut Outgoing, checkpoint: &Checkpoint) -> Result<(), Failure> {
        let (context, record) = (&self.parts.context, checkpoint.record().0);
        let at = context.clock.now();
        let command = [&b"checkpoint "[..], &record.to_be_bytes()].concat();
        let ticket = Ticket { key: context.sealer.index_key().command_key(&[&command]), command: &command, reply: &[] };
        let events = vec![CheckpointSigned { record, line: checkpoint.to_string() }];
        let effect = Effect { lane: CHECKPOINT_LANE, due: at, what: BringOut { record } };
        let signed = Record { at, by: None, events };
        let sealed = outgoing.stream.seal(outgoing.version, Epoch::default(), ticket, &signed, &[effect], Vec::new());
        let append = Append { weight: Weight::Acknowledgement, ..sealed.map_err(|_| UNREADABLE)? };
        for _ in 0..5 {
            match context.journal.append(append.clone()).await {
                Ok(Appended::Durable { version, .. } | Appended::Duplicate { version, .. }) => {
                    (outgoing.version, outgoing.record) = (version, record);
                    return Ok(());
                }
                Err(JournalError::UnknownOutcome | JournalError::Unavailable) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                // Whoever starts anew reads where the stream stands, and that this one has not left.
                Ok(_) | Err(_) => break,
            }
        }
        Err(Failure("a checkpoint cannot be sent out"))
    }
}

const UNREADABLE: Failure = Failure("the checkpoints cannot be read");

fn look(
    store: &TenantStore,
    notary: Option<Notary>,
    now: Moment,
    hours: bool,
    last: bool,
) -> Result<(Notary, Seen), NotaryError> {
    let mut notary = match notary {
        Some(notary) => notary,
        None => store.notary()?,
    };
    let more = notary.follow(&store.core, AT_ONCE, now)?;
    let due = notary.is_due(hours.then_some(now)) || (last && !more && notary.has_unsigned());
    let signed = if due { Some(notary.sign(now)?) } else { None };
    Ok((notary, (more, signed)))
}
