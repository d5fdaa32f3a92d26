//! `ozg-cloud sandbox`: a stand-in for the FIT-Connect services, for the demo, tests and foreign clients.
//!
//! Built from the official OpenAPI of the Submission API 1.1.3 and the routing API 2.0.0, and for version 2 from what
//! real clients were seen to do. Strict where the documents are, silent about nothing: it is a **test peer**, keeps
//! everything in memory, and shares no verdict with the subscriber (its checks of event logs, tags and states are its
//! own). It runs as a process of its own.
//!
//! A request passes `server` (faults, counting) → `router` → a handler, which puts questions to the one task that owns
//! the world (`desk`, `world`). Signatures are made by `signer`, callbacks delivered by `callback`, time is kept by
//! `retention`, and `admin` below `/sandbox` shows what is there.

mod admin;
mod answer;
mod args;
mod call;
mod callback;
mod caller;
mod delivery;
mod desk;
mod destination;
mod destinations;
mod draft;
mod events;
mod fault;
mod key_file;
mod mishap;
mod office;
mod problem;
mod region;
mod retention;
mod rollover;
mod router;
mod routing;
mod seal;
mod seed;
mod server;
mod service;
mod set;
mod settings;
mod signer;
mod spool;
mod submissions;
mod submit;
mod token;
mod version;
mod world;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use ozg_protocols::fit_connect::jose::jwk::JwkRefused;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

pub use self::{
    args::{InvalidArgs, SandboxArgs},
    caller::{Client, Scope},
    fault::{Fault, FaultKind, InvalidFault},
    key_file::{DestinationKeys, KeyFileError, make_destination_keys},
    office::{Office, OfficePlan},
    region::Area,
    seal::Part,
    seed::{OfferedService, Seed, SeedDestination},
    settings::{Clock, SandboxSettings, TlsFiles, Urls},
};
use self::{
    callback::Courier,
    desk::Desk,
    service::{Rules, Service},
    signer::Signer,
    spool::Spool,
    world::World,
};
use crate::sender::transport::{self, Transport};

/// Why the sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address cannot be listened at.
    #[error("cannot listen at {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("the TLS certificate or key cannot be used")]
    Tls(#[source] io::Error),
    /// The certificates for callbacks cannot be used.
    #[error("the certificates for callbacks cannot be used")]
    Roots(#[source] transport::TransportError),
    /// The service's key cannot be read or made.
    #[error("the signing key of the service cannot be had")]
    Key(#[from] KeyFileError),
    /// The service's key is no signing key.
    #[error("the signing key of the service is not usable")]
    KeyRefused(#[from] JwkRefused),
    /// A seeded client or destination breaks a rule.
    #[error("the seed is refused: {0}")]
    Seed(String),
}

/// A sandbox at work. Dropping it ends it at once; [`Running::stop`] lets open requests finish.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its parts are found.
    pub urls: Urls,
    end: watch::Sender<bool>,
    serving: JoinHandle<()>,
    beside: [JoinHandle<()>; 3],
}

impl Running {
    /// Ends the sandbox; waits until its last answers are written, at most some seconds.
    pub async fn stop(mut self) {
        self.end.send_replace(true);
        if let Err(error) = (&mut self.serving).await {
            tracing::error!(%error, "the sandbox broke");
        }
    }

    /// Waits until the sandbox ends by itself, which it does only when it breaks.
    pub async fn ended(&mut self) {
        if let Err(error) = (&mut self.serving).await {
            tracing::error!(%error, "the sandbox broke");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.abort();
        for task in &self.beside {
            task.abort();
        }
    }
}

/// Starts the sandbox. It answers as soon as this returns.
///
/// # Errors
/// See [`SandboxError`].
pub async fn run(settings: SandboxSettings) -> Result<Running, SandboxError> {
    let tls = settings.tls.as_ref().map(server::acceptor).transpose().map_err(SandboxError::Tls)?;
    let key = service_key(settings.service_key.clone(), settings.clock).await?;
    let transport = Transport::new(settings.callback_roots.as_deref()).map_err(SandboxError::Roots)?;
    let listen = |source| SandboxError::Listen { address: settings.listen, source };
    let listener = TcpListener::bind(settings.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let urls = Urls::at(settings.public_url.as_deref().unwrap_or(&format!("{scheme}://{address}")));

    let mut world = World::new(settings.clock);
    seed::plant(&mut world, settings.seed, settings.allow_http_callbacks)
        .map_err(|problem| SandboxError::Seed(problem.to_string()))?;
    for fault in settings.faults {
        world.faults.arm(fault);
    }
    let (desk, desk_task) = Desk::open(world);
    let signer = Arc::new(Signer::new(&key, urls.submission.clone(), set::schema(&settings.set_version))?);
    let courier =
        Courier { desk: desk.clone(), signer: Arc::clone(&signer), transport, notify_events: settings.notify_events };
    let (callbacks, courier_task) = courier.start();
    let service = Arc::new(Service {
        desk,
        signer,
        spool: Spool { directory: settings.spool, largest: settings.largest_attachment },
        callbacks,
        urls: urls.clone(),
        rules: Rules {
            set_versions: settings.accepted_set_versions,
            compare_tags: settings.compare_tags,
            largest_page: settings.largest_page,
            plain_http_callbacks: settings.allow_http_callbacks,
        },
    });
    let clock_task = tokio::spawn(retention::watch(Arc::clone(&service)));
    let (end, ending) = watch::channel(false);
    let serving = tokio::spawn(server::serve(listener, tls, service, ending));
    tracing::info!(%address, "the sandbox listens: a test peer, not FIT-Connect; everything is kept in memory only");
    Ok(Running { address, urls, end, serving, beside: [desk_task, courier_task, clock_task] })
}

async fn service_key(
    path: Option<PathBuf>,
    clock: Clock,
) -> Result<ozg_protocols::fit_connect::jose::jwk::PrivateJwk, KeyFileError> {
    let made = tokio::task::spawn_blocking(move || key_file::service_key(path.as_deref(), clock()));
    made.await.map_err(|_| KeyFileError::Interrupted)?
}
