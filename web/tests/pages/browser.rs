//! The same pages in Chromium (`browser-tests/pages.mjs`): accessibility, policy, the way without script, live changes.

use std::{path::Path, process::Stdio};

use crate::town::{HOST, PASSWORD, Town};

/// The least version of Node that playwright-core runs on (`engines` in its package.json).
const LEAST_NODE: u32 = 20;

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
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let Some(chromium) = known.into_iter().find(|path| Path::new(path).exists()) else {
        eprintln!("SKIPPED: pages in Chromium need one of {known:?} (apt-get install chromium)");
        return;
    };
    let node = node_version().await.unwrap_or_default();
    if node < LEAST_NODE {
        eprintln!("SKIPPED: pages in Chromium need Node {LEAST_NODE} or newer, here is {node}");
        return;
    }
    if !installed(&tests).await {
        eprintln!("SKIPPED: pages in Chromium need playwright-core and axe-core: npm ci in web/browser-tests failed");
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
        .args(["--chromium", chromium, "--shots"])
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
