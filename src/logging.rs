//! The log of the process: lines on standard error, for eyes or as JSON, as `[log]` says.
//!
//! Our own crates log at the configured level. Libraries log warnings and errors only, whatever the level: at lower levels some
//! write headers and bodies, and personal data must never stand in a log (law 10).

use tracing::{Dispatch, level_filters::LevelFilter, subscriber::SetGlobalDefaultError};
use tracing_subscriber::{
    Layer as _, Registry,
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
};

use crate::config::{Log, LogFormat, LogLevel};

const OURS: [&str; 5] = ["ozg_cloud", "ozg_web", "ozg_actors", "ozg_storage", "ozg_protocols"];

/// Starts the log of this process.
///
/// # Errors
/// When it was started before.
pub fn start(log: Log) -> Result<(), SetGlobalDefaultError> {
    tracing::dispatcher::set_global_default(writing(log, std::io::stderr))
}

/// A log that writes somewhere.
fn writing<W>(log: Log, writer: W) -> Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer);
    let lines = match log.format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
    };
    Dispatch::new(Registry::default().with(lines.with_filter(targets(log.level))))
}

fn targets(level: LogLevel) -> Targets {
    let level = LevelFilter::from(level);
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(OURS.map(|name| (name, level)))
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::mpsc,
    };

    use super::*;

    struct Lines(mpsc::Sender<Vec<u8>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map(|()| bytes.len()).map_err(io::Error::other)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(log: Log, say: impl FnOnce()) -> String {
        let (sender, receiver) = mpsc::channel();
        let lines = move || Lines(sender.clone());
        tracing::dispatcher::with_default(&writing(log, lines), say);
        receiver.try_iter().map(|bytes| String::from_utf8(bytes).expect("UTF-8")).collect()
    }

    #[test]
    fn a_line_of_json_is_one_object_with_the_fields_of_the_event() {
        let log = Log { level: LogLevel::Info, format: LogFormat::Json };
        let line = written(log, || tracing::info!(target: "ozg_cloud", tenant = "musterstadt", "started"));
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(line["message"], "started");
        assert_eq!(line["tenant"], "musterstadt");
    }

    #[test]
    fn libraries_stay_silent_below_a_warning_even_when_we_trace() {
        let log = Log { level: LogLevel::Trace, format: LogFormat::Text };
        let lines = written(log, || {
            tracing::info!(target: "hyper", "a header");
            tracing::warn!(target: "hyper", "a warning");
            tracing::trace!(target: "ozg_actors::case", "a step");
        });
        assert!(!lines.contains("a header") && lines.contains("a warning") && lines.contains("a step"), "{lines}");
    }
}
