//! `/mesh` and `/replication`: what this node knows of all others.

use axum::Json;
use ods_store::Package;

use crate::auth::Reader;
use crate::blocking::blocking;
use crate::error::ApiError;
use crate::extract::{Params, page_of};
use crate::openapi::{BadRequest, NotFound};
use crate::paths::AboutPath;
use crate::survey;
use crate::types::{MeshNodeView, Page, PageQuery, Replicas, ReplicationView};

/// List every node of the mesh: how it stands, what it lacks, whom it reaches.
///
/// This is what the nodes last said of themselves, signed, as far as it has come here.
#[utoipa::path(get, path = "/api/v1/mesh", operation_id = "list_mesh", tag = "mesh", params(PageQuery),
    responses((status = 200, body = Page<MeshNodeView>), BadRequest))]
pub(crate) async fn mesh(
    reader: Reader,
    Params(query): Params<PageQuery>,
) -> Result<Json<Page<MeshNodeView>>, ApiError> {
    blocking(move || page_of(reader.survey()?.nodes(), &query, |node: &MeshNodeView| node.id.clone())).await.map(Json)
}

/// On how many nodes packages are, in their order.
pub(super) fn replicas(reader: &Reader, packages: &[Package]) -> Result<Vec<Replicas>, ApiError> {
    Ok(reader.holders_of_all(packages)?.iter().map(|holders| survey::replicas(holders)).collect())
}

/// Tell which nodes have a package, and why the others don't yet.
#[utoipa::path(get, path = "/api/v1/replication/{path}", operation_id = "show_replication", tag = "mesh",
    params(("path" = String, Path, description = "The package's path")),
    responses((status = 200, body = ReplicationView), BadRequest, NotFound))]
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
