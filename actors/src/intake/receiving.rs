//! The end of the way in: an accepted submission becomes a case, a bad one gets a signed rejection.
//!
//! A verdict is signed on the crypto pool before the append and travels in its transaction; it leaves by the outbox (law 5,
//! decision 9).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ozg_protocols::{
    application::RawReference,
    case::{Followed, Order, Receipt, Receive, Refusal},
    fit_connect::{
        api::submission::SubmissionIds,
        set::{Claims, Event, Issuer, Subject},
        verify::{self, Problem, Tags},
    },
    forms::{Composed, FitConnectParts, StoredFile, application_from_fit_connect},
    ids::{AttachmentId, CaseId, SubmissionId},
    intake::{ClearingReason, IntakeEvent, RejectedFor},
    routing,
};
use ozg_storage::journal::WrappedKey;

use super::{
    Desk, IntakeRecord, Trouble, case_of,
    fetching::Fetched,
    judging::Contents,
    raw,
    whole::{self, Fitting},
};
use crate::{case::Outcome, supervise::AskError};

/// `$schema` of a verdict where the submission's own event log names none (dossier section 9.1).
const SET_SCHEMA: &str = "https://schema.fitko.de/fit-connect/set-payload/1.2.2/set-payload.schema.json";
/// How often an order is given again before the submission waits for its next turn.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(200);
/// Whoever is asked to wait longer gives the submission back.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What became of an accepted submission.
#[derive(Debug)]
pub(super) enum Received {
    /// A case. What a person has to look at besides is told.
    Case(Option<ClearingReason>),
    /// Nothing: not even an excerpt fits into a record together with the acceptance.
    TooLong,
}

/// Makes a case of it.
pub(super) async fn receive(
    desk: &Arc<Desk>,
    record: &mut IntakeRecord,
    fetched: &Fetched,
    contents: Contents,
    files: BTreeMap<AttachmentId, StoredFile>,
    mut keys: Vec<WrappedKey>,
) -> Result<Received, Trouble> {
    let (context, ids) = (&desk.context, fetched.ids);
    let blobs = record.intake.as_ref().map(|intake| raw::blobs(&intake.raw)).unwrap_or_default();
    let raw = RawReference { intake: record.id(), blobs };
    let now = context.clock.now();
    let (number, continues) = (context.numbers.next().await?, sibling(desk, &contents.siblings).await?);
    let verdict = verdict(desk, fetched, Event::Accepted(Some(contents.tags.to_event())), contents.schema.clone())?;
    let case = case_of(context, ids.submission_id);
    let (service, region) = (fetched.submission.service_type.clone(), fetched.submission.region.clone());
    let composing = desk.clone();
    let compose = move || {
        let parts = FitConnectParts {
            destination: composing.settings.id,
            submission: ids.submission_id,
            case: ids.case_id,
            service: service.as_ref(),
            region: region.as_deref(),
            metadata: &contents.metadata,
            data: contents.opened.data.as_deref(),
            check: contents.check,
            files: &files,
            raw,
            submitted: contents.submitted,
            at: now,
        };
        let Composed { application, refused, shows_all } = application_from_fit_connect(parts, &composing.mappings);
        let table = &composing.context.settings.routing;
        let route = routing::route(table, &application, now);
        let schema_uri = contents.metadata.data.as_ref().map(|data| data.schema.uri.as_str());
        let followed = Followed {
            mapping: schema_uri.and_then(|uri| composing.mappings.find(uri, now)).map(|mapping| mapping.valid_from),
            routing: route.row(table),
        };
        let org_unit = route.org_unit().or_else(|| composing.settings.org_unit.clone());
        let nobody = org_unit.is_none().then_some(ClearingReason::NoResponsibleUnit);
        let reason = refused.map(|_| ClearingReason::NotMapped).or(nobody);
        let receipt = Some(verdict.sign(&composing)?);
        let receive = Receive { number, application: Box::new(application), org_unit, continues, receipt, followed };
        let fitting = whole::fit(case, receive, &contents.metadata, contents.opened, !shows_all);
        Ok::<_, Trouble>(fitting.map(|fitting| (fitting, reason)))
    };
    let composed = context.crypto.run("compose", compose).await??;
    let Some((Fitting { mut receive, data, metadata }, reason)) = composed else { return Ok(Received::TooLong) };
    let whole = &mut receive.application.whole;
    for (place, file) in [(&mut whole.data, data), (&mut whole.metadata, metadata)] {
        if let Some(file) = file {
            let (kept, key) = file.keep(desk).await?;
            *place = Some(kept);
            keys.push(key);
        }
    }
    let taken = give(desk, case, ids.submission_id, Order::Receive(receive), keys).await?;
    Ok(if taken { Received::Case(reason) } else { Received::TooLong })
}

/// Rejects it for these problems.
pub(super) async fn reject(
    desk: &Arc<Desk>,
    record: &mut IntakeRecord,
    fetched: &Fetched,
    problems: Vec<Problem>,
    tags: Option<&Tags>,
    schema: Option<String>,
) -> Result<(), Trouble> {
    if problems.is_empty() {
        return Err(Trouble::Other("no-problem"));
    }
    let problems = verify::told(problems);
    let said =
        |problem: &Problem| RejectedFor { problem: problem.kind.clone(), instance: problem.instance.to_string() };
    let said: Vec<_> = problems.iter().map(said).collect();
    let event = Event::Rejected { problems, tags: tags.map(Tags::to_event) };
    let (verdict, signing) = (verdict(desk, fetched, event, schema)?, desk.clone());
    let receipt = desk.context.crypto.run("sign", move || verdict.sign(&signing)).await??;
    record.append(vec![IntakeEvent::Rejected { problems: said, receipt }], Vec::new()).await?;
    Ok(())
}

/// What we say about a submission, not yet signed.
struct Verdict {
    claims: Claims,
    ids: SubmissionIds,
}

fn verdict(desk: &Desk, fetched: &Fetched, event: Event, schema: Option<String>) -> Result<Verdict, Trouble> {
    let random = desk.context.ids.bytes().map_err(|_| Trouble::Other("randomness"))?;
    let ids = fetched.ids;
    let claims = Claims {
        schema: Some(schema.unwrap_or_else(|| SET_SCHEMA.to_owned())),
        id: uuid::Builder::from_random_bytes(random).into_uuid(),
        issuer: Issuer::Destination(desk.settings.id),
        issued_at: desk.context.clock.now(),
        subject: Subject::Submission(ids.submission_id),
        case: ids.case_id,
        event,
    };
    Ok(Verdict { claims, ids })
}

impl Verdict {
    /// Signs it. Work for the crypto pool.
    fn sign(&self, desk: &Desk) -> Result<Receipt, Trouble> {
        let token = self.claims.sign(&*desk.settings.signing_key).map_err(|_| Trouble::Other("signing"))?;
        let SubmissionIds { submission_id: submission, case_id: case, .. } = self.ids;
        Ok(Receipt { destination: desk.settings.id, submission, case, token })
    }
}

/// The case that an earlier submission of the same FIT-Connect case became.
async fn sibling(desk: &Desk, siblings: &[SubmissionId]) -> Result<Option<CaseId>, Trouble> {
    for other in siblings {
        let case = case_of(&desk.context, *other);
        if desk.context.cases.look(case).await?.is_some() {
            return Ok(Some(case));
        }
    }
    Ok(None)
}

/// Gives the order until it is known what became of it: the same one, under the same key. False: it is too long after all.
async fn give(
    desk: &Desk,
    case: CaseId,
    submission: SubmissionId,
    order: Order,
    keys: Vec<WrappedKey>,
) -> Result<bool, Trouble> {
    let key = desk.context.sealer.index_key().command_key(&[b"fit-connect receive", submission.as_bytes()]);
    let mut tries = 0;
    loop {
        match desk.context.cases.order(case, order.clone(), key, keys.clone()).await {
            Ok(Outcome::Done { .. } | Outcome::Refused(Refusal::ExistsAlready)) => return Ok(true),
            Ok(Outcome::Refused(Refusal::BadText)) => return Ok(false),
            Ok(_) => return Err(Trouble::Other("case-refuses")),
            Err(AskError::Busy { retry_after }) if tries < TRIES && retry_after <= LONGEST_PAUSE => {
                tokio::time::sleep(retry_after).await;
            }
            Err(AskError::Unavailable) if tries < TRIES => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error.into()),
        }
        tries += 1;
    }
}
