//! `ods serve`: run a node.

use std::error::Error;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Context;
use crate::cli::{Exit, Failure, Output, printable, short_id};
use crate::config::{self, Flags};
use crate::logging;
use crate::server::{ServeError, Server, ServerFacts, ServiceManager, StopSignals};

/// Run a node
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Run a node, until Ctrl-C or SIGTERM.\n\nThe first start makes the data folder, the node's key and an \
                  admin token; commands on the same machine find both by themselves. The node is ready when /healthz \
                  answers. Settings come from flags, ODS_… variables, ods.toml and defaults, in this order; `ods config` \
                  prints them all.",
    after_help = "Examples:\n  ods serve\n  ods serve --data /srv/ods --listen [::]:8080 --name branch-1\n  \
                  ods serve --watch /srv/drop                files put there are published\n  \
                  ods serve --url https://packages.example.org      what other nodes are told to call"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let mut flags = arguments.settings.flags();
    if context.output.is_json() && flags.log_format.is_none() {
        flags.log_format = Some("json".to_owned());
    }
    let resolution = config::resolve(&flags, &context.environment, &context.machine)?;
    let log = &resolution.config.log;
    logging::start(log.format, &log.filter).map_err(|error| failed("cannot start", &error))?;
    // Caught before anything is open, so that a stop during the start is an orderly one too.
    let mut signals = StopSignals::catch().map_err(|error| failed("cannot listen to signals", &error))?;
    let mut server = Server::start(&resolution).await.map_err(|error| failed("cannot start", &error))?;
    tell(server.facts(), &resolution.config.data, &mut context.output)?;
    server.report_to(ServiceManager::of(&context.environment, std::process::id()));
    server.run(&mut signals).await.map_err(|error| match error {
        ServeError::Interrupted => Failure::new(Exit::Interrupted, "interrupted", error.to_string()),
        ServeError::Worker(_) => failed("the node ended", &error),
    })
}

/// Says that the node serves, and where its things are.
fn tell(facts: &ServerFacts, data: &Path, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.json_line(&to_json(facts, data));
    }
    let id = facts.node.to_string();
    output.line(&format!("{} ({}) serves at {}", printable(&facts.name), short_id(&id), facts.urls.join(" ")))?;
    output.line(&format!("data folder: {}", data.display()))?;
    if facts.token_is_new {
        output.line(&format!(
            "an admin token was made: {}; `ods` commands on this machine find it by themselves",
            facts.token_file.display()
        ))?;
    }
    if let (Some(secret), Some(url)) = (&facts.set_up, facts.urls.first()) {
        let url = url.trim_end_matches('/');
        output.line(&format!("to make the first user, open within 24 hours, once: {url}/ui/#setup={secret}"))?;
    }
    Ok(())
}

/// The same for programs.
pub(super) fn to_json(facts: &ServerFacts, data: &Path) -> Value {
    json!({"id": facts.node.to_string(), "name": facts.name, "urls": facts.urls, "data": data, "set_up": facts.set_up})
}

pub(super) fn failed(what: &str, error: &dyn Error) -> Failure {
    Failure::new(Exit::Failed, "serve", what).caused_by(error)
}

/// The flags that `serve` and `config` share.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct Settings {
    #[arg(long, value_name = "DIR", help = "The folder that holds everything the node keeps [env: ODS_DATA]")]
    data: Option<PathBuf>,
    #[arg(
        long,
        value_name = "HOST:PORT",
        help = "Where to listen, without TLS and with everything offered; repeat for several [env: ODS_LISTENERS]"
    )]
    listen: Vec<String>,
    #[arg(
        long,
        value_name = "NAME",
        help = "What people call the node; the machine's name unless given [env: ODS_NAME]"
    )]
    name: Option<String>,
    #[arg(
        long = "url",
        value_name = "URL",
        help = "Where other nodes reach this one; repeat for several [env: ODS_URLS]"
    )]
    urls: Vec<String>,
    #[arg(
        long,
        value_name = "DIR",
        help = "A folder whose files are published; repeat for several [env: ODS_WATCHES]"
    )]
    watch: Vec<PathBuf>,
    #[arg(
        long,
        value_name = "FILE",
        help = "The configuration file, in place of ods.toml in the data folder [env: ODS_CONFIG]"
    )]
    config: Option<PathBuf>,
    #[arg(
        long = "log",
        value_name = "FILTER",
        help = "What is logged: a level, or levels by module as in info,ods::mesh=debug [env: ODS_LOG_FILTER]"
    )]
    log_filter: Option<String>,
    #[arg(long, value_name = "FORMAT", help = "The shape of a log line: human or json [env: ODS_LOG_FORMAT]")]
    log_format: Option<String>,
}

impl Settings {
    /// What was typed.
    pub(super) fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            data: self.data.clone(),
            name: self.name.clone(),
            urls: self.urls.clone(),
            listen: self.listen.clone(),
            watch: self.watch.clone(),
            log_format: self.log_format.clone(),
            log_filter: self.log_filter.clone(),
        }
    }
}
