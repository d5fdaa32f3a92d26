//! The journal of one tenant: what can be asked of it and what it answers. No backend lives here.
//!
//! Everything that crosses this trait is sealed already: bodies are ciphertext, replies hold ids only. An append carries
//! one record (1..n events of one stream) with its idempotency key, the version its author believes in, the new data keys
//! it needs and the effects that follow from it; all of that becomes durable together or not at all. A backend owns the
//! chain: it links each record to its stream's previous one and counts records per tenant.

use std::{fmt, future::Future, pin::Pin};

use ozg_protocols::{
    ids::{CaseId, CommandKey, IntakeId, KeyId},
    moment::Moment,
};

/// A boxed future, so that the trait stays object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a stream is about. Part of every record's header and of its AAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum StreamKind {
    /// One case.
    Case = 1,
    /// One submission on its way in, and the clearing item it may become.
    Intake = 2,
    /// The tenant: its settings, destinations, number blocks.
    Tenant = 3,
    /// One embedded account.
    User = 4,
    /// Who looked at what.
    Access = 5,
}

/// One stream of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// What it is about.
    pub kind: StreamKind,
    /// Which one: the number of a case id, intake id or keyed hash.
    pub id: u128,
}

impl StreamKind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Case,
            2 => Self::Intake,
            3 => Self::Tenant,
            4 => Self::User,
            5 => Self::Access,
            _ => return None,
        })
    }
}

impl StreamId {
    /// The stream of a tenant's founding: one record, made with the store, that names the tenant key's fingerprint.
    pub const FOUNDING: Self = Self { kind: StreamKind::Tenant, id: 0 };

    /// The stream of a tenant: settings, destinations, number blocks.
    pub const TENANT: Self = Self { kind: StreamKind::Tenant, id: 1 };

    /// The stream of a tenant's checkpoints, on their way out. It proves nothing: no checkpoint is signed for its sake.
    pub const CHECKPOINTS: Self = Self { kind: StreamKind::Tenant, id: 2 };

    /// The stream of a tenant's accesses.
    pub const ACCESS: Self = Self { kind: StreamKind::Access, id: 1 };

    /// The stream of a case.
    #[must_use]
    pub const fn case(id: CaseId) -> Self {
        Self { kind: StreamKind::Case, id: id.as_u128() }
    }

    /// The stream of a submission on its way in.
    #[must_use]
    pub const fn intake(id: IntakeId) -> Self {
        Self { kind: StreamKind::Intake, id: id.as_u128() }
    }
}

/// How many events a stream has. The first record of a stream is appended at version 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(pub u64);

/// The fence against a writer that lost its place; constant until leases exist (decision 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Epoch(pub u64);

/// A record's place in the tenant's order: ascending, without gaps, given at commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RecordNo(pub u64);

/// A sealed body: ciphertext with its nonce and tag, and what is needed to open it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedBody {
    /// The schema version of the events inside.
    pub schema: u8,
    /// The key it is sealed under.
    pub key: KeyId,
    /// Nonce, ciphertext and tag. At most [`MAX_BODY`] bytes.
    pub bytes: Vec<u8>,
}

/// The longest sealed body in bytes; redb rounds larger values up to twice their size.
pub const MAX_BODY: usize = 64_000;

/// A new data key, wrapped by the tenant's key chain; it reaches the ring before the record that needs it.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// The name of the key.
    pub id: KeyId,
    /// The wrapped key, as the ring stores it.
    pub bytes: Vec<u8>,
}

/// Where an effect goes; decides which worker claims it. In clear at rest (law 10: connector class).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EffectTarget {
    /// A signed event for FIT-Connect.
    FitConnect = 1,
    /// A notary checkpoint that leaves the machine.
    Checkpoint = 2,
}

impl EffectTarget {
    /// The target with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::FitConnect,
            2 => Self::Checkpoint,
            _ => return None,
        })
    }
}

/// Where effects wait for the same counterpart: what waits in one lane never holds up another. In clear at rest (law 10:
/// the name of a connector and of its counterpart).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// Who carries out what waits here.
    pub target: EffectTarget,
    /// For which of its counterparts; 0 where there is but one, or nobody knew.
    pub place: u128,
}

/// Something that has to leave the house once its record is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEffect {
    /// Who carries it out, and for whom.
    pub lane: Lane,
    /// Not before.
    pub due: Moment,
    /// What to do.
    pub body: SealedBody,
}

/// Whether an append waits for space below the reserve (law 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weight {
    /// It brings something new: refused below the reserve.
    #[default]
    Ordinary,
    /// It only notes what became of something that was taken before: the reserve is there for it.
    Acknowledgement,
}

/// One append: all of it becomes durable, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The stream.
    pub stream: StreamId,
    /// The version that the author decided on.
    pub expected: Version,
    /// The author's fence.
    pub epoch: Epoch,
    /// Commits to the key of the stream; its chain begins with it. Looked at only at version 0.
    pub origin: [u8; 32],
    /// Makes the append safe to repeat.
    pub key: CommandKey,
    /// Digest of the command behind the key: the same key with another digest is refused.
    pub digest: [u8; 32],
    /// Whether it has to wait for space.
    pub weight: Weight,
    /// When it happened.
    pub at: Moment,
    /// How many events the record holds (at least one).
    pub events: u16,
    /// The events.
    pub body: SealedBody,
    /// What a repetition is answered with. Ids and numbers only, in clear.
    pub reply: Vec<u8>,
    /// Data keys used here for the first time.
    pub new_keys: Vec<WrappedKey>,
    /// What has to leave the house because of it.
    pub effects: Vec<SealedEffect>,
}

/// What became of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// Durable: the stream's new version and the record's place in the tenant's order.
    Durable {
        /// The stream's version after the append.
        version: Version,
        /// The record's place.
        number: RecordNo,
    },
    /// The key was used before by the same command; this was its answer.
    Duplicate {
        /// The version after the first append.
        version: Version,
        /// The reply stored then.
        reply: Vec<u8>,
    },
    /// The key was used before by another command.
    KeyReused,
    /// The stream has another version than the author believed.
    Conflict {
        /// The version it has.
        actual: Version,
    },
    /// A later epoch owns the stream.
    Fenced {
        /// The epoch that owns it.
        epoch: Epoch,
    },
}

/// The answer stored under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// Digest of the command that was carried out.
    pub digest: [u8; 32],
    /// The stream's version after it.
    pub version: Version,
    /// Its reply.
    pub reply: Vec<u8>,
}

/// A record as it lies in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place in the tenant's order.
    pub number: RecordNo,
    /// Its stream.
    pub stream: StreamId,
    /// The version before its first event.
    pub first: Version,
    /// How many events it holds.
    pub events: u16,
    /// When it happened.
    pub at: Moment,
    /// The sealed events; `None` once they were erased, while header and chain stay.
    pub body: Option<SealedBody>,
    /// The hash of the stream's previous record; of the first one, the commitment to the stream's key.
    pub previous: [u8; 32],
    /// The hash that the stream's next record carries on.
    pub hash: [u8; 32],
}

/// Where a reader of the tenant's order stands: tenant, incarnation and number, opaque to everybody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub(crate) Vec<u8>);

impl Cursor {
    /// The cursor as bytes, to be kept by a view.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A cursor that was kept; whether it belongs to a journal is found out when it is used.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// A stretch of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPage {
    /// Records in order, possibly none.
    pub records: Vec<StoredRecord>,
    /// Whether there is more behind them.
    pub more: bool,
}

/// A stretch of the tenant's order.
#[derive(Debug, Clone)]
pub struct TailPage {
    /// Records in order, possibly none.
    pub records: Vec<StoredRecord>,
    /// The first record of this stretch that cannot be read, if there is one. It is passed over: its stream is damaged.
    pub damaged: Option<RecordNo>,
    /// Where to go on.
    pub next: Cursor,
    /// Whether there is more behind it.
    pub more: bool,
    /// The newest record of the tenant when this page was read.
    pub newest: RecordNo,
}

/// The most effects that one claim hands out.
pub const MOST_CLAIMED: usize = 256;

/// The name of an effect: where it waits, its record and its place among that record's effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectId {
    /// The lane it waits in.
    pub lane: Lane,
    /// The record it follows from.
    pub record: RecordNo,
    /// Its place there.
    pub index: u16,
}

/// An effect that somebody has claimed and now carries out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedEffect {
    /// Its name.
    pub id: EffectId,
    /// The stream it came from.
    pub stream: StreamId,
    /// The version before the first event of its record.
    pub first: Version,
    /// How often it was attempted before this claim.
    pub attempts: u32,
    /// When it was first due.
    pub since: Moment,
    /// What to do.
    pub body: SealedBody,
}

/// What to do with a claimed effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectVerdict {
    /// It has happened; the entry goes.
    Done,
    /// Try again, not before this moment.
    Retry(Moment),
    /// Nobody tried: the claim does not count as an attempt. Not before this moment.
    Untried(Moment),
    /// Nobody tried, because it waits in the wrong lane: it goes to this one. Not before this moment.
    Belongs(Lane, Moment),
}

/// A store that cannot do what was asked. Nothing in here names a person or a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// It may or may not have happened: the same sealed bytes must go again under the same key (law 2).
    #[error("the outcome of the write is unknown")]
    UnknownOutcome,
    /// Below the reserve of free space; acknowledgements and erasures still pass.
    #[error("the store is full")]
    Full,
    /// The store contradicts itself.
    #[error("the store is damaged at record {record}: {what}")]
    Damaged {
        /// The first broken record, as far as known.
        record: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The store cannot be reached now.
    #[error("the store is not available")]
    Unavailable,
    /// The request breaks a bound of the journal (body too long, no events).
    #[error("the request is not valid: {0}")]
    Invalid(&'static str),
}

/// Effects of one lane that have not happened yet, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Which lane.
    pub lane: Lane,
    /// How many.
    pub count: u64,
    /// When the one of the oldest record was first due.
    pub oldest: Moment,
}

/// The journal of one tenant.
pub trait Journal: Send + Sync + fmt::Debug {
    /// Whether there is room for something new: false below the reserve of free space, where only appends that are an
    /// [`Weight::Acknowledgement`] and removals pass. To be asked before anything large is fetched.
    fn has_room(&self) -> BoxFuture<'_, bool>;

    /// Appends one record. The answer comes after it is durable.
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, JournalError>>;

    /// The answer stored under a key of this stream, if it was used.
    fn answer_to(&self, stream: StreamId, key: CommandKey)
    -> BoxFuture<'_, Result<Option<StoredAnswer>, JournalError>>;

    /// Records of a stream whose events lie at or after `from`, in order, at most `limit`; fewer where they are large or
    /// the disk is slow.
    fn read(&self, stream: StreamId, from: Version, limit: usize) -> BoxFuture<'_, Result<StreamPage, JournalError>>;

    /// The beginning of the tenant's order.
    fn beginning(&self) -> Cursor;

    /// Records after the cursor, at most `limit` (at most 1,000 are given, and fewer where they are large or the disk is slow).
    fn tail(&self, after: Cursor, limit: usize) -> BoxFuture<'_, Result<TailPage, JournalError>>;

    /// Keeps a sealed snapshot of a stream's fold. Only a convenience: it may be lost at any time.
    fn put_snapshot(
        &self,
        stream: StreamId,
        version: Version,
        body: SealedBody,
    ) -> BoxFuture<'_, Result<(), JournalError>>;

    /// The newest snapshot of a stream.
    fn snapshot(&self, stream: StreamId) -> BoxFuture<'_, Result<Option<(Version, SealedBody)>, JournalError>>;

    /// Claims effects that are due, from each lane at most so many and [`MOST_CLAIMED`] in all, the lanes in this order and
    /// the oldest of each first; the attempt is recorded durably before they are handed out (law 5), and nobody else gets
    /// them before `until`.
    fn claim(
        &self,
        from: Vec<(Lane, usize)>,
        now: Moment,
        until: Moment,
    ) -> BoxFuture<'_, Result<Vec<ClaimedEffect>, JournalError>>;

    /// Frees claims that would have run out before `before`, at most 1,000: for whoever takes over from somebody who is gone.
    /// What waits for another try before then is due at once too.
    fn release(&self, target: EffectTarget, now: Moment, before: Moment) -> BoxFuture<'_, Result<(), JournalError>>;

    /// What has not happened yet, claimed or not, lane by lane. What waits is counted when it comes and goes, not here.
    fn backlog(&self, target: EffectTarget) -> BoxFuture<'_, Result<Vec<Backlog>, JournalError>>;

    /// Settles claimed effects.
    fn settle(&self, verdicts: Vec<(EffectId, EffectVerdict)>) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Keeps a small sealed record without history (sessions, drafts), or removes it. `expires` lets the store forget it.
    /// Below the reserve only removals pass.
    fn put_record(
        &self,
        kind: u8,
        id: u128,
        value: Option<SealedBody>,
        expires: Moment,
    ) -> BoxFuture<'_, Result<(), JournalError>>;

    /// A small sealed record, if it is there and has not expired at `now`.
    fn record(&self, kind: u8, id: u128, now: Moment) -> BoxFuture<'_, Result<Option<SealedBody>, JournalError>>;
}

impl fmt::Debug for SealedBody {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SealedBody(schema {}, {} bytes)", self.schema, self.bytes.len())
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "WrappedKey({})", self.id)
    }
}
