//! `ozg-cloud demo`: a town out of nothing that checks itself, and one that lives until it is asked to end.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    thread,
    time::Duration,
};

use http::Request;
use http_body_util::BodyExt as _;
use ozg_cloud::{
    demo::{ACCOUNTS, PASSWORD, visitor::Visitor},
    sender::transport::{self, Transport},
};
use rustix::process::{Signal, kill_process};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    sandbox_town::now,
    world::{free_ports, pid},
};

/// How long a debug build beside others may take for anything here.
const PATIENCE: Duration = Duration::from_secs(120);

fn demo(directory: &Path, [port, sandbox_port]: [u16; 2], more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ozg-cloud"));
    command
        .args(["demo", "--seed", "1", "--port", &port.to_string(), "--sandbox-port", &sandbox_port.to_string()])
        .args(more)
        .arg("--directory")
        .arg(directory)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A demo that runs. Dropped, it is asked to end, so that its processes end too.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.try_wait().expect("a child").is_none() {
            kill_process(pid(&self.0), Signal::TERM).expect("it runs");
            drop(self.0.wait());
        }
    }
}

impl Running {
    fn start(mut command: Command) -> (Self, BufReader<ChildStdout>) {
        let mut child = command.spawn().expect("the program starts");
        let said = BufReader::new(child.stdout.take().expect("a pipe"));
        (Self(child), said)
    }

    /// Sends the signal and waits until it has ended.
    fn end(mut self, signal: Signal) -> ExitStatus {
        kill_process(pid(&self.0), signal).expect("it runs");
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < until, "it does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Both processes of a demo have ended.
fn are_free(ports: [u16; 2]) {
    for port in ports {
        TcpListener::bind(("127.0.0.1", port)).unwrap_or_else(|error| panic!("port {port}: {error}"));
    }
}

#[test]
fn a_demo_town_checks_itself_and_says_both_times_and_when_they_were_too_long() {
    let (directory, ports) = (tempfile::tempdir().expect("a directory"), free_ports());
    let begun = now();
    let patience = PATIENCE.as_secs().to_string();
    let check = |within| -> Output {
        demo(directory.path(), ports, &["--check", "--within", within]).output().expect("the program starts")
    };
    let ended = check(&patience);
    let said = text(&ended.stdout);
    assert!(ended.status.success(), "{said}{}", text(&ended.stderr));
    let seconds = |line: &str| {
        let told = said.lines().find_map(|told| told.strip_prefix(line)).unwrap_or_else(|| panic!("{line}: {said}"));
        told.trim_end_matches(" s").replace(',', ".").parse::<f64>().expect("seconds")
    };
    let accepted = seconds("Erster Antrag: angenommen nach ");
    let visible = seconds("Erster Vorgang: in Alfa sichtbar nach ");
    let all = Duration::from_secs(u64::try_from(now().seconds() - begun.seconds() + 1).expect("later"));
    assert!(0.0 < accepted && accepted <= visible && visible <= all.as_secs_f64(), "{accepted} {visible} {all:?}");

    let (late, ended) = ("in Alfa zu sehen; zugesagt sind 0 s", check("0"));
    assert_eq!(ended.status.code(), Some(1));
    assert!(text(&ended.stderr).contains(late), "{}", text(&ended.stderr));
    are_free(ports);
}

#[test]
fn a_taken_port_is_named_before_anything_is_made() {
    let (directory, ports) = (tempfile::tempdir().expect("a directory"), free_ports());
    let town = directory.path().join("stadt");
    for (port, option) in [(ports[0], "--port"), (ports[1], "--sandbox-port")] {
        let _taken = TcpListener::bind(("127.0.0.1", port)).expect("free");
        let ended = demo(&town, ports, &[]).output().expect("the program starts");
        assert_eq!(ended.status.code(), Some(1));
        let named = format!("Port {port} ist belegt; mit {option} einen anderen wählen");
        assert!(text(&ended.stderr).contains(&named), "{}", text(&ended.stderr));
        assert!(!town.exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_town_interrupted_while_it_is_made_leaves_nothing_running_and_lives_the_next_time() {
    let (directory, ports) = (tempfile::tempdir().expect("a directory"), free_ports());
    let (made, _said) = Running::start(demo(directory.path(), ports, &[]));
    let until = Instant::now() + PATIENCE;
    while !directory.path().join("daten/musterstadt").exists() {
        assert!(Instant::now() < until, "no tenant is made");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(made.end(Signal::INT).success());
    are_free(ports);
    // However far it came in the meantime: this is what it leaves before it has finished a tenant.
    for tenant in ["musterstadt", "kleinau"] {
        drop(fs::remove_file(directory.path().join(format!("{tenant}.settled"))));
    }

    let (town, said) = Running::start(demo(directory.path(), ports, &["--every", "1"]));
    let greeting: Vec<String> = tokio::task::spawn_blocking(move || greeting(said)).await.expect("no panic");
    let address = format!("http://musterstadt.localhost:{}", ports[0]);
    assert!(greeting.contains(&format!("Stadt Musterstadt: {address}")), "{greeting:?}");
    assert!(greeting.iter().any(|line| line.contains(PASSWORD)), "{greeting:?}");
    let transport = Transport::new(None).expect("a transport");
    for account in ACCOUNTS {
        assert!(greeting.iter().any(|line| line.trim().starts_with(account.user)), "{greeting:?}");
        let visitor = Visitor::sign_in(transport.clone(), address.clone(), account.user, PASSWORD);
        visitor.await.unwrap_or_else(|error| panic!("{}: {error}", account.user));
    }
    let until = Instant::now() + PATIENCE;
    while destinations_with_accepts(&transport, ports[1]).await.len() < 3 {
        assert!(Instant::now() < until, "not every destination accepts");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(town.end(Signal::TERM).success());
    are_free(ports);
}

#[test]
fn a_killed_demo_takes_its_processes_along() {
    let (directory, ports) = (tempfile::tempdir().expect("a directory"), free_ports());
    let (mut town, _said) = Running::start(demo(directory.path(), ports, &[]));
    let until = Instant::now() + PATIENCE;
    while !ports.iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok()) {
        assert!(town.0.try_wait().expect("a child").is_none() && Instant::now() < until, "they do not listen");
        thread::sleep(Duration::from_millis(20));
    }
    let processes: Vec<u32> =
        running().into_iter().filter(|(_, parent)| *parent == town.0.id()).map(|(id, _)| id).collect();
    assert_eq!(processes.len(), 2, "sandbox and server");
    town.0.kill().expect("it runs");
    town.0.wait().expect("a child");
    let until = Instant::now() + PATIENCE;
    while running().iter().any(|(id, _)| processes.contains(id)) {
        assert!(Instant::now() < until, "they live on");
        thread::sleep(Duration::from_millis(20));
    }
    are_free(ports);
}

/// The processes of this machine that have not ended, each with its parent.
fn running() -> Vec<(u32, u32)> {
    let all = fs::read_dir("/proc").expect("a list of processes").flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|id: u32| {
        // `id (name) state parent …`; one that has ended and whose parent does not look is a `Z`.
        let line = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let mut words = line.rsplit_once(')')?.1.split_whitespace();
        (words.next()? != "Z").then_some((id, words.next()?.parse().ok()?))
    })
    .collect()
}

/// What it says until everything is said.
fn greeting(mut said: BufReader<ChildStdout>) -> Vec<String> {
    let mut lines = Vec::new();
    while !lines.last().is_some_and(|line: &String| line.contains("Strg+C")) {
        let mut line = String::new();
        assert!(said.read_line(&mut line).expect("text") > 0, "it ended: {lines:?}");
        lines.push(line.trim_end().to_owned());
    }
    // Whoever stops reading would end it.
    thread::spawn(move || said.read_to_end(&mut Vec::new()));
    lines
}

/// The destinations of the submissions that the sandbox has seen an acceptance of.
async fn destinations_with_accepts(transport: &Transport, sandbox_port: u16) -> BTreeSet<String> {
    let place = format!("http://127.0.0.1:{sandbox_port}/sandbox/submissions?state=accepted&limit=500");
    let request = Request::get(place).body(transport::empty()).expect("a request");
    let answer = transport.send(request).await.expect("an answer").into_body().collect().await.expect("a body");
    let state: Value = serde_json::from_slice(&answer.to_bytes()).expect("JSON");
    let accepted = state["submissions"].as_array().expect("a list").iter();
    accepted.map(|one| one["destinationId"].as_str().expect("an id").to_owned()).collect()
}
