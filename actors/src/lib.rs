//! The supervised hierarchy: who owns state, and when things happen. All application state lives here.
//!
//! ractor runs whoever owns state and decides; actix runs the pools of synchronous workers behind a guard. Outside code
//! knows [`House`] and [`Tenant`] only: permits are taken and time is stamped in their methods, at the edge. Nothing in
//! here speaks HTTP to a browser, holds a lock across an await or blocks a thread of the runtime.

pub mod blobs;
mod case;
mod clock;
pub mod fit_connect;
mod house;
mod intake;
mod journal;
mod named;
pub mod observe;
pub mod outbound;
mod outbox;
pub mod pool;
pub mod seams;
mod secret;
pub mod settings;
pub mod supervise;
pub mod tenant;
mod views;

pub use blobs::{BlobError, BlobReader};
pub use case::{CaseSheet, Outcome, Ticket};
pub use clock::Agreement;
#[cfg(any(test, feature = "testing"))]
pub use house::Member;
pub use house::{DrainReport, House, Pools, Readiness, Seams, StartError};
pub use named::named_blobs;
pub use observe::{ActorReport, ActorState};
pub use secret::Secret;
pub use settings::{DestinationSettings, HouseSettings, OrgUnitSettings, PublishedService, TenantSettings};
pub use supervise::AskError;
pub use tenant::{
    Callback, CallbackError, InvalidToken, NewAccount, SessionToken, SignInError, Tenant, UnreadCallback,
};
pub use views::{Change, ChangeFeed, ClearingItem, WorkList};
