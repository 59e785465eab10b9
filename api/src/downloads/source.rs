//! Where an answer's bytes come from: a blob that is held, or one that is still arriving from another node.
//!
//! A package asked for that isn't here yet is sent while it arrives: each chunk as soon as its piece is verified. That
//! the last piece is here is waited for first, since only with it is the size proven.

use std::future::ready;
use std::time::Duration;

use ods_store::{BlobReader, Digest, Fetch, PIECE_BYTES, UnixMillis, piece_count};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::body::{Chunk, ReadAt, ReadError, Reading};
use super::buffers::Buffer;
use crate::auth::DownloadAccess;
use crate::blocking::blocking;
use crate::error::{ApiError, Code};
use crate::file_slices::FileSlice;

/// How long a client waits for the first piece before it is told to come back.
const FIRST_PIECE_WITHIN: Duration = Duration::from_secs(10);
/// How long no piece at all may arrive before a download under way is cut short.
const STALLED_AFTER: Duration = Duration::from_mins(1);
/// How long bytes may be on their way without a want being told that somebody waits.
const ASK_AFTER: Duration = Duration::from_millis(20);
/// Seconds after which a client may ask again for bytes that are on their way.
const ARRIVING_AFTER_S: u64 = 5;

/// Tells the time.
type Clock = fn() -> UnixMillis;

/// The bytes of one blob, opened once.
pub(super) enum Source {
    /// All of them are here.
    Held(BlobReader),
    /// Some are here; the rest is coming.
    Arriving(Fetch),
}

/// A download under way whose bytes stopped arriving.
#[derive(Debug, thiserror::Error)]
#[error("no piece of blob {blob} has arrived for {} s, or none will", STALLED_AFTER.as_secs())]
struct Stalled {
    blob: Digest,
}

impl Source {
    /// Opens a blob that isn't held, once its first pieces have arrived; it is fetched before others.
    pub(super) async fn arriving(access: &DownloadAccess, blob: Digest) -> Result<Self, ApiError> {
        let since = Instant::now();
        let mut asked = false;
        loop {
            // Made before looking, so that nothing is missed in between.
            let arrival = access.arrival(&blob);
            if let Some(fetch) = access.fetch_in_progress(&blob).filter(is_proven) {
                return Ok(Self::Arriving(fetch));
            }
            let asking = access.clone();
            if let Some(reader) = blocking(move || asking.open_blob(&blob)).await? {
                return Ok(Self::Held(reader));
            }
            let patience = if asked { FIRST_PIECE_WITHIN } else { ASK_AFTER };
            if timeout_at(since + patience, arrival).await.is_ok() {
                continue;
            }
            if asked {
                return Err(not_here(&blob));
            }
            // What is small is mostly here before the wish for it would be written down.
            asked = true;
            let asking = access.clone();
            blocking(move || asking.want_now(&blob)).await?;
        }
    }

    /// The blob's size in bytes.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Held(reader) => reader.size(),
            Self::Arriving(fetch) => fetch.size(),
        }
    }

    /// Has the first of these bytes arrive, or says that they don't.
    pub(super) async fn wait_for(&self, offset: u64) -> Result<(), ApiError> {
        let Self::Arriving(fetch) = self else { return Ok(()) };
        let until = Instant::now() + FIRST_PIECE_WITHIN;
        let piece = offset / PIECE_BYTES;
        loop {
            let arrival = fetch.arrival();
            if fetch.has(piece) {
                return Ok(());
            }
            if fetch.has_ended() {
                return Err(not_here(&fetch.digest()));
            }
            fetch.ask(piece);
            timeout_at(until, arrival).await.map_err(|_| not_here(&fetch.digest()))?;
        }
    }

    /// Whether its bytes can be sent as parts of a file.
    pub(super) fn has_file(&self) -> bool {
        matches!(self, Self::Held(reader) if reader.os_file().is_some())
    }

    /// How to read from it. No read crosses from one piece into the next. With `sliced`, which needs
    /// [`Self::has_file`], reads give parts of the file.
    pub(super) fn read_at(self, clock: Clock, sliced: bool) -> ReadAt {
        match self {
            Self::Held(reader) if sliced => {
                Box::new(move |offset, bytes| slice_held(reader.clone(), clock, offset, bytes))
            }
            Self::Held(reader) => Box::new(move |offset, bytes| read_held(reader.clone(), clock, offset, bytes)),
            Self::Arriving(fetch) => {
                Box::new(move |offset, bytes| Box::pin(read_arriving(fetch.clone(), offset, bytes, STALLED_AFTER)))
            }
        }
    }
}

/// A part of a blob's file. What has to be verified or fetched from the disk first is so in another thread: to send
/// what isn't in memory would hold up an async one.
fn slice_held(reader: BlobReader, clock: Clock, offset: u64, bytes: usize) -> Reading {
    let slice = move |reader| Ok(Chunk::Slice(FileSlice::new(reader, offset, bytes).ok_or("not a part of a file")?));
    if reader.is_ready(offset, bytes as u64, clock()) {
        return Box::pin(ready(slice(reader)));
    }
    let task = spawn_blocking(move || reader.make_ready(offset, bytes as u64, clock()).map(|()| reader));
    Box::pin(async move { slice(task.await??) })
}

/// A blob's bytes, read: at the last moment if they are in memory, so that they are still in the processor's when they
/// are sent; else ahead, in another thread.
fn read_held(reader: BlobReader, clock: Clock, offset: u64, bytes: usize) -> Reading {
    let read = move |reader: BlobReader| {
        spawn_blocking(move || {
            let mut buffer = Buffer::of(bytes);
            reader.read_into(offset, buffer.as_mut(), clock()).map(|()| Chunk::Read(buffer.freeze()))
        })
    };
    if !reader.is_ready(offset, bytes as u64, clock()) {
        let task = read(reader);
        return Box::pin(async move { Ok(task.await??) });
    }
    Box::pin(async move {
        let mut buffer = Buffer::of(bytes);
        if reader.read_now(offset, buffer.as_mut(), clock()) {
            return Ok(Chunk::Read(buffer.freeze()));
        }
        Ok(read(reader).await??)
    })
}

/// The bytes are known, and come if a peer has them.
pub(super) fn not_here(blob: &Digest) -> ApiError {
    let detail = "its bytes are not on this node now; they are fetched from a peer that has them. If none has, they come only \
                  by publishing the package again";
    ApiError::new(Code::BytesUnavailable, detail).fact("blob", blob.to_string()).retry_after(ARRIVING_AFTER_S)
}

/// Whether the size is proven: outline and last piece are here.
fn is_proven(fetch: &Fetch) -> bool {
    fetch.outline_known() && fetch.has(piece_count(fetch.size()).saturating_sub(1))
}

/// Waits for a piece, which comes before others meanwhile, and reads from it. Gives up once nothing of the blob has arrived
/// for so long, or when nothing will.
async fn read_arriving(fetch: Fetch, offset: u64, bytes: usize, patience: Duration) -> Result<Chunk, ReadError> {
    let piece = offset / PIECE_BYTES;
    loop {
        let arrival = fetch.arrival();
        if fetch.has(piece) {
            let reading = fetch.clone();
            if let Some(bytes) = spawn_blocking(move || reading.read(offset, bytes)).await?? {
                return Ok(Chunk::Read(bytes.into()));
            }
        }
        let stalled = || Box::new(Stalled { blob: fetch.digest() });
        // A fetch ends with all pieces here, or because nobody wants the blob any more.
        if fetch.has_ended() {
            return Err(stalled());
        }
        fetch.ask(piece);
        timeout_at(Instant::now() + patience, arrival).await.map_err(|_| stalled())?;
    }
}
