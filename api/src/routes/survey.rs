//! `/mesh`, what a node lacks, and `/replication`: what this node knows of all others.

use axum::Json;
use ods_store::{NodeId, Package, PackagePath};

use crate::auth::Reader;
use crate::blocking::blocking;
use crate::error::{ApiError, Code};
use crate::extract::{Params, page_of, page_rows, parse_id};
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
    let after = query.after.as_deref().map(missing_cursor).transpose()?;
    blocking(move || {
        let found = reader.lacking(&node, after.as_deref(), limit)?;
        let next = found.next.as_ref().map(|path| format!("{MISSING}{path}"));
        Ok::<_, ApiError>(reader.survey()?.missing(node, found, next))
    })
    .await
    .map(Json)
}

/// How the cursors of what a node lacks begin, so that those of other lists are known as such.
const MISSING: &str = "missing:";

/// The path in such a cursor.
fn missing_cursor(text: &str) -> Result<String, ApiError> {
    let path = text.strip_prefix(MISSING).filter(|path| PackagePath::parse(path).is_ok());
    path.map(str::to_owned).ok_or_else(|| {
        let detail = "`after` is not the `next` of a page of this list; leave it out to begin";
        ApiError::new(Code::BadQuery, detail).fact("field", "after")
    })
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
