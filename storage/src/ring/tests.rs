//! Tests of the key ring, golden bytes of version 1 among them.

use std::{sync::Arc, time::Instant};

use ozg_protocols::ids::CommandKey;

use super::*;
use crate::{
    disk::RealDisk,
    journal::{Append, Appended},
    testing::{Sample, SeededRandom},
};

struct Place {
    directory: tempfile::TempDir,
    disk: Arc<dyn Disk>,
    key: TenantKey,
    random: SeededRandom,
}

impl Place {
    fn with_a_ring() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (disk, key) = (Arc::new(RealDisk), TenantKey::from_bytes([7; 32]));
        let place = Self { directory, disk, key, random: SeededRandom::new(1) };
        KeyRing::create(&*place.disk, &place.path(), &place.key, &place.random).expect("a ring");
        place
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("keys.ring")
    }

    fn open(&self, durable: u64) -> Result<KeyRing, RingError> {
        KeyRing::open(self.disk.clone(), &self.path(), &self.key, durable)
    }
}

#[test]
fn a_key_reads_back_after_the_ring_was_closed() {
    let place = Place::with_a_ring();
    let ring = place.open(3).expect("opens");
    let (id, secret, wrapped) = ring.make(&place.random).expect("a key");
    assert!(matches!(ring.secret(id), Err(RingError::Missing(_))), "made is not appended");
    assert_eq!(ring.append(&[wrapped.clone(), wrapped.clone()]).expect("appends"), 4);
    assert_eq!(ring.append(&[wrapped]).expect("appends"), 4, "a key is kept once");
    let ring = place.open(4).expect("opens again");
    assert_eq!(*ring.secret(id).expect("is there").0, *secret.0);
}

#[test]
fn keys_that_nothing_durable_needs_count_for_nothing_and_give_way_to_the_next() {
    for torn in [0, 1] {
        let place = Place::with_a_ring();
        let ring = place.open(3).expect("opens");
        let [(first, _, one), (second, _, two)] = [(); 2].map(|()| ring.make(&place.random).expect("a key"));
        ring.append(&[one]).expect("appends");
        let bytes = std::fs::read(place.path()).expect("reads");
        std::fs::write(place.path(), &bytes[..bytes.len() - torn]).expect("writes");
        if torn > 0 {
            assert!(matches!(place.open(4), Err(RingError::Damaged { entry: 4 })));
        }
        let ring = place.open(3).expect("opens");
        assert!(matches!(ring.secret(first), Err(RingError::Missing(_))));
        assert_eq!(ring.append(&[two]).expect("appends"), 4);
        assert_eq!(std::fs::read(place.path()).expect("reads").len(), bytes.len());
        assert!(place.open(4).expect("opens").secret(second).is_ok());
    }
}

#[test]
fn an_erased_key_says_so() {
    let place = Place::with_a_ring();
    let ring = place.open(3).expect("opens");
    let id = KeyId::from_u128(5);
    let none = Secret::from_slice(&[0; 32]).expect("32 bytes");
    let bytes = entry(&ring.cipher, &place.random, ring.id, Purpose::Erased, id, &none).expect("seals");
    ring.append(&[WrappedKey { id, bytes }]).expect("appends");
    assert!(matches!(ring.secret(id), Err(RingError::Erased(_))));
}

#[test]
fn another_tenant_key_does_not_open_the_ring() {
    let place = Place::with_a_ring();
    let foreign = TenantKey::from_bytes([8; 32]);
    let opened = KeyRing::open(place.disk.clone(), &place.path(), &foreign, 3);
    assert!(matches!(opened, Err(RingError::Foreign { found }) if found == place.key.fingerprint()));
}

#[test]
fn a_key_of_another_ring_is_not_accepted() {
    let (here, there) = (Place::with_a_ring(), Place::with_a_ring());
    let (_, _, mut key) = here.open(3).expect("opens").make(&SeededRandom::new(9)).expect("a key");
    assert!(here.open(3).expect("opens").accepts(&key));
    assert!(there.open(3).expect("opens").accepts(&key), "both rings grew from one seed");
    key.bytes[40] ^= 1;
    assert!(!here.open(3).expect("opens").accepts(&key));
    key.bytes.clear();
    assert!(!here.open(3).expect("opens").accepts(&key));
}

#[test]
fn golden_bytes_of_a_ring_of_version_1() {
    let place = Place::with_a_ring();
    let bytes = std::fs::read(place.path()).expect("reads");
    let mut fields = Fields::of(&bytes);
    assert_eq!(fields.take(8).expect("magic"), b"OZGRING\x01");
    assert_eq!(ozg_protocols::hex::encode(fields.take(16).expect("fingerprint")), "4bbce4a20024b17846712953b17bb470");
    assert_eq!((bytes.len(), HEADER, ENTRY), (160 + 3 * 77, 160, 77));
    assert_eq!([bytes[160], bytes[160 + 77], bytes[160 + 2 * 77]], [2, 3, 4]);
    assert_eq!(ozg_protocols::hex::encode(&crate::log_record::sha256(&bytes)), WHOLE);
    // The ring that version 1 wrote still opens.
    assert!(place.open(3).expect("opens").check().is_ok());
}

/// Of the whole file, as another program writes it from the same seed.
const WHOLE: &str = "438bd77963a5a0523e001fd7406c7ab69ba38fbbe885d14faf9239dd41e28a43";

/// A disk that remembers which files were synced, in order.
#[derive(Debug, Clone)]
struct Remembering {
    disk: Arc<dyn Disk>,
    synced: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug)]
struct RememberedFile {
    file: Box<dyn DiskFile>,
    name: String,
    synced: Arc<Mutex<Vec<String>>>,
}

impl Remembering {
    fn file(&self, path: &Path, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        Box::new(RememberedFile { file, name, synced: self.synced.clone() })
    }
}

impl Disk for Remembering {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path, self.disk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path, self.disk.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<disk::DirEntry>> {
        self.disk.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_dir(path)
    }

    fn free_space(&self, path: &Path) -> io::Result<u64> {
        self.disk.free_space(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn disk::DiskLock>>> {
        self.disk.lock(path)
    }

    fn now(&self) -> Instant {
        self.disk.now()
    }
}

impl DiskFile for RememberedFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, out)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.synced.lock().expect("held").push(self.name.clone());
        self.file.sync()
    }
}

#[test]
fn the_keys_of_a_whole_batch_become_durable_with_one_sync_before_the_batch_and_those_of_a_conflict_never() {
    let (directory, synced) = (tempfile::tempdir().expect("a directory"), Arc::new(Mutex::new(Vec::new())));
    let disk = Remembering { disk: Arc::new(RealDisk), synced: synced.clone() };
    let store = Sample::on(Arc::new(disk), directory.path(), 1).open().expect("opens");
    let length = || std::fs::metadata(directory.path().join("musterstadt/keys.ring")).expect("there").len();
    let append = |number: u128, expected: u64| {
        let (_, key) = store.sealer.new_key().expect("a key");
        let mut stream = Sample::stream(&store, number);
        Sample::append(&mut stream, expected, number, "x", None, vec![key])
    };
    let batch: Vec<_> = (0..64).map(|number| append(number, 0)).collect();
    let keys: usize = batch.iter().map(|append| append.new_keys.len()).sum();
    let before = length();
    synced.lock().expect("held").clear();
    assert!(store.core.commit(batch).iter().all(Result::is_ok));
    assert_eq!(length() - before, (keys * ENTRY) as u64);
    let order = std::mem::take(&mut *synced.lock().expect("held"));
    assert_eq!(order.iter().filter(|name| *name == "keys.ring").count(), 1, "{order:?}");
    assert_eq!(order.last().map(String::as_str), Some("journal.redb"), "the batch comes after its keys: {order:?}");
    let (_, key) = store.sealer.new_key().expect("a key");
    let stale = Append { new_keys: vec![key], key: CommandKey::from_u128(999), ..append(0, 0) };
    let answers = store.core.commit(vec![stale]);
    assert!(matches!(answers[0], Ok(Appended::Conflict { .. })), "{answers:?}");
    assert_eq!(length() - before, (keys * ENTRY) as u64, "a key that no durable record needs is none");
    assert!(!synced.lock().expect("held").contains(&"keys.ring".to_owned()));
}
