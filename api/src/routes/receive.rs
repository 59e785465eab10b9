//! The bytes of a PUT or of a part of an upload on their way to the disk.
//!
//! They are copied from the connection into a few blocks ([`block`]), which writing and hashing take each at its own pace
//! ([`lane`]). Back-pressure: when all blocks are in use nothing more is taken from the connection, so an upload holds four
//! of them at most, and no thread while its sender is slow. Whoever drops this future, by closing the connection, drops the
//! upload and with it the file.
//!
//! A small body doesn't come here: it is taken into memory whole, for one thread that writes, hashes and publishes it. Passing it
//! from thread to thread takes longer than that.

mod block;
mod lane;

use std::sync::Arc;

use axum::body::HttpBody as _;
use block::{Block, Blocks};
use futures_util::StreamExt;
use lane::Lane;
pub(super) use lane::Sink;
use ods_store::{BlobHasher, StoreError, UploadFile};

use crate::auth::{Leave, MayEnd};
use crate::error::ApiError;
use crate::whole_body::broken;

impl Sink for UploadFile {
    fn take(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.write(bytes)
    }
}

impl Sink for Box<BlobHasher> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.update(bytes);
        Ok(())
    }
}

/// The longest body that is taken into memory whole.
pub(super) const SMALL_BYTES: usize = 64 << 10;

/// How a body ended.
pub(super) enum Body<S> {
    /// Whole.
    Whole(S),
    /// It broke off, or its sender may send no more; what came is taken.
    Cut(S, ApiError),
}

/// Two sinks that take the same bytes; of a body that needs only one the second isn't there.
struct Lanes<A, B>(Lane<A>, Option<Lane<B>>);

impl<A: Sink, B: Sink> Lanes<A, B> {
    async fn push(&mut self, block: Block) -> Result<(), ApiError> {
        let block = Arc::new(block);
        if let Some(lane) = &mut self.1 {
            lane.push(Arc::clone(&block)).await?;
        }
        self.0.push(block).await
    }

    async fn finish(self) -> Result<(A, Option<B>), ApiError> {
        let beside = match self.1 {
            Some(lane) => Some(lane.finish().await?),
            None => None,
        };
        Ok((self.0.finish().await?, beside))
    }
}

/// Gives a body's bytes to `sink`, and to `beside` if there is one, as far as they come and as long as there is leave to send
/// them.
pub(super) async fn receive<A: Sink, B: Sink>(
    sink: A,
    beside: Option<B>,
    body: axum::body::Body,
    leave: &Leave<impl MayEnd>,
) -> Result<Body<(A, Option<B>)>, ApiError> {
    let mut blocks = Blocks::new(body.size_hint().exact());
    let mut chunks = body.into_data_stream();
    let mut lanes = Lanes(Lane::new(sink), beside.map(Lane::new));
    let mut filling = blocks.take().await;
    let mut cut = None;
    loop {
        let chunk = match leave.during(chunks.next()).await {
            Ok(Some(Ok(chunk))) => chunk,
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                cut = Some(broken_off(&error));
                break;
            }
            Err(error) => {
                cut = Some(error);
                break;
            }
        };
        let mut left = &*chunk;
        while !left.is_empty() {
            left = filling.fill(left);
            if filling.is_full() {
                lanes.push(filling).await?;
                filling = blocks.take().await;
            }
        }
    }
    if !filling.is_empty() {
        lanes.push(filling).await?;
    }
    let sinks = lanes.finish().await?;
    Ok(match cut {
        None => Body::Whole(sinks),
        Some(error) => Body::Cut(sinks, error),
    })
}

pub(super) fn broken_off(error: &axum::Error) -> ApiError {
    tracing::debug!(%error, "an upload broke off");
    let told = broken(error);
    let detail = format!("{}; nothing was published", told.detail());
    told.saying(detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use ods_store::BLOCK_BYTES;

    struct Kept(Vec<u8>);

    impl Sink for Kept {
        fn take(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
    }

    fn chunks() -> Vec<Bytes> {
        let lengths = [1, 2, BLOCK_BYTES - 3, 5, 3 * BLOCK_BYTES, 77, 2 * BLOCK_BYTES + 1, 0, 9];
        let chunk = |(index, length): (usize, &usize)| {
            (0..*length).map(|at| ((at * 31 + at / 255 + index) % 253).to_le_bytes()[0]).collect::<Bytes>()
        };
        lengths.iter().enumerate().map(chunk).collect()
    }

    fn kept() -> Kept {
        Kept(vec![])
    }

    #[derive(Clone)]
    struct Always;

    impl MayEnd for Always {
        fn must_still_hold(&self) -> Result<(), ApiError> {
            Ok(())
        }
    }

    fn always() -> Leave<Always> {
        Leave::new(Always)
    }

    #[tokio::test]
    async fn both_sinks_get_all_bytes_in_order() {
        let chunks = chunks();
        let expected = chunks.concat();
        let body =
            axum::body::Body::from_stream(futures_util::stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>)));
        let Ok(Body::Whole((sink, beside))) = receive(kept(), Some(kept()), body, &always()).await else {
            panic!("it is whole")
        };
        assert!(sink.0 == expected && beside.expect("it was there").0 == expected);
    }

    #[tokio::test]
    async fn what_came_before_a_cut_is_taken() {
        let came = [Ok(Bytes::from_static(b"some")), Err(std::io::Error::other("cut"))];
        let body = axum::body::Body::from_stream(futures_util::stream::iter(came));
        let Ok(Body::Cut((sink, None::<Kept>), _)) = receive(kept(), None, body, &always()).await else {
            panic!("it is cut")
        };
        assert_eq!(sink.0, b"some");
    }
}
