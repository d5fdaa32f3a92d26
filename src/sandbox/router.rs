//! Which call goes where. Anything of version 2 that is not evidenced answers 501.

use http::Method;
use ozg_protocols::ids::{AttachmentId, DestinationId, FitCaseId, SubmissionId};
use serde_json::json;

use super::{
    admin,
    answer::{self, Answer},
    call::{Call, Sent},
    destinations::{self, Base},
    events,
    problem::Problem,
    routing,
    service::Service,
    submissions, submit, token,
    version::Version,
};

/// Answers a request.
pub(super) async fn route(service: &Service, request: http::Request<Sent>) -> Result<Answer, Problem> {
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let call = Call::new(request);
    match segments.as_slice() {
        ["auth", "token"] | ["token"] => match call.method {
            Method::POST => token::issue(service, call).await,
            _ => Err(method_not_allowed()),
        },
        ["submission-api", ".well-known", "jwks.json"] | ["ssp", ".well-known", "jwks.json"] => keys(service, &call),
        ["submission-api", version, rest @ ..] => {
            let version = Version::of(version).ok_or_else(Problem::no_such_path)?;
            submission_api(service, call, version, rest).await
        }
        ["destination-api", version, rest @ ..] => {
            let version = Version::of(version).ok_or_else(Problem::no_such_path)?;
            destination_api(service, call, version, rest).await
        }
        ["routing-api", "v1" | "v2", rest @ ..] | ["routing-api", rest @ ..] => routing_api(service, call, rest).await,
        ["sandbox", rest @ ..] => admin::answer(service, call, rest).await,
        _ => Err(Problem::no_such_path()),
    }
}

async fn submission_api(service: &Service, call: Call, version: Version, path: &[&str]) -> Result<Answer, Problem> {
    match (call.method.as_str(), path) {
        ("GET", ["info"]) if version == Version::V1 => Ok(info(1, 1, 3)),
        ("GET", ["submissions"]) => submissions::list(service, call).await,
        ("POST", ["submissions"]) => submissions::announce(service, call).await,
        ("GET", ["submissions", id]) => submissions::fetch(service, call, version, submission(id)?).await,
        ("PUT", ["submissions", id]) => submit::submit(service, call, version, submission(id)?).await,
        ("GET", ["submissions", id, "events"]) if version == Version::V2 => {
            events::of_submission(service, call, submission(id)?).await
        }
        ("GET", ["submissions", id, "attachments", attachment]) => {
            submissions::fetch_attachment(service, call, part(id, attachment)?).await
        }
        ("PUT", ["submissions", id, "attachments", attachment]) => {
            submissions::upload(service, call, version, part(id, attachment)?).await
        }
        ("GET", ["cases", id, "events"]) => events::of_case(service, call, case(id)?).await,
        ("POST", ["cases", id, "events"]) => events::post(service, call, case(id)?).await,
        ("GET", ["destinations", id]) => destinations::show(service, call, version, destination(id)?).await,
        ("GET", ["destinations", id, "keys", kid]) => destinations::key(service, destination(id)?, kid).await,
        // There is no list of keys here (dossier section 0.1).
        (_, ["destinations", _, "keys"]) if version == Version::V2 => Err(Problem::no_such_path()),
        (_, ["destinations", rest @ ..]) if version == Version::V1 => {
            managed(service, call, version, Base::Submission, rest).await
        }
        _ => Err(unknown(version)),
    }
}

async fn destination_api(service: &Service, call: Call, version: Version, path: &[&str]) -> Result<Answer, Problem> {
    match (call.method.as_str(), path) {
        ("GET", ["destinations", id]) => destinations::show(service, call, version, destination(id)?).await,
        ("GET", ["destinations", id, "keys"]) => destinations::keys(service, call, destination(id)?).await,
        ("GET", ["destinations", id, "keys", kid]) => destinations::key(service, destination(id)?, kid).await,
        (_, ["destinations", rest @ ..]) if version == Version::V1 => {
            managed(service, call, version, Base::Destination, rest).await
        }
        _ => Err(unknown(version)),
    }
}

/// The calls that make and change destinations.
async fn managed(
    service: &Service,
    call: Call,
    version: Version,
    base: Base,
    path: &[&str],
) -> Result<Answer, Problem> {
    match (call.method.as_str(), path) {
        ("GET", []) => destinations::list(service, call, version).await,
        ("POST", []) => destinations::create(service, call, version, base).await,
        ("PUT" | "PATCH", [id]) => destinations::change(service, call, version, base, destination(id)?).await,
        ("DELETE", [id]) => destinations::remove(service, call, destination(id)?).await,
        ("POST", [id, "keys"]) => destinations::add_key(service, call, destination(id)?).await,
        _ => Err(unknown(version)),
    }
}

async fn routing_api(service: &Service, call: Call, path: &[&str]) -> Result<Answer, Problem> {
    match (call.method.as_str(), path) {
        ("GET", ["routes"]) => routing::routes(service, call).await,
        ("GET", ["areas"]) => routing::areas(service, call).await,
        ("GET", ["info"]) => Ok(info(2, 0, 0)),
        _ => Err(Problem::no_such_path()),
    }
}

fn info(major: u8, minor: u8, patch: u8) -> Answer {
    answer::json(http::StatusCode::OK, &json!({ "version": { "major": major, "minor": minor, "patch": patch } }))
}

fn keys(service: &Service, call: &Call) -> Result<Answer, Problem> {
    if call.method != Method::GET {
        return Err(method_not_allowed());
    }
    Ok(answer::json(http::StatusCode::OK, &json!({ "keys": service.signer.published() })))
}

fn unknown(version: Version) -> Problem {
    match version {
        Version::V1 => Problem::no_such_path(),
        Version::V2 => Problem::not_implemented(),
    }
}

fn method_not_allowed() -> Problem {
    Problem::new(http::StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method Not Allowed", "see the OpenAPI")
}

fn destination(id: &str) -> Result<DestinationId, Problem> {
    id.parse().map_err(|_| Problem::bad_request("the destination id is not a UUID"))
}

fn submission(id: &str) -> Result<SubmissionId, Problem> {
    id.parse().map_err(|_| Problem::bad_request("the submission id is not a UUID"))
}

fn case(id: &str) -> Result<FitCaseId, Problem> {
    id.parse().map_err(|_| Problem::bad_request("the case id is not a UUID"))
}

fn part(id: &str, attachment: &str) -> Result<(SubmissionId, AttachmentId), Problem> {
    let attachment = attachment.parse().map_err(|_| Problem::bad_request("the attachment id is not a UUID"))?;
    Ok((submission(id)?, attachment))
}

/// The kind of resource in a path, for counting: ids and keys become a place-holder.
pub(super) fn kind(path: &str) -> String {
    let mut kind = String::with_capacity(path.len());
    let mut after_keys = false;
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        kind.push('/');
        kind.push_str(if after_keys || segment.parse::<DestinationId>().is_ok() { "{}" } else { segment });
        after_keys = segment == "keys";
    }
    kind
}
