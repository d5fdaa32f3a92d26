//! Sees to it that `assets/` is there and of today; makes nothing itself and never runs npm.

use std::{fs, path::Path};

/// What `make-assets` lays there of others; our own files are compared with `static/`.
const OF_OTHERS: [&str; 5] = ["kern.css", "htmx.js", "fira-sans.woff2", "fira-sans-semibold.woff2", "noto-sans.woff2"];

fn main() {
    println!("cargo::rerun-if-changed=assets");
    println!("cargo::rerun-if-changed=static");
    if !complete() {
        println!(
            "cargo::error=the style sheets, fonts and scripts in web/assets are missing or old: run `make assets`"
        );
    }
}

fn complete() -> bool {
    let same = |name: &str| match (fs::read(Path::new("static").join(name)), fs::read(Path::new("assets").join(name))) {
        (Ok(ours), Ok(laid)) => ours == laid,
        _ => false,
    };
    let names = |folder: fs::ReadDir| folder.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let own = fs::read_dir("static").is_ok_and(|folder| names(folder).all(|name| same(&name)));
    own && OF_OTHERS.iter().all(|name| Path::new("assets").join(name).is_file())
}
