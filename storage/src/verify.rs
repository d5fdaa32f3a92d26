//! Verification of a tenant's whole store at rest: nothing is changed, the first broken thing is named.
//!
//! Checked are redb's pages; every record's number, chain and (with the tenant key) seal and key commitment; the stream
//! rows against the log; the outbox, snapshots and small records; the ring; the checkpoints against the records; and every
//! chunk of every blob. A checkpoint from outside tells whether the store is older than it should be. Views are not
//! checked: they can be deleted and rebuilt. Which blobs an event names is asked of who knows events ([`Named`]).

mod blobs;
mod rows;
mod step;
#[cfg(test)]
mod trials;

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash as _},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use ozg_protocols::ids::{BlobId, KeyId, TenantSlug};
use redb::ReadableTable as _;

pub use step::Step;

use crate::{
    blob::BlobError,
    checkpoint::Checkpoint,
    disk::{self, Disk},
    fault::Fault,
    heads,
    journal::{SealedBody, StreamId},
    keys::{Fingerprint, TenantKey},
    log_record::{self, LogRecord},
    merkle::Edge,
    notary::{self, NotaryError},
    overlay::Overlay,
    random::StrongRandom,
    ring::{self, KeyRing, RingError},
    seal::{Part, Place, SealError, Sealer},
    shelf::Shelf,
    span::MAX_ROWS,
    tables::{self, Foundation},
    tenant_store::{Paths, StoreError},
};

/// What is wrong with a store.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The journal is broken at this record (0: before any record).
    #[error("the journal is damaged at record {record}: {what}")]
    Journal {
        /// The first broken record.
        record: u64,
        /// Its stream, as far as known.
        stream: Option<StreamId>,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The ring is broken.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// A blob is broken.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A blob that an event names is gone.
    #[error("blob {blob}, which record {record} names, is missing")]
    Lost {
        /// The first record that names it.
        record: u64,
        /// The blob.
        blob: BlobId,
    },
    /// The log of checkpoints is broken.
    #[error(transparent)]
    Checkpoints(#[from] NotaryError),
    /// The records are not those that a checkpoint was signed over.
    #[error("the records up to {record} are not those of the checkpoint")]
    OtherHistory {
        /// The checkpoint's last record.
        record: u64,
    },
    /// A checkpoint is of another tenant, of another incarnation or by another key.
    #[error("the checkpoint over {record} records belongs to another store")]
    ForeignCheckpoint {
        /// The checkpoint's last record.
        record: u64,
    },
    /// The store ends before the checkpoint that was shown.
    #[error("the store ends at record {newest} and is older than the checkpoint over {record} records")]
    TooOld {
        /// The newest record.
        newest: u64,
        /// The checkpoint's last record.
        record: u64,
    },
    /// The store can not be opened at all.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read.
    #[error("the store cannot be read")]
    File(#[from] io::Error),
}

impl From<Fault> for VerifyError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Damaged { record, what } => Self::Journal { record, stream: None, what },
            Fault::Io | Fault::Full => Self::File(io::Error::other("the journal cannot be read")),
        }
    }
}

/// The blobs that the events of a record name, by its stream and the envelope of its events; `None` if it does not decode.
pub type Named<'n> = dyn Fn(StreamId, &[u8]) -> Option<Vec<BlobId>> + 'n;

/// What was found to be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Records of the tenant's order.
    pub records: u64,
    /// Streams they belong to.
    pub streams: u64,
    /// Records whose body was erased.
    pub erased: u64,
    /// Keys in the ring.
    pub keys: u64,
    /// Blobs whose every chunk opened (without the tenant key: that are there).
    pub blobs: u64,
    /// Blobs whose key never reached the ring: nobody names them, they will be swept.
    pub orphans: u64,
    /// Checkpoints that fit the records.
    pub checkpoints: u64,
    /// Whether the tenant key was at hand, so that seals were checked.
    pub seals: bool,
}

/// Verifies the store of a tenant under `data`. With the tenant's key all seals are checked, and that every blob is there
/// that `named` finds; with `shown` also that the store is not older than that checkpoint. `progress` hears of every step.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify_store(
    disk: &Arc<dyn Disk>,
    data: &Path,
    tenant: &TenantSlug,
    key: Option<&TenantKey>,
    shown: Option<&Checkpoint>,
    named: &Named<'_>,
    progress: &mut dyn FnMut(Step),
) -> Result<Report, VerifyError> {
    // redb may panic over a file that is broken in a way its checks do not foresee.
    let work = || Verification::open(disk, data, tenant, key, named, progress)?.run(shown, progress);
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(VerifyError::Journal {
        record: 0,
        stream: None,
        what: "the file breaks its reader",
    }))
}

/// Where a stream stands while its records go by.
#[derive(Clone)]
struct Chain {
    version: u64,
    hash: [u8; 32],
    /// Over where its records lie, to be compared with its rows.
    places: DefaultHasher,
}

impl Default for Chain {
    fn default() -> Self {
        Self { version: 0, hash: [0; 32], places: DefaultHasher::new() }
    }
}

/// The keys, as far as they are known.
enum Keys {
    Open { sealer: Arc<Sealer>, ring: Arc<KeyRing> },
    Names(HashMap<KeyId, bool>),
}

/// A row of the log, as it lies there.
type NumberedRow = (u64, Vec<u8>);

struct Verification<'n> {
    disk: Arc<dyn Disk>,
    paths: Paths,
    tenant: TenantSlug,
    foundation: Foundation,
    shelf: Shelf,
    /// What redb's own check says; which record it hit, if any, is still to be found.
    damage: Option<Fault>,
    keys: Keys,
    checkpoints: Vec<Checkpoint>,
    /// The notary's key, as far as it is known: from the ring, or from a checkpoint that was shown.
    notary_key: Option<[u8; 32]>,
    chains: HashMap<StreamId, Chain>,
    /// The chains as the rows of streams know them: those lag behind the log.
    chains_of_rows: HashMap<StreamId, Chain>,
    named: &'n Named<'n>,
    /// Every blob that an event names, with the first record that does.
    blobs: HashMap<BlobId, u64>,
    report: Report,
    _lock: Box<dyn disk::DiskLock>,
}

/// A body as far as the keys go.
enum Body {
    /// Its key was erased.
    Erased,
    /// Its key is there, but cannot be used without the tenant key.
    Closed,
    /// What was sealed.
    Open(Vec<u8>),
}

impl<'n> Verification<'n> {
    fn open(
        disk: &Arc<dyn Disk>,
        data: &Path,
        tenant: &TenantSlug,
        key: Option<&TenantKey>,
        named: &'n Named<'n>,
        progress: &mut dyn FnMut(Step),
    ) -> Result<Self, VerifyError> {
        let disk: Arc<dyn Disk> = Arc::new(Overlay(disk.clone()));
        let paths = Paths::of(data, tenant);
        disk.list(&paths.root).map_err(|_| StoreError::Absent)?;
        let lock = disk.lock(&paths.lock())?.ok_or(StoreError::InUse)?;
        progress(Step::File);
        let (shelf, damage) = open_shelf(&disk, &paths)?;
        let foundation = shelf.foundation()?;
        if foundation.tenant != tenant.as_str() {
            return Err(StoreError::ForeignTenant.into());
        }
        let durable = shelf.ring_entries()?;
        let (keys, count) = match key {
            Some(key) => {
                let (found, given) = (Fingerprint(foundation.fingerprint), key.fingerprint());
                if found != given {
                    return Err(StoreError::ForeignKey { found, given }.into());
                }
                let ring = Arc::new(KeyRing::open(disk.clone(), &paths.ring(), key, durable)?);
                progress(Step::Ring);
                ring.check()?;
                let sealer = Arc::new(Sealer::new(tenant.clone(), ring.clone(), Arc::new(StrongRandom::new()))?);
                let count = ring.entries();
                (Keys::Open { sealer, ring }, count)
            }
            None => {
                let names = ring::ids(&disk::read_whole(&*disk.open(&paths.ring())?)?)?;
                let count = names.len() as u64;
                if count < durable {
                    return Err(RingError::Damaged { entry: count + 1 }.into());
                }
                (Keys::Names(names), count)
            }
        };
        let checkpoints = notary::read_log(&*disk, &paths.checkpoints(), false)?;
        let report = Report { keys: count, seals: key.is_some(), ..Report::default() };
        let (tenant, chains, blobs) = (tenant.clone(), HashMap::new(), HashMap::new());
        let chains_of_rows = HashMap::new();
        Ok(Self {
            disk,
            paths,
            tenant,
            foundation,
            shelf,
            damage,
            keys,
            checkpoints,
            notary_key: None,
            chains,
            chains_of_rows,
            named,
            blobs,
            report,
            _lock: lock,
        })
    }

    fn run(mut self, shown: Option<&Checkpoint>, progress: &mut dyn FnMut(Step)) -> Result<Report, VerifyError> {
        let (newest, rows_until) = self.shelf.read(|transaction| {
            let newest = transaction.open_table(tables::LOG)?.last()?.map_or(0, |(number, _)| number.value());
            Ok((newest, heads::rows_until(transaction)?.unwrap_or(newest)))
        })?;
        if rows_until > newest {
            return Err(broken(newest + 1, None, "the rows of streams know it, and it is missing"));
        }
        if let Some(shown) = shown.filter(|shown| shown.record().0 > newest) {
            return Err(VerifyError::TooOld { newest, record: shown.record().0 });
        }
        let blobs = self.blob_files()?;
        let bytes: u64 = blobs.iter().map(|(_, length)| length).sum();
        // A record and four KiB of a blob are one step.
        let all = newest + bytes / 4_096;
        self.check_log((newest, rows_until), shown, &mut |done| progress(Step::Contents { done, all }))?;
        progress(Step::Rows);
        self.check_rows()?;
        if let Some(damage) = self.damage {
            return Err(damage.into());
        }
        let there: HashSet<BlobId> = blobs.iter().map(|(id, _)| *id).collect();
        let lost = self.blobs.iter().filter(|(id, _)| !there.contains(*id));
        if let Some((&blob, &record)) = lost.min_by_key(|(_, record)| **record) {
            return Err(VerifyError::Lost { record, blob });
        }
        let mut done = newest;
        for (id, length) in blobs {
            self.check_blob(id)?;
            done += length / 4_096;
            progress(Step::Contents { done: done.min(all), all });
        }
        progress(Step::Contents { done: all, all });
        self.report.streams = self.chains.len() as u64;
        Ok(self.report)
    }

    fn check_log(
        &mut self,
        (newest, rows_until): (u64, u64),
        shown: Option<&Checkpoint>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), VerifyError> {
        self.notary_key = match &self.keys {
            Keys::Open { ring, .. } => notary::public_key(ring)?.into(),
            // Without the tenant's key the one that was shown says who signs.
            Keys::Names(_) => shown.map(|shown| shown.public_key),
        };
        let mut edge = Edge::default();
        let mut signed: Vec<Checkpoint> = self.checkpoints.iter().chain(shown).cloned().collect();
        signed.sort_by_key(Checkpoint::record);
        if let Some(last) = signed.last().filter(|last| last.record().0 > newest) {
            return Err(VerifyError::TooOld { newest, record: last.record().0 });
        }
        let mut signed = signed.into_iter().peekable();
        let mut next = 1;
        while next <= newest {
            let (page, end) = self.page(next);
            if page.is_empty() {
                end?;
                return Err(broken(next, None, "the record is missing"));
            }
            for (number, bytes) in page {
                if number != next {
                    return Err(broken(next, None, "the record is missing"));
                }
                let record = log_record::decode(&bytes).map_err(|_| broken(number, None, "it does not decode"))?;
                self.check_record(number, &record)?;
                if number == rows_until {
                    self.chains_of_rows.clone_from(&self.chains);
                }
                edge.push(&record.hash);
                while let Some(checkpoint) = signed.next_if(|checkpoint| checkpoint.record().0 == number) {
                    self.check_checkpoint(&checkpoint, &edge)?;
                }
                next += 1;
            }
            progress(next - 1);
        }
        self.report.records = newest;
        Ok(())
    }

    /// The next records of the log as far as they read, and why the next one does not.
    fn page(&self, next: u64) -> (Vec<NumberedRow>, Result<(), VerifyError>) {
        let mut page = Vec::new();
        let read = || {
            self.shelf.read(|transaction| {
                let log = transaction.open_table(tables::LOG)?;
                let mut span = self.shelf.span(MAX_ROWS);
                for row in log.range(next..)? {
                    let (number, bytes) = row?;
                    page.push((number.value(), bytes.value().to_vec()));
                    if span.ends_with(bytes.value().len()) {
                        break;
                    }
                }
                Ok(())
            })
        };
        let unreadable = Err(Fault::damaged(0, "the file breaks its reader"));
        let end = match catch_unwind(AssertUnwindSafe(read)).unwrap_or(unreadable) {
            Err(Fault::Damaged { what, .. }) => Err(broken(next + page.len() as u64, None, what)),
            end => end.map_err(VerifyError::from),
        };
        (page, end)
    }

    fn check_record(&mut self, number: u64, record: &LogRecord) -> Result<(), VerifyError> {
        let stream = record.stream;
        let damaged = |what| Err(broken(number, Some(stream), what));
        let chain = self.chains.entry(stream).or_default();
        if record.first.0 != chain.version {
            return damaged("it does not continue its stream's versions");
        }
        if record.first.0 > 0 && record.previous != chain.hash {
            return damaged("it does not continue its stream's chain");
        }
        chain.version = record.after().0;
        chain.hash = record.hash;
        (number, record.first.0, record.events).hash(&mut chain.places);
        let Ok(bytes) = &record.body else {
            self.report.erased += 1;
            return Ok(());
        };
        let body = SealedBody { schema: record.schema, key: record.key, bytes: bytes.clone() };
        let place = Place::of(Part::Record, stream, record.first.0);
        match self.opens(place, &body).map_err(|what| broken(number, Some(stream), what))? {
            Body::Erased => self.report.erased += 1,
            Body::Closed => {}
            Body::Open(events) => {
                let unreadable = broken(number, Some(stream), "its events do not decode");
                for blob in (self.named)(stream, &events).ok_or(unreadable)? {
                    self.blobs.entry(blob).or_insert(number);
                }
            }
        }
        if let (Keys::Open { sealer, .. }, 0) = (&self.keys, record.first.0)
            && let Ok(key) = sealer.key(record.key)
            && record.previous != key.commitment(stream)
        {
            return damaged("its stream commits to another key");
        }
        Ok(())
    }

    /// Opens a body, or says why it does not open.
    fn opens(&self, place: Place, body: &SealedBody) -> Result<Body, &'static str> {
        match &self.keys {
            Keys::Names(names) => match names.get(&body.key) {
                Some(true) => Ok(Body::Erased),
                Some(false) => Ok(Body::Closed),
                None => Err("its key is missing"),
            },
            Keys::Open { sealer, .. } => match sealer.key(body.key) {
                Err(RingError::Erased(_)) => Ok(Body::Erased),
                Err(RingError::Missing(_)) => Err("its key is missing"),
                Err(_) => Err("its key can not be had"),
                Ok(key) => sealer.open(&key, place, body).map(Body::Open).map_err(|_: SealError| "its seal is broken"),
            },
        }
    }

    fn check_checkpoint(&mut self, checkpoint: &Checkpoint, edge: &Edge) -> Result<(), VerifyError> {
        let record = checkpoint.record().0;
        let ours = checkpoint.tenant == self.tenant && checkpoint.incarnation == self.foundation.incarnation;
        if !ours || self.notary_key.is_some_and(|key| key != checkpoint.public_key) {
            return Err(VerifyError::ForeignCheckpoint { record });
        }
        if checkpoint.edge != *edge {
            return Err(VerifyError::OtherHistory { record });
        }
        self.report.checkpoints += 1;
        Ok(())
    }
}

/// The journal's file, and what redb's own check of it says. After a failed check the file is opened anew, so that what is
/// walked is what lies on the disk and not what redb made of it.
fn open_shelf(disk: &Arc<dyn Disk>, paths: &Paths) -> Result<(Shelf, Option<Fault>), Fault> {
    let open = || Shelf::open(disk.clone(), &paths.journal(), 64 << 20);
    let shelf = open()?;
    let unforeseen = Err(Fault::damaged(0, "the file breaks its reader"));
    let Err(fault) = catch_unwind(AssertUnwindSafe(|| shelf.check())).unwrap_or(unforeseen) else {
        return Ok((shelf, None));
    };
    drop(shelf);
    Ok((open().map_err(|_| fault.clone())?, Some(fault)))
}

fn broken(record: u64, stream: Option<StreamId>, what: &'static str) -> VerifyError {
    VerifyError::Journal { record, stream, what }
}
