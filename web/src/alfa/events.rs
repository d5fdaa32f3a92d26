//! `GET /ereignisse`: what changes while somebody looks, rendered for this one connection.
//!
//! Every connection has a task of its own that follows the tenant's changes and asks the views as its own principal, so
//! that nothing is ever sent to somebody who may not see it. Changes are gathered for a moment; where there are too many,
//! or some were missed, the page is told to offer a reload instead. The task ends with the browser, with the session, or
//! with the server.

use std::{collections::BTreeSet, convert::Infallible, time::Duration};

use askama::Template as _;
use ozg_actors::{Change, ChangeFeed};
use ozg_protocols::{
    ids::{CaseId, IntakeId},
    principal::{Permission, Principal},
    work_list::{Row, View},
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use warp::{
    Filter,
    http::{HeaderName, HeaderValue},
    reply::{Reply, Response},
    sse,
};

use super::{
    case_view::in_words,
    frame::{Frame, Here},
    list_address::ListAddress,
    work_list::{NavigationPartial, RowPartial, RowView},
};
use crate::{
    answer::Trouble,
    app::{App, Visit, visit},
    fields::Fields,
    routes::Routes,
};

/// So often something is sent even if nothing happens: proxies close what is silent.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Changes are gathered for so long.
const GATHER: Duration = Duration::from_millis(300);
/// More changed cases at once are not sent one by one.
const MOST_AT_ONCE: usize = 40;
/// A case that was received within this time may be new to a page that shows other cases of the same list.
const JUST_NOW: Duration = Duration::from_secs(60);
/// The session is looked at again after so long.
const SESSION_CHECK: Duration = Duration::from_secs(60);
/// Messages that wait for a slow reader.
const AHEAD: usize = 64;

/// The stream of a list, of a case or of the clearing tray.
pub(crate) fn routes(app: &App) -> Routes {
    warp::path!("ereignisse")
        .and(warp::get())
        .and(visit(app))
        .then(async |visit: Visit| visit.answer(open(visit.clone()).await))
        .boxed()
}

async fn open(visit: Visit) -> Result<Response, Trouble> {
    let who = visit.principal().await?;
    let query = visit.query();
    let seen = last_seen(&visit, &query);
    // The feed is opened before anything is read: what happens in between is then in it.
    let changes = visit.tenant.changes();
    let (out, ready) = mpsc::channel(AHEAD);
    let shows = match (query.get("bereich"), query.get("vorgang").map(str::parse::<CaseId>)) {
        (Some("klaerung"), _) => Shows::Tray { known: BTreeSet::new(), seen },
        (_, None) => Shows::List(ListAddress::read(&query).at_start()),
        (_, Some(Ok(case))) => Shows::Case { case, seen },
        (_, Some(Err(_))) => return Err(Trouble::NotFound),
    };
    if !who.may(shows.needs()) {
        return Err(Trouble::Forbidden);
    }
    let follower = Follower { visit, who, shows, out };
    tokio::spawn(follower.follow(changes, seen));
    Ok(stream(ready))
}

/// Up to where the page knows: the last message it got, or what stood in its address.
fn last_seen(visit: &Visit, query: &Fields) -> u64 {
    let got = visit.headers.get("last-event-id").and_then(|value| value.to_str().ok());
    got.or_else(|| query.get("stand")).and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// A stream of these messages, kept alive.
pub(crate) fn stream(mut ready: mpsc::Receiver<sse::Event>) -> Response {
    let events = futures_util::stream::poll_fn(move |context| {
        ready.poll_recv(context).map(|event| event.map(Ok::<_, Infallible>))
    });
    let mut response = sse::reply(sse::keep_alive().interval(KEEP_ALIVE).stream(events)).into_response();
    let (name, value) = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response.headers_mut().insert(name, value);
    response
}

/// Resolves when the server stops.
pub(crate) async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means that nobody can say so any more, which is the same.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// What the page shows that is followed.
enum Shows {
    List(ListAddress),
    /// A case, with the version that was seen.
    Case {
        case: CaseId,
        seen: u64,
    },
    /// The clearing tray, with what is known to wait in it and up to which record.
    Tray {
        known: BTreeSet<IntakeId>,
        seen: u64,
    },
}

impl Shows {
    /// What somebody must be allowed to see it.
    const fn needs(&self) -> Permission {
        match self {
            Self::List(_) | Self::Case { .. } => Permission::ReadCases,
            Self::Tray { .. } => Permission::ReadClearing,
        }
    }

    /// Where that is in the navigation.
    fn here(&self) -> Here {
        match self {
            Self::List(list) => Here::List(list.clone()),
            Self::Case { .. } => Here::Elsewhere,
            Self::Tray { .. } => Here::Clearing,
        }
    }
}

/// Follows the changes for one page.
struct Follower {
    visit: Visit,
    who: Principal,
    shows: Shows,
    out: mpsc::Sender<sse::Event>,
}

/// The reader is gone; nothing more to do.
struct Gone;

impl Follower {
    async fn follow(mut self, mut changes: ChangeFeed, seen: u64) {
        let mut closing = self.visit.app.closing();
        let gone = self.out.clone();
        tokio::select! {
            () = closed(&mut closing) => {}
            () = gone.closed() => {}
            _ = self.run(&mut changes, seen) => {}
        }
    }

    async fn run(&mut self, changes: &mut ChangeFeed, seen: u64) -> Result<(), Gone> {
        self.catch_up(seen).await?;
        let mut session = tokio::time::interval_at(Instant::now() + SESSION_CHECK, SESSION_CHECK);
        loop {
            tokio::select! {
                change = changes.next() => {
                    let Some(change) = change else { return Ok(()) };
                    if matches!(change, Change::Tray { .. }) && !self.who.may(Permission::ReadClearing) {
                        continue;
                    }
                    self.pass_on(change, changes).await?;
                }
                _ = session.tick() => self.check_session().await?,
            }
        }
    }

    /// What happened between the page and its stream.
    async fn catch_up(&mut self, seen: u64) -> Result<(), Gone> {
        match &self.shows {
            Shows::List(list) => self.catch_up_list(list, seen).await,
            Shows::Case { .. } => {
                self.look_at_case().await?;
                // The page says up to where it knows the case, not the numbers beside it.
                self.send_counts(None).await
            }
            Shows::Tray { .. } => self.catch_up_tray(seen).await,
        }
    }

    /// A little is sent row by row, for more the page has to be loaded.
    async fn catch_up_list(&self, list: &ListAddress, seen: u64) -> Result<(), Gone> {
        let page = self.visit.tenant.work_list().page(&self.who, &list.query());
        match page.as_of.saturating_sub(seen) {
            0 => Ok(()),
            records if records > MOST_AT_ONCE as u64 => self.send("alfa:veraltet", "ja", Some(page.as_of)).await,
            _ => {
                for row in &page.rows {
                    self.send_row(list, row, true, page.as_of).await?;
                }
                self.send_counts(Some(page.as_of)).await
            }
        }
    }

    /// Whatever the tray has gained or lost since the page was made, the page has to be loaded.
    async fn catch_up_tray(&mut self, since: u64) -> Result<(), Gone> {
        let tenant = &self.visit.tenant;
        let record = tenant.work_list().counts(&self.who).as_of;
        let known = tenant.clearing_after(&self.who, 0).unwrap_or_default();
        let missed = tenant.clearing_after(&self.who, since).is_some();
        self.shows = Shows::Tray { known, seen: record };
        if missed {
            self.send("alfa:veraltet", "ja", Some(record)).await?;
        }
        if record > since { self.send_counts(Some(record)).await } else { Ok(()) }
    }

    async fn pass_on(&mut self, first: Change, changes: &mut ChangeFeed) -> Result<(), Gone> {
        let (mut cases, mut record, mut missed) = (BTreeSet::new(), 0, false);
        let mut take = |change| match change {
            Change::Case { case, record: at } => {
                cases.insert(case);
                record = record.max(at);
            }
            Change::Tray { record: at } => record = record.max(at),
            Change::Missed => missed = true,
        };
        take(first);
        let end = Instant::now() + GATHER;
        while let Ok(Some(change)) = tokio::time::timeout_at(end, changes.next()).await {
            take(change);
        }
        let views = self.visit.tenant.work_list();
        if missed {
            // What the views know now is all there is.
            record = views.counts(&self.who).as_of;
        }
        match &self.shows {
            Shows::Case { case, .. } => {
                if missed || cases.contains(case) {
                    self.look_at_case().await?;
                }
                return self.send_counts(None).await;
            }
            Shows::Tray { .. } => self.look_at_tray(record, missed).await?,
            Shows::List(_) if missed || cases.len() > MOST_AT_ONCE => {
                // A page that reloads knows everything that the views know now.
                record = views.counts(&self.who).as_of;
                self.send("alfa:veraltet", "ja", Some(record)).await?;
            }
            Shows::List(list) => {
                for case in cases {
                    if let Some((row, belongs)) = views.row(&self.who, &list.query(), case) {
                        self.send_row(list, &row, belongs, record).await?;
                    }
                }
            }
        }
        self.send_counts(Some(record)).await
    }

    /// Sends a row, and says if it is one that the page may not have yet. The page knows which it has.
    async fn send_row(&self, list: &ListAddress, row: &Row, belongs: bool, record: u64) -> Result<(), Gone> {
        let view = RowView::new(row, list);
        if let Ok(html) = (RowPartial { row: view }).render() {
            self.send("alfa:zeile", &html, Some(record)).await?;
        }
        let came_just_now = self.visit.app.now().since(row.received) < JUST_NOW;
        if belongs && (came_just_now || list.view == View::Mine) {
            return self.send("alfa:neu", &row.case.to_string(), Some(record)).await;
        }
        Ok(())
    }

    /// Sends the numbers. The page of a case comes back with the version that it knows, so they bring no other there.
    async fn send_counts(&self, record: Option<u64>) -> Result<(), Gone> {
        let counts = self.visit.tenant.work_list().counts(&self.who);
        let frame = Frame::new("", self.visit.tenant.name(), &self.who, Some(&counts), &self.shows.here());
        match (NavigationPartial { frame }).render() {
            Ok(html) => self.send("alfa:zaehler", &html, record).await,
            Err(_) => Ok(()),
        }
    }

    /// Tells the page of a case what happened to it since it was shown, in words.
    async fn look_at_case(&mut self) -> Result<(), Gone> {
        let Shows::Case { case, seen } = &mut self.shows else { return Ok(()) };
        let Ok(sheet) = self.visit.tenant.show_case(&self.who, *case).await else { return Ok(()) };
        if sheet.version <= *seen {
            return Ok(());
        }
        *seen = sheet.version;
        match sheet.history.last() {
            Some(last) => {
                let words = format!("{} – neu laden", in_words(last));
                self.send("alfa:geaendert", &words, Some(sheet.version)).await
            }
            None => Ok(()),
        }
    }

    /// Tells the page of the clearing tray what waits anew and what no longer does. It changes nothing under the hand.
    async fn look_at_tray(&mut self, record: u64, anew: bool) -> Result<(), Gone> {
        let Shows::Tray { known, seen } = &mut self.shows else { return Ok(()) };
        let after = if anew { 0 } else { *seen };
        *seen = record;
        let Some(waits) = self.visit.tenant.clearing_after(&self.who, after) else { return Ok(()) };
        let before = std::mem::replace(known, waits.clone());
        if before.symmetric_difference(&waits).count() > MOST_AT_ONCE {
            return self.send("alfa:veraltet", "ja", Some(record)).await;
        }
        for intake in waits.difference(&before) {
            self.send("alfa:klaerung", &intake.to_string(), Some(record)).await?;
        }
        for intake in before.difference(&waits) {
            self.send("alfa:geklaert", &intake.to_string(), Some(record)).await?;
        }
        Ok(())
    }

    async fn check_session(&mut self) -> Result<(), Gone> {
        match self.visit.principal().await {
            Err(Trouble::SignedOut) => {
                self.send("alfa:abgemeldet", "ja", None).await?;
                Err(Gone)
            }
            // What the roles allow may have changed as well.
            Ok(who) => {
                self.who = who;
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }

    async fn send(&self, name: &str, data: &str, id: Option<u64>) -> Result<(), Gone> {
        let event = sse::Event::default().event(name).data(data);
        let event = match id {
            Some(id) => event.id(id.to_string()),
            None => event,
        };
        self.out.send(event).await.map_err(|_| Gone)
    }
}
