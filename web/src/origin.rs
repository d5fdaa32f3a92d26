//! Where a request comes from: whether a page of ours sent it, and where it may lead back to.
//!
//! No token in the form: browsers say themselves from where they send (Fetch Metadata, `Sec-Fetch-Site`), older ones at
//! least their `Origin`, which is compared with the *configured* address, never with the `Host` of the same request.

use warp::http::{HeaderMap, Method, header};

/// Whether a request may have an effect: it is safe, or it comes from a page of this very origin.
pub(crate) fn may_act(method: &Method, headers: &HeaderMap, own_origins: &[String]) -> bool {
    if method.is_safe() {
        return true;
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => own_origins.iter().any(|own| own == origin),
        (None, None) => false,
    }
}

/// A path of ours to return to, if `wanted` is one: local, absolute, without anything a browser could read as a host.
pub(crate) fn local_path(wanted: &str) -> Option<&str> {
    let starts_like_a_path = wanted.starts_with('/') && !wanted.starts_with("//");
    let plain = wanted.len() <= 2_048 && wanted.bytes().all(|c| c.is_ascii_graphic() && c != b'\\');
    let own_way_out = wanted.starts_with("/anmeldung") || wanted.starts_with("/abmelden");
    (starts_like_a_path && plain && !own_way_out).then_some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("valid"));
        }
        may_act(&Method::POST, &map, &["https://musterstadt.example".to_owned()])
    }

    #[test]
    fn only_a_page_of_the_same_origin_may_act() {
        assert!(may(&[("sec-fetch-site", "same-origin")]));
        for site in ["same-site", "cross-site", "none", ""] {
            assert!(!may(&[("sec-fetch-site", site), ("origin", "https://musterstadt.example")]), "{site}");
        }
    }

    #[test]
    fn an_older_browser_is_judged_by_the_configured_origin_not_by_the_host() {
        assert!(may(&[("origin", "https://musterstadt.example")]));
        assert!(!may(&[("origin", "https://boese.example"), ("host", "boese.example")]));
        assert!(!may(&[("origin", "null")]));
        assert!(!may(&[("host", "musterstadt.example")]));
    }

    #[test]
    fn looking_is_always_allowed() {
        assert!(may_act(&Method::GET, &HeaderMap::new(), &[]));
    }

    #[test]
    fn one_returns_to_local_paths_only() {
        assert_eq!(local_path("/vorgang/1?ansicht=alle"), Some("/vorgang/1?ansicht=alle"));
        for wrong in
            ["", "vorgaenge", "//boese.example", "/\\boese.example", "https://boese.example", "/a\nb", "/anmeldung"]
        {
            assert_eq!(local_path(wrong), None, "{wrong}");
        }
    }
}
