//! A FIT-Connect sender: the other side of the subscriber, for the demo, benches and tests.
//!
//! [`client`] speaks with the delivery service, [`parcel`] is what it sends, [`sample`] makes realistic parcels out of a
//! seed, [`damage`] breaks them on purpose, [`transport`] is the way out (the sandbox's callbacks take it, too).

pub mod client;
pub mod damage;
pub mod parcel;
pub mod sample;
mod sealing;
pub mod transport;
