//! What the views hold, and the naive scan that answers from it. The fast index later takes its place behind the same
//! questions, and this stays as the oracle of its tests.

use std::collections::{BTreeMap, HashMap};

use ozg_protocols::{
    account::Account,
    case::{Person, Status},
    ids::{CaseId, IntakeId},
    intake::{ClearingReason, Intake, IntakeState},
    principal::{Permission, Principal},
    work_list::{Counts, LARGEST_PAGE, Neighbours, Page, Query, Row, Suggestion, View},
};

use super::{ClearingItem, listed::Listed, order::Key, words};

/// All of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Index {
    pub(super) cases: HashMap<CaseId, Listed>,
    pub(super) intakes: HashMap<IntakeId, Intake>,
    pub(super) accounts: HashMap<u128, Account>,
    pub(super) as_of: u64,
}

impl Index {
    pub(super) fn page(&self, who: &Principal, query: &Query) -> Page {
        let rows = self.ordered(who, query);
        let total = rows.len() as u64;
        let after = query.after.as_ref().and_then(Key::at);
        let beyond = |key: &Key| match &after {
            None => true,
            Some(after) if query.descending => key < after,
            Some(after) => key > after,
        };
        let limit = query.limit.clamp(1, LARGEST_PAGE);
        let mut rest = rows.into_iter().filter(|(key, _, _)| beyond(key));
        let shown: Vec<_> = rest.by_ref().take(limit).collect();
        let next = match (rest.next(), shown.last()) {
            (Some(_), Some((key, _, _))) => Some(key.cursor()),
            _ => None,
        };
        let rows = shown.into_iter().map(|(_, id, listed)| listed.row(id)).collect();
        Page { rows, total, next, as_of: self.as_of }
    }

    pub(super) fn counts(&self, who: &Principal) -> Counts {
        let mut counts = Counts { as_of: self.as_of, ..Counts::default() };
        for (_, listed) in self.visible(who) {
            let case = &listed.case;
            counts.all += 1;
            if let Some(place) = Status::ALL.iter().position(|status| *status == case.status) {
                counts.by_status[place] += 1;
            }
            counts.mine += u64::from(is_in(View::Mine, who, listed) && case.status.is_open());
            counts.unassigned += u64::from(is_in(View::Unassigned, who, listed) && case.status.is_open());
        }
        counts
    }

    pub(super) fn suggest(&self, who: &Principal, typed: &str, limit: usize) -> Vec<Suggestion> {
        let needles = words::needles(typed);
        if needles.is_empty() {
            return Vec::new();
        }
        let mut found: BTreeMap<String, (String, Option<CaseId>)> = BTreeMap::new();
        for (id, listed) in self.visible(who) {
            let texts = [listed.applicant.as_deref(), Some(listed.case.number.as_str()), Some(listed.title.as_str())];
            for text in texts.into_iter().flatten() {
                let mut haystack = String::new();
                words::add(&mut haystack, text);
                if words::all_in(&haystack, &needles) {
                    let only = found.entry(words::fold(text)).or_insert_with(|| (text.to_owned(), Some(id)));
                    if only.1 != Some(id) {
                        only.1 = None;
                    }
                }
            }
        }
        found.into_values().take(limit).map(|(text, case)| Suggestion { text, case }).collect()
    }

    pub(super) fn neighbours(&self, who: &Principal, query: &Query, case: CaseId) -> Neighbours {
        let rows = self.ordered(who, query);
        let total = rows.len() as u64;
        let Some(place) = rows.iter().position(|(_, id, _)| *id == case) else {
            return Neighbours { total, ..Neighbours::default() };
        };
        let at = |place: Option<usize>| place.and_then(|place| rows.get(place)).map(|(_, id, _)| *id);
        Neighbours {
            previous: at(place.checked_sub(1)),
            next: at(Some(place + 1)),
            position: Some(place as u64 + 1),
            total,
        }
    }

    pub(super) fn services(&self, who: &Principal) -> Vec<(String, String)> {
        let titles: BTreeMap<_, _> =
            self.visible(who).map(|(_, listed)| (listed.service.clone(), listed.title.clone())).collect();
        let mut services: Vec<_> = titles.into_iter().collect();
        services.sort_by_cached_key(|(_, title)| words::fold(title));
        services
    }

    pub(super) fn clearing(&self) -> Vec<ClearingItem> {
        let waiting = |(id, intake): (&IntakeId, &Intake)| match &intake.state {
            IntakeState::Clearing(reason) if !self.is_cleared(intake, reason) => Some(ClearingItem {
                intake: *id,
                channel: intake.channel.clone(),
                service: intake.service.clone(),
                reason: reason.clone(),
                kept: intake.kept,
                since: intake.since,
                attempts: intake.attempts,
                case: intake.case,
            }),
            _ => None,
        };
        let mut items: Vec<_> = self.intakes.iter().filter_map(waiting).collect();
        items.sort_by_key(|item| (item.since, item.intake));
        items
    }

    /// Whether somebody has taken on the case that an accepted submission became: the rest happens there.
    fn is_cleared(&self, intake: &Intake, reason: &ClearingReason) -> bool {
        let about_the_case = matches!(reason, ClearingReason::NotMapped | ClearingReason::NoResponsibleUnit);
        let case = intake.case.and_then(|case| self.cases.get(&case));
        let taken = |listed: &Listed| listed.case.assignee.is_some() || listed.case.status != Status::New;
        about_the_case && case.is_some_and(taken)
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

    fn visible(&self, who: &Principal) -> impl Iterator<Item = (CaseId, &Listed)> {
        let visible = |(id, listed): (&CaseId, _)| (*id, listed);
        self.cases.iter().map(visible).filter(|(_, listed): &(CaseId, &Listed)| listed.case.visible_to(who))
    }

    pub(super) fn row(&self, who: &Principal, query: &Query, case: CaseId) -> Option<(Row, bool)> {
        let listed = self.cases.get(&case).filter(|listed| listed.case.visible_to(who))?;
        let needles = words::needles(query.text.as_deref().unwrap_or_default());
        Some((listed.row(case), belongs(query, &needles, who, listed)))
    }

    /// What the query asks for, in its order.
    fn ordered<'i>(&'i self, who: &Principal, query: &Query) -> Vec<(Key, CaseId, &'i Listed)> {
        let needles = words::needles(query.text.as_deref().unwrap_or_default());
        let mut rows: Vec<_> = self
            .visible(who)
            .filter(|(_, listed)| belongs(query, &needles, who, listed))
            .map(|(id, listed)| (Key::of(id, listed, query.sort), id, listed))
            .collect();
        rows.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
        if query.descending {
            rows.reverse();
        }
        rows
    }
}

fn is_in(view: View, who: &Principal, listed: &Listed) -> bool {
    match (view, &listed.case.assignee) {
        (View::All, _) | (View::Unassigned, None) => true,
        (View::Mine, Some(person)) => person.user == who.user,
        (View::Mine, None) | (View::Unassigned, Some(_)) => false,
    }
}

fn belongs(query: &Query, needles: &[String], who: &Principal, listed: &Listed) -> bool {
    is_in(query.view, who, listed) && fits(query, listed) && words::all_in(&listed.words, needles)
}

fn fits(query: &Query, listed: &Listed) -> bool {
    let case = &listed.case;
    let status = query.statuses.is_empty() || query.statuses.contains(&case.status);
    let service = query.services.is_empty() || query.services.contains(&listed.service);
    let unit = query.org_units.is_empty() || case.org_unit.as_ref().is_some_and(|unit| query.org_units.contains(unit));
    status && service && unit
}
