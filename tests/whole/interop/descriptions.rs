//! schemathesis reads a description (OpenAPI) and tries what it promises, with good calls and with bad ones.
//!
//! Against the sandbox it is the official description of the Submission API 1.1.3, which is not part of the project.

use std::{env, path::PathBuf, process::Command};

use super::{
    aside, counterpart, driver,
    guest::{Guest, token},
    shared, show,
};
use crate::world::World;

/// What is looked at in every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,ignored_auth,negative_data_rejection";

/// Runs schemathesis; its complaints fail the test. `OZG_INTEROP_SEED` makes it try other calls.
#[expect(clippy::disallowed_methods, reason = "a number of a test, not a setting of the program")]
fn check(description: &PathBuf, url: &str, values: &[(&str, String)]) {
    let seed = env::var("OZG_INTEROP_SEED").unwrap_or_else(|_| "1".to_owned());
    // It leaves notes where it runs.
    let directory = tempfile::tempdir().expect("a directory");
    let output = Command::new(counterpart("schemathesis/bin/schemathesis"))
        .arg("--config-file")
        .arg(driver("schemathesis/schemathesis.toml"))
        .args(["run", "--url", url, "--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing", "-n", "20", "--seed", &seed])
        .args(["--generation-database", "none", "--no-color"])
        .arg(description)
        .current_dir(directory.path())
        .env("PYTHONPATH", driver("schemathesis"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(values.iter().map(|(name, value)| (*name, value)))
        .output()
        .expect("schemathesis starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let tried = said.split_once("Test cases:\n").map_or("", |(_, told)| told.lines().next().unwrap_or_default());
    show(tried.trim());
}

#[tokio::test]
#[ignore = "needs a counterpart: make interop"]
async fn the_sandbox_keeps_every_promise_of_the_official_description() {
    let Some(description) = shared("data/fitconnect/submission-api-1.1.3.yaml") else { return };
    let mut world = World::lay();
    world.start_sandbox().await;
    let guest = Guest::move_in(&world).await;
    let (_, receipt) = guest.receive(&world).await;
    let values = [
        ("OZG_TOKEN", token(&world, &guest.account()).await),
        ("OZG_DESTINATION", guest.destination.to_string()),
        ("OZG_KEY", guest.keys.decryption.kid.to_string()),
        ("OZG_SUBMISSION", receipt.submission_id.to_string()),
        ("OZG_ATTACHMENT", guest.parcel.attachments[0].id.to_string()),
        ("OZG_CASE", receipt.case_id.to_string()),
    ];
    let url = guest.urls.submission;
    aside(move || check(&description, &url, &values)).await;
}
