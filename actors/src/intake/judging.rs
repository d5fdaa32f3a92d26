//! The judging of a submission, stage by stage, as one job of the crypto pool: event log, tags, metadata, data.
//!
//! Two RSA operations, one for the metadata and one for the data; both only once the log and its tags are good.

use std::sync::Arc;

use ozg_protocols::{
    application::DataCheck as Checked,
    fit_connect::{
        api::{
            ApiVersion,
            destination::{OfferedService, SubmissionSchema},
        },
        jose::{jwe::Inflate, rsa::UnwrapKey},
        metadata::{DataSchema, EmptyFragments, Metadata, MissingSchema, Tolerance},
        set::{Set, Subject},
        verify::{
            DataCheck, MetadataCheck, OpenedPart, ReplyChannels, SchemaVerdict, Stop, TagCheck, Tags, ValidateData,
        },
    },
    forms::{
        self,
        data_schema::{DataSchemas, Verdict},
    },
    ids::SubmissionId,
    moment::Moment,
};

use super::{
    Desk,
    fetching::{self, Fetched},
    whole::Opened,
};
use crate::settings::DestinationSettings;

/// So many signatures are verified to find other submissions of a FIT-Connect case.
const MOST_SIBLINGS: usize = 50;

/// A good submission, opened; its attachments are still to come.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) metadata: Metadata,
    pub(super) opened: Opened,
    pub(super) check: Checked,
    pub(super) tags: Tags,
    pub(super) schema: Option<String>,
    /// Other submissions of its case.
    pub(super) siblings: Vec<SubmissionId>,
    /// When it was handed over, by the clock of the delivery service.
    pub(super) submitted: Moment,
}

/// What the judging found.
#[derive(Debug)]
pub(super) enum Judged {
    /// Good so far.
    Good(Box<Contents>),
    /// The log shows a verdict already, and it is not that of a case of ours.
    Closed,
    /// Not good; with the tags and the `$schema` that the answer repeats, as far as they are known.
    Stop { stop: Stop, tags: Option<Tags>, schema: Option<String> },
}

/// Judges everything but the attachments. Work for the crypto pool.
pub(super) fn judge(desk: &Desk, fetched: &Fetched) -> Judged {
    let log_check = fetching::check(desk, fetched.ids, &fetched.issuers);
    let log = match log_check.judge(&fetched.log, &fetched.keys) {
        Ok(log) => log,
        Err(stop) => return Judged::Stop { stop, tags: None, schema: claimed_schema(fetched) },
    };
    if !log.state.is_open() {
        return Judged::Closed;
    }
    let submission = &fetched.submission;
    let has_data = submission.encrypted_data.is_some();
    let tags = match (TagCheck { attachments: &submission.attachments, has_data }).judge(log.tags.as_ref()) {
        Ok(tags) => tags,
        Err(stop) => return Judged::Stop { stop, tags: None, schema: log.schema },
    };
    match open(desk, fetched, &tags) {
        Ok((metadata, opened, check)) => {
            let (schema, submitted) = (log.schema, log.submitted_at);
            let siblings = log_check.siblings(&fetched.log, &fetched.keys, MOST_SIBLINGS);
            Judged::Good(Box::new(Contents { metadata, opened, check, tags, schema, siblings, submitted }))
        }
        Err(stop) => Judged::Stop { stop, tags: Some(tags), schema: log.schema },
    }
}

fn open(desk: &Desk, fetched: &Fetched, tags: &Tags) -> Result<(Metadata, Opened, Checked), Stop> {
    let (settings, submission) = (&*desk.settings, &fetched.submission);
    let inflate = inflate(settings, forms::LONGEST as u64);
    let offers = offers(settings);
    let metadata_check = MetadataCheck {
        tag: &tags.metadata,
        tolerance: tolerance(settings),
        service: submission.service_type.as_ref().map(|service| service.identifier.as_str()),
        offers: offers.as_deref(),
        reply_channels: settings.reply_channels.as_deref().map_or(ReplyChannels::Any, ReplyChannels::Only),
        announced: &submission.attachments,
    };
    let sealed = submission.encrypted_metadata.as_deref().unwrap_or_default();
    let opened = OpenedPart::open(sealed, unwrapping(settings), inflate);
    let metadata = metadata_check.judge(&opened)?;
    let part =
        submission.encrypted_data.as_deref().map(|sealed| OpenedPart::open(sealed, unwrapping(settings), inflate));
    let data_check = DataCheck { tag: tags.data.as_ref(), described: metadata.data.as_ref() };
    let check = match data_check.judge(part.as_ref(), &Installed(desk.schemas.clone()))? {
        SchemaVerdict::Valid => Checked::Valid,
        SchemaVerdict::Unchecked | SchemaVerdict::Violated(_) => Checked::Unchecked,
    };
    let data = part.and_then(|part| part.content.ok());
    Ok((metadata, Opened { metadata: opened.content.unwrap_or_default(), data }, check))
}

/// Compression is a matter of version 1.
pub(super) fn inflate(settings: &DestinationSettings, most: u64) -> Inflate {
    match settings.version {
        ApiVersion::V1 if settings.allow_zip => Inflate::UpTo(most),
        ApiVersion::V1 | ApiVersion::V2 => Inflate::Never,
    }
}

fn unwrapping(settings: &DestinationSettings) -> impl Iterator<Item = &dyn UnwrapKey> {
    settings.decryption_keys.iter().map(|key| &**key as &dyn UnwrapKey)
}

fn tolerance(settings: &DestinationSettings) -> Tolerance {
    Tolerance {
        fragments: if settings.tolerate_empty_fragments { EmptyFragments::Tolerate } else { EmptyFragments::Reject },
        schema: match settings.version {
            ApiVersion::V1 => MissingSchema::IsVersion1,
            ApiVersion::V2 => MissingSchema::Reject,
        },
    }
}

/// What the destination publishes; a destination without an entry takes everything.
fn offers(settings: &DestinationSettings) -> Option<Vec<OfferedService>> {
    let schema = |uri: &String| SubmissionSchema { schema_uri: uri.clone(), mime_type: None };
    let offer = |service: &crate::settings::PublishedService| OfferedService {
        identifier: service.identifier.clone(),
        submission_schemas: service.schema_uris.iter().map(schema).collect(),
        regions: Vec::new(),
    };
    (!settings.published.is_empty()).then(|| settings.published.iter().map(offer).collect())
}

/// The `$schema` that the submit event claims; good enough to answer in the same version.
fn claimed_schema(fetched: &Fetched) -> Option<String> {
    let about_us = Subject::Submission(fetched.ids.submission_id);
    let sets = fetched.log.iter().filter_map(|text| Set::parse(text).ok());
    sets.filter(|set| set.unverified().subject == about_us).find_map(|set| set.unverified().schema.clone())
}

struct Installed(Arc<DataSchemas>);

impl ValidateData for Installed {
    fn validate(&self, schema: &DataSchema, data: &[u8]) -> SchemaVerdict {
        match self.0.check(&schema.uri, schema.format, data) {
            Verdict::Valid => SchemaVerdict::Valid,
            Verdict::Invalid(places) => SchemaVerdict::Violated(places),
            Verdict::NotInstalled => SchemaVerdict::Unchecked,
        }
    }
}
