//! Tests of rows 14 to 16: data, attachments, and the joining of what was found.

use super::{super::*, DATA, attachment, attachment_id, data_part, one, opened, problems, tag, tags, unreadable};
use crate::fit_connect::{
    hash::ContentHash,
    jose::jwe::JweRefused,
    metadata::AttachmentPart,
    metadata::{DataPart, DataSchema},
    tag::AuthenticationTags,
};
use crate::ids::AttachmentId;

fn about_attachment() -> String {
    format!("attachment:{}", attachment_id())
}

struct Installed(SchemaVerdict);

impl ValidateData for Installed {
    fn validate(&self, _: &DataSchema, _: &[u8]) -> SchemaVerdict {
        self.0.clone()
    }
}

fn judge_data(part: Option<&OpenedPart>) -> Result<SchemaVerdict, Stop> {
    DataCheck { tag: Some(&tag(2)), described: Some(&data_part()) }.judge(part, &Installed(SchemaVerdict::Valid))
}

#[test]
fn good_data_pass_with_the_verdict_of_their_schema() {
    assert_eq!(judge_data(Some(&opened(2, DATA))), Ok(SchemaVerdict::Valid));
}

#[test]
fn row_14_absent_data_are_missing() {
    assert_eq!(problems(judge_data(None)), one("missing-data", "data"));
    let nothing_said = DataCheck { tag: None, described: None };
    assert!(nothing_said.judge(None, &Installed(SchemaVerdict::Valid)).is_ok());
}

#[test]
fn row_14_data_are_judged_by_tag_decryption_and_hash() {
    assert_eq!(problems(judge_data(Some(&opened(9, DATA)))), one("incorrect-authentication-tag", "data"));
    assert_eq!(problems(judge_data(Some(&unreadable(2, Unreadable::Unwrap)))), one("encryption-issue", "data"));
    assert_eq!(problems(judge_data(Some(&opened(2, b"{}")))), one("hash-mismatch", "data"));
}

#[test]
fn row_14_data_that_are_not_json_violate_the_syntax() {
    let described = DataPart { hash: ContentHash::of(b"{"), ..data_part() };
    let check = DataCheck { tag: Some(&tag(2)), described: Some(&described) };
    let judged = check.judge(Some(&opened(2, b"{")), &Installed(SchemaVerdict::Valid));
    assert_eq!(problems(judged), one("syntax-violation", "data"));
}

#[test]
fn row_14_data_that_break_their_schema_are_a_schema_violation() {
    let check = DataCheck { tag: Some(&tag(2)), described: Some(&data_part()) };
    let violated = SchemaVerdict::Violated(vec!["/name".to_owned()]);
    let judged = check.judge(Some(&opened(2, DATA)), &Installed(violated));
    assert_eq!(problems(judged), one("schema-violation", "data"));
}

fn judge_attachment(fetched: &[FetchedPart], joined: Option<&ContentHash>) -> Result<(), Stop> {
    let tags = TagCheck { attachments: &[attachment_id()], has_data: true }.judge(Some(&tags())).expect("good");
    AttachmentCheck { described: &attachment(), tags: &tags }.judge(fetched, joined)
}

#[test]
fn a_good_attachment_passes() {
    let judged = judge_attachment(&[FetchedPart::Opened(tag(3))], Some(&ContentHash::of(b"Anlage")));
    assert_eq!(Outcome::from(judged), Outcome::Accept);
}

#[test]
fn row_15_an_attachment_that_is_not_there_is_missing() {
    for fetched in [&[FetchedPart::Missing][..], &[]] {
        assert_eq!(problems(judge_attachment(fetched, None)), one("missing-attachment", &about_attachment()));
    }
}

#[test]
fn what_follows_a_broken_fragment_need_not_be_fetched() {
    let fragments: Vec<_> = (10..13).map(|number| AttachmentId::from_random([number; 16])).collect();
    let described = AttachmentPart { fragments: fragments.clone(), ..attachment() };
    let tags = AuthenticationTags { attachments: fragments.iter().map(|id| (*id, tag(3))).collect(), ..tags() };
    let tags = TagCheck { attachments: &fragments, has_data: true }.judge(Some(&tags)).expect("good");
    let check = AttachmentCheck { described: &described, tags: &tags };
    let good = FetchedPart::Opened(tag(3));
    let found = problems(check.judge(&[good.clone(), FetchedPart::Opened(tag(9))], None));
    assert_eq!(found, one("incorrect-authentication-tag", &about_attachment()));
    assert_eq!(problems(check.judge(&[good], None)), one("missing-attachment", &about_attachment()));
}

#[test]
fn row_15_a_swapped_attachment_has_the_wrong_tag() {
    let hash = ContentHash::of(b"Anlage");
    let found = problems(judge_attachment(&[FetchedPart::Opened(tag(9))], Some(&hash)));
    assert_eq!(found, one("incorrect-authentication-tag", &about_attachment()));
    let reason = Unreadable::Refused(JweRefused::Tag);
    let found = problems(judge_attachment(&[FetchedPart::Unreadable { reason, tag: Some(tag(9)) }], None));
    assert_eq!(found, one("incorrect-authentication-tag", &about_attachment()));
}

#[test]
fn row_15_an_attachment_that_cannot_be_decrypted_is_an_encryption_issue() {
    let fetched = FetchedPart::Unreadable { reason: Unreadable::Unwrap, tag: None };
    assert_eq!(problems(judge_attachment(&[fetched], None)), one("encryption-issue", &about_attachment()));
}

#[test]
fn row_15_changed_content_is_a_hash_mismatch() {
    let fetched = [FetchedPart::Opened(tag(3))];
    for joined in [Some(&ContentHash::of(b"anders")), None] {
        assert_eq!(problems(judge_attachment(&fetched, joined)), one("hash-mismatch", &about_attachment()));
    }
}

#[test]
fn row_16_what_is_too_large_for_us_is_a_technical_error() {
    let fetched = FetchedPart::Unreadable { reason: Unreadable::Refused(JweRefused::TooLarge), tag: None };
    assert_eq!(problems(judge_attachment(&[fetched], None)), one("technical-error", "other"));
}

#[test]
fn a_retry_outweighs_the_problems_beside_it() {
    let kid: Kid = "unbekannt".parse().expect("a kid");
    let retry = Retry::UnknownDecryptionKey(kid.clone());
    let fetched = FetchedPart::Unreadable { reason: Unreadable::UnknownKid(kid), tag: None };
    let judged = all([judge_attachment(&[FetchedPart::Missing], None), judge_attachment(&[fetched], None)]);
    assert_eq!(Outcome::from(judged), Outcome::Retry(retry));
}

#[test]
fn the_problems_of_all_attachments_are_collected_in_order() {
    let both =
        all([judge_attachment(&[FetchedPart::Missing], None), judge_attachment(&[FetchedPart::Opened(tag(3))], None)]);
    let suffixes: Vec<String> = problems(both).into_iter().map(|(suffix, _)| suffix).collect();
    assert_eq!(suffixes, ["missing-attachment", "hash-mismatch"]);
}
