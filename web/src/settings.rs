//! What the server has to be told: where it listens, how browsers reach it, what its limits are.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio_rustls::rustls::{
    self, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use warp::http::HeaderMap;

/// How the pages are served.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Certificate and key; without them the server speaks plain HTTP (behind an ingress, or on loopback).
    pub tls: Option<TlsIdentity>,
    /// How browsers reach the pages where that is not how the server listens (behind an ingress).
    pub public: Option<PublicAddress>,
    /// Where `/livez`, `/readyz` and `/metrics` are answered besides; on the main listener too when true.
    pub operations_here: bool,
    /// Who may ask there.
    pub monitors: Monitors,
    /// What each connection and request may take.
    pub limits: Limits,
}

/// Who may ask for `/livez`, `/readyz` and `/metrics`: by the address of the connection. What a proxy hands on is refused,
/// because that address would be the proxy's.
#[derive(Clone)]
pub struct Monitors(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl std::fmt::Debug for Monitors {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Monitors")
    }
}

impl Monitors {
    /// Those whose address fits.
    pub fn at(fits: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(fits))
    }

    /// This machine.
    #[must_use]
    pub fn here() -> Self {
        Self::at(|address| address.is_loopback())
    }

    pub(crate) fn allow(&self, from: IpAddr, headers: &HeaderMap) -> bool {
        let handed_on = ["forwarded", "x-forwarded-for", "via"].iter().any(|name| headers.contains_key(*name));
        !handed_on && (self.0)(from.to_canonical())
    }
}

/// The part of an address before and after the tenant's host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicAddress {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// The port that browsers use.
    pub port: u16,
}

/// How a page is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain, for loopback only.
    Http,
    /// Over TLS.
    Https,
}

impl PublicAddress {
    /// The origin of this host as browsers send it.
    #[must_use]
    pub fn origin(self, host: &str) -> String {
        let (scheme, usual) = match self.scheme {
            Scheme::Http => ("http", 80),
            Scheme::Https => ("https", 443),
        };
        if self.port == usual { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{}", self.port) }
    }
}

/// Bounds of connections and requests.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once; further ones wait in the backlog.
    pub connections: usize,
    /// Within this time a client has sent its head, or finished the TLS handshake.
    pub head: Duration,
    /// Within this time a handler has begun to answer. Streams may go on for longer.
    pub answer: Duration,
    /// The largest body of a request in bytes.
    pub body: usize,
    /// How long open requests may take to end when the server stops.
    pub goodbye: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            head: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            body: 1 << 20,
            goodbye: Duration::from_secs(5),
        }
    }
}

/// A certificate chain with its key.
#[derive(Clone)]
pub struct TlsIdentity(Arc<ServerConfig>);

impl std::fmt::Debug for TlsIdentity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("TlsIdentity(…)")
    }
}

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsIdentityError {
    /// Not PEM, or nothing of the kind in it.
    #[error("certificate or key is not readable PEM")]
    Unreadable(#[from] rustls::pki_types::pem::Error),
    /// They do not fit each other or the library.
    #[error("certificate and key cannot be used")]
    Unusable(#[from] rustls::Error),
}

impl TlsIdentity {
    /// The identity in these PEM texts. HTTP/2 is offered first.
    ///
    /// # Errors
    /// [`TlsIdentityError`] if they are not PEM or do not fit each other.
    pub fn from_pem(certificate_chain: &[u8], key: &[u8]) -> Result<Self, TlsIdentityError> {
        let chain = CertificateDer::pem_slice_iter(certificate_chain).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(key)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_names_its_port_only_where_it_is_unusual() {
        let at = |scheme, port| PublicAddress { scheme, port }.origin("musterstadt.localhost");
        assert_eq!(at(Scheme::Http, 8080), "http://musterstadt.localhost:8080");
        assert_eq!(at(Scheme::Https, 443), "https://musterstadt.localhost");
    }

    #[test]
    fn a_monitor_is_known_by_its_own_address_and_never_through_a_proxy() {
        let (here, mut headers) = ([127, 0, 0, 1].into(), HeaderMap::new());
        assert!(Monitors::here().allow(here, &headers));
        assert!(!Monitors::here().allow([192, 0, 2, 1].into(), &headers));
        headers.insert("x-forwarded-for", "192.0.2.1".parse().expect("valid"));
        assert!(!Monitors::here().allow(here, &headers));
    }

    #[test]
    fn what_is_no_pem_is_refused() {
        assert!(TlsIdentity::from_pem(b"no", b"no").is_err());
    }
}
