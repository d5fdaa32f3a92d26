//! From the configuration to the settings of house and web: secrets are read, keys parsed, schemas compiled. Once, at the
//! start; what cannot be used is named by its place, never by its content.

use std::{fs, io, net::SocketAddr, path::PathBuf, sync::Arc};

use ozg_actors::{
    DestinationSettings, HouseSettings, OrgUnitSettings, PublishedService, Secret, TenantSettings,
    outbound::OutboundSettings,
};
use ozg_protocols::fit_connect::jose::{
    jwk::{JwkRefused, PrivateJwk},
    rsa::{DecryptionKey, SigningKey},
};
use ozg_web::{Limits, Monitors, PublicAddress, Scheme, TlsIdentity, TlsIdentityError, WebSettings};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::data_schemas::{self, DataSchemaError};
use crate::config::{Config, Destination, SecretPlace, SecretUnavailable, Tenant, Tls};

/// Something that the configuration names cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A secret is not to be had.
    #[error("{name}")]
    Secret {
        /// What it is.
        name: String,
        /// Why not.
        source: SecretUnavailable,
    },
    /// A secret is not the text it should be.
    #[error("{0}: it is no text")]
    NoText(String),
    /// A key is refused.
    #[error("{name}")]
    Key {
        /// What it is.
        name: String,
        /// Why.
        source: JwkRefused,
    },
    /// A file cannot be read.
    #[error("{path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A data schema cannot be used.
    #[error(transparent)]
    Schema(#[from] DataSchemaError),
    /// Certificate and key of the server do not work.
    #[error("server.tls")]
    Tls(#[from] TlsIdentityError),
    /// A root certificate is none.
    #[error("{0}: it holds no certificate")]
    Root(PathBuf),
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// So many of those that a person has chosen, else as many as this.
fn threads(chosen: Option<u64>, otherwise: usize) -> usize {
    chosen.and_then(|threads| usize::try_from(threads).ok()).unwrap_or(otherwise).max(1)
}

/// The threads of the runtime. Where there is work every core has a thread of the crypto pool, and every other thread that
/// wakes interrupts one: half as many are enough to wait with, and whoever is awake finds more to do at a time.
#[must_use]
pub fn runtime_threads(config: &Config) -> usize {
    threads(config.workers.runtime, cores() / 2)
}

/// The settings of the house.
///
/// # Errors
/// Names the first thing that cannot be used.
pub fn house(config: &Config) -> Result<HouseSettings, SettingsError> {
    Ok(HouseSettings {
        data_dir: config.server.data_dir.clone(),
        tenants: config.tenants.iter().map(tenant).collect::<Result<_, _>>()?,
        crypto_threads: threads(config.workers.crypto, cores()),
        cache_bytes: usize::try_from(config.storage.cache_mib << 20).unwrap_or(usize::MAX),
        reserve_bytes: config.storage.reserve_mib << 20,
        checkpoint_file: config.storage.checkpoint_file.clone(),
    })
}

fn tenant(tenant: &Tenant) -> Result<TenantSettings, SettingsError> {
    let named = |what: &str| format!("{}: {what}", tenant.slug);
    let absent = || SettingsError::Secret { name: named("key_file"), source: SecretUnavailable::NoCredentials };
    Ok(TenantSettings {
        slug: tenant.slug.clone(),
        name: tenant.name.clone(),
        hosts: tenant.hosts.iter().map(ToString::to_string).collect(),
        key: tenant.key_file.key_source().ok_or_else(absent)?,
        number_prefix: tenant.number_prefix.clone(),
        org_units: tenant
            .org_units
            .iter()
            .map(|unit| OrgUnitSettings { id: unit.id.clone(), name: unit.name.clone() })
            .collect(),
        routing: tenant.routes.clone(),
        mappings: tenant.mappings.clone(),
        data_schemas: Arc::new(data_schemas::read(tenant)?),
        destinations: tenant.destinations.iter().map(|one| destination(one).map(Arc::new)).collect::<Result<_, _>>()?,
    })
}

fn destination(destination: &Destination) -> Result<DestinationSettings, SettingsError> {
    let named = |what: &str| format!("{} ({}): {what}", destination.name, destination.id);
    let decryption_key = |place: &SecretPlace| {
        let name = named("decryption_key_files");
        let ready = jwk(&name, place)?;
        DecryptionKey::new(&ready).map(Arc::new).map_err(|source| SettingsError::Key { name, source })
    };
    let name = named("signing_key_file");
    let signing_key = SigningKey::new(&jwk(&name, &destination.signing_key_file)?)
        .map_err(|source| SettingsError::Key { name, source })?;
    Ok(DestinationSettings {
        id: destination.id,
        name: destination.name.clone(),
        version: destination.api_version,
        token_url: destination.token_url.uri().clone(),
        submission_url: destination.submission_url.uri().clone(),
        client_id: destination.client_id.clone(),
        client_secret: text(&named("client_secret_file"), &destination.client_secret_file)?,
        decryption_keys: destination.decryption_key_files.iter().map(decryption_key).collect::<Result<_, _>>()?,
        signing_key: Arc::new(signing_key),
        callback_secret: destination
            .callback_secret_file
            .as_ref()
            .map(|place| text(&named("callback_secret_file"), place))
            .transpose()?,
        poll_every: destination.poll,
        org_unit: destination.org_unit.clone(),
        published: destination
            .services
            .iter()
            .map(|service| PublishedService {
                identifier: service.identifier.clone(),
                schema_uris: service.schema_uris.clone(),
            })
            .collect(),
        tolerate_empty_fragments: destination.tolerate_empty_fragments,
        allow_zip: destination.allow_zip,
        reply_channels: destination.reply_channels.clone(),
    })
}

fn jwk(name: &str, place: &SecretPlace) -> Result<PrivateJwk, SettingsError> {
    let json = place.content().map_err(|source| SettingsError::Secret { name: name.to_owned(), source })?;
    PrivateJwk::parse(&json).map_err(|source| SettingsError::Key { name: name.to_owned(), source })
}

fn text(name: &str, place: &SecretPlace) -> Result<Secret, SettingsError> {
    let bytes = place.content().map_err(|source| SettingsError::Secret { name: name.to_owned(), source })?;
    let text = std::str::from_utf8(&bytes).map_err(|_| SettingsError::NoText(name.to_owned()))?;
    Ok(Secret::new(text.trim().to_owned()))
}

/// How calls go out.
///
/// # Errors
/// When a root certificate cannot be read, or the HTTP client cannot be set up.
pub fn outbound(config: &Config) -> Result<OutboundSettings, SettingsError> {
    let outbound = &config.outbound;
    let mut authorities = Vec::new();
    for path in &outbound.root_certificates {
        let certificates = CertificateDer::pem_file_iter(path).map_err(|_| SettingsError::Root(path.clone()))?;
        for certificate in certificates {
            authorities.push(certificate.map_err(|_| SettingsError::Root(path.clone()))?.to_vec());
        }
    }
    Ok(OutboundSettings {
        proxy: outbound.proxy.as_ref().map(|proxy| proxy.uri().clone()),
        authorities,
        connect_within: outbound.connect,
        answer_within: outbound.answer,
        idle: outbound.idle,
        least_rate: outbound.least_rate,
        longest_attachment: outbound.max_attachment,
        most_bytes: usize::try_from(outbound.max_answer).unwrap_or(usize::MAX),
        ..OutboundSettings::default()
    })
}

/// How the pages are served.
///
/// # Errors
/// When certificate or key cannot be used.
pub fn pages(config: &Config) -> Result<WebSettings, SettingsError> {
    let public = config.server.public_url;
    let scheme = if public.is_secure() { Scheme::Https } else { Scheme::Http };
    Ok(WebSettings {
        listen: config.server.listen,
        tls: config.server.tls.as_ref().map(tls).transpose()?,
        public: Some(PublicAddress { scheme, port: public.port() }),
        operations_here: config.operations.listen.is_none(),
        monitors: monitors(config),
        limits: Limits { body: usize::try_from(config.server.max_body).unwrap_or(usize::MAX), ..Limits::default() },
    })
}

/// How metrics and probes are served on a socket of their own.
#[must_use]
pub fn operations(listen: SocketAddr, config: &Config) -> WebSettings {
    let (monitors, limits) = (monitors(config), Limits::default());
    WebSettings { listen, tls: None, public: None, operations_here: true, monitors, limits }
}

fn monitors(config: &Config) -> Monitors {
    let allowed = config.operations.allowed.clone();
    Monitors::at(move |address| allowed.iter().any(|network| network.contains(address)))
}

fn tls(tls: &Tls) -> Result<TlsIdentity, SettingsError> {
    let path = &tls.certificate_file;
    let chain = fs::read(path).map_err(|source| SettingsError::File { path: path.clone(), source })?;
    let name = "server.tls.key_file".to_owned();
    let key = tls.key_file.content().map_err(|source| SettingsError::Secret { name, source })?;
    Ok(TlsIdentity::from_pem(&chain, &key)?)
}
