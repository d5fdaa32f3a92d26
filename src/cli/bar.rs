//! A progress bar on standard error, for commands that take their time.

use std::io::{self, IsTerminal as _, Write};

/// A progress bar; none where nobody watches.
pub(super) struct Bar<'o> {
    label: String,
    watched: bool,
    shown: Option<String>,
    out: Box<dyn Write + 'o>,
}

impl Bar<'static> {
    pub(super) fn new(label: &str) -> Self {
        Bar::on(label, io::stderr(), io::stderr().is_terminal())
    }
}

impl<'o> Bar<'o> {
    fn on(label: &str, out: impl Write + 'o, watched: bool) -> Self {
        Self { label: label.to_owned(), watched, shown: None, out: Box::new(out) }
    }

    /// Shows how much is done of all, with a word behind the bar.
    pub(super) fn show(&mut self, done: u64, all: u64, word: &str) {
        let percent = done.saturating_mul(100).checked_div(all).unwrap_or(100).min(100);
        self.draw(bar(&self.label, percent, word));
    }

    fn draw(&mut self, drawn: String) {
        if self.watched && self.shown.as_ref() != Some(&drawn) {
            self.write(&format!("\r{drawn}\x1b[K"));
            self.shown = Some(drawn);
        }
    }

    /// Shows what is being done where nobody knows how much of it there is.
    pub(super) fn say(&mut self, what: &str) {
        self.draw(line(&self.label, what));
    }

    pub(super) fn clear(&mut self) {
        if self.shown.is_some() {
            self.write("\r\x1b[K");
        }
    }

    /// Nobody is harmed by a bar that cannot be drawn.
    fn write(&mut self, text: &str) {
        drop(self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()));
    }
}

fn bar(label: &str, percent: u64, word: &str) -> String {
    let full = usize::try_from(percent * 40 / 100).unwrap_or_default();
    format!("{label} [{}{}] {percent:3} %{word}", "#".repeat(full), "-".repeat(40 - full))
}

fn line(label: &str, what: &str) -> String {
    format!("{label} {what} ...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_its_percentage() {
        assert!(bar("x", 50, "").contains(&format!("[{}{}]  50 %", "#".repeat(20), "-".repeat(20))));
        assert!(bar("x", 100, "").contains(&"#".repeat(40)));
    }

    #[test]
    fn what_is_being_done_is_said_where_somebody_watches_and_nowhere_else() {
        for watched in [true, false] {
            let mut out = Vec::new();
            let mut bar = Bar::on("musterstadt", &mut out, watched);
            bar.say("prüft die Datei des Journals");
            bar.say("prüft die Datei des Journals");
            bar.show(1, 2, "");
            bar.clear();
            drop(bar);
            let half = super::bar("musterstadt", 50, "");
            let drawn = format!("\rmusterstadt prüft die Datei des Journals ...\x1b[K\r{half}\x1b[K\r\x1b[K");
            assert_eq!(String::from_utf8(out).expect("text"), if watched { drawn } else { String::new() });
        }
    }
}
