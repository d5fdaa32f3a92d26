//! What rows are called: words of applicants' names, heads of case numbers, and the rows of each title and service.
//!
//! From this, suggestions are made without a look at every row: what few rows have is gathered and sorted, what many have is
//! met soon along an order.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    ops::Bound,
};

use ozg_protocols::{ids::CaseId, principal::Principal, work_list::Suggestion};

use super::{
    bits::Bits,
    columns::Columns,
    index::Index,
    words::{self, Needle},
};

/// Up to so many rows are gathered; a word that more names have is met soon along their order.
const FEW: usize = 2_048;

/// Who and what is called how.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    rows_of_word: BTreeMap<Box<str>, Vec<u32>>,
    /// Case numbers up to their running number: `MUS-2026-`.
    heads: BTreeSet<String>,
    of_title: Vec<Vec<u32>>,
    of_service: Vec<Vec<u32>>,
}

impl Names {
    pub(super) fn add(&mut self, columns: &Columns, row: u32) {
        let mut name = String::new();
        words::add(&mut name, columns.applicant(row).unwrap_or_default());
        words::each(&name, |word| match self.rows_of_word.get_mut(word) {
            Some(rows) if rows.last() == Some(&row) => {}
            Some(rows) => rows.push(row),
            None => drop(self.rows_of_word.insert(word.into(), vec![row])),
        });
        let (head, _) = split(columns.number(row));
        if !self.heads.contains(head) {
            self.heads.insert(head.to_owned());
        }
        let facts = columns.facts(row);
        for (lists, number) in [(&mut self.of_title, facts.title), (&mut self.of_service, facts.service)] {
            let number = number as usize;
            if lists.len() <= number {
                lists.resize_with(number + 1, Vec::new);
            }
            lists[number].push(row);
        }
    }

    /// The rows of a service, ascending.
    pub(super) fn of_service(&self, service: u32) -> &[u32] {
        self.of_service.get(service as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// The rows of the needle that fewest names have a word for; nothing if many have.
    fn few(&self, needles: &[Needle]) -> Option<Vec<u32>> {
        needles.iter().filter_map(|needle| self.rows(needle)).min_by_key(Vec::len)
    }

    fn rows(&self, needle: &Needle) -> Option<Vec<u32>> {
        let from = (Bound::Included(needle.text.as_str()), Bound::Unbounded);
        let mut rows = Vec::new();
        for (word, more) in self.rows_of_word.range::<str, _>(from) {
            if !word.starts_with(&needle.text) {
                break;
            }
            if rows.len() + more.len() > FEW {
                return None;
            }
            rows.extend_from_slice(more);
        }
        Some(rows)
    }
}

/// A case number before and behind its last dash.
fn split(number: &str) -> (&str, &str) {
    number.split_at(number.rfind('-').map_or(number.len(), |dash| dash + 1))
}

/// Suggestions by their folded text.
#[derive(Debug, Default)]
pub(super) struct Found(BTreeMap<String, (String, Option<CaseId>)>);

impl Found {
    /// Adds a text that a case has. Of texts that are folded alike the first is shown; a case only if it is the only one.
    pub(super) fn add(&mut self, text: &str, case: CaseId) {
        let (shown, only) = self.0.entry(words::fold(text)).or_insert_with(|| (text.to_owned(), Some(case)));
        if text < shown.as_str() {
            text.clone_into(shown);
        }
        if *only != Some(case) {
            *only = None;
        }
    }

    fn join(&mut self, other: Self) {
        for (folded, (text, case)) in other.0 {
            match self.0.entry(folded) {
                Entry::Vacant(free) => drop(free.insert((text, case))),
                Entry::Occupied(mut known) => {
                    let (shown, only) = known.get_mut();
                    *shown = text.min(std::mem::take(shown));
                    *only = only.filter(|only| Some(*only) == case);
                }
            }
        }
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    /// The first ones.
    pub(super) fn first(self, limit: usize) -> Vec<Suggestion> {
        self.0.into_values().take(limit).map(|(text, case)| Suggestion { text, case }).collect()
    }
}

/// Whether a text has a word for every needle.
pub(super) fn has_all(text: &str, needles: &[Needle]) -> bool {
    let mut haystack = String::new();
    words::add(&mut haystack, text);
    words::all_in(&haystack, needles)
}

impl Index {
    /// Completions for what is being typed: names, numbers and titles of what somebody may see, in alphabetical order.
    pub(super) fn suggest(&self, who: &Principal, typed: &str, limit: usize) -> Vec<Suggestion> {
        let needles = words::beginnings(typed);
        if needles.is_empty() || limit == 0 {
            return Vec::new();
        }
        let (visible, mut found) = (self.visible(who), Found::default());
        self.suggest_names(&needles, &visible, limit, &mut found);
        self.suggest_numbers(&needles, &visible, limit, &mut found);
        self.suggest_titles(&needles, &visible, &mut found);
        found.first(limit)
    }

    fn suggest_names(&self, needles: &[Needle], visible: &Bits, limit: usize, all: &mut Found) {
        let columns = &self.columns;
        if let Some(rows) = self.names.few(needles) {
            for row in rows.into_iter().filter(|row| visible.has(*row)) {
                if let Some(name) = columns.applicant(row).filter(|name| has_all(name, needles)) {
                    all.add(name, columns.id(row));
                }
            }
            return;
        }
        let mut found = Found::default();
        for row in self.orders().names().filter(|row| visible.has(*row)) {
            let Some(name) = columns.applicant(row) else { break };
            if has_all(name, needles) {
                found.add(name, columns.id(row));
                // One more than wanted: only then all rows of the last one have been seen.
                if found.len() > limit {
                    break;
                }
            }
        }
        all.join(found);
    }

    fn suggest_numbers(&self, needles: &[Needle], visible: &Bits, limit: usize, all: &mut Found) {
        for head in &self.names.heads {
            let mut words_of_head = String::new();
            words::add(&mut words_of_head, head);
            let open: Vec<&Needle> =
                needles.iter().filter(|needle| !words::all_in(&words_of_head, std::slice::from_ref(needle))).collect();
            // What is not in the head has to begin the running number, and all of it the same one.
            let longest = open.iter().map(|needle| needle.text.as_str()).max_by_key(|text| text.len());
            let beginning = format!("{head}{}", longest.unwrap_or_default());
            let numbers = self.orders().numbers_from(&self.columns, &beginning);
            let alike = numbers.take_while(|row| self.columns.number(*row).starts_with(&beginning));
            let mut of_head = Found::default();
            for row in alike.filter(|row| visible.has(*row)) {
                let number = self.columns.number(row);
                if has_all(number, needles) {
                    of_head.add(number, self.columns.id(row));
                    if of_head.len() > limit {
                        break;
                    }
                }
            }
            all.join(of_head);
        }
    }

    fn suggest_titles(&self, needles: &[Needle], visible: &Bits, all: &mut Found) {
        let titles = self.columns.titles().values();
        for (title, rows) in titles.iter().zip(&self.names.of_title).filter(|(title, _)| has_all(title, needles)) {
            let seen = rows.iter().filter(|row| visible.has(**row)).take(2);
            seen.for_each(|row| all.add(title, self.columns.id(*row)));
        }
    }
}
