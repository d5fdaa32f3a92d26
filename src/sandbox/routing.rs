//! The routing API 2.0.0: which destination is responsible for a service in a region, and the areas there are.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue, StatusCode};
use ozg_protocols::ids::SubmissionId;
use serde_json::{Value, json};

use super::{
    answer::{self, Answer},
    call::Call,
    destination::{Destination, Status},
    problem::Problem,
    region::{Key, meets},
    service::Service,
    signer,
};

/// Requests in a window, as its headers tell; the sandbox itself counts none.
const RATE: [(&str, u64); 3] = [("ratelimit-limit", 1_000), ("ratelimit-remaining", 999), ("ratelimit-reset", 60)];

/// `GET /routes`
pub(super) async fn routes(service: &Service, call: Call) -> Result<Answer, Problem> {
    let page = call.page()?;
    let service_key = call.parameter("leikaKey").unwrap_or_default().to_owned();
    if service_key.len() != 14 || !service_key.starts_with("99") || !service_key.bytes().all(|c| c.is_ascii_digit()) {
        return Err(Problem::bad_request(r"leikaKey must match ^99\d{12}$"));
    }
    let identifier = format!("urn:de:fim:leika:leistung:{service_key}");
    let region = region(service, &call).await?;
    let found = service
        .desk
        .ask(move |world| {
            let responsible = |destination: &&Destination| {
                destination.status == Status::Active
                    && destination.services.iter().any(|offered| {
                        offered.identifier == identifier
                            && offered.regions.iter().any(|covered| match &region {
                                Region::Ars(key) => Key::ars(key).is_some_and(|key| key.lies_in(covered)),
                                Region::Ags(key) => Key::ags(key).is_some_and(|key| key.lies_in(covered)),
                            })
                    })
            };
            let now = world.now();
            let all = world.destinations.iter().filter(responsible).cloned().collect();
            let (found, total): (Vec<Destination>, usize) = page.of(all);
            (found, total, now)
        })
        .await?;
    let (destinations, total, now) = found;
    let mut routes = Vec::with_capacity(destinations.len());
    for destination in &destinations {
        let signature = signature(service, destination, now.seconds()).await?;
        routes.push(json!({
            "destinationId": destination.id,
            "destinationSignature": signature,
            "destinationName": destination.name,
            "origin": "Zustelldienst",
        }));
    }
    let body = json!({ "count": routes.len(), "offset": page.offset, "totalCount": total, "routes": routes });
    Ok(with_rate(answer::json(StatusCode::OK, &body)))
}

enum Region {
    Ars(String),
    Ags(String),
}

/// The one region that is asked for.
async fn region(service: &Service, call: &Call) -> Result<Region, Problem> {
    let given: BTreeMap<&str, &str> =
        ["ars", "ags", "areaId"].into_iter().filter_map(|name| Some((name, call.parameter(name)?))).collect();
    let mut given = given.into_iter();
    let (Some((name, value)), None) = (given.next(), given.next()) else {
        return Err(Problem::bad_request("exactly one of ags, ars and areaId is needed"));
    };
    let malformed = || Problem::bad_request(format!("{name} is malformed"));
    match name {
        "ars" => Key::ars(value).map(|_| Region::Ars(value.to_owned())).ok_or_else(malformed),
        "ags" => Key::ags(value).map(|_| Region::Ags(value.to_owned())).ok_or_else(malformed),
        _ => {
            let wanted = value.to_owned();
            let ars = service
                .desk
                .ask(move |world| world.areas.iter().find(|area| area.id == wanted).map(|area| area.ars.clone()))
                .await?;
            ars.map(Region::Ars).ok_or_else(malformed)
        }
    }
}

/// The addressing data of a destination, signed as the self-service portal does it.
async fn signature(service: &Service, destination: &Destination, now: i64) -> Result<String, Problem> {
    let offered: Vec<Value> = destination
        .services
        .iter()
        .map(|offered| {
            let areas: Vec<String> = offered
                .regions
                .iter()
                .map(|region| {
                    let key = region.trim_start_matches("DE");
                    format!("urn:de:bund:destatis:bevoelkerungsstatistik:schluessel:rs:{key}")
                })
                .collect();
            json!({ "gebietIDs": areas, "leistungIDs": [offered.identifier] })
        })
        .collect();
    let claims = json!({
        "submissionHost": service.urls.submission_host(),
        "iss": service.urls.portal,
        "services": offered,
        "destinationId": destination.id,
        "iat": now,
        "jti": SubmissionId::from_random(signer::random()?).to_string(),
    });
    service.signer.sign("jwt", &claims).await
}

/// `GET /areas`
pub(super) async fn areas(service: &Service, call: Call) -> Result<Answer, Problem> {
    let page = call.page()?;
    let wanted: Vec<String> =
        call.query.iter().filter(|(name, _)| name == "areaSearchexpression").map(|(_, value)| value.clone()).collect();
    let long_enough = |text: &String| text.trim_matches('*').chars().count() >= 2;
    if !(1..=10).contains(&wanted.len()) || !wanted.iter().all(long_enough) {
        return Err(Problem::bad_request("areaSearchexpression: 1 to 10 expressions of at least 2 characters"));
    }
    let (areas, total) = service
        .desk
        .ask(move |world| {
            let found = world.areas.iter().filter(|area| wanted.iter().any(|expression| meets(&area.name, expression)));
            page.of(found.map(|area| json!({ "id": area.id, "name": area.name, "type": area.kind })).collect())
        })
        .await?;
    let body = json!({ "count": areas.len(), "offset": page.offset, "totalCount": total, "areas": areas });
    // The OpenAPI gives this one success the media type of problems.
    Ok(with_rate(answer::json_as(StatusCode::OK, "application/problem+json", &body)))
}

fn with_rate(mut answer: Answer) -> Answer {
    for (name, value) in RATE {
        answer.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
    answer
}
