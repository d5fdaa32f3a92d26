//! The program `ozg-cloud`. Everything it does is a command in [`ozg_cloud::cli`].

use std::{io, process::ExitCode};

use ozg_cloud::{cli, config::Environment};

/// Many small pieces live briefly and are let go of on another thread than the one that asked for them; the allocator of the
/// C library spends several percent of the server's time on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let environment = Environment::of_this_process();
    cli::main(std::env::args_os(), environment, &mut io::stdout().lock(), &mut io::stderr())
}
