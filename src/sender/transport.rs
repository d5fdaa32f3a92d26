//! How the sender and the sandbox's callbacks go out: HTTP or TLS, no redirects, `*.localhost` is this machine.

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{
            HttpConnector,
            dns::{GaiResolver, Name},
        },
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tower::Service;

/// Where Debian and Ubuntu keep the certificates that the machine trusts.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The body of a request.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Why there is no transport, or a request did not get its answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The file of trusted certificates cannot be read.
    #[error("the certificates in {path} cannot be read")]
    Roots {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The request failed on its way.
    #[error("the request failed on its way")]
    Request(#[from] hyper_util::client::legacy::Error),
}

/// An HTTP client.
#[derive(Debug, Clone)]
pub struct Transport(Client<HttpsConnector<HttpConnector<Resolver>>, Body>);

impl Transport {
    /// A client that trusts the machine's certificates and those in this PEM file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn new(roots: Option<&Path>) -> Result<Self, TransportError> {
        let mut trusted = RootCertStore::empty();
        if let Ok(system) = CertificateDer::pem_file_iter(SYSTEM_ROOTS) {
            trusted.add_parsable_certificates(system.filter_map(Result::ok));
        }
        if let Some(path) = roots {
            let failed = |source| TransportError::Roots { path: path.to_owned(), source };
            for certificate in CertificateDer::pem_file_iter(path).map_err(failed)? {
                trusted.add(certificate.map_err(failed)?)?;
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Ok(Self(client))
    }

    /// Sends a request and waits for the head of its answer. The caller sets the time limit.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, TransportError> {
        Ok(self.0.request(request).await?)
    }
}

/// A body in one piece.
#[must_use]
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// No body.
#[must_use]
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// Finds addresses; `localhost` and everything below it is this machine (RFC 6761), which not every system knows.
#[derive(Debug, Clone)]
pub struct Resolver(GaiResolver);

type Addresses = std::vec::IntoIter<SocketAddr>;

impl Service<Name> for Resolver {
    type Response = Addresses;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Addresses>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        if is_here(name.as_str()) {
            let here = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
            return Box::pin(std::future::ready(Ok(here.into_iter())));
        }
        let found = self.0.call(name);
        Box::pin(async move { Ok(found.await?.collect::<Vec<_>>().into_iter()) })
    }
}

fn is_here(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_below_localhost_is_this_machine() {
        assert!(is_here("musterstadt.localhost"));
        assert!(is_here("LOCALHOST."));
        assert!(!is_here("localhost.example"));
        assert!(!is_here("notlocalhost"));
    }
}
