//! How a record lies in the log, byte by byte, and the hash that chains it. No keys here: bodies are ciphertext.
//!
//! Version 1: format 1 (1), stream kind (1), stream id (16), first version (8), events (2), moment (8), schema (1), key id
//! (16), command key (16), digest (32), reply length (2), reply, previous hash (32), then `1` and the sealed body, or `0`
//! and the SHA-256 of the body that was erased. The hash of a record is SHA-256 over a label, everything up to the previous
//! hash, and the SHA-256 of the sealed body: a body can go and the chain still verifies.

use aws_lc_rs::digest::{Context, SHA256, digest};
use ozg_protocols::{
    ids::{CommandKey, KeyId},
    moment::Moment,
};

use crate::{
    journal::{Append, RecordNo, SealedBody, StoredRecord, StreamId, StreamKind, Version},
    wire::{Broken, Fields},
};

const FORMAT: u8 = 1;

/// A record with what only the journal itself needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogRecord {
    pub(crate) stream: StreamId,
    pub(crate) first: Version,
    pub(crate) events: u16,
    pub(crate) at: Moment,
    pub(crate) schema: u8,
    pub(crate) key: KeyId,
    pub(crate) command: CommandKey,
    pub(crate) digest: [u8; 32],
    pub(crate) reply: Vec<u8>,
    pub(crate) previous: [u8; 32],
    /// The sealed bytes, or the hash of those that were erased.
    pub(crate) body: Result<Vec<u8>, [u8; 32]>,
    pub(crate) hash: [u8; 32],
}

/// The bytes of the record that an append becomes, and its hash.
pub(crate) fn encode(append: &Append, previous: [u8; 32]) -> (Vec<u8>, [u8; 32]) {
    let mut bytes = Vec::with_capacity(136 + append.reply.len() + append.body.bytes.len());
    bytes.extend_from_slice(&[FORMAT, append.stream.kind as u8]);
    bytes.extend_from_slice(&append.stream.id.to_be_bytes());
    bytes.extend_from_slice(&append.expected.0.to_be_bytes());
    bytes.extend_from_slice(&append.events.to_be_bytes());
    bytes.extend_from_slice(&append.at.millis().to_be_bytes());
    bytes.push(append.body.schema);
    bytes.extend_from_slice(&append.body.key.as_u128().to_be_bytes());
    bytes.extend_from_slice(&append.key.as_u128().to_be_bytes());
    bytes.extend_from_slice(&append.digest);
    // The length was checked when the append came in.
    bytes.extend_from_slice(&u16::try_from(append.reply.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(&append.reply);
    bytes.extend_from_slice(&previous);
    let hash = chain(&bytes, &sha256(&append.body.bytes));
    bytes.push(1);
    bytes.extend_from_slice(&append.body.bytes);
    (bytes, hash)
}

/// The record in these bytes.
pub(crate) fn decode(bytes: &[u8]) -> Result<LogRecord, Broken> {
    let mut fields = Fields::of(bytes);
    if fields.u8()? != FORMAT {
        return Err(Broken);
    }
    let stream = StreamId { kind: StreamKind::from_number(fields.u8()?).ok_or(Broken)?, id: fields.u128()? };
    let (first, events, at) = (Version(fields.u64()?), fields.u16()?, Moment::from_millis(fields.i64()?));
    let (schema, key) = (fields.u8()?, KeyId::from_u128(fields.u128()?));
    let (command, digest) = (CommandKey::from_u128(fields.u128()?), fields.array()?);
    let length = fields.u16()?;
    let reply = fields.take(usize::from(length))?.to_vec();
    let previous = fields.array()?;
    let (state, rest) = (fields.u8()?, fields.rest());
    let covered = &bytes[..bytes.len() - rest.len() - 1];
    let body = match state {
        1 => Ok(rest.to_vec()),
        0 => Err(rest.try_into().map_err(|_| Broken)?),
        _ => return Err(Broken),
    };
    let hash = chain(covered, &body.as_ref().map_or_else(|hash| *hash, |sealed| sha256(sealed)));
    Ok(LogRecord { stream, first, events, at, schema, key, command, digest, reply, previous, body, hash })
}

/// The stream that a record names which does not decode, as far as its beginning is there.
pub(crate) fn stream_named(bytes: &[u8]) -> Option<StreamId> {
    let mut fields = Fields::of(bytes.get(1..)?);
    Some(StreamId { kind: StreamKind::from_number(fields.u8().ok()?)?, id: fields.u128().ok()? })
}

impl LogRecord {
    /// The version after its events.
    pub(crate) fn after(&self) -> Version {
        Version(self.first.0 + u64::from(self.events))
    }

    /// What a reader of the journal sees of it.
    pub(crate) fn stored(self, number: RecordNo) -> StoredRecord {
        let (schema, key) = (self.schema, self.key);
        StoredRecord {
            number,
            stream: self.stream,
            first: self.first,
            events: self.events,
            at: self.at,
            body: self.body.ok().map(|bytes| SealedBody { schema, key, bytes }),
            previous: self.previous,
            hash: self.hash,
        }
    }
}

fn chain(covered: &[u8], body: &[u8; 32]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"ozg record 1");
    context.update(covered);
    context.update(body);
    into_array(context.finish().as_ref())
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    into_array(digest(&SHA256, bytes).as_ref())
}

fn into_array(hash: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    array.copy_from_slice(hash);
    array
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Epoch, Weight};

    fn append() -> Append {
        Append {
            stream: StreamId { kind: StreamKind::Case, id: 0x11 },
            expected: Version(2),
            epoch: Epoch(0),
            origin: [0; 32],
            key: CommandKey::from_u128(0x22),
            digest: [0x33; 32],
            weight: Weight::Ordinary,
            at: Moment::from_millis(0x44),
            events: 3,
            body: SealedBody { schema: 1, key: KeyId::from_u128(0x55), bytes: vec![0x66; 4] },
            reply: vec![0x77, 0x78],
            new_keys: Vec::new(),
            effects: Vec::new(),
        }
    }

    #[test]
    fn golden_bytes_of_a_record_of_version_1() {
        let (bytes, hash) = encode(&append(), [0x88; 32]);
        let zeros = |count: usize| "00".repeat(count);
        let expected = [
            "0101",
            &zeros(15),
            "11",
            &zeros(7),
            "02",
            "0003",
            &zeros(7),
            "44",
            "01",
            &zeros(15),
            "55",
            &zeros(15),
            "22",
            &"33".repeat(32),
            "0002",
            "7778",
            &"88".repeat(32),
            "01",
            "66666666",
        ]
        .concat();
        assert_eq!(ozg_protocols::hex::encode(&bytes), expected);
        assert_eq!(
            ozg_protocols::hex::encode(&hash),
            "77f10f895decac660860938986edca4c641b93acdc2462e92712f9591d71b1e9"
        );
    }

    #[test]
    fn a_record_reads_back_and_keeps_its_hash_when_its_body_goes() {
        let (mut bytes, hash) = encode(&append(), [0x88; 32]);
        let whole = decode(&bytes).expect("decodes");
        assert_eq!((whole.hash, whole.after()), (hash, Version(5)));
        let body = whole.body.expect("is there");
        bytes.truncate(bytes.len() - body.len() - 1);
        bytes.push(0);
        bytes.extend_from_slice(&sha256(&body));
        let erased = decode(&bytes).expect("decodes");
        assert_eq!((erased.hash, erased.body), (hash, Err(sha256(&body))));
    }

    #[test]
    fn any_changed_byte_breaks_the_record_or_its_hash() {
        let (bytes, hash) = encode(&append(), [0x88; 32]);
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(decode(&changed).map_or(true, |record| record.hash != hash), "byte {place}");
        }
    }
}
