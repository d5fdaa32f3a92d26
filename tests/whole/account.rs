//! `ozg-cloud account add` at a terminal: it asks in German, and the password is not seen.

use std::{
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::{skipped::skipped, world::World};

const PASSWORD: &str = "am-terminal-getippt-2026";
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_password_that_is_typed_at_a_terminal_is_asked_for_twice_and_not_shown() {
    if Command::new("script").arg("--version").output().is_err() {
        skipped("the password at a terminal: `script` is needed to have one (apt-get install bsdutils)");
        return;
    }
    let world = World::lay();
    let program = world.program(&["account"]);
    let command = format!(
        "'{}' account add musterstadt selma --name Selma --role VERWALTUNG_USER",
        program.get_program().to_string_lossy()
    );
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("OZG_CONFIG", world.path("ozg-cloud.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script starts");
    let (mut terminal, mut typed) = (child.stdout.take().expect("a pipe"), child.stdin.take().expect("a pipe"));
    let (tell, shown) = mpsc::channel();
    thread::spawn(move || {
        let mut piece = [0; 1024];
        while let Ok(length) = terminal.read(&mut piece)
            && length > 0
            && tell.send(String::from_utf8_lossy(&piece[..length]).into_owned()).is_ok()
        {}
    });
    let mut all = String::new();
    // What is typed before it asks would be shown by the terminal.
    for question in ["Passwort für selma (mindestens 12 Zeichen): ", "Noch einmal: "] {
        while !all.contains(question) {
            all.push_str(&shown.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{question} is not asked: {all}")));
        }
        typed.write_all(format!("{PASSWORD}\n").as_bytes()).expect("it listens");
    }
    while let Ok(piece) = shown.recv_timeout(PATIENCE) {
        all.push_str(&piece);
    }
    assert!(child.wait().expect("ends").success(), "{all}");
    assert!(all.contains("Konto selma bei musterstadt gesetzt") && !all.contains(PASSWORD), "{all}");
}
