//! `ozg-cloud account`: embedded accounts, for small places without an identity provider.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use ozg_actors::{NewAccount, Secret};
use ozg_protocols::{
    ids::{OrgUnitId, TenantSlug, UserId},
    principal::Role,
};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

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

/// Legt ein Konto an oder setzt es neu; das Passwort wird am Terminal erfragt, sonst von der Standardeingabe gelesen. Der Server darf nicht laufen
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
        let password = ask_password(&self.user)?;
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

/// The password: from a person at a terminal twice and unseen, otherwise the first line of the input.
fn ask_password(user: &UserId) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return line();
    }
    let password = unseen(&format!("Passwort für {user} (mindestens {SHORTEST} Zeichen): "))?;
    if unseen("Noch einmal: ")? == password {
        Ok(password)
    } else {
        Err(Failure::refused("die beiden Eingaben sind nicht gleich".to_owned()))
    }
}

/// Asks at the terminal, which does not show what is typed.
fn unseen(question: &str) -> Result<String, Failure> {
    let hidden = Hidden::begin().map_err(Failure::System)?;
    // Not to the output: that may go elsewhere.
    let mut terminal = io::stderr();
    write!(terminal, "{question}").and_then(|()| terminal.flush()).map_err(Failure::Output)?;
    let line = line();
    drop(hidden);
    line
}

fn line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(Failure::System)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A terminal that shows nothing but the end of the line, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut without = before.clone();
        without.local_modes.remove(LocalModes::ECHO);
        without.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Flush, &without)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing anyway.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
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
