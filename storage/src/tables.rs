//! The tables of the redb file and the rows in them.
//!
//! Few tables, keys that cluster: the log under an ascending number, so that small records share pages and a batch writes
//! few of them; one row per stream that carries its head, where its last records lie and their command keys (a tag of
//! each; the log has the whole). What was ever appended stands in the log, and the rows may lag behind it
//! ([`crate::heads`]).

use ozg_protocols::{ids::KeyId, moment::Moment};
use redb::TableDefinition;
use serde::{Deserialize, Serialize};

use crate::{
    codec::{self, CodecError, Schema},
    journal::{EffectId, Lane, SealedBody, StreamId, StreamKind, Version},
    packed,
};

/// number -> record ([`crate::log_record`]).
pub(crate) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// (kind, id, first version of a full page, or [`HEAD`]) -> [`Page`] or [`Head`].
pub(crate) const STREAMS: TableDefinition<'_, (u8, u128, u64), &[u8]> = TableDefinition::new("streams");
/// (target, place, record, index) -> [`EffectRow`].
pub(crate) const EFFECTS: TableDefinition<'_, EffectKey, &[u8]> = TableDefinition::new("effects");
/// (target, place, due, record, index).
pub(crate) const DUE: TableDefinition<'_, (u8, u128, i64, u64, u16), ()> = TableDefinition::new("due-in-lane");
/// (target, place) -> how many effects wait there; none, no row.
pub(crate) const LANES: TableDefinition<'_, (u8, u128), u64> = TableDefinition::new("lanes");
/// (kind, id) -> [`SnapshotRow`].
pub(crate) const SNAPSHOTS: TableDefinition<'_, (u8, u128), &[u8]> = TableDefinition::new("snapshots");
/// (kind, id) -> [`SmallRow`].
pub(crate) const SMALL: TableDefinition<'_, (u8, u128), &[u8]> = TableDefinition::new("small");
/// (expires, kind, id).
pub(crate) const EXPIRY: TableDefinition<'_, (i64, u8, u128), ()> = TableDefinition::new("expiry");
/// (kind, id) -> the first record that shows that a stream is broken ([`crate::heads`]).
pub(crate) const BROKEN: TableDefinition<'_, (u8, u128), u64> = TableDefinition::new("broken");
/// name -> value: [`FOUNDATION`], [`RING_ENTRIES`], [`ROWS_UNTIL`].
pub(crate) const META: TableDefinition<'_, u8, &[u8]> = TableDefinition::new("meta");

/// The last "first version": no page begins there, so the head sorts behind its pages.
pub(crate) const HEAD: u64 = u64::MAX;
/// META: [`Foundation`].
pub(crate) const FOUNDATION: u8 = 0;
/// META: how many ring entries the journal relies on (u64, big-endian).
pub(crate) const RING_ENTRIES: u8 = 1;
/// META: the last record that the rows of streams know (u64, big-endian); see [`crate::heads`].
pub(crate) const ROWS_UNTIL: u8 = 2;

/// How many records a head carries before its older half becomes a page.
pub(crate) const LONGEST_HEAD: usize = 128;
/// How many of them are moved then; as many command keys are always kept.
pub(crate) const PAGE: usize = 64;

const ROWS: u8 = 1;

/// (target, place, record, index).
pub(crate) type EffectKey = (u8, u128, u64, u16);

/// What the store is; written once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Foundation {
    pub(crate) tenant: String,
    /// Random; a restored store gets another one, so that no old cursor fits it.
    pub(crate) incarnation: [u8; 16],
    pub(crate) fingerprint: [u8; 16],
}

/// Where a record of a stream lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) first: u64,
    pub(crate) events: u16,
    /// The low bits of the command key: enough to look only at likely records.
    pub(crate) tag: u16,
}

/// The head of a stream and its last records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) version: u64,
    pub(crate) epoch: u64,
    pub(crate) hash: [u8; 32],
    /// How many pages lie before.
    pub(crate) pages: u32,
    #[serde(with = "packed")]
    pub(crate) recent: Vec<Entry>,
}

/// Older records of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Page(#[serde(with = "packed")] pub(crate) Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BodyRow {
    schema: u8,
    key: [u8; 16],
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

impl From<SealedBody> for BodyRow {
    fn from(body: SealedBody) -> Self {
        Self { schema: body.schema, key: body.key.as_u128().to_be_bytes(), bytes: body.bytes }
    }
}

impl From<BodyRow> for SealedBody {
    fn from(row: BodyRow) -> Self {
        Self { schema: row.schema, key: KeyId::from_u128(u128::from_be_bytes(row.key)), bytes: row.bytes }
    }
}

/// An effect that has not happened yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EffectRow {
    /// When it is to be looked at next; also its place in [`DUE`].
    pub(crate) due: Moment,
    pub(crate) since: Moment,
    pub(crate) attempts: u32,
    pub(crate) kind: u8,
    pub(crate) id: [u8; 16],
    pub(crate) first: u64,
    pub(crate) body: BodyRow,
}

impl EffectRow {
    pub(crate) fn stream(&self) -> Option<StreamId> {
        let kind = StreamKind::from_number(self.kind)?;
        Some(StreamId { kind, id: u128::from_be_bytes(self.id) })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotRow {
    pub(crate) version: u64,
    pub(crate) body: BodyRow,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SmallRow {
    pub(crate) expires: Moment,
    pub(crate) body: BodyRow,
}

pub(crate) fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, CodecError> {
    codec::encode(ROWS, row)
}

pub(crate) fn decode<T: Serialize + serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    Schema::first(ROWS).decode(bytes)
}

pub(crate) const fn head_key(stream: StreamId) -> (u8, u128, u64) {
    (stream.kind as u8, stream.id, HEAD)
}

/// The pages of a stream that begin at or before this version.
pub(crate) fn pages_until(stream: StreamId, version: Version) -> std::ops::RangeInclusive<(u8, u128, u64)> {
    let (kind, id, _) = head_key(stream);
    (kind, id, 0)..=(kind, id, version.0.min(HEAD - 1))
}

/// The pages of a stream from the one that begins at this version, without its head.
pub(crate) fn pages_from(stream: StreamId, first: u64) -> std::ops::Range<(u8, u128, u64)> {
    (stream.kind as u8, stream.id, first)..head_key(stream)
}

/// The low bits of a command key.
pub(crate) const fn tag(command: u128) -> u16 {
    command as u16
}

pub(crate) const fn lane_key(lane: Lane) -> (u8, u128) {
    (lane.target as u8, lane.place)
}

pub(crate) const fn effect_key(id: EffectId) -> EffectKey {
    (id.lane.target as u8, id.lane.place, id.record.0, id.index)
}
