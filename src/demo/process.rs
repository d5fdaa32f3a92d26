//! A process of the demo: this very program with other arguments. It ends when its handle is dropped, and with this process
//! however that ends: nobody else holds the pipe that it reads from.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::{Child, Command};

use super::DemoError;

/// How long it may take to end when it is asked to.
const GOODBYE: Duration = Duration::from_secs(10);

/// A process that runs.
#[derive(Debug)]
pub(super) struct Process {
    name: &'static str,
    log: PathBuf,
    child: Child,
}

/// The program that runs now.
pub(super) fn this_program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("ozg-cloud"))
}

impl Process {
    /// Starts this program with these arguments of a command that serves; what it says goes to the log.
    pub(super) fn start(name: &'static str, log: &Path, arguments: &[OsString]) -> Result<Self, DemoError> {
        let file = |source| DemoError::File { path: log.to_owned(), source };
        let out = fs::File::create(log).map_err(file)?;
        let err = out.try_clone().map_err(file)?;
        let child = Command::new(this_program())
            .args(arguments)
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            // Ctrl+C and the end of a terminal go to its whole group; whoever started this asks it to end in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(file)?;
        Ok(Self { name, log: log.to_owned(), child })
    }

    /// Whether it still runs.
    pub(super) fn check(&mut self) -> Result<(), DemoError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(_)) | Err(_) => Err(DemoError::Process { name: self.name, log: self.log.clone() }),
        }
    }

    /// Asks it to end and waits; ends it by force when that takes too long.
    pub(super) async fn stop(mut self) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself in this moment.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = tokio::time::timeout(GOODBYE, self.child.wait()).await;
    }
}
