//! `multipart/byteranges` (RFC 9110 §14.6): several parts of one blob in one answer, whose exact length is known before
//! a byte is read.

use bytes::Bytes;
use ods_store::Digest;

use super::range::ByteRange;

/// A stretch of an answer's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// These bytes.
    Text(Bytes),
    /// These bytes of the blob.
    Span(ByteRange),
}

impl Segment {
    /// Its length.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Span(range) => range.bytes(),
        }
    }
}

/// The value of `Content-Type` for a multipart answer with parts of this blob.
///
/// The boundary is the blob's digest: no file can hold its own digest, so no part can hold the boundary.
pub(super) fn content_type(blob: &Digest) -> String {
    format!("multipart/byteranges; boundary={blob}")
}

/// The content: each range with its header, then the closing boundary.
pub(super) fn segments(ranges: &[ByteRange], blob: &Digest, size: u64, media_type: &str) -> Vec<Segment> {
    let mut segments = Vec::with_capacity(ranges.len() * 2 + 1);
    let mut line_end = "";
    for range in ranges {
        let place = range.content_range(size);
        let head = format!("{line_end}--{blob}\r\nContent-Type: {media_type}\r\nContent-Range: {place}\r\n\r\n");
        segments.extend([Segment::Text(head.into()), Segment::Span(*range)]);
        line_end = "\r\n";
    }
    segments.push(Segment::Text(format!("\r\n--{blob}--\r\n").into()));
    segments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downloads::range::{Selection, select};

    #[test]
    fn parts_are_framed_as_mime_wants_them() {
        let bytes = b"0123456789";
        let blob = Digest::of(bytes);
        let Selection::Many(ranges) = select("bytes=0-1,-3", 10) else { panic!("two ranges") };
        let segments = segments(&ranges, &blob, 10, "text/plain");
        let length: u64 = segments.iter().map(Segment::bytes).sum();
        let mut content = Vec::new();
        for segment in &segments {
            match segment {
                Segment::Text(text) => content.extend_from_slice(text),
                Segment::Span(range) => {
                    let (start, end) = (usize::try_from(range.start()).unwrap(), usize::try_from(range.end()).unwrap());
                    content.extend_from_slice(&bytes[start..end]);
                }
            }
        }
        let expected = format!(
            "--{blob}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n\
             --{blob}\r\nContent-Type: text/plain\r\nContent-Range: bytes 7-9/10\r\n\r\n789\r\n--{blob}--\r\n"
        );
        assert_eq!(String::from_utf8(content).expect("ASCII"), expected);
        assert_eq!(length, expected.len() as u64);
        assert_eq!(content_type(&blob), format!("multipart/byteranges; boundary={blob}"));
    }
}
