//! The typed values of the peer protocol, and their postcard bodies.
//!
//! A carrier moves these values: HTTP in production, a simulated network in tests. They are wire types: what the store
//! and the planner use is converted at this boundary. A changed body gets a new path; the old one is still served.
//!
//! Invariant: decoding allocates a few times as much as the body is long, and no more: nothing in a list is much larger in
//! memory than on the wire, because whatever has a signature has a whole one (`frame::signature` of the store refuses others
//! as it reads) and lists of texts are capped as they are read. Bodies themselves are capped by [`super::limits`].

use std::collections::BTreeMap;
use std::fmt;

use ods_store::{
    Digest, EventId, LogCursor, Lsn, NodeId, SetDigest, SetSum, SignedEvent, SignedState, SignedStatement, StatementId,
    StreamId, StreamState, UnixMillis, Vector,
};
use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::limits;

/// The calls of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    /// Redeem an invite.
    Pair,
    /// Compare digests; news may come along.
    Ping,
    /// Swap rosters.
    Roster,
    /// Swap node states.
    States,
    /// Events the caller lacks.
    Log,
    /// A blob's outline.
    Outline,
    /// Which of a blob's pieces are here.
    Pieces,
    /// A blob's bytes.
    Blob,
    /// Turn the connection round: a link.
    Link,
    /// The caller stops.
    Goodbye,
}

impl Call {
    /// All calls with a postcard body, which are `POST`s.
    pub(super) const POSTS: [Self; 6] = [Self::Pair, Self::Ping, Self::Roster, Self::States, Self::Log, Self::Goodbye];

    /// Whether it changes something at the callee, so that it must not be replayed.
    pub(super) const fn changes(self) -> bool {
        matches!(self, Self::Pair | Self::Ping | Self::Roster | Self::States | Self::Link | Self::Goodbye)
    }

    /// The cap on the question's body.
    pub(super) const fn body_bytes_max(self) -> usize {
        match self {
            Self::Pair => limits::PAIR_BODY_BYTES_MAX,
            Self::Ping => limits::PING_BODY_BYTES_MAX,
            Self::Roster => limits::ROSTER_BODY_BYTES_MAX,
            Self::States => limits::STATES_BODY_BYTES_MAX,
            Self::Log => limits::LOG_QUERY_BYTES_MAX,
            Self::Outline | Self::Pieces | Self::Blob | Self::Link | Self::Goodbye => 0,
        }
    }

    /// The cap on the answer's body, where it is read whole.
    pub(super) const fn answer_bytes_max(self) -> usize {
        match self {
            Self::Pair | Self::Roster => limits::ROSTER_BODY_BYTES_MAX,
            Self::Ping => limits::PING_BODY_BYTES_MAX,
            Self::States => limits::STATES_BODY_BYTES_MAX,
            Self::Log => limits::LOG_ANSWER_BYTES_MAX,
            Self::Outline => limits::OUTLINE_BYTES_MAX,
            Self::Pieces => limits::PIECE_MAP_BYTES_MAX,
            Self::Blob | Self::Link | Self::Goodbye => 0,
        }
    }
}

/// A question to a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// See [`PairRequest`].
    Pair(PairRequest),
    /// See [`Ping`].
    Ping(Ping),
    /// See [`RosterRequest`].
    Roster(RosterRequest),
    /// See [`StatesRequest`].
    States(StatesRequest),
    /// See [`LogRequest`].
    Log(LogRequest),
    /// The outline of this blob.
    Outline(Digest),
    /// See [`PiecesRequest`].
    Pieces(PiecesRequest),
    /// See [`BytesRequest`].
    Blob(BytesRequest),
    /// Take this connection as a link: from now on the callee asks its questions through it. For a caller that nobody
    /// can call.
    Link,
    /// The caller stops in good order: it can't be called from now on.
    Goodbye,
}

/// An answer that is one value. (Bytes of a blob are streamed beside it.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// To [`Request::Pair`].
    Pair(PairAnswer),
    /// To [`Request::Ping`]: how it stands here, after taking what came along.
    Ping(Summary),
    /// To [`Request::Roster`].
    Roster(RosterAnswer),
    /// To [`Request::States`].
    States(StatesAnswer),
    /// To [`Request::Log`].
    Log(LogAnswer),
    /// To [`Request::Outline`]: the pieces' chaining values; empty for a blob of one piece.
    Outline(Vec<[u8; 32]>),
    /// To [`Request::Pieces`].
    Pieces(PieceMap),
    /// To [`Request::Goodbye`]: it was heard.
    Goodbye,
}

/// How a node stands: enough to know whether there is anything to swap or pull.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Summary {
    /// Names the log that `head` counts in.
    pub(super) log_id: [u8; 16],
    /// The last entry of the log.
    pub(super) head: Lsn,
    /// Digest of the vector, with sums.
    pub(super) vector: SetDigest,
    /// Digest of the statements that it tells: those of its roster, and the Expels that wait there for events they name.
    pub(super) roster: SetDigest,
    /// Digest of the node states held.
    pub(super) states: SetDigest,
    /// Events held.
    pub(super) events: u64,
    /// Blobs wanted.
    pub(super) want_count: u64,
    /// Bytes they have.
    pub(super) want_bytes: u64,
}

/// A sign of life with news. A hint: a lost one costs time, never data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ping {
    /// How it stands at the caller.
    pub(super) summary: Summary,
    /// New events, in log order; those that fit are taken, the others are pulled later.
    pub(super) events: Vec<SignedEvent>,
}

/// Which statements does the callee hold that the caller doesn't?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RosterRequest {
    /// Statements that the callee lacks, or may lack, in an order in which it can take them.
    pub(super) statements: Vec<SignedStatement>,
    /// Digest of what the caller tells.
    pub(super) digest: SetDigest,
    /// What the caller needs no telling of; without it, it is told nothing.
    pub(super) held: Option<Vec<StatementId>>,
}

/// What the callee tells, after taking what came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RosterAnswer {
    /// A page of the statements that the caller lacks, in such an order.
    pub(super) statements: Vec<SignedStatement>,
    /// Digest of what the callee tells.
    pub(super) digest: SetDigest,
    /// What the caller holds and the callee lacks.
    pub(super) lacking: Vec<StatementId>,
}

/// The start of a node's id, enough to find a member by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct ShortNode([u8; 12]);

impl ShortNode {
    /// The start of this id.
    pub(super) fn of(node: &NodeId) -> Self {
        Self(*node.as_bytes().first_chunk().expect("32 bytes begin with 12"))
    }
}

/// Which state of a node is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StateEntry {
    /// Whose.
    pub(super) node: ShortNode,
    /// Its counter.
    pub(super) counter: u64,
    /// The start of its id, which tells two with one counter apart.
    pub(super) tag: [u8; 4],
}

/// Which node states do we hold that the other doesn't?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StatesRequest {
    /// The caller's clock.
    pub(super) clock: UnixMillis,
    /// Digest of the states that the caller holds.
    pub(super) digest: SetDigest,
    /// Which they are; without it only digests and clocks are compared.
    pub(super) index: Option<Vec<StateEntry>>,
    /// States that the callee probably lacks.
    pub(super) fresh: Vec<SignedState>,
}

/// What the callee holds, after taking what came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StatesAnswer {
    /// The callee's clock.
    pub(super) clock: UnixMillis,
    /// Digest of the states that the callee holds.
    pub(super) digest: SetDigest,
    /// States that the caller lacks.
    pub(super) newer: Vec<SignedState>,
    /// Whose states the callee lacks.
    pub(super) lacking: Vec<ShortNode>,
}

/// A place in the callee's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    log_id: [u8; 16],
    lsn: Lsn,
    event: EventId,
}

/// One stream of a vector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StreamEntry {
    stream: StreamId,
    last: u64,
    sum: SetSum,
}

/// Which events does the callee have that the caller lacks?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogRequest {
    /// Where the caller got to in the callee's log; without it the vector alone decides.
    pub(super) cursor: Option<Cursor>,
    /// What the caller holds.
    pub(super) vector: Vec<StreamEntry>,
}

/// Some events, in the callee's log order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogAnswer {
    /// The events with their places.
    pub(super) items: Vec<(Lsn, SignedEvent)>,
    /// The last place examined.
    pub(super) cursor: Cursor,
    /// Whether there are more after it.
    pub(super) more: bool,
    /// How it stands at the callee.
    pub(super) summary: Summary,
}

/// Which pieces of a blob are at the callee?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PiecesRequest {
    /// The blob.
    pub(super) blob: Digest,
    /// How many pieces the caller knows to be there.
    pub(super) seen: u64,
    /// How long the callee may wait for more than these, in milliseconds; 0: not at all.
    pub(super) wait_ms: u32,
}

/// Which pieces of a blob are here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PieceMap {
    /// None, and the blob is not being fetched.
    Absent,
    /// Some, for the size that this node takes the blob to have.
    Some {
        /// The size.
        size: u64,
        /// A bit for each piece, the lowest bit of the first byte first.
        bits: Vec<u8>,
    },
    /// All of them.
    All {
        /// The size.
        size: u64,
    },
}

/// Bytes of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BytesRequest {
    /// The blob.
    pub(super) blob: Digest,
    /// The first byte.
    pub(super) first: u64,
    /// The last byte; `None`: to the end.
    pub(super) last: Option<u64>,
}

/// The two steps of redeeming an invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PairRequest {
    /// Ask for the inviter's nonce.
    Open {
        /// Which invite.
        invite: [u8; 16],
        /// The joiner's nonce.
        joiner_nonce: [u8; 32],
    },
    /// Redeem.
    Redeem(Box<Redemption>),
}

/// The joiner's side of an agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Redemption {
    /// Which invite.
    pub(super) invite: [u8; 16],
    /// The joiner's nonce.
    pub(super) joiner_nonce: [u8; 32],
    /// The inviter's.
    pub(super) inviter_nonce: [u8; 32],
    /// Proof of the secret.
    pub(super) mac: [u8; 32],
    /// Who the joiner is and where.
    pub(super) contact: Contact,
    /// The joiner's root.
    pub(super) root: NodeId,
    /// Whether the joiner has published or removed anything.
    pub(super) has_events: bool,
    /// The first page of the joiner's roster, by whose first statements it stands there as it does; empty while it is alone. In a merge it
    /// includes its `Admit` of the inviter's root.
    pub(super) statements: Vec<SignedStatement>,
}

/// What peers remember of each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contact {
    /// For people.
    pub(super) name: String,
    /// Where it may be reached.
    #[serde(deserialize_with = "few_texts")]
    pub(super) urls: Vec<String>,
    /// SHA-256 of its certificate (DER), if it is self-signed.
    pub(super) tls_pin: Option<[u8; 32]>,
}

/// The inviter's side of an agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PairAnswer {
    /// The invite is there.
    Opened {
        /// The inviter's nonce.
        inviter_nonce: [u8; 32],
    },
    /// The nodes are linked, and the joiner is admitted unless it was before.
    Redeemed {
        /// Proof of the secret.
        mac: [u8; 32],
        /// Who the inviter is and where.
        contact: Contact,
        /// A page of the inviter's roster, by whose first statements it and the joiner stand there as they do; the rest is swapped later.
        statements: Vec<SignedStatement>,
    },
}

/// A body does not decode, or holds more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {what} is malformed or too large")]
pub(super) struct BadBody {
    /// Which part.
    pub(super) what: &'static str,
}

impl Request {
    /// Which call it is.
    pub(super) const fn call(&self) -> Call {
        match self {
            Self::Pair(_) => Call::Pair,
            Self::Ping(_) => Call::Ping,
            Self::Roster(_) => Call::Roster,
            Self::States(_) => Call::States,
            Self::Log(_) => Call::Log,
            Self::Outline(_) => Call::Outline,
            Self::Pieces(_) => Call::Pieces,
            Self::Blob(_) => Call::Blob,
            Self::Link => Call::Link,
            Self::Goodbye => Call::Goodbye,
        }
    }

    /// The body of a call in [`Call::POSTS`]; empty for the others, which are all in their url, and for a goodbye.
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Pair(value) => encode(value),
            Self::Ping(value) => encode(value),
            Self::Roster(value) => encode(value),
            Self::States(value) => encode(value),
            Self::Log(value) => encode(value),
            Self::Outline(_) | Self::Pieces(_) | Self::Blob(_) | Self::Link | Self::Goodbye => Vec::new(),
        }
    }

    /// Reads the body of a call in [`Call::POSTS`].
    pub(super) fn decode(call: Call, body: &[u8]) -> Result<Self, BadBody> {
        match call {
            Call::Pair => decode("pairing", body).and_then(check_pair).map(Self::Pair),
            Call::Ping => decode("ping", body).map(Self::Ping),
            Call::Roster => decode("roster", body).map(Self::Roster),
            Call::States => decode("states", body).map(Self::States),
            Call::Log => decode("log request", body).map(Self::Log),
            Call::Goodbye => decode("goodbye", body).map(|()| Self::Goodbye),
            Call::Outline | Call::Pieces | Call::Blob | Call::Link => Err(BadBody { what: "method" }),
        }
    }
}

impl Answer {
    /// The answer's body.
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Pair(value) => encode(value),
            Self::Ping(value) => encode(value),
            Self::Roster(value) => encode(value),
            Self::States(value) => encode(value),
            Self::Log(value) => encode(value),
            Self::Outline(value) => encode(value),
            Self::Pieces(value) => encode(value),
            Self::Goodbye => Vec::new(),
        }
    }

    /// Reads the answer to `call`.
    pub(super) fn decode(call: Call, body: &[u8]) -> Result<Self, BadBody> {
        match call {
            Call::Pair => decode("pairing answer", body).and_then(check_pair_answer).map(Self::Pair),
            Call::Ping => decode("ping answer", body).map(Self::Ping),
            Call::Roster => decode("roster", body).map(Self::Roster),
            Call::States => decode("states", body).map(Self::States),
            Call::Log => decode("log page", body).map(Self::Log),
            Call::Outline => decode("outline", body).map(Self::Outline),
            Call::Pieces => decode("piece map", body).map(Self::Pieces),
            Call::Goodbye => decode("goodbye answer", body).map(|()| Self::Goodbye),
            Call::Blob | Call::Link => Err(BadBody { what: "answer" }),
        }
    }
}

impl LogRequest {
    /// The question of a node that holds `vector` and got to `cursor`. It stays within what a callee reads, whatever anybody
    /// mints: of too many streams those are left out whose origins have the most. They are then sent although they are held,
    /// unless the cursor has passed them, which costs time and nothing else.
    pub(super) fn new(cursor: Option<LogCursor>, vector: &Vector) -> Self {
        let entry = |(stream, state): (&StreamId, &StreamState)| StreamEntry {
            stream: *stream,
            last: state.last,
            sum: state.sum,
        };
        let mut entries: Vec<StreamEntry> = vector.entries.iter().map(entry).collect();
        if entries.len() > limits::LOG_QUERY_STREAMS_MAX {
            let mut streams: BTreeMap<NodeId, usize> = BTreeMap::new();
            for entry in &entries {
                *streams.entry(entry.stream.origin).or_default() += 1;
            }
            entries.sort_by_key(|entry| (streams.get(&entry.stream.origin).copied(), entry.stream));
            entries.truncate(limits::LOG_QUERY_STREAMS_MAX);
        }
        Self { cursor: cursor.map(Cursor::from), vector: entries }
    }

    /// Where the caller got to.
    pub(super) fn cursor(&self) -> Option<LogCursor> {
        self.cursor.clone().map(LogCursor::from)
    }

    /// What the caller holds, as the store knows it.
    pub(super) fn vector(&self) -> Vector {
        let state = |entry: &StreamEntry| (entry.stream, StreamState { last: entry.last, sum: entry.sum });
        Vector { entries: self.vector.iter().map(state).collect() }
    }
}

impl From<LogCursor> for Cursor {
    fn from(cursor: LogCursor) -> Self {
        Self { log_id: cursor.log_id, lsn: cursor.lsn, event: cursor.event }
    }
}

impl From<Cursor> for LogCursor {
    fn from(cursor: Cursor) -> Self {
        Self { log_id: cursor.log_id, lsn: cursor.lsn, event: cursor.event }
    }
}

/// Reads a list of texts, and no further than [`limits::URLS_MAX`] of them.
fn few_texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {} texts", limits::URLS_MAX)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = items.next_element()? {
                if texts.len() == limits::URLS_MAX {
                    return Err(A::Error::invalid_length(texts.len() + 1, &self));
                }
                texts.push(text);
            }
            Ok(texts)
        }
    }
    from.deserialize_seq(Few)
}

fn check_pair(request: PairRequest) -> Result<PairRequest, BadBody> {
    if let PairRequest::Redeem(redemption) = &request {
        check_contact(&redemption.contact)?;
    }
    Ok(request)
}

fn check_pair_answer(answer: PairAnswer) -> Result<PairAnswer, BadBody> {
    if let PairAnswer::Redeemed { contact, .. } = &answer {
        check_contact(contact)?;
    }
    Ok(answer)
}

fn check_contact(contact: &Contact) -> Result<(), BadBody> {
    let fits = |text: &String| text.len() <= limits::TEXT_BYTES_MAX && !text.chars().any(char::is_control);
    if fits(&contact.name) && contact.urls.iter().all(fits) { Ok(()) } else { Err(BadBody { what: "contact" }) }
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain data always serialises into memory")
}

/// Bytes after the value are refused: what a later version adds comes under a new path.
fn decode<T: DeserializeOwned>(what: &'static str, body: &[u8]) -> Result<T, BadBody> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        _ => Err(BadBody { what }),
    }
}

#[cfg(test)]
mod tests;
