//! The case while it lives in memory: how an order becomes durable events, and what is shown to whom.

use std::time::Duration;

use ozg_protocols::{
    application::Attachment,
    case::{Act, By, Case, Order, Person, Recorded, Refusal, Unauthorised, effects},
    ids::{AttachmentId, CaseId, CommandKey},
    moment::Moment,
    principal::{Permission, Principal},
};
use ozg_storage::{
    journal::{Append, Appended, Epoch, JournalError, Version, Weight, WrappedKey},
    seal::SealError,
    stream::{self, Record},
};
use tokio::time::Instant;

use super::{
    CaseParts, CaseSheet, Errand, Outcome, Ticket, Trouble, command,
    history::{History, Loaded, trouble, unreadable},
    settle,
};
use crate::{
    blobs::BlobReader,
    observe::Probe,
    supervise::{AskError, Failure},
    tenant::leaving,
};

/// How often the same sealed bytes are sent before somebody else has to try, and the pause between, which doubles.
const SENDINGS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);
/// So many orders are remembered: as many as the journal remembers of a case.
const MOST_ANSWERS: usize = 64;
/// How often an order is decided again because somebody else has written.
const DECISIONS: u32 = 8;

/// The case, while somebody needs it.
#[derive(Debug)]
pub(crate) struct Resident {
    id: CaseId,
    history: History,
    loaded: Option<Loaded>,
    /// Everything that was ordered of it, where there was nothing of it when it was loaded: then no answer lies elsewhere.
    answers: Option<Vec<Answer>>,
    /// Whether it has served anybody; one that has not need not stay.
    needed: bool,
    probe: Probe,
}

/// An order that was carried out here.
#[derive(Debug)]
struct Answer {
    key: CommandKey,
    digest: [u8; 32],
    version: u64,
}

/// What came of trying to make events durable.
enum Written {
    Durable(u64),
    Repeated(u64),
    OtherCommand,
    Elsewhere,
}

impl Resident {
    pub(super) fn new(id: CaseId, parts: CaseParts, probe: Probe) -> Self {
        Self { id, history: History::of(id, parts), loaded: None, answers: None, needed: false, probe }
    }

    pub(super) const fn id(&self) -> CaseId {
        self.id
    }

    /// Whether anybody got anything of it: guessing ids or looking where one may not keeps no case in memory.
    pub(super) const fn is_needed(&self) -> bool {
        self.needed
    }

    pub(super) async fn carry_out(&mut self, errand: Errand) -> Result<(), Failure> {
        let Errand { who, order, at, ticket, keys, reply } = errand;
        settle(reply, self.outcome(who.as_ref(), order, at, ticket, keys).await)
    }

    async fn outcome(
        &mut self,
        who: Option<&Principal>,
        order: Order,
        at: Moment,
        ticket: Ticket,
        keys: Vec<WrappedKey>,
    ) -> Result<Outcome, Trouble> {
        let command = command::bytes(&order, who);
        if let Some(outcome) = self.answered_before(&order, ticket, &command).await? {
            return Ok(outcome);
        }
        for _ in 0..DECISIONS {
            let before = self.load().await?.clone();
            match may(who, &order, before.case.as_ref()) {
                Ok(()) => self.needed = self.needed || before.case.is_some(),
                Err(Unauthorised::Invisible) => return Err(AskError::NotFound.into()),
                Err(Unauthorised::Forbidden) => return Ok(Outcome::Forbidden),
            }
            if who.is_some() && ticket.seen > before.version {
                return Ok(Outcome::NeverSeen);
            }
            if let Some(since) = self.what_it_minds(who, &order, ticket.seen, before.version).await? {
                return Ok(Outcome::Stale { since });
            }
            let by =
                who.map_or(By::System, |who| By::Person(Person { user: who.user.clone(), name: who.name.clone() }));
            let act = Act { by, at };
            let events = match order.clone().decide(before.case.as_ref(), &act) {
                Ok(events) => events,
                Err(refusal) => return Ok(Outcome::Refused(refusal)),
            };
            let recorded = |event| Recorded { at, by: act.by.clone(), event };
            let events: Vec<_> = events.into_iter().map(recorded).collect();
            let append = match self.sealed(&before, who, at, ticket, &command, &events, keys.clone()) {
                Ok(append) if order.is_acknowledgement() => Append { weight: Weight::Acknowledgement, ..append },
                Ok(append) => append,
                Err(SealError::TooLong) => return Ok(Outcome::Refused(Refusal::BadText)),
                Err(_) => return Err(unreadable()),
            };
            // Until its fate is known only the journal can tell.
            let answers = self.answers.take();
            match self.write(append).await? {
                Written::Durable(version) => {
                    let case = events.iter().fold(before.case, Case::apply);
                    let now = Loaded { case, version };
                    self.answers = answers.and_then(|answers| self.remembering(answers, ticket.key, &command, version));
                    self.history.keep(before.version, &now).await;
                    (self.loaded, self.needed) = (Some(now), true);
                    return Ok(Outcome::Done { version });
                }
                Written::Repeated(version) => {
                    self.loaded = None;
                    return Ok(Outcome::Done { version });
                }
                Written::OtherCommand => return Ok(Outcome::Refused(reused(&order))),
                Written::Elsewhere => self.loaded = None,
            }
        }
        Err(AskError::Unavailable.into())
    }

    /// The idempotency key is looked up before anything is decided (law 2).
    async fn answered_before(
        &mut self,
        order: &Order,
        ticket: Ticket,
        command: &[u8],
    ) -> Result<Option<Outcome>, Trouble> {
        self.load().await?;
        let CaseParts { journal, sealer, .. } = &self.history.parts;
        let stored = if let Some(answers) = &self.answers {
            let known = answers.iter().find(|answer| answer.key == ticket.key);
            known.map(|answer| (answer.digest, answer.version))
        } else {
            let stored = journal.answer_to(self.history.stream.id(), ticket.key).await;
            stored.map_err(|error| trouble(&error))?.map(|stored| (stored.digest, stored.version.0))
        };
        Ok(stored.map(|(digest, version)| {
            if digest == sealer.index_key().digest(command) {
                Outcome::Done { version }
            } else {
                Outcome::Refused(reused(order))
            }
        }))
    }

    /// What was ordered with this, as long as it is all that ever was.
    fn remembering(
        &self,
        mut answers: Vec<Answer>,
        key: CommandKey,
        command: &[u8],
        version: u64,
    ) -> Option<Vec<Answer>> {
        let digest = self.history.parts.sealer.index_key().digest(command);
        answers.push(Answer { key, digest, version });
        (answers.len() <= MOST_ANSWERS).then_some(answers)
    }

    /// All that happened since the person looked, if the order minds any of it.
    async fn what_it_minds(
        &mut self,
        who: Option<&Principal>,
        order: &Order,
        seen: u64,
        version: u64,
    ) -> Result<Option<Vec<Recorded>>, Trouble> {
        if who.is_none() || seen == version {
            return Ok(None);
        }
        let since = self.history.events(seen).await?;
        let minds = since.iter().any(|recorded| order.minds(&recorded.event));
        Ok(minds.then_some(since))
    }

    #[expect(clippy::too_many_arguments, reason = "all of it goes into the one append")]
    fn sealed(
        &mut self,
        before: &Loaded,
        who: Option<&Principal>,
        at: Moment,
        ticket: Ticket,
        command: &[u8],
        events: &[Recorded],
        keys: Vec<WrappedKey>,
    ) -> Result<Append, SealError> {
        let effects: Vec<_> = events
            .iter()
            .flat_map(|recorded| effects(self.id, &recorded.event))
            .map(|what| leaving(what, at))
            .collect();
        let record = Record { at, by: who.map(|who| who.user.clone()), events: events.to_vec() };
        let ticket = stream::Ticket { key: ticket.key, command, reply: &[] };
        self.history.stream.seal(Version(before.version), Epoch::default(), ticket, &record, &effects, keys)
    }

    /// Sends the same sealed bytes until their fate is known.
    async fn write(&mut self, append: Append) -> Result<Written, Trouble> {
        let mut pause = PAUSE;
        for _ in 0..SENDINGS {
            match self.history.parts.journal.append(append.clone()).await {
                Ok(Appended::Durable { version, .. }) => return Ok(Written::Durable(version.0)),
                Ok(Appended::Duplicate { version, .. }) => return Ok(Written::Repeated(version.0)),
                Ok(Appended::KeyReused) => return Ok(Written::OtherCommand),
                Ok(Appended::Conflict { .. }) => return Ok(Written::Elsewhere),
                Ok(Appended::Fenced { .. }) => {
                    return Err(Trouble::Fail(AskError::Unavailable, Failure("a later epoch owns the case")));
                }
                Err(JournalError::Full) => return Err(AskError::FULL.into()),
                Err(JournalError::Invalid(_) | JournalError::Damaged { .. }) => return Err(unreadable()),
                Err(JournalError::UnknownOutcome | JournalError::Unavailable) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
            }
        }
        // Nothing is known: whoever asked repeats the order under its key, and a fresh actor reads what is there.
        Err(Trouble::Fail(AskError::Unavailable, Failure("the journal does not answer")))
    }

    pub(super) async fn look(&mut self) -> Result<Option<(Case, u64)>, Trouble> {
        let Loaded { case, version } = self.load().await?.clone();
        self.needed = self.needed || case.is_some();
        Ok(case.map(|case| (case, version)))
    }

    pub(super) async fn show(&mut self, who: &Principal) -> Result<Box<CaseSheet>, Trouble> {
        let (case, version) = self.visible(who).await?;
        let history = self.history.events(0).await?;
        Ok(Box::new(CaseSheet {
            id: self.id,
            steps: case.steps_for(who),
            may_assign: case.allows(who, Permission::AssignCases),
            may_comment: case.allows(who, Permission::WorkOnCases),
            case,
            version,
            history,
        }))
    }

    pub(super) async fn open(
        &mut self,
        who: &Principal,
        file: AttachmentId,
    ) -> Result<(Attachment, BlobReader), Trouble> {
        let (case, _) = self.visible(who).await?;
        let found = case.application.stored_files().find(|attachment| attachment.id == file).cloned();
        let attachment = found.ok_or(AskError::NotFound)?;
        match self.history.parts.blobs.open(attachment.blob).await {
            Ok(reader) => Ok((attachment, reader)),
            Err(error) => {
                tracing::error!(%error, blob = %attachment.blob, "a file of a case cannot be opened");
                Err(AskError::Unavailable.into())
            }
        }
    }

    async fn visible(&mut self, who: &Principal) -> Result<(Case, u64), Trouble> {
        let Loaded { case, version } = self.load().await?.clone();
        let case = case.filter(|case| case.visible_to(who)).ok_or(AskError::NotFound)?;
        self.needed = true;
        Ok((case, version))
    }

    async fn load(&mut self) -> Result<&Loaded, Trouble> {
        let loaded = match self.loaded.take() {
            Some(loaded) => loaded,
            None => {
                let started = Instant::now();
                let loaded = self.history.load().await?;
                self.answers = (loaded.version == 0).then(Vec::new);
                self.probe.observation().metrics().recovery.observe(started.elapsed().as_secs_f64());
                loaded
            }
        };
        Ok(self.loaded.insert(loaded))
    }
}

/// Whether this order may be given at all: the house gives what no person gives, and nothing else.
fn may(who: Option<&Principal>, order: &Order, case: Option<&Case>) -> Result<(), Unauthorised> {
    match (who, case) {
        (None, _) if order.needs().is_none() => Ok(()),
        (None, _) => Err(Unauthorised::Forbidden),
        (Some(_), None) => Err(Unauthorised::Invisible),
        (Some(who), Some(case)) => order.authorise(who, case),
    }
}

/// The key was used by another command.
const fn reused(order: &Order) -> Refusal {
    match order {
        Order::Receive(_) => Refusal::ExistsAlready,
        _ => Refusal::NothingToDo,
    }
}
