//! For tests only (feature `testing`): everybody who works in the house, by class and name, to be killed or to panic.

use ractor::{ActorCell, ActorId};

use super::House;
use crate::observe::{ActorReport, Probe};

/// One supervised actor, through its restarts.
#[derive(Debug, Clone)]
pub struct Member(Probe);

impl House {
    /// Every supervised actor, parents before their children.
    #[must_use]
    pub fn staff(&self) -> Vec<Member> {
        self.0.observation.members().into_iter().map(Member).collect()
    }
}

impl Member {
    /// What can be seen of it.
    #[must_use]
    pub fn report(&self) -> ActorReport {
        self.0.report()
    }

    /// The actor that runs now or ran last; none for a thread of a pool.
    #[must_use]
    pub fn actor(&self) -> Option<ActorId> {
        self.0.cell().map(|cell| cell.get_id())
    }

    /// Whether an actor runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.0.cell().as_ref().map(ActorCell::get_status) == Some(ractor::ActorStatus::Running)
    }

    /// Kills it in the middle of whatever it does; false if there is no actor to kill.
    #[must_use]
    pub fn kill(&self) -> bool {
        let running = self.0.cell().filter(|_| self.is_running());
        if let Some(cell) = &running {
            cell.kill();
        }
        running.is_some()
    }

    /// Has the next message panic that it begins to handle.
    pub fn panic_next(&self) {
        self.0.panic_next(true);
    }

    /// Has it handle its next message after all.
    pub fn panic_no_more(&self) {
        self.0.panic_next(false);
    }
}
