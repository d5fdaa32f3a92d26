//! `ozg-cloud config`: looks at the configuration and changes nothing.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Context, Failure};
use crate::config::{EXAMPLE, Shown};

/// Zeigt und prüft die Konfiguration
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
    /// Zeigt jeden Wert und woher er kommt; Geheimnisse bleiben verborgen
    Show,
    /// Prüft die Konfiguration und nennt alle Fehler
    Check,
    /// Gibt ein kommentiertes Beispiel aus
    Example,
}

impl Arguments {
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Show => show(context),
            Command::Check => check(context),
            Command::Example => example(context),
        }
    }
}

fn show(context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let shown = context.load()?.shown;
    let left = |shown: &Shown| format!("{} = {}", shown.path, shown.value);
    let width = shown.iter().map(|shown| left(shown).chars().count()).filter(|width| *width <= 72).max().unwrap_or(0);
    for line in &shown {
        context.say(format_args!("{:width$}  # {}", left(line), line.origin))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let loaded = context.load()?;
    let (tenants, values) = (loaded.config.tenants.len(), loaded.shown.len());
    let file = context.config.display().to_string();
    context.say(format_args!("{file}: gültig ({tenants} Mandant(en), {values} Werte)"))?;
    Ok(ExitCode::SUCCESS)
}

fn example(context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    context.out.write_all(EXAMPLE.as_bytes()).map_err(Failure::Output)?;
    Ok(ExitCode::SUCCESS)
}
