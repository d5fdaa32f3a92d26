//! The HTTP client itself, below the limits of an [`Outbound`](super::Outbound): proxy, resolver and TLS, and one request at a
//! time. Generic over what is sent, for whoever streams bodies of his own and sets limits of his own.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};

use super::{
    CallError, OutboundError, OutboundSettings, Resolve,
    dial::{self, Dial},
};

/// An HTTP client. Cheap to clone: all clones share their connections.
pub struct Wire<B> {
    client: Client<HttpsConnector<Dial>, B>,
    connector: HttpsConnector<Dial>,
}

impl<B> Clone for Wire<B> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), connector: self.connector.clone() }
    }
}

impl<B> fmt::Debug for Wire<B> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Wire")
    }
}

impl<B> Wire<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + Unpin + 'static,
{
    /// A client with the proxy, the authorities and the time for a connection of these settings.
    ///
    /// # Errors
    /// [`OutboundError`] when one of the authorities is no certificate.
    pub fn new(settings: &OutboundSettings, resolver: Arc<dyn Resolve>) -> Result<Self, OutboundError> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(dial::tls(&settings.authorities)?)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(Dial::new(settings, resolver));
        Ok(Self::over(connector))
    }

    /// The same without any connection.
    pub(super) fn anew(&self) -> Self {
        Self::over(self.connector.clone())
    }

    fn over(connector: HttpsConnector<Dial>) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector.clone());
        Self { client, connector }
    }

    /// Sends a request and waits for the head of its answer, whatever that says. The caller sets the time limit.
    ///
    /// # Errors
    /// [`CallError::Network`] when no answer comes.
    pub async fn send(&self, request: Request<B>) -> Result<Response<Incoming>, CallError> {
        self.client.request(request).await.map_err(|error| {
            CallError::Network(if error.is_connect() { "no connection" } else { "the connection broke" })
        })
    }
}
