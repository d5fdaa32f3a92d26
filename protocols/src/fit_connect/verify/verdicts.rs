//! Tests: every row of the table, shown by the exact problem that it becomes. Here: what the tests of the stages share.

mod log;
mod metadata;
mod parts;

use super::*;
use crate::{
    application::Purpose,
    fit_connect::{
        hash::ContentHash,
        metadata::{AttachmentPart, DataFormat, DataPart, DataSchema},
        tag::{AuthenticationTag, AuthenticationTags},
    },
    ids::AttachmentId,
};

const DATA: &[u8] = br#"{"name":"Muster"}"#;

fn attachment_id() -> AttachmentId {
    AttachmentId::from_random([4; 16])
}

fn tag(number: u8) -> AuthenticationTag {
    AuthenticationTag::of(&[number; 16])
}

fn tags() -> AuthenticationTags {
    AuthenticationTags { metadata: Some(tag(1)), data: Some(tag(2)), attachments: [(attachment_id(), tag(3))].into() }
}

/// The problems of a stage: suffix of the type and instance.
fn problems<T: std::fmt::Debug>(judged: Result<T, Stop>) -> Vec<(String, String)> {
    let Err(Stop::Reject(problems)) = judged else { panic!("problems expected, not {judged:?}") };
    assert!(!problems.is_empty());
    problems
        .iter()
        .map(|problem| {
            assert!(!problem.title.is_empty() && !problem.detail.is_empty());
            let suffix = problem.kind.strip_prefix(PREFIX).expect("FITKO's prefix");
            (suffix.to_owned(), problem.instance.to_string())
        })
        .collect()
}

fn one(suffix: &str, instance: &str) -> Vec<(String, String)> {
    vec![(suffix.to_owned(), instance.to_owned())]
}

fn attachment() -> AttachmentPart {
    AttachmentPart {
        id: attachment_id(),
        hash: ContentHash::of(b"Anlage"),
        purpose: Purpose::Attachment,
        mime_type: "application/pdf".to_owned(),
        filename: None,
        description: None,
        signature: None,
        fragments: Vec::new(),
    }
}

fn data_part() -> DataPart {
    let schema = DataSchema { uri: "https://example.org/schema".to_owned(), format: DataFormat::Json };
    DataPart { hash: ContentHash::of(DATA), schema, signature: None }
}

fn opened(number: u8, content: &[u8]) -> OpenedPart {
    OpenedPart { tag: Some(tag(number)), content: Ok(content.to_vec()) }
}

fn unreadable(number: u8, reason: Unreadable) -> OpenedPart {
    OpenedPart { tag: Some(tag(number)), content: Err(reason) }
}
