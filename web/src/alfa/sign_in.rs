//! Anmeldung and Abmelden. Who may come in is decided by the tenant; this page says it kindly and tells nobody whether a
//! login exists.

use askama::Template;
use ozg_actors::{Secret, SignInError};
use warp::{
    Filter,
    http::{HeaderValue, StatusCode, header},
    reply::Response,
};

use super::frame::Notice;
use crate::{
    answer::{Trouble, page, see_other},
    app::{App, Visit, visit},
    fields::Fields,
    german, origin,
    routes::{self, Routes},
    session,
};

/// Where one lands without a wish.
const HOME: &str = "/vorgaenge";

#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    tenant: String,
    back: String,
    login: String,
    notice: Option<Notice>,
}

/// `/anmeldung`, `/abmelden` and `/`.
pub(crate) fn routes(app: &App) -> Routes {
    let root = warp::path::end().and(warp::get()).map(|| see_other(HOME));
    let show = warp::path!("anmeldung").and(warp::get()).and(visit(app)).map(|visit: Visit| show(&visit));
    let enter = warp::path!("anmeldung")
        .and(warp::post())
        .and(visit(app))
        .and(routes::form())
        .then(async |visit: Visit, form: Fields| visit.answer(enter(&visit, &form).await));
    let leave = warp::path!("abmelden")
        .and(warp::post())
        .and(visit(app))
        .then(async |visit: Visit| visit.answer(leave(&visit).await));
    root.or(show).unify().or(enter).unify().or(leave).unify().boxed()
}

fn show(visit: &Visit) -> Response {
    let query = visit.query();
    let notice = query.get("abgemeldet").map(|_| Notice::new("success", "Sie sind abgemeldet.", ""));
    page(&sign_in_page(visit, &query, notice), StatusCode::OK)
}

fn sign_in_page(visit: &Visit, fields: &Fields, notice: Option<Notice>) -> SignInPage {
    SignInPage {
        tenant: visit.tenant.name().to_owned(),
        back: back(fields).to_owned(),
        login: fields.get("kennung").unwrap_or_default().to_owned(),
        notice,
    }
}

fn back(fields: &Fields) -> &str {
    fields.get("zurueck").and_then(origin::local_path).unwrap_or(HOME)
}

async fn enter(visit: &Visit, form: &Fields) -> Result<Response, Trouble> {
    let (Some(login), Some(password)) = (form.get("kennung"), form.raw("passwort")) else {
        return Ok(again(visit, form, StatusCode::UNPROCESSABLE_ENTITY, missing()));
    };
    match visit.tenant.sign_in(login, Secret::new(password.to_owned())).await {
        Ok(token) => {
            let mut response = see_other(back(form));
            let cookie = session::give(&token).ok_or(Trouble::Fault)?;
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            Ok(response)
        }
        Err(SignInError::Wrong) => Ok(again(visit, form, StatusCode::UNPROCESSABLE_ENTITY, wrong())),
        Err(SignInError::TooMany { retry_after }) => {
            let text = format!("Bitte versuchen Sie es in {} erneut.", german::wait(retry_after));
            let notice = Notice::new("warning", "Zu viele Versuche", text);
            let mut response = again(visit, form, StatusCode::TOO_MANY_REQUESTS, notice);
            let seconds = HeaderValue::from(retry_after.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            Ok(response)
        }
        Err(SignInError::Unavailable(error)) => Err(error.into()),
    }
}

fn again(visit: &Visit, form: &Fields, status: StatusCode, notice: Notice) -> Response {
    page(&sign_in_page(visit, form, Some(notice)), status)
}

fn missing() -> Notice {
    Notice::new("danger", "Angaben fehlen", "Bitte geben Sie Kennung und Passwort ein.")
}

fn wrong() -> Notice {
    Notice::new("danger", "Anmeldung nicht möglich", "Kennung oder Passwort stimmen nicht. Bitte prüfen Sie beides.")
}

async fn leave(visit: &Visit) -> Result<Response, Trouble> {
    if let Some(token) = session::token(&visit.headers) {
        visit.tenant.sign_out(&token).await?;
    }
    let mut response = see_other("/anmeldung?abgemeldet=ja");
    if let Some(cookie) = session::take() {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    Ok(response)
}
