//! The program as an operator runs it: started as a process, judged by what it prints and how it ends.

use std::{
    fs,
    process::{Command, Output},
};

/// The program with a clean environment.
fn ozg_cloud(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ozg-cloud"));
    command.args(arguments).env_clear();
    command
}

fn ended(command: &mut Command) -> Output {
    command.output().expect("the program starts")
}

#[test]
fn the_example_of_the_configuration_passes_its_own_check() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("ozg-cloud.toml");
    let example = ended(&mut ozg_cloud(&["config", "example"]));
    fs::write(&file, example.stdout).expect("written");
    let checked = ended(ozg_cloud(&["config", "check", "--config"]).arg(&file));
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn a_broken_configuration_ends_with_1_and_says_where() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("ozg-cloud.toml");
    fs::write(&file, "[server]\ndata_dri = 'x'\n").expect("written");
    let checked = ended(ozg_cloud(&["config", "check"]).env("OZG_CONFIG", &file));
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(said.contains("ozg-cloud.toml:2: `server.data_dri` ist unbekannt; gemeint ist wohl `data_dir`"), "{said}");
}

#[test]
fn the_doctor_ends_with_1_when_the_data_directory_is_missing() {
    let directory = tempfile::tempdir().expect("a directory");
    let example = ended(&mut ozg_cloud(&["config", "example"])).stdout;
    let file = directory.path().join("ozg-cloud.toml");
    fs::write(&file, example).expect("written");
    let missing = directory.path().join("fehlt");
    let examined = ended(ozg_cloud(&["doctor"]).env("OZG_CONFIG", &file).env("OZG_SERVER__DATA_DIR", &missing));
    assert_eq!(examined.status.code(), Some(1));
    let said = String::from_utf8_lossy(&examined.stdout);
    assert!(said.contains("mkdir -m 700"), "{said}");
}
