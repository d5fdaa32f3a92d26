//! A progress bar on standard error, for commands that take their time.

use std::io::{self, IsTerminal as _, Write as _};

/// A progress bar; none where nobody watches.
pub(super) struct Bar {
    label: String,
    watched: bool,
    shown: Option<String>,
}

impl Bar {
    pub(super) fn new(label: &str) -> Self {
        Self { label: label.to_owned(), watched: io::stderr().is_terminal(), shown: None }
    }

    /// Shows how much is done of all, with a word behind the bar.
    pub(super) fn show(&mut self, done: u64, all: u64, word: &str) {
        if !self.watched {
            return;
        }
        let percent = done.saturating_mul(100).checked_div(all).unwrap_or(100).min(100);
        let bar = bar(&self.label, percent, word);
        if self.shown.as_ref() != Some(&bar) {
            self.write(&format!("\r{bar}\x1b[K"));
            self.shown = Some(bar);
        }
    }

    pub(super) fn clear(&self) {
        if self.shown.is_some() {
            self.write("\r\x1b[K");
        }
    }

    /// Nobody is harmed by a bar that cannot be drawn.
    fn write(&self, text: &str) {
        let mut errors = io::stderr();
        drop(errors.write_all(text.as_bytes()).and_then(|()| errors.flush()));
    }
}

fn bar(label: &str, percent: u64, word: &str) -> String {
    let full = usize::try_from(percent * 40 / 100).unwrap_or_default();
    format!("{label} [{}{}] {percent:3} %{word}", "#".repeat(full), "-".repeat(40 - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_its_percentage() {
        assert!(bar("x", 50, "").contains(&format!("[{}{}]  50 %", "#".repeat(20), "-".repeat(20))));
        assert!(bar("x", 100, "").contains(&"#".repeat(40)));
    }
}
