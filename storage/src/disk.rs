//! The small seam between storage and the file system. Everything durable goes through it: journal, ring, blobs.
//!
//! [`RealDisk`] is the file system; tests put a disk behind the same seam whose power fails. Paths are whole paths. A name
//! is durable only after [`Disk::sync_dir`] of its directory, bytes only after [`DiskFile::sync`].

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
    time::{Instant, UNIX_EPOCH},
};

use ozg_protocols::moment::Moment;

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The last part of its path.
    pub name: String,
    /// Whether it is a directory.
    pub directory: bool,
    /// Its length in bytes.
    pub length: u64,
    /// When it was last written, as the file system says.
    pub modified: Moment,
}

/// Held by whoever has a tenant's directory open; dropping it lets go.
pub trait DiskLock: Send + Sync + fmt::Debug {}

/// A file system.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Makes a new file, readable and writable by its owner only; fails if the name is taken.
    ///
    /// # Errors
    /// As the file system says; so do all methods here.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// As the file system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name, in place of the file that had it.
    ///
    /// # Errors
    /// As the file system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// As the file system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a directory unless it is there; its parent must be.
    ///
    /// # Errors
    /// As the file system says.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// As the file system says.
    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>>;

    /// Makes the names of a directory durable.
    ///
    /// # Errors
    /// As the file system says.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Bytes that are free where this path lies.
    ///
    /// # Errors
    /// As the file system says.
    fn free_space(&self, path: &Path) -> io::Result<u64>;

    /// The stopwatch of its machine, for how long something takes: only differences mean anything.
    fn now(&self) -> Instant;

    /// Takes the lock file at this path (made if absent); `None` while somebody else holds it.
    ///
    /// # Errors
    /// As the file system says.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>>;
}

/// An open file.
#[expect(clippy::len_without_is_empty, reason = "nobody asks a file whether it is empty")]
pub trait DiskFile: Send + Sync + fmt::Debug {
    /// Its length in bytes.
    ///
    /// # Errors
    /// As the file system says; so do all methods here.
    fn len(&self) -> io::Result<u64>;

    /// Reads exactly `out.len()` bytes at this offset.
    ///
    /// # Errors
    /// As the file system says; `UnexpectedEof` if the file ends before.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// Writes all bytes at this offset.
    ///
    /// # Errors
    /// As the file system says.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file or fills it up with zeros.
    ///
    /// # Errors
    /// As the file system says.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Makes bytes and length durable.
    ///
    /// # Errors
    /// As the file system says.
    fn sync(&self) -> io::Result<()>;
}

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

#[derive(Debug)]
struct RealFile(File);

#[derive(Debug)]
struct RealLock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl DiskLock for RealLock {}

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Box::new(RealFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(RealFile(OpenOptions::new().read(true).write(true).open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made,
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = fs::read_dir(path)?.map(|entry| describe(&entry?)).collect::<io::Result<Vec<_>>>()?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn free_space(&self, path: &Path) -> io::Result<u64> {
        let facts = rustix::fs::statvfs(path)?;
        Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
    }

    #[expect(clippy::disallowed_methods, reason = "the stopwatch that is handed to whoever works on a disk")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(RealLock(file)))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

fn describe(entry: &fs::DirEntry) -> io::Result<DirEntry> {
    let facts = entry.metadata()?;
    let age = facts.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(DirEntry {
        name: entry.file_name().to_string_lossy().into_owned(),
        directory: facts.is_dir(),
        length: facts.len(),
        modified: Moment::default().plus(age),
    })
}

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        self.0.metadata().map(|facts| facts.len())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// All bytes of a small file.
pub(crate) fn read_whole(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(file.len()?).map_err(|_| io::ErrorKind::FileTooLarge)?];
    file.read_at(0, &mut bytes)?;
    Ok(bytes)
}

/// Whether an operation failed for want of space.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}
