//! The same pages in Chromium (`browser-tests/pages.mjs`): accessibility, policy, the way without script, live changes.

use std::{path::Path, process::Stdio};

use crate::town::{HOST, PASSWORD, Town};

#[tokio::test(flavor = "multi_thread")]
async fn chromium_finds_the_pages_as_they_should_be() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser-tests");
    if !Path::new("/usr/bin/chromium").exists() || !tests.join("node_modules").exists() {
        eprintln!(
            "SKIPPED: pages in Chromium need /usr/bin/chromium and `npm ci --ignore-scripts` in web/browser-tests"
        );
        return;
    }
    let town = Town::founded().await;
    for number in 1..=12 {
        town.receives(number, "32").await;
    }
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    let login = |name: &str| format!("{name}:{PASSWORD}");
    let run = tokio::process::Command::new("node")
        .arg(tests.join("pages.mjs"))
        .args(["--base", &town.server.address_of(HOST), "--caseworker", &login("erika")])
        .args(["--mailroom", &login("rita"), "--operator", &login("oskar")])
        .arg("--shots")
        .arg(&shots)
        .stdin(Stdio::null())
        .output()
        .await
        .expect("node runs");
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{said}");
    println!("{said}pictures in {}", shots.display());
    town.closes().await;
}
