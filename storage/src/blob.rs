//! Sealed files: attachments and raw intake. Written and read in streams, never whole in memory; synchronous.
//!
//! A blob is written into quarantine and becomes visible when it is published: synced, renamed, its directory synced. Its
//! key goes into the ring with the append whose event names it (blob first, then the event); a blob that no event names is
//! an orphan and swept. Blobs have random names and keys of their own; the AAD is tenant and blob id.
//!
//! File, version 1: `OZGBLOB` 01, key id (16), nonce prefix (7), the first 8 bytes of SHA-256 over these, then chunks of
//! 64 KiB ([`crate::chunks`]).

#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ozg_protocols::{
    ids::{BlobId, KeyId, TenantSlug},
    moment::Moment,
};

use crate::{
    chunks::{ChunkError, ChunkReader, ChunkWriter, Layout, PREFIX},
    disk::{Disk, DiskFile},
    journal::WrappedKey,
    log_record::sha256,
    random,
    ring::RingError,
    seal::{DataKey, Sealer},
    wire::Fields,
};

const MAGIC: &[u8; 8] = b"OZGBLOB\x01";
const HEADER: usize = 8 + 16 + PREFIX + CHECK;
const CHECK: usize = 8;
/// Plaintext bytes of a chunk.
pub const CHUNK: usize = 64 << 10;
const QUARANTINE: &str = "quarantine";

/// Why a blob is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The file cannot be read or written.
    #[error("the blob file cannot be used")]
    File(#[from] io::Error),
    /// There is no such blob.
    #[error("blob {0} is missing")]
    Missing(BlobId),
    /// It is not what was written.
    #[error("blob {id} is damaged at chunk {chunk}")]
    Damaged {
        /// The blob.
        id: BlobId,
        /// The first broken chunk that was met.
        chunk: u32,
    },
    /// Its key is not to be had.
    #[error(transparent)]
    Key(#[from] RingError),
}

/// The blobs of one tenant.
#[derive(Debug, Clone)]
pub struct BlobStore {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    sealer: Arc<Sealer>,
    shelves: Arc<Shelves>,
}

/// Which of the directories that blobs lie in are known to be durable: one for each first byte of a name.
#[derive(Debug)]
struct Shelves([AtomicBool; 256]);

impl Shelves {
    fn unknown() -> Arc<Self> {
        Arc::new(Self([const { AtomicBool::new(false) }; 256]))
    }

    fn of(&self, id: BlobId) -> &AtomicBool {
        let [first, ..] = id.as_u128().to_be_bytes();
        &self.0[usize::from(first)]
    }
}

/// A blob's file and what its header says.
struct Found {
    file: Box<dyn DiskFile>,
    key: KeyId,
    prefix: [u8; PREFIX],
}

/// A blob that is visible now. Its key has to go into the journal with the event that names it.
#[derive(Debug, Clone)]
pub struct PublishedBlob {
    /// Its name.
    pub id: BlobId,
    /// Length of its plaintext in bytes.
    pub length: u64,
    /// Its key, to be read at once.
    pub key: DataKey,
    /// The same key for the append ([`crate::stream::Stream::seal`]).
    pub wrapped: WrappedKey,
}

impl BlobStore {
    /// The store in this directory. What lay in quarantine belongs to nobody any more and goes.
    pub(crate) fn open(disk: Arc<dyn Disk>, root: PathBuf, sealer: Arc<Sealer>) -> io::Result<Self> {
        for entry in disk.list(&root.join(QUARANTINE))? {
            disk.remove(&root.join(QUARANTINE).join(entry.name))?;
        }
        Ok(Self::at_rest(disk, root, sealer))
    }

    /// The store in a directory that stays as it is.
    pub(crate) fn at_rest(disk: Arc<dyn Disk>, root: PathBuf, sealer: Arc<Sealer>) -> Self {
        Self { disk, root, sealer, shelves: Shelves::unknown() }
    }

    pub(crate) fn create(disk: &dyn Disk, root: &Path) -> io::Result<()> {
        disk.create_dir(root)?;
        disk.create_dir(&root.join(QUARANTINE))?;
        disk.sync_dir(root)
    }

    /// Begins a blob with a random name and a new key.
    ///
    /// # Errors
    /// [`BlobError::File`] or [`BlobError::Key`].
    pub fn begin(&self) -> Result<BlobWriter, BlobError> {
        let id = BlobId::from_u128(random::number(self.sealer.random()).map_err(RingError::from)?);
        let prefix = random::bytes::<PREFIX>(self.sealer.random()).map_err(RingError::from)?;
        let (key, wrapped) = self.sealer.new_key()?;
        let path = self.root.join(QUARANTINE).join(id.to_string());
        let file = self.disk.create(&path)?;
        file.write_at(0, &header(key.id(), prefix))?;
        let layout = layout(self.sealer.tenant(), id, prefix);
        let chunks = Some(ChunkWriter::new(layout, key.own_cipher()));
        Ok(BlobWriter { store: self.clone(), id, key, wrapped, path, file, chunks, published: false })
    }

    /// Opens a blob whose key lies in the ring.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Damaged`], [`BlobError::Key`] or [`BlobError::File`].
    pub fn read(&self, id: BlobId) -> Result<BlobReader, BlobError> {
        let found = self.open_file(id)?;
        let key = self.sealer.key(found.key)?;
        self.reader(id, found, &key)
    }

    /// Opens a blob that was just published, before its key lies in the ring.
    ///
    /// # Errors
    /// As [`BlobStore::read`].
    pub fn read_with(&self, id: BlobId, key: &DataKey) -> Result<BlobReader, BlobError> {
        let found = self.open_file(id)?;
        if found.key == key.id() { self.reader(id, found, key) } else { Err(BlobError::Damaged { id, chunk: 0 }) }
    }

    fn open_file(&self, id: BlobId) -> Result<Found, BlobError> {
        let file = self.disk.open(&self.place(id)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BlobError::Missing(id),
            _ => BlobError::File(error),
        })?;
        let mut bytes = [0; HEADER];
        file.read_at(0, &mut bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => BlobError::Damaged { id, chunk: 0 },
            _ => BlobError::File(error),
        })?;
        let mut fields = Fields::of(&bytes[MAGIC.len()..]);
        let facts = fields.u128().and_then(|key| Ok((KeyId::from_u128(key), fields.array()?)));
        match facts {
            Ok((key, prefix)) if header(key, prefix) == bytes => Ok(Found { file, key, prefix }),
            _ => Err(BlobError::Damaged { id, chunk: 0 }),
        }
    }

    fn reader(&self, id: BlobId, found: Found, key: &DataKey) -> Result<BlobReader, BlobError> {
        let Found { file, prefix, .. } = found;
        let layout = layout(self.sealer.tenant(), id, prefix);
        let chunks = ChunkReader::open(&*file, layout, key.own_cipher()).map_err(|error| explain(id, error))?;
        Ok(BlobReader { id, file, chunks })
    }

    /// The published blobs last written before `older_than`, sorted: those that no event names are orphans.
    ///
    /// # Errors
    /// [`BlobError::File`].
    pub fn list(&self, older_than: Moment) -> Result<Vec<BlobId>, BlobError> {
        let mut found = Vec::new();
        for directory in self.disk.list(&self.root)?.iter().filter(|entry| entry.directory && entry.name.len() == 2) {
            let blobs = self.disk.list(&self.root.join(&directory.name))?;
            let old = blobs.iter().filter(|entry| entry.modified < older_than);
            found.extend(old.filter_map(|entry| entry.name.parse::<BlobId>().ok()));
        }
        Ok(found)
    }

    /// Removes the blobs older than `older_than` that no event names; how many went. Their keys tell: a key goes into the
    /// ring before the event that names its blob, so that one whose key is not there can be read by nobody. Choose
    /// `older_than` well before now for those that are just being written. What cannot be read as a blob stays.
    ///
    /// # Errors
    /// [`BlobError::File`] or [`BlobError::Key`].
    pub fn sweep(&self, older_than: Moment) -> Result<u64, BlobError> {
        let mut swept = 0;
        for id in self.list(older_than)? {
            let key = match self.open_file(id) {
                Ok(found) => found.key,
                Err(BlobError::Missing(_) | BlobError::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            };
            if matches!(self.sealer.key(key), Err(RingError::Missing(_))) {
                self.remove(id)?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// Removes a blob. One that is not there is removed already.
    ///
    /// # Errors
    /// [`BlobError::File`].
    pub fn remove(&self, id: BlobId) -> Result<(), BlobError> {
        match self.disk.remove(&self.place(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn directory(&self, id: BlobId) -> PathBuf {
        self.root.join(&id.to_string()[..2])
    }

    fn place(&self, id: BlobId) -> PathBuf {
        self.directory(id).join(id.to_string())
    }
}

/// A blob while it is written. Dropping it discards it.
#[derive(Debug)]
pub struct BlobWriter {
    store: BlobStore,
    id: BlobId,
    key: DataKey,
    wrapped: WrappedKey,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    chunks: Option<ChunkWriter>,
    published: bool,
}

impl BlobWriter {
    /// Its name.
    #[must_use]
    pub const fn id(&self) -> BlobId {
        self.id
    }

    /// Takes more plaintext.
    ///
    /// # Errors
    /// [`BlobError::File`]; the blob can only be discarded then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        let chunks = self.chunks.as_mut().ok_or(io::ErrorKind::BrokenPipe).map_err(io::Error::from)?;
        Ok(chunks.write(&*self.file, bytes)?)
    }

    /// Ends the blob and makes it visible and durable.
    ///
    /// # Errors
    /// [`BlobError::File`]; the blob is not visible then.
    pub fn publish(mut self) -> Result<PublishedBlob, BlobError> {
        let chunks = self.chunks.take().ok_or(io::ErrorKind::BrokenPipe).map_err(io::Error::from)?;
        let length = chunks.finish(&*self.file)?;
        self.file.sync()?;
        let (disk, directory) = (&*self.store.disk, self.store.directory(self.id));
        let durable = self.store.shelves.of(self.id);
        if !durable.load(Ordering::Acquire) {
            disk.create_dir(&directory)?;
            disk.sync_dir(&self.store.root)?;
            durable.store(true, Ordering::Release);
        }
        disk.rename(&self.path, &self.store.place(self.id))?;
        self.published = true;
        disk.sync_dir(&directory)?;
        Ok(PublishedBlob { id: self.id, length, key: self.key.clone(), wrapped: self.wrapped.clone() })
    }

    /// Throws away what was written.
    pub fn discard(self) {
        drop(self);
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        // Published, it has another name; what stays behind otherwise goes when the store is opened.
        if !self.published {
            let _ = self.store.disk.remove(&self.path);
        }
    }
}

/// A blob while it is read; holds one chunk.
#[derive(Debug)]
pub struct BlobReader {
    id: BlobId,
    file: Box<dyn DiskFile>,
    chunks: ChunkReader,
}

impl BlobReader {
    /// Length of the plaintext in bytes, as it was sealed.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.chunks.length()
    }

    /// Plaintext from `offset`, verified: up to the end of its chunk, so at most [`CHUNK`] bytes; empty at the end.
    ///
    /// # Errors
    /// [`BlobError::Damaged`] or [`BlobError::File`].
    pub fn read(&mut self, offset: u64) -> Result<&[u8], BlobError> {
        let id = self.id;
        self.chunks.read(&*self.file, offset).map_err(|error| explain(id, error))
    }
}

fn header(key: KeyId, prefix: [u8; PREFIX]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let (facts, check) = header.split_at_mut(HEADER - CHECK);
    facts.copy_from_slice(&[MAGIC.as_slice(), &key.as_u128().to_be_bytes(), &prefix].concat());
    check.copy_from_slice(&sha256(facts)[..CHECK]);
    header
}

fn layout(tenant: &TenantSlug, id: BlobId, prefix: [u8; PREFIX]) -> Layout {
    let aad = [b"ozg blob 1".as_slice(), &id.as_u128().to_be_bytes(), tenant.as_str().as_bytes()].concat();
    Layout { start: HEADER as u64, chunk: CHUNK, prefix, aad }
}

fn explain(id: BlobId, error: ChunkError) -> BlobError {
    match error {
        ChunkError::File(error) => error.into(),
        ChunkError::Damaged(chunk) => BlobError::Damaged { id, chunk },
    }
}
