//! Submissions that are too long for the record of a case: nothing of them is lost, and none of them waits for ever.

use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use ozg_actors::AskError;
use ozg_cloud::sender::{
    client::{ApiVersion, Receipt, Verdict},
    damage::Damage,
    parcel::{Attachment, Content, Parcel},
    sample::dice::Dice,
};
use ozg_protocols::{
    application::{self, FormValue, Purpose},
    case::Case,
    fit_connect::{
        hash::ContentHash,
        jose::rsa::{ContentKey, WrapKey as _},
        metadata::{DataFormat, DataSchema, DataSet},
    },
    forms::Mapping,
    ids::AttachmentId,
    intake::ClearingReason,
    principal::Principal,
};
use serde_json::{Value, json};

use crate::{
    kills::is_whole,
    sandbox_town::sample,
    subscriber_hall::{Bounds, Hall, erika, query},
};

const SCHEMA: &str = "urn:example:schema:lang:1";
/// Many seals and many files on a busy machine.
const LONG: Duration = Duration::from_secs(180);

async fn hall(version: ApiVersion) -> Hall {
    let mapping = json!({ "schema_uri": SCHEMA, "valid_from": "2026-01-01", "natural": { "family_name": "/zuletzt" } });
    let mapping: Mapping = serde_json::from_value(mapping).expect("a mapping");
    let bounds = Bounds { mappings: vec![mapping], ..Bounds::default() };
    Hall::bounded(version, bounds, |settings| settings.published.clear()).await
}

/// So many letters that no compression makes much shorter.
fn noise(dice: &mut Dice, length: usize) -> String {
    let bytes: Vec<u8> = (0..length.div_ceil(4) * 3).map(|_| dice.byte()).collect();
    let mut text = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    text.truncate(length);
    text
}

/// A form of so many bytes of noise, with the applicant's name at its end.
fn long_form(length: usize) -> Vec<u8> {
    let mut dice = Dice::new(length as u64);
    let mut fields = serde_json::Map::new();
    for number in 0..length / 1_000 {
        fields.insert(format!("feld{number}"), noise(&mut dice, 980).into());
    }
    fields.insert("zuletzt".to_owned(), "Öztürk".into());
    serde_json::to_vec(&fields).expect("JSON")
}

fn parcel(version: ApiVersion, data: Vec<u8>) -> Parcel {
    Parcel { data, schema_uri: SCHEMA.into(), ..sample(version) }
}

async fn accepted(hall: &Hall, receipt: Receipt) -> Case {
    let verdict = hall.town.sender.wait(receipt, ApiVersion::V2, LONG).await.expect("a log");
    assert_eq!(verdict, Verdict::Accepted);
    hall.only_case().await
}

/// What somebody gets who fetches this file of the only case.
async fn fetched(hall: &Hall, who: &Principal, file: &application::Attachment) -> Result<Vec<u8>, AskError> {
    let tenant = hall.tenant();
    let case = tenant.work_list().page(&erika(), &query()).rows[0].case;
    let (about, mut reader) = tenant.open_file(who, case, file.id).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.next().await {
        bytes.extend_from_slice(&chunk.expect("a whole blob"));
    }
    assert_eq!((about.bytes, &about.sha512[..]), (bytes.len() as u64, &ContentHash::of(&bytes).as_bytes()[..]));
    Ok(bytes)
}

fn stranger() -> Principal {
    Principal { org_units: ["anderswo".parse().expect("a unit")].into(), roles: [].into(), ..erika() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_too_long_for_its_record_is_kept_byte_for_byte_and_its_case_shows_the_beginning() {
    for length in [300_000, 3_000_000] {
        let hall = hall(ApiVersion::V2).await;
        let parcel = parcel(ApiVersion::V2, long_form(length));
        let receipt = hall.submit(ApiVersion::V2, &parcel, None).await;
        let case = accepted(&hall, receipt).await;
        let application = &case.application;
        let name = application.applicant.as_ref().and_then(application::Applicant::display_name);
        assert_eq!(name.as_deref(), Some("Öztürk"), "who applies stands at the very end of the form");
        let items = &application.form.items;
        assert!(items.len() > 10 && items.len() < 100, "{} of the {length} bytes are shown", items.len());
        assert!(matches!(&items[0].value, FormValue::Text(text) if text.len() == 980));
        let whole = application.whole.data.as_ref().expect("the whole form");
        assert_eq!(fetched(&hall, &erika(), whole).await.expect("may see it"), parcel.data);
        assert!(matches!(fetched(&hall, &stranger(), whole).await, Err(AskError::NotFound)));
        assert_eq!(application.files().count(), parcel.attachments.len(), "it is not counted with what was sent");
        assert!(hall.tenant().clearing_items(&erika()).await.expect("may see it").is_empty(), "nothing is amiss");
        is_whole(hall).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_nobody_can_read_is_kept_byte_for_byte_too() {
    let hall = hall(ApiVersion::V2).await;
    let deep = format!("{}\"Inhalt\"{}", "[".repeat(100), "]".repeat(100));
    let receipt = hall.submit(ApiVersion::V2, &parcel(ApiVersion::V2, deep.clone().into_bytes()), None).await;
    let case = accepted(&hall, receipt).await;
    assert!(case.application.form.items.is_empty());
    let whole = case.application.whole.data.as_ref().expect("the whole form");
    assert_eq!(fetched(&hall, &erika(), whole).await.expect("may see it"), deep.as_bytes());
    let items = hall.tenant().clearing_items(&erika()).await.expect("may see it");
    assert_eq!(items[0].reason, ClearingReason::NotMapped, "a person has to look");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_says_more_than_its_format_is_kept_byte_for_byte_beside_what_was_read() {
    let hall = hall(ApiVersion::V2).await;
    let mut parcel = sample(ApiVersion::V2);
    let mut form: Value = serde_json::from_slice(&parcel.data).expect("JSON");
    form["hinweisDesAbsenders"] = "steht nicht im Format".into();
    parcel.data = serde_json::to_vec(&form).expect("JSON");
    let receipt = hall.submit(ApiVersion::V2, &parcel, None).await;
    let case = accepted(&hall, receipt).await;
    assert!(!case.application.form.items.is_empty());
    let whole = case.application.whole.data.as_ref().expect("the whole form");
    assert_eq!(fetched(&hall, &erika(), whole).await.expect("may see it"), parcel.data);
    assert!(hall.tenant().clearing_items(&erika()).await.expect("may see it").is_empty(), "nobody has to do anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_attachments_with_long_words_and_proofs_become_one_case() {
    let hall = hall(ApiVersion::V2).await;
    let mut parcel = parcel(ApiVersion::V2, br#"{"zuletzt":"Sommer"}"#.to_vec());
    let mut dice = Dice::new(500);
    let attachments = (0..500).map(|number| Attachment {
        id: AttachmentId::from_random(dice.bytes()),
        purpose: Purpose::Attachment,
        mime_type: "application/pdf".into(),
        filename: format!("{} Nachweis {number}.pdf", noise(&mut dice, 10)),
        content: Content::Bytes(Bytes::from(format!("Inhalt {number}"))),
    });
    parcel.attachments = attachments.collect();
    let proof = noise(&mut dice, 200_000);
    parcel.metadata.data_sets = vec![DataSet {
        id: AttachmentId::from_random(dice.bytes()).to_string().parse().expect("a UUID"),
        schema: DataSchema { uri: "urn:example:nachweis".into(), format: DataFormat::Jose },
        hash: ContentHash::of(proof.as_bytes()),
        description: None,
        content: Value::from(proof.clone()),
    }];
    let receipt = hall.submit(ApiVersion::V2, &parcel, None).await;
    let case = accepted(&hall, receipt).await;
    let files: Vec<_> = case.application.files().cloned().collect();
    assert_eq!(files.len(), 500);
    for (file, sent) in files.iter().zip(&parcel.attachments).step_by(250) {
        assert_eq!((file.id, file.display_name()), (sent.id, sent.filename.as_str()));
        let tenant = hall.tenant();
        let row = tenant.work_list().page(&erika(), &query()).rows[0].case;
        let (_, mut reader) = tenant.open_file(&erika(), row, file.id).await.expect("may see it");
        assert_eq!(reader.next().await.expect("bytes").expect("whole"), sent.content.bytes());
    }
    assert_eq!((case.application.form.items.len(), &case.application.whole.data), (1, &None), "the form is short");
    let whole = case.application.whole.metadata.as_ref().expect("the whole metadata");
    let metadata = fetched(&hall, &erika(), whole).await.expect("may see it");
    assert_eq!(metadata, parcel.described().to_json().into_bytes(), "with every hash, and with the proof");
    is_whole(hall).await;
}

/// Sends more attachments than any verdict can name, and waits until a person has to look at them.
async fn wait_for_a_person(hall: &Hall, damage: Option<&Damage>) -> Receipt {
    let mut parcel = parcel(ApiVersion::V2, b"{}".to_vec());
    let mut dice = Dice::new(1_200);
    let attachments = (0..1_200).map(|number| Attachment {
        id: AttachmentId::from_random(dice.bytes()),
        purpose: Purpose::Attachment,
        mime_type: "application/pdf".into(),
        filename: format!("{number}.pdf"),
        content: Content::Bytes(Bytes::from_static(b"x")),
    });
    parcel.attachments = attachments.collect();
    let receipt = hall.submit(ApiVersion::V2, &parcel, damage).await;
    let tenant = hall.tenant();
    let until = tokio::time::Instant::now() + LONG;
    let mut waiting = Vec::new();
    while waiting.is_empty() && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(200)).await;
        waiting = tenant.clearing_items(&erika()).await.expect("may see it");
    }
    assert_eq!(waiting.iter().map(|item| item.reason.clone()).collect::<Vec<_>>(), [ClearingReason::TooLong]);
    assert!(hall.metric("ozg_fitconnect_clearing_total", "too-long"));
    receipt
}

#[tokio::test(flavor = "multi_thread")]
async fn more_attachments_than_any_acceptance_names_wait_for_a_person_and_are_not_tried_for_ever() {
    wait_for_a_person(&hall(ApiVersion::V2).await, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_longer_than_any_record_waits_for_a_person_and_is_not_sent() {
    let hall = hall(ApiVersion::V2).await;
    let receipt = wait_for_a_person(&hall, Some(&Damage::DataHash)).await;
    assert!(hall.metric("ozg_fitconnect_refused_total", "hash-mismatch"), "it was refused");
    let log = hall.town.log(receipt).await;
    assert!(!log.iter().any(|set| set.to_string().contains("reject-submission")), "{log:?}");
    is_whole(hall).await;
}

/// The data sealed as a version 1 sender may do it, with `zip`: deflated, though by nothing.
fn zipped(plain: &[u8], key: &ozg_protocols::fit_connect::jose::rsa::EncryptionKey) -> String {
    let mut deflated = Vec::new();
    let last = plain.chunks(0xffff).count() - 1;
    for (number, chunk) in plain.chunks(0xffff).enumerate() {
        let length = u16::try_from(chunk.len()).expect("short").to_le_bytes();
        deflated.push(u8::from(number == last));
        deflated.extend_from_slice(&length);
        deflated.extend(length.map(|byte| !byte));
        deflated.extend_from_slice(chunk);
    }
    let header = json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "zip": "DEF", "kid": key.kid().to_string(),
        "cty": "application/json" });
    let base64 = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let (header, content_key, iv) = (base64(header.to_string().as_bytes()), [7; 32], [9; 12]);
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &content_key).expect("a key"));
    let nonce = Nonce::assume_unique_for_key(iv);
    let tag = cipher.seal_in_place_separate_tag(nonce, Aad::from(header.as_bytes()), &mut deflated).expect("sealed");
    let wrapped = key.wrap_key(&ContentKey::from_random(content_key)).expect("wrapped");
    [header, base64(&wrapped), base64(&iv), base64(&deflated), base64(tag.as_ref())].join(".")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_six_megabytes_is_taken_the_same_whether_it_was_compressed_or_not() {
    let data = long_form(6_000_000);
    for zip in [false, true] {
        let hall = hall(ApiVersion::V1).await;
        let parcel = parcel(ApiVersion::V1, data.clone());
        let key = hall.town.sender.key_of(hall.town.destination, ApiVersion::V1).await.expect("a key");
        let damage = zip.then(|| Damage::SealedData(zipped(&data, &key)));
        let receipt = hall.submit(ApiVersion::V1, &parcel, damage.as_ref()).await;
        let case = accepted(&hall, receipt).await;
        let name = case.application.applicant.as_ref().and_then(application::Applicant::display_name);
        assert_eq!(name.as_deref(), Some("Öztürk"), "zip: {zip}");
        let whole = case.application.whole.data.as_ref().expect("the whole form");
        assert_eq!(fetched(&hall, &erika(), whole).await.expect("may see it"), data, "zip: {zip}");
    }
}
