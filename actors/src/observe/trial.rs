//! For tests only (feature `testing`): which actor stands behind a probe, so that a test can kill it or have its next handler
//! panic; and in which order actors ended. Without the feature there is nothing in it and nothing is done.

#[cfg(any(test, feature = "testing"))]
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

use ractor::ActorCell;

use super::ActorState;

/// What a test may do to one actor.
#[derive(Debug, Default)]
pub(super) struct Trial {
    #[cfg(any(test, feature = "testing"))]
    cell: Mutex<Option<ActorCell>>,
    #[cfg(any(test, feature = "testing"))]
    panics: AtomicBool,
    #[cfg(any(test, feature = "testing"))]
    ended: AtomicU64,
}

#[cfg(any(test, feature = "testing"))]
impl Trial {
    /// Ends of actors are counted, over all worlds.
    pub(super) fn is(&self, state: ActorState) {
        static ENDS: AtomicU64 = AtomicU64::new(0);
        if state == ActorState::Stopped {
            self.ended.store(1 + ENDS.fetch_add(1, SeqCst), SeqCst);
        }
    }

    /// Greater than that of whoever ended before; 0 where it has not.
    #[cfg(test)]
    pub(super) fn ended(&self) -> u64 {
        self.ended.load(SeqCst)
    }

    pub(super) fn is_stood_for_by(&self, cell: &ActorCell) {
        *self.cell.lock().unwrap_or_else(PoisonError::into_inner) = Some(cell.clone());
    }

    /// The handler begins: here it panics, where a test wants it to.
    pub(super) fn begins(&self) {
        assert!(!self.panics.swap(false, SeqCst), "a test wants this handler to panic");
    }

    pub(super) fn cell(&self) -> Option<ActorCell> {
        self.cell.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn panic_next(&self, panics: bool) {
        self.panics.store(panics, SeqCst);
    }
}

#[cfg(not(any(test, feature = "testing")))]
impl Trial {
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(super) const fn is(&self, _: ActorState) {}

    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(super) const fn is_stood_for_by(&self, _: &ActorCell) {}

    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(super) const fn begins(&self) {}
}
