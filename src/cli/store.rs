//! What commands over a tenant's store share: its key.

use ozg_storage::keys::TenantKey;

use super::Failure;
use crate::{config::SecretPlace, german};

/// The key of a tenant.
pub(super) fn load_key(place: &SecretPlace) -> Result<TenantKey, Failure> {
    let Some(source) = place.key_source() else {
        let why = "ist als Credential benannt; $CREDENTIALS_DIRECTORY gibt es nur unter systemd";
        return Err(Failure::refused(format!("der Schlüssel {why}")));
    };
    TenantKey::load(&source).map_err(|error| Failure::refused(german::key(&error)))
}
