//! Key files (private JWK, readable by their owner only) of the sandbox and of the destinations of a demo or test.
//!
//! A key that is there is read; an absent one is made and kept, so that only the first start takes its seconds. Several
//! keys are made at once, each on a thread of its own.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use aws_lc_rs::rand;
use ozg_protocols::{
    fit_connect::jose::{
        base64url,
        jwk::{JwkRefused, PrivateJwk, PrivateUse},
        keygen::{self, Certificate},
        kid::Kid,
    },
    ids::SubmissionId,
    moment::Moment,
};
use std::{io::Write, time::Duration};

const TEN_YEARS: Duration = Duration::from_secs(3_650 * 24 * 60 * 60);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("the key file {path} cannot be read or written")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file holds no key of the right kind.
    #[error("the key file {path} is refused")]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: JwkRefused,
    },
    /// A key could not be made.
    #[error("a key could not be made")]
    Make(#[source] JwkRefused),
    /// The machine gives no randomness.
    #[error("the machine gives no random bytes")]
    Randomness,
    /// The thread that made the key was interrupted.
    #[error("making a key was interrupted")]
    Interrupted,
}

/// The two private keys of a destination, and where they lie.
#[derive(Debug, Clone)]
pub struct DestinationKeys {
    /// What it decrypts with.
    pub decryption: PrivateJwk,
    /// Where that lies.
    pub decryption_file: PathBuf,
    /// What it signs its events with.
    pub signing: PrivateJwk,
    /// Where that lies.
    pub signing_file: PathBuf,
}

/// Reads or makes the keys of these destinations in this directory, as `<name>.decryption.jwk.json` and
/// `<name>.signing.jwk.json`, mode 0600. Blocks; every absent key costs up to some seconds of one core.
///
/// # Errors
/// See [`KeyFileError`].
pub fn make_destination_keys(
    directory: &Path,
    names: &[&str],
    now: Moment,
) -> Result<Vec<DestinationKeys>, KeyFileError> {
    fs::create_dir_all(directory).map_err(|source| KeyFileError::File { path: directory.to_owned(), source })?;
    std::thread::scope(|scope| {
        let made: Vec<_> = names
            .iter()
            .map(|name| {
                let decryption_file = directory.join(format!("{name}.decryption.jwk.json"));
                let signing_file = directory.join(format!("{name}.signing.jwk.json"));
                let decryption = {
                    let file = decryption_file.clone();
                    scope.spawn(move || read_or_make(Some(&file), PrivateUse::UnwrapKey, name, now))
                };
                let signing = {
                    let file = signing_file.clone();
                    scope.spawn(move || read_or_make(Some(&file), PrivateUse::Sign, name, now))
                };
                (decryption, decryption_file, signing, signing_file)
            })
            .collect();
        made.into_iter()
            .map(|(decryption, decryption_file, signing, signing_file)| {
                Ok(DestinationKeys {
                    decryption: decryption.join().map_err(|_| KeyFileError::Interrupted)??,
                    decryption_file,
                    signing: signing.join().map_err(|_| KeyFileError::Interrupted)??,
                    signing_file,
                })
            })
            .collect()
    })
}

/// The signing key of the service.
pub(super) fn service_key(path: Option<&Path>, now: Moment) -> Result<PrivateJwk, KeyFileError> {
    read_or_make(path, PrivateUse::Sign, "OZG-Cloud Sandbox", now)
}

fn read_or_make(path: Option<&Path>, purpose: PrivateUse, name: &str, now: Moment) -> Result<PrivateJwk, KeyFileError> {
    let Some(path) = path else { return make(purpose, name, now) };
    let file = |source| KeyFileError::File { path: path.to_owned(), source };
    match fs::read(path) {
        Ok(json) => {
            let refused = |source| KeyFileError::Refused { path: path.to_owned(), source };
            let key = PrivateJwk::parse(&json).map_err(refused)?;
            if key.purpose == purpose { Ok(key) } else { Err(refused(JwkRefused::Operations)) }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = make(purpose, name, now)?;
            write(path, key.to_json().as_bytes())?;
            Ok(key)
        }
        Err(error) => Err(file(error)),
    }
}

/// Writes a secret that only its owner may read. Written beside and renamed: the file is whole or absent.
fn write(path: &Path, secret: &[u8]) -> Result<(), KeyFileError> {
    let failed = |source| KeyFileError::File { path: path.to_owned(), source };
    let unfinished = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut out = options.open(&unfinished).map_err(failed)?;
    out.write_all(secret).and_then(|()| out.sync_all()).map_err(failed)?;
    fs::rename(&unfinished, path).map_err(failed)
}

/// Reads or makes a random text of 43 characters, kept like a key.
pub(super) fn secret_text(path: &Path) -> Result<String, KeyFileError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut bytes = [0; 32];
            rand::fill(&mut bytes).map_err(|_| KeyFileError::Randomness)?;
            let text = base64url::encode(&bytes);
            write(path, text.as_bytes())?;
            Ok(text)
        }
        Err(source) => Err(KeyFileError::File { path: path.to_owned(), source }),
    }
}

/// Makes a key that is kept nowhere. Blocks for up to some seconds of one core.
pub(super) fn make(purpose: PrivateUse, name: &str, now: Moment) -> Result<PrivateJwk, KeyFileError> {
    let random = || {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes).map_err(|_| KeyFileError::Randomness).map(|()| bytes)
    };
    let kid: Kid = SubmissionId::from_random(random()?).to_string().parse().map_err(|_| KeyFileError::Randomness)?;
    let certificate = Certificate { name, serial: random()?, not_before: now, not_after: now.plus(TEN_YEARS) };
    keygen::generate(purpose, kid, &certificate).map_err(KeyFileError::Make)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let now = Moment::from_seconds(1_800_000_000);
        let path = directory.path().join("dienst.jwk.json");
        let made = service_key(Some(&path), now).expect("a key");
        let read = service_key(Some(&path), now).expect("the same key");
        assert_eq!(made.kid, read.kid);
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        assert!(read_or_make(Some(&path), PrivateUse::UnwrapKey, "x", now).is_err(), "it signs, it does not decrypt");
    }
}
