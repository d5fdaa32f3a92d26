//! The observer: takes the history of every actor once a second. Supervised by the infrastructure; owns only its rhythm.

use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::{ActorState, Observation, Probe, Waiting};

const EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) enum ObserverMessage {
    /// A second has passed.
    Tick(Waiting),
}

#[derive(Debug)]
pub(crate) struct Observer;

#[derive(Debug)]
pub(crate) struct Watch {
    probe: Probe,
    observation: Observation,
}

impl Actor for Observer {
    type Msg = ObserverMessage;
    type State = Watch;
    type Arguments = Probe;

    async fn pre_start(&self, me: ActorRef<ObserverMessage>, probe: Probe) -> Result<Watch, ActorProcessingErr> {
        probe.after(&me, EVERY, ObserverMessage::Tick);
        probe.set(ActorState::Running);
        Ok(Watch { observation: probe.observation().clone(), probe })
    }

    async fn handle(
        &self,
        me: ActorRef<ObserverMessage>,
        ObserverMessage::Tick(waiting): ObserverMessage,
        watch: &mut Watch,
    ) -> Result<(), ActorProcessingErr> {
        let _working = waiting.begin("tick");
        watch.observation.tick();
        watch.probe.after(&me, EVERY, ObserverMessage::Tick);
        Ok(())
    }
}
