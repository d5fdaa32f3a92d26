//! The data directory: can we write there, does what we write survive, and is there room.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use super::Finding;
use crate::german;

/// Looks at the directory that all tenants' data lie in, and at the reserve below which intake stops.
pub(super) fn examine(directory: &Path, reserve_mib: u64) -> Vec<Finding> {
    let shown = directory.display();
    if let Err(error) = fs::metadata(directory) {
        let what = format!("Datenverzeichnis {shown} ist nicht zu sehen ({})", german::system(&error));
        return vec![Finding::error(
            what,
            format!("mkdir -m 700 -p {shown}; es muss dem Benutzer des Dienstes gehören"),
        )];
    }
    let written = match probe(directory) {
        Ok(()) => Finding::good(format!("Datenverzeichnis {shown}: schreiben, fsync und umbenennen")),
        Err(error) => Finding::error(
            format!(
                "Datenverzeichnis {shown}: schreiben, fsync oder umbenennen geht nicht ({})",
                german::system(&error)
            ),
            "ein lokales Dateisystem (ext4, xfs) mit Schreibrecht für den Benutzer des Dienstes verwenden",
        ),
    };
    vec![written, room(directory, reserve_mib)]
}

/// What the store does for every record: write, fsync, rename, fsync the directory.
fn probe(directory: &Path) -> io::Result<()> {
    let (new, renamed) = (directory.join(".doctor.new"), directory.join(".doctor"));
    let tried = (|| {
        let mut file = fs::File::create(&new)?;
        file.write_all(b"probe")?;
        file.sync_all()?;
        fs::rename(&new, &renamed)?;
        fs::File::open(directory)?.sync_all()?;
        let read = fs::read(&renamed)?;
        if read == b"probe" {
            Ok(())
        } else {
            Err(io::Error::other("was gelesen wird, ist nicht, was geschrieben wurde"))
        }
    })();
    for left in [&new, &renamed] {
        match fs::remove_file(left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound && tried.is_ok() => return Err(error),
            _ => {}
        }
    }
    tried
}

fn room(directory: &Path, reserve_mib: u64) -> Finding {
    let space = match rustix::fs::statvfs(directory) {
        Ok(space) => space,
        Err(error) => {
            let what = format!(
                "Freier Platz in {} ist nicht festzustellen ({})",
                directory.display(),
                german::system(&error.into())
            );
            return Finding::warning(what, "mit `df` nachsehen");
        }
    };
    let free_mib = (space.f_bavail.saturating_mul(space.f_frsize)) >> 20;
    if free_mib < reserve_mib {
        let what = format!(
            "Freier Platz: {free_mib} MiB, weniger als die Reserve von {reserve_mib} MiB: der Eingang bliebe zu"
        );
        Finding::error(what, "Platz schaffen, oder `storage.reserve_mib` senken")
    } else if free_mib < reserve_mib.saturating_mul(4) {
        let what = format!("Freier Platz: {free_mib} MiB; bei {reserve_mib} MiB schließt der Eingang");
        Finding::warning(what, "bald Platz schaffen")
    } else {
        Finding::good(format!("Freier Platz: {free_mib} MiB"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn a_good_directory_is_left_as_it_was() {
        let directory = tempfile::tempdir().expect("a directory");
        let findings = examine(directory.path(), 1);
        assert_eq!(findings[0].severity, Severity::Good, "{}", findings[0]);
        assert_eq!(fs::read_dir(directory.path()).expect("listed").count(), 0);
    }

    #[test]
    fn a_missing_directory_is_an_error_with_the_command_that_makes_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let findings = examine(&directory.path().join("fehlt"), 1);
        assert_eq!(findings[0].severity, Severity::Error);
        assert!(findings[0].remedy.as_deref().is_some_and(|remedy| remedy.starts_with("mkdir")));
    }

    #[test]
    fn too_little_room_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(room(directory.path(), u64::MAX).severity, Severity::Error);
    }
}
