//! Pools of synchronous workers: whoever blocks or burns a core works here, never on a thread of the runtime.
//!
//! [`Pool`] is the seam: [`WorkerThreads`] start the real ones (actix threads, each pool behind a guard that hands out jobs, one
//! worker at a time, and replaces a worker that is gone); [`InlinePool`] runs a job where it is given, for tests with
//! paused time. A job that panics takes nothing along but itself: whoever waits for it hears [`JobLost`].

mod guard;
mod threads;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::oneshot;

pub(crate) use guard::{PoolGuard, PoolPlan};
pub use threads::WorkerThreads;

/// Work for a pool.
pub type Job = Box<dyn FnOnce() + Send>;

/// The job ended without a result: it panicked, or the pool is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the job ended without a result")]
pub struct JobLost;

/// Where synchronous work is done.
pub trait Pool: Send + Sync + fmt::Debug {
    /// Takes a job; `name` is its kind in metrics. A job that can not be taken is dropped, and its caller hears of it.
    fn submit(&self, name: &'static str, job: Job);
}

/// A pool, as its users hold it.
#[derive(Debug, Clone)]
pub struct Workers(Arc<dyn Pool>);

impl Workers {
    /// The workers of this pool.
    #[must_use]
    pub fn new(pool: Arc<dyn Pool>) -> Self {
        Self(pool)
    }

    /// Runs a job and waits for its result without blocking. Whoever stops waiting does not stop the job.
    ///
    /// # Errors
    /// [`JobLost`] if it panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JobLost> {
        let (done, result) = oneshot::channel();
        self.0.submit(
            name,
            Box::new(move || {
                let _ = done.send(work());
            }),
        );
        result.await.map_err(|_| JobLost)
    }
}

/// Runs each job where it is given. For tests: with it, nothing waits for a foreign thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct InlinePool;

impl Pool for InlinePool {
    fn submit(&self, _: &'static str, job: Job) {
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_is_lost_alone() {
        let workers = Workers::new(Arc::new(InlinePool));
        assert_eq!(workers.run("bad", || panic!("on purpose")).await, Err::<(), _>(JobLost));
        assert_eq!(workers.run("good", || 7).await, Ok(7));
    }
}
