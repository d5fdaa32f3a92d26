//! `ozg-cloud serve`: takes applications in and serves Alfa until it is told to end.

use std::process::ExitCode;

use clap::Args;

use super::{Context, Failure, stdin::Stdin};
use crate::{
    german, logging,
    serve::{self, RunError},
};

/// Nimmt Anträge an und zeigt Alfa, bis SIGTERM oder Strg+C kommt
#[derive(Debug, Args)]
#[command(
    help_template = "{about}\n\nBeim Ende werden erst die Seiten geschlossen, dann wird zu Ende geführt, was begonnen ist.\n\n\
    Aufruf: {usage}\n\nOptionen:\n{options}\n"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    stdin: Stdin,
}

impl Arguments {
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
        let config = context.load()?.config;
        // A second log is refused; then somebody else already listens.
        drop(logging::start(config.log));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(serve::settings::runtime_threads(&config))
            .enable_all()
            .build()
            .map_err(|error| failed(&RunError::Signals(error)))?;
        let stdin_closes = self.stdin.closes().map_err(Failure::System)?;
        runtime.block_on(async {
            let served = serve::start(&config).await.map_err(|error| failed(&error))?;
            for address in served.addresses() {
                context.say(format_args!("bereit: {address}"))?;
            }
            context.out.flush().map_err(Failure::Output)?;
            served.until_told_or(stdin_closes).await.map_err(|error| failed(&error))?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn failed(error: &RunError) -> Failure {
    Failure::refused(format!("der Server kann nicht laufen: {}; ozg-cloud doctor hilft weiter", german::run(error)))
}
