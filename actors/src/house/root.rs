//! The topmost actor and the infrastructure below it: both only supervise.

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};

use crate::{
    observe::{ActorState, Probe, Waiting},
    supervise::{Children, Failure, Spec},
};

/// What both are told.
#[derive(Debug)]
pub(crate) enum RootMessage {
    /// The pause after a failure is over.
    Again(usize, Waiting),
    /// One more to supervise.
    Join(Box<Spec>, Waiting),
    /// Who runs below, in the order in which they are drained.
    Staff(RpcReplyPort<Vec<ActorCell>>, Waiting),
}

/// Starts one that only supervises.
#[derive(Debug)]
pub(crate) struct Supervisor;

impl Actor for Supervisor {
    type Msg = RootMessage;
    type State = Children;
    type Arguments = (Vec<Spec>, Probe);

    async fn pre_start(
        &self,
        me: ActorRef<RootMessage>,
        (specs, probe): Self::Arguments,
    ) -> Result<Children, ActorProcessingErr> {
        let mut children = Children::new(probe.clone());
        for spec in specs {
            children.start(spec, me.get_cell()).await.map_err(|error| {
                tracing::error!(%error, "the house does not start");
                Failure("a child does not start")
            })?;
        }
        probe.set(ActorState::Running);
        Ok(children)
    }

    async fn handle(
        &self,
        me: ActorRef<RootMessage>,
        message: RootMessage,
        children: &mut Children,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RootMessage::Again(place, waiting) => {
                let _working = waiting.begin("again");
                children.again(place, &me, RootMessage::Again).await
            }
            RootMessage::Join(spec, waiting) => {
                let _working = waiting.begin("join");
                children.join(*spec, &me, RootMessage::Again).await
            }
            RootMessage::Staff(reply, waiting) => {
                let _working = waiting.begin("staff");
                let _ = reply.send(children.cells());
                Ok(())
            }
        }
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<RootMessage>,
        event: SupervisionEvent,
        children: &mut Children,
    ) -> Result<(), ActorProcessingErr> {
        children.heard(event, &me, RootMessage::Again)
    }
}
