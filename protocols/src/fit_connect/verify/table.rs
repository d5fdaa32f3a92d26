//! The ordered table of checks and the problem that each becomes (dossier section 10.1).
//!
//! Order and names are from memory where the dossier says so; titles are ours, and so is the place of the data sets, which its
//! table leaves out (section 8.3). To be compared with FITKO's page
//! "Einreichung überprüfen" before production: a correction is a change of this table and of nothing else.

use super::{Instance, PREFIX, Problem};

/// The stages of judging, in order. A later one is reached only when an earlier one found nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The event log.
    EventLog,
    /// Authentication tags and attachment ids.
    Tags,
    /// The metadata.
    Metadata,
    /// The data.
    Data,
    /// The attachments.
    Attachments,
    /// Anything internal.
    Internal,
}

/// The part that a problem names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Submission,
    Metadata,
    Data,
    /// `attachment:` and the id that is at hand.
    Attachment,
    Other,
}

/// A check; several checks may share a type of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table below says what each one is, in its own words")]
pub enum Check {
    SetsVerify,
    OneSubmitEvent,
    TagsPresent,
    TagsComplete,
    AttachmentsHaveTags,
    MetadataTag,
    MetadataDecrypt,
    MetadataSyntax,
    MetadataSchemaPresent,
    MetadataSchemaSupported,
    MetadataSchema,
    ServiceMatches,
    ServiceSupported,
    DataSchemaSupported,
    ReplyChannelSupported,
    AttachmentsAnnounced,
    DataSetHash,
    DataPresent,
    DataTag,
    DataDecrypt,
    DataHash,
    DataSyntax,
    DataSchema,
    AttachmentPresent,
    AttachmentTag,
    AttachmentDecrypt,
    AttachmentHash,
    Internal,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its number in the dossier.
    pub number: u8,
    /// When it is checked.
    pub stage: Stage,
    /// What is checked.
    pub check: Check,
    /// The last part of the problem's type.
    pub suffix: &'static str,
    /// The problem's title.
    pub title: &'static str,
    about: About,
}

const fn row(number: u8, stage: Stage, check: Check, suffix: &'static str, about: About, title: &'static str) -> Row {
    Row { number, stage, check, suffix, title, about }
}

/// The table.
#[rustfmt::skip]
pub const TABLE: [Row; 28] = [
    row( 1, Stage::EventLog,    Check::SetsVerify,              "invalid-event-log",            About::Submission, "Event-Log fehlerhaft"),
    row( 2, Stage::EventLog,    Check::OneSubmitEvent,          "invalid-event-log",            About::Submission, "Event-Log fehlerhaft"),
    row( 3, Stage::Tags,        Check::TagsPresent,             "missing-authentication-tags",  About::Submission, "Authentication-Tags fehlen"),
    row( 3, Stage::Tags,        Check::TagsComplete,            "invalid-event-log",            About::Submission, "Event-Log fehlerhaft"),
    row( 4, Stage::Tags,        Check::AttachmentsHaveTags,     "attachments-mismatch",         About::Submission, "Anlagen stimmen nicht überein"),
    row( 5, Stage::Metadata,    Check::MetadataTag,             "incorrect-authentication-tag", About::Metadata,   "Authentication-Tag falsch"),
    row( 6, Stage::Metadata,    Check::MetadataDecrypt,         "encryption-issue",             About::Metadata,   "Entschlüsselung nicht möglich"),
    row( 7, Stage::Metadata,    Check::MetadataSyntax,          "syntax-violation",             About::Metadata,   "Syntax verletzt"),
    row( 8, Stage::Metadata,    Check::MetadataSchemaPresent,   "missing-schema",               About::Metadata,   "Schema-Referenz fehlt"),
    row( 8, Stage::Metadata,    Check::MetadataSchemaSupported, "unsupported-schema",           About::Metadata,   "Schema nicht unterstützt"),
    row( 9, Stage::Metadata,    Check::MetadataSchema,          "schema-violation",             About::Metadata,   "Schema verletzt"),
    row(10, Stage::Metadata,    Check::ServiceMatches,          "service-mismatch",             About::Metadata,   "Verwaltungsleistung stimmt nicht überein"),
    row(10, Stage::Metadata,    Check::ServiceSupported,        "unsupported-service",          About::Metadata,   "Verwaltungsleistung nicht unterstützt"),
    row(11, Stage::Metadata,    Check::DataSchemaSupported,     "unsupported-schema",           About::Metadata,   "Schema nicht unterstützt"),
    row(12, Stage::Metadata,    Check::ReplyChannelSupported,   "unsupported-reply-channel",    About::Metadata,   "Rückkanal nicht unterstützt"),
    row(13, Stage::Metadata,    Check::AttachmentsAnnounced,    "attachments-mismatch",         About::Metadata,   "Anlagen stimmen nicht überein"),
    row(13, Stage::Metadata,    Check::DataSetHash,             "hash-mismatch",                About::Metadata,   "Prüfsumme stimmt nicht überein"),
    row(14, Stage::Data,        Check::DataPresent,             "missing-data",                 About::Data,       "Fachdaten fehlen"),
    row(14, Stage::Data,        Check::DataTag,                 "incorrect-authentication-tag", About::Data,       "Authentication-Tag falsch"),
    row(14, Stage::Data,        Check::DataDecrypt,             "encryption-issue",             About::Data,       "Entschlüsselung nicht möglich"),
    row(14, Stage::Data,        Check::DataHash,                "hash-mismatch",                About::Data,       "Prüfsumme stimmt nicht überein"),
    row(14, Stage::Data,        Check::DataSyntax,              "syntax-violation",             About::Data,       "Syntax verletzt"),
    row(14, Stage::Data,        Check::DataSchema,              "schema-violation",             About::Data,       "Schema verletzt"),
    row(15, Stage::Attachments, Check::AttachmentPresent,       "missing-attachment",           About::Attachment, "Anlage fehlt"),
    row(15, Stage::Attachments, Check::AttachmentTag,           "incorrect-authentication-tag", About::Attachment, "Authentication-Tag falsch"),
    row(15, Stage::Attachments, Check::AttachmentDecrypt,       "encryption-issue",             About::Attachment, "Entschlüsselung nicht möglich"),
    row(15, Stage::Attachments, Check::AttachmentHash,          "hash-mismatch",                About::Attachment, "Prüfsumme stimmt nicht überein"),
    row(16, Stage::Internal,    Check::Internal,                "technical-error",              About::Other,      "Technischer Fehler"),
];

impl Row {
    /// The part that its problem names; of an attachment without its id.
    #[must_use]
    pub const fn instance(&self) -> &'static str {
        match self.about {
            About::Submission => "submission",
            About::Metadata => "metadata",
            About::Data => "data",
            About::Attachment => "attachment",
            About::Other => "other",
        }
    }
}

impl Check {
    /// Its row.
    #[must_use]
    pub fn row(self) -> Row {
        // Every check has a row (tested); the last one stands for anything internal.
        TABLE.into_iter().find(|row| row.check == self).unwrap_or(TABLE[TABLE.len() - 1])
    }

    /// The problem that its failure becomes. `detail` is German and holds no personal data.
    #[must_use]
    pub fn problem(self, detail: impl Into<String>) -> Problem {
        self.problem_with(detail, None)
    }

    pub(super) fn problem_with(
        self,
        detail: impl Into<String>,
        attachment: Option<crate::ids::AttachmentId>,
    ) -> Problem {
        let row = self.row();
        let instance = match (row.about, attachment) {
            (About::Submission, _) => Instance::Submission,
            (About::Metadata, _) => Instance::Metadata,
            (About::Data, _) => Instance::Data,
            (About::Attachment, Some(id)) => Instance::Attachment(id),
            (About::Attachment | About::Other, _) => Instance::Other("other".to_owned()),
        };
        Problem {
            kind: format!("{PREFIX}{}", row.suffix),
            title: row.title.to_owned(),
            detail: detail.into(),
            instance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_judging() {
        assert!(TABLE.is_sorted_by_key(|row| row.number));
        assert!(TABLE.is_sorted_by_key(|row| row.stage));
    }

    #[test]
    fn every_check_has_one_row() {
        for row in TABLE {
            assert_eq!(TABLE.iter().filter(|other| other.check == row.check).count(), 1, "{:?}", row.check);
        }
        assert_eq!(Check::Internal as usize + 1, TABLE.len());
    }
}
