//! Where the records of a stream lie, packed: their rows are written again with each append of the stream, so they are
//! kept short (about 5 bytes a record instead of 11).
//!
//! First version of the first record, then for each record: its number less the previous one's, its events, both as
//! varints (7 bits a byte, least first, high bit while more follow), and the tag of its command key (2 bytes,
//! big-endian). A record begins at the version where the previous one ended.

use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

use crate::tables::Entry;

pub(crate) fn serialize<S: Serializer>(entries: &[Entry], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(&pack(entries))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Entry>, D::Error> {
    let bytes = serde_bytes::ByteBuf::deserialize(from)?;
    unpack(&bytes).ok_or_else(|| D::Error::custom("the places of records do not unpack"))
}

fn pack(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * 6 + 4);
    let Some(first) = entries.first() else { return bytes };
    put(&mut bytes, first.first);
    let mut number = 0;
    for entry in entries {
        put(&mut bytes, entry.number - number);
        put(&mut bytes, u64::from(entry.events));
        bytes.extend_from_slice(&entry.tag.to_be_bytes());
        number = entry.number;
    }
    bytes
}

fn unpack(mut bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::with_capacity(bytes.len() / 4);
    if bytes.is_empty() {
        return Some(entries);
    }
    let (mut first, mut number) = (take(&mut bytes)?, 0_u64);
    while !bytes.is_empty() {
        number = number.checked_add(take(&mut bytes)?)?;
        let events = u16::try_from(take(&mut bytes)?).ok()?;
        let (tag, rest) = bytes.split_first_chunk()?;
        bytes = rest;
        entries.push(Entry { number, first, events, tag: u16::from_be_bytes(*tag) });
        first = first.checked_add(u64::from(events))?;
    }
    Some(entries)
}

fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{self, Head};

    fn entries() -> Vec<Entry> {
        let entry = |number, first, events, tag| Entry { number, first, events, tag };
        vec![entry(300, 7, 1, 0x0102), entry(301, 8, 200, 0xffff), entry(u64::MAX, 208, 1, 0)]
    }

    #[test]
    fn places_unpack_as_they_were_packed() {
        assert_eq!(unpack(&pack(&entries())), Some(entries()));
        assert_eq!(unpack(&pack(&[])), Some(Vec::new()));
    }

    #[test]
    fn what_was_cut_off_does_not_unpack() {
        let bytes = pack(&entries());
        assert_eq!(unpack(&bytes[..bytes.len() - 1]), None);
        assert_eq!(unpack(&[0x80; 11]), None);
    }

    #[test]
    fn golden_bytes_of_a_head_of_version_1() {
        let head = Head { version: 9, epoch: 1, hash: [0x22; 32], pages: 0, recent: entries()[..1].to_vec() };
        let hex = ozg_protocols::hex::encode(&tables::encode(&head).expect("encodes"));
        // Schema, version, epoch, hash, pages; length, first version, number, events, tag.
        assert_eq!(hex, ["01", "09", "01", &"22".repeat(32), "00", "06", "07", "ac02", "01", "0102"].concat());
    }
}
