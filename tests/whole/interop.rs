//! Strangers' code against ours: programs that nobody here wrote, driven by small ones in `tests/interop`.
//!
//! `make interop` (`tests/interop/run`) installs the counterparts and runs these tests one by one; a plain `make test`
//! passes them over. A counterpart is told what to do by one JSON document and answers with another.

#[path = "interop/descriptions.rs"]
mod descriptions;
#[path = "interop/fitconnect.rs"]
mod fitconnect;
#[path = "interop/guest.rs"]
mod guest;
#[path = "interop/java.rs"]
mod java;
#[path = "interop/prism.rs"]
mod prism;
#[path = "interop/vectors.rs"]
mod vectors;

use std::{
    env,
    ffi::OsStr,
    io::Write as _,
    panic,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::skipped::skipped;

/// Where `make interop` put the counterpart of this name.
#[expect(clippy::disallowed_methods, reason = "a test is told by the environment where strangers' code lies")]
fn counterpart(name: &str) -> PathBuf {
    let installed = env::var_os("OZG_INTEROP").expect("OZG_INTEROP names the directory that `make interop` fills");
    Path::new(&installed).join(name)
}

/// What the project must not carry with it, where it lies beside the checkout.
#[expect(clippy::disallowed_methods, reason = "tests find the shared data by the environment")]
fn shared(path: &str) -> Option<PathBuf> {
    let shared = env::var_os("OZG_SHARED").map_or_else(|| crate::sources::root().join("../shared"), PathBuf::from);
    let found = shared.join(path);
    if found.exists() {
        return Some(found);
    }
    skipped(format_args!("{path} is not beside the checkout"));
    None
}

/// Shows how much was done.
#[expect(clippy::print_stdout, reason = "`tests/interop/run` reads it from there")]
fn show(line: impl AsRef<str>) {
    println!("  {}", line.as_ref());
}

/// A program of ours that drives strangers' code.
fn driver(name: &str) -> PathBuf {
    crate::sources::root().join("tests/interop").join(name)
}

/// Runs a counterpart to its end and gives what it told. What it complains about fails the test.
fn ask<A: AsRef<OsStr>>(program: &Path, arguments: &[A], told: &Value) -> Value {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    // A counterpart that ends early is judged by what it said, not by the broken pipe.
    drop(child.stdin.take().expect("a pipe").write_all(told.to_string().as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Lets a program run to its end while the runtime goes on. Its complaint is the test's.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => panic::resume_unwind(failed.into_panic()),
    }
}
