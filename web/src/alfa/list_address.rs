//! The address of a list: view, filters, order and place as they stand in `/vorgaenge?…`, and the query they mean.
//!
//! What cannot be read counts as not given: an address that somebody kept always opens a list.

use ozg_protocols::{
    case::Status,
    hex,
    work_list::{PageCursor, Query, SortBy, View},
};

use crate::fields::{self, Fields};

/// Rows of one page.
pub(crate) const PAGE: usize = 50;
/// The longest mark of a page, in digits.
const LONGEST_MARK: usize = 2_048;
/// The longest search text in characters.
pub(super) const LONGEST_SEARCH: usize = 200;

/// A list as its address names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListAddress {
    pub view: View,
    pub statuses: Vec<Status>,
    pub services: Vec<String>,
    pub text: Option<String>,
    pub sort: SortBy,
    pub descending: bool,
    pub after: Option<PageCursor>,
}

impl Default for ListAddress {
    fn default() -> Self {
        let (view, sort) = (View::Mine, SortBy::Received);
        Self { view, statuses: vec![], services: vec![], text: None, sort, descending: true, after: None }
    }
}

#[rustfmt::skip]
const VIEWS: [(View, &str); 3] = [(View::Mine, "meine"), (View::Unassigned, "nicht-zugewiesen"), (View::All, "alle")];
#[rustfmt::skip]
const SORTS: [(SortBy, &str); 5] = [
    (SortBy::Received, "eingang"), (SortBy::Changed, "geaendert"), (SortBy::Applicant, "antragsteller"),
    (SortBy::Number, "nummer"), (SortBy::Status, "status"),
];

impl ListAddress {
    /// The list that these fields name.
    pub(crate) fn read(fields: &Fields) -> Self {
        let view = fields.get("ansicht").and_then(|name| VIEWS.iter().find(|(_, known)| *known == name));
        let sort = fields.get("sortierung").and_then(|name| SORTS.iter().find(|(_, known)| *known == name));
        let text: String = fields.get("suche").unwrap_or_default().chars().take(LONGEST_SEARCH).collect();
        Self {
            view: view.map_or(View::Mine, |(view, _)| *view),
            statuses: fields.all("status").filter_map(Status::named).collect(),
            services: fields.all("leistung").map(str::to_owned).collect(),
            text: (!text.is_empty()).then_some(text),
            sort: sort.map_or(SortBy::Received, |(sort, _)| *sort),
            descending: fields.get("richtung") != Some("auf"),
            after: fields.get("weiter").filter(|mark| mark.len() <= LONGEST_MARK).and_then(hex::decode).map(PageCursor),
        }
    }

    /// The list that this query string names.
    pub(crate) fn parse(query: &str) -> Self {
        Self::read(&Fields::parse(query.as_bytes()))
    }

    /// The query string of this list: only what differs from the default.
    pub(crate) fn query_string(&self) -> String {
        let cursor = self.after.as_ref().map(|cursor| hex::encode(&cursor.0));
        let mut out = vec![("ansicht", self.view_name())];
        out.extend(self.statuses.iter().map(|status| ("status", status.name())));
        out.extend(self.services.iter().map(|service| ("leistung", service.as_str())));
        out.extend(self.text.as_deref().map(|text| ("suche", text)));
        if self.sort != SortBy::Received {
            out.push(("sortierung", self.sort_name()));
        }
        if !self.descending {
            out.push(("richtung", "auf"));
        }
        out.extend(cursor.as_deref().map(|cursor| ("weiter", cursor)));
        fields::encode(out)
    }

    /// Where this list lies.
    pub(crate) fn href(&self) -> String {
        format!("/vorgaenge?{}", self.query_string())
    }

    /// The question this list asks.
    pub(crate) fn query(&self) -> Query {
        Query {
            view: self.view,
            statuses: self.statuses.clone(),
            services: self.services.clone(),
            org_units: Vec::new(),
            text: self.text.clone(),
            sort: self.sort,
            descending: self.descending,
            after: self.after.clone(),
            limit: PAGE,
        }
    }

    /// The same list from its beginning.
    pub(crate) fn at_start(&self) -> Self {
        Self { after: None, ..self.clone() }
    }

    /// The same list sorted by this, the other way round where it is sorted by it already.
    pub(crate) fn sorted_by(&self, sort: SortBy) -> Self {
        let newest_first = matches!(sort, SortBy::Received | SortBy::Changed | SortBy::Number);
        let descending = if self.sort == sort { !self.descending } else { newest_first };
        Self { sort, descending, ..self.at_start() }
    }

    /// Whether the navigation means this list: view and statuses, whatever the order and the page.
    pub(crate) fn same_place(&self, other: &Self) -> bool {
        let plain = |list: &Self| list.text.is_none() && list.services.is_empty();
        (self.view, &self.statuses) == (other.view, &other.statuses) && plain(self) && plain(other)
    }

    /// The view as addresses name it.
    pub(crate) fn view_name(&self) -> &'static str {
        VIEWS.iter().find(|(view, _)| *view == self.view).map_or("meine", |(_, name)| name)
    }

    /// The order as addresses name it.
    pub(crate) fn sort_name(&self) -> &'static str {
        SORTS.iter().find(|(sort, _)| *sort == self.sort).map_or("eingang", |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_what_it_names() {
        let list = ListAddress {
            view: View::All,
            statuses: vec![Status::New, Status::Accepted],
            services: vec!["urn:x:y".into()],
            text: Some("Müller & Söhne".into()),
            sort: SortBy::Applicant,
            descending: false,
            after: Some(PageCursor(vec![0, 255, 16])),
        };
        assert_eq!(ListAddress::parse(&list.query_string()), list);
    }

    #[test]
    fn what_cannot_be_read_counts_as_not_given() {
        let list = ListAddress::parse("ansicht=fremd&status=XY&sortierung=%00&weiter=zz&suche=++");
        assert_eq!(list, ListAddress::default());
    }

    #[test]
    fn a_column_turns_round_when_it_is_chosen_again() {
        let by_name = ListAddress::default().sorted_by(SortBy::Applicant);
        assert!(!by_name.descending);
        assert!(by_name.sorted_by(SortBy::Applicant).descending);
        assert!(!ListAddress::default().sorted_by(SortBy::Received).descending);
    }
}
