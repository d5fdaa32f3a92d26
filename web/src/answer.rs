//! Answers that are no page: redirects, and every trouble as a page in German, as `HX-Redirect` or as problem+json.
//!
//! Whoever handles a request returns a [`Trouble`] and this file says how it looks. No trouble names a person, a case or a
//! type of ours.

use std::time::Duration;

use askama::Template;
use bytes::Bytes;
use ozg_actors::AskError;
use warp::{
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    reply::{Reply, Response},
};

use crate::{fields, german, origin};

/// Why a request gets no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nobody is signed in.
    SignedOut,
    /// A page of somebody else sent it.
    ForeignSender,
    /// The role does not allow it.
    Forbidden,
    /// There is none, or none to be seen.
    NotFound,
    /// The host names no tenant.
    UnknownHost,
    /// The tenant's store could not be opened; others are served.
    Shut,
    /// Not like this.
    WrongMethod,
    /// It cannot be read.
    Unreadable,
    /// The body exceeds its limit.
    TooLarge,
    /// The house is full for the moment.
    Busy(Duration),
    /// This case rests after repeated failures.
    Disturbed,
    /// The house is stopping, or its storage does not answer.
    Unavailable,
    /// It took too long.
    TooSlow,
    /// A fault of ours.
    Fault,
}

impl From<AskError> for Trouble {
    fn from(error: AskError) -> Self {
        match error {
            AskError::NotFound => Self::NotFound,
            AskError::Forbidden => Self::Forbidden,
            AskError::Busy { retry_after } => Self::Busy(retry_after),
            AskError::Disturbed => Self::Disturbed,
            AskError::Draining | AskError::Unavailable => Self::Unavailable,
        }
    }
}

/// How a trouble reads: status, heading, what happened, what to do.
struct Words(StatusCode, &'static str, &'static str, String);

impl Trouble {
    fn words(self) -> Words {
        let again = |wait: Duration| format!("Bitte versuchen Sie es in {} erneut.", german::wait(wait));
        let to_do = str::to_owned;
        match self {
            Self::SignedOut => Words(
                StatusCode::UNAUTHORIZED,
                "Bitte melden Sie sich an",
                "Ihre Anmeldung ist abgelaufen oder fehlt.",
                to_do("Melden Sie sich an; danach geht es an derselben Stelle weiter."),
            ),
            Self::ForeignSender => Words(
                StatusCode::FORBIDDEN,
                "Nicht ausgeführt",
                "Die Anfrage kam nicht von einer Seite dieser Anwendung und wurde zu Ihrem Schutz nicht ausgeführt.",
                to_do("Öffnen Sie die Seite neu und lösen Sie die Aktion dort noch einmal aus. Geändert wurde nichts."),
            ),
            Self::Forbidden => Words(
                StatusCode::FORBIDDEN,
                "Keine Berechtigung",
                "Ihre Rolle erlaubt das nicht.",
                to_do("Wenn Sie diese Aufgabe übernehmen sollen, wenden Sie sich bitte an Ihre Administration."),
            ),
            Self::NotFound => Words(
                StatusCode::NOT_FOUND,
                "Nicht gefunden",
                "Diese Seite oder diesen Vorgang gibt es nicht, oder er gehört nicht zu Ihrer Organisationseinheit.",
                to_do("Prüfen Sie die Adresse oder suchen Sie den Vorgang in der Liste."),
            ),
            Self::UnknownHost => Words(
                StatusCode::MISDIRECTED_REQUEST,
                "Unbekannte Adresse",
                "Unter diesem Namen ist hier kein Mandant eingerichtet.",
                to_do("Prüfen Sie den vorderen Teil der Adresse."),
            ),
            Self::Shut => Words(
                StatusCode::SERVICE_UNAVAILABLE,
                "Zurzeit gestört",
                "Die Daten dieses Mandanten lassen sich zurzeit nicht öffnen. Es wird nichts angenommen und nichts verändert.",
                to_do("Der Betrieb sieht die Störung. Bitte versuchen Sie es später erneut."),
            ),
            Self::WrongMethod => Words(
                StatusCode::METHOD_NOT_ALLOWED,
                "So nicht möglich",
                "Diese Adresse lässt sich nicht auf diese Weise aufrufen.",
                to_do("Gehen Sie zurück und benutzen Sie die Schaltflächen der Seite."),
            ),
            Self::Unreadable => Words(
                StatusCode::BAD_REQUEST,
                "Nicht lesbar",
                "Die Angaben waren unvollständig oder unlesbar.",
                to_do("Öffnen Sie die Seite neu und versuchen Sie es noch einmal. Geändert wurde nichts."),
            ),
            Self::TooLarge => Words(
                StatusCode::PAYLOAD_TOO_LARGE,
                "Zu groß",
                "Die Anfrage ist größer als erlaubt.",
                to_do("Kürzen Sie die Eingabe und versuchen Sie es noch einmal."),
            ),
            Self::Busy(wait) => Words(
                StatusCode::SERVICE_UNAVAILABLE,
                "Gerade sehr viel zu tun",
                "Die Anfrage wurde nicht angenommen, damit nichts verloren geht.",
                again(wait),
            ),
            Self::Disturbed => Words(
                StatusCode::SERVICE_UNAVAILABLE,
                "Vorgang gestört",
                "Dieser Vorgang ist nach wiederholten Fehlern angehalten. Seine Daten sind sicher; andere Vorgänge laufen weiter.",
                to_do("Der Betrieb sieht die Störung. Bitte versuchen Sie es in einigen Minuten erneut."),
            ),
            Self::Unavailable => Words(
                StatusCode::SERVICE_UNAVAILABLE,
                "Gerade nicht erreichbar",
                "Der Dienst startet, endet oder wartet auf seinen Speicher.",
                again(Duration::from_secs(10)),
            ),
            Self::TooSlow => Words(
                StatusCode::SERVICE_UNAVAILABLE,
                "Das dauert zu lange",
                "Die Antwort kam nicht rechtzeitig. Ob eine Änderung noch ausgeführt wurde, zeigt der Vorgang.",
                to_do("Öffnen Sie den Vorgang neu und prüfen Sie seinen Stand."),
            ),
            Self::Fault => Words(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Fehler der Anwendung",
                "Hier ist etwas schiefgegangen, das nicht an Ihnen liegt.",
                to_do("Bitte versuchen Sie es noch einmal. Bleibt der Fehler, nennen Sie dem Betrieb die Uhrzeit."),
            ),
        }
    }

    fn retry_after(self) -> Option<u64> {
        match self {
            Self::Busy(wait) => Some(wait.as_secs().max(1)),
            Self::Disturbed | Self::Shut => Some(60),
            Self::Unavailable | Self::TooSlow => Some(10),
            _ => None,
        }
    }

    /// The answer for this asker.
    pub(crate) fn answer(self, asker: &Asker) -> Response {
        let Words(status, title, text, todo) = self.words();
        let mut response = match asker {
            Asker::Machine => problem(status, title, text),
            Asker::Browser { live: true, back } if self == Self::SignedOut => {
                with_header(status.into_response(), HeaderName::from_static("hx-redirect"), &sign_in_address(back))
            }
            Asker::Browser { back, .. } if self == Self::SignedOut => see_other(&sign_in_address(back)),
            Asker::Browser { .. } => page(&Message { title, text, todo: Some(todo), code: status.as_u16() }, status),
        };
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn sign_in_address(back: &str) -> String {
    format!("/anmeldung?{}", fields::encode([("zurueck", back)]))
}

/// Who asked, as far as the form of the answer depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A delivery service or a monitor: gets problem+json.
    Machine,
    /// A person: gets a page; where htmx asked, a header that leads to one.
    Browser {
        /// htmx asked.
        live: bool,
        /// Where to go on after signing in.
        back: String,
    },
}

impl Asker {
    /// Who sent this head.
    pub(crate) fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        if uri.path().starts_with("/fit-connect/") {
            return Self::Machine;
        }
        let live = headers.contains_key("hx-request");
        // What changed something is not repeated after signing in: one returns to the page it stood on.
        let wanted = match (method.is_safe(), uri.path().rsplit_once('/')) {
            (false, Some((parent, _))) => parent.to_owned(),
            // Parts of a page are nowhere to return to.
            _ if uri.path().starts_with("/ereignisse") || uri.path() == "/vorgaenge/vorschlaege" => String::new(),
            _ => uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        };
        let back = origin::local_path(&wanted).unwrap_or("/vorgaenge").to_owned();
        Self::Browser { live, back }
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    title: &'static str,
    text: &'static str,
    todo: Option<String>,
    code: u16,
}

/// A rendered page with its status.
pub(crate) fn page(template: &impl Template, status: StatusCode) -> Response {
    match template.render() {
        Ok(text) => {
            let mut response = Response::new(Bytes::from(text).into());
            *response.status_mut() = status;
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, html);
            response
        }
        Err(error) => {
            tracing::error!(%error, "a template could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// `application/problem+json` (RFC 9457).
pub(crate) fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    let body =
        serde_json::json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
    let mut response = Response::new(Bytes::from(body.to_string()).into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// Go there with GET (303), as after every form.
pub(crate) fn see_other(place: &str) -> Response {
    with_header(StatusCode::SEE_OTHER.into_response(), header::LOCATION, place)
}

fn with_header(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(method: &Method, path: &'static str, htmx: bool) -> Asker {
        let mut headers = HeaderMap::new();
        if htmx {
            headers.insert("hx-request", HeaderValue::from_static("true"));
        }
        Asker::of(method, &Uri::from_static(path), &headers)
    }

    #[test]
    fn whoever_is_signed_out_comes_back_to_the_same_place() {
        let answer = Trouble::SignedOut.answer(&asker(&Method::GET, "/vorgang/1?ansicht=alle", false));
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        assert_eq!(answer.headers()["location"], "/anmeldung?zurueck=%2Fvorgang%2F1%3Fansicht%3Dalle");
    }

    #[test]
    fn a_form_of_somebody_signed_out_leads_back_to_its_page() {
        let answer = Trouble::SignedOut.answer(&asker(&Method::POST, "/vorgang/1/annehmen", false));
        assert_eq!(answer.headers()["location"], "/anmeldung?zurueck=%2Fvorgang%2F1");
    }

    #[test]
    fn the_sign_in_page_is_never_swapped_into_a_row() {
        let answer = Trouble::SignedOut.answer(&asker(&Method::GET, "/vorgaenge", true));
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers()["hx-redirect"], "/anmeldung?zurueck=%2Fvorgaenge");
    }

    #[test]
    fn a_machine_gets_a_problem_and_everybody_a_time_to_wait() {
        let answer =
            Trouble::Busy(Duration::from_secs(7)).answer(&asker(&Method::POST, "/fit-connect/rueckruf/x", false));
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(
            (answer.status(), &answer.headers()["retry-after"]),
            (StatusCode::SERVICE_UNAVAILABLE, &HeaderValue::from(7))
        );
    }
}
