//! Words for what may be wrong with a tenant's key and store.

use ozg_storage::{
    blob::BlobError, journal::JournalError, keys::KeyError, notary::NotaryError, ring::RingError, seal::SealError,
    tenant_store::StoreError, verify::VerifyError,
};

use super::system;

const NO_RANDOMNESS: &str = "das Betriebssystem gibt keinen Zufall";

/// What the journal says is wrong with it, in the words of storage and in German; a test compares with the sources.
#[rustfmt::skip]
const DAMAGE: [(&str, &str); 33] = [
    ("the journal is older than its reader", "das Journal ist älter als schon Gelesenes"),
    ("the record is missing", "der Datensatz fehlt"),
    ("the record does not decode", "der Datensatz ist nicht lesbar"),
    ("the record cannot be read", "der Datensatz ist nicht zu lesen"),
    ("it does not decode", "er ist nicht lesbar"),
    ("the record does not continue its stream", "der Datensatz setzt seinen Strom nicht fort"),
    ("it does not continue its stream's versions", "er setzt die Zählung seines Stroms nicht fort"),
    ("it does not continue its stream's chain", "er setzt die Verkettung seines Stroms nicht fort"),
    ("its stream was found damaged before", "sein Strom war schon als beschädigt vermerkt"),
    ("its events do not decode", "seine Ereignisse sind nicht lesbar"),
    ("its stream commits to another key", "sein Strom ist auf einen anderen Schlüssel festgelegt"),
    ("it is not authentic", "er ist nicht echt: verändert oder aus anderem Zusammenhang"),
    ("its key is missing", "sein Schlüssel fehlt"),
    ("the file breaks its reader", "die Datei lässt sich nicht lesen"),
    ("the file's own checks fail", "die Prüfsummen der Datei stimmen nicht"),
    ("the foundation is missing", "der Gründungseintrag fehlt"),
    ("the ring's length is missing", "die Länge des Schlüsselrings fehlt"),
    ("the ring's length is broken", "die Länge des Schlüsselrings ist nicht lesbar"),
    ("an effect is missing", "ein Eintrag des Ausgangs fehlt"),
    ("an effect has no target", "ein Eintrag des Ausgangs hat kein Ziel"),
    ("effects are counted wrongly", "die Einträge des Ausgangs sind falsch gezählt"),
    ("an effect has no stream", "ein Eintrag des Ausgangs gehört zu keinem Strom"),
    ("an effect of it is never due", "ein Eintrag des Ausgangs wird nie fällig"),
    ("the row of its stream contradicts the log", "der Stand seines Stroms widerspricht dem Journal"),
    ("how far the rows reach is broken", "wie weit die Stände der Ströme reichen, ist nicht lesbar"),
    ("the rows of streams know it, and it is missing", "die Stände der Ströme kennen ihn, im Journal fehlt er"),
    ("the row of a stream is missing", "der Stand eines Stroms fehlt"),
    ("a snapshot does not open", "ein Schnappschuss lässt sich nicht öffnen"),
    ("a small record does not open", "ein kleiner Datensatz lässt sich nicht öffnen"),
    ("a table is of another type", "eine Tabelle ist von anderer Art"),
    ("a table is missing", "eine Tabelle fehlt"),
    ("a row does not decode", "eine Zeile ist nicht lesbar"),
    ("a new key does not belong to the ring", "ein neuer Schlüssel gehört nicht zum Schlüsselring"),
];

fn damage(what: &str) -> &str {
    DAMAGE.iter().find(|(english, _)| *english == what).map_or(what, |(_, german)| german)
}

/// What is wrong with a tenant's key.
pub(crate) fn key(error: &KeyError) -> String {
    match error {
        KeyError::File(source) => format!("der Schlüssel ist nicht zu lesen oder zu schreiben ({})", system(source)),
        KeyError::Exists => "es gibt schon einen Schlüssel; mit --existing-key wird er genommen".to_owned(),
        KeyError::Exposed { mode } => format!("der Schlüssel ist für andere lesbar (Rechte {mode:04o}); chmod 600"),
        KeyError::Malformed => "die Datei enthält keinen Schlüssel (64 hexadezimale Ziffern)".to_owned(),
        KeyError::NoRandomness(_) => NO_RANDOMNESS.to_owned(),
    }
}

fn ring(error: &RingError) -> String {
    match error {
        RingError::File(source) => format!("die Datei ist nicht zu lesen ({})", system(source)),
        RingError::Foreign { found } => format!("gehört zum Mandantenschlüssel {found}"),
        RingError::Damaged { entry: 0 } => "der Kopf ist nicht, was geschrieben wurde".to_owned(),
        RingError::Damaged { entry } => format!("der {entry}. Eintrag ist nicht, was geschrieben wurde"),
        RingError::Missing(id) => format!("der Schlüssel {id} fehlt"),
        RingError::Erased(id) => format!("der Schlüssel {id} ist gelöscht"),
        RingError::NoRandomness(_) => NO_RANDOMNESS.to_owned(),
    }
}

/// What is wrong with a store.
pub(crate) fn store(error: &StoreError) -> String {
    match error {
        StoreError::NotEmpty => "das Verzeichnis des Mandanten ist nicht leer".to_owned(),
        StoreError::Absent => "noch nicht angelegt (ozg-cloud tenant init)".to_owned(),
        StoreError::Unfinished => "nie fertig angelegt; das Verzeichnis löschen und neu anlegen".to_owned(),
        StoreError::InUse => "ein anderer Prozess hat die Daten geöffnet".to_owned(),
        StoreError::ForeignKey { found, given } => {
            format!("die Daten gehören zum Schlüssel {found}, nicht zu {given}")
        }
        StoreError::ForeignTenant => "die Daten gehören einem anderen Mandanten".to_owned(),
        StoreError::File(source) => format!("die Daten sind nicht zu lesen oder zu schreiben ({})", system(source)),
        StoreError::Ring(error) => format!("Schlüsselring: {}", ring(error)),
        StoreError::Journal(error) => format!("Journal: {}", journal(error)),
        StoreError::Seal(error) => format!("Siegel: {}", seal(error)),
        StoreError::NoRandomness(_) => NO_RANDOMNESS.to_owned(),
    }
}

fn journal(error: &JournalError) -> String {
    match error {
        JournalError::UnknownOutcome => "ob geschrieben wurde, ist nicht bekannt".to_owned(),
        JournalError::Full => "kein Platz mehr".to_owned(),
        JournalError::Damaged { record: 0, what } => format!("BESCHÄDIGT außerhalb der Datensätze: {}", damage(what)),
        JournalError::Damaged { record, what } => format!("BESCHÄDIGT ab Datensatz {record}: {}", damage(what)),
        JournalError::Unavailable => "ist nicht zu lesen".to_owned(),
        JournalError::Invalid(_) => "ein Auftrag hat eine unzulässige Form".to_owned(),
    }
}

fn seal(error: &SealError) -> String {
    match error {
        SealError::Key(error) => ring(error),
        SealError::NotAuthentic => "nicht echt: verändert oder aus anderem Zusammenhang".to_owned(),
        SealError::Codec(_) => "der Inhalt ist nicht lesbar".to_owned(),
        SealError::TooLong => "der Inhalt ist zu lang".to_owned(),
        SealError::KeyUnknown => "der Schlüssel des Stroms ist nicht bekannt".to_owned(),
        SealError::NoRandomness(_) => NO_RANDOMNESS.to_owned(),
    }
}

/// What `verify` found.
pub(crate) fn verify(error: &VerifyError) -> String {
    match error {
        VerifyError::Journal { record: 0, what, .. } => {
            format!("BESCHÄDIGT außerhalb der Datensätze: {}", damage(what))
        }
        VerifyError::Journal { record, what, .. } => format!("BESCHÄDIGT ab Datensatz {record}: {}", damage(what)),
        VerifyError::OtherHistory { record } => {
            format!("VERÄNDERT: die Datensätze bis {record} sind nicht die des Prüfpunkts")
        }
        VerifyError::ForeignCheckpoint { record } => {
            format!("der Prüfpunkt über {record} Datensätze gehört zu anderen Daten")
        }
        VerifyError::TooOld { newest, record } => {
            format!("ZU ALT: endet bei Datensatz {newest}, der Prüfpunkt kennt {record}")
        }
        VerifyError::Store(error) => store(error),
        VerifyError::Ring(error) => format!("BESCHÄDIGT, Schlüsselring: {}", ring(error)),
        VerifyError::Blob(error) => format!("BESCHÄDIGT, Anhang: {}", blob(error)),
        VerifyError::Lost { record, blob } => {
            format!("BESCHÄDIGT, Anhang: {blob} fehlt; Datensatz {record} nennt ihn")
        }
        VerifyError::Checkpoints(error) => format!("BESCHÄDIGT, Prüfpunkte: {}", notary(error)),
        VerifyError::File(source) => format!("die Daten sind nicht zu lesen ({})", system(source)),
    }
}

fn blob(error: &BlobError) -> String {
    match error {
        BlobError::File(source) => format!("die Datei ist nicht zu lesen ({})", system(source)),
        BlobError::Missing(id) => format!("{id} fehlt"),
        BlobError::Damaged { id, chunk } => format!("{id}, ab Block {chunk}"),
        BlobError::Key(error) => ring(error),
    }
}

fn notary(error: &NotaryError) -> String {
    match error {
        NotaryError::File(source) => format!("die Datei ist nicht zu lesen ({})", system(source)),
        NotaryError::Damaged { line } => format!("Zeile {line} ist nicht, was geschrieben wurde"),
        NotaryError::OutOfOrder { found, after } => format!("Datensatz {found} kam nach Datensatz {after}"),
        NotaryError::Journal(_) => "das Journal ist nicht das, für das unterschrieben wurde".to_owned(),
        NotaryError::Key => "der Schlüssel des Notars unterschreibt nicht".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use ozg_protocols::ids::BlobId;

    use super::*;

    /// The texts in `damaged(…, "…")` and `broken(…, "…")` of storage, read from its sources.
    fn reasons(directory: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).expect("is there").map(|entry| entry.expect("is readable").path()) {
            if entry.is_dir() {
                reasons(&entry, found);
                continue;
            }
            let source = fs::read_to_string(&entry).expect("a source");
            for call in ["damaged(", "broken("] {
                let calls = source.match_indices(call).filter_map(|(at, _)| source[at..].split_once(')'));
                let texts = calls.filter_map(|(arguments, _)| arguments.split('"').nth(1));
                found.extend(texts.map(str::to_owned));
            }
        }
    }

    #[test]
    fn every_reason_that_storage_gives_has_german_words() {
        let mut found = Vec::new();
        reasons(&Path::new(env!("CARGO_MANIFEST_DIR")).join("storage/src"), &mut found);
        found.retain(|what| what.contains(' ') && !what.contains('{'));
        assert!(found.len() >= 20, "{found:?}");
        for what in found {
            assert_ne!(damage(&what), what, "without German words");
        }
    }

    #[test]
    fn damage_of_ring_and_files_is_told_in_german() {
        let ring = verify(&VerifyError::Ring(RingError::Damaged { entry: 10 }));
        assert_eq!(ring, "BESCHÄDIGT, Schlüsselring: der 10. Eintrag ist nicht, was geschrieben wurde");
        let id = BlobId::from_u128(1);
        let blob = verify(&VerifyError::Blob(BlobError::Damaged { id, chunk: 2 }));
        assert_eq!(blob, format!("BESCHÄDIGT, Anhang: {id}, ab Block 2"));
    }

    #[test]
    fn the_first_broken_record_is_named() {
        let error = VerifyError::Journal { record: 17, stream: None, what: "the record is missing" };
        assert_eq!(verify(&error), "BESCHÄDIGT ab Datensatz 17: der Datensatz fehlt");
    }
}
