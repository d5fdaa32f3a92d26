//! The ways to the clock: of whoever opens a tenant's store, and of whoever works for a tenant.
//!
//! Both speak through channels that hold the newest word of each only, so nobody waits and nothing piles up.

use ozg_protocols::{
    ids::{DestinationId, TenantSlug},
    moment::Moment,
};
use tokio::{sync::watch, time::Instant};

use super::{
    ClockMessage,
    judge::{Doubt, Findings, NobodyLooked, Said, Word, Words},
};
use crate::supervise::Address;

/// The way of whoever opens stores.
#[derive(Debug, Clone)]
pub(crate) struct ClockDoor {
    pub(super) words: watch::Sender<Words>,
    pub(super) findings: watch::Receiver<Findings>,
    pub(super) address: Address<ClockMessage>,
}

impl ClockDoor {
    /// The tenant's store was opened, and this is the moment of its last record.
    pub(crate) fn opened(&self, tenant: &TenantSlug, record: Option<Moment>) -> Agreement {
        self.words.send_modify(|words| words.entry(tenant.clone()).or_default().record = record);
        self.address.tell_seen(ClockMessage::Look);
        Agreement { tenant: tenant.clone(), words: self.words.clone(), findings: self.findings.clone() }
    }
}

/// Whether the clock agrees with whoever it can be compared with for one tenant. Cheap to ask.
#[derive(Debug, Clone)]
pub struct Agreement {
    tenant: TenantSlug,
    words: watch::Sender<Words>,
    findings: watch::Receiver<Findings>,
}

impl Agreement {
    /// Whether what would be done only because the clock shows this moment has to wait. Until the clock has looked, it has.
    #[must_use]
    pub fn stands_still(&self, shown: Moment) -> bool {
        !matches!(self.doubt(shown), Ok(None))
    }

    /// The latest that the time may be, where the clock shows this: for ends that must not be undone by a clock that is
    /// behind.
    #[must_use]
    pub fn at_least(&self, shown: Moment) -> Moment {
        self.doubt(shown).ok().flatten().map_or(shown, |doubt| shown.plus(doubt.behind))
    }

    /// What was found, applied to this very moment: a jump since the last look is not missed.
    fn doubt(&self, shown: Moment) -> Result<Option<Doubt>, NobodyLooked> {
        self.findings.borrow().doubt(&self.tenant, &self.words.borrow(), shown, Instant::now())
    }

    /// A record of this moment was appended.
    pub(crate) fn recorded(&self, at: Moment) {
        if self.findings.borrow().counts(&self.tenant, &self.words.borrow(), at, Instant::now()) {
            self.say(|said| said.record = Some(at));
        }
    }

    /// The delivery service of this destination showed this moment just now.
    pub(crate) fn shown(&self, by: DestinationId, shows: Moment) {
        let word = Word { shows, at: Instant::now() };
        self.say(|said| {
            said.services.insert(by, word);
        });
    }

    /// Wakes nobody: the clock looks by itself.
    fn say(&self, word: impl FnOnce(&mut Said)) {
        self.words.send_if_modified(|words| {
            if let Some(said) = words.get_mut(&self.tenant) {
                word(said);
            }
            false
        });
    }
}
