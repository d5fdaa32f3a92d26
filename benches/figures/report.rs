//! How a figure is judged and shown: value, limit, ratio, goal.

use std::{fs, io, path::Path};

use serde::Serialize;

/// What a goal is about.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Value divided by limit must be at least this.
    RatioAtLeast(f64),
    /// The value must be below this.
    ValueBelow(f64),
    /// The value must be below this on a machine that does nothing else.
    BelowWhereQuiet(f64),
    /// Nothing was promised; it is only shown.
    Nothing,
}

/// One measured figure.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// The unit of value and limit.
    pub unit: &'static str,
    /// What we reach.
    pub value: f64,
    /// What the machine could reach, taken in the same minutes.
    pub limit: Option<f64>,
    /// What the limit is.
    pub limit_is: &'static str,
    /// What was promised.
    pub goal: Goal,
}

impl Figure {
    /// Value divided by limit.
    pub fn ratio(&self) -> Option<f64> {
        self.limit.map(|limit| self.value / limit)
    }

    /// Whether the promise is kept, on a machine that may be `busy` with other things.
    pub fn holds(&self, busy: bool) -> bool {
        match self.goal {
            Goal::RatioAtLeast(least) => self.ratio().is_some_and(|ratio| ratio >= least),
            Goal::ValueBelow(most) => self.value < most,
            Goal::BelowWhereQuiet(most) => busy || self.value < most,
            Goal::Nothing => true,
        }
    }
}

/// Prints the figures as a table.
pub fn print(figures: &[Figure], busy: bool) {
    println!("{:<60} {:>12} {:>12} {:>7} {:>9}  limit", "figure", "value", "limit", "ratio", "goal");
    for figure in figures {
        let limit = figure.limit.map_or_else(|| "-".to_owned(), |limit| format!("{limit:.1}"));
        let ratio = figure.ratio().map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        let goal = match figure.goal {
            Goal::RatioAtLeast(least) => format!(">= {least:.2}"),
            Goal::ValueBelow(most) => format!("< {most}"),
            Goal::BelowWhereQuiet(most) => {
                if busy {
                    "-".to_owned()
                } else {
                    format!("< {most}")
                }
            }
            Goal::Nothing => "-".to_owned(),
        };
        let verdict = if figure.holds(busy) { "" } else { "  <-- falls short" };
        let value = if figure.value < 10.0 { format!("{:.3}", figure.value) } else { format!("{:.1}", figure.value) };
        let name = format!("{} [{}]", figure.name, figure.unit);
        println!("{name:<60} {value:>12} {limit:>12} {ratio:>7} {goal:>9}  {}{verdict}", figure.limit_is);
    }
}

/// Writes the figures, with the machine they were taken on and the names of those that could not be taken, as JSON.
pub fn write_json(figures: &[Figure], untaken: &[&str], busy: bool, to: &Path) -> io::Result<()> {
    #[derive(Serialize)]
    struct Report<'f> {
        cpu: String,
        cores: usize,
        busy: bool,
        figures: &'f [Figure],
        untaken: &'f [&'f str],
        holds: bool,
    }
    let holds = untaken.is_empty() && figures.iter().all(|figure| figure.holds(busy));
    let report = Report { cpu: cpu_name(), cores: cores(), busy, figures, untaken, holds };
    let text = serde_json::to_string_pretty(&report).expect("figures are plain data");
    fs::write(to, text)
}

/// How many cores there are.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn cpu_name() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}
