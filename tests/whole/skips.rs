//! What a test passes over is never passed over in silence.

use std::{env, fs, process::Command};

use crate::skipped::skipped;

#[test]
#[ignore = "run by the test below"]
fn passes_itself_over() {
    skipped("nothing is missing");
}

#[test]
fn a_skip_is_seen_though_its_test_passes_and_is_noted_for_the_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let noted = directory.path().join("noted");
    for lines in 1..=2 {
        let ran = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", "--ignored", "skips::passes_itself_over"])
            .env("OZG_SKIPPED", &noted)
            .output()
            .expect("it runs");
        let seen = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success() && seen.lines().any(|line| line == "SKIPPED: nothing is missing"), "{seen}");
        assert_eq!(fs::read_to_string(&noted).expect("noted"), "SKIPPED: nothing is missing\n".repeat(lines));
    }
}
