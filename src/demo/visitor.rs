//! Somebody who looks at Alfa over HTTP, like a browser without scripts: the demo's own check, and tests.

use std::{collections::BTreeSet, fmt, time::Duration};

use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;

use super::{AlfaTrouble, DemoError};
use crate::sender::transport::{self, Transport, Whole};

const PATIENCE: Duration = Duration::from_secs(10);
const LARGEST_PAGE: usize = 4 << 20;

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Visitor {
    transport: Transport,
    origin: String,
    cookie: String,
}

impl fmt::Debug for Visitor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Visitor").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// A page that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The status.
    pub status: StatusCode,
    /// Its text.
    pub text: String,
}

/// Whether something answers there with a yes.
pub async fn answers(transport: &Transport, place: &str) -> bool {
    let request = Request::get(place).body(transport::empty());
    match request {
        Ok(request) => exchange(transport, request).await.is_some_and(|answer| answer.status.is_success()),
        Err(_) => false,
    }
}

impl Visitor {
    /// Signs in at a tenant; its origin is `http://host:port`.
    ///
    /// # Errors
    /// [`DemoError::Alfa`] when that is refused or nobody answers.
    pub async fn sign_in(transport: Transport, origin: String, user: &str, password: &str) -> Result<Self, DemoError> {
        let form = format!("kennung={user}&passwort={password}");
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{origin}/anmeldung"))
            .header(header::ORIGIN, &origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(transport::full(form))
            .map_err(|_| DemoError::Alfa(AlfaTrouble::Silent))?;
        let answered = exchange(&transport, request).await;
        let Whole { status, headers, .. } = answered.ok_or(DemoError::Alfa(AlfaTrouble::Silent))?;
        let cookie = headers.get(header::SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
        match (status, cookie.and_then(|cookie| cookie.split(';').next())) {
            (StatusCode::SEE_OTHER, Some(cookie)) => Ok(Self { transport, origin, cookie: cookie.to_owned() }),
            _ => Err(DemoError::Alfa(AlfaTrouble::SignIn)),
        }
    }

    /// The same visitor, with the same cookie, at another origin.
    #[must_use]
    pub fn moved_to(&self, origin: String) -> Self {
        Self { origin, ..self.clone() }
    }

    /// Opens a page; its path begins with `/`.
    ///
    /// # Errors
    /// [`DemoError::Alfa`] when nobody answers.
    pub async fn open(&self, path: &str) -> Result<Page, DemoError> {
        let answered = exchange(&self.transport, self.request(path)?).await;
        let Whole { status, body, .. } = answered.ok_or(DemoError::Alfa(AlfaTrouble::Silent))?;
        Ok(Page { status, text: String::from_utf8_lossy(&body).into_owned() })
    }

    /// Begins to fetch something large.
    ///
    /// # Errors
    /// [`DemoError::Alfa`] when nobody answers.
    pub async fn begin(&self, path: &str) -> Result<Response<Incoming>, DemoError> {
        let answer = tokio::time::timeout(PATIENCE, self.transport.send(self.request(path)?)).await;
        answer.map_err(|_| DemoError::Alfa(AlfaTrouble::Silent))?.map_err(|_| DemoError::Alfa(AlfaTrouble::Silent))
    }

    fn request(&self, path: &str) -> Result<Request<transport::Body>, DemoError> {
        Request::get(format!("{}{path}", self.origin))
            .header(header::COOKIE, &self.cookie)
            .body(transport::empty())
            .map_err(|_| DemoError::Alfa(AlfaTrouble::Silent))
    }

    /// The newest cases whose row in the list of all cases shows this text, by the ids of their rows.
    ///
    /// # Errors
    /// [`DemoError::Alfa`] when there is no list.
    pub async fn newest(&self, shown: &str) -> Result<BTreeSet<String>, DemoError> {
        match self.open("/vorgaenge?ansicht=alle").await? {
            Page { status: StatusCode::OK, text } => Ok(rows(&text, shown)),
            _ => Err(DemoError::Alfa(AlfaTrouble::List)),
        }
    }
}

/// The ids of the rows of a list that show this text.
fn rows(page: &str, shown: &str) -> BTreeSet<String> {
    let shown = escaped(shown);
    let rows = page.split("<tr id=\"v-").skip(1).filter(|row| row.contains(&shown));
    rows.filter_map(|row| Some(row.split_once('"')?.0.to_owned())).collect()
}

/// A text as it stands in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;").replace('"', "&#34;").replace('\'', "&#39;")
}

async fn exchange(transport: &Transport, request: Request<transport::Body>) -> Option<Whole> {
    transport.whole(request, PATIENCE, LARGEST_PAGE).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cases_of_the_same_name_are_told_apart() {
        let page = |ids: &[&str]| -> String {
            ids.iter().map(|id| format!("<tr id=\"v-{id}\" data-stand=\"1\"><td>Jutta O&#39;Neill</td></tr>")).collect()
        };
        let before = rows(&page(&["aa"]), "");
        assert_eq!(rows(&page(&["aa"]), "Jutta O'Neill").difference(&before).count(), 0);
        let after = rows(&page(&["bb", "aa"]), "Jutta O'Neill");
        assert_eq!(after.difference(&before).collect::<Vec<_>>(), ["bb"]);
        assert!(rows(&page(&["bb"]), "Jens").is_empty());
    }
}
