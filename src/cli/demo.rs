//! `ozg-cloud demo`: a living demo town, or one look whether everything works.

use std::{io, path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
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
    /// Mit --check: in so vielen Sekunden nach dem Start muss der erste Vorgang zu sehen sein
    #[arg(long, value_name = "SEKUNDEN", default_value_t = WITHIN, requires = "check")]
    within: u64,
}

/// What is promised of the first case: seconds from the start of the program until it is visible.
const WITHIN: u64 = 10;

/// Everything that asks the program to end.
struct Ends([Signal; 3]);

impl Ends {
    /// From here on the signals end nothing by themselves.
    fn listen() -> io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            // The terminal is gone.
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn come(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
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
        let check = self.check.then(|| Duration::from_secs(self.within));
        let lived = runtime.block_on(async {
            let mut ends = Ends::listen().map_err(Failure::System)?;
            context.say("Die Demo-Stadt wird eingerichtet …")?;
            let mut town = None;
            let lived = tokio::select! {
                lived = live(&mut town, settings, started, check, context) => lived,
                () = ends.come() => Ok(ExitCode::SUCCESS),
            };
            if let Some(town) = town {
                town.stop().await;
            }
            lived
        });
        // Keys that are still being made are not waited for.
        runtime.shutdown_background();
        lived
    }
}

async fn live(
    town: &mut Option<Town>,
    settings: DemoSettings,
    started: Instant,
    check: Option<Duration>,
    context: &mut Context<'_>,
) -> Result<ExitCode, Failure> {
    let town = town.insert(Town::start(settings, started).await.map_err(|error| failed(&error))?);
    let FirstCase { accepted, visible } = town.first_case().await.map_err(|error| failed(&error))?;
    context.say(format_args!("Erster Antrag: angenommen nach {} s", seconds(accepted)))?;
    context.say(format_args!("Erster Vorgang: in Alfa sichtbar nach {} s", seconds(visible)))?;
    match check {
        Some(within) if visible > within => {
            let late = format!("der erste Vorgang war erst nach {} s in Alfa zu sehen", seconds(visible));
            return Err(Failure::refused(format!("{late}; zugesagt sind {} s", within.as_secs())));
        }
        Some(_) => return Ok(ExitCode::SUCCESS),
        None => {}
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
