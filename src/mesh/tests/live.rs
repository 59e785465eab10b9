//! Running nodes for tests: a surface on loopback and workers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use axum::{Extension, Router};
use ods_api::{ClientAddress, MeshHandle, TransferBoard};
use ods_store::{Happening, Lsn, PackageState, Rates, Role, UnixMillis};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::super::wire::Wire;
use super::super::{Leaving, LinkPolicy, Mesh, MeshOptions};
use super::support::{NOW, TestNode, author, path};
use crate::worker::Supervisor;

/// How long something may take that should happen at once.
pub(super) const SOON: Duration = Duration::from_mins(1);

/// A node that runs.
pub(super) struct Live {
    pub(super) node: TestNode,
    pub(super) mesh: MeshHandle,
    pub(super) address: SocketAddr,
    /// What has it say goodbye, as when it stops in good order.
    pub(super) leaving: Leaving,
    /// What carries its calls.
    pub(super) wire: Wire,
    supervisor: Option<Supervisor>,
    server: JoinSet<()>,
}

fn clock() -> UnixMillis {
    NOW
}

/// A clock that is a year ahead.
fn fast_clock() -> UnixMillis {
    NOW.plus_ms(365 * 24 * 3_600_000)
}

impl Live {
    pub(super) async fn start(name: &str) -> Self {
        Self::run(TestNode::new(name), None, |router| router).await
    }

    pub(super) async fn start_a_year_ahead(name: &str) -> Self {
        let mut node = TestNode::new(name);
        node.now = fast_clock();
        Self::run(node, None, |router| router).await
    }

    /// A node that nobody can call: nothing listens where it says that it is.
    pub(super) async fn start_firewalled(name: &str) -> Self {
        Self::run_firewalled(TestNode::new(name), LinkPolicy::Always).await
    }

    pub(super) async fn run_firewalled(mut node: TestNode, link: LinkPolicy) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let listen_urls = vec![format!("http://{address}")];
        node.node.fallback_urls.clone_from(&listen_urls);
        let mesh = Mesh::new(
            node.store().clone(),
            MeshOptions {
                listen_urls,
                tls_pin: None,
                link,
                ceiling: Rates::default(),
                clock,
                board: TransferBoard::default(),
            },
        );
        Self::work(node, mesh, address, JoinSet::new())
    }

    fn work(node: TestNode, mesh: Mesh, address: SocketAddr, server: JoinSet<()>) -> Self {
        let (handle, commands, statuses) = MeshHandle::new();
        let mut supervisor = Supervisor::new(CancellationToken::new());
        let wire = mesh.caller.wire.clone();
        let (driver, states, limits, fetcher, leaving) = mesh.workers(commands, statuses, handle.transfers());
        supervisor.start(limits);
        supervisor.start(driver);
        supervisor.start(states);
        supervisor.start(fetcher);
        Self { node, mesh: handle, address, leaving, wire, supervisor: Some(supervisor), server }
    }

    /// Runs a node whose surface is changed by `bend`.
    pub(super) async fn run(mut node: TestNode, at: Option<SocketAddr>, bend: impl FnOnce(Router) -> Router) -> Self {
        let address = at.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let listen_urls = vec![format!("http://{address}")];
        node.node.fallback_urls.clone_from(&listen_urls);
        let clock = if node.now == NOW { clock } else { fast_clock };
        let mesh = Mesh::new(
            node.store().clone(),
            MeshOptions {
                listen_urls,
                tls_pin: None,
                link: LinkPolicy::Never,
                ceiling: Rates::default(),
                clock,
                board: TransferBoard::default(),
            },
        );
        let router = bend(mesh.router()).layer(Extension(ClientAddress(address.ip())));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self::work(node, mesh, address, server)
    }

    /// Stops it; its folder stays.
    pub(super) async fn stop(mut self) -> TestNode {
        self.server.shutdown().await;
        if let Some(supervisor) = self.supervisor.take() {
            assert_eq!(supervisor.stop(SOON).await, 0);
        }
        self.node
    }

    pub(super) async fn joins(&self, inviter: &Self, role: Role) {
        let (_, line) = inviter.node.invite(role);
        let joined = self.mesh.join(line.to_string(), author()).await;
        assert_eq!(joined, Ok(inviter.node.store().node_id()));
    }

    /// Whether a package's bytes are here, verified.
    pub(super) fn has(&self, at: &str, bytes: &[u8]) -> bool {
        let package = self.node.store().package(&path(at)).unwrap();
        let Some(package) = package.filter(|package| package.state == PackageState::Stored) else { return false };
        let reader = self.node.store().open_blob(&package.blob, self.node.now).unwrap().unwrap();
        let mut read = vec![];
        while (read.len() as u64) < reader.size() {
            read.extend(reader.read(read.len() as u64, 1 << 20, self.node.now).unwrap());
        }
        read == bytes
    }

    pub(super) fn lists(&self, at: &str) -> bool {
        self.node.store().package(&path(at)).unwrap().is_some()
    }

    pub(super) fn happened(&self, wanted: impl Fn(&Happening) -> bool) -> bool {
        let page = self.node.store().records(Lsn::ZERO, 1000).unwrap();
        page.items.iter().any(|record| wanted(&record.what))
    }
}

/// Waits until `done`, with a deadline.
pub(super) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !done() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Bytes that don't compress or repeat.
pub(super) fn noise(seed: u8, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}
