//! The journal of one tenant on redb: synchronous, one writer at a time, any number of readers.
//!
//! `commit` makes a whole batch durable in one transaction (group commit). After an I/O error the handle is dead and the
//! last commit uncertain: all handles are dropped, the file is opened again, and the batch is replayed under the same
//! keys, in halves if it fails again. Reading lies in `reading.rs`, the outbox in `outbox.rs`.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicI64},
};

use crate::{
    append::{self, Batch},
    disk::{Disk, DiskLock},
    fault::Fault,
    journal::{Append, Appended, JournalError, Weight},
    ring::KeyRing,
    shelf::Shelf,
    tables::{self, Foundation},
};
use ozg_protocols::ids::TenantSlug;

/// What a core is opened with.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How much redb may keep in memory, in bytes; a share of one budget for all tenants.
    pub cache: usize,
    /// Below this many free bytes on the disk nothing new is taken.
    pub reserve: u64,
    /// After so many records the rows of streams are written; whoever opens the file reads that many again.
    pub rows_every: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache: 16 << 20, reserve: 256 << 20, rows_every: 4_096 }
    }
}

/// The journal of one tenant.
#[derive(Debug)]
pub struct RedbCore {
    pub(crate) shelf: Shelf,
    pub(crate) tenant: TenantSlug,
    pub(crate) incarnation: [u8; 16],
    /// The latest moment that anybody has named (milliseconds): what expired before it may go.
    pub(crate) latest: AtomicI64,
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    ring: Arc<KeyRing>,
    options: Options,
    // Goes last: as long as anybody holds the core, its file is open, and nobody else may open it.
    _lock: Box<dyn DiskLock>,
}

/// What a core stands on; it is its own from now on.
pub(crate) struct Ground {
    pub(crate) shelf: Shelf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) directory: PathBuf,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) lock: Box<dyn DiskLock>,
}

impl RedbCore {
    pub(crate) fn new(ground: Ground, foundation: &Foundation, tenant: TenantSlug, options: Options) -> Self {
        let Ground { shelf, disk, directory, ring, lock } = ground;
        let (incarnation, latest) = (foundation.incarnation, AtomicI64::new(i64::MIN));
        Self { shelf, tenant, incarnation, latest, disk, directory, ring, options, _lock: lock }
    }

    /// Whether there is room for something new.
    #[must_use]
    pub fn has_room(&self) -> bool {
        !self.is_full()
    }

    /// Makes these appends durable, in this order, as far as each may be; the answers stand in the same order. Blocks
    /// until they are durable.
    pub fn commit(&self, batch: Vec<Append>) -> Vec<Result<Appended, JournalError>> {
        let mut answers: Vec<_> = batch.iter().map(|append| self.check(append).err().map(Err)).collect();
        let full = self.is_full();
        let (mut places, mut appends) = (Vec::new(), Vec::new());
        for ((place, append), answer) in batch.into_iter().enumerate().zip(&mut answers) {
            if answer.is_none() && full && append.weight == Weight::Ordinary {
                // What was carried out before is answered as ever; only new things are refused.
                let known = self.answer_to(append.stream, append.key).map(|answer| answer.is_some());
                *answer = if known == Ok(true) { None } else { Some(Err(JournalError::Full)) };
            }
            if answer.is_none() {
                places.push(place);
                appends.push(append);
            }
        }
        let outcomes = match self.attempt(&appends, false) {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(_) => self.recover(&appends),
        };
        for (place, outcome) in places.into_iter().zip(outcomes) {
            answers[place] = Some(outcome);
        }
        answers.into_iter().map(|answer| answer.unwrap_or(Err(JournalError::UnknownOutcome))).collect()
    }

    fn check(&self, append: &Append) -> Result<(), JournalError> {
        append::check(append)?;
        if append.new_keys.iter().all(|key| self.ring.accepts(key)) {
            Ok(())
        } else {
            Err(JournalError::Invalid("a new key was not made by the ring"))
        }
    }

    fn attempt(&self, batch: &[Append], replay: bool) -> Result<Vec<Appended>, Fault> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.shelf.append(|transaction, heads| {
            let mut tables = Batch::begin(transaction, heads, replay)?;
            let answers = batch.iter().map(|append| tables.apply(append)).collect::<Result<Vec<_>, _>>()?;
            let moved = tables.finish(self.options.rows_every)?;
            // A key that no durable record needs would keep a blob for ever that no event names.
            let taken = batch.iter().zip(&answers).filter(|(_, answer)| matches!(answer, Appended::Durable { .. }));
            let new_keys: Vec<_> = taken.flat_map(|(append, _)| append.new_keys.iter().cloned()).collect();
            if moved.is_some() && !new_keys.is_empty() {
                let entries = self.ring.append(&new_keys)?;
                let mut meta = transaction.open_table(tables::META)?;
                meta.insert(tables::RING_ENTRIES, entries.to_be_bytes().as_slice())?;
            }
            Ok((answers, moved))
        })
    }

    /// Settles a batch whose first attempt failed. Who alone is to blame is found by halving.
    fn recover(&self, batch: &[Append]) -> Vec<Result<Appended, JournalError>> {
        if self.shelf.revive().is_err() && self.shelf.revive().is_err() {
            return batch.iter().map(|_| Err(JournalError::UnknownOutcome)).collect();
        }
        match self.attempt(batch, true) {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(_) if batch.len() > 1 => {
                let (first, second) = batch.split_at(batch.len() / 2);
                let mut answers = self.recover(first);
                answers.extend(self.recover(second));
                answers
            }
            // Nothing was committed: the transaction was dropped before.
            Err(damaged @ Fault::Damaged { .. }) => batch.iter().map(|_| Err(damaged.not_done())).collect(),
            Err(again) => batch.iter().map(|append| self.settle_one(append, &again)).collect(),
        }
    }

    /// The outcome of one append that fails again and again: the file says whether it is there.
    fn settle_one(&self, append: &Append, fault: &Fault) -> Result<Appended, JournalError> {
        self.shelf.revive().map_err(|_| JournalError::UnknownOutcome)?;
        match self.record_of(append).map_err(|_| JournalError::UnknownOutcome)? {
            Some(answer) => Ok(answer),
            None => Err(fault.not_done()),
        }
    }

    /// Whether less is free than the reserve: then nothing new is taken. A disk that does not say is not full.
    pub(crate) fn is_full(&self) -> bool {
        self.disk.free_space(&self.directory).is_ok_and(|free| free < self.options.reserve)
    }
}

#[cfg(test)]
mod tests {
    use ozg_protocols::{ids::CommandKey, moment::Moment};

    use super::*;
    use crate::{
        journal::{EffectVerdict, RecordNo, Version},
        stream::{Opened, open_effect},
        testing::{Errand, PowerCutDisk, Sample, Trouble},
    };

    #[test]
    fn what_was_appended_reads_back_after_the_store_was_closed() {
        let directory = tempfile::tempdir().expect("a directory");
        let sample = Sample::founded(directory.path());
        let store = sample.open().expect("opens");
        let mut stream = Sample::stream(&store, 5);
        let append = Sample::append(&mut stream, 0, 1, "begun", Some(9), Vec::new());
        let answers = store.core.commit(vec![append.clone(), append]);
        assert_eq!(answers[0], Ok(Appended::Durable { version: Version(1), number: RecordNo(2) }));
        assert!(matches!(&answers[1], Ok(Appended::Duplicate { version: Version(1), .. })));
        drop((store, stream));

        let store = sample.open().expect("opens again");
        let mut stream = Sample::stream(&store, 5);
        let records = store.core.read(stream.id(), Version(0), 10).expect("reads").records;
        let opened = stream.open(&records[0]).expect("opens");
        assert!(matches!(opened, Opened::Events(record) if record.events[0].0 == "begun"));
        let answer = store.core.answer_to(stream.id(), CommandKey::from_u128(1)).expect("reads").expect("is there");
        assert_eq!((answer.version, answer.reply), (Version(1), 1_u128.to_be_bytes().to_vec()));
        let now = Moment::from_seconds(1_000);
        let claimed = store.core.claim(&[(Sample::LANE, 10)], now, Moment::from_seconds(2_000)).expect("claims");
        let errand: Errand = open_effect(&store.sealer, &crate::codec::Schema::first(1), &claimed[0]).expect("opens");
        assert_eq!((errand, claimed[0].attempts), (Errand(9), 0));
        store.core.settle(&[(claimed[0].id, EffectVerdict::Done)]).expect("settles");
    }

    #[test]
    fn a_long_stream_reads_back_whole_and_from_anywhere() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Sample::founded(directory.path()).open().expect("opens");
        let mut stream = Sample::stream(&store, 5);
        let batch = (0..300).map(|version| {
            Sample::append(&mut stream, version, u128::from(version), &version.to_string(), None, vec![])
        });
        assert!(store.core.commit(batch.collect()).iter().all(Result::is_ok));
        for from in [0, 1, 63, 64, 65, 128, 191, 192, 250, 299, 300] {
            let records = store.core.read(stream.id(), Version(from), 1_000).expect("reads").records;
            let versions: Vec<u64> = records.iter().map(|record| record.first.0).collect();
            assert_eq!(versions, (from..300).collect::<Vec<_>>(), "from {from}");
        }
    }

    #[test]
    fn below_the_reserve_nothing_new_is_taken_but_acknowledgements_pass() {
        let data = std::path::Path::new("/data");
        let disk = PowerCutDisk::with_directory(data);
        let mut sample = Sample::on(Arc::new(disk.clone()), data, 1);
        sample.options.reserve = 1_000;
        let store = sample.open().expect("opens");
        let mut stream = Sample::stream(&store, 5);
        let first = Sample::append(&mut stream, 0, 1, "begun", Some(9), Vec::new());
        store.core.commit(vec![first.clone()]);
        disk.set_free_space(999);
        let second = Sample::append(&mut stream, 1, 2, "refused", None, Vec::new());
        let answers = store.core.commit(vec![first, second.clone()]);
        assert!(matches!(answers[0], Ok(Appended::Duplicate { .. })), "an old answer is given as ever");
        assert_eq!(answers[1], Err(JournalError::Full));
        assert!(!store.core.has_room());
        let noted = Append { weight: Weight::Acknowledgement, ..second };
        assert!(matches!(store.core.commit(vec![noted])[0], Ok(Appended::Durable { .. })));
        let claimed = store
            .core
            .claim(&[(Sample::LANE, 10)], Moment::from_seconds(1_000), Moment::from_seconds(2_000))
            .expect("claims");
        store.core.settle(&[(claimed[0].id, EffectVerdict::Done)]).expect("settles");
        disk.set_free_space(1_000);
        let third = Sample::append(&mut stream, 2, 3, "taken again", None, Vec::new());
        assert!(matches!(store.core.commit(vec![third])[0], Ok(Appended::Durable { .. })));
    }

    #[test]
    fn below_the_reserve_small_records_and_snapshots_are_only_removed() {
        let data = std::path::Path::new("/data");
        let disk = PowerCutDisk::with_directory(data);
        let mut sample = Sample::on(Arc::new(disk.clone()), data, 1);
        sample.options.reserve = 1_000;
        let store = sample.open().expect("opens");
        let mut stream = Sample::stream(&store, 5);
        let body = Sample::append(&mut stream, 0, 1, "begun", None, Vec::new()).body;
        let (now, later) = (Moment::from_seconds(1), Moment::from_seconds(9));
        store.core.put_record(1, 7, Some(body.clone()), later).expect("keeps");
        disk.set_free_space(999);
        assert_eq!(store.core.put_record(1, 8, Some(body.clone()), later), Err(JournalError::Full));
        assert_eq!(store.core.put_snapshot(stream.id(), Version(1), body), Err(JournalError::Full));
        assert_eq!(store.core.put_record(1, 7, None, now), Ok(()));
        assert_eq!(store.core.record(1, 7, now), Ok(None));
    }

    #[test]
    fn readers_and_the_outbox_survive_one_failing_operation() {
        for after in 0..60 {
            let data = std::path::Path::new("/data");
            let disk = PowerCutDisk::with_directory(data);
            let sample = Sample::on(Arc::new(disk.clone()), data, 1);
            let store = sample.open().expect("opens");
            let mut stream = Sample::stream(&store, 5);
            store.core.commit(vec![Sample::append(&mut stream, 0, 1, "begun", Some(9), Vec::new())]);
            disk.trouble(Trouble { after, kind: std::io::ErrorKind::Other, times: 1 });
            let (now, until) = (Moment::from_seconds(1_000), Moment::from_seconds(2_000));
            let claimed = store.core.claim(&[(Sample::LANE, 10)], now, until).expect("claims");
            // A claim whose commit failed may have taken hold: then the effect comes again after its time.
            let again = store.core.claim(&[(Sample::LANE, 10)], until, until).expect("claims");
            let all: Vec<_> = claimed.iter().chain(&again).collect();
            assert!(!all.is_empty(), "at operation {after}");
            store.core.settle(&[(all[0].id, EffectVerdict::Done)]).expect("settles");
            assert_eq!(store.core.read(stream.id(), Version(0), 9).expect("reads").records.len(), 1);
            assert!(store.core.claim(&[(Sample::LANE, 10)], until, until).expect("claims").is_empty());
        }
    }
}
