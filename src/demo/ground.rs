//! The files of a demo town: keys, secrets, the sandbox's seed and the server's configuration. Made once and kept; tenants
//! and accounts are made by the ordinary commands.

use std::{ffi::OsString, fmt::Write as _, fs, io, os::unix::fs::OpenOptionsExt as _, path::PathBuf, process::Stdio};

use aws_lc_rs::rand;
use ozg_protocols::{forms::ozg_cloud, hex};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::{
    DemoError, DemoSettings,
    process::this_program,
    town::{ACCOUNTS, DemoTenant, PASSWORD, TENANTS},
};
use crate::{
    sandbox::{Client, KeyFileError, OfferedService, Office, OfficePlan, Scope, Seed, Urls},
    sender::{
        client::Account,
        sample::{MAPPING, service::SERVICES},
    },
};

/// The client of the senders at the sandbox.
const SENDER: &str = "onlinedienste";

/// A demo town's directory with everything in it.
#[derive(Debug)]
pub(super) struct Ground {
    directory: PathBuf,
    sandbox_port: u16,
    sender_secret: String,
}

impl Ground {
    /// Lays the ground; what is there already stays, but seed and configuration are written anew.
    pub(super) async fn lay(settings: &DemoSettings) -> Result<Self, DemoError> {
        let directory = settings.directory.clone();
        for part in ["", "daten", "logs"] {
            let path = directory.join(part);
            fs::create_dir_all(&path).map_err(|source| DemoError::File { path: path.clone(), source })?;
        }
        let directory = fs::canonicalize(&directory).map_err(|source| DemoError::File { path: directory, source })?;
        let (at, now) = (directory.join("schluessel"), (settings.clock)());
        let plans = plans(settings.port);
        // Not in place: who gives up meanwhile does not wait for the keys.
        let offices = tokio::task::spawn_blocking(move || Office::set_up(&at, plans, now));
        let offices = offices.await.map_err(|_| KeyFileError::Interrupted)??;
        let sender_secret = random_text()?;
        let ground = Self { directory, sandbox_port: settings.sandbox_port, sender_secret };
        ground.write("seed.json", &ground.seed(&offices)?)?;
        ground.write("ozg-cloud.toml", &ground.configuration(settings, &offices)?)?;
        for tenant in TENANTS {
            ground.settle(tenant).await?;
        }
        Ok(ground)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), DemoError> {
        let path = self.directory.join(name);
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options
            .open(&path)
            .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
            .map_err(|source| DemoError::File { path, source })
    }

    /// Makes a tenant and its accounts by the ordinary commands, unless it is there. What an interrupted start left of one
    /// is removed first: nothing has come in there yet.
    async fn settle(&self, tenant: &DemoTenant) -> Result<(), DemoError> {
        let settled = self.directory.join(format!("{}.settled", tenant.slug));
        if settled.exists() {
            return Ok(());
        }
        let half_made = [self.directory.join("daten").join(tenant.slug), self.directory.join(tenant.key_file())];
        for path in half_made.into_iter().filter(|path| path.exists()) {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(|source| DemoError::File { path, source })?;
        }
        self.command(&["tenant", "init", tenant.slug], "").await?;
        for account in ACCOUNTS {
            let mut arguments = vec!["account", "add", tenant.slug, account.user, "--name", account.name];
            arguments.extend(account.roles.iter().flat_map(|role| ["--role", role.name()]));
            arguments.extend(account.org_units.iter().flat_map(|unit| ["--org-unit", unit]));
            self.command(&arguments, PASSWORD).await?;
        }
        fs::write(&settled, "").map_err(|source| DemoError::File { path: settled, source })
    }

    async fn command(&self, arguments: &[&str], input: &str) -> Result<(), DemoError> {
        let failed = |said: String| DemoError::Command { command: arguments.join(" "), said };
        let mut child = Command::new(this_program())
            .arg("--config")
            .arg(self.directory.join("ozg-cloud.toml"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that takes no input may have closed it already.
            let _ = stdin.write_all(format!("{input}\n").as_bytes()).await;
        }
        let output = child.wait_with_output().await.map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
        }
    }

    fn seed(&self, offices: &[Office<'_>]) -> Result<String, DemoError> {
        let sender = Client {
            client_id: SENDER.to_owned(),
            client_secret: self.sender_secret.clone(),
            scopes: [Scope::SendSubmissions].into(),
            destinations: [].into(),
        };
        let seed = Seed {
            clients: offices.iter().map(Office::client).chain([sender]).collect(),
            destinations: offices.iter().map(Office::destination).collect(),
            areas: Vec::new(),
        };
        let path = self.directory.join("seed.json");
        serde_json::to_string_pretty(&seed).map_err(|error| DemoError::File { path, source: io::Error::other(error) })
    }

    fn configuration(&self, settings: &DemoSettings, offices: &[Office<'_>]) -> Result<String, DemoError> {
        let mut toml = String::new();
        let path = self.directory.join("ozg-cloud.toml");
        self.configure(&mut toml, settings, offices)
            .map_err(|error| DemoError::File { path, source: io::Error::other(error) })?;
        Ok(toml)
    }

    fn configure(&self, toml: &mut String, settings: &DemoSettings, offices: &[Office<'_>]) -> std::fmt::Result {
        let (quoted, urls) = (|text: &str| json!(text), self.urls());
        writeln!(toml, "# Die Konfiguration der Demo; sie wird bei jedem Start neu geschrieben.\n[server]")?;
        writeln!(toml, "listen = \"127.0.0.1:{}\"", settings.port)?;
        writeln!(toml, "public_url = \"http://{{host}}:{}\"", settings.port)?;
        writeln!(
            toml,
            "data_dir = \"daten\"\n\n[storage]\nreserve_mib = 64\n\n[outbound]\nallow_http_loopback = true"
        )?;
        let mut offices = offices.iter();
        for tenant in TENANTS {
            writeln!(toml, "\n[[tenant]]\nslug = {}\nname = {}", quoted(tenant.slug), quoted(tenant.name))?;
            writeln!(toml, "hosts = [{}]\nnumber_prefix = {}", quoted(&tenant.host()), quoted(tenant.prefix))?;
            writeln!(toml, "key_file = {}", quoted(&tenant.key_file()))?;
            for (id, name) in tenant.org_units {
                writeln!(toml, "\n[[tenant.org_unit]]\nid = {}\nname = {}", quoted(id), quoted(name))?;
            }
            for (id, _) in tenant.org_units {
                writeln!(toml, "\n[[tenant.route]]\nnamed = {0}\norg_unit = {0}", quoted(id))?;
            }
            toml.push_str(MAPPING);
            for office in offices.by_ref().take(tenant.destinations.len()) {
                toml.push_str(&office.section(&urls));
            }
        }
        Ok(())
    }

    pub(super) fn sandbox_log(&self) -> PathBuf {
        self.directory.join("logs/sandbox.log")
    }

    pub(super) fn server_log(&self) -> PathBuf {
        self.directory.join("logs/server.log")
    }

    pub(super) fn sandbox_arguments(&self) -> Vec<OsString> {
        let listen = format!("127.0.0.1:{}", self.sandbox_port);
        let (seed, key) = (self.directory.join("seed.json"), self.directory.join("schluessel/sandbox.jwk.json"));
        let mut arguments: Vec<OsString> =
            ["sandbox", "--listen", &listen, "--allow-http-callbacks"].map(OsString::from).into();
        arguments.extend(["--seed".into(), seed.into(), "--service-key".into(), key.into()]);
        arguments
    }

    pub(super) fn server_arguments(&self) -> Vec<OsString> {
        vec!["--config".into(), self.directory.join("ozg-cloud.toml").into(), "serve".into()]
    }

    /// The senders' account at the sandbox.
    pub(super) fn sender_account(&self) -> Account {
        let urls = self.urls();
        Account {
            token_url: urls.token,
            submission_url: urls.submission,
            client_id: SENDER.to_owned(),
            client_secret: self.sender_secret.clone(),
        }
    }

    fn urls(&self) -> Urls {
        Urls::at(&format!("http://127.0.0.1:{}", self.sandbox_port))
    }
}

/// What is asked for at the sandbox: every destination offers every service and calls back.
fn plans(port: u16) -> Vec<OfficePlan<'static>> {
    let services: Vec<OfferedService> = SERVICES
        .iter()
        .map(|service| OfferedService {
            identifier: service.identifier(),
            region: "DE09162".to_owned(),
            schema_uri: ozg_cloud::SCHEMA_URI.to_owned(),
            mime_type: "application/json".to_owned(),
        })
        .collect();
    let destinations = TENANTS.iter().flat_map(|tenant| tenant.destinations.iter().map(move |one| (tenant, one)));
    destinations
        .map(|(tenant, destination)| OfficePlan {
            label: destination.label,
            id: destination.id(),
            name: destination.name,
            version: destination.version,
            services: services.clone(),
            callback_url: Some(format!("{}/fit-connect/rueckruf/{}", tenant.address(port), destination.id())),
            org_unit: Some("buergerbuero"),
        })
        .collect()
}

/// 64 random hexadecimal digits.
fn random_text() -> Result<String, DemoError> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| DemoError::NoRandomness)?;
    Ok(hex::encode(&bytes))
}
