//! Style sheets, fonts and scripts in the binary, under addresses that change with their content.
//!
//! `make-assets` lays them into `assets/`, with a brotli twin of each text. Whoever asks by the current address may keep the
//! answer for ever; by an old one gets today's file and must ask again next time.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use ozg_protocols::hex;
use rust_embed::RustEmbed;
use warp::{
    Filter,
    filters::BoxedFilter,
    http::{HeaderMap, StatusCode, header},
    reply::{Reply, Response},
};

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Laid;

/// The addresses by file name, made once.
static ADDRESSES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let with_address = |name: Cow<'static, str>| {
        media_type(&name)?;
        let hash = version(&Laid::get(&name)?.metadata.sha256_hash());
        Some((name.to_string(), format!("/dateien/{name}?v={hash}")))
    };
    Laid::iter().filter_map(with_address).collect()
});

/// The address of a file, for templates. A file that is not there gets the address of nothing, which a test rules out.
#[must_use]
pub(crate) fn url(name: &str) -> &'static str {
    ADDRESSES.get(name).map_or("/dateien/", String::as_str)
}

fn version(hash: &[u8]) -> String {
    hex::encode(hash.get(..8).unwrap_or(hash))
}

/// `GET /dateien/{name}?v=…`.
pub(crate) fn routes() -> BoxedFilter<(Response,)> {
    warp::path!("dateien" / String)
        .and(warp::get().or(warp::head()).unify())
        .and(warp::header::headers_cloned())
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and_then(async |name: String, headers: HeaderMap, query: String| {
            deliver(&name, &headers, &query).ok_or_else(warp::reject::not_found)
        })
        .boxed()
}

fn deliver(name: &str, headers: &HeaderMap, query: &str) -> Option<Response> {
    let plain = Laid::get(name)?;
    let kind = media_type(name)?;
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes_brotli = accepts.split(',').any(|coding| coding.trim().split(';').next() == Some("br"));
    let packed = if takes_brotli { Laid::get(&format!("{name}.br")) } else { None };
    let is_packed = packed.is_some();
    let hash = version(&plain.metadata.sha256_hash());
    let mut response = Response::new(packed.unwrap_or(plain).data.into_owned().into());
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    out.insert(header::VARY, header::HeaderValue::from_static("accept-encoding"));
    if is_packed {
        out.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("br"));
    }
    let current = query.strip_prefix("v=") == Some(hash.as_str());
    let keep = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
    out.insert(header::CACHE_CONTROL, header::HeaderValue::from_static(keep));
    Some(response)
}

fn media_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "woff2" => Some("font/woff2"),
        "txt" => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}

/// The favicon that browsers ask for unasked.
pub(crate) fn favicon() -> BoxedFilter<(Response,)> {
    warp::path!("favicon.ico")
        .and(warp::get())
        .map(|| {
            let mut response = StatusCode::MOVED_PERMANENTLY.into_response();
            if let Ok(place) = header::HeaderValue::from_str(url("bildmarke.svg")) {
                response.headers_mut().insert(header::LOCATION, place);
            }
            response
        })
        .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &str, accept: &str) -> http::Response<bytes::Bytes> {
        warp::test::request().path(path).header("accept-encoding", accept).reply(&routes()).await
    }

    #[tokio::test]
    async fn a_current_address_may_be_kept_for_ever_and_an_old_one_may_not() {
        let current = get(url("alfa.css"), "gzip").await;
        assert_eq!(current.headers()["cache-control"], "public, max-age=31536000, immutable");
        let old = get("/dateien/alfa.css?v=00", "gzip").await;
        assert_eq!((old.status(), old.headers()["cache-control"].as_bytes()), (StatusCode::OK, &b"no-cache"[..]));
        assert_eq!(get("/dateien/alfa.css.br", "br").await.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn a_page_weighs_less_than_80_kb_without_fonts() {
        let mut weight = 0;
        for name in ["kern.css", "alfa.css", "htmx.js", "alfa.js", "bildmarke.svg"] {
            let answer = get(url(name), "gzip, br").await;
            assert_eq!(answer.headers()["content-encoding"], "br", "{name}");
            weight += answer.body().len();
        }
        assert!(weight < 70_000, "{weight} bytes leave too little for the page itself");
    }

    #[test]
    fn every_file_that_a_template_names_is_there() {
        for name in ["bildmarke.svg", "kern.css", "alfa.css", "htmx.js", "alfa.js"] {
            assert!(url(name).contains("?v="), "{name}");
        }
    }

    #[test]
    fn the_style_sheets_name_no_foreign_address() {
        for name in ["kern.css", "alfa.css"] {
            let text = Laid::get(name).expect("laid").data.into_owned();
            let text = String::from_utf8(text).expect("text");
            assert!(!text.contains("url(http") && !text.contains("url(\"http") && !text.contains("@import"), "{name}");
        }
    }
}
