//! The intake stream of one submission, as its worker reads and writes it.
//!
//! An append whose outcome is unknown is sent again as the same bytes; one that met another version is given up, because
//! somebody else (a retry by a person, the outbox) wrote meanwhile and the caller has to look again. Whoever is cut off while
//! he appends leaves behind what may still become durable ([`IntakeRecord::give_back`]).

use std::time::Duration;

use ozg_protocols::{
    case::Refusal,
    ids::{CommandKey, IntakeId},
    intake::{self, Intake, IntakeEvent, IntakeState, RecordedIntake},
    principal::Principal,
};
use ozg_storage::{
    journal::{Append, Appended, Epoch, JournalError, Version, Weight, WrappedKey},
    seal::SealError,
    stream::{Opened, Record, Ticket},
};

use crate::{
    case::Outcome,
    supervise::AskError,
    tenant::{IntakeStream, TenantContext, leaving},
};

/// How often the same bytes are sent again while their outcome is unknown.
const REPEATS: u32 = 8;
const PAUSE: Duration = Duration::from_millis(100);
/// How often an attempt is given back before the house closes without.
const TRIES: u32 = 3;
/// Records that are read at a time.
const PAGE: usize = 100;
const NOTHING_TO_RETRY: Outcome = Outcome::Refused(Refusal::NothingToDo);

/// Why the stream cannot be read or written now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// Somebody else wrote meanwhile.
    #[error("the stream has changed")]
    Changed,
    /// The journal says why.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A key or a body is not what it should be.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The source of randomness failed.
    #[error("no randomness")]
    NoRandomness,
}

impl RecordError {
    /// A short name for metrics and logs.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Journal(JournalError::Full) => "full",
            Self::Journal(_) => "journal",
            Self::Seal(_) => "seal",
            Self::NoRandomness => "randomness",
        }
    }
}

impl From<RecordError> for AskError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Journal(JournalError::Full) => Self::FULL,
            _ => Self::Unavailable,
        }
    }
}

/// One intake stream and what its events made.
#[derive(Debug)]
pub(crate) struct IntakeRecord {
    context: TenantContext,
    id: IntakeId,
    stream: IntakeStream,
    version: Version,
    /// What was sent to the journal, while nobody knows what became of it.
    under_way: Option<Vec<RecordedIntake>>,
    /// The submission; nothing before it was kept.
    pub(crate) intake: Option<Intake>,
}

impl IntakeRecord {
    /// Reads the stream.
    pub(crate) async fn load(context: &TenantContext, id: IntakeId) -> Result<Self, RecordError> {
        let stream = context.intake_stream(id);
        let mut record =
            Self { context: context.clone(), id, stream, version: Version(0), under_way: None, intake: None };
        loop {
            let page = context.journal.read(record.stream.id(), record.version, PAGE).await?;
            for stored in &page.records {
                if let Opened::Events(opened) = record.stream.open(stored)? {
                    record.intake = opened.events.iter().fold(record.intake.take(), Intake::apply);
                }
                record.version = Version(stored.first.0 + u64::from(stored.events));
            }
            if !page.more {
                return Ok(record);
            }
        }
    }

    /// Its id.
    pub(crate) const fn id(&self) -> IntakeId {
        self.id
    }

    /// How many events it has.
    #[cfg(test)]
    pub(crate) const fn version(&self) -> u64 {
        self.version.0
    }

    /// Makes these events durable, with what has to leave the house because of them.
    pub(crate) async fn append(&mut self, events: Vec<IntakeEvent>, keys: Vec<WrappedKey>) -> Result<(), RecordError> {
        let key = self.context.ids.command_key().map_err(|_| RecordError::NoRandomness)?;
        self.write(events, keys, None, key, &key.as_u128().to_be_bytes()).await
    }

    /// Takes back what was attempted since: the house closes in the middle, and that is not the fault of the bytes. The append
    /// that counts the attempt may still be under way. Then this one is sent right behind it, for the version that it will
    /// leave: both become durable in their order, whenever that is, or this one conflicts because the other never came.
    pub(crate) async fn give_back(&mut self, before: u8) -> Result<(), RecordError> {
        if let Some(events) = self.under_way.take() {
            self.follow(&events);
        }
        for _ in 0..TRIES {
            let open = self.intake.as_ref().filter(|intake| intake.state == IntakeState::Open);
            if open.is_none_or(|intake| intake.attempts <= before) {
                break;
            }
            match self.append(vec![IntakeEvent::AttemptSpared], Vec::new()).await {
                Err(RecordError::Changed) => *self = Self::load(&self.context, self.id).await?,
                spared => return spared,
            }
        }
        Ok(())
    }

    fn follow(&mut self, events: &[RecordedIntake]) {
        self.version.0 += events.len() as u64;
        self.intake = events.iter().fold(self.intake.take(), Intake::apply);
    }

    /// A person wants it tried again. The same key gets the first answer (law 2); the record says who it was.
    pub(crate) async fn retry(&mut self, who: &Principal, key: CommandKey) -> Result<Outcome, RecordError> {
        let command = [b"retry ", who.user.as_str().as_bytes()].concat();
        if let Some(stored) = self.context.journal.answer_to(self.stream.id(), key).await? {
            let same = stored.digest == self.context.sealer.index_key().digest(&command);
            return Ok(if same { Outcome::Done { version: stored.version.0 } } else { NOTHING_TO_RETRY });
        }
        let Some(event) = self.intake.as_ref().and_then(Intake::retried) else { return Ok(NOTHING_TO_RETRY) };
        self.write(vec![event], Vec::new(), Some(who), key, &command).await?;
        Ok(Outcome::Done { version: self.version.0 })
    }

    async fn write(
        &mut self,
        events: Vec<IntakeEvent>,
        keys: Vec<WrappedKey>,
        who: Option<&Principal>,
        key: CommandKey,
        command: &[u8],
    ) -> Result<(), RecordError> {
        let now = self.context.clock.now();
        let at = self.intake.as_ref().map_or(now, |intake| now.max(intake.since));
        let leaves = events.iter().flat_map(|event| intake::effects(self.id, event));
        let effects: Vec<_> = leaves.map(|what| leaving(what, now)).collect();
        let ticket = Ticket { key, command, reply: &[] };
        let events = events.into_iter().map(|event| RecordedIntake { at, event }).collect();
        let record = Record { at, by: who.map(|who| who.user.clone()), events };
        let weight = if record.events.iter().all(|recorded| recorded.event.is_acknowledgement()) {
            Weight::Acknowledgement
        } else {
            Weight::Ordinary
        };
        let append = self.stream.seal(self.version, Epoch::default(), ticket, &record, &effects, keys)?;
        let append = Append { weight, ..append };
        let mut repeats = 0;
        self.under_way = Some(record.events.clone());
        let answer = loop {
            match self.context.journal.append(append.clone()).await {
                Err(JournalError::UnknownOutcome) if repeats < REPEATS => {
                    repeats += 1;
                    tokio::time::sleep(PAUSE * repeats).await;
                }
                answer => break answer,
            }
        };
        if answer != Err(JournalError::UnknownOutcome) {
            self.under_way = None;
        }
        let appended = answer?;
        match appended {
            Appended::Durable { version, .. } | Appended::Duplicate { version, .. } => {
                self.version = version;
                self.intake = record.events.iter().fold(self.intake.take(), Intake::apply);
                Ok(())
            }
            Appended::KeyReused | Appended::Conflict { .. } | Appended::Fenced { .. } => Err(RecordError::Changed),
        }
    }
}
