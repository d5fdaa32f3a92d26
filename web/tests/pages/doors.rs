//! Who comes in, and from where: sign-in, hosts, foreign senders, limits, endpoints for monitors.

use http::{Method, StatusCode};
use ozg_actors::Callback;
use ozg_web::Limits as WebLimits;

use crate::town::{BROKEN_HOST, HOST, PASSWORD, PATIENCE, Town};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_opens_one_tenant_and_ends_when_it_is_told_to() {
    let town = Town::founded().await;
    let mut browser = town.browser();
    let answer = browser.get("/vorgaenge?ansicht=alle").await;
    assert_eq!(answer.header("location"), "/anmeldung?zurueck=%2Fvorgaenge%3Fansicht%3Dalle");

    let wrong = browser.post("/anmeldung", &[("kennung", "erika"), ("passwort", "falsch")]).await;
    let unknown = browser.post("/anmeldung", &[("kennung", "niemand"), ("passwort", "falsch")]).await;
    assert_eq!((wrong.status, unknown.status), (StatusCode::UNPROCESSABLE_ENTITY, StatusCode::UNPROCESSABLE_ENTITY));
    assert_eq!(wrong.text().replace("erika", ""), unknown.text().replace("niemand", ""), "they must not differ");

    let fields = [("kennung", "erika"), ("passwort", PASSWORD), ("zurueck", "//boese.example")];
    let answer = browser.post("/anmeldung", &fields).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/vorgaenge"));
    let cookie = answer.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("__Host-alfa=") && cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );

    browser.cookie = cookie.split(';').next().map(str::to_owned);
    assert_eq!(browser.get("/vorgaenge").await.status, StatusCode::OK);
    assert_eq!(browser.post("/abmelden", &[]).await.header("location"), "/anmeldung?abgemeldet=ja");
    assert_eq!(browser.get("/vorgaenge").await.status, StatusCode::SEE_OTHER, "the old cookie must be worth nothing");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_passwords_is_asked_to_wait() {
    let town = Town::founded().await;
    let browser = town.browser();
    let mut last = None;
    for _ in 0..20 {
        let answer = browser.post("/anmeldung", &[("kennung", "erika"), ("passwort", "falsch")]).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            last = Some(answer);
            break;
        }
    }
    let answer = last.expect("20 wrong passwords in a row are too many");
    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    assert!(answer.text().contains("Bitte versuchen Sie es in"), "{}", answer.text());
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_host_opens_nothing_even_with_a_good_cookie() {
    let town = Town::founded().await;
    let erika = town.signed_in("erika").await;
    for host in ["boese.example", "127.0.0.1", "musterstadt.localhost.boese.example", ""] {
        let answer = erika.at_host(host).get("/vorgaenge").await;
        assert!(matches!(answer.status.as_u16(), 400 | 421), "{host}: {}", answer.status);
        assert!(!answer.text().contains("Erika"), "{host}");
    }
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_could_not_be_opened_says_so_while_its_neighbour_is_served() {
    let town = Town::founded().await;
    let visitor = town.browser();
    let answer = visitor.at_host(BROKEN_HOST).get("/anmeldung").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text().contains("Die Daten dieses Mandanten lassen sich zurzeit nicht öffnen"), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), "60");
    assert_eq!(visitor.get("/anmeldung").await.status, StatusCode::OK);
    let readiness = visitor.get("/readyz").await;
    assert_eq!(readiness.status, StatusCode::OK);
    assert!(readiness.text().contains("nicht alle"), "{}", readiness.text());
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_cannot_act_and_is_told_so() {
    let town = Town::founded().await;
    let erika = town.signed_in("erika").await;
    let port = town.server.local_addr().port();
    let own = format!("http://musterstadt.localhost:{port}");
    let refused = [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "http://nachbarstadt.localhost")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("origin", own.as_str())],
    ];
    for headers in refused {
        let answer = erika.send(Method::POST, "/abmelden", headers, "").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
        assert!(answer.text().contains("Öffnen Sie die Seite neu"));
    }
    assert_eq!(erika.get("/vorgaenge").await.status, StatusCode::OK, "still signed in");
    let answer = erika.send(Method::POST, "/abmelden", &[("origin", own.as_str())], "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_protected() {
    let town = Town::founded().await;
    let erika = town.signed_in("erika").await;
    for path in ["/anmeldung", "/vorgaenge", "/betrieb", "/gibt/es/nicht", "/livez", "/vorgang/xyz"] {
        let answer = erika.get(path).await;
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    assert_eq!(erika.get("/gibt/es/nicht").await.status, StatusCode::NOT_FOUND);
    assert_eq!(erika.get("/betrieb").await.status, StatusCode::FORBIDDEN);
    assert_eq!(erika.get("/klaerung").await.status, StatusCode::FORBIDDEN);
    assert_eq!(erika.post("/vorgaenge", &[]).await.status, StatusCode::METHOD_NOT_ALLOWED);
    town.closes().await;
}

/// The largest form in bytes.
const LARGEST_FORM: usize = 256 * 1024;

/// What comes back for a body of which so many bytes are announced and so many sent. Whoever sends more than is read may find
/// the connection closed before he has read the answer.
async fn answer_to(town: &Town, path: &str, announced: usize, sent: usize) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(town.server.local_addr()).await.expect("connects");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {announced}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("writes");
    stream.write_all(&vec![b'x'; sent]).await.expect("writes");
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("is answered").expect("reads");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused() {
    let town = Town::founded().await;
    for (announced, sent) in [(LARGEST_FORM + 1, LARGEST_FORM + 1), (1_500_000, 0)] {
        let answer = answer_to(&town, "/anmeldung", announced, sent).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
    town.closes().await;
}

/// It comes whole, though most of what was sent was never read.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_far_too_much_reads_the_whole_answer_every_time() {
    let town = Town::founded().await;
    let much = format!("kennung={}", "x".repeat(20_000_000));
    for _ in 0..50 {
        let headers = [("sec-fetch-site", "same-origin"), ("content-type", "application/x-www-form-urlencoded")];
        let answer = town.browser().send(Method::POST, "/anmeldung", &headers, &much).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(answer.text().trim_end().ends_with("</html>"), "{}", answer.text());
    }
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_finishes_its_head_is_let_go() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let head = std::time::Duration::from_secs(1);
    let town = Town::founded_with(WebLimits { head, ..WebLimits::default() }).await;
    let mut slow = tokio::net::TcpStream::connect(town.server.local_addr()).await.expect("connects");
    let silent = tokio::net::TcpStream::connect(town.server.local_addr()).await.expect("connects");
    slow.write_all(b"GET / HTTP/1.1\r\nHost: x").await.expect("writes");
    for mut stream in [slow, silent] {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the connection is still open");
    }
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn monitors_are_answered_whatever_host_they_name() {
    let town = Town::founded().await;
    let monitor = town.browser().at_host("10.0.0.1");
    assert_eq!(monitor.get("/livez").await.status, StatusCode::OK);
    let ready = monitor.get("/readyz").await;
    assert_eq!((ready.status, ready.text().contains("schreibbar")), (StatusCode::OK, true), "{}", ready.text());
    let metrics = monitor.get("/metrics").await;
    assert_eq!(metrics.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(metrics.text().contains("ozg_") && metrics.text().ends_with("# EOF\n"));
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_for_no_destination_is_a_problem() {
    let town = Town::founded().await;
    let service = town.browser();
    for id in ["keine-uuid", "8a5e1c84-1df0-4a4c-9d22-0c7b5a2e1f00"] {
        let answer = service.send(Method::POST, &format!("/fit-connect/rueckruf/{id}"), &[], "{}").await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::NOT_FOUND, "application/problem+json"));
    }
    let (path, large) = ("/fit-connect/rueckruf/8a5e1c84-1df0-4a4c-9d22-0c7b5a2e1f00", Callback::LONGEST + 1);
    let answer = answer_to(&town, path, large, large).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("content-type: application/problem+json"), "{answer}");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_pattern_method_and_status_and_never_by_what_was_typed() {
    let town = Town::founded().await;
    let case = town.receives(1, "32").await;
    let erika = town.signed_in("erika").await;
    erika.get(&format!("/vorgang/{case}?ansicht=alle")).await;
    erika.get("/vorgaenge?suche=Lindner").await;
    erika.get("/Erika-Mustermann").await;
    let metrics = town.browser().get("/metrics").await.text();
    let name = "ozg_http_server_request_duration_seconds";
    let count = |labels: &str| metrics.contains(&format!("{name}_count{{{labels}}} 1\n"));
    assert!(count(r#"route="/vorgang/{id}",method="GET",status="2xx""#), "{metrics}");
    assert!(count(r#"route="/vorgaenge",method="GET",status="2xx""#), "{metrics}");
    assert!(count(r#"route="(andere)",method="GET",status="4xx""#), "{metrics}");
    assert!(count(r#"route="/anmeldung",method="POST",status="3xx""#), "{metrics}");
    let buckets = metrics.lines().filter(|line| line.contains("_bucket{") && line.contains(r#"route="/vorgaenge""#));
    let buckets: Vec<_> = buckets.collect();
    assert!(buckets.first().is_some_and(|line| line.contains(r#"le="0.001""#)), "{buckets:?}");
    assert!(buckets.iter().any(|line| line.contains(r#"le="10.0""#)), "{buckets:?}");
    for typed in [case.to_string().as_str(), "Lindner", "Erika", "suche", "ansicht"] {
        assert!(!metrics.contains(typed), "{typed} is a label");
    }
    town.closes().await;
}
