//! A disk in memory whose power fails, and whose operations fail once when they are told to.
//!
//! What was written since the last sync survives a cut at random, torn at 512 bytes; of a directory's changes since its
//! last sync a random beginning survives. That is harsher than real file systems are, never milder.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ozg_protocols::moment::Moment;

use crate::{
    disk::{DirEntry, Disk, DiskFile, DiskLock, RealDisk},
    testing::SeededRandom,
};

const SECTOR: usize = 512;

/// The disk. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct PowerCutDisk(Arc<Mutex<World>>);

#[derive(Debug, Default)]
struct World {
    /// Names as they are now; directories have no file.
    names: BTreeMap<PathBuf, Node>,
    /// Names as they survive a cut.
    durable: BTreeMap<PathBuf, Node>,
    /// Changes of names since the last sync of their directory, in order.
    changes: Vec<Change>,
    files: Vec<Content>,
    locked: Vec<PathBuf>,
    /// Handles of an earlier power supply are dead.
    supply: u64,
    operations: u64,
    trouble: Option<Trouble>,
    /// The operation, counted as those that fail, in which the driver of the disk breaks.
    panic: Option<u64>,
    /// Syncs do nothing: the negative control of a test.
    lying: bool,
    free: Option<u64>,
    /// How long each operation takes; the stopwatch stands still in between.
    each_takes: Duration,
    passed: Duration,
    begun: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Directory,
    File(usize),
}

#[derive(Debug, Clone)]
enum Change {
    Put(PathBuf, Node),
    Gone(PathBuf),
}

impl Change {
    fn path(&self) -> &Path {
        match self {
            Self::Put(path, _) | Self::Gone(path) => path,
        }
    }
}

#[derive(Debug, Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Debug)]
enum Pending {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// What happens at which operation.
#[derive(Debug, Clone, Copy)]
pub struct Trouble {
    /// The operation that fails, counted from now (0 is the next).
    pub after: u64,
    /// How it fails.
    pub kind: io::ErrorKind,
    /// How many operations fail, one after the other.
    pub times: u64,
}

impl PowerCutDisk {
    /// An empty disk with one directory.
    #[must_use]
    pub fn with_directory(path: &Path) -> Self {
        let disk = Self::default();
        let mut world = disk.world();
        world.names.insert(path.to_owned(), Node::Directory);
        world.durable.insert(path.to_owned(), Node::Directory);
        drop(world);
        disk
    }

    /// From now on no sync does anything.
    pub fn lie(&self) {
        self.world().lying = true;
    }

    /// Lets operations fail.
    pub fn trouble(&self, trouble: Trouble) {
        let mut world = self.world();
        world.operations = 0;
        world.trouble = Some(trouble);
    }

    /// The operation that comes after so many others panics.
    pub fn panic_after(&self, operations: u64) {
        let mut world = self.world();
        world.operations = 0;
        world.panic = Some(operations);
    }

    /// How many operations there were since trouble was last made; nothing fails any more.
    pub fn calm(&self) -> u64 {
        let mut world = self.world();
        (world.trouble, world.panic) = (None, None);
        world.operations
    }

    /// From now on each operation takes so long, by the disk's own stopwatch.
    pub fn slow_down(&self, each_takes: Duration) {
        self.world().each_takes = each_takes;
    }

    /// Says how much space is free.
    pub fn set_free_space(&self, bytes: u64) {
        self.world().free = Some(bytes);
    }

    /// The power fails and comes back: what was not synced survives at random, all handles and locks are gone.
    pub fn cut(&self, random: &SeededRandom) {
        let mut world = self.world();
        world.supply += 1;
        world.locked.clear();
        world.trouble = None;
        let survive = random.below(world.changes.len() as u64 + 1);
        let changes = std::mem::take(&mut world.changes);
        for change in changes.into_iter().take(usize::try_from(survive).expect("fits")) {
            world.make_durable(change);
        }
        world.names = world.durable.clone();
        for file in &mut world.files {
            file.cut(random);
        }
    }

    /// All files as they are now, for tests that break them.
    #[must_use]
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let world = self.world();
        let files = world.names.iter().filter_map(|(path, node)| match node {
            Node::File(file) => Some((path.clone(), world.files[*file].now.clone())),
            Node::Directory => None,
        });
        files.collect()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn operate(&self) -> io::Result<MutexGuard<'_, World>> {
        let mut world = self.world();
        let now = world.operations;
        world.operations += 1;
        let each_takes = world.each_takes;
        world.passed += each_takes;
        assert!(world.panic != Some(now), "the driver of the disk breaks");
        match world.trouble {
            Some(Trouble { after, kind, times }) if (after..after.saturating_add(times)).contains(&now) => {
                Err(kind.into())
            }
            _ => Ok(world),
        }
    }
}

impl World {
    fn make_durable(&mut self, change: Change) {
        match change {
            Change::Put(path, node) => {
                self.durable.insert(path, node);
            }
            Change::Gone(path) => {
                self.durable.remove(&path);
            }
        }
    }

    fn change(&mut self, change: Change) {
        match change.clone() {
            Change::Put(path, node) => {
                self.names.insert(path, node);
            }
            Change::Gone(path) => {
                self.names.remove(&path);
            }
        }
        self.changes.push(change);
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.names.get(path) {
            Some(Node::File(file)) => Ok(*file),
            Some(Node::Directory) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Content {
    fn apply(&mut self, pending: &Pending) {
        match pending {
            Pending::Write(offset, bytes) => {
                let end = offset + bytes.len();
                self.synced.resize(self.synced.len().max(end), 0);
                self.synced[*offset..end].copy_from_slice(bytes);
            }
            Pending::Length(length) => self.synced.resize(*length, 0),
        }
    }

    fn sync(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            self.apply(&pending);
        }
    }

    fn cut(&mut self, random: &SeededRandom) {
        for pending in std::mem::take(&mut self.pending) {
            match pending {
                Pending::Length(_) if random.below(2) == 0 => {}
                Pending::Length(_) => self.apply(&pending),
                Pending::Write(offset, bytes) => {
                    let mut at = 0;
                    while at < bytes.len() {
                        let sector = SECTOR - (offset + at) % SECTOR;
                        let end = bytes.len().min(at + sector);
                        if random.below(2) == 1 {
                            self.apply(&Pending::Write(offset + at, bytes[at..end].to_vec()));
                        }
                        at = end;
                    }
                }
            }
        }
        self.now.clone_from(&self.synced);
    }
}

#[derive(Debug)]
struct CutFile {
    disk: PowerCutDisk,
    file: usize,
    supply: u64,
}

#[derive(Debug)]
struct CutLock {
    disk: PowerCutDisk,
    path: PathBuf,
    supply: u64,
}

impl DiskLock for CutLock {}

impl Drop for CutLock {
    fn drop(&mut self) {
        let mut world = self.disk.world();
        if world.supply == self.supply {
            world.locked.retain(|path| *path != self.path);
        }
    }
}

impl Disk for PowerCutDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut world = self.operate()?;
        if world.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let (file, supply) = (world.files.len(), world.supply);
        world.files.push(Content::default());
        world.change(Change::Put(path.to_owned(), Node::File(file)));
        Ok(Box::new(CutFile { disk: self.clone(), file, supply }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let world = self.operate()?;
        let (file, supply) = (world.file(path)?, world.supply);
        Ok(Box::new(CutFile { disk: self.clone(), file, supply }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.operate()?;
        let node = Node::File(world.file(from)?);
        world.change(Change::Put(to.to_owned(), node));
        world.change(Change::Gone(from.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.operate()?;
        world.file(path)?;
        world.change(Change::Gone(path.to_owned()));
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut world = self.operate()?;
        if !world.names.contains_key(path) {
            world.change(Change::Put(path.to_owned(), Node::Directory));
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let world = self.operate()?;
        if world.names.get(path) != Some(&Node::Directory) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let children = world.names.iter().filter(|(child, _)| child.parent() == Some(path));
        let entries = children.map(|(child, node)| DirEntry {
            name: child.file_name().expect("a name").to_string_lossy().into_owned(),
            directory: *node == Node::Directory,
            length: match node {
                Node::File(file) => world.files[*file].now.len() as u64,
                Node::Directory => 0,
            },
            modified: Moment::default(),
        });
        Ok(entries.collect())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut world = self.operate()?;
        if world.lying {
            return Ok(());
        }
        let changes = std::mem::take(&mut world.changes);
        let (here, elsewhere) = changes.into_iter().partition(|change| change.path().parent() == Some(path));
        world.changes = elsewhere;
        let here: Vec<Change> = here;
        here.into_iter().for_each(|change| world.make_durable(change));
        Ok(())
    }

    fn free_space(&self, _: &Path) -> io::Result<u64> {
        Ok(self.world().free.unwrap_or(u64::MAX))
    }

    fn now(&self) -> Instant {
        let mut world = self.world();
        *world.begun.get_or_insert_with(|| RealDisk.now()) + world.passed
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        let mut world = self.operate()?;
        if world.locked.iter().any(|locked| locked == path) {
            return Ok(None);
        }
        world.locked.push(path.to_owned());
        let supply = world.supply;
        Ok(Some(Box::new(CutLock { disk: self.clone(), path: path.to_owned(), supply })))
    }
}

impl CutFile {
    fn with<T>(&self, work: impl FnOnce(&mut Content, bool) -> io::Result<T>) -> io::Result<T> {
        let mut world = self.disk.operate()?;
        if world.supply != self.supply {
            return Err(io::Error::other("the power was cut"));
        }
        let lying = world.lying;
        work(&mut world.files[self.file], lying)
    }
}

impl DiskFile for CutFile {
    fn len(&self) -> io::Result<u64> {
        self.with(|file, _| Ok(file.now.len() as u64))
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.with(|file, _| {
            let start = usize::try_from(offset).map_err(io::Error::other)?;
            let bytes = file.now.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            out.copy_from_slice(bytes);
            Ok(())
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(|file, _| {
            let start = usize::try_from(offset).map_err(io::Error::other)?;
            let end = start + bytes.len();
            file.now.resize(file.now.len().max(end), 0);
            file.now[start..end].copy_from_slice(bytes);
            file.pending.push(Pending::Write(start, bytes.to_vec()));
            Ok(())
        })
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.with(|file, _| {
            let length = usize::try_from(length).map_err(io::Error::other)?;
            file.now.resize(length, 0);
            file.pending.push(Pending::Length(length));
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|file, lying| {
            if !lying {
                file.sync();
            }
            Ok(())
        })
    }
}
