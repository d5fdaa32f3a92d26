//! The end of the way in: an accepted submission becomes a case, a bad one gets a signed rejection.
//!
//! A verdict is signed on the crypto pool before the append and travels in its transaction; it leaves by the outbox (law 5,
//! decision 9).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ozg_protocols::{
    application::RawReference,
    case::{Followed, Order, Receipt, Receive, Refusal},
    fit_connect::{
        set::{Claims, Event, Issuer, Set, Subject},
        verify::{Problem, Tags},
    },
    forms::{FitConnectParts, StoredFile, application_from_fit_connect},
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
/// So many other submissions of a FIT-Connect case are looked for.
const MOST_SIBLINGS: usize = 50;
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
    let event = Event::Accepted(Some(contents.tags.to_event()));
    let receipt = sign(desk, fetched, event, contents.schema.clone()).await?;
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
        let (application, refused) = application_from_fit_connect(parts, &composing.mappings);
        (application, refused, contents)
    };
    let (application, refused, contents) = context.crypto.run("compose", compose).await?;
    let mut reason = refused.map(|_| ClearingReason::NotMapped);
    let route = routing::route(&context.settings.routing, &application, now);
    let schema_uri = contents.metadata.data.as_ref().map(|data| data.schema.uri.as_str());
    let followed = Followed {
        mapping: schema_uri.and_then(|uri| desk.mappings.find(uri, now)).map(|mapping| mapping.valid_from),
        routing: route.row(&context.settings.routing),
    };
    let org_unit = route.org_unit().or_else(|| desk.settings.org_unit.clone());
    if org_unit.is_none() {
        reason = reason.or(Some(ClearingReason::NoResponsibleUnit));
    }
    let receive = Receive {
        number: context.numbers.next().await?,
        application: Box::new(application),
        org_unit,
        continues: sibling(desk, fetched).await?,
        receipt: Some(receipt),
        followed,
    };
    let case = case_of(context, ids.submission_id);
    // Metadata 1.x may come with data that they do not describe, and nobody reads those.
    let unread = refused.is_some() || contents.metadata.data.is_none();
    let fit = move || whole::fit(case, receive, &contents.metadata, contents.opened, unread);
    let Some(Fitting { mut receive, data, metadata }) = context.crypto.run("measure", fit).await? else {
        return Ok(Received::TooLong);
    };
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
    desk: &Desk,
    record: &mut IntakeRecord,
    fetched: &Fetched,
    problems: Vec<Problem>,
    tags: Option<&Tags>,
    schema: Option<String>,
) -> Result<(), Trouble> {
    if problems.is_empty() {
        return Err(Trouble::Other("no-problem"));
    }
    let said =
        |problem: &Problem| RejectedFor { problem: problem.kind.clone(), instance: problem.instance.to_string() };
    let said: Vec<_> = problems.iter().map(said).collect();
    let event = Event::Rejected { problems, tags: tags.map(Tags::to_event) };
    let receipt = sign(desk, fetched, event, schema).await?;
    record.append(vec![IntakeEvent::Rejected { problems: said, receipt }], Vec::new()).await?;
    Ok(())
}

async fn sign(desk: &Desk, fetched: &Fetched, event: Event, schema: Option<String>) -> Result<Receipt, Trouble> {
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
    let key = desk.settings.signing_key.clone();
    let token = desk.context.crypto.run("sign", move || claims.sign(&*key)).await?;
    let token = token.map_err(|_| Trouble::Other("signing"))?;
    Ok(Receipt { destination: desk.settings.id, submission: ids.submission_id, case: ids.case_id, token })
}

/// The case that an earlier submission of the same FIT-Connect case became: its event log names them all.
async fn sibling(desk: &Desk, fetched: &Fetched) -> Result<Option<CaseId>, Trouble> {
    let mut others: Vec<SubmissionId> = Vec::new();
    for set in fetched.log.iter().filter_map(|text| Set::parse(text).ok()) {
        if let Subject::Submission(id) = set.unverified().subject
            && id != fetched.ids.submission_id
            && !others.contains(&id)
            && others.len() < MOST_SIBLINGS
        {
            others.push(id);
        }
    }
    for other in others {
        let case = case_of(&desk.context, other);
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
