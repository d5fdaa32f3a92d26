//! A tenant whose store cannot be opened: it is seen as disturbed, with the reason, while the others serve. It stays shut
//! until the house is started again; nothing of it is touched before.

use super::StartError;
use crate::{
    observe::{ActorState, Probe},
    settings::TenantSettings,
    supervise,
};

/// One tenant that is shut.
#[derive(Debug)]
pub(super) struct Shut {
    hosts: Vec<String>,
    // Shows the tenant in the tree as long as the house stands.
    _probe: Probe,
}

impl Shut {
    /// Says in log and tree why the tenant does not serve.
    pub(super) fn of(settings: &TenantSettings, why: &StartError, house: &Probe) -> Self {
        let reason = std::error::Error::source(why).map_or_else(|| why.to_string(), ToString::to_string);
        tracing::error!(tenant = %settings.slug, %reason, "a tenant is disturbed, the others are served");
        let probe = house.child(settings.slug.as_str(), &supervise::TENANT, 0);
        probe.failed(&reason);
        probe.set(ActorState::Disturbed);
        Self { hosts: settings.hosts.clone(), _probe: probe }
    }

    /// Whether this host is the tenant's.
    pub(super) fn answers_to(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| known == host)
    }
}
