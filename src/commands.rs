//! The subcommands: one module each, with its arguments and what it does.
//!
//! All but `serve`, `demo`, `config`, `service`, and `verify` and `backup`, which work on the data folder itself, are
//! clients of a node's admin API, through [`ods_api::Client`]: nothing that they can do is missing there.

pub(crate) mod api;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod events;
pub(crate) mod gc;
pub(crate) mod limit;
pub(crate) mod ls;
pub(crate) mod mesh;
mod password;
pub(crate) mod peer;
pub(crate) mod policy;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod restore;
mod retry;
mod revision;
pub(crate) mod rm;
pub(crate) mod roster;
pub(crate) mod scrub;
pub(crate) mod serve;
pub(crate) mod service;
pub(crate) mod session;
pub(crate) mod set;
pub(crate) mod settings;
pub(crate) mod show;
pub(crate) mod status;
mod stopped;
pub(crate) mod storage;
pub(crate) mod tag;
pub(crate) mod token;
pub(crate) mod transfers;
mod typed;
pub(crate) mod upload;
pub(crate) mod user;
pub(crate) mod verify;
pub(crate) mod watch;
pub(crate) mod webhook;

#[cfg(test)]
mod parity;
#[cfg(test)]
mod tests;

use ods_store::{PackagePath, UnixMillis};

use crate::cli::{Cli, Command, Failure, Input, Output};
use crate::config::{Environment, Surroundings};

/// What a command is given besides its arguments.
pub struct Context {
    /// The environment.
    pub environment: Environment,
    /// The machine.
    pub machine: Surroundings,
    /// What is piped in.
    pub input: Input,
    /// Where results go.
    pub output: Output,
    /// The clock.
    pub now: fn() -> UnixMillis,
}

/// Runs the command that was typed.
pub async fn run(cli: Cli, context: &mut Context) -> Result<(), Failure> {
    match cli.command {
        Command::Serve(arguments) => serve::run(&arguments, context).await,
        Command::Demo(arguments) => demo::run(&arguments, context).await,
        Command::Config(arguments) => config::run(&arguments, context),
        Command::Service(arguments) => service::run(arguments, context),
        Command::Push(arguments) => push::run(arguments, context).await,
        Command::Pull(arguments) => pull::run(arguments, context).await,
        Command::Ls(arguments) => ls::run(arguments, context).await,
        Command::Show(arguments) => show::run(&arguments, context).await,
        Command::Rm(arguments) => rm::run(&arguments, context).await,
        Command::Restore(arguments) => restore::run(&arguments, context).await,
        Command::Scrub(arguments) => scrub::run(&arguments, context).await,
        Command::Storage(arguments) => storage::run(&arguments, context).await,
        Command::Status(arguments) => status::run(&arguments, context).await,
        Command::Policy(arguments) => policy::run(&arguments, context).await,
        Command::Limit(arguments) => limit::run(&arguments, context).await,
        Command::Transfers(arguments) => transfers::run(&arguments, context).await,
        Command::Mesh(arguments) => mesh::run(&arguments, context).await,
        Command::Events(arguments) => events::run(&arguments, context).await,
        Command::Gc(arguments) => gc::run(&arguments, context).await,
        Command::Backup(arguments) => backup::run(arguments, context).await,
        Command::Verify(arguments) => verify::run(&arguments, context).await,
        Command::Peer(arguments) => peer::run(arguments, context).await,
        Command::Roster(arguments) => roster::run(arguments, context).await,
        Command::Token(arguments) => token::run(arguments, context).await,
        Command::Api(arguments) => api::run(arguments, context).await,
        Command::Completions(arguments) => completions::completions(&arguments, context),
        Command::Man(arguments) => completions::manual(&arguments, context),
        Command::Openapi(arguments) => completions::openapi(&arguments, context),
        Command::Audit(arguments) => audit::run(arguments, context).await,
        Command::Settings(arguments) => settings::run(arguments, context).await,
        Command::Tag(arguments) => tag::run(arguments, context).await,
        Command::User(arguments) => user::run(arguments, context).await,
        Command::Session(arguments) => session::run(arguments, context).await,
        Command::Set(arguments) => set::run(arguments, context).await,
        Command::Upload(arguments) => upload::run(arguments, context).await,
        Command::Watch(arguments) => watch::run(arguments, context).await,
        Command::Webhook(arguments) => webhook::run(arguments, context).await,
    }
}

/// A package path that was typed.
fn parse_path(typed: &str) -> Result<PackagePath, Failure> {
    PackagePath::parse(typed).map_err(|error| {
        Failure::usage(format!("\"{typed}\" is not a package path"))
            .caused_by(&error)
            .hint("`ods ls` lists the packages")
    })
}
