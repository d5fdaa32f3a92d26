//! A FIT-Connect sender: for the demo, benches and tests.

pub mod transport;
