//! Rows in an order that changes all the time: short sorted chunks, one behind the other.
//!
//! What the order is, is told by whoever asks: a closure says where a row lies relative to the place that is looked for.
//! An insertion moves at most one chunk's rows.

use std::cmp::Ordering;

/// The most rows of a chunk.
const MOST: usize = 1_024;
/// So many rows a chunk gets when all are sorted at once.
const BUILT: usize = MOST * 3 / 4;
/// Below this a chunk joins its neighbour.
const FEWEST: usize = MOST / 8;

/// Rows in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Chunked(Vec<Vec<u32>>);

/// A place in the order: before this row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    chunk: usize,
    row: usize,
}

impl Chunked {
    /// All these rows, sorted already.
    pub(super) fn of(sorted: &[u32]) -> Self {
        Self(sorted.chunks(BUILT).map(<[u32]>::to_vec).collect())
    }

    /// The first place whose row is not before what is looked for.
    pub(super) fn find(&self, is: impl Fn(u32) -> Ordering) -> Spot {
        let before = |row: &u32| is(*row) == Ordering::Less;
        let chunk = self.0.partition_point(|chunk| chunk.last().is_some_and(before));
        let row = self.0.get(chunk).map_or(0, |chunk| chunk.partition_point(before));
        Spot { chunk, row }
    }

    /// Puts a row where it belongs.
    pub(super) fn insert(&mut self, row: u32, is: impl Fn(u32) -> Ordering) {
        let mut spot = self.find(is);
        if spot.chunk == self.0.len() {
            // Behind all others. A full last chunk stays as it is: what only grows at its end fills chunk by chunk.
            match self.0.last() {
                Some(last) if last.len() < MOST => spot = Spot { chunk: self.0.len() - 1, row: last.len() },
                _ => self.0.push(Vec::with_capacity(MOST)),
            }
        }
        self.0[spot.chunk].insert(spot.row, row);
        if self.0[spot.chunk].len() > MOST {
            let half = self.0[spot.chunk].split_off(MOST / 2);
            self.0.insert(spot.chunk + 1, half);
        }
    }

    /// Takes a row out; the closure has to say where it lies.
    pub(super) fn remove(&mut self, row: u32, is: impl Fn(u32) -> Ordering) {
        let spot = self.find(is);
        let Some(chunk) = self.0.get_mut(spot.chunk) else { return };
        if chunk.get(spot.row) != Some(&row) {
            return;
        }
        chunk.remove(spot.row);
        if chunk.len() < FEWEST {
            self.join(spot.chunk);
        }
    }

    fn join(&mut self, small: usize) {
        if small > 0 && self.0[small - 1].len() + self.0[small].len() <= BUILT {
            let rows = self.0.remove(small);
            self.0[small - 1].extend(rows);
        } else if self.0[small].is_empty() {
            self.0.remove(small);
        }
    }

    pub(super) fn is_in_first_half(&self, spot: Spot) -> bool {
        spot.chunk * 2 < self.0.len()
    }

    /// The rows from a place on.
    pub(super) fn from(&self, spot: Spot) -> impl Iterator<Item = u32> + '_ {
        let first = self.0.get(spot.chunk).and_then(|chunk| chunk.get(spot.row..)).unwrap_or_default();
        let rest = self.0.get(spot.chunk + 1..).unwrap_or_default();
        first.iter().chain(rest.iter().flatten()).copied()
    }

    /// The rows before a place, the nearest first.
    pub(super) fn before(&self, spot: Spot) -> impl Iterator<Item = u32> + '_ {
        let first = self.0.get(spot.chunk).and_then(|chunk| chunk.get(..spot.row)).unwrap_or_default();
        let rest = self.0.get(..spot.chunk.min(self.0.len())).unwrap_or_default();
        first.iter().rev().chain(rest.iter().rev().flat_map(|chunk| chunk.iter().rev())).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows that are ordered by their number turned round, so that insertions come everywhere.
    fn key(row: u32) -> u32 {
        row.reverse_bits()
    }

    #[test]
    fn rows_stay_in_order_whatever_comes_and_goes() {
        let mut order = Chunked::default();
        for row in 0..5_000 {
            order.insert(row, |other| key(other).cmp(&key(row)));
        }
        for row in (0..5_000).filter(|row| row % 3 != 0) {
            order.remove(row, |other| key(other).cmp(&key(row)));
        }
        let mut expected: Vec<u32> = (0..5_000).filter(|row| row % 3 == 0).collect();
        expected.sort_by_key(|row| key(*row));
        let start = order.find(|_| Ordering::Greater);
        assert_eq!(order.from(start).collect::<Vec<_>>(), expected);
        let middle = order.find(|row| key(row).cmp(&key(expected[700])));
        assert_eq!(order.from(middle).next(), Some(expected[700]));
        assert_eq!(order.before(middle).take(700).collect::<Vec<_>>(), {
            let mut before = expected[..700].to_vec();
            before.reverse();
            before
        });
        assert!(order.0.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= MOST));
    }

    #[test]
    fn what_is_built_at_once_is_what_was_inserted() {
        let sorted: Vec<u32> = (0..3_000).collect();
        let built = Chunked::of(&sorted);
        let mut inserted = Chunked::default();
        sorted.iter().for_each(|row| inserted.insert(*row, |other| other.cmp(row)));
        let all = |order: &Chunked| order.from(order.find(|_| Ordering::Greater)).collect::<Vec<_>>();
        assert_eq!(all(&built), all(&inserted));
        assert_eq!(built.before(built.find(|_| Ordering::Less)).next(), Some(2_999));
    }
}
