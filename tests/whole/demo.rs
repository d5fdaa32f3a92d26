//! `ozg-cloud demo --check`: a town out of nothing, its first case accepted and visible, both times told.

use std::{net::TcpListener, process::Command, time::Duration};

use crate::sandbox_town::now;

#[test]
fn a_demo_town_checks_itself_and_says_both_times() {
    let directory = tempfile::tempdir().expect("a directory");
    let held = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let [port, sandbox_port] = held.map(|listener| listener.local_addr().expect("an address").port().to_string());
    let begun = now();
    let ended = Command::new(env!("CARGO_BIN_EXE_ozg-cloud"))
        .args(["demo", "--check", "--seed", "1", "--port", &port, "--sandbox-port", &sandbox_port])
        .arg("--directory")
        .arg(directory.path())
        .env_clear()
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    let seconds = |line: &str| {
        let told = said.lines().find_map(|told| told.strip_prefix(line)).unwrap_or_else(|| panic!("{line}: {said}"));
        told.trim_end_matches(" s").replace(',', ".").parse::<f64>().expect("seconds")
    };
    let accepted = seconds("Erster Antrag: angenommen nach ");
    let visible = seconds("Erster Vorgang: in Alfa sichtbar nach ");
    let all = Duration::from_secs(u64::try_from(now().seconds() - begun.seconds() + 1).expect("later"));
    assert!(0.0 < accepted && accepted <= visible && visible <= all.as_secs_f64(), "{accepted} {visible} {all:?}");
}
