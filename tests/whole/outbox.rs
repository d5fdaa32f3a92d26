//! What leaves the house, as the delivery service and the people of the house see it: nobody waits for somebody else's dead
//! service, and a verdict that is refused for good waits for a person.

use std::{path::Path, sync::Arc, time::Duration};

use ozg_actors::{
    DestinationSettings, House, Outcome, Secret,
    outbound::OutboundSettings,
    tenant::{EFFECTS, INTAKE_RECORDS, leaving},
};
use ozg_cloud::sender::client::{ApiVersion, Verdict};
use ozg_protocols::{
    application::Channel,
    case::{Effect, Receipt, ReceiptOf, ReceiptState},
    fit_connect::jose::rsa::{DecryptionKey, SigningKey},
    ids::{CommandKey, DestinationId, FitCaseId, IntakeId, SubmissionId},
    intake::{ClearingReason, IntakeEvent, RawPart, RawSubmission, RecordedIntake},
};
use ozg_storage::{
    disk::{Disk, RealDisk},
    journal::{Epoch, StreamId, Version},
    keys::{KeySource, TenantKey},
    random::{Random, StrongRandom},
    redb_core::Options,
    stream::{Record, Stream, Ticket},
    tenant_store::TenantStore,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{net::TcpListener, time::Instant};

use crate::{
    claims::Claims,
    sandbox_town::{PATIENCE, Town, eventually, keys, now},
    subscriber_hall::{Bounds, Hall, erika, start, start_with},
};

/// Far more than one carrier holds.
const STUCK: u64 = 20_000;
/// So many for one record, at most as many as it may have.
const TOGETHER: usize = 50;
const DEAD: DestinationId = DestinationId::from_random([7; 16]);

/// A destination whose service takes every connection and never says a word.
fn dead(listener: &TcpListener) -> DestinationSettings {
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let keys = &keys()[1];
    DestinationSettings {
        id: DEAD,
        name: "Stilles Amt".into(),
        token_url: format!("{base}/token").parse().expect("a URI"),
        version: ApiVersion::V2,
        submission_url: base.parse().expect("a URI"),
        client_id: "amt".into(),
        client_secret: Secret::new("amt-secret".into()),
        decryption_keys: vec![Arc::new(DecryptionKey::new(&keys.decryption).expect("usable"))],
        signing_key: Arc::new(SigningKey::new(&keys.signing).expect("usable")),
        callback_secret: None,
        poll_every: Duration::from_secs(600),
        org_unit: None,
        published: Vec::new(),
        tolerate_empty_fragments: true,
        allow_zip: true,
        reply_channels: None,
    }
}

/// Signed rejections that wait in the store for the dead destination, longer than anything else will.
fn wait_for_the_dead(data: &Path) {
    let (disk, random): (Arc<dyn Disk>, Arc<dyn Random>) = (Arc::new(RealDisk), Arc::new(StrongRandom::new()));
    let key = TenantKey::load(&KeySource::File(data.join("tenant.key"))).expect("a key");
    let slug = "musterstadt".parse().expect("a slug");
    let store = TenantStore::open(&disk, data, &slug, &key, &random, Options::default()).expect("opens");
    let appends = (1..=u128::from(STUCK) / TOGETHER as u128).map(|number| {
        let (id, at) = (IntakeId::from_u128(number), now());
        let raw = number.to_be_bytes();
        let (submission, case) = (SubmissionId::from_random(raw), FitCaseId::from_random(raw));
        let receipt = Receipt { destination: DEAD, submission, case, token: "a.b.c".into() };
        let parts = RawSubmission { metadata: RawPart::Inline("m".into()), data: None, event_log: Vec::new() };
        let channel = Channel::FitConnect { destination: DEAD, submission, case };
        let events = [
            IntakeEvent::Kept { channel, service: "urn:x:y".into(), raw: parts },
            IntakeEvent::Rejected { problems: Vec::new(), receipt: receipt.clone() },
        ];
        let record = Record { at, by: None, events: events.map(|event| RecordedIntake { at, event }).to_vec() };
        let effects = vec![leaving(Effect::SendReceipt { of: ReceiptOf::Intake(id), receipt }, at); TOGETHER];
        let ticket = Ticket { key: CommandKey::from_u128(number), command: b"intake", reply: &[] };
        let mut stream = Stream::new(store.sealer.clone(), StreamId::intake(id), INTAKE_RECORDS, EFFECTS);
        stream.seal(Version(0), Epoch::default(), ticket, &record, &effects, Vec::new()).expect("seals")
    });
    assert!(store.core.commit(appends.collect()).iter().all(Result::is_ok));
}

fn pending(house: &House) -> Option<f64> {
    let text = house.metrics_text();
    let line = text.lines().find(|line| line.starts_with("ozg_outbox_pending{"))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_never_answers_delays_no_acceptance_of_another() {
    let (town, data) = (Town::open().await, TempDir::new().expect("a directory"));
    start(&town, ApiVersion::V2, data.path(), |_| {}).await.drain(PATIENCE).await;
    wait_for_the_dead(data.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    // Nobody gives the dead one up while this is tried.
    let outbound = OutboundSettings { answer_within: PATIENCE * 10, ..OutboundSettings::default() };
    let bounds = Bounds { outbound, others: vec![Arc::new(dead(&listener))], ..Bounds::default() };
    let house = start_with(&town, ApiVersion::V2, data.path(), bounds, |_| {}).await;
    let _held = listener.accept().await.expect("somebody waits for an answer");
    eventually("the dead one's verdicts are counted", async || pending(&house) >= Some(STUCK as f64)).await;
    let receipt = town.submit(ApiVersion::V2).await;
    let verdict = town.sender.wait(receipt, ApiVersion::V2, PATIENCE).await;
    assert_eq!(verdict.expect("a log"), Verdict::Accepted, "while the dead one is still waited for");
    let reports = house.tree().await;
    let carriers = reports.iter().filter(|report| report.class == "carrier").count();
    assert_eq!(carriers, 2, "each can be seen");
    house.drain(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_for_a_dead_destination_is_left_where_it_is_and_delays_nobody() {
    let (town, data) = (Town::open().await, TempDir::new().expect("a directory"));
    start(&town, ApiVersion::V2, data.path(), |_| {}).await.drain(PATIENCE).await;
    wait_for_the_dead(data.path());
    // Whoever calls there is refused at once.
    let dead = dead(&TcpListener::bind("127.0.0.1:0").await.expect("a port"));
    let claims = Arc::new(Claims::default());
    let bounds = Bounds { others: vec![Arc::new(dead)], claims: Some(claims.clone()), ..Bounds::default() };
    let began = Instant::now();
    let house = start_with(&town, ApiVersion::V2, data.path(), bounds, |_| {}).await;
    eventually("all of it is counted", async || pending(&house) == Some(STUCK as f64)).await;
    let receipt = town.submit(ApiVersion::V2).await;
    let verdict = town.sender.wait(receipt, ApiVersion::V2, PATIENCE).await;
    assert_eq!(verdict.expect("a log"), Verdict::Accepted);
    let looks = claims.asked();
    eventually("the outbox looks again and again", async || claims.asked() >= looks + 4).await;
    // A carrier takes 64, and its destination is left alone for five seconds or more once it has failed.
    let claimed = claims.claimed();
    let most = 64 * (1 + began.elapsed().as_secs() / 5) + 1;
    assert!((16..=most).contains(&claimed), "{claimed} were claimed, and written twice, of at most {most}");
    eventually("only the dead one's are left", async || pending(&house) == Some(STUCK as f64)).await;
    house.drain(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_that_is_refused_for_good_waits_for_a_person_who_may_send_it_again() {
    let hall = Hall::open(ApiVersion::V2).await;
    let refuse = json!({ "kind": "server-error", "times": 3, "status": 422, "method": "POST", "path": "/cases/" });
    hall.town.fault(&refuse).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    let (tenant, erika) = (hall.tenant(), erika());
    let waiting = async || tenant.clearing_items(&erika).await.expect("allowed");
    eventually("the clearing item", async || !waiting().await.is_empty()).await;
    let item = waiting().await.remove(0);
    assert_eq!(item.reason, ClearingReason::VerdictRefused);
    let case = item.case.expect("it is a case");
    assert_eq!(tenant.show_case(&erika, case).await.expect("visible").case.receipt, ReceiptState::Refused);
    let given_up = "ozg_outbox_given_up_total{tenant=\"musterstadt\",target=\"fit-connect\"} 1";
    eventually("the count", async || hall.house.metrics_text().contains(given_up)).await;
    eventually("nothing is tried again by itself", async || pending(&hall.house) == Some(0.0)).await;
    let again = tenant.retry_clearing(&erika, item.intake, CommandKey::from_u128(1)).await.expect("an answer");
    assert!(matches!(again, Outcome::Done { .. }));
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    eventually("the item is settled", async || waiting().await.is_empty()).await;
    let delivered =
        async || tenant.show_case(&erika, case).await.is_ok_and(|sheet| sheet.case.receipt == ReceiptState::Delivered);
    eventually("the acceptance is noted", delivered).await;
}
