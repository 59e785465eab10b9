//! `/node`.

use axum::Json;
use ods_store::check_policy;

use crate::auth::{Admin, Reader};
use crate::blocking::blocking;
use crate::convert;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::openapi::{BadRequest, Invalid};
use crate::routes::{limits, urls};
use crate::types::{NodePatch, NodeView};

/// Show this node: identity, digests, counts, storage.
#[utoipa::path(get, path = "/api/v1/node", operation_id = "show_node", tag = "node", responses((status = 200, body = NodeView)))]
pub(crate) async fn show(reader: Reader) -> Result<Json<NodeView>, ApiError> {
    blocking(move || view(&reader)).await.map(Json)
}

/// Change this node's name, urls, policy or limits.
///
/// Fields that aren't there stay as they are.
#[utoipa::path(patch, path = "/api/v1/node", operation_id = "edit_node", tag = "node", request_body = NodePatch,
    responses((status = 200, body = NodeView), BadRequest, Invalid))]
pub(crate) async fn edit(admin: Admin, JsonBody(patch): JsonBody<NodePatch>) -> Result<Json<NodeView>, ApiError> {
    let urls = patch.urls.map(urls::parse).transpose()?;
    let limits = patch.limits.map(limits::parse).transpose()?;
    let policy = patch.policy.map(convert::policy::parse).transpose()?;
    if let Some(policy) = &policy {
        check_policy(policy)?;
    }
    blocking(move || {
        let (author, now) = (admin.author(), admin.reader().now());
        if let Some(name) = patch.name {
            admin.store().set_name(&name, &author, now)?;
        }
        if let Some(urls) = urls {
            admin.store().set_urls(&urls, &author, now)?;
        }
        if let Some(policy) = policy {
            admin.store().set_policy(&policy, &author, now)?;
        }
        if let Some(limits) = limits {
            admin.store().set_bandwidth(&admin.reader().node_id(), &limits, &author, now)?;
        }
        view(admin.reader())
    })
    .await
    .map(Json)
}

fn view(reader: &Reader) -> Result<NodeView, ApiError> {
    let version = reader.state().options.version;
    Ok(convert::node(
        reader.node_id(),
        reader.overview()?,
        reader.roster_digest(),
        version,
        &reader.bandwidth(&reader.node_id())?,
    ))
}
