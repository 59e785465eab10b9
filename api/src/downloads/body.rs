//! The bytes of an answer, on their way.
//!
//! Invariants: no more than one chunk is read ahead of the client, so that a slow one holds at most two chunks of
//! memory; what can't be read and verified ends the connection short of its
//! `Content-Length`, so that a wrong file is never taken for a whole one.

use std::collections::VecDeque;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::multipart::Segment;
use super::range::ByteRange;

/// Bytes read at a time. A divisor of a piece's size, and reads are aligned to it, so that none crosses two pieces.
pub(super) const CHUNK_BYTES: u64 = 256 * 1024;

/// Why bytes can't be sent.
pub(super) type ReadError = Box<dyn Error + Send + Sync>;

/// Bytes that are being read.
pub(super) type Reading = Pin<Box<dyn Future<Output = Result<Vec<u8>, ReadError>> + Send>>;

/// Begins to read so many bytes at an offset; they come verified.
pub(super) type ReadAt = Box<dyn Fn(u64, usize) -> Reading + Send>;

/// An answer's content as a stream of known length.
pub(super) struct BlobBody {
    read_at: ReadAt,
    segments: VecDeque<Segment>,
    /// The read under way, for the bytes before `segments`.
    reading: Option<(Reading, ByteRange)>,
    bytes_left: u64,
}

impl BlobBody {
    /// Begins to read. Returns once the first chunk is here, so that its absence can still be told by a status.
    pub(super) async fn start(segments: Vec<Segment>, read_at: ReadAt) -> Result<Self, ReadError> {
        let bytes_left = segments.iter().map(Segment::bytes).sum();
        let mut body = Self { read_at, segments: segments.into(), reading: None, bytes_left };
        let mut ready = VecDeque::new();
        while let Some(text) = body.segments.pop_front_if(|segment| matches!(segment, Segment::Text(_))) {
            ready.push_back(text);
        }
        body.read_ahead();
        if let Some((reading, chunk)) = body.reading.take() {
            ready.push_back(Segment::Text(whole(reading.await?, chunk)?));
        }
        ready.append(&mut body.segments);
        body.segments = ready;
        Ok(body)
    }

    /// Starts to read the next chunk, if blob bytes come next.
    fn read_ahead(&mut self) {
        let Some(Segment::Span(range)) = self.segments.front_mut() else { return };
        let (chunk, rest) = range.split((range.start() / CHUNK_BYTES + 1) * CHUNK_BYTES);
        match rest {
            Some(rest) => *range = rest,
            None => drop(self.segments.pop_front()),
        }
        // A chunk is far smaller than any address space.
        let length = usize::try_from(chunk.bytes()).unwrap_or(usize::MAX);
        self.reading = Some(((self.read_at)(chunk.start(), length), chunk));
    }

    /// Hands over the next bytes and reads on.
    fn hand_over(&mut self, bytes: Bytes) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        self.bytes_left -= bytes.len() as u64;
        self.read_ahead();
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    /// Ends the stream with an error, upon which the server drops the connection.
    fn cut_short(&mut self, error: ReadError) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        tracing::warn!(error, bytes_left = self.bytes_left, "cut a download short: its bytes can't be read");
        self.segments.clear();
        Poll::Ready(Some(Err(error)))
    }
}

/// A chunk as it was read, if it is all there.
fn whole(bytes: Vec<u8>, chunk: ByteRange) -> Result<Bytes, ReadError> {
    if bytes.len() as u64 == chunk.bytes() {
        return Ok(bytes.into());
    }
    Err(format!("read {} bytes at {} instead of {}", bytes.len(), chunk.start(), chunk.bytes()).into())
}

impl Body for BlobBody {
    type Data = Bytes;
    type Error = ReadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        loop {
            if let Some((reading, chunk)) = &mut self.reading {
                let chunk = *chunk;
                let outcome = ready!(reading.as_mut().poll(context));
                self.reading = None;
                return match outcome.and_then(|bytes| whole(bytes, chunk)) {
                    Ok(bytes) => self.hand_over(bytes),
                    Err(error) => self.cut_short(error),
                };
            }
            match self.segments.pop_front() {
                Some(Segment::Text(text)) => return self.hand_over(text),
                Some(span @ Segment::Span(_)) => {
                    self.segments.push_front(span);
                    self.read_ahead();
                }
                None => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes_left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes_left)
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::BodyExt;

    use super::*;
    use crate::downloads::range::{Selection, select};

    fn pattern(size: usize) -> Vec<u8> {
        (0..size).map(|n| u8::try_from(n % 251).expect("small")).collect()
    }

    fn reader(content: Vec<u8>) -> ReadAt {
        Box::new(move |offset, length| {
            let start = usize::try_from(offset).expect("small");
            Box::pin(ready(Ok(content[start..start + length].to_vec())))
        })
    }

    fn spans(range: &str, size: u64) -> Vec<Segment> {
        match select(range, size) {
            Selection::One(range) => vec![Segment::Span(range)],
            Selection::Many(ranges) => ranges.into_iter().map(Segment::Span).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn ranges_of_any_alignment_are_streamed_whole() {
        let content = pattern(3 * 262_144 + 17);
        for (range, expected) in [
            ("bytes=0-", 0..content.len()),
            ("bytes=0-0", 0..1),
            ("bytes=262143-262144", 262_143..262_145),
            ("bytes=262144-524287", 262_144..524_288),
            ("bytes=100-700000", 100..700_001),
            ("bytes=-17", content.len() - 17..content.len()),
        ] {
            let body =
                BlobBody::start(spans(range, content.len() as u64), reader(content.clone())).await.expect("read");
            assert_eq!(body.size_hint().exact(), Some(expected.len() as u64));
            let bytes = body.collect().await.expect("all bytes").to_bytes();
            assert!(bytes == content[expected], "{range}");
        }
    }

    #[tokio::test]
    async fn text_and_spans_keep_their_order() {
        let mut segments = vec![Segment::Text("a".into()), Segment::Text("b".into())];
        segments.extend(spans("bytes=0-1,4-5", 10));
        segments.push(Segment::Text("z".into()));
        let body = BlobBody::start(segments, reader(b"0123456789".to_vec())).await.expect("read");
        assert_eq!(body.collect().await.expect("all bytes").to_bytes(), "ab0145z");
    }

    #[tokio::test]
    async fn no_segments_are_an_empty_body() {
        let body = BlobBody::start(vec![], reader(vec![])).await.expect("nothing to read");
        assert!(body.is_end_stream());
        assert!(body.collect().await.expect("nothing").to_bytes().is_empty());
    }

    #[tokio::test]
    async fn what_fails_at_once_fails_before_the_answer() {
        let broken: ReadAt = Box::new(|_, _| Box::pin(ready(Err("rot".into()))));
        let mut segments = vec![Segment::Text("--boundary".into())];
        segments.extend(spans("bytes=0-9", 10));
        assert!(BlobBody::start(segments, broken).await.is_err());
        let short: ReadAt = Box::new(|_, length| Box::pin(ready(Ok(vec![0; length - 1]))));
        assert!(BlobBody::start(spans("bytes=0-9", 10), short).await.is_err());
    }

    #[tokio::test]
    async fn what_fails_later_ends_in_an_error_and_never_in_a_shorter_whole() {
        let broken: ReadAt = Box::new(|offset, length| {
            Box::pin(ready(if offset == 0 { Ok(vec![1; length]) } else { Err("rot".into()) }))
        });
        let mut body = BlobBody::start(spans("bytes=0-", 600_000), broken).await.expect("the first chunk");
        assert_eq!(body.frame().await.expect("a frame").expect("bytes").into_data().expect("data").len(), 262_144);
        assert!(body.frame().await.expect("a frame").is_err());
        assert!(body.frame().await.is_none());
        assert!(!body.is_end_stream(), "{} bytes are missing", body.bytes_left);
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_makes_nothing_be_read() {
        let reads = Arc::new(AtomicUsize::new(0));
        let counted: ReadAt = {
            let reads = Arc::clone(&reads);
            Box::new(move |_, length| {
                reads.fetch_add(1, Ordering::SeqCst);
                Box::pin(ready(Ok(vec![0; length])))
            })
        };
        let mut body = BlobBody::start(spans("bytes=0-", 1 << 30), counted).await.expect("the first chunk");
        assert_eq!(reads.load(Ordering::SeqCst), 1);
        for taken in 1..=5 {
            body.frame().await.expect("a frame").expect("bytes");
            assert!(reads.load(Ordering::SeqCst) <= taken + 1, "one chunk ahead at most");
        }
    }
}
