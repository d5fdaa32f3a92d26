//! The habits that no compiler checks. Each test names the files that break one.

use std::{fmt::Write as _, path::Path};

use crate::sources::{Source, product, root, rust, with_endings};

/// Fails with the list of what was found.
#[track_caller]
fn none(rule: &str, found: impl IntoIterator<Item = String>) {
    let mut list = String::new();
    for line in found {
        writeln!(list, "  {line}").expect("written to a string");
    }
    assert!(list.is_empty(), "{rule}:\n{list}");
}

/// The lines that `wrong` is true for, as `path:line: text`.
fn lines(source: &Source, wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let numbered = source.text.lines().enumerate().filter(|(_, line)| wrong(line));
    numbered.map(|(at, line)| format!("{}:{}: {}", source.path, at + 1, line.trim())).collect()
}

/// A word that must not stand in this file either: the halves are joined here only.
fn word(left: &str, right: &str) -> String {
    format!("{left}{right}")
}

#[test]
fn every_file_says_what_lives_in_it() {
    let silent = |source: &Source| !source.text.starts_with("//! ");
    none("a Rust file opens with `//!`", rust().into_iter().filter(silent).map(|source| source.path));
}

#[test]
fn no_file_is_longer_than_500_lines() {
    let long = |source: Source| {
        let lines = source.text.lines().count();
        (lines > 500).then(|| format!("{}: {lines} lines", source.path))
    };
    none("a Rust file has at most 500 lines", rust().into_iter().filter_map(long));
}

#[test]
fn a_module_is_named_by_its_file() {
    let named_mod = |source: &Source| source.path.ends_with("/mod.rs");
    none("no mod.rs", rust().into_iter().filter(named_mod).map(|source| source.path));
}

#[test]
fn nothing_is_left_for_later() {
    let later =
        [word("todo", "!("), word("unimplemented", "!("), word("FIX", "ME"), word("TO", "DO"), word("XX", "X:")];
    let found = |source: Source| lines(&source, |line| later.iter().any(|word| line.contains(word.as_str())));
    none("open ends belong into an issue", rust().into_iter().flat_map(found));
}

#[test]
fn no_lint_is_switched_off_without_a_reason() {
    let (outer, inner) = (word("#[", "allow("), word("#![", "allow("));
    let bare = |line: &str| line.contains(outer.as_str()) || line.contains(inner.as_str());
    let found = |source: Source| lines(&source, bare);
    none("use #[expect(…, reason = …)]", rust().into_iter().flat_map(found));
}

#[test]
fn nothing_is_called_manager_util_or_helper() {
    let kinds = ["struct ", "enum ", "trait ", "type "];
    let vague = [word("Man", "ager"), word("Ut", "il"), word("Ut", "ils"), word("Hel", "per"), word("Hel", "pers")];
    let declared = |line: &str| {
        let declaration = kinds.iter().find_map(|kind| line.split_once(kind)).map(|(_, rest)| rest);
        let name = declaration.and_then(|rest| rest.split(|c: char| !c.is_alphanumeric()).next()).unwrap_or_default();
        !line.trim_start().starts_with("//") && vague.iter().any(|vague| name.ends_with(vague.as_str()))
    };
    let file = |path: &str| {
        let name = Path::new(path).file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        vague.iter().any(|vague| name == vague.to_lowercase())
    };
    let found = |source: Source| {
        let mut found = lines(&source, declared);
        found.extend(file(&source.path).then(|| source.path.clone()));
        found
    };
    none("a type and a file are named by the noun they are", rust().into_iter().flat_map(found));
}

#[test]
fn a_test_skips_in_the_one_way_that_is_seen() {
    let (macros, skip) = (["print!(", "println!("], word("skip", "ped"));
    let said = |line: &str| {
        let line = line.to_lowercase();
        line.contains(&skip) && macros.iter().any(|written| line.contains(written))
    };
    let found = |source: Source| lines(&source, said);
    none("what the print macros say of a skip is captured: call `skipped`", rust().into_iter().flat_map(found));
}

#[test]
fn no_path_of_somebodys_machine_is_written_down() {
    let places = [word("/wo", "rk/"), word("/ro", "ot/"), word("/ho", "me/"), word("/tm", "p/t/"), word("/Us", "ers/")];
    let machine = |line: &str| places.iter().any(|place| line.contains(place.as_str()));
    let endings = [
        "rs",
        "toml",
        "md",
        "sh",
        "js",
        "mjs",
        "json",
        "service",
        "Makefile",
        "Containerfile",
        "run",
        "need",
        "build-image",
        "make-assets",
    ];
    let found = |source: Source| lines(&source, machine);
    none("a path of one machine", with_endings(&endings).into_iter().flat_map(found));
}

#[test]
fn bincode_lives_in_the_codec_and_redb_in_the_storage() {
    let uses = |source: &Source, name: &str| {
        let path = format!("{name}::");
        let used = source.product().filter(|(_, line)| line.contains(&path)).collect::<Vec<_>>();
        used.into_iter().map(|(at, line)| format!("{}:{at}: {}", source.path, line.trim())).collect::<Vec<_>>()
    };
    let found = |source: Source| {
        let mut found = Vec::new();
        if source.path != "storage/src/codec.rs" {
            found.extend(uses(&source, "bincode"));
        }
        if !source.path.starts_with("storage/src/") {
            found.extend(uses(&source, "redb"));
        }
        found
    };
    none("one place each", product().into_iter().flat_map(found));
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    let mut dead = Vec::new();
    for source in with_endings(&["md"]) {
        let base = root().join(&source.path);
        let links = source.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let file = link.split('#').next().unwrap_or_default();
            if !base.parent().expect("in a directory").join(file).exists() {
                dead.push(format!("{}: {link}", source.path));
            }
        }
    }
    none("a link leads nowhere", dead);
}
