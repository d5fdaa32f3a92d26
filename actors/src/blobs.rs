//! Sealed files for asynchronous code: every read and write is a job of the blob pool, one chunk at a time.
//!
//! Whoever is on a worker already uses the store itself ([`Blobs::store`]).

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use ozg_protocols::{ids::BlobId, moment::Moment};
use ozg_storage::blob::{BlobStore, BlobWriter, PublishedBlob};

use crate::pool::{JobLost, Workers};

/// How long whoever gives a job of one chunk waits for it.
const WITHIN: Duration = Duration::from_secs(30);
/// A large file becomes durable at once.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(5 * 60);
/// All files are looked at once a day; nobody waits for that.
const SWEPT_WITHIN: Duration = Duration::from_secs(60 * 60);

/// Why a file cannot be read or written. Names no content.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The store says why.
    #[error(transparent)]
    Store(#[from] ozg_storage::blob::BlobError),
    /// The job was lost; the file can only be begun anew.
    #[error(transparent)]
    Lost(#[from] JobLost),
}

/// The sealed files of one tenant.
#[derive(Debug, Clone)]
pub struct Blobs {
    store: Arc<BlobStore>,
    workers: Workers,
}

impl Blobs {
    /// The files of this store, read and written by these workers.
    #[must_use]
    pub const fn new(store: Arc<BlobStore>, workers: Workers) -> Self {
        Self { store, workers }
    }

    /// The store, for jobs that run on a pool themselves. It blocks.
    #[must_use]
    pub fn store(&self) -> Arc<BlobStore> {
        self.store.clone()
    }

    /// The workers that read and write them.
    #[must_use]
    pub const fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Removes files older than this that no event names; how many went.
    ///
    /// # Errors
    /// As [`BlobStore::sweep`].
    pub async fn sweep(&self, older_than: Moment) -> Result<u64, BlobError> {
        let store = self.store.clone();
        Ok(self.workers.run_within(SWEPT_WITHIN, "sweep", move || store.sweep(older_than)).await??)
    }

    /// Removes a file that no event names and none will.
    ///
    /// # Errors
    /// As [`BlobStore::remove`].
    pub async fn remove(&self, id: BlobId) -> Result<(), BlobError> {
        let store = self.store.clone();
        Ok(self.workers.run_within(WITHIN, "remove", move || store.remove(id)).await??)
    }

    /// Begins a new file; the first bytes make it.
    #[must_use]
    pub fn begin(&self) -> BlobUpload {
        BlobUpload { begun: None, store: self.store.clone(), workers: self.workers.clone() }
    }

    /// Opens a file.
    ///
    /// # Errors
    /// As [`BlobStore::read`].
    pub async fn open(&self, id: BlobId) -> Result<BlobReader, BlobError> {
        let store = self.store.clone();
        let reader = self.workers.run_within(WITHIN, "open", move || store.read(id)).await??;
        let len = reader.length();
        Ok(BlobReader { len, at: 0, end: len, reader: Some(reader), workers: self.workers.clone() })
    }
}

/// A file while it is written. Dropping it discards it.
#[derive(Debug)]
pub struct BlobUpload {
    begun: Option<BlobWriter>,
    store: Arc<BlobStore>,
    workers: Workers,
}

impl BlobUpload {
    /// Takes more bytes, and there will be more still.
    ///
    /// # Errors
    /// As [`BlobStore::begin`] and [`BlobWriter::write`]; the file is gone then.
    pub async fn write(self, bytes: Bytes) -> Result<Self, BlobError> {
        let Self { begun, store, workers } = self;
        let write = {
            let store = store.clone();
            move || written(begun, &store, &bytes)
        };
        let begun = Some(workers.run_within(WITHIN, "write", write).await??);
        Ok(Self { begun, store, workers })
    }

    /// Takes the last bytes and makes it visible and durable: of a short file this is the only job.
    ///
    /// # Errors
    /// As [`BlobUpload::write`] and [`BlobWriter::publish`]; the file is gone then.
    pub async fn publish(self, last: Bytes) -> Result<PublishedBlob, BlobError> {
        let Self { begun, store, workers } = self;
        let publish = move || written(begun, &store, &last)?.publish();
        Ok(workers.run_within(PUBLISHED_WITHIN, "publish", publish).await??)
    }
}

/// The file with these bytes at its end.
fn written(
    begun: Option<BlobWriter>,
    store: &BlobStore,
    bytes: &[u8],
) -> Result<BlobWriter, ozg_storage::blob::BlobError> {
    let mut writer = begun.map_or_else(|| store.begin(), Ok)?;
    writer.write(bytes)?;
    Ok(writer)
}

/// A file on its way out: a bounded stream of verified chunks.
pub struct BlobReader {
    /// Its whole length in bytes.
    pub len: u64,
    at: u64,
    end: u64,
    /// Here, unless a job has it.
    reader: Option<ozg_storage::blob::BlobReader>,
    workers: Workers,
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "BlobReader({} of {}..{})", self.len, self.at, self.end)
    }
}

impl BlobReader {
    /// Only the bytes from `start` up to but not including `end`.
    #[must_use]
    pub fn range(self, start: u64, end: u64) -> Self {
        let end = end.min(self.len);
        Self { at: start.min(end), end, ..self }
    }

    /// The next bytes, verified; nothing at the end. After an error there is nothing more, and whoever stopped waiting for
    /// some bytes gets one.
    pub async fn next(&mut self) -> Option<Result<Bytes, BlobError>> {
        if self.at >= self.end {
            return None;
        }
        let read = self.read().await;
        match &read {
            Ok(bytes) if !bytes.is_empty() => self.at += bytes.len() as u64,
            Ok(_) => {
                self.at = self.end;
                return None;
            }
            Err(_) => self.at = self.end,
        }
        Some(read)
    }

    async fn read(&mut self) -> Result<Bytes, BlobError> {
        let mut reader = self.reader.take().ok_or(JobLost::Late)?;
        let (at, most) = (self.at, usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
        let read = move || {
            let bytes = reader.read(at).map(|bytes| Bytes::copy_from_slice(&bytes[..bytes.len().min(most)]));
            (reader, bytes)
        };
        let (reader, bytes) = self.workers.run_within(WITHIN, "read", read).await?;
        self.reader = Some(reader);
        Ok(bytes?)
    }
}

#[cfg(test)]
mod tests {
    use ozg_storage::{disk::RealDisk, testing::Sample};

    use super::*;
    use crate::pool::{HangingPool, InlinePool};

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_or_writes_a_file_on_a_disk_that_hangs_hears_so() {
        let directory = tempfile::tempdir().expect("a directory");
        let whole = Sample::on(Arc::new(RealDisk), directory.path(), 1).open().expect("opens");
        let store = Arc::new(whole.blobs.clone());
        let hanging = || Workers::new(Arc::new(HangingPool::default()));
        let late = |error| matches!(error, Some(BlobError::Lost(JobLost::Late)));
        let stuck = Blobs::new(store.clone(), hanging());
        let bytes = || Bytes::from_static(b"abc");
        assert!(late(stuck.begin().write(bytes()).await.err()) && late(stuck.begin().publish(bytes()).await.err()));
        assert!(late(stuck.sweep(Moment::default()).await.err()));
        let well = Blobs::new(store, Workers::new(Arc::new(InlinePool)));
        let upload = BlobUpload { workers: hanging(), ..well.begin().write(bytes()).await.expect("writes") };
        assert!(late(upload.write(bytes()).await.err()));
        let PublishedBlob { id, wrapped, .. } = well.begin().publish(bytes()).await.expect("publishes");
        let append = Sample::append(&mut Sample::stream(&whole, 1), 0, 1, "names it", None, vec![wrapped]);
        assert!(whole.core.commit(vec![append]).iter().all(Result::is_ok));
        assert!(late(stuck.open(id).await.err()));
        let mut reader = BlobReader { workers: hanging(), ..well.open(id).await.expect("opens") };
        assert!(late(reader.next().await.expect("not the end").err()) && reader.next().await.is_none());
    }
}
