//! `PUT /submissions/{id}`: the parts are complete, the service notes their tags, and the subscriber is told.
//!
//! Both events of the service are in the log before the sender hears that it worked. This is where most faults happen.

use ozg_protocols::ids::SubmissionId;
use serde::Deserialize;
use serde_json::Value;

use super::{
    answer::{self, Answer},
    call::Call,
    callback,
    caller::Scope,
    delivery::{Entry, Stage, Tags},
    destination::Destination,
    draft::absent,
    fault::{Fault, FaultKind},
    mishap,
    problem::Problem,
    seal::{Part, Seal},
    service::Service,
    set::{self, About, EventKind},
    signer,
    version::Version,
    world::World,
};
use ozg_protocols::fit_connect::jose::base64url;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submit {
    #[serde(default)]
    encrypted_metadata: Option<String>,
    /// A client of version 1 writes `null` where it has none (clients dossier 1.4).
    #[serde(default)]
    encrypted_data: Option<String>,
}

/// What is known before the submit event is signed.
struct Ready {
    about: About,
    destination: Destination,
    tags: Tags,
    /// The payload of the submit event.
    payload: Value,
    foreign_schema: bool,
    forged: bool,
    unchecked: bool,
}

/// `PUT /submissions/{id}`
pub(super) async fn submit(
    service: &Service,
    call: Call,
    version: Version,
    id: SubmissionId,
) -> Result<Answer, Problem> {
    let token = call.token();
    service
        .ask_as(token.clone(), Some(Scope::SendSubmissions), move |world, caller| {
            world.deliveries.of_sender(id, caller).map(|_| ())
        })
        .await?;
    call.must_be(&["application/json"])?;
    let Submit { encrypted_metadata, encrypted_data } = call.json().await?;
    let metadata = encrypted_metadata.ok_or_else(|| absent("encryptedMetadata"))?;
    if version == Version::V2 && encrypted_data.is_none() {
        return Err(absent("encryptedData"));
    }
    let metadata_seal = Seal::of(&metadata)?;
    let data_seal = encrypted_data.as_deref().map(Seal::of).transpose()?;
    let (random, tag) = (signer::random()?, metadata_seal.tag.clone());
    let data_tag = data_seal.as_ref().map(|seal| seal.tag.clone());
    let ready = service
        .ask_as(token.clone(), Some(Scope::SendSubmissions), move |world, caller| {
            world.deliveries.of_sender(id, caller)?;
            prepare(world, id, Tags { metadata: tag, data: data_tag, attachments: Default::default() }, random)
        })
        .await?;
    if !ready.unchecked {
        metadata_seal.check(Part::Metadata, version, &ready.destination)?;
        if let Some(seal) = &data_seal {
            seal.check(Part::Data, version, &ready.destination)?;
        }
    }
    let event = sign(service, &ready).await?;
    let tags = ready.tags;
    let (shown, news) = service
        .ask_as(token, Some(Scope::SendSubmissions), move |world, _| {
            let shown = commit(world, id, (metadata, encrypted_data), tags, &event, version)?;
            Ok((shown, callback::new_submissions(world, id)))
        })
        .await?;
    if let Some(news) = news {
        service.callbacks.send(news);
    }
    Ok(answer::json(version.submitted(), &shown))
}

fn prepare(world: &mut World, id: SubmissionId, mut tags: Tags, random: [u8; 16]) -> Result<Ready, Problem> {
    let now = world.now();
    let delivery = world.deliveries.get(id)?;
    must_be_incomplete(delivery.stage)?;
    let missing = delivery.announced.iter().filter(|attachment| !delivery.uploads.contains_key(*attachment)).count();
    if missing > 0 {
        let detail = format!("{missing} announced attachments have not been uploaded");
        return Err(Problem::unprocessable("attachments-missing", "Attachments missing", detail));
    }
    tags.attachments = delivery.uploads.iter().map(|(id, upload)| (*id, upload.tag.clone())).collect();
    let destination = world.destinations.get(delivery.destination)?.clone();
    let about = About { submission: id, case: delivery.case, at: now, random };
    let first = delivery.announced.first().copied();
    let faults = &mut world.faults;
    Ok(Ready {
        about,
        destination,
        payload: mishap::told(faults, &tags, first),
        tags,
        foreign_schema: faults.take(FaultKind::UnsupportedSetSchema).is_some(),
        forged: faults.take(FaultKind::ForgedSet).is_some(),
        unchecked: faults.take(FaultKind::UncheckedSeal).is_some(),
    })
}

fn must_be_incomplete(stage: Stage) -> Result<(), Problem> {
    if stage == Stage::Incomplete {
        Ok(())
    } else {
        let title = "Submission state invalid";
        Err(Problem::unprocessable("submission-state-invalid", title, "it has already been submitted"))
    }
}

async fn sign(service: &Service, ready: &Ready) -> Result<String, Problem> {
    let foreign = set::schema("9.0.0");
    let schema = if ready.foreign_schema { &foreign } else { &service.signer.schema };
    let token = service.signer.event_under(schema, ready.about, EventKind::Submit, &ready.payload).await?;
    Ok(if ready.forged { forged(&token) } else { token })
}

/// The token with another payload under the old signature.
fn forged(token: &str) -> String {
    let mut segments: Vec<String> = token.split('.').map(str::to_owned).collect();
    if let Some(segment) = segments.get_mut(1)
        && let Ok(mut payload) = base64url::decode(segment.as_bytes())
    {
        // One space more: the same claims, but not the bytes that were signed.
        payload.push(b' ');
        *segment = base64url::encode(&payload);
    }
    segments.join(".")
}

fn commit(
    world: &mut World,
    id: SubmissionId,
    (metadata, data): (String, Option<String>),
    tags: Tags,
    token: &str,
    version: Version,
) -> Result<Value, Problem> {
    let now = world.now();
    let visible_from =
        world.faults.take(FaultKind::SlowVisibility).map_or(now, |fault: Fault| now.plus(fault.duration()));
    let times = if world.faults.take(FaultKind::TwoSubmitEvents).is_some() { 2 } else { 1 };
    let delivery = world.deliveries.get_mut(id)?;
    must_be_incomplete(delivery.stage)?;
    delivery.stage = Stage::Submitted;
    delivery.metadata = metadata;
    delivery.data = data;
    delivery.tags = Some(tags);
    delivery.submitted_at = Some(now);
    delivery.visible_from = visible_from;
    let (case, shown) = (delivery.case, delivery.show(version, false));
    for _ in 0..times {
        world.deliveries.log(case, Entry { submission: id, event: EventKind::Submit, token: token.to_owned() });
    }
    world.deliveries.enlist(id);
    mishap::befall(&mut world.faults, &mut world.deliveries, id)?;
    Ok(shown)
}
