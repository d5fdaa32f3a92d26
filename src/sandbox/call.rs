//! A request, taken apart once: query, token, content type, and bodies under their limit.

use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use ozg_web::linger::Watched;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A body as it comes in.
pub(super) type Sent = Watched<Incoming>;

/// Largest JSON body and event.
const LARGEST_BODY: usize = 32 * 1024 * 1024;
const LIMIT: usize = 100;
/// Most entries of a page.
pub(super) const LARGEST_PAGE: usize = 500;

/// A request on its way to its handler.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Sent,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) offset: usize,
    pub(super) limit: usize,
}

impl Page {
    /// The same with fewer entries, if there are more than so many.
    pub(super) fn at_most(self, entries: usize) -> Self {
        Self { limit: self.limit.min(entries), ..self }
    }

    /// The part of a list, and how long the list is.
    pub(super) fn of<T>(self, all: Vec<T>) -> (Vec<T>, usize) {
        let total = all.len();
        (all.into_iter().skip(self.offset).take(self.limit).collect(), total)
    }
}

impl Call {
    pub(super) fn new(request: http::Request<Sent>) -> Self {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().map(form).unwrap_or_default();
        Self { method: parts.method, query, headers: parts.headers, body }
    }

    /// The bearer token, if there is one.
    pub(super) fn token(&self) -> Option<String> {
        let value = self.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim().to_owned())
    }

    pub(super) fn has_basic_authentication(&self) -> bool {
        let value = self.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| value.to_ascii_lowercase().starts_with("basic "))
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// `limit` (1 to 500, 100 if absent) and `offset` (`int32`).
    pub(super) fn page(&self) -> Result<Page, Problem> {
        let number = |name, otherwise| match self.parameter(name) {
            None => Ok(otherwise),
            Some(text) => match text.parse::<i32>().ok().and_then(|number| usize::try_from(number).ok()) {
                Some(number) => Ok(number),
                None => Err(Problem::bad_request(format!("{name} is not a number of this kind"))),
            },
        };
        let page = Page { offset: number("offset", 0)?, limit: number("limit", LIMIT)? };
        if (1..=LARGEST_PAGE).contains(&page.limit) {
            Ok(page)
        } else {
            Err(Problem::bad_request("limit must be between 1 and 500"))
        }
    }

    /// The media type of the body without its parameters.
    fn media_type(&self) -> String {
        let value = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Refuses bodies of other types with 415.
    pub(super) fn must_be(&self, media_types: &[&str]) -> Result<(), Problem> {
        let found = self.media_type();
        if media_types.contains(&found.as_str()) { Ok(()) } else { Err(Problem::media_type(&media_types.join(" or "))) }
    }

    pub(super) fn content_length(&self) -> Option<u64> {
        self.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// The body as a stream.
    pub(super) fn into_body(self) -> Sent {
        self.body
    }

    pub(super) async fn bytes(self) -> Result<Vec<u8>, Problem> {
        match Limited::new(self.body, LARGEST_BODY).collect().await {
            Ok(collected) => Ok(collected.to_bytes().to_vec()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(Problem::too_large(format!("a body has at most {LARGEST_BODY} bytes")))
            }
            Err(_) => Err(Problem::bad_request("the request body ended early")),
        }
    }

    pub(super) async fn text(self) -> Result<String, Problem> {
        String::from_utf8(self.bytes().await?).map_err(|_| Problem::bad_request("the body is not text"))
    }

    /// A JSON body. Its type is a matter of [`Self::must_be`].
    pub(super) async fn json<T: DeserializeOwned>(self) -> Result<T, Problem> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| Problem::bad_request(format!("the body is not as specified: {error}")))
    }
}

/// The members of a form or query (`application/x-www-form-urlencoded`).
pub(super) fn form(text: &str) -> Vec<(String, String)> {
    let members = text.split('&').filter(|member| !member.is_empty());
    members
        .map(|member| {
            let (name, value) = member.split_once('=').unwrap_or((member, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn decode(text: &str) -> String {
    let hex = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let pair = (bytes.get(at + 1).copied().and_then(hex), bytes.get(at + 2).copied().and_then(hex));
        match (byte, pair) {
            (b'%', (Some(high), Some(low))) => {
                decoded.push(high * 16 + low);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            _ => decoded.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded() {
        let members = form("grant_type=client_credentials&a=b%20c+d&leer=&%C3%A4=%zz");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected =
            [pair("grant_type", "client_credentials"), pair("a", "b c d"), pair("leer", ""), pair("ä", "%zz")];
        assert_eq!(members, expected);
    }

    #[test]
    fn a_page_is_a_part_of_the_list_and_knows_its_length() {
        assert_eq!(Page { offset: 3, limit: 2 }.of((0..10).collect()), (vec![3, 4], 10));
        assert_eq!(Page { offset: 20, limit: 2 }.of(vec![1]), (vec![], 1));
    }
}
