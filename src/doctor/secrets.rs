//! Whether a secret's file is there, belongs to us, and is readable by nobody else. What is in it, others judge.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use zeroize::Zeroizing;

use super::Finding;
use crate::config::SecretPlace;

/// No secret of ours is larger (an RSA-8192 JWK with a chain is about 20 KiB).
const LARGEST: u64 = 256 * 1024;

/// The content of a secret, or why it cannot be had. `label` is what an operator calls it.
pub(super) fn read(label: &str, place: &SecretPlace) -> Result<Zeroizing<Vec<u8>>, Finding> {
    let Some(path) = place.path() else {
        let what = format!("{label}: als Credential benannt, aber $CREDENTIALS_DIRECTORY ist hier nicht gesetzt");
        return Err(Finding::warning(what, "unter systemd prüfen, zum Beispiel mit ExecStartPre=ozg-cloud doctor"));
    };
    let shown = path.display();
    let metadata = fs::metadata(path).map_err(|error| absent(label, path, &error))?;
    // systemd hands credentials out with an ACL, which shows as a group bit.
    let forbidden = if matches!(place, SecretPlace::File(_)) { 0o077 } else { 0o007 };
    let mode = metadata.mode() & 0o777;
    if !metadata.is_file() {
        return Err(Finding::error(
            format!("{label}: {shown} ist keine Datei"),
            "den Pfad in der Konfiguration berichtigen",
        ));
    }
    if mode & forbidden != 0 {
        let what = format!("{label}: {shown} ist für andere lesbar (Rechte {mode:04o})");
        return Err(Finding::error(what, format!("chmod 600 {shown}; und überlegen, wer es schon gelesen haben kann")));
    }
    let (owner, us) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != us && matches!(place, SecretPlace::File(_)) {
        let what = format!("{label}: {shown} gehört Benutzer {owner}, das Programm läuft als {us}");
        return Err(Finding::error(what, format!("chown {us} {shown}, oder doctor als Benutzer des Dienstes starten")));
    }
    let mut content = Zeroizing::new(Vec::new());
    let file = fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut content));
    file.map_err(|error| absent(label, path, &error))?;
    match content.len() as u64 {
        0 => Err(Finding::error(format!("{label}: {shown} ist leer"), "das Geheimnis in die Datei legen")),
        length if length > LARGEST => {
            Err(Finding::error(format!("{label}: {shown} ist zu groß für ein Geheimnis"), "den Pfad prüfen"))
        }
        _ => Ok(content),
    }
}

fn absent(label: &str, path: &Path, error: &io::Error) -> Finding {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => "die Datei anlegen, oder den Pfad in der Konfiguration berichtigen",
        io::ErrorKind::PermissionDenied => {
            "doctor als Benutzer des Dienstes starten, oder die Rechte des Verzeichnisses prüfen"
        }
        _ => "den Datenträger prüfen",
    };
    Finding::error(format!("{label}: {} kann nicht gelesen werden ({error})", path.display()), remedy)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::doctor::Severity;

    fn file(mode: u32, content: &[u8]) -> (tempfile::TempDir, SecretPlace) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("geheim");
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode set");
        (directory, SecretPlace::File(path))
    }

    #[test]
    fn a_secret_that_others_can_read_is_an_error_with_a_remedy() {
        let (_directory, place) = file(0o644, b"geheim");
        let finding = read("Schlüssel", &place).expect_err("exposed");
        assert_eq!(finding.severity, Severity::Error);
        assert!(finding.remedy.is_some_and(|remedy| remedy.starts_with("chmod 600")));
    }

    #[test]
    fn a_secret_of_its_owner_alone_is_read() {
        let (_directory, place) = file(0o600, b"geheim");
        assert_eq!(read("Schlüssel", &place).expect("read").as_slice(), b"geheim");
    }

    #[test]
    fn an_empty_or_missing_secret_is_an_error() {
        let (directory, place) = file(0o600, b"");
        assert!(read("Schlüssel", &place).expect_err("empty").what.ends_with("ist leer"));
        let missing = SecretPlace::File(directory.path().join("weg"));
        assert_eq!(read("Schlüssel", &missing).expect_err("missing").severity, Severity::Error);
    }

    #[test]
    fn a_credential_outside_of_systemd_is_a_warning() {
        let place = SecretPlace::Credential { name: "stadt.key".into(), path: None };
        assert_eq!(read("Schlüssel", &place).expect_err("no directory").severity, Severity::Warning);
    }
}
