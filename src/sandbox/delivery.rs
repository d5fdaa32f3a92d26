//! Submissions and their cases: the states a submission passes, who sees it when, and the event log.
//!
//! `incomplete` → submit → `submitted` → (`forwarded`) → `accepted` or `rejected`; later `deleted` (dossier section 9.4).
//! What was sealed is let go as soon as a submission is decided; its events stay.

use std::collections::{BTreeMap, HashMap};

use ozg_protocols::{
    ids::{AttachmentId, DestinationId, FitCaseId, SubmissionId},
    moment::Moment,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{caller::Caller, destination::Callback, problem::Problem, set::EventKind, spool::Stored, version::Version};

/// Where a submission stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    /// Announced, not yet submitted.
    Incomplete,
    /// Ready to be picked up.
    Submitted,
    /// Passed on behind the subscriber, not yet decided.
    Forwarded,
    /// Taken by the subscriber.
    Accepted,
    /// Refused by the subscriber, or by the service after 14 days.
    Rejected,
    /// Gone, but for its events.
    Deleted,
}

impl Stage {
    pub(super) const fn readable(self) -> bool {
        matches!(self, Self::Submitted | Self::Forwarded)
    }
}

/// The authentication tags of all parts, as they are published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tags {
    pub(super) metadata: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<String>,
    #[serde(default)]
    pub(super) attachments: BTreeMap<AttachmentId, String>,
}

/// The service a submission asks for, as it came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RequestedService {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    pub(super) identifier: String,
}

/// An uploaded attachment.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) stored: Stored,
    pub(super) tag: String,
}

/// A submission.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) id: SubmissionId,
    pub(super) case: FitCaseId,
    pub(super) destination: DestinationId,
    pub(super) sender: String,
    pub(super) service: RequestedService,
    pub(super) region: Option<String>,
    pub(super) callback: Option<Callback>,
    pub(super) announced: Vec<AttachmentId>,
    pub(super) uploads: BTreeMap<AttachmentId, Upload>,
    pub(super) stage: Stage,
    pub(super) metadata: String,
    pub(super) data: Option<String>,
    pub(super) tags: Option<Tags>,
    pub(super) announced_at: Moment,
    pub(super) submitted_at: Option<Moment>,
    pub(super) decided_at: Option<Moment>,
    pub(super) visible_from: Moment,
    /// Its place in the list of those that wait to be picked up.
    pub(super) place: Option<u64>,
    /// Steps of the retention clock already taken.
    pub(super) retention: usize,
    /// What a rejection named.
    pub(super) problems: Option<Value>,
}

impl Delivery {
    pub(super) fn visible(&self, now: Moment) -> bool {
        self.stage.readable() && self.visible_from <= now
    }

    pub(super) fn pointer(&self) -> Value {
        json!({ "destinationId": self.destination, "submissionId": self.id, "caseId": self.case })
    }

    /// The submission as callers of this version see it; with its sealed parts for the subscriber.
    pub(super) fn show(&self, version: Version, sealed: bool) -> Value {
        // What was submitted has them all; that the service lost one is only seen when it is fetched.
        let there = |id: &&AttachmentId| self.stage != Stage::Incomplete || self.uploads.contains_key(id);
        let attachments: Vec<&AttachmentId> = self.announced.iter().filter(there).collect();
        let mut shown = self.pointer();
        let Some(members) = shown.as_object_mut() else { return shown };
        members.insert("attachments".to_owned(), json!(attachments));
        members.insert(version.service_member().to_owned(), json!(self.service));
        if version == Version::V2
            && let Some(region) = &self.region
        {
            members.insert("region".to_owned(), region.as_str().into());
        }
        if let Some(callback) = &self.callback {
            members.insert("callback".to_owned(), json!({ "url": callback.url }));
        }
        if sealed {
            members.insert("encryptedMetadata".to_owned(), self.metadata.as_str().into());
            if let Some(data) = &self.data {
                members.insert("encryptedData".to_owned(), data.as_str().into());
            }
        }
        shown
    }

    /// Ends it: what was sealed goes.
    pub(super) fn end(&mut self, stage: Stage, now: Moment) {
        self.stage = stage;
        self.decided_at = Some(now);
        self.metadata = String::new();
        self.data = None;
        self.uploads.clear();
    }
}

/// An event in the log of a case.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) submission: SubmissionId,
    pub(super) event: EventKind,
    pub(super) token: String,
}

/// A case: what one sender and one destination have to do with each other.
#[derive(Debug, Default)]
pub(super) struct Case {
    pub(super) submissions: Vec<SubmissionId>,
    pub(super) log: Vec<Entry>,
}

/// All submissions and cases.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    all: HashMap<SubmissionId, Delivery>,
    order: Vec<SubmissionId>,
    cases: HashMap<FitCaseId, Case>,
    /// Submitted and not decided, in the order of their submit.
    waiting: BTreeMap<u64, SubmissionId>,
    next: u64,
    tally: Tally,
}

/// What the logs hold in all. Kept along with them: whoever waits for something asks for it many times a second.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How many events of each kind.
    pub(super) events: BTreeMap<&'static str, u64>,
    /// The most acceptances of one submission.
    pub(super) most_accepts: u64,
}

impl Deliveries {
    pub(super) fn add(&mut self, delivery: Delivery) {
        let case = self.cases.entry(delivery.case).or_default();
        case.submissions.push(delivery.id);
        self.order.push(delivery.id);
        self.all.insert(delivery.id, delivery);
    }

    pub(super) fn get(&self, id: SubmissionId) -> Result<&Delivery, Problem> {
        self.all.get(&id).ok_or_else(Problem::no_submission)
    }

    pub(super) fn get_mut(&mut self, id: SubmissionId) -> Result<&mut Delivery, Problem> {
        self.all.get_mut(&id).ok_or_else(Problem::no_submission)
    }

    /// A submission that this caller announced.
    pub(super) fn of_sender(&mut self, id: SubmissionId, caller: &Caller) -> Result<&mut Delivery, Problem> {
        let delivery = self.all.get_mut(&id).ok_or_else(Problem::no_submission)?;
        if delivery.sender == caller.client {
            Ok(delivery)
        } else {
            Err(Problem::forbidden("another client announced this submission"))
        }
    }

    /// A submission that this caller may pick up now.
    pub(super) fn of_subscriber(&self, id: SubmissionId, caller: &Caller, now: Moment) -> Result<&Delivery, Problem> {
        let delivery = self.get(id)?;
        if !caller.subscribes(delivery.destination) {
            return Err(Problem::forbidden("the client is not connected to this destination"));
        }
        if delivery.visible(now) { Ok(delivery) } else { Err(Problem::no_submission()) }
    }

    pub(super) fn case(&self, id: FitCaseId) -> Result<&Case, Problem> {
        self.cases.get(&id).ok_or_else(|| {
            Problem::new(http::StatusCode::NOT_FOUND, "case-not-found", "Case not found", "there is none with this id")
        })
    }

    pub(super) fn log(&mut self, case: FitCaseId, entry: Entry) {
        let (submission, event) = (entry.submission, entry.event);
        let log = &mut self.cases.entry(case).or_default().log;
        log.push(entry);
        *self.tally.events.entry(event.name()).or_default() += 1;
        if event == EventKind::Accept {
            let accepts = log.iter().filter(|entry| entry.submission == submission && entry.event == event).count();
            self.tally.most_accepts = self.tally.most_accepts.max(accepts as u64);
        }
    }

    /// What all logs hold together.
    pub(super) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Puts another token in the place of one in a log.
    pub(super) fn exchange(&mut self, case: FitCaseId, old: &str, new: &str) {
        let log = self.cases.get_mut(&case).map(|case| case.log.as_mut_slice()).unwrap_or_default();
        for entry in log.iter_mut().filter(|entry| entry.token == old) {
            new.clone_into(&mut entry.token);
        }
    }

    /// Puts a submission into the list of those that wait to be picked up.
    pub(super) fn enlist(&mut self, id: SubmissionId) {
        if let Some(delivery) = self.all.get_mut(&id) {
            delivery.place = Some(self.next);
            self.waiting.insert(self.next, id);
            self.next += 1;
        }
    }

    /// Takes a submission off that list.
    pub(super) fn strike(&mut self, id: SubmissionId) {
        if let Some(place) = self.all.get_mut(&id).and_then(|delivery| delivery.place.take()) {
            self.waiting.remove(&place);
        }
    }

    /// Those that can be picked up at these destinations, oldest first.
    pub(super) fn for_pickup(&self, at: &[DestinationId], now: Moment) -> Vec<&Delivery> {
        let submitted = self.waiting.values().filter_map(|id| self.all.get(id));
        submitted
            .filter(|found| found.stage == Stage::Submitted && found.visible(now) && at.contains(&found.destination))
            .collect()
    }

    /// Every submission in the order of the announcements.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Delivery> {
        self.order.iter().filter_map(|id| self.all.get(id))
    }

    /// Submitted and not decided, or decided but not yet deleted: what the retention clock looks at.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Delivery> {
        self.iter().filter(|found| !matches!(found.stage, Stage::Incomplete | Stage::Deleted))
    }
}
