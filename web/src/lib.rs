//! Alfa, operations pages and HTTP endpoints, on an accept loop of our own around warp's filters.
//!
//! One way through: [`serve`] accepts, `gate` finds the tenant by its host, turns away what comes from other sites and sets
//! limits and headers, `routes` finds the handler, which asks the house and renders. Nothing here touches storage, holds a
//! rule or keeps state: sessions live with the tenant, and what may be seen and done is decided below.

mod alfa;
mod answer;
mod app;
mod assets;
mod callback;
mod fields;
mod gate;
mod german;
mod health;
pub mod linger;
mod operations;
mod origin;
mod routes;
mod security;
mod server;
mod session;
mod settings;
mod words;

pub use server::{Running, ServeError, serve, serve_operations};
pub use settings::{Limits, Monitors, PublicAddress, Scheme, TlsIdentity, TlsIdentityError, WebSettings};
