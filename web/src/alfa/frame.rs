//! What every page shares: head, navigation with its counts, notices, badges, labelled values.

use ozg_protocols::{
    case::Status,
    moment::Moment,
    principal::{Permission, Principal},
    work_list::{Counts, View},
};

use super::list_address::ListAddress;
use crate::{german, words};

/// Head and navigation of a page.
#[derive(Debug)]
pub(crate) struct Frame {
    pub title: String,
    pub tenant: String,
    pub user: String,
    pub search: String,
    pub may_search: bool,
    pub groups: Vec<Group>,
}

/// A heading in the navigation with its places.
#[derive(Debug)]
pub(crate) struct Group {
    pub heading: &'static str,
    pub places: Vec<Place>,
}

/// A place in the navigation.
#[derive(Debug)]
pub(crate) struct Place {
    pub label: &'static str,
    pub href: String,
    pub count: Option<String>,
    pub current: bool,
}

/// Where the reader is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Here {
    /// In a list.
    List(ListAddress),
    /// At the clearing items.
    Clearing,
    /// In operations.
    Operations,
    /// Somewhere that the navigation does not name.
    Elsewhere,
}

impl Frame {
    /// The frame of a page for this principal.
    pub(crate) fn new(
        title: impl Into<String>,
        tenant: &str,
        who: &Principal,
        counts: Option<&Counts>,
        here: &Here,
    ) -> Self {
        let search = match here {
            Here::List(list) => list.text.clone().unwrap_or_default(),
            _ => String::new(),
        };
        Self {
            title: title.into(),
            tenant: tenant.to_owned(),
            user: who.name.clone(),
            search,
            may_search: who.may(Permission::ReadCases),
            groups: groups(who, counts, here),
        }
    }
}

fn groups(who: &Principal, counts: Option<&Counts>, here: &Here) -> Vec<Group> {
    let mut groups = Vec::new();
    if who.may(Permission::ReadCases) {
        let places = [View::Mine, View::Unassigned, View::All].map(|view| {
            let count = counts.map(|counts| match view {
                View::Mine => counts.mine,
                View::Unassigned => counts.unassigned,
                View::All => counts.all,
            });
            place(words::view(view), &ListAddress { view, ..ListAddress::default() }, count, here)
        });
        groups.push(Group { heading: "Vorgänge", places: places.into() });
        groups.push(Group { heading: "Status", places: statuses(counts, here) });
    }
    let mut places = Vec::new();
    if who.may(Permission::ReadClearing) {
        let count = counts.and_then(|counts| counts.clearing);
        places.push(fixed("Klärungsfälle", "/klaerung", count, *here == Here::Clearing));
    }
    if who.may(Permission::ReadOperations) {
        places.push(fixed("Betrieb", "/betrieb", None, *here == Here::Operations));
    }
    if !places.is_empty() {
        groups.push(Group { heading: "Verwaltung", places });
    }
    groups
}

/// The statuses of everyday work always, the rare ones only where there is something in them.
fn statuses(counts: Option<&Counts>, here: &Here) -> Vec<Place> {
    let all = Status::ALL.into_iter().enumerate();
    let count = |at: usize| counts.and_then(|counts| counts.by_status.get(at).copied());
    let shown = all.filter(|(at, status)| {
        matches!(status, Status::New | Status::Accepted | Status::InProgress | Status::Decided | Status::Closed)
            || count(*at).is_some_and(|count| count > 0)
    });
    let address = |status| ListAddress { view: View::All, statuses: vec![status], ..ListAddress::default() };
    shown.map(|(at, status)| place(words::status(status), &address(status), count(at), here)).collect()
}

fn place(label: &'static str, address: &ListAddress, count: Option<u64>, here: &Here) -> Place {
    let current = matches!(here, Here::List(list) if list.same_place(address));
    Place { label, href: address.href(), count: count.map(german::count), current }
}

fn fixed(label: &'static str, href: &str, count: Option<u64>, current: bool) -> Place {
    Place { label, href: href.to_owned(), count: count.map(german::count), current }
}

/// Something to tell the reader above the page's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// `success`, `info`, `warning` or `danger`.
    pub kind: &'static str,
    pub title: String,
    pub text: String,
    pub lines: Vec<String>,
}

impl Notice {
    /// A notice of one or two sentences.
    pub(crate) fn new(kind: &'static str, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { kind, title: title.into(), text: text.into(), lines: Vec::new() }
    }

    /// What interrupts a screen reader, and what waits its turn.
    pub(crate) fn role(&self) -> &'static str {
        if matches!(self.kind, "danger" | "warning") { "alert" } else { "status" }
    }
}

/// A small mark of icon and word; never colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Badge {
    pub kind: &'static str,
    pub icon: &'static str,
    pub label: &'static str,
}

impl Badge {
    /// The mark of a status.
    pub(crate) const fn of(status: Status) -> Self {
        let (kind, icon) = match status {
            Status::New => ("info", "mail"),
            Status::Accepted => ("neutral", "check"),
            Status::InProgress => ("neutral", "edit"),
            Status::Decided => ("success", "success"),
            Status::Closed => ("neutral", "checklist"),
            Status::Discarded => ("neutral", "close"),
            Status::Forwarded => ("neutral", "arrow-forward"),
            Status::ToBeDeleted => ("warning", "delete"),
        };
        Self { kind, icon, label: words::status(status) }
    }
}

/// A labelled value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub label: String,
    pub value: String,
}

impl Line {
    /// This value under this label.
    pub(crate) fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into() }
    }
}

/// Something to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub value: String,
    pub label: String,
    pub chosen: bool,
}

/// A moment for people and for machines.
pub(crate) fn stamp(at: Moment) -> (String, String) {
    (german::day_and_time(at), german::machine(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ozg_protocols::principal::Role;

    fn principal(role: Role) -> Principal {
        Principal {
            user: "erika".parse().expect("valid"),
            name: "Erika Muster".into(),
            roles: [role].into(),
            org_units: [].into(),
        }
    }

    fn labels(role: Role) -> Vec<&'static str> {
        let frame = Frame::new("Titel", "Musterstadt", &principal(role), None, &Here::Elsewhere);
        frame.groups.iter().flat_map(|group| &group.places).map(|place| place.label).collect()
    }

    #[test]
    fn the_navigation_offers_only_what_the_role_may_see() {
        assert!(!labels(Role::Caseworker).contains(&"Betrieb"));
        assert!(labels(Role::Mailroom).contains(&"Klärungsfälle"));
        assert_eq!(labels(Role::Operations), ["Betrieb"]);
        assert_eq!(labels(Role::Administrator), [] as [&str; 0]);
    }

    #[test]
    fn rare_statuses_are_named_only_where_there_is_something_in_them() {
        let counts = Counts { by_status: [1, 0, 0, 0, 0, 2, 0, 0], ..Counts::default() };
        let here = Here::List(ListAddress { view: View::All, statuses: vec![Status::New], ..ListAddress::default() });
        let frame = Frame::new("T", "M", &principal(Role::Caseworker), Some(&counts), &here);
        let places: Vec<_> = frame.groups[1].places.iter().map(|place| (place.label, place.current)).collect();
        let expected = [("Neu", true), ("Angenommen", false), ("In Bearbeitung", false), ("Beschieden", false)];
        assert_eq!(places[..4], expected);
        assert_eq!(places[4..], [("Abgeschlossen", false), ("Verworfen", false)]);
    }
}
