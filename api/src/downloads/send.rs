//! Turning a decided answer into a response.

use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CONTENT_RANGE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ods_store::{BlobReader, Digest, StoreError, UnixMillis};

use super::answer::{Answer, Representation, answer};
use super::body::{BlobBody, ReadAt, ReadError};
use super::find::Found;
use super::multipart::Segment;
use super::range::ByteRange;
use super::source::Source;
use crate::auth::{DownloadAccess, Leave};
use crate::counted_body::counted;
use crate::error::{ApiError, Code};
use crate::file_slices::FileSlices;
use crate::request::ClientAddress;
use crate::transfer_board::{LISTED_BYTES_MIN, Receiver};

/// Answers a GET or HEAD of these bytes, which are opened only if some are to be sent.
pub(super) async fn serve(request: &Parts, found: Found) -> Result<Response, ApiError> {
    let decide = |current: &Representation| answer(&request.method, &request.headers, current);
    let decided = decide(&found.representation);
    if !matches!(&decided, Answer::Content { segments, .. } if !segments.is_empty()) {
        return finish(decided, &found.representation, Body::empty());
    }
    let said = found.representation.size;
    let (current, source, access) = found.open().await?;
    let decided = if current.size == said { decided } else { decide(&current) };
    let body = match &decided {
        Answer::Content { segments, .. } => {
            stream(segments.clone(), source, &access, current.validators.blob, request).await?
        }
        Answer::NotModified { .. } | Answer::PreconditionFailed | Answer::RangeNotSatisfiable { .. } => Body::empty(),
    };
    finish(decided, &current, body)
}

fn finish(decided: Answer, current: &Representation, body: Body) -> Result<Response, ApiError> {
    match decided {
        Answer::Content { status, headers, .. } => Ok(with(status, headers, body)),
        Answer::NotModified { headers } => Ok(with(StatusCode::NOT_MODIFIED, headers, Body::empty())),
        Answer::PreconditionFailed => {
            let current = current.validators.blob.to_string();
            let detail = "the file is not the one that the request's condition names";
            Err(ApiError::new(Code::PreconditionFailed, detail).fact("current", current))
        }
        Answer::RangeNotSatisfiable { content_range } => Ok(range_not_satisfiable(current.size, content_range)),
    }
}

fn with(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn range_not_satisfiable(size: u64, content_range: HeaderValue) -> Response {
    let detail = format!("the file has {size} bytes; at most 16 ranges within them can be had");
    let mut response = ApiError::new(Code::RangeNotSatisfiable, detail).fact("size", size).into_response();
    response.headers_mut().insert(CONTENT_RANGE, content_range);
    response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

/// Reads the first bytes before the status is sent, since what is wrong with them can still be told.
async fn stream(
    segments: Vec<Segment>,
    source: Source,
    access: &DownloadAccess,
    blob: Digest,
    request: &Parts,
) -> Result<Body, ApiError> {
    let slices = request.extensions.get::<FileSlices>().cloned();
    let total: u64 = segments.iter().map(Segment::bytes).sum();
    let first = segments.iter().find_map(|segment| match segment {
        Segment::Span(range) => Some(range.start()),
        Segment::Text(_) => None,
    });
    source.wait_for(first.unwrap_or_default()).await?;
    let allowed = |read_at| while_allowed(read_at, access);
    let body = body_of(segments, source, slices, access.clock(), allowed).await.map_err(unreadable)?;
    if total < LISTED_BYTES_MIN {
        return Ok(body);
    }
    let client = request.extensions.get::<ClientAddress>().map(|ClientAddress(address)| *address);
    let board = access.state().mesh.board();
    Ok(counted(body, board.sending(Receiver::Client(client), blob, total)))
}

/// The bytes of a blob that is held, as they go to whoever may have them: verified, read once a chunk at most, and by the
/// kernel itself where the connection has `slices`. Returns once the first are here. None of `range` may lie past the
/// blob's end.
pub async fn blob_body(
    reader: BlobReader,
    range: Range<u64>,
    slices: Option<FileSlices>,
    clock: fn() -> UnixMillis,
) -> Result<Body, Box<dyn Error + Send + Sync>> {
    let segments = ByteRange::new(range).map(Segment::Span).into_iter().collect();
    body_of(segments, Source::Held(reader), slices, clock, |read_at| read_at).await
}

/// Hands over what is read as long as what was asked with holds.
fn while_allowed(read_at: ReadAt, access: &DownloadAccess) -> ReadAt {
    let leave = Arc::new(Leave::new(access.clone()));
    Box::new(move |offset, bytes| {
        let (reading, leave) = (read_at(offset, bytes), leave.clone());
        Box::pin(async move {
            let chunk = reading.await?;
            leave.must_still_hold().await?;
            Ok(chunk)
        })
    })
}

async fn body_of(
    segments: Vec<Segment>,
    source: Source,
    slices: Option<FileSlices>,
    clock: fn() -> UnixMillis,
    guard: impl FnOnce(ReadAt) -> ReadAt,
) -> Result<Body, ReadError> {
    let slices = slices.filter(|_| source.has_file());
    let read_at = guard(source.read_at(clock, slices.is_some()));
    Ok(Body::new(BlobBody::start(segments, read_at, slices).await?))
}

fn unreadable(error: ReadError) -> ApiError {
    match error.downcast::<StoreError>().map(|error| ApiError::from(*error)) {
        Ok(error) => error,
        Err(error) => error.downcast().map_or_else(ApiError::internal, |error| *error),
    }
}
