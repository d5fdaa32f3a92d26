//! Where a secret lies: in a file, or among the credentials that systemd hands to the service. The configuration names
//! the place only; a secret never stands in it, and never in an environment variable.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use ozg_storage::keys::KeySource;
use zeroize::Zeroizing;

use super::reader::{Setting, Surroundings};

/// No secret of ours is larger, in bytes (an RSA-8192 JWK with a certificate chain is about 20 KiB).
const LARGEST: u64 = 256 * 1024;

/// Where a secret lies. Written as a path, or as `credential:NAME` for a file in `$CREDENTIALS_DIRECTORY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// A file of its own, which only its owner may read.
    File(PathBuf),
    /// A credential of the service (systemd `LoadCredential=`, or a mounted secret).
    Credential {
        /// Its name.
        name: String,
        /// Its file, where a credentials directory is given.
        path: Option<PathBuf>,
    },
}

/// Why a secret is not to be had. Names no content.
#[derive(Debug, thiserror::Error)]
pub enum SecretUnavailable {
    /// A credential, and nobody handed credentials to this process.
    #[error("there is no credentials directory")]
    NoCredentials,
    /// The file cannot be read.
    #[error("the file cannot be read")]
    File(#[from] io::Error),
    /// A directory, a device, a pipe.
    #[error("it is no file")]
    NotAFile,
    /// Somebody else may read it.
    #[error("it may be read by others (mode {mode:03o})")]
    Exposed {
        /// The mode found.
        mode: u32,
    },
    /// It belongs to another user.
    #[error("it belongs to user {owner}, not to {us}")]
    Foreign {
        /// Its owner.
        owner: u32,
        /// Whom this process runs as.
        us: u32,
    },
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// There is too much in it.
    #[error("it is too large for a secret")]
    TooLarge,
}

impl SecretPlace {
    /// The secret itself, if its file belongs to us and nobody else may read it. It is wiped when dropped.
    ///
    /// # Errors
    /// Why it is not to be had.
    pub fn content(&self) -> Result<Zeroizing<Vec<u8>>, SecretUnavailable> {
        let path = self.path().ok_or(SecretUnavailable::NoCredentials)?;
        // systemd hands credentials out with an ACL, which shows as a group bit, and they may belong to root.
        let own = matches!(self, Self::File(_));
        let file = fs::File::open(path)?;
        let metadata = file.metadata()?;
        let (mode, owner, us) = (metadata.mode() & 0o777, metadata.uid(), rustix::process::geteuid().as_raw());
        if !metadata.is_file() {
            return Err(SecretUnavailable::NotAFile);
        }
        if mode & (if own { 0o077 } else { 0o007 }) != 0 {
            return Err(SecretUnavailable::Exposed { mode });
        }
        if own && owner != us {
            return Err(SecretUnavailable::Foreign { owner, us });
        }
        let mut content = Zeroizing::new(Vec::new());
        match file.take(LARGEST + 1).read_to_end(&mut content)? {
            0 => Err(SecretUnavailable::Empty),
            length if length as u64 > LARGEST => Err(SecretUnavailable::TooLarge),
            _ => Ok(content),
        }
    }

    /// The place as the storage takes it for a tenant key; `None` as for [`Self::path`].
    #[must_use]
    pub fn key_source(&self) -> Option<KeySource> {
        match self {
            Self::File(path) => Some(KeySource::File(path.clone())),
            Self::Credential { name, path } => {
                let directory = path.as_ref()?.parent()?.to_owned();
                Some(KeySource::Credential { directory, name: name.clone() })
            }
        }
    }

    /// The file to read; `None` for a credential when the service was started without a credentials directory.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Credential { path, .. } => path.as_deref(),
        }
    }
}

impl Setting for SecretPlace {
    const EXPECTED: &'static str = "der Pfad einer Datei oder `credential:NAME`, nie das Geheimnis selbst";

    fn read(text: &str, around: &Surroundings) -> Option<Self> {
        let Some(name) = text.strip_prefix("credential:") else {
            return PathBuf::read(text, around).map(Self::File);
        };
        let valid = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        let path = around.credentials.as_ref().map(|directory| directory.join(name));
        valid.then(|| Self::Credential { name: name.to_owned(), path })
    }

    fn show(&self) -> String {
        match self {
            Self::File(path) => format!("{} (Inhalt verborgen)", path.display()),
            Self::Credential { name, .. } => format!("credential:{name} (Inhalt verborgen)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(mode: u32, content: &[u8]) -> (tempfile::TempDir, SecretPlace) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("geheim");
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode set");
        (directory, SecretPlace::File(path))
    }

    #[test]
    fn a_secret_of_its_owner_alone_is_read() {
        let (_directory, place) = file(0o600, b"geheim");
        assert_eq!(place.content().expect("read").as_slice(), b"geheim");
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let (_directory, place) = file(0o640, b"geheim");
        assert!(matches!(place.content(), Err(SecretUnavailable::Exposed { mode: 0o640 })));
    }

    #[test]
    fn an_empty_secret_or_a_directory_is_refused() {
        let (directory, place) = file(0o600, b"");
        assert!(matches!(place.content(), Err(SecretUnavailable::Empty)));
        assert!(matches!(SecretPlace::File(directory.path().into()).content(), Err(SecretUnavailable::NotAFile)));
    }

    #[test]
    fn a_credential_is_one_file_in_the_credentials_directory() {
        let around = Surroundings { credentials: Some("/run/credentials/ozg".into()), ..Default::default() };
        let place = SecretPlace::read("credential:stadt.key", &around).expect("valid");
        assert_eq!(place.path(), Some(Path::new("/run/credentials/ozg/stadt.key")));
        for wrong in ["credential:", "credential:../x", "credential:.."] {
            assert_eq!(SecretPlace::read(wrong, &around), None, "{wrong}");
        }
    }

    #[test]
    fn a_credential_without_a_directory_has_no_file() {
        let place = SecretPlace::read("credential:stadt.key", &Surroundings::default()).expect("valid");
        assert_eq!(place.path(), None);
    }
}
