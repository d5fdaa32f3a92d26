//! Hostile input over the wire, through the real sandbox into the real server: refused with the protocol's own error, counted,
//! named in the log, nothing personal anywhere in clear, memory flat.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use http::{Method, Request, StatusCode};
use ozg_cloud::sender::{
    client::{ApiVersion, Receipt, Verdict},
    damage::Damage,
    parcel::Parcel,
    sample::{Samples, service::SERVICES},
    transport,
};
use ozg_protocols::{fit_connect::callback::CallbackSecret, moment::Moment};
use serde_json::{Value, json};

use crate::{
    sandbox_town::{eventually, now},
    soak::rename_applicant,
    world::{PLACES, Place, World},
};

/// Stands in every submission here, and nowhere in clear.
const CANARY: &str = "Quendolinchen";
const PATIENCE: Duration = Duration::from_secs(60);
/// Characters of a part that no application has.
const OVERSIZED: usize = 20 << 20;
/// How much more memory the server may have after everything, in KiB.
const GROWTH: u64 = 96 * 1024;

fn vectors() -> PathBuf {
    crate::sources::root().join("protocols/fixtures/fit_connect/jose")
}

/// An application of somebody whose name is found again.
fn parcel(version: ApiVersion) -> Parcel {
    let service = SERVICES.iter().find(|service| !service.by_organisations).expect("one for people");
    let mut parcel = Samples::new(1).of(service, version, now());
    parcel.attachments.truncate(1);
    parcel.attachments[0].filename = format!("{CANARY}.pdf");
    let mut form: Value = serde_json::from_slice(&parcel.data).expect("a form");
    rename_applicant(&mut form, CANARY);
    parcel.data = form.to_string().into_bytes();
    parcel
}

/// A world whose first tenants also have the key of the vectors, and take no De-Mail for an answer.
async fn world(vectors: &Path) -> World {
    let mut world = World::lay();
    let file = world.path("ozg-cloud.toml");
    let toml = fs::read_to_string(&file).expect("a file");
    let key = secret(&world, vectors, "key-decryption.private.jwk.json");
    let lines = format!("reply_channels = [\"eMail\", \"idBundDeMailbox\"]\ndecryption_key_files = [{key}, ");
    let toml = toml.replace("decryption_key_files = [", &lines);
    fs::write(file, toml).expect("written");
    world.start_sandbox().await;
    world.start_server();
    world.ready().await;
    world
}

/// A key of the vectors as a secret file of this world; the path as it stands in TOML.
fn secret(world: &World, vectors: &Path, name: &str) -> Value {
    let file = world.path(name);
    fs::write(&file, fs::read(vectors.join(name)).expect("a key")).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("allowed");
    json!(file)
}

async fn submit(world: &World, place: &Place, damage: Option<&Damage>) -> Receipt {
    if let Some(Damage::SealedData(_) | Damage::SealedMetadata(_) | Damage::SealedAttachment(_)) = damage {
        // For the upload and the submit. What is no JWE at all is refused by a service that looks; this one does not.
        let faults = format!("http://127.0.0.1:{}/sandbox/faults", world.sandbox_port);
        let fault = json!({ "kind": "unchecked-seal", "times": 2 }).to_string();
        assert!(world.call(Method::POST, &faults, fault).await.0.is_success());
    }
    let key = world.key_of(place).await;
    let parcel = parcel(place.version);
    let sent = world.sender().send(place.destination(), &key, place.version, &parcel, damage).await;
    sent.unwrap_or_else(|error| panic!("{error}: {damage:?}"))
}

/// The problems of a rejection, as `type suffix @ instance`; what became of it otherwise.
async fn problems(world: &World, receipt: Receipt, patience: Duration) -> Vec<String> {
    match world.sender().wait(receipt, ApiVersion::V2, patience).await.expect("a log") {
        Verdict::Rejected(problems) => problems
            .iter()
            .map(|problem| {
                let kind = problem["type"].as_str().expect("a type").rsplit('/').next().expect("a name");
                format!("{kind} @ {}", problem["instance"].as_str().expect("an instance"))
            })
            .collect(),
        other => vec![format!("{other:?}")],
    }
}

/// What a vector leads to as this part, in the version of this place.
fn expected(vector: &str, part: &str, version: ApiVersion) -> Vec<String> {
    match (vector, version) {
        // Its tag has no length that a tag can have, so that the event which names it is no event.
        ("enc-A256CBC-HS512" | "four-segments" | "six-segments" | "padding-eq", _) => {
            vec!["invalid-event-log @ submission".to_owned(); 2]
        }
        // Perhaps a key of ours that was forgotten: it waits.
        ("wrong-kid", _) => vec!["Open".to_owned()],
        // 200 MB are no more than an attachment may have: it is written, in pieces, and is not what was described.
        ("zip-bomb-200MB", ApiVersion::V1) if part.starts_with("attachment") => vec![format!("hash-mismatch @ {part}")],
        ("zip-bomb-200MB", ApiVersion::V1) => vec!["technical-error @ other".to_owned()],
        _ => vec![format!("encryption-issue @ {part}")],
    }
}

/// What is sent beside the vectors, and what it leads to.
fn damages(vectors: &Path) -> Vec<(Damage, Vec<String>)> {
    let attachment = format!("attachment:{}", parcel(ApiVersion::V2).attachments[0].id);
    let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
    let flipped = fs::read_to_string(vectors.join("tag-bitflip.jwe")).expect("a vector").trim().to_owned();
    let mut segments: Vec<&str> = flipped.split('.').collect();
    let (truncated, oversized) = (&segments[3][..segments[3].len() / 2], "A".repeat(OVERSIZED));
    segments[3] = truncated;
    let truncated = segments.join(".");
    segments[3] = &oversized;
    let oversized = segments.join(".");
    let one = |problem: &str| vec![problem.to_owned()];
    let mut by_de_mail: Value =
        serde_json::from_str(&parcel(PLACES[0].version).described().to_json()).expect("metadata");
    by_de_mail["replyChannel"] = json!({ "deMail": { "address": format!("{CANARY}@example.de-mail.de") } });
    vec![
        (Damage::Metadata(by_de_mail.to_string().into_bytes()), one("unsupported-reply-channel @ metadata")),
        (Damage::SealedData(truncated.clone()), one("encryption-issue @ data")),
        (Damage::SealedMetadata(truncated.clone()), one("encryption-issue @ metadata")),
        (Damage::SealedAttachment(truncated), one(&format!("encryption-issue @ {attachment}"))),
        // Longer than anything that is fetched: a person has to look.
        (Damage::SealedData(oversized.clone()), one("Open")),
        (Damage::SealedMetadata(oversized), one("Open")),
        (Damage::DeepData(10_000), one("syntax-violation @ data")),
        (Damage::Metadata(deep), one("syntax-violation @ metadata")),
        (Damage::AttachmentHash, one(&format!("hash-mismatch @ {attachment}"))),
        (Damage::ChangedAttachment, one(&format!("encryption-issue @ {attachment}"))),
        (Damage::UndescribedAttachment, one("attachments-mismatch @ metadata")),
    ]
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn nowhere_in_clear(what: &str, bytes: &[u8]) {
    let found = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
    assert!(!found, "{what} holds the name of an applicant");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_submissions_are_refused_counted_and_named_and_leave_nothing_in_clear() {
    let vectors = vectors();
    let mut world = world(&vectors).await;
    for place in &PLACES {
        let receipt = submit(&world, place, None).await;
        assert_eq!(problems(&world, receipt, PATIENCE).await, ["Accepted"]);
    }
    let before = world.server_memory();
    let index: Value = serde_json::from_slice(&fs::read(vectors.join("index.json")).expect("read")).expect("JSON");
    let attachment = format!("attachment:{}", parcel(ApiVersion::V2).attachments[0].id);
    let mut sent = Vec::new();
    for vector in index["vectors"].as_array().expect("a list") {
        let (name, file) = (vector["name"].as_str().expect("text"), vector["file"].as_str().expect("text"));
        if vector["expect"] == "ok" || !file.ends_with(".jwe") {
            continue;
        }
        let text = fs::read_to_string(vectors.join(file)).expect("a vector").trim().to_owned();
        for place in &PLACES {
            for (part, damage) in [
                ("data", Damage::SealedData(text.clone())),
                ("metadata", Damage::SealedMetadata(text.clone())),
                (&attachment, Damage::SealedAttachment(text.clone())),
            ] {
                let receipt = submit(&world, place, Some(&damage)).await;
                sent.push((format!("{name} as {part}"), expected(name, part, place.version), receipt));
            }
        }
    }
    for (damage, expected) in damages(&vectors) {
        let name = format!("{damage:?}").chars().take(40).collect();
        sent.push((name, expected, submit(&world, &PLACES[0], Some(&damage)).await));
    }
    assert!(sent.len() > 90, "{}", sent.len());
    let (waiting, rejected): (Vec<_>, Vec<_>) = sent.iter().partition(|(_, expected, _)| expected == &["Open"]);
    for (what, expected, receipt) in &rejected {
        assert_eq!(&problems(&world, *receipt, PATIENCE).await, expected, "{what}");
    }
    let looked_at = async || {
        let metrics = world.metrics().await;
        metrics
            .lines()
            .any(|line| line.contains("clearing_total") && line.contains("too-large") && line.ends_with(" 2"))
    };
    eventually("the oversized ones in the clearing tray", looked_at).await;
    let alarms = async || {
        let metrics = world.metrics().await;
        let lines = metrics.lines().filter(|line| line.contains("unknown-decryption-key"));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<usize>().ok()).sum::<usize>()
    };
    eventually("an alarm for each missing key", async || alarms().await >= waiting.len() - 2).await;
    for (what, expected, receipt) in &waiting {
        assert_eq!(&problems(&world, *receipt, Duration::ZERO).await, expected, "{what}");
    }
    let (after, metrics, log) = (world.server_memory(), world.metrics().await, world.server_log());
    eprintln!("hostile: {} submissions, server {before} KiB before, {after} KiB after", sent.len());
    assert!(after < before + GROWTH, "{before} KiB, then {after} KiB");

    let counted = |reason: &str| {
        let lines = metrics.lines().filter(|line| line.starts_with("ozg_fitconnect_") && line.contains(reason));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum::<u64>()
    };
    let named = |reason: &str| log.lines().filter(|line| line.contains(reason)).count() as u64;
    for reason in ["encryption-issue", "invalid-event-log", "syntax-violation", "hash-mismatch", "attachments-mismatch"]
    {
        assert!(counted(reason) > 0 && counted(reason) == named(&format!("problem=\"{reason}\"")), "{reason}: {log}");
    }
    assert!(named("a submission is rejected") >= rejected.len() as u64);
    assert!(counted("unknown-decryption-key") >= 6 && named("a key is missing: the submission waits for it") >= 6);

    assert!(world.terminate_server().await.0.success());
    world.done(&["verify"], "");
    nowhere_in_clear("/metrics", metrics.as_bytes());
    for file in files(&world.path("daten")).into_iter().chain([world.path("server.log")]) {
        nowhere_in_clear(&file.to_string_lossy(), &fs::read(&file).expect("read"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_is_wrong_old_too_long_or_cut_off_is_refused_and_counted() {
    let world = World::open().await;
    let place = &PLACES[0];
    let url = format!("{}/fit-connect/rueckruf/{}", world.origin(place), place.destination());
    let secret = fs::read_to_string(world.path("schluessel/eins.callback-secret")).expect("a secret");
    let secret = CallbackSecret::new(&secret).expect("long enough");
    let other = CallbackSecret::new("ein-anderes-geheimnis-mit-32-zeichen").expect("long enough");
    let try_call = async |(authentication, timestamp): (String, String), body: &[u8]| {
        let request = Request::post(&url)
            .header("callback-authentication", authentication)
            .header("callback-timestamp", timestamp)
            .body(transport::full(body.to_vec()))
            .expect("a request");
        world.transport.send(request).await.ok().map(|answer| answer.status())
    };
    let call = async |head, body: &[u8]| try_call(head, body).await.expect("an answer");
    let (body, long) = (b"{\"submissions\":[]}", vec![b' '; 300 * 1024]);
    // More than any body may have, too.
    let longest = vec![b' '; 9 << 20];
    assert_eq!(call(secret.sign(body, now()), body).await, StatusCode::OK);
    assert_eq!(call(other.sign(body, now()), body).await, StatusCode::UNAUTHORIZED, "another secret");
    let old = Moment::from_millis(now().millis() - 301_000);
    assert_eq!(call(secret.sign(body, old), body).await, StatusCode::UNAUTHORIZED, "more than five minutes old");
    assert_eq!(call(secret.sign(body, now()), b"{}").await, StatusCode::UNAUTHORIZED, "another body");
    assert_eq!(call(secret.sign(&long, now()), &long).await, StatusCode::PAYLOAD_TOO_LARGE);
    let refused = try_call(secret.sign(&longest, now()), &longest).await;
    assert!(refused.is_none_or(|status| status == StatusCode::PAYLOAD_TOO_LARGE), "{refused:?}");

    let mut cut_off = TcpStream::connect(("127.0.0.1", world.port)).expect("it listens");
    let head = format!(
        "POST /fit-connect/rueckruf/{} HTTP/1.1\r\nHost: {}.localhost\r\nContent-Length: 99\r\n\r\n{{",
        place.destination(),
        place.slug
    );
    cut_off.write_all(head.as_bytes()).expect("taken");
    cut_off.shutdown(Shutdown::Write).expect("ended");
    let mut answer = String::new();
    cut_off.read_to_string(&mut answer).expect("the connection ends");
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");

    let expected = [("ok", 1), ("not-authentic", 2), ("too-old", 1), ("too-large", 2), ("cut-off", 1)];
    let mut seen = String::new();
    let counted = async |seen: &mut String| {
        *seen = world.metrics().await;
        expected.iter().all(|(reason, times)| {
            let mut lines = seen.lines().filter(|line| line.contains("callbacks_total") && line.contains(reason));
            lines.any(|line| line.ends_with(&format!(" {times}")))
        })
    };
    eventually("each is counted", async || counted(&mut seen).await).await;
    assert_eq!(world.server_log().lines().filter(|line| line.contains("a callback is refused")).count(), 6, "{seen}");
}

#[test]
fn a_key_of_2048_bits_is_refused_where_it_is_configured() {
    let vectors = vectors();
    let world = World::lay();
    let file = world.path("ozg-cloud.toml");
    let toml = fs::read_to_string(&file).expect("a file");
    let key = secret(&world, &vectors, "key-small2048.private.jwk.json");
    fs::write(&file, toml.replace("decryption_key_files = [", &format!("decryption_key_files = [{key}, ")))
        .expect("written");
    let ended = world.program(&["serve"]).output().expect("the program starts");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("decryption_key_files") && said.contains("4096"), "{said}");
}
