//! A small town to look at: one tenant, three people, cases with files, served on a free port.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use ozg_actors::{
    House, HouseSettings, NewAccount, OrgUnitSettings, Outcome, Pools, Seams, Secret, TenantSettings,
    outbound::{Outbound, OutboundSettings, SystemResolver},
    seams::{Clock as _, Ids, Random, WallClock},
    tenant::{CaseDoor, Connect, Connected, Limits, NoChannels, TenantContext},
};
use ozg_protocols::{
    application::{
        Address, Applicant, Application, Attachment, Channel, Contact, Form, FormItem, FormValue, NaturalPerson,
        Purpose, RawReference, Service,
    },
    case::{CaseNumber, Followed, Order, Receive},
    ids::{AttachmentId, CaseId, CommandKey, DestinationId, FitCaseId, IntakeId, SubmissionId},
    intake::{ClearingReason, IntakeEvent, RawPart, RawSubmission, RecordedIntake},
    principal::{Principal, Role},
};
use ozg_storage::{
    disk::{Disk, RealDisk},
    journal::{Epoch, Version},
    keys::{KeySource, TenantKey},
    random::StrongRandom,
    stream::{Record, Ticket},
    tenant_store::TenantStore,
};
use ozg_web::{Limits as WebLimits, Monitors, Running, WebSettings};
use tempfile::TempDir;

use crate::client::Client;

/// The host of the town.
pub(crate) const HOST: &str = "musterstadt.localhost";
/// The host of its neighbour, whose key is not there.
pub(crate) const BROKEN_HOST: &str = "kleinau.localhost";
/// The password of everybody in it.
pub(crate) const PASSWORD: &str = "nur zum Ausprobieren";

/// When a test gives up: no promise of anything, and long enough for a machine that does other things too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A town that runs until it is closed.
pub(crate) struct Town {
    pub(crate) house: House,
    pub(crate) server: Running,
    context: TenantContext,
    _directory: TempDir,
}

fn settings(directory: &TempDir) -> HouseSettings {
    let unit = |id: &str, name: &str| OrgUnitSettings { id: id.parse().expect("valid"), name: name.into() };
    let tenant = TenantSettings {
        slug: "musterstadt".parse().expect("valid"),
        name: "Musterstadt".into(),
        hosts: vec![HOST.into()],
        key: KeySource::File(directory.path().join("tenant.key")),
        number_prefix: "MUS".into(),
        org_units: vec![unit("32", "Ordnungsamt"), unit("33", "Bürgeramt")],
        routing: Vec::new(),
        data_schemas: Default::default(),
        mappings: Default::default(),
        destinations: Vec::new(),
    };
    let broken = TenantSettings {
        slug: "kleinau".parse().expect("valid"),
        hosts: vec![BROKEN_HOST.into()],
        key: KeySource::File(directory.path().join("kleinau.key")),
        ..tenant.clone()
    };
    let (data_dir, tenants) = (directory.path().join("data"), vec![broken, tenant]);
    HouseSettings {
        data_dir,
        tenants,
        crypto_threads: 1,
        cache_bytes: 8 << 20,
        reserve_bytes: 0,
        checkpoint_file: None,
    }
}

/// Connects to no channel, and keeps what a channel would be given, so that tests can bring cases in.
fn listening() -> (Connect, Arc<OnceLock<TenantContext>>) {
    let (kept, given) = (Arc::new(OnceLock::new()), Mutex::new(()));
    let keep = kept.clone();
    let connect: Connect = Arc::new(move |context: &TenantContext| {
        let _one = given.lock();
        let _ = keep.set(context.clone());
        Connected { children: Vec::new(), door: Arc::new(NoChannels) }
    });
    (connect, kept)
}

impl Town {
    /// A town with its people, without cases.
    pub(crate) async fn founded() -> Self {
        let goodbye = Duration::from_secs(2);
        Self::founded_with(WebLimits { goodbye, head: PATIENCE, ..WebLimits::default() }).await
    }

    /// The same with other limits.
    pub(crate) async fn founded_with(limits: WebLimits) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (disk, random): (Arc<dyn Disk>, Arc<dyn Random>) = (Arc::new(RealDisk), Arc::new(StrongRandom::new()));
        let key = TenantKey::create(&directory.path().join("tenant.key"), &*random).expect("a key");
        let data = directory.path().join("data");
        disk.create_dir(&data).expect("a directory");
        let slug = "musterstadt".parse().expect("valid");
        TenantStore::init(&disk, &data, &slug, &key, &random, WallClock.now()).expect("a store");
        let (connect, kept) = listening();
        let (clock, ids) = (Arc::new(WallClock), Ids::new(random.clone()));
        let seams = Seams {
            clock: clock.clone(),
            random,
            disk,
            pools: Pools::Threads,
            limits: Limits::default(),
            outbound: Outbound::new(OutboundSettings::default(), Arc::new(SystemResolver)).expect("settings"),
            connect,
        };
        let house = House::start(settings(&directory), seams).await.expect("starts");
        let listen = "127.0.0.1:0".parse().expect("valid");
        let settings =
            WebSettings { listen, tls: None, public: None, operations_here: true, monitors: Monitors::here(), limits };
        let server = ozg_web::serve(house.clone(), clock, ids, settings).await.expect("listens");
        let context = kept.get().cloned().expect("the tenant was connected");
        let town = Self { house, server, context, _directory: directory };
        town.people().await;
        town
    }

    async fn people(&self) {
        let tenant = self.house.tenant_by_host(HOST).expect("there");
        #[rustfmt::skip]
        let people: [(&str, &str, &[Role], &[&str]); 4] = [
            ("erika", "Erika Mustermann", &[Role::Caseworker], &["32"]),
            ("max", "Max Ḧolm", &[Role::Caseworker], &["32"]),
            ("rita", "Rita Kolb", &[Role::Mailroom], &[]),
            ("oskar", "Oskar Betz", &[Role::Operations], &[]),
        ];
        for (user, name, roles, units) in people {
            let account = NewAccount {
                user: user.parse().expect("valid"),
                name: name.into(),
                roles: roles.to_vec(),
                org_units: units.iter().map(|unit| unit.parse().expect("valid")).collect(),
                password: Secret::new(PASSWORD.into()),
            };
            tenant.add_account(account).await.expect("is added");
        }
    }

    fn door(&self) -> CaseDoor {
        self.context.cases.clone()
    }

    /// A case of this org unit with one PDF, one after the other by number, once the list shows it.
    pub(crate) async fn receives(&self, number: u64, unit: &str) -> CaseId {
        let case = CaseId::from_u128(u128::from(number) << 64 | 0xca5e);
        let blob = self.context.blobs.begin().publish(Bytes::from(file_content())).await.expect("publishes");
        let attachment = Attachment {
            id: file_id(),
            blob: blob.id,
            filename: Some("Übersicht \"neu\".pdf".into()),
            description: Some("Lageplan".into()),
            media_type: "application/pdf".into(),
            purpose: Purpose::Attachment,
            bytes: blob.length,
            sha512: vec![0; 64],
            signature: None,
            fragments: Vec::new(),
        };
        let receive = Receive {
            number: CaseNumber::new("MUS", 2026, number),
            application: Box::new(application(number, attachment)),
            org_unit: Some(unit.parse().expect("valid")),
            continues: None,
            receipt: None,
            followed: Followed::default(),
        };
        let key = CommandKey::from_u128(u128::from(number) << 32);
        let outcome = self.door().order(case, Order::Receive(receive), key, vec![blob.wrapped]).await;
        assert_eq!(outcome, Ok(Outcome::Done { version: 1 }));
        let views = self.house.tenant_by_host(HOST).expect("there").work_list();
        while views.row(&overseer(), &Default::default(), case).is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        case
    }

    /// A submission that failed three times, which waits in the clearing tray, once the numbers show it.
    pub(crate) async fn cannot_read(&self, number: u64) -> IntakeId {
        let (id, at) = (IntakeId::from_u128(u128::from(number) << 64 | 0x1ca5e), WallClock.now());
        let raw = RawSubmission { metadata: RawPart::Inline("a.b.c.d.e".into()), data: None, event_log: Vec::new() };
        let kept = IntakeEvent::Kept { channel: fit_connect([2; 16]), service: String::new(), raw };
        let failed = IntakeEvent::NeedsClearing { reason: ClearingReason::FailedThreeTimes };
        let events = [kept, failed].map(|event| RecordedIntake { at, event }).into();
        let key = CommandKey::from_u128(u128::from(number) << 32 | 1);
        let ticket = Ticket { key, command: b"intake", reply: &[] };
        let record = Record { at, by: None, events };
        let mut stream = self.context.intake_stream(id);
        let append = stream.seal(Version(0), Epoch::default(), ticket, &record, &[], Vec::new()).expect("seals");
        self.context.journal.append(append).await.expect("is durable");
        let (views, clerk) = (self.house.tenant_by_host(HOST).expect("there"), clerk());
        while !views.clearing_after(&clerk, 0).is_some_and(|waits| waits.contains(&id)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        id
    }

    /// A browser that has not signed in.
    pub(crate) fn browser(&self) -> Client {
        Client::new(self.server.local_addr(), HOST)
    }

    /// A browser of this person.
    pub(crate) async fn signed_in(&self, login: &str) -> Client {
        let mut browser = self.browser();
        browser.sign_in(login, PASSWORD).await;
        browser
    }

    /// Stops the server and drains the house; nothing may be left.
    pub(crate) async fn closes(self) {
        let Self { house, server, context, _directory } = self;
        drop(context);
        tokio::time::timeout(PATIENCE, server.shutdown()).await.expect("the server ends");
        let report = house.drain(PATIENCE).await;
        assert_eq!(report.cut_off, 0, "{report:?}");
    }
}

/// Somebody who sees every case.
pub(crate) fn overseer() -> Principal {
    Principal {
        user: "eva".parse().expect("valid"),
        name: "Eva".into(),
        roles: [Role::SinglePointOfContact].into(),
        org_units: [].into(),
    }
}

/// Somebody who sees the clearing tray.
fn clerk() -> Principal {
    Principal { roles: [Role::Mailroom].into(), ..overseer() }
}

/// The id of the file that every case has.
pub(crate) fn file_id() -> AttachmentId {
    AttachmentId::from_random([9; 16])
}

/// The bytes of that file: more than one chunk, no two parts alike.
pub(crate) fn file_content() -> Vec<u8> {
    let mut content = b"%PDF-1.7\n".to_vec();
    content.extend((0_u32..60_000).flat_map(u32::to_be_bytes));
    content
}

fn fit_connect(submission: [u8; 16]) -> Channel {
    Channel::FitConnect {
        destination: DestinationId::from_random([1; 16]),
        submission: SubmissionId::from_random(submission),
        case: FitCaseId::from_random([3; 16]),
    }
}

fn application(number: u64, attachment: Attachment) -> Application {
    let text = |name: &str, label: &str, value: &str| FormItem {
        name: name.into(),
        label: Some(label.into()),
        value: FormValue::Text(value.into()),
    };
    let (title, surname) =
        [("Bewohnerparkausweis", "Öztürk"), ("Hundesteuer", "Wójcik"), ("Gewerbeanmeldung", "<b>Lindner</b>")]
            [usize::try_from(number % 3).expect("small")];
    let address =
        Address { street: Some("Lange Straße".into()), town: Some("Musterstadt".into()), ..Address::default() };
    let person = NaturalPerson {
        given_names: Some("Aylin".into()),
        family_name: Some(surname.into()),
        contact: Contact { address: Some(address), ..Contact::default() },
        ..NaturalPerson::default()
    };
    let group = FormItem {
        name: "fahrzeug".into(),
        label: Some("Fahrzeug".into()),
        value: FormValue::Group(vec![text("kennzeichen", "Kennzeichen", "MU-ST 471"), text("art", "Art", "Pkw")]),
    };
    let mut submission = [0; 16];
    submission[..8].copy_from_slice(&number.to_be_bytes());
    let channel = fit_connect(submission);
    let identifier = format!("urn:de:fim:leika:leistung:9905001210400{}", number % 3);
    let service = Service { identifier, ..Service::default() };
    let raw = RawReference { intake: IntakeId::from_u128(u128::from(number)), blobs: Vec::new() };
    let items = vec![text("grund", "Grund", "Umzug"), group];
    Application {
        applicant: Some(Applicant::Natural(person)),
        form: Form { name: Some(title.into()), items, ..Form::default() },
        attachments: vec![attachment],
        ..Application::new(channel, service, raw)
    }
}
