//! The connector actor of one destination: knows what waits at the delivery service and puts workers on it.
//!
//! Owns the queue of submissions, who works on which, and when a failed one is tried again. It is the edge of this channel:
//! at most [`IN_FLIGHT`] submissions are in the house at a time, enough to keep the crypto pool busy while others wait for
//! disk or network. A submission whose bytes were opened before without an end is a suspect and is tried while no other
//! suspect is, so that one that kills the process cannot drag others to the clearing tray. Supervised by the tenant;
//! holds nothing that the next list would not tell again.

mod listing;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use ozg_protocols::{
    application::Channel,
    fit_connect::api::submission::SubmissionIds,
    ids::{CommandKey, IntakeId, SubmissionId},
    moment::Moment,
    principal::Principal,
};
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::{sync::watch, task::JoinHandle, time::Instant};

use self::listing::Listing;
use super::backoff;
use crate::{
    case::{Outcome, Reply},
    intake::{Assignment, Begin, Desk, Ending, IntakeRecord, Report, WorkerActor},
    observe::{ActorState, Probe, Waiting},
    supervise::{self, AskError},
};

/// Submissions that are worked on at a time.
const IN_FLIGHT: usize = 32;
/// With so many in the queue no further page is read for now.
const ENOUGH: usize = 2_000;
/// The most submissions that are known at a time.
const MOST_KNOWN: usize = 20_000;
/// The first and the longest pause before a submission is tried again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// How long workers may take to finish when the house closes, and then to give back the attempt they had counted.
const FINISH: Duration = Duration::from_secs(8);
const GIVE_BACK: Duration = Duration::from_secs(2);
/// How often the age of the oldest submission is measured.
const TICK: Duration = Duration::from_secs(2);
/// So long it has to have run before it opens what was being opened when it last ended: a house that is ended again and again
/// from outside must not use up the attempts of bytes that did nothing.
const SETTLED_IN: Duration = Duration::from_secs(3);

/// What a connector is told.
#[derive(Debug)]
pub(crate) enum ConnectorMessage {
    /// Time to look.
    Poll,
    /// A callback says that there is something.
    Called,
    /// The next page of the list.
    Page { offset: u64 },
    /// The list could not be read.
    ListAgain,
    /// The work on a submission ended.
    Ended { submission: SubmissionId, report: Report },
    /// The pause after a failure is over.
    Again(SubmissionId),
    /// A person wants a clearing item tried again.
    Reopen { intake: IntakeId, who: Principal, key: CommandKey, reply: Reply<Outcome>, waiting: Waiting },
    /// Time to measure.
    Tick,
}

/// Starts a connector.
#[derive(Debug)]
pub(crate) struct ConnectorActor;

/// How it stands with a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Queued,
    AtWork,
    Pausing,
    Settled,
}

#[derive(Debug)]
struct Known {
    ids: SubmissionIds,
    standing: Standing,
    /// Since when it is kept here; until that is known, since when it is seen.
    since: Moment,
    failures: u32,
    suspect: bool,
}

/// The queue of one destination.
#[derive(Debug)]
pub(crate) struct Queue {
    desk: Arc<Desk>,
    probe: Probe,
    seats: Vec<Probe>,
    free: Vec<usize>,
    known: HashMap<SubmissionId, Known>,
    fresh: VecDeque<SubmissionId>,
    suspects: VecDeque<SubmissionId>,
    suspects_from: Instant,
    suspect_at_work: Option<SubmissionId>,
    workers: HashMap<ActorId, Work>,
    /// The list as far as it was read; nothing while nobody reads it.
    listing: Option<Listing>,
    /// The list was left with more to come, or a callback came while it was read.
    look_again: bool,
    list_failures: u32,
    quiet_until: Option<Instant>,
    /// Tells the workers that they have to stop in the middle.
    closing: watch::Sender<bool>,
}

/// A worker and what it works on.
#[derive(Debug)]
struct Work {
    submission: SubmissionId,
    seat: usize,
    running: JoinHandle<()>,
}

impl Actor for ConnectorActor {
    type Msg = ConnectorMessage;
    type State = Queue;
    type Arguments = (Arc<Desk>, Probe);

    async fn pre_start(
        &self,
        me: ActorRef<ConnectorMessage>,
        (desk, probe): Self::Arguments,
    ) -> Result<Queue, ActorProcessingErr> {
        let seat = |number| {
            let seat = probe.child(format!("intake-{number}"), &supervise::INTAKE, 1);
            seat.set(ActorState::Vacant);
            seat
        };
        let seats = (0..IN_FLIGHT).map(seat).collect();
        let queue = Queue {
            desk,
            probe,
            seats,
            free: (0..IN_FLIGHT).rev().collect(),
            known: HashMap::new(),
            fresh: VecDeque::new(),
            suspects: VecDeque::new(),
            suspects_from: Instant::now() + SETTLED_IN,
            suspect_at_work: None,
            workers: HashMap::new(),
            listing: None,
            look_again: false,
            list_failures: 0,
            quiet_until: None,
            closing: watch::Sender::new(false),
        };
        me.cast(ConnectorMessage::Poll)?;
        me.cast(ConnectorMessage::Tick)?;
        queue.probe.set(ActorState::Running);
        Ok(queue)
    }

    async fn handle(
        &self,
        me: ActorRef<ConnectorMessage>,
        message: ConnectorMessage,
        queue: &mut Queue,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ConnectorMessage::Poll => queue.poll(&me),
            ConnectorMessage::Called => queue.look(&me),
            ConnectorMessage::Page { offset } => queue.page(&me, offset).await,
            ConnectorMessage::ListAgain => queue.look(&me),
            ConnectorMessage::Ended { submission, report } => queue.ended(&me, submission, report),
            ConnectorMessage::Again(submission) => queue.again(submission),
            ConnectorMessage::Reopen { intake, who, key, reply, waiting } => {
                let _working = waiting.begin("reopen");
                let _ = reply.send(queue.reopen(intake, &who, key).await);
            }
            ConnectorMessage::Tick => queue.tick(&me),
        }
        queue.hand_out(&me).await;
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<ConnectorMessage>,
        event: SupervisionEvent,
        queue: &mut Queue,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(cell, _) => queue.left(&me, cell.get_id(), Some("panicked")),
            SupervisionEvent::ActorTerminated(cell, _, reason) => {
                let killed = reason.as_deref() == Some("killed");
                queue.left(&me, cell.get_id(), killed.then_some("killed"));
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        queue.hand_out(&me).await;
        Ok(())
    }

    /// Drained: who is at work may finish, because everybody else is still there.
    async fn post_stop(&self, _: ActorRef<ConnectorMessage>, queue: &mut Queue) -> Result<(), ActorProcessingErr> {
        let until = Instant::now() + FINISH;
        let mut unfinished = Vec::new();
        for (_, Work { mut running, .. }) in queue.workers.drain() {
            if tokio::time::timeout_at(until, &mut running).await.is_err() {
                unfinished.push(running);
            }
        }
        queue.closing.send_replace(true);
        let until = Instant::now() + GIVE_BACK;
        for running in unfinished {
            let _ = tokio::time::timeout_at(until, running).await;
        }
        Ok(())
    }
}

impl Queue {
    fn poll(&mut self, me: &ActorRef<ConnectorMessage>) {
        let _working = self.probe.waiting(None).begin("poll");
        self.look(me);
        me.send_after(self.desk.settings.poll_every, || ConnectorMessage::Poll);
    }

    /// Reads the list from its beginning, now or once the present reading has ended.
    fn look(&mut self, me: &ActorRef<ConnectorMessage>) {
        if self.listing.is_some() {
            self.look_again = true;
            return;
        }
        self.look_again = false;
        self.listing = Some(Listing::default());
        let _ = me.cast(ConnectorMessage::Page { offset: 0 });
    }

    async fn page(&mut self, me: &ActorRef<ConnectorMessage>, offset: u64) {
        let _working = self.probe.waiting(None).begin("page");
        match self.desk.service.waiting(offset).await {
            Ok((found, next)) => {
                self.list_failures = 0;
                let goes_on = self.listing.get_or_insert_default().goes_on(&found);
                let taken = found.into_iter().all(|ids| self.seen(ids));
                match next {
                    None => self.list_ended(me),
                    // At the next poll it is read from its beginning, where others may stand by then.
                    Some(offset) if !goes_on => {
                        self.listing = None;
                        tracing::warn!(destination = %self.desk.settings.id, offset, "the list is left without its end");
                    }
                    Some(offset) if taken && self.fresh.len() < ENOUGH => {
                        let _ = me.cast(ConnectorMessage::Page { offset });
                    }
                    Some(_) => {
                        self.listing = None;
                        self.look_again = taken;
                    }
                }
            }
            Err(error) => {
                self.listing = None;
                self.list_failures += 1;
                self.probe.failed(error.kind());
                self.desk.meter.retried(error.kind());
                let failures = self.list_failures;
                tracing::warn!(destination = %self.desk.settings.id, kind = error.kind(), failures, "the list cannot be read");
                let longest = self.desk.settings.poll_every.max(Duration::from_secs(60));
                let pause = backoff::pause(failures, FIRST_PAUSE, longest, error.retry_after(), &self.desk.context.ids);
                me.send_after(pause, || ConnectorMessage::ListAgain);
            }
        }
    }

    /// Takes it into the queue, unless it is known. False: there is no room for it now.
    fn seen(&mut self, ids: SubmissionIds) -> bool {
        let id = ids.submission_id;
        if ids.destination_id != self.desk.settings.id || self.known.contains_key(&id) {
            return true;
        }
        if self.known.len() >= MOST_KNOWN {
            // Whoever finds a settled one again finds that out from its record.
            self.known.retain(|_, known| known.standing != Standing::Settled);
            if self.known.len() >= MOST_KNOWN {
                return false;
            }
        }
        let (standing, since) = (Standing::Queued, self.desk.context.clock.now());
        self.known.insert(id, Known { ids, standing, since, failures: 0, suspect: false });
        self.fresh.push_back(id);
        true
    }

    /// What the whole list has not shown, and nobody works on, is not there any more. What is kept here and still on its way
    /// is looked after all the same: it may have become a case just before a crash, or somebody else has ended it. A worker
    /// finds out, and one that was tried before waits for its turn.
    fn list_ended(&mut self, me: &ActorRef<ConnectorMessage>) {
        if let Some(listing) = self.listing.take() {
            let open = self.open_intakes();
            self.known.retain(|id, known| match known.standing {
                Standing::AtWork | Standing::Queued => true,
                Standing::Pausing => listing.shown.contains(id) || open.contains_key(id),
                Standing::Settled => listing.shown.contains(id),
            });
            for ids in open.into_values() {
                self.seen(ids);
            }
        }
        if self.look_again {
            self.look(me);
        }
    }

    /// What is kept here for this destination and still on its way, as far as the views know.
    fn open_intakes(&self) -> HashMap<SubmissionId, SubmissionIds> {
        let ours = |channel| match channel {
            Channel::FitConnect { destination, submission, case } if destination == self.desk.settings.id => {
                Some(SubmissionIds { destination_id: destination, submission_id: submission, case_id: case })
            }
            _ => None,
        };
        let open = self.desk.context.views.open_intakes().into_iter().filter_map(ours);
        open.map(|ids| (ids.submission_id, ids)).collect()
    }

    fn ended(&mut self, me: &ActorRef<ConnectorMessage>, submission: SubmissionId, report: Report) {
        let Report { ending, kept } = report;
        self.freed(submission);
        let Some(known) = self.known.get_mut(&submission) else { return };
        known.since = kept.unwrap_or(known.since);
        match ending {
            Ending::Settled => known.standing = Standing::Settled,
            Ending::Gone => {
                self.known.remove(&submission);
            }
            Ending::Suspect => {
                (known.standing, known.suspect) = (Standing::Queued, true);
                self.suspects.push_back(submission);
            }
            Ending::Later { asked, .. } => {
                known.standing = Standing::Pausing;
                known.failures += 1;
                let ids = &self.desk.context.ids;
                let pause = backoff::pause(known.failures, FIRST_PAUSE, LONGEST_PAUSE, asked, ids);
                if let Some(asked) = asked {
                    self.quiet_until = Some(Instant::now() + asked);
                }
                me.send_after(pause, move || ConnectorMessage::Again(submission));
            }
        }
    }

    /// A worker is gone; if it did not say how its work ended, it crashed on it.
    fn left(&mut self, me: &ActorRef<ConnectorMessage>, worker: ActorId, failure: Option<&'static str>) {
        let Some(Work { submission, seat, .. }) = self.workers.remove(&worker) else { return };
        self.vacated(seat);
        let Some(what) = failure else { return };
        tracing::error!(destination = %self.desk.settings.id, %submission, what, "the work on a submission crashed");
        self.seats[seat].failed(what);
        self.seats[seat].restarted(what);
        self.ended(me, submission, crashed(what));
    }

    /// Nobody is at this seat any more.
    fn vacated(&mut self, seat: usize) {
        self.seats[seat].set(ActorState::Vacant);
        self.free.push(seat);
    }

    fn freed(&mut self, submission: SubmissionId) {
        if self.suspect_at_work == Some(submission) {
            self.suspect_at_work = None;
        }
    }

    fn again(&mut self, submission: SubmissionId) {
        let Some(known) = self.known.get_mut(&submission) else { return };
        if known.standing != Standing::Pausing {
            return;
        }
        known.standing = Standing::Queued;
        if known.suspect { self.suspects.push_back(submission) } else { self.fresh.push_back(submission) }
    }

    /// Makes a person's wish durable and goes on with the submission, whether or not anybody still waits for the answer.
    async fn reopen(&mut self, intake: IntakeId, who: &Principal, key: CommandKey) -> Result<Outcome, AskError> {
        let mut record = IntakeRecord::load(&self.desk.context, intake).await?;
        let Some(kept) = &record.intake else { return Err(AskError::NotFound) };
        let ids = match kept.channel {
            Channel::FitConnect { destination, submission, case } if destination == self.desk.settings.id => {
                SubmissionIds { destination_id: destination, submission_id: submission, case_id: case }
            }
            _ => return Err(AskError::NotFound),
        };
        let outcome = record.retry(who, key).await;
        // Also where the outcome is not known: who looks finds out.
        if !matches!(outcome, Ok(Outcome::Refused(_))) {
            self.queue_again(ids);
        }
        Ok(outcome?)
    }

    fn queue_again(&mut self, ids: SubmissionIds) {
        let busy = |known: &Known| matches!(known.standing, Standing::AtWork | Standing::Queued);
        if self.known.get(&ids.submission_id).is_some_and(busy) {
            return;
        }
        self.known.remove(&ids.submission_id);
        self.seen(ids);
    }

    fn tick(&mut self, me: &ActorRef<ConnectorMessage>) {
        let now = self.desk.context.clock.now();
        let open = self.known.values().filter(|known| known.standing != Standing::Settled);
        let oldest = open.map(|known| now.since(known.since)).max();
        self.desk.meter.oldest(oldest.unwrap_or_default());
        if self.look_again && self.fresh.len() < ENOUGH / 2 {
            self.look(me);
        }
        me.send_after(TICK, || ConnectorMessage::Tick);
    }

    async fn hand_out(&mut self, me: &ActorRef<ConnectorMessage>) {
        if self.quiet_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        while let Some(seat) = self.free.pop() {
            let Some((submission, alone)) = self.next() else {
                self.free.push(seat);
                return;
            };
            if let Err(what) = self.start(me, submission, alone, seat).await {
                self.vacated(seat);
                tracing::error!(destination = %self.desk.settings.id, what, "no worker can be started");
                self.ended(me, submission, crashed(what));
                return;
            }
        }
    }

    fn next(&mut self) -> Option<(SubmissionId, bool)> {
        if self.suspect_at_work.is_none()
            && Instant::now() >= self.suspects_from
            && let Some(suspect) = self.suspects.pop_front()
        {
            self.suspect_at_work = Some(suspect);
            return Some((suspect, true));
        }
        self.fresh.pop_front().map(|fresh| (fresh, false))
    }

    async fn start(
        &mut self,
        me: &ActorRef<ConnectorMessage>,
        submission: SubmissionId,
        alone: bool,
        seat: usize,
    ) -> Result<(), &'static str> {
        let Some(known) = self.known.get_mut(&submission) else {
            self.freed(submission);
            self.free.push(seat);
            return Ok(());
        };
        known.standing = Standing::AtWork;
        let assignment = Assignment { ids: known.ids, alone };
        self.seats[seat].set(ActorState::Starting);
        let arguments = (self.desk.clone(), self.seats[seat].clone());
        let (worker, running) =
            Actor::spawn_linked(None, WorkerActor, arguments, me.get_cell()).await.map_err(|_| "spawn")?;
        self.seats[seat].is_stood_for_by(&worker.get_cell());
        self.workers.insert(worker.get_id(), Work { submission, seat, running });
        let (reply, ended) = tokio::sync::oneshot::channel();
        let waiting = self.seats[seat].waiting(None);
        if worker.cast(Begin { assignment, reply: reply.into(), waiting, closing: self.closing.subscribe() }).is_err() {
            self.workers.remove(&worker.get_id());
            return Err("worker");
        }
        let me = me.clone();
        tokio::spawn(async move {
            if let Ok(report) = ended.await {
                let _ = me.cast(ConnectorMessage::Ended { submission, report });
            }
        });
        Ok(())
    }
}

/// What a worker reports that cannot.
const fn crashed(why: &'static str) -> Report {
    Report { ending: Ending::Later { why, asked: None }, kept: None }
}
