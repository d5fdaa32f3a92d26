//! Where a value comes from. Every value of the configuration keeps its origin, for `config show` and for every problem.

use std::{fmt, path::PathBuf, sync::Arc};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it: what the program takes by itself.
    Default,
    /// A line of the configuration file.
    File {
        /// The file as it was named when the program was started.
        file: Arc<PathBuf>,
        /// The line, counted from 1.
        line: usize,
    },
    /// An environment variable, by its name.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("Vorgabe"),
            Self::File { file, line } => write!(out, "{}:{line}", file.display()),
            Self::Variable(name) => write!(out, "Variable {name}"),
        }
    }
}
