//! ODS, the Open Distribution Server: the node.

pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod listen;
pub mod logging;
pub mod mesh;
pub mod private_file;
pub mod run_file;
pub mod server;
pub mod tls;
pub mod watch;
pub mod worker;
