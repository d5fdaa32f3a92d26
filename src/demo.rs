//! `ozg-cloud demo`: a living demo town on this machine: the sandbox, the server and three senders.
//!
//! The demo only configures and sends. [`town`] says what there is, [`ground`] lays files out (keys, secrets,
//! configuration) and calls the ordinary commands, [`process`] runs sandbox and server as processes of their own,
//! [`senders`] send as strangers do, [`visitor`] looks at Alfa like a browser. Nothing in the product knows that it is here.

mod ground;
mod process;
mod senders;
mod town;
pub mod visitor;

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use ozg_protocols::moment::Moment;
use tokio::time::Instant;

use crate::{
    sandbox::KeyFileError,
    sender::{
        client::SendError,
        transport::{Transport, TransportError},
    },
};
use ground::Ground;
use process::Process;
use senders::Senders;
pub use town::{ACCOUNTS, Account, PASSWORD};
use visitor::Visitor;

/// Within this time the first case has to be accepted and visible.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a demo town is started.
#[derive(Debug, Clone)]
pub struct DemoSettings {
    /// Where its files lie; kept for the next time.
    pub directory: PathBuf,
    /// The port of Alfa.
    pub port: u16,
    /// The port of the sandbox.
    pub sandbox_port: u16,
    /// How long each of the three senders waits between two applications.
    pub pause: Duration,
    /// What the applications are made out of.
    pub seed: u64,
    /// Tells the time.
    pub clock: fn() -> Moment,
}

/// Why there is no demo town.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file cannot be written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// The machine gives no randomness.
    #[error("the machine gives no random bytes")]
    NoRandomness,
    /// A process does not start, or ended before it should.
    #[error("`ozg-cloud {name}` does not run; {log} says why")]
    Process {
        /// Which.
        name: &'static str,
        /// Where it says why.
        log: PathBuf,
    },
    /// A command of ours failed.
    #[error("`ozg-cloud {command}` failed: {said}")]
    Command {
        /// Which.
        command: String,
        /// What it said.
        said: String,
    },
    /// Somebody else listens where Alfa or the sandbox should.
    #[error("port {port} is taken; {option} names another")]
    PortTaken {
        /// The port.
        port: u16,
        /// The argument that changes it.
        option: &'static str,
    },
    /// The HTTP client cannot be set up.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Nothing could be sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Something did not happen in time.
    #[error("{0:?} did not happen within {PATIENCE:?}")]
    TooLate(Awaited),
    /// Alfa did not show what it should.
    #[error("alfa: {0:?}")]
    Alfa(AlfaTrouble),
}

/// What the demo waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// Sandbox and server answer.
    Start,
    /// The sandbox shows the acceptance.
    Acceptance,
    /// Alfa shows the case.
    Case,
}

/// What Alfa did not do for the demo's visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlfaTrouble {
    /// It did not answer.
    Silent,
    /// It did not let the account in.
    SignIn,
    /// It did not show the list.
    List,
}

/// When the first case was where.
#[derive(Debug, Clone, Copy)]
pub struct FirstCase {
    /// Accepted at the sandbox, after the start of the process.
    pub accepted: Duration,
    /// Visible in Alfa, after the start of the process.
    pub visible: Duration,
}

/// Whether nobody listens at these ports of this machine, each with the argument that changes it.
fn are_free(ports: [(u16, &'static str); 2]) -> Result<(), DemoError> {
    let mut held = Vec::new();
    for (port, option) in ports {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => held.push(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(DemoError::PortTaken { port, option });
            }
            // Whoever has to listen there says why not.
            Err(_) => {}
        }
    }
    Ok(())
}

/// A demo town that lives; it ends when it is dropped.
#[derive(Debug)]
pub struct Town {
    settings: DemoSettings,
    started: Instant,
    transport: Transport,
    senders: Arc<Senders>,
    sandbox: Process,
    server: Process,
}

impl Town {
    /// Lays the ground where there is none, and starts sandbox and server; they need not answer yet.
    ///
    /// # Errors
    /// [`DemoError`]; nothing is left running then, and neither when it is given up half-way.
    pub async fn start(settings: DemoSettings, started: Instant) -> Result<Self, DemoError> {
        are_free([(settings.port, "--port"), (settings.sandbox_port, "--sandbox-port")])?;
        let ground = Ground::lay(&settings).await?;
        let transport = Transport::new(None)?;
        let sandbox = Process::start("sandbox", &ground.sandbox_log(), &ground.sandbox_arguments())?;
        let server = Process::start("serve", &ground.server_log(), &ground.server_arguments())?;
        let senders = Arc::new(Senders::new(&settings, &ground, &transport));
        Ok(Self { senders, settings, started, transport, sandbox, server })
    }

    async fn wait_until_both_answer(&mut self) -> Result<(), DemoError> {
        let ready = [
            format!("http://127.0.0.1:{}/submission-api/.well-known/jwks.json", self.settings.sandbox_port),
            format!("http://127.0.0.1:{}/readyz", self.settings.port),
        ];
        let until = Instant::now() + PATIENCE;
        for place in &ready {
            while !visitor::answers(&self.transport, place).await {
                self.sandbox.check()?;
                self.server.check()?;
                if Instant::now() > until {
                    return Err(DemoError::TooLate(Awaited::Start));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        // Whoever took a port in the meantime answers too.
        self.sandbox.check()?;
        self.server.check()
    }

    /// Where each tenant is found, with its name.
    #[must_use]
    pub fn addresses(&self) -> Vec<(&'static str, String)> {
        town::TENANTS.iter().map(|tenant| (tenant.name, tenant.address(self.settings.port))).collect()
    }

    /// Waits until sandbox and server answer, sends one application to the first tenant and waits until it is accepted and
    /// visible in Alfa.
    ///
    /// # Errors
    /// [`DemoError`], for example when it takes too long.
    pub async fn first_case(&mut self) -> Result<FirstCase, DemoError> {
        self.wait_until_both_answer().await?;
        let address = town::TENANTS[0].address(self.settings.port);
        let visitor = Visitor::sign_in(self.transport.clone(), address, ACCOUNTS[0].user, PASSWORD).await?;
        // Names come again: a case of an earlier run is not the one that is waited for.
        let known = visitor.newest("").await?;
        let sent = self.senders.send_first().await?;
        let until = Instant::now() + PATIENCE;
        let accepted = loop {
            if self.senders.accepted(&sent).await? {
                break self.started.elapsed();
            }
            self.in_time(until, Awaited::Acceptance)?;
        };
        while visitor.newest(&sent.applicant).await?.is_subset(&known) {
            self.in_time(until, Awaited::Case)?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(FirstCase { accepted, visible: self.started.elapsed() })
    }

    fn in_time(&mut self, until: Instant, what: Awaited) -> Result<(), DemoError> {
        self.sandbox.check()?;
        self.server.check()?;
        if Instant::now() > until { Err(DemoError::TooLate(what)) } else { Ok(()) }
    }

    /// Lets the senders send until a process ends.
    ///
    /// # Errors
    /// [`DemoError::Process`] says which one ended.
    pub async fn live(&mut self) -> Result<(), DemoError> {
        let sending = self.senders.clone().start();
        let ended = loop {
            if let Err(error) = self.sandbox.check().and_then(|()| self.server.check()) {
                break error;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        sending.abort();
        Err(ended)
    }

    /// Ends the town: first the server, so that it can finish what it has begun.
    pub async fn stop(self) {
        let Self { server, sandbox, .. } = self;
        server.stop().await;
        sandbox.stop().await;
    }
}
