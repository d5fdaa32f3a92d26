//! Completions for the search fields: what fits in the cases that this person may see, as the options of their datalist.
//!
//! Asked for by the page while somebody types, after a pause; without script the field is a plain search. What was typed
//! stays out of every log, like any address (see [`crate::routes::label`]).

use askama::Template;
use ozg_protocols::{principal::Permission, work_list::Suggestion};
use warp::{Filter, http::StatusCode, reply::Response};

use super::list_address::LONGEST_SEARCH;
use crate::{
    answer::{Trouble, page},
    app::{App, Visit, visit},
    routes::Routes,
};

/// So many completions at once: more than that nobody reads while typing.
const MOST: usize = 8;
/// Fewer characters than this fit half of all cases.
const SHORTEST: usize = 2;

#[derive(Debug, Template)]
#[template(path = "work_list/suggestions.html")]
struct Suggestions {
    found: Vec<Suggestion>,
}

/// `GET /vorgaenge/vorschlaege?suche=…`
pub(crate) fn routes(app: &App) -> Routes {
    warp::path!("vorgaenge" / "vorschlaege")
        .and(warp::get())
        .and(visit(app))
        .then(async |visit: Visit| visit.answer(suggest(&visit).await))
        .boxed()
}

async fn suggest(visit: &Visit) -> Result<Response, Trouble> {
    let who = visit.principal().await?;
    if !who.may(Permission::ReadCases) {
        return Err(Trouble::Forbidden);
    }
    let query = visit.query();
    let typed = query.get("suche").unwrap_or_default().trim();
    let length = typed.chars().count();
    let found = if (SHORTEST..=LONGEST_SEARCH).contains(&length) {
        visit.tenant.work_list().suggest(&who, typed, MOST)
    } else {
        Vec::new()
    };
    Ok(page(&Suggestions { found }, StatusCode::OK))
}
