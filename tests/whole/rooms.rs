//! The rooms of the house and the directions between them: arrows point down only. Stated as absences.

use std::{collections::BTreeSet, fs};

use crate::sources::{product, root};

/// A room, what it must not depend on, and the rooms below it that it may.
struct Room {
    directory: &'static str,
    absent: &'static [&'static str],
    below: &'static [&'static str],
}

const RUNTIMES: [&str; 3] = ["tokio", "actix", "ractor"];
const WEB: [&str; 7] = ["warp", "hyper", "hyper-util", "http", "tower", "tower-http", "askama"];

#[rustfmt::skip]
const ROOMS: [Room; 4] = [
    Room { directory: "protocols", absent: &["redb", "bincode", "tracing"],                       below: &[] },
    Room { directory: "storage",   absent: &[],                                                   below: &["ozg-protocols"] },
    Room { directory: "actors",    absent: &["warp", "askama", "redb", "bincode", "tower-http"],  below: &["ozg-protocols", "ozg-storage"] },
    Room { directory: "web",       absent: &["redb", "bincode", "actix"],                         below: &["ozg-protocols", "ozg-actors"] },
];

fn manifest(directory: &str) -> toml::Table {
    let path = root().join(directory).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn dependencies(directory: &str) -> BTreeSet<String> {
    let found = dependencies_of(&manifest(directory), &manifest("."));
    assert!(!found.is_empty(), "{directory} has no dependencies: does this test still look in the right place?");
    found
}

/// The crates that a manifest makes part of the product, by their own names: on every platform, and in build scripts too.
fn dependencies_of(manifest: &toml::Table, workspace: &toml::Table) -> BTreeSet<String> {
    let below =
        |table: &toml::Table, key: &str| table.get(key).and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let shared = below(&below(workspace, "workspace"), "dependencies");
    let targets = below(manifest, "target");
    let places = targets.values().filter_map(toml::Value::as_table).chain([manifest]);
    let tables = places.flat_map(|place| ["dependencies", "build-dependencies"].map(|key| below(place, key)));
    let named = |(key, value): (String, toml::Value)| {
        let package = |value: &toml::Value| value.get("package").and_then(toml::Value::as_str).map(str::to_owned);
        package(&value).or_else(|| shared.get(&key).and_then(package)).unwrap_or(key)
    };
    tables.flatten().map(named).collect()
}

#[test]
fn a_dependency_is_found_under_every_name_and_in_every_table() {
    let workspace: toml::Table =
        "[workspace.dependencies]\nframes = { package = 'hyper', version = '1' }".parse().expect("TOML");
    let manifest = "
        [dependencies]
        serde = '1'
        frames.workspace = true
        runtime = { package = 'tokio', version = '1' }
        [build-dependencies]
        warp = '0.4'
        [target.'cfg(unix)'.dependencies]
        redb = '4'
        [target.'cfg(unix)'.build-dependencies]
        actix = '0.13'
        [dev-dependencies]
        tempfile = '3'
    ";
    let found = dependencies_of(&manifest.parse().expect("TOML"), &workspace);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["actix", "hyper", "redb", "serde", "tokio", "warp"]);
}

#[test]
fn a_room_knows_only_what_lies_below_it() {
    for Room { directory, absent, below } in ROOMS {
        let found = dependencies(directory);
        for name in absent {
            assert!(!found.contains(*name), "{directory} depends on {name}");
        }
        let rooms = found.iter().filter(|name| name.starts_with("ozg-"));
        for room in rooms {
            assert!(below.contains(&room.as_str()), "{directory} depends on {room}, which does not lie below it");
        }
    }
}

#[test]
fn protocols_and_storage_run_without_a_runtime_and_without_the_web() {
    for directory in ["protocols", "storage"] {
        let found = dependencies(directory);
        for name in RUNTIMES.iter().chain(&WEB) {
            assert!(!found.contains(*name), "{directory} depends on {name}");
        }
    }
}

#[test]
fn every_crate_follows_the_lints_of_the_workspace() {
    for directory in [".", "protocols", "storage", "actors", "web"] {
        let inherits = manifest(directory).get("lints").and_then(|lints| lints.get("workspace")).cloned();
        assert_eq!(inherits, Some(toml::Value::Boolean(true)), "{directory}");
    }
}

#[test]
fn protocols_do_no_io_and_never_wait() {
    let forbidden =
        ["std::fs", "std::net", "std::env", "std::thread", "std::process", "SystemTime", "async ", ".await"];
    for source in product().iter().filter(|source| source.path.starts_with("protocols/src/")) {
        for (at, line) in source.product() {
            let found = forbidden.iter().find(|word| line.contains(**word));
            assert!(found.is_none(), "{}:{at}: {}", source.path, line.trim());
        }
    }
}

#[test]
fn the_sandbox_judges_by_itself() {
    for source in product().iter().filter(|source| source.path.starts_with("src/sandbox")) {
        assert!(!uses_the_verification(&source.text), "{} uses the subscriber's verification", source.path);
    }
}

#[test]
fn a_use_of_the_verification_is_found_in_every_spelling() {
    for used in [
        "use ozg_protocols::fit_connect::verify::Verdict;",
        "use ozg_protocols::fit_connect::{jose::jws, verify};",
        "use ozg_protocols::{case, fit_connect::{set::{a, b}, verify::check}};",
        "ozg_protocols::fit_connect::verify::check()",
    ] {
        assert!(uses_the_verification(used), "{used}");
    }
    for other in [
        "use ozg_protocols::fit_connect::jose::jws::{read, verify};",
        "use ozg_protocols::fit_connect::{jose::{verify}, set};",
    ] {
        assert!(!uses_the_verification(other), "{other}");
    }
}

/// Whether a source names `fit_connect::verify`, in a path or at the first level of a group behind `fit_connect::`.
fn uses_the_verification(text: &str) -> bool {
    let text: String = text.split_whitespace().collect();
    text.split("fit_connect::").skip(1).any(|after| match after.strip_prefix('{') {
        Some(group) => first_level(group).iter().any(|item| names_it(item)),
        None => names_it(after),
    })
}

fn names_it(path: &str) -> bool {
    path.strip_prefix("verify").is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The items of a group, up to its closing brace, each from its beginning.
fn first_level(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items
}
