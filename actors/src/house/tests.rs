//! The laws, tried on a whole house.

mod checkpoints;
mod clearing;
mod clock;
mod closing;
mod full_disk;
mod intakes;
mod orders;
mod orphans;
mod outbox;
mod people;
mod readiness;
mod residents;
mod resilience;
mod shut;
mod sight;
mod tokens;
mod town;
mod views;

pub(crate) use town::application;
