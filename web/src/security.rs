//! The headers that every answer carries.

use warp::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    },
};

/// What pages may load and do: only what is ours. Icons of KERN are `data:` images.
pub(crate) const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// What a file of an applicant may do in a browser: nothing.
pub(crate) const FILE_POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";
/// The same for PDFs that are viewed: browsers refuse to start their viewer in a sandbox. The viewer is no page of ours,
/// the type is fixed and not guessed, so that nothing in the file runs in our origin.
pub(crate) const PDF_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Adds what is not there yet. Case data are the rule, so nothing is kept unless the handler says otherwise.
pub(crate) fn protect(headers: &mut HeaderMap, over_tls: bool) {
    let mut ensure = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    ensure(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    ensure(X_CONTENT_TYPE_OPTIONS, "nosniff");
    ensure(REFERRER_POLICY, "same-origin");
    ensure(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    ensure(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    ensure(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()");
    ensure(CACHE_CONTROL, "no-store");
    if over_tls {
        ensure(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_protected_and_what_a_handler_says_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(FILE_POLICY));
        protect(&mut headers, false);
        assert_eq!(headers[CONTENT_SECURITY_POLICY], FILE_POLICY);
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        assert_eq!(headers[REFERRER_POLICY], "same-origin");
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn pages_may_load_nothing_foreign_and_nothing_inline() {
        for forbidden in ["unsafe", "http:", "https:", "*"] {
            assert!(!PAGE_POLICY.contains(forbidden), "{forbidden}");
        }
        assert!(FILE_POLICY.contains("sandbox"));
    }
}
