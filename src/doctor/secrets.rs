//! What the doctor says about a secret that is not to be had. What is in one that is, others judge.

use std::io;

use zeroize::Zeroizing;

use super::Finding;
use crate::{
    config::{SecretPlace, SecretUnavailable},
    german,
};

/// The content of a secret, or why it cannot be had. `label` is what an operator calls it.
pub(super) fn read(label: &str, place: &SecretPlace) -> Result<Zeroizing<Vec<u8>>, Finding> {
    place.content().map_err(|unavailable| {
        let file = place.path().map(|path| path.display().to_string()).unwrap_or_default();
        explain(label, &file, &unavailable)
    })
}

fn explain(label: &str, file: &str, unavailable: &SecretUnavailable) -> Finding {
    let what = german::secret(unavailable);
    if matches!(unavailable, SecretUnavailable::NoCredentials) {
        let remedy = "unter systemd prüfen, zum Beispiel mit ExecStartPre=ozg-cloud doctor";
        return Finding::warning(format!("{label}: {what}"), remedy);
    }
    let remedy = match unavailable {
        SecretUnavailable::File(source) => unreadable(source),
        SecretUnavailable::Exposed { .. } => {
            format!("chmod 600 {file}; und überlegen, wer es schon gelesen haben kann")
        }
        SecretUnavailable::Foreign { us, .. } => {
            format!("chown {us} {file}, oder doctor als Benutzer des Dienstes starten")
        }
        SecretUnavailable::Empty => "das Geheimnis in die Datei legen".to_owned(),
        SecretUnavailable::NotAFile => "den Pfad in der Konfiguration berichtigen".to_owned(),
        SecretUnavailable::TooLarge | SecretUnavailable::NoCredentials => "den Pfad prüfen".to_owned(),
    };
    Finding::error(format!("{label}: {file} {what}"), remedy)
}

fn unreadable(source: &io::Error) -> String {
    let remedy = match source.kind() {
        io::ErrorKind::NotFound => "die Datei anlegen, oder den Pfad in der Konfiguration berichtigen",
        io::ErrorKind::PermissionDenied => {
            "doctor als Benutzer des Dienstes starten, oder die Rechte des Verzeichnisses prüfen"
        }
        _ => "den Datenträger prüfen",
    };
    remedy.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn a_secret_that_others_can_read_is_an_error_with_a_remedy() {
        let finding = explain("Schlüssel", "/etc/ozg/x.key", &SecretUnavailable::Exposed { mode: 0o644 });
        assert_eq!(finding.severity, Severity::Error);
        assert!(finding.remedy.is_some_and(|remedy| remedy.starts_with("chmod 600 /etc/ozg/x.key")));
    }

    #[test]
    fn a_missing_secret_is_an_error() {
        let missing = SecretPlace::File("/nicht/da".into());
        assert_eq!(read("Schlüssel", &missing).expect_err("missing").severity, Severity::Error);
    }

    #[test]
    fn a_credential_outside_of_systemd_is_a_warning() {
        let place = SecretPlace::Credential { name: "stadt.key".into(), path: None };
        assert_eq!(read("Schlüssel", &place).expect_err("no directory").severity, Severity::Warning);
    }
}
