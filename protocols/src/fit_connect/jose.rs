//! JOSE as FIT-Connect uses it, and nothing beyond: RSA of at least 4096 bits, `RSA-OAEP-256` with `A256GCM`, `PS512`.
//!
//! [`jwk`] reads and writes keys, [`rsa`] is the seam to the key operations, [`keygen`] makes fresh keys with a
//! self-signed certificate, [`jwe`] opens and seals, [`jws`] reads and writes signed text. Every other algorithm is
//! refused by name, whatever its signature or tag would say.

pub mod base64url;
mod certificate;
mod der;
#[cfg(test)]
mod golden;
mod header;
#[cfg(test)]
mod hostile;
pub mod jwe;
pub mod jwk;
pub mod jws;
pub mod key_set;
pub mod keygen;
pub mod kid;
pub mod rsa;
