//! What the sandbox is started with, and under which addresses its parts are found.

use std::{net::SocketAddr, path::PathBuf};

use ozg_protocols::moment::Moment;

use super::{call::LARGEST_PAGE, fault::Fault, seed::Seed};

/// Tells the time.
pub type Clock = fn() -> Moment;

/// Certificate chain and private key as PEM files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub certificates: PathBuf,
    /// The key (PKCS#8, PKCS#1 or SEC1).
    pub key: PathBuf,
}

/// What the sandbox is started with.
#[derive(Debug, Clone)]
pub struct SandboxSettings {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// TLS instead of plain HTTP.
    pub tls: Option<TlsFiles>,
    /// The address its clients know it by, without a path; by default the one it listens at.
    pub public_url: Option<String>,
    /// Clients, destinations and areas that are there from the start.
    pub seed: Seed,
    /// Where the signing key of the service lies; made there if absent. Without it a key is made for this run.
    pub service_key: Option<PathBuf>,
    /// Version of the set-payload schema in its own events.
    pub set_version: String,
    /// Versions that are taken from subscribers.
    pub accepted_set_versions: Vec<String>,
    /// Whether the tags of accept events are compared with the stored ones.
    pub compare_tags: bool,
    /// Whether callbacks to this machine may use plain HTTP.
    pub allow_http_callbacks: bool,
    /// Whether a notify event is written when a callback was taken.
    pub notify_events: bool,
    /// Certificates (PEM) that callbacks over HTTPS trust, besides those of the system.
    pub callback_roots: Option<PathBuf>,
    /// Largest attachment in bytes.
    pub largest_attachment: u64,
    /// Most entries of a page, whatever number is asked for.
    pub largest_page: usize,
    /// Where large attachments are spooled; by default the directory of the system.
    pub spool: Option<PathBuf>,
    /// Faults that are armed from the start.
    pub faults: Vec<Fault>,
    /// What time it is.
    pub clock: Clock,
}

impl SandboxSettings {
    /// A strict sandbox over plain HTTP at a free port of this machine, without clients.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            public_url: None,
            seed: Seed::default(),
            service_key: None,
            set_version: "1.2.2".to_owned(),
            accepted_set_versions: vec!["1.2.2".to_owned()],
            compare_tags: true,
            allow_http_callbacks: false,
            notify_events: false,
            callback_roots: None,
            largest_attachment: 4 * 1024 * 1024 * 1024,
            largest_page: LARGEST_PAGE,
            spool: None,
            faults: Vec::new(),
            clock,
        }
    }
}

/// Where the parts of the sandbox are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    /// The address without a path; the administration is below it at `/sandbox`.
    pub base: String,
    /// The token endpoint.
    pub token: String,
    /// Base of the Submission API, without version; also the issuer of the service's events.
    pub submission: String,
    /// Base of the Destination API, without version.
    pub destination: String,
    /// Base of the routing API, without version.
    pub routing: String,
    /// Base of the self-service portal, which signs routing answers.
    pub portal: String,
}

impl Urls {
    /// The addresses of a sandbox at this address.
    #[must_use]
    pub fn at(base: &str) -> Self {
        let base = base.trim_end_matches('/');
        Self {
            base: base.to_owned(),
            token: format!("{base}/auth/token"),
            submission: format!("{base}/submission-api"),
            destination: format!("{base}/destination-api"),
            routing: format!("{base}/routing-api"),
            portal: format!("{base}/ssp"),
        }
    }

    /// The Submission API without its scheme, as routing answers name it.
    pub(super) fn submission_host(&self) -> &str {
        self.submission.split_once("://").map_or(&*self.submission, |(_, host)| host)
    }
}
