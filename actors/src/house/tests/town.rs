//! A small town to try things on: one tenant, a real store in a temporary directory, real pools, no network.

use std::{
    path::Path,
    sync::{Arc, OnceLock, mpsc},
    time::Duration,
};

use ozg_protocols::{
    application::{Applicant, Application, Channel, Form, NaturalPerson, RawReference, Service},
    case::{CaseNumber, Followed, Order, Receive},
    ids::{CaseId, CommandKey, DestinationId, FitCaseId, IntakeId, SubmissionId},
    principal::{Principal, Role},
};
use ozg_storage::{
    disk::{Disk, RealDisk},
    keys::{KeySource, TenantKey},
    random::{Random, StrongRandom},
    tenant_store::TenantStore,
    testing::PowerCutDisk,
};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::{
    case::{Outcome, Ticket},
    house::{House, Pools, Seams, start::Store},
    observe::ActorReport,
    outbound::{Outbound, OutboundSettings, SystemResolver},
    pool::Workers,
    seams::{Clock as _, WallClock},
    secret::Secret,
    settings::{HouseSettings, OrgUnitSettings, TenantSettings},
    tenant::{CaseDoor, Connect, Limits, NewAccount, NoChannels, Tenant, TenantContext},
};

/// When a test gives up: no promise of anything, and long enough for a machine that does other things too.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Town {
    pub(super) house: House,
    directory: TempDir,
}

pub(super) fn settings(directory: &TempDir) -> HouseSettings {
    let key = KeySource::File(directory.path().join("tenant.key"));
    let unit = OrgUnitSettings { id: "32".parse().expect("valid"), name: "Ordnungsamt".into() };
    let tenant = TenantSettings {
        slug: "musterstadt".parse().expect("valid"),
        name: "Musterstadt".into(),
        hosts: vec!["musterstadt.localhost".into()],
        key,
        number_prefix: "MUS".into(),
        org_units: vec![unit],
        routing: Vec::new(),
        mappings: Vec::new(),
        data_schemas: Arc::default(),
        destinations: Vec::new(),
    };
    let (data_dir, tenants) = (directory.path().join("data"), vec![tenant]);
    HouseSettings {
        data_dir,
        tenants,
        crypto_threads: 1,
        cache_bytes: 8 << 20,
        reserve_bytes: 0,
        checkpoint_file: None,
    }
}

pub(super) fn seams(pools: Pools, limits: Limits) -> Seams {
    Seams {
        clock: Arc::new(WallClock),
        random: Arc::new(StrongRandom::new()),
        disk: Arc::new(RealDisk),
        pools,
        limits,
        outbound: Outbound::new(OutboundSettings::default(), Arc::new(SystemResolver)).expect("settings"),
        connect: NoChannels::connect(),
    }
}

impl Town {
    pub(super) async fn founded() -> Self {
        Self::founded_with(Limits::default()).await
    }

    pub(super) async fn founded_with(limits: Limits) -> Self {
        Self::founded_on(Pools::Threads, limits).await
    }

    pub(super) async fn founded_on(pools: Pools, limits: Limits) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (disk, random): (Arc<dyn Disk>, Arc<dyn Random>) = (Arc::new(RealDisk), Arc::new(StrongRandom::new()));
        let key = TenantKey::create(&directory.path().join("tenant.key"), &*random).expect("a key");
        let data = directory.path().join("data");
        disk.create_dir(&data).expect("a directory");
        let slug = "musterstadt".parse().expect("valid");
        TenantStore::init(&disk, &data, &slug, &key, &random, WallClock.now()).expect("a store");
        let house = House::start(settings(&directory), seams(pools, limits)).await.expect("starts");
        Self { house, directory }
    }

    /// On a disk that says itself how much is free, with this reserve; everybody below the tenant uses what `connect` sees.
    pub(super) async fn founded_below(disk: Arc<dyn Disk>, data: &Path, reserve_bytes: u64, connect: Connect) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let random: Arc<dyn Random> = Arc::new(StrongRandom::new());
        let key = TenantKey::create(&directory.path().join("tenant.key"), &*random).expect("a key");
        let slug = "musterstadt".parse().expect("valid");
        TenantStore::init(&disk, data, &slug, &key, &random, WallClock.now()).expect("a store");
        let settings = HouseSettings { data_dir: data.to_owned(), reserve_bytes, ..settings(&directory) };
        let seams = Seams { disk, connect, ..seams(Pools::Threads, Limits::default()) };
        Self { house: House::start(settings, seams).await.expect("starts"), directory }
    }

    /// With what everybody below the tenant uses.
    pub(super) async fn founded_with_its_context() -> (Self, TenantContext) {
        let data = Path::new("/data");
        let (seen, showing) = (Arc::new(OnceLock::new()), NoChannels::connect());
        let shown = seen.clone();
        let connect = Arc::new(move |context: &TenantContext| {
            let _ = shown.set(context.clone());
            showing(context)
        });
        let disk = Arc::new(PowerCutDisk::with_directory(data));
        let town = Self::founded_below(disk, data, 0, connect).await;
        let context = async {
            loop {
                if let Some(context) = seen.get() {
                    break context.clone();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let context = tokio::time::timeout(PATIENCE, context).await.expect("the tenant starts");
        (town, context)
    }

    /// Nobody of this pool does anything as long as this is held.
    pub(super) async fn held(pool: &Workers, threads: usize) -> Vec<mpsc::Sender<()>> {
        let mut held = Vec::new();
        for _ in 0..threads {
            let pool = pool.clone();
            let ((release, until), (tell, begun)) = (mpsc::channel::<()>(), oneshot::channel());
            tokio::spawn(async move {
                let job = move || {
                    let _ = tell.send(());
                    let _ = until.recv();
                };
                pool.run("held", job).await
            });
            begun.await.expect("one holds still");
            held.push(release);
        }
        held
    }

    /// With its store, which nobody may hold when the house closes.
    pub(super) fn on_store<T>(&self, of: impl FnOnce(&TenantStore) -> T) -> T {
        let Store(store) = &self.house.stores()[0];
        of(store)
    }

    pub(super) fn tenant(&self) -> Tenant {
        self.house.tenant_by_host("musterstadt.localhost").expect("there")
    }

    pub(super) fn door(&self) -> CaseDoor {
        CaseDoor::new(self.tenant().edge().clone())
    }

    pub(super) async fn receives(&self, number: u64) -> CaseId {
        let case = CaseId::from_u128(u128::from(number) << 64 | 0xca5e);
        let outcome = self.door().order(case, Order::Receive(application(number)), key(number), Vec::new()).await;
        assert_eq!(outcome, Ok(Outcome::Done { version: 1 }));
        case
    }

    pub(super) async fn orders(&self, who: &Principal, case: CaseId, order: Order, key: u64, seen: u64) -> Outcome {
        let ticket = Ticket { key: CommandKey::from_u128(u128::from(key)), seen };
        self.tenant().order(who, case, order, ticket).await.expect("answers")
    }

    /// Waits until the views show so many cases.
    pub(super) async fn shows(&self, cases: u64) {
        let enough = async {
            while self.tenant().work_list().counts(&overseer()).all < cases {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.expect("the views catch up");
    }

    pub(super) fn report(&self, of: &str) -> ActorReport {
        let reports = self.house.0.observation.reports();
        reports.into_iter().find(|report| report.path.ends_with(of)).expect("is seen")
    }

    /// Drains the house and fails if an actor is left.
    pub(super) async fn closes(self) -> TempDir {
        let Self { house, directory } = self;
        let root = house.0.root.clone();
        let report = house.drain(PATIENCE).await;
        assert_eq!(report.cut_off, 0, "{report:?}");
        assert_eq!(root.get_status(), ractor::ActorStatus::Stopped);
        assert!(root.get_children().is_empty());
        directory
    }

    /// A house that somebody else started on a town's data.
    pub(super) const fn of(house: House, directory: TempDir) -> Self {
        Self { house, directory }
    }

    pub(super) async fn again(directory: TempDir) -> Self {
        let house =
            House::start(settings(&directory), seams(Pools::Threads, Limits::default())).await.expect("starts again");
        Self { house, directory }
    }
}

pub(super) fn key(number: u64) -> CommandKey {
    CommandKey::from_u128(u128::from(number) << 32)
}

pub(crate) fn application(number: u64) -> Receive {
    let person = NaturalPerson { family_name: Some(format!("Öztürk {number}")), ..NaturalPerson::default() };
    let mut submission = [0; 16];
    submission[..8].copy_from_slice(&number.to_be_bytes());
    let channel = Channel::FitConnect {
        destination: DestinationId::from_random([1; 16]),
        submission: SubmissionId::from_random(submission),
        case: FitCaseId::from_random([3; 16]),
    };
    let service = Service { identifier: "urn:de:fim:leika:leistung:99050012104000".into(), ..Service::default() };
    let raw = RawReference { intake: IntakeId::from_u128(u128::from(number)), blobs: Vec::new() };
    let application = Application {
        applicant: Some(Applicant::Natural(person)),
        form: Form { name: Some("Hundesteuer".into()), ..Form::default() },
        ..Application::new(channel, service, raw)
    };
    let number = CaseNumber::new("MUS", 2026, number);
    let org_unit = Some("32".parse().expect("valid"));
    Receive {
        number,
        application: Box::new(application),
        org_unit,
        continues: None,
        receipt: None,
        followed: Followed::default(),
    }
}

pub(super) fn person(user: &str, role: Role, unit: &str) -> Principal {
    Principal {
        user: user.parse().expect("valid"),
        name: user.into(),
        roles: [role].into(),
        org_units: [unit.parse().expect("valid")].into(),
    }
}

pub(super) fn erika() -> Principal {
    person("erika", Role::Caseworker, "32")
}

pub(super) fn max() -> Principal {
    person("max", Role::Caseworker, "32")
}

pub(super) fn overseer() -> Principal {
    person("eva", Role::SinglePointOfContact, "1")
}

/// The account that a person called Erika signs in with.
pub(super) fn account_of_erika() -> NewAccount {
    NewAccount {
        user: "erika".parse().expect("valid"),
        name: "Erika".into(),
        roles: vec![Role::Caseworker],
        org_units: vec!["32".parse().expect("valid")],
        password: Secret::new("Sonne".into()),
    }
}

/// The settings of this town with a neighbour, whose store is made.
pub(super) fn settings_with_a_neighbour(directory: &TempDir) -> HouseSettings {
    let mut settings = settings(directory);
    let neighbour = TenantSettings {
        slug: "kleinau".parse().expect("valid"),
        hosts: vec!["kleinau.localhost".into()],
        ..settings.tenants[0].clone()
    };
    let (disk, random): (Arc<dyn Disk>, Arc<dyn Random>) = (Arc::new(RealDisk), Arc::new(StrongRandom::new()));
    let (key, now) = (TenantKey::load(&neighbour.key).expect("a key"), WallClock.now());
    TenantStore::init(&disk, &settings.data_dir, &neighbour.slug, &key, &random, now).expect("a store");
    settings.tenants.push(neighbour);
    settings
}
