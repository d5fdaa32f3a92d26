//! The oracle of the index: the same questions, answered by a look at every case. Folds whole cases, scans all of them,
//! sorts what it finds, and knows no rows, sets or orders.

use std::collections::{BTreeSet, HashMap};

use ozg_protocols::{
    case::{Case, Recorded, Status},
    ids::CaseId,
    principal::{Permission, Principal},
    work_list::{Counts, Query, Row, SortBy, Suggestion, View},
};

use super::{
    index::text_of,
    names::{Found, has_all},
    words::{self, Needle},
};

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Naive {
    cases: HashMap<CaseId, Listed>,
}

/// A listed case.
#[derive(Debug)]
struct Listed {
    case: Case,
    version: u64,
    words: String,
}

impl Listed {
    fn apply(listed: Option<Self>, recorded: &Recorded) -> Option<Self> {
        let (case, version, words) =
            listed.map_or((None, 0, None), |old| (Some(old.case), old.version, Some(old.words)));
        let case = Case::apply(case, recorded)?;
        let words = words.unwrap_or_else(|| text_of(&case, applicant(&case).as_deref()));
        Some(Self { case, version: version + 1, words })
    }

    fn row(&self, id: CaseId) -> Row {
        let case = &self.case;
        Row {
            case: id,
            version: self.version,
            number: case.number.clone(),
            title: case.application.title().to_owned(),
            applicant: applicant(case),
            status: case.status,
            since: case.since,
            received: case.received,
            changed: case.changed,
            assignee: case.assignee.clone(),
            org_unit: case.org_unit.clone(),
            files: case.application.files().count() as u32,
            comments: case.comments.len() as u32,
        }
    }

    fn place(&self, id: CaseId, sort: SortBy) -> Place {
        let case = &self.case;
        match sort {
            SortBy::Received => (case.received.millis(), String::new(), id),
            SortBy::Changed => (case.changed.millis(), String::new(), id),
            SortBy::Applicant => match applicant(case) {
                Some(name) => (0, words::fold(&name), id),
                None => (1, String::new(), id),
            },
            SortBy::Number => (0, case.number.as_str().to_owned(), id),
            SortBy::Status => {
                (Status::ALL.iter().position(|known| *known == case.status).expect("known") as i64, String::new(), id)
            }
        }
    }
}

type Place = (i64, String, CaseId);

fn applicant(case: &Case) -> Option<String> {
    case.application.applicant.as_ref().and_then(|applicant| applicant.display_name())
}

impl Naive {
    pub(super) fn case(&mut self, id: CaseId, events: &[Recorded]) {
        let before = self.cases.remove(&id);
        if let Some(after) = events.iter().fold(before, Listed::apply) {
            self.cases.insert(id, after);
        }
    }

    /// Everything that a query asks for, in its order; not only a page of it.
    pub(super) fn list(&self, who: &Principal, query: &Query) -> Vec<Row> {
        let needles = words::needles(query.text.as_deref().unwrap_or_default());
        let found = self.visible(who).filter(|(_, listed)| belongs(query, &needles, who, listed));
        let mut rows: Vec<_> = found.map(|(id, listed)| (listed.place(id, query.sort), listed.row(id))).collect();
        rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        if query.descending {
            rows.reverse();
        }
        rows.into_iter().map(|(_, row)| row).collect()
    }

    pub(super) fn counts(&self, who: &Principal) -> Counts {
        let clearing = who.may(Permission::ReadClearing).then_some(0);
        let mut counts = Counts { clearing, ..Counts::default() };
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
        let needles = words::beginnings(typed);
        let mut found = Found::default();
        for (id, Listed { case, .. }) in self.visible(who).filter(|_| !needles.is_empty()) {
            let name = applicant(case);
            let texts = [name.as_deref(), Some(case.number.as_str()), Some(case.application.title())];
            for text in texts.into_iter().flatten().filter(|text| has_all(text, &needles)) {
                found.add(text, id);
            }
        }
        found.first(limit)
    }

    pub(super) fn services(&self, who: &Principal) -> BTreeSet<String> {
        self.visible(who).map(|(_, listed)| listed.case.application.service.identifier.clone()).collect()
    }

    fn visible(&self, who: &Principal) -> impl Iterator<Item = (CaseId, &Listed)> {
        let visible = |(id, listed): (&CaseId, _)| (*id, listed);
        self.cases.iter().map(visible).filter(|(_, listed): &(CaseId, &Listed)| listed.case.visible_to(who))
    }
}

fn is_in(view: View, who: &Principal, listed: &Listed) -> bool {
    match (view, &listed.case.assignee) {
        (View::All, _) | (View::Unassigned, None) => true,
        (View::Mine, Some(person)) => person.user == who.user,
        (View::Mine, None) | (View::Unassigned, Some(_)) => false,
    }
}

fn belongs(query: &Query, needles: &[Needle], who: &Principal, listed: &Listed) -> bool {
    is_in(query.view, who, listed) && fits(query, listed) && words::all_in(&listed.words, needles)
}

fn fits(query: &Query, listed: &Listed) -> bool {
    let case = &listed.case;
    let status = query.statuses.is_empty() || query.statuses.contains(&case.status);
    let service = query.services.is_empty() || query.services.contains(&case.application.service.identifier);
    let unit = query.org_units.is_empty() || case.org_unit.as_ref().is_some_and(|unit| query.org_units.contains(unit));
    status && service && unit
}
