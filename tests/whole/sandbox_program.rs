//! `ozg-cloud sandbox` as a process of its own: it says what it is and where, serves its seed, and ends when told to.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use http_body_util::BodyExt;
use ozg_cloud::{
    sandbox::{Scope, Seed},
    sender::transport::{self, Transport},
};

use crate::sandbox_town::{client, keys};

/// Ends the process with the test, however that ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn the_sandbox_is_a_process_that_says_what_it_is_and_ends_when_told() {
    keys();
    let directory = tempfile::tempdir().expect("a directory");
    let seed = Seed { clients: vec![client("sender", &[Scope::SendSubmissions], &[])], ..Seed::default() };
    let file = directory.path().join("seed.json");
    fs::write(&file, serde_json::to_string(&seed).expect("JSON")).expect("written");
    let key = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox-program-key.jwk.json");
    let child = Command::new(env!("CARGO_BIN_EXE_ozg-cloud"))
        .args(["sandbox", "--listen", "127.0.0.1:0", "--fault", "server-error,times=1,status=502"])
        .args([std::ffi::OsStr::new("--seed"), file.as_os_str(), "--service-key".as_ref(), key.as_os_str()])
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut process = Process(child);
    let mut lines = BufReader::new(process.0.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    assert!(lines.next().expect("a line").contains("Testgegenstelle, kein FIT-Connect"));
    let base = lines.next().expect("a line").split_whitespace().nth(1).expect("an address").to_owned();

    let transport = Transport::new(None).expect("a transport");
    let ask = async || {
        let form = "grant_type=client_credentials&client_id=sender&client_secret=sender-secret";
        let request = http::Request::post(format!("{base}/auth/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(transport::full(form))
            .expect("a request");
        let answer = transport.send(request).await.expect("an answer");
        let status = answer.status().as_u16();
        answer.into_body().collect().await.expect("a body");
        status
    };
    assert_eq!((ask().await, ask().await), (502, 200));

    let id = process.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
    assert!(process.0.wait().expect("it ends").success());
}
