//! The tenant key: 32 bytes from a file or a credential directory. It wraps the ring and the notary's key and does nothing
//! else; nothing is derived from it. Never from the environment, never made over data.

use std::{
    fmt, fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::PathBuf,
};

use aws_lc_rs::digest::{SHA256, digest};
use ozg_protocols::hex;
use zeroize::Zeroizing;

use crate::{
    gcm::Secret,
    random::{NoRandomness, Random},
};

/// Where a tenant key lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file that only its owner may read (mode 0600 or less).
    File(PathBuf),
    /// A directory into which the service manager puts credentials; nobody else may read them, a group may.
    Credential {
        /// The directory, for example `$CREDENTIALS_DIRECTORY` of systemd or a mounted Kubernetes secret.
        directory: PathBuf,
        /// The name of the credential in it.
        name: String,
    },
}

impl KeySource {
    fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Credential { directory, name } => directory.join(name),
        }
    }

    /// Mode bits that must not be set. systemd hands credentials out with an ACL, which shows as a group bit.
    const fn forbidden_mode(&self) -> u32 {
        match self {
            Self::File(_) => 0o077,
            Self::Credential { .. } => 0o007,
        }
    }
}

/// Why there is no tenant key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("the tenant key file cannot be used")]
    File(#[source] io::Error),
    /// There is a file already; a key is never overwritten.
    #[error("there is a tenant key file already")]
    Exists,
    /// Somebody else may read it.
    #[error("the tenant key file may be read by others (mode {mode:03o}); it must belong to its owner alone")]
    Exposed {
        /// The mode found.
        mode: u32,
    },
    /// It does not hold a key.
    #[error("the tenant key file does not hold 64 hexadecimal digits")]
    Malformed,
    /// The source of randomness failed.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// What a tenant key is recognised by: the first 16 bytes of a labelled SHA-256. Not secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub(crate) [u8; 16]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Fingerprint({self})")
    }
}

/// The key of a tenant.
#[derive(Clone)]
pub struct TenantKey(pub(crate) Secret);

impl fmt::Debug for TenantKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TenantKey({})", self.fingerprint())
    }
}

impl TenantKey {
    /// A key from 32 bytes that somebody else keeps.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret(Zeroizing::new(bytes)))
    }

    /// Makes a new key and writes it to a new file (mode 0600): 64 hexadecimal digits and a newline, durable before the
    /// answer.
    ///
    /// # Errors
    /// [`KeyError::Exists`] if there is such a file, [`KeyError::File`] or [`KeyError::NoRandomness`].
    pub fn create(path: &std::path::Path, random: &dyn Random) -> Result<Self, KeyError> {
        let key = Self(Secret::random(random)?);
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut file = match file {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(KeyError::Exists),
            file => file.map_err(KeyError::File)?,
        };
        let text = Zeroizing::new(hex::encode(&*key.0.0) + "\n");
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(KeyError::File)?;
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(KeyError::File)?;
        }
        Ok(key)
    }

    /// Reads a key.
    ///
    /// # Errors
    /// [`KeyError::Exposed`] if others may read it, [`KeyError::Malformed`] or [`KeyError::File`].
    pub fn load(source: &KeySource) -> Result<Self, KeyError> {
        let file = fs::File::open(source.path()).map_err(KeyError::File)?;
        let mode = file.metadata().map_err(KeyError::File)?.mode() & 0o777;
        if mode & source.forbidden_mode() != 0 {
            return Err(KeyError::Exposed { mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(80));
        file.take(80).read_to_string(&mut text).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => KeyError::Malformed,
            _ => KeyError::File(error),
        })?;
        let bytes = Zeroizing::new(hex::decode(text.trim_end()).ok_or(KeyError::Malformed)?);
        Secret::from_slice(&bytes).map(Self).ok_or(KeyError::Malformed)
    }

    /// What this key is recognised by.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let labelled = Zeroizing::new([b"ozg tenant key 1".as_slice(), &*self.0.0].concat());
        let hash = digest(&SHA256, &labelled);
        let mut print = [0; 16];
        print.copy_from_slice(&hash.as_ref()[..16]);
        Fingerprint(print)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::random::StrongRandom;

    #[test]
    fn a_new_key_file_belongs_to_its_owner_alone_and_reads_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tenant.key");
        let made = TenantKey::create(&path, &StrongRandom::new()).expect("a key");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        let read = TenantKey::load(&KeySource::File(path.clone())).expect("reads");
        assert_eq!(read.fingerprint(), made.fingerprint());
        assert!(matches!(TenantKey::create(&path, &StrongRandom::new()), Err(KeyError::Exists)));
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tenant.key");
        TenantKey::create(&path, &StrongRandom::new()).expect("a key");
        let credential = KeySource::Credential { directory: directory.path().into(), name: "tenant.key".into() };
        let chmod = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
        chmod(0o640);
        assert!(matches!(TenantKey::load(&KeySource::File(path.clone())), Err(KeyError::Exposed { mode: 0o640 })));
        assert!(TenantKey::load(&credential).is_ok());
        chmod(0o644);
        assert!(matches!(TenantKey::load(&credential), Err(KeyError::Exposed { mode: 0o644 })));
    }

    #[test]
    fn a_file_without_a_key_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tenant.key");
        TenantKey::create(&path, &StrongRandom::new()).expect("a key");
        fs::write(&path, "secret").expect("written");
        assert!(matches!(TenantKey::load(&KeySource::File(path)), Err(KeyError::Malformed)));
    }

    #[test]
    fn no_key_shows_in_debug_output() {
        let key = TenantKey::from_bytes([0xab; 32]);
        assert!(!format!("{key:?}").contains("abababab"));
    }
}
