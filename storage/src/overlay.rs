//! A disk that changes nothing: what is written lies in memory over what is there. For verification of a store at rest.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::disk::{DirEntry, Disk, DiskFile, DiskLock};

const PAGE: u64 = 4_096;

/// Another disk, unchangeable.
#[derive(Debug)]
pub(crate) struct Overlay(pub(crate) Arc<dyn Disk>);

#[derive(Debug)]
struct OverlayFile {
    under: Box<dyn DiskFile>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    length: u64,
    /// How much of the file below still shows; it was cut to this.
    shown: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

fn read_only<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Disk for Overlay {
    fn create(&self, _: &Path) -> io::Result<Box<dyn DiskFile>> {
        read_only()
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let under = self.0.open(path)?;
        let length = under.len()?;
        let state = Mutex::new(State { length, shown: length, pages: BTreeMap::new() });
        Ok(Box::new(OverlayFile { under, state }))
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        read_only()
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        read_only()
    }

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        read_only()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.0.list(path)
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn free_space(&self, path: &Path) -> io::Result<u64> {
        self.0.free_space(path)
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        self.0.lock(path)
    }
}

impl OverlayFile {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes of a page as they are below.
    fn below(&self, page: u64, shown: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(PAGE).unwrap_or_default()];
        let start = page * PAGE;
        let there = usize::try_from(shown.saturating_sub(start).min(PAGE)).unwrap_or_default();
        if there > 0 {
            self.under.read_at(start, &mut bytes[..there])?;
        }
        Ok(bytes)
    }

    /// Splits a range at page borders: page, offset in it, and the range of the caller's bytes.
    fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
        let mut done = 0;
        std::iter::from_fn(move || {
            let at = offset + done as u64;
            let within = usize::try_from(at % PAGE).ok()?;
            let now = (length - done).min(usize::try_from(PAGE).ok()? - within);
            let range = done..done + now;
            done += now;
            (now > 0).then_some((at / PAGE, within, range))
        })
    }
}

impl DiskFile for OverlayFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().length)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if offset + out.len() as u64 > state.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if state.pages.is_empty() && state.shown == state.length {
            return self.under.read_at(offset, out);
        }
        for (page, within, range) in Self::parts(offset, out.len()) {
            let length = range.len();
            match state.pages.get(&page) {
                Some(bytes) => out[range].copy_from_slice(&bytes[within..within + length]),
                None => out[range].copy_from_slice(&self.below(page, state.shown)?[within..within + length]),
            }
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let shown = state.shown;
        for (page, within, range) in Self::parts(offset, bytes.len()) {
            let over = match state.pages.entry(page) {
                Entry::Occupied(over) => over.into_mut(),
                Entry::Vacant(gap) => gap.insert(self.below(page, shown)?),
            };
            over[within..within + range.len()].copy_from_slice(&bytes[range]);
        }
        state.length = state.length.max(offset + bytes.len() as u64);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.state();
        state.shown = state.shown.min(length);
        state.pages.retain(|page, _| page * PAGE < length);
        if let Some(last) = state.pages.get_mut(&(length / PAGE)) {
            last[usize::try_from(length % PAGE).unwrap_or_default()..].fill(0);
        }
        state.length = length;
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn what_is_written_over_a_file_shows_and_the_file_stays() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        std::fs::write(&path, vec![1; 10_000]).expect("writes");
        let file = Overlay(Arc::new(RealDisk)).open(&path).expect("opens");
        file.write_at(4_090, &[2; 10]).expect("writes");
        file.set_len(5_000).expect("cuts");
        file.set_len(9_000).expect("grows");
        let mut out = [9; 20];
        file.read_at(4_085, &mut out).expect("reads");
        assert_eq!(out, [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1]);
        file.read_at(4_990, &mut out).expect("reads");
        assert_eq!(out, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(std::fs::read(&path).expect("reads"), vec![1; 10_000]);
    }
}
