//! The cases of the work list, field by field: one column for each, one row for each case, in the order they came.
//!
//! Rows are only added. What several rows share lies in tables, what is asked for most also in bit sets. What a case's
//! events mean for its row is said here and nowhere else; the oracle of the tests folds whole cases instead.

use std::{cmp::Ordering, collections::HashMap};

use ozg_protocols::{
    case::{CaseNumber, Event, Person, Recorded, Status},
    ids::{CaseId, OrgUnitId, UserId},
    moment::Moment,
    work_list::{Row, SortBy},
};
use serde::{Deserialize, Serialize};

use super::{
    bits::Bits,
    order::NameKey,
    table::{Shared, Texts},
    words,
};

/// The facts of a row that are small numbers. `None` where the case has no such thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) status: Status,
    pub(super) assignee: Option<u32>,
    pub(super) unit: Option<u32>,
    pub(super) service: u32,
    pub(super) title: u32,
    pub(super) version: u32,
    pub(super) files: u32,
    pub(super) comments: u32,
}

/// All rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Columns {
    rows: HashMap<CaseId, u32>,
    ids: Vec<CaseId>,
    facts: Vec<Facts>,
    received: Vec<Moment>,
    changed: Vec<Moment>,
    since: Vec<Moment>,
    numbers: Texts,
    names: Texts,
    name_keys: Vec<NameKey>,
    titles: Shared<String>,
    services: Shared<String>,
    units: Shared<OrgUnitId>,
    people: Shared<Person>,
    of_status: [Bits; Status::ALL.len()],
    of_unit: Vec<Bits>,
    unassigned: Bits,
    /// Whose rows are whose, ascending.
    of_user: HashMap<UserId, Vec<u32>>,
}

/// What a row is made of when its case is received.
#[derive(Debug)]
pub(super) struct Fresh<'c> {
    pub(super) number: &'c CaseNumber,
    pub(super) title: &'c str,
    pub(super) applicant: Option<&'c str>,
    pub(super) service: &'c str,
    pub(super) unit: Option<&'c OrgUnitId>,
    pub(super) files: u32,
    pub(super) received: Moment,
}

/// What rows share, as it is kept in a file.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SavedTables {
    titles: Vec<String>,
    services: Vec<String>,
    units: Vec<OrgUnitId>,
    people: Vec<Person>,
}

/// A row, as it is kept in a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedRow {
    id: CaseId,
    facts: Facts,
    received: Moment,
    changed: Moment,
    since: Moment,
    number: String,
    name: Option<String>,
}

impl Columns {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn row_of(&self, case: CaseId) -> Option<u32> {
        self.rows.get(&case).copied()
    }

    /// Adds the row of a case that has just been received.
    pub(super) fn push(&mut self, case: CaseId, fresh: &Fresh<'_>) -> u32 {
        let facts = Facts {
            status: Status::New,
            assignee: None,
            unit: fresh.unit.map(|unit| self.units.number(unit)),
            service: self.services.number(fresh.service),
            title: self.titles.number(fresh.title),
            version: 1,
            files: fresh.files,
            comments: 0,
        };
        let row = self.add(case, facts, fresh.number.as_str(), fresh.applicant);
        for times in [&mut self.received, &mut self.changed, &mut self.since] {
            times.push(fresh.received);
        }
        row
    }

    /// The next row, complete but for its times.
    fn add(&mut self, case: CaseId, facts: Facts, number: &str, applicant: Option<&str>) -> u32 {
        let row = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        if let Some(unit) = facts.unit {
            let unit = unit as usize;
            if self.of_unit.len() <= unit {
                self.of_unit.resize_with(unit + 1, Bits::default);
            }
            self.of_unit[unit].set(row);
        }
        self.of_status[facts.status as usize].set(row);
        match facts.assignee.and_then(|person| self.people.get(person)) {
            Some(person) => self.of_user.entry(person.user.clone()).or_default().push(row),
            None => self.unassigned.set(row),
        }
        self.rows.insert(case, row);
        self.ids.push(case);
        self.facts.push(facts);
        self.numbers.push(number);
        self.names.push(applicant.unwrap_or_default());
        self.name_keys.push(NameKey::of(applicant));
        row
    }

    /// What rows share, to be kept.
    pub(super) fn saved_tables(&self) -> SavedTables {
        SavedTables {
            titles: self.titles.values().to_vec(),
            services: self.services.values().to_vec(),
            units: self.units.values().to_vec(),
            people: self.people.values().to_vec(),
        }
    }

    /// A row, to be kept.
    pub(super) fn saved(&self, row: usize) -> SavedRow {
        let place = u32::try_from(row).unwrap_or(u32::MAX);
        SavedRow {
            id: self.ids[row],
            facts: self.facts[row],
            received: self.received[row],
            changed: self.changed[row],
            since: self.since[row],
            number: self.number(place).to_owned(),
            name: self.applicant(place).map(str::to_owned),
        }
    }

    /// No rows yet, but what they share.
    pub(super) fn of_tables(SavedTables { titles, services, units, people }: SavedTables) -> Self {
        Self {
            titles: Shared::of(titles),
            services: Shared::of(services),
            units: Shared::of(units),
            people: Shared::of(people),
            ..Self::default()
        }
    }

    /// Adds a row that was kept; nothing if it speaks of what no table has.
    pub(super) fn restore(&mut self, saved: SavedRow) -> Option<u32> {
        let SavedRow { id, facts, received, changed, since, number, name } = saved;
        self.titles.get(facts.title).and(self.services.get(facts.service))?;
        if facts.unit.is_some_and(|unit| self.units.get(unit).is_none())
            || facts.assignee.is_some_and(|person| self.people.get(person).is_none())
        {
            return None;
        }
        self.received.push(received);
        self.changed.push(changed);
        self.since.push(since);
        Some(self.add(id, facts, &number, name.as_deref()))
    }

    /// What one more event means for a row.
    pub(super) fn apply(&mut self, row: u32, Recorded { at, event, .. }: &Recorded) {
        let place = row as usize;
        self.facts[place].version += 1;
        self.changed[place] = *at;
        match event {
            Event::StatusChanged { to, .. } => {
                self.of_status[self.facts[place].status as usize].clear(row);
                self.of_status[*to as usize].set(row);
                self.facts[place].status = *to;
                self.since[place] = *at;
            }
            Event::Assigned { to } => self.assign(row, to.as_ref()),
            Event::Commented { .. } => self.facts[place].comments += 1,
            Event::Received { .. } | Event::ReceiptNoted { .. } => {}
        }
    }

    fn assign(&mut self, row: u32, to: Option<&Person>) {
        if let Some(person) = self.assignee(row).map(|person| person.user.clone()) {
            let rows = self.of_user.entry(person).or_default();
            if let Ok(at) = rows.binary_search(&row) {
                rows.remove(at);
            }
        }
        match to {
            Some(person) => {
                let rows = self.of_user.entry(person.user.clone()).or_default();
                if let Err(at) = rows.binary_search(&row) {
                    rows.insert(at, row);
                }
                self.unassigned.clear(row);
            }
            None => self.unassigned.set(row),
        }
        self.facts[row as usize].assignee = to.map(|person| self.people.number(person));
    }

    /// As the list shows it.
    pub(super) fn show(&self, row: u32) -> Row {
        let place = row as usize;
        let facts = self.facts[place];
        Row {
            case: self.ids[place],
            version: facts.version.into(),
            number: CaseNumber::given_out(self.number(row)),
            title: self.title(row).to_owned(),
            applicant: self.applicant(row).map(str::to_owned),
            status: facts.status,
            since: self.since[place],
            received: self.received[place],
            changed: self.changed[place],
            assignee: self.assignee(row).cloned(),
            org_unit: facts.unit.and_then(|unit| self.units.get(unit)).cloned(),
            files: facts.files,
            comments: facts.comments,
        }
    }

    pub(super) fn id(&self, row: u32) -> CaseId {
        self.ids[row as usize]
    }

    pub(super) fn facts(&self, row: u32) -> &Facts {
        &self.facts[row as usize]
    }

    pub(super) fn received(&self, row: u32) -> Moment {
        self.received[row as usize]
    }

    pub(super) fn changed(&self, row: u32) -> Moment {
        self.changed[row as usize]
    }

    pub(super) fn number(&self, row: u32) -> &str {
        self.numbers.get(row)
    }

    pub(super) fn applicant(&self, row: u32) -> Option<&str> {
        (!self.name_keys[row as usize].is_none()).then(|| self.names.get(row))
    }

    pub(super) fn name_key(&self, row: u32) -> NameKey {
        self.name_keys[row as usize]
    }

    pub(super) fn title(&self, row: u32) -> &str {
        self.titles.get(self.facts[row as usize].title).map(String::as_str).unwrap_or_default()
    }

    pub(super) fn titles(&self) -> &Shared<String> {
        &self.titles
    }

    pub(super) fn services(&self) -> &Shared<String> {
        &self.services
    }

    /// Which of two rows comes first.
    pub(super) fn compare(&self, sort: SortBy, one: u32, other: u32) -> Ordering {
        let by_value = match sort {
            SortBy::Received => self.received(one).cmp(&self.received(other)),
            SortBy::Changed => self.changed(one).cmp(&self.changed(other)),
            SortBy::Applicant => self.name_key(one).cmp(&self.name_key(other)).then_with(|| {
                let folded = |row| self.applicant(row).map(words::fold);
                folded(one).cmp(&folded(other))
            }),
            SortBy::Number => self.number(one).cmp(self.number(other)),
            SortBy::Status => self.facts(one).status.cmp(&self.facts(other).status),
        };
        by_value.then_with(|| self.id(one).cmp(&self.id(other)))
    }

    fn assignee(&self, row: u32) -> Option<&Person> {
        self.facts[row as usize].assignee.and_then(|person| self.people.get(person))
    }

    pub(super) fn with_status(&self, status: Status) -> &Bits {
        &self.of_status[status as usize]
    }

    pub(super) fn with_unit(&self, unit: &OrgUnitId) -> Option<&Bits> {
        self.units.known(unit).and_then(|unit| self.of_unit.get(unit as usize))
    }

    pub(super) fn unassigned(&self) -> &Bits {
        &self.unassigned
    }

    /// The rows somebody is in charge of.
    pub(super) fn with_assignee(&self, user: &UserId) -> &[u32] {
        self.of_user.get(user).map(Vec::as_slice).unwrap_or_default()
    }
}
