//! What a submission consists of: data and attachments with their hashes.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    AttachmentPart, DataFormat, DataPart, DataSchema, EmptyFragments, Metadata, SchemaVersion, Violation,
    reading::{Found, Place, Rule, boolean, owned},
    rules::Rules,
};
use crate::{
    application::{Purpose, SignatureNote},
    fit_connect::hash::ContentHash,
    ids::AttachmentId,
};

const PURPOSES: [(&str, Purpose); 4] = [
    ("form", Purpose::Form),
    ("attachment", Purpose::Attachment),
    ("report", Purpose::Report),
    // Only where large attachments are known, therefore the last.
    ("data", Purpose::Data),
];
const FORMATS: [(&str, DataFormat); 2] = [("application/json", DataFormat::Json), ("application/xml", DataFormat::Xml)];
const SIGNATURES: [&str; 5] = ["cms", "xml", "pdf", "asic", "json"];
const PROFILES: [&str; 4] = [
    "http://uri.etsi.org/ades/191x2/level/baseline/B-B#",
    "http://uri.etsi.org/ades/191x2/level/baseline/B-T#",
    "http://uri.etsi.org/ades/191x2/level/baseline/B-LT#",
    "http://uri.etsi.org/ades/191x2/level/baseline/B-LTA#",
];

impl Metadata {
    /// Reads a document by the rules of a version.
    pub(super) fn read(value: &Value, version: SchemaVersion, empty: EmptyFragments) -> Result<Self, Vec<Violation>> {
        let found = Found::default();
        let metadata = read(&Place::root(value, &found), version, empty);
        match (metadata, found.into_inner()) {
            (Some(metadata), violations) if violations.is_empty() => Ok(metadata),
            (_, violations) => Err(violations),
        }
    }
}

fn read(root: &Place<'_>, version: SchemaVersion, empty: EmptyFragments) -> Option<Metadata> {
    let rules = version.rules();
    root.members()?;
    let content = root.required("contentStructure", |content| {
        content.members()?;
        let data = if rules.data_required { content.required("data", data) } else { content.optional("data", data) };
        let attachments = content.required("attachments", |list| list.items(|item| attachment(item, rules, empty)));
        Some((data, attachments?))
    });
    let context = super::context::read(root, rules);
    let (data, attachments) = content?;
    Some(Metadata {
        version,
        data,
        attachments,
        service: context.service,
        identity: context.identity,
        payment: context.payment,
        reply: context.reply,
        references: context.references,
        author: context.author,
        data_sets: context.data_sets,
    })
}

fn data(place: &Place<'_>) -> Option<DataPart> {
    place.members()?;
    let hash = place.required("hash", hash);
    let schema = place.required("submissionSchema", |schema| data_schema(schema, &FORMATS));
    let signature = place.optional("signature", signature);
    Some(DataPart { hash: hash?, schema: schema?, signature })
}

pub(super) fn data_schema(place: &Place<'_>, formats: &[(&str, DataFormat)]) -> Option<DataSchema> {
    place.members()?;
    let uri = place.required("schemaUri", owned);
    let format = place.required("mimeType", |format| format.one_of(formats));
    Some(DataSchema { uri: uri?, format: format? })
}

pub(super) fn hash(place: &Place<'_>) -> Option<ContentHash> {
    place.members()?;
    let kind = place.required("type", |kind| kind.among(&["sha512"]));
    let hash = place.required("content", |content| {
        let text = content.text()?;
        ContentHash::from_hex(text).or_else(|| content.breaks(Rule::Form))
    });
    kind.and(hash)
}

fn signature(place: &Place<'_>) -> Option<SignatureNote> {
    place.members()?;
    let format = place.required("signatureFormat", |format| format.among(&SIGNATURES));
    let detached = place.required("detachedSignature", boolean);
    let profile = place.optional("eidasAdesProfile", |profile| profile.among(&PROFILES));
    let content = place.optional("content", |content| content.formed(is_signature));
    Some(SignatureNote { format: format?, detached: detached?, profile, content })
}

/// The schema's pattern `^[a-zA-Z0-9+/=]+|[a-zA-Z0-9_-]+$` as it is meant by its engine: it looks at either end only.
fn is_signature(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='));
    let ends = text.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    starts || ends
}

fn attachment(place: &Place<'_>, rules: &Rules, empty: EmptyFragments) -> Option<AttachmentPart> {
    place.members()?;
    let purposes = if rules.large_attachments { &PURPOSES[..] } else { &PURPOSES[..3] };
    let hash = place.required("hash", hash);
    let purpose = place.required("purpose", |purpose| purpose.one_of(purposes));
    let mime_type = place.required("mimeType", |mime_type| mime_type.formed(is_mime_type));
    let id = place.required("attachmentId", attachment_id);
    let filename = place.optional("filename", owned);
    let description = place.optional("description", owned);
    let signature = place.optional("signature", signature);
    let fragments = if rules.large_attachments {
        place.optional("fragments", |fragments| self::fragments(fragments, empty))
    } else {
        None
    };
    Some(AttachmentPart {
        id: id?,
        hash: hash?,
        purpose: purpose?,
        mime_type: mime_type?,
        filename,
        description,
        signature,
        fragments: fragments.unwrap_or_default(),
    })
}

fn fragments(place: &Place<'_>, empty: EmptyFragments) -> Option<Vec<AttachmentId>> {
    let ids = place.items(attachment_id)?;
    if place.value.as_array().is_some_and(Vec::is_empty) && empty == EmptyFragments::Reject {
        return place.breaks(Rule::Size);
    }
    let mut seen = HashSet::new();
    if ids.iter().all(|id| seen.insert(id)) { Some(ids) } else { place.breaks(Rule::Double) }
}

fn attachment_id(place: &Place<'_>) -> Option<AttachmentId> {
    let text = place.text()?;
    text.parse().ok().or_else(|| place.breaks(Rule::Form))
}

/// `^[-\w.]+/[-\w.+]+$`
fn is_mime_type(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.split_once('/').is_some_and(|(kind, subtype)| {
        !kind.is_empty()
            && kind.chars().all(word)
            && !subtype.is_empty()
            && subtype.chars().all(|c| word(c) || c == '+')
    })
}
