//! The accept loop: connections with limits, TLS off the accept path, and an end that comes.
//!
//! warp gives the filters only. A client that does not finish its head, or its handshake, is let go; one connection too
//! many waits in the backlog. Who is answered before it has sent everything may read that first ([`crate::linger`]). When the server stops, nothing new is accepted, streams are told to end, open requests get
//! their time, and what is left then is cut.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use ozg_actors::{
    House,
    seams::{Clock, Ids},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;
use warp::http::Request;

use crate::{
    alfa::events,
    app::App,
    gate::{self, Gate},
    linger::{Farewell, Lent, Lingering},
    routes::{self, Routes},
    settings::{Limits, PublicAddress, Scheme, TlsIdentity, WebSettings},
};

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ServeError {
    /// Where it should have listened.
    pub address: SocketAddr,
    /// Why not.
    #[source]
    pub source: io::Error,
}

/// A server that runs. Dropping it lets it run on; [`Running::shutdown`] ends it.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    public: PublicAddress,
    closing: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The address under which browsers find a tenant with this host.
    #[must_use]
    pub fn address_of(&self, host: &str) -> String {
        self.public.origin(host)
    }

    /// Stops: closes the listener, ends streams, waits for open requests, cuts what is left after the set time.
    pub async fn shutdown(self) {
        self.closing.send_replace(true);
        // The loop catches its own panics per request; if the task itself was lost there is nothing left to wait for.
        let _ = self.accepting.await;
    }
}

/// Serves the pages.
///
/// # Errors
/// [`ServeError`] if the address cannot be listened on.
pub async fn serve(
    house: House,
    clock: Arc<dyn Clock>,
    ids: Ids,
    settings: WebSettings,
) -> Result<Running, ServeError> {
    let operations_here = settings.operations_here;
    start(house, clock, ids, settings, move |app| routes::pages(app, operations_here)).await
}

/// Serves `/livez`, `/readyz` and `/metrics` alone, on a listener of their own.
///
/// # Errors
/// [`ServeError`] if the address cannot be listened on.
pub async fn serve_operations(
    house: House,
    clock: Arc<dyn Clock>,
    ids: Ids,
    settings: WebSettings,
) -> Result<Running, ServeError> {
    start(house, clock, ids, settings, routes::operations_only).await
}

async fn start(
    house: House,
    clock: Arc<dyn Clock>,
    ids: Ids,
    settings: WebSettings,
    routes: impl FnOnce(&App) -> Routes,
) -> Result<Running, ServeError> {
    let failed = |source| ServeError { address: settings.listen, source };
    let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let scheme = if settings.tls.is_some() { Scheme::Https } else { Scheme::Http };
    let public = settings.public.unwrap_or(PublicAddress { scheme, port: address.port() });
    let (closing, closed) = watch::channel(false);
    let app = App::new(house, clock, ids, public, closed.clone());
    let gate = Gate::new(
        app.clone(),
        gate::handler(routes(&app)),
        settings.limits,
        settings.monitors,
        public.scheme == Scheme::Https,
    );
    let listening = Listening { listener, gate, tls: settings.tls, limits: settings.limits };
    let accepting = tokio::spawn(listening.run(closed));
    Ok(Running { address, public, closing, accepting })
}

struct Listening {
    listener: TcpListener,
    gate: Gate,
    tls: Option<TlsIdentity>,
    limits: Limits,
}

impl Listening {
    async fn run(self, mut closing: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let (graceful, lingering) = (GracefulShutdown::new(), Lingering::default());
        let tls = self.tls.as_ref().map(|identity| TlsAcceptor::from(identity.config()));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = events::closed(&mut closing) => break,
                Some(_ended) = connections.join_next() => continue,
                accepted = accept(&self.listener, &places) => accepted,
            };
            match accepted {
                Ok((stream, from, place)) => {
                    let (gate, limits, watcher) = (self.gate.clone(), self.limits, graceful.watcher());
                    let (stream, farewell) = lingering.lend(stream);
                    let connection = Connection { gate, from, limits, watcher, farewell, _place: place };
                    connections.spawn(connection.serve(stream, tls.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, or a client that left already: the next one may do better.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(self.listener);
        if tokio::time::timeout(self.limits.goodbye, graceful.shutdown()).await.is_err() {
            tracing::warn!(connections = connections.len(), "open connections were cut at the end");
        }
        connections.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, from) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, from.ip(), place))
}

/// One connection, from its first byte to its last.
struct Connection {
    gate: Gate,
    from: IpAddr,
    limits: Limits,
    watcher: Watcher,
    farewell: Farewell,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: Lent, tls: Option<TlsAcceptor>) {
        let Some(acceptor) = tls else {
            return self.speak(stream, Version::One).await;
        };
        match tokio::time::timeout(self.limits.head, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.speak(stream, if two { Version::Two } else { Version::One }).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_elapsed) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, version: Version) {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.limits.head);
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(KEEP_ALIVE).max_concurrent_streams(STREAMS);
        // The version is known, so that hyper need not wait for bytes to guess it by: that wait has no limit.
        let builder = match version {
            Version::One => builder.http1_only(),
            Version::Two => builder.http2_only(),
        };
        let (gate, from, unread) = (self.gate, self.from, self.farewell.unread());
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let (gate, unread) = (gate.clone(), unread.clone());
            async move { Ok::<_, Infallible>(gate.pass(request.map(|body| unread.watch(body)), from).await) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        if let Err(error) = self.watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended early");
        }
        if matches!(version, Version::One) {
            self.farewell.say().await;
        }
    }
}

/// What the two sides speak.
#[derive(Debug, Clone, Copy)]
enum Version {
    One,
    Two,
}

/// Pings on a quiet HTTP/2 connection, so that a client that is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 100;
