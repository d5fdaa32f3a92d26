//! How records become durable, sealed and verifiable.
//!
//! Knows streams of sealed records, keys, blobs and checkpoints; never what a case means. The heart is the [`journal`]
//! trait on sealed bytes; the redb core behind it ([`redb_core`]) is synchronous and knows no runtime. A tenant's store is
//! made and opened as a whole ([`tenant_store`]); its owner seals and opens events through a typed [`stream`].

mod append;
mod backend;
pub mod blob;
pub mod checkpoint;
mod chunks;
pub mod codec;
pub mod disk;
mod fault;
mod gcm;
#[cfg(test)]
mod golden;
mod heads;
pub mod index_key;
pub mod inline;
pub mod journal;
pub mod keys;
mod log_record;
mod merkle;
pub mod notary;
mod one_lane;
mod outbox;
pub mod outside;
mod overlay;
mod packed;
pub mod random;
mod reading;
pub mod redb_core;
pub mod ring;
pub mod seal;
mod shelf;
pub mod shrink;
mod span;
pub mod stream;
mod tables;
pub mod tenant_store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod verify;
pub mod view_file;
mod wire;
