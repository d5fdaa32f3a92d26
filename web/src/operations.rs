//! Betrieb: the supervision tree with states, mailboxes, restarts and their last minute, for whoever runs a tenant: what
//! everybody leans on, and the tenant's own branch. What others have is not asked for.
//!
//! Live every two seconds; what is announced is only a change of state (the script decides), never the clock.

mod class;
mod tree;

use std::time::Duration;

use askama::Template;
use ozg_protocols::principal::Permission;
use tokio::sync::mpsc;
use warp::{Filter, http::StatusCode, reply::Response, sse};

use crate::{
    alfa::{
        events::{closed, stream},
        frame::{Frame, Here},
    },
    answer::{Trouble, page},
    app::{App, Visit, visit},
    routes::Routes,
};
use tree::TreeView;

/// So often the tree is sent.
const EVERY: Duration = Duration::from_secs(2);
/// So often the session is looked at again, in sendings.
const SESSION_EVERY: u32 = 30;

#[derive(Debug, Template)]
#[template(path = "operations/page.html")]
struct OperationsPage {
    frame: Frame,
    tree: TreeView,
}

/// The tree alone, as it is sent.
#[derive(Debug, Template)]
#[template(path = "operations/tree.html")]
struct TreePartial {
    tree: TreeView,
}

/// `/betrieb` and its stream.
pub(crate) fn routes(app: &App) -> Routes {
    let show = warp::path!("betrieb")
        .and(warp::get())
        .and(visit(app))
        .then(async |visit: Visit| visit.answer(show(&visit).await));
    let live = warp::path!("betrieb" / "ereignisse")
        .and(warp::get())
        .and(visit(app))
        .then(async |visit: Visit| visit.answer(live(visit.clone()).await));
    show.or(live).unify().boxed()
}

async fn show(visit: &Visit) -> Result<Response, Trouble> {
    let who = operator(visit).await?;
    let tree = tree(visit).await;
    let counts = who.may(Permission::ReadCases).then(|| visit.tenant.work_list().counts(&who));
    let frame = Frame::new("Betrieb", visit.tenant.name(), &who, counts.as_ref(), &Here::Operations);
    Ok(page(&OperationsPage { frame, tree }, StatusCode::OK))
}

/// The tree as this tenant's people may see it.
async fn tree(visit: &Visit) -> TreeView {
    TreeView::new(&visit.app.house().tree_for(&visit.tenant).await, visit.app.now())
}

async fn operator(visit: &Visit) -> Result<ozg_protocols::principal::Principal, Trouble> {
    let who = visit.principal().await?;
    if who.may(Permission::ReadOperations) { Ok(who) } else { Err(Trouble::Forbidden) }
}

async fn live(visit: Visit) -> Result<Response, Trouble> {
    operator(&visit).await?;
    let (out, ready) = mpsc::channel(2);
    tokio::spawn(async move {
        let mut closing = visit.app.closing();
        tokio::select! {
            () = closed(&mut closing) => {}
            () = out.closed() => {}
            () = send(&visit, &out) => {}
        }
    });
    Ok(stream(ready))
}

/// Sends the tree until nobody reads it or the reader may not any more.
async fn send(visit: &Visit, out: &mpsc::Sender<sse::Event>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for sending in 1_u32.. {
        ticks.tick().await;
        if sending.is_multiple_of(SESSION_EVERY) && operator(visit).await.is_err() {
            let _ = out.send(sse::Event::default().event("alfa:abgemeldet").data("ja")).await;
            return;
        }
        let tree = tree(visit).await;
        let as_of = tree.as_of.clone();
        let Ok(html) = (TreePartial { tree }).render() else { return };
        let tree = sse::Event::default().event("alfa:baum").data(html);
        let as_of = sse::Event::default().event("alfa:stand").data(as_of);
        if out.send(tree).await.is_err() || out.send(as_of).await.is_err() {
            return;
        }
    }
}
