//! A typed stream: events on one side, sealed appends and stored records on the other. It never touches a disk.
//!
//! Its owner (the actor of a case) reads records through it, which tells it the key of the stream, and seals what it
//! appends. A retry sends the [`Append`] again as it is; after a conflict the owner reads, decides and seals anew.

use std::{marker::PhantomData, sync::Arc};

use ozg_protocols::{
    ids::{CommandKey, UserId},
    moment::Moment,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    codec::{self, CodecError, Schema},
    journal::{
        Append, ClaimedEffect, Epoch, Lane, SealedBody, SealedEffect, StoredRecord, StreamId, Version, Weight,
        WrappedKey,
    },
    ring::RingError,
    seal::{DataKey, Part, Place, SealError, Sealer},
};

/// What one append makes durable: events that happened together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record<E> {
    /// When they happened.
    pub at: Moment,
    /// The person who caused them, if one did.
    pub by: Option<UserId>,
    /// The events, at least one.
    pub events: Vec<E>,
}

impl<E> Record<E> {
    /// The record with its events as the types that followed them.
    #[must_use]
    pub fn of_newer_events<N: From<E>>(self) -> Record<N> {
        Record { at: self.at, by: self.by, events: self.events.into_iter().map(N::from).collect() }
    }
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened<E> {
    /// Its events.
    Events(Record<E>),
    /// The events were erased; header and chain remain.
    Erased,
}

/// A command as the journal knows it.
#[derive(Debug, Clone, Copy)]
pub struct Ticket<'a> {
    /// The same for every repetition of the command.
    pub key: CommandKey,
    /// What the command says, in any form that is the same each time; only a keyed hash of it is kept.
    pub command: &'a [u8],
    /// What a repetition is answered with. Ids and numbers only, in clear.
    pub reply: &'a [u8],
}

/// An effect before it is sealed.
#[derive(Debug, Clone)]
pub struct Effect<F> {
    /// Who carries it out, and for whom.
    pub lane: Lane,
    /// Not before.
    pub due: Moment,
    /// What to do.
    pub what: F,
}

/// One stream of events `E` with effects `F`, seen by its owner.
#[derive(Debug)]
pub struct Stream<E, F> {
    sealer: Arc<Sealer>,
    id: StreamId,
    records: Schema<Record<E>>,
    effects: Schema<F>,
    key: Option<DataKey>,
    fresh: Option<WrappedKey>,
    events: PhantomData<fn() -> (E, F)>,
}

impl<E, F> Stream<E, F>
where
    E: Serialize + DeserializeOwned,
    F: Serialize + DeserializeOwned,
{
    /// The stream with this id. Its key is learnt from the first record that is read, or made with the first one sealed.
    #[must_use]
    pub const fn new(sealer: Arc<Sealer>, id: StreamId, records: Schema<Record<E>>, effects: Schema<F>) -> Self {
        Self { sealer, id, records, effects, key: None, fresh: None, events: PhantomData }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> StreamId {
        self.id
    }

    /// Seals one record as an ordinary append at `expected`, with its effects and the keys that its events need besides the
    /// stream's own (those of blobs).
    ///
    /// # Errors
    /// [`SealError::KeyUnknown`] at a version above 0 before any record was read, [`SealError::TooLong`], or why a key is
    /// not to be had.
    pub fn seal(
        &mut self,
        expected: Version,
        epoch: Epoch,
        ticket: Ticket<'_>,
        record: &Record<E>,
        effects: &[Effect<F>],
        blob_keys: Vec<WrappedKey>,
    ) -> Result<Append, SealError> {
        let key = self.key_for_writing(expected)?;
        let place = Place::of(Part::Record, self.id, expected.0);
        let body = self.sealer.seal(&key, place, &self.records.encode(record)?)?;
        let effects = effects
            .iter()
            .zip(0..)
            .map(|(effect, index)| {
                let place = Place { part: Part::Effect, index, ..place };
                let body = self.sealer.seal(&key, place, &self.effects.encode(&effect.what)?)?;
                Ok(SealedEffect { lane: effect.lane, due: effect.due, body })
            })
            .collect::<Result<Vec<_>, SealError>>()?;
        Ok(Append {
            stream: self.id,
            expected,
            epoch,
            origin: key.commitment(self.id),
            key: ticket.key,
            digest: self.sealer.index_key().digest(ticket.command),
            weight: Weight::Ordinary,
            at: record.at,
            events: u16::try_from(record.events.len()).map_err(|_| SealError::TooLong)?,
            body,
            reply: ticket.reply.to_vec(),
            new_keys: self.fresh.iter().cloned().chain(blob_keys).collect(),
            effects,
        })
    }

    /// Opens a record of this stream and learns the stream's key from it.
    ///
    /// # Errors
    /// [`SealError::NotAuthentic`], [`SealError::Codec`], or why the key is not to be had.
    pub fn open(&mut self, stored: &StoredRecord) -> Result<Opened<E>, SealError> {
        let Some(body) = &stored.body else { return Ok(Opened::Erased) };
        let key = match self.key_for_reading(body) {
            Err(SealError::Key(RingError::Erased(_))) => return Ok(Opened::Erased),
            key => key?,
        };
        if stored.first == Version(0) && stored.previous != key.commitment(self.id) {
            return Err(SealError::NotAuthentic);
        }
        let envelope = self.sealer.open(&key, Place::of(Part::Record, self.id, stored.first.0), body)?;
        let record = self.records.decode(&envelope)?;
        if record.events.len() == usize::from(stored.events) && record.at == stored.at {
            Ok(Opened::Events(record))
        } else {
            Err(SealError::NotAuthentic)
        }
    }

    /// Seals a snapshot of the fold at this version; `value` names the fold's revision itself.
    ///
    /// # Errors
    /// As [`Stream::seal`].
    pub fn seal_snapshot<S: Serialize>(
        &mut self,
        version: Version,
        schema: u8,
        value: &S,
    ) -> Result<SealedBody, SealError> {
        let key = self.key.clone().ok_or(SealError::KeyUnknown)?;
        self.sealer.seal(&key, Place::of(Part::Snapshot, self.id, version.0), &codec::encode(schema, value)?)
    }

    /// Opens a snapshot. One of another schema is [`CodecError::UnknownSchema`]: then the events are folded instead.
    ///
    /// # Errors
    /// As [`Stream::open`].
    pub fn open_snapshot<S>(&mut self, version: Version, schema: &Schema<S>, body: &SealedBody) -> Result<S, SealError>
    where
        S: Serialize + DeserializeOwned,
    {
        let key = self.key_for_reading(body)?;
        let envelope = self.sealer.open(&key, Place::of(Part::Snapshot, self.id, version.0), body)?;
        Ok(schema.decode(&envelope)?)
    }

    fn key_for_writing(&mut self, expected: Version) -> Result<DataKey, SealError> {
        match &self.key {
            Some(key) => {
                if expected > Version(0) {
                    self.fresh = None;
                }
                Ok(key.clone())
            }
            None if expected > Version(0) => Err(SealError::KeyUnknown),
            None => {
                let (key, wrapped) = self.sealer.new_key()?;
                self.fresh = Some(wrapped);
                Ok(self.key.insert(key).clone())
            }
        }
    }

    fn key_for_reading(&mut self, body: &SealedBody) -> Result<DataKey, SealError> {
        match &self.key {
            Some(key) if key.id() == body.key => {}
            _ => {
                // Whatever key was made here never became the stream's: somebody else has begun it.
                self.fresh = None;
                self.key = Some(self.sealer.key(body.key)?);
            }
        }
        self.key.clone().ok_or(SealError::KeyUnknown)
    }
}

/// Opens an effect that was claimed, whatever stream it came from.
///
/// # Errors
/// [`SealError::NotAuthentic`], [`SealError::Codec`], or why the key is not to be had.
pub fn open_effect<F>(sealer: &Sealer, schema: &Schema<F>, effect: &ClaimedEffect) -> Result<F, SealError>
where
    F: Serialize + DeserializeOwned,
{
    let key = sealer.key(effect.body.key)?;
    let place = Place { index: effect.id.index, ..Place::of(Part::Effect, effect.stream, effect.first.0) };
    let envelope = sealer.open(&key, place, &effect.body)?;
    schema.decode(&envelope).map_err(SealError::Codec)
}

/// Effects of a stream that has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoEffect {}

impl NoEffect {
    /// The schema of no effect.
    pub const SCHEMA: Schema<Self> = Schema { current: 1, older: |found, _| Err(CodecError::UnknownSchema { found }) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::{Appended, StoredRecord},
        tenant_store::TenantStore,
        testing::{Deed, Sample},
    };

    fn begun(store: &TenantStore, id: u128) -> StoredRecord {
        let mut stream = Sample::stream(store, id);
        store.core.commit(vec![Sample::append(&mut stream, 0, 1, "begun", None, Vec::new())]);
        store.core.read(stream.id(), Version(0), 1).expect("reads").records.pop().expect("a record")
    }

    #[test]
    fn a_body_opens_only_where_it_was_sealed() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Sample::founded(directory.path()).open().expect("opens");
        let record = begun(&store, 5);
        assert!(matches!(Sample::stream(&store, 5).open(&record), Ok(Opened::Events(_))));
        assert!(matches!(Sample::stream(&store, 6).open(&record), Err(SealError::NotAuthentic)));
        let moved = StoredRecord { first: Version(1), ..record.clone() };
        assert!(matches!(Sample::stream(&store, 5).open(&moved), Err(SealError::NotAuthentic)));
        let other_schema = record.body.clone().map(|body| SealedBody { schema: 2, ..body });
        let renamed = StoredRecord { body: other_schema, ..record };
        assert!(matches!(Sample::stream(&store, 5).open(&renamed), Err(SealError::NotAuthentic)));
        let recommitted = StoredRecord { previous: [0; 32], ..record.clone() };
        assert!(matches!(Sample::stream(&store, 5).open(&recommitted), Err(SealError::NotAuthentic)));
        assert!(matches!(Sample::stream(&store, 5).open(&StoredRecord { body: None, ..record }), Ok(Opened::Erased)));
    }

    #[test]
    fn nothing_is_sealed_the_same_way_twice() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Sample::founded(directory.path()).open().expect("opens");
        let mut stream = Sample::stream(&store, 5);
        let [one, two] = [0, 1].map(|_| Sample::append(&mut stream, 0, 1, "begun", None, Vec::new()));
        assert_ne!(one.body.bytes, two.body.bytes);
        assert_eq!((one.digest, one.origin, one.new_keys.len()), (two.digest, two.origin, 1));
    }

    #[test]
    fn whoever_was_not_first_takes_the_key_of_who_was() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Sample::founded(directory.path()).open().expect("opens");
        let mut late = Sample::stream(&store, 5);
        let lost = Sample::append(&mut late, 0, 2, "too late", None, Vec::new());
        let record = begun(&store, 5);
        assert!(matches!(store.core.commit(vec![lost])[0], Ok(Appended::Conflict { actual: Version(1) })));
        late.open(&record).expect("opens");
        let anew = Sample::append(&mut late, 1, 2, "after all", None, Vec::new());
        assert_eq!((anew.body.key, anew.new_keys.len()), (record.body.expect("a body").key, 0));
        assert!(matches!(store.core.commit(vec![anew])[0], Ok(Appended::Durable { version: Version(2), .. })));
    }

    #[test]
    fn a_stream_that_has_records_is_not_written_before_it_was_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Sample::founded(directory.path()).open().expect("opens");
        begun(&store, 5);
        let ticket = Ticket { key: CommandKey::from_u128(9), command: b"x", reply: &[] };
        let record = Record { at: Moment::from_seconds(1), by: None, events: vec![Deed("x".into())] };
        let sealed = Sample::stream(&store, 5).seal(Version(1), Epoch::default(), ticket, &record, &[], Vec::new());
        assert!(matches!(sealed, Err(SealError::KeyUnknown)));
    }
}
