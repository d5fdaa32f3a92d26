//! What is fetched before anything is opened: the submission and the whole event log of its case, with the keys for it.

use std::sync::Arc;

use ozg_protocols::fit_connect::{
    api::submission::{Submission, SubmissionIds},
    jose::{
        kid::Kid,
        rsa::{VerificationKey, VerifyPs512},
    },
    set::Issuer,
    verify::{EventLogCheck, SetKeys},
};

use super::{Desk, Trouble};

/// A submission as the service gives it out.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) ids: SubmissionIds,
    pub(super) submission: Submission,
    pub(super) log: Vec<String>,
    pub(super) keys: LogKeys,
    pub(super) issuers: [String; 2],
}

/// The keys that an event log is verified with.
#[derive(Debug, Default)]
pub(super) struct LogKeys(Vec<(Issuer, Kid, Arc<VerificationKey>)>);

impl SetKeys for LogKeys {
    fn find(&self, issuer: &Issuer, kid: &Kid) -> Option<&dyn VerifyPs512> {
        let found = self.0.iter().find(|(by, name, _)| by == issuer && name == kid);
        found.map(|(_, _, key)| &**key as &dyn VerifyPs512)
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
    let log = desk.service.event_log(ids.case_id).await?;
    let issuers = service_issuers(desk);
    let mut keys = LogKeys::default();
    for (issuer, kid) in check(desk, ids, &issuers).keys_needed(&log) {
        if let Some(key) = desk.service.credentials().key(&issuer, &kid).await? {
            keys.0.push((issuer, kid, key));
        }
    }
    Ok(Some(Fetched { ids, submission, log, keys, issuers }))
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
