//! Streams whose rows lag behind, whole and broken.

use ozg_protocols::{ids::CommandKey, moment::Moment};

use crate::{
    journal::{Append, Appended, Epoch, JournalError, StreamId, StreamKind, Version},
    notary::NotaryError,
    redb_core::Options,
    tables,
    tenant_store::TenantStore,
    testing::{Sample, break_record, break_row, nothing_named},
    verify::{Report, VerifyError, verify_store},
};

/// A store whose rows are written after so many records.
fn sample(directory: &tempfile::TempDir, rows_every: u64) -> Sample {
    let mut sample = Sample::founded(directory.path());
    sample.options = Options { rows_every, ..sample.options };
    sample
}

fn append(store: &TenantStore, id: u128, version: u64) -> Append {
    let mut stream = Sample::stream(store, id);
    let known = store.core.read(stream.id(), Version(0), 1).expect("reads").records;
    known.iter().for_each(|record| drop(stream.open(record).expect("opens")));
    Sample::append(&mut stream, version, u128::from(version), &version.to_string(), None, Vec::new())
}

fn appended(store: &TenantStore, id: u128, version: u64) {
    let answer = store.core.commit(vec![append(store, id, version)]).pop().expect("an answer");
    assert!(matches!(answer, Ok(Appended::Durable { version: Version(after), .. }) if after == version + 1));
}

fn versions(store: &TenantStore, id: u128, from: u64) -> Vec<u64> {
    let stream = StreamId { kind: StreamKind::Case, id };
    store.core.read(stream, Version(from), 1_000).expect("reads").records.iter().map(|record| record.first.0).collect()
}

#[test]
fn a_stream_reads_the_same_before_and_after_its_row_is_written_and_after_it_is_opened_again() {
    for rows_every in [1, 7, 100, 1_000] {
        let directory = tempfile::tempdir().expect("a directory");
        let sample = sample(&directory, rows_every);
        let mut store = sample.open().expect("opens");
        for version in 0..200 {
            appended(&store, 1, version);
            if version % 3 == 0 {
                appended(&store, 2, version / 3);
            }
            if version % 50 == 20 {
                drop(store);
                store = sample.open().expect("opens again");
            }
            assert_eq!(versions(&store, 1, 0), (0..=version).collect::<Vec<_>>(), "every {rows_every}");
        }
        assert_eq!(versions(&store, 1, 150), (150..200).collect::<Vec<_>>());
        assert_eq!(versions(&store, 2, 0), (0..67).collect::<Vec<_>>());
        let stream = StreamId { kind: StreamKind::Case, id: 1 };
        let answer = store.core.answer_to(stream, CommandKey::from_u128(199)).expect("reads").expect("is kept");
        assert_eq!(answer.version, Version(200));
        drop(store);
        verified(&sample).unwrap_or_else(|problem| panic!("every {rows_every}: {problem:?}"));
    }
}

#[test]
fn whoever_reads_while_rows_are_written_sees_a_whole_stream_that_only_grows() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = sample(&directory, 3).open().expect("opens");
    appended(&store, 1, 0);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| (1..400).for_each(|version| appended(&store, 1, version)));
        let mut seen = 1;
        while !writing.is_finished() {
            let versions = versions(&store, 1, 0);
            assert_eq!(versions, (0..versions.len() as u64).collect::<Vec<_>>());
            assert!(versions.len() >= seen, "{seen} records, then {}", versions.len());
            seen = versions.len();
        }
    });
    assert_eq!(versions(&store, 1, 0).len(), 400);
}

#[test]
fn a_damaged_stream_takes_nobody_of_its_batch_along() {
    let directory = tempfile::tempdir().expect("a directory");
    let sample = sample(&directory, 1);
    let store = sample.open().expect("opens");
    (1..=5).for_each(|id| appended(&store, id, 0));
    let appends: Vec<Append> = (1..=5).map(|id| append(&store, id, 1)).collect();
    let stream = StreamId { kind: StreamKind::Case, id: 3 };
    break_row(&store, tables::STREAMS, &tables::head_key(stream), |row| row.truncate(3));
    for (answer, id) in store.core.commit(appends).into_iter().zip(1..) {
        match answer {
            Err(JournalError::Damaged { .. }) => assert_eq!(id, 3),
            Ok(Appended::Durable { version: Version(2), .. }) => assert_ne!(id, 3),
            other => panic!("stream {id}: {other:?}"),
        }
    }
}

/// The last record that the rows of streams know.
fn rows_until(store: &TenantStore) -> u64 {
    store.core.shelf.read(super::rows_until).expect("reads").expect("is kept")
}

/// What `verify` finds.
fn verified(sample: &Sample) -> Result<Report, VerifyError> {
    let Sample { disk, data, tenant, key, .. } = sample;
    verify_store(disk, data, tenant, Some(key), None, &nothing_named, &mut |_| {})
}

/// What befalls the bytes of a record.
type Change = fn(&mut Vec<u8>);

#[test]
fn a_broken_stream_stops_alone_and_stays_stopped_when_the_rows_have_passed_it() {
    // Stream 1 has the records 2, 4 and 6: one bit of the second is another one, or it is cut off behind its beginning, or
    // nothing of it is left.
    let breaks: [(u64, Change); 3] =
        [(6, |row| *row.last_mut().expect("a body") ^= 1), (4, |row| row.truncate(40)), (6, |row| row.fill(0))];
    for (first, change) in breaks {
        let directory = tempfile::tempdir().expect("a directory");
        let sample = sample(&directory, 100);
        let store = sample.open().expect("opens");
        (0..3).for_each(|version| (1..=2).for_each(|id| appended(&store, id, version)));
        break_record(&store, 4, change);
        drop(store);
        let stopped = |store: &TenantStore| {
            let stream = StreamId { kind: StreamKind::Case, id: 1 };
            let damaged = |error| matches!(error, Some(JournalError::Damaged { record, .. }) if record == first);
            damaged(store.core.read(stream, Version(0), 9).err())
                && damaged(store.core.answer_to(stream, CommandKey::from_u128(0)).err())
        };
        let mut store = sample.open().expect("opens all the same");
        assert!(stopped(&store), "at {first}");
        let healthy = append(&store, 2, 3);
        let stream = StreamId { kind: StreamKind::Case, id: 1 };
        let answers = store.core.commit(vec![Append { stream, ..healthy.clone() }, healthy]);
        assert!(matches!(answers[..], [Err(JournalError::Damaged { .. }), Ok(Appended::Durable { .. })]));
        for version in 4..350 {
            appended(&store, 2, version);
            if version % 100 == 0 {
                drop(store);
                store = sample.open().expect("opens again");
                assert!(stopped(&store), "it is not forgotten at {version}");
            }
        }
        assert!(rows_until(&store) > 250, "the rows of the others are written: {}", rows_until(&store));
        let raised = Append { epoch: Epoch(5), ..append(&store, 2, 350) };
        assert!(matches!(store.core.commit(vec![raised])[0], Ok(Appended::Durable { .. })));
        drop(store);
        let store = sample.open().expect("opens again");
        let fenced = Append { epoch: Epoch(4), ..append(&store, 2, 351) };
        assert_eq!(store.core.commit(vec![fenced])[0], Ok(Appended::Fenced { epoch: Epoch(5) }));
        assert!(stopped(&store), "nor behind a later epoch");
        assert_eq!(versions(&store, 2, 0), (0..351).collect::<Vec<_>>());
        drop(store);
        let found = verified(&sample);
        assert!(matches!(found, Err(VerifyError::Journal { record: 4, .. })), "{found:?}");
    }
}

#[test]
fn whoever_reads_the_tenants_order_passes_over_a_record_that_cannot_be_read_and_hears_of_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = sample(&directory, 100).open().expect("opens");
    (0..3).for_each(|version| (1..=2).for_each(|id| appended(&store, id, version)));
    [4, 7].iter().for_each(|number| break_record(&store, *number, |row| row.truncate(40)));
    let (mut cursor, mut seen, mut damaged, mut more) = (store.core.beginning(), Vec::new(), Vec::new(), true);
    while more {
        let page = store.core.tail(&cursor, 2).expect("reads");
        seen.extend(page.records.iter().map(|record| record.number.0));
        damaged.extend(page.damaged.map(|record| record.0));
        (cursor, more) = (page.next, page.more);
    }
    assert_eq!((seen, damaged), (vec![1, 2, 3, 5, 6], vec![4, 7]));
    let mut notary = store.notary().expect("a notary");
    let followed = notary.follow(&store.core, 1_000, Moment::from_seconds(1));
    assert!(
        matches!(followed, Err(NotaryError::Journal(JournalError::Damaged { record: 4, .. }))),
        "nothing is signed"
    );
}

#[test]
fn a_row_that_does_not_decode_stops_its_stream_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let sample = sample(&directory, 4);
    let store = sample.open().expect("opens");
    // The rows of the first three are written, then stream 1 goes on.
    (1..=5).for_each(|id| appended(&store, id, 0));
    appended(&store, 1, 1);
    assert_eq!(rows_until(&store), 4);
    let [one, two] = [1, 2].map(|id| StreamId { kind: StreamKind::Case, id });
    let append = append(&store, 1, 2);
    break_row(&store, tables::STREAMS, &tables::head_key(one), |row| row.truncate(3));
    drop(store);
    let store = sample.open().expect("opens");
    assert!(matches!(store.core.commit(vec![append])[0], Err(JournalError::Damaged { .. })));
    assert_eq!(store.core.read(two, Version(0), 9).expect("reads").records.len(), 1);
}

#[test]
fn a_later_epoch_is_known_after_the_store_was_opened_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let sample = sample(&directory, 1_000);
    let store = sample.open().expect("opens");
    appended(&store, 1, 0);
    let raised = Append { epoch: Epoch(5), ..append(&store, 1, 1) };
    assert!(matches!(store.core.commit(vec![raised])[0], Ok(Appended::Durable { .. })));
    drop(store);
    let store = sample.open().expect("opens again");
    let late = Append { epoch: Epoch(4), ..append(&store, 1, 2) };
    assert_eq!(store.core.commit(vec![late])[0], Ok(Appended::Fenced { epoch: Epoch(5) }));
}
