//! FIT-Connect: how applications reach us through the delivery service (Zustelldienst) of FITKO.
//!
//! Versions 1 and 2 of the Submission API. Everything here is pure: bytes in, typed values or a typed refusal out.
//! Keys are used through the seam in [`jose::rsa`]; time, content keys, initialisation vectors and ids are brought along.
//! No HTTP, no clock, no files: those belong to the subscriber and to the sandbox.

pub mod jose;
pub mod set;
pub mod tag;
pub mod verify;
