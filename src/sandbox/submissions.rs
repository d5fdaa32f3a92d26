//! The calls of a sender: announce, upload, submit. And of a subscriber: list, fetch, fetch an attachment.

use std::collections::BTreeSet;

use http::StatusCode;
use ozg_protocols::ids::{AttachmentId, DestinationId, FitCaseId, SubmissionId};
use serde::Deserialize;
use serde_json::json;

use super::{
    answer::{self, Answer},
    call::Call,
    caller::Scope,
    delivery::{Delivery, Entry, RequestedService, Stage, Upload},
    destination::{Callback, Status},
    draft::{absent, is_identifier, present},
    fault::FaultKind,
    problem::Problem,
    seal::Part,
    service::Service,
    set::{About, EventKind},
    signer,
    version::Version,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Announcement {
    destination_id: DestinationId,
    announced_attachments: Vec<AttachmentId>,
    #[serde(alias = "publicService")]
    service_type: RequestedService,
    #[serde(default, deserialize_with = "present")]
    region: Option<String>,
    #[serde(default, deserialize_with = "present")]
    case_id: Option<FitCaseId>,
    #[serde(default, deserialize_with = "present")]
    callback: Option<Callback>,
}

/// `POST /submissions`
pub(super) async fn announce(service: &Service, call: Call) -> Result<Answer, Problem> {
    let token = call.token();
    service.ask_as(token.clone(), Some(Scope::SendSubmissions), |_, _| Ok(())).await?;
    // The OpenAPI takes nothing else, and knows no 415 here.
    call.must_be(&["application/json"]).map_err(|_| Problem::bad_request("the body is not application/json"))?;
    let announced: Announcement = call.json().await?;
    check(&announced, service.rules.plain_http_callbacks)?;
    let (id, fresh_case) = (SubmissionId::from_random(signer::random()?), FitCaseId::from_random(signer::random()?));
    let random = signer::random()?;
    let about = service
        .ask_as(token, Some(Scope::SendSubmissions), move |world, caller| {
            if world.destinations.get(announced.destination_id)?.status != Status::Active {
                let title = "Destination state invalid";
                return Err(Problem::unprocessable(
                    "destination-state-invalid",
                    title,
                    "the destination is not active",
                ));
            }
            if let Some(case) = announced.case_id {
                let first = world.deliveries.case(case).ok().and_then(|case| case.submissions.first().copied());
                let first = first.and_then(|first| world.deliveries.get(first).ok());
                if !first
                    .is_some_and(|first| first.destination == announced.destination_id && first.sender == caller.client)
                {
                    let detail = "caseId names no case of this sender at this destination";
                    return Err(Problem::unprocessable("case-invalid", "Case invalid", detail));
                }
            }
            let (now, case) = (world.now(), announced.case_id.unwrap_or(fresh_case));
            world.deliveries.add(Delivery {
                id,
                case,
                destination: announced.destination_id,
                sender: caller.client.clone(),
                service: announced.service_type,
                region: announced.region,
                callback: announced.callback,
                announced: announced.announced_attachments,
                uploads: std::collections::BTreeMap::new(),
                stage: Stage::Incomplete,
                metadata: String::new(),
                data: None,
                tags: None,
                announced_at: now,
                submitted_at: None,
                decided_at: None,
                visible_from: now,
                place: None,
                retention: 0,
                problems: None,
            });
            Ok((About { submission: id, case, at: now, random }, announced.destination_id))
        })
        .await?;
    let (about, destination) = about;
    let token = service.signer.event(about, EventKind::Create, &json!({})).await?;
    let case = about.case;
    service
        .desk
        .ask(move |world| world.deliveries.log(case, Entry { submission: id, event: EventKind::Create, token }))
        .await?;
    let body = json!({ "destinationId": destination, "submissionId": id, "caseId": case });
    Ok(answer::json(StatusCode::CREATED, &body))
}

fn check(announced: &Announcement, plain_http: bool) -> Result<(), Problem> {
    if !is_identifier(&announced.service_type.identifier) {
        return Err(Problem::bad_request("the identifier of the service is not a URN of a service"));
    }
    if announced.service_type.name.is_none() {
        return Err(absent("the name of the service"));
    }
    if let Some(callback) = &announced.callback {
        callback.check(plain_http)?;
    }
    // The OpenAPI has no uniqueItems here; a client that repeats one id loses an attachment (clients dossier 1.4).
    let different: BTreeSet<&AttachmentId> = announced.announced_attachments.iter().collect();
    if different.len() != announced.announced_attachments.len() {
        let detail = "announcedAttachments holds an id twice";
        return Err(Problem::unprocessable("duplicate-attachment", "Duplicate attachment id", detail));
    }
    Ok(())
}

/// `PUT /submissions/{id}/attachments/{attachment}`
pub(super) async fn upload(
    service: &Service,
    call: Call,
    version: Version,
    (id, attachment): (SubmissionId, AttachmentId),
) -> Result<Answer, Problem> {
    let token = call.token();
    let (destination, unchecked) = service
        .ask_as(token.clone(), Some(Scope::SendSubmissions), move |world, caller| {
            let delivery = world.deliveries.of_sender(id, caller)?;
            takes_uploads(delivery, attachment)?;
            let destination = world.destinations.get(delivery.destination)?.clone();
            Ok((destination, world.faults.take(FaultKind::UncheckedSeal).is_some()))
        })
        .await?;
    call.must_be(&["application/jose"])?;
    let length = call.content_length();
    let (stored, seal) = service.spool.take(call.into_body(), length).await?;
    if !unchecked {
        seal.check(Part::Attachment, version, &destination)?;
    }
    service
        .ask_as(token, Some(Scope::SendSubmissions), move |world, caller| {
            let delivery = world.deliveries.of_sender(id, caller)?;
            takes_uploads(delivery, attachment)?;
            delivery.uploads.insert(attachment, Upload { stored, tag: seal.tag });
            Ok(())
        })
        .await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

fn takes_uploads(delivery: &Delivery, attachment: AttachmentId) -> Result<(), Problem> {
    if delivery.stage != Stage::Incomplete {
        let title = "Submission state invalid";
        return Err(Problem::unprocessable("submission-state-invalid", title, "it has already been submitted"));
    }
    if delivery.announced.contains(&attachment) {
        Ok(())
    } else {
        let detail = "attachments are uploaded under their announced ids";
        Err(Problem::unprocessable("attachment-not-announced", "Attachment not announced", detail))
    }
}

/// `GET /submissions`
pub(super) async fn list(service: &Service, call: Call) -> Result<Answer, Problem> {
    let page = call.page()?.at_most(service.rules.largest_page);
    let wanted = match call.parameter("destinationId") {
        None => None,
        Some(id) => Some(id.parse::<DestinationId>().map_err(|_| Problem::bad_request("destinationId is not a UUID"))?),
    };
    let (shown, total) = service
        .ask_as(call.token(), Some(Scope::SubscribeDestinations), move |world, caller| {
            let at: Vec<DestinationId> = match wanted {
                Some(id) if caller.subscribes(id) => vec![id],
                Some(_) => return Err(Problem::forbidden("the client is not connected to this destination")),
                None => caller.destinations().iter().copied().collect(),
            };
            let (found, total) = page.of(world.deliveries.for_pickup(&at, world.now()));
            Ok((found.into_iter().map(Delivery::pointer).collect::<Vec<_>>(), total))
        })
        .await?;
    let body = json!({ "count": shown.len(), "offset": page.offset, "totalCount": total, "submissions": shown });
    Ok(answer::json(StatusCode::OK, &body))
}

/// `GET /submissions/{id}`
pub(super) async fn fetch(
    service: &Service,
    call: Call,
    version: Version,
    id: SubmissionId,
) -> Result<Answer, Problem> {
    let shown = service
        .ask_as(call.token(), Some(Scope::SubscribeDestinations), move |world, caller| {
            Ok(world.deliveries.of_subscriber(id, caller, world.now())?.show(version, true))
        })
        .await?;
    Ok(answer::json(StatusCode::OK, &shown))
}

/// `GET /submissions/{id}/attachments/{attachment}`
pub(super) async fn fetch_attachment(
    service: &Service,
    call: Call,
    (id, attachment): (SubmissionId, AttachmentId),
) -> Result<Answer, Problem> {
    let stored = service
        .ask_as(call.token(), Some(Scope::SubscribeDestinations), move |world, caller| {
            let delivery = world.deliveries.of_subscriber(id, caller, world.now())?;
            let absent =
                || Problem::new(StatusCode::NOT_FOUND, "attachment-not-found", "Attachment not found", "there is none");
            Ok(delivery.uploads.get(&attachment).ok_or_else(absent)?.stored.clone())
        })
        .await?;
    answer::jose(stored).await.map_err(|error| {
        tracing::error!(error = %error, "the sandbox cannot read its spool");
        Problem::internal("the attachment could not be read")
    })
}
