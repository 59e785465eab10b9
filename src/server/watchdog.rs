//! Tells the service manager that the node lives, for as long as it really does: the store answers a read and every accept
//! loop answers a question. Where either doesn't, nothing is told, and the manager ends and restarts the node.

use std::time::Duration;

use ods_store::{Overview, Store, StoreError};
use tokio::{task::JoinHandle, time::timeout};

use super::service_manager::ServiceManager;
use crate::{
    listen::Pulse,
    worker::{Next, Worker},
};

/// How often the state is told where nobody waits for it.
const UNASKED: Duration = Duration::from_secs(30);

/// Tells how the node stands.
pub(super) struct Watchdog {
    manager: ServiceManager,
    store: Store,
    pulse: Pulse,
    every: Duration,
    /// A read that takes long is waited for again, not joined by a second one.
    read: Option<JoinHandle<Result<Overview, StoreError>>>,
}

impl Watchdog {
    pub(super) fn new(manager: ServiceManager, store: Store, pulse: Pulse) -> Self {
        // One check may take as long as the pause before it, and there is still time.
        let every = manager.watchdog().map_or(UNASKED, |limit| limit / 3);
        Self { manager, store, pulse, every, read: None }
    }

    async fn read(&mut self) -> Result<Overview, String> {
        let store = self.store.clone();
        let read = self.read.get_or_insert_with(|| tokio::task::spawn_blocking(move || store.overview()));
        let outcome = read.await;
        self.read = None;
        let overview = outcome.map_err(|error| error.to_string())?;
        overview.map_err(|error| format!("{:#}", anyhow::Error::from(error)))
    }

    async fn check(&mut self) -> Result<Overview, String> {
        let overview = self.read().await.map_err(|error| format!("the store can't be read: {error}"))?;
        if self.pulse.is_felt().await { Ok(overview) } else { Err("a listener accepts nobody".to_owned()) }
    }
}

impl Worker for Watchdog {
    fn name(&self) -> &'static str {
        "watchdog"
    }

    async fn tick(&mut self) -> Next {
        let every = self.every;
        let outcome = timeout(every, self.check()).await;
        match outcome.unwrap_or_else(|_| Err("the store or a listener doesn't answer in time".to_owned())) {
            Ok(overview) => self.manager.alive(&status(&overview)),
            Err(reason) => {
                tracing::error!(reason, "the node is not well; the service manager will restart it if that lasts");
                self.manager.troubled(&reason);
            }
        }
        Next::After(every)
    }
}

/// How the node stands, in one line.
pub(super) fn status(overview: &Overview) -> String {
    let Overview { packages, wants, .. } = overview;
    match wants.count {
        0 => format!("serving {packages} packages"),
        count => format!("serving {packages} packages; {count} more are on their way"),
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{os::unix::net::UnixDatagram, path::Path, sync::Arc};

    use ods_store::{LocalDisk, StoreOptions};
    use tokio_util::sync::CancellationToken;

    use super::*;

    struct Scene {
        folder: tempfile::TempDir,
        heard: UnixDatagram,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let heard = UnixDatagram::bind(folder.path().join("notify")).unwrap();
            heard.set_nonblocking(true).unwrap();
            Self { folder, heard }
        }

        fn watchdog(&self, pulse: Pulse) -> Watchdog {
            let socket = self.folder.path().join("notify");
            let variables = [("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "3000000")];
            let manager = ServiceManager::of(&variables.into_iter().collect(), 1);
            Watchdog::new(manager, open(self.folder.path()), pulse)
        }

        fn heard(&self) -> String {
            let mut message = [0; 400];
            let length = self.heard.recv(&mut message).expect("something was told");
            String::from_utf8(message[..length].to_vec()).unwrap()
        }
    }

    fn open(folder: &Path) -> Store {
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "test".to_owned() };
        Store::open(Arc::new(LocalDisk::new()), &folder.join("data"), &options).unwrap()
    }

    #[tokio::test]
    async fn a_node_that_is_well_is_alive_three_times_a_period() {
        let scene = Scene::new();
        let mut watchdog = scene.watchdog(Pulse::new(CancellationToken::new()));
        assert_eq!(watchdog.tick().await, Next::After(Duration::from_secs(1)));
        assert_eq!(scene.heard(), "WATCHDOG=1\nSTATUS=serving 0 packages");
    }

    #[tokio::test]
    async fn a_node_with_a_dead_listener_is_not() {
        let scene = Scene::new();
        let pulse = Pulse::new(CancellationToken::new());
        drop(pulse.point());
        scene.watchdog(pulse).tick().await;
        assert_eq!(scene.heard(), "STATUS=a listener accepts nobody");
    }

    #[tokio::test]
    async fn nor_is_one_with_a_listener_that_hangs() {
        let scene = Scene::new();
        let pulse = Pulse::new(CancellationToken::new());
        let _hangs = pulse.point();
        scene.watchdog(pulse).tick().await;
        assert_eq!(scene.heard(), "STATUS=the store or a listener doesn't answer in time");
    }
}
