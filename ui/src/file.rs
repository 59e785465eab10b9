//! One file of the page, as it is sent.

use std::borrow::Cow;
use std::io::Write;
use std::sync::OnceLock;

use axum::body::Bytes;
use brotli::CompressorWriter;
use flate2::Compression;
use flate2::write::GzEncoder;

/// How hard brotli tries, and over how many bytes (2 to this) it looks back: the most, once a file.
const BROTLI_QUALITY: u32 = 11;
const BROTLI_WINDOW: u32 = 22;

/// Shorter ones gain nothing from being compressed.
const COMPRESSED_FROM_BYTES: usize = 128;

/// Kinds of files of which a browser that opens one by itself shows the text.
const INERT: [&str; 3] = ["text/javascript", "text/css; charset=utf-8", "application/json"];

/// In what form bytes travel, the best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Coding {
    /// As they are.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 7932. Browsers take it over TLS and from their own machine only.
    Brotli,
}

impl Coding {
    /// Its name in `Accept-Encoding` and `Content-Encoding`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }
}

/// A file and what is sent of it.
#[derive(Debug)]
pub(crate) struct File {
    bytes: Bytes,
    media_type: &'static str,
    stands_alone: bool,
    tag: String,
    gzip: OnceLock<Option<Bytes>>,
    brotli: OnceLock<Option<Bytes>>,
}

/// Which bytes stand for a file, and under which entity tag. Each form has a tag of its own, since strong ones name bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    /// What is sent.
    pub(crate) bytes: Bytes,
    /// The `ETag`, with its quotes.
    pub(crate) entity_tag: String,
    /// What the bytes are in.
    pub(crate) coding: Coding,
}

impl File {
    /// The file called `name`, with these bytes.
    pub(crate) fn new(name: &str, bytes: Cow<'static, [u8]>, media_type: &'static str) -> Self {
        let bytes = match bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        let tag = blake3::hash(&bytes).to_hex()[..32].to_owned();
        let stands_alone = name.ends_with("-worker.js") || !INERT.contains(&media_type);
        Self { bytes, media_type, stands_alone, tag, gzip: OnceLock::new(), brotli: OnceLock::new() }
    }

    /// Its `Content-Type`.
    pub(crate) fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// Whether it may run or show something by itself, so that a policy of its own counts.
    pub(crate) fn stands_alone(&self) -> bool {
        self.stands_alone
    }

    /// The form for a client for which `coding` is the best; made when it is first asked for.
    pub(crate) fn form(&self, coding: Coding) -> Form {
        let compressed = match coding {
            Coding::Identity => None,
            Coding::Gzip => self.gzip.get_or_init(|| worth_it(&self.bytes, gzip)).clone(),
            Coding::Brotli => self.brotli.get_or_init(|| worth_it(&self.bytes, brotli)).clone(),
        };
        match compressed {
            Some(bytes) => Form { bytes, entity_tag: format!("\"{}-{}\"", self.tag, coding.name()), coding },
            None => {
                Form { bytes: self.bytes.clone(), entity_tag: format!("\"{}\"", self.tag), coding: Coding::Identity }
            }
        }
    }
}

/// `bytes` as `compress` makes them, if that is worth it.
fn worth_it(bytes: &[u8], compress: fn(&[u8]) -> std::io::Result<Vec<u8>>) -> Option<Bytes> {
    let compressed = (bytes.len() >= COMPRESSED_FROM_BYTES).then(|| compress(bytes))?.ok()?;
    (compressed.len() < bytes.len() / 10 * 9).then(|| Bytes::from(compressed))
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn brotli(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = CompressorWriter::new(Vec::new(), bytes.len(), BROTLI_QUALITY, BROTLI_WINDOW);
    encoder.write_all(bytes)?;
    // Which ends the stream. A flush before would be a block more, of nothing.
    Ok(encoder.into_inner())
}
