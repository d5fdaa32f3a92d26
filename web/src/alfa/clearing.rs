//! Klärungsfälle: submissions that became no case, or one that nobody could take on, with the reason in words and a way on.

use askama::Template;
use ozg_actors::{ClearingItem, Outcome};
use ozg_protocols::{
    application::Channel,
    ids::{CommandKey, IntakeId},
    principal::Permission,
};
use warp::{Filter, http::StatusCode, reply::Response};

use super::frame::{Frame, Here, Line, Notice};
use crate::{
    answer::{Trouble, page, see_other},
    app::{App, Visit, visit},
    fields::Fields,
    german,
    routes::{self, Routes},
    words,
};

#[derive(Debug, Template)]
#[template(path = "clearing.html")]
pub(super) struct ClearingPage {
    pub frame: Frame,
    pub notice: Option<Notice>,
    pub live: String,
    pub items: Vec<ItemView>,
}

/// One clearing item as it is shown.
#[derive(Debug)]
pub(super) struct ItemView {
    id: String,
    href: String,
    key: CommandKey,
    reason: &'static str,
    advice: &'static str,
    lines: Vec<Line>,
    /// Where the case is that it became.
    case: Option<String>,
    /// What trying it again is called, where that can help.
    retry: Option<&'static str>,
}

/// `/klaerung` and `/klaerung/{id}/erneut`.
pub(crate) fn routes(app: &App) -> Routes {
    let show = warp::path!("klaerung")
        .and(warp::get())
        .and(visit(app))
        .then(async |visit: Visit| visit.answer(show(&visit, None, StatusCode::OK).await));
    let retry =
        warp::path!("klaerung" / IntakeId / "erneut").and(warp::post()).and(visit(app)).and(routes::form()).then(
            async |intake: IntakeId, visit: Visit, form: Fields| visit.answer(retry(&visit, intake, &form).await),
        );
    show.or(retry).unify().boxed()
}

async fn show(visit: &Visit, notice: Option<Notice>, status: StatusCode) -> Result<Response, Trouble> {
    let who = visit.principal().await?;
    if !who.may(Permission::ReadClearing) {
        return Err(Trouble::Forbidden);
    }
    let notice = notice.or_else(|| visit.query().get("erledigt").map(|_| retried()));
    // The numbers first: what comes in between is then told by the stream.
    let counts = visit.tenant.work_list().counts(&who);
    let live = format!("/ereignisse?bereich=klaerung&stand={}", counts.as_of);
    let items = visit.tenant.clearing_items(&who).await?;
    let base = visit.app.command_key()?.as_u128();
    let keys = (0..).map(|number| CommandKey::from_u128(base.wrapping_add(number)));
    let items = items.iter().zip(keys).map(|(item, key)| ItemView::new(item, key)).collect();
    let frame = Frame::new("Klärungsfälle", visit.tenant.name(), &who, Some(&counts), &Here::Clearing);
    Ok(page(&ClearingPage { frame, notice, live, items }, status))
}

async fn retry(visit: &Visit, intake: IntakeId, form: &Fields) -> Result<Response, Trouble> {
    let who = visit.principal().await?;
    let key = form.get("schluessel").and_then(|text| text.parse().ok()).ok_or(Trouble::Unreadable)?;
    match visit.tenant.retry_clearing(&who, intake, key).await? {
        Outcome::Done { .. } => {
            // It may be back already, or the views far behind: the page follows by itself.
            let _ = visit.tenant.cleared(intake).await;
            Ok(see_other("/klaerung?erledigt=ja"))
        }
        Outcome::NeverSeen => Err(Trouble::Unreadable),
        Outcome::Forbidden => Err(Trouble::Forbidden),
        Outcome::Refused(_) | Outcome::Stale { .. } => {
            let text = "Der Klärungsfall ist nicht mehr offen. Die Liste zeigt den aktuellen Stand.";
            show(visit, Some(Notice::new("warning", "Nicht ausgeführt", text)), StatusCode::CONFLICT).await
        }
    }
}

fn retried() -> Notice {
    let text = "Gelingt es, ist der Klärungsfall erledigt; sonst erscheint die Einreichung hier wieder.";
    Notice::new("success", "Die Einreichung wird erneut bearbeitet.", text)
}

impl ItemView {
    pub(super) fn new(item: &ClearingItem, key: CommandKey) -> Self {
        let (reason, advice) = words::clearing(&item.reason);
        Self {
            id: item.intake.to_string(),
            href: format!("/klaerung/{}/erneut", item.intake),
            key,
            reason,
            advice,
            lines: lines(item),
            case: item.case.map(|case| format!("/vorgang/{case}")),
            retry: item.reason.may_be_retried().then(|| words::clearing_retry(&item.reason)),
        }
    }
}

fn lines(item: &ClearingItem) -> Vec<Line> {
    let mut lines = vec![
        Line::new("Eingang", german::day_and_time(item.kept)),
        Line::new("Hier seit", german::day_and_time(item.since)),
        Line::new("Weg", words::channel(&item.channel)),
    ];
    // Of what was never fetched it is not known.
    if !item.service.is_empty() {
        lines.push(Line::new("Leistung", &item.service));
    }
    if let Channel::FitConnect { submission, .. } = &item.channel {
        lines.push(Line::new("Einreichung", submission.to_string()));
    }
    lines
}
