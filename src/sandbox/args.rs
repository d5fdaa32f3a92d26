//! The command line of `ozg-cloud sandbox`.

use std::{io, net::SocketAddr, path::PathBuf};

use clap::Args;

use super::{
    call::LARGEST_PAGE,
    fault::{self, Fault},
    seed::Seed,
    settings::{Clock, SandboxSettings, TlsFiles},
};

/// Testgegenstelle für FIT-Connect: alles liegt im Arbeitsspeicher und ist nach dem Ende fort.
///
/// Kein Zustelldienst und nicht für echte Anträge. Die Verwaltung liegt unter /sandbox (Zustand, Störungen, Uhr).
#[derive(Debug, Clone, Args)]
pub struct SandboxArgs {
    /// Adresse und Port, an denen gelauscht wird; Port 0 nimmt einen freien.
    #[arg(long, value_name = "ADRESSE", default_value = "127.0.0.1:8800")]
    listen: SocketAddr,
    /// Zertifikatskette (PEM); zusammen mit --tls-key wird TLS gesprochen.
    #[arg(long, value_name = "DATEI", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Privater Schlüssel zum Zertifikat (PEM).
    #[arg(long, value_name = "DATEI", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Adresse, unter der die Gegenstelle von außen erreichbar ist (ohne Pfad).
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Clients, Zustellpunkte und Gebiete aus einer JSON-Datei.
    #[arg(long, value_name = "DATEI")]
    seed: Option<PathBuf>,
    /// Signaturschlüssel des Dienstes; wird angelegt, wenn er fehlt.
    #[arg(long, value_name = "DATEI")]
    service_key: Option<PathBuf>,
    /// Version des SET-Schemas in eigenen Ereignissen.
    #[arg(long, value_name = "VERSION", default_value = "1.2.2")]
    set_version: String,
    /// Versionen des SET-Schemas, die angenommen werden.
    #[arg(long, value_name = "VERSIONEN", value_delimiter = ',', default_value = "1.2.2")]
    accept_set_versions: Vec<String>,
    /// Authentication-Tags in Annahmen nicht vergleichen.
    #[arg(long)]
    lenient_tags: bool,
    /// Callbacks an diesen Rechner auch ohne TLS.
    #[arg(long)]
    allow_http_callbacks: bool,
    /// Nach einem angenommenen Callback ein notify-Ereignis schreiben.
    #[arg(long)]
    notify_events: bool,
    /// Zertifikate (PEM), denen bei Callbacks zusätzlich vertraut wird.
    #[arg(long, value_name = "DATEI")]
    callback_ca: Option<PathBuf>,
    /// Größte Anlage in Bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 4 * 1024 * 1024 * 1024)]
    largest_attachment: u64,
    /// Höchstens so viele Einträge je Seite von Einreichungen und Ereignissen, was auch verlangt wird.
    #[arg(long, value_name = "ANZAHL", default_value_t = LARGEST_PAGE, value_parser = page)]
    largest_page: usize,
    /// Verzeichnis für große Anlagen; sonst das des Systems.
    #[arg(long, value_name = "VERZEICHNIS")]
    spool: Option<PathBuf>,
    /// Störung von Anfang an; mehrfach möglich. `--help` nennt alle.
    #[arg(long = "fault", value_name = "STÖRUNG", long_help = fault::help())]
    faults: Vec<Fault>,
}

/// A seed that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InvalidArgs {
    /// The file cannot be read.
    #[error("the seed {path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is no seed.
    #[error("the seed {path} is not as expected")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
}

fn page(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=LARGEST_PAGE).contains(number));
    number.ok_or_else(|| format!("eine Zahl von 1 bis {LARGEST_PAGE}"))
}

impl SandboxArgs {
    /// The settings that these arguments stand for. Reads the seed.
    ///
    /// # Errors
    /// When the seed cannot be read.
    pub fn settings(self, clock: Clock) -> Result<SandboxSettings, InvalidArgs> {
        let seed = match self.seed {
            None => Seed::default(),
            Some(path) => {
                let json =
                    std::fs::read(&path).map_err(|source| InvalidArgs::Unreadable { path: path.clone(), source })?;
                serde_json::from_slice(&json).map_err(|source| InvalidArgs::Malformed { path, source })?
            }
        };
        Ok(SandboxSettings {
            listen: self.listen,
            tls: self.tls_cert.zip(self.tls_key).map(|(certificates, key)| TlsFiles { certificates, key }),
            public_url: self.public_url,
            seed,
            service_key: self.service_key,
            set_version: self.set_version,
            accepted_set_versions: self.accept_set_versions,
            compare_tags: !self.lenient_tags,
            allow_http_callbacks: self.allow_http_callbacks,
            notify_events: self.notify_events,
            callback_roots: self.callback_ca,
            largest_attachment: self.largest_attachment,
            largest_page: self.largest_page,
            spool: self.spool,
            faults: self.faults,
            clock,
        })
    }
}
