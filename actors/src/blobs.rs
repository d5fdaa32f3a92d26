//! Sealed files for asynchronous code: every read and write is a job of the blob pool, one chunk at a time.
//!
//! Whoever is on a worker already uses the store itself ([`Blobs::store`]).

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use ozg_protocols::{ids::BlobId, moment::Moment};
use ozg_storage::blob::{BlobStore, BlobWriter, PublishedBlob};

use crate::pool::{JobLost, Workers};

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
        Ok(self.workers.run("sweep", move || store.sweep(older_than)).await??)
    }

    /// Begins a new file.
    ///
    /// # Errors
    /// As [`BlobStore::begin`].
    pub async fn begin(&self) -> Result<BlobUpload, BlobError> {
        let store = self.store.clone();
        let writer = self.workers.run("begin", move || store.begin()).await??;
        Ok(BlobUpload { writer, workers: self.workers.clone() })
    }

    /// Opens a file.
    ///
    /// # Errors
    /// As [`BlobStore::read`].
    pub async fn open(&self, id: BlobId) -> Result<BlobReader, BlobError> {
        let store = self.store.clone();
        let reader = self.workers.run("open", move || store.read(id)).await??;
        let len = reader.length();
        Ok(BlobReader { len, at: 0, end: len, reader: Arc::new(Mutex::new(reader)), workers: self.workers.clone() })
    }
}

/// A file while it is written. Dropping it discards it.
#[derive(Debug)]
pub struct BlobUpload {
    writer: BlobWriter,
    workers: Workers,
}

impl BlobUpload {
    /// Takes more bytes.
    ///
    /// # Errors
    /// As [`BlobWriter::write`]; the file is gone then.
    pub async fn write(self, bytes: Bytes) -> Result<Self, BlobError> {
        let Self { mut writer, workers } = self;
        let writer = workers.run("write", move || writer.write(&bytes).map(|()| writer)).await??;
        Ok(Self { writer, workers })
    }

    /// Makes it visible and durable.
    ///
    /// # Errors
    /// As [`BlobWriter::publish`]; the file is gone then.
    pub async fn publish(self) -> Result<PublishedBlob, BlobError> {
        let Self { writer, workers } = self;
        Ok(workers.run("publish", move || writer.publish()).await??)
    }
}

/// A file on its way out: a bounded stream of verified chunks.
pub struct BlobReader {
    /// Its whole length in bytes.
    pub len: u64,
    at: u64,
    end: u64,
    // Lent to one job at a time; the lock is never waited for.
    reader: Arc<Mutex<ozg_storage::blob::BlobReader>>,
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

    /// The next bytes, verified; nothing at the end. After an error there is nothing more.
    pub async fn next(&mut self) -> Option<Result<Bytes, BlobError>> {
        if self.at >= self.end {
            return None;
        }
        let (reader, at) = (self.reader.clone(), self.at);
        let most = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let read = self.workers.run("read", move || {
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            reader.read(at).map(|bytes| Bytes::copy_from_slice(&bytes[..bytes.len().min(most)]))
        });
        let read = read.await.map_err(BlobError::from).and_then(|read| read.map_err(BlobError::from));
        match read {
            Ok(bytes) if bytes.is_empty() => {
                self.at = self.end;
                None
            }
            Ok(bytes) => {
                self.at += bytes.len() as u64;
                Some(Ok(bytes))
            }
            Err(error) => {
                self.at = self.end;
                Some(Err(error))
            }
        }
    }
}
