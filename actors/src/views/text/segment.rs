//! Words that do not change any more: a finite-state map from each word to its rows.
//!
//! A word of one row holds the row itself, any other the place of its list: the count, then the distances between ascending
//! rows, as variable-length numbers (7 bits a byte, the lowest first).

use std::{collections::BTreeMap, io, sync::Arc};

use fst::{Automaton as _, IntoStreamer as _, Map, MapBuilder, Streamer as _, automaton::Str, map::OpBuilder};

use super::super::{bits::Bits, words::Needle};

/// Words and their rows.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    words: Map<Vec<u8>>,
    lists: Vec<u8>,
}

impl Segment {
    pub(super) fn freeze(rows_of: &BTreeMap<Box<str>, Vec<u32>>) -> Self {
        let mut writer = Writer::default();
        rows_of.iter().for_each(|(word, rows)| writer.add(word.as_bytes(), rows));
        writer.finish()
    }

    /// All of these in one. The rows of each come after those of the one before.
    pub(super) fn merge(segments: &[Arc<Self>]) -> Self {
        let (mut writer, mut rows) = (Writer::default(), Vec::new());
        let mut union = segments.iter().fold(OpBuilder::new(), |all, segment| all.add(&segment.words)).union();
        while let Some((word, places)) = union.next() {
            rows.clear();
            let mut places = places.to_vec();
            places.sort_unstable_by_key(|place| place.index);
            for place in places {
                segments[place.index].each_row(place.value, |row| rows.push(row));
            }
            writer.add(word, &rows);
        }
        writer.finish()
    }

    /// What it weighs when segments are merged.
    pub(super) fn size(&self) -> usize {
        self.words.as_fst().size() + self.lists.len()
    }

    pub(super) fn mark(&self, needle: &Needle, found: &mut Bits) {
        if needle.whole {
            if let Some(place) = self.words.get(&needle.text) {
                self.each_row(place, |row| found.set(row));
            }
            return;
        }
        let mut words = self.words.search(Str::new(&needle.text).starts_with()).into_stream();
        while let Some((_, place)) = words.next() {
            self.each_row(place, |row| found.set(row));
        }
    }

    fn each_row(&self, place: u64, mut see: impl FnMut(u32)) {
        if place & 1 == 1 {
            see((place >> 1) as u32);
            return;
        }
        let mut list = self.lists.get((place >> 1) as usize..).unwrap_or_default().iter();
        let mut row = 0;
        for _ in 0..number(&mut list) {
            row += number(&mut list);
            see(row);
        }
    }

    /// Its two parts, to be kept.
    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        [self.words.as_fst().as_bytes(), &self.lists]
    }

    /// The segment of these two parts.
    pub(crate) fn of_parts(words: Vec<u8>, lists: Vec<u8>) -> io::Result<Self> {
        Ok(Self { words: Map::new(words).map_err(io::Error::other)?, lists })
    }
}

/// What a segment is written with; words come in order.
struct Writer {
    words: MapBuilder<Vec<u8>>,
    lists: Vec<u8>,
}

impl Default for Writer {
    fn default() -> Self {
        Self { words: MapBuilder::memory(), lists: Vec::new() }
    }
}

impl Writer {
    fn add(&mut self, word: &[u8], rows: &[u32]) {
        let place = match rows {
            [row] => u64::from(*row) << 1 | 1,
            rows => {
                let place = self.lists.len() as u64;
                put(&mut self.lists, u32::try_from(rows.len()).unwrap_or(u32::MAX));
                let mut before = 0;
                for row in rows {
                    put(&mut self.lists, row - before);
                    before = *row;
                }
                place << 1
            }
        };
        // Words come in ascending order, and memory takes everything.
        let added = self.words.insert(word, place);
        debug_assert!(added.is_ok());
    }

    fn finish(self) -> Segment {
        Segment { words: self.words.into_map(), lists: self.lists }
    }
}

fn put(list: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        list.push(number as u8 | 0x80);
        number >>= 7;
    }
    list.push(number as u8);
}

fn number<'l>(list: &mut impl Iterator<Item = &'l u8>) -> u32 {
    let (mut number, mut shift) = (0, 0);
    for byte in list {
        number |= u32::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 || shift > 28 {
            break;
        }
    }
    number
}
