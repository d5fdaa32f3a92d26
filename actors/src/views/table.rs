//! What many rows share is kept once ([`Shared`]), and texts of one row each lie one behind the other ([`Texts`]).

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// Values that many rows share, each under a small number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shared<T: Eq + Hash> {
    values: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T: Eq + Hash> Default for Shared<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Eq + Hash + Clone> Shared<T> {
    /// The number of a value, which is kept from now on.
    pub(super) fn number<Q: Eq + Hash + ToOwned<Owned = T> + ?Sized>(&mut self, value: &Q) -> u32
    where
        T: Borrow<Q>,
    {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value.to_owned());
        self.numbers.insert(value.to_owned(), number);
        number
    }

    /// The number of a value, if any row has it.
    pub(super) fn known<Q: Eq + Hash + ?Sized>(&self, value: &Q) -> Option<u32>
    where
        T: Borrow<Q>,
    {
        self.numbers.get(value).copied()
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.values.get(number as usize)
    }

    /// All of them, in the order of their numbers.
    pub(super) fn values(&self) -> &[T] {
        &self.values
    }

    /// The table of these values.
    pub(super) fn of(values: Vec<T>) -> Self {
        let numbers = values.iter().cloned().zip(0..).collect();
        Self { values, numbers }
    }
}

/// A text for each row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Texts {
    bytes: String,
    /// Where each ends.
    ends: Vec<u32>,
}

impl Texts {
    pub(super) fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    pub(super) fn get(&self, row: u32) -> &str {
        let row = row as usize;
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]) as usize;
        self.bytes.get(start..self.ends[row] as usize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_value_has_one_number() {
        let mut shared = Shared::<String>::default();
        assert_eq!([shared.number("a"), shared.number("b"), shared.number("a")], [0, 1, 0]);
        assert_eq!((shared.known("b"), shared.known("c"), shared.get(1)), (Some(1), None, Some(&"b".to_owned())));
    }

    #[test]
    fn every_row_has_its_own_text() {
        let mut texts = Texts::default();
        ["Özge", "", "x"].iter().for_each(|text| texts.push(text));
        assert_eq!([texts.get(0), texts.get(1), texts.get(2)], ["Özge", "", "x"]);
    }
}
