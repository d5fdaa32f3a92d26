//! `ozg-cloud sandbox`: runs the stand-in for FIT-Connect until it is told to end.

use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Context, Failure, stdin::Stdin, wall_clock};
use crate::{
    config::{Log, LogFormat, LogLevel},
    german, logging,
    sandbox::{self, Running, SandboxArgs},
};

/// Testgegenstelle für FIT-Connect: Token, Zustellpunkte, Einreichungen, Ereignisse, Callbacks, Routing
#[derive(Debug, Args)]
#[command(
    help_template = "{about}\n\nKein Zustelldienst und nicht für echte Anträge: alles liegt im Arbeitsspeicher und\n\
    ist nach dem Ende fort. Die Verwaltung liegt unter /sandbox (Zustand, Störungen, Uhr).\n\n\
    Aufruf: {usage}\n\nOptionen:\n{options}\n"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    sandbox: SandboxArgs,
    #[command(flatten)]
    stdin: Stdin,
}

impl Arguments {
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
        let settings = self.sandbox.settings(wall_clock).map_err(|error| failed(&german::seed(&error)))?;
        // It waits more than it works, signing has threads of its own, and the machine is for whoever is tried.
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().map_err(Failure::System)?;
        // A second log is refused; then somebody else already listens.
        drop(logging::start(Log { level: LogLevel::Info, format: LogFormat::Text }));
        let stdin_closes = self.stdin.closes().map_err(Failure::System)?;
        runtime.block_on(async {
            let mut running = sandbox::run(settings).await.map_err(|error| failed(&german::sandbox(&error)))?;
            introduce(context, &running)?;
            let mut terminate = signal(SignalKind::terminate()).map_err(Failure::System)?;
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
                () = stdin_closes => {}
                () = running.ended() => return Ok(ExitCode::FAILURE),
            }
            running.stop().await;
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn introduce(context: &mut Context<'_>, running: &Running) -> Result<(), Failure> {
    let urls = &running.urls;
    context.say("OZG-Cloud Sandbox: eine Testgegenstelle, kein FIT-Connect. Alles liegt nur im Arbeitsspeicher.")?;
    context.say(format_args!("Basis:           {}", urls.base))?;
    context.say(format_args!("Token:           {}", urls.token))?;
    context.say(format_args!("Submission API:  {}", urls.submission))?;
    context.say(format_args!("Destination API: {}", urls.destination))?;
    context.say(format_args!("Routing API:     {}", urls.routing))?;
    context.say(format_args!("Verwaltung:      {}/sandbox", urls.base))?;
    context.out.flush().map_err(Failure::Output)
}

fn failed(why: &str) -> Failure {
    Failure::refused(format!("die Sandbox kann nicht laufen: {why}"))
}
