//! The event log: reading it, and the checks that an event of a subscriber has to pass, in their order.
//!
//! Which status the real service gives for which check is not known in full; [`CHECKS`] is the one place that says it.

use http::StatusCode;
use ozg_protocols::{
    fit_connect::jose::jws::{Jws, JwsRefused},
    ids::{DestinationId, FitCaseId, SubmissionId},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    answer::{self, Answer},
    call::{Call, Page},
    callback,
    caller::{Caller, Scope},
    delivery::{Entry, Stage, Tags},
    problem::Problem,
    service::{Rules, Service},
    set::{self, EventKind},
    world::World,
};

const LONGEST: usize = 1024 * 1024;

/// A check of a posted event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    MediaType,
    Syntax,
    Header,
    Claims,
    Schema,
    Issuer,
    Key,
    Signature,
    Subject,
    Event,
    Tags,
    State,
}

/// The checks in their order, with the status, type and title that a failure is answered with (dossier section 18).
const CHECKS: [(Check, StatusCode, &str, &str); 12] = [
    // The OpenAPI knows no 415 here.
    (Check::MediaType, StatusCode::BAD_REQUEST, "unsupported-media-type", "Unsupported Media Type"),
    (Check::Syntax, StatusCode::BAD_REQUEST, "invalid-set", "Security Event Token malformed"),
    (Check::Header, StatusCode::BAD_REQUEST, "invalid-set-header", "Security Event Token header invalid"),
    (Check::Claims, StatusCode::UNPROCESSABLE_ENTITY, "invalid-set-payload", "Security Event Token payload invalid"),
    (Check::Schema, StatusCode::UNPROCESSABLE_ENTITY, "unsupported-set-payload-schema", "Payload Schema not supported"),
    (Check::Issuer, StatusCode::FORBIDDEN, "forbidden", "Forbidden"),
    (Check::Key, StatusCode::UNPROCESSABLE_ENTITY, "unknown-set-key", "Security Event Token key unknown"),
    (
        Check::Signature,
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid-set-signature",
        "Security Event Token signature invalid",
    ),
    (Check::Subject, StatusCode::UNPROCESSABLE_ENTITY, "set-subject-mismatch", "Security Event Token subject mismatch"),
    (Check::Event, StatusCode::UNPROCESSABLE_ENTITY, "event-not-allowed", "Event not allowed"),
    (Check::Tags, StatusCode::UNPROCESSABLE_ENTITY, "authentication-tags-mismatch", "Authentication tags mismatch"),
    (Check::State, StatusCode::CONFLICT, "invalid-state-transition", "Invalid state transition"),
];

impl Check {
    fn failed(self, detail: impl Into<String>) -> Problem {
        let row = CHECKS.iter().find(|(check, ..)| *check == self);
        row.map_or_else(
            || Problem::internal("a check without a row"),
            |(_, status, kind, title)| Problem::new(*status, kind, title, detail),
        )
    }
}

/// The claims of a posted event.
#[derive(Deserialize)]
struct Claims {
    #[serde(rename = "$schema")]
    schema: Option<String>,
    jti: String,
    iss: String,
    iat: i64,
    sub: String,
    txn: String,
    events: Map<String, Value>,
}

/// `GET /cases/{id}/events`
pub(super) async fn of_case(service: &Service, call: Call, case: FitCaseId) -> Result<Answer, Problem> {
    let page = call.page()?.at_most(service.rules.largest_page);
    let log = service
        .ask_as(call.token(), None, move |world, caller| {
            must_take_part(world, caller, case)?;
            let log = &world.deliveries.case(case)?.log;
            Ok(page.of(log.iter().map(|entry| entry.token.clone()).collect()))
        })
        .await?;
    Ok(show(page, log))
}

/// `GET /submissions/{id}/events` (version 2)
pub(super) async fn of_submission(service: &Service, call: Call, id: SubmissionId) -> Result<Answer, Problem> {
    let page = call.page()?.at_most(service.rules.largest_page);
    let log = service
        .ask_as(call.token(), None, move |world, caller| {
            let case = world.deliveries.get(id)?.case;
            must_take_part(world, caller, case)?;
            let log = world.deliveries.case(case)?.log.iter().filter(|entry| entry.submission == id);
            Ok(page.of(log.map(|entry| entry.token.clone()).collect()))
        })
        .await?;
    Ok(show(page, log))
}

fn show(page: Page, (log, total): (Vec<String>, usize)) -> Answer {
    let body = json!({ "count": log.len(), "offset": page.offset, "totalCount": total, "eventLog": log });
    answer::json(StatusCode::OK, &body)
}

/// A log is for the senders of the case and the subscribers of its destinations.
fn must_take_part(world: &World, caller: &Caller, case: FitCaseId) -> Result<(), Problem> {
    let submissions = &world.deliveries.case(case)?.submissions;
    let takes_part = submissions.iter().filter_map(|id| world.deliveries.get(*id).ok()).any(|delivery| {
        let sends = caller.may(Scope::SendSubmissions) && delivery.sender == caller.client;
        sends || caller.subscribes(delivery.destination)
    });
    if takes_part { Ok(()) } else { Err(Problem::forbidden("the client takes no part in this case")) }
}

/// `POST /cases/{id}/events`
pub(super) async fn post(service: &Service, call: Call, case: FitCaseId) -> Result<Answer, Problem> {
    let token = call.token();
    service
        .ask_as(token.clone(), Some(Scope::SubscribeDestinations), move |world, _| {
            world.deliveries.case(case).map(|_| ())
        })
        .await?;
    call.must_be(&["application/jose"]).map_err(|_| Check::MediaType.failed("expected application/jose"))?;
    let text = call.text().await?;
    let jws = Jws::parse(&text, set::TYPE, LONGEST).map_err(refused)?;
    let claims = claims(jws.unverified_payload(), &service.rules)?;
    let issuer = claims.iss.parse::<DestinationId>().map_err(|_| Check::Issuer.failed("iss is not a destination"))?;
    let kid = jws.kid.as_str().to_owned();
    let key = service
        .ask_as(token.clone(), Some(Scope::SubscribeDestinations), move |world, caller| {
            let case = world.deliveries.case(case)?;
            let of_case = |id: &SubmissionId| world.deliveries.get(*id).is_ok_and(|found| found.destination == issuer);
            if !case.submissions.iter().any(of_case) || !caller.subscribes(issuer) {
                return Err(Check::Issuer.failed("iss is not a destination of the case that the client subscribes"));
            }
            let key = world.destinations.get(issuer)?.verification_key(&kid);
            key.ok_or_else(|| Check::Key.failed("the destination has no signing key with this kid"))
        })
        .await?;
    jws.verify(&*key).map_err(|_| Check::Signature.failed("the signature does not verify"))?;
    let strict = service.rules.compare_tags;
    let news = service
        .ask_as(token, Some(Scope::SubscribeDestinations), move |world, _| {
            let id = record(world, case, issuer, &claims, text, strict)?;
            Ok(callback::new_events(world, id))
        })
        .await?;
    if let Some(news) = news {
        service.callbacks.send(news);
    }
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

fn refused(refused: JwsRefused) -> Problem {
    let check = match refused {
        JwsRefused::Algorithm
        | JwsRefused::Type
        | JwsRefused::Critical
        | JwsRefused::EmbeddedKey(_)
        | JwsRefused::Kid => Check::Header,
        _ => Check::Syntax,
    };
    check.failed(refused.to_string())
}

fn claims(payload: &[u8], rules: &Rules) -> Result<Claims, Problem> {
    let claims: Claims = serde_json::from_slice(payload).map_err(|error| Check::Claims.failed(error.to_string()))?;
    if claims.jti.parse::<SubmissionId>().is_err() {
        return Err(Check::Claims.failed("jti is not a UUID"));
    }
    if claims.iat < set::EARLIEST {
        return Err(Check::Claims.failed("iat is before 2020"));
    }
    if claims.events.len() != 1 {
        return Err(Check::Claims.failed("events must hold exactly one event"));
    }
    let schema = claims.schema.as_deref().ok_or_else(|| Check::Claims.failed("$schema is required"))?;
    if rules.set_versions.iter().any(|version| set::schema(version) == schema) {
        Ok(claims)
    } else {
        Err(Check::Schema.failed("Payload Schema not supported"))
    }
}

/// The checks that need the submission, and what an event does to it.
fn record(
    world: &mut World,
    case: FitCaseId,
    issuer: DestinationId,
    claims: &Claims,
    token: String,
    strict: bool,
) -> Result<SubmissionId, Problem> {
    let now = world.now();
    let subject = claims.sub.strip_prefix("submission:").and_then(|id| id.parse::<SubmissionId>().ok());
    let id = subject.ok_or_else(|| Check::Subject.failed("sub is not a submission"))?;
    let delivery =
        world.deliveries.get_mut(id).map_err(|_| Check::Subject.failed("sub is no submission of this case"))?;
    if claims.txn != format!("case:{case}") || delivery.case != case || delivery.destination != issuer {
        return Err(Check::Subject.failed("sub and txn do not belong to this case and destination"));
    }
    let (uri, payload) = claims.events.iter().next().ok_or_else(|| Check::Claims.failed("no event"))?;
    let event = EventKind::of_uri(uri).filter(|event| event.of_subscribers());
    let event = event.ok_or_else(|| Check::Event.failed("a subscriber does not write this event"))?;
    let to = match event {
        EventKind::Accept => Stage::Accepted,
        EventKind::Reject => Stage::Rejected,
        _ => Stage::Forwarded,
    };
    if to == Stage::Rejected && !payload.get("problems").is_some_and(Value::is_array) {
        return Err(Check::Claims.failed("a reject event needs problems"));
    }
    if to == Stage::Accepted && strict {
        let tags = payload.get("authenticationTags").and_then(|tags| Tags::deserialize(tags).ok());
        if tags.is_none() || tags != delivery.tags {
            return Err(Check::Tags.failed("the authentication tags are not those of the submission"));
        }
    }
    let possible = match to {
        Stage::Forwarded => delivery.stage == Stage::Submitted,
        _ => delivery.stage.readable(),
    };
    if !possible {
        return Err(Check::State.failed("the submission is not in a state for this event"));
    }
    if to == Stage::Forwarded {
        delivery.stage = Stage::Forwarded;
    } else {
        delivery.problems = payload.get("problems").cloned();
        delivery.end(to, now);
    }
    world.deliveries.strike(id);
    world.deliveries.log(case, Entry { submission: id, event, token });
    Ok(id)
}
