//! `make bench`: the figures we promise, each beside the physical limit taken in the same minutes.
//!
//! A figure knows how to measure itself and its limit in interleaved rounds; this file only runs them, prints a table,
//! writes the same as JSON and ends non-zero when a ratio falls short. Arguments pick figures by name; `--busy` says that the
//! machine does other things too, and what only a quiet one can keep is shown then, but not judged.

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
mod resilience;
mod stage;

// What is measured here is what the whole-program tests do.
#[expect(dead_code, reason = "the tests do more with it")]
#[path = "../../tests/whole/claims.rs"]
mod claims;
#[expect(dead_code, reason = "the tests do more with it")]
#[path = "../../tests/whole/kills.rs"]
mod kills;
#[expect(dead_code, reason = "the tests do more with it")]
#[path = "../../tests/whole/sandbox_town.rs"]
mod sandbox_town;
#[expect(dead_code, reason = "the tests do more with it")]
#[path = "../../tests/whole/soak.rs"]
mod soak;
#[expect(dead_code, reason = "the tests do more with it")]
#[path = "../../tests/whole/subscriber_hall.rs"]
mod subscriber_hall;
#[expect(dead_code, reason = "the tests do more with it")]
#[path = "../../tests/whole/world.rs"]
mod world;

use std::{panic, path::Path, process::ExitCode};

use report::Figure;

/// A figure's name and how to take it.
type Taker = (&'static str, fn() -> Vec<Figure>);

const FIGURES: &[Taker] = &[
    ("journal", journal::take),
    ("intake", intake::take),
    ("attachment", attachment::take),
    ("soak", resilience::server),
    ("kills", resilience::actors),
];

fn main() -> ExitCode {
    let (flags, wanted): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with('-'));
    let busy = flags.iter().any(|flag| flag == "--busy");
    if let Some(word) = wanted.iter().find(|word| !FIGURES.iter().any(|(name, _)| name.contains(word.as_str()))) {
        eprintln!(
            "no figure is called {word}; there are {:?}",
            FIGURES.iter().map(|(name, _)| name).collect::<Vec<_>>()
        );
        return ExitCode::from(2);
    }
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    let (mut figures, mut untaken): (Vec<Figure>, Vec<&str>) = (Vec::new(), Vec::new());
    for (name, take) in FIGURES.iter().filter(|(name, _)| chosen(name)) {
        // One that cannot be taken does not hide the others; it has said why.
        match panic::catch_unwind(take) {
            Ok(taken) => figures.extend(taken),
            Err(_) => untaken.push(name),
        }
    }
    report::print(&figures, busy);
    for name in &untaken {
        println!("{name} could not be taken");
    }
    // The scratch directory of Cargo lies in its target directory, wherever that is.
    let json = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench.json");
    if let Err(error) = report::write_json(&figures, &untaken, busy, &json) {
        eprintln!("{} could not be written: {error}", json.display());
        return ExitCode::FAILURE;
    }
    let hold = untaken.is_empty() && figures.iter().all(|figure| figure.holds(busy));
    if hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
