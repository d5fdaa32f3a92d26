//! The page of a case and the orders given on it: steps along the table, assignment, comments.
//!
//! Each form carries a command key made for it and the version that was seen: sent twice it happens once, and what has
//! become stale is answered with what happened since.

use askama::Template;
use ozg_actors::{CaseSheet, Outcome, Ticket};
use ozg_protocols::{
    case::{Action, AddComment, Assign, Order, Person, Recorded, Status},
    ids::{CaseId, CommandKey, CommentId},
    principal::Principal,
    work_list::Neighbours,
};
use warp::{Filter, http::StatusCode, reply::Response};

use super::{
    case_view::{CaseView, Known, PlaceInList, in_words},
    frame::{Frame, Here, Notice},
    list_address::ListAddress,
};
use crate::{
    answer::{Trouble, page, see_other},
    app::{App, Visit, visit},
    fields::{self, Fields},
    german,
    routes::{self, Routes},
    words,
};

#[derive(Debug, Template)]
#[template(path = "case/page.html")]
pub(super) struct CasePage {
    pub frame: Frame,
    pub case: CaseView,
}

/// `/vorgang/{id}` and the orders below it.
pub(crate) fn routes(app: &App) -> Routes {
    let show = warp::path!("vorgang" / CaseId)
        .and(warp::get())
        .and(visit(app))
        .then(async |id: CaseId, visit: Visit| visit.answer(show(&visit, id).await));
    let order = warp::path!("vorgang" / CaseId / String).and(warp::post()).and(visit(app)).and(routes::form()).then(
        async |id: CaseId, wanted: String, visit: Visit, form: Fields| {
            visit.answer(order(&visit, id, &wanted, &form).await)
        },
    );
    show.or(order).unify().boxed()
}

async fn show(visit: &Visit, id: CaseId) -> Result<Response, Trouble> {
    let who = visit.principal().await?;
    let query = visit.query();
    let list = ListAddress::read(&query);
    let notice = query.get("erledigt").and_then(done);
    let view = CaseAsked { visit, who: &who, id, list: &list }.view().await?;
    Ok(render(visit, &who, CaseView { notice, ..view }, StatusCode::OK))
}

/// What a redirect after an order says: a word of ours, never text from the address.
fn done(code: &str) -> Option<Notice> {
    let title = match code {
        "zugewiesen" => "Der Vorgang ist zugewiesen.",
        "freigegeben" => "Der Vorgang ist freigegeben.",
        "kommentar" => "Der Kommentar ist gespeichert.",
        code => words::done(action_at(code)?),
    };
    Some(Notice::new("success", title, ""))
}

fn action_at(path: &str) -> Option<Action> {
    Status::ALL.into_iter().flat_map(Status::actions).find(|action| words::action_path(*action) == path)
}

fn render(visit: &Visit, who: &Principal, case: CaseView, status: StatusCode) -> Response {
    let counts = visit.tenant.work_list().counts(who);
    let title = format!("{}, {}", case.number, case.title);
    let frame = Frame::new(title, visit.tenant.name(), who, Some(&counts), &Here::Elsewhere);
    page(&CasePage { frame, case }, status)
}

/// A case that somebody wants to see, coming from a list.
struct CaseAsked<'a> {
    visit: &'a Visit,
    who: &'a Principal,
    id: CaseId,
    list: &'a ListAddress,
}

impl CaseAsked<'_> {
    async fn view(&self) -> Result<CaseView, Trouble> {
        let Self { visit, who, id, list } = self;
        let sheet = visit.tenant.show_case(who, *id).await?;
        let colleagues = if sheet.may_assign { visit.tenant.colleagues(who).await? } else { Vec::new() };
        // One random number for the page; each form of it counts on from there.
        let mut number = visit.app.command_key()?.as_u128();
        let key = move || {
            number = number.wrapping_add(1);
            CommandKey::from_u128(number)
        };
        let view = CaseView::new(&self.known(&sheet, &colleagues), list, key);
        let neighbours = visit.tenant.work_list().neighbours(who, &list.at_start().query(), *id);
        Ok(CaseView { place: self.place(&neighbours), ..view })
    }

    fn known<'k>(&'k self, sheet: &'k CaseSheet, colleagues: &'k [Person]) -> Known<'k> {
        Known {
            id: self.id,
            case: &sheet.case,
            version: sheet.version,
            history: &sheet.history,
            steps: &sheet.steps,
            may_assign: sheet.may_assign,
            may_comment: sheet.may_comment,
            org_unit: sheet.case.org_unit.as_ref().and_then(|unit| self.visit.tenant.org_unit_name(unit)),
            colleagues,
            who: self.who,
        }
    }

    fn place(&self, neighbours: &Neighbours) -> Option<PlaceInList> {
        let query = self.list.at_start().query_string();
        let href = |case: CaseId| format!("/vorgang/{case}?{query}");
        let place = german::count(neighbours.position?);
        Some(PlaceInList {
            previous: neighbours.previous.map(href),
            next: neighbours.next.map(href),
            words: format!("{place} von {}", german::count(neighbours.total)),
        })
    }
}

/// What a form asks for, with the word of its success.
async fn wanted(
    visit: &Visit,
    who: &Principal,
    path: &str,
    key: CommandKey,
    form: &Fields,
) -> Result<(Order, &'static str), Trouble> {
    match path {
        "kommentar" => {
            // The same form sent twice is the same comment, so its id comes from the form's key.
            let id = CommentId::from_u128(key.as_u128());
            Ok((Order::Comment(AddComment { id, text: form.raw("text").unwrap_or_default().to_owned() }), "kommentar"))
        }
        "zuweisen" => match form.get("person") {
            None => Ok((Order::Assign(Assign(None)), "freigegeben")),
            Some(user) => {
                let colleagues = visit.tenant.colleagues(who).await?;
                let person = colleagues.into_iter().find(|person| person.user.as_str() == user);
                Ok((Order::Assign(Assign(Some(person.ok_or(Trouble::Unreadable)?))), "zugewiesen"))
            }
        },
        path => {
            let action = action_at(path).ok_or(Trouble::NotFound)?;
            Ok((Order::step(action).ok_or(Trouble::NotFound)?, words::action_path(action)))
        }
    }
}

async fn order(visit: &Visit, id: CaseId, path: &str, form: &Fields) -> Result<Response, Trouble> {
    let who = visit.principal().await?;
    let key: CommandKey = form.get("schluessel").and_then(|text| text.parse().ok()).ok_or(Trouble::Unreadable)?;
    let seen = form.get("stand").and_then(|text| text.parse().ok()).ok_or(Trouble::Unreadable)?;
    let list = ListAddress::parse(form.get("liste").unwrap_or_default());
    let (order, word) = wanted(visit, &who, path, key, form).await?;
    let notice = match visit.tenant.order(&who, id, order, Ticket { key, seen }).await? {
        Outcome::Done { version } => {
            // The page that follows counts and lists what was done just now, or soon, if the views are far behind.
            let _ = visit.tenant.shows(id, version).await;
            let done = fields::encode([("erledigt", word)]);
            return Ok(see_other(&format!("/vorgang/{id}?{}&{done}", list.query_string())));
        }
        Outcome::Forbidden => return Err(Trouble::Forbidden),
        Outcome::NeverSeen => return Err(Trouble::Unreadable),
        Outcome::Refused(refusal) => Notice::new("warning", "Nicht ausgeführt", words::refusal(&refusal)),
        Outcome::Stale { since } => stale(&since),
    };
    let mut view = CaseAsked { visit, who: &who, id, list: &list }.view().await?;
    if let (Some(field), Some(typed)) = (&mut view.comment_form, form.raw("text")) {
        typed.clone_into(&mut field.text);
    }
    Ok(render(visit, &who, CaseView { notice: Some(notice), ..view }, StatusCode::CONFLICT))
}

/// Somebody was quicker: what they did, in words.
fn stale(since: &[Recorded]) -> Notice {
    let text = "Seit Sie den Vorgang geöffnet haben, ist etwas geschehen. Ihre Aktion wurde deshalb nicht ausgeführt. \
                Bitte prüfen Sie den Stand und entscheiden Sie neu.";
    let lines = since.iter().map(in_words).collect();
    Notice { lines, ..Notice::new("warning", "Der Vorgang hat sich geändert", text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ozg_protocols::{
        case::{By, Event},
        moment::Moment,
    };

    #[test]
    fn a_stale_order_is_answered_with_what_happened_since() {
        let erika = Person { user: "erika".parse().expect("valid"), name: "Erika Muster".into() };
        let event = Event::StatusChanged { action: Action::Accept, to: Status::Accepted };
        let since = [Recorded { at: Moment::from_seconds(1_782_892_800), by: By::Person(erika), event }];
        assert_eq!(stale(&since).lines, ["Angenommen: Erika Muster, 01.07.2026, 10:00"]);
    }

    #[test]
    fn a_redirect_says_only_words_of_ours() {
        assert_eq!(done("annehmen").map(|notice| notice.title).as_deref(), Some("Der Vorgang ist angenommen."));
        assert_eq!(done("Ihr Konto ist gesperrt"), None);
    }
}
