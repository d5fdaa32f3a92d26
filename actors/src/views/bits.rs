//! Sets of rows as dense bits: what filters and counts are made of.

/// Rows below a length, each in or out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

/// The word a row lies in, and its bit there.
fn place(row: u32) -> (usize, u64) {
    ((row / 64) as usize, 1 << (row % 64))
}

impl Bits {
    /// No row of so many.
    pub(super) fn none(rows: usize) -> Self {
        Self(vec![0; rows.div_ceil(64)])
    }

    /// Every row of so many.
    pub(super) fn all(rows: usize) -> Self {
        let mut words = vec![u64::MAX; rows.div_ceil(64)];
        if let (Some(last), over) = (words.last_mut(), rows % 64)
            && over > 0
        {
            *last = (1 << over) - 1;
        }
        Self(words)
    }

    pub(super) fn set(&mut self, row: u32) {
        let (word, bit) = place(row);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    pub(super) fn clear(&mut self, row: u32) {
        let (word, bit) = place(row);
        if let Some(word) = self.0.get_mut(word) {
            *word &= !bit;
        }
    }

    pub(super) fn has(&self, row: u32) -> bool {
        let (word, bit) = place(row);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Adds what is in the other one, as far as this one goes.
    pub(super) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    /// Keeps only what is in the other one, too.
    pub(super) fn keep(&mut self, other: &Self) {
        let reach = other.0.len().min(self.0.len());
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
        self.0[reach..].fill(0);
    }

    /// Keeps only rows that pass; they are asked for one by one.
    pub(super) fn keep_if(&mut self, mut passes: impl FnMut(u32) -> bool) {
        for (base, word) in (0_u32..).step_by(64).zip(&mut self.0) {
            let mut left = *word;
            while left != 0 {
                let bit = left & left.wrapping_neg();
                if !passes(base + bit.trailing_zeros()) {
                    *word &= !bit;
                }
                left ^= bit;
            }
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// How many are in both.
    pub(super) fn count_with(&self, other: &Self) -> u64 {
        self.0.iter().zip(&other.0).map(|(word, other)| u64::from((word & other).count_ones())).sum()
    }

    /// The rows, ascending.
    pub(super) fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        (0_u32..).step_by(64).zip(&self.0).flat_map(|(base, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let row = base + left.trailing_zeros();
                    left &= left - 1;
                    row
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[u32]) -> Bits {
        let mut bits = Bits::none(200);
        rows.iter().for_each(|row| bits.set(*row));
        bits
    }

    #[test]
    fn sets_are_joined_and_cut_row_by_row() {
        let (mut one, other) = (of(&[0, 63, 64, 199]), of(&[63, 65, 199]));
        assert_eq!((one.count(), one.count_with(&other)), (4, 2));
        one.add(&other);
        assert_eq!(one.rows().collect::<Vec<_>>(), [0, 63, 64, 65, 199]);
        one.keep(&other);
        assert_eq!(one.rows().collect::<Vec<_>>(), [63, 65, 199]);
        one.keep_if(|row| row != 65);
        assert_eq!(one.rows().collect::<Vec<_>>(), [63, 199]);
    }

    #[test]
    fn all_rows_are_no_more_than_there_are() {
        for rows in [0, 1, 63, 64, 65, 128] {
            assert_eq!(Bits::all(rows).count(), rows as u64);
        }
    }

    #[test]
    fn what_a_shorter_set_does_not_reach_is_not_kept() {
        let mut long = Bits::all(200);
        long.keep(&Bits::all(70));
        assert_eq!(long.count(), 70);
    }
}
