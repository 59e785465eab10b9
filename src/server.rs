//! The composition root: opens the store, mounts the surfaces on the listeners, starts the workers, and owns the order in
//! which all of that ends.
//!
//! Starting: store → name, urls, admin token → sockets (so that a port in use is said before anything runs) → routers →
//! workers → `run.json` → serving. Stopping: no new connections, requests under way end within the drain time, peers
//! hear that the node stops → workers finish their ticks → the store closes → `run.json` goes.
//!
//! Invariants:
//! - Nothing answers before everything runs: a node whose `/healthz` answers is ready.
//! - A worker that panics stops the node, in the same order.
//! - No request and no worker outlives [`Server::stop`], so the store is closed when it returns.

mod admin_token;
mod care_metrics;
mod compose;
mod disk_watch;
mod error;
mod first_pull;
mod health;
mod listen_urls;
mod metrics;
mod open_files;
mod service_manager;
mod signals;
mod sockets;
mod watchdog;

#[cfg(test)]
mod tests;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ods_store::{NodeId, Store};
use tokio_util::sync::CancellationToken;

use self::{compose::Parts, watchdog::Watchdog};
use crate::{
    config::Resolution,
    listen::Listeners,
    mesh::Leaving,
    run_file::{RUN_FILE, RunFile, WrittenRunFile},
    worker::{Supervisor, WorkerPanicked},
};

pub(crate) use admin_token::{ADMIN_TOKEN_FILE, AdminTokenError};
pub(crate) use error::{ServeError, StartError};
pub(crate) use service_manager::ServiceManager;
pub(crate) use signals::StopSignals;

/// How long the workers' last ticks may take once the requests have ended.
const LAST_TICKS: Duration = Duration::from_secs(5);

/// A running node.
pub(crate) struct Server {
    facts: ServerFacts,
    store: Store,
    listeners: Listeners,
    supervisor: Supervisor,
    stopping: CancellationToken,
    leaving: Leaving,
    drain_timeout: Duration,
    run_file: Option<WrittenRunFile>,
    manager: ServiceManager,
}

/// What there is to say about a node that has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerFacts {
    /// Its id.
    pub(crate) node: NodeId,
    /// Its name.
    pub(crate) name: String,
    /// Where it listens.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Where others are told to reach it: the configured urls, or those of its listeners.
    pub(crate) urls: Vec<String>,
    /// The file with the admin token.
    pub(crate) token_file: PathBuf,
    /// Whether that was made just now, as at the first start.
    pub(crate) token_is_new: bool,
    /// At the first start, the secret of the link with which somebody makes the first user on the web page.
    pub(crate) set_up: Option<String>,
}

impl Server {
    /// Starts a node; it serves when this returns.
    pub(crate) async fn start(resolution: &Resolution) -> Result<Self, StartError> {
        open_files::raise_open_files_limit();
        let Parts { drain_timeout, facts, store, listeners, sockets, supervisor, stopping, leaving, run_file } =
            compose::compose(resolution).await?;
        // Before anything is answered: whoever saw `/healthz` answer finds it.
        let run_file = write_run_file(&run_file, &resolution.config.data, &store)?;
        for (socket, router) in sockets {
            tracing::info!(address = %socket.address(), encrypted = socket.tls().is_some(), "listening");
            listeners.serve(socket, router);
        }
        Ok(Self {
            facts,
            store,
            listeners,
            supervisor,
            stopping,
            leaving,
            drain_timeout,
            run_file,
            manager: ServiceManager::default(),
        })
    }

    /// Tells `manager` that the node serves, from now on how it lives, and in the end that it stops.
    pub(crate) fn report_to(&mut self, manager: ServiceManager) {
        if manager.listens() {
            manager.serving(&format!("serving at {}", self.facts.urls.join(" ")));
            self.supervisor.start(Watchdog::new(manager.clone(), self.store.clone(), self.listeners.pulse()));
        }
        self.manager = manager;
    }

    /// What there is to say about it.
    pub(crate) fn facts(&self) -> &ServerFacts {
        &self.facts
    }

    /// Serves until a signal says to stop or a worker fails, and stops in good order. A second signal stops at once.
    pub(crate) async fn run(mut self, signals: &mut StopSignals) -> Result<(), ServeError> {
        let outcome = tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, "stopping; requests under way may end");
                Ok(())
            }
            failure = self.failure() => Err(ServeError::Worker(failure)),
        };
        tokio::select! {
            () = self.stop() => outcome,
            signal = signals.next() => {
                tracing::warn!(signal, "stopping at once");
                outcome.and(Err(ServeError::Interrupted))
            }
        }
    }

    /// Waits until a worker fails; for ever in a healthy node.
    pub(crate) async fn failure(&mut self) -> WorkerPanicked {
        self.supervisor.failure().await
    }

    /// Stops in good order: requests, then workers, then the store.
    pub(crate) async fn stop(self) {
        self.manager.stopping();
        self.stopping.cancel();
        let drained = self.listeners.drain(self.drain_timeout);
        let (connections_cut, ()) = tokio::join!(drained, self.leaving.say_goodbye());
        let workers_cut = self.supervisor.stop(LAST_TICKS).await;
        if connections_cut + workers_cut > 0 {
            tracing::warn!(connections_cut, workers_cut, "not everything ended in time");
        }
        // Closing waits for the store's writer.
        if let Err(error) = tokio::task::spawn_blocking(move || drop(self.store)).await {
            tracing::error!(%error, "the store did not close well");
        }
        drop(self.run_file);
        tracing::info!("stopped");
    }
}

/// Says where the node listens. Not even a disk without a free byte keeps it from serving.
fn write_run_file(run_file: &RunFile, data: &Path, store: &Store) -> Result<Option<WrittenRunFile>, StartError> {
    let is_full = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
    let written = run_file.write(data).or_else(|error| {
        if !is_full(&error) {
            return Err(error);
        }
        store.make_room().map_err(|_| error)?;
        run_file.write(data)
    });
    match written {
        Ok(written) => Ok(Some(written)),
        Err(error) if is_full(&error) => {
            tracing::warn!("the disk is full, so run.json can't be written; commands on this machine need --server");
            Ok(None)
        }
        Err(source) => Err(StartError::RunFile { path: data.join(RUN_FILE), source }),
    }
}
