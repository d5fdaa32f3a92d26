//! German words for errors that come from below: library errors are English, because logs are; here is the one edge where
//! operators read them. One function per error, each exhaustive where the error is, so that a new cause asks for words.

mod storage;
pub(crate) mod toml;

use std::io;

use ozg_actors::{
    AskError, StartError,
    outbound::{CallError, OutboundError},
};
use ozg_protocols::{fit_connect::jose::jwk::JwkRefused, forms::data_schema::SchemaRefused};
use ozg_web::TlsIdentityError;

pub(crate) use self::storage::{key, store, verify};
use crate::{
    config::SecretUnavailable,
    demo::{AlfaTrouble, Awaited, DemoError},
    sandbox::{InvalidArgs, KeyFileError, SandboxError},
    sender::client::SendError,
    serve::{RunError, data_schemas::DataSchemaError, settings::SettingsError},
};

/// What the operating system says. Its own words are English; the number of the error stays for a search.
pub(crate) fn system(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    let known = match error.kind() {
        Kind::NotFound => "gibt es nicht",
        Kind::PermissionDenied => "keine Berechtigung",
        Kind::AlreadyExists => "gibt es schon",
        Kind::AddrInUse => "Adresse belegt",
        Kind::AddrNotAvailable => "keine Adresse dieser Maschine",
        Kind::ConnectionRefused => "Verbindung abgelehnt",
        Kind::ConnectionReset | Kind::BrokenPipe | Kind::ConnectionAborted => "Verbindung abgebrochen",
        Kind::TimedOut => "keine Antwort in der Zeit",
        Kind::NotADirectory => "kein Verzeichnis",
        Kind::IsADirectory => "ist ein Verzeichnis",
        Kind::ReadOnlyFilesystem => "Dateisystem ist schreibgeschützt",
        Kind::StorageFull => "kein Platz mehr",
        Kind::QuotaExceeded => "Kontingent ausgeschöpft",
        Kind::UnexpectedEof => "endet zu früh",
        Kind::InvalidData => "Inhalt nicht lesbar",
        Kind::OutOfMemory => "kein Speicher",
        _ => "Fehler beim Lesen oder Schreiben",
    };
    match error.raw_os_error() {
        Some(number) => format!("{known}, Systemfehler {number}"),
        None => known.to_owned(),
    }
}

/// Why a key in JWK form is refused.
pub(crate) fn jwk(refused: &JwkRefused) -> String {
    match refused {
        JwkRefused::NotAnObject => "ist kein JWK (JSON)".to_owned(),
        JwkRefused::KeyType => "`kty` ist nicht RSA".to_owned(),
        JwkRefused::Algorithm => "`alg` ist weder RSA-OAEP-256 noch PS512".to_owned(),
        JwkRefused::Operations => "`key_ops` passt nicht zu `alg`, oder ist kein privater Schlüssel".to_owned(),
        JwkRefused::Kid => "`kid` fehlt oder hat nicht 8 bis 64 Zeichen".to_owned(),
        JwkRefused::Size { bits } => format!("hat {bits} Bit; erlaubt sind 4096 bis 8192"),
        JwkRefused::Modulus => "`n` ist keine Zahl in base64url".to_owned(),
        JwkRefused::Exponent => "`e` ist nicht AQAB".to_owned(),
        JwkRefused::Certificates => "`x5c` ist nicht lesbar".to_owned(),
        JwkRefused::Private(member) => format!("`{member}` fehlt oder ist nicht lesbar"),
        JwkRefused::NotPublic | JwkRefused::Unusable => "die Zahlen ergeben keinen brauchbaren Schlüssel".to_owned(),
    }
}

/// Why a secret is not to be had.
pub(crate) fn secret(unavailable: &SecretUnavailable) -> String {
    match unavailable {
        SecretUnavailable::NoCredentials => {
            "als Credential benannt, aber $CREDENTIALS_DIRECTORY ist hier nicht gesetzt".to_owned()
        }
        SecretUnavailable::File(source) => format!("kann nicht gelesen werden ({})", system(source)),
        SecretUnavailable::NotAFile => "ist keine Datei".to_owned(),
        SecretUnavailable::Exposed { mode } => format!("ist für andere lesbar (Rechte {mode:04o})"),
        SecretUnavailable::Foreign { owner, us } => format!("gehört Benutzer {owner}, das Programm läuft als {us}"),
        SecretUnavailable::Empty => "ist leer".to_owned(),
        SecretUnavailable::TooLarge => "ist zu groß für ein Geheimnis".to_owned(),
    }
}

/// Why the server does not run.
pub(crate) fn run(error: &RunError) -> String {
    match error {
        RunError::Settings(error) => settings(error),
        RunError::Start(error) => start(error),
        RunError::Outbound(error) => outbound(*error),
        RunError::Web(error) => format!("{} kann nicht geöffnet werden ({})", error.address, system(&error.source)),
        RunError::Signals(error) => format!("Signale sind nicht zu empfangen ({})", system(error)),
    }
}

/// What of the configuration cannot be used.
pub(crate) fn settings(error: &SettingsError) -> String {
    match error {
        SettingsError::Secret { name, source } => format!("{name}: {}", secret(source)),
        SettingsError::NoText(name) => format!("{name}: ist kein Text in UTF-8"),
        SettingsError::Key { name, source } => format!("{name}: {}", jwk(source)),
        SettingsError::File { path, source } => format!("{}: {}", path.display(), system(source)),
        SettingsError::Schema(error) => data_schema(error),
        SettingsError::Tls(TlsIdentityError::Unreadable(_)) => {
            "server.tls: Zertifikat oder Schlüssel ist kein lesbares PEM".to_owned()
        }
        SettingsError::Tls(TlsIdentityError::Unusable(_)) => {
            "server.tls: Zertifikat und Schlüssel passen nicht zusammen oder sind von unbekannter Art".to_owned()
        }
        SettingsError::Root(path) => format!("{}: enthält kein Zertifikat", path.display()),
    }
}

fn data_schema(error: &DataSchemaError) -> String {
    match error {
        DataSchemaError::File { path, source } => format!("{}: {}", path.display(), system(source)),
        DataSchemaError::Json { directory, source } => format!("{}: {}", directory.display(), schema(source)),
        DataSchemaError::Xml(path) => format!("{}: ist kein XML-Schema, das sich verwenden lässt", path.display()),
        DataSchemaError::Missing { path, location } => {
            format!("{}: bindet {location} ein, und diese Datei fehlt", path.display())
        }
        DataSchemaError::Twice(uri) => format!("für {uri} sind zwei XML-Schemas genannt"),
    }
}

fn schema(refused: &SchemaRefused) -> String {
    match refused {
        SchemaRefused::Unnamed => "eine Datei ist kein JSON-Schema mit `$id`".to_owned(),
        SchemaRefused::Unusable(id) => format!("das Schema {id} ist nicht zu verwenden"),
    }
}

/// Why the hierarchy does not start.
pub(crate) fn start(error: &StartError) -> String {
    match error {
        StartError::Key { tenant, source } => format!("{tenant}: {}", key(source)),
        StartError::Store { tenant, source } => format!("{tenant}: {}", store(source)),
        StartError::Twice(what) => format!("{what} ist zweimal vergeben"),
        StartError::Threads(source) => format!("Arbeiter lassen sich nicht starten ({})", system(source)),
        StartError::Hierarchy => "die Akteure starten nicht; warum, steht im Log".to_owned(),
    }
}

/// Why an order to the house was not carried out.
pub(crate) fn ask(error: &AskError) -> String {
    let words = match error {
        AskError::NotFound => "nicht gefunden",
        AskError::Forbidden => "nicht erlaubt",
        AskError::Busy { .. } => "gerade zu viel zu tun; noch einmal versuchen",
        AskError::Disturbed => "nach wiederholten Fehlern angehalten; warum, steht im Log",
        AskError::Draining => "wird gerade beendet",
        AskError::Unavailable => "die Daten sind nicht zu lesen oder zu schreiben; warum, steht im Log",
    };
    words.to_owned()
}

/// Why the HTTP client cannot be set up.
pub(crate) fn outbound(error: OutboundError) -> String {
    let words = match error {
        OutboundError::Authority => "outbound.root_certificates: eine der Dateien enthält kein Zertifikat",
        OutboundError::Tls => "TLS lässt sich nicht einrichten",
        OutboundError::UserAgent => "der Name des Programms kann nicht in einer Kopfzeile stehen",
    };
    words.to_owned()
}

/// Why a call brought nothing, after whoever was called.
pub(crate) fn call(error: &CallError) -> String {
    match error {
        CallError::Network(_) => "ist nicht zu erreichen".to_owned(),
        CallError::Timeout | CallError::TooSlow => "antwortet nicht in der Zeit".to_owned(),
        CallError::Status(refused) => format!("antwortet mit Status {}", refused.status.as_u16()),
        CallError::Redirected(_) => "leitet weiter; das wird mit einem Token nicht befolgt".to_owned(),
        CallError::TooLarge => "antwortet mit mehr, als erlaubt ist".to_owned(),
        CallError::Busy => "ist mit zu vielen Anfragen zugleich belegt".to_owned(),
    }
}

/// Why the sandbox does not run.
pub(crate) fn sandbox(error: &SandboxError) -> String {
    match error {
        SandboxError::Listen { address, source } => {
            format!("{address} kann nicht geöffnet werden ({})", system(source))
        }
        SandboxError::Tls(source) => format!("TLS-Zertifikat oder -Schlüssel: {}", system(source)),
        SandboxError::Roots(_) => "die Zertifikate für Callbacks sind nicht zu verwenden".to_owned(),
        SandboxError::Key(error) => key_file(error),
        SandboxError::KeyRefused(refused) => format!("der Signaturschlüssel {}", jwk(refused)),
        SandboxError::Seed(what) => format!("die Anfangsdaten werden abgelehnt; im Wortlaut: {what}"),
    }
}

/// Why the sandbox's seed cannot be read.
pub(crate) fn seed(error: &InvalidArgs) -> String {
    match error {
        InvalidArgs::Unreadable { path, source } => format!("{}: {}", path.display(), system(source)),
        InvalidArgs::Malformed { path, source } => {
            format!("{}:{}:{}: nicht, wie es erwartet wird", path.display(), source.line(), source.column())
        }
    }
}

fn key_file(error: &KeyFileError) -> String {
    match error {
        KeyFileError::File { path, source } => format!("Schlüsseldatei {}: {}", path.display(), system(source)),
        KeyFileError::Refused { path, source } => format!("Schlüsseldatei {}: {}", path.display(), jwk(source)),
        KeyFileError::Make(_) => "ein Schlüssel ließ sich nicht erzeugen".to_owned(),
        KeyFileError::Randomness => "das Betriebssystem gibt keinen Zufall".to_owned(),
        KeyFileError::Interrupted => "das Erzeugen der Schlüssel wurde abgebrochen".to_owned(),
    }
}

/// Why the demo does not run.
pub(crate) fn demo(error: &DemoError) -> String {
    match error {
        DemoError::File { path, source } => format!("{}: {}", path.display(), system(source)),
        DemoError::Keys(error) => key_file(error),
        DemoError::NoRandomness => "das Betriebssystem gibt keinen Zufall".to_owned(),
        DemoError::Process { name, log } => {
            format!("`ozg-cloud {name}` läuft nicht; warum, steht in {}", log.display())
        }
        DemoError::Command { command, said } => format!("`ozg-cloud {command}` ist gescheitert: {said}"),
        DemoError::PortTaken { port, option } => {
            format!("Port {port} ist belegt; mit {option} einen anderen wählen")
        }
        DemoError::Transport(_) => "Verbindungen lassen sich nicht einrichten".to_owned(),
        DemoError::Send(error) => send(error),
        DemoError::TooLate(Awaited::Start) => "Testgegenstelle oder Server antworten nicht in der Zeit".to_owned(),
        DemoError::TooLate(Awaited::Acceptance) => "der erste Antrag wurde nicht in der Zeit angenommen".to_owned(),
        DemoError::TooLate(Awaited::Case) => "der erste Vorgang war nicht in der Zeit in Alfa zu sehen".to_owned(),
        DemoError::Alfa(AlfaTrouble::Silent) => "Alfa antwortet nicht".to_owned(),
        DemoError::Alfa(AlfaTrouble::SignIn) => {
            "Alfa lässt das Konto der Demo nicht ein; ein anderes Verzeichnis mit --directory beginnt von vorn"
                .to_owned()
        }
        DemoError::Alfa(AlfaTrouble::List) => "Alfa zeigt die Liste nicht".to_owned(),
    }
}

/// Why nothing could be sent to the sandbox.
pub(crate) fn send(error: &SendError) -> String {
    match error {
        SendError::Transport(_) => "die Testgegenstelle ist nicht zu erreichen".to_owned(),
        SendError::TooSlow => "die Testgegenstelle antwortet nicht in der Zeit".to_owned(),
        SendError::Refused { step, status, .. } => {
            format!("die Testgegenstelle lehnt einen Antrag ab ({}: {})", self::step(step), status.as_u16())
        }
        SendError::Unexpected { step } => format!("die Testgegenstelle antwortet unerwartet ({})", self::step(step)),
        SendError::Key(refused) => format!("der Schlüssel des Zustellpunkts {}", jwk(refused)),
        SendError::Encryption(_) => "das Verschlüsseln ist gescheitert".to_owned(),
    }
}

/// What a sender tried.
fn step(step: &'static str) -> &'static str {
    match step {
        "token" => "Token",
        "destination" => "Angaben zum Zustellpunkt",
        "destination key" => "Schlüssel des Zustellpunkts",
        "announce" => "Ankündigung",
        "upload" => "Anhang",
        "submit" => "Einreichung",
        "event log" => "Ereignisprotokoll",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_missing_file_is_told_in_german_with_the_number_of_the_system() {
        let error = std::fs::read("/nicht/da").expect_err("is missing");
        assert_eq!(system(&error), "gibt es nicht, Systemfehler 2");
    }

    #[test]
    fn a_refused_start_names_what_and_why_once() {
        let path = PathBuf::from("/etc/ozg/x.pem");
        let source = std::fs::read("/nicht/da").expect_err("is missing");
        let error = RunError::Settings(SettingsError::File { path, source });
        assert_eq!(run(&error), "/etc/ozg/x.pem: gibt es nicht, Systemfehler 2");
        let key = StartError::Key {
            tenant: "musterstadt".parse().expect("valid"),
            source: ozg_storage::keys::KeyError::Malformed,
        };
        assert_eq!(start(&key), "musterstadt: die Datei enthält keinen Schlüssel (64 hexadezimale Ziffern)");
    }
}
