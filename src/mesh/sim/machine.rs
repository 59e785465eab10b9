//! A simulated machine: a disk, and on it a node made of the real parts: store, callee, driver and fetcher.
//!
//! The machine's power can be cut at any operation of its disk. The store is opened again at once, so that the promises can
//! be looked at; the node runs again when the script starts it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt as _;
use ods_api::{MeshHandle, TransferStatuses};
use ods_store::{Disk, Rates, SimDisk, Store, StoreOptions, UnixMillis};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::super::Clock;
use super::super::callee::Callee;
use super::super::calls::Caller;
use super::super::driver::Driver;
use super::super::fetch::Fetcher;
use super::super::inbox::{FetchInbox, Inbox, StateInbox};
use super::super::leaving::Leaving;
use super::super::link_keeper::LinkKeeper;
use super::super::linking::{LinkPolicy, Linking};
use super::super::offload::Offload;
use super::super::pacers::Pacers;
use super::super::schedule::Dice;
use super::super::serve::Node;
use super::super::state_driver::StateDriver;
use super::super::wire::Wire;
use super::network::Network;
use super::random::Random;
use crate::worker::Supervisor;

/// When simulated time begins, by a clock that is right.
pub(super) const BEGINNING: UnixMillis = UnixMillis::new(1_800_000_000_000);
/// Where each machine's node lives.
pub(super) const FOLDER: &str = "/ods";
const CACHE_BYTES: usize = 1 << 20;

/// How long the node's work on its store takes, by chance.
#[derive(Debug, Clone)]
pub(crate) struct Delays(Random);

impl Delays {
    /// Waits as long as some work may take.
    pub(crate) async fn work(&self) {
        if self.0.chance(200) {
            sleep(Duration::from_millis(1 + self.0.below(3))).await;
        }
    }
}

/// What runs while a node runs.
struct Running {
    supervisor: Supervisor,
    mesh: MeshHandle,
    leaving: Leaving,
}

/// A machine.
pub(super) struct Machine {
    /// Its number: it answers at `http://mN`.
    pub(super) number: usize,
    disk: SimDisk,
    store: Option<Store>,
    running: Option<Running>,
    /// How wrong its clock is; a node that runs sees it change.
    clock_error_ms: Arc<AtomicI64>,
    network: Network,
    pacers: Arc<Pacers>,
    random: Random,
    started: Instant,
    /// Something was committed since somebody looked.
    committed: Arc<AtomicBool>,
}

/// What ends one process and begins the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The process is killed; the machine goes on.
    Killed,
    /// The power is cut.
    PowerCut,
}

impl Machine {
    /// A machine with this disk, on which a node was once; it doesn't run yet.
    pub(super) fn new(number: usize, disk: SimDisk, network: Network, random: Random) -> Self {
        let mut machine = Self {
            number,
            disk,
            store: None,
            running: None,
            clock_error_ms: Arc::default(),
            network,
            pacers: Arc::default(),
            random,
            started: Instant::now(),
            committed: Arc::default(),
        };
        machine.open();
        machine
    }

    /// The store, whether or not the node runs.
    pub(super) fn store(&self) -> &Store {
        self.store.as_ref().expect("it is open between two calls")
    }

    /// The disk as it is.
    pub(super) fn disk(&self) -> &SimDisk {
        &self.disk
    }

    /// Its name.
    pub(super) fn name(&self) -> String {
        format!("m{}", self.number)
    }

    /// Where it answers.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.name())
    }

    /// Whether its node runs.
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether its running node committed something since this was asked last.
    pub(super) fn take_committed(&self) -> bool {
        self.committed.swap(false, Ordering::Relaxed)
    }

    /// What its clock shows.
    pub(super) fn now(&self) -> UnixMillis {
        (self.clock())()
    }

    fn clock(&self) -> Clock {
        let (started, error_ms) = (self.started, Arc::clone(&self.clock_error_ms));
        Arc::new(move || {
            let since_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            UnixMillis::new((BEGINNING.get() + since_ms).saturating_add_signed(error_ms.load(Ordering::Relaxed)))
        })
    }

    /// Puts its clock wrong by so much, or right.
    pub(super) fn set_clock(&self, error_ms: i64) {
        self.clock_error_ms.store(error_ms, Ordering::Relaxed);
    }

    /// Sets how fast it sends and takes bytes of blobs.
    pub(super) fn limit(&self, rates: Rates) {
        self.pacers.set(rates, &BTreeMap::new());
    }

    /// Sends the driver a command, as the API does.
    pub(super) fn mesh(&self) -> Option<&MeshHandle> {
        self.running.as_ref().map(|running| &running.mesh)
    }

    fn node(&self) -> Node {
        Node { store: self.store().clone(), fallback_urls: vec![self.url()], tls_pin: None }
    }

    fn open(&mut self) {
        let mut entropy = [0; 32];
        entropy[..8].copy_from_slice(&self.random.any().to_le_bytes());
        entropy[8] = u8::try_from(self.number).unwrap_or(u8::MAX);
        let options = StoreOptions { cache_bytes: CACHE_BYTES, entropy, name: self.name() };
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        self.store = Some(Store::open(disk, Path::new(FOLDER), &options).expect("a store opens after a crash"));
    }

    /// Starts the node.
    pub(super) fn start(&mut self) {
        if self.is_running() {
            return;
        }
        let offload = Offload::Simulated(Delays(self.random.clone()));
        let (inbox, fetches) = (Arc::new(Inbox::default()), Arc::new(FetchInbox::default()));
        let states = Arc::new(StateInbox::default());
        let (for_pings, for_fetches, for_states) = (Arc::clone(&inbox), Arc::clone(&fetches), Arc::clone(&states));
        let committed = Arc::clone(&self.committed);
        self.store().on_commit(move |commit| {
            committed.store(true, Ordering::Relaxed);
            for_pings.committed(commit);
            for_fetches.committed(commit);
            for_states.committed(commit);
        });
        let (mesh, commands, statuses) = MeshHandle::new();
        let (node, clock) = (self.node(), self.clock());
        let wire = Wire::Simulated(self.network.line(self.number, self.store().node_id(), Arc::clone(&self.pacers)));
        let caller = Caller { node: node.clone(), wire, clock: Arc::clone(&clock), offload: offload.clone() };
        self.network.attach(
            self.number,
            Callee { node, inbox: Arc::clone(&inbox), states: Arc::clone(&states), clock, offload },
            Arc::clone(&self.pacers),
        );
        let mut supervisor = Supervisor::new(CancellationToken::new());
        let (of_states, of_fetches) = (Arc::clone(&states), Arc::clone(&fetches));
        supervisor.start(StateDriver::new(caller.clone(), of_states, Arc::clone(&fetches), Arc::clone(&statuses)));
        let policy = if self.network.has_firewalls() { LinkPolicy::Auto } else { LinkPolicy::Never };
        let linking = Linking::new(policy, Dice::new(self.random.any()));
        let links = LinkKeeper::new(linking, Router::new());
        let driver = Driver::new(caller.clone(), inbox, of_fetches, states, links, commands, statuses);
        let leaving = driver.leaving();
        supervisor.start(driver);
        supervisor.start(Fetcher::new(caller, fetches, TransferStatuses::default()));
        self.running = Some(Running { supervisor, mesh, leaving });
    }

    /// Has the node say to its peers that it stops; until it is ended it goes on, but takes no more calls.
    pub(super) async fn say_goodbye(&self) {
        let Some(running) = &self.running else { return };
        self.network.close(self.number);
        running.leaving.say_goodbye().await;
    }

    /// Ends the process in the middle of whatever it does, and opens what is left on the disk.
    pub(super) async fn end(&mut self, end: End) {
        let seed = self.random.any();
        if end == End::Killed {
            self.network.hang_up(self.number);
        }
        self.stop().await;
        self.disk = match end {
            End::Killed => self.disk.restart(),
            End::PowerCut => self.disk.crash(seed),
        };
        self.open();
    }

    /// Puts another disk in, with the node not running.
    pub(super) async fn replace_disk(&mut self, disk: SimDisk) {
        self.stop().await;
        self.disk = disk;
        self.open();
    }

    async fn stop(&mut self) {
        self.network.detach(self.number).await;
        self.running = None;
        let weak = self.store().downgrade();
        self.store = None;
        // Tasks that were cut off let go of the store when the runtime comes to them.
        for _ in 0..100_000 {
            if weak.upgrade().is_none() {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{} keeps its store open", self.name());
    }

    /// What a worker of it panicked with, if one did.
    pub(super) fn panicked(&mut self) -> Option<String> {
        let running = self.running.as_mut()?;
        running.supervisor.failure().now_or_never().map(|panicked| panicked.to_string())
    }

    /// Lets the power fail at its disk's operation after so many more.
    pub(super) fn doom(&self, operations: u64) {
        self.disk.fail_after(operations);
    }

    /// Whether the power failed.
    pub(super) fn is_dead(&self) -> bool {
        self.disk.crashed_at().is_some()
    }
}
