//! `ozg-cloud doctor`: prints what the examination finds.

use std::process::ExitCode;

use clap::Args;

use super::{Context, Failure, wall_clock};
use crate::doctor::{Severity, examine, online};

/// Untersucht Konfiguration, Schlüssel und Maschine; sagt, was fehlt und was zu tun ist
#[derive(Debug, Args)]
#[command(help_template = "{about}\n\nAufruf: {usage}\n\nOptionen:\n{options}\n\n\
    Endet mit 1, wenn ein Fehler gefunden wurde; Warnungen ändern das Ergebnis nicht.\n")]
pub(super) struct Arguments {
    /// Zeigt nur, was nicht in Ordnung ist
    #[arg(long)]
    quiet: bool,
    /// Fragt auch die Zustelldienste: Token, Zustellpunkt, Schlüssel, Callback, Uhr. Ohne dies verlässt nichts die Maschine
    #[arg(long)]
    online: bool,
}

impl Arguments {
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
        let config = context.load()?.config;
        let mut findings = examine(&config, context.now());
        if self.online {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::System)?;
            findings.extend(runtime.block_on(online::examine(&config, wall_clock)));
        }
        for finding in findings.iter().filter(|finding| !self.quiet || finding.severity > Severity::Good) {
            context.say(finding)?;
        }
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        context.say(format_args!("{errors} Fehler, {warnings} Warnung(en), {} in Ordnung", count(Severity::Good)))?;
        Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
