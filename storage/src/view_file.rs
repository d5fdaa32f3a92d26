//! A sealed file for a view's snapshot (the work list, the search index): written whole beside the old one, then renamed.
//!
//! Each file has a key of its own, derived from the ring's view key and a random salt in its header, so that one key seals
//! one stream. A view is rebuilt when its file is absent, of another revision, or damaged.
//!
//! File, version 1: `OZGVIEW` 01, revision (4), salt (16), nonce prefix (7), then chunks of 1 MiB ([`crate::chunks`]).

use std::{io, path::PathBuf, sync::Arc};

use aws_lc_rs::hmac;
use ozg_protocols::ids::TenantSlug;

use crate::{
    chunks::{ChunkError, ChunkReader, ChunkWriter, Layout, PREFIX},
    disk::{Disk, DiskFile},
    gcm::{Gcm, Secret},
    random::{self, Random},
    wire::Fields,
};

const MAGIC: &[u8; 8] = b"OZGVIEW\x01";
const HEADER: usize = 8 + 4 + 16 + PREFIX;
const CHUNK: usize = 1 << 20;

/// The files of a tenant's views.
#[derive(Debug, Clone)]
pub struct ViewFiles {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    tenant: TenantSlug,
    key: Secret,
    random: Arc<dyn Random>,
}

impl ViewFiles {
    pub(crate) const fn new(
        disk: Arc<dyn Disk>,
        directory: PathBuf,
        tenant: TenantSlug,
        key: Secret,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { disk, directory, tenant, key, random }
    }

    /// Begins a file of this name (a plain word) and revision beside the one that may be there.
    ///
    /// # Errors
    /// As the file system says.
    pub fn write(&self, name: &str, revision: u32) -> io::Result<ViewWriter> {
        let target = self.path(name)?;
        let temporary = target.with_extension("new");
        match self.disk.remove(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let salt = random::bytes::<16>(&*self.random).map_err(io::Error::other)?;
        let prefix = random::bytes::<PREFIX>(&*self.random).map_err(io::Error::other)?;
        let file = self.disk.create(&temporary)?;
        file.write_at(0, &[MAGIC.as_slice(), &revision.to_be_bytes(), &salt, &prefix].concat())?;
        let chunks = ChunkWriter::new(self.layout(name, revision, prefix), self.cipher(salt));
        Ok(ViewWriter { disk: self.disk.clone(), directory: self.directory.clone(), temporary, target, file, chunks })
    }

    /// Opens the file of this name, if there is one of this revision.
    ///
    /// # Errors
    /// As the file system says; `InvalidData` if it is damaged.
    pub fn read(&self, name: &str, revision: u32) -> io::Result<Option<ViewReader>> {
        let file = match self.disk.open(&self.path(name)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut header = [0; HEADER];
        file.read_at(0, &mut header)?;
        let mut fields = Fields::of(&header);
        let facts = fields.array::<8>().and_then(|magic| Ok((magic, fields.u32()?, fields.array()?, fields.array()?)));
        let Ok((magic, found, salt, prefix)) = facts else { return Err(io::ErrorKind::InvalidData.into()) };
        if magic != *MAGIC || found != revision {
            return Ok(None);
        }
        let chunks =
            ChunkReader::open(&*file, self.layout(name, revision, prefix), self.cipher(salt)).map_err(explain)?;
        Ok(Some(ViewReader { file, chunks, at: 0 }))
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let plain = !name.is_empty() && name.bytes().all(|c| c.is_ascii_lowercase() || c == b'-');
        if plain { Ok(self.directory.join(format!("{name}.view"))) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    fn cipher(&self, salt: [u8; 16]) -> Gcm {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.key.0);
        let derived = hmac::sign(&key, &[b"ozg view key 1".as_slice(), &salt].concat());
        let mut secret = zeroize::Zeroizing::new([0; 32]);
        secret.copy_from_slice(derived.as_ref());
        Secret(secret).cipher()
    }

    fn layout(&self, name: &str, revision: u32, prefix: [u8; PREFIX]) -> Layout {
        let tenant = self.tenant.as_str().as_bytes();
        let aad = [b"ozg view 1 ".as_slice(), tenant, b" ", name.as_bytes(), &revision.to_be_bytes()].concat();
        Layout { start: HEADER as u64, chunk: CHUNK, prefix, aad }
    }
}

/// A view's file while it is written; takes the place of the old one when it is finished.
#[derive(Debug)]
pub struct ViewWriter {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    temporary: PathBuf,
    target: PathBuf,
    file: Box<dyn DiskFile>,
    chunks: ChunkWriter,
}

impl ViewWriter {
    /// Ends the file and puts it in place.
    ///
    /// # Errors
    /// As the file system says; the old file stays then.
    pub fn finish(self) -> io::Result<()> {
        self.chunks.finish(&*self.file)?;
        self.file.sync()?;
        self.disk.rename(&self.temporary, &self.target)?;
        self.disk.sync_dir(&self.directory)
    }
}

impl io::Write for ViewWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunks.write(&*self.file, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A view's file while it is read; holds one chunk.
#[derive(Debug)]
pub struct ViewReader {
    file: Box<dyn DiskFile>,
    chunks: ChunkReader,
    at: u64,
}

impl ViewReader {
    /// Length of the plaintext in bytes.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.chunks.length()
    }
}

impl io::Read for ViewReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.chunks.read(&*self.file, self.at).map_err(explain)?;
        let length = available.len().min(out.len());
        out[..length].copy_from_slice(&available[..length]);
        self.at += length as u64;
        Ok(length)
    }
}

fn explain(error: ChunkError) -> io::Error {
    match error {
        ChunkError::File(error) => error,
        ChunkError::Damaged(_) => io::Error::new(io::ErrorKind::InvalidData, "the view's file is damaged"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;
    use crate::testing::Sample;

    #[test]
    fn a_view_reads_back_what_was_written_last() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Sample::founded(directory.path()).open().expect("opens");
        assert!(store.views.read("work-list", 1).expect("looks").is_none());
        for length in [0, 5, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let mut writer = store.views.write("work-list", 1).expect("begins");
            bytes.chunks(70_001).for_each(|part| writer.write_all(part).expect("writes"));
            writer.finish().expect("finishes");
            let mut found = Vec::new();
            let mut reader = store.views.read("work-list", 1).expect("opens").expect("is there");
            reader.read_to_end(&mut found).expect("reads");
            assert!(found == bytes, "length {length}");
        }
    }

    #[test]
    fn a_view_of_another_revision_is_absent_and_a_broken_one_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        let sample = Sample::founded(directory.path());
        let store = sample.open().expect("opens");
        let mut writer = store.views.write("work-list", 1).expect("begins");
        writer.write_all(b"Erika Mustermann").expect("writes");
        writer.finish().expect("finishes");
        assert!(store.views.read("work-list", 2).expect("looks").is_none());
        let path = directory.path().join("musterstadt/index/work-list.view");
        let mut bytes = std::fs::read(&path).expect("reads");
        assert!(!bytes.windows(5).any(|window| window == b"Erika"));
        *bytes.last_mut().expect("bytes") ^= 1;
        std::fs::write(&path, bytes).expect("writes");
        assert_eq!(store.views.read("work-list", 1).expect_err("broken").kind(), io::ErrorKind::InvalidData);
    }
}
