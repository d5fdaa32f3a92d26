//! `/livez`, `/readyz` and `/metrics`: for monitors, in words and numbers, without a session and without personal data.

use bytes::Bytes;
use ozg_actors::Readiness;
use warp::{
    Filter,
    http::{HeaderValue, StatusCode, header},
    reply::Response,
};

use crate::{app::App, routes::Routes};

/// The operations endpoints.
pub(crate) fn routes(app: &App) -> Routes {
    let (alive, ready, metrics) = (app.clone(), app.clone(), app.clone());
    let alive = warp::path!("livez").map(move || liveness(alive.house().is_alive()));
    let ready = warp::path!("readyz").and_then(move || {
        let app = ready.clone();
        async move { Ok::<_, std::convert::Infallible>(readiness(&app.house().readiness().await)) }
    });
    let metrics =
        warp::path!("metrics").map(move || typed(StatusCode::OK, OPEN_METRICS, metrics.house().metrics_text()));
    warp::get().and(alive.or(ready).unify().or(metrics).unify()).boxed()
}

fn liveness(alive: bool) -> Response {
    let (status, word) = if alive { (StatusCode::OK, "läuft") } else { (StatusCode::SERVICE_UNAVAILABLE, "steht") };
    typed(status, JSON, serde_json::json!({ "status": word }).to_string())
}

const JSON: &str = "application/json";
/// The text ends with `# EOF`: Prometheus reads it as OpenMetrics 1.0.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn typed(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Bytes::from(body).into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn readiness(readiness: &Readiness) -> Response {
    let ready = readiness.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::json!({
        "status": if ready { "bereit" } else { "nicht bereit" },
        "journal": readiness.journal,
        "load": readiness.load,
        "draining": readiness.draining,
        "tenants": readiness.tenants,
    });
    typed(status, JSON, body.to_string())
}
