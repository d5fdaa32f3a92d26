//! The end of standard input as a reason to end: whoever runs this program and holds a pipe to it takes it along, however
//! they end themselves.

use std::{
    future::{self, Future},
    io, thread,
};

use clap::Args;
use tokio::sync::oneshot;

/// Whether a command that runs until it is told to end also ends with its standard input.
#[derive(Debug, Args)]
pub(super) struct Stdin {
    /// Endet auch, sobald die Standardeingabe geschlossen wird, also spätestens mit dem Programm, das sie offen hält
    #[arg(long)]
    until_stdin_closes: bool,
}

impl Stdin {
    /// Comes when standard input is closed; never, if that was not asked for.
    pub(super) fn closes(&self) -> io::Result<impl Future<Output = ()> + use<>> {
        let watched = self.until_stdin_closes.then(watch).transpose()?;
        Ok(async move {
            match watched {
                Some(closed) => drop(closed.await),
                None => future::pending().await,
            }
        })
    }
}

/// Reads in a thread that nobody waits for: a runtime would not end before the input does.
fn watch() -> io::Result<oneshot::Receiver<()>> {
    let (closed, closes) = oneshot::channel();
    thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        // What comes is not looked at, and an input that fails brings nothing more either.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = closed.send(());
    })?;
    Ok(closes)
}
