//! Which address leads where. Grouped by first path segment; each module boxes its own.
//!
//! Filters only route: whatever can go wrong is an answer of the handler. What no filter takes ends in one `recover`.

use std::{convert::Infallible, future::ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, pin_mut};
use warp::{
    Filter, Rejection,
    filters::BoxedFilter,
    http::{HeaderMap, Method, Uri},
    reject::MethodNotAllowed,
    reply::Response,
};

use crate::{
    alfa::{attachment, case, clearing, events, sign_in, suggestions, work_list},
    answer::{Asker, Trouble},
    app::App,
    assets, callback,
    fields::Fields,
    health, operations,
};

/// What a module gives: filters with an answer.
pub(crate) type Routes = BoxedFilter<(Response,)>;

/// The largest form in bytes; a comment of 10,000 characters in percent-encoded UTF-8 fits.
const LARGEST_FORM: usize = 256 * 1024;

/// The pages, and the operations endpoints where they are wanted on the same listener.
pub(crate) fn pages(app: &App, operations_here: bool) -> Routes {
    let pages = work_list::routes(app)
        .or(suggestions::routes(app))
        .unify()
        .or(case::routes(app))
        .unify()
        .or(attachment::routes(app))
        .unify()
        .or(events::routes(app))
        .unify()
        .or(assets::routes())
        .unify()
        .or(sign_in::routes(app))
        .unify()
        .or(clearing::routes(app))
        .unify()
        .or(operations::routes(app))
        .unify()
        .or(callback::routes(app))
        .unify()
        .or(assets::favicon())
        .unify()
        .boxed();
    if operations_here { recovered(pages.or(health::routes(app)).unify().boxed()) } else { recovered(pages) }
}

/// The operations endpoints alone, for a listener of their own.
pub(crate) fn operations_only(app: &App) -> Routes {
    recovered(health::routes(app))
}

fn recovered(routes: Routes) -> Routes {
    let head = warp::method().and(warp::ext::optional::<Uri>()).and(warp::header::headers_cloned());
    let nothing = head.and_then(async |method, uri, headers| {
        Err::<Response, _>(warp::reject::custom(Nothing { method, uri, headers }))
    });
    routes.or(nothing).unify().recover(explain).unify().boxed()
}

/// The head of a request that no filter took, carried to the one place that explains.
#[derive(Debug)]
struct Nothing {
    method: Method,
    uri: Option<Uri>,
    headers: HeaderMap,
}

impl warp::reject::Reject for Nothing {}

/// A body over the limit of its form.
#[derive(Debug)]
struct BodyTooLarge;

impl warp::reject::Reject for BodyTooLarge {}

async fn explain(rejection: Rejection) -> Result<Response, Infallible> {
    let trouble = if rejection.find::<BodyTooLarge>().is_some() {
        Trouble::TooLarge
    } else if rejection.find::<MethodNotAllowed>().is_some() {
        Trouble::WrongMethod
    } else {
        Trouble::NotFound
    };
    let unknown = Asker::Browser { live: false, back: "/vorgaenge".to_owned() };
    let asker = rejection.find::<Nothing>().map_or(unknown, |Nothing { method, uri, headers }| {
        Asker::of(method, uri.as_ref().unwrap_or(&Uri::from_static("/")), headers)
    });
    Ok(trouble.answer(&asker))
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    TooLarge,
    CutOff,
}

/// The whole body, or why there is none, for handlers that say so themselves.
pub(crate) fn body(limit: usize) -> BoxedFilter<(Result<Bytes, Unread>,)> {
    warp::body::stream().then(move |body| gather(body, limit)).boxed()
}

/// The fields of a form.
pub(crate) fn form() -> BoxedFilter<(Fields,)> {
    let refused = |_| warp::reject::custom(BodyTooLarge);
    body(LARGEST_FORM)
        .and_then(move |body: Result<Bytes, Unread>| ready(body.map(Fields::from).map_err(refused)))
        .boxed()
}

async fn gather<B: Buf, E>(body: impl Stream<Item = Result<B, E>>, limit: usize) -> Result<Bytes, Unread> {
    pin_mut!(body);
    let mut whole = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|_| Unread::CutOff)?;
        if whole.len() + chunk.remaining() > limit {
            return Err(Unread::TooLarge);
        }
        whole.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
    }
    Ok(whole.freeze())
}

/// Whether this is answered whatever host was named: monitors and browsers' caches know none.
pub(crate) fn for_every_host(path: &str) -> bool {
    for_monitors(path) || path == "/favicon.ico" || path.starts_with("/dateien/")
}

/// Whether monitors ask for this.
pub(crate) fn for_monitors(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/metrics")
}

/// Whether machines call this, which prove themselves in their own way.
pub(crate) fn for_machines(path: &str) -> bool {
    path.starts_with("/fit-connect/rueckruf/")
}

/// The name of a route for logs: never an id, a search text or anything else that was typed.
pub(crate) fn label(path: &str) -> &'static str {
    let segments: Vec<&str> = path.split('/').skip(1).take(5).collect();
    match segments.as_slice() {
        [""] => "/",
        ["vorgaenge"] => "/vorgaenge",
        ["vorgaenge", "vorschlaege"] => "/vorgaenge/vorschlaege",
        ["vorgang", _] => "/vorgang/{id}",
        ["vorgang", _, "anhang", _] => "/vorgang/{id}/anhang/{id}",
        ["vorgang", _, _] => "/vorgang/{id}/{aktion}",
        ["ereignisse"] => "/ereignisse",
        ["dateien", _] => "/dateien/{name}",
        ["anmeldung"] => "/anmeldung",
        ["abmelden"] => "/abmelden",
        ["klaerung"] => "/klaerung",
        ["klaerung", _, "erneut"] => "/klaerung/{id}/erneut",
        ["betrieb"] => "/betrieb",
        ["betrieb", "ereignisse"] => "/betrieb/ereignisse",
        ["fit-connect", "rueckruf", _] => "/fit-connect/rueckruf/{id}",
        ["livez"] => "/livez",
        ["readyz"] => "/readyz",
        ["metrics"] => "/metrics",
        _ => "(andere)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_never_shows_what_was_typed() {
        assert_eq!(label("/vorgang/0123/annehmen"), "/vorgang/{id}/{aktion}");
        assert_eq!(label("/Erika-Mustermann"), "(andere)");
        assert_eq!(label("/vorgang/1/2/3/4/5"), "(andere)");
    }

    #[tokio::test]
    async fn a_body_over_its_limit_is_refused_even_in_pieces() {
        let chunks = |sizes: &[usize]| {
            let chunks: Vec<_> = sizes.iter().map(|size| Ok::<_, Infallible>(Bytes::from(vec![b'x'; *size]))).collect();
            futures_util::stream::iter(chunks)
        };
        assert_eq!(gather(chunks(&[3, 4]), 7).await.map(|body| body.len()), Ok(7));
        assert_eq!(gather(chunks(&[3, 5]), 7).await, Err(Unread::TooLarge));
        let cut_off = futures_util::stream::iter([Ok(Bytes::from_static(b"x")), Err(())]);
        assert_eq!(gather(cut_off, 7).await, Err(Unread::CutOff));
    }
}
