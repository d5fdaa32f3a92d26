//! From a sender through the sandbox into a house and back: the whole way, row by row of the verification table.

use std::{path::Path, sync::Arc, time::Duration};

use http::Method;
use ozg_actors::{
    Callback, CallbackError, DestinationSettings, House, HouseSettings, Pools, PublishedService, Seams, Secret, Tenant,
    TenantSettings, fit_connect,
    outbound::{Outbound, OutboundSettings, SystemResolver},
    seams::WallClock,
};
use ozg_cloud::{
    sandbox::SandboxSettings,
    sender::{
        client::{ApiVersion, Receipt, Verdict},
        damage::Damage,
        parcel::{Content, Parcel},
    },
};
use ozg_protocols::{
    case::{Case, ReceiptState},
    fit_connect::{
        callback::CallbackSecret,
        hash::ContentHasher,
        jose::rsa::{DecryptionKey, SigningKey},
    },
    ids::OrgUnitId,
    intake::ClearingReason,
    moment::Moment,
    principal::{Principal, Role},
    routing::RoutingRule,
    work_list::{Query, View},
};
use ozg_storage::{
    disk::{Disk, RealDisk},
    keys::{KeySource, TenantKey},
    random::{Random, StrongRandom},
    tenant_store::TenantStore,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::sandbox_town::{Town, eventually, keys, now, sample};

const UNIT: &str = "gewerbe";
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A town hall at a sandbox.
pub(crate) struct Hall {
    pub(crate) town: Town,
    pub(crate) house: House,
    _data: TempDir,
}

impl Hall {
    pub(crate) async fn open(version: ApiVersion) -> Self {
        Self::open_with(version, |_| {}, |_| {}).await
    }

    pub(crate) async fn open_with(
        version: ApiVersion,
        sandbox: impl FnOnce(&mut SandboxSettings),
        change: impl FnOnce(&mut DestinationSettings),
    ) -> Self {
        let town = Town::open_with(sandbox).await;
        let data = TempDir::new().expect("a directory");
        let house = start(&town, version, data.path(), change).await;
        Self { town, house, _data: data }
    }

    fn tenant(&self) -> Tenant {
        self.house.tenant_by_host("musterstadt.localhost").expect("the tenant")
    }

    pub(crate) async fn submit(&self, version: ApiVersion, parcel: &Parcel, damage: Option<&Damage>) -> Receipt {
        let key = self.town.sender.key_of(self.town.destination, version).await.expect("a key");
        self.town.sender.send(self.town.destination, &key, version, parcel, damage).await.expect("sent")
    }

    pub(crate) async fn verdict(&self, receipt: Receipt) -> Verdict {
        self.town.sender.wait(receipt, ApiVersion::V2, PATIENCE).await.expect("a log")
    }

    /// The only case there is, once its acceptance is noted.
    pub(crate) async fn only_case(&self) -> Case {
        let (tenant, erika) = (self.tenant(), erika());
        let mut found = None;
        for _ in 0..200 {
            let page = tenant.work_list().page(&erika, &query());
            if let Some(row) = page.rows.first() {
                let sheet = tenant.show_case(&erika, row.case).await.expect("visible");
                if sheet.case.receipt != ReceiptState::Pending {
                    assert_eq!(page.rows.len(), 1);
                    found = Some(sheet.case);
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        found.expect("a case with a delivered acceptance")
    }

    /// Whether a counter of this name, with this among its labels, has counted anything.
    fn metric(&self, name: &str, label: &str) -> bool {
        let text = self.house.metrics_text();
        let mut counters = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
        counters.any(|line| {
            line.rsplit(' ').next().is_some_and(|value| value.parse::<f64>().is_ok_and(|count| count > 0.0))
        })
    }
}

pub(crate) async fn start(
    town: &Town,
    version: ApiVersion,
    data: &Path,
    change: impl FnOnce(&mut DestinationSettings),
) -> House {
    start_with(town, version, data, Bounds::default(), change).await
}

/// What a house bounds itself by.
#[derive(Default)]
pub(crate) struct Bounds {
    pub(crate) reserve_bytes: u64,
    pub(crate) outbound: OutboundSettings,
}

pub(crate) async fn start_with(
    town: &Town,
    version: ApiVersion,
    data: &Path,
    bounds: Bounds,
    change: impl FnOnce(&mut DestinationSettings),
) -> House {
    let slug = "musterstadt".parse().expect("a slug");
    let (disk, random): (Arc<dyn Disk>, Arc<dyn Random>) = (Arc::new(RealDisk), Arc::new(StrongRandom::new()));
    let key_file = data.join("tenant.key");
    if !key_file.exists() {
        let key = TenantKey::create(&key_file, &*random).expect("a key");
        TenantStore::init(&disk, data, &slug, &key, &random, now()).expect("a store");
    }
    let keys = &keys()[0];
    let mut destination = DestinationSettings {
        id: town.destination,
        name: "Gewerbeamt".into(),
        token_url: town.running.urls.token.parse().expect("a URI"),
        version,
        submission_url: town.running.urls.submission.parse().expect("a URI"),
        client_id: "amt".into(),
        client_secret: Secret::new("amt-secret".into()),
        decryption_keys: vec![Arc::new(DecryptionKey::new(&keys.decryption).expect("usable"))],
        signing_key: Arc::new(SigningKey::new(&keys.signing).expect("usable")),
        callback_secret: None,
        poll_every: Duration::from_millis(200),
        org_unit: None,
        published: vec![PublishedService {
            identifier: sample(version).service,
            schema_uris: vec!["urn:ozg-cloud:schema:form-data:1".into()],
        }],
        tolerate_empty_fragments: true,
        allow_zip: true,
    };
    change(&mut destination);
    let tenant = TenantSettings {
        slug,
        name: "Musterstadt".into(),
        hosts: vec!["musterstadt.localhost".into()],
        key: KeySource::File(key_file),
        number_prefix: "MUS".into(),
        org_units: Vec::new(),
        routing: vec![RoutingRule::always(unit())],
        mappings: Vec::new(),
        data_schemas: Arc::default(),
        destinations: vec![Arc::new(destination)],
    };
    let settings = HouseSettings {
        data_dir: data.to_owned(),
        tenants: vec![tenant],
        crypto_threads: 2,
        cache_bytes: 16 << 20,
        reserve_bytes: bounds.reserve_bytes,
        checkpoint_file: None,
    };
    let outbound = Outbound::new(bounds.outbound, Arc::new(SystemResolver)).expect("settings");
    let seams = Seams {
        clock: Arc::new(WallClock),
        random,
        disk,
        pools: Pools::Threads,
        limits: ozg_actors::tenant::Limits::default(),
        connect: fit_connect::connect(outbound),
    };
    House::start(settings, seams).await.expect("a house")
}

fn unit() -> OrgUnitId {
    UNIT.parse().expect("a unit")
}

pub(crate) fn erika() -> Principal {
    let user = "erika".parse().expect("a user");
    let roles = [Role::Caseworker, Role::Mailroom].into();
    Principal { user, name: "Erika".into(), roles, org_units: [unit()].into() }
}

fn query() -> Query {
    Query { view: View::All, limit: 50, ..Query::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_application_becomes_a_case_and_its_sender_gets_a_signed_acceptance() {
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let hall = Hall::open(version).await;
        let receipt = hall.submit(version, &sample(version), None).await;
        assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
        let case = hall.only_case().await;
        assert_eq!((case.receipt, case.org_unit), (ReceiptState::Delivered, Some(unit())));
        assert!(!case.application.form.items.is_empty());
        assert!(case.application.files().count() >= 2);
        let accepts = hall.town.log(receipt).await.iter().filter(|set| set.to_string().contains("accept-sub")).count();
        assert_eq!(accepts, 1);
    }
}

/// The problems of a rejection, as `type suffix @ instance`.
async fn problems(hall: &Hall, receipt: Receipt) -> Vec<String> {
    let Verdict::Rejected(problems) = hall.verdict(receipt).await else { panic!("not rejected") };
    let said = |problem: &Value| {
        let kind = problem["type"].as_str().expect("a type").rsplit('/').next().expect("a name").to_owned();
        format!("{kind} @ {}", problem["instance"].as_str().expect("an instance"))
    };
    problems.iter().map(said).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sender_breaks_is_rejected_with_exactly_that_problem() {
    let hall = Hall::open(ApiVersion::V2).await;
    let parcel = sample(ApiVersion::V2);
    let first = format!("attachment:{}", parcel.attachments[0].id);
    let changed = parcel.attachments.iter().map(|part| format!("encryption-issue @ attachment:{}", part.id));
    let rows = [
        (Damage::DataHash, vec!["hash-mismatch @ data".to_owned()]),
        (Damage::AttachmentHash, vec![format!("hash-mismatch @ {first}")]),
        (Damage::Metadata(b"{".to_vec()), vec!["syntax-violation @ metadata".to_owned()]),
        (Damage::MetadataSchema("https://x/9.0.0".into()), vec!["unsupported-schema @ metadata".to_owned()]),
        (Damage::UndescribedAttachment, vec!["attachments-mismatch @ metadata".to_owned()]),
        (Damage::DeepData(10_000), vec!["syntax-violation @ data".to_owned()]),
        (Damage::ChangedAttachment, changed.collect()),
    ];
    for (damage, expected) in rows {
        let receipt = hall.submit(ApiVersion::V2, &parcel, Some(&damage)).await;
        assert_eq!(problems(&hall, receipt).await, expected, "{damage:?}");
    }
    assert!(hall.metric("ozg_fitconnect_refused_total", ""));
    assert_eq!(hall.tenant().work_list().page(&erika(), &query()).rows.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_breaks_is_rejected_with_exactly_that_problem() {
    let hall = Hall::open(ApiVersion::V2).await;
    let rows: [(&str, &[&str]); 3] = [
        ("wrong-tag", &["incorrect-authentication-tag @ metadata"]),
        // Neither is the event believed, nor is there another one that is.
        ("forged-set", &["invalid-event-log @ submission"; 2]),
        ("two-submit-events", &["invalid-event-log @ submission"]),
    ];
    for (fault, expected) in rows {
        hall.town.fault(&json!({ "kind": fault })).await;
        let receipt = hall.town.submit(ApiVersion::V2).await;
        assert_eq!(problems(&hall, receipt).await, expected, "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_on_the_way_is_no_reason_to_reject() {
    let hall = Hall::open(ApiVersion::V2).await;
    for fault in [
        json!({ "kind": "unauthorized", "times": 3 }),
        json!({ "kind": "server-error", "times": 3 }),
        json!({ "kind": "too-many-requests", "times": 1, "seconds": 1 }),
        json!({ "kind": "lost-answer", "times": 2 }),
    ] {
        let receipt = hall.town.submit(ApiVersion::V2).await;
        hall.town.fault(&fault).await;
        eventually("the acceptance", async || hall.town.seen(receipt).await.to_string().contains("accepted")).await;
    }
    // This one is taken at the submission itself.
    hall.town.fault(&json!({ "kind": "slow-visibility", "millis": 500 })).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    eventually("the acceptance", async || hall.town.seen(receipt).await.to_string().contains("accepted")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_ours_that_is_missing_makes_a_submission_wait() {
    let other = || Arc::new(DecryptionKey::new(&keys()[1].decryption).expect("usable"));
    let hall = Hall::open_with(ApiVersion::V2, |_| {}, |settings| settings.decryption_keys = vec![other()]).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    eventually("the alarm", async || hall.metric("ozg_fitconnect_retries_total", "unknown-decryption-key")).await;
    let verdict = hall.town.sender.verdict(receipt, ApiVersion::V2).await.expect("a log");
    assert_eq!(verdict, Verdict::Open);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_attachment_is_streamed_and_comes_out_as_it_went_in() {
    const LENGTH: u64 = 48 << 20;
    let hall = Hall::open(ApiVersion::V2).await;
    let mut parcel = sample(ApiVersion::V2);
    parcel.attachments[1].content = Content::Generated { length: LENGTH };
    let (id, expected) = (parcel.attachments[1].id, parcel.attachments[1].content.hash());
    let receipt = hall.submit(ApiVersion::V2, &parcel, None).await;
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    hall.only_case().await;
    let (tenant, erika) = (hall.tenant(), erika());
    let case = tenant.work_list().page(&erika, &query()).rows[0].case;
    let (file, mut reader) = tenant.open_file(&erika, case, id).await.expect("the file");
    let mut hasher = ContentHasher::new();
    while let Some(piece) = reader.next().await {
        std::io::Write::write_all(&mut hasher, &piece.expect("verified")).expect("memory");
    }
    assert_eq!((file.bytes, hasher.finish()), (LENGTH, expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_nothing_is_lost_and_nothing_is_doubled() {
    let Hall { town, house, _data: data } = Hall::open(ApiVersion::V2).await;
    let mut receipts = Vec::new();
    for _ in 0..6 {
        receipts.push(town.submit(ApiVersion::V2).await);
    }
    house.drain(Duration::from_secs(20)).await;
    let house = start(&town, ApiVersion::V2, data.path(), |_| {}).await;
    let hall = Hall { town, house, _data: data };
    for receipt in receipts {
        assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
        let verdicts = hall.town.log(receipt).await.iter().filter(|set| set.to_string().contains("accept-sub")).count();
        assert_eq!(verdicts, 1);
    }
    let rows = || hall.tenant().work_list().page(&erika(), &query()).rows.len();
    eventually("six rows", async || rows() == 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_authentic_and_recent_callback_wakes_the_connector() {
    const SECRET: &str = "ein-geheimnis-von-mindestens-32-zeichen";
    let change = |settings: &mut DestinationSettings| {
        settings.callback_secret = Some(Secret::new(SECRET.into()));
        settings.poll_every = Duration::from_secs(3600);
    };
    let hall = Hall::open_with(ApiVersion::V2, |_| {}, change).await;
    let (tenant, destination) = (hall.tenant(), hall.town.destination);
    let (secret, body) = (CallbackSecret::new(SECRET).expect("long enough"), b"{\"submissions\":[]}");
    let call = |(authentication, timestamp): (String, String)| Callback {
        authentication,
        timestamp,
        body: bytes::Bytes::from_static(body),
    };
    let wrong = CallbackSecret::new("ein-anderes-geheimnis-mit-32-zeichen").expect("long enough").sign(body, now());
    let old = secret.sign(body, Moment::from_millis(now().millis() - 301_000));
    for refused in [wrong, old] {
        let answer = tenant.callback(destination, call(refused)).await;
        assert_eq!(answer, Err(CallbackError::Unauthenticated));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    for _ in 0..2 {
        tenant.callback(destination, call(secret.sign(body, now()))).await.expect("taken");
    }
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    hall.only_case().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_during_an_outage_use_up_no_attempt() {
    let Hall { town, mut house, _data: data } = Hall::open(ApiVersion::V2).await;
    town.fault(&json!({ "kind": "server-error", "times": 100_000, "method": "GET", "path": "/attachments/" })).await;
    let receipt = town.submit(ApiVersion::V2).await;
    for _ in 0..4 {
        let failing = |house: &House| house.metrics_text().contains("reason=\"server-error\"");
        eventually("a failed try", async || failing(&house)).await;
        house.drain(Duration::from_secs(20)).await;
        house = start(&town, ApiVersion::V2, data.path(), |_| {}).await;
    }
    town.call(Method::DELETE, "/sandbox/faults", None, ("", "")).await;
    let hall = Hall { town, house, _data: data };
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    assert_eq!(hall.tenant().clearing_items(&erika()).await.expect("allowed").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_that_is_not_ours_stops_the_submission_and_a_person_has_to_look() {
    let hall = Hall::open(ApiVersion::V2).await;
    hall.town.fault(&json!({ "kind": "server-error", "times": 2, "method": "POST", "path": "/cases/" })).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    eventually("a failed try", async || hall.house.metrics_text().contains("outcome=\"server-error\"} 1")).await;
    let foreign = hall.town.accept(receipt).await;
    while !hall.town.post(receipt, &foreign).await.status.is_success() {}
    assert_eq!(hall.only_case().await.receipt, ReceiptState::Foreign);
    let tenant = hall.tenant();
    let waiting = async || tenant.clearing_items(&erika()).await.expect("allowed");
    eventually("the clearing item", async || !waiting().await.is_empty()).await;
    assert_eq!(waiting().await[0].reason, ClearingReason::ForeignVerdict);
}

/// A house that ends in the middle, as by SIGKILL: its runtime goes, and nobody finishes anything.
fn cut_off(town: &Arc<Town>, data: &Path) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (held, data) = (town.clone(), data.to_owned());
    let house = runtime.block_on(async move {
        let house = start(&held, ApiVersion::V2, &data, |_| {}).await;
        let asked = "ozg_outbound_calls_total{purpose=\"event-log\",outcome=\"ok\"} 1";
        eventually("the opening", async || house.metrics_text().contains(asked)).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        house
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    drop(house);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_end_the_process_three_times_wait_for_a_person_unopened() {
    let (town, data) = (Arc::new(Town::open().await), TempDir::new().expect("a directory"));
    town.fault(&json!({ "kind": "delay", "times": 100, "millis": 60_000, "method": "GET", "path": "/attachments/" }))
        .await;
    let receipt = town.submit(ApiVersion::V2).await;
    for _ in 0..3 {
        let (town, data) = (town.clone(), data.path().to_owned());
        tokio::task::spawn_blocking(move || cut_off(&town, &data)).await.expect("ended");
    }
    town.call(Method::DELETE, "/sandbox/faults", None, ("", "")).await;
    let house = start(&town, ApiVersion::V2, data.path(), |_| {}).await;
    let tenant = house.tenant_by_host("musterstadt.localhost").expect("the tenant");
    let waiting = async || tenant.clearing_items(&erika()).await.expect("allowed");
    eventually("the clearing item", async || !waiting().await.is_empty()).await;
    let item = waiting().await.remove(0);
    assert_eq!((item.reason, item.attempts), (ClearingReason::FailedThreeTimes, 3));
    let key = ozg_protocols::ids::CommandKey::from_u128(7);
    tenant.retry_clearing(&erika(), item.intake, key).await.expect("tried again");
    let verdict = town.sender.wait(receipt, ApiVersion::V2, PATIENCE).await.expect("a log");
    assert_eq!(verdict, Verdict::Accepted);
}
