//! Tests: documents that hold every property of the official metadata schemas, and a form that holds everything its
//! format knows, leave nothing behind on their way into an application.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::*;
use crate::{
    fit_connect::{
        metadata::{EmptyFragments, MissingSchema, Tolerance},
        shared_data,
    },
    ids::IntakeId,
};

const TOLERANCE: Tolerance = Tolerance { fragments: EmptyFragments::Reject, schema: MissingSchema::IsVersion1 };
/// Values that have a name of their own in the application.
const RENAMED: [(&str, &str); 5] =
    [("sha512", "sha512"), ("data", "Data"), ("form", "Form"), ("PAYPAL", "Paypal"), ("BOOKED", "Booked")];

/// No two values are alike.
struct Unique(u32);

impl Unique {
    fn text(&mut self, name: &str) -> String {
        self.0 += 1;
        format!("{name}-{:03}", self.0)
    }

    fn uuid(&mut self) -> String {
        self.0 += 1;
        uuid::Builder::from_random_bytes([self.0 as u8; 16]).into_uuid().to_string()
    }

    fn hash(&mut self) -> Value {
        self.0 += 1;
        json!({"type": "sha512", "content": format!("{:02x}", self.0).repeat(64)})
    }

    fn signature(&mut self) -> Value {
        json!({"signatureFormat": "cms", "detachedSignature": true, "content": self.text("c2ln"),
            "eidasAdesProfile": "http://uri.etsi.org/ades/191x2/level/baseline/B-T#"})
    }
}

fn channels(unique: &mut Unique) -> Vec<(u8, Value)> {
    vec![
        (
            1,
            json!({"eMail": {"address": unique.text("a@example.org"),
            "pgpPublicKey": unique.text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nx")}}),
        ),
        (1, json!({"deMail": {"address": unique.text("b@example.org")}})),
        (1, json!({"fink": {"finkPostfachRef": unique.text("hh/by"), "host": unique.text("https://example.org/h")}})),
        (
            1,
            json!({"elster": {"accountId": "1234567890", "lieferTicket": unique.text("t"),
            "geschaeftszeichen": unique.text("z")}}),
        ),
        (1, json!({"brieftaube": {"schlag": unique.text("s"), "flug": [1, {"weit": true}]}})),
        (
            2,
            json!({"fitConnect": {"processStandards": [unique.text("urn:x"), unique.text("urn:y")],
            "encryptionPublicKey": {"kty": "RSA", "key_ops": ["wrapKey"], "alg": "RSA-OAEP-256", "e": "AQAB",
                "kid": unique.text("kid-12345"), "n": "n".repeat(683)}}}),
        ),
        (2, json!({"idBundDeMailbox": {"mailboxUuid": unique.uuid()}})),
    ]
}

fn document(version: u8, unique: &mut Unique, channel: &Value) -> Value {
    let mut data = json!({"hash": unique.hash(), "signature": unique.signature(),
        "submissionSchema": {"schemaUri": unique.text("https://example.org/s"), "mimeType": "application/json"}});
    let mut attachment = |purpose: &str| {
        json!({"hash": unique.hash(), "signature": unique.signature(), "purpose": purpose, "filename": unique.text("f.pdf"),
            "description": unique.text("d"), "mimeType": unique.text("application/x"), "attachmentId": unique.uuid()})
    };
    let mut attachments = json!([attachment("form"), attachment(if version == 1 { "form" } else { "data" })]);
    let mut document = json!({
        "paymentInformation": {"transactionReference": unique.text("ref"), "transactionId": unique.text("id"),
            "paymentMethod": "PAYPAL", "status": "BOOKED", "transactionUrl": unique.text("https://example.org/p"),
            "transactionTimestamp": "2026-01-01T10:00:00Z", "paymentMethodDetail": unique.text("Visa"),
            "grossAmount": 12.5},
        "replyChannel": channel,
        "additionalReferenceInfo": {"senderReference": unique.text("ref"), "applicationDate": "2026-01-01"},
    });
    if version == 1 {
        document["publicServiceType"] = json!({"name": unique.text("n"), "description": unique.text("d"),
            "identifier": "urn:de:fim:leika:leistung:99108008252000"});
        let proof = json!({"type": "identificationReport", "version": "1.20.3", "content": unique.text("abc")});
        document["authenticationInformation"] = json!([proof]);
    } else {
        document["$schema"] = "https://schema.fitko.de/fit-connect/metadata/2.1.0/metadata.schema.json".into();
        attachments[1]["fragments"] = json!([unique.uuid(), unique.uuid()]);
        document["additionalReferenceInfo"]["idBundDeApplicationId"] = unique.uuid().into();
        document["additionalReferenceInfo"]["zustimmungZumDigitalenBescheid"] = false.into();
        document["author"] = json!({"name": unique.text("n"), "description": unique.text("d"), "url": unique.text("u"),
            "product": {"name": unique.text("n"), "description": unique.text("d"), "version": unique.text("v"),
                "manufacturer": unique.text("m")}});
        let mut set = |content: Value, media_type: &str| {
            json!({"dataSetId": unique.uuid(), "hash": unique.hash(), "description": unique.text("d"), "content": content,
                "schema": {"schemaUri": unique.text("urn:s"), "mimeType": media_type}})
        };
        document["dataSets"] =
            json!([set("abc.def".into(), "application/jose"), set(json!({"tief": ["drin"]}), "application/xml")]);
    }
    document["contentStructure"] = json!({"data": data.take(), "attachments": attachments});
    document
}

fn application(document: &Value) -> Application {
    let metadata = Metadata::parse(document.to_string().as_bytes(), TOLERANCE).expect("metadata");
    let file = |part: &AttachmentPart| (part.id, StoredFile { blob: BlobId::from_u128(7), bytes: 7 });
    let files: BTreeMap<_, _> = metadata.attachments.iter().map(file).collect();
    from_parts(&metadata, &files, None, None)
}

fn from_parts(
    metadata: &Metadata,
    files: &BTreeMap<AttachmentId, StoredFile>,
    region: Option<&str>,
    data: Option<&[u8]>,
) -> Application {
    let parts = FitConnectParts {
        destination: DestinationId::from_random([1; 16]),
        submission: SubmissionId::from_random([2; 16]),
        case: FitCaseId::from_random([3; 16]),
        service: None,
        region,
        metadata,
        data,
        check: DataCheck::Unchecked,
        files,
        raw: RawReference { intake: IntakeId::from_u128(1), blobs: Vec::new() },
        submitted: Moment::from_seconds(1_790_000_000),
        at: Moment::from_seconds(1_790_000_100),
    };
    application_from_fit_connect(parts, &Mappings::default()).application
}

/// Every value of a document that is no object or list.
fn leaves(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(members) => members.values().for_each(|member| leaves(member, found)),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        leaf => found.push(leaf.clone()),
    }
}

/// What the application says, as text; hashes as hexadecimal digits.
fn said(value: &Value, found: &mut Vec<String>) {
    let byte = |item: &Value| item.as_u64().and_then(|byte| u8::try_from(byte).ok());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                found.push(name.clone());
                said(member, found);
            }
        }
        Value::Array(items) => match items.iter().map(byte).collect::<Option<Vec<_>>>() {
            Some(bytes) if bytes.len() == 64 => {
                found.push(crate::hex::encode(&bytes));
            }
            _ => items.iter().for_each(|item| said(item, found)),
        },
        Value::String(text) => found.push(text.clone()),
        other => found.push(other.to_string()),
    }
}

fn missing(document: &Value, application: &Application) -> Vec<String> {
    let (mut sent, mut there) = (Vec::new(), Vec::new());
    leaves(document, &mut sent);
    said(&serde_json::to_value(application).expect("JSON"), &mut there);
    let words = sent.iter().map(|leaf| leaf.as_str().map_or_else(|| leaf.to_string(), ToOwned::to_owned));
    let renamed = words.map(|word| {
        RENAMED.iter().find(|(sent, _)| *sent == word).map_or(word.clone(), |(_, called)| (*called).to_owned())
    });
    renamed.filter(|word| !there.iter().any(|text| text.contains(word.as_str()))).collect()
}

/// Every property of a schema, by its path; `one` are properties of which only one at a time may be there.
fn properties(schema: &Value, root: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(place) = schema["$ref"].as_str().and_then(|place| place.strip_prefix('#')) {
        return properties(root.pointer(place).expect("a definition"), root, path, found);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        found.insert(format!("{path}/{name}"));
        properties(property, root, &format!("{path}/{name}"), found);
    }
    if schema["items"].is_object() {
        properties(&schema["items"], root, path, found);
    }
    for branch in ["oneOf", "anyOf", "allOf"] {
        for part in schema[branch].as_array().into_iter().flatten() {
            properties(part, root, path, found);
        }
    }
}

fn used(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                found.insert(format!("{path}/{name}"));
                used(member, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| used(item, path, found)),
        _ => {}
    }
}

#[test]
fn every_value_of_metadata_that_hold_every_property_of_their_schema_is_in_the_application() {
    for (version, schema) in [(1, "metadata-1.0.0.schema.json"), (2, "metadata-2.1.0.schema.json")] {
        let Some(bytes) = shared_data(schema) else { continue };
        let schema: Value = serde_json::from_slice(&bytes).expect("JSON");
        let validator: Validator = jsonschema::validator_for(&schema).expect("a schema");
        let (mut there, mut wanted) = (BTreeSet::new(), BTreeSet::new());
        properties(&schema, &schema, "", &mut wanted);
        let mut unique = Unique(0);
        for (since, channel) in channels(&mut unique) {
            if since > version {
                continue;
            }
            let document = document(version, &mut Unique(100), &channel);
            let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "the document does not follow its schema: {errors:?}");
            assert_eq!(missing(&document, &application(&document)), Vec::<String>::new(), "{channel}");
            used(&document, "", &mut there);
        }
        let unused: Vec<_> = wanted.difference(&there).collect();
        assert!(unused.is_empty(), "the documents lack properties of the schema: {unused:?}");
    }
}

#[test]
fn every_value_of_a_form_of_ours_is_in_the_application() {
    let form = |account: Value| {
        json!({
            "control": {"transactionId": "t-1", "zustaendigeStelle": "197008",
                "leikaIds": ["99050012104000", "99050012104001"], "formId": "Gewerbeanmeldung",
                "name": "Antrag auf Gewerbeanmeldung", "serviceKonto": account},
            "formData": [
                {"name": "text", "label": "Ein Text", "stringValue": "Bäckerei"},
                {"name": "zahl", "label": "Eine Zahl", "numberValue": 12_345.5},
                {"name": "tag", "label": "Ein Tag", "dateValue": "2026-12-01"},
                {"name": "ja", "label": "Ja oder nein", "booleanValue": true},
                {"name": "gruppe", "label": "Eine Gruppe", "formItems": [
                    {"name": "leer", "label": "Ohne Wert"},
                    {"name": "tiefer", "label": "Noch eine", "formItems": [
                        {"name": "innen", "label": "Ganz innen", "stringValue": "Keine Angabe"}]}]},
            ]
        })
    };
    let address = json!({"identifier": "p-0815", "type": "unternehmen"});
    let mut metadata = json!({
        "contentStructure": {"attachments": [], "data": {"hash": Unique(1).hash(),
            "submissionSchema": {"schemaUri": ozg_cloud::SCHEMA_URI, "mimeType": "application/json"}}}
    });
    // A mailbox that goes before the one in the form does not push that one out.
    metadata["replyChannel"] = json!({"elster": {"accountId": "1234567890"}});
    let metadata = Metadata::parse(metadata.to_string().as_bytes(), TOLERANCE).expect("metadata");
    for account in [
        json!({"type": "BundesTest", "trustLevel": "STORK-QAA-LEVEL-3", "postfachAddress": address}),
        json!({"type": "Neues Konto", "trustLevel": "Keine Angaben"}),
        json!({"trustLevel": "STORK-QAA-Level-1"}),
        json!({"type": "Nur ein Name"}),
    ] {
        let form = form(account);
        let data = form.to_string();
        let application = from_parts(&metadata, &BTreeMap::new(), Some("11"), Some(data.as_bytes()));
        assert_eq!(missing(&form, &application), Vec::<String>::new());
        assert_eq!(application.region_text.as_deref(), Some("11"), "a region that is no key stays as it was sent");
        assert_eq!(application.submitted, Some(Moment::from_seconds(1_790_000_000)));
    }
}
