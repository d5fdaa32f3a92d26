//! How records become durable, sealed and verifiable.
//!
//! Knows streams of sealed records, keys, blobs and checkpoints; never what a case means. The heart is the [`journal`]
//! trait on sealed bytes; the redb core behind it is synchronous and knows no runtime.

pub mod journal;
