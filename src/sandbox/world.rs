//! Everything the sandbox knows, in memory, owned by one task ([`super::desk`]).

use std::{collections::BTreeMap, time::Duration};

use ozg_protocols::moment::Moment;

use super::{
    caller::Callers, delivery::Deliveries, destination::Destinations, fault::Faults, region::Area, settings::Clock,
};

/// The state of the sandbox.
#[derive(Debug)]
pub(super) struct World {
    clock: Clock,
    ahead: Duration,
    pub(super) callers: Callers,
    pub(super) destinations: Destinations,
    pub(super) deliveries: Deliveries,
    pub(super) areas: Vec<Area>,
    pub(super) faults: Faults,
    /// How often what was answered, by method, kind of resource and status.
    pub(super) answered: BTreeMap<String, u64>,
    /// How callbacks went.
    pub(super) callbacks: BTreeMap<&'static str, u64>,
}

impl World {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            ahead: Duration::ZERO,
            callers: Callers::default(),
            destinations: Destinations::default(),
            deliveries: Deliveries::default(),
            areas: Vec::new(),
            faults: Faults::default(),
            answered: BTreeMap::new(),
            callbacks: BTreeMap::new(),
        }
    }

    /// The time as the sandbox counts it: the wall clock and what an administrator added.
    pub(super) fn now(&self) -> Moment {
        (self.clock)().plus(self.ahead)
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.ahead = self.ahead.saturating_add(by);
    }
}
