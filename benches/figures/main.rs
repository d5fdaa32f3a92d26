//! `make bench`: the figures we promise, each beside the physical limit taken in the same minutes.
//!
//! A figure knows how to measure itself and its limit in interleaved rounds; this file only runs them, prints a table,
//! writes the same as JSON and ends non-zero when a ratio falls short. Arguments pick figures by name.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    reason = "it measures on the clock of the machine, and prints what it measured"
)]

mod attachment;
mod intake;
mod journal;
mod limits;
mod report;
mod stage;

use std::process::ExitCode;

use report::Figure;

/// A figure's name and how to take it.
type Taker = (&'static str, fn() -> Vec<Figure>);

const FIGURES: &[Taker] = &[("journal", journal::take), ("intake", intake::take), ("attachment", attachment::take)];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    let figures: Vec<Figure> = FIGURES.iter().filter(|(name, _)| chosen(name)).flat_map(|(_, take)| take()).collect();
    report::print(&figures);
    report::write_json(&figures, std::path::Path::new("target/bench.json"));
    if figures.iter().all(Figure::holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
