//! The command line: one file per command, each with its arguments and a `run`.
//!
//! A new command is a file here, a row in [`Command`] and its line in [`Command::run`]. Commands speak German, because
//! operators do; they write to the output they are given and hold no logic of their own.

mod account;
mod bar;
mod config;
mod demo;
mod doctor;
mod load;
mod refused;
mod sandbox;
mod serve;
mod stdin;
mod store;
mod tenant;
mod verify;

use std::{
    ffi::OsString,
    fmt::Display,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{ArgAction, Parser, Subcommand};
use ozg_actors::seams::{Clock as _, WallClock};
use ozg_protocols::moment::Moment;

use crate::{
    config::{Environment, Loaded, Problems, place},
    german,
};

/// OZG-Cloud: Online-Anträge annehmen, bearbeiten und beantworten.
#[derive(Debug, Parser)]
#[command(
    name = "ozg-cloud",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    disable_help_subcommand = true,
    subcommand_value_name = "BEFEHL",
    help_template = "{about}\n\nAufruf: {usage}\n\nBefehle:\n{subcommands}\n\nOptionen:\n{options}\n"
)]
struct Arguments {
    /// Datei der Konfiguration; sonst gilt OZG_CONFIG, sonst /etc/ozg-cloud/ozg-cloud.toml
    #[arg(long, global = true, value_name = "DATEI")]
    config: Option<PathBuf>,
    /// Zeigt diese Hilfe
    #[arg(short, long, global = true, action = ArgAction::Help)]
    help: Option<bool>,
    /// Zeigt die Version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
enum Command {
    Account(account::Arguments),
    Config(config::Arguments),
    Demo(demo::Arguments),
    Doctor(doctor::Arguments),
    Load(load::Arguments),
    Sandbox(Box<sandbox::Arguments>),
    Serve(serve::Arguments),
    Tenant(tenant::Arguments),
    Verify(verify::Arguments),
}

impl Command {
    fn run(self, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
        match self {
            Self::Account(arguments) => arguments.run(context),
            Self::Config(arguments) => arguments.run(context),
            Self::Demo(arguments) => arguments.run(context),
            Self::Doctor(arguments) => arguments.run(context),
            Self::Load(arguments) => arguments.run(context),
            Self::Sandbox(arguments) => arguments.run(context),
            Self::Serve(arguments) => arguments.run(context),
            Self::Tenant(arguments) => arguments.run(context),
            Self::Verify(arguments) => arguments.run(context),
        }
    }
}

/// What a command works with.
struct Context<'o> {
    config: PathBuf,
    environment: Environment,
    out: &'o mut dyn Write,
}

impl Context<'_> {
    /// Writes a line.
    fn say(&mut self, line: impl Display) -> Result<(), Failure> {
        writeln!(self.out, "{line}").map_err(Failure::Output)
    }

    /// The time of day.
    fn now(&self) -> Moment {
        wall_clock()
    }

    /// Reads the configuration.
    fn load(&self) -> Result<Loaded, Failure> {
        Loaded::from_file(&self.config, &self.environment).map_err(Failure::Configuration)
    }
}

/// The clock of this machine.
fn wall_clock() -> Moment {
    WallClock.now()
}

/// Why a command ended without doing its work.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("Die Konfiguration hat Fehler:\n{}", lines(.0))]
    Configuration(Problems),
    #[error("{0}")]
    Refused(String),
    #[error("die Ausgabe kann nicht geschrieben werden ({})", german::system(.0))]
    Output(io::Error),
    #[error("das Betriebssystem gibt nicht, was das Programm braucht ({})", german::system(.0))]
    System(io::Error),
}

impl Failure {
    /// A refusal in German.
    const fn refused(why: String) -> Self {
        Self::Refused(why)
    }
}

fn lines(Problems(problems): &Problems) -> String {
    problems.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n")
}

/// Reads the arguments and runs the command: exit code 0 when all is well, 1 when not, 2 for arguments that make no sense.
pub fn main<'o>(
    arguments: impl IntoIterator<Item = OsString>,
    environment: Environment,
    out: &'o mut dyn Write,
    errors: &'o mut dyn Write,
) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(shown) => {
            let (channel, code) = if shown.use_stderr() { (errors, 2) } else { (out, 0) };
            let written = channel.write_all(refused::in_german(&shown).as_bytes());
            return ExitCode::from(if written.is_ok() { code } else { 2 });
        }
    };
    let config = place(arguments.config, &environment);
    match arguments.command.run(&mut Context { config, environment, out }) {
        Ok(code) => code,
        // Whoever closed the pipe (`ozg-cloud config show | head`) has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing is left to tell it to when the error channel is gone too.
            let _ = writeln!(errors, "{failure}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn run(arguments: &[&str], environment: Environment) -> (ExitCode, String, String) {
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let arguments = ["ozg-cloud"].iter().chain(arguments).map(OsString::from);
        let code = main(arguments, environment, &mut out, &mut errors);
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (code, text(out), text(errors))
    }

    fn with_example() -> (tempfile::TempDir, Environment) {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("ozg.toml");
        std::fs::write(&file, crate::config::EXAMPLE).expect("written");
        let environment = [("OZG_CONFIG", file.display().to_string())].into_iter().collect();
        (directory, environment)
    }

    #[test]
    fn the_commands_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn help_is_german_and_names_every_command() {
        let (code, out, _) = run(&["--help"], Environment::default());
        assert_eq!(code, ExitCode::SUCCESS);
        for command in Arguments::command().get_subcommands() {
            assert!(out.contains(&format!("\n  {}", command.get_name())), "{out}");
        }
        assert!(out.contains("Befehle:") && !out.contains("Print help"), "{out}");
    }

    #[test]
    fn a_word_nobody_knows_is_refused_with_exit_code_2() {
        let (code, _, errors) = run(&["kaffee"], Environment::default());
        assert_eq!(code, ExitCode::from(2));
        assert!(errors.contains("den Befehl `kaffee` gibt es nicht") && errors.contains("--help"), "{errors}");
    }

    #[test]
    fn what_is_wrong_with_arguments_is_told_in_german_with_exit_code_2() {
        #[rustfmt::skip]
        let wrong: [(&[&str], &str); 10] = [
            (&[], "es fehlt ein Befehl"),
            (&["serv"], "den Befehl `serv` gibt es nicht"),
            (&["serve", "--prot"], "das Argument `--prot` gibt es hier nicht"),
            (&["demo", "--port"], "für `--port <PORT>` fehlt der Wert"),
            (&["demo", "--port", "achtzig"], "`achtzig` ist kein Wert für `--port <PORT>`: erwartet wird eine ganze Zahl"),
            (&["demo", "--port", "70000"], "`70000` ist kein Wert für `--port <PORT>`: erlaubt ist 0 bis 65535"),
            (&["tenant", "init"], "es fehlt: <KÜRZEL>"),
            (&["demo", "--check", "--check"], "`--check` darf nur einmal angegeben werden"),
            (&["tenant", "init", "a", "--key-file", "b", "--existing-key"], "schließen sich aus"),
            (&["account", "add", "muster", "erika", "--name", "c", "--role", "KOCH"], "es gibt diese Rollen: VERWALTUNG_USER"),
        ];
        for (arguments, says) in wrong {
            let (code, out, errors) = run(arguments, Environment::default());
            assert_eq!((code, out.as_str()), (ExitCode::from(2), ""), "{arguments:?}");
            assert!(errors.contains(says), "{arguments:?}: {errors}");
            assert!(errors.contains("--help"), "{errors}");
            for english in ["error:", "Usage", "OPTIONS", "value", "unexpected", "required", "found", "For more"] {
                assert!(!errors.contains(english), "{arguments:?}: {errors}");
            }
        }
    }

    #[test]
    fn the_help_of_every_command_is_german() {
        let english = ["Usage", "Options", "Commands", "Arguments", "default", "OPTIONS", "Print", "possible values"];
        let mut ways = vec![Vec::new()];
        for command in Arguments::command().get_subcommands() {
            let name = command.get_name().to_owned();
            ways.extend(command.get_subcommands().map(|below| vec![name.clone(), below.get_name().to_owned()]));
            ways.push(vec![name]);
        }
        for way in ways {
            let arguments: Vec<&str> = way.iter().map(String::as_str).chain(["--help"]).collect();
            let (code, out, errors) = run(&arguments, Environment::default());
            assert_eq!((code, errors.as_str()), (ExitCode::SUCCESS, ""), "{way:?}");
            for word in english {
                assert!(!out.contains(word), "{way:?} says {word}: {out}");
            }
        }
    }

    #[test]
    fn the_example_that_is_printed_is_the_one_that_is_tested() {
        let (code, out, _) = run(&["config", "example"], Environment::default());
        assert_eq!((code, out.as_str()), (ExitCode::SUCCESS, crate::config::EXAMPLE));
    }

    #[test]
    fn config_show_names_values_and_origins_and_hides_secrets() {
        let (_directory, environment) = with_example();
        let (code, out, errors) = run(&["config", "show"], environment);
        assert_eq!(code, ExitCode::SUCCESS, "{errors}");
        assert!(out.contains("tenant.0.slug = musterstadt") && out.contains("ozg.toml:"), "{out}");
        assert!(out.contains("tenant.0.key_file = credential:musterstadt.key (Inhalt verborgen)"), "{out}");
    }

    /// The example with data and key in a directory of its own, and its tenant made.
    fn with_tenant() -> (tempfile::TempDir, Environment) {
        let (directory, environment) = with_example();
        let file = directory.path().join("ozg.toml");
        let own = crate::config::EXAMPLE
            .replace("/var/lib/ozg-cloud", &directory.path().join("daten").display().to_string())
            .replace("credential:musterstadt.key", "musterstadt.key");
        std::fs::write(&file, own).expect("written");
        std::fs::create_dir(directory.path().join("daten")).expect("a data directory");
        let (code, out, errors) = run(&["tenant", "init", "musterstadt"], environment.clone());
        assert_eq!(code, ExitCode::SUCCESS, "{errors}");
        assert!(out.contains("Fingerabdruck"), "{out}");
        (directory, environment)
    }

    #[test]
    fn a_tenant_is_made_once_and_never_over_data() {
        let (_directory, environment) = with_tenant();
        let (code, out, _) = run(&["tenant", "list"], environment.clone());
        assert_eq!(code, ExitCode::SUCCESS, "{out}");
        assert!(out.contains("(musterstadt.example): bereit"), "{out}");
        let (code, out, _) = run(&["verify", "musterstadt"], environment.clone());
        assert_eq!(code, ExitCode::SUCCESS, "{out}");
        assert!(out.contains("musterstadt: in Ordnung: 1 Datensätze"), "{out}");
        let (code, _, errors) = run(&["tenant", "init", "musterstadt", "--existing-key"], environment.clone());
        assert_eq!(code, ExitCode::FAILURE);
        assert!(errors.contains("kein Schlüssel gemacht"), "{errors}");
        assert_eq!(run(&["tenant", "init", "unbekannt"], environment).0, ExitCode::FAILURE);
    }

    #[test]
    fn a_store_that_is_broken_or_older_than_its_checkpoint_is_refused_with_its_record() {
        let (directory, environment) = with_tenant();
        let journal = directory.path().join("daten/musterstadt/journal.redb");
        let outside = directory.path().join("pruefpunkte.log");
        let verify = |arguments: &[&str]| {
            let (code, out, errors) = run(&[&["verify", "musterstadt"], arguments].concat(), environment.clone());
            (code == ExitCode::SUCCESS, out + &errors)
        };
        let against = ["--checkpoints", outside.to_str().expect("UTF-8")];
        let old = std::fs::read(&journal).expect("reads");
        std::fs::write(&outside, signed_after_one_more_record(directory.path())).expect("written");
        assert!(verify(&against).0);
        std::fs::write(directory.path().join("leer.log"), "").expect("written");
        let (whole, said) = verify(&["--checkpoints", directory.path().join("leer.log").to_str().expect("UTF-8")]);
        assert!(!whole && said.contains("enthält keinen Prüfpunkt dieses Mandanten"), "{said}");
        let whole_journal = std::fs::read(&journal).expect("reads");
        std::fs::write(&journal, old).expect("written");
        let (whole, said) = verify(&against);
        assert!(!whole && said.contains('2'), "{said}");
        let mut broken = whole_journal;
        let replies = broken.windows(8).enumerate().filter(|(_, bytes)| bytes == b"notiert!").map(|(at, _)| at);
        let replies: Vec<usize> = replies.collect();
        assert!(!replies.is_empty(), "the stored reply of the record");
        replies.into_iter().for_each(|at| broken[at] ^= 1);
        std::fs::write(&journal, broken).expect("written");
        let (whole, said) = verify(&[]);
        assert!(!whole && said.contains("die Datensätze bis 2 sind nicht die des Prüfpunkts"), "{said}");
    }

    /// The line of a checkpoint that was signed after somebody appended record 2.
    fn signed_after_one_more_record(directory: &std::path::Path) -> String {
        use std::sync::Arc;

        use ozg_protocols::{ids::CommandKey, moment::Moment};
        use ozg_storage::{
            codec::Schema,
            disk::{Disk, RealDisk},
            journal::{Epoch, StreamId, StreamKind, Version},
            keys::{KeySource, TenantKey},
            random::{Random, StrongRandom},
            redb_core::Options,
            stream::{NoEffect, Record, Stream, Ticket},
            tenant_store::TenantStore,
        };

        let (disk, random): (Arc<dyn Disk>, Arc<dyn Random>) = (Arc::new(RealDisk), Arc::new(StrongRandom::new()));
        let key = TenantKey::load(&KeySource::File(directory.join("musterstadt.key"))).expect("the key");
        let (data, slug) = (directory.join("daten"), "musterstadt".parse().expect("a slug"));
        let options = Options { reserve: 0, ..Options::default() };
        let store = TenantStore::open(&disk, &data, &slug, &key, &random, options).expect("opens");
        let (stream, at) = (StreamId { kind: StreamKind::Access, id: 7 }, Moment::from_seconds(7));
        let mut stream = Stream::new(store.sealer.clone(), stream, Schema::first(1), NoEffect::SCHEMA);
        let ticket = Ticket { key: CommandKey::from_u128(1), command: b"note", reply: b"notiert!" };
        let record = Record { at, by: None, events: vec![7_u64] };
        let append = stream.seal(Version(0), Epoch::default(), ticket, &record, &[], Vec::new()).expect("seals");
        assert!(store.core.commit(vec![append]).iter().all(Result::is_ok));
        let mut notary = store.notary().expect("a notary");
        notary.follow(&store.core, 10, at).expect("follows");
        notary.sign(at).expect("signs").to_string()
    }

    #[test]
    fn config_check_says_what_is_wrong_and_ends_with_1() {
        let nowhere = [("OZG_CONFIG", "/nicht/da.toml")].into_iter().collect();
        let (code, _, errors) = run(&["config", "check"], nowhere);
        assert_eq!(code, ExitCode::FAILURE);
        assert!(errors.contains("/nicht/da.toml:1: kann nicht gelesen werden"), "{errors}");
        let (_directory, environment) = with_example();
        assert_eq!(run(&["config", "check"], environment).0, ExitCode::SUCCESS);
    }
}
