//! What a client can meet.

use reqwest::Url;

use crate::types::Problem;

/// Why a call failed. Messages name the server and the cause; what to do next is the caller's to say, by variant and
/// code.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The node refused, and said why.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// Something that isn't a node's admin API answered: a proxy, or another program.
    #[error("{url} answered {status}, without saying why in the way an ods node does")]
    Status {
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        url: String,
    },
    /// The node couldn't be connected to.
    #[error("can't connect to {server}")]
    Connect {
        /// The node's address.
        server: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The connection broke off, or stalled.
    #[error("the connection to {server} broke off")]
    Broken {
        /// The node's address.
        server: String,
        /// Why.
        source: reqwest::Error,
    },
    /// Nothing came for too long.
    #[error("{server} sent nothing for {seconds} s")]
    Stalled {
        /// The node's address.
        server: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A success whose body isn't what this version expects.
    #[error("can't make sense of the answer of {server}")]
    NotUnderstood {
        /// The node's address.
        server: String,
        /// Where it goes wrong.
        source: serde_json::Error,
    },
    /// An answer longer than any that makes sense.
    #[error("the answer of {server} has more than {bytes_max} bytes")]
    TooLong {
        /// The node's address.
        server: String,
        /// The bound.
        bytes_max: u64,
    },
    /// The server's address isn't one.
    #[error("{server} is not the address of a node: expected http://host:port or https://host:port")]
    BadServer {
        /// What was given.
        server: String,
    },
    /// The part to resume from is no longer what the node has.
    #[error("the package was replaced while it was downloaded; start again")]
    Replaced,
    /// HTTP or TLS couldn't be set up on this machine.
    #[error("can't set up the http client")]
    SetUp {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ClientError {
    pub(super) fn transport(server: &Url, source: reqwest::Error) -> Self {
        let (server, source) = (server.to_string(), source.without_url());
        if source.is_connect() { Self::Connect { server, source } } else { Self::Broken { server, source } }
    }

    /// The stable code, if the node gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(&problem.code),
            Self::Status { .. }
            | Self::Connect { .. }
            | Self::Broken { .. }
            | Self::Stalled { .. }
            | Self::NotUnderstood { .. }
            | Self::TooLong { .. }
            | Self::BadServer { .. }
            | Self::Replaced
            | Self::SetUp { .. } => None,
        }
    }
}
