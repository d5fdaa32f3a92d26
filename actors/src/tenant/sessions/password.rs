//! Passwords: argon2id (RFC 9106) with 19 MiB, two passes, one lane. Slow on purpose; only ever a job of the pool.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc},
};
use ozg_protocols::account::PasswordHash;

use crate::{secret::Secret, supervise::Failure};

/// The hash of a password.
///
/// # Errors
/// If the library refuses it (a password of more than 4 GiB).
pub(crate) fn hash(password: &Secret, salt: &[u8; 16]) -> Result<PasswordHash, Failure> {
    let hash: phc::PasswordHash = Argon2::default()
        .hash_password_with_salt(password.expose().as_bytes(), salt)
        .map_err(|_| Failure("a password cannot be hashed"))?;
    Ok(PasswordHash(hash.to_string()))
}

/// Whether the password is right. Without a hash to compare with it takes as long, and is wrong.
pub(crate) fn verify(password: &Secret, stored: Option<&PasswordHash>) -> bool {
    let parsed = stored.and_then(|hash| phc::PasswordHash::new(&hash.0).ok());
    match parsed {
        Some(hash) => Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok(),
        None => {
            let _ = hash(password, &[0; 16]);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_is_right() {
        let right = Secret::new("Sonne-Mond-Sterne".into());
        let stored = hash(&right, &[7; 16]).expect("hashes");
        assert!(stored.0.starts_with("$argon2id$"));
        assert!(verify(&right, Some(&stored)));
        assert!(!verify(&Secret::new("Sonne".into()), Some(&stored)));
        assert!(!verify(&right, None));
    }
}
