//! The worker actor: takes one submission through the house, then ends.
//!
//! Owns nothing but the way it is on. Supervised by its connector, which hears of a crash and tries the submission again,
//! alone. The attempt is durable before foreign bytes are opened, so bytes that kill the process three times go to the
//! clearing tray unopened; trouble that is not theirs (network, a busy house) uses up no attempt.

use std::{collections::BTreeMap, sync::Arc};

use ozg_protocols::{
    application::Channel,
    case::Case,
    fit_connect::{
        api::submission::SubmissionIds,
        jose::kid::Kid,
        verify::{self, Retry, Stop, Tags},
    },
    forms::StoredFile,
    ids::{AttachmentId, SubmissionId},
    intake::{ClearingReason, Intake, IntakeEvent, IntakeState, MOST_ATTEMPTS, RawSubmission},
    moment::Moment,
};
use ozg_storage::{journal::WrappedKey, seal::SealError};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::watch;

use super::{
    Assignment, CallError, Desk, Ending, IntakeRecord, RecordError, ServiceError, Trouble, attachments, case_of,
    fetching::{self, Fetched},
    intake_of,
    judging::{self, Contents, Judged},
    raw,
    receiving::{self, Received},
};
use crate::{
    observe::{Probe, Waiting},
    outbox,
};

/// The only message: begin, and say how it ended.
#[derive(Debug)]
pub(crate) struct Begin {
    pub(crate) assignment: Assignment,
    pub(crate) reply: RpcReplyPort<Report>,
    pub(crate) waiting: Waiting,
    /// Becomes true when the house closes and cannot wait any longer.
    pub(crate) closing: watch::Receiver<bool>,
}

/// How the work on a submission ended, and since when it is kept here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    pub(crate) ending: Ending,
    pub(crate) kept: Option<Moment>,
}

/// Starts a worker.
#[derive(Debug)]
pub(crate) struct WorkerActor;

impl Actor for WorkerActor {
    type Msg = Begin;
    type State = (Arc<Desk>, Probe);
    type Arguments = (Arc<Desk>, Probe);

    async fn pre_start(
        &self,
        _: ActorRef<Begin>,
        arguments: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(arguments)
    }

    async fn handle(
        &self,
        me: ActorRef<Begin>,
        Begin { assignment, reply, waiting, closing }: Begin,
        (desk, _): &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let _working = waiting.begin("submission");
        let _ = reply.send(work(desk, assignment, closing).await);
        me.stop(None);
        Ok(())
    }
}

async fn work(desk: &Arc<Desk>, assignment: Assignment, closing: watch::Receiver<bool>) -> Report {
    let mut kept = None;
    let ending = match attempt(desk, assignment, closing, &mut kept).await {
        Ok(ending) => ending,
        Err(trouble) => trouble.ending(),
    };
    if let Ending::Later { why, .. } = ending {
        desk.meter.retried(why);
        let (destination, submission) = (desk.settings.id, assignment.ids.submission_id);
        tracing::warn!(%destination, %submission, why, "a submission is tried again later");
    }
    Report { ending, kept }
}

/// Bytes on which a job panicked have used up their attempt; any other trouble is not their fault.
async fn attempt(
    desk: &Arc<Desk>,
    assignment: Assignment,
    mut closing: watch::Receiver<bool>,
    kept: &mut Option<Moment>,
) -> Result<Ending, Trouble> {
    let intake = intake_of(&desk.context, assignment.ids.submission_id);
    let mut record = IntakeRecord::load(&desk.context, intake).await?;
    let before = record.intake.as_ref().map_or(0, |intake| intake.attempts);
    let through = async { Some(take_through(desk, assignment, &mut record).await) };
    let closed = async {
        // Without whoever would say so nobody is there who could close.
        if closing.wait_for(|closing| *closing).await.is_err() {
            std::future::pending::<()>().await;
        }
        None
    };
    let ended = tokio::select! { ended = through => ended, closed = closed => closed };
    let Some(ending) = ended else {
        record.give_back(before).await?;
        return Err(Trouble::Other("closing"));
    };
    *kept = record.intake.as_ref().map(|intake| intake.kept);
    let now =
        record.intake.as_ref().filter(|intake| intake.state == IntakeState::Open).map_or(0, |intake| intake.attempts);
    if now > before && matches!(&ending, Err(trouble) if !trouble.is_its_own_fault()) {
        record.append(vec![IntakeEvent::AttemptSpared], Vec::new()).await?;
    }
    ending
}

/// What a person has to look at in a case whose intake ended before it could say so.
fn still_to_clear(case: &Case) -> Option<ClearingReason> {
    let application = &case.application;
    if application.form.items.is_empty() && application.whole.data.is_some() {
        Some(ClearingReason::NotMapped)
    } else {
        case.org_unit.is_none().then_some(ClearingReason::NoResponsibleUnit)
    }
}

async fn take_through(
    desk: &Arc<Desk>,
    Assignment { ids, alone }: Assignment,
    record: &mut IntakeRecord,
) -> Result<Ending, Trouble> {
    match &record.intake {
        Some(Intake { state: IntakeState::Open, attempts, .. }) => {
            if *attempts > 0 && !alone {
                return Ok(Ending::Suspect);
            }
            // The crash may have come between the case and the last record of its intake.
            let case = case_of(&desk.context, ids.submission_id);
            if let Some((case, _)) = desk.context.cases.look(case).await? {
                return settle(desk, record, ids.submission_id, still_to_clear(&case)).await;
            }
        }
        Some(_) => {
            outbox::wake(&desk.outbox);
            return Ok(Ending::Settled);
        }
        None => {}
    }
    // Blobs lie on the same disk: below the reserve nothing is fetched that would fill it further.
    if !desk.context.journal.has_room().await {
        return Err(Trouble::NoRoom);
    }
    let fetched = match fetching::fetch(desk, ids).await {
        // It will be as long the next time.
        Err(Trouble::Service(ServiceError::Call(CallError::TooLarge))) => return too_large(desk, record, ids).await,
        fetched => fetched?,
    };
    let Some(fetched) = fetched else { return gone(desk, record, ids).await };
    if !count(desk, record, &fetched).await? {
        return Ok(Ending::Settled);
    }
    let mut fetched = Arc::new(fetched);
    let mut judged = judge(desk, &fetched).await?;
    if let Judged::Stop { stop: Stop::Reject(_), tags: None, .. } = &judged
        && let Some(with_new_keys) = fetching::with_new_keys(desk, &fetched).await?
    {
        fetched = Arc::new(with_new_keys);
        judged = judge(desk, &fetched).await?;
    }
    match judged {
        Judged::Good(contents) => accept(desk, record, &fetched, *contents).await,
        Judged::Stop { stop, tags, schema } => refuse(desk, record, &fetched, stop, tags.as_ref(), schema).await,
        Judged::Closed => {
            let (destination, submission) = (desk.settings.id, ids.submission_id);
            tracing::error!(%destination, %submission, "the delivery service shows a verdict that is not ours");
            clear(desk, record, ClearingReason::ForeignVerdict, "foreign-verdict").await
        }
    }
}

async fn judge(desk: &Arc<Desk>, fetched: &Arc<Fetched>) -> Result<Judged, Trouble> {
    let (desk, fetched) = (desk.clone(), fetched.clone());
    Ok(desk.clone().context.crypto.run("judge", move || judging::judge(&desk, &fetched)).await?)
}

/// Keeps what came and counts the attempt, durably. False: there are no attempts left, a person has to look.
async fn count(desk: &Desk, record: &mut IntakeRecord, fetched: &Fetched) -> Result<bool, Trouble> {
    let ids = fetched.ids;
    let next = record.intake.as_ref().map_or(IntakeEvent::Attempted { number: 1 }, Intake::next_attempt);
    if !matches!(next, IntakeEvent::Attempted { .. }) {
        record.append(vec![next], Vec::new()).await?;
        desk.meter.clearing("failed-three-times");
        let (destination, submission) = (desk.settings.id, ids.submission_id);
        tracing::error!(%destination, %submission, most = MOST_ATTEMPTS, "a submission is not opened again: a person has to look");
        return Ok(false);
    }
    let (mut events, mut keys) = (Vec::new(), Vec::new());
    if record.intake.as_ref().is_none_or(|intake| intake.raw.is_empty()) {
        let (raw, of_files) = raw::keep(desk, fetched).await?;
        let service = fetched.submission.service_type.as_ref();
        let service = service.map(|service| service.identifier.clone()).unwrap_or_default();
        events.push(IntakeEvent::Kept { channel: channel(desk, ids), service, raw });
        keys = of_files;
    }
    events.push(next);
    record.append(events, keys).await?;
    Ok(true)
}

/// The service gives it out no more. What is kept here and was never settled was settled by somebody else, its sender or the
/// service itself: its log says so, and a person has to look.
async fn gone(desk: &Desk, record: &mut IntakeRecord, ids: SubmissionIds) -> Result<Ending, Trouble> {
    let (destination, submission) = (desk.settings.id, ids.submission_id);
    if record.intake.is_none() {
        tracing::warn!(%destination, %submission, "a submission is gone before it was fetched");
        return Ok(Ending::Gone);
    }
    if fetching::is_open(desk, ids).await? {
        return Err(Trouble::Other("not-given-out"));
    }
    tracing::error!(%destination, %submission, "a submission that is kept here was ended by somebody else");
    clear(desk, record, ClearingReason::ForeignVerdict, "foreign-verdict").await
}

/// Nothing of it can be fetched, as long as the operator does not raise the limit: a person has to look.
async fn too_large(desk: &Desk, record: &mut IntakeRecord, ids: SubmissionIds) -> Result<Ending, Trouble> {
    let (service, raw) = (String::new(), RawSubmission::nothing());
    let kept = record.intake.is_none().then(|| IntakeEvent::Kept { channel: channel(desk, ids), service, raw });
    let clearing = IntakeEvent::NeedsClearing { reason: ClearingReason::TooLarge };
    record.append(kept.into_iter().chain([clearing]).collect(), Vec::new()).await?;
    desk.meter.clearing("too-large");
    let (destination, submission) = (desk.settings.id, ids.submission_id);
    tracing::error!(%destination, %submission, "a submission or its event log is longer than what is fetched: a person has to look");
    Ok(Ending::Settled)
}

fn channel(desk: &Desk, ids: SubmissionIds) -> Channel {
    Channel::FitConnect { destination: desk.settings.id, submission: ids.submission_id, case: ids.case_id }
}

async fn accept(
    desk: &Arc<Desk>,
    record: &mut IntakeRecord,
    fetched: &Fetched,
    contents: Contents,
) -> Result<Ending, Trouble> {
    let submission = fetched.ids.submission_id;
    let (mut files, mut keys) = (BTreeMap::new(), Vec::new());
    let stop = match keep_attachments(desk, submission, &contents, &mut files, &mut keys).await {
        Ok(Ok(())) => None,
        Ok(Err(stop)) => Some(Ok(stop)),
        Err(trouble) => Some(Err(trouble)),
    };
    if let Some(stop) = stop {
        // Nothing names them, and the next try fetches them again.
        for file in files.values() {
            if let Err(error) = desk.context.blobs.remove(file.blob).await {
                tracing::warn!(%error, blob = %file.blob, "an attachment that was fetched in vain stays till it is swept");
            }
        }
        return refuse(desk, record, fetched, stop?, Some(&contents.tags), contents.schema).await;
    }
    match receiving::receive(desk, record, fetched, contents, files, keys).await? {
        Received::Case(reason) => {
            desk.meter.received();
            settle(desk, record, submission, reason).await
        }
        Received::TooLong => too_long(desk, record, submission).await,
    }
}

/// Keeps them all, or says why they are a problem: all that is wrong with them, or the first trouble of our own.
async fn keep_attachments(
    desk: &Desk,
    submission: SubmissionId,
    contents: &Contents,
    files: &mut BTreeMap<AttachmentId, StoredFile>,
    keys: &mut Vec<WrappedKey>,
) -> Result<Result<(), Stop>, Trouble> {
    let mut stops = Vec::new();
    for described in &contents.metadata.attachments {
        // The last one may have filled the disk.
        if !desk.context.journal.has_room().await {
            return Err(Trouble::NoRoom);
        }
        match attachments::keep(desk, submission, described, &contents.tags).await? {
            Ok(kept) => {
                files.insert(described.id, kept.file);
                keys.push(kept.key);
            }
            Err(stop @ Stop::Retry(_)) => return Ok(Err(stop)),
            Err(stop) => stops.push(Err(stop)),
        }
    }
    Ok(verify::all(stops))
}

async fn settle(
    desk: &Desk,
    record: &mut IntakeRecord,
    submission: SubmissionId,
    reason: Option<ClearingReason>,
) -> Result<Ending, Trouble> {
    outbox::wake(&desk.outbox);
    let became = IntakeEvent::BecameCase { case: case_of(&desk.context, submission) };
    let clearing = reason.clone().map(|reason| IntakeEvent::NeedsClearing { reason });
    record.append(std::iter::once(became).chain(clearing).collect(), Vec::new()).await?;
    if let Some(reason) = reason {
        let why = if reason == ClearingReason::NotMapped { "not-mapped" } else { "no-responsible-unit" };
        desk.meter.clearing(why);
        tracing::info!(destination = %desk.settings.id, %submission, why, "an accepted submission needs a person");
    }
    Ok(Ending::Settled)
}

async fn refuse(
    desk: &Arc<Desk>,
    record: &mut IntakeRecord,
    fetched: &Fetched,
    stop: Stop,
    tags: Option<&Tags>,
    schema: Option<String>,
) -> Result<Ending, Trouble> {
    let (destination, submission) = (desk.settings.id, fetched.ids.submission_id);
    let problems = match stop {
        Stop::Reject(problems) => problems,
        Stop::Retry(retry) => {
            let missing = |why, kid: &Kid| {
                tracing::error!(%destination, %submission, why, %kid, "a key is missing: the submission waits for it");
                why
            };
            let why = match &retry {
                Retry::UnknownSetKey(kid) => missing("unknown-set-key", kid),
                Retry::UnknownDecryptionKey(kid) => missing("unknown-decryption-key", kid),
                Retry::UnknownSetSchema(schema) => {
                    let why = "unknown-set-schema";
                    tracing::error!(%destination, %submission, why, schema, "the delivery service writes events that we cannot read: the submission waits");
                    why
                }
            };
            return Err(Trouble::Other(why));
        }
    };
    for problem in &problems {
        let name = problem.kind.rsplit('/').next().unwrap_or_default();
        desk.meter.refused(name);
        tracing::warn!(%destination, %submission, problem = name, instance = %problem.instance, "a submission is rejected");
    }
    match receiving::reject(desk, record, fetched, problems, tags, schema).await {
        Err(Trouble::Record(RecordError::Seal(SealError::TooLong))) => too_long(desk, record, submission).await,
        rejected => {
            rejected?;
            outbox::wake(&desk.outbox);
            Ok(Ending::Settled)
        }
    }
}

/// Our verdict, or what it is about, is longer than any record: the service keeps the submission, and a person has to look.
async fn too_long(desk: &Desk, record: &mut IntakeRecord, submission: SubmissionId) -> Result<Ending, Trouble> {
    tracing::error!(destination = %desk.settings.id, %submission, "a submission is too long for a case");
    clear(desk, record, ClearingReason::TooLong, "too-long").await
}

async fn clear(
    desk: &Desk,
    record: &mut IntakeRecord,
    reason: ClearingReason,
    why: &'static str,
) -> Result<Ending, Trouble> {
    record.append(vec![IntakeEvent::NeedsClearing { reason }], Vec::new()).await?;
    desk.meter.clearing(why);
    Ok(Ending::Settled)
}

#[cfg(test)]
mod tests {
    use ozg_protocols::{
        application::{Attachment, FormItem, FormValue, Purpose},
        case::{By, Event, Receive, Recorded},
        ids::{AttachmentId, BlobId},
    };

    use super::*;

    /// A case as it was received, after `change`.
    fn received(change: impl FnOnce(&mut Receive)) -> Case {
        let mut receive = crate::house::application(1);
        change(&mut receive);
        let Receive { number, application, org_unit, continues, receipt, followed } = receive;
        let event = Event::Received { number, application, org_unit, continues, receipt, followed };
        Case::fold([&Recorded { at: Moment::from_seconds(1), by: By::System, event }]).expect("a case")
    }

    fn unread(receive: &mut Receive) {
        receive.application.form.items.clear();
        receive.application.whole.data = Some(Attachment {
            id: AttachmentId::from_random([5; 16]),
            blob: BlobId::from_u128(1),
            filename: None,
            description: None,
            media_type: "application/json".into(),
            purpose: Purpose::Attachment,
            bytes: 2,
            sha512: Vec::new(),
            signature: None,
            fragments: Vec::new(),
        });
    }

    #[test]
    fn what_a_person_has_to_look_at_in_a_case_follows_from_the_case() {
        let nobody = |receive: &mut Receive| receive.org_unit = None;
        assert_eq!(still_to_clear(&received(|_| {})), None);
        assert_eq!(still_to_clear(&received(nobody)), Some(ClearingReason::NoResponsibleUnit));
        assert_eq!(still_to_clear(&received(unread)), Some(ClearingReason::NotMapped));
        let both = received(|receive| {
            unread(receive);
            nobody(receive);
        });
        assert_eq!(still_to_clear(&both), Some(ClearingReason::NotMapped), "the first of two, as it is received");
        let excerpt = received(|receive| {
            unread(receive);
            let value = FormValue::Text("Lindner".into());
            receive.application.form.items.push(FormItem { name: "name".into(), label: None, value });
        });
        assert_eq!(still_to_clear(&excerpt), None, "a long form of which the beginning was read");
    }
}
