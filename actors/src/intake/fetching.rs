//! What is fetched before anything is opened: the submission and the whole event log of its case, with the keys for it.

use std::sync::Arc;

use ozg_protocols::fit_connect::{
    api::submission::{Submission, SubmissionIds},
    jose::{kid::Kid, rsa::VerifyPs512},
    set::Issuer,
    verify::{EventLogCheck, SetKeys},
};

use tokio::time::Instant;

use super::{Desk, Trouble};
use crate::fit_connect::PublishedKey;

/// A submission as the service gives it out.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    pub(super) ids: SubmissionIds,
    pub(super) submission: Submission,
    pub(super) log: Vec<String>,
    /// When the log was asked for.
    asked: Instant,
    pub(super) keys: LogKeys,
    pub(super) issuers: [String; 2],
}

/// The keys that an event log is verified with.
#[derive(Debug, Clone, Default)]
pub(super) struct LogKeys(Vec<(Issuer, Kid, PublishedKey)>);

impl SetKeys for LogKeys {
    fn find(&self, issuer: &Issuer, kid: &Kid) -> Option<&dyn VerifyPs512> {
        let found = self.0.iter().find(|(by, name, _)| by == issuer && name == kid);
        found.map(|(_, _, published)| &*published.key as &dyn VerifyPs512)
    }
}

/// Fetches a submission; nothing if the service gives it out no more.
pub(super) async fn fetch(desk: &Desk, ids: SubmissionIds) -> Result<Option<Fetched>, Trouble> {
    let submission = match desk.service.submission(ids.submission_id).await {
        Err(error) if error.status() == Some(404) => return Ok(None),
        answer => answer?,
    };
    if submission.case_id != ids.case_id {
        return Err(Trouble::Other("other-case"));
    }
    let asked = Instant::now();
    let log = desk.service.event_log(ids.case_id).await?;
    let issuers = service_issuers(desk);
    let keys = keys_of(desk, ids, &issuers, &log).await?;
    Ok(Some(Fetched { ids, submission, log, asked, keys, issuers }))
}

async fn keys_of(desk: &Desk, ids: SubmissionIds, issuers: &[String], log: &[String]) -> Result<LogKeys, Trouble> {
    let mut keys = LogKeys::default();
    for (issuer, kid) in check(desk, ids, issuers).keys_needed(log) {
        if let Some(key) = desk.service.credentials().key(&issuer, &kid).await? {
            keys.0.push((issuer, kid, key));
        }
    }
    Ok(keys)
}

/// Whether the log of a submission that is not given out shows no verdict. One that is gone, too, was deleted with its
/// submission; one that cannot be verified says nothing yet.
pub(super) async fn is_open(desk: &Desk, ids: SubmissionIds) -> Result<bool, Trouble> {
    let log = match desk.service.event_log(ids.case_id).await {
        Err(error) if error.status() == Some(404) => return Ok(false),
        log => log?,
    };
    let issuers = service_issuers(desk);
    let keys = keys_of(desk, ids, &issuers, &log).await?;
    let judged = check(desk, ids, &issuers).judge(&log, &keys);
    Ok(judged.map_or(true, |log| log.state.is_open()))
}

/// The same with keys that are as new as its log, where that can change anything: a signature that does not fit is a
/// forgery only if the key was not replaced under its name since it was fetched. Rejecting is final.
pub(super) async fn with_new_keys(desk: &Arc<Desk>, fetched: &Arc<Fetched>) -> Result<Option<Fetched>, Trouble> {
    let (crypto, held, log) = (&desk.context.crypto, desk.clone(), fetched.clone());
    let look = move || check(&held, log.ids, &log.issuers).keys_in_doubt(&log.log, &log.keys);
    let in_doubt = crypto.run("doubt", look).await?;
    let mut keys = fetched.keys.clone();
    let (mut doubted, mut fresh) = (Vec::new(), Vec::new());
    for key in keys.0.drain(..) {
        let is_old = key.2.fetched < fetched.asked;
        let in_doubt = in_doubt.iter().any(|(issuer, kid)| (issuer, kid) == (&key.0, &key.1));
        if is_old && in_doubt { doubted.push(key) } else { fresh.push(key) }
    }
    if doubted.is_empty() {
        return Ok(None);
    }
    for (issuer, kid, old) in doubted {
        if let Some(key) = desk.service.credentials().key_after(&issuer, &kid, old.fetched).await? {
            fresh.push((issuer, kid, key));
        }
    }
    Ok(Some(Fetched { keys: LogKeys(fresh), ..(**fetched).clone() }))
}

/// What the log has to be about.
pub(super) fn check<'a>(desk: &Desk, ids: SubmissionIds, issuers: &'a [String]) -> EventLogCheck<'a> {
    EventLogCheck {
        submission: ids.submission_id,
        case: ids.case_id,
        destination: desk.settings.id,
        service_issuers: issuers,
    }
}

/// The service signs as the base that we are configured with, with or without a slash at its end.
fn service_issuers(desk: &Desk) -> [String; 2] {
    let base = desk.settings.submission_url.to_string();
    let base = base.trim_end_matches('/').to_owned();
    [format!("{base}/"), base]
}
