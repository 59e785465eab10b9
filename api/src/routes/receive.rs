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
const BATCH_BYTES: usize = 1 << 20;

/// Chunks shorter than this are gathered, longer ones written as they came: a copy costs more than a call.
const SHORT_BYTES: usize = 16 << 10;

/// An upload between two batches, or with one being written.
struct Writing(JoinHandle<Result<Upload, StoreError>>);

impl Writing {
    fn start(mut upload: Upload, batch: Batch) -> Self {
        Self(tokio::task::spawn_blocking(move || {
            batch.into_chunks().iter().try_for_each(|chunk| upload.write(chunk)).map(|()| upload)
        }))
    }

    async fn done(self) -> Result<Upload, ApiError> {
        self.0.await.map_err(ApiError::internal)?.map_err(Into::into)
    }
}

/// Bytes to be written next, in order.
#[derive(Default)]
struct Batch {
    chunks: Vec<Bytes>,
    /// Short chunks that come after `chunks`.
    short: BytesMut,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, chunk: Bytes) {
        self.bytes += chunk.len();
        if chunk.len() < SHORT_BYTES {
            self.short.extend_from_slice(&chunk);
        } else {
            self.gather();
            self.chunks.push(chunk);
        }
    }

    fn gather(&mut self) {
        if !self.short.is_empty() {
            self.chunks.push(self.short.split().freeze());
        }
    }

    fn into_chunks(mut self) -> Vec<Bytes> {
        self.gather();
        self.chunks
    }
}

/// Writes a whole body.
pub(super) async fn receive(upload: Upload, body: Body) -> Result<Upload, ApiError> {
    let mut chunks = body.into_data_stream();
    let mut batch = Batch::default();
    let mut writing = Writing::start(upload, Batch::default());
    while let Some(chunk) = chunks.next().await {
        batch.push(chunk.map_err(|error| broken_off(&error))?);
        if batch.bytes >= BATCH_BYTES {
            writing = Writing::start(writing.done().await?, std::mem::take(&mut batch));
        }
    }
    Writing::start(writing.done().await?, batch).done().await
}

fn broken_off(error: &axum::Error) -> ApiError {
    tracing::debug!(%error, "an upload broke off");
    ApiError::new(Code::BodyIncomplete, "the body broke off before its end; nothing was stored")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_keeps_the_order_of_long_and_short_chunks() {
        let mut batch = Batch::default();
        let mut expected = Vec::new();
        for (index, length) in
            [1, 2, SHORT_BYTES, SHORT_BYTES - 1, 1, 3 * SHORT_BYTES, SHORT_BYTES + 1, 7].iter().enumerate()
        {
            let chunk = vec![u8::try_from(index).unwrap(); *length];
            expected.extend_from_slice(&chunk);
            batch.push(chunk.into());
        }
        assert_eq!(batch.bytes, expected.len());
        let chunks = batch.into_chunks();
        assert_eq!(chunks.len(), 6, "short neighbours become one");
        assert!(chunks.concat() == expected);
    }
}
