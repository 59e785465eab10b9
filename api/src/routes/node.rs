//! `/node`.

use axum::http::HeaderMap;
use axum::response::Response;
use ods_store::{NodeEdit, check_policy};

use crate::auth::{Admin, Reader};
use crate::blocking::blocking;
use crate::conditions;
use crate::convert;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::routes::{limits, urls};
use crate::types::{NodePatch, NodeView};

/// Show this node: identity, digests, counts, storage.
#[utoipa::path(get, path = "/api/v1/node", operation_id = "show_node", tag = "node", responses((status = 200, body = NodeView, headers(("ETag" = String, description = "Its `etag` in double quotes")))))]
pub(crate) async fn show(reader: Reader) -> Result<Response, ApiError> {
    answer(blocking(move || view(&reader)).await?)
}

/// Change this node's name, urls, policy or limits.
///
/// All of it or nothing; fields that aren't there stay as they are.
#[utoipa::path(patch, path = "/api/v1/node", operation_id = "edit_node", tag = "node", params(("If-Match" = Option<String>, Header, description = "An `etag` in double quotes: change only what stands so")),
    request_body = NodePatch, responses((status = 200, body = NodeView, headers(("ETag" = String, description = "Its `etag` in double quotes")))))]
pub(crate) async fn edit(
    admin: Admin,
    headers: HeaderMap,
    JsonBody(patch): JsonBody<NodePatch>,
) -> Result<Response, ApiError> {
    let expected = conditions::expected(&headers)?;
    let urls = patch.urls.map(urls::parse).transpose()?;
    let limits = patch.limits.map(limits::parse).transpose()?;
    let policy = patch.policy.map(convert::policy::parse).transpose()?;
    if let Some(policy) = &policy {
        check_policy(policy)?;
    }
    let edit = NodeEdit { name: patch.name, urls, policy, limits };
    let view = blocking(move || {
        // Whoever changes the settings, among which name and urls are, checks and changes them with nothing in between.
        let _alone = admin.reader().state().settings_change();
        admin.store().edit_node(&edit, &expected, &admin.author(), admin.reader().now())?;
        view(admin.reader())
    });
    answer(view.await?)
}

fn answer(view: NodeView) -> Result<Response, ApiError> {
    conditions::tagged(&view.etag.clone(), view)
}

fn view(reader: &Reader) -> Result<NodeView, ApiError> {
    let options = &reader.state().options;
    Ok(convert::node(
        reader.node_id(),
        reader.overview()?,
        reader.roster_digest(),
        options.version,
        (&reader.bandwidth(&reader.node_id())?, reader.node_tag()?),
        options.listeners.all(),
    ))
}
