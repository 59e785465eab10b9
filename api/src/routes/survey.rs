//! `/mesh`, what a node lacks, and `/replication`: what this node knows of all others.

use axum::Json;
use ods_store::{NodeId, Package, PackagePath};

use crate::auth::Reader;
use crate::blocking::blocking;
use crate::error::{ApiError, Code};
use crate::extract::{Params, page_of, page_rows, parse_id, place_in};
use crate::paths::{AboutId, AboutPath};
use crate::survey;
use crate::types::{MeshNodeView, MissingView, Page, PageQuery, Replicas, ReplicationView};

/// List every node of the mesh: how it stands, what it lacks, whom it reaches.
///
/// This is what the nodes last said of themselves, signed, as far as it has come here.
#[utoipa::path(get, path = "/api/v1/mesh", operation_id = "list_mesh", tag = "mesh", params(PageQuery),
    responses((status = 200, body = Page<MeshNodeView>)))]
pub(crate) async fn mesh(
    reader: Reader,
    Params(query): Params<PageQuery>,
) -> Result<Json<Page<MeshNodeView>>, ApiError> {
    blocking(move || page_of("mesh", reader.survey()?.nodes(), &query, |node: &MeshNodeView| node.id.clone()))
        .await
        .map(Json)
}

/// On how many nodes packages are, in their order.
pub(super) fn replicas(reader: &Reader, packages: &[Package]) -> Result<Vec<Replicas>, ApiError> {
    Ok(reader.holders_of_all(packages)?.iter().map(|holders| survey::replicas(holders)).collect())
}

/// Tell which packages a node lacks, and why.
///
/// By path. It is about current revisions that the node is to have, as `/replication` tells of them one by one. What the
/// node's last word doesn't prove to be lacking isn't listed: then `complete` is false, and `reason` says why.
#[utoipa::path(get, path = "/api/v1/mesh/{id}/missing", operation_id = "list_missing", tag = "mesh",
    params(("id" = String, Path, description = "The node's id"), PageQuery),
    responses((status = 200, body = MissingView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchNode]))))]
pub(crate) async fn missing(
    reader: Reader,
    AboutId(id): AboutId,
    Params(query): Params<PageQuery>,
) -> Result<Json<MissingView>, ApiError> {
    let node: NodeId = parse_id(&id, Code::NoSuchNode, "node")?;
    let limit = page_rows(query.limit)?;
    let list = format!("missing:{node}");
    let place = |path: &str| PackagePath::parse(path).is_ok().then(|| path.to_owned());
    let after = place_in(&list, query.after.as_deref(), place)?;
    blocking(move || {
        let found = reader.lacking(&node, after.as_deref(), limit)?;
        let next = found.next.as_ref().map(|path| format!("{list}:{path}"));
        Ok::<_, ApiError>(reader.survey()?.missing(node, found, next))
    })
    .await
    .map(Json)
}

/// Tell which nodes have a package, and why the others don't yet.
#[utoipa::path(get, path = "/api/v1/replication/{path}", operation_id = "show_replication", tag = "mesh",
    params(("path" = String, Path, description = "The package's path")),
    responses((status = 200, body = ReplicationView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchPackage, Code::OutsidePrefixes]))))]
pub(crate) async fn replication(reader: Reader, AboutPath(path): AboutPath) -> Result<Json<ReplicationView>, ApiError> {
    blocking(move || {
        let package = reader.package(&path)?;
        let (revision, holders) = reader.holders(&path)?;
        let survey = reader.survey()?;
        Ok::<_, ApiError>(survey.replication(revision.to_string(), package.size, &holders))
    })
    .await
    .map(Json)
}
