//! Puts a node's parts together.

use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use ods_api::{ApiOptions, AppState, ConfiguredWatch, DownloadMode, MeshHandle, OwnAddresses, Surfaces, WatchHandle};
use ods_store::{Author, LocalDisk, Retention, SpacePolicy, Store, StoreError, StoreOptions};
use tokio_util::sync::CancellationToken;

use super::{
    ADMIN_TOKEN_FILE, ServerFacts, StartError,
    admin_token::{AdminTokenError, ensure_admin_token},
    care_metrics::CareCounters,
    disk_watch::DiskWatch,
    first_pull::FirstPull,
    health::{Health, health_router},
    listen_urls::{interfaces, listen_urls},
    sockets::{self, Socket},
};
use crate::uploads::UploadWorker;
use crate::usage::UsageWorker;
use crate::{
    clock,
    config::{Access, Config, LinkMode, Resolution, Source, Space, Surface},
    housekeeping::GcWorker,
    keeping::KeepingWorker,
    listen::{Bound, Listeners},
    mesh::{Leaving, LinkPolicy, Mesh, MeshOptions},
    pruning::PruneWorker,
    refusals::RefusalWorker,
    replication_watch::ReplicationWatch,
    run_file::RunFile,
    scrub::ScrubWorker,
    watch::{KeeperParts, Roots, WatchKeeper, WatchRules, check_folders, configured_id, settings},
    webhooks::WebhookWorker,
    worker::Supervisor,
};

/// Who changes the node's name, urls and policy at the start, in the journal.
const CONFIGURATION: &str = "configuration";

/// How long another process may go on using the data folder before that is said.
const FREE_WITHIN: Duration = Duration::from_secs(2);
/// How often to look.
const FREE_EVERY: Duration = Duration::from_millis(50);

/// A node's parts, ready to serve.
pub(super) struct Parts {
    pub(super) facts: ServerFacts,
    pub(super) drain_timeout: Duration,
    pub(super) store: Store,
    pub(super) listeners: Listeners,
    pub(super) sockets: Vec<(Bound, Router)>,
    pub(super) supervisor: Supervisor,
    pub(super) stopping: CancellationToken,
    pub(super) leaving: Leaving,
    pub(super) run_file: RunFile,
}

/// Opens and builds everything; nothing answers yet.
pub(super) async fn compose(resolution: &Resolution) -> Result<Parts, StartError> {
    let config = &resolution.config;
    check_folders(config.watches.iter().map(|watch| watch.folder.as_path()), &config.data)?;
    let (store, name) = open_store(resolution).await?;
    let resolution = &with_stored(resolution, &store).await?;
    let config = &resolution.config;
    let (token_is_new, set_up) = ways_in(&store, config).await?;

    let (stopping, mut supervisor) = (CancellationToken::new(), Supervisor::new(CancellationToken::new()));
    let listeners = sockets::listeners(config);
    let sockets = sockets::bind_all(config, &mut supervisor)?;
    let listen_urls = urls_for_peers(&sockets);
    let urls = if config.urls.is_empty() { listen_urls.clone() } else { config.urls.clone() };

    let tls_pin = sockets.iter().find_map(Socket::pin_for_peers);
    let (mesh_handle, commands, statuses) = MeshHandle::new();
    let (link, board) = (link_policy(config.link), mesh_handle.board().clone());
    let (listen, ceiling) = (listen_urls.clone(), config.bandwidth);
    let options = MeshOptions { listen_urls: listen, tls_pin, link, ceiling, clock: clock::now, board };
    let mesh = Mesh::new(store.clone(), options);
    let peers = mesh.router();
    let (driver, states, limits, fetcher, leaving) = mesh.workers(commands, statuses.clone(), mesh_handle.transfers());
    supervisor.start(limits);
    supervisor.start(driver);
    supervisor.start(states);
    supervisor.start(fetcher);

    let first_pull = FirstPull::new(store.clone(), statuses.clone());
    let watches = start_watches(resolution, &store, first_pull, &mut supervisor);
    let space = space_policy(&config.space)?;
    start_care(config, &store, &space, &mut supervisor);
    let own = own_addresses(&sockets, &urls);
    let root = config.downloads.roots.first().map_or("Packages", String::as_str);
    supervisor.start(WebhookWorker::new(store.clone(), clock::now, root, own.clone()));
    let options = ApiOptions {
        listen_urls,
        tls_pin,
        own,
        listeners: sockets::listeners_handle(&sockets),
        space,
        settings: resolution.handle(),
        stopping: stopping.clone(),
        ..api_options(config)
    };
    let api = AppState::new(store.clone(), clock::now, options, mesh_handle, watches);
    supervisor.start(RefusalWorker::new(api.clone()));
    let surfaces = SurfaceRouters {
        api,
        peers,
        health: Health {
            store: store.clone(),
            counters: listeners.counters(),
            peers: statuses,
            care: Arc::new(CareCounters::after(store.head())),
            stopping: stopping.clone(),
            started: clock::now(),
        },
    };

    let run_file = run_file(&store, &sockets);
    let facts = ServerFacts {
        node: store.node_id(),
        name,
        addresses: sockets.iter().map(|socket| socket.bound.address()).collect(),
        urls,
        token_file: config.data.join(ADMIN_TOKEN_FILE),
        token_is_new,
        set_up,
    };
    let sockets = sockets.into_iter().map(|socket| (surfaces.of(&socket), socket.bound));
    let sockets = sockets.map(|(router, bound)| (bound, router)).collect();
    let drain_timeout = config.limits.drain_timeout;
    Ok(Parts { facts, drain_timeout, store, listeners, sockets, supervisor, stopping, leaving, run_file })
}

/// Starts what looks after the store.
fn start_care(config: &Config, store: &Store, space: &SpacePolicy, supervisor: &mut Supervisor) {
    supervisor.start(ReplicationWatch::new(store.clone(), clock::now));
    supervisor.start(PruneWorker::new(store.clone(), config.journal_keep, clock::now));
    supervisor.start(DiskWatch::new(store.clone(), clock::now));
    supervisor.start(ScrubWorker::new(store.clone(), config.scrub, clock::now));
    supervisor.start(GcWorker::new(store.clone(), space.clone(), config.space.every, clock::now));
    supervisor.start(KeepingWorker::new(store.clone(), clock::now));
    supervisor.start(UsageWorker::new(store.clone(), clock::now));
    supervisor.start(UploadWorker::new(store.clone(), config.space.uploads_kept, clock::now));
}

const fn link_policy(mode: LinkMode) -> LinkPolicy {
    match mode {
        LinkMode::Auto => LinkPolicy::Auto,
        LinkMode::Always => LinkPolicy::Always,
        LinkMode::Never => LinkPolicy::Never,
    }
}

/// The store, with the configured name, urls and policy, and the name it has now.
async fn open_store(resolution: &Resolution) -> Result<(Store, String), StartError> {
    let config = &resolution.config;
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy).map_err(|source| StartError::Entropy { source })?;
    let options = StoreOptions { cache_bytes: config.limits.cache_bytes, entropy, name: config.name.clone() };
    // A name that nobody gave doesn't undo one that was set while the node ran.
    let name = resolution.source("name").is_some_and(|source| *source != Source::Default).then(|| config.name.clone());
    let (data, urls, policy) = (config.data.clone(), config.urls.clone(), config.policy.clone());
    blocking(move || {
        let store = open_when_free(&data, &options)?;
        let (now, author, overview) = (clock::now(), Author::new(CONFIGURATION), store.overview()?);
        if let Some(name) = name {
            store.configure_name(&name, &author, now)?;
        }
        if !urls.is_empty() && urls != overview.urls {
            store.set_urls(&urls, &author, now)?;
        }
        if let Some(policy) = policy {
            store.set_policy(&policy, &author, now)?;
        }
        let name = store.overview()?.name;
        Ok((store, name))
    })
    .await?
}

/// Opens the store, once a process that is just ending has let go of it: one that was killed a moment ago still has the lock.
fn open_when_free(data: &Path, options: &StoreOptions) -> Result<Store, StoreError> {
    let since = Instant::now();
    loop {
        match Store::open(Arc::new(LocalDisk::new()), data, options) {
            Err(StoreError::AlreadyOpen { .. }) if since.elapsed() < FREE_WITHIN => std::thread::sleep(FREE_EVERY),
            outcome => return outcome,
        }
    }
}

/// The configuration with what was changed while the node ran.
async fn with_stored(resolution: &Resolution, store: &Store) -> Result<Resolution, StartError> {
    let store = store.clone();
    let stored = blocking(move || store.stored_settings()).await??;
    resolution.with_stored(&stored.values).map_err(|error| StartError::Broke { what: error.to_string() })
}

/// Sees to it that somebody can get in: whether an admin token was made just now, and the secret of the set-up link.
async fn ways_in(store: &Store, config: &Config) -> Result<(bool, Option<String>), StartError> {
    let (store, data) = (store.clone(), config.data.clone());
    let made = blocking(move || {
        let token_is_new = ensure_admin_token(&store, &data, clock::now())?;
        Ok::<_, AdminTokenError>((token_is_new, set_up_link(&store, token_is_new)?))
    });
    Ok(made.await??)
}

/// At the first start, the secret of a link with which somebody makes the first user on the web page.
fn set_up_link(store: &Store, first_start: bool) -> Result<Option<String>, StoreError> {
    if !first_start || !store.users()?.is_empty() {
        return Ok(None);
    }
    store.make_set_up_link(&Author::new("first start"), clock::now()).map(|(secret, _)| Some(secret))
}

/// Runs what blocks off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StartError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StartError::Broke { what: error.to_string() })
}

fn urls_for_peers(sockets: &[Socket]) -> Vec<String> {
    let offered = sockets.iter().filter(|socket| socket.offers(Surface::Peers));
    let addresses: Vec<(SocketAddr, bool)> =
        offered.map(|socket| (socket.bound.address(), socket.is_encrypted())).collect();
    listen_urls(&addresses, &interfaces())
}

/// Where this node answers, so that no webhook is sent there.
fn own_addresses(sockets: &[Socket], urls: &[String]) -> OwnAddresses {
    let bound = || sockets.iter().map(|socket| socket.bound.address());
    OwnAddresses {
        ports: bound().map(|address| address.port()).collect(),
        bound: bound().map(|address| address.ip()).collect(),
        interfaces,
        urls: urls.to_vec(),
    }
}

fn space_policy(space: &Space) -> Result<SpacePolicy, StartError> {
    let grace_ms = u64::try_from(space.grace.as_millis()).unwrap_or(u64::MAX);
    Ok(SpacePolicy { grace_ms, retention: Retention::new(space.keep, &space.rules)? })
}

fn api_options(config: &Config) -> ApiOptions {
    ApiOptions {
        version: env!("CARGO_PKG_VERSION"),
        roots: config.downloads.roots.clone(),
        download_mode: match config.downloads.access {
            Access::Open => DownloadMode::Open,
            Access::Basic => DownloadMode::Basic,
            Access::Token => DownloadMode::Token,
        },
        uploads_kept: config.space.uploads_kept,
        ..ApiOptions::default()
    }
}

/// What listeners serve.
struct SurfaceRouters {
    api: AppState,
    peers: Router,
    health: Health,
}

impl SurfaceRouters {
    /// What `socket` offers, and the node's health.
    fn of(&self, socket: &Socket) -> Router {
        let surfaces = Surfaces { downloads: socket.offers(Surface::Downloads), admin: socket.offers(Surface::Admin) };
        let router = ods_api::router(self.api.clone(), surfaces).merge(health_router(self.health.clone()));
        let router = if surfaces.admin { router.merge(ods_ui::router()) } else { router };
        if socket.offers(Surface::Peers) { router.merge(self.peers.clone()) } else { router }
    }
}

fn run_file(store: &Store, sockets: &[Socket]) -> RunFile {
    RunFile {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: store.node_id().to_string(),
        listeners: sockets.iter().map(Socket::run_listener).collect(),
    }
}

/// Starts what keeps the watches, and gives what the API sees of them.
fn start_watches(
    resolution: &Resolution,
    store: &Store,
    first_pull: FirstPull,
    supervisor: &mut Supervisor,
) -> WatchHandle {
    let config = &resolution.config;
    let roots = Arc::new(Roots {
        allowed: config.watch_roots.clone(),
        data: config.data.clone(),
        configured: config.watches.iter().map(|watch| watch.folder.clone()).collect(),
    });
    let origin = resolution.origin("watches");
    let configured = config.watches.iter().map(|watch| ConfiguredWatch {
        id: configured_id(watch),
        settings: settings(watch),
        source: origin.0,
        place: origin.1.clone(),
    });
    let check = roots.clone();
    let handle = WatchHandle::new(configured.collect(), move |folder| check.check(folder));
    supervisor.start(WatchKeeper::new(KeeperParts {
        store: store.clone(),
        handle: handle.clone(),
        configured: config.watches.iter().map(|watch| (configured_id(watch), WatchRules::from(watch))).collect(),
        roots,
        clock: clock::now,
        first_pull_done: Arc::new(move || first_pull.is_done()),
    }));
    handle
}
