//! `POST /fit-connect/rueckruf/{destinationId}`: the delivery service says that something is waiting.
//!
//! The raw bytes and the two headers of the signature go to the tenant, which checks them; nothing is read here.

use bytes::Bytes;
use ozg_actors::{Callback, CallbackError, UnreadCallback};
use ozg_protocols::ids::DestinationId;
use warp::{
    Filter,
    http::{HeaderMap, StatusCode},
    reply::{Reply, Response},
};

use crate::{
    answer::{self, Asker, Trouble},
    app::{App, Visit, visit},
    routes::{self, Routes, Unread},
};

/// The callback endpoint.
pub(crate) fn routes(app: &App) -> Routes {
    warp::path!("fit-connect" / "rueckruf" / String)
        .and(warp::post())
        .and(visit(app))
        .and(routes::body(Callback::LONGEST))
        .then(async |destination: String, visit: Visit, body| take(&destination, &visit, body).await)
        .boxed()
}

async fn take(destination: &str, visit: &Visit, body: Result<Bytes, Unread>) -> Response {
    let Ok(destination) = destination.parse::<DestinationId>() else {
        return refused(&CallbackError::UnknownDestination);
    };
    let body = match body {
        Ok(body) => body,
        Err(Unread::TooLarge) => {
            visit.tenant.callback_unread(destination, UnreadCallback::TooLarge);
            return Trouble::TooLarge.answer(&Asker::Machine);
        }
        Err(Unread::CutOff) => {
            visit.tenant.callback_unread(destination, UnreadCallback::CutOff);
            return Trouble::Unreadable.answer(&Asker::Machine);
        }
    };
    let text = |name| text(&visit.headers, name);
    let authentication = text("callback-authentication");
    let callback = Callback { authentication, timestamp: text("callback-timestamp"), body };
    match visit.tenant.callback(destination, callback).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => refused(&error),
    }
}

/// A header as text; empty where it is missing, doubled or unreadable, which no signature fits.
fn text(headers: &HeaderMap, name: &str) -> String {
    let mut values = headers.get_all(name).iter();
    match (values.next().and_then(|value| value.to_str().ok()), values.next()) {
        (Some(text), None) => text.to_owned(),
        _ => String::new(),
    }
}

fn refused(error: &CallbackError) -> Response {
    match error {
        CallbackError::UnknownDestination => answer::problem(
            StatusCode::NOT_FOUND,
            "Unbekannter Zustellpunkt",
            "Diesen Zustellpunkt gibt es hier nicht.",
        ),
        CallbackError::Unauthenticated => answer::problem(
            StatusCode::UNAUTHORIZED,
            "Nicht bestätigt",
            "Die Signatur des Rückrufs fehlt, stimmt nicht oder ist zu alt.",
        ),
        CallbackError::Unavailable(error) => Trouble::from(*error).answer(&Asker::Machine),
    }
}
