//! The session cookie: `__Host-alfa`, a random token that means something to the tenant only.
//!
//! The prefix binds it to one host over TLS and to the path `/` (RFC 6265bis, section 4.1.3.2): a neighbouring tenant can
//! neither read nor set it. Browsers keep it over plain HTTP for `localhost` names, which the demo lives on.

use std::str::FromStr;

use ozg_actors::SessionToken;
use warp::http::{HeaderMap, HeaderValue, header};

const NAME: &str = "__Host-alfa";
/// Longer texts are no tokens of ours.
const LONGEST: usize = 256;

/// The token that came with a request. Two cookies of the name are none: nobody knows which is ours.
pub(crate) fn token(headers: &HeaderMap) -> Option<SessionToken> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = pairs.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut ours = pairs.filter(|(name, _)| *name == NAME).map(|(_, value)| value);
    let (first, second) = (ours.next()?, ours.next());
    (second.is_none() && first.len() <= LONGEST).then(|| SessionToken::from_str(first).ok()).flatten()
}

/// The header that gives this token to the browser, until it is closed.
pub(crate) fn give(token: &SessionToken) -> Option<HeaderValue> {
    cookie(token.expose(), "")
}

/// The header that takes it away again.
pub(crate) fn take() -> Option<HeaderValue> {
    cookie("", "; Max-Age=0")
}

fn cookie(value: &str, more: &str) -> Option<HeaderValue> {
    let text = format!("{NAME}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{more}");
    HeaderValue::from_str(&text).ok().map(|mut header| {
        header.set_sensitive(true);
        header
    })
}
