//! Where a secret lies: in a file, or among the credentials that systemd hands to the service. The configuration names
//! the place only; a secret never stands in it, and never in an environment variable.

use std::path::{Path, PathBuf};

use super::reader::{Setting, Surroundings};

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

impl SecretPlace {
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
    use super::*;

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
