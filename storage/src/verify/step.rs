//! What a verification is about, for whoever waits for it.

/// A step of a verification that begins, or how far it is. They come in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The journal's file checks itself, page by page. It does not say how far it is.
    File,
    /// The entries of the ring, where the tenant's key is at hand.
    Ring,
    /// Records, then chunks of blobs: so much is done of so much.
    Contents {
        /// What is done.
        done: u64,
        /// All there is.
        all: u64,
    },
    /// What is written beside the records, between them and the blobs.
    Rows,
}
