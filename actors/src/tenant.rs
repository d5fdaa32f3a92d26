//! The tenant actor: supervises everything of one municipality and knows where its cases are.
//!
//! Owns the map of resident cases ([`cases`]) and its permanent children: notary, numbers, sessions, views, then whatever
//! its channels bring along (outbox, intake, connectors). Supervised by the house, which starts it again with a pause. A
//! message for a case is forwarded with its reply port; the tenant never waits for a case. It is drained from the edge
//! inwards: channels, cases, then the rest.

mod cases;
mod context;
mod edge;
mod handle;
mod notary;
mod numbers;
mod sessions;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use ozg_protocols::{ids::CaseId, moment::Moment};
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use tokio::sync::watch;

pub use context::{
    CASE_RECORDS, CaseDoor, Channels, Connect, Connected, EFFECTS, INTAKE_RECORDS, IntakeStream, NoChannels, Numbers,
    TenantContext, leaving,
};
pub(crate) use context::{destination_of, lane};
pub(crate) use edge::{Edge, Gate};
pub(crate) use handle::TenantInner;
pub use handle::{NewAccount, SignInError, Tenant};
pub(crate) use notary::{NotaryActor, NotaryParts};
pub(crate) use numbers::{NumbersActor, NumbersMessage};
#[cfg(test)]
pub(crate) use sessions::ASIDE;
pub(crate) use sessions::SessionsActor;
pub use sessions::{InvalidToken, SessionToken};

use crate::{
    blobs::Blobs,
    case::{Ask, CaseParts},
    clock::Agreement,
    observe::{ActorState, Probe, Waiting},
    seams::Clock,
    supervise::{Children, Spec},
};
use cases::Cases;

/// Files that no event names are kept for a day, for whoever is just about to name them, and looked for each day.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long that waits where the clock is in doubt.
const IN_DOUBT: Duration = Duration::from_secs(60);

/// How long whoever asks a tenant waits for an answer.
pub(crate) const WITHIN: Duration = Duration::from_secs(15);

/// How much one tenant holds at a time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Messages for all its cases together.
    pub permits: usize,
    /// Messages for one case.
    pub case_permits: usize,
    /// Cases in memory; before one more comes, the one that nobody has used for longest goes.
    pub residents: usize,
    /// How long a case that nobody needs stays.
    pub idle: Duration,
    /// How often the tenant looks for such cases.
    pub sweep_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let (idle, sweep_every) = (Duration::from_secs(120), Duration::from_secs(5));
        Self { permits: 512, case_permits: 64, residents: 4_096, idle, sweep_every }
    }
}

/// A delivery service's call, as it came.
#[derive(Debug, Clone)]
pub struct Callback {
    /// The header `callback-authentication`.
    pub authentication: String,
    /// The header `callback-timestamp`.
    pub timestamp: String,
    /// The body.
    pub body: Bytes,
}

impl Callback {
    /// The longest body in bytes: room for more than a thousand submissions. What it says is not believed anyway.
    pub const LONGEST: usize = 256 * 1024;
}

/// Why a callback was not even read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnreadCallback {
    /// Its body is longer than [`Callback::LONGEST`].
    TooLarge,
    /// Its body ended before its end.
    CutOff,
}

/// Why a callback is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// No such destination, or it takes no callbacks.
    #[error("there is no such destination")]
    UnknownDestination,
    /// Its authentication is missing, wrong or too old.
    #[error("the callback is not authentic")]
    Unauthenticated,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] crate::supervise::AskError),
}

/// What a tenant is told.
#[derive(Debug)]
pub(crate) enum TenantMessage {
    /// For one of its cases.
    ForCase { case: CaseId, ask: Ask, waiting: Waiting },
    /// The pause after a case's failure is over.
    CaseAgain(CaseId, Waiting),
    /// One of its cases has served nobody.
    Unneeded(CaseId, Waiting),
    /// The pause after a child's failure is over.
    Again(usize, Waiting),
    /// Time to let idle cases go.
    Sweep(Waiting),
    /// Time to remove files that no event names.
    SweepFiles(Waiting),
    /// Who works here now; whoever closes the house drains them from outside, so that nobody waits for the tenant.
    Staff { reply: RpcReplyPort<Staff>, waiting: Waiting },
}

/// Who works for a tenant, each group in the order in which it is drained.
#[derive(Debug)]
pub(crate) struct Staff {
    pub(crate) channels: Vec<ActorCell>,
    pub(crate) cases: Vec<ActorCell>,
    pub(crate) household: Vec<ActorCell>,
}

/// Makes the permanent children, anew for each start; the last is drained first.
pub(crate) type Household = Arc<dyn Fn(&TenantContext) -> Vec<Spec> + Send + Sync>;

/// What a tenant is started with.
#[derive(Clone)]
pub(crate) struct TenantParts {
    pub(crate) context: TenantContext,
    pub(crate) household: Household,
    pub(crate) connect: Connect,
    pub(crate) channels: Arc<watch::Sender<Option<Arc<dyn Channels>>>>,
    pub(crate) limits: Limits,
}

/// Starts a tenant.
#[derive(Debug)]
pub(crate) struct TenantActor;

/// A tenant while it runs.
#[derive(Debug)]
pub(crate) struct Running {
    blobs: Blobs,
    clock: Arc<dyn Clock>,
    agreement: Agreement,
    probe: Probe,
    children: Children,
    cases: Cases,
    limits: Limits,
    /// So many of the children are its household; the others are channels.
    household: usize,
}

impl Actor for TenantActor {
    type Msg = TenantMessage;
    type State = Running;
    type Arguments = TenantParts;

    async fn pre_start(&self, me: ActorRef<TenantMessage>, parts: TenantParts) -> Result<Running, ActorProcessingErr> {
        let TenantParts { context, household, connect, channels, limits } = parts;
        let mut children = Children::new(context.probe.clone());
        let permanent = household(&context);
        let household = permanent.len();
        for spec in permanent {
            children.start(spec, me.get_cell()).await?;
        }
        let connected = connect(&context);
        channels.send_replace(Some(connected.door));
        for spec in connected.children {
            children.start(spec, me.get_cell()).await?;
        }
        let blobs = context.blobs.clone();
        let case = CaseParts { journal: context.journal, sealer: context.sealer, blobs: context.blobs };
        let cases = Cases::new(case, context.probe.clone(), limits);
        context.probe.set(ActorState::Running);
        context.probe.after(&me, limits.sweep_every, TenantMessage::Sweep);
        me.cast(TenantMessage::SweepFiles(context.probe.waiting(None)))?;
        let TenantContext { clock, agreement, probe, .. } = context;
        Ok(Running { blobs, clock, agreement, probe, children, cases, limits, household })
    }

    async fn handle(
        &self,
        me: ActorRef<TenantMessage>,
        message: TenantMessage,
        tenant: &mut Running,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            TenantMessage::ForCase { case, ask, waiting } => tenant.cases.forward(case, ask, waiting, &me).await,
            TenantMessage::CaseAgain(case, waiting) => {
                let _working = waiting.begin("case again");
                tenant.cases.again(case, &me).await;
            }
            TenantMessage::Unneeded(case, waiting) => {
                let _working = waiting.begin("unneeded");
                tenant.cases.unneeded(case);
            }
            TenantMessage::Again(place, waiting) => {
                let _working = waiting.begin("again");
                tenant.children.again(place, &me, TenantMessage::Again).await?;
            }
            TenantMessage::Sweep(waiting) => {
                let _working = waiting.begin("sweep");
                tenant.sweep(&me);
            }
            TenantMessage::SweepFiles(waiting) => {
                let _working = waiting.begin("sweep files");
                tenant.sweep_files(&me);
            }
            TenantMessage::Staff { reply, waiting } => {
                let _working = waiting.begin("staff");
                tenant.staff(reply);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<TenantMessage>,
        event: SupervisionEvent,
        tenant: &mut Running,
    ) -> Result<(), ActorProcessingErr> {
        match tenant.cases.heard(event, &me).await {
            Some(event) => tenant.children.heard(event, &me, TenantMessage::Again),
            None => Ok(()),
        }
    }
}

impl Running {
    fn sweep(&mut self, me: &ActorRef<TenantMessage>) {
        self.cases.let_idle_go();
        self.probe.after(me, self.limits.sweep_every, TenantMessage::Sweep);
    }

    /// Aside, because the tenant waits for no disk. What an attempt leaves behind is found a day later at the latest.
    fn sweep_files(&self, me: &ActorRef<TenantMessage>) {
        let (blobs, now) = (self.blobs.clone(), self.clock.now());
        if self.agreement.stands_still(now) {
            self.probe.after(me, IN_DOUBT, TenantMessage::SweepFiles);
            return;
        }
        let older_than = Moment::from_seconds(now.seconds().saturating_sub(DAY.as_secs().cast_signed()));
        tokio::spawn(async move {
            match blobs.sweep(older_than).await {
                Ok(0) => {}
                Ok(swept) => tracing::info!(swept, "files that no event names are removed"),
                Err(error) => tracing::warn!(%error, "files that no event names cannot be removed"),
            }
        });
        self.probe.after(me, DAY, TenantMessage::SweepFiles);
    }

    fn staff(&self, reply: RpcReplyPort<Staff>) {
        // The channels were started after the household.
        let (household, channels) = self.children.cells_apart(self.household);
        let _ = reply.send(Staff { channels, cases: self.cases.cells(), household });
    }
}
