//! Many short lives of a store on a disk whose power fails: nothing that was acknowledged is lost, nothing is doubled, and
//! what is there verifies.

use std::{
    collections::BTreeMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use ozg_protocols::{
    ids::{BlobId, CommandKey},
    moment::Moment,
};

use crate::{
    journal::{Append, Appended, JournalError, StreamId, StreamKind, Version},
    stream::Opened,
    tenant_store::{StoreError, TenantStore},
    testing::{PowerCutDisk, Sample, SeededRandom, Trouble, nothing_named},
    verify::verify_store,
};

/// What a store has acknowledged.
#[derive(Debug, Default)]
struct Promised {
    /// Text of each acknowledged event, per stream, in order.
    events: BTreeMap<u128, Vec<String>>,
    /// Blobs whose event was acknowledged.
    blobs: Vec<BlobId>,
}

const STREAMS: u64 = 4;

/// One life: opens the store, checks what was promised, works until the power fails.
fn live(sample: &Sample, disk: &PowerCutDisk, random: &SeededRandom, promised: &mut Promised) -> Result<(), String> {
    let store = sample.open().map_err(|error| format!("does not open: {error:?}"))?;
    check(&store, promised)?;
    for _ in 0..1 + random.below(4) {
        let batch = batch(&store, random, promised);
        let answers = store.core.commit(batch.iter().map(|(append, ..)| append.clone()).collect());
        for ((append, text, blob), answer) in batch.into_iter().zip(answers) {
            match answer {
                Ok(Appended::Durable { .. }) => {
                    promised.events.entry(append.stream.id).or_default().push(text);
                    promised.blobs.extend(blob);
                }
                other => return Err(format!("not appended: {other:?}")),
            }
        }
    }
    // Work that nobody hears about: the power fails in the middle of it.
    let unheard = batch(&store, random, promised);
    disk.trouble(Trouble { after: random.below(40), kind: io::ErrorKind::Other, times: u64::MAX });
    store.core.commit(unheard.into_iter().map(|(append, ..)| append).collect());
    disk.cut(random);
    Ok(())
}

fn batch(store: &TenantStore, random: &SeededRandom, promised: &Promised) -> Vec<(Append, String, Option<BlobId>)> {
    let mut versions: BTreeMap<u128, u64> = BTreeMap::new();
    let mut batch = Vec::new();
    for _ in 0..1 + random.below(5) {
        let id = u128::from(random.below(STREAMS));
        let mut stream = Sample::stream(store, id);
        let records = store.core.read(stream.id(), Version(0), 1_000).expect("reads").records;
        records.iter().for_each(|record| drop(stream.open(record).expect("opens")));
        let known = records.len() as u64;
        let version = versions.entry(id).or_insert(known);
        if *version == 0 && known == 0 && promised.events.contains_key(&id) {
            continue;
        }
        if *version > known && known == 0 {
            // Its key is made by the first append of this batch; one is enough.
            continue;
        }
        let (mut keys, mut blob) = (Vec::new(), None);
        if random.below(3) == 0 {
            let mut writer = store.blobs.begin().expect("begins");
            writer.write(&vec![5; usize::try_from(random.below(200_000)).expect("small")]).expect("writes");
            let published = writer.publish().expect("publishes");
            blob = Some(published.id);
            keys.push(published.wrapped);
        }
        let text =
            format!("{:016x}{}", random.next(), "x".repeat(usize::try_from(random.below(3_000)).expect("small")));
        let key = u128::from(random.next());
        batch.push((Sample::append(&mut stream, *version, key, &text, Some(1), keys), text, blob));
        *version += 1;
    }
    batch
}

/// What was promised is there, in order, with at most unheard work in between or after it.
fn check(store: &TenantStore, promised: &mut Promised) -> Result<(), String> {
    for id in 0..u128::from(STREAMS) {
        let mut stream = Sample::stream(store, id);
        let records =
            store.core.read(stream.id(), Version(0), 1_000).map_err(|error| format!("reads not: {error:?}"))?.records;
        let mut texts = Vec::new();
        for record in &records {
            match stream.open(record) {
                Ok(Opened::Events(record)) => texts.extend(record.events.into_iter().map(|deed| deed.0)),
                other => return Err(format!("opens not: {other:?}")),
            }
        }
        let known = promised.events.entry(id).or_default();
        if texts.len() < known.len() || texts[..known.len()] != known[..] {
            return Err(format!("stream {id}: promised {} events, found {}", known.len(), texts.len()));
        }
        *known = texts;
        if known.is_empty() {
            promised.events.remove(&id);
        }
    }
    store.blobs.sweep(Moment::from_millis(i64::MAX)).map_err(|error| format!("sweeps not: {error:?}"))?;
    for id in &promised.blobs {
        let mut reader = store.blobs.read(*id).map_err(|error| format!("blob: {error:?}"))?;
        let mut offset = 0;
        while offset < reader.length() {
            offset += reader.read(offset).map_err(|error| format!("blob: {error:?}"))?.len() as u64;
        }
    }
    Ok(())
}

fn world(seed: u64) -> (Sample, PowerCutDisk, SeededRandom) {
    let data = Path::new("/data");
    let disk = PowerCutDisk::with_directory(data);
    let sample = Sample::on(Arc::new(disk.clone()), data, seed);
    (sample, disk, SeededRandom::new(seed.wrapping_mul(77)))
}

fn verify(sample: &Sample) -> Result<(), String> {
    verify_store(&sample.disk, &sample.data, &sample.tenant, Some(&sample.key), None, &nothing_named, &mut |_| {})
        .map(drop)
        .map_err(|error| format!("verifies not: {error:?}"))
}

#[test]
fn nothing_acknowledged_is_lost_in_three_hundred_power_cuts() {
    for seed in 0..20 {
        let (sample, disk, random) = world(seed);
        let mut promised = Promised::default();
        for cut in 0..15 {
            live(&sample, &disk, &random, &mut promised)
                .and_then(|()| verify(&sample))
                .unwrap_or_else(|problem| panic!("seed {seed}, cut {cut}: {problem}"));
        }
    }
}

#[test]
fn a_disk_that_only_pretends_to_sync_is_found_out() {
    let lost = (0..20).filter(|seed| {
        let (sample, disk, random) = world(*seed);
        disk.lie();
        let mut promised = Promised::default();
        // Over a file that no honest disk would leave behind redb may also panic.
        let mut life = || live(&sample, &disk, &random, &mut promised).is_err();
        (0..15).any(|_| catch_unwind(AssertUnwindSafe(&mut life)).unwrap_or(true))
    });
    assert!(lost.count() >= 15, "the harness would not notice a loss");
}

#[test]
fn a_store_whose_making_was_cut_off_is_absent_unfinished_or_whole() {
    let mut seen = [0; 3];
    for seed in 0..60 {
        let data = Path::new("/data");
        let disk = PowerCutDisk::with_directory(data);
        let sample = Sample::unfounded(Arc::new(disk.clone()), data, seed);
        let random = SeededRandom::new(seed);
        disk.trouble(Trouble { after: seed, kind: io::ErrorKind::Other, times: u64::MAX });
        let made = sample.found();
        disk.cut(&random);
        match sample.open() {
            Ok(_) => seen[0] += 1,
            Err(StoreError::Absent) if made.is_err() => seen[1] += 1,
            Err(error) if made.is_err() => {
                assert!(!matches!(error, StoreError::ForeignKey { .. }), "seed {seed}");
                seen[2] += 1;
            }
            Err(error) => panic!("seed {seed}: made, but {error:?}"),
        }
    }
    assert!(seen[1] > 0 && seen[2] > 0, "{seen:?}");
}

#[test]
fn one_failing_operation_loses_nothing_and_doubles_nothing() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        let mut after = 0;
        loop {
            let (sample, disk, _) = world(1);
            let store = sample.open().expect("opens");
            let appends: Vec<Append> = (0..6)
                .map(|id| Sample::append(&mut Sample::stream(&store, id), 0, id + 1, "begun", Some(1), Vec::new()))
                .collect();
            disk.trouble(Trouble { after, kind, times: 1 });
            let answers = store.core.commit(appends.clone());
            let finished = disk.calm() <= after;
            for (append, answer) in appends.iter().zip(answers) {
                let durable = matches!(answer, Ok(Appended::Durable { version: Version(1), .. }));
                assert!(durable, "{kind:?} at operation {after}: {answer:?}");
                let again = store.core.commit(vec![append.clone()]).pop();
                assert!(matches!(again, Some(Ok(Appended::Duplicate { .. }))), "{again:?}");
            }
            drop(store);
            verify(&sample).unwrap_or_else(|problem| panic!("{kind:?} at operation {after}: {problem}"));
            if finished {
                assert!(after > 5, "the commit has operations that can fail");
                break;
            }
            after += 1;
        }
    }
}

#[test]
fn what_keeps_failing_is_not_claimed_to_be_known() {
    for (after, then) in (0..40).flat_map(|after| (0..3).map(move |then| (after, then))) {
        let (sample, disk, random) = world(2);
        let store = sample.open().expect("opens");
        let append = Sample::append(&mut Sample::stream(&store, 1), 0, 1, "begun", None, Vec::new());
        disk.trouble(Trouble { after, kind: io::ErrorKind::Other, times: u64::MAX });
        let answer = store.core.commit(vec![append.clone()]).pop().expect("an answer");
        if disk.calm() <= after {
            break;
        }
        assert_eq!(answer, Err(JournalError::UnknownOutcome), "at operation {after}");
        // The disk is well again: the same bytes under the same key settle it, also behind a power cut, and also when
        // somebody else has opened the file again before.
        let store = match then {
            0 => store,
            1 => {
                let _ = store.core.tail(&store.core.beginning(), 10).expect("reads");
                let (now, until) = (Moment::from_seconds(1), Moment::from_seconds(2));
                let _ = store.core.claim(&[(Sample::LANE, 1)], now, until).expect("claims");
                store
            }
            _ => {
                drop(store);
                disk.cut(&random);
                sample.open().expect("opens behind the cut")
            }
        };
        let stream = StreamId { kind: StreamKind::Case, id: 1 };
        let settled = store.core.commit(vec![append]).pop().expect("an answer").expect("settled");
        assert!(matches!(settled, Appended::Durable { .. } | Appended::Duplicate { .. }));
        assert_eq!(store.core.read(stream, Version(0), 10).expect("reads").records.len(), 1);
        assert!(store.core.answer_to(stream, CommandKey::from_u128(1)).expect("reads").is_some());
        drop(store);
        verify(&sample).unwrap_or_else(|problem| panic!("at operation {after}, then {then}: {problem}"));
    }
}

#[test]
fn a_panic_below_a_commit_leaves_nothing_stale_behind() {
    let (mut after, mut in_commit) = (0, true);
    while in_commit {
        let (sample, disk, _) = world(1);
        let store = sample.open().expect("opens");
        let mut stream = Sample::stream(&store, 1);
        let first = Sample::append(&mut stream, 0, 1, "begun", Some(1), Vec::new());
        let second = Sample::append(&mut stream, 1, 2, "gone on", Some(1), Vec::new());
        store.core.commit(vec![first]);
        disk.panic_after(after);
        in_commit = catch_unwind(AssertUnwindSafe(|| store.core.commit(vec![second.clone()]))).is_err();
        disk.calm();
        // Whoever reads the stream sees what whoever reads the tenant's order sees.
        let records = store.core.read(stream.id(), Version(0), 9).expect("reads").records;
        let page = store.core.tail(&store.core.beginning(), 9).expect("reads");
        let seen: Vec<_> = page.records.iter().filter(|record| record.stream == stream.id()).cloned().collect();
        assert_eq!(records, seen, "at operation {after}");
        let again = store.core.commit(vec![second]).pop().expect("an answer");
        let settled = matches!(again, Ok(Appended::Durable { version: Version(2), .. } | Appended::Duplicate { .. }));
        assert!(settled, "at operation {after}: {again:?}");
        let third = Sample::append(&mut stream, 2, 3, "ended", Some(1), Vec::new());
        assert!(matches!(store.core.commit(vec![third])[..], [Ok(Appended::Durable { version: Version(3), .. })]));
        drop((store, stream));
        verify(&sample).unwrap_or_else(|problem| panic!("at operation {after}: {problem}"));
        after += 1;
    }
    assert!(after > 5, "the commit has operations that can panic");
}
