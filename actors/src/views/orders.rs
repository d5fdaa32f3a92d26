//! All rows in each of the five orders, kept up to date row by row, or made at once after an index was filled.

use std::cmp::Ordering;

use ozg_protocols::{
    case::{Event, Recorded},
    work_list::SortBy,
};

use super::{bits::Bits, chunked::Chunked, columns::Columns, order::Place};

const ALL: [SortBy; 5] = [SortBy::Received, SortBy::Changed, SortBy::Applicant, SortBy::Number, SortBy::Status];

/// The orders.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders {
    sorted: [Chunked; ALL.len()],
    /// Nothing is kept in order yet.
    deferred: bool,
}

/// Whether an event may move a row in an order.
fn moves(sort: SortBy, recorded: &Recorded) -> bool {
    match sort {
        SortBy::Changed => true,
        SortBy::Status => matches!(recorded.event, Event::StatusChanged { .. }),
        SortBy::Received | SortBy::Applicant | SortBy::Number => false,
    }
}

impl Orders {
    pub(super) fn deferred() -> Self {
        Self { deferred: true, ..Self::default() }
    }

    pub(super) fn settle(&mut self, columns: &Columns) {
        let mut rows: Vec<u32> = (0..u32::try_from(columns.len()).unwrap_or(u32::MAX)).collect();
        for sort in ALL {
            rows.sort_unstable_by(|one, other| columns.compare(sort, *one, *other));
            self.sorted[sort as usize] = Chunked::of(&rows);
        }
        self.deferred = false;
    }

    pub(super) fn add(&mut self, columns: &Columns, row: u32) {
        ALL.into_iter().for_each(|sort| self.insert(columns, sort, row));
    }

    /// Takes a row out of where this event moves it away from.
    pub(super) fn will_change(&mut self, columns: &Columns, row: u32, recorded: &Recorded) {
        if !self.deferred {
            for sort in ALL.into_iter().filter(|sort| moves(*sort, recorded)) {
                self.sorted[sort as usize].remove(row, |other| columns.compare(sort, other, row));
            }
        }
    }

    /// Puts it where it belongs after the event.
    pub(super) fn has_changed(&mut self, columns: &Columns, row: u32, recorded: &Recorded) {
        for sort in ALL.into_iter().filter(|sort| moves(*sort, recorded)) {
            self.insert(columns, sort, row);
        }
    }

    fn insert(&mut self, columns: &Columns, sort: SortBy, row: u32) {
        if !self.deferred {
            self.sorted[sort as usize].insert(row, |other| columns.compare(sort, other, row));
        }
    }

    /// The rows behind a place, in one direction.
    pub(super) fn along<'o>(
        &'o self,
        columns: &Columns,
        sort: SortBy,
        descending: bool,
        after: Option<&Place>,
    ) -> Box<dyn Iterator<Item = u32> + 'o> {
        let order = &self.sorted[sort as usize];
        let spot = order.find(|row| match after {
            None if descending => Ordering::Less,
            None => Ordering::Greater,
            Some(place) => match place.compare(columns, sort, row) {
                Ordering::Equal if !descending => Ordering::Less,
                is => is,
            },
        });
        if descending { Box::new(order.before(spot)) } else { Box::new(order.from(spot)) }
    }

    /// All rows by the applicant's name.
    pub(super) fn names(&self) -> impl Iterator<Item = u32> + '_ {
        let order = &self.sorted[SortBy::Applicant as usize];
        order.from(order.find(|_| Ordering::Greater))
    }

    /// All rows by number, from the first one that is not before this text.
    pub(super) fn numbers_from<'o>(&'o self, columns: &Columns, text: &str) -> impl Iterator<Item = u32> + use<'o> {
        let order = &self.sorted[SortBy::Number as usize];
        order.from(order.find(|row| columns.number(row).cmp(text)))
    }

    /// The found row before this one, how many come before it, and the one after it.
    pub(super) fn around(
        &self,
        columns: &Columns,
        sort: SortBy,
        descending: bool,
        row: u32,
        found: &Bits,
        total: u64,
    ) -> (Option<u32>, u64, Option<u32>) {
        let order = &self.sorted[sort as usize];
        let here = order.find(|other| columns.compare(sort, other, row));
        let found = |row: &u32| found.has(*row);
        let lower = order.before(here).find(found);
        let upper = order.from(here).skip(1).find(found);
        let below = if order.is_in_first_half(here) {
            order.before(here).filter(found).count() as u64
        } else {
            total - order.from(here).filter(found).count() as u64
        };
        if descending { (upper, total - 1 - below, lower) } else { (lower, below, upper) }
    }
}
