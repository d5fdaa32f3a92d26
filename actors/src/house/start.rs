//! How the house is put together: stores are opened, pools and batchers become the infrastructure, then each tenant.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use ozg_protocols::ids::TenantSlug;
use ozg_storage::{
    keys::{KeyError, TenantKey},
    redb_core::Options,
    tenant_store::{StoreError, TenantStore},
};
use ractor::Actor;
use tokio::sync::{Semaphore, watch};

use super::{House, Inner, Pools, Seams, root::Supervisor, shut::Shut};
use crate::{
    blobs::Blobs,
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
const SIGN_INS: usize = 16;
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
#[derive(Debug)]
pub(super) struct Store(pub(super) Arc<TenantStore>);

/// The pools of the house.
#[derive(Debug, Clone)]
struct AllPools {
    vault: Workers,
    readers: Workers,
    blobs: Workers,
    crypto: Workers,
    passwords: Workers,
}

impl House {
    /// Opens every store and starts the whole hierarchy. A tenant whose store cannot be opened is shut and the others are
    /// served: damage stays with one tenant.
    ///
    /// # Errors
    /// [`StartError`], also when no tenant can be opened; nothing runs then.
    pub async fn start(settings: HouseSettings, seams: Seams) -> Result<Self, StartError> {
        unambiguous(&settings.tenants)?;
        let opened = open_stores(&settings, &seams).await?;
        let observation = Observation::new(seams.clock.clone());
        let probe = observation.root("house", &supervise::HOUSE);
        let infrastructure = probe.child("infrastructure", &supervise::INFRASTRUCTURE, 0);
        let threads = match seams.pools {
            Pools::Threads => Some(WorkerThreads::start().map_err(StartError::Threads)?),
            Pools::Inline => None,
        };
        let plans = Plans::of(&settings);
        let (mut specs, pools) = plans.pools(threads.as_ref(), &infrastructure);
        specs.push(Spec::new("observer", &supervise::OBSERVER, || Observer, |probe| probe).0);
        let mut tenants = Vec::new();
        let mut branches = Vec::new();
        let (mut stores, mut shut) = (Vec::new(), Vec::new());
        let checkpoint_file = settings.checkpoint_file;
        for (settings, opened) in settings.tenants.into_iter().zip(opened) {
            let store = match opened {
                Ok(store) => store,
                Err(why) => {
                    shut.push(Shut::of(&settings, &why, &probe));
                    continue;
                }
            };
            let slug = settings.slug.to_string();
            let (vault, readers) = (pools.vault.clone(), pools.readers.clone());
            let (journal, batcher) = TenantJournal::new(&slug, store.0.core.clone(), vault, readers, &infrastructure);
            specs.push(batcher);
            let checkpoints = checkpoint_file.clone();
            let builder = Builder { seams: &seams, pools: &pools, store: &store, journal, checkpoints, house: &probe };
            let (tenant, branch) = builder.build(settings);
            tenants.push(tenant);
            branches.push(branch);
            stores.push(store);
        }
        let infra =
            Spec::new("infrastructure", &supervise::INFRASTRUCTURE, || Supervisor, move |probe| (specs.clone(), probe));
        let mut all = vec![infra.0.seen_by(infrastructure)];
        all.extend(branches);
        let started = Actor::spawn(None, Supervisor, (all, probe.clone())).await;
        let (root, _) = started.map_err(|_| StartError::Hierarchy)?;
        probe.is_stood_for_by(&root.get_cell());
        let closing = watch::Sender::new(false);
        let (vault, clock) = (pools.vault, seams.clock);
        Ok(Self(Arc::new(Inner { observation, tenants, stores, shut, root, vault, clock, closing, _threads: threads })))
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

/// The store of each tenant, or why it does not open; an error if none does.
async fn open_stores(settings: &HouseSettings, seams: &Seams) -> Result<Vec<Result<Store, StartError>>, StartError> {
    let mut stores = Vec::new();
    let cache = settings.cache_bytes / settings.tenants.len().max(1);
    for tenant in &settings.tenants {
        let options = Options { cache, reserve: settings.reserve_bytes, ..Options::default() };
        let (disk, random, data) = (seams.disk.clone(), seams.random.clone(), settings.data_dir.clone());
        let (slug, source) = (tenant.slug.clone(), tenant.key.clone());
        let open = move || {
            let key = TenantKey::load(&source).map_err(|source| StartError::Key { tenant: slug.clone(), source })?;
            TenantStore::open(&disk, &data, &slug, &key, &random, options)
                .map_err(|source| StartError::Store { tenant: slug, source })
        };
        let opened = tokio::task::spawn_blocking(open).await.map_err(|_| StartError::Hierarchy)?;
        stores.push(opened.map(|store| Store(Arc::new(store))));
    }
    if stores.iter().any(Result::is_ok) {
        return Ok(stores);
    }
    stores.into_iter().find_map(Result::err).map_or_else(|| Ok(Vec::new()), Err)
}

/// How many threads each pool has.
struct Plans([PoolPlan; 5]);

impl Plans {
    fn of(settings: &HouseSettings) -> Self {
        let plan = |name, threads: usize, ahead, nice| PoolPlan { name, threads: threads.max(1), ahead, nice };
        Self([
            plan("vault", 2, 1, 0),
            plan("reader", 2, 2, 0),
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

/// What a tenant is made of.
struct Builder<'h> {
    seams: &'h Seams,
    pools: &'h AllPools,
    store: &'h Store,
    journal: TenantJournal,
    /// The file outside that checkpoints are brought to.
    checkpoints: Option<PathBuf>,
    house: &'h Probe,
}

impl Builder<'_> {
    /// The tenant's handle, and the tenant as a child of the root.
    fn build(self, settings: TenantSettings) -> (Tenant, Spec) {
        let Self { seams, pools, store: Store(store), journal, checkpoints, house } = self;
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
            ids: ids.clone(),
            journal: Arc::new(journal),
            sealer: store.sealer.clone(),
            blobs: Blobs::new(Arc::new(store.blobs.clone()), pools.blobs.clone()),
            crypto: pools.crypto.clone(),
            cases: CaseDoor::new(edge.clone()),
            numbers: Numbers::new(numbers, numbers_probe.clone()),
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
        (Tenant::new(inner), spec)
    }
}
