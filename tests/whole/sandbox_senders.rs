//! What senders do: the broken parcels are broken as they say, real clients' habits pass, and a set-up office is complete.

use std::{fs, os::unix::fs::PermissionsExt};

use http::Method;
use ozg_cloud::{
    config::{Environment, Loaded},
    sandbox::{OfferedService, Office, OfficePlan, SeedDestination, Urls},
    sender::{
        client::{ApiVersion, Receipt},
        damage::Damage,
        sample::{MAPPING, Samples, service::SERVICES},
    },
};
use ozg_protocols::{
    application::Applicant,
    fit_connect::{
        hash::ContentHash,
        jose::{
            base64url,
            jwe::{Compact, Inflate},
            rsa::{DecryptionKey, UnwrapKey},
        },
        metadata::{EmptyFragments, Metadata, MetadataRefused, MissingSchema, Tolerance},
    },
    forms::{mapping::Mappings, ozg_cloud as form_data},
    ids::{AttachmentId, DestinationId},
};
use serde_json::{Value, json};

use crate::sandbox_town::{SERVICE, Town, keys, now, sample};

const STRICT: Tolerance = Tolerance { fragments: EmptyFragments::Reject, schema: MissingSchema::Reject };

fn open(sealed: &str) -> Result<Vec<u8>, String> {
    let key = DecryptionKey::new(&keys()[0].decryption).expect("usable");
    let jwe = Compact::parse(sealed).map_err(|refused| refused.to_string())?;
    let content_key = key.unwrap_key(&jwe.wrapped_key).map_err(|failed| failed.to_string())?;
    jwe.open(&content_key, Inflate::Never).map_err(|refused| refused.to_string())
}

/// What a subscriber fetches of a damaged parcel.
struct Fetched {
    metadata: Result<Vec<u8>, String>,
    data: Option<Result<Vec<u8>, String>>,
    attachment: Result<Vec<u8>, String>,
}

async fn damaged(damage: Damage) -> Fetched {
    let town = Town::open().await;
    // What is no JWE at all is refused by a service that looks.
    town.fault(&json!({ "kind": "unchecked-seal", "times": 10 })).await;
    let version = if damage == Damage::NoData { ApiVersion::V1 } else { ApiVersion::V2 };
    let key = town.sender.key_of(town.destination, version).await.expect("a key");
    let sent = town.sender.send(town.destination, &key, version, &sample(version), Some(&damage)).await;
    let Receipt { submission_id, .. } = sent.expect("sent");
    let token = town.token("amt").await;
    let place = format!("/submission-api/v2/submissions/{submission_id}");
    let fetched = town.get(&place, Some(&token)).await.json();
    let attachment = fetched["attachments"][0].as_str().expect("an attachment");
    let attachment = town.get(&format!("{place}/attachments/{attachment}"), Some(&token)).await;
    Fetched {
        metadata: open(fetched["encryptedMetadata"].as_str().expect("metadata")),
        data: fetched["encryptedData"].as_str().map(open),
        attachment: open(std::str::from_utf8(&attachment.bytes).expect("text")),
    }
}

fn json_of(bytes: &Result<Vec<u8>, String>) -> Value {
    serde_json::from_slice(bytes.as_ref().expect("opened")).expect("JSON")
}

#[tokio::test]
async fn a_wrong_hash_is_not_that_of_the_content() {
    let fetched = damaged(Damage::DataHash).await;
    let told = json_of(&fetched.metadata)["contentStructure"]["data"]["hash"]["content"].clone();
    let data = fetched.data.expect("data").expect("opened");
    assert_ne!(told, ContentHash::of(&data).to_string());
    let fetched = damaged(Damage::AttachmentHash).await;
    let told = json_of(&fetched.metadata)["contentStructure"]["attachments"][0]["hash"]["content"].clone();
    assert_ne!(told, ContentHash::of(&fetched.attachment.expect("opened")).to_string());
}

#[tokio::test]
async fn empty_fragments_break_the_schema_and_nothing_else() {
    let fetched = damaged(Damage::EmptyFragments).await;
    let metadata = fetched.metadata.expect("opened");
    assert!(matches!(Metadata::parse(&metadata, STRICT), Err(MetadataRefused::Schema(_))));
    let tolerant = Tolerance { fragments: EmptyFragments::Tolerate, ..STRICT };
    assert!(Metadata::parse(&metadata, tolerant).is_ok());
}

#[tokio::test]
async fn metadata_can_say_too_much_too_little_and_nonsense() {
    let described = |fetched: &Fetched| {
        json_of(&fetched.metadata)["contentStructure"]["attachments"].as_array().expect("a list").len()
    };
    let announced = sample(ApiVersion::V2).attachments.len();
    let more = damaged(Damage::UnannouncedAttachment(AttachmentId::from_random([3; 16]))).await;
    assert_eq!(described(&more), announced + 1);
    assert_eq!(described(&damaged(Damage::UndescribedAttachment).await), announced - 1);
    let schema = damaged(Damage::MetadataSchema("urn:x:y".to_owned())).await;
    assert_eq!(json_of(&schema.metadata)["$schema"], "urn:x:y");
    assert_eq!(damaged(Damage::Metadata(b"{".to_vec())).await.metadata.expect("opened"), b"{");
}

#[tokio::test]
async fn data_can_be_absent_deep_and_unreadable() {
    assert!(damaged(Damage::NoData).await.data.is_none());
    let deep = damaged(Damage::DeepData(10_000)).await.data.expect("data").expect("opened");
    assert_eq!((deep.len(), deep[9_999], deep[10_000]), (20_000, b'[', b']'));
    let hostile = damaged(Damage::SealedData("a.b.c.d.e".to_owned())).await;
    assert!(hostile.data.expect("data").is_err() && hostile.metadata.is_ok());
    assert!(damaged(Damage::SealedMetadata("x".to_owned())).await.metadata.is_err());
    let changed = damaged(Damage::ChangedAttachment).await;
    assert_eq!(changed.attachment, Err("the authentication tag does not match".to_owned()));
}

#[tokio::test]
async fn version_1_takes_a_thumbprint_for_a_kid_and_compression_and_version_2_refuses_the_latter() {
    let town = Town::open().await;
    let token = town.token("sender").await;
    let thumbprint = keys()[0].decryption.public().thumbprint();
    let header = |more: &str| {
        let kid = thumbprint.as_str();
        let header =
            format!(r#"{{"alg":"RSA-OAEP-256","cty":"application/json","enc":"A256GCM","kid":"{kid}"{more}}}"#);
        format!(
            "{}.{}.{}.{}.{}",
            base64url::encode(header.as_bytes()),
            "a".repeat(683),
            "b".repeat(16),
            "c",
            "d".repeat(22)
        )
    };
    let put = async |version: &str, jwe: String| {
        let announced = json!({ "destinationId": town.destination, "announcedAttachments": [],
            "serviceType": { "name": "", "identifier": SERVICE } });
        let base = format!("/submission-api/{version}/submissions");
        let id = town.send(Method::POST, &base, &token, &announced).await.json()["submissionId"].clone();
        let parts = json!({ "encryptedMetadata": jwe, "encryptedData": jwe });
        town.send(Method::PUT, &format!("{base}/{}", id.as_str().expect("an id")), &token, &parts).await.status.as_u16()
    };
    assert_eq!(put("v1", header(r#","zip":"DEF""#)).await, 202);
    assert_eq!(put("v2", header(r#","zip":"DEF""#)).await, 422);
    assert_eq!(put("v2", header("")).await, 200);
    assert_eq!(put("v1", header("").replacen('d', "", 1)).await, 422, "the tag is too short");
}

fn plan(version: ApiVersion) -> OfficePlan<'static> {
    OfficePlan {
        label: "eins",
        id: DestinationId::from_random([1; 16]),
        name: "Gewerbeamt \"Mitte\"",
        version,
        services: SERVICES
            .iter()
            .map(|service| OfferedService {
                identifier: service.identifier(),
                region: "DE09162".to_owned(),
                schema_uri: form_data::SCHEMA_URI.to_owned(),
                mime_type: "application/json".to_owned(),
            })
            .collect(),
        callback_url: Some("http://musterstadt.localhost:8080/fit-connect/callbacks/x".to_owned()),
        org_unit: Some("32"),
    }
}

#[test]
fn a_set_up_office_fits_the_configuration_and_keeps_its_secrets() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox-keys");
    keys();
    let set_up = || Office::set_up(&directory, vec![plan(ApiVersion::V2)], now()).expect("an office").remove(0);
    let (office, again) = (set_up(), set_up());
    assert_eq!(office.client().client_secret, again.client().client_secret);
    let mode = fs::metadata(directory.join("eins.callback-secret")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let SeedDestination { body, .. } = office.destination();
    assert_eq!(body["callback"]["secret"].as_str().map(str::len), Some(43));

    let tenant = "[server]\nlisten = \"127.0.0.1:8080\"\npublic_url = \"http://{host}:8080\"\n\
        data_dir = \"daten\"\n\n[outbound]\nallow_http_loopback = true\n\n\
        [[tenant]]\nslug = \"musterstadt\"\nname = \"Musterstadt\"\nhosts = [\"musterstadt.localhost\"]\n\
        key_file = \"tenant.key\"\n\n[[tenant.org_unit]]\nid = \"32\"\nname = \"Ordnungsamt\"\n";
    let section = office.section(&Urls::at("http://127.0.0.1:8800"));
    let text = format!("{tenant}{MAPPING}{section}");
    let file = directory.join("ozg.toml");
    let loaded =
        Loaded::read(&text, &file, &Environment::default()).unwrap_or_else(|found| panic!("{found:?}\n{text}"));
    let tenant = loaded.config.tenant("musterstadt").expect("the tenant");
    assert_eq!(tenant.destinations[0].services.len(), SERVICES.len());

    let mappings = Mappings::new(tenant.mappings.clone());
    let mapping = mappings.find(form_data::SCHEMA_URI, now()).expect("a mapping");
    let mut samples = Samples::new(3);
    let (mut natural, mut legal) = (0, 0);
    for _ in 0..40 {
        let form = form_data::parse(&samples.next(ApiVersion::V2, now()).data).expect("a form");
        match mapping.applicant(&form.items).expect("an applicant") {
            Applicant::Natural(person) => {
                assert!(person.given_names.is_some() && person.contact.address.is_some());
                natural += 1;
            }
            Applicant::Legal(organisation) => {
                assert!(organisation.represented_by.is_some() && organisation.contact.phone.is_some());
                legal += 1;
            }
        }
    }
    assert!(natural > 20 && legal > 2, "{natural} and {legal}");
}

#[tokio::test]
async fn a_sender_whose_token_was_refused_fetches_another() {
    let town = Town::open().await;
    town.submit(ApiVersion::V2).await;
    town.fault(&json!({ "kind": "unauthorized", "path": "/destinations/" })).await;
    assert!(town.sender.key_of(town.destination, ApiVersion::V2).await.is_err());
    town.submit(ApiVersion::V2).await;
}
