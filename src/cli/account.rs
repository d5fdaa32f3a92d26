//! `ozg-cloud account`: embedded accounts, for small places without an identity provider.

use std::{
    io::{self, BufRead as _},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use ozg_actors::{NewAccount, Secret};
use ozg_protocols::{
    ids::{OrgUnitId, TenantSlug, UserId},
    principal::Role,
};

use super::{Context, Failure};
use crate::{config::Config, german, serve};

/// The shortest password in characters.
const SHORTEST: usize = 12;

/// Legt eingebettete Konten an
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
    Add(Add),
}

/// Legt ein Konto an oder setzt es neu; das Passwort wird von der Standardeingabe gelesen. Der Server darf nicht laufen
#[derive(Debug, Args)]
#[command(help_template = "{about}\n\nAufruf: {usage}\n\n{positionals}\n\nOptionen:\n{options}\n")]
struct Add {
    /// Kürzel des Mandanten
    #[arg(value_name = "MANDANT")]
    tenant: TenantSlug,
    /// Anmeldename
    #[arg(value_name = "KONTO")]
    user: UserId,
    /// Name, wie Kolleginnen und Kollegen ihn lesen
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Rolle, zum Beispiel VERWALTUNG_USER; mehrfach möglich
    #[arg(long = "role", value_name = "ROLLE", value_parser = role, required = true)]
    roles: Vec<Role>,
    /// Organisationseinheit; mehrfach möglich
    #[arg(long = "org-unit", value_name = "EINHEIT")]
    org_units: Vec<OrgUnitId>,
}

fn role(name: &str) -> Result<Role, String> {
    Role::named(name).ok_or_else(|| {
        let known = Role::ALL.map(Role::name).join(", ");
        format!("es gibt diese Rollen: {known}")
    })
}

impl Arguments {
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
        let config = context.load()?.config;
        match self.command {
            Command::Add(add) => add.run(&config, context),
        }
    }
}

impl Add {
    fn run(self, config: &Config, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
        let mut password = String::new();
        io::stdin().lock().read_line(&mut password).map_err(Failure::System)?;
        let password = password.trim_end_matches(['\r', '\n']).to_owned();
        if password.chars().count() < SHORTEST {
            return Err(Failure::refused(format!("das Passwort braucht mindestens {SHORTEST} Zeichen")));
        }
        let Self { tenant: slug, user, name, roles, org_units } = self;
        let account = NewAccount { user, name, roles, org_units, password: Secret::new(password) };
        let said = format!("Konto {} bei {slug} gesetzt", account.user);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::System)?;
        runtime.block_on(add_account(config, &slug, account))?;
        context.say(said)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Sets an account while no server runs: a house of this tenant alone, without channels, is opened for it.
async fn add_account(config: &Config, slug: &TenantSlug, account: NewAccount) -> Result<(), Failure> {
    let mut config = config.clone();
    config.tenants.retain(|tenant| tenant.slug == *slug);
    for tenant in &mut config.tenants {
        tenant.destinations.clear();
    }
    let settings = serve::settings::house(&config).map_err(|error| Failure::refused(german::settings(&error)))?;
    let house = serve::open_house(settings, &config).await.map_err(|error| Failure::refused(german::run(&error)))?;
    let added = match house.tenants().first() {
        Some(tenant) => tenant.add_account(account).await.map_err(|error| Failure::refused(german::ask(&error))),
        None => Err(Failure::refused(format!("der Mandant `{slug}` steht nicht in der Konfiguration"))),
    };
    house.drain(serve::GOODBYE).await;
    added
}
