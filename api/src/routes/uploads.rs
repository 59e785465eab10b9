//! `/uploads`: the resumable upload protocol tus 1.0.0 (tus.io/protocols/resumable-upload) with the extensions creation,
//! creation-with-upload, checksum, expiration and termination; and, for people, how uploads stand.
//!
//! An upload's last bytes are answered when the package is durable and in the log. HEAD says that all bytes are here only
//! when they are published: if publishing was interrupted, it is done then.

mod headers;
mod receiving;
mod views;

use axum::Json;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Response};
use ods_store::{BLOB_BYTES_MAX, UploadEnd, UploadId, UploadStatus};

use crate::auth::{Announced, AppState, Publisher, Uploader};
use crate::blocking::blocking;
use crate::conditions;
use crate::error::{ApiError, Code};
use crate::extract::{Params, page_rows, parse_id, place_in};
use crate::paths::AboutId;
use crate::router::must_say_nothing;
use crate::routes::packages::must_not_be_encoded;
use crate::types::{Page, PageQuery, UploadView};

/// How the cursors begin, so that those of other lists are known as such.
const LIST: &str = "uploads";

/// The media type of an upload's bytes.
const OFFSET_OCTETS: &str = "application/offset+octet-stream";

/// List the uploads that go on, in the order in which they were begun.
#[utoipa::path(get, path = "/api/v1/uploads", operation_id = "list_uploads", tag = "uploads", params(PageQuery),
    responses((status = 200, body = Page<UploadView>)))]
pub(crate) async fn list(
    publisher: Publisher,
    Params(query): Params<PageQuery>,
) -> Result<Json<Page<UploadView>>, ApiError> {
    let limit = page_rows(query.limit.or(Some(ods_store::PAGE_ROWS_MAX)))?;
    let after = place_in(LIST, query.after.as_deref(), |id| id.parse().ok())?;
    blocking(move || {
        let (uploads, next) = publisher.uploads(after, limit)?;
        let kept = publisher.reader().state().options.uploads_kept;
        let items = uploads.into_iter().map(|status| views::upload(status, None, kept)).collect();
        Ok::<_, ApiError>(Page { items, next: next.map(|id| format!("{LIST}:{id}")), total: None })
    })
    .await
    .map(Json)
}

/// Begin an upload (tus: creation, creation-with-upload).
///
/// `Upload-Metadata` says what it becomes: `path` (or `filename`), `title`, `version`, `identifier`, `notes`, `tags` (with
/// commas between), `priority`, and digests in hex that the whole must have, `blake3` and `sha256`. Other keys are passed
/// over. Room for all bytes is set aside, or must be there at least; what a publish would be refused for is refused now. A body is the first bytes.
#[utoipa::path(post, path = "/api/v1/uploads", operation_id = "begin_upload", tag = "uploads", params(
        ("Tus-Resumable" = String, Header, description = "`1.0.0`", example = "1.0.0"),
        ("Upload-Length" = u64, Header, description = "How many bytes there will be", example = 9),
        ("Upload-Metadata" = String, Header, description = "Keys and base64 values: `path bWFjL3gucGtn,version MQ==`", example = "path bWFjL3gucGtn"),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha1` or `sha256` and the base64 of the body's digest", example = "sha1 e+MmReBDe/u/oAP8UlHRW6VVlas="),
        ("If-None-Match" = Option<String>, Header, description = "`*`: publish only what is new there", example = "*"),
        ("If-Match" = Option<String>, Header, description = "A revision in double quotes: replace only that one")),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream", description = "The first bytes, or nothing"),
    responses((status = 201, description = "It is begun; `Location` is its address", headers(
        ("Location" = String, description = "Its address"), ("Upload-Offset" = u64, description = "Bytes that are here"),
        ("Upload-Expires" = String, description = "When it is abandoned unless more comes")))),
    extensions(("x-ods-errors" = json!([Code::BadPath, Code::NotAPublisher, Code::Expelled, Code::TooMany, Code::UploadTaken, Code::Invalid, Code::DigestMismatch, Code::ChecksumMismatch]))))]
pub(crate) async fn create(publisher: Publisher, headers: HeaderMap, body: Body) -> Result<Response, ApiError> {
    headers::must_be_tus(&headers)?;
    let (bytes, described) = (headers::length(&headers)?, headers::describe(&headers)?);
    let condition = conditions::of_change(&headers)?;
    let carries_bytes = is_offset_octets(&headers);
    if !carries_bytes && body.size_hint().exact() != Some(0) && !body.is_end_stream() {
        return Err(wrong_type());
    }
    must_not_be_encoded(&headers)?;
    let checksum = headers::checksum(&headers)?;
    let headers::Described { path, meta, sha256, blake3, told } = described;
    let writer = publisher.at(path)?;
    let announced = Announced { meta, condition, bytes, sha256, blake3, told };
    let uploader = blocking(move || writer.create_upload(announced)).await?;
    let id = uploader.status().id;
    let offset = if carries_bytes || bytes == 0 {
        receiving::receive(&uploader, receiving::Part { offset: 0, checksum }, body).await?
    } else {
        0
    };
    let location = HeaderValue::from_str(&format!("/api/v1/uploads/{id}")).map_err(ApiError::internal)?;
    Ok((StatusCode::CREATED, [(LOCATION, location)], progress(uploader, offset).await?).into_response())
}

/// Says the protocol's version in every answer about uploads, refusals too (tus 1.0.0, "Tus-Resumable").
pub(crate) async fn speak_tus(request: Request, next: Next) -> Response {
    let about_uploads = request.uri().path().strip_prefix("/api/v1/uploads");
    let speaks = about_uploads.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let mut response = next.run(request).await;
    if speaks {
        response.headers_mut().insert(headers::TUS_RESUMABLE, headers::VERSION);
    }
    response
}

/// Tell what of tus is spoken here.
#[utoipa::path(options, path = "/api/v1/uploads", operation_id = "discover_uploads", tag = "uploads",
    responses((status = 204, description = "The headers tell", headers(
        ("Tus-Version" = String, description = "`1.0.0`"), ("Tus-Extension" = String, description = "Extensions"),
        ("Tus-Max-Size" = u64, description = "Bytes"), ("Tus-Checksum-Algorithm" = String, description = "Algorithms")))))]
pub(crate) async fn discover(_publisher: Publisher) -> Response {
    let headers = [
        (headers::TUS_VERSION, headers::VERSION),
        (headers::TUS_EXTENSION, HeaderValue::from_static(headers::EXTENSIONS)),
        (headers::TUS_MAX_SIZE, BLOB_BYTES_MAX.into()),
        (headers::TUS_CHECKSUM_ALGORITHM, HeaderValue::from_static(headers::ALGORITHMS)),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Show an upload.
///
/// One that ended is shown for 24 hours, with the package that it became or why it was refused.
#[utoipa::path(get, path = "/api/v1/uploads/{id}", operation_id = "show_upload", tag = "uploads",
    params(("id" = String, Path, description = "The upload's id")),
    responses((status = 200, body = UploadView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchUpload, Code::NotAPublisher]))))]
pub(crate) async fn show(publisher: Publisher, AboutId(id): AboutId) -> Result<Json<UploadView>, ApiError> {
    let id = id_of(&id)?;
    blocking(move || {
        let uploader = publisher.upload(id)?;
        let package = views::package(&uploader)?;
        let kept = publisher.reader().state().options.uploads_kept;
        Ok::<_, ApiError>(views::upload(uploader.status().clone(), package, kept))
    })
    .await
    .map(Json)
}

/// Tell where an upload stands (tus: core).
///
/// Whoever is sending is stopped: the offset stays what is told until the next PATCH.
#[utoipa::path(head, path = "/api/v1/uploads/{id}", operation_id = "tell_offset", tag = "uploads", params(
        ("id" = String, Path, description = "The upload's id"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`", example = "1.0.0")),
    responses((status = 200, description = "The headers tell", headers(
        ("Upload-Offset" = u64, description = "Bytes that are here; all of them only when they are published"),
        ("Upload-Length" = u64, description = "Bytes there will be"), ("Upload-Metadata" = String, description = "As it was sent"),
        ("Upload-Expires" = String, description = "When it is abandoned unless more comes")))),
    extensions(("x-ods-errors" = json!([Code::NoSuchUpload, Code::NotAPublisher, Code::Expelled, Code::UploadTaken, Code::PreconditionFailed, Code::Invalid, Code::DigestMismatch]))))]
pub(crate) async fn offset(
    publisher: Publisher,
    AboutId(id): AboutId,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    headers::must_be_tus(&headers)?;
    let uploader = find(publisher, &id).await?;
    let status = uploader.status().clone();
    let stands = match &status.end {
        Some(end) => Err(end.clone()),
        None => match receiving::stand(&uploader).await {
            Ok(offset) => Ok(offset),
            Err(error) => Err(ended_meanwhile(&uploader, error).await?),
        },
    };
    let offset = match stands {
        Ok(offset) => offset,
        Err(UploadEnd::Published { .. }) => status.bytes,
        Err(UploadEnd::Refused { refusal, detail }) => return Err(views::refusal(refusal, &detail)),
    };
    let length = [(headers::UPLOAD_LENGTH, HeaderValue::from(status.bytes))];
    let told = (!status.told.is_empty()).then(|| HeaderValue::from_str(&status.told).ok()).flatten();
    let told = AppendHeaders(told.map(|told| (headers::UPLOAD_METADATA, told)));
    Ok((StatusCode::OK, length, told, progress(uploader, offset).await?).into_response())
}

/// Send an upload's next bytes (tus: core, checksum).
///
/// What arrives counts, also of a body that breaks off; with `Upload-Checksum`, only if that is right. With the last byte
/// the package is published, and the answer comes when that is durable.
#[utoipa::path(patch, path = "/api/v1/uploads/{id}", operation_id = "send_bytes", tag = "uploads", params(
        ("id" = String, Path, description = "The upload's id"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`", example = "1.0.0"),
        ("Upload-Offset" = u64, Header, description = "Where the bytes begin: what HEAD told", example = 0),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha1` or `sha256` and the base64 of the body's digest", example = "sha1 e+MmReBDe/u/oAP8UlHRW6VVlas=")),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "They are here", headers(
        ("Upload-Offset" = u64, description = "Bytes that are here"),
        ("Upload-Expires" = String, description = "When it is abandoned unless more comes")))),
    extensions(("x-ods-errors" = json!([Code::NoSuchUpload, Code::NotAPublisher, Code::Expelled, Code::OffsetMismatch, Code::UploadEnded, Code::UploadTaken, Code::PreconditionFailed, Code::Invalid, Code::DigestMismatch, Code::ChecksumMismatch]))))]
pub(crate) async fn append(
    publisher: Publisher,
    AboutId(id): AboutId,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    headers::must_be_tus(&headers)?;
    if !is_offset_octets(&headers) {
        return Err(wrong_type());
    }
    must_not_be_encoded(&headers)?;
    let (offset, checksum) = (headers::offset(&headers)?, headers::checksum(&headers)?);
    let uploader = find(publisher, &id).await?;
    if let Some(end) = &uploader.status().end {
        return Err(over(end));
    }
    uploader.writer().reader().tells_in_the_store();
    let offset = match receiving::receive(&uploader, receiving::Part { offset, checksum }, body).await {
        Ok(offset) => offset,
        Err(error) => return Err(over(&ended_meanwhile(&uploader, error).await?)),
    };
    Ok((StatusCode::NO_CONTENT, progress(uploader, offset).await?).into_response())
}

/// Forget an upload (tus: termination).
///
/// What came of it is removed; a package that it became stays.
#[utoipa::path(delete, path = "/api/v1/uploads/{id}", operation_id = "remove_upload", tag = "uploads", params(
        ("id" = String, Path, description = "The upload's id"),
        ("Tus-Resumable" = Option<String>, Header, description = "`1.0.0`; may be left out here", example = "1.0.0")),
    responses((status = 204, description = "It is forgotten")),
    extensions(("x-ods-errors" = json!([Code::NoSuchUpload, Code::NotAPublisher, Code::UploadTaken]))))]
pub(crate) async fn remove(publisher: Publisher, AboutId(id): AboutId) -> Result<Response, ApiError> {
    let uploader = find(publisher, &id).await?;
    blocking(move || uploader.remove()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Do what another method would (tus: core, `X-HTTP-Method-Override`).
///
/// For clients that can't send PATCH or DELETE.
#[utoipa::path(post, path = "/api/v1/uploads/{id}", operation_id = "override_method", tag = "uploads", params(
        ("id" = String, Path, description = "The upload's id"),
        ("X-HTTP-Method-Override" = String, Header, description = "`PATCH` or `DELETE`", example = "DELETE"),
        ("Upload-Offset" = Option<u64>, Header, description = "With `PATCH`: where the bytes begin", example = 0),
        ("Upload-Checksum" = Option<String>, Header, description = "With `PATCH`: `sha1` or `sha256` and the base64 of the body's digest", example = "sha1 e+MmReBDe/u/oAP8UlHRW6VVlas="),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`", example = "1.0.0")),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "It is done")),
    extensions(("x-ods-errors" = json!([Code::UnexpectedBody, Code::NoSuchUpload, Code::NotAPublisher, Code::Expelled, Code::OffsetMismatch, Code::UploadEnded, Code::UploadTaken, Code::PreconditionFailed, Code::Invalid, Code::DigestMismatch, Code::ChecksumMismatch]))))]
pub(crate) async fn renamed(
    publisher: Publisher,
    id: AboutId,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    match headers.get("x-http-method-override").and_then(|name| name.to_str().ok()) {
        Some("PATCH") => append(publisher, id, headers, body).await,
        Some("DELETE") => {
            must_say_nothing(body).await?;
            remove(publisher, id).await
        }
        Some(_) | None => {
            let detail =
                "POST to an upload needs `X-HTTP-Method-Override: PATCH` or `DELETE`; begin uploads at /api/v1/uploads";
            Err(ApiError::new(Code::BadHeader, detail).fact("header", "x-http-method-override"))
        }
    }
}

/// The answer to bytes for an upload that ended.
fn over(end: &UploadEnd) -> ApiError {
    match end {
        UploadEnd::Published { .. } => {
            ApiError::new(Code::UploadEnded, "the upload is published; nothing more is taken")
        }
        UploadEnd::Refused { refusal, detail } => views::refusal(*refusal, detail),
    }
}

/// How an upload ended that was there when the request came, and not any more when it had its turn: another request finished
/// it, mostly one whose connection broke before its answer. Any other error stays what it is.
async fn ended_meanwhile(uploader: &Uploader, error: ApiError) -> Result<UploadEnd, ApiError> {
    if error.code() != Code::NoSuchUpload {
        return Err(error);
    }
    let uploader = uploader.clone();
    let uploader = blocking(move || uploader.again()).await?;
    uploader.status().end.clone().ok_or(error)
}

fn id_of(text: &str) -> Result<UploadId, ApiError> {
    parse_id(text, Code::NoSuchUpload, "upload")
}

async fn find(publisher: Publisher, id: &str) -> Result<Uploader, ApiError> {
    let id = id_of(id)?;
    blocking(move || publisher.upload(id)).await
}

fn is_offset_octets(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(OFFSET_OCTETS))
}

fn wrong_type() -> ApiError {
    let detail = format!("send the bytes of an upload as `Content-Type: {OFFSET_OCTETS}`");
    ApiError::new(Code::UnsupportedMediaType, detail)
}

/// What every answer about an upload says.
async fn progress(uploader: Uploader, offset: u64) -> Result<[(HeaderName, HeaderValue); 2], ApiError> {
    // As it stands after the request: that says how long it is kept.
    let uploader = blocking(move || uploader.again()).await?;
    let (state, status): (&AppState, &UploadStatus) = (uploader.writer().reader().state(), uploader.status());
    let expires = headers::expires(views::expires_at(status, state.options.uploads_kept));
    Ok([(headers::UPLOAD_OFFSET, offset.into()), (headers::UPLOAD_EXPIRES, expires)])
}
