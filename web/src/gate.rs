//! What every request passes on its way in and every answer on its way out.
//!
//! In: the tenant is found by the host, foreign senders are turned away, the body gets its limit. Out: a panic or a handler
//! that takes too long becomes an error page, headers are added, one line is logged: method, route, status, duration, and
//! nothing that could name a person or a case.

use std::{net::IpAddr, panic::AssertUnwindSafe, sync::Arc};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use http_body_util::{BodyExt as _, Limited, combinators::BoxBody};
use ozg_actors::observe::Answered;
use tokio::time::Instant;
use tower::Service as _;
use warp::{
    http::{HeaderMap, Method, Request, StatusCode, Uri, Version, header},
    reply::Response,
};

use crate::{
    answer::{Asker, Trouble},
    app::App,
    origin, routes, security,
    settings::{Limits, Monitors},
};

type Body = BoxBody<Bytes, BodyError>;
/// What answers a request that has passed.
pub(crate) type Handler = Arc<dyn Fn(Request<Body>) -> BoxFuture<'static, Response> + Send + Sync>;

/// A body that ended early or exceeded its limit.
#[derive(Debug, thiserror::Error)]
#[error("the body ended early or is too large")]
pub(crate) struct BodyError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// The way in for one listener.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    app: App,
    handler: Handler,
    limits: Limits,
    monitors: Monitors,
    over_tls: bool,
}

impl Gate {
    pub(crate) fn new(app: App, handler: Handler, limits: Limits, monitors: Monitors, over_tls: bool) -> Self {
        Self(Arc::new(Inner { app, handler, limits, monitors, over_tls }))
    }

    /// Answers one request that came from this address.
    pub(crate) async fn pass<B>(self, request: Request<B>, from: IpAddr) -> Response
    where
        B: http_body::Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let started = Instant::now();
        let (method, route) = (request.method().clone(), routes::label(request.uri().path()));
        let asker = Asker::of(request.method(), request.uri(), request.headers());
        let mut response = match self.admit(request, from) {
            Ok(request) => self.handle(request, &asker, route).await,
            Err(trouble) => trouble.answer(&asker),
        };
        security::protect(response.headers_mut(), self.0.over_tls);
        let (status, took) = (response.status(), started.elapsed());
        let answered = Answered { route, method: method_label(&method), status: status_class(status) };
        self.0.app.house().observation().metrics().answered(answered, took);
        tracing::info!(target: "ozg_web::access", method = answered.method, route, status = status.as_u16(), ms = took.as_millis());
        response
    }

    fn admit<B>(&self, mut request: Request<B>, from: IpAddr) -> Result<Request<Body>, Trouble>
    where
        B: http_body::Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let limit = self.0.limits.body;
        // Callbacks have a limit of their own, and are counted where they break it.
        if !routes::for_machines(request.uri().path())
            && announced_length(request.headers()).is_some_and(|length| length > limit as u64)
        {
            return Err(Trouble::TooLarge);
        }
        let uri = request.uri().clone();
        if routes::for_monitors(uri.path()) && !self.0.monitors.allow(from, request.headers()) {
            return Err(Trouble::NotFound);
        }
        if !routes::for_every_host(uri.path()) {
            let host = host(&uri, request.headers(), request.version()).ok_or(Trouble::UnknownHost)?;
            let house = self.0.app.house();
            let tenant = house.tenant_by_host(&host).ok_or_else(|| match house.is_shut(&host) {
                true => Trouble::Shut,
                false => Trouble::UnknownHost,
            })?;
            let origins = self.0.app.origins(&tenant);
            if !routes::for_machines(uri.path()) && !origin::may_act(request.method(), request.headers(), &origins) {
                return Err(Trouble::ForeignSender);
            }
            request.extensions_mut().insert(tenant);
        }
        request.extensions_mut().insert(uri);
        Ok(request.map(|body| Limited::new(body, limit).map_err(BodyError).boxed()))
    }

    async fn handle(&self, request: Request<Body>, asker: &Asker, route: &'static str) -> Response {
        let handling = AssertUnwindSafe((self.0.handler)(request)).catch_unwind();
        match tokio::time::timeout(self.0.limits.answer, handling).await {
            Ok(Ok(response)) => response,
            Ok(Err(_panic)) => {
                tracing::error!(route, "a handler panicked");
                Trouble::Fault.answer(asker)
            }
            Err(_elapsed) => {
                tracing::warn!(route, "a handler took too long");
                Trouble::TooSlow.answer(asker)
            }
        }
    }
}

/// A method as a label: whatever somebody makes up is one word.
fn method_label(method: &Method) -> &'static str {
    [("GET", Method::GET), ("HEAD", Method::HEAD), ("POST", Method::POST), ("OPTIONS", Method::OPTIONS)]
        .into_iter()
        .find_map(|(name, known)| (known == *method).then_some(name))
        .unwrap_or("andere")
}

const fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The one host that a request names, lower case and without port. Two hosts that differ are none: an ingress and we
/// would otherwise believe different ones.
fn host(uri: &Uri, headers: &HeaderMap, version: Version) -> Option<String> {
    let mut named = headers.get_all(header::HOST).iter();
    let (first, second) = (named.next(), named.next());
    let sent = match first {
        Some(value) => Some(without_port(value.to_str().ok()?)?),
        None if version >= Version::HTTP_2 => None,
        None => return None,
    };
    let addressed = match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => return None,
        Some(authority) => Some(without_port(authority.as_str())?),
        None => None,
    };
    match (sent, addressed, second) {
        (_, _, Some(_)) => None,
        (Some(sent), Some(addressed), None) => (sent == addressed).then_some(sent),
        (one, other, None) => one.or(other),
    }
}

fn without_port(authority: &str) -> Option<String> {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => {
            port.bytes().all(|digit| digit.is_ascii_digit()).then_some(host)?
        }
        _ => authority,
    };
    let plain = !host.is_empty() && host.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.'));
    plain.then(|| host.trim_end_matches('.').to_ascii_lowercase())
}

/// Filters as a handler.
pub(crate) fn handler(routes: routes::Routes) -> Handler {
    let service = warp::service(routes);
    Arc::new(move |request| {
        let answer = service.clone().call(request);
        async move { answer.await.unwrap_or_else(|never: std::convert::Infallible| match never {}) }.boxed()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(uri: &'static str, hosts: &[&'static str], version: Version) -> Option<String> {
        let mut headers = HeaderMap::new();
        for name in hosts {
            headers.append(header::HOST, name.parse().expect("valid"));
        }
        host(&Uri::from_static(uri), &headers, version)
    }

    #[test]
    fn a_host_is_named_once_without_port_and_case() {
        assert_eq!(
            named("/", &["Musterstadt.Localhost:8080"], Version::HTTP_11).as_deref(),
            Some("musterstadt.localhost")
        );
        assert_eq!(named("https://a.example/", &[], Version::HTTP_2).as_deref(), Some("a.example"));
        assert_eq!(named("http://a.example/", &["a.example:80"], Version::HTTP_11).as_deref(), Some("a.example"));
    }

    #[test]
    fn a_request_that_names_two_hosts_names_none() {
        assert_eq!(named("/", &["a.example", "b.example"], Version::HTTP_11), None);
        assert_eq!(named("http://a.example/", &["b.example"], Version::HTTP_11), None);
        assert_eq!(named("https://a.example/", &["b.example"], Version::HTTP_2), None);
        assert_eq!(named("http://a.example/", &[], Version::HTTP_11), None);
    }

    #[test]
    fn what_is_no_host_name_is_none() {
        for wrong in ["", ":80", "a b", "[::1]:80", "a.example:x", "ü.example", "a.example/b"] {
            assert_eq!(without_port(wrong), None, "{wrong}");
        }
    }
}
