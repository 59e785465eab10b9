//! What the fetch driver's tasks do: ask peers for maps, outlines and bytes, and verify and store what comes.

use std::time::Duration;

use bytes::Bytes;
use ods_store::{Aligned, Digest, Fetch, PIECE_BYTES, PieceSet, Store, StoreError, piece_bytes, piece_count};
use tokio::time::{Instant, timeout};

use super::calls::Caller;
use super::client::CallError;
use super::endpoint::Endpoint;
use super::lead::Lead;
use super::least_rate;
use super::limits::{CONNECT_MS, PIECES_WAIT_MS, SILENCE_MS};
use super::plan::{Has, Run};
use super::protocol::{Answer, BytesRequest, PieceMap, PiecesRequest, Request};
use super::wire::ByteStream;

/// Why a step didn't work.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The source doesn't have it.
    #[error("the peer does not have it")]
    Absent,
    /// The source can't be reached, broke off or fell silent.
    #[error("{0}")]
    Failed(String),
    /// The source sent something that isn't the blob's.
    #[error("the peer sent {0}")]
    Wrong(&'static str),
    /// The source takes the blob to have another size.
    #[error("the peer says that the blob has {claimed} bytes")]
    OtherSize {
        /// What it says.
        claimed: u64,
    },
    /// This node's store failed.
    #[error("this node's store failed: {0}")]
    Local(#[source] StoreError),
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        if error.is_refusal("blob_absent") || error.is_refusal("bytes_absent") || error.is_refusal("bad_range") {
            Self::Absent
        } else {
            Self::Failed(error.to_string())
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadPiece { .. } => Self::Wrong("a wrong piece"),
            StoreError::BadOutline { .. } => Self::Wrong("a wrong outline"),
            other => Self::Local(other),
        }
    }
}

/// Which pieces a peer has. With `seen`, the peer may wait until it has more. None at all: it is getting it itself.
pub(super) async fn pieces(
    caller: Caller,
    way: Option<Endpoint>,
    blob: Digest,
    size: u64,
    seen: Option<u64>,
) -> Result<Has, Fault> {
    let wait_ms = if seen.is_some() { PIECES_WAIT_MS } else { 0 };
    let request = Request::Pieces(PiecesRequest { blob, seen: seen.unwrap_or_default(), wait_ms });
    let bytes = piece_count(size).div_ceil(8);
    let Answer::Pieces(map) = ask(&caller, way, &request, bytes, u64::from(wait_ms)).await? else {
        return Err(Fault::Failed("it answers another question".to_owned()));
    };
    match map {
        PieceMap::Absent => Err(Fault::Absent),
        PieceMap::All { size: claimed } | PieceMap::Some { size: claimed, .. } if claimed != size => {
            Err(Fault::OtherSize { claimed })
        }
        PieceMap::All { .. } => Ok(Has::All),
        PieceMap::Some { bits, .. } => {
            let pieces = PieceSet::from_bits(piece_count(size), &bits).ok_or(Fault::Wrong("a wrong piece map"))?;
            Ok(if pieces.is_full() { Has::All } else { Has::Some(pieces) })
        }
    }
}

/// Gets the outline and stores it.
pub(super) async fn outline(caller: Caller, way: Option<Endpoint>, fetch: Option<Fetch>) -> Result<(), Fault> {
    let fetch = opened(fetch)?;
    let bytes = 32 * piece_count(fetch.size());
    let Answer::Outline(outline) = ask(&caller, way, &Request::Outline(fetch.digest()), bytes, 0).await? else {
        return Err(Fault::Failed("it answers another question".to_owned()));
    };
    in_store(&caller, move |_| fetch.set_outline(outline)).await
}

/// Asks for a value of about so many bytes, for which the peer may wait so long. All that is wanted of a blob waits for it, so
/// the peer gets no longer than the slowest line needs.
async fn ask(
    caller: &Caller,
    way: Option<Endpoint>,
    request: &Request,
    bytes: u64,
    wait_ms: u64,
) -> Result<Answer, Fault> {
    let patience = least_rate::patience(bytes) + Duration::from_millis(CONNECT_MS + SILENCE_MS + wait_ms);
    match timeout(patience, caller.wire.call(&reached(way)?, request)).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Fault::Failed("it sends far too slowly".to_owned())),
    }
}

/// What a run tells while it goes on.
pub(super) enum Progress {
    /// A piece was verified and written.
    Piece(u64),
    /// The rest will soon be here.
    Ending,
}

/// Gets a run of pieces; `tell` hears of each that was verified and written, and once when the end is near.
pub(super) async fn run(
    caller: Caller,
    way: Option<Endpoint>,
    fetch: Option<Fetch>,
    run: Run,
    tell: impl Fn(Progress),
) -> Result<(), Fault> {
    let fetch = opened(fetch)?;
    let (blob, size) = (fetch.digest(), fetch.size());
    let first = run.first * PIECE_BYTES;
    let last = ((run.first + run.count) * PIECE_BYTES).min(size) - 1;
    let (began, mut lead) = (Instant::now(), Lead::new(last + 1 - first));
    let mut stream = open_stream(&caller, way, BytesRequest { blob, first, last: Some(last) }, size).await?;
    let mut assembly = Assembly::default();
    for piece in run.first..run.first + run.count {
        // Others may have brought the rest meanwhile, or nobody wants it any more: then the line is needed for better.
        let goes_on = |came: usize| {
            if lead.becomes_due(came as u64, since(began)) {
                tell(Progress::Ending);
            }
            !fetch.has_ended() && !(piece..run.first + run.count).all(|piece| fetch.has(piece))
        };
        if !read_while(goes_on, &mut stream, &mut assembly, piece_bytes(size, piece)).await? {
            return Ok(());
        }
        let (fetch, bytes) = (fetch.clone(), std::mem::take(&mut assembly.piece));
        assembly.piece = in_store(&caller, move |_| fetch.take_piece(piece, bytes)).await?;
        tell(Progress::Piece(piece));
    }
    end(&mut stream, &assembly).await
}

/// Gets a blob of one piece and stores it.
pub(super) async fn whole(caller: Caller, way: Option<Endpoint>, blob: Digest, size: u64) -> Result<(), Fault> {
    let mut assembly = Assembly::default();
    if size > 0 {
        let request = BytesRequest { blob, first: 0, last: Some(size - 1) };
        let mut stream = open_stream(&caller, way, request, size).await?;
        read_while(|_| true, &mut stream, &mut assembly, piece_bytes(size, 0)).await?;
        end(&mut stream, &assembly).await?;
    }
    let bytes = assembly.piece;
    let now = (caller.clock)();
    in_store(&caller, move |store: &Store| {
        // Another source was faster, or nobody wants it any more.
        if !store.is_wanted(&blob)? {
            return Ok(());
        }
        let fetch = store.begin_fetch(&blob, size)?;
        let Err(error) = fetch.take_piece(0, bytes).and_then(|_| fetch.finish(now)) else { return Ok(()) };
        // If the want was dropped meanwhile, nothing of it shall stay behind.
        store.abandon_fetch(&fetch)?;
        if store.is_wanted(&blob)? { Err(error) } else { Ok(()) }
    })
    .await
}

async fn open_stream(
    caller: &Caller,
    way: Option<Endpoint>,
    request: BytesRequest,
    size: u64,
) -> Result<ByteStream, Fault> {
    let stream = caller.wire.bytes(&reached(way)?, request).await?;
    if stream.size() == size { Ok(stream) } else { Err(Fault::OtherSize { claimed: stream.size() }) }
}

/// Where a piece is put together from what comes. Memory is used again for the pieces of a run: what is new to the program
/// costs the system more than a copy.
#[derive(Default)]
struct Assembly {
    piece: Aligned,
    /// Bytes of the piece that are here.
    filled: usize,
    /// What came beyond the piece.
    rest: Bytes,
}

impl Assembly {
    /// Begins a piece of `count` bytes.
    fn begin(&mut self, count: usize) {
        if self.piece.len() != count {
            self.piece = Aligned::zeros(count);
        }
        self.filled = 0;
        self.fill();
    }

    /// Takes what of `rest` belongs to the piece.
    fn fill(&mut self) {
        let now = self.rest.split_to(self.rest.len().min(self.piece.len() - self.filled));
        self.piece[self.filled..self.filled + now.len()].copy_from_slice(&now);
        self.filled += now.len();
    }

    fn is_whole(&self) -> bool {
        self.filled == self.piece.len()
    }
}

/// Reads the next `count` bytes into the assembly's piece; `goes_on` hears how many came, and says whether more are needed.
async fn read_while(
    mut goes_on: impl FnMut(usize) -> bool,
    stream: &mut ByteStream,
    assembly: &mut Assembly,
    count: usize,
) -> Result<bool, Fault> {
    assembly.begin(count);
    let mut came = 0;
    while !assembly.is_whole() {
        if !goes_on(came) {
            return Ok(false);
        }
        assembly.rest = match stream.next().await? {
            Some(data) => data,
            None => return Err(Fault::Failed("it stopped in the middle".to_owned())),
        };
        came = assembly.rest.len();
        assembly.fill();
    }
    goes_on(came);
    Ok(true)
}

/// Reads to the end, so that the connection can be used again.
async fn end(stream: &mut ByteStream, assembly: &Assembly) -> Result<(), Fault> {
    match stream.next().await? {
        None if assembly.rest.is_empty() => Ok(()),
        _ => Err(Fault::Wrong("more bytes than it was asked for")),
    }
}

fn since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn reached(way: Option<Endpoint>) -> Result<Endpoint, Fault> {
    way.ok_or_else(|| Fault::Failed("it answers nowhere".to_owned()))
}

fn opened(fetch: Option<Fetch>) -> Result<Fetch, Fault> {
    fetch.ok_or_else(|| Fault::Failed("the fetch was closed".to_owned()))
}

async fn in_store<T: Send + 'static>(
    caller: &Caller,
    work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Fault> {
    caller.in_blocking(work).await.unwrap_or(Err(StoreError::Closing)).map_err(Fault::from)
}
