//! The bytes of a PUT on their way to the disk.
//!
//! Back-pressure: the next bytes are taken from the connection only when those before the last batch are written, so an
//! upload holds at most two batches in memory, and no thread while its sender is slow. Whoever drops this future, by
//! closing the connection, drops the upload and with it the file.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use ods_store::{StoreError, Upload};
use tokio::task::JoinHandle;

use crate::error::{ApiError, Code};

/// Bytes that are written at a time.
const BATCH_BYTES: usize = 512 << 10;

/// An upload between two batches, or with one being written.
struct Writing(JoinHandle<Result<Upload, StoreError>>);

impl Writing {
    fn start(mut upload: Upload, batch: Bytes) -> Self {
        Self(tokio::task::spawn_blocking(move || upload.write(&batch).map(|()| upload)))
    }

    async fn done(self) -> Result<Upload, ApiError> {
        self.0.await.map_err(ApiError::internal)?.map_err(Into::into)
    }
}

/// Writes a whole body.
pub(super) async fn receive(upload: Upload, body: Body) -> Result<Upload, ApiError> {
    let mut chunks = body.into_data_stream();
    let mut batch = BytesMut::with_capacity(BATCH_BYTES);
    let mut writing = Writing::start(upload, Bytes::new());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| broken_off(&error))?;
        batch.extend_from_slice(&chunk);
        if batch.len() >= BATCH_BYTES {
            writing = Writing::start(writing.done().await?, batch.split().freeze());
        }
    }
    Writing::start(writing.done().await?, batch.freeze()).done().await
}

fn broken_off(error: &axum::Error) -> ApiError {
    tracing::debug!(%error, "an upload broke off");
    ApiError::new(Code::BodyIncomplete, "the body broke off before its end; nothing was stored")
}
