//! What an actor below a tenant may use: capabilities, handed down, so that it needs to know nobody else.

use std::sync::Arc;

use ozg_protocols::{
    case::{self, CaseNumber, Effect, Order, Recorded},
    ids::{CaseId, CommandKey, DestinationId, IntakeId},
    intake::RecordedIntake,
    moment::Moment,
    principal::Principal,
};
use ozg_storage::{
    codec::{self, CodecError, Schema},
    journal::{BoxFuture, EffectTarget, Journal, Lane, StreamId, WrappedKey},
    seal::Sealer,
    stream::{self, Record, Stream},
};

use super::{Callback, CallbackError, Edge, NumbersMessage, UnreadCallback};
use crate::{
    blobs::Blobs,
    case::{Outcome, Ticket},
    clock::Agreement,
    observe::Probe,
    pool::Workers,
    seams::{Clock, Ids},
    settings::TenantSettings,
    supervise::{Address, AskError, Spec},
    views::Views,
};

/// Schema 1 of the effects that leave the house; [`ozg_storage::stream::open_effect`] reads them with it.
pub const EFFECTS: Schema<Effect> = Schema::first(1);
/// Where effects wait that are for this destination.
pub(crate) const fn lane(destination: DestinationId) -> Lane {
    Lane { target: EffectTarget::FitConnect, place: u128::from_be_bytes(*destination.as_bytes()) }
}

/// Whom an effect concerns.
pub(crate) const fn destination_of(effect: &Effect) -> DestinationId {
    let Effect::SendReceipt { receipt, .. } = effect;
    receipt.destination
}

/// Something that has to leave the house from then on.
#[must_use]
pub const fn leaving(what: Effect, due: Moment) -> stream::Effect<Effect> {
    stream::Effect { lane: lane(destination_of(&what)), due, what }
}

/// Schema 2 of case records: what schema 1 wrote is read through its frozen types.
pub const CASE_RECORDS: Schema<Record<Recorded>> = Schema {
    current: 2,
    older: |found, body| match found {
        1 => codec::decode_body::<Record<case::v1::Recorded>>(body).map(Record::of_newer_events),
        _ => Err(CodecError::UnknownSchema { found }),
    },
};
/// Schema 1 of intake records.
pub const INTAKE_RECORDS: Schema<Record<RecordedIntake>> = Schema::first(1);

/// One intake as a typed stream; its owner is the only one who appends to it.
pub type IntakeStream = Stream<RecordedIntake, Effect>;

/// What an actor below a tenant may use.
#[derive(Debug, Clone)]
pub struct TenantContext {
    /// The tenant's settings.
    pub settings: Arc<TenantSettings>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Whether it can be believed: whoever does something only because the time has come asks first.
    pub agreement: Agreement,
    /// Ids and nonces.
    pub ids: Ids,
    /// The tenant's journal.
    pub journal: Arc<dyn Journal>,
    /// Seals and opens; has the key for keyed hashes ([`Sealer::index_key`]).
    pub sealer: Arc<Sealer>,
    /// Sealed files.
    pub blobs: Blobs,
    /// RSA, AES, hashes, parsing of foreign bytes: whatever burns a core.
    pub crypto: Workers,
    /// The way to the tenant's cases.
    pub cases: CaseDoor,
    /// Case numbers.
    pub numbers: Numbers,
    /// What was built from the journal, for whoever has to find what nobody works on.
    pub(crate) views: Views,
    /// The tenant's own probe: children are registered below it.
    pub probe: Probe,
}

impl TenantContext {
    /// The stream of this intake.
    #[must_use]
    pub fn intake_stream(&self, intake: IntakeId) -> IntakeStream {
        Stream::new(self.sealer.clone(), StreamId::intake(intake), INTAKE_RECORDS, EFFECTS)
    }
}

/// The way of the house itself (intake, outbox, timers) to cases: through the edge, with a permit, like everybody else.
#[derive(Debug, Clone)]
pub struct CaseDoor(Edge);

impl CaseDoor {
    pub(crate) const fn new(edge: Edge) -> Self {
        Self(edge)
    }

    /// Gives an order that no person gives; `keys` are those of the files that it names for the first time. Safe to repeat with the same key: the same order gets the first answer.
    ///
    /// # Errors
    /// [`AskError::Busy`] when the house is full: come back. [`AskError::Unavailable`]: nothing is known about its fate,
    /// give it again under the same key.
    pub async fn order(
        &self,
        case: CaseId,
        order: Order,
        key: CommandKey,
        keys: Vec<WrappedKey>,
    ) -> Result<Outcome, AskError> {
        self.0.order(None, case, order, Ticket { key, seen: 0 }, keys).await
    }

    /// The case as it is now, with its version; nothing if it was never received.
    ///
    /// # Errors
    /// As [`CaseDoor::order`].
    pub async fn look(&self, case: CaseId) -> Result<Option<(case::Case, u64)>, AskError> {
        self.0.look(case).await
    }
}

/// Gives out case numbers.
#[derive(Debug, Clone)]
pub struct Numbers {
    address: Address<NumbersMessage>,
    probe: Probe,
}

/// The channels of a tenant, as its door knows them.
pub trait Channels: Send + Sync + std::fmt::Debug {
    /// A person wants a clearing item tried again. Whether they may was decided before.
    fn retry(&self, who: Principal, intake: IntakeId, key: CommandKey) -> BoxFuture<'_, Result<Outcome, AskError>>;

    /// A delivery service calls.
    fn callback(&self, destination: DestinationId, call: Callback) -> BoxFuture<'_, Result<(), CallbackError>>;

    /// A call for this destination was refused unread.
    fn unread(&self, destination: DestinationId, why: UnreadCallback);
}

/// What the channels of a tenant bring along: actors to supervise, in the order of their start, and their door.
#[derive(Debug)]
pub struct Connected {
    /// Outbox, intake, connectors; drained in the reverse order, before the cases.
    pub children: Vec<Spec>,
    /// Their door.
    pub door: Arc<dyn Channels>,
}

/// No channels at all: for tools and tests that bring their own orders.
#[derive(Debug, Clone, Copy)]
pub struct NoChannels;

impl Channels for NoChannels {
    fn retry(&self, _: Principal, _: IntakeId, _: CommandKey) -> BoxFuture<'_, Result<Outcome, AskError>> {
        Box::pin(std::future::ready(Err(AskError::NotFound)))
    }

    fn callback(&self, _: DestinationId, _: Callback) -> BoxFuture<'_, Result<(), CallbackError>> {
        Box::pin(std::future::ready(Err(CallbackError::UnknownDestination)))
    }

    fn unread(&self, _: DestinationId, _: UnreadCallback) {}
}

impl NoChannels {
    /// Connects a tenant to nothing.
    #[must_use]
    pub fn connect() -> Connect {
        Arc::new(|_| Connected { children: Vec::new(), door: Arc::new(Self) })
    }
}

/// Makes the channels of a tenant; called once for each start of it.
pub type Connect = Arc<dyn Fn(&TenantContext) -> Connected + Send + Sync>;

impl Numbers {
    pub(crate) const fn new(address: Address<NumbersMessage>, probe: Probe) -> Self {
        Self { address, probe }
    }

    /// The next number of this year.
    ///
    /// # Errors
    /// [`AskError::Unavailable`] without an answer in time, [`AskError::Busy`] where no more may be reserved.
    pub async fn next(&self) -> Result<CaseNumber, AskError> {
        let ask = |reply| NumbersMessage::Next { reply, waiting: self.probe.waiting(None) };
        self.address.insist(super::WITHIN, ask).await?
    }
}
