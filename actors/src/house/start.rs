//! How the house is put together: stores are opened, pools and batchers become the infrastructure, then each tenant.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use ozg_protocols::ids::TenantSlug;
use ozg_storage::{
    keys::{KeyError, TenantKey},
    redb_core::Options,
    tenant_store::{StoreError, TenantStore},
};
use ractor::Actor;
use tokio::sync::{Semaphore, watch};

use super::{
    House, Inner, Pools, Seams, Supervisors,
    root::Supervisor,
    shut::{self, Doors, OpenerParts, Shut},
};
use crate::{
    blobs::Blobs,
    clock::{self, ClockDoor},
    journal::TenantJournal,
    observe::{Observation, Observer, Probe},
    outbox,
    pool::{InlinePool, PoolGuard, PoolPlan, WorkerThreads, Workers},
    seams::Ids,
    settings::{HouseSettings, TenantSettings},
    supervise::{self, Seat, Spec},
    tenant::{
        CaseDoor, Edge, Gate, Household, NotaryActor, NotaryParts, Numbers, NumbersActor, SessionsActor, Tenant,
        TenantActor, TenantContext, TenantInner, TenantParts,
    },
    views::{Views, ViewsActor, ViewsParts},
};

/// The kind of small record whose removal shows that a journal can be written.
pub(super) const PROBE: u8 = 255;
/// So many sign-ins of one tenant at a time.
pub(super) const SIGN_INS: usize = 16;
/// So many jobs write to a journal at a time.
pub(super) const WRITERS: usize = 2;
/// So many jobs read a journal at a time.
pub(super) const READERS: usize = 2;
/// So many questions after a session of one tenant at a time.
const SESSION_QUESTIONS: usize = 1024;

/// Why the house does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A tenant's key cannot be had.
    #[error("the key of tenant {tenant} cannot be had")]
    Key {
        /// Whose.
        tenant: TenantSlug,
        /// Why.
        source: KeyError,
    },
    /// A tenant's store cannot be opened.
    #[error("the store of tenant {tenant} cannot be opened")]
    Store {
        /// Whose.
        tenant: TenantSlug,
        /// Why.
        source: StoreError,
    },
    /// Two tenants have the same slug or host.
    #[error("{0} is used twice")]
    Twice(String),
    /// The operating system gives no threads.
    #[error("worker threads cannot be started")]
    Threads(#[source] std::io::Error),
    /// An actor of the house does not start.
    #[error("the hierarchy does not start")]
    Hierarchy,
}

/// The open store of a tenant, held as long as the house stands.
#[derive(Debug, Clone)]
pub(super) struct Store(pub(super) Arc<TenantStore>);

/// The pools of the house.
#[derive(Debug, Clone)]
pub(super) struct AllPools {
    pub(super) vault: Workers,
    pub(super) readers: Workers,
    blobs: Workers,
    crypto: Workers,
    pub(super) passwords: Workers,
}

impl House {
    /// Opens every store and starts the whole hierarchy. A tenant whose store cannot be opened is shut, and tried again,
    /// while the others are served: damage stays with one tenant.
    ///
    /// # Errors
    /// [`StartError`], also when no tenant can be opened; nothing runs then.
    pub async fn start(settings: HouseSettings, seams: Seams) -> Result<Self, StartError> {
        unambiguous(&settings.tenants)?;
        let threads = match seams.pools {
            Pools::Threads => Some(WorkerThreads::start().map_err(StartError::Threads)?),
            Pools::Inline => None,
        };
        let observation = Observation::new(seams.clock.clone());
        let probe = observation.root("house", &supervise::HOUSE);
        let infrastructure = probe.child("infrastructure", &supervise::INFRASTRUCTURE, 0);
        let (mut specs, pools) = Plans::of(&settings).pools(threads.as_ref(), &infrastructure);
        specs.push(seams.outbound.spec(&infrastructure, &observation));
        let (clock, door) = clock::spec(seams.clock.clone(), &observation);
        specs.push(clock);
        specs.push(Spec::new("observer", &supervise::OBSERVER, || Observer, |probe| probe).0);
        let founding = Founding::of(&settings, seams, door, pools.clone(), probe.clone());
        let mut doors = Doors::default();
        let mut branches = Vec::new();
        for (settings, opened) in founding.open_all(settings.tenants).await? {
            match opened {
                Ok(store) => {
                    let (tenant, batcher, branch) = founding.tenant(settings, &store, &infrastructure);
                    specs.push(batcher);
                    branches.push(branch);
                    doors.open.push((tenant, store));
                }
                Err(why) => doors.shut.push(Shut::of(settings, &why, &probe)),
            }
        }
        let infra =
            Spec::new("infrastructure", &supervise::INFRASTRUCTURE, || Supervisor, move |probe| (specs.clone(), probe));
        let mut all = vec![infra.0.seen_by(infrastructure.clone())];
        all.extend(branches);
        let (clock, is_whole) = (founding.seams.clock.clone(), doors.shut.is_empty());
        let (seat, root) = Seat::empty();
        let doors = Arc::new(watch::Sender::new(doors));
        let seen = doors.subscribe();
        let opener = (!is_whole).then(|| shut::spec(OpenerParts { founding, doors, root }));
        let (spec, opener) = opener.unzip();
        all.extend(spec);
        let started = Actor::spawn(None, Supervisor, (all, probe.clone())).await;
        let (root, _) = started.map_err(|_| StartError::Hierarchy)?;
        probe.is_stood_for_by(&root.get_cell());
        seat.take(root.clone(), probe.clone());
        let (closing, written) = (watch::Sender::new(false), Mutex::default());
        let probes = Supervisors { house: probe, infrastructure };
        let inner =
            Inner { observation, doors: seen, opener, root, probes, pools, clock, closing, written, _threads: threads };
        Ok(Self(Arc::new(inner)))
    }
}

/// Slugs and hosts name one tenant each.
fn unambiguous(tenants: &[TenantSettings]) -> Result<(), StartError> {
    let mut names = HashSet::new();
    for tenant in tenants {
        for name in tenant.hosts.iter().map(String::as_str).chain([tenant.slug.as_str()]) {
            if !names.insert(name) {
                return Err(StartError::Twice(name.to_owned()));
            }
        }
    }
    Ok(())
}

/// How many threads each pool has.
struct Plans([PoolPlan; 5]);

impl Plans {
    fn of(settings: &HouseSettings) -> Self {
        let plan = |name, threads: usize, ahead, nice| PoolPlan { name, threads: threads.max(1), ahead, nice };
        Self([
            plan("vault", WRITERS, 1, 0),
            plan("reader", READERS, 2, 0),
            plan("blob", 2, 2, 0),
            // Less important than the runtime's own threads, and never without the next job at hand.
            plan("crypto", settings.crypto_threads, 2, 5),
            plan("password", 1, 1, 5),
        ])
    }

    fn pools(self, threads: Option<&WorkerThreads>, infrastructure: &Probe) -> (Vec<Spec>, AllPools) {
        let mut specs = Vec::new();
        let [vault, readers, blobs, crypto, passwords] = self.0.map(|plan| match threads {
            Some(threads) => {
                let (spec, pool) = PoolGuard::spec(plan, threads, infrastructure);
                specs.push(spec);
                Workers::new(Arc::new(pool))
            }
            None => Workers::new(Arc::new(InlinePool)),
        });
        (specs, AllPools { vault, readers, blobs, crypto, passwords })
    }
}

/// What every tenant is made with.
#[derive(Debug, Clone)]
pub(super) struct Founding {
    seams: Seams,
    clock: ClockDoor,
    pools: AllPools,
    data: PathBuf,
    options: Options,
    /// The file outside that checkpoints are brought to.
    checkpoints: Option<PathBuf>,
    pub(super) house: Probe,
}

impl Founding {
    fn of(settings: &HouseSettings, seams: Seams, clock: ClockDoor, pools: AllPools, house: Probe) -> Self {
        let cache = settings.cache_bytes / settings.tenants.len().max(1);
        let options = Options { cache, reserve: settings.reserve_bytes, ..Options::default() };
        let (data, checkpoints) = (settings.data_dir.clone(), settings.checkpoint_file.clone());
        Self { seams, clock, pools, data, options, checkpoints, house }
    }

    /// The store of each tenant, or why it does not open; an error if none does.
    async fn open_all(
        &self,
        tenants: Vec<TenantSettings>,
    ) -> Result<Vec<(TenantSettings, Result<Store, StartError>)>, StartError> {
        let mut opened = Vec::new();
        for tenant in tenants {
            let store = self.open(&tenant).await;
            opened.push((tenant, store));
        }
        if opened.iter().any(|(_, store)| store.is_ok()) {
            return Ok(opened);
        }
        opened.into_iter().find_map(|(_, store)| store.err()).map_or_else(|| Ok(Vec::new()), Err)
    }

    /// Opens the store of one tenant.
    pub(super) async fn open(&self, tenant: &TenantSettings) -> Result<Store, StartError> {
        let (disk, random, data) = (self.seams.disk.clone(), self.seams.random.clone(), self.data.clone());
        let (slug, source, options) = (tenant.slug.clone(), tenant.key.clone(), self.options);
        let open = move || {
            let key = TenantKey::load(&source).map_err(|source| StartError::Key { tenant: slug.clone(), source })?;
            TenantStore::open(&disk, &data, &slug, &key, &random, options)
                .map_err(|source| StartError::Store { tenant: slug, source })
        };
        let opened = tokio::task::spawn_blocking(open).await.map_err(|_| StartError::Hierarchy)?;
        opened.map(|store| Store(Arc::new(store)))
    }

    /// The tenant around this store, and what is to be supervised for it: its batcher, below whoever is seen by `above`,
    /// and the tenant itself, a child of the root.
    pub(super) fn tenant(&self, settings: TenantSettings, store: &Store, above: &Probe) -> (Tenant, Spec, Spec) {
        let Self { seams, pools, checkpoints, house, .. } = self;
        let (checkpoints, Store(store)) = (checkpoints.clone(), store);
        let (vault, readers) = (pools.vault.clone(), pools.readers.clone());
        let agreement = self.clock.opened(&settings.slug, store.last_record);
        let (name, core) = (settings.slug.as_str(), store.core.clone());
        let (journal, batcher) = TenantJournal::new(name, core, vault, readers, agreement.clone(), above);
        let (limits, settings) = (seams.limits, Arc::new(settings));
        let probe = house.child(settings.slug.as_str(), &supervise::TENANT, limits.permits as u64);
        let (seat, tenant) = Seat::empty();
        let (numbers_seat, numbers) = Seat::empty();
        let (sessions_seat, sessions) = Seat::empty();
        let numbers_probe = probe.child("numbers", &supervise::NUMBERS, 0);
        let sessions_probe = probe.child("sessions", &supervise::SESSIONS, SIGN_INS as u64);
        let edge = Edge::new(tenant, limits.permits, seams.clock.clone(), probe.clone());
        let news = journal.news();
        let (views, ids) = (Views::default(), Ids::new(seams.random.clone()));
        let channels = Arc::new(watch::Sender::new(None));
        let context = TenantContext {
            settings: settings.clone(),
            clock: seams.clock.clone(),
            agreement,
            ids: ids.clone(),
            journal: Arc::new(journal),
            sealer: store.sealer.clone(),
            blobs: Blobs::new(Arc::new(store.blobs.clone()), pools.blobs.clone()),
            crypto: pools.crypto.clone(),
            cases: CaseDoor::new(edge.clone()),
            numbers: Numbers::new(numbers, numbers_probe.clone()),
            views: views.clone(),
            probe: probe.clone(),
        };
        let inner = TenantInner {
            settings: settings.clone(),
            edge,
            sessions,
            sessions_probe: sessions_probe.clone(),
            sessions_gate: Gate::new("sessions", SESSION_QUESTIONS, sessions_probe.clone()),
            sign_ins: Arc::new(Semaphore::new(SIGN_INS)),
            passwords: pools.passwords.clone(),
            ids,
            views: views.clone(),
            #[cfg(test)]
            numbers: context.numbers.clone(),
            channels: channels.subscribe(),
        };
        let (passwords, readers) = (pools.passwords.clone(), pools.readers.clone());
        let (files, store) = (store.views.clone(), store.clone());
        let household: Household = Arc::new(move |context: &TenantContext| {
            let (for_numbers, for_sessions) = (context.clone(), context.clone());
            let passwords = passwords.clone();
            let (views, files, news) = (views.clone(), files.clone(), news.clone());
            let for_views = ViewsParts { context: context.clone(), views, files, readers: readers.clone(), news };
            let out = checkpoints.clone().map(|file| outbox::checkpoints::spec(context, &store, file, &readers));
            let (carrier, to_carrier) = out.unzip();
            let (context, store, workers) = (context.clone(), store.clone(), readers.clone());
            let for_notary = NotaryParts { context, store, carrier: to_carrier, workers };
            // Drained last: what the others do is signed for, and then leaves.
            let last =
                [Spec::new("notary", &supervise::NOTARY, || NotaryActor, move |probe| (for_notary.clone(), probe)).0];
            let others = [
                Spec::seated(
                    "numbers",
                    &supervise::NUMBERS,
                    numbers_seat.clone(),
                    || NumbersActor,
                    move |probe| (for_numbers.clone(), probe),
                )
                .seen_by(numbers_probe.clone()),
                Spec::seated(
                    "sessions",
                    &supervise::SESSIONS,
                    sessions_seat.clone(),
                    || SessionsActor,
                    move |probe| (for_sessions.clone(), passwords.clone(), probe),
                )
                .seen_by(sessions_probe.clone()),
                Spec::new("views", &supervise::VIEWS, || ViewsActor, move |probe| (for_views.clone(), probe)).0,
            ];
            carrier.into_iter().chain(last).chain(others).collect()
        });
        let parts = TenantParts { context, household, connect: seams.connect.clone(), channels, limits };
        let name = settings.slug.to_string();
        let spec = Spec::seated(name, &supervise::TENANT, seat, || TenantActor, move |_| parts.clone()).seen_by(probe);
        (Tenant::new(inner), batcher, spec)
    }
}
