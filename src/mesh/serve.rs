//! Serving peers: one synchronous function from a question to an answer. Every carrier calls it; none adds to it.
//!
//! Invariants: only members are served; a node that is none yet may pair, or show in a roster swap that it was admitted.
//! Nothing is taken from one that isn't: not even the roster of an expelled owner, whose key may be stolen by now. In a
//! roster swap such a node gets what its own standing follows from, so that it learns that it is out. One whose Expel waits
//! here for the events it names is expelled for all this. (If this node pulls from it, one page that brings all that is lacking of these
//! is taken.)
//! Nothing here waits: where there is no news yet the answer is [`Reply::Wait`], and the carrier asks again.

use std::net::IpAddr;

use ods_store::{
    BlobReader, Digest, EventBatch, Fetch, LogQuery, NodeId, PIECE_BYTES, PieceSet, Store, StoreError, UnixMillis,
    piece_count,
};

use super::limits::PING_EVENTS_BYTES_MAX;
use super::nonce::Standing;
use super::offences::BAD_EVENT;
use super::pair;
use super::protocol::{
    Answer, BytesRequest, Call, Contact, LogAnswer, LogRequest, PieceMap, PiecesRequest, Ping, Request, Summary,
};
use super::roster_exchange::swap_rosters;
use super::states_exchange::swap_states;

/// This node, as peers meet it.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Its store.
    pub(super) store: Store,
    /// Where it answers if no urls are configured.
    pub(super) fallback_urls: Vec<String>,
    /// SHA-256 of its certificate (DER), if it is self-signed.
    pub(super) tls_pin: Option<[u8; 32]>,
}

/// What a question leads to.
#[derive(Debug)]
pub(super) enum Reply {
    /// A value.
    Answer(Answer),
    /// A value, to a question of which a part was wrong as no honest node's is: the code of that.
    Despite(Answer, &'static str),
    /// No news yet: ask again soon, or without waiting.
    Wait,
    /// Bytes, to be read in parts.
    Bytes(BlobBytes),
    /// The caller's connection is taken as a link.
    Link,
}

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// Nobody admitted the caller.
    #[error("this node does not know the caller: no statement of its roster admits it")]
    NotAMember,
    /// The caller was expelled.
    #[error("the caller was expelled from this mesh; to take part again it needs a new key and a new invite")]
    Expelled,
    /// A node can't pair with itself.
    #[error("a node can't pair with itself")]
    OwnInvite,
    /// No such invite, or the proof of its secret is wrong.
    #[error("this node has no such invite")]
    InviteUnknown,
    /// Another node used the invite.
    #[error("the invite was used by another node")]
    InviteUsed,
    /// The invite's time is over.
    #[error("the invite has expired by this node's clock")]
    InviteExpired,
    /// The caller is admitted by nobody, and this node is no owner.
    #[error("this node is not an owner of its mesh, so its invites only link nodes that an owner admitted")]
    NotAnOwner,
    /// A node with events can't become a replica.
    #[error("a node that has published can't join as replica")]
    ReplicaHasEvents,
    /// A merge needs an owner on both sides, and an owner's invite.
    #[error("two meshes merge only by an owner of each, with an invite for the role owner")]
    MergeNeedsOwner,
    /// This node may be admitted elsewhere, and doesn't know yet.
    #[error("this node is still joining a mesh itself")]
    StillJoining,
    /// No link with the caller is wanted here.
    #[error("the caller is none of this node's peers, or replication with it is paused, so no link of it is needed")]
    NotAPeer,
    /// Nothing of the blob is here.
    #[error("this node does not hold the blob")]
    BlobAbsent,
    /// Some of the bytes asked for are not here.
    #[error("this node does not hold all of these bytes")]
    BytesAbsent,
    /// The range lies outside the blob.
    #[error("the range is not within the {size} bytes of the blob")]
    BadRange {
        /// The blob's size.
        size: u64,
    },
    /// The question makes no sense.
    #[error("the {what} can't be taken")]
    Malformed {
        /// Which part.
        what: &'static str,
    },
    /// This node's store failed.
    #[error("this node's store failed")]
    Store(#[source] StoreError),
}

impl Refusal {
    /// Its stable code.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::NotAMember => "not_a_member",
            Self::Expelled => "expelled",
            Self::OwnInvite => "invite_own",
            Self::InviteUnknown => "invite_unknown",
            Self::InviteUsed => "invite_used",
            Self::InviteExpired => "invite_expired",
            Self::NotAnOwner => "not_an_owner",
            Self::ReplicaHasEvents => "replica_has_events",
            Self::MergeNeedsOwner => "merge_needs_owner",
            Self::StillJoining => "still_joining",
            Self::NotAPeer => "not_a_peer",
            Self::BlobAbsent => "blob_absent",
            Self::BytesAbsent => "bytes_absent",
            Self::BadRange { .. } => "bad_range",
            Self::Malformed { .. } => "malformed",
            Self::Store(_) => "internal",
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::InviteUsed => Self::InviteUsed,
            StoreError::InviteExpired => Self::InviteExpired,
            StoreError::NoSuchInvite => Self::InviteUnknown,
            StoreError::NotAnOwner => Self::NotAnOwner,
            StoreError::StillJoining => Self::StillJoining,
            StoreError::Frame(_) => Self::Malformed { what: "statement" },
            other => Self::Store(other),
        }
    }
}

/// Whether `caller` may make this call at all; before anything else of the call is looked at.
pub(super) fn may_call(store: &Store, caller: &NodeId, call: Call) -> Result<Standing, Refusal> {
    let expelled = store.is_put_out(caller);
    if !expelled && store.roster().is_member(caller) {
        return Ok(Standing::Member);
    }
    match call {
        Call::Roster => Ok(Standing::Stranger),
        _ if expelled => Err(Refusal::Expelled),
        Call::Pair => Ok(Standing::Stranger),
        Call::Ping
        | Call::States
        | Call::Log
        | Call::Outline
        | Call::Pieces
        | Call::Blob
        | Call::Link
        | Call::Goodbye => Err(Refusal::NotAMember),
    }
}

/// Answers a question of `caller`, whose identity the carrier has proved, and who called from `address`.
pub(super) fn serve(
    node: &Node,
    (caller, address): (&NodeId, Option<IpAddr>),
    request: Request,
    now: UnixMillis,
) -> Result<Reply, Refusal> {
    let store = &node.store;
    let standing = may_call(store, caller, request.call())?;
    let answer = match request {
        Request::Pair(request) => Answer::Pair(pair::serve(node, (caller, address), request, now)?),
        Request::Ping(ping) => return take_ping(store, ping, now),
        Request::Roster(request) => Answer::Roster(swap_rosters(store, caller, request, standing, now)?),
        Request::States(request) => Answer::States(swap_states(store, request, now)?),
        Request::Log(request) => Answer::Log(log_page(store, &request)?),
        Request::Outline(blob) => Answer::Outline(outline(store, &blob, now)?),
        Request::Pieces(request) => return pieces(store, caller, &request, now),
        Request::Blob(request) => return BlobBytes::open(store, &request, now).map(Reply::Bytes),
        Request::Goodbye => Answer::Goodbye,
        Request::Link => {
            let peer = store.peer(caller)?.filter(|row| !row.paused);
            return peer.map(|_| Reply::Link).ok_or(Refusal::NotAPeer);
        }
    };
    Ok(Reply::Answer(answer))
}

impl Node {
    /// What peers shall remember of this node.
    pub(super) fn contact(&self) -> Result<Contact, StoreError> {
        let overview = self.store.overview()?;
        let urls = if overview.urls.is_empty() { self.fallback_urls.clone() } else { overview.urls };
        Ok(Contact { name: overview.name, urls, tls_pin: self.tls_pin })
    }
}

/// How it stands here.
pub(super) fn summary(store: &Store) -> Result<Summary, StoreError> {
    let overview = store.overview()?;
    Ok(Summary {
        log_id: overview.log_id,
        head: overview.head,
        vector: overview.vector.digest(),
        roster: store.told_digest()?,
        states: store.states_digest()?,
        events: overview.log_events,
        want_count: overview.wants.count,
        want_bytes: overview.wants.bytes,
    })
}

fn take_ping(store: &Store, ping: Ping, now: UnixMillis) -> Result<Reply, Refusal> {
    let bytes: usize = ping.events.iter().map(|event| event.frame.len() + event.signature.len()).sum();
    if bytes > PING_EVENTS_BYTES_MAX {
        return Err(Refusal::Malformed { what: "ping: its events are too large" });
    }
    let mut refused = None;
    if !ping.events.is_empty() {
        // What doesn't fit is pulled later, so a refused event is no error of the ping.
        refused = store.insert_events(EventBatch { events: ping.events, pull: None, backfill: false }, now)?.refused;
    }
    let answer = Answer::Ping(summary(store)?);
    let is_wrong = refused.is_some_and(|refusal| refusal.reason.is_offence());
    Ok(if is_wrong { Reply::Despite(answer, BAD_EVENT) } else { Reply::Answer(answer) })
}

/// The summary is taken before the page: what it tells of is in the page or was in an earlier one.
fn log_page(store: &Store, request: &LogRequest) -> Result<LogAnswer, Refusal> {
    let summary = summary(store)?;
    let page = store.log_page(&LogQuery { cursor: request.cursor(), vector: request.vector() })?;
    Ok(LogAnswer { items: page.items, cursor: page.cursor.into(), more: page.more, summary })
}

fn outline(store: &Store, blob: &Digest, now: UnixMillis) -> Result<Vec<[u8; 32]>, Refusal> {
    if let Some(reader) = store.open_blob(blob, now)? {
        return Ok(reader.outline().to_vec());
    }
    let fetch = store.fetch_in_progress(blob).ok_or(Refusal::BlobAbsent)?;
    fetch.outline().map(<[_]>::to_vec).ok_or(Refusal::BlobAbsent)
}

/// What is here of a blob. A caller that may be kept waiting is, while there is no more than it knows of and more may come.
fn pieces(store: &Store, caller: &NodeId, request: &PiecesRequest, now: UnixMillis) -> Result<Reply, Refusal> {
    if let Some(reader) = store.open_blob(&request.blob, now)? {
        store.peer_gets(caller, &request.blob, now)?;
        return Ok(Reply::Answer(Answer::Pieces(PieceMap::All { size: reader.size() })));
    }
    let here = match store.fetch_in_progress(&request.blob) {
        Some(fetch) if fetch.outline_known() => Some((fetch.size(), fetch.have())),
        _ => store.want(&request.blob)?.map(|want| (want.size, PieceSet::none(piece_count(want.size)))),
    };
    let Some((size, have)) = here else {
        store.peer_lacks(caller, &request.blob, now)?;
        return Ok(Reply::Answer(Answer::Pieces(PieceMap::Absent)));
    };
    store.peer_gets(caller, &request.blob, now)?;
    if request.wait_ms > 0 && have.len() <= request.seen {
        return Ok(Reply::Wait);
    }
    Ok(Reply::Answer(Answer::Pieces(PieceMap::Some { size, bits: have.bits().to_vec() })))
}

#[derive(Debug, Clone)]
enum Source {
    Whole(BlobReader),
    Partial(Fetch),
}

/// Bytes of a blob that are here.
#[derive(Debug, Clone)]
pub(super) struct BlobBytes {
    source: Source,
    size: u64,
    first: u64,
    end: u64,
}

impl BlobBytes {
    fn open(store: &Store, request: &BytesRequest, now: UnixMillis) -> Result<Self, Refusal> {
        let (source, size) = match store.open_blob(&request.blob, now)? {
            Some(reader) => (Source::Whole(reader.clone()), reader.size()),
            None => {
                let fetch = store.fetch_in_progress(&request.blob).ok_or(Refusal::BlobAbsent)?;
                (Source::Partial(fetch.clone()), fetch.size())
            }
        };
        let end = request.last.map_or(size, |last| last.saturating_add(1).min(size));
        if request.first >= end {
            return Err(Refusal::BadRange { size });
        }
        let here = match &source {
            Source::Whole(_) => true,
            Source::Partial(fetch) => {
                let have = fetch.have();
                (request.first / PIECE_BYTES..=(end - 1) / PIECE_BYTES).all(|piece| have.contains(piece))
            }
        };
        if here { Ok(Self { source, size, first: request.first, end }) } else { Err(Refusal::BytesAbsent) }
    }

    /// The blob, if all of it is here.
    pub(super) const fn whole(&self) -> Option<&BlobReader> {
        match &self.source {
            Source::Whole(reader) => Some(reader),
            Source::Partial(_) => None,
        }
    }

    /// Which blob.
    pub(super) fn blob(&self) -> Digest {
        match &self.source {
            Source::Whole(reader) => reader.digest(),
            Source::Partial(fetch) => fetch.digest(),
        }
    }

    /// The blob's size.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// The first byte.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// The byte after the last.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Reads the next part, up to the end of its piece, and moves on; empty at the end.
    pub(super) fn read_next(&mut self, now: UnixMillis) -> Result<Vec<u8>, StoreError> {
        let until = self.end.min((self.first / PIECE_BYTES + 1) * PIECE_BYTES);
        let bytes = usize::try_from(until - self.first).expect("a piece is 1 MiB at most");
        if bytes == 0 {
            return Ok(Vec::new());
        }
        let part = match &self.source {
            Source::Whole(reader) => reader.read(self.first, bytes, now)?,
            Source::Partial(fetch) => {
                let part = fetch.read(self.first, bytes)?;
                part.ok_or(StoreError::BytesNotHeld { blob: fetch.digest() })?
            }
        };
        self.first = until;
        Ok(part)
    }
}
