//! The redb file on our [`Disk`](crate::disk::Disk): what redb calls to read, write and sync.
//!
//! Writes wait in memory until the next sync and go out in the order of their place, neighbours together: redb hands over
//! a hundred single pages per commit. After the first I/O error the backend answers nothing any more, so that a handle
//! that is still held somewhere can not write over its successor. It remembers what was written since the last good sync:
//! after a failed one the pages may look written and yet be gone, so whoever opens the file again writes them once more
//! before he believes what he reads.

use std::{
    collections::BTreeMap,
    io, mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::StorageBackend;

use crate::disk::{self, DiskFile};

/// Waiting writes go out when they are this long together (bytes), even without a sync.
const MOST_WAITING: usize = 8 << 20;

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

    /// An error if it is not to be used any more.
    pub(crate) fn alive(&self) -> io::Result<()> {
        if self.is_dead() { Err(io::Error::other("the handle is dead")) } else { Ok(()) }
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
        let mut unsynced = self.unsynced();
        let end = file.len()?;
        for &(offset, length) in unsynced.iter() {
            let left = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
            let mut bytes = vec![0; left.min(length)];
            file.read_at(offset, &mut bytes)?;
            file.write_at(offset, &bytes)?;
        }
        file.sync()?;
        unsynced.clear();
        Ok(())
    }

    fn unsynced(&self) -> MutexGuard<'_, Vec<(u64, usize)>> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes that have not gone out yet: where each begins, and where its bytes lie.
#[derive(Debug, Default)]
struct Waiting {
    places: BTreeMap<u64, (usize, usize)>,
    bytes: Vec<u8>,
}

impl Waiting {
    fn overlaps(&self, offset: u64, length: usize) -> bool {
        let before = self.places.range(..offset + length as u64).next_back();
        before.is_some_and(|(start, (_, length))| start + *length as u64 > offset)
    }

    fn add(&mut self, offset: u64, bytes: &[u8]) {
        if let Some(&(start, length)) = self.places.get(&offset)
            && length == bytes.len()
        {
            self.bytes[start..start + length].copy_from_slice(bytes);
        } else {
            self.places.insert(offset, (self.bytes.len(), bytes.len()));
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn is_same_place(&self, offset: u64, length: usize) -> bool {
        self.places.get(&offset).is_some_and(|(_, found)| *found == length)
    }

    /// Runs of neighbours, each with its bytes in one piece.
    fn runs(&self) -> Vec<(u64, Vec<u8>)> {
        let mut runs: Vec<(u64, Vec<u8>)> = Vec::new();
        for (&offset, &(start, length)) in &self.places {
            let bytes = &self.bytes[start..start + length];
            match runs.last_mut() {
                Some((begin, run)) if *begin + run.len() as u64 == offset => run.extend_from_slice(bytes),
                _ => runs.push((offset, bytes.to_vec())),
            }
        }
        runs
    }
}

/// The file as redb sees it.
#[derive(Debug)]
pub(crate) struct DiskBackend {
    file: Box<dyn DiskFile>,
    condition: Arc<Condition>,
    waiting: Mutex<Waiting>,
}

impl DiskBackend {
    pub(crate) fn new(file: Box<dyn DiskFile>, condition: Arc<Condition>) -> Self {
        Self { file, condition, waiting: Mutex::default() }
    }

    fn through<T>(&self, operation: impl FnOnce(&dyn DiskFile) -> io::Result<T>) -> io::Result<T> {
        self.condition.alive()?;
        operation(&*self.file).inspect_err(|error| {
            if disk::is_full(error) {
                self.condition.full.store(true, Ordering::Release);
            }
            self.condition.kill();
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, waiting: &mut Waiting) -> io::Result<()> {
        for (offset, run) in mem::take(waiting).runs() {
            self.condition.unsynced().push((offset, run.len()));
            self.through(|file| file.write_at(offset, &run))?;
        }
        Ok(())
    }
}

impl StorageBackend for DiskBackend {
    fn len(&self) -> io::Result<u64> {
        self.send(&mut self.waiting())?;
        self.through(|file| file.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut waiting = self.waiting();
        if waiting.overlaps(offset, out.len()) {
            self.send(&mut waiting)?;
        }
        drop(waiting);
        self.through(|file| file.read_at(offset, out))
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.send(&mut self.waiting())?;
        self.through(|file| file.set_len(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.send(&mut self.waiting())?;
        self.through(|file| file.sync())?;
        self.condition.unsynced().clear();
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.condition.alive()?;
        let mut waiting = self.waiting();
        let apart = !waiting.overlaps(offset, bytes.len()) || waiting.is_same_place(offset, bytes.len());
        if !apart || waiting.bytes.len() >= MOST_WAITING {
            self.send(&mut waiting)?;
        }
        waiting.add(offset, bytes);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        if self.condition.is_dead() { Ok(()) } else { self.send(&mut self.waiting()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk as _, RealDisk};

    fn backend(directory: &std::path::Path) -> DiskBackend {
        let file = RealDisk.create(&directory.join("file")).expect("a file");
        let backend = DiskBackend::new(file, Arc::default());
        backend.set_len(100).expect("grows");
        backend
    }

    #[test]
    fn what_waits_is_read_as_if_it_had_been_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let backend = backend(directory.path());
        backend.write(10, &[1; 10]).expect("waits");
        backend.write(20, &[2; 10]).expect("waits");
        backend.write(10, &[3; 10]).expect("waits, again");
        let mut out = [0; 15];
        backend.read(12, &mut out).expect("reads");
        assert_eq!(out, [3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2]);
    }

    #[test]
    fn of_overlapping_writes_the_later_one_wins() {
        let directory = tempfile::tempdir().expect("a directory");
        let backend = backend(directory.path());
        backend.write(10, &[1; 10]).expect("waits");
        backend.write(5, &[2; 10]).expect("waits");
        backend.sync_data().expect("syncs");
        let mut out = [0; 16];
        backend.read(5, &mut out).expect("reads");
        assert_eq!(out, [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 0]);
    }

    #[test]
    fn a_dead_handle_lets_nothing_through() {
        let directory = tempfile::tempdir().expect("a directory");
        let backend = backend(directory.path());
        backend.condition.kill();
        assert!(backend.write(0, &[1]).is_err() && backend.sync_data().is_err() && backend.len().is_err());
    }
}
