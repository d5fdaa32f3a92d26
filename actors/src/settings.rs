//! What a house is started with. Everything is resolved already: keys are loaded, secrets read, numbers checked.

use std::{path::PathBuf, sync::Arc, time::Duration};

use http::Uri;
use ozg_protocols::{
    fit_connect::{
        api::ApiVersion,
        jose::rsa::{DecryptionKey, SigningKey},
        verify::ReplyKind,
    },
    forms::{Mapping, data_schema::DataSchemas},
    ids::{DestinationId, OrgUnitId, TenantSlug},
    routing::RoutingRule,
};
use ozg_storage::keys::KeySource;

use crate::secret::Secret;

/// The whole house.
#[derive(Debug, Clone)]
pub struct HouseSettings {
    /// Where the directories of the tenants lie.
    pub data_dir: PathBuf,
    /// The tenants.
    pub tenants: Vec<TenantSettings>,
    /// Threads for RSA, AES and hashes: as many as there are cores.
    pub crypto_threads: usize,
    /// Memory for all journals together in bytes.
    pub cache_bytes: usize,
    /// Free bytes on the disk below which nothing new is taken in.
    pub reserve_bytes: u64,
    /// The file outside the data directory that signed checkpoints are brought to.
    pub checkpoint_file: Option<PathBuf>,
}

/// One tenant (Mandant).
#[derive(Debug, Clone)]
pub struct TenantSettings {
    /// Its slug: the directory of its data.
    pub slug: TenantSlug,
    /// Its name as people read it.
    pub name: String,
    /// The hosts by which it is found, without port.
    pub hosts: Vec<String>,
    /// Where its key lies.
    pub key: KeySource,
    /// What its case numbers begin with.
    pub number_prefix: String,
    /// Its org units.
    pub org_units: Vec<OrgUnitSettings>,
    /// Which org unit is responsible; the first rule that fits counts.
    pub routing: Vec<RoutingRule>,
    /// What in form data is the applicant.
    pub mappings: Vec<Mapping>,
    /// The schemas that form data are checked against.
    pub data_schemas: Arc<DataSchemas>,
    /// Its destinations at FIT-Connect.
    pub destinations: Vec<Arc<DestinationSettings>>,
}

/// A department of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgUnitSettings {
    /// Its id.
    pub id: OrgUnitId,
    /// Its name.
    pub name: String,
}

/// One destination (Zustellpunkt).
#[derive(Debug)]
pub struct DestinationSettings {
    /// Its id, given by the delivery service.
    pub id: DestinationId,
    /// How people here call it.
    pub name: String,
    /// Where tokens are issued.
    pub token_url: Uri,
    /// The version of the Submission API that is spoken.
    pub version: ApiVersion,
    /// The base of the Submission API, before `/v1` or `/v2`.
    pub submission_url: Uri,
    /// The client at the token service.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// The keys that open submissions, the newest first.
    pub decryption_keys: Vec<Arc<DecryptionKey>>,
    /// The key that signs our verdicts.
    pub signing_key: Arc<SigningKey>,
    /// The secret of callbacks; without one the destination is only polled.
    pub callback_secret: Option<Secret>,
    /// How often the list is asked for when nobody calls.
    pub poll_every: Duration,
    /// The org unit that is responsible when no rule fits.
    pub org_unit: Option<OrgUnitId>,
    /// The services it publishes.
    pub published: Vec<PublishedService>,
    /// `"fragments": []` is read as no fragments, though metadata 2.x demand one at least.
    pub tolerate_empty_fragments: bool,
    /// `zip=DEF` is taken (Submission API 1 only).
    pub allow_zip: bool,
    /// The reply channels (Rückkanäle) that are taken; `None` takes every one.
    pub reply_channels: Option<Vec<ReplyKind>>,
}

/// A service that a destination publishes, with the schemas of its form data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedService {
    /// Its identifier, for example `urn:de:fim:leika:leistung:99050012104000`.
    pub identifier: String,
    /// The schemas its data may follow.
    pub schema_uris: Vec<String>,
}
