//! The fault switches of the sandbox, and its callbacks.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use ozg_cloud::sender::client::{ApiVersion, Receipt};
use ozg_protocols::fit_connect::jose::jws::Jws;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};

use crate::sandbox_town::{EVENTS, Town, eventually};

fn submit_event(log: &[Value]) -> &Value {
    let name = format!("{EVENTS}submit-submission");
    log.iter().find_map(|claims| claims["events"].get(&name)).expect("a submit event")
}

async fn attachment(town: &Town, receipt: Receipt, at: usize) -> Bytes {
    let token = town.token("amt").await;
    let place = format!("/submission-api/v2/submissions/{}", receipt.submission_id);
    let id = town.get(&place, Some(&token)).await.json()["attachments"][at].as_str().expect("an id").to_owned();
    town.get(&format!("{place}/attachments/{id}"), Some(&token)).await.bytes
}

#[tokio::test]
async fn a_wrong_tag_is_not_that_of_the_metadata_and_happens_once() {
    let town = Town::open().await;
    town.fault(&json!({ "kind": "wrong-tag" })).await;
    let token = town.token("amt").await;
    for wrong in [true, false] {
        let receipt = town.submit(ApiVersion::V2).await;
        let place = format!("/submission-api/v2/submissions/{}", receipt.submission_id);
        let sealed =
            town.get(&place, Some(&token)).await.json()["encryptedMetadata"].as_str().expect("text").to_owned();
        let log = town.log(receipt).await;
        let told = submit_event(&log)["authenticationTags"]["metadata"].as_str().expect("a tag");
        assert_eq!(!sealed.ends_with(told), wrong);
    }
}

#[tokio::test]
async fn a_fault_that_names_what_its_kind_does_not_know_is_not_armed() {
    let town = Town::open().await;
    for fault in [
        json!({ "kind": "delay", "part": "data" }),
        json!({ "kind": "wrong-tag", "path": "/events" }),
        json!({ "kind": "wrong-tag", "part": "callback" }),
    ] {
        let content = ("application/json", fault.to_string());
        let reply = town.call(Method::POST, "/sandbox/faults", None, content).await;
        assert_eq!((reply.status, reply.problem().as_str()), (StatusCode::BAD_REQUEST, "bad-request"), "{fault}");
    }
    assert_eq!(town.get("/sandbox/faults", None).await.json()["faults"], json!([]));
}

#[tokio::test]
async fn swapped_attachments_keep_the_tags_of_their_places() {
    let town = Town::open().await;
    town.fault(&json!({ "kind": "swapped-attachment" })).await;
    let receipt = town.submit(ApiVersion::V2).await;
    let log = town.log(receipt).await;
    let tags = &submit_event(&log)["authenticationTags"]["attachments"];
    let token = town.token("amt").await;
    let place = format!("/submission-api/v2/submissions/{}", receipt.submission_id);
    let ids = town.get(&place, Some(&token)).await.json()["attachments"].as_array().expect("ids").clone();
    let mut wrong = 0;
    for (at, id) in ids.iter().enumerate() {
        let sealed = attachment(&town, receipt, at).await;
        let tag = tags[id.as_str().expect("text")].as_str().expect("a tag");
        wrong += usize::from(!sealed.ends_with(tag.as_bytes()));
    }
    assert_eq!(wrong, 2);
}

#[tokio::test]
async fn the_submit_event_can_be_forged_doubled_and_of_an_unknown_schema() {
    let town = Town::open().await;
    let token = town.token("amt").await;
    town.fault(&json!({ "kind": "forged-set" })).await;
    town.fault(&json!({ "kind": "two-submit-events" })).await;
    town.fault(&json!({ "kind": "unsupported-set-schema" })).await;
    let receipt = town.submit(ApiVersion::V2).await;
    let path = format!("/submission-api/v2/cases/{}/events", receipt.case_id);
    let log = town.get(&path, Some(&token)).await.json()["eventLog"].as_array().expect("a log").clone();
    assert_eq!((log.len(), &log[1]), (3, &log[2]));
    let keys = town.get("/submission-api/.well-known/jwks.json", None).await.json();
    let chain = ozg_protocols::fit_connect::jose::jwk::Chain::Required;
    let key = ozg_protocols::fit_connect::jose::jwk::PublicJwk::from_value(&keys["keys"][0], chain).expect("a key");
    let key = ozg_protocols::fit_connect::jose::rsa::VerificationKey::new(&key).expect("usable");
    let verify = |at: usize| {
        let jws = Jws::parse(log[at].as_str().expect("text"), "secevent+jwt", 1 << 20).expect("a SET");
        jws.verify(&key).is_ok()
    };
    assert!(verify(0) && !verify(1));
    let claims = town.log(receipt).await;
    assert!(claims[1]["$schema"].as_str().expect("text").contains("/9.0.0/"));
}

#[tokio::test]
async fn a_slow_submission_appears_later() {
    let town = Town::open().await;
    town.fault(&json!({ "kind": "slow-visibility", "millis": 600 })).await;
    let receipt = town.submit(ApiVersion::V2).await;
    let token = town.token("amt").await;
    let place = format!("/submission-api/v2/submissions/{}", receipt.submission_id);
    assert_eq!(town.get(&place, Some(&token)).await.status, StatusCode::NOT_FOUND);
    let listed = async || town.get("/submission-api/v2/submissions", Some(&token)).await.json()["totalCount"] == 1;
    assert!(!listed().await);
    eventually("the listing", listed).await;
    assert_eq!(town.get(&place, Some(&token)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn faults_of_a_request_answer_in_its_place() {
    let town = Town::open().await;
    let token = town.token("amt").await;
    let list = || town.get("/submission-api/v1/submissions", Some(&token));
    town.fault(&json!({ "kind": "too-many-requests", "seconds": 7, "path": "/submissions" })).await;
    let reply = list().await;
    assert_eq!(
        (reply.status, &reply.headers["retry-after"], &reply.headers["ratelimit-reset"]),
        (StatusCode::TOO_MANY_REQUESTS, &http::HeaderValue::from_static("7"), &http::HeaderValue::from_static("7"),)
    );
    town.fault(&json!({ "kind": "server-error", "times": 2, "status": 502, "method": "GET" })).await;
    for status in [StatusCode::BAD_GATEWAY, StatusCode::BAD_GATEWAY, StatusCode::OK] {
        assert_eq!(list().await.status, status);
    }
    town.fault(&json!({ "kind": "delay", "millis": 300 })).await;
    let before = tokio::time::Instant::now();
    assert_eq!(list().await.status, StatusCode::OK);
    assert!(before.elapsed() >= Duration::from_millis(300));
    town.fault(&json!({ "kind": "unauthorized" })).await;
    assert_eq!(list().await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(list().await.status, StatusCode::UNAUTHORIZED, "the token is gone for good");
    let fresh = town.token("amt").await;
    assert_eq!(town.get("/submission-api/v1/submissions", Some(&fresh)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_lost_answer_was_carried_out() {
    let town = Town::open().await;
    let receipt = town.submit(ApiVersion::V2).await;
    let claims = town.accept(receipt).await;
    town.fault(&json!({ "kind": "lost-answer", "method": "POST", "path": "/events" })).await;
    let token = town.token("amt").await;
    let path = format!("/submission-api/v2/cases/{}/events", receipt.case_id);
    let content = ("application/jose", crate::sandbox_town::signed(&claims));
    assert!(town.try_call(Method::POST, &path, Some(&token), content).await.is_none());
    assert_eq!(town.seen(receipt).await["events"]["accept-submission"], 1);
}

/// A place that callbacks are sent to; what arrives is passed on, and the first ones are answered with 500.
async fn callbacks(refuse: usize) -> (String, mpsc::UnboundedReceiver<(HeaderMap, Bytes)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let arrived = Arc::new(arrived);
    tokio::spawn(async move {
        let mut refused = 0;
        while let Ok((stream, _)) = listener.accept().await {
            let arrived = Arc::clone(&arrived);
            let refuse_this = refused < refuse;
            refused += 1;
            let service = service_fn(move |request: http::Request<Incoming>| {
                let arrived = Arc::clone(&arrived);
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.expect("a body").to_bytes();
                    arrived.send((parts.headers, body)).expect("somebody waits");
                    let mut answer = http::Response::new(Empty::<Bytes>::new());
                    // A refused one closes its connection, so that the repetition is counted as the next.
                    if refuse_this {
                        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                        answer.headers_mut().insert("connection", http::HeaderValue::from_static("close"));
                    }
                    Ok::<_, Infallible>(answer)
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (format!("http://{address}/fit-connect"), arrivals)
}

const SECRET: &str = "ein-geheimnis-mit-mindestens-32-zeichen";

async fn with_callback(url: String) -> Town {
    Town::open_with(move |settings| {
        settings.allow_http_callbacks = true;
        let seeded = settings.seed.destinations.remove(0);
        settings.seed.destinations.push(seeded.with_callback(&url, SECRET));
    })
    .await
}

#[tokio::test]
async fn a_callback_is_repeated_until_it_is_taken_and_authenticated_every_time() {
    let (url, mut arrivals) = callbacks(1).await;
    let town = with_callback(url).await;
    let receipt = town.submit(ApiVersion::V2).await;
    for _ in 0..2 {
        let (headers, body) = arrivals.recv().await.expect("a callback");
        let text = |name: &str| headers[name].to_str().expect("text").to_owned();
        let secret = ozg_protocols::fit_connect::callback::CallbackSecret::new(SECRET).expect("long enough");
        let (code, timestamp) = (text("callback-authentication"), text("callback-timestamp"));
        assert!(secret.open(&code, &timestamp, &body, crate::sandbox_town::now()).is_ok());
        let told: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(told["submissions"][0]["submissionId"], receipt.submission_id.to_string());
        assert!(told["type"].as_str().expect("text").ends_with("/callbacks/new-submissions"));
    }
    eventually("the taking", async || {
        town.get("/sandbox/state", None).await.json()["callbacks"] == json!({ "failed": 1, "taken": 1 })
    })
    .await;
}

#[tokio::test]
async fn a_callback_can_come_twice() {
    let (url, mut arrivals) = callbacks(0).await;
    let town = with_callback(url).await;
    town.fault(&json!({ "kind": "duplicate-callback" })).await;
    town.submit(ApiVersion::V2).await;
    let (_, first) = arrivals.recv().await.expect("a callback");
    let (_, second) = arrivals.recv().await.expect("the same again");
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_sender_with_a_callback_hears_of_the_verdict() {
    let (url, mut arrivals) = callbacks(0).await;
    let town = Town::open_with(|settings| settings.allow_http_callbacks = true).await;
    let (token, base) = (town.token("sender").await, "/submission-api/v2/submissions");
    let announced = json!({ "destinationId": town.destination, "announcedAttachments": [],
        "publicService": { "name": "", "identifier": crate::sandbox_town::SERVICE },
        "callback": { "url": url, "secret": SECRET } });
    let created = town.send(Method::POST, base, &token, &announced).await.json();
    let receipt: Receipt = serde_json::from_value(created).expect("a receipt");
    town.fault(&json!({ "kind": "unchecked-seal" })).await;
    let parts = json!({ "encryptedMetadata": "a.b.c.d.e", "encryptedData": "a.b.c.d.e" });
    let shown = town.send(Method::PUT, &format!("{base}/{}", receipt.submission_id), &token, &parts).await.json();
    assert_eq!(shown["callback"], json!({ "url": url }), "the secret is never shown");
    let claims = town.claims(receipt, "reject-submission", &json!({ "problems": [] }));
    assert_eq!(town.post(receipt, &claims).await.status, StatusCode::NO_CONTENT);
    let (_, body) = arrivals.recv().await.expect("a callback");
    let told: Value = serde_json::from_slice(&body).expect("JSON");
    assert!(told["type"].as_str().expect("text").ends_with("/callbacks/new-events"));
    assert_eq!(told["submissionIds"][0], receipt.submission_id.to_string());
}

/// A certificate for 127.0.0.1 and its key, made by openssl.
fn certificate(directory: &std::path::Path) -> Option<ozg_cloud::sandbox::TlsFiles> {
    let (certificates, key) = (directory.join("cert.pem"), directory.join("key.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args([std::ffi::OsStr::new("-keyout"), key.as_os_str(), "-out".as_ref(), certificates.as_os_str()])
        .output();
    made.ok().filter(|made| made.status.success()).map(|_| ozg_cloud::sandbox::TlsFiles { certificates, key })
}

#[tokio::test]
async fn it_speaks_tls_to_those_who_trust_its_certificate() {
    let directory = tempfile::tempdir().expect("a directory");
    let Some(files) = certificate(directory.path()) else {
        crate::skipped::skipped("TLS of the sandbox: openssl made no certificate");
        return;
    };
    let roots = files.certificates.clone();
    let town = Town::open_with(|settings| settings.tls = Some(files)).await;
    let place = format!("{}/submission-api/v1/info", town.running.urls.base);
    assert!(place.starts_with("https://"));
    let ask = async |roots: Option<&std::path::Path>| {
        let transport = ozg_cloud::sender::transport::Transport::new(roots).expect("a transport");
        let request = http::Request::get(&place).body(ozg_cloud::sender::transport::empty()).expect("a request");
        transport.send(request).await.map(|answer| answer.status())
    };
    assert_eq!(ask(Some(&roots)).await.expect("an answer"), StatusCode::OK);
    assert!(ask(None).await.is_err());
}
