//! The administration below `/sandbox`: what the sandbox holds, its faults, its clock. No part of FIT-Connect.

use std::{collections::BTreeMap, time::Duration};

use http::StatusCode;
use ozg_protocols::ids::SubmissionId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    answer::{self, Answer},
    call::Call,
    delivery::{Delivery, Stage},
    fault::Fault,
    problem::Problem,
    retention, rollover,
    seed::{self, Seed},
    service::Service,
    world::World,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_seconds: u64,
}

/// Answers a call below `/sandbox`.
pub(super) async fn answer(service: &Service, call: Call, path: &[&str]) -> Result<Answer, Problem> {
    match (call.method.as_str(), path) {
        ("GET", []) => Ok(show(&json!({
            "name": "OZG-Cloud Sandbox",
            "notice": "Testgegenstelle, kein FIT-Connect: alles liegt im Arbeitsspeicher und ist nach dem Ende fort.",
            "token": service.urls.token,
            "submission": service.urls.submission,
            "destination": service.urls.destination,
            "routing": service.urls.routing,
            "portal": service.urls.portal,
        }))),
        ("GET", ["state"]) => Ok(show(&service.desk.ask(|world| state(world)).await?)),
        ("GET", ["submissions"]) => submissions(service, &call).await,
        ("GET", ["submissions", id]) => {
            let id: SubmissionId = id.parse().map_err(|_| Problem::no_submission())?;
            let found =
                service.desk.ask(move |world| world.deliveries.get(id).map(|found| describe(world, found))).await??;
            Ok(show(&found))
        }
        ("POST", ["seed"]) => {
            let (seed, plain_http): (Seed, bool) = (call.json().await?, service.rules.plain_http_callbacks);
            service.desk.ask(move |world| seed::plant(world, seed, plain_http)).await??;
            Ok(answer::empty(StatusCode::NO_CONTENT))
        }
        ("POST", ["submissions", id, "signatures"]) => {
            let id: SubmissionId = id.parse().map_err(|_| Problem::no_submission())?;
            rollover::sign_again(service, id).await?;
            Ok(answer::empty(StatusCode::NO_CONTENT))
        }
        ("POST", ["service-key"]) => {
            let kid = rollover::new_key(service, call.json().await?).await?;
            Ok(show(&json!({ "kid": kid })))
        }
        ("GET", ["faults"]) => Ok(show(&service.desk.ask(|world| json!({ "faults": world.faults.list() })).await?)),
        ("POST", ["faults"]) => {
            let fault = call.json::<Fault>().await?.checked();
            let fault = fault.map_err(|refused| Problem::bad_request(refused.to_string()))?;
            service.desk.ask(move |world| world.faults.arm(fault)).await?;
            Ok(answer::empty(StatusCode::NO_CONTENT))
        }
        ("DELETE", ["faults"]) => {
            service.desk.ask(|world| world.faults.clear()).await?;
            Ok(answer::empty(StatusCode::NO_CONTENT))
        }
        ("GET", ["clock"]) => {
            let now = service.desk.ask(|world| world.now()).await?;
            Ok(show(&json!({ "now": now.to_string() })))
        }
        ("POST", ["clock"]) => {
            let Advance { advance_seconds } = call.json().await?;
            service.desk.ask(move |world| world.advance(Duration::from_secs(advance_seconds))).await?;
            let taken = retention::run_due(service).await?;
            Ok(show(&json!({ "stepsTaken": taken })))
        }
        _ => Err(Problem::no_such_path()),
    }
}

fn show(value: &Value) -> Answer {
    answer::not_cached(answer::json(StatusCode::OK, value))
}

/// Sums: what a bench or a test asks for again and again.
fn state(world: &World) -> Value {
    let mut stages: Vec<(Stage, u64)> = Vec::new();
    let (tally, mut oldest) = (world.deliveries.tally(), None);
    for delivery in world.deliveries.iter() {
        match stages.iter_mut().find(|(stage, _)| *stage == delivery.stage) {
            Some((_, count)) => *count += 1,
            None => stages.push((delivery.stage, 1)),
        }
        if delivery.stage.readable() {
            oldest = oldest.or(delivery.submitted_at);
        }
    }
    let waiting = oldest.map_or(0, |oldest| world.now().since(oldest).as_secs());
    let stages: BTreeMap<_, _> = stages.into_iter().map(|(stage, count)| (stage_name(stage), count)).collect();
    json!({
        "submissions": stages,
        "events": tally.events,
        "mostAcceptsOfOneSubmission": tally.most_accepts,
        "oldestWaitingSeconds": waiting,
        "answers": world.answered,
        "callbacks": world.callbacks,
    })
}

async fn submissions(service: &Service, call: &Call) -> Result<Answer, Problem> {
    let page = call.page()?;
    let wanted = call.parameter("state").map(str::to_owned);
    let (found, total) = service
        .desk
        .ask(move |world| {
            let of_stage =
                |delivery: &&Delivery| wanted.as_ref().is_none_or(|wanted| *wanted == stage_name(delivery.stage));
            let (found, total) = page.of(world.deliveries.iter().filter(of_stage).collect());
            (found.into_iter().map(|delivery| describe(world, delivery)).collect::<Vec<_>>(), total)
        })
        .await?;
    Ok(show(&json!({ "count": found.len(), "offset": page.offset, "totalCount": total, "submissions": found })))
}

fn describe(world: &World, delivery: &Delivery) -> Value {
    let mut shown = delivery.pointer();
    let Some(members) = shown.as_object_mut() else { return shown };
    members.insert("state".to_owned(), stage_name(delivery.stage).into());
    members.insert("service".to_owned(), delivery.service.identifier.as_str().into());
    members.insert("sender".to_owned(), delivery.sender.as_str().into());
    members.insert("attachments".to_owned(), json!(delivery.announced));
    members.insert("events".to_owned(), json!(counts(world, delivery)));
    members.insert("announcedAtMillis".to_owned(), delivery.announced_at.millis().into());
    if let Some(at) = delivery.submitted_at {
        members.insert("submittedAtMillis".to_owned(), at.millis().into());
    }
    if let Some(at) = delivery.decided_at {
        members.insert("decidedAtMillis".to_owned(), at.millis().into());
    }
    if let Some(problems) = &delivery.problems {
        members.insert("problems".to_owned(), problems.clone());
    }
    shown
}

/// How many events of each kind a submission has.
fn counts(world: &World, delivery: &Delivery) -> BTreeMap<&'static str, u64> {
    let log = world.deliveries.case(delivery.case).map(|case| case.log.as_slice()).unwrap_or_default();
    let mut counts = BTreeMap::new();
    for entry in log.iter().filter(|entry| entry.submission == delivery.id) {
        *counts.entry(entry.event.name()).or_default() += 1;
    }
    counts
}

fn stage_name(stage: Stage) -> String {
    serde_json::to_value(stage).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
