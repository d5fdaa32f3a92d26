//! Tests of rows 5 to 13: the metadata.

use serde_json::json;

use super::{super::*, attachment, attachment_id, data_part, one, opened, problems, tag, unreadable};
use crate::{
    fit_connect::{
        api::destination::{OfferedService, SubmissionSchema},
        jose::jwe::{HeaderRefused, JweRefused},
        metadata::{AttachmentPart, EmptyFragments, Metadata, MissingSchema, SchemaVersion, Tolerance},
    },
    ids::AttachmentId,
};

fn good_metadata() -> Metadata {
    Metadata::new(SchemaVersion::V2_1_0, Some(data_part()), vec![attachment()])
}

fn offers() -> Vec<OfferedService> {
    vec![OfferedService {
        identifier: "urn:de:leistung".to_owned(),
        submission_schemas: vec![SubmissionSchema {
            schema_uri: "https://example.org/schema".to_owned(),
            mime_type: None,
        }],
        regions: Vec::new(),
    }]
}

fn judge_metadata_for(service: &str, announced: &[AttachmentId], part: &OpenedPart) -> Result<Metadata, Stop> {
    let check = MetadataCheck {
        tag: &tag(1),
        tolerance: Tolerance { fragments: EmptyFragments::Reject, schema: MissingSchema::Reject },
        service: Some(service),
        offers: Some(&offers()),
        reply_channels: ReplyChannels::Only(&[ReplyKind::Email, ReplyKind::FitConnect]),
        announced,
    };
    check.judge(part)
}

fn judge_metadata(part: &OpenedPart) -> Result<Metadata, Stop> {
    judge_metadata_for("urn:de:leistung", &[attachment_id()], part)
}

fn judge_json(json: &str) -> Result<Metadata, Stop> {
    judge_metadata(&opened(1, json.as_bytes()))
}

/// Good metadata with one member changed.
fn changed(pointer: &str, value: serde_json::Value) -> String {
    let mut document: serde_json::Value = serde_json::from_str(&good_metadata().to_json()).expect("JSON");
    if let Some(name) = pointer.strip_prefix('+') {
        document[name] = value;
    } else {
        *document.pointer_mut(pointer).expect("there") = value;
    }
    document.to_string()
}

#[test]
fn good_metadata_are_passed_on() {
    assert_eq!(judge_json(&good_metadata().to_json()), Ok(good_metadata()));
}

#[test]
fn row_5_a_swapped_part_has_the_wrong_tag() {
    let swapped = opened(2, good_metadata().to_json().as_bytes());
    assert_eq!(problems(judge_metadata(&swapped)), one("incorrect-authentication-tag", "metadata"));
    let unseen = OpenedPart { tag: None, content: Err(Unreadable::Refused(JweRefused::Segments)) };
    assert_eq!(problems(judge_metadata(&unseen)), one("incorrect-authentication-tag", "metadata"));
}

#[test]
fn row_6_what_cannot_be_decrypted_is_an_encryption_issue() {
    for reason in [
        Unreadable::Unwrap,
        Unreadable::Refused(JweRefused::Tag),
        Unreadable::Refused(JweRefused::Compressed),
        Unreadable::Refused(JweRefused::Header(HeaderRefused::Critical)),
    ] {
        assert_eq!(problems(judge_metadata(&unreadable(1, reason))), one("encryption-issue", "metadata"));
    }
}

#[test]
fn a_decryption_key_that_we_lack_is_a_reason_to_come_back() {
    let kid: Kid = "unbekannt".parse().expect("a kid");
    let retry = Stop::Retry(Retry::UnknownDecryptionKey(kid.clone()));
    assert_eq!(judge_metadata(&unreadable(1, Unreadable::UnknownKid(kid))), Err(retry));
}

#[test]
fn row_7_what_is_not_json_violates_the_syntax() {
    assert_eq!(problems(judge_json("{")), one("syntax-violation", "metadata"));
    assert_eq!(problems(judge_json(&"[".repeat(10_000))), one("syntax-violation", "metadata"));
}

#[test]
fn row_8_a_schema_is_named_and_supported() {
    assert_eq!(problems(judge_json("{}")), one("missing-schema", "metadata"));
    let other = changed("/$schema", json!("https://schema.fitko.de/fit-connect/metadata/3.0.0/metadata.schema.json"));
    assert_eq!(problems(judge_json(&other)), one("unsupported-schema", "metadata"));
}

#[test]
fn row_9_every_violation_of_the_schema_is_a_problem() {
    let broken = changed("/contentStructure/attachments/0", json!({"attachmentId": attachment_id().to_string()}));
    let found = problems(judge_json(&broken));
    assert_eq!(found.len(), 3, "hash, purpose and media type are absent: {found:?}");
    assert!(found.iter().all(|problem| *problem == ("schema-violation".to_owned(), "metadata".to_owned())));
}

#[test]
fn row_10_the_service_of_the_metadata_is_the_one_of_the_submission() {
    let v1 = Metadata { version: SchemaVersion::V1_0_0, ..good_metadata() };
    let mut document: serde_json::Value = serde_json::from_str(&v1.to_json()).expect("JSON");
    document["publicServiceType"] = json!({"identifier": "urn:de:andere"});
    assert_eq!(problems(judge_json(&document.to_string())), one("service-mismatch", "metadata"));
}

#[test]
fn row_10_the_service_is_one_that_the_destination_offers() {
    let part = opened(1, good_metadata().to_json().as_bytes());
    let judged = judge_metadata_for("urn:de:andere", &[attachment_id()], &part);
    assert_eq!(problems(judged), one("unsupported-service", "metadata"));
}

#[test]
fn row_11_the_data_schema_is_one_that_the_destination_publishes() {
    let other = changed("/contentStructure/data/submissionSchema/schemaUri", json!("https://example.org/other"));
    assert_eq!(problems(judge_json(&other)), one("unsupported-schema", "metadata"));
}

#[test]
fn row_12_the_reply_channel_is_one_that_we_can_use() {
    for channel in [json!({"deMail": {"address": "a@example.org"}}), json!({"brieftaube": {}})] {
        let judged = judge_json(&changed("+replyChannel", channel));
        assert_eq!(problems(judged), one("unsupported-reply-channel", "metadata"));
    }
    assert!(judge_json(&changed("+replyChannel", json!({"eMail": {"address": "a@example.org"}}))).is_ok());
    let useless = json!({"fitConnect": {"processStandards": ["urn:x"], "encryptionPublicKey": {"kty": "RSA",
        "key_ops": ["wrapKey"], "alg": "RSA-OAEP-256", "kid": "12345678", "n": "x".repeat(683), "e": "AQAB"}}});
    let judged = judge_json(&changed("+replyChannel", useless));
    assert_eq!(problems(judged), one("unsupported-reply-channel", "metadata"));
}

#[test]
fn row_13_the_attachments_of_the_metadata_are_the_announced_ones() {
    let part = opened(1, good_metadata().to_json().as_bytes());
    for announced in [vec![], vec![attachment_id(), AttachmentId::from_random([6; 16])]] {
        let judged = judge_metadata_for("urn:de:leistung", &announced, &part);
        assert_eq!(problems(judged), one("attachments-mismatch", "metadata"));
    }
    let twice = Metadata { attachments: vec![attachment(), attachment()], ..good_metadata() };
    assert_eq!(problems(judge_json(&twice.to_json())), one("attachments-mismatch", "metadata"));
}

#[test]
fn fragments_are_announced_with_or_without_their_attachment() {
    let fragments = vec![AttachmentId::from_random([10; 16]), AttachmentId::from_random([11; 16])];
    let whole = AttachmentPart { fragments: fragments.clone(), ..attachment() };
    let metadata = Metadata { attachments: vec![whole], ..good_metadata() };
    let part = opened(1, metadata.to_json().as_bytes());
    let judge = |announced: &[AttachmentId]| judge_metadata_for("urn:de:leistung", announced, &part);
    assert!(judge(&fragments).is_ok());
    assert!(judge(&[fragments.clone(), vec![attachment_id()]].concat()).is_ok());
    assert_eq!(problems(judge(&fragments[..1])), one("attachments-mismatch", "metadata"));
    assert_eq!(problems(judge(&[attachment_id()])), one("attachments-mismatch", "metadata"));
}

#[test]
fn rows_of_one_stage_are_collected() {
    let wrong = changed("+replyChannel", json!({"deMail": {"address": "a@example.org"}}));
    let found = problems(judge_metadata_for("urn:de:andere", &[], &opened(1, wrong.as_bytes())));
    let suffixes: Vec<&str> = found.iter().map(|(suffix, _)| suffix.as_str()).collect();
    assert_eq!(suffixes, ["unsupported-service", "unsupported-reply-channel", "attachments-mismatch"]);
}
