//! `ozg-cloud demo`: a living demo town, or one look whether everything works.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::Instant,
};

use super::{Context, Failure, wall_clock};
use crate::{
    config::{Log, LogFormat, LogLevel},
    demo::{ACCOUNTS, DemoError, DemoSettings, FirstCase, PASSWORD, Town},
    german, logging,
};

/// Demo-Stadt auf diesem Rechner: Testgegenstelle, Server und drei Onlinedienste, die Anträge senden
#[derive(Debug, Args)]
#[command(help_template = "{about}\n\nAufruf: {usage}\n\nOptionen:\n{options}\n")]
pub(super) struct Arguments {
    /// Verzeichnis der Demo; Schlüssel und Vorgänge bleiben darin für das nächste Mal
    #[arg(long, value_name = "VERZEICHNIS", default_value = "demo-data")]
    directory: PathBuf,
    /// Port von Alfa
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    port: u16,
    /// Port der Testgegenstelle
    #[arg(long, value_name = "PORT", default_value_t = 8800)]
    sandbox_port: u16,
    /// Sekunden zwischen zwei Anträgen eines Onlinedienstes
    #[arg(long, value_name = "SEKUNDEN", default_value_t = 5)]
    every: u64,
    /// Woraus die Anträge gemacht werden; gleiche Zahl, gleiche Anträge
    #[arg(long, value_name = "ZAHL")]
    seed: Option<u64>,
    /// Nur prüfen: endet, sobald der erste Antrag angenommen und in Alfa zu sehen ist, und nennt beide Zeiten
    #[arg(long)]
    check: bool,
}

impl Arguments {
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
        let started = Instant::now();
        drop(logging::start(Log { level: LogLevel::Warn, format: LogFormat::Text }));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::System)?;
        let settings = DemoSettings {
            directory: self.directory,
            port: self.port,
            sandbox_port: self.sandbox_port,
            pause: Duration::from_secs(self.every.max(1)),
            seed: self.seed.unwrap_or_else(|| wall_clock().millis().unsigned_abs()),
            clock: wall_clock,
        };
        let check = self.check;
        runtime.block_on(async {
            context.say("Die Demo-Stadt wird eingerichtet …")?;
            let mut terminate = signal(SignalKind::terminate()).map_err(Failure::System)?;
            let mut town = Town::start(settings, started).await.map_err(|error| failed(&error))?;
            let lived = tokio::select! {
                lived = live(&mut town, check, context) => lived,
                _ = terminate.recv() => Ok(ExitCode::SUCCESS),
                interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Failure::System).map(|()| ExitCode::SUCCESS),
            };
            town.stop().await;
            lived
        })
    }
}

async fn live(town: &mut Town, check: bool, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let FirstCase { accepted, visible } = town.first_case().await.map_err(|error| failed(&error))?;
    context.say(format_args!("Erster Antrag: angenommen nach {} s", seconds(accepted)))?;
    context.say(format_args!("Erster Vorgang: in Alfa sichtbar nach {} s", seconds(visible)))?;
    if check {
        return Ok(ExitCode::SUCCESS);
    }
    greet(town, context)?;
    match town.live().await {
        Err(error) => Err(failed(&error)),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

fn greet(town: &Town, context: &mut Context<'_>) -> Result<(), Failure> {
    context.say("")?;
    for (name, address) in town.addresses() {
        context.say(format_args!("{name}: {address}"))?;
    }
    context.say(format_args!("\nAnmelden mit dem Passwort {PASSWORD} als"))?;
    for account in ACCOUNTS {
        context.say(format_args!("  {:<6} {} ({})", account.user, account.name, account.what))?;
    }
    context.say("\nAlle paar Sekunden kommen Anträge. Strg+C beendet die Demo.")?;
    context.out.flush().map_err(Failure::Output)
}

fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64()).replace('.', ",")
}

fn failed(error: &DemoError) -> Failure {
    Failure::refused(format!("die Demo läuft nicht: {}", german::demo(error)))
}
