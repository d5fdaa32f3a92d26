//! Tests of blobs, golden bytes of version 1 among them.

use super::*;
use crate::{disk::RealDisk, gcm::Secret, journal::Appended, tenant_store::TenantStore, testing::Sample};

fn contents(mut reader: BlobReader) -> Vec<u8> {
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < reader.length() {
        let more = reader.read(bytes.len() as u64).expect("reads").to_vec();
        assert!(!more.is_empty() && more.len() <= CHUNK);
        bytes.extend(more);
    }
    bytes
}

#[test]
fn a_blob_reads_back_whole_and_from_anywhere_at_any_length() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Sample::founded(directory.path()).open().expect("opens");
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
        let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        let mut writer = store.blobs.begin().expect("begins");
        bytes.chunks(10_007).for_each(|part| writer.write(part).expect("writes"));
        let blob = writer.publish().expect("publishes");
        assert_eq!(blob.length, length as u64);
        let mut reader = store.blobs.read_with(blob.id, &blob.key).expect("opens");
        for offset in [0, 1, 65_535, 65_536, 100_000, length.saturating_sub(1)] {
            let found = reader.read(offset as u64).expect("reads");
            let rest = bytes.get(offset..).unwrap_or_default();
            assert_eq!(found, &rest[..rest.len().min(CHUNK - offset % CHUNK)]);
        }
        assert!(contents(reader) == bytes, "length {length}");
    }
}

#[test]
fn a_blob_is_invisible_until_it_is_published_and_gone_when_discarded() {
    let directory = tempfile::tempdir().expect("a directory");
    let sample = Sample::founded(directory.path());
    let store = sample.open().expect("opens");
    let mut writer = store.blobs.begin().expect("begins");
    writer.write(&vec![1; 100_000]).expect("writes");
    let (id, key) = (writer.id(), writer.key.clone());
    assert!(matches!(store.blobs.read_with(id, &key), Err(BlobError::Missing(_))));
    writer.discard();
    let left = std::mem::ManuallyDrop::new(store.blobs.begin().expect("begins"));
    let quarantine = directory.path().join("musterstadt/blobs/quarantine");
    assert_eq!(std::fs::read_dir(&quarantine).expect("lists").count(), 1);
    let _ = left.id();
    drop(store);
    drop(sample.open().expect("opens again"));
    assert_eq!(std::fs::read_dir(&quarantine).expect("lists").count(), 0, "nobody comes back for it");
}

#[test]
fn what_was_cut_off_or_swapped_does_not_open() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Sample::founded(directory.path()).open().expect("opens");
    let mut writer = store.blobs.begin().expect("begins");
    writer.write(&vec![1; 3 * CHUNK]).expect("writes");
    let blob = writer.publish().expect("publishes");
    let path = store.blobs.place(blob.id);
    let bytes = std::fs::read(&path).expect("reads");
    let sealed = CHUNK + crate::chunks::TAG;
    std::fs::write(&path, &bytes[..HEADER + 2 * sealed]).expect("writes");
    assert!(matches!(store.blobs.read_with(blob.id, &blob.key), Err(BlobError::Damaged { chunk: 1, .. })));
    let mut swapped = bytes;
    swapped[HEADER..].rotate_left(sealed);
    std::fs::write(&path, swapped).expect("writes");
    assert!(matches!(store.blobs.read_with(blob.id, &blob.key), Err(BlobError::Damaged { .. })));
}

#[test]
fn orphans_are_swept_and_named_blobs_stay() {
    let directory = tempfile::tempdir().expect("a directory");
    let sample = Sample::founded(directory.path());
    let mut store = sample.open().expect("opens");
    let blob = |store: &TenantStore| store.blobs.begin().expect("begins").publish().expect("publishes");
    let (named, refused, orphan) = (blob(&store), blob(&store), blob(&store));
    let mut stream = Sample::stream(&store, 1);
    let append = Sample::append(&mut stream, 0, 1, "name", None, vec![named.wrapped]);
    let late = Sample::append(&mut stream, 0, 2, "too late", None, vec![refused.wrapped]);
    let answers = store.core.commit(vec![append, late]);
    assert!(matches!(answers[..], [Ok(Appended::Durable { .. }), Ok(Appended::Conflict { .. })]), "{answers:?}");
    assert_eq!(store.blobs.sweep(Moment::from_seconds(0)).expect("sweeps"), 0, "too young");
    let later = Moment::from_millis(i64::MAX);
    assert_eq!(store.blobs.sweep(later).expect("sweeps"), 2, "the orphan, and the one whose event was refused");
    assert_eq!(store.blobs.list(later).expect("lists"), [named.id]);
    assert_ne!(named.id, orphan.id);
    drop(store);
    store = sample.open().expect("opens again");
    assert_eq!(store.blobs.sweep(later).expect("sweeps"), 0);
}

#[test]
fn golden_bytes_of_a_blob_of_version_1() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("blob");
    let file = RealDisk.create(&path).expect("a file");
    let (id, prefix) = (BlobId::from_u128(0x11), [0x22; PREFIX]);
    file.write_at(0, &header(KeyId::from_u128(0x33), prefix)).expect("writes");
    let secret = Secret::from_slice(&[0x44; 32]).expect("32 bytes");
    let layout = layout(&"musterstadt".parse().expect("a slug"), id, prefix);
    let mut writer = ChunkWriter::new(layout, secret.cipher());
    writer.write(&*file, b"hello").expect("writes");
    writer.finish(&*file).expect("finishes");
    assert_eq!(ozg_protocols::hex::encode(&std::fs::read(&path).expect("reads")), GOLDEN.concat());
}

/// Magic, key id, nonce prefix, check; then one chunk as another program seals it.
const GOLDEN: [&str; 5] = [
    "4f5a47424c4f4201",
    "00000000000000000000000000000033",
    "22222222222222",
    "01aaa61715203595",
    "6c4985a17dad48616a20ba5730bec2b5b16f5d686e",
];
