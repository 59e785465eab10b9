//! Why a node doesn't start, or ends.

use std::{io, path::PathBuf};

use ods_store::StoreError;

use super::AdminTokenError;
use crate::{listen::ListenError, tls::TlsError, watch::FoldersOverlap, worker::WorkerPanicked};

/// Why a node doesn't start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Two folders that must be apart are not.
    #[error(transparent)]
    Folders(#[from] FoldersOverlap),
    /// The first admin token can't be made.
    #[error(transparent)]
    AdminToken(#[from] AdminTokenError),
    /// A listener's encryption can't be set up.
    #[error("{address} can't be encrypted: {source}")]
    Tls {
        /// The listener's address.
        address: std::net::SocketAddr,
        /// Why.
        source: Box<TlsError>,
    },
    /// An address can't be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {source}")]
    Entropy {
        /// What it said.
        source: getrandom::Error,
    },
    /// `run.json` can't be written.
    #[error("{path} can't be written: {source}; check the folder's rights and free space", path = path.display())]
    RunFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A part of the program broke down.
    #[error("a part of the start broke down: {what}; the log says why")]
    Broke {
        /// What tokio said.
        what: String,
    },
}

/// Why a node that served ended other than it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// A worker panicked.
    #[error(transparent)]
    Worker(WorkerPanicked),
    /// A second signal came while it stopped.
    #[error("stopped by a second signal before all requests had ended; nothing that was acknowledged is lost")]
    Interrupted,
}
