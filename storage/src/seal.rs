//! Sealing: what may be read only by whoever has the tenant's keys. AES-256-GCM, random nonces.
//!
//! The AAD binds a body to its tenant, stream, version, part, schema and key, never to a position or a path: a body that
//! was moved to another place does not open. A retry re-sends sealed bytes; nothing is sealed twice for one attempt.

use std::{fmt, sync::Arc};

use aws_lc_rs::hmac;
use ozg_protocols::ids::{KeyId, TenantSlug};

use crate::{
    codec::CodecError,
    gcm::{Gcm, OVERHEAD, Secret},
    index_key::IndexKey,
    journal::{MAX_BODY, SealedBody, StreamId, WrappedKey},
    random::{NoRandomness, Random},
    ring::{KeyRing, Purpose, RingError},
    shrink,
};

/// Why something is not sealed or not opened. Names no content.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key is not to be had.
    #[error(transparent)]
    Key(#[from] RingError),
    /// The bytes were changed, or belong somewhere else.
    #[error("the sealed bytes are not authentic")]
    NotAuthentic,
    /// What was sealed is not what is expected there.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Longer than a body may be.
    #[error("the body is longer than {MAX_BODY} bytes")]
    TooLong,
    /// The stream has records but none of them has told its key yet.
    #[error("the key of the stream is not known yet")]
    KeyUnknown,
    /// The source of randomness failed.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// What a sealed body is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Part {
    /// The events of a record.
    Record = 1,
    /// An effect of a record, by its place.
    Effect = 2,
    /// A snapshot of a stream.
    Snapshot = 3,
    /// A small record without history.
    Small = 4,
}

/// Where a sealed body belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) part: Part,
    /// Kind and id of the stream, or of the small record.
    pub(crate) kind: u8,
    pub(crate) id: u128,
    /// The version before the first event; of a snapshot, its version.
    pub(crate) version: u64,
    /// The place among the effects of a record.
    pub(crate) index: u16,
}

impl Place {
    pub(crate) const fn of(part: Part, stream: StreamId, version: u64) -> Self {
        Self { part, kind: stream.kind as u8, id: stream.id, version, index: 0 }
    }
}

/// A key for the data of one stream or one blob, unwrapped.
#[derive(Clone)]
pub struct DataKey {
    id: KeyId,
    secret: Secret,
    cipher: Arc<Gcm>,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DataKey({})", self.id)
    }
}

impl DataKey {
    pub(crate) fn new(id: KeyId, secret: Secret) -> Self {
        let cipher = Arc::new(secret.cipher());
        Self { id, secret, cipher }
    }

    /// Its name in the ring.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn own_cipher(&self) -> Gcm {
        self.secret.cipher()
    }

    /// Commits to this key for a stream: the sealed bytes of the stream can not be opened by another key as something else.
    pub(crate) fn commitment(&self, stream: StreamId) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.secret.0);
        let facts = [b"ozg key commitment 1".as_slice(), &[stream.kind as u8], &stream.id.to_be_bytes()].concat();
        let mut commitment = [0; 32];
        commitment.copy_from_slice(hmac::sign(&key, &facts).as_ref());
        commitment
    }
}

/// Seals and opens for one tenant.
#[derive(Debug, Clone)]
pub struct Sealer {
    tenant: TenantSlug,
    ring: Arc<KeyRing>,
    random: Arc<dyn Random>,
    index: IndexKey,
    small: DataKey,
}

impl Sealer {
    pub(crate) fn new(tenant: TenantSlug, ring: Arc<KeyRing>, random: Arc<dyn Random>) -> Result<Self, RingError> {
        let index = IndexKey::new(&ring.only(Purpose::Index)?.1, tenant.clone());
        let (id, secret) = ring.only(Purpose::Small)?;
        Ok(Self { tenant, ring, random, index, small: DataKey::new(id, secret) })
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> &TenantSlug {
        &self.tenant
    }

    /// The key for keyed hashes.
    #[must_use]
    pub const fn index_key(&self) -> &IndexKey {
        &self.index
    }

    /// The random source of the store.
    #[must_use]
    pub fn random(&self) -> &dyn Random {
        &*self.random
    }

    /// A new data key, and the same wrapped for the first append that needs it.
    ///
    /// # Errors
    /// [`RingError::NoRandomness`].
    pub fn new_key(&self) -> Result<(DataKey, WrappedKey), RingError> {
        let (id, secret, wrapped) = self.ring.make(&*self.random)?;
        Ok((DataKey::new(id, secret), wrapped))
    }

    /// A data key of the ring.
    ///
    /// # Errors
    /// [`RingError::Erased`], [`RingError::Missing`], or what is wrong with the ring.
    pub fn key(&self, id: KeyId) -> Result<DataKey, RingError> {
        self.ring.secret(id).map(|secret| DataKey::new(id, secret))
    }

    /// Seals a small record of this kind and id (sessions, drafts).
    ///
    /// # Errors
    /// [`SealError::TooLong`] or [`SealError::NoRandomness`].
    pub fn seal_record(&self, kind: u8, id: u128, envelope: &[u8]) -> Result<SealedBody, SealError> {
        self.seal(&self.small, Place { part: Part::Small, kind, id, version: 0, index: 0 }, envelope)
    }

    /// Opens a small record of this kind and id.
    ///
    /// # Errors
    /// [`SealError::NotAuthentic`].
    pub fn open_record(&self, kind: u8, id: u128, body: &SealedBody) -> Result<Vec<u8>, SealError> {
        self.open(&self.small, Place { part: Part::Small, kind, id, version: 0, index: 0 }, body)
    }

    /// Seals an envelope of the codec, deflated if it would be too long; its schema stands in the body's header too.
    pub(crate) fn seal(&self, key: &DataKey, place: Place, envelope: &[u8]) -> Result<SealedBody, SealError> {
        let short = shrink::shrunk(envelope).map_err(|error| match error {
            CodecError::Unencodable => SealError::TooLong,
            other => other.into(),
        })?;
        let envelope = short.as_deref().unwrap_or(envelope);
        if envelope.len() + OVERHEAD > MAX_BODY {
            return Err(SealError::TooLong);
        }
        let schema = *envelope.first().ok_or(CodecError::Empty)?;
        let bytes = key.cipher.seal(&*self.random, &self.aad(place, schema, key.id), envelope)?;
        Ok(SealedBody { schema, key: key.id, bytes })
    }

    /// The envelope that was sealed.
    pub(crate) fn open(&self, key: &DataKey, place: Place, body: &SealedBody) -> Result<Vec<u8>, SealError> {
        let aad = self.aad(place, body.schema, body.key);
        let envelope = key.cipher.open(&aad, &body.bytes).map_err(|_| SealError::NotAuthentic)?;
        if envelope.first() == Some(&body.schema) { Ok(shrink::whole(envelope)?) } else { Err(SealError::NotAuthentic) }
    }

    fn aad(&self, place: Place, schema: u8, key: KeyId) -> Vec<u8> {
        let tenant = self.tenant.as_str().as_bytes();
        let mut aad = Vec::with_capacity(96);
        aad.extend_from_slice(b"ozg seal 1");
        aad.push(u8::try_from(tenant.len()).unwrap_or(u8::MAX));
        aad.extend_from_slice(tenant);
        aad.extend_from_slice(&[place.part as u8, place.kind]);
        aad.extend_from_slice(&place.id.to_be_bytes());
        aad.extend_from_slice(&place.version.to_be_bytes());
        aad.extend_from_slice(&place.index.to_be_bytes());
        aad.push(schema);
        aad.extend_from_slice(&key.as_u128().to_be_bytes());
        aad
    }
}
