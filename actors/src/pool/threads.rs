//! The threads behind the pools: actix sync arbiters, and the one thread that actix needs for itself.
//!
//! actix wants a system of its own on some thread; it lives here, does nothing but hand messages on, and ends with the
//! house. Every worker is an arbiter of one thread, so that a worker that is gone can be replaced alone.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc as std_mpsc},
    thread,
};

use actix::prelude::{Actor, Addr, ArbiterHandle, Handler, Message, SyncArbiter, SyncContext, System};

use tokio::sync::mpsc;

use super::Job;
use crate::observe::{Probe, Waiting};

/// Hears what becomes of a worker and its jobs.
pub(super) type Tell = Arc<dyn Fn(WorkerNews) + Send + Sync>;

/// What a worker tells its guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkerNews {
    /// A job is done.
    Done { worker: u64, panicked: bool },
    /// The thread is gone.
    Gone { worker: u64 },
}

/// The threads that workers run on.
#[derive(Debug)]
pub struct WorkerThreads {
    system: System,
    arbiter: ArbiterHandle,
    thread: Option<thread::JoinHandle<()>>,
}

impl WorkerThreads {
    /// Starts the thread that actix needs for itself.
    ///
    /// # Errors
    /// If the operating system gives no thread.
    pub fn start() -> std::io::Result<Self> {
        let (tell, hear) = std_mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("actix".into()).spawn(move || {
            let runner = System::new();
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that takes the handle, on the system's own thread"
            )]
            let system = runner.block_on(async { System::current() });
            if tell.send(system).is_ok() {
                let _ = runner.run();
            }
        })?;
        let system = hear.recv().map_err(std::io::Error::other)?;
        Ok(Self { arbiter: system.arbiter().clone(), system, thread: Some(thread) })
    }

    /// The handle through which workers are started.
    pub(super) fn starter(&self) -> Starter {
        Starter(self.arbiter.clone())
    }

    /// Ends the thread. The pools are gone by then.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.system.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for WorkerThreads {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts workers from anywhere.
#[derive(Debug, Clone)]
pub(crate) struct Starter(ArbiterHandle);

impl Starter {
    /// A new worker with its own thread; nothing if the system has ended.
    pub(super) async fn worker(&self, name: String, seat: WorkerSeat) -> Option<Addr<Worker>> {
        let (send, receive) = tokio::sync::oneshot::channel();
        let started = self.0.spawn_fn(move || {
            let builder = move || thread::Builder::new().name(name.clone());
            let worker = move || Worker(seat.clone());
            let _ = send.send(SyncArbiter::start_with_thread_builder(1, builder, worker));
        });
        if started { receive.await.ok() } else { None }
    }
}

/// What a worker knows of itself.
#[derive(Clone)]
pub(super) struct WorkerSeat {
    pub(super) number: u64,
    pub(super) nice: i32,
    pub(super) probe: Probe,
    pub(super) tell: Tell,
    /// Held as long as the thread lives.
    pub(super) _presence: mpsc::Sender<()>,
}

/// One worker.
pub(super) struct Worker(WorkerSeat);

impl Actor for Worker {
    type Context = SyncContext<Self>;

    fn started(&mut self, _: &mut SyncContext<Self>) {
        if self.0.nice != 0 {
            // On Linux this concerns the calling thread alone. Without the right to it, it just stays as important.
            let _ = rustix::process::nice(self.0.nice);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        (self.0.tell)(WorkerNews::Gone { worker: self.0.number });
    }
}

/// A job on its way to a worker.
pub(super) struct Work {
    pub(super) name: &'static str,
    pub(super) job: Job,
    pub(super) waiting: Waiting,
}

impl Message for Work {
    type Result = ();
}

impl Handler<Work> for Worker {
    type Result = ();

    fn handle(&mut self, work: Work, _: &mut SyncContext<Self>) {
        let working = work.waiting.begin_as(&self.0.probe, work.name);
        let panicked = catch_unwind(AssertUnwindSafe(work.job)).is_err();
        drop(working);
        (self.0.tell)(WorkerNews::Done { worker: self.0.number, panicked });
    }
}
