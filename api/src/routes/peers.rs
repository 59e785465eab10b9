//! `/peers`: the nodes that this one is linked with.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ods_store::{Deed, Facts, NodeId, PeerEdit, PeerRow, Purpose};

use crate::auth::{Admin, Reader};
use crate::blocking::blocking;
use crate::conditions;
use crate::convert;
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, Params, page_of, parse_id};
use crate::mesh_handle::SyncError;
use crate::paths::AboutId;
use crate::routes::{limits, urls};
use crate::types::{JoinRequest, Page, PageQuery, PeerPatch, PeerView, SyncView};

/// List this node's peers.
#[utoipa::path(get, path = "/api/v1/peers", operation_id = "list_peers", tag = "mesh", params(PageQuery),
    responses((status = 200, body = Page<PeerView>)))]
pub(crate) async fn list(reader: Reader, Params(query): Params<PageQuery>) -> Result<Json<Page<PeerView>>, ApiError> {
    blocking(move || {
        let peers = reader.peers()?.into_iter().map(|row| view(&reader, row)).collect::<Result<_, ApiError>>()?;
        page_of("peers", peers, &query, |peer: &PeerView| peer.id.clone())
    })
    .await
    .map(Json)
}

/// Join another node by its invite.
///
/// Answers when that node has admitted this one and the link is kept; packages follow on their own.
#[utoipa::path(post, path = "/api/v1/peers", operation_id = "join_peer", tag = "mesh", request_body = JoinRequest,
    responses((status = 201, body = PeerView)),
    extensions(("x-ods-errors" = json!([Code::InviteMalformed, Code::InviteOwn, Code::InviteExpired, Code::InviteUsed, Code::InviteUnknown, Code::WrongNode, Code::NotAnOwner, Code::Expelled, Code::ReplicaHasEvents, Code::MergeNeedsOwner, Code::StillJoining, Code::NodeUnreachable, Code::BadPeerAnswer]))))]
pub(crate) async fn join(
    admin: Admin,
    JsonBody(request): JsonBody<JoinRequest>,
) -> Result<(StatusCode, Json<PeerView>), ApiError> {
    let node = admin.reader().state().mesh.join(request.invite, admin.author()).await?;
    let view = blocking(move || one(admin.reader(), &node)).await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Show a peer.
#[utoipa::path(get, path = "/api/v1/peers/{id}", operation_id = "show_peer", tag = "mesh", params(("id" = String, Path, description = "The node's id")),
    responses((status = 200, body = PeerView, headers(("ETag" = String, description = "Its `etag` in double quotes")))),
    extensions(("x-ods-errors" = json!([Code::NoSuchPeer]))))]
pub(crate) async fn show(reader: Reader, AboutId(id): AboutId) -> Result<Response, ApiError> {
    let node = parse(&id)?;
    answer(blocking(move || one(&reader, &node)).await?)
}

/// Change what is known of a peer, or pause replication with it.
///
/// All of it or nothing; fields that aren't there stay as they are.
#[utoipa::path(patch, path = "/api/v1/peers/{id}", operation_id = "edit_peer", tag = "mesh", params(("id" = String, Path, description = "The node's id"),
        ("If-Match" = Option<String>, Header, description = "An `etag` in double quotes: change only what stands so")),
    request_body = PeerPatch,
    responses((status = 200, body = PeerView, headers(("ETag" = String, description = "Its `etag` in double quotes")))),
    extensions(("x-ods-errors" = json!([Code::NoSuchPeer]))))]
pub(crate) async fn edit(
    admin: Admin,
    AboutId(id): AboutId,
    headers: HeaderMap,
    JsonBody(patch): JsonBody<PeerPatch>,
) -> Result<Response, ApiError> {
    let (node, expected) = (parse(&id)?, conditions::expected(&headers)?);
    let edit = PeerEdit {
        name: patch.name,
        urls: patch.urls.map(urls::parse).transpose()?,
        paused: patch.paused,
        limits: patch.limits.map(limits::parse).transpose()?,
    };
    let view = blocking(move || {
        if !admin.store().edit_peer(&node, &edit, &expected, &admin.author(), admin.reader().now())? {
            return Err(no_such_peer(&node));
        }
        one(admin.reader(), &node)
    });
    answer(view.await?)
}

/// Remove the link with a peer.
///
/// The node stays in the mesh, and may still be reached through others.
#[utoipa::path(delete, path = "/api/v1/peers/{id}", operation_id = "remove_peer", tag = "mesh", params(("id" = String, Path, description = "The node's id"),
        ("If-Match" = Option<String>, Header, description = "An `etag` in double quotes: remove only what stands so")),
    responses((status = 204, description = "It is removed")),
    extensions(("x-ods-errors" = json!([Code::NoSuchPeer]))))]
pub(crate) async fn remove(admin: Admin, AboutId(id): AboutId, headers: HeaderMap) -> Result<StatusCode, ApiError> {
    let (node, expected) = (parse(&id)?, conditions::expected(&headers)?);
    blocking(move || {
        if admin.store().remove_peer(&node, &expected, &admin.author(), admin.reader().now())? {
            return Ok(StatusCode::NO_CONTENT);
        }
        Err(no_such_peer(&node))
    })
    .await
}

/// Pull from a peer now.
///
/// Nothing waits for this: peers tell each other of changes on their own.
#[utoipa::path(post, path = "/api/v1/peers/{id}/sync", operation_id = "sync_peer", tag = "mesh", params(("id" = String, Path, description = "The node's id")),
    responses((status = 200, body = SyncView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchPeer, Code::Expelled, Code::PeerPaused, Code::NodeUnreachable]))))]
pub(crate) async fn sync(admin: Admin, AboutId(id): AboutId) -> Result<Json<SyncView>, ApiError> {
    let node = parse(&id)?;
    let asking = admin.clone();
    blocking(move || {
        if asking.reader().peer(&node)?.paused {
            return Err(ApiError::from(SyncError::Paused { node }));
        }
        // Before it begins: whoever asks may leave before the answer.
        let deed = Deed::made("peer.synced", node, Facts::new());
        Ok(asking.store().note_deed(Purpose::Any, &deed, &asking.author(), asking.reader().now())?)
    })
    .await?;
    let events = admin.reader().state().mesh.sync(node).await?;
    Ok(Json(SyncView { events }))
}

fn no_such_peer(node: &NodeId) -> ApiError {
    ApiError::new(Code::NoSuchPeer, format!("there is no peer {node}")).fact("id", node.to_string())
}

fn answer(view: PeerView) -> Result<Response, ApiError> {
    conditions::tagged(&view.etag.clone(), view)
}

fn parse(id: &str) -> Result<NodeId, ApiError> {
    parse_id(id, Code::NoSuchPeer, "peer")
}

fn one(reader: &Reader, node: &NodeId) -> Result<PeerView, ApiError> {
    view(reader, reader.peer(node)?)
}

fn view(reader: &Reader, row: PeerRow) -> Result<PeerView, ApiError> {
    let (status, limits) = (reader.state().mesh.status(&row.node), reader.bandwidth(&row.node)?);
    let tag = reader.peer_tag(&row)?;
    Ok(convert::peer(row, &reader.node_id(), &reader.roster(), status, (&limits, tag)))
}
