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

    /// Whether the promise is kept, on a machine that may be `busy` with other things; `None` where nothing is judged.
    pub fn verdict(&self, busy: bool) -> Option<bool> {
        match self.goal {
            Goal::RatioAtLeast(least) => Some(self.ratio().is_some_and(|ratio| ratio >= least)),
            Goal::ValueBelow(most) => Some(self.value < most),
            Goal::BelowWhereQuiet(most) => (!busy).then_some(self.value < most),
            Goal::Nothing => None,
        }
    }

    /// Whether no promise is broken.
    pub fn holds(&self, busy: bool) -> bool {
        self.verdict(busy) != Some(false)
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

/// Writes the figures as JSON.
pub fn write_json(figures: &[Figure], untaken: &[&str], busy: bool, to: &Path) -> io::Result<()> {
    fs::write(to, json(figures, untaken, busy))
}

/// What the table says, with the machine it was taken on and the names of the figures that could not be taken.
pub fn json(figures: &[Figure], untaken: &[&str], busy: bool) -> String {
    #[derive(Serialize)]
    struct Row<'f> {
        #[serde(flatten)]
        figure: &'f Figure,
        ratio: Option<f64>,
        holds: Option<bool>,
    }
    #[derive(Serialize)]
    struct Report<'f> {
        cpu: String,
        cores: usize,
        busy: bool,
        figures: Vec<Row<'f>>,
        untaken: &'f [&'f str],
        holds: bool,
    }
    let holds = untaken.is_empty() && figures.iter().all(|figure| figure.holds(busy));
    let row = |figure| Row { figure, ratio: Figure::ratio(figure), holds: Figure::verdict(figure, busy) };
    let figures = figures.iter().map(row).collect();
    let report = Report { cpu: cpu_name(), cores: cores(), busy, figures, untaken, holds };
    serde_json::to_string_pretty(&report).expect("figures are plain data")
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
