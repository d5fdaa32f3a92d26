//! The work list's page: rows, filters, order, empty states. What is in it comes from the views.

use askama::Template;
use ozg_protocols::{
    case::Status,
    principal::{Permission, Principal},
    work_list::{Page, Row, SortBy, View},
};
use warp::{Filter, http::StatusCode, reply::Response};

use super::{
    frame::{Badge, Choice, Frame, Here, Notice},
    list_address::ListAddress,
};
use crate::{
    answer::{Trouble, page, see_other},
    app::{App, Visit, visit},
    german,
    routes::Routes,
    words,
};

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "work_list/page.html")]
pub(crate) struct WorkListPage {
    pub frame: Frame,
    pub list: ListView,
}

/// One row alone, as it is sent when a case has changed.
#[derive(Debug, Template)]
#[template(path = "work_list/row.html")]
pub(crate) struct RowPartial {
    pub row: RowView,
}

/// The navigation alone, as it is sent when counts have changed.
#[derive(Debug, Template)]
#[template(path = "navigation.html")]
pub(crate) struct NavigationPartial {
    pub frame: Frame,
}

/// A list with its filters.
#[derive(Debug)]
pub(crate) struct ListView {
    pub heading: &'static str,
    pub total: String,
    pub notice: Option<Notice>,
    pub view: &'static str,
    pub sort: &'static str,
    pub direction: &'static str,
    pub order_words: String,
    pub services: Vec<Choice>,
    pub statuses: Vec<Choice>,
    pub text: String,
    pub chips: Vec<Chip>,
    pub columns: Vec<Column>,
    pub rows: Vec<RowView>,
    pub empty: (&'static str, &'static str),
    pub extent: String,
    pub first: Option<String>,
    pub next: Option<String>,
    pub here: String,
    pub live: String,
}

/// A set filter with the address of the list without it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chip {
    pub label: String,
    pub href: String,
}

/// The head of a column.
#[derive(Debug)]
pub(crate) struct Column {
    pub label: &'static str,
    pub class: &'static str,
    pub href: Option<String>,
    pub order: Option<&'static str>,
}

/// One row as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowView {
    pub id: String,
    pub version: u64,
    pub badge: Badge,
    pub href: String,
    pub title: String,
    pub number: String,
    pub applicant: Option<String>,
    pub received: (String, String),
    pub changed: (String, String),
    pub assignee: Option<String>,
    pub files: u32,
}

impl RowView {
    /// The row of this case within this list.
    pub(crate) fn new(row: &Row, list: &ListAddress) -> Self {
        Self {
            id: row.case.to_string(),
            version: row.version,
            badge: Badge::of(row.status),
            href: format!("/vorgang/{}?{}", row.case, list.at_start().query_string()),
            title: row.title.clone(),
            number: row.number.to_string(),
            applicant: row.applicant.clone(),
            received: (german::day(row.received), german::machine(row.received)),
            changed: (german::day_and_time(row.changed), german::machine(row.changed)),
            assignee: row.assignee.as_ref().map(|person| person.name.clone()),
            files: row.files,
        }
    }
}

impl ListView {
    /// The view of this page of this list; `services` are those that the principal has cases of.
    pub(crate) fn new(list: &ListAddress, page: &Page, services: &[(String, String)]) -> Self {
        let start = list.at_start();
        let next = page.next.clone().map(|after| ListAddress { after: Some(after), ..list.clone() }.href());
        Self {
            heading: heading(list),
            total: german::count(page.total),
            notice: None,
            view: list.view_name(),
            sort: list.sort_name(),
            direction: if list.descending { "ab" } else { "auf" },
            order_words: order_words(list),
            services: services.iter().map(|(value, label)| service(list, value, label)).collect(),
            statuses: Status::ALL.into_iter().map(|status| status_choice(list, status)).collect(),
            text: list.text.clone().unwrap_or_default(),
            chips: chips(&start, services),
            columns: columns(list),
            rows: page.rows.iter().map(|row| RowView::new(row, list)).collect(),
            empty: empty(list),
            extent: extent(page, list),
            first: list.after.is_some().then(|| start.href()),
            next,
            here: start.href(),
            live: format!("/ereignisse?stand={}&{}", page.as_of, start.query_string()),
        }
    }
}

fn heading(list: &ListAddress) -> &'static str {
    match list.statuses.as_slice() {
        [status] if list.view == View::All => words::status(*status),
        _ => words::view(list.view),
    }
}

fn order_words(list: &ListAddress) -> String {
    let way = if list.descending { "absteigend" } else { "aufsteigend" };
    format!("sortiert nach {}, {way}", words::sort(list.sort))
}

fn service(list: &ListAddress, value: &str, label: &str) -> Choice {
    let chosen = list.services.iter().any(|service| service == value);
    Choice { value: value.to_owned(), label: label.to_owned(), chosen }
}

fn status_choice(list: &ListAddress, status: Status) -> Choice {
    let chosen = list.statuses.first() == Some(&status);
    Choice { value: status.name().to_owned(), label: words::status(status).to_owned(), chosen }
}

fn chips(list: &ListAddress, services: &[(String, String)]) -> Vec<Chip> {
    let mut chips = Vec::new();
    for status in &list.statuses {
        let mut without = list.clone();
        without.statuses.retain(|other| other != status);
        chips.push(Chip { label: format!("Status: {}", words::status(*status)), href: without.href() });
    }
    for service in &list.services {
        let mut without = list.clone();
        without.services.retain(|other| other != service);
        let title = services.iter().find(|(identifier, _)| identifier == service).map_or(service, |(_, title)| title);
        chips.push(Chip { label: format!("Leistung: {title}"), href: without.href() });
    }
    if let Some(text) = &list.text {
        let without = ListAddress { text: None, ..list.clone() };
        chips.push(Chip { label: format!("Suche: {text}"), href: without.href() });
    }
    chips
}

fn columns(list: &ListAddress) -> Vec<Column> {
    let sortable = |by: SortBy, class| {
        let order = (list.sort == by).then_some(if list.descending { "descending" } else { "ascending" });
        Column { label: words::sort(by), class, href: Some(list.sorted_by(by).href()), order }
    };
    let plain = |label, class| Column { label, class, href: None, order: None };
    vec![
        sortable(SortBy::Status, ""),
        plain("Vorgang", ""),
        sortable(SortBy::Number, ""),
        sortable(SortBy::Applicant, ""),
        sortable(SortBy::Received, "alfa-rechts"),
        sortable(SortBy::Changed, "alfa-rechts"),
        plain("Bearbeitung", ""),
        plain("Dateien", "alfa-rechts"),
    ]
}

const fn empty(list: &ListAddress) -> (&'static str, &'static str) {
    if list.text.is_some() || !list.statuses.is_empty() || !list.services.is_empty() {
        return (
            "Kein Vorgang passt zu diesen Angaben.",
            "Nehmen Sie einen Filter weg oder suchen Sie mit weniger Wörtern.",
        );
    }
    match list.view {
        View::Mine => {
            ("Ihnen ist gerade kein Vorgang zugewiesen.", "Unter „Nicht zugewiesen“ finden Sie neue Vorgänge.")
        }
        View::Unassigned => ("Alle Vorgänge sind zugewiesen.", "Neue Anträge erscheinen hier von selbst."),
        View::All => ("Noch keine Vorgänge.", "Sobald ein Antrag eingeht, erscheint er hier von selbst."),
    }
}

fn extent(page: &Page, list: &ListAddress) -> String {
    let shown = german::count(page.rows.len() as u64);
    match (page.rows.len(), list.after.is_some(), page.next.is_some()) {
        (0, ..) => String::new(),
        (_, false, false) => format!("{shown} von {}", german::count(page.total)),
        (_, false, true) => format!("Die ersten {shown} von {}", german::count(page.total)),
        (_, true, true) => format!("Weitere {shown} von {}", german::count(page.total)),
        (_, true, false) => format!("Die letzten {shown} von {}", german::count(page.total)),
    }
}

/// `GET /vorgaenge`.
pub(crate) fn routes(app: &App) -> Routes {
    warp::path!("vorgaenge")
        .and(warp::get())
        .and(visit(app))
        .then(async |visit: Visit| visit.answer(show(&visit).await))
        .boxed()
}

async fn show(visit: &Visit) -> Result<Response, Trouble> {
    let who = visit.principal().await?;
    if !who.may(Permission::ReadCases) {
        return elsewhere(&who);
    }
    let (list, views) = (ListAddress::read(&visit.query()), visit.tenant.work_list());
    let (found, counts) = (views.page(&who, &list.query()), views.counts(&who));
    let view = ListView::new(&list, &found, &views.services(&who));
    let frame = Frame::new(view.heading, visit.tenant.name(), &who, Some(&counts), &Here::List(list));
    Ok(page(&WorkListPage { frame, list: view }, StatusCode::OK))
}

/// Whoever sees no cases lands where the work of the role is.
fn elsewhere(who: &Principal) -> Result<Response, Trouble> {
    if who.may(Permission::ReadOperations) {
        Ok(see_other("/betrieb"))
    } else if who.may(Permission::ReadClearing) {
        Ok(see_other("/klaerung"))
    } else {
        Err(Trouble::Forbidden)
    }
}
