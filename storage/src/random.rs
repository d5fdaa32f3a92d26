//! Where randomness comes from: passed in when a store is opened, never drawn from a global place.

use std::fmt;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// The source of randomness failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no randomness")]
pub struct NoRandomness;

/// A source of random bytes for keys, nonces and names.
pub trait Random: Send + Sync + fmt::Debug {
    /// Fills `out`.
    ///
    /// # Errors
    /// [`NoRandomness`] if the source failed; then nothing in `out` may be used.
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness>;
}

/// The random source of the crypto library, seeded by the operating system.
#[derive(Debug, Default)]
pub struct StrongRandom(SystemRandom);

impl StrongRandom {
    /// The source.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Random for StrongRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
        self.0.fill(out).map_err(|_| NoRandomness)
    }
}

/// An array of random bytes.
pub(crate) fn bytes<const N: usize>(random: &dyn Random) -> Result<[u8; N], NoRandomness> {
    let mut out = [0; N];
    random.fill(&mut out)?;
    Ok(out)
}

/// A random number for an id.
pub(crate) fn number(random: &dyn Random) -> Result<u128, NoRandomness> {
    bytes(random).map(u128::from_be_bytes)
}
