//! What is sent while somebody looks.

use ozg_web::Limits as WebLimits;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    client::Client,
    town::{HOST, PATIENCE, Town},
};

/// A stream of events as text, read piece by piece.
struct Listening {
    stream: TcpStream,
    heard: String,
}

impl Listening {
    async fn to(town: &Town, client: &Client, path: &str) -> Self {
        let mut stream = TcpStream::connect(town.server.local_addr()).await.expect("connects");
        let cookie = client.cookie.as_deref().expect("signed in");
        let head = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\nHX-Request: true\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("writes");
        let mut listening = Self { stream, heard: String::new() };
        listening.until("text/event-stream").await;
        listening
    }

    async fn until(&mut self, wanted: &str) {
        let mut buffer = vec![0; 65_536];
        while !self.heard.contains(wanted) {
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer)).await;
            let read = read.unwrap_or_else(|_| panic!("{wanted} was not sent: {}", self.heard)).expect("reads");
            assert!(read > 0, "the stream ended before {wanted}: {}", self.heard);
            self.heard.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    }

    /// Whether the stream ends.
    async fn ends(mut self) -> bool {
        let mut rest = Vec::new();
        tokio::time::timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.is_ok()
    }
}

async fn comment(client: &Client, case: ozg_protocols::ids::CaseId) {
    let action = format!("/vorgang/{case}/kommentar");
    let page = client.get(&format!("/vorgang/{case}")).await;
    let (key, seen) = (page.field(&action, "schluessel"), page.field(&action, "stand"));
    let answer = client.post(&action, &[("schluessel", &key), ("stand", &seen), ("text", "Notiz")]).await;
    assert!(answer.header("location").contains("erledigt"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_row_and_a_new_case_reach_those_who_may_see_them() {
    let town = Town::founded().await;
    let case = town.receives(1, "32").await;
    let (erika, max) = (town.signed_in("erika").await, town.signed_in("max").await);
    let mut listening = Listening::to(&town, &erika, "/ereignisse?stand=999999&ansicht=alle").await;
    comment(&max, case).await;
    listening.until(&format!("id=\"v-{case}\" data-stand=\"2\"")).await;
    let (_theirs, ours) = (town.receives(2, "33").await, town.receives(3, "32").await);
    listening.until(&format!("event:alfa:neu\ndata:{ours}")).await;
    listening.until("event:alfa:zaehler").await;
    assert!(!listening.heard.contains("MUS-2026-000002"), "a case of another unit was sent");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_a_little_behind_gets_what_it_missed() {
    let town = Town::founded().await;
    let case = town.receives(1, "32").await;
    let erika = town.signed_in("erika").await;
    let mut listening = Listening::to(&town, &erika, "/ereignisse?stand=0&ansicht=alle").await;
    listening.until(&format!("event:alfa:neu\ndata:{case}")).await;
    assert!(!listening.heard.contains("alfa:veraltet"));
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_far_behind_is_told_to_reload() {
    let town = Town::founded().await;
    for number in 1..=45 {
        town.receives(number, "32").await;
    }
    let erika = town.signed_in("erika").await;
    let mut listening = Listening::to(&town, &erika, "/ereignisse?stand=0&ansicht=alle").await;
    listening.until("event:alfa:veraltet").await;
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_at_a_case_hears_what_a_colleague_did() {
    let town = Town::founded().await;
    let case = town.receives(1, "32").await;
    let (erika, max) = (town.signed_in("erika").await, town.signed_in("max").await);
    let mut listening = Listening::to(&town, &erika, &format!("/ereignisse?vorgang={case}&stand=1")).await;
    comment(&max, case).await;
    listening.until("data:Kommentar geschrieben: Max Ḧolm").await;
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_beside_a_case_follow_what_happens_to_others() {
    let town = Town::founded().await;
    let case = town.receives(1, "32").await;
    let erika = town.signed_in("erika").await;
    let mut listening = Listening::to(&town, &erika, &format!("/ereignisse?vorgang={case}&stand=1")).await;
    let new = |count: u64| format!("<span>Neu</span><span class=\"alfa-zahl\">{count}</span>");
    listening.until(&new(1)).await;
    town.receives(2, "32").await;
    listening.until(&new(2)).await;
    assert!(!listening.heard.contains("\nid:"), "the version that the page knows stays: {}", listening.heard);
    assert!(!listening.heard.contains("aria-current"), "the page is none of the navigation's places");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clearing_tray_tells_what_came_and_is_counted_on_every_page_of_whoever_may_see_it() {
    let town = Town::founded().await;
    let first = town.cannot_read(1).await;
    let (rita, erika) = (town.signed_in("rita").await, town.signed_in("erika").await);
    let counted = |count: u64| format!("<span>Klärungsfälle</span><span class=\"alfa-zahl\">{count}</span>");
    let page = rita.get("/klaerung").await.text();
    assert!(page.contains(&counted(1)) && page.contains(&format!("id=\"k-{first}\"")), "{page}");
    let live = page.split("hx-sse:connect=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("it is live");
    let mut tray = Listening::to(&town, &rita, &live.replace("&#38;", "&")).await;
    let mut list = Listening::to(&town, &rita, "/ereignisse?stand=999999&ansicht=alle").await;
    let second = town.cannot_read(2).await;
    tray.until(&format!("event:alfa:klaerung\ndata:{second}")).await;
    tray.until(&counted(2)).await;
    list.until(&counted(2)).await;
    assert!(!tray.heard.contains(&format!("data:{first}")) && !tray.heard.contains("alfa:veraltet"), "{}", tray.heard);
    let mut late = Listening::to(&town, &rita, "/ereignisse?bereich=klaerung&stand=0").await;
    late.until("event:alfa:veraltet").await;
    assert!(!erika.get("/vorgaenge").await.text().contains("Klärungsfälle"));
    assert_eq!(erika.get("/ereignisse?bereich=klaerung").await.status, http::StatusCode::FORBIDDEN);
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_streams_do_not_hold_the_server_up() {
    // They are ended, not cut off at some time: nobody waits for that long.
    let town = Town::founded_with(WebLimits { goodbye: PATIENCE * 10, ..WebLimits::default() }).await;
    let (erika, oskar) = (town.signed_in("erika").await, town.signed_in("oskar").await);
    let list = Listening::to(&town, &erika, "/ereignisse?ansicht=alle").await;
    let mut tree = Listening::to(&town, &oskar, "/betrieb/ereignisse").await;
    tree.until("event:alfa:stand").await;
    assert!(tree.heard.contains("house/musterstadt/") && !tree.heard.contains("kleinau"), "{}", tree.heard);
    town.closes().await;
    assert!(list.ends().await && tree.ends().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_a_session_leads_to_the_sign_in_page() {
    let town = Town::founded().await;
    let answer = town.browser().send(http::Method::GET, "/ereignisse", &[("hx-request", "true")], "").await;
    assert_eq!((answer.status.as_u16(), answer.header("hx-redirect")), (401, "/anmeldung?zurueck=%2Fvorgaenge"));
    town.closes().await;
}
