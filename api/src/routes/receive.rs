//! The bytes of a PUT or of a part of an upload on their way to the disk.
//!
//! Back-pressure: the next bytes are taken from the connection only when those before the last batch are written, so an
//! upload holds at most two batches in memory, and no thread while its sender is slow. Whoever drops this future, by
//! closing the connection, drops the upload and with it the file.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use ods_store::{StoreError, Upload};
use tokio::task::JoinHandle;

use crate::error::{ApiError, Code};

/// Bytes that are written at a time.
const BATCH_BYTES: usize = 2 << 20;

/// Chunks shorter than this are gathered, longer ones written as they came: a copy costs more than a call.
const SHORT_BYTES: usize = 16 << 10;

/// What takes the bytes of a body, in order, on a blocking thread.
pub(super) trait Sink: Send + 'static {
    /// Takes the next ones.
    fn take(&mut self, chunks: &[Bytes]) -> Result<(), StoreError>;
}

impl Sink for Upload {
    fn take(&mut self, chunks: &[Bytes]) -> Result<(), StoreError> {
        self.write_all(chunks)
    }
}

/// How a body ended.
pub(super) enum Body<S> {
    /// Whole.
    Whole(S),
    /// It broke off; what came is taken.
    Cut(S, ApiError),
}

/// A sink between two batches, or with one being written.
struct Writing<S>(JoinHandle<Result<S, StoreError>>);

impl<S: Sink> Writing<S> {
    fn start(mut sink: S, batch: Batch) -> Self {
        Self(tokio::task::spawn_blocking(move || sink.take(&batch.into_chunks()).map(|()| sink)))
    }

    async fn done(self) -> Result<S, ApiError> {
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

/// Writes a body, as far as it comes.
pub(super) async fn receive<S: Sink>(sink: S, body: axum::body::Body) -> Result<Body<S>, ApiError> {
    let mut chunks = body.into_data_stream();
    let mut batch = Batch::default();
    let mut writing = Writing::start(sink, Batch::default());
    let mut cut = None;
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => batch.push(chunk),
            Err(error) => {
                cut = Some(broken_off(&error));
                break;
            }
        }
        if batch.bytes >= BATCH_BYTES {
            writing = Writing::start(writing.done().await?, std::mem::take(&mut batch));
        }
    }
    let sink = Writing::start(writing.done().await?, batch).done().await?;
    Ok(match cut {
        None => Body::Whole(sink),
        Some(error) => Body::Cut(sink, error),
    })
}

fn broken_off(error: &axum::Error) -> ApiError {
    tracing::debug!(%error, "an upload broke off");
    ApiError::new(Code::BodyIncomplete, "the body broke off before its end; nothing was published")
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
