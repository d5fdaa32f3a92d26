//! Checkpoints on their way out: every line of a tenant's own log is brought to a file outside the data directory, so that
//! whoever holds that file knows a store that was set back.
//!
//! The log of checkpoints is the durable entry, the file outside tells what was done: what it lacks is appended, however
//! often and whenever that is tried. All tenants of a machine share one file; a lock beside it lets one write at a time. A
//! line that was never finished is cut off before the next is written.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use ozg_protocols::ids::TenantSlug;

use crate::{
    checkpoint::Checkpoint,
    disk::{self, Disk, DiskFile},
    journal::RecordNo,
};

/// A line is shorter; so far back the end of the last whole one is looked for.
const LONGEST_LINE: u64 = 64 * 1024;

/// What came of bringing checkpoints out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// The file has all of them, up to this record.
    All(RecordNo),
    /// Somebody else writes just now: try again.
    Busy,
    /// The file knows a later record than the log: the store was set back. Nothing was written.
    StoreIsOlder {
        /// The record that the file knows.
        outside: RecordNo,
    },
}

/// The file outside, as one tenant sees it.
#[derive(Debug)]
pub struct OutsideFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    tenant: TenantSlug,
    incarnation: [u8; 16],
    known: Option<RecordNo>,
}

impl OutsideFile {
    pub(crate) const fn new(disk: Arc<dyn Disk>, path: PathBuf, tenant: TenantSlug, incarnation: [u8; 16]) -> Self {
        Self { disk, path, tenant, incarnation, known: None }
    }

    /// Appends those checkpoints of the log that the file does not have, and makes them durable.
    ///
    /// # Errors
    /// As the file system says; the next time what is lacking is found again.
    pub fn bring(&mut self, log: &[Checkpoint]) -> io::Result<Brought> {
        let mut beside = self.path.clone().into_os_string();
        beside.push(".lock");
        let Some(_lock) = self.disk.lock(Path::new(&beside))? else { return Ok(Brought::Busy) };
        let file = self.open()?;
        let known = match self.known {
            Some(known) => known,
            None => self.newest(&disk::read_whole(&*file)?),
        };
        let newest = log.last().map_or(RecordNo(0), Checkpoint::record);
        if known > newest {
            return Ok(Brought::StoreIsOlder { outside: known });
        }
        let lines: String =
            log.iter().filter(|line| line.record() > known).map(|checkpoint| format!("{checkpoint}\n")).collect();
        if !lines.is_empty() {
            self.known = None;
            let end = whole_lines(&*file)?;
            file.set_len(end)?;
            file.write_at(end, lines.as_bytes())?;
            file.sync()?;
        }
        self.known = Some(newest);
        Ok(Brought::All(newest))
    }

    fn open(&self) -> io::Result<Box<dyn DiskFile>> {
        match self.disk.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = self.disk.create(&self.path)?;
                if let Some(directory) = self.path.parent() {
                    self.disk.sync_dir(directory)?;
                }
                Ok(file)
            }
            opened => opened,
        }
    }

    /// The last record of this very store that the file knows. Lines of others are theirs to judge.
    fn newest(&self, text: &[u8]) -> RecordNo {
        let lines = text.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
        let ours = lines.filter_map(|line| line.parse::<Checkpoint>().ok());
        let ours = ours.filter(|line| line.tenant == self.tenant && line.incarnation == self.incarnation);
        ours.map(|checkpoint| checkpoint.record()).max().unwrap_or(RecordNo(0))
    }
}

/// Where the last whole line ends.
fn whole_lines(file: &dyn DiskFile) -> io::Result<u64> {
    let length = file.len()?;
    let back = length.min(LONGEST_LINE);
    let mut tail = vec![0; usize::try_from(back).map_err(|_| io::ErrorKind::FileTooLarge)?];
    file.read_at(length - back, &mut tail)?;
    match tail.iter().rposition(|&byte| byte == b'\n') {
        Some(end) => Ok(length - back + end as u64 + 1),
        None if back == length => Ok(0),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "the file outside holds something else")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ozg_protocols::moment::Moment;

    use super::*;
    use crate::{
        disk::RealDisk,
        notary::Notary,
        tenant_store::TenantStore,
        testing::{Sample, nothing_named},
        verify::{VerifyError, verify_store},
    };

    /// Lets something happen and signs a checkpoint over it.
    fn signed(store: &TenantStore, notary: &mut Notary, version: u64) {
        let mut stream = Sample::stream(store, 5);
        if version > 0 {
            let records = store.core.read(stream.id(), crate::journal::Version(0), 1).expect("reads").records;
            stream.open(&records[0]).expect("opens");
        }
        let append = Sample::append(&mut stream, version, u128::from(version) + 1, "deed", None, Vec::new());
        store.core.commit(vec![append]).pop().expect("an answer").expect("appended");
        let page = store.core.tail(&notary.cursor(), 100).expect("reads");
        page.records.iter().for_each(|record| notary.observe(record, Moment::from_seconds(5)).expect("in order"));
        notary.sign(Moment::from_seconds(6)).expect("signs");
    }

    fn records(path: &Path) -> Vec<u64> {
        let text = fs::read_to_string(path).expect("there");
        text.lines().map(|line| line.parse::<Checkpoint>().expect("a checkpoint").record().0).collect()
    }

    #[test]
    fn what_the_file_outside_lacks_is_brought_there_once() {
        let (data, out) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let path = out.path().join("checkpoints");
        let store = Sample::founded(data.path()).open().expect("opens");
        let mut notary = store.notary().expect("a notary");
        signed(&store, &mut notary, 0);
        signed(&store, &mut notary, 1);
        let mut outside = store.outside(path.clone());
        for _ in 0..2 {
            assert_eq!(outside.bring(&store.checkpoints().expect("reads")).expect("writes"), Brought::All(RecordNo(3)));
            assert_eq!(records(&path), [2, 3]);
        }
        // Who starts anew looks what is there, and a line that was cut off goes.
        let text = fs::read_to_string(&path).expect("there");
        fs::write(&path, &text[..text.len() - 9]).expect("writes");
        signed(&store, &mut notary, 2);
        let mut again = store.outside(path.clone());
        assert_eq!(again.bring(&store.checkpoints().expect("reads")).expect("writes"), Brought::All(RecordNo(4)));
        assert_eq!(records(&path), [2, 3, 4]);
    }

    #[test]
    fn tenants_share_the_file_and_one_writes_at_a_time() {
        let out = tempfile::tempdir().expect("a directory");
        let path = out.path().join("checkpoints");
        for tenant in ["eins", "zwei"] {
            let data = tempfile::tempdir().expect("a directory");
            let mut sample = Sample::unfounded(Arc::new(RealDisk), data.path(), 1);
            sample.tenant = tenant.parse().expect("a slug");
            sample.found().expect("is made");
            let store = sample.open().expect("opens");
            let mut notary = store.notary().expect("a notary");
            signed(&store, &mut notary, 0);
            let log = store.checkpoints().expect("reads");
            let mut outside = store.outside(path.clone());
            let lock = RealDisk.lock(&out.path().join("checkpoints.lock")).expect("locks").expect("is free");
            assert_eq!(outside.bring(&log).expect("waits"), Brought::Busy);
            drop(lock);
            assert_eq!(outside.bring(&log).expect("writes"), Brought::All(RecordNo(2)));
        }
        assert_eq!(records(&path), [2, 2]);
    }

    #[test]
    fn a_store_that_was_set_back_is_known_by_the_file_outside() {
        let (data, out) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let path = out.path().join("checkpoints");
        let sample = Sample::founded(data.path());
        let (root, copy) = (data.path().join("musterstadt"), out.path().join("copy"));
        fs::create_dir(&copy).expect("makes");
        let store = sample.open().expect("opens");
        let mut notary = store.notary().expect("a notary");
        signed(&store, &mut notary, 0);
        drop((store, notary));
        let copy_all = |from: &Path, to: &Path| {
            for file in ["journal.redb", "keys.ring", "checkpoints.log"] {
                fs::copy(from.join(file), to.join(file)).expect("copies");
            }
        };
        copy_all(&root, &copy);
        let store = sample.open().expect("opens");
        let mut notary = store.notary().expect("a notary");
        signed(&store, &mut notary, 1);
        store.outside(path.clone()).bring(&store.checkpoints().expect("reads")).expect("writes");
        drop((store, notary));
        copy_all(&copy, &root);
        let store = sample.open().expect("opens");
        let log = store.checkpoints().expect("reads");
        let outside = RecordNo(3);
        assert_eq!(store.outside(path.clone()).bring(&log).expect("looks"), Brought::StoreIsOlder { outside });
        assert_eq!(records(&path), [2, 3], "nothing is written over it");
        drop(store);
        let newest = fs::read_to_string(&path).expect("there").lines().last().expect("a line").parse().expect("parses");
        let verdict = verify_store(
            &sample.disk,
            &sample.data,
            &sample.tenant,
            Some(&sample.key),
            Some(&newest),
            &nothing_named,
            &mut |_| {},
        );
        assert!(matches!(verdict, Err(VerifyError::TooOld { newest: 2, record: 3 })), "{verdict:?}");
    }
}
