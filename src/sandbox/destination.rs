//! Destinations (Zustellpunkte): what is published about them, their keys, and the rules for both (OpenAPI 1.1.3).

use std::{collections::BTreeMap, fmt, sync::Arc};

use ozg_protocols::{
    fit_connect::jose::{
        jwk::{Chain, PublicJwk, PublicUse},
        rsa::VerificationKey,
    },
    ids::DestinationId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    draft::{self, Draft, Service, absent},
    problem::Problem,
    version::Version,
};

/// Whether a destination takes submissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Created,
    Active,
    Inactive,
    Decommissioned,
}

/// Where somebody wants to be told; the secret is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Callback {
    pub(super) url: String,
    pub(super) secret: String,
}

impl fmt::Debug for Callback {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Callback").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Callback {
    /// The rules of `CreateCallback`; plain HTTP only to this machine, and only where that was switched on.
    pub(super) fn check(&self, plain_http: bool) -> Result<(), Problem> {
        let address: http::Uri = self.url.parse().map_err(|_| Problem::bad_request("callback.url is not a URL"))?;
        let host = address.host().unwrap_or_default();
        let here = host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1" || host == "[::1]";
        match address.scheme_str() {
            Some("https") if !host.is_empty() => {}
            Some("http") if plain_http && here => {}
            _ => return Err(Problem::bad_request("callback.url must be an https URL")),
        }
        if (32..=512).contains(&self.secret.chars().count()) {
            Ok(())
        } else {
            Err(Problem::bad_request("callback.secret must have 32 to 512 characters"))
        }
    }
}

/// A destination.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    pub(super) id: DestinationId,
    pub(super) owner: Option<String>,
    pub(super) name: String,
    pub(super) status: Status,
    pub(super) services: Vec<Service>,
    pub(super) callback: Option<Callback>,
    pub(super) encryption_kid: String,
    contact: Map<String, Value>,
    reply_channels: Option<Map<String, Value>>,
    metadata_versions: Vec<String>,
    keys: Vec<PublicJwk>,
    verification: BTreeMap<String, Arc<VerificationKey>>,
}

impl Destination {
    /// A destination with the two keys that every one has.
    pub(super) fn new(
        id: DestinationId,
        owner: Option<String>,
        draft: Draft,
        plain_http: bool,
    ) -> Result<Self, Problem> {
        let key = |value: &Option<Value>, name: &str, purpose| {
            let value = value.as_ref().ok_or_else(|| absent(name))?;
            let key = read_key(value)?;
            if key.purpose == purpose { Ok(key) } else { Err(Problem::bad_request(format!("{name} has another use"))) }
        };
        let encryption = key(&draft.encryption_public_key, "encryptionPublicKey", PublicUse::WrapKey)?;
        let signing = key(&draft.signing_public_key, "signingPublicKey", PublicUse::Verify)?;
        let encryption_kid = draft.encryption_kid.clone().ok_or_else(|| absent("encryptionKid"))?;
        if encryption_kid != encryption.kid.as_str() {
            return Err(Problem::bad_request("encryptionKid must be the kid of encryptionPublicKey"));
        }
        draft.contact_information.as_ref().ok_or_else(|| absent("contactInformation"))?;
        draft.services.as_ref().ok_or_else(|| absent("services"))?;
        draft.metadata_versions.as_ref().ok_or_else(|| absent("metadataVersions"))?;
        let mut made = Self {
            id,
            owner,
            name: String::new(),
            status: Status::Created,
            services: Vec::new(),
            callback: None,
            encryption_kid,
            contact: Map::new(),
            reply_channels: None,
            metadata_versions: Vec::new(),
            keys: Vec::new(),
            verification: BTreeMap::new(),
        };
        made.add_key(encryption)?;
        made.add_key(signing)?;
        // A new one is always "created"; a status in the body is a member that nobody asked for.
        made.change(Draft { status: None, ..draft }, plain_http)?;
        Ok(made)
    }

    /// Replaces what the draft holds, all or nothing.
    pub(super) fn change(&mut self, draft: Draft, plain_http: bool) -> Result<(), Problem> {
        let mut changed = self.clone();
        if let Some(status) = draft.status {
            if self.status == Status::Decommissioned && status != Status::Decommissioned {
                return Err(Problem::bad_request("a decommissioned destination stays decommissioned"));
            }
            changed.status = status;
        }
        if let Some(name) = draft.name {
            changed.name = name;
        }
        if let Some(contact) = draft.contact_information {
            draft::check_contact(&contact)?;
            changed.contact = contact;
        }
        if let Some(services) = draft.services {
            draft::check_services(&services)?;
            changed.services = services;
        }
        if let Some(callback) = draft.callback {
            callback.check(plain_http)?;
            changed.callback = Some(callback);
        }
        if let Some(kid) = draft.encryption_kid {
            let known = self.keys.iter().any(|key| key.purpose == PublicUse::WrapKey && key.kid.as_str() == kid);
            if !known {
                return Err(Problem::bad_request("encryptionKid names no encryption key of this destination"));
            }
            changed.encryption_kid = kid;
        }
        if let Some(channels) = draft.reply_channels {
            draft::check_reply_channels(&channels)?;
            changed.reply_channels = Some(channels);
        }
        if let Some(versions) = draft.metadata_versions {
            draft::check_versions(&versions)?;
            changed.metadata_versions = versions;
        }
        *self = changed;
        Ok(())
    }

    /// Adds a key; one that is there already changes nothing.
    pub(super) fn add_key(&mut self, key: PublicJwk) -> Result<(), Problem> {
        match self.keys.iter().find(|known| known.kid == key.kid) {
            Some(known) if *known == key => return Ok(()),
            Some(_) => return Err(Problem::bad_request("another key has this kid")),
            None => {}
        }
        if key.purpose == PublicUse::Verify {
            let ready = VerificationKey::new(&key).map_err(|refused| Problem::bad_request(refused.to_string()))?;
            self.verification.insert(key.kid.as_str().to_owned(), Arc::new(ready));
        }
        self.keys.push(key);
        Ok(())
    }

    pub(super) fn key(&self, kid: &str) -> Option<&PublicJwk> {
        self.keys.iter().find(|key| key.kid.as_str() == kid)
    }

    /// All keys, the one to encrypt for now first: a client takes the first without looking (clients dossier section 2).
    pub(super) fn keys(&self) -> Vec<Value> {
        let mut keys: Vec<&PublicJwk> = self.keys.iter().collect();
        keys.sort_by_key(|key| key.kid.as_str() != self.encryption_kid);
        keys.into_iter().map(PublicJwk::to_value).collect()
    }

    pub(super) fn verification_key(&self, kid: &str) -> Option<Arc<VerificationKey>> {
        self.verification.get(kid).cloned()
    }

    /// Whether this names an encryption key, by its `kid` or its thumbprint.
    pub(super) fn encrypts_for(&self, name: &str) -> bool {
        self.keys
            .iter()
            .filter(|key| key.purpose == PublicUse::WrapKey)
            .any(|key| key.kid.as_str() == name || key.thumbprint().as_str() == name)
    }

    /// What a caller sees; contact and callback are for those who manage or subscribe it.
    pub(super) fn show(&self, version: Version, private: bool) -> Value {
        let mut shown = json!({
            "destinationId": self.id,
            "status": self.status,
            "encryptionKid": self.encryption_kid,
            "metadataVersions": self.metadata_versions,
            version.services_member(): self.services,
        });
        let Some(members) = shown.as_object_mut() else { return shown };
        if version == Version::V2 {
            members.insert("name".to_owned(), self.name.as_str().into());
        }
        if let Some(channels) = &self.reply_channels {
            members.insert("replyChannels".to_owned(), channels.clone().into());
        }
        if private {
            members.insert("contactInformation".to_owned(), self.contact.clone().into());
            if let Some(callback) = &self.callback {
                members.insert("callback".to_owned(), json!({ "url": callback.url }));
            }
        }
        shown
    }
}

/// All destinations, in the order they were made.
#[derive(Debug, Default)]
pub(super) struct Destinations(Vec<Destination>);

impl Destinations {
    pub(super) fn add(&mut self, destination: Destination) {
        self.0.push(destination);
    }

    pub(super) fn get(&self, id: DestinationId) -> Result<&Destination, Problem> {
        self.0.iter().find(|found| found.id == id).ok_or_else(Problem::no_destination)
    }

    pub(super) fn get_mut(&mut self, id: DestinationId) -> Result<&mut Destination, Problem> {
        self.0.iter_mut().find(|found| found.id == id).ok_or_else(Problem::no_destination)
    }

    pub(super) fn remove(&mut self, id: DestinationId) {
        self.0.retain(|found| found.id != id);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Destination> {
        self.0.iter()
    }
}

/// A public key under the rules of the OpenAPI's `JWK`.
pub(super) fn read_key(value: &Value) -> Result<PublicJwk, Problem> {
    PublicJwk::from_value(value, Chain::Required).map_err(|refused| Problem::bad_request(refused.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_https_with_a_long_secret_unless_the_switch_allows_this_machine() {
        let callback = |url: &str, length: usize| Callback { url: url.to_owned(), secret: "s".repeat(length) };
        assert!(callback("https://stadt.example/rueckruf", 32).check(false).is_ok());
        assert!(callback("https://stadt.example/rueckruf", 31).check(false).is_err());
        assert!(callback("https://stadt.example/rueckruf", 513).check(false).is_err());
        assert!(callback("http://127.0.0.1:8080/", 32).check(false).is_err());
        assert!(callback("http://127.0.0.1:8080/", 32).check(true).is_ok());
        assert!(callback("http://musterstadt.localhost:8080/", 32).check(true).is_ok());
        assert!(callback("http://stadt.example/", 32).check(true).is_err());
    }
}
