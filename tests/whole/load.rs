//! `ozg-cloud load` against a sandbox with a server behind it, and against nobody.

use std::process::Output;

use crate::world::World;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

async fn load(world: &World, more: &[&str]) -> Output {
    let seed = world.path("seed.json").display().to_string();
    let base = format!("http://127.0.0.1:{}", world.sandbox_port);
    let mut command = world.program(&[&["load", "--sandbox", &base, "--seed-file", &seed], more].concat());
    tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_says_how_many_were_accepted_and_how_long_that_took() {
    let world = World::open().await;
    let driven = load(&world, &["--rate", "8", "--seconds", "2", "--attachment-kib", "1"]).await;
    let said = said(&driven);
    assert!(driven.status.success(), "{said}");
    assert!(said.contains("16 eingereicht") && said.contains("16 angenommen, 0 abgelehnt"), "{said}");
    assert!(said.contains("bis zur Annahme") && said.contains("angenommen in ≤"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_nobody_accepts_ends_with_1() {
    let mut world = World::open().await;
    world.kill_server();
    let driven = load(&world, &["--rate", "2", "--seconds", "1", "--patience", "1", "--attachment-kib", "1"]).await;
    let said = said(&driven);
    assert_eq!(driven.status.code(), Some(1), "{said}");
    assert!(said.contains("2 eingereicht") && said.contains("2 ohne Antwort"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_without_a_sandbox_says_what_to_start() {
    let world = World::lay();
    let driven = load(&world, &[]).await;
    assert_eq!(driven.status.code(), Some(1));
    assert!(said(&driven).contains("läuft dort `ozg-cloud sandbox`"), "{}", said(&driven));
}
