//! The keys and secrets of all tenants: there, private, and of the kind they are used as.

use ozg_protocols::fit_connect::jose::jwk::{PrivateJwk, PrivateUse};

use super::{Finding, secrets};
use crate::{
    config::{Config, Destination, SecretPlace, Tenant},
    german,
};

/// Looks at every key and secret that the configuration names.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let tls = config.server.tls.iter().flat_map(|tls| {
        let certificate = SecretlessFile { label: "TLS-Zertifikat", path: &tls.certificate_file };
        [certificate.look(), secret("TLS-Schlüssel", &tls.key_file)]
    });
    let roots = config.outbound.root_certificates.iter();
    let roots = roots.map(|path| SecretlessFile { label: "Wurzelzertifikat", path }.look());
    tls.chain(roots).chain(config.tenants.iter().flat_map(examine_tenant)).collect()
}

fn examine_tenant(tenant: &Tenant) -> Vec<Finding> {
    let mut findings = vec![tenant_key(tenant)];
    findings.extend(tenant.destinations.iter().flat_map(|destination| examine_destination(tenant, destination)));
    findings
}

fn tenant_key(tenant: &Tenant) -> Finding {
    let label = format!("{}: Mandantenschlüssel", tenant.slug);
    match secrets::read(&label, &tenant.key_file) {
        Err(finding) => finding,
        Ok(content) => {
            let text = content.trim_ascii();
            if text.len() == 64 && text.iter().all(u8::is_ascii_hexdigit) {
                Finding::good(label)
            } else {
                let what = format!("{label}: die Datei enthält keinen Schlüssel (64 hexadezimale Ziffern)");
                Finding::error(
                    what,
                    "den Schlüssel aus der Sicherung zurückholen; ein neuer öffnet vorhandene Daten nicht",
                )
            }
        }
    }
}

fn examine_destination(tenant: &Tenant, destination: &Destination) -> Vec<Finding> {
    let label = |what: &str| format!("{}, Zustellpunkt {}: {what}", tenant.slug, destination.name);
    let mut findings = vec![secret(&label("Client-Secret"), &destination.client_secret_file)];
    findings.extend(destination.callback_secret_file.iter().map(|place| secret(&label("Callback-Secret"), place)));
    let decryption = destination.decryption_key_files.iter();
    findings.extend(decryption.map(|place| jwk(&label("Entschlüsselungsschlüssel"), place, PrivateUse::UnwrapKey)));
    findings.push(jwk(&label("Signaturschlüssel"), &destination.signing_key_file, PrivateUse::Sign));
    findings
}

fn secret(label: &str, place: &SecretPlace) -> Finding {
    secrets::read(label, place).map_or_else(|finding| finding, |_| Finding::good(label))
}

fn jwk(label: &str, place: &SecretPlace, purpose: PrivateUse) -> Finding {
    let content = match secrets::read(label, place) {
        Ok(content) => content,
        Err(finding) => return finding,
    };
    match PrivateJwk::parse(&content) {
        Ok(key) if key.purpose == purpose => Finding::good(format!("{label} (kid {})", key.kid)),
        Ok(_) => Finding::error(
            format!("{label}: der Schlüssel ist für etwas anderes bestimmt (`key_ops`)"),
            "Entschlüsselungs- und Signaturschlüssel in der Konfiguration nicht vertauschen",
        ),
        Err(refused) => Finding::error(
            format!("{label}: {}", german::jwk(&refused)),
            "einen Schlüssel nach den Regeln von FIT-Connect hinterlegen: RSA ab 4096 Bit als privates JWK mit `kid`, `alg` und genau einer `key_ops`",
        ),
    }
}

/// A file that everybody may read.
struct SecretlessFile<'f> {
    label: &'f str,
    path: &'f std::path::Path,
}

impl SecretlessFile<'_> {
    fn look(&self) -> Finding {
        let Self { label, path } = self;
        match std::fs::read_to_string(path) {
            Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => {
                Finding::good(format!("{label}: {}", path.display()))
            }
            Ok(_) => Finding::error(
                format!("{label}: {} enthält kein Zertifikat in PEM", path.display()),
                "eine PEM-Datei hinterlegen",
            ),
            Err(error) => Finding::error(
                format!("{label}: {} kann nicht gelesen werden ({})", path.display(), german::system(&error)),
                "die Datei anlegen, oder den Pfad in der Konfiguration berichtigen",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

    use super::*;
    use crate::doctor::Severity;

    const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/protocols/fixtures/fit_connect/jose");

    fn key(name: &str) -> (tempfile::TempDir, SecretPlace) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(name);
        let content = fs::read(Path::new(VECTORS).join(name)).expect("a fixture");
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.expect("created").write_all(&content).expect("written");
        (directory, SecretPlace::File(path))
    }

    #[test]
    fn a_good_key_is_named_by_its_kid() {
        let (_directory, place) = key("key-decryption.private.jwk.json");
        let finding = jwk("Schlüssel", &place, PrivateUse::UnwrapKey);
        assert_eq!(finding.severity, Severity::Good, "{finding}");
        assert!(finding.what.contains("kid "));
    }

    #[test]
    fn exchanged_keys_are_an_error() {
        let (_directory, place) = key("key-signing.private.jwk.json");
        assert_eq!(jwk("Schlüssel", &place, PrivateUse::UnwrapKey).severity, Severity::Error);
    }

    #[test]
    fn a_key_of_2048_bits_is_an_error_that_says_so() {
        let (_directory, place) = key("key-small2048.private.jwk.json");
        let finding = jwk("Schlüssel", &place, PrivateUse::UnwrapKey);
        assert!(finding.what.contains("2048 Bit"), "{finding}");
    }
}
