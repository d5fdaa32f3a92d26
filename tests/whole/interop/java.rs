//! Java: Nimbus JOSE + JWT and networknt read every kind of message that we write, and we read theirs.

use std::collections::BTreeMap;

use ozg_cloud::sender::{
    client::{ApiVersion, Receipt, Verdict},
    damage::Damage,
    parcel::{Attachment, Content, Parcel},
    sample::{Samples, service::SERVICES},
};
use ozg_protocols::{
    application::Purpose,
    fit_connect::{
        hash::ContentHash,
        jose::{
            jwk::{Chain, PublicJwk},
            rsa::VerificationKey,
        },
        metadata::{EmptyFragments, Metadata, MissingSchema, SchemaVersion, Tolerance},
        set::{Claims, Event, Set},
    },
    hex,
    ids::AttachmentId,
};
use serde_json::{Value, json};

use super::{
    aside, ask, counterpart,
    guest::{Guest, fetch},
    shared, show, vectors,
};
use crate::{
    sandbox_town::{now, sample},
    subscriber_hall::PATIENCE,
    world::{PLACES, World},
};

/// Above the size from which our sender seals while it sends.
const STREAMED: u64 = 1_500_001;
const STRICT: Tolerance = Tolerance { fragments: EmptyFragments::Reject, schema: MissingSchema::Reject };

/// Gives the Java programs a task and gets its outcome.
async fn run(task: Value) -> Value {
    let place = counterpart("java");
    let class_path = format!("{}:{}", place.join("classes").display(), place.join("lib/*").display());
    aside(move || ask("java".as_ref(), &["-cp", &class_path, "Strangers"], &task)).await
}

/// A sealed part that we sent, and what is in it.
struct Sealed {
    name: String,
    text: String,
    content: ContentHash,
}

/// All parts of a submission as they lie at the sandbox.
async fn sealed(world: &World, guest: &Guest, receipt: Receipt, parcel: &Parcel, name: &str) -> Vec<Sealed> {
    let (account, path) = (guest.account(), format!("/v2/submissions/{}", receipt.submission_id));
    let submission: Value = serde_json::from_str(&fetch(world, &account, &path).await).expect("JSON");
    let text = |member: &str| submission[member].as_str().expect("a sealed part").to_owned();
    let metadata = ContentHash::of(parcel.described().to_json().as_bytes());
    let part =
        |part: &str, text: String, content: ContentHash| Sealed { name: format!("{name} {part}"), text, content };
    let mut parts = vec![
        part("metadata", text("encryptedMetadata"), metadata),
        part("data", text("encryptedData"), ContentHash::of(&parcel.data)),
    ];
    for attachment in &parcel.attachments {
        let sealed = fetch(world, &account, &format!("{path}/attachments/{}", attachment.id)).await;
        parts.push(part(&attachment.filename, sealed, attachment.content.hash()));
    }
    parts
}

/// The tokens in a case's log, each with the key that its issuer publishes.
async fn signed(world: &World, receipt: Receipt) -> Vec<Value> {
    let account = world.account();
    let log = fetch(world, &account, &format!("/v2/cases/{}/events", receipt.case_id)).await;
    let log: Value = serde_json::from_str(&log).expect("JSON");
    let mut tokens = Vec::new();
    for text in log["eventLog"].as_array().expect("a log") {
        let text = text.as_str().expect("a token");
        let set = Set::parse(text).expect("a SET");
        let claims: Value = serde_json::from_str(&set.unverified().to_json()).expect("JSON");
        let issuer = claims["iss"].as_str().expect("an issuer");
        let path = if issuer.starts_with("http") {
            "/.well-known/jwks.json".to_owned()
        } else {
            format!("/v2/destinations/{issuer}/keys/{}", set.kid())
        };
        let mut key: Value = serde_json::from_str(&fetch(world, &account, &path).await).expect("JSON");
        if let Some(first) = key.get("keys").map(|keys| keys[0].clone()) {
            key = first;
        }
        let event = claims["events"].as_object().expect("events").keys().next().expect("an event").clone();
        tokens.push(
            json!({ "name": format!("{event} {}", receipt.submission_id), "text": text, "key": key, "claims": claims }),
        );
    }
    tokens
}

#[tokio::test]
#[ignore = "needs a counterpart: make interop"]
async fn nimbus_reads_what_we_write_and_we_read_what_it_writes() {
    let world = World::open().await;
    let guest = Guest::move_in(&world).await;

    let mut parts = Vec::new();
    for version in [ApiVersion::V1, ApiVersion::V2] {
        let mut parcel = sample(version);
        parcel.attachments.push(Attachment {
            id: AttachmentId::from_random([8; 16]),
            purpose: Purpose::Attachment,
            mime_type: "application/pdf".to_owned(),
            filename: "Plan.pdf".to_owned(),
            content: Content::Generated { length: STREAMED },
        });
        let (_, receipt) = guest.receive_parcel(&world, version, &parcel).await;
        parts.extend(sealed(&world, &guest, receipt, &parcel, &format!("{version:?}")).await);
    }

    let mut tokens = Vec::new();
    let sender = world.sender();
    for place in &PLACES {
        let key = world.key_of(place).await;
        for damage in [None, Some(Damage::DataHash)] {
            let parcel = sample(place.version);
            let sent = sender.send(place.destination(), &key, place.version, &parcel, damage.as_ref()).await;
            let receipt = sent.expect("sent");
            let verdict = sender.wait(receipt, place.version, PATIENCE).await.expect("a log");
            assert_eq!(matches!(verdict, Verdict::Accepted), damage.is_none(), "{verdict:?}");
            tokens.extend(signed(&world, receipt).await);
        }
    }

    let private: Value = serde_json::from_str(&guest.keys.decryption.to_json()).expect("JSON");
    let published = |name: &str, key: PublicJwk| json!({ "name": name, "jwk": key.to_value() });
    let mut keys = vec![
        published("decryption", guest.keys.decryption.public()),
        published("signing", guest.keys.signing.public()),
    ];
    keys.extend(tokens.iter().map(|token| json!({ "name": token["key"]["kid"], "jwk": token["key"] })));
    let outcome = run(json!({
        "vectors": vectors::directory(),
        "keys": keys,
        "sealed": parts
            .iter()
            .map(|part| json!({ "name": part.name, "text": part.text, "key": private }))
            .collect::<Vec<_>>(),
        "signed": tokens,
        "recipient": guest.keys.decryption.public().to_value(),
    }))
    .await;

    for part in &parts {
        assert_eq!(outcome["sealed"][&part.name], part.content.to_string(), "{}", part.name);
    }
    for token in &tokens {
        let payload = outcome["signed"][token["name"].as_str().expect("a name")].as_str().expect("a payload");
        let read: Value = serde_json::from_str(payload).unwrap_or_else(|error| panic!("{error}: {payload}"));
        assert_eq!(read, token["claims"]);
    }
    for key in &keys {
        let jwk = PublicJwk::from_value(&key["jwk"], Chain::Required).expect("a key");
        assert_eq!(outcome["keys"][key["name"].as_str().expect("a name")], jwk.thumbprint().as_str());
    }
    show(format!("read by Nimbus: {} sealed parts, {} events, {} keys", parts.len(), tokens.len(), keys.len()));
    alike(&outcome["vectors"]);
    read_back(&outcome["written"], private.to_string().as_bytes());
}

/// Every recorded message gets the same verdict from both, which is the expected one.
fn alike(theirs: &Value) {
    let judged = vectors::judged();
    let mut alone = Vec::new();
    for (name, judged) in &judged {
        let strict = theirs[name]["strict"].as_str().expect("a verdict");
        let refused = strict.starts_with("refused: ");
        assert_eq!(judged.ours.is_ok(), judged.expected_good, "{name}: {judged:?}");
        assert_eq!(judged.ours.is_err(), refused, "{name}: {judged:?}, {strict}");
        if !judged.expected_good && !theirs[name]["alone"].as_str().expect("a verdict").starts_with("refused: ") {
            alone.push(name.as_str());
        }
    }
    show(format!("{} recorded messages judged alike; Nimbus alone would take {}", judged.len(), alone.join(", ")));
}

/// What Nimbus wrote: sealed parts for our key, an event, and keys of its own.
fn read_back(written: &Value, key: &[u8]) {
    let text = |member: &str| written[member].as_str().unwrap_or_else(|| panic!("{member}: {written}")).to_owned();
    let parts = written["sealed"].as_array().expect("parts");
    for part in parts {
        let content = bytes(part["content"].as_str().expect("content"));
        let opened = vectors::open(part["text"].as_str().expect("a message"), key).expect("opens");
        assert_eq!(opened, ContentHash::of(&content).to_string());
    }
    let own = vectors::open(&text("own"), written["decryption_key"].to_string().as_bytes()).expect("opens");
    assert_eq!(own.len(), 128);
    let published = |member: &str| PublicJwk::from_value(&written[member], Chain::Optional).expect("a key");
    assert_eq!(published("decryption_key_published").thumbprint().as_str(), text("thumbprint"));
    let key = VerificationKey::new(&published("signing_key_published")).expect("usable");
    let event = text("event");
    let claims: Claims = Set::parse(&event).expect("a SET").verify(&key).expect("verified");
    assert!(matches!(claims.event, Event::Accepted(Some(_))));
    show(format!("written by Nimbus and read by us: {} sealed parts, 1 event, 2 keys", parts.len() + 1));
}

fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits).expect("hex")
}

/// The pointers of all values below the root; the schema is named by the task, not by the document.
fn pointers(value: &Value, here: &str, all: &mut Vec<String>) {
    let mut below = |name: &str, value: &Value| {
        let pointer = format!("{here}/{name}");
        if pointer != "/$schema" {
            all.push(pointer.clone());
            pointers(value, &pointer, all);
        }
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| below(name, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| below(&at.to_string(), value)),
        _ => {}
    }
}

/// The document without this value, and with something else in its place.
fn broken(document: &Value, pointer: &str) -> Vec<Value> {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let mut without = document.clone();
    match without.pointer_mut(parent).expect("a parent") {
        Value::Object(members) => drop(members.remove(name)),
        Value::Array(items) => drop(items.remove(name.parse().expect("an index"))),
        _ => unreachable!("only these have members"),
    }
    let replaced = [Value::Null, json!(7), json!([]), json!({}), json!(["x"]), json!(true)].into_iter().map(|other| {
        let mut document = document.clone();
        *document.pointer_mut(pointer).expect("a value") = other;
        document
    });
    replaced.chain([without]).collect()
}

#[tokio::test]
#[ignore = "needs a counterpart: make interop"]
async fn networknt_judges_metadata_as_we_do() {
    let versions = [SchemaVersion::V1_0_0, SchemaVersion { major: 2, minor: 0, patch: 0 }, SchemaVersion::V2_1_0];
    let mut schemas = BTreeMap::new();
    for version in versions {
        let Some(schema) = shared(&format!("data/fitconnect/metadata-{version}.schema.json")) else { return };
        schemas.insert(version.to_string(), schema);
    }
    let (mut documents, mut good) = (Vec::new(), 0);
    let mut samples = Samples::new(11);
    for service in &SERVICES {
        for version in versions {
            let api = if version.major == 1 { ApiVersion::V1 } else { ApiVersion::V2 };
            let mut metadata = samples.of(service, api, now()).described();
            metadata.version = version;
            let document: Value = serde_json::from_str(&metadata.to_json()).expect("JSON");
            let mut all = Vec::new();
            pointers(&document, "", &mut all);
            let mutated = all.iter().flat_map(|pointer| broken(&document, pointer));
            documents.extend(mutated.chain([document.clone()]).map(|document| (version, document)));
            good += 1;
        }
    }
    let list: Vec<Value> = documents
        .iter()
        .map(|(version, document)| json!({ "version": version.to_string(), "document": document }))
        .collect();
    let outcome = run(json!({
        "vectors": vectors::directory(),
        "schemas": schemas,
        "documents": list,
        "recipient": crate::sandbox_town::keys()[0].decryption.public().to_value(),
    }))
    .await;
    let theirs = outcome["documents"].as_array().expect("verdicts");
    assert_eq!(theirs.len(), documents.len());
    let (mut valid, mut differ) = (0, Vec::new());
    for ((_, document), theirs) in documents.iter().zip(theirs) {
        let ours = Metadata::parse(document.to_string().as_bytes(), STRICT);
        valid += usize::from(ours.is_ok());
        if theirs != &Value::Bool(ours.is_ok()) {
            differ.push(format!("networknt says {theirs}, we say {:?}: {document}", ours.err()));
        }
    }
    assert!(differ.is_empty(), "{} of {}: {}", differ.len(), documents.len(), differ[..differ.len().min(5)].join("\n"));
    show(format!("{good} documents of ours and {} broken ones judged alike, {valid} valid", documents.len() - good));
}
