//! ODS, the Open Distribution Server: the node.

mod cli;
mod clock;
mod commands;
mod config;
mod housekeeping;
mod keeping;
mod listen;
mod logging;
mod mesh;
mod private_file;
mod pruning;
mod refusals;
mod replication_watch;
mod run_file;
mod scrub;
mod server;
mod service;
mod shell;
mod stream_tasks;
mod tasks;
mod tls;
mod uploads;
mod usage;
mod watch;
mod webhooks;
mod worker;

pub use cli::{Cli, Exit, Failure, Input, Output};
pub use clock::now;
pub use commands::{Context, run};
pub use config::{Environment, Surroundings};
