//! Breaks stores in every file and sees whether verification names it.

use std::{fs, path::PathBuf};

use aws_lc_rs::signature::Ed25519KeyPair;
use ozg_protocols::moment::Moment;

use crate::{
    checkpoint::Checkpoint,
    journal::{SealedBody, StreamId, Version},
    testing::{Sample, SeededRandom, nothing_named},
    verify::{Report, Step, VerifyError, verify_store},
};

/// A store with some of everything, closed, and its last checkpoint.
fn furnished(directory: &tempfile::TempDir) -> (Sample, Checkpoint) {
    let sample = Sample::founded(directory.path());
    let store = sample.open().expect("opens");
    for id in 0..5 {
        let mut stream = Sample::stream(&store, id);
        for version in 0..40 {
            let (mut keys, errand) = (Vec::new(), (version % 10 == 0).then_some(1));
            if version == 3 {
                let mut writer = store.blobs.begin().expect("begins");
                writer.write(&vec![7; 150_000]).expect("writes");
                keys.push(writer.publish().expect("publishes").wrapped);
            }
            let key = (id << 64) + u128::from(version);
            let append = Sample::append(&mut stream, version, key, &"x".repeat(500), errand, keys);
            store.core.commit(vec![append]).pop().expect("an answer").expect("appended");
        }
        let snapshot: SealedBody = stream.seal_snapshot(Version(40), 1, &7_u32).expect("seals");
        store.core.put_snapshot(stream.id(), Version(40), snapshot).expect("kept");
        let small = store.sealer.seal_record(1, id, &[1, 2, 3]).expect("seals");
        store.core.put_record(1, id, Some(small), Moment::from_seconds(9_999)).expect("kept");
    }
    let mut notary = store.notary().expect("a notary");
    assert!(!notary.follow(&store.core, 1_000, Moment::from_seconds(5)).expect("follows"));
    assert!(notary.is_due(Some(Moment::from_seconds(5 + 3_600))) && !notary.is_due(Some(Moment::from_seconds(5))));
    let checkpoint = notary.sign(Moment::from_seconds(6)).expect("signs");
    (sample, checkpoint)
}

fn verify(sample: &Sample, shown: Option<&Checkpoint>) -> Result<Report, VerifyError> {
    verify_store(&sample.disk, &sample.data, &sample.tenant, Some(&sample.key), shown, &nothing_named, &mut |_| {})
}

fn files(directory: &tempfile::TempDir) -> Vec<PathBuf> {
    let mut found = vec![directory.path().join("musterstadt")];
    let mut files = Vec::new();
    while let Some(path) = found.pop() {
        if path.is_dir() {
            found.extend(fs::read_dir(path).expect("lists").map(|entry| entry.expect("an entry").path()));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn a_whole_store_verifies_unchanged_with_and_without_its_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let (sample, checkpoint) = furnished(&directory);
    let before: Vec<_> = files(&directory).iter().map(|path| fs::read(path).expect("reads")).collect();
    let mut steps = Vec::new();
    let report = verify_store(
        &sample.disk,
        &sample.data,
        &sample.tenant,
        Some(&sample.key),
        Some(&checkpoint),
        &nothing_named,
        &mut |step| steps.push(step),
    )
    .expect("verifies");
    assert_eq!((report.records, report.streams, report.blobs, report.checkpoints), (201, 6, 5, 2));
    assert_eq!((report.erased, report.orphans, report.seals), (0, 0, true));
    // The file checks itself before anything of it is known, and whoever waits hears of that.
    assert_eq!(steps[..2], [Step::File, Step::Ring]);
    assert!(matches!(steps[2..], [Step::Contents { .. }, Step::Rows, .., Step::Contents { done, all }] if done == all));
    let without = verify_store(&sample.disk, &sample.data, &sample.tenant, None, None, &nothing_named, &mut |_| {})
        .expect("verifies");
    assert_eq!((without.records, without.keys, without.seals), (201, report.keys, false));
    let after: Vec<_> = files(&directory).iter().map(|path| fs::read(path).expect("reads")).collect();
    assert!(before == after);
}

#[test]
fn a_flipped_bit_is_found_in_every_file_or_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let (sample, checkpoint) = furnished(&directory);
    let whole = verify(&sample, Some(&checkpoint)).expect("verifies");
    let random = SeededRandom::new(4);
    for path in files(&directory).into_iter().filter(|path| !path.ends_with("lock")) {
        let bytes = fs::read(&path).expect("reads");
        let is_journal = path.ends_with("journal.redb");
        let mut found = 0;
        for _ in 0..40 {
            let mut broken = bytes.clone();
            let place = usize::try_from(random.below(bytes.len() as u64)).expect("fits");
            broken[place] ^= 1 << random.below(8);
            fs::write(&path, broken).expect("writes");
            match verify(&sample, Some(&checkpoint)) {
                Err(_) => found += 1,
                // The journal's file has free pages; a flip there must not change anything that is read.
                Ok(report) => assert!(is_journal && report == whole, "{} at {place}", path.display()),
            }
        }
        assert!(found == 40 || is_journal && found >= 3, "{}: {found}", path.display());
        fs::write(&path, &bytes).expect("writes");
    }
    assert_eq!(verify(&sample, None).expect("whole again").records, 201);
}

#[test]
fn the_first_record_that_a_flipped_bit_hit_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let (sample, _) = furnished(&directory);
    let store = sample.open().expect("opens");
    let page = store.core.tail(&store.core.beginning(), 1_000).expect("reads");
    let bodies: Vec<_> =
        page.records.iter().map(|record| (record.number.0, record.body.clone().expect("is there").bytes)).collect();
    drop((store, page));
    let journal = directory.path().join("musterstadt/journal.redb");
    let whole = fs::read(&journal).expect("reads");
    for (number, body) in bodies.into_iter().skip(3).step_by(40) {
        let mut bytes = whole.clone();
        // A record may lie in the file more than once: only its newest copy is read.
        let places: Vec<_> = bytes.windows(32).enumerate().filter(|(_, window)| *window == &body[..32]).collect();
        let places: Vec<_> = places.into_iter().map(|(place, _)| place).collect();
        places.into_iter().for_each(|place| bytes[place + 9] ^= 4);
        fs::write(&journal, bytes).expect("writes");
        let found = verify(&sample, None).expect_err("is broken");
        assert!(matches!(found, VerifyError::Journal { record, .. } if record == number), "{number}: {found}");
    }
}

#[test]
fn a_store_that_is_older_than_the_checkpoint_shown_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let (sample, _) = furnished(&directory);
    let journal = directory.path().join("musterstadt/journal.redb");
    let old = fs::read(&journal).expect("reads");
    let store = sample.open().expect("opens");
    let mut stream = Sample::stream(&store, 99);
    store.core.commit(vec![Sample::append(&mut stream, 0, 1, "later", None, Vec::new())]);
    let mut notary = store.notary().expect("a notary");
    assert!(!notary.follow(&store.core, 1_000, Moment::from_seconds(7)).expect("follows"));
    let checkpoint = notary.sign(Moment::from_seconds(8)).expect("signs");
    drop((store, stream));
    fs::write(&journal, old).expect("writes");
    assert!(matches!(verify(&sample, Some(&checkpoint)), Err(VerifyError::TooOld { newest: 201, record: 202 })));
}

#[test]
fn without_the_tenants_key_checkpoints_are_held_against_the_one_that_is_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let (sample, shown) = furnished(&directory);
    let without_key =
        || verify_store(&sample.disk, &sample.data, &sample.tenant, None, Some(&shown), &nothing_named, &mut |_| {});
    assert!(without_key().is_ok());
    // Somebody who has not the notary's key has signed the log anew.
    let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).expect("a key");
    let at = Moment::from_seconds(9);
    let forged = Checkpoint::sign(&pair, shown.tenant.clone(), shown.incarnation, at, shown.edge.clone());
    let log = directory.path().join("musterstadt/checkpoints.log");
    fs::write(&log, format!("{}\n", forged.expect("signed"))).expect("writes");
    assert!(matches!(without_key(), Err(VerifyError::ForeignCheckpoint { record: 201 })));
}

#[test]
fn a_rewritten_history_does_not_fit_its_checkpoint() {
    let directory = tempfile::tempdir().expect("a directory");
    let (sample, _) = furnished(&directory);
    let journal = directory.path().join("musterstadt/journal.redb");
    let old = fs::read(&journal).expect("reads");
    let add = |text: &str| {
        let store = sample.open().expect("opens");
        let mut stream = Sample::stream(&store, 99);
        store.core.commit(vec![Sample::append(&mut stream, 0, 1, text, None, Vec::new())]);
        let mut notary = store.notary().expect("a notary");
        assert!(!notary.follow(&store.core, 1_000, Moment::from_seconds(7)).expect("follows"));
        notary.sign(Moment::from_seconds(8)).expect("signs")
    };
    let checkpoint = add("what happened");
    fs::write(&journal, old).expect("writes");
    let log = directory.path().join("musterstadt/checkpoints.log");
    let lines = fs::read_to_string(&log).expect("reads");
    fs::write(&log, lines.lines().next().expect("a line").to_owned() + "\n").expect("writes");
    add("what did not happen");
    assert!(verify(&sample, None).is_ok());
    assert!(matches!(verify(&sample, Some(&checkpoint)), Err(VerifyError::OtherHistory { record: 202 })));
}

#[test]
fn a_key_that_is_gone_without_a_record_of_its_erasure_is_damage() {
    let directory = tempfile::tempdir().expect("a directory");
    let (sample, _) = furnished(&directory);
    let ring = directory.path().join("musterstadt/keys.ring");
    let bytes = fs::read(&ring).expect("reads");
    fs::write(&ring, &bytes[..bytes.len() - crate::ring::ENTRY]).expect("writes");
    assert!(matches!(verify(&sample, None), Err(VerifyError::Ring(_))));
    assert!(sample.open().is_err());
}

#[test]
fn a_blob_that_an_event_names_and_that_is_gone_is_named_with_its_record() {
    let directory = tempfile::tempdir().expect("a directory");
    let (sample, _) = furnished(&directory);
    let store = sample.open().expect("opens");
    let gone = store.blobs.list(Moment::from_millis(i64::MAX)).expect("lists")[2];
    store.blobs.remove(gone).expect("removes");
    let third = store.core.tail(&store.core.beginning(), 3).expect("reads").records.remove(2);
    drop(store);
    let named = |stream, _: &[u8]| Some(if stream == third.stream { vec![gone] } else { Vec::new() });
    let found = verify_store(&sample.disk, &sample.data, &sample.tenant, Some(&sample.key), None, &named, &mut |_| {});
    assert!(matches!(found, Err(VerifyError::Lost { blob, record: 2 }) if blob == gone), "{found:?}");
    let unreadable = |_, _: &[u8]| None;
    let found =
        verify_store(&sample.disk, &sample.data, &sample.tenant, Some(&sample.key), None, &unreadable, &mut |_| {});
    assert!(matches!(found, Err(VerifyError::Journal { record: 1, .. })), "{found:?}");
}

#[test]
fn nothing_readable_lies_at_rest() {
    let directory = tempfile::tempdir().expect("a directory");
    let sample = Sample::founded(directory.path());
    let store = sample.open().expect("opens");
    let mut stream = Sample::stream(&store, 7);
    let mut writer = store.blobs.begin().expect("begins");
    writer.write(b"Erika Mustermann, geboren am 12.08.1964").expect("writes");
    let keys = vec![writer.publish().expect("publishes").wrapped];
    let append = Sample::append(&mut stream, 0, 1, "Erika Mustermann", Some(1), keys);
    store.core.commit(vec![append]).pop().expect("an answer").expect("appended");
    drop((store, stream));
    for path in files(&directory) {
        let bytes = fs::read(&path).expect("reads");
        assert!(!bytes.windows(10).any(|window| window == b"Mustermann"), "{}", path.display());
    }
    let stream = StreamId { kind: crate::journal::StreamKind::Case, id: 7 };
    assert_eq!(sample.open().expect("opens").core.read(stream, Version(0), 9).expect("reads").records.len(), 1);
}
