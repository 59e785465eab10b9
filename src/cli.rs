//! The command line: what the user typed, and how they are answered.
//!
//! The types here are what was typed and nothing more; `commands/` resolves them and acts. Nothing below `commands/`
//! knows that there is a terminal.
//!
//! Invariants: results go to standard output, everything else to standard error; a failure has one exit code, from
//! [`Exit`]; with `--json` both are JSON in the API's shapes.

mod connection;
mod exit;
mod failure;
mod human;
mod input;
mod output;
mod progress;
pub(crate) mod run_file;
mod table;
#[cfg(test)]
mod tests;

use clap::{Parser, Subcommand};

pub(crate) use connection::{Connected, Connection};
pub use exit::Exit;
pub use failure::Failure;
pub(crate) use human::{age_text, bytes_text, duration_or_zero, duration_seconds, printable, short_id, time_text};
pub use input::Input;
pub use output::Output;
pub(crate) use progress::{Bar, Progress};
pub(crate) use table::Table;

use crate::commands;

/// The program's arguments.
#[derive(Debug, Parser)]
#[command(
    name = "ods",
    version,
    about = "The Open Distribution Server: software packages on every site that installs them",
    long_about = "The Open Distribution Server.\n\nEach site runs one `ods serve`. A package put into any of them appears on \
                  all of them, verified byte for byte; machines fetch it from the nearest one over plain HTTP(S).",
    after_help = "Examples:\n  ods demo                      three paired nodes to play with\n  \
                  ods serve                     run a node\n  ods push Firefox-142.pkg      put a package into it\n  \
                  ods ls                        see what is there\n\n`ods help COMMAND` explains a command; \
                  `ods --help` lists the exit codes.",
    after_long_help = after_long_help(),
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Print JSON, in the shapes of the admin API; errors too, on standard error
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands, one module each.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(commands::serve::Arguments),
    Demo(commands::demo::Arguments),
    Config(commands::config::Arguments),
    Service(commands::service::Arguments),
    Push(commands::push::Arguments),
    Pull(commands::pull::Arguments),
    Ls(commands::ls::Arguments),
    Show(commands::show::Arguments),
    Rm(commands::rm::Arguments),
    Restore(commands::restore::Arguments),
    Tag(commands::tag::Arguments),
    Set(commands::set::Arguments),
    Status(commands::status::Arguments),
    Mesh(commands::mesh::Arguments),
    Transfers(commands::transfers::Arguments),
    Limit(commands::limit::Arguments),
    Policy(commands::policy::Arguments),
    Events(commands::events::Arguments),
    Storage(commands::storage::Arguments),
    Gc(commands::gc::Arguments),
    Scrub(commands::scrub::Arguments),
    Backup(commands::backup::Arguments),
    Verify(commands::verify::Arguments),
    Peer(commands::peer::Arguments),
    Roster(commands::roster::Arguments),
    Token(commands::token::Arguments),
    User(commands::user::Arguments),
    Audit(commands::audit::Arguments),
    Settings(commands::settings::Arguments),
    Api(commands::api::Arguments),
    Completions(commands::completions::Completions),
    Man(commands::completions::Manual),
    Openapi(commands::completions::OpenApi),
    Session(commands::session::Arguments),
    Upload(commands::upload::Arguments),
    Watch(commands::watch::Arguments),
    Webhook(commands::webhook::Arguments),
}

fn after_long_help() -> String {
    let mut help = String::from(
        "Examples:\n  \
         Play with three paired nodes:         ods demo\n  \
         Run a node:                           ods serve\n  \
         Put a package into it:                ods push Firefox-142.pkg --tag prod\n  \
         Get it:                               ods pull Firefox-142.pkg\n  \
         Link another node, here:              ods peer invite --role replica\n  \
         … and there:                          ods peer join ods-invite1.…\n\n\
         Where the node is:\n  \
         On the node's own machine, commands find it by themselves, through the data folder.\n  \
         Elsewhere, name it with --server URL or ODS_SERVER, and set ODS_TOKEN to a token\n  made with `ods token create`.\n\n\
         Exit codes:\n",
    );
    let codes = Exit::ALL.map(|exit| format!("  {:>3}  {}\n", exit.code(), exit.meaning()));
    help.push_str(&codes.concat());
    help
}
