//! Alfa over HTTP, as a browser meets it: a living town with a real store behind the real accept loop, no network beyond
//! loopback.

mod browser;
mod cases;
mod client;
mod doors;
mod files;
mod live;
#[path = "../../../tests/skipped.rs"]
mod skipped;
mod tls;
mod town;
