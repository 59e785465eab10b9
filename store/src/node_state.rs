//! Node states: what a node says of itself, framed and signed like events ([`crate::frame`]) in the context
//! `ods state v1`, and handed on by all, so that every node knows how every other stands. Which are kept is `states.rs`;
//! what they prove about who has which bytes, `holding.rs`.
//!
//! Invariants:
//! - States of one node are ordered by (counter, id): whatever was rolled back or copied, everybody agrees on the newest.
//! - One state is one moment: vector, wants, policy and roster digest were read in the same transaction. Only so does
//!   "covers the event, and not among the wants" mean that the bytes are there.
//! - A list that was cut says so. What is not listed in a cut list is unknown.

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, NodeId, SetDigest, StateId};
use crate::event::StreamId;
use crate::frame::{self, FrameError, SIGNATURE_BYTES};
use crate::keys::{self, NodeKey};
use crate::limits::{
    NAME_BYTES_MAX, STATE_FRAME_BYTES_MAX, STATE_LINKS_MAX, STATE_STREAMS_MAX, STATE_TEXT_BYTES_MAX, STATE_TEXTS_MAX,
    STATE_WANTS_MAX,
};
use crate::lsn::Lsn;
use crate::set_sum::SetSum;
use crate::time::UnixMillis;
use crate::vector::StreamState;

/// The BLAKE3 context of state ids.
pub const STATE_CONTEXT: &str = "ods state v1";

const KIND_STATE: u8 = 1;

/// Whose state, and which of its states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateHeader {
    /// The node that says it.
    pub node: NodeId,
    /// More than that of any state that the node had met, of itself (without exception) or others. No clock is involved, and
    /// a node that was rolled back counts on from what its peers show it.
    pub counter: u64,
    /// The node's own clock; for display.
    pub at_ms: UnixMillis,
}

/// What a node keeps the bytes of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum StatePolicy {
    /// Every package.
    #[default]
    All,
    /// Packages that match a glob (`*` matches `/` too) or have a tag.
    Selected {
        /// Globs.
        paths: Vec<String>,
        /// Tags.
        tags: Vec<String>,
    },
    /// What is asked for.
    OnDemand {
        /// How many bytes at most.
        bytes_max: u64,
    },
}

/// What is held of one stream, in some 20 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamBrief {
    /// Names the stream: see [`StreamBrief::tag_of`].
    pub tag: [u8; 8],
    /// The last seq held.
    pub last: u64,
    /// The sum of the ids held, modulo 2⁶⁴: the low end of [`SetSum`].
    pub sum: u64,
}

/// A blob that a node lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantBrief {
    /// The blob.
    pub blob: Digest,
    /// Its size.
    pub size: u64,
    /// Bytes of it that are not there yet.
    pub missing: u64,
    /// How fast they come, in bytes a second; 0 while none do.
    pub rate: u64,
}

/// How a node sees one of its peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkBrief {
    /// The peer.
    pub node: NodeId,
    /// How the link stands.
    pub link: LinkState,
    /// The round trip of a small call, in milliseconds.
    pub rtt_ms: Option<u32>,
    /// How far the peer's clock is ahead of the node's, in milliseconds.
    pub clock_ahead_ms: Option<i64>,
    /// Events that the peer has and the node lacks, as far as is known.
    pub behind_events: u64,
}

/// How a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkState {
    /// The peer answers.
    Up,
    /// It is being reached for the first time.
    Connecting,
    /// It does not answer.
    Down,
    /// Nobody tries.
    Paused,
}

/// A node's state: the body of a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeState {
    /// Random, new at each start: tells a restart, or a second machine with the same key, apart.
    pub run: [u8; 16],
    /// When the node started, by its own clock.
    pub started_at: UnixMillis,
    /// Its name.
    pub name: String,
    /// Where it answers.
    pub urls: Vec<String>,
    /// Its version.
    pub version: String,
    /// What it keeps.
    pub policy: StatePolicy,
    /// Its log's id.
    pub log_id: [u8; 16],
    /// The last place in that log.
    pub head: Lsn,
    /// Events held.
    pub events: u64,
    /// Digest of its vector.
    pub vector: SetDigest,
    /// Digest of its roster.
    pub roster: SetDigest,
    /// Digest of its catalog.
    pub catalog: SetDigest,
    /// Its vector, in brief.
    pub streams: Vec<StreamBrief>,
    /// Whether `streams` has all of them.
    pub streams_complete: bool,
    /// Blobs that it lacks, the newest first.
    pub wants: Vec<WantBrief>,
    /// Whether `wants` has all of them.
    pub wants_complete: bool,
    /// How many blobs it lacks.
    pub want_count: u64,
    /// Bytes missing of them.
    pub want_bytes: u64,
    /// How fast bytes come in, in bytes a second.
    pub rate: u64,
    /// How it sees its peers.
    pub links: Vec<LinkBrief>,
    /// Blobs held.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Bytes free on its disk.
    pub free_bytes: u64,
}

/// A state as it travels and is stored. Nothing in it is trusted yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedState {
    /// The frame.
    pub frame: Vec<u8>,
    /// ed25519 over the state's id.
    #[serde(deserialize_with = "frame::signature")]
    pub signature: Vec<u8>,
}

/// A state whose framing, caps and signature are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Its name.
    pub id: StateId,
    /// Whose it is.
    pub header: StateHeader,
    /// What it says; `None` if that is of a kind that a later version knows. It is kept and handed on all the same.
    pub body: Option<NodeState>,
}

impl State {
    /// Its place among the states of its node: the greatest counts.
    pub fn rank(&self) -> (u64, StateId) {
        (self.header.counter, self.id)
    }
}

impl StreamBrief {
    /// A stream in brief.
    pub fn new(stream: &StreamId, state: &StreamState) -> Self {
        Self { tag: Self::tag_of(stream), last: state.last, sum: low_sum(&state.sum) }
    }

    /// The first 8 bytes of BLAKE3 (context `ods stream v1`) of origin ‖ epoch (little-endian).
    pub fn tag_of(stream: &StreamId) -> [u8; 8] {
        let name = [stream.origin.as_bytes().as_slice(), &stream.epoch.to_le_bytes()].concat();
        low8(&blake3::derive_key("ods stream v1", &name))
    }
}

/// The low 64 bits of a sum: adding ids and cutting can be done in either order.
pub(crate) fn low_sum(sum: &SetSum) -> u64 {
    u64::from_le_bytes(low8(sum.as_bytes()))
}

fn low8(bytes: &[u8; 32]) -> [u8; 8] {
    *bytes.first_chunk().expect("32 bytes begin with 8")
}

impl SignedState {
    /// Encodes and signs a state.
    pub fn mint(key: &NodeKey, header: &StateHeader, body: &NodeState) -> Self {
        let frame = frame::encode(KIND_STATE, header, body);
        let id = frame::id(STATE_CONTEXT, &frame);
        Self { frame, signature: key.sign(&id).to_vec() }
    }

    /// The reverse of [`Self::stored_bytes`].
    pub(crate) fn from_stored(bytes: &[u8]) -> Option<Self> {
        let (signature, frame) = bytes.split_at_checked(SIGNATURE_BYTES)?;
        Some(Self { frame: frame.to_vec(), signature: signature.to_vec() })
    }

    /// Bytes it takes in the table of states.
    pub(crate) fn stored_bytes(&self) -> Vec<u8> {
        [self.signature.as_slice(), self.frame.as_slice()].concat()
    }

    /// The state's name, whether or not the frame is any good.
    pub fn id(&self) -> StateId {
        StateId::from_bytes(frame::id(STATE_CONTEXT, &self.frame))
    }

    /// Checks framing, caps and signature.
    pub fn verify(&self) -> Result<State, FrameError> {
        let state = self.decode()?;
        keys::verify(&state.header.node, state.id.as_bytes(), &self.signature)?;
        Ok(state)
    }

    /// Decodes and checks caps, not the signature: for states verified before they were stored.
    pub fn decode(&self) -> Result<State, FrameError> {
        let parts = frame::decode_within::<StateHeader>(&self.frame, STATE_FRAME_BYTES_MAX)?;
        let body = match parts.kind {
            KIND_STATE => Some(check(frame::decode_body(parts.body)?)?),
            _ => None,
        };
        Ok(State { id: self.id(), header: parts.header, body })
    }
}

fn check(state: NodeState) -> Result<NodeState, FrameError> {
    frame::cap("streams", state.streams.len(), STATE_STREAMS_MAX)?;
    frame::cap("wants", state.wants.len(), STATE_WANTS_MAX)?;
    frame::cap("links", state.links.len(), STATE_LINKS_MAX)?;
    frame::cap("name", state.name.len(), NAME_BYTES_MAX)?;
    frame::cap("version", state.version.len(), NAME_BYTES_MAX)?;
    check_texts("urls", &state.urls)?;
    if let StatePolicy::Selected { paths, tags } = &state.policy {
        check_texts("globs", paths)?;
        check_texts("tags", tags)?;
    }
    Ok(state)
}

fn check_texts(what: &'static str, texts: &[String]) -> Result<(), FrameError> {
    frame::cap(what, texts.len(), STATE_TEXTS_MAX)?;
    texts.iter().try_for_each(|text| frame::cap(what, text.len(), STATE_TEXT_BYTES_MAX))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A state with nothing in it.
    pub(crate) fn blank() -> NodeState {
        NodeState {
            run: [1; 16],
            started_at: UnixMillis::new(1),
            name: "hq".to_owned(),
            urls: vec!["http://hq:8637".to_owned()],
            version: "1".to_owned(),
            policy: StatePolicy::All,
            log_id: [2; 16],
            head: Lsn::new(3),
            events: 0,
            vector: SetDigest::from_bytes([0; 32]),
            roster: SetDigest::from_bytes([0; 32]),
            catalog: SetDigest::from_bytes([0; 32]),
            streams: vec![],
            streams_complete: true,
            wants: vec![],
            wants_complete: true,
            want_count: 0,
            want_bytes: 0,
            rate: 0,
            links: vec![],
            blobs: 0,
            blob_bytes: 0,
            free_bytes: 0,
        }
    }

    fn signed(body: &NodeState) -> SignedState {
        let key = NodeKey::from_secret([9; 32]);
        let header = StateHeader { node: key.node_id(), counter: 7, at_ms: UnixMillis::new(5) };
        SignedState::mint(&key, &header, body)
    }

    #[test]
    fn a_state_survives_the_wire_and_any_flipped_bit_is_refused() {
        let signed = signed(&blank());
        let state = signed.verify().expect("a fresh state verifies");
        assert_eq!((state.header.counter, state.body), (7, Some(blank())));
        for bit in 0..signed.frame.len() * 8 {
            let mut bent = signed.clone();
            bent.frame[bit / 8] ^= 1 << (bit % 8);
            assert!(bent.verify().is_err(), "bit {bit} of the frame");
        }
    }

    #[test]
    fn lists_are_capped_and_a_full_state_fits() {
        let want = WantBrief { blob: Digest::of(b"x"), size: u64::MAX, missing: u64::MAX, rate: u64::MAX };
        let stream = StreamBrief { tag: [9; 8], last: u64::MAX, sum: u64::MAX };
        let link = LinkBrief {
            node: NodeId::from_bytes([4; 32]),
            link: LinkState::Up,
            rtt_ms: Some(u32::MAX),
            clock_ahead_ms: Some(i64::MIN),
            behind_events: u64::MAX,
        };
        let full = NodeState {
            wants: vec![want; STATE_WANTS_MAX],
            streams: vec![stream; STATE_STREAMS_MAX],
            links: vec![link; STATE_LINKS_MAX],
            urls: vec!["u".repeat(STATE_TEXT_BYTES_MAX); STATE_TEXTS_MAX],
            ..blank()
        };
        assert!(signed(&full).verify().is_ok(), "{} bytes", signed(&full).frame.len());
        let over = [
            NodeState { wants: vec![want; STATE_WANTS_MAX + 1], ..blank() },
            NodeState { streams: vec![stream; STATE_STREAMS_MAX + 1], ..blank() },
            NodeState { links: vec![link; STATE_LINKS_MAX + 1], ..blank() },
            NodeState { name: "n".repeat(NAME_BYTES_MAX + 1), ..blank() },
            NodeState { urls: vec!["u".repeat(STATE_TEXT_BYTES_MAX + 1)], ..blank() },
        ];
        for state in over {
            assert!(matches!(signed(&state).verify(), Err(FrameError::OverCap { .. })));
        }
    }

    #[test]
    fn a_later_kind_is_kept_without_being_understood() {
        let key = NodeKey::from_secret([9; 32]);
        let header = StateHeader { node: key.node_id(), counter: 1, at_ms: UnixMillis::new(5) };
        let frame = frame::encode(2, &header, &"something new");
        let signature = key.sign(&frame::id(STATE_CONTEXT, &frame)).to_vec();
        let state = SignedState { frame, signature }.verify().expect("the frame is right");
        assert_eq!((state.header, state.body), (header, None));
    }
}
