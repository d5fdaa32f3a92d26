//! What commands over a tenant's store share: its key, and what to say when key or store are not as they should be.

use ozg_storage::{
    keys::{KeyError, TenantKey},
    ring::RingError,
    tenant_store::StoreError,
};

use super::Failure;
use crate::config::SecretPlace;

/// The key of a tenant.
pub(super) fn load_key(place: &SecretPlace) -> Result<TenantKey, Failure> {
    let Some(source) = place.key_source() else {
        let why = "ist als Credential benannt; $CREDENTIALS_DIRECTORY gibt es nur unter systemd";
        return Err(Failure::refused(format!("der Schlüssel {why}")));
    };
    TenantKey::load(&source).map_err(|error| Failure::refused(key_in_german(&error)))
}

/// What is wrong with a key.
pub(super) fn key_in_german(error: &KeyError) -> String {
    match error {
        KeyError::File(source) => format!("der Schlüssel kann nicht gelesen oder geschrieben werden ({source})"),
        KeyError::Exists => "es gibt schon einen Schlüssel; mit --existing-key wird er genommen".to_owned(),
        KeyError::Exposed { mode } => format!("der Schlüssel ist für andere lesbar (Rechte {mode:04o}); chmod 600"),
        KeyError::Malformed => "die Datei enthält keinen Schlüssel (64 hexadezimale Ziffern)".to_owned(),
        KeyError::NoRandomness(_) => "das Betriebssystem gibt keinen Zufall".to_owned(),
    }
}

/// What is wrong with a key ring.
pub(super) fn ring_in_german(error: &RingError) -> String {
    match error {
        RingError::File(error) => format!("die Datei kann nicht gelesen werden ({error})"),
        RingError::Foreign { found } => format!("gehört zum Mandantenschlüssel {found}"),
        RingError::Damaged { entry: 0 } => "der Kopf ist nicht, was geschrieben wurde".to_owned(),
        RingError::Damaged { entry } => format!("der {entry}. Eintrag ist nicht, was geschrieben wurde"),
        RingError::Missing(id) => format!("der Schlüssel {id} fehlt"),
        RingError::Erased(id) => format!("der Schlüssel {id} ist gelöscht"),
        RingError::NoRandomness(_) => "das Betriebssystem gibt keinen Zufall".to_owned(),
    }
}

/// What is wrong with a store.
pub(super) fn store_in_german(error: &StoreError) -> String {
    match error {
        StoreError::NotEmpty => "das Verzeichnis des Mandanten ist nicht leer".to_owned(),
        StoreError::Absent => "noch nicht angelegt (ozg-cloud tenant init)".to_owned(),
        StoreError::Unfinished => "nie fertig angelegt; das Verzeichnis löschen und neu anlegen".to_owned(),
        StoreError::InUse => "ein anderer Prozess hat die Daten geöffnet".to_owned(),
        StoreError::ForeignKey { found, given } => {
            format!("die Daten gehören zum Schlüssel {found}, nicht zu {given}")
        }
        StoreError::ForeignTenant => "die Daten gehören einem anderen Mandanten".to_owned(),
        StoreError::Ring(error) => format!("Schlüsselring: {}", ring_in_german(error)),
        other => format!("die Daten lassen sich nicht öffnen: {other}; ozg-cloud doctor hilft weiter"),
    }
}
