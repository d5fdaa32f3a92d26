//! The stage of a figure that needs the whole program: the world of the whole-program tests, and what its processes need.

use std::fs;

use serde_json::Value;

use crate::world::{Process, World};

/// Lays a world out and starts its sandbox, which calls nobody back: whoever is not there yet would be called for long.
pub async fn set() -> World {
    let mut world = World::lay();
    let file = world.path("seed.json");
    let mut seed: Value = serde_json::from_slice(&fs::read(&file).expect("was written")).expect("JSON");
    for destination in seed["destinations"].as_array_mut().expect("a list") {
        destination.as_object_mut().expect("an object").remove("callback");
    }
    fs::write(&file, seed.to_string()).expect("written");
    world.start_sandbox().await;
    world
}

/// Forgets the most memory a process had; what it has now, in bytes.
pub fn memory_from_now(process: &Process) -> f64 {
    // 5: the kernel starts the peak anew (proc(5)).
    fs::write(format!("/proc/{}/clear_refs", process.id()), "5").expect("our own child");
    memory(process, "VmRSS")
}

/// The most memory a process had resident since then, in bytes.
pub fn peak_memory(process: &Process) -> f64 {
    memory(process, "VmHWM")
}

fn memory(process: &Process, kind: &str) -> f64 {
    let kib: f64 = process.status(kind).trim_end_matches(" kB").parse().expect("a number");
    kib * 1024.0
}
