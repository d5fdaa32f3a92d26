//! Somebody who looks at Alfa over HTTP, like a browser without scripts.

use std::time::Duration;

use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};

use super::{
    DemoError,
    town::{Account, DemoTenant, PASSWORD},
};
use crate::sender::transport::{self, Transport};

const PATIENCE: Duration = Duration::from_secs(10);
const LARGEST_PAGE: usize = 4 << 20;

/// Somebody who is signed in.
#[derive(Debug)]
pub(super) struct Visitor {
    transport: Transport,
    origin: String,
    cookie: String,
}

/// Whether something answers there with a yes.
pub(super) async fn answers(transport: &Transport, place: &str) -> bool {
    let request = Request::get(place).body(transport::empty());
    match request {
        Ok(request) => exchange(transport, request).await.is_some_and(|(status, _, _)| status.is_success()),
        Err(_) => false,
    }
}

impl Visitor {
    /// Signs in at a tenant.
    pub(super) async fn sign_in(
        transport: Transport,
        tenant: &DemoTenant,
        port: u16,
        account: &Account,
    ) -> Result<Self, DemoError> {
        let origin = tenant.address(port);
        let form = format!("kennung={}&passwort={PASSWORD}", account.user);
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{origin}/anmeldung"))
            .header(header::ORIGIN, &origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(transport::full(form))
            .map_err(|_| DemoError::Alfa("the sign-in cannot be asked for"))?;
        let answered = exchange(&transport, request).await;
        let (status, headers, _) = answered.ok_or(DemoError::Alfa("the sign-in does not answer"))?;
        let cookie = headers.get(header::SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
        match (status, cookie.and_then(|cookie| cookie.split(';').next())) {
            (StatusCode::SEE_OTHER, Some(cookie)) => Ok(Self { transport, origin, cookie: cookie.to_owned() }),
            _ => Err(DemoError::Alfa("the account of the demo cannot sign in")),
        }
    }

    /// Whether the list of all cases shows this name.
    pub(super) async fn sees(&self, name: &str) -> Result<bool, DemoError> {
        let request = Request::get(format!("{}/vorgaenge?ansicht=alle", self.origin))
            .header(header::COOKIE, &self.cookie)
            .body(transport::empty())
            .map_err(|_| DemoError::Alfa("the list cannot be asked for"))?;
        match exchange(&self.transport, request).await {
            Some((StatusCode::OK, _, page)) => Ok(String::from_utf8_lossy(&page).contains(&escaped(name))),
            _ => Err(DemoError::Alfa("the list does not answer")),
        }
    }
}

/// A text as it stands in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;").replace('"', "&#34;").replace('\'', "&#39;")
}

async fn exchange(
    transport: &Transport,
    request: Request<transport::Body>,
) -> Option<(StatusCode, HeaderMap, Vec<u8>)> {
    let exchange = async {
        let (head, body) = transport.send(request).await.ok()?.into_parts();
        let body = Limited::new(body, LARGEST_PAGE).collect().await.ok()?.to_bytes();
        Some((head.status, head.headers, body.to_vec()))
    };
    tokio::time::timeout(PATIENCE, exchange).await.ok().flatten()
}
