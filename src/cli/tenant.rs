//! `ozg-cloud tenant`: makes the store of a new tenant, and lists what there is. The server never makes one by itself.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Args, Subcommand};
use ozg_storage::{
    disk::{Disk, RealDisk},
    keys::TenantKey,
    random::{Random, StrongRandom},
    redb_core::Options,
    tenant_store::{StoreError, TenantStore},
};

use super::{Context, Failure, store::load_key};
use crate::{
    config::{Config, SecretPlace, Tenant},
    german,
};

/// Legt Mandanten an und zeigt sie
#[derive(Debug, Args)]
#[command(
    subcommand_value_name = "BEFEHL",
    disable_help_subcommand = true,
    help_template = "{about}\n\nAufruf: {usage}\n\nBefehle:\n{subcommands}\n\nOptionen:\n{options}\n"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(Init),
    /// Zeigt alle Mandanten der Konfiguration und ob ihre Daten sich öffnen lassen
    List,
}

/// Legt Schlüssel und Datenverzeichnis eines Mandanten an, der in der Konfiguration steht
#[derive(Debug, Args)]
#[command(help_template = "{about}\n\nAufruf: {usage}\n\n{positionals}\n\nOptionen:\n{options}\n")]
struct Init {
    /// Kürzel des Mandanten
    #[arg(value_name = "KÜRZEL")]
    slug: String,
    /// Legt den neuen Schlüssel in diese Datei statt in die der Konfiguration
    #[arg(long, value_name = "DATEI", conflicts_with = "existing_key")]
    key_file: Option<PathBuf>,
    /// Nimmt den Schlüssel, den die Konfiguration nennt, statt einen neuen zu machen
    #[arg(long)]
    existing_key: bool,
}

impl Arguments {
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
        let config = context.load()?.config;
        match self.command {
            Command::Init(init) => init.run(&config, context),
            Command::List => list(&config, context),
        }
    }
}

impl Init {
    fn run(self, config: &Config, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
        let Self { slug, key_file, existing_key } = self;
        let Some(tenant) = config.tenant(&slug) else {
            return Err(Failure::refused(format!("der Mandant `{slug}` steht nicht in der Konfiguration")));
        };
        let random: Arc<dyn Random> = Arc::new(StrongRandom::new());
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let data = &config.server.data_dir;
        if !data.is_dir() {
            let data = data.display();
            return Err(Failure::refused(format!("das Datenverzeichnis {data} fehlt; mkdir -m 700 -p {data}")));
        }
        if !matches!(open(config, tenant, None), Err(StoreError::Absent)) {
            let what =
                format!("im Datenverzeichnis liegt schon etwas für `{slug}`; über Daten wird kein Schlüssel gemacht");
            return Err(Failure::refused(what));
        }
        let key = if existing_key {
            load_key(&tenant.key_file)?
        } else {
            let file = new_key_file(tenant, key_file)?;
            let key = TenantKey::create(&file, &*random)
                .map_err(|error| Failure::refused(format!("{}: {}", file.display(), german::key(&error))))?;
            context.say(format_args!("Schlüssel angelegt: {}", file.display()))?;
            key
        };
        TenantStore::init(&disk, data, &tenant.slug, &key, &random, context.now())
            .map_err(|error| Failure::refused(german::store(&error)))?;
        context.say(format_args!("Mandant {slug} angelegt in {}", data.join(&slug).display()))?;
        context.say(format_args!("Fingerabdruck des Schlüssels: {}", key.fingerprint()))?;
        context
            .say("Den Schlüssel jetzt getrennt von den Daten sichern: Ohne ihn öffnet niemand mehr die Vorgänge.")?;
        Ok(ExitCode::SUCCESS)
    }
}

fn new_key_file(tenant: &Tenant, named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    match (named, &tenant.key_file) {
        (Some(file), _) => Ok(file),
        (None, SecretPlace::File(file)) => Ok(file.clone()),
        (None, SecretPlace::Credential { name, .. }) => Err(Failure::refused(format!(
            "die Konfiguration nennt credential:{name}; mit --key-file sagen, wohin der neue Schlüssel soll"
        ))),
    }
}

/// Opens a tenant's store. Without a key only whether there is one is told: an absent store is absent before any key counts.
fn open(config: &Config, tenant: &Tenant, key: Option<TenantKey>) -> Result<TenantStore, StoreError> {
    let random: Arc<dyn Random> = Arc::new(StrongRandom::new());
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let key = key.unwrap_or_else(|| TenantKey::from_bytes([0; 32]));
    TenantStore::open(&disk, &config.server.data_dir, &tenant.slug, &key, &random, Options::default())
}

fn list(config: &Config, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let mut all_well = true;
    for tenant in &config.tenants {
        let (well, state) = match load_key(&tenant.key_file) {
            Err(failure) => (false, failure.to_string()),
            Ok(key) => match open(config, tenant, Some(key)) {
                Ok(_) => (true, "bereit".to_owned()),
                Err(StoreError::InUse) => (true, "in Betrieb".to_owned()),
                Err(error) => (false, german::store(&error)),
            },
        };
        all_well &= well;
        let hosts = tenant.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        context.say(format_args!("{}  {} ({hosts}): {state}", tenant.slug, tenant.name))?;
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
