//! The children of one supervisor that always have to be there: started in order, started again when they fail.

use std::{collections::HashMap, fmt, future::Future, pin::Pin, sync::Arc};

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, Message, SpawnErr, SupervisionEvent};
use tokio::time::Instant;

use super::{Address, Failure, Fate, Intensity, Policy, Seat};
use crate::observe::{ActorState, Probe, Waiting};

type Starting = Pin<Box<dyn Future<Output = Result<ActorCell, SpawnErr>> + Send>>;
type Start = Arc<dyn Fn(ActorCell, Probe) -> Starting + Send + Sync>;

/// How to start one child, again and again.
#[derive(Clone)]
pub struct Spec {
    name: String,
    policy: &'static Policy,
    probe: Option<Probe>,
    start: Start,
}

impl fmt::Debug for Spec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Spec({})", self.name)
    }
}

impl Spec {
    /// A child of this name and policy; `actor` and `arguments` are made anew for each start. With it comes the address
    /// under which it is found.
    pub fn new<A: Actor>(
        name: impl Into<String>,
        policy: &'static Policy,
        actor: impl Fn() -> A + Send + Sync + 'static,
        arguments: impl Fn(Probe) -> A::Arguments + Send + Sync + 'static,
    ) -> (Self, Address<A::Msg>) {
        let (seat, address) = Seat::empty();
        (Self::seated(name, policy, seat, actor, arguments), address)
    }

    /// The same at a place that others know already, because it outlives even the supervisor.
    pub(crate) fn seated<A: Actor>(
        name: impl Into<String>,
        policy: &'static Policy,
        seat: Seat<A::Msg>,
        actor: impl Fn() -> A + Send + Sync + 'static,
        arguments: impl Fn(Probe) -> A::Arguments + Send + Sync + 'static,
    ) -> Self {
        let start: Start = Arc::new(move |supervisor, probe| {
            let (actor, arguments, seat) = (actor(), arguments(probe.clone()), seat.clone());
            Box::pin(async move {
                let (started, _) = Actor::spawn_linked(None, actor, arguments, supervisor).await?;
                seat.take(started.clone(), probe);
                Ok(started.get_cell())
            })
        });
        Self { name: name.into(), policy, probe: None, start }
    }

    /// Its probe was made before, because its senders need it too.
    #[must_use]
    pub fn seen_by(self, probe: Probe) -> Self {
        Self { probe: Some(probe), ..self }
    }
}

#[derive(Debug)]
struct Child {
    spec: Spec,
    probe: Probe,
    intensity: Intensity,
    cell: Option<ActorCell>,
}

/// The children of one supervisor.
#[derive(Debug)]
pub struct Children {
    probe: Probe,
    children: Vec<Child>,
    places: HashMap<ActorId, usize>,
}

impl Children {
    /// None yet; `probe` is the supervisor's own.
    #[must_use]
    pub fn new(probe: Probe) -> Self {
        Self { probe, children: Vec::new(), places: HashMap::new() }
    }

    /// Starts one more.
    ///
    /// # Errors
    /// Whatever its start says; it is not started again then.
    pub async fn start(&mut self, spec: Spec, supervisor: ActorCell) -> Result<(), SpawnErr> {
        self.take_in(spec);
        self.launch(self.children.len() - 1, supervisor).await
    }

    fn take_in(&mut self, spec: Spec) {
        let probe = spec.probe.clone().unwrap_or_else(|| self.probe.child(spec.name.clone(), spec.policy, 0));
        let intensity = Intensity::new(spec.policy);
        self.children.push(Child { spec, probe, intensity, cell: None });
    }

    /// Takes one more in later; one that does not start is treated as one that failed.
    ///
    /// # Errors
    /// As [`Children::heard`].
    pub async fn join<M: Message>(
        &mut self,
        spec: Spec,
        me: &ActorRef<M>,
        again: fn(usize, Waiting) -> M,
    ) -> Result<(), ActorProcessingErr> {
        let place = self.children.len();
        self.take_in(spec);
        self.again(place, me, again).await
    }

    /// Hears of an end and follows the policy; `again` makes the message that the supervisor sends itself after the pause,
    /// to be answered with [`Children::again`].
    ///
    /// # Errors
    /// The failure of the supervisor itself, when a child fails too often.
    pub fn heard<M: Message>(
        &mut self,
        event: SupervisionEvent,
        me: &ActorRef<M>,
        again: fn(usize, Waiting) -> M,
    ) -> Result<(), ActorProcessingErr> {
        let Some(ended) = Ended::of(event) else { return Ok(()) };
        let Some(place) = self.places.remove(&ended.actor) else { return Ok(()) };
        let child = &mut self.children[place];
        child.cell = None;
        let Some((reason, words)) = ended.failure else {
            child.probe.set(ActorState::Stopped);
            return Ok(());
        };
        child.probe.failed(&words);
        if reason == "panic" {
            self.probe.observation().metrics().panics.inc();
        }
        self.follow(place, reason, me, again)
    }

    /// The pause is over: starts the child at this place again.
    ///
    /// # Errors
    /// As [`Children::heard`].
    pub async fn again<M: Message>(
        &mut self,
        place: usize,
        me: &ActorRef<M>,
        again: fn(usize, Waiting) -> M,
    ) -> Result<(), ActorProcessingErr> {
        if self.children.get(place).is_none_or(|child| child.cell.is_some()) {
            return Ok(());
        }
        match self.launch(place, me.get_cell()).await {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::warn!(child = %self.children[place].spec.name, class = self.children[place].spec.policy.class, "does not start");
                self.children[place].probe.failed(&words_of_start(&error));
                self.follow(place, "start", me, again)
            }
        }
    }

    /// The actors of all children that run, the last started first: the order in which they are drained.
    #[must_use]
    pub fn cells(&self) -> Vec<ActorCell> {
        running(&self.children)
    }

    /// The same, those that were started first apart from all that were started after so many.
    #[must_use]
    pub fn cells_apart(&self, first: usize) -> (Vec<ActorCell>, Vec<ActorCell>) {
        let (first, later) = self.children.split_at(first.min(self.children.len()));
        (running(first), running(later))
    }

    async fn launch(&mut self, place: usize, supervisor: ActorCell) -> Result<(), SpawnErr> {
        let child = &mut self.children[place];
        child.probe.set(ActorState::Starting);
        let cell = (child.spec.start)(supervisor, child.probe.clone()).await?;
        child.probe.is_stood_for_by(&cell);
        self.places.insert(cell.get_id(), place);
        child.cell = Some(cell);
        Ok(())
    }

    fn follow<M: Message>(
        &mut self,
        place: usize,
        reason: &'static str,
        me: &ActorRef<M>,
        again: fn(usize, Waiting) -> M,
    ) -> Result<(), ActorProcessingErr> {
        let child = &mut self.children[place];
        let class = child.spec.policy.class;
        match child.intensity.failed(Instant::now()) {
            Fate::Again(pause) => {
                tracing::warn!(class, reason, ?pause, "failed, is started again");
                child.probe.set(ActorState::Restarting);
                child.probe.restarted(reason);
                self.probe.after(me, pause, move |waiting| again(place, waiting));
                Ok(())
            }
            Fate::Disturbed => {
                tracing::error!(class, reason, "failed too often, is disturbed");
                child.probe.set(ActorState::Disturbed);
                Ok(())
            }
            Fate::Escalate => {
                tracing::error!(class, reason, "failed too often, its supervisor gives up");
                self.probe.observation().metrics().intensity_exceeded(class);
                Err(Box::new(Failure("a child failed too often")))
            }
        }
    }
}

fn running(children: &[Child]) -> Vec<ActorCell> {
    children.iter().rev().filter_map(|child| child.cell.clone()).collect()
}

/// The end of an actor, as its supervisor hears it.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) actor: ActorId,
    /// Kind and words; nothing where somebody asked it to end.
    pub(crate) failure: Option<(&'static str, String)>,
}

impl Ended {
    pub(crate) fn of(event: SupervisionEvent) -> Option<Self> {
        match event {
            SupervisionEvent::ActorFailed(cell, error) => {
                let failure = match error.downcast_ref::<Failure>() {
                    Some(failure) => ("error", failure.to_string()),
                    // The words of a panic may hold anything: they stay in the log of the panic hook.
                    None => ("panic", "panicked".to_owned()),
                };
                Some(Self { actor: cell.get_id(), failure: Some(failure) })
            }
            SupervisionEvent::ActorTerminated(cell, _, Some(reason)) if reason == "killed" => {
                Some(Self { actor: cell.get_id(), failure: Some(("kill", "killed".to_owned())) })
            }
            SupervisionEvent::ActorTerminated(cell, ..) => Some(Self { actor: cell.get_id(), failure: None }),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => None,
        }
    }
}

fn words_of_start(error: &SpawnErr) -> String {
    match error {
        SpawnErr::StartupFailed(why) => why.downcast_ref::<Failure>().map_or("does not start", |why| why.0).to_owned(),
        _ => "does not start".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ractor::RpcReplyPort;

    use super::*;
    use crate::{observe::Observation, seams::WallClock, supervise};

    struct Echo;

    enum Say {
        Hello(RpcReplyPort<u8>),
        Panic,
    }

    impl Actor for Echo {
        type Msg = Say;
        type State = ();
        type Arguments = ();

        async fn pre_start(&self, _: ActorRef<Say>, (): ()) -> Result<(), ActorProcessingErr> {
            Ok(())
        }

        async fn handle(&self, _: ActorRef<Say>, message: Say, (): &mut ()) -> Result<(), ActorProcessingErr> {
            match message {
                Say::Hello(reply) => {
                    let _ = reply.send(1);
                    Ok(())
                }
                Say::Panic => panic!("on purpose"),
            }
        }
    }

    struct Parent;

    struct Again(usize, Waiting);

    impl Actor for Parent {
        type Msg = Again;
        type State = Children;
        type Arguments = (Probe, Spec);

        async fn pre_start(
            &self,
            me: ActorRef<Again>,
            (probe, spec): (Probe, Spec),
        ) -> Result<Children, ActorProcessingErr> {
            let mut children = Children::new(probe);
            children.start(spec, me.get_cell()).await?;
            Ok(children)
        }

        async fn handle(
            &self,
            me: ActorRef<Again>,
            Again(place, waiting): Again,
            children: &mut Children,
        ) -> Result<(), ActorProcessingErr> {
            let _working = waiting.begin("again");
            children.again(place, &me, Again).await
        }

        async fn handle_supervisor_evt(
            &self,
            me: ActorRef<Again>,
            event: SupervisionEvent,
            children: &mut Children,
        ) -> Result<(), ActorProcessingErr> {
            children.heard(event, &me, Again)
        }
    }

    async fn family(
        policy: &'static Policy,
    ) -> (Observation, ActorRef<Again>, tokio::task::JoinHandle<()>, Address<Say>) {
        let observation = Observation::new(Arc::new(WallClock));
        let probe = observation.root("house", &supervise::HOUSE);
        let (spec, address) = Spec::new("echo", policy, || Echo, |_| ());
        let (parent, running) = Actor::spawn(None, Parent, (probe, spec)).await.expect("starts");
        (observation, parent, running, address)
    }

    #[tokio::test]
    async fn a_child_that_panics_is_found_again_under_its_address() {
        let (observation, parent, running, echo) = family(&supervise::BATCHER).await;
        echo.tell(Say::Panic);
        assert_eq!(echo.insist(Duration::from_secs(5), Say::Hello).await, Ok(1));
        let report = observation.reports().pop().expect("the child");
        assert_eq!((report.restarts, report.last_failure.map(|(_, what)| what)), (1, Some("panicked".into())));
        parent.stop(None);
        running.await.expect("ends");
    }

    #[tokio::test]
    async fn a_killed_child_is_started_again() {
        let (_observation, parent, running, echo) = family(&supervise::BATCHER).await;
        echo.now().expect("there").kill();
        assert_eq!(echo.insist(Duration::from_secs(5), Say::Hello).await, Ok(1));
        parent.stop(None);
        running.await.expect("ends");
    }

    #[tokio::test]
    async fn a_supervisor_gives_up_when_a_child_fails_too_often() {
        static FRAIL: Policy = Policy { most: 1, pause: Duration::ZERO, ..supervise::BATCHER };
        let (_observation, _parent, running, echo) = family(&FRAIL).await;
        echo.tell(Say::Panic);
        echo.insist(Duration::from_secs(5), Say::Hello).await.expect("answers");
        echo.tell(Say::Panic);
        running.await.expect("the supervisor ends");
    }
}
