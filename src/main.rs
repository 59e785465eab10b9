//! The `ods` program: parse, run, exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use ods::{Cli, Context, Environment, Exit, Failure, Input, Output, Surroundings};

/// A request makes some forty small allocations; this allocator halves what they cost, and gives memory back.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long work on blocking threads may go on after everything else has ended.
const BLOCKING_GRACE: std::time::Duration = std::time::Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let json = cli.json;
    let environment = Environment::read();
    let machine = Surroundings::read(&environment);
    let (input, output) = (Input::standard(), Output::standard(json));
    let mut context = Context { environment, machine, input, output, now: ods::now };
    let outcome = runtime().and_then(|runtime| {
        let outcome = runtime.block_on(ods::run(cli, &mut context));
        // What still reads or verifies a file on a thread of its own keeps nothing that must be saved.
        runtime.shutdown_timeout(BLOCKING_GRACE);
        outcome
    });
    match outcome {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => report(&failure, if json { Form::Json } else { Form::Text }).into(),
    }
}

/// Shows help or what is wrong with the arguments; with `--json` somewhere among them, as JSON.
fn refuse(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args().any(|argument| argument == "--json") {
        return report(&Failure::arguments(error), Form::Json).into();
    }
    error.exit()
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|error| Failure::start("cannot start the program's threads", &error))
}

/// How a failure is told.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Json,
}

/// Tells why the program ends. That standard error can't be written to is no reason to end otherwise.
fn report(failure: &Failure, form: Form) -> Exit {
    let mut stderr = std::io::stderr().lock();
    if failure.exit() != Exit::Ok {
        let told = match form {
            Form::Text => failure.write_text(&mut stderr),
            Form::Json => writeln!(stderr, "{}", failure.to_json()),
        };
        drop(told);
    }
    failure.exit()
}
