//! What becomes of a call when the other side behaves badly, or whoever carries it ends.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Method, header};
use ozg_protocols::moment::Moment;

use ractor::Actor;

use super::{
    Call, CallError, Outbound, OutboundSettings, SystemResolver,
    peer::{Peer, Step, answer},
};
use crate::{
    house::Supervisor,
    observe::{ActorReport, ActorState, Observation},
    seams::WallClock,
    supervise,
};

/// A way out with somebody who carries the calls.
async fn outbound(settings: OutboundSettings) -> (Outbound, Observation) {
    let observation = Observation::new(Arc::new(WallClock));
    let probe = observation.root("infrastructure", &supervise::INFRASTRUCTURE);
    let outbound = Outbound::new(settings, Arc::new(SystemResolver)).expect("settings");
    let spec = outbound.spec(&probe, &observation);
    Actor::spawn(None, Supervisor, (vec![spec], probe)).await.expect("starts");
    (outbound, observation)
}

/// Whoever carries the calls.
fn report(observation: &Observation) -> ActorReport {
    observation.reports().into_iter().find(|report| report.class == "outbound").expect("there")
}

fn kill(observation: &Observation) {
    let members = observation.members();
    let member = members.iter().find(|probe| probe.report().class == "outbound").expect("there");
    member.cell().expect("runs").kill();
}

async fn until(what: &str, is: impl Fn() -> bool) {
    let waits = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waits).await.expect(what);
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
    outbound(settings).await.0.call(get(&peer, "127.0.0.1")).await.expect_err("no answer")
}

#[tokio::test]
async fn every_name_below_localhost_is_this_machine() {
    let mut peer = Peer::start(vec![answer("200 OK", "", "hallo")]).await;
    let (outbound, observation) = outbound(patient()).await;
    let answer = outbound.call(get(&peer, "musterstadt.localhost")).await.expect("an answer");
    assert_eq!(&answer.body[..], b"hallo");
    assert!(peer.request().await.to_lowercase().contains("user-agent: ozg-cloud/"));
    assert!(observation.metrics_text().contains("ozg_outbound_calls_total{purpose=\"test\",outcome=\"ok\"} 1"));
}

#[tokio::test]
async fn an_answer_says_when_it_was_given() {
    let dated = async |header: &str| {
        let peer = Peer::start(vec![answer("200 OK", header, "")]).await;
        outbound(patient()).await.0.call(get(&peer, "127.0.0.1")).await.expect("an answer").date
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
    outbound(patient()).await.0.call(get(&elsewhere, "127.0.0.1")).await.expect("an answer");
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
    let mut streaming = match outbound(settings).await.0.stream(get(&peer, "127.0.0.1"), most).await {
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

/// Says nothing, for as long as a test takes.
fn silent() -> Vec<Step> {
    vec![Step::Wait(Duration::from_secs(600))]
}

#[tokio::test]
async fn a_call_that_hangs_delays_no_other() {
    let (hangs, answers) = (Peer::start(vec![silent()]).await, Peer::start(vec![answer("200 OK", "", "ja")]).await);
    let (outbound, observation) = outbound(patient()).await;
    let first = tokio::spawn({
        let (outbound, call) = (outbound.clone(), get(&hangs, "127.0.0.1"));
        async move { outbound.call(call).await }
    });
    until("it is under way", || report(&observation).state == ActorState::Busy).await;
    assert_eq!(&outbound.call(get(&answers, "127.0.0.1")).await.expect("an answer").body[..], b"ja");
    assert!(observation.metrics_text().contains(&format!("ozg_outbound_under_way{{peer=\"{}\"}} 1", hangs.at)));
    first.abort();
    until("nobody waits for it, so it has ended", || report(&observation).state == ActorState::Running).await;
    let ended = || observation.metrics_text().contains(&format!("ozg_outbound_under_way{{peer=\"{}\"}} 0", hangs.at));
    until("also for its peer", ended).await;
}

#[tokio::test]
async fn whoever_waits_while_the_carrier_is_killed_hears_of_a_broken_network_and_is_served_by_the_next() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nabc".to_vec();
    let half = vec![Step::Send(head), Step::Wait(Duration::from_secs(600))];
    let (hangs, large) = (Peer::start(vec![silent()]).await, Peer::start(vec![half]).await);
    let answers = Peer::start(vec![answer("200 OK", "", "ja")]).await;
    let (outbound, observation) = outbound(patient()).await;
    let mut streaming = outbound.stream(get(&large, "127.0.0.1"), 1_000).await.expect("begins");
    assert_eq!(streaming.next().await.expect("a piece").as_deref(), Some(&b"abc"[..]));
    let waits = tokio::spawn({
        let (outbound, call) = (outbound.clone(), get(&hangs, "127.0.0.1"));
        async move { outbound.call(call).await }
    });
    let under_way = || observation.metrics_text().contains(&format!("{{peer=\"{}\"}} 1", hangs.at));
    until("it is under way", under_way).await;
    kill(&observation);
    assert!(matches!(waits.await.expect("no panic"), Err(CallError::Network(_))));
    assert!(matches!(streaming.next().await, Err(CallError::Network(_))));
    until("it is started again", || report(&observation).restarts == 1).await;
    until("the next one is there", || report(&observation).state == ActorState::Running).await;
    assert_eq!(&outbound.call(get(&answers, "127.0.0.1")).await.expect("an answer").body[..], b"ja");
    until("every permit has come back", || outbound.free() == super::peers::MOST).await;
}

#[tokio::test]
async fn a_full_house_turns_a_call_away_at_once() {
    let peer = Peer::start(vec![answer("200 OK", "", "ja")]).await;
    let (outbound, _observation) = outbound(patient()).await;
    let all = outbound.all_permits();
    assert!(matches!(outbound.call(get(&peer, "127.0.0.1")).await, Err(CallError::Busy)));
    drop(all);
    outbound.call(get(&peer, "127.0.0.1")).await.expect("an answer");
}

#[tokio::test]
async fn a_service_in_trouble_is_seen_with_how_often_it_failed() {
    let fails = || answer("503 Service Unavailable", "", "");
    let peer = Peer::start(vec![fails(), fails(), answer("404 Not Found", "", "")]).await;
    let (outbound, observation) = outbound(patient()).await;
    let failures = |count: u32| {
        let line = format!("ozg_outbound_failures_in_a_row{{peer=\"{}\"}} {count}\n", peer.at);
        let observation = observation.clone();
        async move { until(&line, || observation.metrics_text().contains(&line)).await }
    };
    for count in 1..=2 {
        outbound.call(get(&peer, "127.0.0.1")).await.expect_err("is in trouble");
        failures(count).await;
    }
    let (_, why) = report(&observation).last_failure.expect("a reason");
    assert_eq!(why, format!("{}: server-error", peer.at));
    outbound.call(get(&peer, "127.0.0.1")).await.expect_err("says no");
    failures(0).await;
}
