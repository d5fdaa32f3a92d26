//! What came, kept as it came (still encrypted to our destination, sealed again by the journal): short parts in the intake
//! record, long ones in the blob store.

use bytes::Bytes;
use ozg_protocols::{
    fit_connect::set,
    ids::{BlobId, SubmissionId},
    intake::{RawPart, RawSubmission},
};
use ozg_storage::journal::WrappedKey;

use super::{Desk, Trouble, fetching::Fetched};

/// So many bytes of a submission fit into its record; the rest of [`ozg_storage::journal::MAX_BODY`] is for its frame.
const MOST_INLINE: usize = 48_000;
/// Parts shorter than this stay in the record in any case.
const SHORT: usize = 8_000;
/// So many bytes of the event log are kept beside long parts.
const MOST_LOG: usize = 24_000;

/// The parts of a submission, kept, with the keys of those that became files.
pub(super) async fn keep(desk: &Desk, fetched: &Fetched) -> Result<(RawSubmission, Vec<WrappedKey>), Trouble> {
    let metadata = fetched.submission.encrypted_metadata.clone().unwrap_or_default();
    let data = fetched.submission.encrypted_data.clone();
    let event_log = log_of(&fetched.log, fetched.ids.submission_id);
    let log_length: usize = event_log.iter().map(String::len).sum();
    let length = metadata.len() + data.as_ref().map_or(0, String::len) + log_length;
    let mut keys = Vec::new();
    let fits = length <= MOST_INLINE;
    let metadata = part(desk, metadata, fits, &mut keys).await?;
    let data = match data {
        Some(data) => Some(part(desk, data, fits, &mut keys).await?),
        None => None,
    };
    Ok((RawSubmission { metadata, data, event_log }, keys))
}

/// The files among the parts.
pub(crate) fn blobs(raw: &RawSubmission) -> Vec<BlobId> {
    let blob = |part: &RawPart| match part {
        RawPart::Blob(id) => Some(*id),
        RawPart::Inline(_) => None,
    };
    std::iter::once(&raw.metadata).chain(&raw.data).filter_map(blob).collect()
}

async fn part(desk: &Desk, text: String, fits: bool, keys: &mut Vec<WrappedKey>) -> Result<RawPart, Trouble> {
    if fits || text.len() <= SHORT {
        return Ok(RawPart::Inline(text));
    }
    let published = desk.context.blobs.begin().publish(Bytes::from(text)).await?;
    keys.push(published.wrapped);
    Ok(RawPart::Blob(published.id))
}

/// The whole log, or what in it is about this submission where the whole is long.
fn log_of(log: &[String], submission: SubmissionId) -> Vec<String> {
    if log.iter().map(String::len).sum::<usize>() <= MOST_LOG {
        return log.to_vec();
    }
    let about_us = |text: &&String| !set::is_about_another(text, submission);
    let mut left = MOST_LOG;
    let fits = |text: &&String| {
        let fits = text.len() <= left;
        left -= if fits { text.len() } else { 0 };
        fits
    };
    log.iter().filter(about_us).filter(fits).cloned().collect()
}
