//! Destinations (Zustellpunkte) as everybody may see them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{fit_connect::jose::kid::Kid, ids::DestinationId};

/// Whether a destination takes submissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not yet.
    Created,
    /// Yes.
    Active,
    /// Not now.
    Inactive,
    /// Never again.
    Decommissioned,
}

/// A schema of data that a destination takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubmissionSchema {
    /// Its URI.
    pub schema_uri: String,
    /// `application/json` or `application/xml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
}

/// A service that a destination offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferedService {
    /// Its URN.
    pub identifier: String,
    /// Schemas of its data.
    #[serde(default)]
    pub submission_schemas: Vec<SubmissionSchema>,
    /// Where it is offered: `DE` and a region key, or its beginning.
    #[serde(default)]
    pub regions: Vec<String>,
}

/// `GET /destinations/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// Its id; version 2 may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_id: Option<DestinationId>,
    /// Its name (version 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it takes submissions.
    pub status: Status,
    /// The key to seal for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_kid: Option<Kid>,
    /// Versions of the metadata schema that it reads.
    #[serde(default)]
    pub metadata_versions: Vec<String>,
    /// What it offers.
    #[serde(default, alias = "publicServices")]
    pub services: Vec<OfferedService>,
    /// Reply channels that it supports, kept as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_channels: Option<Value>,
}

impl Destination {
    /// The offer of the service with this URN.
    #[must_use]
    pub fn service(&self, identifier: &str) -> Option<&OfferedService> {
        self.services.iter().find(|service| service.identifier == identifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit_connect::api::{ApiVersion, to_json};

    #[test]
    fn a_destination_of_version_2_is_read() {
        let json = r#"{"name":"Amt","status":"active","encryptionKid":"d5b2c7a0-7c1e","metadataVersions":["2.1.0"],
            "publicServices":[{"identifier":"urn:de:x","submissionSchemas":[{"schemaUri":"https://x"}],"regions":["DE11"]}]}"#;
        let read: Destination = serde_json::from_str(json).expect("a destination");
        assert_eq!(read.service("urn:de:x").map(|service| service.regions.len()), Some(1));
        assert!(to_json(&read, ApiVersion::V2).expect("JSON").contains("publicServices"));
        assert!(to_json(&read, ApiVersion::V1).expect("JSON").contains(r#""services""#));
    }
}
