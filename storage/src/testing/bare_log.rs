//! The log table alone: what a commit costs before dedup, heads and outbox are written. A limit for benches.

use std::{path::Path, sync::Arc};

use redb::Durability;

use crate::{
    disk::Disk,
    shelf::{Outcome, Shelf},
    tables::{self, Foundation},
};

/// A redb file whose log table only is written, with the settings of the journal.
#[derive(Debug)]
pub struct BareLog {
    shelf: Shelf,
    next: std::sync::atomic::AtomicU64,
}

impl BareLog {
    /// A new file at this path; `cache` in bytes.
    ///
    /// # Panics
    /// If it can not be made.
    #[must_use]
    pub fn create(disk: Arc<dyn Disk>, path: &Path, cache: usize) -> Self {
        let foundation = Foundation { tenant: String::new(), incarnation: [0; 16], fingerprint: [0; 16] };
        Shelf::create(&*disk, path, &foundation, 0).expect("a file is made");
        let shelf = Shelf::open(disk, path, cache).expect("the file opens");
        Self { shelf, next: 1.into() }
    }

    /// Makes these records durable in one transaction.
    ///
    /// # Panics
    /// If they can not be written.
    pub fn commit(&self, records: &[Vec<u8>]) {
        let written = self.shelf.write(Durability::Immediate, |transaction| {
            let mut log = transaction.open_table(tables::LOG)?;
            for record in records {
                let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                log.insert(number, record.as_slice())?;
            }
            Ok(Outcome::Commit(()))
        });
        written.expect("the log is written");
    }
}
