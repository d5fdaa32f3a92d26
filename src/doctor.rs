//! The doctor: looks at everything the server will need, before it needs it, and says what to do about what is missing.
//!
//! Each examination takes a part of the configuration and gives findings; none of them changes anything but a probe file
//! that it removes. Nobody outside is asked, but by [`online`], and only when the operator wants it.

mod data;
mod keys;
mod machine;
mod network;
pub mod online;
mod secrets;
mod stores;

use std::fmt;

use ozg_protocols::moment::Moment;

use crate::config::Config;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Good,
    /// The server will run, but somebody should look.
    Warning,
    /// The server will not run, must not, or could not do its work.
    Error,
}

/// What one look found, in German.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was looked at, and what was seen.
    pub what: String,
    /// What to do.
    pub remedy: Option<String>,
}

impl Finding {
    fn good(what: impl Into<String>) -> Self {
        Self { severity: Severity::Good, what: what.into(), remedy: None }
    }

    fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, what: what.into(), remedy: Some(remedy.into()) }
    }

    fn error(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Error, what: what.into(), remedy: Some(remedy.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.severity {
            Severity::Good => "  gut      ",
            Severity::Warning => "! Warnung  ",
            Severity::Error => "x FEHLER   ",
        };
        write!(out, "{mark}{}", self.what)?;
        self.remedy.iter().try_for_each(|remedy| write!(out, "\n           -> {remedy}"))
    }
}

/// Looks at everything. `now` is what the clock of this machine says.
#[must_use]
pub fn examine(config: &Config, now: Moment) -> Vec<Finding> {
    let mut findings = vec![Finding::good(format!("Konfiguration: {} Mandant(en)", config.tenants.len()))];
    findings.extend(data::examine(&config.server.data_dir, config.storage.reserve_mib));
    findings.extend(keys::examine(config));
    findings.extend(stores::examine(config));
    findings.extend(network::examine(config));
    findings.extend(machine::examine(config, now));
    findings
}
