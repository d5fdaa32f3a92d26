//! From a submission that waits at the delivery service to a case, a signed rejection, or a clearing item.
//!
//! [`worker`] is one actor for one submission: it fetches, counts the attempt durably, has everything judged and opened on
//! the crypto pool ([`judging`], [`attachments`]) and ends in [`receiving`] ([`whole`] keeps what is too long for a case). What it writes is the intake stream
//! ([`record`]) and one order to one case; what leaves the house goes through the outbox. It keeps nothing: if it ends in
//! the middle, the next one begins again from the stream.

mod attachments;
mod fetching;
mod judging;
mod raw;
mod receiving;
mod record;
mod whole;
mod worker;

use std::{sync::Arc, time::Duration};

use ozg_protocols::{
    fit_connect::api::submission::SubmissionIds,
    forms::{Mappings, data_schema::DataSchemas},
    ids::{CaseId, IntakeId, SubmissionId},
};

use ozg_storage::journal::JournalError;
pub(crate) use raw::blobs as raw_blobs;
pub(crate) use record::{IntakeRecord, RecordError};
pub(crate) use worker::{Begin, Report, WorkerActor};

use crate::{
    blobs::BlobError,
    fit_connect::{
        DestinationMeter,
        service::{DeliveryService, ServiceError},
    },
    outbound::CallError,
    outbox::OutboxMessage,
    pool::JobLost,
    settings::DestinationSettings,
    supervise::{Address, AskError},
    tenant::TenantContext,
};

/// How long the whole channel rests when the store has no room.
const NO_ROOM_FOR: Duration = Duration::from_secs(60);

/// How the channel is called in keyed hashes.
const CHANNEL: &str = "fit-connect";

/// What the workers of one destination share.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) context: TenantContext,
    pub(crate) settings: Arc<DestinationSettings>,
    pub(crate) service: DeliveryService,
    pub(crate) mappings: Mappings,
    pub(crate) schemas: Arc<DataSchemas>,
    pub(crate) meter: DestinationMeter,
    pub(crate) outbox: Address<OutboxMessage>,
}

/// The case that a submission becomes: the same for a callback and for a poll.
pub(crate) fn case_of(context: &TenantContext, submission: SubmissionId) -> CaseId {
    context.sealer.index_key().case_id(CHANNEL, &submission.to_string())
}

/// The intake stream of a submission.
pub(crate) fn intake_of(context: &TenantContext, submission: SubmissionId) -> IntakeId {
    context.sealer.index_key().intake_id(CHANNEL, &submission.to_string())
}

/// How the work on one submission ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is a case, rejected, or a clearing item.
    Settled,
    /// The service gives it out no more.
    Gone,
    /// Its bytes were opened before without an end: it has to be tried alone.
    Suspect,
    /// Nobody can say yet; it is tried again.
    Later {
        /// Why, in a word.
        why: &'static str,
        /// How long the service wants to be left alone.
        asked: Option<Duration>,
    },
}

/// Why the work on a submission cannot go on now; never a reason to reject it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The delivery service.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Our journal.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Our blob store.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// One of our actors.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The store is below its reserve: nothing new is fetched.
    #[error("no room")]
    NoRoom,
    /// A job on a pool ended without a result: it panicked on these bytes, or the pool is gone.
    #[error(transparent)]
    Lost(#[from] JobLost),
    /// Something else that a person may have to mend.
    #[error("{0}")]
    Other(&'static str),
}

impl Trouble {
    /// A word for metrics and logs.
    pub(crate) fn why(&self) -> &'static str {
        match self {
            Self::Service(error) => error.kind(),
            Self::Record(error) => error.kind(),
            Self::Blob(_) => "blob",
            Self::Ask(_) => "busy",
            Self::NoRoom => "full",
            Self::Lost(_) => "job-lost",
            Self::Other(why) => why,
        }
    }

    /// Whether the submission itself is to blame, so that trying it for ever would end no better.
    const fn is_its_own_fault(&self) -> bool {
        matches!(self, Self::Lost(JobLost::Panicked))
    }

    fn ending(&self) -> Ending {
        let asked = match self {
            Self::Service(error) => error.retry_after(),
            Self::Ask(AskError::Busy { retry_after }) => Some(*retry_after),
            Self::NoRoom | Self::Record(RecordError::Journal(JournalError::Full)) => Some(NO_ROOM_FOR),
            _ => None,
        };
        Ending::Later { why: self.why(), asked }
    }
}

/// One submission to work on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Assignment {
    pub(crate) ids: SubmissionIds,
    /// No other submission that was opened before without an end is at work.
    pub(crate) alone: bool,
}
