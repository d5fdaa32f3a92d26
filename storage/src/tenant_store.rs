//! The directory of one tenant: journal, key ring, blobs, views and checkpoints, made once and opened together.
//!
//! `<data>/<tenant>/` holds `journal.redb`, `keys.ring`, `blobs/`, `index/`, `checkpoints.log` and `lock`. Opening takes the
//! lock: one process at a time. A store is founded under one tenant key and opened under no other.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use ozg_protocols::{
    ids::{CommandKey, TenantSlug},
    moment::Moment,
};
use serde::{Deserialize, Serialize};

use crate::{
    blob::BlobStore,
    checkpoint::Checkpoint,
    codec::Schema,
    disk::{Disk, DiskLock},
    fault::Fault,
    journal::{Appended, Epoch, JournalError, StreamId, Version},
    keys::{Fingerprint, TenantKey},
    notary::{self, Notary, NotaryError},
    outside::OutsideFile,
    random::{self, NoRandomness, Random},
    redb_core::{Ground, Options, RedbCore},
    ring::{KeyRing, Purpose, RingError},
    seal::{SealError, Sealer},
    shelf::Shelf,
    stream::{NoEffect, Record, Stream, Ticket},
    tables::Foundation,
    view_file::ViewFiles,
};

/// Why a store is not made or opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is something already where it would be made; a store never gets a new key.
    #[error("the directory of the tenant is not empty")]
    NotEmpty,
    /// There is no store.
    #[error("there is no store of this tenant")]
    Absent,
    /// Its founding was interrupted before it was finished.
    #[error("the store was never finished; remove its directory and make it again")]
    Unfinished,
    /// Another process has it open.
    #[error("another process has the store of this tenant open")]
    InUse,
    /// It belongs to another tenant key.
    #[error("the store was made under tenant key {found}, not under {given}")]
    ForeignKey {
        /// The key it was made under.
        found: Fingerprint,
        /// The key that was given.
        given: Fingerprint,
    },
    /// It belongs to another tenant.
    #[error("the store belongs to another tenant")]
    ForeignTenant,
    /// A file cannot be read or written.
    #[error("the store cannot be used")]
    File(#[from] io::Error),
    /// The ring is not what it should be.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The journal is not what it should be.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Something does not open under its key.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The source of randomness failed.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::Journal(fault.not_done())
    }
}

/// The first event of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Founded {
    pub(crate) tenant: TenantSlug,
    pub(crate) fingerprint: [u8; 16],
}

pub(crate) const FOUNDING: Schema<Record<Founded>> = Schema::first(1);

/// Where the parts of a store lie.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub(crate) root: PathBuf,
}

impl Paths {
    pub(crate) fn of(data: &Path, tenant: &TenantSlug) -> Self {
        Self { root: data.join(tenant.as_str()) }
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal.redb")
    }

    pub(crate) fn ring(&self) -> PathBuf {
        self.root.join("keys.ring")
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(crate) fn views(&self) -> PathBuf {
        self.root.join("index")
    }

    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints.log")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }
}

/// The store of one tenant, open.
#[derive(Debug)]
pub struct TenantStore {
    /// The journal.
    pub core: Arc<RedbCore>,
    /// Seals and opens; has the index key.
    pub sealer: Arc<Sealer>,
    /// The sealed files.
    pub blobs: BlobStore,
    /// The files of views.
    pub views: ViewFiles,
    /// The moment of the last record, when the store was opened.
    pub last_record: Option<Moment>,
    notary: (PathBuf, Arc<KeyRing>, Arc<dyn Disk>),
}

impl TenantStore {
    /// Makes the store of a new tenant under `data`, which has to be there, with its first record at `at`.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] if there is anything already, or why it can not be written.
    pub fn init(
        disk: &Arc<dyn Disk>,
        data: &Path,
        tenant: &TenantSlug,
        key: &TenantKey,
        random: &Arc<dyn Random>,
        at: Moment,
    ) -> Result<(), StoreError> {
        let paths = Paths::of(data, tenant);
        disk.create_dir(&paths.root)?;
        if !disk.list(&paths.root)?.is_empty() {
            return Err(StoreError::NotEmpty);
        }
        let lock = disk.lock(&paths.lock())?.ok_or(StoreError::InUse)?;
        disk.create_dir(&paths.views())?;
        BlobStore::create(&**disk, &paths.blobs())?;
        disk.create(&paths.checkpoints())?.sync()?;
        let ring_entries = KeyRing::create(&**disk, &paths.ring(), key, &**random)?;
        let foundation = Foundation {
            tenant: tenant.as_str().to_owned(),
            incarnation: random::bytes(&**random)?,
            fingerprint: key.fingerprint().0,
        };
        Shelf::create(&**disk, &paths.journal(), &foundation, ring_entries)?;
        disk.sync_dir(&paths.root)?;
        disk.sync_dir(data)?;
        let options = Options { reserve: 0, ..Options::default() };
        let store = Self::open_parts(disk, &paths, tenant, key, random, options, lock)?;
        store.found(key, at)
    }

    /// Writes the record that says under which key the store was founded; a store without it was never finished.
    fn found(&self, key: &TenantKey, at: Moment) -> Result<(), StoreError> {
        let event = Founded { tenant: self.sealer.tenant().clone(), fingerprint: key.fingerprint().0 };
        let record = Record { at, by: None, events: vec![event] };
        let mut stream = Stream::new(self.sealer.clone(), StreamId::FOUNDING, FOUNDING, NoEffect::SCHEMA);
        let ticket = Ticket { key: CommandKey::from_u128(0), command: b"found", reply: &[] };
        let append = stream.seal(Version(0), Epoch::default(), ticket, &record, &[], Vec::new())?;
        match self.core.commit(vec![append]).pop() {
            Some(Ok(Appended::Durable { .. })) => Ok(()),
            Some(Err(error)) => Err(error.into()),
            _ => Err(StoreError::NotEmpty),
        }
    }

    /// Opens the store of a tenant and takes its lock.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::ForeignKey`], [`StoreError::Absent`], or what is wrong with it.
    pub fn open(
        disk: &Arc<dyn Disk>,
        data: &Path,
        tenant: &TenantSlug,
        key: &TenantKey,
        random: &Arc<dyn Random>,
        options: Options,
    ) -> Result<Self, StoreError> {
        let paths = Paths::of(data, tenant);
        let absent = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::Absent,
            _ => StoreError::File(error),
        };
        let entries = disk.list(&paths.root).map_err(absent)?;
        if !entries.iter().any(|entry| entry.name == "journal.redb") {
            return Err(if entries.is_empty() { StoreError::Absent } else { StoreError::Unfinished });
        }
        let lock = disk.lock(&paths.lock())?.ok_or(StoreError::InUse)?;
        let store = Self::open_parts(disk, &paths, tenant, key, random, options, lock)?;
        store.check_founding(key)?;
        Ok(store)
    }

    /// The notary of this store, ready to go on behind its last checkpoint.
    ///
    /// # Errors
    /// What is wrong with the log of checkpoints.
    pub fn notary(&self) -> Result<Notary, NotaryError> {
        let (path, ring, disk) = &self.notary;
        Notary::open(disk.clone(), path.clone(), self.sealer.tenant().clone(), self.core.incarnation, ring)
    }

    /// All checkpoints that were signed, the oldest first.
    ///
    /// # Errors
    /// [`NotaryError::File`] or [`NotaryError::Damaged`].
    pub fn checkpoints(&self) -> Result<Vec<Checkpoint>, NotaryError> {
        let (path, _, disk) = &self.notary;
        notary::read_log(&**disk, path, false)
    }

    /// The file outside the data directory that this tenant's checkpoints are brought to.
    #[must_use]
    pub fn outside(&self, file: PathBuf) -> OutsideFile {
        let (_, _, disk) = &self.notary;
        OutsideFile::new(disk.clone(), file, self.sealer.tenant().clone(), self.core.incarnation)
    }

    fn check_founding(&self, key: &TenantKey) -> Result<(), StoreError> {
        let records = self.core.read(StreamId::FOUNDING, Version(0), 1)?.records;
        let first = records.first().ok_or(StoreError::Unfinished)?;
        let mut stream = Stream::new(self.sealer.clone(), StreamId::FOUNDING, FOUNDING, NoEffect::SCHEMA);
        let given = key.fingerprint();
        match stream.open(first)? {
            crate::stream::Opened::Events(record) => match record.events.first() {
                Some(founded) if founded.fingerprint == given.0 => Ok(()),
                Some(founded) => Err(StoreError::ForeignKey { found: Fingerprint(founded.fingerprint), given }),
                None => Err(StoreError::Unfinished),
            },
            crate::stream::Opened::Erased => Err(StoreError::Unfinished),
        }
    }

    fn open_parts(
        disk: &Arc<dyn Disk>,
        paths: &Paths,
        tenant: &TenantSlug,
        key: &TenantKey,
        random: &Arc<dyn Random>,
        options: Options,
        lock: Box<dyn DiskLock>,
    ) -> Result<Self, StoreError> {
        let shelf = Shelf::open(disk.clone(), &paths.journal(), options.cache)?;
        let foundation = shelf.foundation()?;
        let (found, given) = (Fingerprint(foundation.fingerprint), key.fingerprint());
        if found != given {
            return Err(StoreError::ForeignKey { found, given });
        }
        if foundation.tenant != tenant.as_str() {
            return Err(StoreError::ForeignTenant);
        }
        let ring = Arc::new(KeyRing::open(disk.clone(), &paths.ring(), key, shelf.ring_entries()?)?);
        let sealer = Arc::new(Sealer::new(tenant.clone(), ring.clone(), random.clone())?);
        let blobs = BlobStore::open(disk.clone(), paths.blobs(), sealer.clone())?;
        let (_, view_key) = ring.only(Purpose::View)?;
        let views = ViewFiles::new(disk.clone(), paths.views(), tenant.clone(), view_key, random.clone());
        let notary = (paths.checkpoints(), ring.clone(), disk.clone());
        let ground = Ground { shelf, disk: disk.clone(), directory: paths.root.clone(), ring, lock };
        let core = RedbCore::new(ground, &foundation, tenant.clone(), options);
        let last_record = core.last_moment()?;
        Ok(Self { core: Arc::new(core), sealer, blobs, views, last_record, notary })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Sample;

    #[test]
    fn one_process_at_a_time_has_a_store_open() {
        let directory = tempfile::tempdir().expect("a directory");
        let sample = Sample::founded(directory.path());
        let store = sample.open().expect("opens");
        assert!(matches!(sample.open(), Err(StoreError::InUse)));
        drop(store);
        assert!(sample.open().is_ok());
    }

    #[test]
    fn whoever_still_holds_the_journal_keeps_the_store_locked() {
        let directory = tempfile::tempdir().expect("a directory");
        let sample = Sample::founded(directory.path());
        let core = sample.open().expect("opens").core;
        assert!(matches!(sample.open(), Err(StoreError::InUse)));
        drop(core);
        assert!(sample.open().is_ok());
    }

    #[test]
    fn a_store_is_never_founded_over_data_and_never_opened_under_a_foreign_key() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut sample = Sample::founded(directory.path());
        let made_under = sample.key.fingerprint();
        sample.key = TenantKey::from_bytes([8; 32]);
        assert!(matches!(sample.found(), Err(StoreError::NotEmpty)));
        let opened = sample.open();
        assert!(matches!(opened, Err(StoreError::ForeignKey { found, given })
            if found == made_under && given == sample.key.fingerprint()));
    }

    #[test]
    fn a_store_does_not_open_as_another_tenant() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut sample = Sample::founded(directory.path());
        std::fs::rename(directory.path().join("musterstadt"), directory.path().join("beispielheim")).expect("renames");
        assert!(matches!(sample.open(), Err(StoreError::Absent | StoreError::File(_))));
        sample.tenant = "beispielheim".parse().expect("a slug");
        assert!(matches!(sample.open(), Err(StoreError::ForeignTenant)));
    }

    #[test]
    fn the_first_record_of_a_tenant_names_its_key() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Sample::founded(directory.path()).open().expect("opens");
        let page = store.core.tail(&store.core.beginning(), 1).expect("reads");
        assert_eq!((page.records[0].stream, page.records[0].number.0), (StreamId::FOUNDING, 1));
    }
}
