//! A tenant whose store cannot be opened: it is seen as disturbed, with the reason, while the others serve. Its store is
//! tried again and again, with a pause that doubles; once it opens, the tenant joins the others.
//!
//! The opener is supervised by the root and owns nothing but the rhythm; which tenants are open stands in [`Doors`], which
//! it alone changes. It ends first when the house closes. What it opens is supervised by the root: the batcher before the
//! tenant, so that it is drained after it.

use std::{sync::Arc, time::Duration};

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::watch;

use super::{
    StartError,
    root::RootMessage,
    start::{Founding, Store},
};
use crate::{
    observe::{ActorState, Probe, Waiting},
    settings::TenantSettings,
    supervise::{self, Address, Spec},
    tenant::Tenant,
};

/// The first and the longest pause before a store is tried again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Who can be called on, and who cannot.
#[derive(Debug, Default)]
pub(super) struct Doors {
    pub(super) open: Vec<(Tenant, Store)>,
    pub(super) shut: Vec<Shut>,
}

/// One tenant that is shut.
#[derive(Debug)]
pub(super) struct Shut {
    settings: TenantSettings,
    // Shows the tenant in the tree as long as it is shut.
    probe: Probe,
}

impl Shut {
    /// Says in log and tree why the tenant does not serve.
    pub(super) fn of(settings: TenantSettings, why: &StartError, house: &Probe) -> Self {
        let probe = house.child(settings.slug.as_str(), &supervise::TENANT, 0);
        probe.set(ActorState::Disturbed);
        let shut = Self { settings, probe };
        shut.because(why);
        shut
    }

    fn because(&self, why: &StartError) {
        let reason = std::error::Error::source(why).map_or_else(|| why.to_string(), ToString::to_string);
        tracing::error!(tenant = %self.settings.slug, %reason, "a tenant is disturbed, the others are served");
        self.probe.failed(&reason);
    }

    /// Whether this host is the tenant's.
    pub(super) fn answers_to(&self, host: &str) -> bool {
        self.settings.hosts.iter().any(|known| known == host)
    }
}

/// What the opener is told.
#[derive(Debug)]
pub(crate) enum OpenerMessage {
    /// Time to try again.
    Try(Waiting),
}

/// What the opener is started with.
#[derive(Debug, Clone)]
pub(super) struct OpenerParts {
    pub(super) founding: Founding,
    pub(super) doors: Arc<watch::Sender<Doors>>,
    pub(super) root: Address<RootMessage>,
}

/// The opener as a child of the root, and the way to it.
pub(super) fn spec(parts: OpenerParts) -> (Spec, Address<OpenerMessage>) {
    Spec::new("opener", &supervise::OPENER, || Opener, move |probe| (parts.clone(), probe))
}

/// Starts the opener.
#[derive(Debug)]
pub(super) struct Opener;

/// The opener while anybody is shut.
#[derive(Debug)]
pub(super) struct Opening {
    parts: OpenerParts,
    probe: Probe,
    pause: Duration,
}

impl Actor for Opener {
    type Msg = OpenerMessage;
    type State = Opening;
    type Arguments = (OpenerParts, Probe);

    async fn pre_start(
        &self,
        me: ActorRef<OpenerMessage>,
        (parts, probe): Self::Arguments,
    ) -> Result<Opening, ActorProcessingErr> {
        probe.after(&me, FIRST_PAUSE, OpenerMessage::Try);
        probe.set(ActorState::Running);
        Ok(Opening { parts, probe, pause: FIRST_PAUSE })
    }

    async fn handle(
        &self,
        me: ActorRef<OpenerMessage>,
        OpenerMessage::Try(waiting): OpenerMessage,
        opening: &mut Opening,
    ) -> Result<(), ActorProcessingErr> {
        let _working = waiting.begin("try");
        opening.try_all().await;
        if !opening.parts.doors.borrow().shut.is_empty() {
            opening.pause = (opening.pause * 2).min(LONGEST_PAUSE);
            opening.probe.after(&me, opening.pause, OpenerMessage::Try);
        }
        Ok(())
    }
}

impl Opening {
    async fn try_all(&self) {
        let shut: Vec<_> = self.parts.doors.borrow().shut.iter().map(|shut| shut.settings.clone()).collect();
        for settings in shut {
            match self.parts.founding.open(&settings).await {
                Ok(store) => self.serve(settings, store),
                Err(why) => {
                    let doors = self.parts.doors.borrow();
                    if let Some(shut) = doors.shut.iter().find(|shut| shut.settings.slug == settings.slug) {
                        shut.because(&why);
                    }
                }
            }
        }
    }

    fn serve(&self, settings: TenantSettings, store: Store) {
        let OpenerParts { founding, doors, root } = &self.parts;
        let slug = settings.slug.clone();
        // Its place in the tree is the tenant's from now on.
        doors.send_modify(|doors| doors.shut.retain(|shut| shut.settings.slug != slug));
        let (tenant, batcher, branch) = founding.tenant(settings, &store, &founding.house);
        for spec in [batcher, branch] {
            root.tell_seen(|waiting| RootMessage::Join(Box::new(spec), waiting));
        }
        tracing::info!(tenant = %slug, "a tenant that was shut is served");
        doors.send_modify(|doors| doors.open.push((tenant, store)));
    }
}
