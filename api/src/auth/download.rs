//! What a machine that downloads may do.

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use ods_store::{Arrival, BlobReader, Digest, Fetch, Package, PackagePath, PackageWithBytes, Scope, UnixMillis};

use super::{AppState, BEARER, Denied, DownloadMode, MayEnd, Session};
use crate::error::{ApiError, Code};

const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"ods\", charset=\"UTF-8\"");

/// Leave to download. Where downloads are open, everybody has it, and wrong credentials are as good as none: clients
/// send all sorts of them to whom doesn't ask.
#[derive(Clone)]
pub(crate) struct DownloadAccess {
    state: AppState,
    session: Option<Session>,
    /// Whether it was given what not everybody has where downloads are open.
    rests_on_session: bool,
    /// Whether its credentials, where they are asked for, hold what it was given: else it ends when downloads close.
    session_covers: bool,
}

impl FromRequestParts<AppState> for DownloadAccess {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let presented = Session::presented(parts, state)?;
        let challenge = match state.download_mode() {
            DownloadMode::Open => return Ok(Self::of(state, presented.ok())),
            DownloadMode::Basic => BASIC,
            DownloadMode::Token => BEARER,
        };
        match presented {
            Ok(session) => Ok(Self::of(state, Some(session))),
            Err(denied) => Err(denied.answer(parts, state, challenge).await),
        }
    }
}

impl MayEnd for DownloadAccess {
    /// Not where downloads are open, unless it was given what not everybody has.
    fn can_end(&self) -> bool {
        self.rests_on_session || self.state.download_mode() != DownloadMode::Open
    }

    fn must_still_hold(&self) -> Result<(), ApiError> {
        match (&self.session, self.state.download_mode()) {
            (Some(session), mode) => {
                session.must_still_hold(&self.state)?;
                if mode == DownloadMode::Open || self.session_covers {
                    return Ok(());
                }
                let detail = "downloads need a token now, and this one's prefixes don't hold the package";
                Err(ApiError::new(Code::OutsidePrefixes, detail))
            }
            (None, DownloadMode::Open) => Ok(()),
            (None, DownloadMode::Basic) => Err(Denied::Missing.error(Some(BASIC))),
            (None, DownloadMode::Token) => Err(Denied::Missing.error(Some(BEARER))),
        }
    }
}

impl DownloadAccess {
    fn of(state: &AppState, session: Option<Session>) -> Self {
        Self { state: state.clone(), session, rests_on_session: false, session_covers: false }
    }

    /// What all requests share, without the store.
    pub(crate) fn state(&self) -> &AppState {
        &self.state
    }

    /// The time.
    pub(crate) fn now(&self) -> UnixMillis {
        self.state.now()
    }

    /// What tells the time, for as long as an answer takes.
    pub(crate) fn clock(&self) -> fn() -> UnixMillis {
        self.state.clock
    }

    /// Whether a path is open to the caller: all are where downloads are open, else those below its token's prefixes.
    pub(crate) fn covers(&self, path: &PackagePath) -> bool {
        self.state.download_mode() == DownloadMode::Open || self.session_covers(path)
    }

    /// This access, for what is at a path.
    pub(crate) fn at(self, path: &PackagePath) -> Self {
        Self { session_covers: self.session_covers(path), ..self }
    }

    fn session_covers(&self, path: &PackagePath) -> bool {
        self.session.as_ref().is_some_and(|session| session.covers(path))
    }

    /// A package; `None` if there is none, or not for the caller.
    pub(crate) fn package(&self, path: &PackagePath) -> Result<Option<Package>, ApiError> {
        if self.covers(path) { Ok(self.state.store.package(path)?) } else { Ok(None) }
    }

    /// A package with its bytes, if they are here; `None` if there is none, or not for the caller.
    pub(crate) fn package_with_bytes(&self, path: &PackagePath) -> Result<Option<PackageWithBytes>, ApiError> {
        if self.covers(path) { Ok(self.state.store.package_with_bytes(path, self.now())?) } else { Ok(None) }
    }

    /// The same from memory, if it was asked for lately. Never blocks.
    pub(crate) fn recent_package(&self, path: &PackagePath) -> Option<PackageWithBytes> {
        if self.covers(path) { self.state.store.recent_package(path) } else { None }
    }

    /// Packages in the order of their paths, of those open to the caller. A page may be short and still have a next.
    pub(crate) fn packages(
        &self,
        after: Option<&str>,
        limit: usize,
        filter: &mut dyn FnMut(&Package) -> bool,
    ) -> Result<ods_store::Page<Package>, ApiError> {
        let mut both = |package: &Package| self.covers(&package.path) && filter(package);
        Ok(self.state.store.packages(after, limit, &mut both)?)
    }

    /// Whether a blob is open to the caller by its digest: those of current revisions that are open to it, and all to
    /// admins, as long as they are.
    pub(crate) fn may_have_blob(&mut self, blob: &Digest) -> Result<bool, ApiError> {
        let paths = self.state.store.live_paths(blob)?;
        self.session_covers =
            paths.iter().any(|path| PackagePath::parse(path).is_ok_and(|path| self.session_covers(&path)));
        let is_open = self.state.download_mode() == DownloadMode::Open && !paths.is_empty();
        if is_open || self.session_covers {
            return Ok(true);
        }
        self.rests_on_session = self.session.as_ref().is_some_and(|session| session.who.scope() == Scope::Admin);
        self.session_covers = self.rests_on_session;
        Ok(self.rests_on_session)
    }

    /// A package open to the caller whose current revision has this blob.
    pub(crate) fn package_with_blob(&self, blob: &Digest) -> Result<Option<Package>, ApiError> {
        for path in self.state.store.live_paths(blob)? {
            let Ok(path) = PackagePath::parse(&path) else { continue };
            if let Some(package) = self.package(&path)?.filter(|package| package.blob == *blob) {
                return Ok(Some(package));
            }
        }
        Ok(None)
    }

    /// Whether some head of a path has a blob.
    pub(crate) fn is_live(&self, blob: &Digest) -> Result<bool, ApiError> {
        Ok(!self.state.store.live_paths(blob)?.is_empty())
    }

    /// A blob's bytes; `None` if they aren't here. Ask [`Self::package`] or [`Self::may_have_blob`] first.
    pub(crate) fn open_blob(&self, blob: &Digest) -> Result<Option<BlobReader>, ApiError> {
        Ok(self.state.store.open_blob(blob, self.now())?)
    }

    /// Has a blob fetched before others, since someone waits for it; false if it isn't wanted here. Blocks.
    pub(crate) fn want_now(&self, blob: &Digest) -> Result<bool, ApiError> {
        Ok(self.state.store.want_now(blob, self.now())?)
    }

    /// The fetch of a blob, if one is going on: what is verified of it can be sent already.
    pub(crate) fn fetch_in_progress(&self, blob: &Digest) -> Option<Fetch> {
        self.state.store.fetch_in_progress(blob)
    }

    /// Notes that a client uses a blob, so that it is kept here for longer than others.
    pub(crate) fn used(&self, blob: &Digest) {
        self.state.store.used(blob, self.now());
    }

    /// Waits for what comes of a blob next.
    pub(crate) fn arrival(&self, blob: &Digest) -> Arrival {
        self.state.store.arrival(blob)
    }
}
