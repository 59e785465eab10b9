//! The operations whose request and answer are small JSON.

use ods_store::PackagePath;
use reqwest::Method;
use reqwest::header::IF_MATCH;

use super::{Client, ClientError, Guard, encode_path};
use crate::types::{
    AdmitRequest, EventQuery, ExpelQuery, ExpulsionView, GcRequest, GcView, InviteRequest, InviteView, JoinRequest,
    MemberView, MeshNodeView, MissingView, NewTokenView, NodePatch, NodeView, PackagePatch, PackageQuery, PackageView,
    Page, PageQuery, PastTransferView, PeerPatch, PeerView, PublishedView, RecordsView, ReplicationView,
    RestoreRequest, RevisionView, RosterView, ScrubView, StorageUsageView, SyncView, TokenRequest, TokenView,
    TransferView, UsageNoteView,
};

impl Client {
    /// `GET /node`.
    pub async fn node(&self) -> Result<NodeView, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/node")).await
    }

    /// `PATCH /node`.
    pub async fn edit_node(&self, patch: &NodePatch, guard: &Guard) -> Result<NodeView, ClientError> {
        self.json(guard.on(self.request(Method::PATCH, "/api/v1/node").json(patch))).await
    }

    /// `GET /packages`: one page.
    pub async fn packages(&self, query: &PackageQuery) -> Result<Page<PackageView>, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/packages").query(query)).await
    }

    /// `GET /packages/{path}`.
    pub async fn package(&self, path: &PackagePath) -> Result<PackageView, ClientError> {
        self.json(self.request(Method::GET, &package_url(path))).await
    }

    /// `PATCH /packages/{path}`: metadata.
    pub async fn edit_package(
        &self,
        path: &PackagePath,
        metadata: &PackagePatch,
        guard: &Guard,
    ) -> Result<PublishedView, ClientError> {
        self.json(guard.on(self.request(Method::PATCH, &package_url(path)).json(metadata))).await
    }

    /// `DELETE /packages/{path}`.
    pub async fn remove_package(&self, path: &PackagePath, guard: &Guard) -> Result<(), ClientError> {
        self.nothing(guard.on(self.request(Method::DELETE, &package_url(path)))).await
    }

    /// `GET /revisions/{path}`, newest first.
    pub async fn revisions(&self, path: &PackagePath, query: &PageQuery) -> Result<Page<RevisionView>, ClientError> {
        self.json(self.request(Method::GET, &format!("/api/v1/revisions/{}", encode_path(path))).query(query)).await
    }

    /// `POST /restore`: makes an earlier revision current.
    pub async fn restore(&self, path: &PackagePath, revision: &str) -> Result<PublishedView, ClientError> {
        let body = RestoreRequest { path: path.as_str().to_owned(), revision: revision.to_owned() };
        self.json(self.request(Method::POST, "/api/v1/restore").json(&body)).await
    }

    /// `GET /events`: one page of the journal.
    pub async fn events(&self, query: &EventQuery) -> Result<RecordsView, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/events").query(query)).await
    }

    /// `GET /storage`.
    pub async fn storage(&self) -> Result<StorageUsageView, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/storage")).await
    }

    /// `GET /storage/trend`: what the node held, oldest first; all of it is one page.
    pub async fn storage_trend(&self) -> Result<Page<UsageNoteView>, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/storage/trend")).await
    }

    /// `POST /storage/gc`: removes what nothing needs, or tells what that is. Answers when it is done.
    pub async fn collect_garbage(&self, request: &GcRequest) -> Result<GcView, ClientError> {
        self.json(self.request(Method::POST, "/api/v1/storage/gc").json(request)).await
    }

    /// `GET /storage/scrub`.
    pub async fn scrub(&self) -> Result<ScrubView, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/storage/scrub")).await
    }

    /// `POST /storage/scrub`: starts to verify everything, unless that is under way.
    pub async fn start_scrub(&self) -> Result<ScrubView, ClientError> {
        self.json(self.request(Method::POST, "/api/v1/storage/scrub")).await
    }

    /// `DELETE /storage/scrub`: stops it.
    pub async fn stop_scrub(&self) -> Result<ScrubView, ClientError> {
        self.json(self.request(Method::DELETE, "/api/v1/storage/scrub")).await
    }

    /// `GET /mesh`: every node of the mesh.
    pub async fn mesh(&self) -> Result<Page<MeshNodeView>, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/mesh")).await
    }

    /// `GET /mesh/{node}/missing`: one page of the packages that a node lacks.
    pub async fn missing(&self, node: &str, page: &PageQuery) -> Result<MissingView, ClientError> {
        self.json(self.request(Method::GET, &format!("{}/missing", one("mesh", node))).query(page)).await
    }

    /// `GET /transfers/recent`: what moved lately, the newest first; all of it is one page.
    pub async fn recent_transfers(&self) -> Result<Page<PastTransferView>, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/transfers/recent")).await
    }

    /// `GET /transfers`: what moves now.
    pub async fn transfers(&self) -> Result<Page<TransferView>, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/transfers")).await
    }

    /// `GET /replication/{path}`: which nodes have a package.
    pub async fn replication(&self, path: &PackagePath) -> Result<ReplicationView, ClientError> {
        self.json(self.request(Method::GET, &format!("/api/v1/replication/{}", encode_path(path)))).await
    }

    /// `GET /peers`.
    pub async fn peers(&self) -> Result<Page<PeerView>, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/peers")).await
    }

    /// `POST /peers`: joins by an invite. Answers when the other node has admitted this one.
    pub async fn join(&self, invite: &str) -> Result<PeerView, ClientError> {
        let body = JoinRequest { invite: invite.to_owned() };
        self.json(self.request(Method::POST, "/api/v1/peers").json(&body)).await
    }

    /// `GET /peers/{id}`.
    pub async fn peer(&self, id: &str) -> Result<PeerView, ClientError> {
        self.json(self.request(Method::GET, &one("peers", id))).await
    }

    /// `PATCH /peers/{id}`.
    pub async fn edit_peer(&self, id: &str, patch: &PeerPatch, guard: &Guard) -> Result<PeerView, ClientError> {
        self.json(guard.on(self.request(Method::PATCH, &one("peers", id)).json(patch))).await
    }

    /// `DELETE /peers/{id}`: removes the link. The node stays in the mesh.
    pub async fn remove_peer(&self, id: &str) -> Result<(), ClientError> {
        self.nothing(self.request(Method::DELETE, &one("peers", id))).await
    }

    /// `POST /peers/{id}/sync`: pulls now.
    pub async fn sync_peer(&self, id: &str) -> Result<SyncView, ClientError> {
        self.json(self.request(Method::POST, &format!("{}/sync", one("peers", id)))).await
    }

    /// `GET /roster`: one page.
    pub async fn roster(&self, page: &PageQuery) -> Result<RosterView, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/roster").query(page)).await
    }

    /// `POST /roster`: admits a node, or raises what it may do.
    pub async fn admit(&self, request: &AdmitRequest) -> Result<MemberView, ClientError> {
        self.json(self.request(Method::POST, "/api/v1/roster").json(request)).await
    }

    /// `POST /roster/{node}/expel`: expels a node from the mesh, for good, or tells what that would do.
    pub async fn expel(&self, node: &str, query: &ExpelQuery) -> Result<ExpulsionView, ClientError> {
        self.json(self.request(Method::POST, &format!("{}/expel", one("roster", node))).query(query)).await
    }

    /// `GET /invites`.
    pub async fn invites(&self) -> Result<Page<InviteView>, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/invites")).await
    }

    /// `POST /invites`.
    pub async fn create_invite(&self, request: &InviteRequest) -> Result<InviteView, ClientError> {
        self.json(self.request(Method::POST, "/api/v1/invites").json(request)).await
    }

    /// `DELETE /invites/{id}`.
    pub async fn remove_invite(&self, id: &str) -> Result<(), ClientError> {
        self.nothing(self.request(Method::DELETE, &one("invites", id))).await
    }

    /// `GET /tokens`: one page.
    pub async fn tokens(&self, page: &PageQuery) -> Result<Page<TokenView>, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/tokens").query(page)).await
    }

    /// `POST /tokens`.
    pub async fn create_token(&self, request: &TokenRequest) -> Result<NewTokenView, ClientError> {
        self.json(self.request(Method::POST, "/api/v1/tokens").json(request)).await
    }

    /// `DELETE /tokens/{id}`.
    pub async fn revoke_token(&self, id: &str) -> Result<(), ClientError> {
        self.nothing(self.request(Method::DELETE, &one("tokens", id))).await
    }
}

impl Guard {
    /// Puts the condition on a request.
    pub(super) fn on(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match self {
            Self::Always => request,
            Self::OnlyIfNew => request.header(reqwest::header::IF_NONE_MATCH, "*"),
            Self::OnlyIf(revision) => request.header(IF_MATCH, format!("\"{revision}\"")),
        }
    }
}

pub(super) fn package_url(path: &PackagePath) -> String {
    format!("/api/v1/packages/{}", encode_path(path))
}

pub(super) fn one(resource: &str, id: &str) -> String {
    let id = percent_encoding::utf8_percent_encode(id, super::SEGMENT);
    format!("/api/v1/{resource}/{id}")
}
