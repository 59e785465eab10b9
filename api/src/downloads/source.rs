//! Where an answer's bytes come from: a blob that is held, or one that is still arriving from another node.
//!
//! A package asked for that isn't here yet is sent while it arrives: each chunk as soon as its piece is verified. That
//! the last piece is here is waited for first, since only with it is the size proven.

use std::time::Duration;

use ods_store::{BlobReader, Digest, Fetch, PIECE_BYTES, piece_count};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::body::{ReadAt, ReadError};
use crate::auth::DownloadAccess;
use crate::blocking::blocking;
use crate::error::{ApiError, Code};

/// How long a client waits for the first piece before it is told to come back.
const FIRST_PIECE_WITHIN: Duration = Duration::from_secs(10);
/// How long it waits when no fetch is going on: time for one to begin.
const FETCH_BEGINS_WITHIN: Duration = Duration::from_secs(1);
/// How long no piece at all may arrive before a download under way is cut short.
const STALLED_AFTER: Duration = Duration::from_mins(1);
/// How often to look whether a piece has arrived.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Seconds after which a client may ask again for bytes that are on their way.
const ARRIVING_AFTER_S: u64 = 5;

/// The bytes of one blob, opened once.
pub(super) enum Source {
    /// All of them are here.
    Held(BlobReader),
    /// Some are here; the rest is coming.
    Arriving(Fetch),
}

/// A download under way whose bytes stopped arriving.
#[derive(Debug, thiserror::Error)]
#[error("no piece of blob {blob} has arrived for {} s", STALLED_AFTER.as_secs())]
struct Stalled {
    blob: Digest,
}

impl Source {
    /// Opens a blob that isn't held, once its first pieces have arrived; it is fetched before others.
    pub(super) async fn arriving(access: &DownloadAccess, blob: Digest) -> Result<Self, ApiError> {
        let since = Instant::now();
        loop {
            let fetch = access.fetch_in_progress(&blob);
            let patience = if fetch.is_some() { FIRST_PIECE_WITHIN } else { FETCH_BEGINS_WITHIN };
            if let Some(fetch) = fetch.filter(is_proven) {
                return Ok(Self::Arriving(fetch));
            }
            let access = access.clone();
            if let Some(reader) = blocking(move || access.open_blob(&blob)).await? {
                return Ok(Self::Held(reader));
            }
            if since.elapsed() >= patience {
                return Err(not_here(&blob));
            }
            sleep(LOOK_EVERY).await;
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
        let since = Instant::now();
        while !fetch.has(offset / PIECE_BYTES) {
            if since.elapsed() >= FIRST_PIECE_WITHIN {
                return Err(not_here(&fetch.digest()));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// How to read from it. No read crosses from one piece into the next.
    pub(super) fn read_at(self, access: DownloadAccess) -> ReadAt {
        match self {
            Self::Held(reader) => Box::new(move |offset, bytes| {
                let (reader, access) = (reader.clone(), access.clone());
                let task = spawn_blocking(move || reader.read(offset, bytes, access.now()));
                Box::pin(async move { Ok(task.await??) })
            }),
            Self::Arriving(fetch) => {
                Box::new(move |offset, bytes| Box::pin(read_arriving(fetch.clone(), offset, bytes, STALLED_AFTER)))
            }
        }
    }
}

/// The bytes are known and will come.
pub(super) fn not_here(blob: &Digest) -> ApiError {
    let detail = "its bytes are not on this node yet; they are being fetched";
    ApiError::new(Code::BytesUnavailable, detail).fact("blob", blob.to_string()).retry_after(ARRIVING_AFTER_S)
}

/// Whether the size is proven: outline and last piece are here.
fn is_proven(fetch: &Fetch) -> bool {
    fetch.outline_known() && fetch.has(piece_count(fetch.size()).saturating_sub(1))
}

/// Waits for a piece and reads from it. Gives up once nothing of the blob has arrived for so long.
async fn read_arriving(fetch: Fetch, offset: u64, bytes: usize, patience: Duration) -> Result<Vec<u8>, ReadError> {
    let (mut arrived, mut since) = (fetch.have().len(), Instant::now());
    loop {
        if fetch.has(offset / PIECE_BYTES) {
            let reading = fetch.clone();
            if let Some(bytes) = spawn_blocking(move || reading.read(offset, bytes)).await?? {
                return Ok(bytes);
            }
        }
        let arrived_now = fetch.have().len();
        if arrived_now != arrived {
            (arrived, since) = (arrived_now, Instant::now());
        }
        if since.elapsed() >= patience {
            return Err(Box::new(Stalled { blob: fetch.digest() }));
        }
        sleep(LOOK_EVERY).await;
    }
}
