//! The blobs of a store: which are there, and whether every chunk of them opens.

use std::io;

use ozg_protocols::ids::BlobId;

use super::{Keys, Verification, VerifyError};
use crate::{
    blob::{BlobError, BlobStore},
    ring::RingError,
};

impl Verification<'_> {
    /// The blobs there are, with the lengths of their files.
    pub(super) fn blob_files(&self) -> Result<Vec<(BlobId, u64)>, VerifyError> {
        let mut files = Vec::new();
        let root = self.paths.blobs();
        for directory in self.disk.list(&root)?.iter().filter(|entry| entry.directory && entry.name.len() == 2) {
            for entry in self.disk.list(&root.join(&directory.name))? {
                let id = entry.name.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
                files.push((id, entry.length));
            }
        }
        Ok(files)
    }

    /// Opens every chunk of a blob.
    pub(super) fn check_blob(&mut self, id: BlobId) -> Result<(), VerifyError> {
        let Keys::Open { sealer, .. } = &self.keys else {
            self.report.blobs += 1;
            return Ok(());
        };
        let blobs = BlobStore::at_rest(self.disk.clone(), self.paths.blobs(), sealer.clone());
        let mut reader = match blobs.read(id) {
            Err(BlobError::Key(RingError::Missing(_) | RingError::Erased(_))) if !self.blobs.contains_key(&id) => {
                self.report.orphans += 1;
                return Ok(());
            }
            reader => reader?,
        };
        let mut offset = 0;
        while offset < reader.length() {
            offset += reader.read(offset)?.len() as u64;
        }
        self.report.blobs += 1;
        Ok(())
    }
}
