//! A store of a tenant with streams of made-up events, for tests that need something to be there.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use ozg_protocols::{
    ids::{CommandKey, TenantSlug},
    moment::Moment,
};
use serde::{Deserialize, Serialize};

use crate::{
    codec::Schema,
    disk::{Disk, RealDisk},
    journal::{Append, EffectTarget, Epoch, Lane, StreamId, StreamKind, Version, WrappedKey},
    keys::TenantKey,
    random::Random,
    redb_core::Options,
    stream::{Effect, Record, Stream, Ticket},
    tenant_store::{StoreError, TenantStore},
    testing::SeededRandom,
};

/// A made-up event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed(pub String);

/// A made-up effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand(pub u32);

/// Where a store lies and what it is opened with.
#[derive(Debug)]
pub struct Sample {
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The directory that holds the tenant's.
    pub data: PathBuf,
    /// The tenant.
    pub tenant: TenantSlug,
    /// Its key.
    pub key: TenantKey,
    /// Seeded.
    pub random: Arc<dyn Random>,
    /// What the core is opened with.
    pub options: Options,
}

impl Sample {
    /// A store that was just made in this directory of the real disk.
    ///
    /// # Panics
    /// If it can not be made.
    #[must_use]
    pub fn founded(data: &Path) -> Self {
        Self::on(Arc::new(RealDisk), data, 1)
    }

    /// A store that was just made on this disk.
    ///
    /// # Panics
    /// If it can not be made.
    #[must_use]
    pub fn on(disk: Arc<dyn Disk>, data: &Path, seed: u64) -> Self {
        let sample = Self::unfounded(disk, data, seed);
        sample.found().expect("a store is made");
        sample
    }

    /// What a store would be made with.
    ///
    /// # Panics
    /// Never: the slug is one.
    #[must_use]
    pub fn unfounded(disk: Arc<dyn Disk>, data: &Path, seed: u64) -> Self {
        Self {
            disk,
            data: data.to_owned(),
            tenant: "musterstadt".parse().expect("a slug"),
            key: TenantKey::from_bytes([7; 32]),
            random: Arc::new(SeededRandom::new(seed)),
            options: Options { cache: 64 << 20, reserve: 0, rows_every: 8 },
        }
    }

    /// Makes the store.
    ///
    /// # Errors
    /// As [`TenantStore::init`].
    pub fn found(&self) -> Result<(), StoreError> {
        TenantStore::init(&self.disk, &self.data, &self.tenant, &self.key, &self.random, Moment::from_seconds(1))
    }

    /// Opens the store.
    ///
    /// # Errors
    /// As [`TenantStore::open`].
    pub fn open(&self) -> Result<TenantStore, StoreError> {
        TenantStore::open(&self.disk, &self.data, &self.tenant, &self.key, &self.random, self.options)
    }

    /// The lane of its errands.
    pub const LANE: Lane = Lane { target: EffectTarget::FitConnect, place: 7 };

    /// A case stream of made-up events.
    #[must_use]
    pub fn stream(store: &TenantStore, id: u128) -> Stream<Deed, Errand> {
        let id = StreamId { kind: StreamKind::Case, id };
        Stream::new(store.sealer.clone(), id, Schema::first(1), Schema::first(1))
    }

    /// An append of one event with this text, and an effect if there is an errand.
    ///
    /// # Panics
    /// If it does not seal.
    pub fn append(
        stream: &mut Stream<Deed, Errand>,
        expected: u64,
        key: u128,
        text: &str,
        errand: Option<u32>,
        keys: Vec<WrappedKey>,
    ) -> Append {
        let at = Moment::from_seconds(100 + i64::try_from(expected).expect("small"));
        let record = Record { at, by: None, events: vec![Deed(text.to_owned())] };
        let ticket = Ticket { key: CommandKey::from_u128(key), command: text.as_bytes(), reply: &key.to_be_bytes() };
        let effects: Vec<_> =
            errand.map(|number| Effect { lane: Self::LANE, due: at, what: Errand(number) }).into_iter().collect();
        stream.seal(Version(expected), Epoch::default(), ticket, &record, &effects, keys).expect("seals")
    }
}
