//! What a token of scope `read` may do.

use std::sync::{Arc, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ods_store::{
    Author, Bandwidth, Digest, EditTag, EventId, Fetch, Happening, Holder, Lacking, Lsn, Member, NodeId, Overview,
    Package, PackagePath, PeerRow, Place, ReadFrom, RecordPage, RevisionPage, Roster, Scope, ScrubStatus, SessionId,
    SetDigest, SignedIn, Sort, SortedPage, StorageView, UnixMillis, Usage, UserPatch, UserRow, Who,
};
use tokio::sync::watch;

use super::attempts::Refused;
use super::{AppState, MayEnd, Session};
use crate::blocking::blocking;
use crate::error::{ApiError, Code};
use crate::mesh_handle::TransferStatus;
use crate::survey::Survey;
use crate::transfer_board::TransferBoard;

/// Leave to look: at packages that the token's prefixes allow, and at the node.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(super) state: AppState,
    pub(super) session: Session,
}

impl FromRequestParts<AppState> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        Ok(Self { session: Session::of(parts, state, Scope::Read).await?, state: state.clone() })
    }
}

impl MayEnd for Reader {
    fn must_still_hold(&self) -> Result<(), ApiError> {
        self.session.must_still_hold(&self.state)
    }
}

impl Reader {
    /// What all requests share, without the store.
    pub(crate) fn state(&self) -> &AppState {
        &self.state
    }

    /// The time.
    pub(crate) fn now(&self) -> UnixMillis {
        self.state.now()
    }

    /// Who it is.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// As whom it acts, and from where.
    pub(crate) fn author(&self) -> Author {
        self.session.author()
    }

    /// What has a browser forget the session.
    pub(crate) fn forgotten_cookies(&self) -> [String; 2] {
        [false, true].map(|encrypted| self.state.cookie(encrypted).forgotten())
    }

    /// All sessions to an admin, to others those of the same holder.
    pub(crate) fn sessions(&self) -> Result<Vec<SignedIn>, ApiError> {
        let all = self.state.store.sessions()?.into_iter();
        Ok(all.filter(|other| self.may_see(other) && !other.session.is_over(self.now())).collect())
    }

    /// Ends a session that [`Self::sessions`] shows; false if there is none.
    pub(crate) fn end_session(&self, id: SessionId) -> Result<bool, ApiError> {
        let known = self.state.store.sessions()?.iter().any(|other| other.session.id == id && self.may_see(other));
        Ok(known && self.state.store.end_session(id, &self.author(), self.now())?)
    }

    fn may_see(&self, other: &SignedIn) -> bool {
        let same = match (&self.session.who, &other.who) {
            (Who::User(own), Who::User(user)) => own.id == user.id,
            (Who::Token(own), Who::Token(token)) => own.id == token.id,
            (Who::User(_), Who::Token(_)) | (Who::Token(_), Who::User(_)) => false,
        };
        same || (self.session.who.scope() == Scope::Admin && self.sees_all())
    }

    /// Gives the user who signed in another password, for which the present one is needed; its other sessions end.
    pub(crate) async fn change_password(&self, present: String, new: String) -> Result<UserRow, ApiError> {
        let (Who::User(user), Some(begun)) = (&self.session.who, &self.session.begun) else {
            return Err(ApiError::new(Code::NoPassword, "a token has no password; sign in as a user"));
        };
        self.state.count_password_try(&user.name, &self.author(), self.session.address).await?;
        if !self.state.passwords.fits(present, Some(user.password.clone())).await? {
            let refused = Refused::SignIn("wrong present password");
            self.state.note_refusal(&self.author(), self.session.address, refused).await;
            return Err(ApiError::new(Code::Invalid, "the present password is wrong").fact("field", "present"));
        }
        let hashed = self.state.passwords.hash(&user.name, new, self.state.store.random()).await;
        let hashed = hashed.map_err(|error| error.field_called("password", "new"))?;
        let patch = UserPatch { password: Some(hashed), ..UserPatch::default() };
        let (reader, id, spared) = (self.clone(), user.id, begun.id);
        blocking(move || reader.state.store.edit_user(id, &patch, None, Some(spared), &reader.author(), reader.now()))
            .await
    }

    /// The call itself is nothing for the audit: what it does in the store is told there, if that is anything.
    pub(crate) fn tells_in_the_store(&self) {
        self.author().told();
    }

    /// Whether the token sees everything there is.
    pub(crate) fn sees_all(&self) -> bool {
        self.session.who.prefixes().is_empty()
    }

    /// Whether a package is within the token's prefixes.
    pub(crate) fn covers(&self, path: &PackagePath) -> bool {
        self.session.covers(path)
    }

    fn must_cover(&self, path: &PackagePath) -> Result<(), ApiError> {
        if self.covers(path) {
            return Ok(());
        }
        let detail = format!("{} may read only below its prefixes", self.session.label());
        let prefixes = self.session.who.prefixes().to_vec();
        Err(ApiError::new(Code::OutsidePrefixes, detail).fact("path", path.as_str()).fact("prefixes", prefixes))
    }

    /// A package, or 404.
    pub(crate) fn package(&self, path: &PackagePath) -> Result<Package, ApiError> {
        self.must_cover(path)?;
        self.state
            .store
            .package(path)?
            .ok_or_else(|| ods_store::StoreError::NoSuchPackage { path: path.clone() }.into())
    }

    /// Packages in an order, of those that the caller's prefixes allow.
    pub(crate) fn packages_sorted(
        &self,
        sort: Sort,
        after: Option<&Place>,
        limit: usize,
        filter: &mut dyn FnMut(&Package) -> bool,
    ) -> Result<SortedPage, ApiError> {
        let mut both = |package: &Package| self.covers(&package.path) && filter(package);
        Ok(self.state.store.packages_sorted(sort, after, limit, &mut both)?)
    }

    /// Where the pages of an order begin; only for whom sees all packages, since it counts all.
    pub(crate) fn package_anchors(&self, sort: Sort) -> Result<Arc<Vec<Place>>, ApiError> {
        if !self.sees_all() {
            let detail =
                format!("{} sees only what is below its prefixes; list with `prefix` instead", self.session.label());
            return Err(ApiError::new(Code::OutsidePrefixes, detail));
        }
        Ok(self.state.store.package_anchors(sort, self.now())?)
    }

    /// This node's name.
    pub(crate) fn node_name(&self) -> Result<String, ApiError> {
        Ok(self.state.store.name()?)
    }

    /// How many packages there are.
    pub(crate) fn package_count(&self) -> Result<u64, ApiError> {
        Ok(self.state.store.package_count()?)
    }

    /// A page of a path's history, newest first; 404 if there never was anything.
    pub(crate) fn revision_page(
        &self,
        path: &PackagePath,
        older: Option<usize>,
        limit: usize,
    ) -> Result<RevisionPage, ApiError> {
        self.must_cover(path)?;
        Ok(self.state.store.revision_page(path, older, limit)?)
    }

    /// This node.
    pub(crate) fn overview(&self) -> Result<Overview, ApiError> {
        Ok(self.state.store.overview()?)
    }

    /// What this node held in the past, oldest first.
    pub(crate) fn usage_trend(&self) -> Result<Vec<Usage>, ApiError> {
        Ok(self.state.store.usage_trend()?)
    }

    /// Where this node's bytes are.
    pub(crate) fn storage(&self) -> Result<StorageView, ApiError> {
        Ok(self.state.store.storage(&self.state.options.space, self.now())?)
    }

    /// What the scrub is doing.
    pub(crate) fn scrub_status(&self) -> Result<ScrubStatus, ApiError> {
        Ok(self.state.store.scrub_status()?)
    }

    /// This node's id.
    pub(crate) fn node_id(&self) -> NodeId {
        self.state.store.node_id()
    }

    /// Who may do what in the mesh.
    pub(crate) fn roster(&self) -> Arc<Roster> {
        self.state.store.roster()
    }

    /// All nodes that the roster knows, and what was said of each.
    pub(crate) fn members(&self) -> Result<Vec<Member>, ApiError> {
        Ok(self.state.store.members()?)
    }

    /// A digest of the roster's statements.
    pub(crate) fn roster_digest(&self) -> SetDigest {
        self.state.store.roster_digest()
    }

    /// The nodes that this one is linked with.
    pub(crate) fn peers(&self) -> Result<Vec<PeerRow>, ApiError> {
        Ok(self.state.store.peers()?)
    }

    /// What all nodes said of themselves last.
    pub(crate) fn survey(&self) -> Result<Survey, ApiError> {
        let store = &self.state.store;
        let told = store.states()?.into_iter().map(|held| held.state);
        let known = told.filter_map(|state| Some((state.header.node, (state.header, state.body?)))).collect();
        Ok(Survey::new(store.node_id(), &store.roster(), known, store.vector()?))
    }

    /// Which nodes have a package, and the revision this is about; 404 if there is no such package.
    pub(crate) fn holders(&self, path: &PackagePath) -> Result<(EventId, Vec<Holder>), ApiError> {
        self.must_cover(path)?;
        let holders = self.state.store.holders(path)?;
        holders.ok_or_else(|| ods_store::StoreError::NoSuchPackage { path: path.clone() }.into())
    }

    /// Packages that a node lacks, of those within the token's prefixes; 404 if no statement admits the node.
    pub(crate) fn lacking(&self, node: &NodeId, after: Option<&str>, limit: usize) -> Result<Lacking, ApiError> {
        Ok(self.state.store.lacking(node, after, limit, &mut |package| self.covers(&package.path))?)
    }

    /// Which nodes have packages that were read, in their order.
    pub(crate) fn holders_of_all(&self, packages: &[Package]) -> Result<Vec<Vec<Holder>>, ApiError> {
        let paths: Vec<&PackagePath> = packages.iter().map(|package| &package.path).collect();
        Ok(self.state.store.holders_of_all(&paths)?)
    }

    /// What is being fetched, as the fetch driver says: it shows that a few times a second.
    pub(crate) fn transfers(&self) -> Vec<TransferStatus> {
        self.state.mesh.transfers().read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Blobs that are coming in.
    pub(crate) fn fetches(&self) -> Vec<Fetch> {
        self.state.store.fetches_in_progress()
    }

    /// What moves, as the parts that move it say.
    pub(crate) fn board(&self) -> &TransferBoard {
        self.state.mesh.board()
    }

    /// A package that has a blob: the first by path that the token may see.
    pub(crate) fn path_of(&self, blob: &Digest) -> Result<Option<String>, ApiError> {
        let paths = self.state.store.live_paths(blob)?;
        Ok(paths.into_iter().find(|path| PackagePath::parse(path).is_ok_and(|path| self.covers(&path))))
    }

    /// The limits of this node, or of the link with a peer.
    pub(crate) fn bandwidth(&self, node: &NodeId) -> Result<Bandwidth, ApiError> {
        Ok(self.state.store.peer_bandwidth(node)?)
    }

    /// How this node stands, as far as people set it.
    pub(crate) fn node_tag(&self) -> Result<EditTag, ApiError> {
        Ok(self.state.store.node_tag()?)
    }

    /// How a peer stands, as far as people set it.
    pub(crate) fn peer_tag(&self, row: &PeerRow) -> Result<EditTag, ApiError> {
        Ok(self.state.store.peer_tag(row)?)
    }

    /// The newest record.
    pub(crate) fn head(&self) -> Lsn {
        self.state.store.head()
    }

    /// Tells when there are new records.
    pub(crate) fn head_changes(&self) -> watch::Receiver<Lsn> {
        self.state.head.clone()
    }

    /// A node that this one is linked with, or 404.
    pub(crate) fn peer(&self, node: &NodeId) -> Result<PeerRow, ApiError> {
        let unknown =
            || ApiError::new(Code::NoSuchPeer, format!("there is no peer {node}")).fact("node", node.to_string());
        self.state.store.peer(node)?.ok_or_else(unknown)
    }

    /// A page of the journal. What of it the token may see is for [`Self::sees`] to say.
    pub(crate) fn records(&self, from: ReadFrom, limit: usize) -> Result<RecordPage, ApiError> {
        Ok(self.state.store.records(from, limit)?)
    }

    /// Whether the token may see a record: of packages, those below its prefixes; of the node, if it has no prefixes; of
    /// sign-ins, tokens and invites, if it is an admin's.
    pub(crate) fn sees(&self, happening: &Happening) -> bool {
        match happening {
            Happening::PackagePublished { path, .. }
            | Happening::PackageReplaced { path, .. }
            | Happening::PackageRemoved { path, .. }
            | Happening::PackageConflict { path, .. }
            | Happening::PackageStored { path, .. }
            | Happening::PackageReplicated { path, .. } => {
                self.sees_all() || PackagePath::parse(path).is_ok_and(|path| self.covers(&path))
            }
            Happening::PeerUp { .. }
            | Happening::PeerDown { .. }
            | Happening::PeerAdded { .. }
            | Happening::PeerRemoved { .. }
            | Happening::NodeAdmitted { .. }
            | Happening::NodeExpelled { .. }
            | Happening::Alarm { .. }
            | Happening::WatchRefused { .. }
            | Happening::NodeChanged { .. }
            | Happening::NodeEdited { .. }
            | Happening::StorageCollected { .. }
            | Happening::StorageEvicted { .. } => self.sees_all(),
            Happening::SignInRefused { .. }
            | Happening::TokenCreated { .. }
            | Happening::TokenRevoked { .. }
            | Happening::InviteCreated { .. }
            | Happening::InviteRevoked { .. }
            | Happening::SignedIn { .. }
            | Happening::UserCreated { .. }
            | Happening::UserChanged { .. }
            | Happening::UserRemoved { .. }
            | Happening::SettingsChanged { .. } => self.session.who.scope() == Scope::Admin,
            Happening::WebhookChanged { .. } | Happening::WebhookTest { .. } | Happening::WatchChanged { .. } => {
                self.session.who.scope() == Scope::Admin
            }
        }
    }
}
