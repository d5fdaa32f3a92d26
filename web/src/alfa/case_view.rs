//! The case as its page shows it: who applies, what was filled in, files, what can be done, what happened.

use ozg_protocols::{
    application::{Address, Applicant, Attachment, DataCheck, FormItem, FormValue, Payment},
    case::{Action, By, Case, Person, Recorded},
    ids::{CaseId, CommandKey},
    principal::Principal,
};

use super::{
    frame::{Badge, Choice, Line, Notice, stamp},
    list_address::ListAddress,
};
use crate::{german, words};

/// What the page needs to know about a case.
#[derive(Debug)]
pub(crate) struct Known<'k> {
    pub id: CaseId,
    pub case: &'k Case,
    pub version: u64,
    pub history: &'k [Recorded],
    pub steps: &'k [Action],
    pub may_assign: bool,
    pub may_comment: bool,
    pub org_unit: Option<&'k str>,
    pub colleagues: &'k [Person],
    pub who: &'k Principal,
}

/// A case on its page.
#[derive(Debug)]
pub(crate) struct CaseView {
    pub title: String,
    pub number: String,
    pub version: u64,
    pub badge: Badge,
    pub applicant_name: String,
    pub live: String,
    /// Of this page, also where it answers an order.
    pub address: String,
    pub list: String,
    pub back: Link,
    pub place: Option<PlaceInList>,
    pub notice: Option<Notice>,
    pub steps: Vec<Step>,
    pub applicant: Vec<Line>,
    pub form: Vec<FormPart>,
    pub whole_form: Option<WholeFile>,
    pub whole_metadata: Option<WholeFile>,
    pub check: String,
    pub files: Vec<FileView>,
    pub payment: Vec<Line>,
    pub comments: Vec<CommentView>,
    pub comment_form: Option<CommentForm>,
    pub handling: Vec<Line>,
    pub assignment: Option<Assignment>,
    pub history: Vec<Entry>,
}

/// A place to go with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub href: String,
    pub label: String,
}

/// Where the case stands in the list that the reader came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlaceInList {
    pub previous: Option<String>,
    pub next: Option<String>,
    pub words: String,
}

/// A button along the table.
#[derive(Debug)]
pub(crate) struct Step {
    pub href: String,
    pub key: CommandKey,
    pub label: &'static str,
}

/// Values under one heading; the tree is laid out flat, each part with its depth.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FormPart {
    pub heading: Option<String>,
    pub level: u8,
    pub depth: u8,
    pub lines: Vec<Line>,
}

/// A file with where to see and to fetch it.
#[derive(Debug)]
pub(crate) struct FileView {
    pub name: String,
    pub description: Option<String>,
    pub purpose: &'static str,
    pub size: String,
    pub view: Option<String>,
    pub download: String,
}

/// A file that holds whole what the page only shows in excerpts.
#[derive(Debug)]
pub(crate) struct WholeFile {
    pub size: String,
    pub download: String,
}

/// A comment.
#[derive(Debug)]
pub(crate) struct CommentView {
    pub by: String,
    pub at: (String, String),
    pub text: String,
}

/// The field for a new comment; `text` is what was typed before it was refused.
#[derive(Debug)]
pub(crate) struct CommentForm {
    pub href: String,
    pub key: CommandKey,
    pub text: String,
}

/// Who may get the case.
#[derive(Debug)]
pub(crate) struct Assignment {
    pub href: String,
    pub me: String,
    pub take: Option<CommandKey>,
    pub release: Option<CommandKey>,
    pub key: CommandKey,
    pub colleagues: Vec<Choice>,
}

/// Something that happened.
#[derive(Debug)]
pub(crate) struct Entry {
    pub what: String,
    pub by: String,
    pub at: (String, String),
}

impl CaseView {
    /// The view of this case for a reader who came from this list. `key` makes a new command key for each form.
    pub(crate) fn new(known: &Known<'_>, list: &ListAddress, mut key: impl FnMut() -> CommandKey) -> Self {
        let (id, case) = (known.id, known.case);
        let (application, came_from) = (&case.application, list.at_start());
        let path = |end: &str| format!("/vorgang/{id}/{end}");
        let applicant = application.applicant.as_ref();
        let steps = known.steps.iter().map(|action| Step {
            href: path(words::action_path(*action)),
            key: key(),
            label: words::action(*action),
        });
        Self {
            title: application.title().to_owned(),
            number: case.number.to_string(),
            version: known.version,
            badge: Badge::of(case.status),
            applicant_name: applicant.and_then(Applicant::display_name).unwrap_or_else(|| "nicht erkannt".to_owned()),
            live: format!("/ereignisse?vorgang={id}&stand={}", known.version),
            address: format!("/vorgang/{id}?{}", came_from.query_string()),
            list: came_from.query_string(),
            back: Link { href: came_from.href(), label: words::view(list.view).to_owned() },
            place: None,
            notice: None,
            steps: steps.collect(),
            applicant: applicant.map(applicant_lines).unwrap_or_default(),
            form: form_parts(&application.form.items),
            whole_form: application.whole.data.as_ref().map(|file| whole_file(id, file)),
            whole_metadata: application.whole.metadata.as_ref().map(|file| whole_file(id, file)),
            check: check(application.form.check, application.form.schema.as_deref()),
            files: application.files().map(|file| file_view(id, file)).collect(),
            payment: application.payment.as_ref().map(payment_lines).unwrap_or_default(),
            comments: case.comments.iter().map(comment_view).collect(),
            comment_form: known.may_comment.then(|| CommentForm {
                href: path("kommentar"),
                key: key(),
                text: String::new(),
            }),
            handling: handling_lines(known),
            assignment: known.may_assign.then(|| assignment(known, path("zuweisen"), &mut key)),
            history: known.history.iter().rev().map(entry).collect(),
        }
    }
}

/// What happened, in one line: who, what, when.
pub(crate) fn in_words(recorded: &Recorded) -> String {
    let who = words::by(&recorded.by);
    format!("{}: {who}, {}", words::event(&recorded.event), german::day_and_time(recorded.at))
}

fn entry(recorded: &Recorded) -> Entry {
    Entry { what: words::event(&recorded.event), by: words::by(&recorded.by).to_owned(), at: stamp(recorded.at) }
}

fn comment_view(comment: &ozg_protocols::case::Comment) -> CommentView {
    let by = match &comment.by {
        By::Person(person) => person.name.clone(),
        By::System => "System".to_owned(),
    };
    CommentView { by, at: stamp(comment.at), text: comment.text.clone() }
}

fn handling_lines(known: &Known<'_>) -> Vec<Line> {
    let case = known.case;
    let nobody = || "niemand".to_owned();
    let assignee = case.assignee.as_ref().map_or_else(nobody, |person| person.name.clone());
    let unit = known.org_unit.map(str::to_owned).or_else(|| case.org_unit.as_ref().map(ToString::to_string));
    let mut lines = vec![
        Line::new("Zuständig", assignee),
        Line::new("Einheit", unit.unwrap_or_else(|| "noch keine (Poststelle)".to_owned())),
        Line::new("Eingang", german::day_and_time(case.received)),
        Line::new("Weg", words::channel(&case.application.channel)),
        Line::new("Bestätigung", words::receipt(case.receipt)),
    ];
    lines.extend(case.application.submitted.map(|at| Line::new("Abgesendet", german::day_and_time(at))));
    let references = &case.application.references;
    lines.extend(references.sender_reference.as_ref().map(|text| Line::new("Zeichen", text)));
    lines.extend(references.application_date.as_ref().map(|day| Line::new("Antrag vom", german::sent_day(day))));
    if let Some(reply) = &case.application.reply {
        lines.push(Line::new("Antwort über", words::reply_channel(reply)));
    }
    if let Some(agrees) = references.agrees_to_digital_decision {
        lines.push(Line::new("Bescheid", if agrees { "digital erwünscht" } else { "nicht digital" }));
    }
    lines
}

fn assignment(known: &Known<'_>, href: String, key: &mut impl FnMut() -> CommandKey) -> Assignment {
    let assignee = known.case.assignee.as_ref().map(|person| &person.user);
    let choice = |person: &Person| Choice {
        value: person.user.to_string(),
        label: person.name.clone(),
        chosen: Some(&person.user) == assignee,
    };
    let me = &known.who.user;
    let can_be_me = known.colleagues.iter().any(|person| person.user == *me);
    Assignment {
        href,
        me: me.to_string(),
        take: (can_be_me && assignee != Some(me)).then(&mut *key),
        release: assignee.is_some().then(&mut *key),
        key: key(),
        colleagues: known.colleagues.iter().map(choice).collect(),
    }
}

fn applicant_lines(applicant: &Applicant) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |label: &str, value: Option<String>| {
        lines.extend(value.filter(|value| !value.trim().is_empty()).map(|value| Line::new(label, value)));
    };
    match applicant {
        Applicant::Natural(person) => {
            add("Anrede", person.salutation.clone());
            add("Name", applicant.display_name());
            add("Geburtsname", person.birth_name.clone());
            add("Geburtsdatum", person.birth_date.as_deref().map(german::sent_day));
            add("Geburtsort", person.birth_place.clone());
        }
        Applicant::Legal(organisation) => {
            add("Name", organisation.name.clone());
            add("Rechtsform", organisation.legal_form.clone());
            add("Register", organisation.register_entry.clone());
            add("Vertretung", organisation.represented_by.clone());
        }
    }
    let contact = applicant.contact();
    add("Anschrift", contact.address.as_ref().map(address));
    add("E-Mail", contact.email.clone());
    add("Telefon", contact.phone.clone());
    add("Postfach", applicant.postbox().map(|postbox| words::postbox(&postbox.kind).to_owned()));
    lines
}

fn address(address: &Address) -> String {
    let joined =
        |parts: [&Option<String>; 2]| parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
    let lines = [
        joined([&address.street, &address.house_number]),
        address.addition.clone().unwrap_or_default(),
        joined([&address.postal_code, &address.town]),
        address.country.clone().unwrap_or_default(),
    ];
    lines.into_iter().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

/// The tree as a row of parts, depth first: a part for the values above the first group, one for each group.
fn form_parts(items: &[FormItem]) -> Vec<FormPart> {
    /// What is nested deeper is shown at this depth: an indent that never ends helps nobody.
    const DEEPEST: u8 = 3;
    fn walk(heading: Option<String>, items: &[FormItem], depth: u8, out: &mut Vec<FormPart>) {
        let at = out.len();
        out.push(FormPart { heading, level: depth + 2, depth: depth.min(DEEPEST), lines: Vec::new() });
        for item in items {
            match &item.value {
                FormValue::Group(children) => {
                    walk(Some(item.heading().to_owned()), children, depth.saturating_add(1), out);
                }
                value => out[at].lines.push(Line::new(item.heading(), value_words(value))),
            }
        }
    }
    let mut parts = Vec::new();
    walk(None, items, 0, &mut parts);
    for part in &mut parts {
        part.depth = part.depth.saturating_sub(1);
    }
    parts.retain(|part| part.heading.is_some() || !part.lines.is_empty());
    parts
}

fn value_words(value: &FormValue) -> String {
    match value {
        FormValue::Empty | FormValue::Group(_) => String::new(),
        FormValue::Text(text) => text.clone(),
        FormValue::Number(number) => german::decimal(number),
        FormValue::Date(day) => german::sent_day(day),
        FormValue::Flag(flag) => if *flag { "ja" } else { "nein" }.to_owned(),
    }
}

fn check(check: DataCheck, schema: Option<&str>) -> String {
    match (check, schema) {
        (DataCheck::Valid, Some(schema)) => format!("Geprüft nach {schema}"),
        (DataCheck::Valid, None) => "Geprüft".to_owned(),
        (DataCheck::Unchecked, _) => "Ungeprüft: Zu diesem Formular ist kein Datenschema hinterlegt.".to_owned(),
    }
}

/// What a browser may show itself; anything else is only handed out as a file.
pub(crate) fn viewable(media_type: &str) -> Option<&'static str> {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let known = ["application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp"];
    known.into_iter().find(|known| essence.eq_ignore_ascii_case(known))
}

fn download(case: CaseId, file: &Attachment) -> String {
    format!("/vorgang/{case}/anhang/{}", file.id)
}

fn whole_file(case: CaseId, file: &Attachment) -> WholeFile {
    WholeFile { size: german::size(file.bytes), download: download(case, file) }
}

fn file_view(case: CaseId, file: &Attachment) -> FileView {
    let download = download(case, file);
    FileView {
        name: super::attachment::shown_name(file),
        description: file.description.clone().filter(|text| !text.trim().is_empty()),
        purpose: words::purpose(file.purpose),
        size: german::size(file.bytes),
        view: viewable(&file.media_type).map(|_| format!("{download}?ansehen")),
        download,
    }
}

fn payment_lines(payment: &Payment) -> Vec<Line> {
    let mut lines = vec![
        Line::new("Stand", words::payment_status(payment.status)),
        Line::new("Zahlungsart", words::payment_method(payment.method)),
    ];
    lines.extend(payment.gross_amount.as_ref().map(|amount| Line::new("Betrag", german::euros(amount))));
    lines.push(Line::new("Zahlungsreferenz", &payment.transaction_reference));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, value: FormValue) -> FormItem {
        FormItem { name: name.into(), label: None, value }
    }

    #[test]
    fn a_form_tree_becomes_parts_with_their_depth() {
        let inner = FormValue::Group(vec![item("plz", FormValue::Text("24999".into()))]);
        let address = FormValue::Group(vec![item("ort", FormValue::Text("Musterstadt".into())), item("genau", inner)]);
        let parts = form_parts(&[item("beginn", FormValue::Date("2026-12-01".into())), item("adresse", address)]);
        let seen: Vec<_> = parts.iter().map(|part| (part.heading.as_deref(), part.level, part.depth)).collect();
        assert_eq!(seen, [(None, 2, 0), (Some("adresse"), 3, 0), (Some("genau"), 4, 1)]);
        assert_eq!(parts[0].lines, [Line::new("beginn", "01.12.2026")]);
    }

    #[test]
    fn only_harmless_types_are_shown_by_the_browser() {
        assert_eq!(viewable("Application/PDF; x=y"), Some("application/pdf"));
        for wrong in ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", ""] {
            assert_eq!(viewable(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_address_leaves_out_what_was_not_sent() {
        let sent =
            Address { street: Some("Lange Straße".into()), town: Some("Musterstadt".into()), ..Address::default() };
        assert_eq!(address(&sent), "Lange Straße\nMusterstadt");
    }
}
