//! Every message of OZG-Cloud, inside and outside, and the rules of its exchange.
//!
//! Pure: nothing in here does I/O, reads a clock or waits. Time, randomness and ids are passed in, so that every
//! behaviour can be replayed. A wire format (FIT-Connect, later XTA and the form vendors) becomes one
//! [`application::Application`]; a command on a case becomes events ([`case`]); nobody else decides.

pub mod account;
pub mod application;
pub mod case;
pub mod fit_connect;
pub mod forms;
pub mod hex;
pub mod ids;
pub mod intake;
pub mod moment;
pub mod principal;
pub mod routing;
#[cfg(test)]
#[path = "../../tests/skipped.rs"]
mod skipped;
pub mod tenant;
pub mod work_list;
