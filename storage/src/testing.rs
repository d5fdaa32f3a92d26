//! What tests need and the product never does: seeded randomness, stores in a scratch directory, disks whose power fails,
//! and the conformance suite that every journal has to pass.

mod bare_log;
pub mod conformance;
mod damage;
mod power_cut;
#[cfg(test)]
mod power_cut_trials;
mod sample;
mod seeded;

pub use bare_log::BareLog;
pub use damage::break_record;
#[cfg(test)]
pub(crate) use damage::break_row;
pub use power_cut::{PowerCutDisk, Trouble};
pub use sample::{Deed, Errand, Sample};
pub use seeded::SeededRandom;

/// Says of every record that its events name no blob.
#[cfg(test)]
pub(crate) const fn nothing_named(_: crate::journal::StreamId, _: &[u8]) -> Option<Vec<ozg_protocols::ids::BlobId>> {
    Some(Vec::new())
}
