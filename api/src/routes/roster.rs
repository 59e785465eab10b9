//! `/roster`: who may do what in the mesh.

use axum::Json;
use axum::http::StatusCode;
use ods_store::{Admit, LastHolder, NodeId};

use crate::auth::{Admin, Reader};
use crate::blocking::blocking;
use crate::convert::{self, Names};
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, Params, page_of, parse_id};
use crate::paths::AboutId;
use crate::types::{AdmitRequest, ExpelQuery, ExpulsionView, MemberView, OnlyThereView, PageQuery, RosterView};

/// Show the roster.
///
/// Who may do what in the mesh, and which owner said so. `warnings` tells what an admin should see to.
#[utoipa::path(get, path = "/api/v1/roster", operation_id = "show_roster", tag = "mesh", params(PageQuery),
    responses((status = 200, body = RosterView)))]
pub(crate) async fn show(reader: Reader, Params(query): Params<PageQuery>) -> Result<Json<RosterView>, ApiError> {
    blocking(move || {
        let (own, roster, names) = (reader.node_id(), reader.roster(), Names::load(&reader)?);
        let members = reader.members()?;
        let views = members.iter().cloned().map(|member| convert::member(member, &own, &roster.root(), &names));
        let page = page_of("roster", views.collect(), &query, |view: &MemberView| view.node.clone())?;
        Ok::<_, ApiError>(convert::roster(page, &members, &own, &roster))
    })
    .await
    .map(Json)
}

/// Admit a node, or raise what it may do.
///
/// Only on an owner. The node may then link with any member: by an invite of that member, which needn't be an owner. An
/// invite with a role does both in one step. Roles only rise, and prefixes add up.
#[utoipa::path(post, path = "/api/v1/roster", operation_id = "admit_node", tag = "mesh", request_body = AdmitRequest,
    responses((status = 201, body = MemberView), (status = 200, body = MemberView, description = "It may do all that already")),
    extensions(("x-ods-errors" = json!([Code::NotAnOwner, Code::Expelled, Code::RolesOnlyRise, Code::TooMany]))))]
pub(crate) async fn admit(
    admin: Admin,
    JsonBody(request): JsonBody<AdmitRequest>,
) -> Result<(StatusCode, Json<MemberView>), ApiError> {
    let bad =
        || ApiError::new(Code::Invalid, "a node's id has 64 hex digits; `ods status` shows it").fact("field", "node");
    let node: NodeId = request.node.parse().map_err(|_| bad())?;
    blocking(move || {
        let admit = Admit { node, role: request.role.into(), prefixes: request.prefixes };
        let signed = admin.store().admit(&admit, &admin.author(), admin.reader().now())?;
        let status = if signed.is_some() { StatusCode::CREATED } else { StatusCode::OK };
        Ok::<_, ApiError>((status, Json(one(admin.reader(), &node)?)))
    })
    .await
}

/// Expel a node from the mesh, for good.
///
/// Only on an owner. What this node has of it by now still counts; whatever its key signs from then on has no effect
/// anywhere, and no node serves it. It goes on serving what it holds to whoever downloads there, until somebody stops it.
/// Packages that no other node is known to have would be out of reach: their number and the first of them are 409
/// `last_holder` unless `even_if_last_holder` is true, and `only_there` of a `dry_run`. Not to be confused with removing a
/// peer (`DELETE /peers/{id}`), which ends a link and nothing else. Expelling again changes
/// nothing, unless the node is expelled only by words of nodes that are expelled themselves, which name events that aren't held
/// here: a thief may have signed these beforehand, and another word, which this owner signs, keeps them from counting.
#[utoipa::path(post, path = "/api/v1/roster/{id}/expel", operation_id = "expel_node", tag = "mesh",
    params(("id" = String, Path, description = "The node's id"), ExpelQuery),
    responses((status = 200, body = ExpulsionView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchNode, Code::NotAnOwner, Code::Expelled, Code::OwnNode, Code::LastHolder, Code::TooMany]))))]
pub(crate) async fn expel(
    admin: Admin,
    AboutId(id): AboutId,
    Params(query): Params<ExpelQuery>,
) -> Result<Json<ExpulsionView>, ApiError> {
    let node = parse_id(&id, Code::NoSuchNode, "node")?;
    blocking(move || {
        let only_there = only_there(admin.reader(), admin.store().expulsion(&node)?);
        if query.dry_run {
            admin.author().told();
        } else {
            if only_there.packages > 0 && !query.even_if_last_holder {
                return Err(last_holder(&node, only_there));
            }
            admin.store().expel(&node, &admin.author(), admin.reader().now())?;
        }
        Ok(ExpulsionView { member: one(admin.reader(), &node)?, only_there })
    })
    .await
    .map(Json)
}

/// All are counted; named are those that the caller may see.
fn only_there(reader: &Reader, LastHolder { packages, bytes, paths }: LastHolder) -> OnlyThereView {
    let seen = paths.iter().filter(|path| reader.covers(path));
    OnlyThereView { packages, bytes, paths: seen.map(|path| path.as_str().to_owned()).collect() }
}

fn last_holder(node: &NodeId, OnlyThereView { packages, bytes, paths }: OnlyThereView) -> ApiError {
    let detail = format!(
        "no other node is known to have {packages} packages that this one may have; wait until they are elsewhere, or say \
         `even_if_last_holder=true`"
    );
    let error = ApiError::new(Code::LastHolder, detail).fact("node", node.to_string());
    error.fact("packages", packages).fact("bytes", bytes).fact("paths", paths)
}

fn one(reader: &Reader, node: &NodeId) -> Result<MemberView, ApiError> {
    let found = reader.members()?.into_iter().find(|member| member.node == *node);
    let member = found.ok_or(ods_store::StoreError::NoSuchNode { node: *node })?;
    Ok(convert::member(member, &reader.node_id(), &reader.roster().root(), &Names::load(reader)?))
}
