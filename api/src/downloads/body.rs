//! The bytes of an answer, on their way.
//!
//! Invariants: no more than one chunk is read ahead of the client, so that a slow one holds at most two chunks of
//! memory, or none where the connection sends parts of files itself ([`FileSlices`]); what can't be read and verified ends the connection short of its
//! `Content-Length`, so that a wrong file is never taken for a whole one.

use std::collections::VecDeque;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::multipart::Segment;
use super::range::ByteRange;
use crate::file_slices::{FileSlice, FileSlices, SLICE_BYTES_MAX};

/// Bytes read at a time. A divisor of a piece's size, and reads are aligned to it, so that none crosses two pieces.
pub(super) const CHUNK_BYTES: u64 = 256 * 1024;

/// Bytes sent at a time where none are read: a piece.
const SLICE_BYTES: u64 = SLICE_BYTES_MAX as u64;

/// Why bytes can't be sent.
pub(super) type ReadError = Box<dyn Error + Send + Sync>;

/// Some of an answer's bytes, ready to go.
#[derive(Debug)]
pub(super) enum Chunk {
    /// These.
    Read(Bytes),
    /// The ones in this part of a file.
    Slice(FileSlice),
}

impl Chunk {
    fn bytes(&self) -> usize {
        match self {
            Self::Read(bytes) => bytes.len(),
            Self::Slice(slice) => slice.bytes(),
        }
    }
}

/// Bytes that are being read.
pub(super) type Reading = Pin<Box<dyn Future<Output = Result<Chunk, ReadError>> + Send>>;

/// Begins to read so many bytes at an offset; they come verified.
pub(super) type ReadAt = Box<dyn Fn(u64, usize) -> Reading + Send>;

/// An answer's content as a stream of known length.
pub(super) struct BlobBody {
    read_at: ReadAt,
    /// Where slices are queued, if the connection sends such.
    slices: Option<FileSlices>,
    /// What comes first, read before the answer began.
    ready: VecDeque<Chunk>,
    segments: VecDeque<Segment>,
    /// The read under way, for the bytes before `segments`.
    reading: Option<(Reading, ByteRange)>,
    bytes_left: u64,
}

impl BlobBody {
    /// Begins to read. Returns once the first chunk is here, so that its absence can still be told by a status. With
    /// `slices`, reads may give parts of files.
    pub(super) async fn start(
        segments: Vec<Segment>,
        read_at: ReadAt,
        slices: Option<FileSlices>,
    ) -> Result<Self, ReadError> {
        let bytes_left = segments.iter().map(Segment::bytes).sum();
        let mut body =
            Self { read_at, slices, ready: VecDeque::new(), segments: segments.into(), reading: None, bytes_left };
        while let Some(Segment::Text(text)) = body.segments.pop_front_if(|segment| matches!(segment, Segment::Text(_)))
        {
            body.ready.push_back(Chunk::Read(text));
        }
        body.read_ahead();
        if let Some((reading, range)) = body.reading.take() {
            body.ready.push_back(whole(reading.await?, range)?);
        }
        Ok(body)
    }

    /// Starts to read the next chunk, if blob bytes come next.
    fn read_ahead(&mut self) {
        let step = if self.slices.is_some() { SLICE_BYTES } else { CHUNK_BYTES };
        let Some(Segment::Span(range)) = self.segments.front_mut() else { return };
        let (chunk, rest) = range.split((range.start() / step + 1) * step);
        match rest {
            Some(rest) => *range = rest,
            None => drop(self.segments.pop_front()),
        }
        // A chunk is far smaller than any address space.
        let length = usize::try_from(chunk.bytes()).unwrap_or(usize::MAX);
        self.reading = Some(((self.read_at)(chunk.start(), length), chunk));
    }

    /// Hands over the next bytes, or what stands for them, and reads on.
    fn hand_over(&mut self, chunk: Chunk) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        self.bytes_left -= chunk.bytes() as u64;
        let bytes = match (chunk, &self.slices) {
            (Chunk::Read(bytes), _) => bytes,
            (Chunk::Slice(slice), Some(slices)) => slices.push(slice),
            (Chunk::Slice(_), None) => return self.cut_short("this connection can't send parts of files".into()),
        };
        if self.ready.is_empty() {
            self.read_ahead();
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    /// Ends the stream with an error, upon which the server drops the connection.
    fn cut_short(&mut self, error: ReadError) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        self.ready.clear();
        self.segments.clear();
        Poll::Ready(Some(Err(error)))
    }
}

/// A chunk as it was read, if it is all there.
fn whole(chunk: Chunk, range: ByteRange) -> Result<Chunk, ReadError> {
    if chunk.bytes() as u64 == range.bytes() {
        return Ok(chunk);
    }
    Err(format!("read {} bytes at {} instead of {}", chunk.bytes(), range.start(), range.bytes()).into())
}

impl Body for BlobBody {
    type Data = Bytes;
    type Error = ReadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        if let Some(chunk) = self.ready.pop_front() {
            return self.hand_over(chunk);
        }
        loop {
            if let Some((reading, range)) = &mut self.reading {
                let range = *range;
                let outcome = ready!(reading.as_mut().poll(context));
                self.reading = None;
                return match outcome.and_then(|chunk| whole(chunk, range)) {
                    Ok(chunk) => self.hand_over(chunk),
                    Err(error) => self.cut_short(error),
                };
            }
            match self.segments.pop_front() {
                Some(Segment::Text(text)) => return self.hand_over(Chunk::Read(text)),
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

    fn read(bytes: Vec<u8>) -> Chunk {
        Chunk::Read(bytes.into())
    }

    fn reader(content: Vec<u8>) -> ReadAt {
        Box::new(move |offset, length| {
            let start = usize::try_from(offset).expect("small");
            Box::pin(ready(Ok(read(content[start..start + length].to_vec()))))
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
                BlobBody::start(spans(range, content.len() as u64), reader(content.clone()), None).await.expect("read");
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
        let body = BlobBody::start(segments, reader(b"0123456789".to_vec()), None).await.expect("read");
        assert_eq!(body.collect().await.expect("all bytes").to_bytes(), "ab0145z");
    }

    #[tokio::test]
    async fn no_segments_are_an_empty_body() {
        let body = BlobBody::start(vec![], reader(vec![]), None).await.expect("nothing to read");
        assert!(body.is_end_stream());
        assert!(body.collect().await.expect("nothing").to_bytes().is_empty());
    }

    #[tokio::test]
    async fn what_fails_at_once_fails_before_the_answer() {
        let broken: ReadAt = Box::new(|_, _| Box::pin(ready(Err("rot".into()))));
        let mut segments = vec![Segment::Text("--boundary".into())];
        segments.extend(spans("bytes=0-9", 10));
        assert!(BlobBody::start(segments, broken, None).await.is_err());
        let short: ReadAt = Box::new(|_, length| Box::pin(ready(Ok(read(vec![0; length - 1])))));
        assert!(BlobBody::start(spans("bytes=0-9", 10), short, None).await.is_err());
    }

    #[tokio::test]
    async fn what_fails_later_ends_in_an_error_and_never_in_a_shorter_whole() {
        let broken: ReadAt = Box::new(|offset, length| {
            Box::pin(ready(if offset == 0 { Ok(read(vec![1; length])) } else { Err("rot".into()) }))
        });
        let mut body = BlobBody::start(spans("bytes=0-", 600_000), broken, None).await.expect("the first chunk");
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
                Box::pin(ready(Ok(read(vec![0; length]))))
            })
        };
        let mut body = BlobBody::start(spans("bytes=0-", 1 << 30), counted, None).await.expect("the first chunk");
        assert_eq!(reads.load(Ordering::SeqCst), 1);
        for taken in 1..=5 {
            body.frame().await.expect("a frame").expect("bytes");
            assert!(reads.load(Ordering::SeqCst) <= taken + 1, "one chunk ahead at most");
        }
    }
}
