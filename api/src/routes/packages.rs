//! `/packages` and `/packages/{path}`.

use axum::Json;
use axum::body::{Body, HttpBody as _};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPECT, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ods_store::{Condition, MetaPatch, Published, Upload};

use crate::auth::{Leave, PackageWriter, Publisher, Reader};
use crate::blocking::blocking;
use crate::client::encode_path;
use crate::conditions::{self, entity_tag};
use crate::convert::{self, Names, header};
use crate::declared::Declared;
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, Params, parse_id};
use crate::paths::AboutPath;
use crate::routes::{listing, metadata, receive, survey};
use crate::types::{PackagePatch, PackageQuery, PackageView, Page, PublishQuery, PublishedView};
use crate::whole_body::{BodyError, broken, whole_body};

/// List packages.
///
/// In the order of their paths unless `sort` says otherwise. `total` is known when nothing is filtered.
#[utoipa::path(get, path = "/api/v1/packages", operation_id = "list_packages", tag = "packages", params(PackageQuery),
    responses((status = 200, body = Page<PackageView>)))]
pub(crate) async fn list(
    reader: Reader,
    Params(query): Params<PackageQuery>,
) -> Result<Json<Page<PackageView>>, ApiError> {
    let query = listing::Query::parse(query)?;
    blocking(move || {
        let names = Names::load(&reader)?;
        let found = listing::list(&reader, &query)?;
        let replicas = if query.replicas { survey::replicas(&reader, &found.items)? } else { Vec::new() };
        let views = found.items.into_iter().map(|package| convert::package(package, &names, reader.state()));
        let told = replicas.into_iter().map(Some).chain(std::iter::repeat(None));
        let items = views.zip(told).map(|(view, replicas)| PackageView { replicas, ..view }).collect();
        Ok::<_, ApiError>(Page { items, next: found.next, total: found.total })
    })
    .await
    .map(Json)
}

/// Show a package.
///
/// Its `ETag` is its revision, to be used in `If-Match`.
#[utoipa::path(get, path = "/api/v1/packages/{path}", operation_id = "show_package", tag = "packages", params(
        ("path" = String, Path, description = "The package's path; its slashes may be sent as `%2F`", example = "mac/Firefox-142.pkg"),
        ("If-None-Match" = Option<String>, Header, description = "A revision in double quotes: 304 if it is current still")),
    responses((status = 200, body = PackageView, headers(("ETag" = String, description = "The revision in double quotes"))),
        (status = 304, description = "The client has the current revision")),
    extensions(("x-ods-errors" = json!([Code::NoSuchPackage, Code::OutsidePrefixes]))))]
pub(crate) async fn show(reader: Reader, AboutPath(path): AboutPath, headers: HeaderMap) -> Result<Response, ApiError> {
    let package = reader.package(&path)?;
    let tag = header(&entity_tag(package.revision))?;
    if conditions::has_already(&headers, package.revision)? {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    let view = convert::package(package, &Names::load(&reader)?, reader.state());
    Ok(([(ETAG, tag)], Json(view)).into_response())
}

/// Publish bytes as a package.
///
/// The body is the bytes (`curl -T file`); with `?from=` there is none and the bytes of that revision are published under
/// this path. Answers when the package is durable and in the log: 201 if it is new, 200 if it replaced another, 200 with
/// `"changed": false` if it was like this already. Metadata that the query doesn't mention stays. Bytes that don't arrive
/// whole, or don't have an announced digest, leave nothing behind.
#[utoipa::path(put, path = "/api/v1/packages/{path}", operation_id = "publish_package", tag = "packages", params(PublishQuery,
        ("path" = String, Path, description = "The package's path; its slashes may be sent as `%2F`", example = "mac/Firefox-142.pkg"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: publish only what is new there", example = "*"),
        ("If-Match" = Option<String>, Header, description = "A revision in double quotes: replace only that one"),
        ("Repr-Digest" = Option<String>, Header, description = "RFC 9530: `sha-256=:base64:` that the bytes must have")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The bytes; none with `from`"),
    responses((status = 200, body = PublishedView), (status = 201, body = PublishedView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchRevision, Code::NotAPublisher, Code::OutsidePrefixes, Code::Expelled, Code::BytesNotHeld, Code::BodyMissing, Code::UnexpectedBody, Code::Invalid, Code::DigestMismatch]))))]
pub(crate) async fn put(
    publisher: Publisher,
    AboutPath(path): AboutPath,
    Params(query): Params<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let query = metadata::parse_query(query)?;
    let meta = metadata::of_query(&query);
    let condition = conditions::of_change(&headers)?;
    let declared = Declared::of(&headers, query.blake3.as_deref())?;
    let writer = publisher.at(path)?;
    let published = match &query.from {
        Some(from) => {
            let from = parse_id(from, Code::NoSuchRevision, "revision")?;
            must_be_empty(body).await?;
            declared.must_be_nothing()?;
            let writer = writer.clone();
            blocking(move || writer.publish_held(from, meta, condition)).await
        }
        None => publish_body(writer.clone(), meta, condition, declared, &headers, body).await,
    };
    answer(published.map_err(|error| error.field_called("tags", "tag"))?, &writer)
}

/// Change a package's metadata.
///
/// A merge patch (RFC 7396): what isn't there stays, null removes. The bytes stay, and clients don't download again.
#[utoipa::path(patch, path = "/api/v1/packages/{path}", operation_id = "edit_package", tag = "packages", params(
        ("path" = String, Path, description = "The package's path; its slashes may be sent as `%2F`", example = "mac/Firefox-142.pkg"),
        ("If-Match" = Option<String>, Header, description = "A revision in double quotes: change only that one")),
    request_body(content = PackagePatch, content_type = "application/merge-patch+json"),
    responses((status = 200, body = PublishedView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchPackage, Code::NotAPublisher, Code::Expelled]))))]
pub(crate) async fn edit(
    publisher: Publisher,
    AboutPath(path): AboutPath,
    headers: HeaderMap,
    JsonBody(patch): JsonBody<PackagePatch>,
) -> Result<Response, ApiError> {
    let (meta, condition) = (metadata::of_patch(patch)?, conditions::of_change(&headers)?);
    let writer = publisher.at(path)?;
    let published = {
        let writer = writer.clone();
        blocking(move || writer.edit(meta, condition)).await?
    };
    answer(published, &writer)
}

/// Remove a package, everywhere.
///
/// Its history stays; `/restore` brings it back while its bytes are held.
#[utoipa::path(delete, path = "/api/v1/packages/{path}", operation_id = "remove_package", tag = "packages", params(
        ("path" = String, Path, description = "The package's path; its slashes may be sent as `%2F`", example = "mac/Firefox-142.pkg"),
        ("If-Match" = Option<String>, Header, description = "A revision in double quotes: remove only that one")),
    responses((status = 204, description = "It is removed")),
    extensions(("x-ods-errors" = json!([Code::NoSuchPackage, Code::NotAPublisher, Code::Expelled]))))]
pub(crate) async fn remove(
    publisher: Publisher,
    AboutPath(path): AboutPath,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let condition = conditions::of_change(&headers)?;
    let writer = publisher.at(path)?;
    blocking(move || writer.remove(&condition)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The answer to a change.
pub(super) fn answer(published: Published, writer: &PackageWriter) -> Result<Response, ApiError> {
    let status = if published.created { StatusCode::CREATED } else { StatusCode::OK };
    let tag = header(&entity_tag(published.package.revision))?;
    let location = header(&format!("/api/v1/packages/{}", encode_path(writer.path())))?;
    let view = convert::published(published, writer.reader())?;
    Ok((status, [(ETAG, tag), (LOCATION, location)], Json(view)).into_response())
}

async fn publish_body(
    writer: PackageWriter,
    meta: MetaPatch,
    condition: Condition,
    declared: Declared,
    headers: &HeaderMap,
    body: Body,
) -> Result<Published, ApiError> {
    must_be_plain_bytes(headers)?;
    let bytes = length(headers);
    if bytes.is_none() && body.size_hint().exact() == Some(0) {
        return Err(missing());
    }
    writer.reader().tells_in_the_store();
    let is_small = body.size_hint().exact().is_some_and(|bytes| bytes <= receive::SMALL_BYTES as u64);
    if is_small && !headers.contains_key(EXPECT) {
        let came = whole_body(body, receive::SMALL_BYTES).await.map_err(|error| match error {
            BodyError::Broken(error) => receive::broken_off(&error),
            BodyError::TooLong => ApiError::new(Code::BodyIncomplete, "the body is longer than it was said to be"),
        })?;
        return blocking(move || {
            let mut upload = writer.begin(&meta, &condition, bytes)?;
            upload.write(&came)?;
            publish_received(&writer, upload, bytes, &declared, meta, condition)
        })
        .await;
    }
    let upload = {
        let (writer, meta, condition) = (writer.clone(), meta.clone(), condition.clone());
        blocking(move || writer.begin(&meta, &condition, bytes)).await?
    };
    // It is written and hashed at the same time: either takes about as long.
    let (file, hasher) = upload.into_parts();
    let leave = Leave::new(writer.reader().clone());
    let (file, hasher) = match receive::receive(file, Some(hasher), body, &leave).await? {
        receive::Body::Whole((file, Some(hasher))) => (file, hasher),
        receive::Body::Whole((_, None)) => return Err(ApiError::internal("what was hashed beside an upload is gone")),
        receive::Body::Cut(_, error) => return Err(error),
    };
    let upload = Upload::from_parts(file, hasher);
    blocking(move || publish_received(&writer, upload, bytes, &declared, meta, condition)).await
}

/// Publishes what came, if it is what was announced.
fn publish_received(
    writer: &PackageWriter,
    upload: Upload,
    bytes: Option<u64>,
    declared: &Declared,
    meta: MetaPatch,
    condition: Condition,
) -> Result<Published, ApiError> {
    let received = upload.finish()?;
    // Only its end tells that a body of no announced length is empty.
    if bytes.is_none() && received.size() == 0 {
        return Err(missing());
    }
    if let Some(expected) = bytes.filter(|expected| *expected != received.size()) {
        return Err(incomplete(expected, received.size()));
    }
    declared.check(&received)?;
    writer.publish(received, meta, condition)
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A body that says that it isn't the bytes themselves would be stored as something that nobody wants.
fn must_be_plain_bytes(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.contains_key(CONTENT_RANGE) {
        let detail = "a part of a package can't be published (RFC 9110 §14.5); send it whole";
        return Err(ApiError::new(Code::BadHeader, detail).fact("header", CONTENT_RANGE.as_str()));
    }
    must_not_be_encoded(headers)?;
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.to_ascii_lowercase().starts_with("multipart/") {
        let detail = "send the bytes themselves as the body (`curl -T file`), not a form";
        return Err(ApiError::new(Code::UnsupportedMediaType, detail));
    }
    Ok(())
}

/// Encoded bytes would be stored as they come, and aren't what anybody wants.
pub(super) fn must_not_be_encoded(headers: &HeaderMap) -> Result<(), ApiError> {
    let is_plain =
        |encoding: &HeaderValue| matches!(encoding.as_bytes().to_ascii_lowercase().trim_ascii(), b"" | b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
        return Ok(());
    }
    Err(ApiError::new(Code::UnsupportedMediaType, "send the bytes as they are, without Content-Encoding"))
}

/// Bytes beside `from` were meant to be published, whatever they are.
async fn must_be_empty(body: Body) -> Result<(), ApiError> {
    whole_body(body, 0).await.map(drop).map_err(|error| match error {
        BodyError::Broken(error) => broken(&error),
        BodyError::TooLong => ApiError::new(Code::UnexpectedBody, "with `from` there is no body; nothing was changed")
            .fact("field", "from"),
    })
}

fn missing() -> ApiError {
    let detail = "there is no body, and nothing was changed; send the bytes (`curl -T FILE`), `Content-Length: 0` to \
                  publish an empty file, or PATCH to change metadata only";
    ApiError::new(Code::BodyMissing, detail)
}

fn incomplete(expected: u64, actual: u64) -> ApiError {
    let detail = format!("the body has {actual} bytes instead of {expected}; nothing was stored");
    ApiError::new(Code::BodyIncomplete, detail).fact("expected", expected).fact("actual", actual)
}
