//! The sections about this machine: `[server]`, `[operations]`, `[log]`, `[storage]`, `[workers]`.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use super::{
    address::{Network, PublicUrl},
    reader::{Section, Setting, Surroundings},
    secret::SecretPlace,
    words::parsed,
};

/// `[server]`: where the pages of all tenants are served, and where their data lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// The socket of the pages and of the callbacks.
    pub listen: SocketAddr,
    /// How people reach it.
    pub public_url: PublicUrl,
    /// TLS of our own; without it something in front ends TLS.
    pub tls: Option<Tls>,
    /// One directory per tenant lies in here.
    pub data_dir: PathBuf,
    /// The largest request body that is taken, in bytes.
    pub max_body: u64,
}

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The chain, the server's own certificate first.
    pub certificate_file: PathBuf,
    /// The private key.
    pub key_file: SecretPlace,
}

/// `[operations]`: `/metrics`, `/livez`, `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operations {
    /// A socket of their own; `None`: on the server's.
    pub listen: Option<SocketAddr>,
    /// Who may ask.
    pub allowed: Vec<Network>,
}

/// `[log]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// What is written.
    pub level: LogLevel,
    /// How it is written.
    pub format: LogFormat,
}

/// The least important line that is still written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Something failed and needs somebody.
    Error,
    /// Something failed and was helped.
    Warn,
    /// What an operator wants to follow.
    Info,
    /// What a developer wants to follow.
    Debug,
    /// Everything.
    Trace,
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For eyes.
    Text,
    /// One JSON object per line.
    Json,
}

/// `[storage]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Memory for the pages of all journals together, in MiB.
    pub cache_mib: u64,
    /// Free space below which intake answers 503, in MiB.
    pub reserve_mib: u64,
    /// The file that signed checkpoints are brought to; best on another machine.
    pub checkpoint_file: Option<PathBuf>,
}

/// `[workers]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workers {
    /// Threads for RSA and hashing; `None`: one per core.
    pub crypto: Option<u64>,
    /// Threads for everything that waits more than it works; `None`: one for two cores.
    pub runtime: Option<u64>,
}

impl Server {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let listen = section.or("listen", SocketAddr::from(([127, 0, 0, 1], 8080)));
        let public_url = section.or("public_url", PublicUrl::HTTPS);
        let data_dir = section.required("data_dir");
        let max_body = section.number("max_body_mib", 8, 1..=1024) << 20;
        let tls = Tls::read(section.section("tls"));
        section.finish();
        Some(Self { listen, public_url, tls, data_dir: data_dir?, max_body })
    }
}

impl Tls {
    fn read(mut section: Section<'_>) -> Option<Self> {
        if section.is_empty() {
            section.unset("certificate_file");
            section.unset("key_file");
            return None;
        }
        let certificate_file = section.required("certificate_file");
        let key_file = section.required("key_file");
        section.finish();
        Some(Self { certificate_file: certificate_file?, key_file: key_file? })
    }
}

impl Operations {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let local = ["127.0.0.0/8", "::1/128"].into_iter().filter_map(|net| net.parse().ok()).collect();
        let read = Self { listen: section.optional("listen"), allowed: section.list_or("allowed", local) };
        section.finish();
        read
    }
}

impl Log {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let read = Self { level: section.or("level", LogLevel::Info), format: section.or("format", LogFormat::Text) };
        section.finish();
        read
    }
}

impl Storage {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let cache_mib = section.number("cache_mib", 256, 16..=1_048_576);
        let reserve_mib = section.number("reserve_mib", 1024, 16..=1_048_576);
        let checkpoint_file = section.optional("checkpoint_file");
        section.finish();
        Self { cache_mib, reserve_mib, checkpoint_file }
    }
}

impl Workers {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let mut threads = |name| Some(section.number(name, 0, 0..=1024)).filter(|threads| *threads > 0);
        let (crypto, runtime) = (threads("crypto_threads"), threads("runtime_threads"));
        section.finish();
        Self { crypto, runtime }
    }
}

/// Reads and writes an enum by a table of its words.
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl FromStr for $type {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(()),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(match self { $(Self::$variant => $word,)* })
            }
        }
    };
}

words!(LogLevel { Error = "error", Warn = "warn", Info = "info", Debug = "debug", Trace = "trace" });
words!(LogFormat { Text = "text", Json = "json" });

parsed! {
    LogLevel: "`error`, `warn`, `info`, `debug` oder `trace`",
    LogFormat: "`text` oder `json`",
}
