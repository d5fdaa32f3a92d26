//! What the views hold, and how they answer from it: filters become sets of rows, pages are stretches of an order.
//!
//! Nobody sees a lock here: the views share an index among readers and their one writer. The tests ask a naive scan the
//! same questions (`naive.rs`).

use std::collections::{HashMap, HashSet};

use ozg_protocols::{
    account::Account,
    application::{Channel, FormValue},
    case::{Case, Person, Recorded, Status},
    ids::{CaseId, IntakeId},
    intake::{Intake, IntakeState},
    principal::{Permission, Principal},
    work_list::{Counts, LARGEST_PAGE, Neighbours, Page, Query, Row, View},
};

use super::{
    bits::Bits,
    columns::{Columns, Fresh},
    names::Names,
    order::Place,
    orders::Orders,
    text::TextIndex,
    tray::Tray,
    words,
};

/// Up to so many rows are sorted where they are needed; more are found along the order.
const FEW: u64 = 2_048;

/// All of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    pub(super) columns: Columns,
    orders: Orders,
    pub(super) names: Names,
    pub(super) text: TextIndex,
    pub(super) intakes: HashMap<IntakeId, Intake>,
    /// Those that are still on their way.
    open: HashSet<IntakeId>,
    pub(super) tray: Tray,
    pub(super) accounts: HashMap<u128, Account>,
    pub(super) as_of: u64,
}

impl Index {
    /// An index that is being filled: it answers nothing before [`Index::settle`].
    pub(super) fn to_be_filled() -> Self {
        Self { orders: Orders::deferred(), ..Self::default() }
    }

    /// Puts everything in order at once.
    pub(super) fn settle(&mut self) {
        self.orders.settle(&self.columns);
    }

    /// Takes what happened to a case; whether it is listed.
    pub(super) fn case(&mut self, id: CaseId, events: &[Recorded]) -> bool {
        let mut row = self.columns.row_of(id);
        for recorded in events {
            match row {
                Some(row) => {
                    self.orders.will_change(&self.columns, row, recorded);
                    self.columns.apply(row, recorded);
                    self.orders.has_changed(&self.columns, row, recorded);
                }
                None => row = Case::apply(None, recorded).map(|case| self.received(id, &case)),
            }
        }
        self.look_at_intakes_of(id);
        row.is_some()
    }

    fn received(&mut self, id: CaseId, case: &Case) -> u32 {
        let application = &case.application;
        let applicant = application.applicant.as_ref().and_then(|applicant| applicant.display_name());
        let fresh = Fresh {
            number: &case.number,
            title: application.title(),
            applicant: applicant.as_deref(),
            service: &application.service.identifier,
            unit: case.org_unit.as_ref(),
            files: u32::try_from(application.files().count()).unwrap_or(u32::MAX),
            received: case.received,
        };
        let row = self.columns.push(id, &fresh);
        self.names.add(&self.columns, row);
        self.orders.add(&self.columns, row);
        self.text.add(row, &text_of(case, applicant.as_deref()));
        row
    }

    pub(super) const fn orders(&self) -> &Orders {
        &self.orders
    }

    pub(super) fn page(&self, who: &Principal, query: &Query) -> Page {
        let found = self.matching(who, query);
        let total = found.count();
        let after = query.after.as_ref().and_then(|cursor| Place::at(cursor, query.sort));
        let limit = query.limit.clamp(1, LARGEST_PAGE);
        let mut shown = self.stretch(query, &found, total, after.as_ref(), limit + 1);
        let more = shown.len() > limit;
        shown.truncate(limit);
        let next = shown.last().filter(|_| more).map(|row| Place::of(&self.columns, *row, query.sort).cursor());
        let rows = shown.into_iter().map(|row| self.columns.show(row)).collect();
        Page { rows, total, next, as_of: self.as_of }
    }

    /// The first rows behind a place.
    fn stretch(&self, query: &Query, found: &Bits, total: u64, after: Option<&Place>, limit: usize) -> Vec<u32> {
        let (columns, sort) = (&self.columns, query.sort);
        if total > FEW {
            let all = self.orders.along(columns, sort, query.descending, after);
            return all.filter(|row| found.has(*row)).take(limit).collect();
        }
        let rows = self.sorted(query, found);
        let behind = |row: &u32| {
            let Some(after) = after else { return true };
            let is = after.compare(columns, sort, *row);
            if query.descending { is.is_lt() } else { is.is_gt() }
        };
        rows.into_iter().filter(behind).take(limit).collect()
    }

    fn sorted(&self, query: &Query, found: &Bits) -> Vec<u32> {
        let mut rows: Vec<u32> = found.rows().collect();
        rows.sort_unstable_by(|one, other| self.columns.compare(query.sort, *one, *other));
        if query.descending {
            rows.reverse();
        }
        rows
    }

    pub(super) fn counts(&self, who: &Principal) -> Counts {
        let visible = self.visible(who);
        let clearing = who.may(Permission::ReadClearing).then(|| self.tray.count());
        let mut counts = Counts { as_of: self.as_of, all: visible.count(), clearing, ..Counts::default() };
        let mut unassigned = visible.clone();
        unassigned.keep(self.columns.unassigned());
        for (status, count) in Status::ALL.into_iter().zip(&mut counts.by_status) {
            let rows = self.columns.with_status(status);
            *count = visible.count_with(rows);
            if status.is_open() {
                counts.unassigned += unassigned.count_with(rows);
            }
        }
        let open = |row: &&u32| visible.has(**row) && self.columns.facts(**row).status.is_open();
        counts.mine = self.columns.with_assignee(&who.user).iter().filter(open).count() as u64;
        counts
    }

    pub(super) fn neighbours(&self, who: &Principal, query: &Query, case: CaseId) -> Neighbours {
        let found = self.matching(who, query);
        let total = found.count();
        let Some(row) = self.columns.row_of(case).filter(|row| found.has(*row)) else {
            return Neighbours { total, ..Neighbours::default() };
        };
        let (before, position, after) = if total <= FEW {
            let rows = self.sorted(query, &found);
            let place = rows.iter().position(|other| *other == row).unwrap_or_default();
            (place.checked_sub(1).map(|before| rows[before]), place as u64, rows.get(place + 1).copied())
        } else {
            self.orders.around(&self.columns, query.sort, query.descending, row, &found, total)
        };
        let id = |row: u32| self.columns.id(row);
        Neighbours { previous: before.map(id), next: after.map(id), position: Some(position + 1), total }
    }

    pub(super) fn row(&self, who: &Principal, query: &Query, case: CaseId) -> Option<(Row, bool)> {
        let row = self.columns.row_of(case).filter(|row| self.visible(who).has(*row))?;
        Some((self.columns.show(row), self.matching(who, query).has(row)))
    }

    /// The version that a case is shown in; 0 where it is not listed.
    pub(super) fn version(&self, case: CaseId) -> u64 {
        self.columns.row_of(case).map_or(0, |row| self.columns.facts(row).version.into())
    }

    /// The services of what somebody may see, with the title of the newest case of each, by title.
    pub(super) fn services(&self, who: &Principal) -> Vec<(String, String)> {
        let visible = self.visible(who);
        let seen = self.columns.services().values().iter().zip(0..).filter_map(|(service, number)| {
            let newest = self.names.of_service(number).iter().rev().find(|row| visible.has(**row))?;
            Some((service.clone(), self.columns.title(*newest).to_owned()))
        });
        let mut services: Vec<_> = seen.collect();
        services.sort_by_cached_key(|(service, title)| (words::fold(title), service.clone()));
        services
    }

    /// What somebody may see (law 6): the same rule as `Case::allows`, for all rows at once.
    pub(super) fn visible(&self, who: &Principal) -> Bits {
        let (columns, rows) = (&self.columns, self.columns.len());
        let reach = who.reach(Permission::ReadCases);
        if reach.tenant {
            return Bits::all(rows);
        }
        let mut visible = Bits::none(rows);
        if reach.new_of_tenant {
            visible.add(columns.with_status(Status::New));
        }
        if reach.own_units {
            who.org_units.iter().filter_map(|unit| columns.with_unit(unit)).for_each(|rows| visible.add(rows));
            let in_charge = columns.with_assignee(&who.user).iter();
            in_charge.filter(|row| columns.facts(**row).unit.is_none()).for_each(|row| visible.set(*row));
        }
        visible
    }

    /// What somebody asks for, as far as they may see it.
    fn matching(&self, who: &Principal, query: &Query) -> Bits {
        let (columns, rows) = (&self.columns, self.columns.len());
        let mut found = self.visible(who);
        match query.view {
            View::All => {}
            View::Unassigned => found.keep(columns.unassigned()),
            View::Mine => {
                let mut mine = Bits::none(rows);
                columns.with_assignee(&who.user).iter().for_each(|row| mine.set(*row));
                found.keep(&mine);
            }
        }
        if !query.statuses.is_empty() {
            found.keep(&union(rows, query.statuses.iter().map(|status| columns.with_status(*status))));
        }
        if !query.org_units.is_empty() {
            found.keep(&union(rows, query.org_units.iter().filter_map(|unit| columns.with_unit(unit))));
        }
        if !query.services.is_empty() {
            let wanted: Vec<u32> =
                query.services.iter().filter_map(|service| columns.services().known(service)).collect();
            found.keep_if(|row| wanted.contains(&columns.facts(row).service));
        }
        for needle in words::needles(query.text.as_deref().unwrap_or_default()) {
            found.keep(&self.text.matching(&needle, rows));
        }
        found
    }

    /// Takes what an intake is now.
    pub(super) fn put_intake(&mut self, id: IntakeId, intake: Intake) {
        if intake.state == IntakeState::Open {
            self.open.insert(id);
        } else {
            self.open.remove(&id);
        }
        self.intakes.insert(id, intake);
    }

    /// The channels of what is kept and still on its way.
    pub(super) fn open_intakes(&self) -> Vec<Channel> {
        self.open.iter().filter_map(|id| self.intakes.get(id)).map(|intake| intake.channel.clone()).collect()
    }

    pub(super) fn colleagues(&self, who: &Principal) -> Vec<Person> {
        let reach = who.reach(Permission::AssignCases);
        let near = |other: &Principal| {
            let shares = other.org_units.iter().any(|unit| who.org_units.contains(unit));
            reach.tenant || reach.new_of_tenant || (reach.own_units && shares)
        };
        let mut people: Vec<_> = self
            .accounts
            .values()
            .filter(|account| account.enabled && account.principal.may(Permission::WorkOnCases))
            .filter(|account| near(&account.principal))
            .map(|account| Person { user: account.principal.user.clone(), name: account.principal.name.clone() })
            .collect();
        people.sort_by_cached_key(|person| (words::fold(&person.name), person.user.clone()));
        people
    }
}

fn union<'b>(rows: usize, sets: impl Iterator<Item = &'b Bits>) -> Bits {
    sets.fold(Bits::none(rows), |mut all, set| {
        all.add(set);
        all
    })
}

/// The words that a case is found by: its number, what it is about, who applies, and what they wrote.
pub(super) fn text_of(case: &Case, applicant: Option<&str>) -> String {
    let mut text = String::new();
    words::add(&mut text, case.number.as_str());
    words::add(&mut text, case.application.title());
    words::add(&mut text, applicant.unwrap_or_default());
    case.application.form.for_each_value(&mut |item| match &item.value {
        FormValue::Text(value) | FormValue::Number(value) | FormValue::Date(value) => words::add(&mut text, value),
        FormValue::Empty | FormValue::Flag(_) | FormValue::Group(_) => {}
    });
    text
}
