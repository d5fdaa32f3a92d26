//! The clock of the delivery service: what happens to a submission that nobody decides about, and to decided ones.
//!
//! Documented are the mail after 3 days and the rejection after 14 (dossier section 14). The steps after 9 and 21 days
//! stand for deadlines whose numbers are not published; like everything here they are data.

use std::{sync::Arc, time::Duration};

use ozg_protocols::ids::SubmissionId;
use serde_json::json;

use super::{
    callback,
    delivery::{Entry, Stage},
    problem::Problem,
    service::Service,
    set::{About, EventKind},
    signer,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);

/// What becomes due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A mail to the technical contact; here a line in the log of the sandbox.
    Remind,
    /// The service rejects what is still `submitted`.
    Reject,
    /// What is left goes, and a delete event is written.
    Delete,
}

/// The steps and their age in days since the submit.
const STEPS: [(u32, Step); 4] = [(3, Step::Remind), (9, Step::Remind), (14, Step::Reject), (21, Step::Delete)];

/// Looks at the clock until the sandbox ends.
pub(super) async fn watch(service: Arc<Service>) {
    let mut tick = tokio::time::interval(TICK);
    loop {
        tick.tick().await;
        if let Err(problem) = run_due(&service).await {
            tracing::warn!(?problem, "the retention clock of the sandbox stands still");
            return;
        }
    }
}

/// Carries out everything that is due, and says how many steps were taken.
pub(super) async fn run_due(service: &Service) -> Result<usize, Problem> {
    let due = service
        .desk
        .ask(|world| {
            let now = world.now();
            let due = world.deliveries.kept().filter_map(|delivery| {
                let (days, _) = STEPS.get(delivery.retention)?;
                let since = now.since(delivery.submitted_at?);
                // "after 14 days" is more than 14 days.
                (since > DAY * *days).then_some(delivery.id)
            });
            due.collect::<Vec<SubmissionId>>()
        })
        .await?;
    let mut taken = 0;
    for id in due {
        taken += take_all(service, id).await?;
    }
    Ok(taken)
}

/// Takes the due steps of one submission, one after the other.
async fn take_all(service: &Service, id: SubmissionId) -> Result<usize, Problem> {
    let mut taken = 0;
    while let Some(step) = next(service, id).await? {
        taken += 1;
        match step {
            Step::Remind => tracing::info!(submission = %id, "the sandbox would now write to the technical contact"),
            Step::Reject => end(service, id, EventKind::Reject, Stage::Rejected).await?,
            Step::Delete => end(service, id, EventKind::Delete, Stage::Deleted).await?,
        }
    }
    Ok(taken)
}

async fn next(service: &Service, id: SubmissionId) -> Result<Option<Step>, Problem> {
    service
        .desk
        .ask(move |world| {
            let now = world.now();
            let delivery = world.deliveries.get_mut(id).ok()?;
            let (days, step) = STEPS.get(delivery.retention)?;
            let since = now.since(delivery.submitted_at?);
            if since <= DAY * *days {
                return None;
            }
            delivery.retention += 1;
            Some(*step)
        })
        .await
}

async fn end(service: &Service, id: SubmissionId, event: EventKind, stage: Stage) -> Result<(), Problem> {
    let random = signer::random()?;
    let about = service
        .desk
        .ask(move |world| {
            let at = world.now();
            let delivery = world.deliveries.get(id).ok()?;
            let applies = match stage {
                Stage::Rejected => delivery.stage == Stage::Submitted,
                _ => delivery.stage != Stage::Deleted,
            };
            applies.then_some(About { submission: id, case: delivery.case, at, random })
        })
        .await?;
    let Some(about) = about else { return Ok(()) };
    let payload = match event {
        EventKind::Reject => json!({ "problems": [{
            "type": "https://schema.fitko.de/fit-connect/events/problems/technical-error",
            "title": "Nicht abgeholt",
            "detail": "Die Einreichung wurde nicht innerhalb von 14 Tagen abgeholt.",
            "instance": "other",
        }] }),
        _ => json!({}),
    };
    let token = service.signer.event(about, event, &payload).await?;
    let news = service
        .desk
        .ask(move |world| {
            let now = world.now();
            let delivery = world.deliveries.get_mut(id).ok()?;
            delivery.problems = payload.get("problems").cloned().or_else(|| delivery.problems.take());
            delivery.end(stage, now);
            world.deliveries.strike(id);
            world.deliveries.log(about.case, Entry { submission: id, event, token });
            callback::new_events(world, id)
        })
        .await?;
    if let Some(news) = news {
        service.callbacks.send(news);
    }
    Ok(())
}
