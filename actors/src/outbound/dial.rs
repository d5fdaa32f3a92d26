//! The way to the other side: directly, or for `https` to other machines through the proxy. TLS lies above it.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::{
    client::legacy::connect::{HttpConnector, proxy::Tunnel},
    rt::TokioIo,
};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use tokio::net::TcpStream;
use tower_service::Service;

use super::{
    OutboundError, OutboundSettings,
    resolve::{Resolve, Resolver, is_localhost},
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes connections.
#[derive(Clone)]
pub(super) struct Dial {
    direct: HttpConnector<Resolver>,
    tunnel: Option<Tunnel<HttpConnector<Resolver>>>,
    within: std::time::Duration,
}

impl Dial {
    pub(super) fn new(settings: &OutboundSettings, resolver: Arc<dyn Resolve>) -> Self {
        let mut direct = HttpConnector::new_with_resolver(Resolver(resolver));
        direct.enforce_http(false);
        direct.set_nodelay(true);
        direct.set_connect_timeout(Some(settings.connect_within));
        direct.set_keepalive(Some(std::time::Duration::from_secs(60)));
        let tunnel = settings.proxy.clone().map(|proxy| Tunnel::new(proxy, direct.clone()));
        Self { direct, tunnel, within: settings.connect_within }
    }
}

impl Service<Uri> for Dial {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let elsewhere = to.scheme_str() == Some("https") && !to.host().is_some_and(is_this_machine);
        let (mut direct, within) = (self.direct.clone(), self.within);
        match self.tunnel.clone().filter(|_| elsewhere) {
            Some(mut tunnel) => Box::pin(async move { Ok(tokio::time::timeout(within, tunnel.call(to)).await??) }),
            None => Box::pin(async move { Ok(direct.call(to).await?) }),
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    is_localhost(host) || address.is_ok_and(|address| address.is_loopback())
}

/// TLS with the authorities of the system and these.
pub(super) fn tls(authorities: &[Vec<u8>]) -> Result<ClientConfig, OutboundError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for authority in authorities {
        roots.add(CertificateDer::from(authority.clone())).map_err(|_| OutboundError::Authority)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| OutboundError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
