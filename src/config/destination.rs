//! `[[tenant.destination]]`: an address of ours at FIT-Connect (Zustellpunkt), its keys, and how it is watched.

use std::time::Duration;

use ozg_protocols::{
    fit_connect::{api::ApiVersion, verify::ReplyKind},
    ids::{DestinationId, OrgUnitId},
};

use super::{address::Endpoint, reader::Section, secret::SecretPlace};

/// One destination.
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    /// Its id, given by the delivery service.
    pub id: DestinationId,
    /// How people here call it.
    pub name: String,
    /// Which Submission API it speaks.
    pub api_version: ApiVersion,
    /// Where tokens are issued.
    pub token_url: Endpoint,
    /// The base of the Submission API, before `/v1` or `/v2`.
    pub submission_url: Endpoint,
    /// The client at the token service.
    pub client_id: String,
    /// Its secret.
    pub client_secret_file: SecretPlace,
    /// Private JWKs (`key_ops` = `unwrapKey`), the newest first; a submission names the one it needs.
    pub decryption_key_files: Vec<SecretPlace>,
    /// The private JWK that signs our SETs (`key_ops` = `sign`).
    pub signing_key_file: SecretPlace,
    /// The secret of callbacks (`/fit-connect/rueckruf/{id}` on the tenant's host); without one it is only polled.
    pub callback_secret_file: Option<SecretPlace>,
    /// How often the list is asked for when nobody calls.
    pub poll: Duration,
    /// The org unit that is responsible when no route fits.
    pub org_unit: Option<OrgUnitId>,
    /// The services it publishes.
    pub services: Vec<PublishedService>,
    /// `"fragments": []` is read as no fragments, though metadata 2.x demand one at least; a current SDK sends it.
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
    /// The `schemaUri`s that are taken.
    pub schema_uris: Vec<String>,
}

impl Destination {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let id: Option<DestinationId> = section.required("id");
        let name = section.required("name");
        let api_version = match section.number("api_version", 2, 1..=2) {
            1 => ApiVersion::V1,
            _ => ApiVersion::V2,
        };
        let token_url = section.required("token_url");
        let submission_url = section.required("submission_url");
        let client_id = section.required("client_id");
        let client_secret_file = section.required("client_secret_file");
        let decryption_key_files = section.list("decryption_key_files");
        if decryption_key_files.is_empty() {
            section.refuse("decryption_key_files", "fehlt; es muss mindestens ein Schlüssel genannt sein");
        }
        let signing_key_file = section.required("signing_key_file");
        let callback_secret_file = section.optional("callback_secret_file");
        let poll = Duration::from_secs(section.number("poll_seconds", 60, 1..=3600));
        let org_unit = section.optional("org_unit");
        let services = section.sections("service", PublishedService::read);
        let tolerate_empty_fragments = section.switch("tolerate_empty_fragments", true);
        let allow_zip = section.switch("allow_zip", api_version == ApiVersion::V1);
        if allow_zip && api_version == ApiVersion::V2 {
            section.refuse("allow_zip", "gibt es nur mit `api_version = 1`; Version 2 verbietet komprimierte JWE");
        }
        let reply_channels = section.list_if_given("reply_channels");
        section.finish();
        Some(Self {
            id: id?,
            name: name?,
            api_version,
            token_url: token_url?,
            submission_url: submission_url?,
            client_id: client_id?,
            client_secret_file: client_secret_file?,
            decryption_key_files,
            signing_key_file: signing_key_file?,
            callback_secret_file,
            poll,
            org_unit,
            services,
            tolerate_empty_fragments,
            allow_zip,
            reply_channels,
        })
    }
}

impl PublishedService {
    fn read(mut section: Section<'_>) -> Option<Self> {
        let (identifier, schema_uris) = (section.required("identifier"), section.list("schema_uris"));
        section.finish();
        Some(Self { identifier: identifier?, schema_uris })
    }
}
