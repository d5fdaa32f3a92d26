//! The same pages in Chromium (`browser-tests/pages.mjs`): accessibility, policy, the way without script, live changes.

use std::{path::Path, process::Stdio};

use crate::{
    skipped::skipped,
    town::{HOST, PASSWORD, Town},
};

/// The least version of Node that playwright-core runs on (`engines` in its package.json).
const LEAST_NODE: u32 = 20;

/// The names of Chromium, also in `.ci/need`.
const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Where a Chromium lies that runs. A stub that only asks for a package of another kind is none.
async fn chromium() -> Option<String> {
    for name in CHROMIUM {
        let probe = ["-c", "command -v \"$0\" && \"$0\" --version >&2", name];
        let tried = tokio::process::Command::new("sh").args(probe).stdin(Stdio::null()).output().await;
        if let Some(found) = tried.ok().filter(|tried| tried.status.success()) {
            return Some(String::from_utf8(found.stdout).ok()?.trim().to_owned());
        }
    }
    None
}

/// The first number of the version of Node; nothing where there is none.
async fn node_version() -> Option<u32> {
    let output = tokio::process::Command::new("node").arg("--version").stdin(Stdio::null()).output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Whether the two packages are there, or could be fetched.
async fn installed(tests: &Path) -> bool {
    if tests.join("node_modules/playwright-core").exists() && tests.join("node_modules/axe-core").exists() {
        return true;
    }
    let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    let fetched =
        tokio::process::Command::new("npm").args(options).current_dir(tests).stdin(Stdio::null()).status().await;
    fetched.is_ok_and(|status| status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_finds_the_pages_as_they_should_be() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser-tests");
    let Some(chromium) = chromium().await else {
        skipped(format_args!("pages in Chromium: none of {CHROMIUM:?} runs (apt-get install chromium)"));
        return;
    };
    let node = node_version().await.unwrap_or_default();
    if node < LEAST_NODE {
        skipped(format_args!("pages in Chromium: Node {LEAST_NODE} or newer is needed, here is {node}"));
        return;
    }
    if !installed(&tests).await {
        skipped("pages in Chromium: playwright-core and axe-core are needed, npm ci in web/browser-tests failed");
        return;
    }
    let town = Town::founded().await;
    let erika = town.signed_in("erika").await;
    for number in 1..=12 {
        let case = town.receives(number, "32").await;
        // The widest rows: long words for where a case stands, and somebody in charge.
        for step in ["annehmen", "bearbeiten"].iter().take(number as usize % 3) {
            erika.steps(case, step).await;
        }
    }
    town.cannot_read(1).await;
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    let login = |name: &str| format!("{name}:{PASSWORD}");
    let run = tokio::process::Command::new("node")
        .arg(tests.join("pages.mjs"))
        .args(["--base", &town.server.address_of(HOST), "--caseworker", &login("erika")])
        .args(["--mailroom", &login("rita"), "--operator", &login("oskar")])
        .args(["--chromium", &chromium, "--shots"])
        .arg(&shots)
        .stdin(Stdio::null())
        .output()
        .await
        .expect("node runs");
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{said}");
    for why in said.lines().filter_map(|line| line.strip_prefix("SKIPPED: ")) {
        skipped(format_args!("pages in Chromium: {why}"));
    }
    println!("{said}pictures in {}", shots.display());
    town.closes().await;
}
