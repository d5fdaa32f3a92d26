//! The notary of a tenant: follows the journal after the commit and signs what it has seen.
//!
//! It is shown every record in order, grows a Merkle tree over their hashes, and signs a checkpoint every 10,000 records or
//! every hour, with a key that the tenant key wraps and that signs nothing else. Checkpoints are appended to a log of one
//! line each; the last one says where to go on. Whoever owns the notary sees to it that they leave the machine; the records
//! that this takes are signed for with the next checkpoint, but bring none about.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use ozg_protocols::{ids::TenantSlug, moment::Moment};

use crate::{
    checkpoint::Checkpoint,
    disk::{self, Disk},
    journal::{Cursor, JournalError, RecordNo, StoredRecord, StreamId},
    merkle::Edge,
    reading,
    redb_core::RedbCore,
    ring::KeyRing,
};

/// A checkpoint is due after so many records.
pub const RECORDS: u64 = 10_000;
/// A checkpoint is due this long after the first record that none covers.
pub const PERIOD: Duration = Duration::from_secs(3_600);

/// Why the notary can not go on.
#[derive(Debug, thiserror::Error)]
pub enum NotaryError {
    /// The log of checkpoints cannot be read or written.
    #[error("the log of checkpoints cannot be used")]
    File(#[from] io::Error),
    /// The log holds something else.
    #[error("line {line} of the log of checkpoints is broken")]
    Damaged {
        /// The first broken line, from 1.
        line: u64,
    },
    /// A record was shown out of order.
    #[error("record {found} was shown after record {after}")]
    OutOfOrder {
        /// The record shown.
        found: u64,
        /// The last one seen.
        after: u64,
    },
    /// The key does not sign.
    #[error("the notary's key does not sign")]
    Key,
    /// The journal is not the one that was signed for, or damaged.
    #[error("the journal is not what was signed for")]
    Journal(#[source] JournalError),
}

/// The notary.
#[derive(Debug)]
pub struct Notary {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    tenant: TenantSlug,
    incarnation: [u8; 16],
    pair: Ed25519KeyPair,
    edge: Edge,
    /// How many records nobody has signed for; those that only bring checkpoints out do not count.
    unsigned: u64,
    unsigned_since: Option<Moment>,
}

impl Notary {
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        path: PathBuf,
        tenant: TenantSlug,
        incarnation: [u8; 16],
        ring: &KeyRing,
    ) -> Result<Self, NotaryError> {
        let pair = pair(ring)?;
        let last = read_log(&*disk, &path, true)?.pop();
        let edge = last.map(|checkpoint| checkpoint.edge).unwrap_or_default();
        Ok(Self { disk, path, tenant, incarnation, pair, edge, unsigned: 0, unsigned_since: None })
    }

    /// Where the notary wants to go on reading.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        reading::cursor(&self.tenant, self.incarnation, RecordNo(self.edge.size()))
    }

    /// Reads on behind what it has seen and is shown that, at this moment; whether there is more. A journal that cannot be
    /// read just now is read another time.
    ///
    /// # Errors
    /// [`NotaryError::Journal`] if the journal contradicts what was signed: nothing is signed over it.
    pub fn follow(&mut self, core: &RedbCore, at_once: usize, now: Moment) -> Result<bool, NotaryError> {
        let page = match core.tail(&self.cursor(), at_once) {
            Ok(page) => page,
            Err(error @ (JournalError::Damaged { .. } | JournalError::Invalid(_))) => {
                return Err(NotaryError::Journal(error));
            }
            Err(_) => return Ok(false),
        };
        if let Some(RecordNo(record)) = page.damaged {
            return Err(NotaryError::Journal(JournalError::Damaged { record, what: "the record cannot be read" }));
        }
        // A clock that was ahead and was set back would put the next signature off for as long.
        self.unsigned_since = self.unsigned_since.map(|since| since.min(now));
        page.records.iter().try_for_each(|record| self.observe(record, now))?;
        Ok(page.more)
    }

    /// Shows the next record of the tenant's order, at this moment.
    ///
    /// # Errors
    /// [`NotaryError::OutOfOrder`] if it is not the next.
    pub(crate) fn observe(&mut self, record: &StoredRecord, now: Moment) -> Result<(), NotaryError> {
        let after = self.edge.size();
        if record.number.0 != after + 1 {
            return Err(NotaryError::OutOfOrder { found: record.number.0, after });
        }
        self.edge.push(&record.hash);
        if record.stream != StreamId::CHECKPOINTS {
            self.unsigned += 1;
            self.unsigned_since.get_or_insert(now);
        }
        Ok(())
    }

    /// Whether a checkpoint should be signed: because of what has come since, and because of the time, where that is known.
    #[must_use]
    pub fn is_due(&self, now: Option<Moment>) -> bool {
        let age = self.unsigned_since.zip(now).map(|(since, now)| now.since(since));
        self.unsigned >= RECORDS || age.is_some_and(|age| age >= PERIOD)
    }

    /// Whether anything happened since the last checkpoint: whoever closes the house signs for it.
    #[must_use]
    pub const fn has_unsigned(&self) -> bool {
        self.unsigned > 0
    }

    /// Signs a checkpoint over everything seen and makes it durable.
    ///
    /// # Errors
    /// [`NotaryError::File`] or [`NotaryError::Key`]; then nothing counts as signed.
    pub fn sign(&mut self, now: Moment) -> Result<Checkpoint, NotaryError> {
        let checkpoint = Checkpoint::sign(&self.pair, self.tenant.clone(), self.incarnation, now, self.edge.clone())
            .ok_or(NotaryError::Key)?;
        let file = self.disk.open(&self.path)?;
        file.write_at(file.len()?, format!("{checkpoint}\n").as_bytes())?;
        file.sync()?;
        (self.unsigned, self.unsigned_since) = (0, None);
        Ok(checkpoint)
    }
}

pub(crate) fn pair(ring: &KeyRing) -> Result<Ed25519KeyPair, NotaryError> {
    Ed25519KeyPair::from_seed_unchecked(&*ring.notary_seed().0).map_err(|_| NotaryError::Key)
}

/// The key by which the signatures of a notary are checked.
pub(crate) fn public_key(ring: &KeyRing) -> Result<[u8; 32], NotaryError> {
    pair(ring)?.public_key().as_ref().try_into().map_err(|_| NotaryError::Key)
}

/// The checkpoints of a log. A last line that was never finished is cut off if `mend`, else left out.
pub(crate) fn read_log(disk: &dyn Disk, path: &std::path::Path, mend: bool) -> Result<Vec<Checkpoint>, NotaryError> {
    let file = disk.open(path)?;
    let bytes = disk::read_whole(&*file)?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    if mend && whole < bytes.len() {
        file.set_len(whole as u64)?;
        file.sync()?;
    }
    let mut checkpoints = Vec::new();
    for (line, number) in bytes[..whole].split_inclusive(|&byte| byte == b'\n').zip(1..) {
        let text = std::str::from_utf8(line).map_err(|_| NotaryError::Damaged { line: number })?;
        checkpoints.push(text.parse().map_err(|_| NotaryError::Damaged { line: number })?);
    }
    Ok(checkpoints)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Sample;

    #[test]
    fn nothing_is_signed_over_a_journal_that_is_older_than_its_checkpoint() {
        let directory = tempfile::tempdir().expect("a directory");
        let sample = Sample::founded(directory.path());
        let (journal, now) = (directory.path().join("musterstadt/journal.redb"), Moment::from_seconds(5));
        let old = std::fs::read(&journal).expect("reads");
        let store = sample.open().expect("opens");
        let mut stream = Sample::stream(&store, 1);
        let appends = (0..5).map(|version| Sample::append(&mut stream, version, version.into(), "x", None, Vec::new()));
        assert!(store.core.commit(appends.collect()).iter().all(Result::is_ok));
        let mut notary = store.notary().expect("a notary");
        assert!(!notary.follow(&store.core, 100, now).expect("follows"));
        notary.sign(now).expect("signs");
        drop((store, stream));
        std::fs::write(&journal, old).expect("writes");
        let store = sample.open().expect("opens");
        let mut notary = store.notary().expect("a notary");
        assert!(matches!(notary.follow(&store.core, 100, now), Err(NotaryError::Journal(_))));
    }
}
