//! What all requests share. The store in it is out of reach but through this folder's extractors.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ods_store::{Author, Lsn, SpacePolicy, Store, TOKENS_MAX, UnixMillis, Who};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::Session;
use super::attempts::{Attempts, Refused};
use super::passwords::Passwords;
use super::sign_in::Cookie;
use crate::blocking::blocking;
use crate::listeners_handle::ListenersHandle;
use crate::mesh_handle::MeshHandle;
use crate::request::ClientAddress;
use crate::settings_handle::SettingsHandle;
use crate::watch_handle::WatchHandle;
use crate::webhook_address::OwnAddresses;

/// Bulk changes at work at a time.
const BULK_CHANGES_AT_ONCE: usize = 2;

/// Who may download.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DownloadMode {
    /// Everybody.
    #[default]
    Open,
    /// Whoever has a token, asked for by `Basic`: any name, the token as password.
    Basic,
    /// Whoever has a token, asked for by `Bearer`.
    Token,
}

impl DownloadMode {
    /// The mode of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Basic, Self::Token].into_iter().find(|mode| mode.as_str() == name)
    }

    /// `open`, `basic` or `token`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Basic => "basic",
            Self::Token => "token",
        }
    }
}

/// How the API is set up.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// The program's version.
    pub version: &'static str,
    /// The names under which packages are downloaded; the first is the one that links are made of.
    pub roots: Vec<String>,
    /// Who may download, at first.
    pub download_mode: DownloadMode,
    /// The node's settings.
    pub settings: SettingsHandle,
    /// Where this node is reached as far as its listeners tell; invites name them when no url is configured.
    pub listen_urls: Vec<String>,
    /// SHA-256 of the self-signed TLS certificate's DER; invites pin it.
    pub tls_pin: Option<[u8; 32]>,
    /// Where this node itself answers: no webhook is sent there.
    pub own: OwnAddresses,
    /// Where this node listens.
    pub listeners: ListenersHandle,
    /// What this node keeps, when gc is asked for.
    pub space: SpacePolicy,
    /// How long an upload may rest before it counts as abandoned.
    pub uploads_kept: Duration,
    /// Cancelled when the node stops: long answers end.
    pub stopping: CancellationToken,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            roots: vec!["Packages".to_owned()],
            download_mode: DownloadMode::default(),
            settings: SettingsHandle::default(),
            listen_urls: Vec::new(),
            tls_pin: None,
            own: OwnAddresses::default(),
            listeners: ListenersHandle::default(),
            space: SpacePolicy::default(),
            uploads_kept: Duration::from_hours(24),
            stopping: CancellationToken::new(),
        }
    }
}

/// What all requests share. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// See [`AppState`].
pub struct Shared {
    pub(in crate::auth) store: Store,
    pub(in crate::auth) attempts: Attempts,
    pub(in crate::auth) passwords: Passwords,
    /// Places of bulk changes at work: each has threads of its own, so further ones wait in line.
    pub(crate) bulk_places: Arc<Semaphore>,
    /// Lets each token's and session's use be noted once a minute, also while noting fails.
    uses: DefaultKeyedRateLimiter<String>,
    cookie_name: String,
    download_mode: RwLock<DownloadMode>,
    settings_change: Mutex<()>,
    pub(in crate::auth) head: watch::Receiver<Lsn>,
    pub(crate) options: ApiOptions,
    pub(crate) mesh: MeshHandle,
    pub(crate) watches: WatchHandle,
    pub(in crate::auth) clock: fn() -> UnixMillis,
}

impl AppState {
    /// The state of a node's API. Follows the store's commits from here on, for those who follow the journal.
    pub fn new(
        store: Store,
        clock: fn() -> UnixMillis,
        options: ApiOptions,
        mesh: MeshHandle,
        watches: WatchHandle,
    ) -> Self {
        let (sender, head) = watch::channel(store.head());
        store.on_commit(move |committed| {
            sender.send_replace(committed.head);
        });
        let uses = RateLimiter::keyed(Quota::per_minute(NonZeroU32::MIN));
        // Cookies know no ports: each node on a host has a name of its own for its.
        let cookie_name = format!("ods_session_{}", store.node_id().short());
        let (attempts, passwords) = (Attempts::new(), Passwords::new());
        let download_mode = RwLock::new(options.download_mode);
        Self(Arc::new(Shared {
            store,
            attempts,
            passwords,
            bulk_places: Arc::new(Semaphore::new(BULK_CHANGES_AT_ONCE)),
            uses,
            cookie_name,
            download_mode,
            settings_change: Mutex::default(),
            head,
            options,
            mesh,
            watches,
            clock,
        }))
    }

    /// Who may download.
    pub(crate) fn download_mode(&self) -> DownloadMode {
        *self.0.download_mode.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes who may download, at once.
    pub(crate) fn set_download_mode(&self, mode: DownloadMode) {
        *self.0.download_mode.write().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// Whoever holds this is the only one who changes settings: from the look at what is stored, over the check of all values
    /// together, to their counting.
    pub(crate) fn settings_change(&self) -> MutexGuard<'_, ()> {
        self.0.settings_change.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cookie of sessions, on a connection that is encrypted or not. Over TLS its prefix has browsers refuse one that
    /// anybody else on the way, or another host, has set.
    pub(crate) fn cookie(&self, encrypted: bool) -> Cookie {
        let prefix = if encrypted { "__Host-" } else { "" };
        Cookie { name: format!("{prefix}{}", self.cookie_name), encrypted }
    }

    /// What tells the time, for as long as a request takes.
    pub(crate) fn clock(&self) -> fn() -> UnixMillis {
        self.0.clock
    }

    /// The time, by this node's clock.
    pub(crate) fn now(&self) -> UnixMillis {
        (self.0.clock)()
    }

    /// Notes that a token or session was used. That it couldn't be is no reason to refuse the request.
    pub(super) async fn note_use(&self, session: &Session) {
        let key = match (&session.begun, &session.who) {
            (Some(begun), _) => begun.id.to_string(),
            (None, Who::Token(token)) => token.id.to_string(),
            (None, Who::User(_)) => return,
        };
        if self.uses.check_key(&key).is_err() {
            return;
        }
        if self.uses.len() > TOKENS_MAX {
            self.uses.retain_recent();
        }
        let (store, session, now) = (self.store.clone(), session.clone(), self.now());
        let noted = blocking(move || match (&session.begun, &session.who) {
            (Some(begun), _) => store.touch_session(begun, &session.secret, now),
            (None, Who::Token(token)) => store.touch_token(token, &session.secret, now),
            (None, Who::User(_)) => Ok(()),
        });
        if noted.await.is_err() {
            tracing::warn!("couldn't note that a token or session was used");
        }
    }

    /// Writes down that somebody was not let in, unless that was done too often lately, from there or altogether. That it
    /// couldn't be is logged; the request is answered as it is.
    pub(super) async fn note_refusal(&self, who: &Author, address: ClientAddress, refused: Refused<'_>) {
        let Some(unwritten) = self.attempts.written(address, refused) else { return };
        let (Refused::Token(reason) | Refused::SignIn(reason)) = refused;
        let reason = match unwritten {
            0 => reason.to_owned(),
            many => format!("{reason} (and {many} more refusals before this one, not listed)"),
        };
        self.write_refusals(who, reason, unwritten + 1).await;
    }

    /// Writes down how many refusals weren't, if any: else nobody learns of the end of a flood before somebody is refused
    /// again. To be called now and then, and when the node stops.
    pub async fn tell_unwritten(&self) {
        let unwritten = self.attempts.take_unwritten();
        if unwritten == 0 {
            return;
        }
        self.write_refusals(&Author::new("unknown"), format!("{unwritten} refusals, not listed"), unwritten).await;
    }

    /// Writes down so many refusals in an entry. If that fails they are counted, for the next one.
    async fn write_refusals(&self, who: &Author, reason: String, refusals: u64) {
        let (store, now, author) = (self.store.clone(), self.now(), who.clone().regardless());
        if blocking(move || store.note_sign_in_refused(&author, &reason, now)).await.is_err() {
            self.attempts.not_written(refusals);
            tracing::warn!(who = who.as_str(), from = who.from(), "couldn't write down that credentials were refused");
        }
    }
}

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppState").field("options", &self.options).finish_non_exhaustive()
    }
}
