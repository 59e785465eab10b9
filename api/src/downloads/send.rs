//! Turning a decided answer into a response.

use std::error::Error;
use std::ops::Range;

use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CONTENT_RANGE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ods_store::{BlobReader, StoreError, UnixMillis};

use super::answer::{Answer, answer};
use super::body::{BlobBody, ReadError};
use super::find::Found;
use super::multipart::Segment;
use super::range::ByteRange;
use super::source::Source;
use crate::counted_body::counted;
use crate::error::{ApiError, Code};
use crate::file_slices::FileSlices;
use crate::request::ClientAddress;
use crate::transfer_board::{LISTED_BYTES_MIN, Receiver};

/// Answers a GET or HEAD of these bytes.
pub(super) async fn serve(request: &Parts, found: Found) -> Result<Response, ApiError> {
    match answer(&request.method, &request.headers, &found.representation) {
        Answer::Content { status, headers, segments } => {
            let body = if segments.is_empty() { Body::empty() } else { stream(segments, found, request).await? };
            Ok(with(status, headers, body))
        }
        Answer::NotModified { headers } => Ok(with(StatusCode::NOT_MODIFIED, headers, Body::empty())),
        Answer::PreconditionFailed => {
            let current = found.representation.validators.blob.to_string();
            let detail = "the file is not the one that the request's condition names";
            Err(ApiError::new(Code::PreconditionFailed, detail).fact("current", current))
        }
        Answer::RangeNotSatisfiable { content_range } => {
            Ok(range_not_satisfiable(found.representation.size, content_range))
        }
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
async fn stream(segments: Vec<Segment>, found: Found, request: &Parts) -> Result<Body, ApiError> {
    let slices = request.extensions.get::<FileSlices>().cloned();
    let Found { source, access, representation, .. } = found;
    let total: u64 = segments.iter().map(Segment::bytes).sum();
    let first = segments.iter().find_map(|segment| match segment {
        Segment::Span(range) => Some(range.start()),
        Segment::Text(_) => None,
    });
    source.wait_for(first.unwrap_or_default()).await?;
    let body = body_of(segments, source, slices, access.clock()).await.map_err(unreadable)?;
    if total < LISTED_BYTES_MIN {
        return Ok(body);
    }
    let client = request.extensions.get::<ClientAddress>().map(|ClientAddress(address)| *address);
    let board = access.state().mesh.board();
    Ok(counted(body, board.sending(Receiver::Client(client), representation.validators.blob, total)))
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
    body_of(segments, Source::Held(reader), slices, clock).await
}

async fn body_of(
    segments: Vec<Segment>,
    source: Source,
    slices: Option<FileSlices>,
    clock: fn() -> UnixMillis,
) -> Result<Body, ReadError> {
    let slices = slices.filter(|_| source.has_file());
    let read_at = source.read_at(clock, slices.is_some());
    Ok(Body::new(BlobBody::start(segments, read_at, slices).await?))
}

fn unreadable(error: ReadError) -> ApiError {
    match error.downcast::<StoreError>() {
        Ok(error) => ApiError::from(*error),
        Err(error) => ApiError::internal(error),
    }
}
