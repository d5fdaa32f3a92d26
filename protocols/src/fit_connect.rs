//! FIT-Connect: how applications reach us through the delivery service (Zustelldienst) of FITKO.
//!
//! Versions 1 and 2 of the Submission API. A submission comes by the bodies in [`api`], announced by a [`callback`]; its
//! parts are sealed ([`jose`]), its history is signed ([`set`]), its parts are named by [`tag`] and [`hash`], its content is
//! described by [`metadata`], and whether it is taken is decided by [`verify`].
//!
//! Everything here is pure: bytes in, typed values or a typed refusal out.
//! Keys are used through the seam in [`jose::rsa`]; time, content keys, initialisation vectors and ids are brought along.
//! No HTTP, no clock, no files: those belong to the subscriber and to the sandbox.

pub mod api;
pub mod callback;
#[cfg(test)]
mod choices;
pub mod hash;
pub mod jose;
pub mod metadata;
pub mod set;
pub mod tag;
pub mod verify;

/// A file of official examples and schemas that are not part of the project; says so loudly where they are missing.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests only: where the official data lies is no setting of the product")]
pub(crate) fn shared_data(name: &str) -> Option<Vec<u8>> {
    let workspace = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("OZG_SHARED").map_or(workspace, std::path::PathBuf::from);
    let path = shared.join("data/fitconnect").join(name);
    std::fs::read(&path).inspect_err(|_| crate::skipped::skipped(format_args!("{} is not there", path.display()))).ok()
}
