//! The outbound actor: owns the connections to foreign services, every exchange with them, and what is known of each peer.
//!
//! One actor of the infrastructure, a leaf: it calls nobody of the house. It waits for nothing: each exchange is a task of
//! its own that ends with it, and the permit that was taken at the edge rides with it to its end. An exchange that nobody
//! waits for any more ends at once. When this actor ends, whoever waits hears of an exchange that was cut off, an ordinary
//! trouble of the network, and comes again; the next one has no connection and no grudge.

use http::uri::Authority;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::{sync::oneshot, task::JoinSet, time::Instant};

use super::{
    Answer, Call, CallError, Streaming,
    client::Client,
    peers::{Behaved, Peers, Turn},
};
use crate::observe::{ActorState, Probe, Waiting};

/// What is wanted of an exchange, and by whom.
#[derive(Debug)]
pub(super) enum Wanted {
    /// The whole of a small answer.
    Whole(oneshot::Sender<Result<Answer, CallError>>),
    /// A large one piece by piece, at most so many bytes.
    Pieces(u64, oneshot::Sender<Result<Streaming, CallError>>),
}

impl Wanted {
    fn refuse(self, why: CallError) {
        match self {
            Self::Whole(reply) => drop(reply.send(Err(why))),
            Self::Pieces(_, reply) => drop(reply.send(Err(why))),
        }
    }
}

/// What the actor is told.
#[derive(Debug)]
pub(crate) enum OutboundMessage {
    /// One more exchange; what waits holds its permit.
    Exchange(Box<Errand>, Waiting),
    /// One has ended.
    Ended(Ending, Waiting),
}

/// One exchange that is wanted.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(super) call: Call,
    pub(super) wanted: Wanted,
}

/// How one has ended.
#[derive(Debug)]
pub(crate) struct Ending {
    peer: Authority,
    behaved: Behaved,
}

/// Starts the actor.
#[derive(Debug)]
pub(super) struct OutboundActor;

/// The actor while it runs.
#[derive(Debug)]
pub(super) struct Exchanges {
    client: Client,
    probe: Probe,
    peers: Peers,
    tasks: JoinSet<()>,
}

impl Actor for OutboundActor {
    type Msg = OutboundMessage;
    type State = Exchanges;
    type Arguments = (Client, Probe);

    async fn pre_start(
        &self,
        _: ActorRef<OutboundMessage>,
        (client, probe): Self::Arguments,
    ) -> Result<Exchanges, ActorProcessingErr> {
        let peers = Peers::new(client.meter.clone());
        probe.set(ActorState::Running);
        Ok(Exchanges { client: client.anew(), probe, peers, tasks: JoinSet::new() })
    }

    async fn handle(
        &self,
        me: ActorRef<OutboundMessage>,
        message: OutboundMessage,
        exchanges: &mut Exchanges,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            OutboundMessage::Exchange(errand, waiting) => exchanges.begin(*errand, waiting, me),
            OutboundMessage::Ended(ending, waiting) => {
                let _working = waiting.begin("ended");
                exchanges.ended(&ending);
            }
        }
        while exchanges.tasks.try_join_next().is_some() {}
        Ok(())
    }
}

impl Exchanges {
    fn begin(&mut self, Errand { call, wanted }: Errand, waiting: Waiting, me: ActorRef<OutboundMessage>) {
        let working = waiting.begin("exchange");
        let Some(peer) = call.uri.authority().cloned() else {
            return wanted.refuse(CallError::Network("no address"));
        };
        if !self.peers.begin(&peer) {
            self.probe.observation().metrics().turned_away("outbound", "normal");
            return wanted.refuse(CallError::Busy);
        }
        let (client, probe) = (self.client.clone(), self.probe.clone());
        let mut landing = Landing { ending: Some(Ending { peer, behaved: Behaved::Unknown }), me, probe };
        self.tasks.spawn(async move {
            // Busy, and with its permit, until the end.
            let _working = working;
            let behaved = match wanted {
                Wanted::Whole(reply) => whole(&client, call, reply).await,
                Wanted::Pieces(most, reply) => pieces(&client, call, most, reply).await,
            };
            landing.ended(behaved);
        });
    }

    fn ended(&mut self, Ending { peer, behaved }: &Ending) {
        match self.peers.ended(peer, *behaved, Instant::now()) {
            Turn::None => {}
            Turn::Fails { why, first } => {
                if first {
                    tracing::warn!(%peer, why, "a service that we call is in trouble");
                }
                self.probe.failed(&format!("{peer}: {why}"));
            }
            Turn::Works { failures, since } => {
                tracing::info!(%peer, failures, lasted = ?since.elapsed(), "a service that was in trouble answers again");
            }
        }
    }
}

/// Says how an exchange has ended, also where it panicked.
struct Landing {
    ending: Option<Ending>,
    me: ActorRef<OutboundMessage>,
    probe: Probe,
}

impl Landing {
    fn ended(&mut self, behaved: Behaved) {
        if let Some(ending) = &mut self.ending {
            ending.behaved = behaved;
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        if let Some(ending) = self.ending.take() {
            let _ = self.me.cast(OutboundMessage::Ended(ending, self.probe.waiting(None)));
        }
    }
}

async fn whole(client: &Client, call: Call, mut reply: oneshot::Sender<Result<Answer, CallError>>) -> Behaved {
    let answer = tokio::select! {
        answer = client.call(call) => answer,
        () = reply.closed() => return Behaved::Unknown,
    };
    let behaved = Behaved::of(answer.as_ref().err());
    let _ = reply.send(answer);
    behaved
}

async fn pieces(
    client: &Client,
    call: Call,
    most: u64,
    mut reply: oneshot::Sender<Result<Streaming, CallError>>,
) -> Behaved {
    let large = tokio::select! {
        large = client.stream(call, most) => large,
        () = reply.closed() => return Behaved::Unknown,
    };
    let mut large = match large {
        Ok(large) => large,
        Err(error) => {
            let behaved = Behaved::of(Some(&error));
            let _ = reply.send(Err(error));
            return behaved;
        }
    };
    let (feed, streaming) = Streaming::fed();
    let _ = reply.send(Ok(streaming));
    loop {
        let piece = tokio::select! {
            piece = large.next() => piece,
            () = feed.closed() => return Behaved::Unknown,
        };
        let end = match &piece {
            Ok(Some(_)) => None,
            Ok(None) => Some(Behaved::Well),
            Err(error) => Some(Behaved::of(Some(error))),
        };
        if feed.send(piece).await.is_err() {
            return end.unwrap_or(Behaved::Unknown);
        }
        if let Some(behaved) = end {
            return behaved;
        }
    }
}
