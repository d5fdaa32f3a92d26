//! OZG-Cloud as one program: command line, configuration, wiring. What a case means, how records become durable and who
//! owns which state live in the rooms below (`web`, `actors`, `storage`, `protocols`).

pub mod cli;
pub mod config;
pub mod demo;
pub mod doctor;
mod german;
pub mod load;
pub mod logging;
pub mod sandbox;
pub mod sender;
pub mod serve;
