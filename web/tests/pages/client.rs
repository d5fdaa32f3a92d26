//! A browser as the server meets it: sends what browsers send, keeps the one cookie, follows nothing by itself.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client as Pool, client::legacy::connect::HttpConnector, rt::TokioExecutor};
use ozg_protocols::ids::CaseId;

/// A browser at one host.
#[derive(Clone)]
pub(crate) struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    host: String,
    pub(crate) cookie: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text; empty where it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The value of the first hidden field of this name in the form with this action.
    pub(crate) fn field(&self, action: &str, name: &str) -> String {
        let text = self.text();
        let form =
            text.split("<form").find(|form| form.contains(&format!("action=\"{action}\""))).expect("the form is there");
        let value = form.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("the field is there");
        value.split('"').next().expect("it ends").to_owned()
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr, host: &str) -> Self {
        let pool = Pool::builder(TokioExecutor::new()).build_http();
        Self { pool, address, host: format!("{host}:{}", address.port()), cookie: None }
    }

    /// The same browser at another host, with the same cookie: what an attacker would try.
    pub(crate) fn at_host(&self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self.clone() }
    }

    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        request = request.header(header::HOST, &self.host);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).expect("valid");
        let answer = self.pool.request(request).await.expect("answers");
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("whole").to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    /// A form of a page of ours.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let headers = [("sec-fetch-site", "same-origin"), ("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, path, &headers, &body.finish()).await
    }

    /// Takes a step with a case, as the form on its page does.
    pub(crate) async fn steps(&self, case: CaseId, step: &str) {
        let action = format!("/vorgang/{case}/{step}");
        let page = self.get(&format!("/vorgang/{case}")).await;
        let (key, seen) = (page.field(&action, "schluessel"), page.field(&action, "stand"));
        let answer = self.post(&action, &[("schluessel", &key), ("stand", &seen)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    }

    pub(crate) async fn sign_in(&mut self, login: &str, password: &str) {
        let answer = self.post("/anmeldung", &[("kennung", login), ("passwort", password)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        self.cookie = answer.header("set-cookie").split(';').next().map(str::to_owned);
    }
}
