//! The calls about destinations and their keys: Submission API version 1 and 2, and the Destination API.

use http::StatusCode;
use ozg_protocols::ids::DestinationId;
use serde_json::{Value, json};

use super::{
    answer::{self, Answer},
    call::Call,
    caller::{Caller, Scope},
    destination::{Destination, Status, read_key},
    draft::{Draft, absent},
    problem::Problem,
    service::Service,
    signer,
    version::Version,
    world::World,
};

/// Which base path a call came by: the Destination API asks less of a contact (dossier section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    Submission,
    Destination,
}

impl Base {
    const fn contact_members(self) -> &'static [&'static str] {
        match self {
            Self::Submission => &["legalName", "address", "phone", "email"],
            Self::Destination => &["legalName", "email"],
        }
    }
}

/// `GET /destinations`
pub(super) async fn list(service: &Service, call: Call, version: Version) -> Result<Answer, Problem> {
    let page = call.page()?;
    let (shown, total) = service
        .ask_as(call.token(), None, move |world, caller| {
            let own = world.destinations.iter().filter(|destination| sees_all(destination, caller));
            Ok(page.of(own.map(|destination| destination.show(version, true)).collect()))
        })
        .await?;
    let body = json!({ "count": shown.len(), "offset": page.offset, "totalCount": total, "destinations": shown });
    Ok(answer::not_cached(answer::json(StatusCode::OK, &body)))
}

/// `POST /destinations`
pub(super) async fn create(service: &Service, call: Call, version: Version, base: Base) -> Result<Answer, Problem> {
    let token = call.token();
    manage(service, token.clone(), |_, _| Ok(())).await?;
    let draft: Draft = call.json().await?;
    check_contact(&draft, base)?;
    let id = DestinationId::from_random(signer::random()?);
    let plain_http = service.rules.plain_http_callbacks;
    let shown = manage(service, token, move |world, caller| {
        let destination = Destination::new(id, Some(caller.client.clone()), draft, plain_http)?;
        let shown = destination.show(version, true);
        world.destinations.add(destination);
        world.callers.connect(&caller.client, id);
        Ok(shown)
    })
    .await?;
    let answer = answer::json(StatusCode::CREATED, &shown);
    Ok(answer::not_cached(located(answer, &format!("/destinations/{id}"))?))
}

/// `GET /destinations/{id}`
pub(super) async fn show(
    service: &Service,
    call: Call,
    version: Version,
    id: DestinationId,
) -> Result<Answer, Problem> {
    let token = call.token();
    let shown = service
        .desk
        .ask(move |world| {
            // Version 2 shows the public part without a token (dossier section 3).
            let caller = match (version, &token) {
                (Version::V2, None) => None,
                _ => Some(world.callers.identify(token.as_deref(), world.now())?),
            };
            let destination = world.destinations.get(id)?;
            Ok(destination.show(version, caller.is_some_and(|caller| sees_all(destination, &caller))))
        })
        .await??;
    Ok(answer::not_cached(answer::json(StatusCode::OK, &shown)))
}

/// `PUT` and `PATCH /destinations/{id}`
pub(super) async fn change(
    service: &Service,
    call: Call,
    version: Version,
    base: Base,
    id: DestinationId,
) -> Result<Answer, Problem> {
    let (token, whole) = (call.token(), call.method == http::Method::PUT);
    manage(service, token.clone(), move |world, caller| owned(world, caller, id).map(|_| ())).await?;
    let draft: Draft = call.json().await?;
    if whole {
        draft.status.ok_or_else(|| absent("status"))?;
        draft.contact_information.as_ref().ok_or_else(|| absent("contactInformation"))?;
        draft.services.as_ref().ok_or_else(|| absent("services"))?;
        draft.encryption_kid.as_ref().ok_or_else(|| absent("encryptionKid"))?;
        draft.metadata_versions.as_ref().ok_or_else(|| absent("metadataVersions"))?;
    }
    if !whole && draft.status == Some(Status::Created) {
        return Err(Problem::bad_request("status must be active, inactive or decommissioned"));
    }
    check_contact(&draft, base)?;
    let plain_http = service.rules.plain_http_callbacks;
    let shown = manage(service, token, move |world, caller| {
        let destination = owned(world, caller, id)?;
        destination.change(draft, plain_http)?;
        Ok(destination.show(version, true))
    })
    .await?;
    Ok(answer::not_cached(answer::json(StatusCode::OK, &shown)))
}

/// `DELETE /destinations/{id}`
pub(super) async fn remove(service: &Service, call: Call, id: DestinationId) -> Result<Answer, Problem> {
    manage(service, call.token(), move |world, caller| {
        owned(world, caller, id)?;
        if world.deliveries.iter().any(|delivery| delivery.destination == id && delivery.stage.readable()) {
            return Err(Problem::bad_request("there are submissions that nobody has picked up"));
        }
        world.destinations.remove(id);
        world.callers.disconnect(id);
        Ok(())
    })
    .await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `POST /destinations/{id}/keys`
pub(super) async fn add_key(service: &Service, call: Call, id: DestinationId) -> Result<Answer, Problem> {
    let token = call.token();
    manage(service, token.clone(), move |world, caller| owned(world, caller, id).map(|_| ())).await?;
    let key = read_key(&call.json::<Value>().await?)?;
    let kid = key.kid.clone();
    manage(service, token, move |world, caller| owned(world, caller, id)?.add_key(key)).await?;
    located(answer::empty(StatusCode::CREATED), &format!("/destinations/{id}/keys/{kid}"))
}

/// `GET /destinations/{id}/keys` (only at the Destination API, version 2)
pub(super) async fn keys(service: &Service, call: Call, id: DestinationId) -> Result<Answer, Problem> {
    let keys = service.ask_as(call.token(), None, move |world, _| Ok(world.destinations.get(id)?.keys())).await?;
    Ok(answer::not_cached(answer::json(StatusCode::OK, &json!({ "keys": keys }))))
}

/// `GET /destinations/{id}/keys/{kid}`; needs no token
pub(super) async fn key(service: &Service, id: DestinationId, kid: &str) -> Result<Answer, Problem> {
    let kid = kid.to_owned();
    let key = service
        .desk
        .ask(move |world| {
            let unknown = || Problem::new(StatusCode::NOT_FOUND, "key-not-found", "Key not found", "there is none");
            Ok(world.destinations.get(id)?.key(&kid).ok_or_else(unknown)?.to_value())
        })
        .await??;
    Ok(answer::not_cached(answer::json(StatusCode::OK, &key)))
}

async fn manage<T: Send + 'static>(
    service: &Service,
    token: Option<String>,
    question: impl FnOnce(&mut World, &Caller) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    service.ask_as(token, Some(Scope::ManageDestinations), question).await
}

/// A destination that the caller may change: its own, or one it was connected to when the sandbox was seeded.
fn owned<'a>(world: &'a mut World, caller: &Caller, id: DestinationId) -> Result<&'a mut Destination, Problem> {
    let destination = world.destinations.get_mut(id)?;
    if sees_all(destination, caller) {
        Ok(destination)
    } else {
        Err(Problem::forbidden("the destination belongs to another client"))
    }
}

fn sees_all(destination: &Destination, caller: &Caller) -> bool {
    let manages = caller.may(Scope::ManageDestinations) && destination.owner.as_deref() == Some(&caller.client);
    let connected = caller.destinations().contains(&destination.id)
        && (caller.may(Scope::ManageDestinations) || caller.may(Scope::SubscribeDestinations));
    manages || connected
}

fn check_contact(draft: &Draft, base: Base) -> Result<(), Problem> {
    let Some(contact) = &draft.contact_information else { return Ok(()) };
    for member in base.contact_members() {
        if !contact.get(*member).is_some_and(Value::is_string) {
            return Err(absent(&format!("contactInformation.{member}")));
        }
    }
    Ok(())
}

fn located(mut answer: Answer, path: &str) -> Result<Answer, Problem> {
    let path = path.parse().map_err(|_| Problem::internal("the location is not a header value"))?;
    answer.headers_mut().insert(http::header::LOCATION, path);
    Ok(answer)
}
