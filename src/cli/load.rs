//! `ozg-cloud load`: drives a sandbox at a given rate and prints how long submission and acceptance took.

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use hdrhistogram::Histogram;
use ozg_protocols::ids::DestinationId;

use super::{Context, Failure, bar::Bar, wall_clock};
use crate::{
    german,
    load::{self, LoadError, Plan, Tally},
    sandbox::{Client, Scope, Seed, Urls},
    sender::{
        client::{Account, ApiVersion, Sender},
        transport::Transport,
    },
};

/// Last für eine Testgegenstelle: sendet Anträge in festem Takt und zeigt, wie lange Einreichung und Annahme dauern
#[derive(Debug, Args)]
#[command(help_template = "{about}\n\nAufruf: {usage}\n\nOptionen:\n{options}\n\n\
    Ohne Angaben gilt die Demo-Stadt (ozg-cloud demo) dieses Verzeichnisses. Jede Zeit zählt ab dem Platz im Takt, auch\n\
    wenn erst ein Platz zum Senden frei werden musste. Endet mit 1, wenn ein Antrag nicht angenommen wurde.\n")]
pub(super) struct Arguments {
    /// Adresse der Testgegenstelle
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8800")]
    sandbox: String,
    /// Datei, mit der die Testgegenstelle gestartet wurde; daraus kommen Zugang und Zustellpunkt
    #[arg(long, value_name = "DATEI", default_value = "demo-data/seed.json")]
    seed_file: PathBuf,
    /// Zustellpunkt; ohne Angabe der erste der Datei
    #[arg(long, value_name = "UUID")]
    destination: Option<DestinationId>,
    /// Version der Submission API, 1 oder 2
    #[arg(long, value_name = "VERSION", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    api: u8,
    /// Anträge je Sekunde
    #[arg(long, value_name = "ZAHL", default_value_t = 10.0)]
    rate: f64,
    /// Wie lange gesendet wird, in Sekunden
    #[arg(long, value_name = "SEKUNDEN", default_value_t = 30)]
    seconds: u32,
    /// Wie viele Anträge höchstens zugleich gesendet werden
    #[arg(long, value_name = "ZAHL", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    senders: u16,
    /// Größe, auf die jeder Anhang gefüllt wird, in KiB
    #[arg(long, value_name = "KIB", default_value_t = 50)]
    attachment_kib: u16,
    /// Wie lange nach der Einreichung auf die Annahme gewartet wird, in Sekunden
    #[arg(long, value_name = "SEKUNDEN", default_value_t = 60)]
    patience: u32,
    /// Woraus die Anträge gemacht werden; gleiche Zahl, gleiche Anträge
    #[arg(long, value_name = "ZAHL", default_value_t = 1)]
    seed: u64,
}

impl Arguments {
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
        let count = (self.rate * f64::from(self.seconds)).round();
        if !(1.0..=1e9).contains(&count) {
            return Err(Failure::refused("--rate mal --seconds muss zwischen 1 und 1.000.000.000 liegen".to_owned()));
        }
        let (client, destination) = self.find()?;
        let urls = Urls::at(&self.sandbox);
        let account = Account {
            token_url: urls.token,
            submission_url: urls.submission,
            client_id: client.client_id,
            client_secret: client.client_secret,
        };
        let plan = Plan {
            destination,
            version: if self.api == 1 { ApiVersion::V1 } else { ApiVersion::V2 },
            rate: self.rate,
            count: count as u64,
            senders: self.senders.into(),
            patience: Duration::from_secs(self.patience.into()),
            attachment: usize::from(self.attachment_kib) << 10,
            seed: self.seed,
            clock: wall_clock,
        };
        let sender =
            Sender::new(Transport::new(None).map_err(|error| Failure::refused(german::send(&error.into())))?, account);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(Failure::System)?;
        let mut bar = Bar::new("Last");
        let watch = |tally: &Tally| bar.show(tally.accepted.len() + tally.rejected, plan.count, &standing(tally));
        let driven = runtime.block_on(load::drive(sender, &plan, watch));
        bar.clear();
        let tally = driven.map_err(|error| self.not_driven(&error))?;
        for line in report(&tally) {
            context.say(line)?;
        }
        Ok(if tally.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Who sends, and to whom.
    fn find(&self) -> Result<(Client, DestinationId), Failure> {
        let shown = self.seed_file.display();
        let text = fs::read_to_string(&self.seed_file).map_err(|error| {
            Failure::refused(format!(
                "{shown} kann nicht gelesen werden ({}); --seed-file nennt die Datei",
                german::system(&error)
            ))
        })?;
        let seed: Seed = serde_json::from_str(&text)
            .map_err(|error| Failure::refused(format!("{shown}:{}: keine Datei der Testgegenstelle", error.line())))?;
        let sends = |client: &Client| client.scopes.contains(&Scope::SendSubmissions);
        let client = seed.clients.into_iter().find(sends);
        let client = client.ok_or_else(|| Failure::refused(format!("{shown} nennt niemanden, der senden darf")))?;
        let first = seed.destinations.first().map(|destination| destination.destination_id);
        let destination = self.destination.or(first);
        Ok((client, destination.ok_or_else(|| Failure::refused(format!("{shown} nennt keinen Zustellpunkt")))?))
    }

    fn not_driven(&self, error: &LoadError) -> Failure {
        Failure::refused(match error {
            LoadError::Destination(error) => format!(
                "{} liefert keinen Schlüssel des Zustellpunkts ({}); läuft dort `ozg-cloud sandbox` oder `ozg-cloud demo`?",
                self.sandbox,
                german::send(error)
            ),
            LoadError::NoRate => "der Takt muss über null liegen".to_owned(),
            LoadError::Histogram(_) => "die Zeiten lassen sich nicht zählen".to_owned(),
        })
    }
}

fn standing(tally: &Tally) -> String {
    let (submitted, decided) = (tally.submitted.len(), tally.accepted.len() + tally.rejected);
    format!(", {submitted} eingereicht, {} unterwegs", submitted.saturating_sub(decided + tally.open))
}

/// What is printed in the end: counts, percentiles, and where the acceptances lie.
fn report(tally: &Tally) -> Vec<String> {
    let Tally { submitted, accepted, rejected, open, failed, .. } = tally;
    let mut lines = vec![format!(
        "{} eingereicht ({}/s), {} angenommen, {rejected} abgelehnt, {open} ohne Antwort, {} fehlgeschlagen",
        submitted.len(),
        decimal(tally.rate(), 1),
        accepted.len(),
        failed.values().sum::<u64>(),
    )];
    lines.extend(failed.iter().map(|(error, times)| format!("  {times} mal: {error}")));
    if submitted.is_empty() {
        return lines;
    }
    let head = ["", "Median", "90 %", "99 %", "99,9 %", "längste"];
    lines.push(String::new());
    lines.push(row(&head.map(str::to_owned)));
    for (name, times) in [("bis zur Einreichung", submitted), ("bis zur Annahme", accepted)] {
        let at = |quantile| duration(times.value_at_quantile(quantile));
        lines.push(row(&[name.to_owned(), at(0.5), at(0.9), at(0.99), at(0.999), duration(times.max())]));
    }
    lines.push(String::new());
    lines.extend(distribution(accepted));
    lines
}

fn row(cells: &[String; 6]) -> String {
    let [name, times @ ..] = cells;
    times.iter().fold(format!("{name:<20}"), |line, time| format!("{line}{time:>11}"))
}

/// How many acceptances took how long, in steps that double.
fn distribution(times: &Histogram<u64>) -> Vec<String> {
    let (mut lines, mut below, mut bound) = (Vec::new(), 0, 50_000_u64);
    while below < times.len() {
        let upto = times.count_between(0, bound);
        let share = (upto - below) as f64 / times.len() as f64;
        if upto > 0 {
            let filled = "#".repeat((share * 50.0).ceil() as usize);
            lines.push(format!("angenommen in ≤ {:>9} {:>6} %  {filled}", duration(bound), decimal(share * 100.0, 1)));
        }
        (below, bound) = (upto, bound.saturating_mul(2));
    }
    lines
}

/// A time in microseconds, as Germans read it.
fn duration(micros: u64) -> String {
    let micros = micros as f64;
    if micros < 1e6 { format!("{} ms", decimal(micros / 1e3, 1)) } else { format!("{} s", decimal(micros / 1e6, 2)) }
}

fn decimal(number: f64, places: usize) -> String {
    format!("{number:.places$}").replace('.', ",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_germans_read_them() {
        assert_eq!([duration(12_340), duration(1_234_000)], ["12,3 ms", "1,23 s"]);
    }

    #[test]
    fn every_acceptance_stands_in_one_step_of_the_distribution() {
        let mut times = Histogram::new_with_bounds(1, 1_000_000_000, 3).expect("bounds");
        for millis in [10, 20, 70, 900] {
            times.record(millis * 1_000).expect("within the bounds");
        }
        let lines = distribution(&times);
        let shares: Vec<&str> = lines.iter().filter_map(|line| line.split_whitespace().nth(5)).collect();
        assert_eq!(shares, ["50,0", "25,0", "0,0", "0,0", "0,0", "25,0"], "{lines:#?}");
    }
}
