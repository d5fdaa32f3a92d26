//! Pools of synchronous workers: whoever blocks or burns a core works here, never on a thread of the runtime.
//!
//! [`Pool`] is the seam: [`WorkerThreads`] start the real ones (actix threads, each pool behind a guard that hands out jobs, one
//! worker at a time, and replaces a worker that is gone); [`InlinePool`] runs a job where it is given, for tests with
//! paused time. A job that panics takes nothing along but itself: whoever waits for it hears [`JobLost::Panicked`]. One that
//! nobody has begun when its guard ends comes back to whoever gave it and is given again: a restart of a pool loses nothing.

mod guard;
mod threads;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    time::Duration,
};

use tokio::sync::oneshot;

pub(crate) use guard::{PoolGuard, PoolPlan};
pub use threads::WorkerThreads;

/// Work for a pool.
pub type Job = Box<dyn FnOnce() + Send>;

/// Why a job ended without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobLost {
    /// It panicked: what it worked on may be to blame.
    #[error("the job panicked")]
    Panicked,
    /// Its pool is gone, and did not come back in time.
    #[error("the pool is gone")]
    NoPool,
    /// Nobody waits for it any more; it may still be done.
    #[error("the job did not end in time")]
    Late,
}

/// So often a job that nobody has begun is given again, after this pause: longer than a guard needs to come back.
const GIVEN: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

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
    /// [`JobLost`].
    pub async fn run<T: Send + 'static, W: FnOnce() -> T + Send + 'static>(
        &self,
        name: &'static str,
        work: W,
    ) -> Result<T, JobLost> {
        self.give(name, work, false).await
    }

    async fn give<T: Send + 'static, W: FnOnce() -> T + Send + 'static>(
        &self,
        name: &'static str,
        mut work: W,
        only_if_awaited: bool,
    ) -> Result<T, JobLost> {
        for _ in 0..GIVEN {
            let (back, hear) = oneshot::channel();
            let given = Given { work: Some(work), back: Some(back), only_if_awaited };
            self.0.submit(name, Box::new(move || given.begin()));
            match hear.await {
                Ok(Back::Done(result)) => return Ok(result),
                Ok(Back::Panicked) => return Err(JobLost::Panicked),
                Ok(Back::Untouched(again)) => work = again,
                Err(_) => return Err(JobLost::NoPool),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(JobLost::NoPool)
    }

    /// The same for so long and no longer: a job that nobody has begun by then is let go, so that no pile of them waits for
    /// a disk that hangs.
    ///
    /// # Errors
    /// [`JobLost`].
    pub async fn run_within<T: Send + 'static, W: FnOnce() -> T + Send + 'static>(
        &self,
        within: Duration,
        name: &'static str,
        work: W,
    ) -> Result<T, JobLost> {
        tokio::time::timeout(within, self.give(name, work, true)).await.unwrap_or(Err(JobLost::Late))
    }
}

/// What comes back of a job.
enum Back<T, W> {
    Done(T),
    Panicked,
    /// It was dropped before anybody began with it.
    Untouched(W),
}

/// A job with the way back to whoever waits for it.
struct Given<T, W> {
    work: Option<W>,
    back: Option<oneshot::Sender<Back<T, W>>>,
    /// Nobody who has stopped waiting wants it any more.
    only_if_awaited: bool,
}

impl<T, W: FnOnce() -> T> Given<T, W> {
    fn begin(mut self) {
        let (Some(work), Some(back)) = (self.work.take(), self.back.take()) else { return };
        if self.only_if_awaited && back.is_closed() {
            return;
        }
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(result) => {
                let _ = back.send(Back::Done(result));
            }
            Err(panic) => {
                let _ = back.send(Back::Panicked);
                // The worker notes it too.
                resume_unwind(panic);
            }
        }
    }
}

impl<T, W> Drop for Given<T, W> {
    fn drop(&mut self) {
        if let (Some(work), Some(back)) = (self.work.take(), self.back.take()) {
            let _ = back.send(Back::Untouched(work));
        }
    }
}

/// Takes every job and never begins with it. For tests.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct HangingPool(std::sync::Mutex<Vec<Job>>);

#[cfg(test)]
impl fmt::Debug for HangingPool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("HangingPool")
    }
}

#[cfg(test)]
impl Pool for HangingPool {
    fn submit(&self, _: &'static str, job: Job) {
        self.0.lock().expect("no panic").push(job);
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
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_is_lost_alone() {
        let workers = Workers::new(Arc::new(InlinePool));
        assert_eq!(workers.run("bad", || panic!("on purpose")).await, Err::<(), _>(JobLost::Panicked));
        assert_eq!(workers.run("good", || 7).await, Ok(7));
    }

    /// Drops the first jobs that it is given.
    #[derive(Debug)]
    struct Forgetful(AtomicU32);

    impl Pool for Forgetful {
        fn submit(&self, name: &'static str, job: Job) {
            if self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err() {
                InlinePool.submit(name, job);
            }
        }
    }

    /// Begins with nothing until somebody asks for it.
    #[derive(Default)]
    struct Hanging(std::sync::Mutex<Vec<Job>>);

    impl fmt::Debug for Hanging {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("Hanging")
        }
    }

    impl Pool for Hanging {
        fn submit(&self, _: &'static str, job: Job) {
            self.0.lock().expect("no panic").push(job);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_given_up_before_anybody_began_is_not_done_any_more() {
        let (pool, done) = (Arc::new(Hanging::default()), Arc::new(AtomicU32::new(0)));
        let workers = Workers::new(pool.clone());
        let job = || {
            let done = done.clone();
            move || done.fetch_add(1, Relaxed)
        };
        assert_eq!(workers.run_within(Duration::from_secs(5), "late", job()).await, Err(JobLost::Late));
        pool.0.lock().expect("no panic").drain(..).for_each(|job| job());
        assert_eq!(done.load(Relaxed), 0);
        let waiting = tokio::time::timeout(Duration::from_secs(5), workers.run("kept", job())).await;
        assert!(waiting.is_err());
        pool.0.lock().expect("no panic").drain(..).for_each(|job| job());
        assert_eq!(done.load(Relaxed), 1, "whoever stops waiting for one without a limit does not stop it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_nobody_began_is_given_again() {
        let given = |times| Workers::new(Arc::new(Forgetful(AtomicU32::new(times))));
        assert_eq!(given(3).run("job", || 7).await, Ok(7));
        assert_eq!(given(u32::MAX).run("job", || 7).await, Err(JobLost::NoPool));
    }
}
