//! `ozg-cloud verify`: checks whole stores at rest and names the first broken record. Changes nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use ozg_storage::{
    checkpoint::Checkpoint,
    disk::{Disk, RealDisk},
    verify::{Report, Step, verify_store},
};

use super::{Context, Failure, bar::Bar, store::load_key};
use crate::{
    config::{Config, Tenant},
    german,
};

/// Prüft die Daten von Mandanten vollständig: Reihenfolge, Verkettung, Siegel, Prüfpunkte, Anhänge
#[derive(Debug, Args)]
#[command(help_template = "{about}\n\nAufruf: {usage}\n\n{positionals}\n\nOptionen:\n{options}\n\n\
    Der Server darf dabei nicht laufen. Endet mit 1, wenn etwas nicht stimmt, und nennt den ersten Datensatz.\n")]
pub(super) struct Arguments {
    /// Kürzel der Mandanten; ohne Angabe alle
    #[arg(value_name = "KÜRZEL")]
    slugs: Vec<String>,
    /// Datei mit Prüfpunkten, die außerhalb aufbewahrt wurden: ältere Daten als diese werden abgelehnt
    #[arg(long, value_name = "DATEI")]
    checkpoints: Option<PathBuf>,
    /// Prüft ohne die Mandantenschlüssel: Verkettung und Prüfpunkte, aber keine Siegel
    #[arg(long)]
    without_keys: bool,
}

impl Arguments {
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
        let config = context.load()?.config;
        let checkpoints = self.checkpoints.as_deref().map(read_checkpoints).transpose()?.unwrap_or_default();
        let mut whole = true;
        for tenant in self.chosen(&config)? {
            let key = if self.without_keys { None } else { Some(load_key(&tenant.key_file)?) };
            let newest = checkpoints.iter().filter(|checkpoint| *checkpoint.tenant() == tenant.slug);
            let shown = newest.max_by_key(|checkpoint| checkpoint.record());
            if let (Some(file), None) = (&self.checkpoints, shown) {
                whole = false;
                let file = file.display();
                context.say(format_args!("{}: {file} enthält keinen Prüfpunkt dieses Mandanten", tenant.slug))?;
                continue;
            }
            let disk: Arc<dyn Disk> = Arc::new(RealDisk);
            let mut bar = Bar::new(tenant.slug.as_str());
            let (data, named) = (&config.server.data_dir, &ozg_actors::named_blobs);
            let mut progress = |step| show(&mut bar, step);
            let verdict = verify_store(&disk, data, &tenant.slug, key.as_ref(), shown, named, &mut progress);
            bar.clear();
            whole &= verdict.is_ok();
            let verdict = verdict.map_or_else(|error| german::verify(&error), |report| summary(&report));
            context.say(format_args!("{}: {verdict}", tenant.slug))?;
        }
        Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn chosen<'c>(&self, config: &'c Config) -> Result<Vec<&'c Tenant>, Failure> {
        if self.slugs.is_empty() {
            return Ok(config.tenants.iter().collect());
        }
        let unknown =
            |slug: &String| Failure::refused(format!("der Mandant `{slug}` steht nicht in der Konfiguration"));
        self.slugs.iter().map(|slug| config.tenant(slug).ok_or_else(|| unknown(slug))).collect()
    }
}

/// One checkpoint a line, as the server writes them; other lines are not expected.
fn read_checkpoints(file: &Path) -> Result<Vec<Checkpoint>, Failure> {
    let shown = file.display();
    let text =
        fs::read_to_string(file).map_err(|error| Failure::refused(format!("{shown}: {}", german::system(&error))))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = lines.map(|(at, line)| {
        line.parse().map_err(|_| Failure::refused(format!("{shown}:{}: kein gültiger Prüfpunkt", at + 1)))
    });
    read.collect()
}

fn show(bar: &mut Bar<'_>, step: Step) {
    match step {
        Step::File => bar.say("prüft die Datei des Journals"),
        Step::Ring => bar.say("prüft den Schlüsselring"),
        Step::Contents { done, all } => bar.show(done, all, ""),
        Step::Rows => bar.say("vergleicht mit den Datensätzen, was daneben geschrieben ist"),
    }
}

fn summary(report: &Report) -> String {
    let Report { records, streams, erased, keys, blobs, orphans, checkpoints, seals } = report;
    let seals = if *seals { "" } else { "; Siegel ungeprüft" };
    format!(
        "in Ordnung: {records} Datensätze in {streams} Strömen ({erased} gelöscht), {keys} Schlüssel, {blobs} Anhänge \
         ({orphans} verwaist), {checkpoints} Prüfpunkte{seals}"
    )
}
