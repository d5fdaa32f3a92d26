//! The store of each tenant: its directory, journal and ring are there, and the ring belongs to the key that the configuration
//! names. Takes no lock, so that it can be asked while the server runs; what lies inside is for `ozg-cloud verify`.

use std::path::Path;

use ozg_protocols::ids::TenantSlug;
use ozg_storage::{
    disk::RealDisk,
    keys::{Fingerprint, TenantKey},
    ring::{self, RingError},
};

use super::Finding;
use crate::{config::Config, german};

const FROM_BACKUP: &str = "das Verzeichnis des Mandanten vollständig aus der Sicherung zurückholen";

/// Looks at the store of every tenant.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let data = &config.server.data_dir;
    let look = |tenant: &crate::config::Tenant| {
        // A key that cannot be had is told where the keys are looked at.
        let key = tenant.key_file.key_source().and_then(|source| TenantKey::load(&source).ok());
        store(data, &tenant.slug, key.map(|key| key.fingerprint()))
    };
    config.tenants.iter().map(look).collect()
}

fn store(data: &Path, slug: &TenantSlug, key: Option<Fingerprint>) -> Finding {
    let directory = data.join(slug.as_str());
    let shown = directory.display();
    if !directory.is_dir() {
        let remedy = format!("ozg-cloud tenant init {slug}, oder die Daten aus der Sicherung zurückholen");
        return Finding::error(format!("{slug}: das Verzeichnis {shown} fehlt"), remedy);
    }
    if !directory.join("journal.redb").is_file() {
        return Finding::error(format!("{slug}: das Journal in {shown} fehlt"), FROM_BACKUP);
    }
    match (ring::made_under(&RealDisk, data, slug), key) {
        (Err(RingError::File(error)), _) => Finding::error(
            format!("{slug}: der Schlüsselring in {shown} ist nicht zu lesen ({})", german::system(&error)),
            FROM_BACKUP,
        ),
        (Err(_), _) => Finding::error(format!("{slug}: der Schlüsselring in {shown} ist beschädigt"), FROM_BACKUP),
        (Ok(made_under), Some(key)) if made_under != key => Finding::error(
            format!("{slug}: die Daten gehören zum Schlüssel {made_under}, die Konfiguration nennt {key}"),
            "den richtigen Schlüssel hinterlegen; ein anderer öffnet die Daten nicht",
        ),
        (Ok(_), _) => Finding::good(format!("{slug}: Daten in {shown}")),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use ozg_protocols::moment::Moment;
    use ozg_storage::{
        disk::Disk,
        random::{Random, StrongRandom},
        tenant_store::TenantStore,
    };

    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn a_foreign_key_and_whatever_of_a_store_is_missing_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        let (data, slug) = (directory.path(), "musterstadt".parse().expect("valid"));
        let (disk, random): (Arc<dyn Disk>, Arc<dyn Random>) = (Arc::new(RealDisk), Arc::new(StrongRandom::new()));
        let key = TenantKey::from_bytes([7; 32]);
        let (own, foreign) = (key.fingerprint(), TenantKey::from_bytes([8; 32]).fingerprint());
        let severity = |key| store(data, &slug, Some(key)).severity;
        assert_eq!(severity(own), Severity::Error, "nothing is there");
        TenantStore::init(&disk, data, &slug, &key, &random, Moment::from_seconds(1)).expect("a store");
        assert_eq!(severity(own), Severity::Good);
        assert_eq!(severity(foreign), Severity::Error, "another key");
        for file in ["keys.ring", "journal.redb"] {
            fs::remove_file(data.join("musterstadt").join(file)).expect("is removed");
            assert_eq!(severity(own), Severity::Error, "{file}");
        }
    }
}
