//! How a test passes over what this machine lacks: seen at once, and told again by `make test` when everything has run.
//!
//! The tests of every crate include this one file by its path, so that no test skips in a way of its own.

use std::{
    env,
    fmt::Display,
    fs::OpenOptions,
    io::{self, Write as _},
};

/// Says why a test, or a part of it, is not run; the test then returns.
///
/// Only what the print macros write is captured by the test harness, so this is seen although the test passes. The line
/// is also added to the file that `OZG_SKIPPED` names.
#[expect(clippy::disallowed_methods, reason = "a test is told by the environment where to note what it skips")]
pub(crate) fn skipped(why: impl Display) {
    // The harness may be in the middle of a line.
    let line = format!("\nSKIPPED: {why}\n");
    io::stderr().write_all(line.as_bytes()).expect("somebody listens");
    if let Some(noted) = env::var_os("OZG_SKIPPED") {
        let file = OpenOptions::new().append(true).create(true).open(noted);
        file.and_then(|mut file| file.write_all(&line.as_bytes()[1..]))
            .expect("the file of OZG_SKIPPED can be written");
    }
}
