//! Case numbers: taken from blocks that are reserved durably in the tenant's stream, so that none is given out twice.

use ozg_protocols::{
    case::CaseNumber,
    moment::Moment,
    tenant::{NumberBlock, RecordedTenant, TenantEvent},
};
use ozg_storage::{
    codec::Schema,
    journal::{Appended, Epoch, JournalError, StreamId, Version},
    stream::{NoEffect, Opened, Record, Stream, Ticket},
};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use super::TenantContext;
use crate::{
    observe::{ActorState, Probe, Waiting},
    supervise::{AskError, Failure},
};

const RECORDS: Schema<Record<RecordedTenant>> = Schema::first(1);
const AT_ONCE: usize = 256;

/// What the numbers are asked.
#[derive(Debug)]
pub(crate) enum NumbersMessage {
    /// The next number of this year.
    Next { reply: RpcReplyPort<Result<CaseNumber, AskError>>, waiting: Waiting },
}

/// Starts the numbers of a tenant.
#[derive(Debug)]
pub(crate) struct NumbersActor;

/// The block in use, once it was read.
#[derive(Debug)]
pub(crate) struct Book {
    context: TenantContext,
    probe: Probe,
    stream: Stream<RecordedTenant, NoEffect>,
    open: Option<(NumberBlock, u64)>,
}

impl Actor for NumbersActor {
    type Msg = NumbersMessage;
    type State = Book;
    type Arguments = (TenantContext, Probe);

    async fn pre_start(
        &self,
        _: ActorRef<NumbersMessage>,
        (context, probe): Self::Arguments,
    ) -> Result<Book, ActorProcessingErr> {
        let stream = Stream::new(context.sealer.clone(), StreamId::TENANT, RECORDS, NoEffect::SCHEMA);
        probe.set(ActorState::Running);
        Ok(Book { context, probe, stream, open: None })
    }

    async fn handle(
        &self,
        _: ActorRef<NumbersMessage>,
        NumbersMessage::Next { reply, waiting }: NumbersMessage,
        book: &mut Book,
    ) -> Result<(), ActorProcessingErr> {
        let _working = waiting.begin_as(&book.probe, "next");
        let answer = match book.next().await {
            Ok(number) => Ok(number),
            Err(NoNumber::NoRoom) => Err(AskError::FULL),
            Err(NoNumber::Failed(failure)) => return Err(failure.into()),
        };
        let _ = reply.send(answer);
        Ok(())
    }
}

/// Why there is no number.
enum NoNumber {
    /// No block can be reserved below the reserve of free space; nothing is wrong with whoever keeps the book.
    NoRoom,
    Failed(Failure),
}

impl From<Failure> for NoNumber {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Book {
    async fn next(&mut self) -> Result<CaseNumber, NoNumber> {
        let year = year(self.context.clock.now()).ok_or(Failure("the clock shows no year"))?;
        loop {
            let (mut block, version) = self.open().await?;
            match block.take(&self.context.settings.number_prefix, year) {
                Ok(number) => {
                    self.open = Some((block, version));
                    return Ok(number);
                }
                Err(event) => {
                    let durable = self.reserve(&event, version).await?;
                    self.open = durable.map(|version| {
                        block.reserved(&event);
                        (block, version)
                    });
                }
            }
        }
    }

    async fn open(&mut self) -> Result<(NumberBlock, u64), Failure> {
        if let Some(open) = &self.open {
            return Ok(open.clone());
        }
        let mut events: Vec<RecordedTenant> = Vec::new();
        loop {
            let from = Version(events.len() as u64);
            let page = self.context.journal.read(self.stream.id(), from, AT_ONCE).await.map_err(|_| UNREADABLE)?;
            for stored in &page.records {
                let Ok(Opened::Events(record)) = self.stream.open(stored) else { return Err(UNREADABLE) };
                events.extend(record.events);
            }
            if !page.more {
                return Ok((NumberBlock::fold(&events), events.len() as u64));
            }
        }
    }

    /// The version after the reservation, or nothing if somebody else has written: then it is read anew.
    async fn reserve(&mut self, event: &TenantEvent, version: u64) -> Result<Option<u64>, NoNumber> {
        let at = self.context.clock.now();
        let event = RecordedTenant { at, event: event.clone() };
        let record = Record { at, by: None, events: vec![event] };
        let key = self.context.ids.command_key().map_err(|_| Failure("no randomness"))?;
        let ticket = Ticket { key, command: b"reserve numbers", reply: &[] };
        let sealed = self.stream.seal(Version(version), Epoch::default(), ticket, &record, &[], Vec::new());
        let append = sealed.map_err(|_| UNREADABLE)?;
        for _ in 0..5 {
            match self.context.journal.append(append.clone()).await {
                Ok(Appended::Durable { version, .. }) => return Ok(Some(version.0)),
                Ok(_) => return Ok(None),
                Err(JournalError::UnknownOutcome | JournalError::Unavailable) => {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                Err(JournalError::Full) => return Err(NoNumber::NoRoom),
                Err(_) => return Err(UNRESERVED.into()),
            }
        }
        Err(UNRESERVED.into())
    }
}

/// The year on German calendars.
fn year(now: Moment) -> Option<i16> {
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").ok()?;
    Some(zone.to_datetime(jiff::Timestamp::from_millisecond(now.millis()).ok()?).year())
}

const UNRESERVED: Failure = Failure("case numbers cannot be reserved");
const UNREADABLE: Failure = Failure("the tenant's stream cannot be read");
