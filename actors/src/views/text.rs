//! The words of all cases: which rows have a word that begins so.
//!
//! Words come in by the row and are found at once (`fresh`); now and then they are frozen into a [`Segment`], and segments
//! are merged. Both take their time, so they are jobs: [`TextIndex::job`] hands one out, whoever keeps the index runs it
//! where it disturbs nobody, and [`TextIndex::finish`] takes the outcome. The text of a row never changes.

mod segment;

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use super::{
    bits::Bits,
    words::{self, Needle},
};
pub(super) use segment::Segment;

/// So many words of rows are kept before they are frozen.
const FRESH: usize = 700_000;

/// Words that are not in a segment yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Fresh {
    rows_of: BTreeMap<Box<str>, Vec<u32>>,
    size: usize,
}

impl Fresh {
    fn add(&mut self, row: u32, word: &str) {
        let rows = match self.rows_of.get_mut(word) {
            Some(rows) => rows,
            None => self.rows_of.entry(word.into()).or_default(),
        };
        if rows.last() != Some(&row) {
            rows.push(row);
            self.size += 1;
        }
    }

    fn mark(&self, needle: &Needle, found: &mut Bits) {
        if needle.whole {
            self.rows_of.get(needle.text.as_str()).into_iter().flatten().for_each(|row| found.set(*row));
            return;
        }
        let from = (Bound::Included(needle.text.as_str()), Bound::Unbounded);
        let words = self.rows_of.range::<str, _>(from).take_while(|(word, _)| word.starts_with(&needle.text));
        words.flat_map(|(_, rows)| rows).for_each(|row| found.set(*row));
    }
}

/// Work on the index that takes its time.
#[derive(Debug)]
pub(super) enum Job {
    Freeze(Arc<Fresh>),
    /// The last so many segments.
    Merge(Vec<Arc<Segment>>),
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Done {
    Frozen(Segment),
    Merged { of: usize, into: Segment },
}

impl Job {
    pub(super) fn run(self) -> Done {
        match self {
            Self::Freeze(fresh) => Done::Frozen(Segment::freeze(&fresh.rows_of)),
            Self::Merge(segments) => Done::Merged { of: segments.len(), into: Segment::merge(&segments) },
        }
    }
}

/// The words of all rows.
#[derive(Debug, Clone, Default)]
pub(super) struct TextIndex {
    segments: Vec<Arc<Segment>>,
    /// What is being frozen; found as before.
    freezing: Option<Arc<Fresh>>,
    fresh: Fresh,
    /// Whether a job is out.
    busy: bool,
}

impl TextIndex {
    /// The index of these segments.
    pub(super) fn of(segments: Vec<Segment>) -> Self {
        Self { segments: segments.into_iter().map(Arc::new).collect(), ..Self::default() }
    }

    /// Adds the words of a row that comes after all others.
    pub(super) fn add(&mut self, row: u32, text: &str) {
        words::each(text, |word| self.fresh.add(row, word));
    }

    /// The rows, of so many, that have a word as the needle says.
    pub(super) fn matching(&self, needle: &Needle, rows: usize) -> Bits {
        let mut found = Bits::none(rows);
        self.segments.iter().for_each(|segment| segment.mark(needle, &mut found));
        self.freezing.iter().for_each(|fresh| fresh.mark(needle, &mut found));
        self.fresh.mark(needle, &mut found);
        found
    }

    /// The next job, unless one is out already.
    pub(super) fn job(&mut self) -> Option<Job> {
        if self.busy {
            return None;
        }
        let merge = self.run_to_merge();
        let job = if merge >= 2 {
            Job::Merge(self.segments[self.segments.len() - merge..].to_vec())
        } else if self.fresh.size >= FRESH {
            let fresh = Arc::new(std::mem::take(&mut self.fresh));
            self.freezing = Some(fresh.clone());
            Job::Freeze(fresh)
        } else {
            return None;
        };
        self.busy = true;
        Some(job)
    }

    /// How many of the last segments are worth a merge: each is merged before what comes after it outweighs half of it, so
    /// that there are few segments and no word is merged often.
    fn run_to_merge(&self) -> usize {
        let (mut run, mut behind) = (0, 0);
        for (place, segment) in self.segments.iter().rev().enumerate() {
            if behind * 2 >= segment.size() {
                run = place + 1;
            }
            behind += segment.size();
        }
        if run >= 2 { run } else { 0 }
    }

    pub(super) fn finish(&mut self, done: Done) {
        self.busy = false;
        match done {
            Done::Frozen(segment) => {
                self.freezing = None;
                self.segments.push(Arc::new(segment));
            }
            Done::Merged { of, into } => {
                self.segments.truncate(self.segments.len().saturating_sub(of));
                self.segments.push(Arc::new(into));
            }
        }
    }

    /// Everything as segments: what is to be kept in a file.
    pub(super) fn snapshot(&self) -> Vec<Arc<Segment>> {
        let loose = self.freezing.iter().map(|fresh| &**fresh).chain([&self.fresh]).filter(|fresh| fresh.size > 0);
        let frozen = loose.map(|fresh| Arc::new(Segment::freeze(&fresh.rows_of)));
        self.segments.iter().cloned().chain(frozen).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(index: &TextIndex, text: &str) -> Vec<u32> {
        let needles = words::needles(text);
        index.matching(&needles[0], 64).rows().collect()
    }

    fn index() -> TextIndex {
        let mut index = TextIndex::default();
        for (row, text) in [" muller hund", " mueller katze", " hundesteuer hund", " ab abc"].iter().enumerate() {
            index.add(row as u32, text);
        }
        index
    }

    fn freeze(index: &mut TextIndex) {
        index.freezing = Some(Arc::new(std::mem::take(&mut index.fresh)));
        let done = Job::Freeze(index.freezing.clone().expect("there")).run();
        index.finish(done);
    }

    #[test]
    fn words_are_found_by_their_beginning_before_and_after_they_are_frozen_and_merged() {
        let mut index = index();
        let check = |index: &TextIndex| {
            assert_eq!(find(index, "hun"), [0, 2]);
            assert_eq!(find(index, "hundes"), [2]);
            assert_eq!(find(index, "ab"), [3], "a short word has to be whole");
            assert_eq!(find(index, "katzenfutter"), [] as [u32; 0]);
        };
        check(&index);
        freeze(&mut index);
        check(&index);
        index.add(4, " hundert");
        freeze(&mut index);
        assert_eq!(find(&index, "hun"), [0, 2, 4]);
        let merged = Job::Merge(index.segments.clone()).run();
        index.finish(merged);
        assert_eq!((find(&index, "hun"), index.segments.len()), (vec![0, 2, 4], 1));
    }

    #[test]
    fn segments_stay_few_however_much_comes() {
        let mut index = TextIndex::default();
        for row in 0..2_000 {
            index.add(row, &format!(" wort{row} gleich"));
            freeze(&mut index);
            while let Some(job) = index.job() {
                let done = job.run();
                index.finish(done);
            }
        }
        assert!(index.segments.len() <= 12, "{}", index.segments.len());
        assert_eq!(index.matching(&words::needles("gleich")[0], 2_000).count(), 2_000);
    }
}
