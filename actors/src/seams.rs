//! What comes in from outside: the clock and randomness. Tests bring their own.

use std::{fmt, sync::Arc};

use ozg_protocols::{
    ids::{CommandKey, CommentId},
    moment::Moment,
};
pub use ozg_storage::random::{NoRandomness, Random};

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The moment it is.
    fn now(&self) -> Moment;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Moment {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Moment::default().plus(since)
    }
}

/// Makes ids, tokens and keys out of a random source.
#[derive(Debug, Clone)]
pub struct Ids(Arc<dyn Random>);

impl Ids {
    /// Ids from this source.
    #[must_use]
    pub fn new(random: Arc<dyn Random>) -> Self {
        Self(random)
    }

    /// Random bytes.
    ///
    /// # Errors
    /// [`NoRandomness`] if the source failed.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        let mut out = [0; N];
        self.0.fill(&mut out)?;
        Ok(out)
    }

    /// A key for a command that nothing outside names.
    ///
    /// # Errors
    /// [`NoRandomness`] if the source failed.
    pub fn command_key(&self) -> Result<CommandKey, NoRandomness> {
        self.bytes().map(u128::from_be_bytes).map(CommandKey::from_u128)
    }

    /// The id of a new comment.
    ///
    /// # Errors
    /// [`NoRandomness`] if the source failed.
    pub fn comment_id(&self) -> Result<CommentId, NoRandomness> {
        self.bytes().map(u128::from_be_bytes).map(CommentId::from_u128)
    }

    /// The source itself, for keys and nonces.
    #[must_use]
    pub fn source(&self) -> Arc<dyn Random> {
        self.0.clone()
    }
}
