//! What the client does when the other side behaves badly.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Method, header};
use ozg_protocols::moment::Moment;

use super::{
    Call, CallError, Outbound, OutboundSettings, SystemResolver,
    peer::{Peer, Step, answer},
};
use crate::{observe::Observation, seams::WallClock};

fn outbound(settings: OutboundSettings) -> (Outbound, Observation) {
    let observation = Observation::new(Arc::new(WallClock));
    let outbound = Outbound::new(settings, Arc::new(SystemResolver)).expect("settings");
    outbound.register(&observation);
    (outbound, observation)
}

const MOMENT: Duration = Duration::from_millis(200);

/// Waits a moment for the whole of an answer.
fn impatient() -> OutboundSettings {
    OutboundSettings { answer_within: MOMENT, ..patient() }
}

/// Waits as long as the program does: for whatever is not about time.
fn patient() -> OutboundSettings {
    OutboundSettings { most_bytes: 1_000, ..OutboundSettings::default() }
}

fn get(peer: &Peer, host: &str) -> Call {
    let uri = format!("http://{host}:{}/x", peer.at.port()).parse().expect("a URI");
    Call::new("test", Method::GET, uri).with(header::AUTHORIZATION, HeaderValue::from_static("Bearer t"))
}

async fn error_of(settings: OutboundSettings, script: Vec<Step>) -> CallError {
    let peer = Peer::start(vec![script]).await;
    outbound(settings).0.call(get(&peer, "127.0.0.1")).await.expect_err("no answer")
}

#[tokio::test]
async fn every_name_below_localhost_is_this_machine() {
    let mut peer = Peer::start(vec![answer("200 OK", "", "hallo")]).await;
    let (outbound, observation) = outbound(patient());
    let answer = outbound.call(get(&peer, "musterstadt.localhost")).await.expect("an answer");
    assert_eq!(&answer.body[..], b"hallo");
    assert!(peer.request().await.to_lowercase().contains("user-agent: ozg-cloud/"));
    assert!(observation.metrics_text().contains("ozg_outbound_calls_total{purpose=\"test\",outcome=\"ok\"} 1"));
}

#[tokio::test]
async fn an_answer_says_when_it_was_given() {
    let dated = async |header: &str| {
        let peer = Peer::start(vec![answer("200 OK", header, "")]).await;
        outbound(patient()).0.call(get(&peer, "127.0.0.1")).await.expect("an answer").date
    };
    let given = Moment::from_seconds(784_111_777);
    assert_eq!(dated("date: Sun, 06 Nov 1994 08:49:37 GMT\r\n").await, Some(given));
    assert_eq!(dated("date: gestern\r\n").await, None);
    assert_eq!(dated("").await, None);
}

#[tokio::test]
async fn a_redirect_is_an_error_and_nobody_follows_it() {
    let mut elsewhere = Peer::start(vec![answer("200 OK", "", "")]).await;
    let script = answer("302 Found", &format!("location: http://{}/\r\n", elsewhere.at), "");
    assert!(matches!(error_of(patient(), script).await, CallError::Redirected(status) if status.as_u16() == 302));
    // Nobody was there before us.
    outbound(patient()).0.call(get(&elsewhere, "127.0.0.1")).await.expect("an answer");
    assert!(elsewhere.request().await.starts_with("GET /x "));
}

#[tokio::test]
async fn a_busy_service_says_when_to_come_again() {
    let error = error_of(patient(), answer("429 Too Many Requests", "retry-after: 7\r\n", "{}")).await;
    assert_eq!((error.kind(), error.retry_after()), ("too-many", Some(Duration::from_secs(7))));
    let error = error_of(patient(), answer("429 Too Many Requests", "ratelimit-reset: 3\r\n", "{}")).await;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
}

#[tokio::test]
async fn a_small_answer_has_a_deadline_for_the_whole_of_it() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n".to_vec();
    let script = vec![Step::Send(head), Step::Trickle(b'x', Duration::from_millis(20))];
    assert!(matches!(error_of(impatient(), script).await, CallError::Timeout));
    assert!(matches!(error_of(impatient(), vec![Step::Wait(Duration::from_secs(600))]).await, CallError::Timeout));
}

#[tokio::test]
async fn a_small_answer_that_is_not_small_is_refused() {
    assert!(matches!(error_of(patient(), answer("200 OK", "", &"x".repeat(1_001))).await, CallError::TooLarge));
    let chunked =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n800\r\n{}\r\n0\r\n\r\n", "x".repeat(2048));
    assert!(matches!(error_of(patient(), vec![Step::Send(chunked.into_bytes())]).await, CallError::TooLarge));
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_network_error() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec();
    assert!(matches!(error_of(patient(), vec![Step::Send(cut)]).await, CallError::Network(_)));
    assert!(matches!(error_of(patient(), Vec::new()).await, CallError::Network(_)));
}

async fn stream_error(script: Vec<Step>, most: u64, settings: OutboundSettings) -> CallError {
    let peer = Peer::start(vec![script]).await;
    let mut streaming = match outbound(settings).0.stream(get(&peer, "127.0.0.1"), most).await {
        Ok(streaming) => streaming,
        Err(error) => return error,
    };
    loop {
        match streaming.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the whole answer was taken"),
            Err(error) => return error,
        }
    }
}

#[tokio::test]
async fn a_large_answer_that_pauses_is_given_up() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nabc".to_vec();
    let script = vec![Step::Send(head), Step::Wait(Duration::from_secs(600))];
    let settings = OutboundSettings { idle: MOMENT, ..patient() };
    assert!(matches!(stream_error(script, 1_000, settings).await, CallError::Timeout));
}

#[tokio::test]
async fn a_large_answer_that_is_larger_than_allowed_is_given_up() {
    let script = answer("200 OK", "", &"x".repeat(2_000));
    assert!(matches!(stream_error(script, 1_999, patient()).await, CallError::TooLarge));
    let chunked =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n800\r\n{}\r\n0\r\n\r\n", "x".repeat(2048));
    let script = vec![Step::Send(chunked.into_bytes())];
    assert!(matches!(stream_error(script, 1_999, patient()).await, CallError::TooLarge));
}

#[tokio::test(start_paused = true)]
async fn a_large_answer_that_trickles_is_given_up() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 90000\r\n\r\n".to_vec();
    let script = vec![Step::Send(head), Step::Trickle(b'x', Duration::from_secs(1))];
    let settings = OutboundSettings { least_rate: 1_000, ..OutboundSettings::default() };
    assert!(matches!(stream_error(script, 100_000, settings).await, CallError::TooSlow));
}
