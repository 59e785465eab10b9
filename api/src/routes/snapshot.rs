//! `/storage/snapshot`: the database as it is at one moment.

use std::error::Error;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use ods_store::Snapshot;

use crate::auth::{Admin, MayEnd as _, Reader};
use crate::blocking::blocking;
use crate::error::{ApiError, Code};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// Get a consistent copy of this node's database.
///
/// For `ods backup` on the node's own machine, which copies the blobs from the data folder beside it. It holds the hashes of
/// tokens, but no key. One copy at a time is made; it takes as much room on the node's disk as the database while it is sent.
#[utoipa::path(get, path = "/api/v1/storage/snapshot", operation_id = "get_snapshot", tag = "storage",
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>)),
    extensions(("x-ods-errors" = json!([Code::UnderWay, Code::NoSpace, Code::NotWritable]))))]
pub(crate) async fn get(admin: Admin) -> Result<Response, ApiError> {
    let reader = admin.reader().clone();
    let snapshot = blocking(move || admin.store().snapshot()).await?;
    let length = snapshot.bytes();
    let sending = Arc::new(Sending { snapshot, reader });
    let chunks = futures_util::stream::try_unfold((sending, 0), next);
    let mut response = Response::new(Body::from_stream(chunks));
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}

/// A copy, and who gets it.
struct Sending {
    snapshot: Snapshot,
    reader: Reader,
}

impl Sending {
    /// The next bytes, as long as what was asked with holds.
    fn read(&self, offset: u64) -> Result<Vec<u8>, ApiError> {
        self.reader.must_still_hold()?;
        Ok(self.snapshot.read(offset, CHUNK_BYTES)?)
    }
}

type Place = (Arc<Sending>, u64);

async fn next((sending, offset): Place) -> Result<Option<(Bytes, Place)>, ApiError> {
    let reading = sending.clone();
    let chunk = blocking(move || reading.read(offset)).await;
    let chunk = chunk.inspect_err(|error| tracing::warn!(error = error as &dyn Error, "cut a snapshot short"))?;
    let behind = offset + chunk.len() as u64;
    Ok((!chunk.is_empty()).then(|| (Bytes::from(chunk), (sending, behind))))
}
