//! The key ring of a tenant: one append-only file of wrapped keys.
//!
//! The tenant key wraps the ring key and the notary's seed (in the file's header); the ring key wraps everything else: a
//! data key for each stream and each blob, the index key for keyed hashes, the view key and the key of small records. A
//! new key is appended and synced before the journal batch that needs it. In memory is only where each key lies in the
//! file; a key is unwrapped when it is asked for.
//!
//! File, version 1: `OZGRING` 01, fingerprint of the tenant key (16), ring id (16), ring key wrapped (60), notary seed
//! wrapped (60); then entries of 77 bytes: purpose (1), key id (16), nonce (12), secret (32), tag (16).

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock},
};

use ozg_protocols::ids::KeyId;

use crate::{
    disk::{self, Disk, DiskFile},
    gcm::{self, Secret},
    journal::WrappedKey,
    keys::{Fingerprint, TenantKey},
    random::{self, NoRandomness, Random},
    wire::{Broken, Fields},
};

const MAGIC: &[u8; 8] = b"OZGRING\x01";
const WRAPPED: usize = 32 + gcm::OVERHEAD;
pub(crate) const HEADER: usize = 8 + 16 + 16 + 2 * WRAPPED;
pub(crate) const ENTRY: usize = 1 + 16 + WRAPPED;

/// What a key in the ring is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    /// Seals one stream or one blob.
    Data = 1,
    /// Keys the hashes of external ids.
    Index = 2,
    /// From which each view file gets a key of its own.
    View = 3,
    /// Seals small records without history.
    Small = 4,
    /// Not a key any more: it was erased, and this says so.
    Erased = 5,
}

impl Purpose {
    const fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Data,
            2 => Self::Index,
            3 => Self::View,
            4 => Self::Small,
            5 => Self::Erased,
            _ => return None,
        })
    }
}

/// Why a key is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The file cannot be read or written.
    #[error("the key ring cannot be used")]
    File(#[from] io::Error),
    /// It belongs to another tenant key.
    #[error("the key ring was made under tenant key {found}")]
    Foreign {
        /// The fingerprint in its header.
        found: Fingerprint,
    },
    /// It is not what was written.
    #[error("the key ring is damaged at entry {entry}")]
    Damaged {
        /// The first broken entry; 0 is the header, the first key is 1.
        entry: u64,
    },
    /// A key is needed that neither is there nor was erased.
    #[error("key {0} is missing")]
    Missing(KeyId),
    /// The key was erased, with a record of it.
    #[error("key {0} was erased")]
    Erased(KeyId),
    /// The source of randomness failed.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// The key ring of one tenant, open.
#[derive(Debug)]
pub struct KeyRing {
    disk: std::sync::Arc<dyn Disk>,
    path: PathBuf,
    id: [u8; 16],
    fingerprint: Fingerprint,
    cipher: gcm::Gcm,
    notary_seed: Secret,
    places: RwLock<HashMap<[u8; 16], u32>>,
    file: Mutex<Tail>,
    reader: RwLock<Box<dyn DiskFile>>,
}

/// Where the next entry goes.
#[derive(Debug)]
struct Tail {
    file: Option<Box<dyn DiskFile>>,
    entries: u32,
}

struct Header {
    fingerprint: Fingerprint,
    id: [u8; 16],
    ring_key: [u8; WRAPPED],
    notary_seed: [u8; WRAPPED],
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, Broken> {
        let mut fields = Fields::of(bytes);
        if fields.take(8)? != MAGIC {
            return Err(Broken);
        }
        Ok(Self {
            fingerprint: Fingerprint(fields.array()?),
            id: fields.array()?,
            ring_key: fields.array()?,
            notary_seed: fields.array()?,
        })
    }

    fn aad(label: &str, fingerprint: Fingerprint, id: [u8; 16]) -> Vec<u8> {
        [label.as_bytes(), &fingerprint.0, &id].concat()
    }
}

const RING_KEY: &str = "ozg ring key 1";
const NOTARY_SEED: &str = "ozg notary seed 1";

impl KeyRing {
    /// Makes the ring of a new tenant with its index, view and small-records key, and syncs it. The caller syncs the
    /// directory.
    pub(crate) fn create(
        disk: &dyn Disk,
        path: &Path,
        tenant_key: &TenantKey,
        random: &dyn Random,
    ) -> Result<u64, RingError> {
        let (ring_key, seed) = (Secret::random(random)?, Secret::random(random)?);
        let (fingerprint, id) = (tenant_key.fingerprint(), random::bytes::<16>(random)?);
        let wrap = |label, secret: &Secret| {
            tenant_key.0.cipher().seal(random, &Header::aad(label, fingerprint, id), &*secret.0)
        };
        let mut bytes = [MAGIC.as_slice(), &fingerprint.0, &id].concat();
        bytes.extend(wrap(RING_KEY, &ring_key)?);
        bytes.extend(wrap(NOTARY_SEED, &seed)?);
        let purposes = [Purpose::Index, Purpose::View, Purpose::Small];
        for purpose in purposes {
            let key = KeyId::from_u128(random::number(random)?);
            bytes.extend(entry(&ring_key.cipher(), random, id, purpose, key, &Secret::random(random)?)?);
        }
        let file = disk.create(path)?;
        file.write_at(0, &bytes)?;
        file.sync()?;
        Ok(purposes.len() as u64)
    }

    /// Opens a ring whose first `durable` entries are needed by the journal; anything missing of those is damage. What lies
    /// behind them belongs to appends that were never committed: it counts for nothing, and the next key takes its place.
    pub(crate) fn open(
        disk: std::sync::Arc<dyn Disk>,
        path: &Path,
        tenant_key: &TenantKey,
        durable: u64,
    ) -> Result<Self, RingError> {
        let (file, reader) = (disk.open(path)?, disk.open(path)?);
        let bytes = disk::read_whole(&*file)?;
        let damaged = |entry| RingError::Damaged { entry };
        let head = bytes.get(..HEADER).ok_or(damaged(0))?;
        let header = Header::parse(head).map_err(|_| damaged(0))?;
        if header.fingerprint != tenant_key.fingerprint() {
            return Err(RingError::Foreign { found: header.fingerprint });
        }
        let unwrap = |label, wrapped: &[u8]| {
            let aad = Header::aad(label, header.fingerprint, header.id);
            let plain = zeroize::Zeroizing::new(tenant_key.0.cipher().open(&aad, wrapped).map_err(|_| damaged(0))?);
            Secret::from_slice(&plain).ok_or(damaged(0))
        };
        let cipher = unwrap(RING_KEY, &header.ring_key)?.cipher();
        let notary_seed = unwrap(NOTARY_SEED, &header.notary_seed)?;
        let entries = u32::try_from(durable).map_err(|_| damaged(durable))?;
        let mut places = HashMap::with_capacity(entries as usize);
        let mut rest = bytes[HEADER..].chunks_exact(ENTRY);
        for place in 0..entries {
            let missing = damaged(u64::from(place) + 1);
            // What the journal vouches for is only read here; whoever needs a key sees whether it opens.
            let Some((_, key)) = rest.next().and_then(parse) else { return Err(missing) };
            places.insert(key.as_u128().to_be_bytes(), place);
        }
        Ok(Self {
            disk,
            path: path.to_owned(),
            id: header.id,
            fingerprint: header.fingerprint,
            cipher,
            notary_seed,
            places: RwLock::new(places),
            file: Mutex::new(Tail { file: Some(file), entries }),
            reader: RwLock::new(reader),
        })
    }

    /// The tenant key this ring hangs on.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// How many keys lie in the ring.
    #[must_use]
    pub fn entries(&self) -> u64 {
        u64::from(self.file.lock().unwrap_or_else(PoisonError::into_inner).entries)
    }

    /// A new key for data, and the same wrapped, to go into the ring with the append that first needs it.
    pub(crate) fn make(&self, random: &dyn Random) -> Result<(KeyId, Secret, WrappedKey), RingError> {
        let (id, secret) = (KeyId::from_u128(random::number(random)?), Secret::random(random)?);
        let bytes = entry(&self.cipher, random, self.id, Purpose::Data, id, &secret)?;
        Ok((id, secret, WrappedKey { id, bytes }))
    }

    /// Whether a wrapped key was made by this ring.
    pub(crate) fn accepts(&self, key: &WrappedKey) -> bool {
        open_entry(&self.cipher, self.id, &key.bytes).is_some_and(|(_, id)| id == key.id)
    }

    /// Makes wrapped keys durable that [`KeyRing::accepts`]; those that are there already are left as they are. The number
    /// of entries afterwards.
    pub(crate) fn append(&self, keys: &[WrappedKey]) -> Result<u64, RingError> {
        let mut tail = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fresh: Vec<&WrappedKey> = Vec::with_capacity(keys.len());
        for key in keys {
            if self.place(key.id).is_none() && fresh.iter().all(|other| other.id != key.id) {
                fresh.push(key);
            }
        }
        if fresh.is_empty() {
            return Ok(u64::from(tail.entries));
        }
        let bytes = fresh.iter().flat_map(|key| key.bytes.iter().copied()).collect::<Vec<_>>();
        if let Err(error) = self.write(&mut tail, &bytes) {
            // After a failure nothing is known about what the file holds behind the last good entry: the next append
            // opens it anew and writes there again.
            tail.file = None;
            return Err(error.into());
        }
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        for key in fresh {
            places.insert(key.id.as_u128().to_be_bytes(), tail.entries);
            tail.entries += 1;
        }
        Ok(u64::from(tail.entries))
    }

    fn write(&self, tail: &mut Tail, bytes: &[u8]) -> io::Result<()> {
        let end = offset(tail.entries);
        let file = match tail.file.take() {
            Some(file) => file,
            None => {
                let file = self.disk.open(&self.path)?;
                *self.reader.write().unwrap_or_else(PoisonError::into_inner) = self.disk.open(&self.path)?;
                file
            }
        };
        if file.len()? > end {
            file.set_len(end)?;
        }
        file.write_at(end, bytes)?;
        file.sync()?;
        tail.file = Some(file);
        Ok(())
    }

    /// The secret with this id.
    pub(crate) fn secret(&self, id: KeyId) -> Result<Secret, RingError> {
        let place = self.place(id).ok_or(RingError::Missing(id))?;
        match self.read(place)? {
            (Purpose::Erased, _, _) => Err(RingError::Erased(id)),
            (_, found, secret) if found == id => Ok(secret),
            _ => Err(RingError::Damaged { entry: u64::from(place) + 1 }),
        }
    }

    /// The one secret for a purpose. These lie at the front of the ring.
    pub(crate) fn only(&self, purpose: Purpose) -> Result<(KeyId, Secret), RingError> {
        for place in 0..3 {
            let (found, id, secret) = self.read(place)?;
            if found == purpose {
                return Ok((id, secret));
            }
        }
        Err(RingError::Damaged { entry: 1 })
    }

    pub(crate) const fn notary_seed(&self) -> &Secret {
        &self.notary_seed
    }

    /// Unwraps every key, for verification; the first that does not open is an error.
    pub(crate) fn check(&self) -> Result<(), RingError> {
        (0..u32::try_from(self.entries()).unwrap_or(u32::MAX)).try_for_each(|place| self.read(place).map(|_| ()))
    }

    fn place(&self, id: KeyId) -> Option<u32> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        places.get(&id.as_u128().to_be_bytes()).copied()
    }

    fn read(&self, place: u32) -> Result<(Purpose, KeyId, Secret), RingError> {
        let mut bytes = [0; ENTRY];
        self.reader.read().unwrap_or_else(PoisonError::into_inner).read_at(offset(place), &mut bytes)?;
        unwrap_entry(&self.cipher, self.id, &bytes).ok_or(RingError::Damaged { entry: u64::from(place) + 1 })
    }
}

/// The fingerprint of the tenant key that the ring of a tenant under `data` was made under. Takes no lock and changes
/// nothing: also while a server has the store open.
///
/// # Errors
/// [`RingError::File`], or [`RingError::Damaged`] at entry 0.
pub fn made_under(
    disk: &dyn Disk,
    data: &Path,
    tenant: &ozg_protocols::ids::TenantSlug,
) -> Result<Fingerprint, RingError> {
    let mut head = [0; HEADER];
    let file = disk.open(&crate::tenant_store::Paths::of(data, tenant).ring())?;
    file.read_at(0, &mut head).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => RingError::Damaged { entry: 0 },
        _ => error.into(),
    })?;
    Header::parse(&head).map(|header| header.fingerprint).map_err(|_| RingError::Damaged { entry: 0 })
}

/// The ids in a ring's file and which of them are erased, for whoever has no tenant key; whole entries only.
pub(crate) fn ids(bytes: &[u8]) -> Result<HashMap<KeyId, bool>, RingError> {
    Header::parse(bytes.get(..HEADER).unwrap_or_default()).map_err(|_| RingError::Damaged { entry: 0 })?;
    let entries = bytes[HEADER..].chunks_exact(ENTRY).zip(1..);
    entries
        .map(|(bytes, entry)| match parse(bytes) {
            Some((purpose, id)) => Ok((id, purpose == Purpose::Erased)),
            None => Err(RingError::Damaged { entry }),
        })
        .collect()
}

fn offset(entries: u32) -> u64 {
    HEADER as u64 + u64::from(entries) * ENTRY as u64
}

fn entry_aad(ring: [u8; 16], purpose: u8, key: KeyId) -> Vec<u8> {
    [b"ozg ring entry 1".as_slice(), &ring, &[purpose], &key.as_u128().to_be_bytes()].concat()
}

fn entry(
    cipher: &gcm::Gcm,
    random: &dyn Random,
    ring: [u8; 16],
    purpose: Purpose,
    key: KeyId,
    secret: &Secret,
) -> Result<Vec<u8>, NoRandomness> {
    let sealed = cipher.seal(random, &entry_aad(ring, purpose as u8, key), &*secret.0)?;
    Ok([[purpose as u8].as_slice(), &key.as_u128().to_be_bytes(), &sealed].concat())
}

fn parse(bytes: &[u8]) -> Option<(Purpose, KeyId)> {
    let (facts, sealed) = bytes.split_at_checked(17)?;
    let key = KeyId::from_u128(u128::from_be_bytes(facts[1..].try_into().ok()?));
    (sealed.len() == WRAPPED).then_some((Purpose::of(facts[0])?, key))
}

fn unwrap_entry(cipher: &gcm::Gcm, ring: [u8; 16], bytes: &[u8]) -> Option<(Purpose, KeyId, Secret)> {
    let (purpose, key) = parse(bytes)?;
    let plain = zeroize::Zeroizing::new(cipher.open(&entry_aad(ring, bytes[0], key), &bytes[17..]).ok()?);
    Some((purpose, key, Secret::from_slice(&plain)?))
}

fn open_entry(cipher: &gcm::Gcm, ring: [u8; 16], bytes: &[u8]) -> Option<(Purpose, KeyId)> {
    unwrap_entry(cipher, ring, bytes).map(|(purpose, key, _)| (purpose, key))
}
