//! The program `ozg-cloud`. Everything it does is a command in [`ozg_cloud::cli`].

use std::{io, process::ExitCode};

use ozg_cloud::{cli, config::Environment};

fn main() -> ExitCode {
    let environment = Environment::of_this_process();
    cli::main(std::env::args_os(), environment, &mut io::stdout().lock(), &mut io::stderr())
}
