//! Every row of the verification table, through the program: somebody breaks something, and the sender reads exactly that
//! problem in the event log. One table for what a sender breaks, one for what the service breaks; together they show
//! every check that the protocol's own table holds.

use std::sync::Arc;

use ozg_actors::{DestinationSettings, outbound::OutboundSettings};
use ozg_cloud::sender::{
    client::{ApiVersion, Verdict},
    damage::Damage,
    parcel::{Content, Parcel},
};
use ozg_protocols::{
    application::ReplyChannel,
    fit_connect::{
        hash::ContentHash,
        metadata::{DataFormat, Reply},
        verify::{Check, ReplyKind, TABLE},
    },
    forms::data_schema::DataSchemas,
    ids::AttachmentId,
};
use serde_json::{Value, json};

use crate::{
    sandbox_town::sample,
    subscriber_hall::{Bounds, Hall, erika, query, said},
};

const VERSIONS: [ApiVersion; 2] = [ApiVersion::V1, ApiVersion::V2];
/// A schema that is published and installed, and a service that nobody offers.
const CHECKED: &str = "urn:example:schema:hund:1";
const XSD: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="hund"><xs:complexType>
    <xs:sequence><xs:element name="rasse" type="xs:string"/><xs:element name="alter" type="xs:integer"/></xs:sequence>
    </xs:complexType></xs:element></xs:schema>"#;
const ELSEWHERE: &str = "urn:de:fim:leika:leistung:99123456789012";
/// The longest attachment that is taken, in bytes.
const LONGEST: u64 = 256 * 1024;

/// Something that is broken, and the problems that it becomes, in their order.
struct Case {
    what: &'static str,
    parcel: Parcel,
    damage: Option<Damage>,
    fault: Option<Value>,
    shown: Vec<(Check, String)>,
}

impl Case {
    fn new(what: &'static str, version: ApiVersion) -> Self {
        Self { what, parcel: sample(version), damage: None, fault: None, shown: Vec::new() }
    }

    fn parcel(mut self, change: impl FnOnce(&mut Parcel)) -> Self {
        change(&mut self.parcel);
        self
    }

    fn damage(mut self, damage: Damage) -> Self {
        self.damage = Some(damage);
        self
    }

    /// Sends other metadata than those of the parcel.
    fn metadata(self, change: impl FnOnce(&mut Value)) -> Self {
        let mut document = serde_json::from_str(&self.parcel.described().to_json()).expect("JSON");
        change(&mut document);
        self.damage(Damage::Metadata(document.to_string().into_bytes()))
    }

    fn fault(mut self, fault: Value) -> Self {
        self.fault = Some(fault);
        self
    }

    fn shows(mut self, check: Check, problem: impl Into<String>) -> Self {
        self.shown.push((check, problem.into()));
        self
    }
}

fn attachment(parcel: &Parcel, at: usize, problem: &str) -> String {
    format!("{problem} @ attachment:{}", parcel.attachments[at].id)
}

/// The list of described attachments.
fn described(metadata: &mut Value) -> &mut Vec<Value> {
    metadata["contentStructure"]["attachments"].as_array_mut().expect("a list")
}

fn without(document: &mut Value, name: &str) {
    document.as_object_mut().expect("an object").remove(name);
}

/// What a sender breaks about the metadata and what they describe: rows 6 to 13.
fn metadata_of_a_sender(version: ApiVersion) -> Vec<Case> {
    let case = |what| Case::new(what, version);
    let id = |at: usize| sample(version).attachments[at].id;
    let mismatch = "attachments-mismatch @ metadata";
    let stranger = AttachmentId::from_random([3; 16]);
    let mut cases = vec![
        case("metadata that do not decrypt")
            .damage(Damage::ChangedMetadata)
            .shows(Check::MetadataDecrypt, "encryption-issue @ metadata"),
        case("metadata that are not JSON")
            .damage(Damage::Metadata(b"{".to_vec()))
            .shows(Check::MetadataSyntax, "syntax-violation @ metadata"),
        case("metadata of a schema that nobody knows")
            .damage(Damage::MetadataSchema("https://x/9.0.0".into()))
            .shows(Check::MetadataSchemaSupported, "unsupported-schema @ metadata"),
        case("metadata that break their schema in two places")
            .metadata(|metadata| {
                without(&mut described(metadata)[0], "purpose");
                without(&mut described(metadata)[1], "hash");
            })
            .shows(Check::MetadataSchema, "schema-violation @ metadata")
            .shows(Check::MetadataSchema, "schema-violation @ metadata"),
        case("a service that the destination does not offer")
            .parcel(|parcel| {
                ELSEWHERE.clone_into(&mut parcel.service);
                if let Some(service) = &mut parcel.metadata.service {
                    ELSEWHERE.clone_into(&mut service.identifier);
                }
            })
            .shows(Check::ServiceSupported, "unsupported-service @ metadata"),
        case("data of a schema that the destination does not publish")
            .parcel(|parcel| parcel.schema_uri = "urn:example:schema:katze:1".to_owned())
            .shows(Check::DataSchemaSupported, "unsupported-schema @ metadata"),
        case("a reply channel that the destination does not take")
            .parcel(|parcel| {
                let channel = ReplyChannel::DeMail { address: "erika@example.de-mail.de".to_owned() };
                parcel.metadata.reply = Some(Reply::Known(channel));
            })
            .shows(Check::ReplyChannelSupported, "unsupported-reply-channel @ metadata"),
        case("a reply channel that nobody knows")
            .metadata(|metadata| metadata["replyChannel"] = json!({ "brieftaube": {} }))
            .shows(Check::ReplyChannelSupported, "unsupported-reply-channel @ metadata"),
        case("an attachment that is announced and not described")
            .damage(Damage::UndescribedAttachment)
            .shows(Check::AttachmentsAnnounced, mismatch),
        case("an attachment that is described and not announced")
            .damage(Damage::UnannouncedAttachment(stranger))
            .shows(Check::AttachmentsAnnounced, mismatch),
    ];
    match version {
        ApiVersion::V1 => cases.push(
            case("another service in the metadata than in the announcement")
                .metadata(|metadata| metadata["publicServiceType"]["identifier"] = ELSEWHERE.into())
                .shows(Check::ServiceMatches, "service-mismatch @ metadata"),
        ),
        ApiVersion::V2 => cases.extend([
            case("metadata without a schema")
                .metadata(|metadata| without(metadata, "$schema"))
                .shows(Check::MetadataSchemaPresent, "missing-schema @ metadata"),
            case("a member that nobody knows, with a name longer than any record")
                .metadata(|metadata| metadata["additionalReferenceInfo"] = json!({ "x".repeat(80_000): 1 }))
                .shows(Check::MetadataSchema, "schema-violation @ metadata"),
            case("a data set with the hash of something else")
                .metadata(|metadata| {
                    let schema = json!({ "schemaUri": "urn:x", "mimeType": "application/jose" });
                    let hash = json!({ "type": "sha512", "content": "0f".repeat(64) });
                    metadata["dataSets"] =
                        json!([{ "dataSetId": stranger, "schema": schema, "hash": hash, "content": "x" }]);
                })
                .shows(Check::DataSetHash, "hash-mismatch @ metadata"),
            case("a fragment that is described and not announced")
                .metadata(|metadata| described(metadata)[0]["fragments"] = json!([id(0), stranger]))
                .shows(Check::AttachmentsAnnounced, mismatch),
            case("a part that is announced and nobody's fragment")
                .metadata(|metadata| {
                    described(metadata).truncate(1);
                    described(metadata)[0]["fragments"] = json!([id(1)]);
                })
                .shows(Check::AttachmentsAnnounced, mismatch),
        ]),
    }
    cases
}

/// What a sender breaks about data and attachments: rows 14 to 16.
fn parts_of_a_sender(version: ApiVersion) -> Vec<Case> {
    let case = |what| Case::new(what, version);
    let parcel = sample(version);
    let unreadable = parcel
        .attachments
        .iter()
        .fold(case("attachments that do not decrypt").damage(Damage::ChangedAttachment), |case, part| {
            case.shows(Check::AttachmentDecrypt, format!("encryption-issue @ attachment:{}", part.id))
        });
    let mut cases = vec![
        case("data that do not decrypt")
            .damage(Damage::ChangedData)
            .shows(Check::DataDecrypt, "encryption-issue @ data"),
        case("another hash of the data").damage(Damage::DataHash).shows(Check::DataHash, "hash-mismatch @ data"),
        case("data that are not JSON")
            .parcel(|parcel| parcel.data = b"{".to_vec())
            .shows(Check::DataSyntax, "syntax-violation @ data"),
        case("data nested too deep")
            .damage(Damage::DeepData(10_000))
            .shows(Check::DataSyntax, "syntax-violation @ data"),
        case("data that are not XML")
            .parcel(|parcel| (parcel.data, parcel.format) = (b"<antrag>".to_vec(), DataFormat::Xml))
            .shows(Check::DataSyntax, "syntax-violation @ data"),
        case("data that break their schema")
            .parcel(|parcel| (parcel.data, parcel.schema_uri) = (b"{}".to_vec(), CHECKED.to_owned()))
            .shows(Check::DataSchema, "schema-violation @ data"),
        case("XML that breaks its schema")
            .parcel(|parcel| xml(parcel, "<hund><rasse/><alter>alt</alter></hund>"))
            .shows(Check::DataSchema, "schema-violation @ data"),
        unreadable,
        case("another hash of an attachment")
            .damage(Damage::AttachmentHash)
            .shows(Check::AttachmentHash, attachment(&parcel, 0, "hash-mismatch")),
        case("an attachment longer than anything that is taken")
            .parcel(|parcel| parcel.attachments[1].content = Content::Generated { length: LONGEST + 1 })
            .shows(Check::Internal, "technical-error @ other"),
    ];
    if version == ApiVersion::V1 {
        cases.push(
            case("data that are described and not sent")
                .damage(Damage::WithheldData)
                .shows(Check::DataPresent, "missing-data @ data"),
        );
    }
    cases
}

/// What the service breaks.
fn of_the_service(version: ApiVersion) -> Vec<Case> {
    let case = |what, fault: Value| Case::new(what, version).fault(fault);
    let parcel = sample(version);
    let (invalid, mismatch) = ("invalid-event-log @ submission", "attachments-mismatch @ submission");
    let tag = |part: &str| format!("incorrect-authentication-tag @ {part}");
    let first = || attachment(&parcel, 0, "incorrect-authentication-tag");
    let ids = || parcel.attachments.iter().map(|part| part.id);
    let swapped =
        ids().enumerate().filter(|(_, id)| Some(*id) == ids().min() || Some(*id) == ids().max()).fold(
            case("two attachments that changed places", json!({ "kind": "swapped-attachment" })),
            |case, (at, _)| case.shows(Check::AttachmentTag, attachment(&parcel, at, "incorrect-authentication-tag")),
        );
    vec![
        // Neither is the event believed, nor is there another one that is.
        case("a forged event", json!({ "kind": "forged-set" }))
            .shows(Check::SetsVerify, invalid)
            .shows(Check::OneSubmitEvent, invalid),
        case("two submit events", json!({ "kind": "two-submit-events" })).shows(Check::OneSubmitEvent, invalid),
        case("no tags", json!({ "kind": "missing-tags" }))
            .shows(Check::TagsPresent, "missing-authentication-tags @ submission"),
        case("no tag of the metadata", json!({ "kind": "missing-tags", "part": "metadata" }))
            .shows(Check::TagsComplete, invalid),
        case("no tag of the data", json!({ "kind": "missing-tags", "part": "data" }))
            .shows(Check::TagsComplete, invalid),
        case("an attachment without a tag", json!({ "kind": "missing-tags", "part": "attachment" }))
            .shows(Check::AttachmentsHaveTags, mismatch),
        case("a tag without its attachment", json!({ "kind": "unlisted-attachment" }))
            .shows(Check::AttachmentsHaveTags, mismatch),
        case("another tag noted for the metadata", json!({ "kind": "wrong-tag" }))
            .shows(Check::MetadataTag, tag("metadata")),
        case("another tag on the metadata", json!({ "kind": "changed-tag" }))
            .shows(Check::MetadataTag, tag("metadata")),
        case("lost data", json!({ "kind": "missing-data" })).shows(Check::DataPresent, "missing-data @ data"),
        case("another tag noted for the data", json!({ "kind": "wrong-tag", "part": "data" }))
            .shows(Check::DataTag, tag("data")),
        case("another tag on the data", json!({ "kind": "changed-tag", "part": "data" }))
            .shows(Check::DataTag, tag("data")),
        case("a lost attachment", json!({ "kind": "missing-attachment" }))
            .shows(Check::AttachmentPresent, attachment(&parcel, 0, "missing-attachment")),
        case("another tag noted for an attachment", json!({ "kind": "wrong-tag", "part": "attachment" }))
            .shows(Check::AttachmentTag, first()),
        // Nor does it decrypt: that the tag is another one says more.
        case("another tag on an attachment", json!({ "kind": "changed-tag", "part": "attachment" }))
            .shows(Check::AttachmentTag, first()),
        swapped,
    ]
}

fn xml(parcel: &mut Parcel, data: &str) {
    (parcel.data, parcel.format, parcel.schema_uri) = (data.as_bytes().to_vec(), DataFormat::Xml, CHECKED.to_owned());
}

/// A hall that checks one schema, in both formats, and takes two reply channels.
async fn strict(version: ApiVersion, change: impl FnOnce(&mut DestinationSettings)) -> Hall {
    let schema = json!({ "$id": CHECKED, "type": "object", "required": ["rasse"] }).to_string();
    let schemas = DataSchemas::new([schema.as_bytes()]).expect("a schema");
    let xsd = uppsala::XsdValidator::from_schema(&uppsala::parse(XSD).expect("XML")).expect("a schema");
    let bounds = Bounds {
        outbound: OutboundSettings { longest_attachment: LONGEST, ..OutboundSettings::default() },
        data_schemas: Arc::new(schemas.with_xml([(CHECKED.to_owned(), xsd.into())])),
        ..Bounds::default()
    };
    let settings = |settings: &mut DestinationSettings| {
        settings.published[0].schema_uris.push(CHECKED.to_owned());
        settings.reply_channels = Some(vec![ReplyKind::Email, ReplyKind::BundIdMailbox]);
        change(settings);
    };
    Hall::bounded(version, bounds, settings).await
}

/// Sends every case and compares what becomes of it.
async fn show(version: ApiVersion, cases: Vec<Case>) {
    let hall = strict(version, |_| {}).await;
    let mut sent = Vec::new();
    for case in cases {
        if let Some(fault) = &case.fault {
            hall.town.fault(fault).await;
        }
        let receipt = hall.submit(version, &case.parcel, case.damage.as_ref()).await;
        sent.push((case, receipt));
    }
    for (case, receipt) in sent {
        let what = format!("{version:?}, {}", case.what);
        let Verdict::Rejected(problems) = hall.verdict(receipt).await else { panic!("{what}: not rejected") };
        let expected: Vec<&str> = case.shown.iter().map(|(_, problem)| problem.as_str()).collect();
        assert_eq!(problems.iter().map(said).collect::<Vec<_>>(), expected, "{what}");
        for (problem, (check, _)) in problems.iter().zip(&case.shown) {
            assert_eq!(problem["title"], check.row().title, "{what}");
            let refused = format!("\"{}\"", check.row().suffix);
            assert!(hall.metric("ozg_fitconnect_refused_total", &refused), "{what} is not counted");
        }
    }
    let armed = hall.town.get("/sandbox/faults", None).await.json();
    assert_eq!(armed["faults"], json!([]), "a fault was never taken");
    assert_eq!(hall.tenant().work_list().page(&erika(), &query()).rows.len(), 0);
}

fn of_a_sender(version: ApiVersion) -> Vec<Case> {
    let mut cases = metadata_of_a_sender(version);
    cases.append(&mut parts_of_a_sender(version));
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sender_breaks_is_rejected_with_exactly_that_problem() {
    for version in VERSIONS {
        show(version, of_a_sender(version)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_breaks_is_rejected_with_exactly_that_problem() {
    for version in VERSIONS {
        show(version, of_the_service(version)).await;
    }
}

#[test]
fn every_row_of_the_verification_table_is_shown_by_a_case_of_these_tests() {
    let cases = VERSIONS.into_iter().flat_map(|version| [of_a_sender(version), of_the_service(version)]).flatten();
    let shown: Vec<(Check, String)> = cases.flat_map(|case| case.shown).collect();
    for (check, problem) in &shown {
        let (suffix, instance) = problem.split_once(" @ ").expect("type and instance");
        let kind = instance.split(':').next().expect("a kind");
        assert_eq!((suffix, kind), (check.row().suffix, check.row().instance()), "{check:?}");
    }
    for row in TABLE {
        assert!(shown.iter().any(|(check, _)| *check == row.check), "nothing shows row {}: {row:?}", row.number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tolerated_is_accepted_unless_the_destination_says_otherwise() {
    let empty = |version| Case::new("empty fragments", version).damage(Damage::EmptyFragments);
    let (old, new) = (strict(ApiVersion::V1, |_| {}).await, strict(ApiVersion::V2, |_| {}).await);
    let good: [(&Hall, ApiVersion, Case); 5] = [
        (&new, ApiVersion::V2, empty(ApiVersion::V2)),
        (
            &old,
            ApiVersion::V1,
            Case::new("no schema", ApiVersion::V1).metadata(|metadata| without(metadata, "$schema")),
        ),
        (&old, ApiVersion::V1, Case::new("no data", ApiVersion::V1).damage(Damage::NoData)),
        (
            &new,
            ApiVersion::V2,
            Case::new("data that follow their schema", ApiVersion::V2).parcel(|parcel| {
                (parcel.data, parcel.schema_uri) = (br#"{"rasse":"Dackel"}"#.to_vec(), CHECKED.to_owned());
            }),
        ),
        (
            &new,
            ApiVersion::V2,
            Case::new("XML that follows its schema", ApiVersion::V2)
                .parcel(|parcel| xml(parcel, "<hund><rasse>Dackel</rasse><alter>3</alter></hund>")),
        ),
    ];
    for (hall, version, case) in good {
        let receipt = hall.submit(version, &case.parcel, case.damage.as_ref()).await;
        assert_eq!(hall.problems(receipt).await, ["Accepted"], "{}", case.what);
    }
    let hall = strict(ApiVersion::V2, |settings| settings.tolerate_empty_fragments = false).await;
    let case = empty(ApiVersion::V2);
    let receipt = hall.submit(ApiVersion::V2, &case.parcel, case.damage.as_ref()).await;
    let expected = vec!["schema-violation @ metadata"; case.parcel.attachments.len()];
    assert_eq!(hall.problems(receipt).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_in_fragments_is_joined_in_the_order_of_the_metadata() {
    let hall = strict(ApiVersion::V2, |_| {}).await;
    let whole = AttachmentId::from_random([7; 16]);
    let fragments = |reversed: bool| {
        let case = Case::new("fragments", ApiVersion::V2).parcel(|parcel| parcel.attachments.truncate(2));
        let parts: Vec<_> = case.parcel.attachments.iter().map(|part| (part.id, part.content.bytes())).collect();
        let joined: Vec<u8> = parts.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect();
        let mut ids: Vec<AttachmentId> = parts.iter().map(|(id, _)| *id).collect();
        if reversed {
            ids.reverse();
        }
        case.metadata(|metadata| {
            described(metadata).truncate(1);
            let attachment = &mut described(metadata)[0];
            attachment["attachmentId"] = json!(whole);
            attachment["fragments"] = json!(ids);
            attachment["hash"]["content"] = ContentHash::of(&joined).to_string().into();
        })
    };
    for (reversed, expected) in [(true, format!("hash-mismatch @ attachment:{whole}")), (false, "Accepted".to_owned())]
    {
        let case = fragments(reversed);
        let receipt = hall.submit(ApiVersion::V2, &case.parcel, case.damage.as_ref()).await;
        assert_eq!(hall.problems(receipt).await, [expected]);
    }
    assert_eq!(hall.only_case().await.application.files().count(), 1);
}
