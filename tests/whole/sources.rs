//! The project's own files, as text. What git does not keep (`target`, `node_modules`, fetched assets) is left out.

use std::{
    fs,
    path::{Path, PathBuf},
};

const SKIPPED: [&str; 6] = ["target", ".git", "node_modules", "web/assets", "demo-data", "fixtures"];

/// A file of the project.
pub(crate) struct Source {
    /// Its path from the root of the project, with forward slashes.
    pub(crate) path: String,
    /// What stands in it.
    pub(crate) text: String,
}

impl Source {
    /// The lines that are part of the product, with their numbers from 1: no comments, and no item marked `#[cfg(test)]`.
    pub(crate) fn product(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut test = Test::No;
        let lines = self.text.lines().enumerate().map(|(at, line)| (at + 1, line));
        lines.filter(move |(_, line)| test.follow(line) && !line.trim_start().starts_with("//"))
    }

    /// The files that are declared here as `#[cfg(test)] mod name;`, without their ending.
    fn test_files(&self) -> Vec<String> {
        let directory = self.path.trim_end_matches(".rs").trim_end_matches("/lib").to_owned();
        let declared = self.text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| rest.lines().next());
        let names = declared.filter_map(|line| line.strip_suffix(';')?.split_once("mod "));
        names.map(|(_, name)| format!("{directory}/{name}")).collect()
    }
}

/// Where in a file the walk is: outside of test items, at the head of one, or in the body of one.
enum Test {
    No,
    Head,
    Body,
}

impl Test {
    /// Takes the next line; true if it belongs to the product. rustfmt puts the end of an item where its head began.
    fn follow(&mut self, line: &str) -> bool {
        let before = std::mem::replace(self, Self::No);
        *self = match before {
            Self::No if line == "#[cfg(test)]" => Self::Head,
            Self::Head if line.starts_with("#[") => Self::Head,
            Self::Head if !line.ends_with([';', '}']) => Self::Body,
            Self::Body if line != "}" => Self::Body,
            _ => Self::No,
        };
        matches!((before, &self), (Self::No, Self::No))
    }
}

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file.
pub(crate) fn rust() -> Vec<Source> {
    let files = with_endings(&["rs"]);
    assert!(files.len() > 50, "only {} Rust files found: does the walk still work?", files.len());
    files
}

/// Every Rust file of the product: none that only tests use.
pub(crate) fn product() -> Vec<Source> {
    let mut files = rust();
    let tests: Vec<String> = files.iter().flat_map(Source::test_files).collect();
    let of_a_test = |path: &str| {
        path.starts_with("tests/")
            || tests
                .iter()
                .any(|test| path.strip_prefix(test.as_str()).is_some_and(|rest| rest.starts_with(['.', '/'])))
    };
    files.retain(|source| !of_a_test(&source.path));
    files
}

/// Every file whose name ends like this; an ending without a dot also names a whole file (`Makefile`).
pub(crate) fn with_endings(endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    walk(&root(), &root(), &mut found);
    let wanted = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        endings.iter().any(|ending| name == *ending || path.extension().is_some_and(|given| given == *ending))
    };
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Source { path: relative(&path, &root()), text }
    };
    found.into_iter().filter(|path| wanted(path)).map(read).collect()
}

fn walk(directory: &Path, root: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(directory).expect("listed").map(|entry| entry.expect("an entry")).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = relative(&path, root);
        if SKIPPED.iter().any(|skipped| name == *skipped || name.ends_with(&format!("/{skipped}"))) {
            continue;
        }
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            walk(&path, root, found);
        } else if kind.is_file() {
            found.push(path);
        }
    }
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).expect("below the root").display().to_string()
}

#[test]
fn what_only_tests_see_is_no_part_of_the_product() {
    let text =
        "//! a\nuse a;\n#[cfg(test)]\n#[expect(x)]\nfn t() {\n    b\n}\nfn c() {}\n#[cfg(test)]\nmod golden;\nmod d;\n";
    let source = Source { path: "x/a.rs".into(), text: text.into() };
    let product: Vec<_> = source.product().collect();
    assert_eq!(product, [(2, "use a;"), (8, "fn c() {}"), (11, "mod d;")]);
    assert_eq!(source.test_files(), ["x/a/golden"]);
}
