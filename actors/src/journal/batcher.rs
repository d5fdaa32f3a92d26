//! The batcher: group commit for one tenant. While one batch is in flight the next one gathers; at most [`LARGEST`] appends
//! go together. Under load it waits a moment after a batch has landed: whoever was answered mostly has more to append, and
//! without that moment two half batches would take turns. It holds only what is under way: when it ends, its callers hear
//! that the outcome is unknown and repeat.

use std::sync::Arc;

use ozg_storage::{
    journal::{Append, Appended, JournalError},
    redb_core::RedbCore,
};
use ractor::{Actor, ActorProcessingErr, ActorRef, MessagingErr};
use tokio::{
    sync::oneshot,
    time::{Duration, Instant},
};

use crate::{
    observe::{ActorState, Probe, Waiting},
    pool::Workers,
};

/// The most appends of one commit.
const LARGEST: usize = 256;

/// From so many appends in a batch on, others are waited for.
const SEVERAL: usize = 2;
/// The pace then, from the beginning of one batch to that of the next: a few commits long, and nothing to a person.
const PACE: Duration = Duration::from_millis(12);

/// An append whose author waits.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) append: Append,
    pub(crate) since: Instant,
    pub(crate) reply: oneshot::Sender<Result<Appended, JournalError>>,
}

/// What a batcher is told.
#[derive(Debug)]
pub(crate) enum BatcherMessage {
    /// One more append.
    Append(Box<Pending>, Waiting),
    /// The batch in flight is durable, or is not.
    Landed(Landing),
    /// Is it time to send?
    Look,
}

/// What became of a batch, and of whoever waits for it.
#[derive(Debug)]
pub(crate) struct Landing {
    began: Instant,
    replies: Vec<oneshot::Sender<Result<Appended, JournalError>>>,
    /// None if its job was lost: whoever waits hears that the outcome is unknown.
    answers: Vec<Result<Appended, JournalError>>,
}

impl Landing {
    fn answer(self) {
        for (reply, answer) in self.replies.into_iter().zip(self.answers) {
            let _ = reply.send(answer);
        }
    }
}

/// Starts a batcher.
#[derive(Debug)]
pub(crate) struct BatcherActor;

/// What gathers, and whether something is in flight.
#[derive(Debug)]
pub(crate) struct Gathering {
    core: Arc<RedbCore>,
    vault: Workers,
    probe: Probe,
    next: Vec<(Box<Pending>, Waiting)>,
    in_flight: bool,
    /// So many are waited for, until then.
    awaited: Option<(usize, Instant)>,
    /// A [`BatcherMessage::Look`] is on its way. One that comes early sends the next.
    looking: bool,
}

impl Actor for BatcherActor {
    type Msg = BatcherMessage;
    type State = Gathering;
    type Arguments = (Arc<RedbCore>, Workers, Probe);

    async fn pre_start(
        &self,
        _: ActorRef<BatcherMessage>,
        (core, vault, probe): Self::Arguments,
    ) -> Result<Gathering, ActorProcessingErr> {
        probe.set(ActorState::Running);
        Ok(Gathering { core, vault, probe, next: Vec::new(), in_flight: false, awaited: None, looking: false })
    }

    async fn handle(
        &self,
        me: ActorRef<BatcherMessage>,
        message: BatcherMessage,
        batch: &mut Gathering,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            BatcherMessage::Append(pending, waiting) => batch.next.push((pending, waiting)),
            BatcherMessage::Landed(landing) => batch.landed(landing),
            BatcherMessage::Look => batch.looking = false,
        }
        if batch.in_flight || batch.next.is_empty() {
            return Ok(());
        }
        match batch.waits_until() {
            None => batch.send(me),
            Some(_) if batch.looking => {}
            Some(until) => {
                batch.looking = true;
                me.send_after(until - Instant::now(), || BatcherMessage::Look);
            }
        }
        Ok(())
    }

    /// What still gathers while the batcher is drained goes too, before its end.
    async fn post_stop(&self, _: ActorRef<BatcherMessage>, batch: &mut Gathering) -> Result<(), ActorProcessingErr> {
        while !batch.next.is_empty() {
            batch.commit().await.answer();
        }
        Ok(())
    }
}

impl Gathering {
    /// Counts who is there before anybody is answered and comes back.
    fn landed(&mut self, landing: Landing) {
        self.in_flight = false;
        let answered = landing.replies.len();
        if answered >= SEVERAL {
            self.awaited = Some((answered + self.next.len(), landing.began + PACE));
        }
        landing.answer();
    }

    /// Until when others are waited for; nothing if they need not be any more.
    fn waits_until(&mut self) -> Option<Instant> {
        let (all, until) = self.awaited?;
        if self.next.len() < all.min(LARGEST) && Instant::now() < until {
            return Some(until);
        }
        self.awaited = None;
        None
    }

    /// Sends what has gathered; the answer comes back as a message, so that gathering goes on meanwhile.
    fn send(&mut self, me: ActorRef<BatcherMessage>) {
        self.in_flight = true;
        let commit = self.commit();
        tokio::spawn(async move {
            let landed = me.cast(BatcherMessage::Landed(commit.await));
            // Without a batcher they are answered all the same.
            if let Err(MessagingErr::SendErr(BatcherMessage::Landed(landing))) = landed {
                landing.answer();
            }
        });
    }

    fn commit(&mut self) -> impl Future<Output = Landing> + Send + 'static {
        let began = Instant::now();
        let rest = self.next.split_off(self.next.len().min(LARGEST));
        let gathered = std::mem::replace(&mut self.next, rest);
        let metrics = self.probe.observation().clone();
        metrics.metrics().batch_size.observe(gathered.len() as f64);
        if let Some((oldest, _)) = gathered.first() {
            metrics.metrics().queue_age.set(oldest.since.elapsed().as_secs_f64());
        }
        let (mut appends, mut replies) = (Vec::with_capacity(gathered.len()), Vec::with_capacity(gathered.len()));
        let mut all = Vec::with_capacity(gathered.len());
        for (pending, waiting) in gathered {
            let Pending { append, reply, .. } = *pending;
            all.push(waiting);
            appends.push(append);
            replies.push(reply);
        }
        let working = Waiting::begin_together(all, &self.probe, "append");
        let (core, vault) = (self.core.clone(), self.vault.clone());
        async move {
            let answers = vault.run("commit", move || core.commit(appends)).await.unwrap_or_default();
            drop(working);
            Landing { began, replies, answers }
        }
    }
}
