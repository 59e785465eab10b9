//! The `ods` program: parse, run, exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use ods::cli::{Cli, Exit, Failure, Output};
use ods::commands::{self, Context};
use ods::config::{Environment, Surroundings};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json;
    let environment = Environment::read();
    let machine = Surroundings::read(&environment);
    let mut context = Context { environment, machine, output: Output::standard(json), now: ods::clock::now };
    let outcome = runtime().and_then(|runtime| runtime.block_on(commands::run(cli, &mut context)));
    match outcome {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => report(&failure, json).into(),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|error| Failure::start("cannot start the program's threads", &error))
}

/// Tells why the program ends. That standard error can't be written to is no reason to end otherwise.
fn report(failure: &Failure, json: bool) -> Exit {
    let mut stderr = std::io::stderr().lock();
    if failure.exit() != Exit::Ok {
        let told = if json { writeln!(stderr, "{}", failure.to_json()) } else { failure.write_text(&mut stderr) };
        drop(told);
    }
    failure.exit()
}
