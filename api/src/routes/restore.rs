//! `/restore`.

use axum::http::HeaderMap;
use axum::response::Response;

use crate::auth::Publisher;
use crate::blocking::blocking;
use crate::conditions;
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, parse_id};
use crate::paths;
use crate::routes::packages;
use crate::types::{PublishedView, RestoreRequest};

/// Make an earlier revision of a package current again, bytes and metadata.
///
/// A new revision is made of it, which also ends a conflict. Its bytes must be on this node.
#[utoipa::path(post, path = "/api/v1/restore", operation_id = "restore_revision", tag = "packages", request_body = RestoreRequest, params(
        ("If-Match" = Option<String>, Header, description = "A revision in double quotes: replace only that one"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if there is no package at the path now", example = "*")),
    responses((status = 200, body = PublishedView), (status = 201, body = PublishedView)),
    extensions(("x-ods-errors" = json!([Code::BadPath, Code::NoSuchPackage, Code::NoSuchRevision, Code::NotAPublisher, Code::Expelled, Code::BytesNotHeld]))))]
pub(crate) async fn restore(
    publisher: Publisher,
    headers: HeaderMap,
    JsonBody(request): JsonBody<RestoreRequest>,
) -> Result<Response, ApiError> {
    let condition = conditions::of_change(&headers)?;
    let revision = parse_id(&request.revision, Code::NoSuchRevision, "revision")?;
    let writer = publisher.at(paths::parse(&request.path)?)?;
    let published = {
        let writer = writer.clone();
        blocking(move || writer.restore(revision, condition)).await?
    };
    packages::answer(published, &writer)
}
