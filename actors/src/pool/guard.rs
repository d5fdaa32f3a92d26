//! The guard of a pool: a supervised actor that keeps the queue, gives each worker a bounded number of jobs and replaces
//! a worker whose thread is gone. Jobs are bounded by the permits of whoever gives them.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
};

use actix::Addr;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::mpsc;

use super::{
    Job, Pool,
    threads::{Starter, Tell, Work, Worker, WorkerNews, WorkerSeat, WorkerThreads},
};
use crate::{
    observe::{ActorState, Probe, Waiting},
    supervise::{self, Address, Failure, Spec},
};

/// How a pool is set up.
#[derive(Debug, Clone)]
pub(crate) struct PoolPlan {
    /// Its name: that of its threads, too.
    pub(crate) name: &'static str,
    /// How many workers.
    pub(crate) threads: usize,
    /// How many jobs one worker is given at a time: 1, or 2 where a pause between two jobs would hurt.
    pub(crate) ahead: usize,
    /// How much less important its threads are than others.
    pub(crate) nice: i32,
}

/// What a guard is told.
pub(crate) enum GuardMessage {
    /// A job to do.
    Do { name: &'static str, job: Job, waiting: Waiting },
    /// From a worker.
    News(WorkerNews),
}

impl fmt::Debug for GuardMessage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Do { name, .. } => write!(out, "Do({name})"),
            Self::News(news) => write!(out, "News({news:?})"),
        }
    }
}

/// Starts a guard.
#[derive(Debug)]
pub(crate) struct PoolGuard;

/// The pool as its guard knows it.
pub(crate) struct Guarded {
    plan: PoolPlan,
    starter: Starter,
    probe: Probe,
    tell: Tell,
    workers: BTreeMap<u64, Staff>,
    queue: VecDeque<Work>,
    made: u64,
    presence: mpsc::Sender<()>,
    absence: mpsc::Receiver<()>,
}

struct Staff {
    address: Addr<Worker>,
    probe: Probe,
    given: usize,
}

impl PoolGuard {
    /// The pool as a child of the infrastructure (whose probe this is), and its door for everybody else.
    pub(crate) fn spec(plan: PoolPlan, threads: &WorkerThreads, infrastructure: &Probe) -> (Spec, GuardedPool) {
        let (starter, name) = (threads.starter(), plan.name);
        let probe = infrastructure.child(name, &supervise::POOL, (plan.threads * plan.ahead) as u64);
        let arguments = move |probe| (plan.clone(), starter.clone(), probe);
        let (spec, guard) = Spec::new(name, &supervise::POOL, || Self, arguments);
        (spec.seen_by(probe.clone()), GuardedPool { guard, probe })
    }
}

impl Actor for PoolGuard {
    type Msg = GuardMessage;
    type State = Guarded;
    type Arguments = (PoolPlan, Starter, Probe);

    async fn pre_start(
        &self,
        me: ActorRef<GuardMessage>,
        (plan, starter, probe): Self::Arguments,
    ) -> Result<Guarded, ActorProcessingErr> {
        let tell: Tell = Arc::new(move |news| {
            let _ = me.cast(GuardMessage::News(news));
        });
        let (workers, queue, (presence, absence)) = (BTreeMap::new(), VecDeque::new(), mpsc::channel(1));
        let mut pool = Guarded { plan, starter, probe, tell, workers, queue, made: 0, presence, absence };
        for _ in 0..pool.plan.threads {
            pool.hire().await?;
        }
        pool.probe.set(ActorState::Running);
        Ok(pool)
    }

    async fn handle(
        &self,
        _: ActorRef<GuardMessage>,
        message: GuardMessage,
        pool: &mut Guarded,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            GuardMessage::Do { name, job, waiting } => pool.queue.push_back(Work { name, job, waiting }),
            GuardMessage::News(WorkerNews::Done { worker, panicked }) => pool.done(worker, panicked),
            GuardMessage::News(WorkerNews::Gone { worker }) => pool.replace(worker).await?,
        }
        pool.hand_out();
        Ok(())
    }

    /// What the workers still hold (an open store, say) is let go before the guard counts as drained.
    async fn post_stop(&self, _: ActorRef<GuardMessage>, pool: &mut Guarded) -> Result<(), ActorProcessingErr> {
        pool.workers.clear();
        pool.presence = mpsc::channel(1).0;
        while pool.absence.recv().await.is_some() {}
        Ok(())
    }
}

impl Guarded {
    async fn hire(&mut self) -> Result<(), Failure> {
        let number = self.made;
        self.made += 1;
        let name = format!("{}-{number}", self.plan.name);
        let probe = self.probe.child(format!("{number}"), &supervise::WORKER, 0);
        let seat = WorkerSeat {
            number,
            nice: self.plan.nice,
            probe: probe.clone(),
            tell: self.tell.clone(),
            _presence: self.presence.clone(),
        };
        let address = self.starter.worker(name, seat).await;
        let address = address.ok_or(Failure("the worker threads have ended"))?;
        probe.set(ActorState::Running);
        self.workers.insert(number, Staff { address, probe, given: 0 });
        Ok(())
    }

    async fn replace(&mut self, worker: u64) -> Result<(), Failure> {
        let Some(gone) = self.workers.remove(&worker) else { return Ok(()) };
        tracing::warn!(pool = self.plan.name, "a worker is gone and is replaced");
        self.probe.failed("a worker thread ended");
        gone.probe.set(ActorState::Stopped);
        self.probe.restarted("worker");
        self.hire().await
    }

    fn done(&mut self, worker: u64, panicked: bool) {
        if let Some(staff) = self.workers.get_mut(&worker) {
            staff.given = staff.given.saturating_sub(1);
            if panicked {
                staff.probe.failed("a job panicked");
            }
        }
        if panicked {
            tracing::warn!(pool = self.plan.name, "a job panicked");
            self.probe.observation().metrics().panics.inc();
        }
    }

    fn hand_out(&mut self) {
        while !self.queue.is_empty() {
            let least = self.workers.values_mut().min_by_key(|staff| staff.given);
            let Some(staff) = least.filter(|staff| staff.given < self.plan.ahead) else { return };
            let Some(work) = self.queue.pop_front() else { return };
            staff.given += 1;
            if let Err(refused) = staff.address.try_send(work) {
                // Its thread has gone; the news of that is on the way.
                staff.given = usize::MAX;
                self.queue.push_front(refused.into_inner());
            }
        }
    }
}

/// A pool behind its guard.
#[derive(Debug, Clone)]
pub(crate) struct GuardedPool {
    guard: Address<GuardMessage>,
    probe: Probe,
}

impl Pool for GuardedPool {
    fn submit(&self, name: &'static str, job: Job) {
        let waiting = self.probe.waiting(None);
        self.guard.tell(GuardMessage::Do { name, job, waiting });
    }
}

#[cfg(test)]
mod tests {
    use ractor::SupervisionEvent;

    use super::{super::Workers, *};
    use crate::{
        observe::Observation,
        seams::WallClock,
        supervise::{Children, HOUSE, INFRASTRUCTURE},
    };

    struct Top;

    impl Actor for Top {
        type Msg = (usize, Waiting);
        type State = Children;
        type Arguments = (Probe, Spec);

        async fn pre_start(
            &self,
            me: ActorRef<(usize, Waiting)>,
            (probe, spec): (Probe, Spec),
        ) -> Result<Children, ActorProcessingErr> {
            let mut children = Children::new(probe);
            children.start(spec, me.get_cell()).await?;
            Ok(children)
        }

        async fn handle(
            &self,
            me: ActorRef<(usize, Waiting)>,
            (place, waiting): (usize, Waiting),
            children: &mut Children,
        ) -> Result<(), ActorProcessingErr> {
            let _working = waiting.begin("again");
            children.again(place, &me, |place, waiting| (place, waiting)).await
        }

        async fn handle_supervisor_evt(
            &self,
            me: ActorRef<(usize, Waiting)>,
            event: SupervisionEvent,
            children: &mut Children,
        ) -> Result<(), ActorProcessingErr> {
            children.heard(event, &me, |place, waiting| (place, waiting))
        }
    }

    struct Plant {
        threads: WorkerThreads,
        workers: Workers,
        pool: GuardedPool,
        observation: Observation,
        top: ActorRef<(usize, Waiting)>,
    }

    async fn plant(threads: usize) -> Plant {
        let observation = Observation::new(Arc::new(WallClock));
        let root = observation.root("house", &HOUSE);
        let workers = WorkerThreads::start().expect("threads");
        let plan = PoolPlan { name: "test", threads, ahead: 1, nice: 0 };
        let (spec, pool) = PoolGuard::spec(plan, &workers, &root.child("infrastructure", &INFRASTRUCTURE, 0));
        let (top, _) = Actor::spawn(None, Top, (root, spec)).await.expect("starts");
        Plant { threads: workers, workers: Workers::new(Arc::new(pool.clone())), pool, observation, top }
    }

    async fn name_of_a_thread(plant: &Plant) -> Option<String> {
        plant.workers.run("name", || std::thread::current().name().map(str::to_owned)).await.expect("works")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panicking_job_does_not_shrink_the_pool() {
        let plant = plant(1).await;
        for _ in 0..5 {
            assert!(plant.workers.run("bad", || panic!("on purpose")).await.map(|(): ()| ()).is_err());
        }
        assert_eq!(plant.workers.run("good", || 7).await, Ok(7));
        plant.top.stop_and_wait(None, None).await.expect("ends");
        plant.threads.stop();
    }

    /// Its drop panics: the one way for a job to take its thread along.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose, in a drop");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_worker_whose_thread_is_gone_is_replaced() {
        let plant = plant(1).await;
        let before = name_of_a_thread(&plant).await;
        let bomb: Job = Box::new(|| std::panic::panic_any(Bomb));
        plant.pool.submit("bomb", bomb);
        let after = name_of_a_thread(&plant).await;
        assert_ne!(before, after);
        let restarts: u64 = plant.observation.reports().iter().map(|report| report.restarts).sum();
        assert_eq!(restarts, 1);
        plant.top.stop_and_wait(None, None).await.expect("ends");
        plant.threads.stop();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_killed_guard_comes_back_with_new_workers_and_loses_no_job() {
        let plant = plant(2).await;
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let (workers, jobs) = (plant.workers.clone(), 20);
        let busy = tokio::spawn(async move { workers.run("busy", move || held.recv().is_err()).await });
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..jobs {
            let workers = plant.workers.clone();
            waiting.spawn(async move { workers.run("job", move || number).await });
        }
        plant.pool.guard.now().expect("there").kill();
        drop(hold);
        assert_eq!(busy.await.expect("runs"), Ok(true));
        let done: std::collections::BTreeSet<_> =
            waiting.join_all().await.into_iter().map(|done| done.expect("is done")).collect();
        assert_eq!(done.len(), jobs);
        plant.top.stop_and_wait(None, None).await.expect("ends");
        plant.threads.stop();
    }
}
