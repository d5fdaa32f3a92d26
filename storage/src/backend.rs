//! The redb file on our [`Disk`]: what redb calls to read, write and sync.
//!
//! After the first I/O error it answers nothing any more, so that a handle that is still held somewhere can not write over
//! its successor. It remembers what was written since the last good sync: after a failed one the pages may look written and
//! yet be gone, so whoever opens the file again writes them once more before he believes what he reads.

use std::{
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::StorageBackend;

use crate::disk::DiskFile;

/// What a handle knows about its file; shared with whoever will open it again.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    dead: AtomicBool,
    full: AtomicBool,
    unsynced: Mutex<Vec<(u64, usize)>>,
}

impl Condition {
    /// Whether an I/O error has happened.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    /// Whether it was for want of space.
    pub(crate) fn was_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Lets no further operation through.
    pub(crate) fn kill(&self) {
        self.dead.store(true, Ordering::Release);
    }

    /// Writes what was not synced once more and syncs it: what can be read afterwards is durable.
    pub(crate) fn settle(&self, file: &dyn DiskFile) -> io::Result<()> {
        let mut unsynced = self.unsynced.lock().unwrap_or_else(PoisonError::into_inner);
        let end = file.len()?;
        for &(offset, length) in unsynced.iter() {
            let Some(length) = usize::try_from(end.saturating_sub(offset)).ok().map(|left| left.min(length)) else {
                continue;
            };
            let mut bytes = vec![0; length];
            file.read_at(offset, &mut bytes)?;
            file.write_at(offset, &bytes)?;
        }
        file.sync()?;
        unsynced.clear();
        Ok(())
    }
}

/// The file as redb sees it.
#[derive(Debug)]
pub(crate) struct DiskBackend {
    file: Box<dyn DiskFile>,
    condition: std::sync::Arc<Condition>,
}

impl DiskBackend {
    pub(crate) fn new(file: Box<dyn DiskFile>, condition: std::sync::Arc<Condition>) -> Self {
        Self { file, condition }
    }

    fn through<T>(&self, operation: impl FnOnce(&dyn DiskFile) -> io::Result<T>) -> io::Result<T> {
        if self.condition.is_dead() {
            return Err(io::Error::other("the handle is dead"));
        }
        operation(&*self.file).inspect_err(|error| {
            if crate::disk::is_full(error) {
                self.condition.full.store(true, Ordering::Release);
            }
            self.condition.kill();
        })
    }
}

impl StorageBackend for DiskBackend {
    fn len(&self) -> io::Result<u64> {
        self.through(|file| file.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.through(|file| file.read_at(offset, out))
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.through(|file| file.set_len(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.through(|file| file.sync())?;
        self.condition.unsynced.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.condition.unsynced.lock().unwrap_or_else(PoisonError::into_inner).push((offset, bytes.len()));
        self.through(|file| file.write_at(offset, bytes))
    }
}
