//! A town hall at a sandbox: a house with one destination, and what became of what was sent to it.

use std::{path::Path, sync::Arc, time::Duration};

use ozg_actors::{
    DestinationSettings, House, HouseSettings, Pools, PublishedService, Seams, Secret, Tenant, TenantSettings,
    fit_connect,
    outbound::{Outbound, OutboundSettings, SystemResolver},
    seams::{Clock, WallClock},
    tenant::Connect,
};
use ozg_cloud::{
    sandbox::{DestinationKeys, SandboxSettings},
    sender::{
        client::{ApiVersion, Receipt, Verdict},
        damage::Damage,
        parcel::Parcel,
    },
};
use ozg_protocols::{
    case::{Case, ReceiptState},
    fit_connect::{
        jose::rsa::{DecryptionKey, SigningKey},
        verify::PREFIX,
    },
    forms::{Mapping, data_schema::DataSchemas},
    ids::{DestinationId, OrgUnitId},
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
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use crate::sandbox_town::PATIENCE;
use crate::{
    claims::{Claims, Counted},
    sandbox_town::{Town, eventually, keys, now, sample},
};

const UNIT: &str = "gewerbe";

/// A town hall at a sandbox.
pub(crate) struct Hall {
    pub(crate) town: Town,
    pub(crate) house: House,
    pub(crate) data: TempDir,
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
        Self { town, house, data }
    }

    /// One whose house is bounded.
    pub(crate) async fn bounded(
        version: ApiVersion,
        bounds: Bounds,
        change: impl FnOnce(&mut DestinationSettings),
    ) -> Self {
        let (town, data) = (Town::open().await, TempDir::new().expect("a directory"));
        let house = start_with(&town, version, data.path(), bounds, change).await;
        Self { town, house, data }
    }

    pub(crate) fn tenant(&self) -> Tenant {
        self.house.tenant_by_host("musterstadt.localhost").expect("the tenant")
    }

    pub(crate) async fn submit(&self, version: ApiVersion, parcel: &Parcel, damage: Option<&Damage>) -> Receipt {
        let key = self.town.sender.key_of(self.town.destination, version).await.expect("a key");
        self.town.sender.send(self.town.destination, &key, version, parcel, damage).await.expect("sent")
    }

    pub(crate) async fn verdict(&self, receipt: Receipt) -> Verdict {
        self.town.sender.wait(receipt, ApiVersion::V2, PATIENCE).await.expect("a log")
    }

    /// The problems of a rejection, as `type suffix @ instance`; what became of it otherwise.
    pub(crate) async fn problems(&self, receipt: Receipt) -> Vec<String> {
        match self.verdict(receipt).await {
            Verdict::Rejected(problems) => problems.iter().map(said).collect(),
            other => vec![format!("{other:?}")],
        }
    }

    /// The only case there is, once its acceptance is noted.
    pub(crate) async fn only_case(&self) -> Case {
        let (tenant, erika) = (self.tenant(), erika());
        let mut found = None;
        eventually("a case with a delivered acceptance", async || {
            let page = tenant.work_list().page(&erika, &query());
            let Some(row) = page.rows.first() else { return false };
            let sheet = tenant.show_case(&erika, row.case).await.expect("visible");
            assert_eq!(page.rows.len(), 1);
            found = Some(sheet.case).filter(|case| case.receipt != ReceiptState::Pending);
            found.is_some()
        })
        .await;
        found.expect("there")
    }

    /// Whether a counter of this name, with this among its labels, has counted anything.
    pub(crate) fn metric(&self, name: &str, label: &str) -> bool {
        self.counted(name, label) > 0.0
    }

    /// What all metrics of this name, with this among their labels, show together.
    pub(crate) fn counted(&self, name: &str, label: &str) -> f64 {
        counted(&self.house, name, label)
    }
}

/// What all metrics of this name, with this among their labels, show together.
pub(crate) fn counted(house: &House, name: &str, label: &str) -> f64 {
    let text = house.metrics_text();
    let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

pub(crate) async fn start(
    town: &Town,
    version: ApiVersion,
    data: &Path,
    change: impl FnOnce(&mut DestinationSettings),
) -> House {
    start_with(town, version, data, Bounds::default(), change).await
}

/// What a house bounds itself and its applications by.
#[derive(Default)]
pub(crate) struct Bounds {
    pub(crate) reserve_bytes: u64,
    pub(crate) outbound: OutboundSettings,
    /// The schemas that form data are checked against.
    pub(crate) data_schemas: Arc<DataSchemas>,
    /// How form data are read.
    pub(crate) mappings: Vec<Mapping>,
    /// Destinations besides the one of the town.
    pub(crate) others: Vec<Arc<DestinationSettings>>,
    /// Where the data lie, if not on the disk of the machine.
    pub(crate) disk: Option<Arc<dyn Disk>>,
    /// The clock, if not that of the machine.
    pub(crate) clock: Option<Arc<dyn Clock>>,
    /// Who counts what is claimed of the outbox.
    pub(crate) claims: Option<Arc<Claims>>,
}

/// A destination of the town that takes samples.
pub(crate) fn settings(
    town: &Town,
    id: DestinationId,
    name: &str,
    version: ApiVersion,
    keys: &DestinationKeys,
) -> DestinationSettings {
    DestinationSettings {
        id,
        name: name.into(),
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
        reply_channels: None,
    }
}

pub(crate) async fn start_with(
    town: &Town,
    version: ApiVersion,
    data: &Path,
    bounds: Bounds,
    change: impl FnOnce(&mut DestinationSettings),
) -> House {
    let slug = "musterstadt".parse().expect("a slug");
    let disk = bounds.disk.unwrap_or_else(|| Arc::new(RealDisk));
    let random: Arc<dyn Random> = Arc::new(StrongRandom::new());
    let key_file = data.join("tenant.key");
    if !key_file.exists() {
        let key = TenantKey::create(&key_file, &*random).expect("a key");
        TenantStore::init(&disk, data, &slug, &key, &random, now()).expect("a store");
    }
    let mut destination = settings(town, town.destination, "Gewerbeamt", version, &keys()[0]);
    change(&mut destination);
    let tenant = TenantSettings {
        slug,
        name: "Musterstadt".into(),
        hosts: vec!["musterstadt.localhost".into()],
        key: KeySource::File(key_file),
        number_prefix: "MUS".into(),
        org_units: Vec::new(),
        routing: vec![RoutingRule::always(unit())],
        mappings: bounds.mappings,
        data_schemas: bounds.data_schemas,
        destinations: std::iter::once(Arc::new(destination)).chain(bounds.others).collect(),
    };
    let house = HouseSettings {
        data_dir: data.to_owned(),
        tenants: vec![tenant],
        crypto_threads: 2,
        cache_bytes: 16 << 20,
        reserve_bytes: bounds.reserve_bytes,
        checkpoint_file: None,
    };
    let outbound = Outbound::new(bounds.outbound, Arc::new(SystemResolver)).expect("settings");
    let seams = Seams {
        clock: bounds.clock.unwrap_or_else(|| Arc::new(WallClock)),
        random,
        disk,
        pools: Pools::Threads,
        limits: ozg_actors::tenant::Limits::default(),
        outbound: outbound.clone(),
        connect: claims_counted(fit_connect::connect(outbound), bounds.claims),
    };
    House::start(house, seams).await.expect("a house")
}

/// The same channels, with a journal that counts.
fn claims_counted(connect: Connect, claims: Option<Arc<Claims>>) -> Connect {
    let Some(claims) = claims else { return connect };
    Arc::new(move |context| {
        let mut context = context.clone();
        context.journal = Arc::new(Counted { journal: context.journal.clone(), claims: claims.clone() });
        connect(&context)
    })
}

pub(crate) fn unit() -> OrgUnitId {
    UNIT.parse().expect("a unit")
}

pub(crate) fn erika() -> Principal {
    let user = "erika".parse().expect("a user");
    let roles = [Role::Caseworker, Role::Mailroom].into();
    Principal { user, name: "Erika".into(), roles, org_units: [unit()].into() }
}

pub(crate) fn query() -> Query {
    Query { view: View::All, limit: 50, ..Query::default() }
}

/// A problem as `type suffix @ instance`.
pub(crate) fn said(problem: &Value) -> String {
    let kind = problem["type"].as_str().expect("a type").strip_prefix(PREFIX).expect("FITKO's prefix");
    format!("{kind} @ {}", problem["instance"].as_str().expect("an instance"))
}
