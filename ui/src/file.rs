//! One file of the page, as it is sent.

use std::borrow::Cow;
use std::io::Write;
use std::sync::OnceLock;

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Shorter ones gain nothing from being compressed.
const COMPRESSED_FROM_BYTES: usize = 512;

/// A file and what is sent of it.
#[derive(Debug)]
pub(crate) struct File {
    bytes: Bytes,
    media_type: &'static str,
    tag: String,
    compressed: OnceLock<Option<Bytes>>,
}

/// Which bytes stand for a file, and under which entity tag. The two forms have two tags, since strong ones name bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    /// What is sent.
    pub(crate) bytes: Bytes,
    /// The `ETag`, with its quotes.
    pub(crate) entity_tag: String,
    /// Whether the bytes are gzip.
    pub(crate) is_compressed: bool,
}

impl File {
    /// A file with these bytes.
    pub(crate) fn new(bytes: Cow<'static, [u8]>, media_type: &'static str) -> Self {
        let bytes = match bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        let tag = blake3::hash(&bytes).to_hex()[..32].to_owned();
        Self { bytes, media_type, tag, compressed: OnceLock::new() }
    }

    /// Its `Content-Type`.
    pub(crate) fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// The form for a client that takes gzip or doesn't.
    pub(crate) fn form(&self, takes_gzip: bool) -> Form {
        let compressed = takes_gzip.then(|| self.compressed.get_or_init(|| compress(&self.bytes)).clone()).flatten();
        match compressed {
            Some(bytes) => Form { bytes, entity_tag: format!("\"{}-gzip\"", self.tag), is_compressed: true },
            None => Form { bytes: self.bytes.clone(), entity_tag: format!("\"{}\"", self.tag), is_compressed: false },
        }
    }
}

/// `bytes` in gzip (RFC 1952), if that is worth it.
fn compress(bytes: &[u8]) -> Option<Bytes> {
    if bytes.len() < COMPRESSED_FROM_BYTES {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < bytes.len() / 10 * 9).then(|| Bytes::from(compressed))
}
