//! What is in the sandbox from the start: clients, destinations and areas, from a file or `POST /sandbox/seed`.

use ozg_protocols::{fit_connect::jose::jwk::PublicJwk, ids::DestinationId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    caller::Client,
    destination::{Destination, Status},
    draft::Draft,
    problem::Problem,
    region::Area,
    world::World,
};

/// Clients, destinations and areas.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// OAuth clients.
    pub clients: Vec<Client>,
    /// Destinations; they are active at once.
    pub destinations: Vec<SeedDestination>,
    /// Areas of the routing API.
    pub areas: Vec<Area>,
}

/// A destination with an id of the operator's choice, and otherwise as `POST /destinations` takes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeedDestination {
    /// Its id.
    pub destination_id: DestinationId,
    /// Further public keys (JWK), for example older ones.
    #[serde(default)]
    pub further_keys: Vec<Value>,
    /// The members of `CreateDestination`.
    #[serde(flatten)]
    pub body: Value,
}

/// One service that a seeded destination offers.
#[derive(Debug, Clone)]
pub struct OfferedService {
    /// Its identifier (URN).
    pub identifier: String,
    /// Where: `DE` and a leading part of a region key.
    pub region: String,
    /// The schema of its data.
    pub schema_uri: String,
    /// `application/json` or `application/xml`.
    pub mime_type: String,
}

impl SeedDestination {
    /// A destination with these keys that offers these services.
    #[must_use]
    pub fn new(
        destination_id: DestinationId,
        name: &str,
        encryption: &PublicJwk,
        signing: &PublicJwk,
        services: &[OfferedService],
    ) -> Self {
        let services: Vec<Value> = services
            .iter()
            .map(|service| {
                json!({
                    "identifier": service.identifier,
                    "regions": [service.region],
                    "submissionSchemas": [{ "schemaUri": service.schema_uri, "mimeType": service.mime_type }],
                })
            })
            .collect();
        let body = json!({
            "name": name,
            "contactInformation": {
                "legalName": name,
                "address": "Rathausplatz 1, 12345 Musterstadt",
                "phone": "+49 30 23125 000",
                "email": "poststelle@musterstadt.example",
            },
            "services": services,
            "encryptionKid": encryption.kid.as_str(),
            "encryptionPublicKey": encryption.to_value(),
            "signingPublicKey": signing.to_value(),
            "metadataVersions": ["1.0.0", "2.0.0", "2.1.0"],
        });
        Self { destination_id, further_keys: Vec::new(), body }
    }

    /// The same destination with a callback.
    #[must_use]
    pub fn with_callback(mut self, url: &str, secret: &str) -> Self {
        if let Some(members) = self.body.as_object_mut() {
            members.insert("callback".to_owned(), json!({ "url": url, "secret": secret }));
        }
        self
    }
}

/// Puts a seed into the world. A client or destination that is there already is replaced.
pub(super) fn plant(world: &mut World, seed: Seed, plain_http: bool) -> Result<(), Problem> {
    for seeded in seed.destinations {
        let draft: Draft = serde_json::from_value(seeded.body)
            .map_err(|error| Problem::bad_request(format!("destination {}: {error}", seeded.destination_id)))?;
        let mut destination = Destination::new(seeded.destination_id, None, draft, plain_http)?;
        for key in &seeded.further_keys {
            destination.add_key(super::destination::read_key(key)?)?;
        }
        destination.status = Status::Active;
        world.destinations.remove(seeded.destination_id);
        world.destinations.add(destination);
    }
    for client in seed.clients {
        world.callers.add(client);
    }
    world.areas.extend(seed.areas);
    Ok(())
}
