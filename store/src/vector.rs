//! Vectors: which events a node holds, in a few bytes a stream.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::SetDigest;
use crate::event::StreamId;
use crate::set_sum::SetSum;

/// What is held of one stream: all of 1..=last, and perhaps twins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StreamState {
    /// The last seq held; every one before it is held too.
    pub last: u64,
    /// Sum of the ids of all events held, twins included.
    pub sum: SetSum,
}

/// What is held of every stream.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Vector {
    /// Streams with at least one event.
    pub entries: BTreeMap<StreamId, StreamState>,
}

impl Vector {
    /// Equal vectors, equal digests.
    pub fn digest(&self) -> SetDigest {
        let bytes = postcard::to_stdvec(self).expect("plain data always serialises into memory");
        SetDigest::from_bytes(blake3::derive_key("ods vector v1", &bytes))
    }

    /// What is held of `stream`.
    pub fn stream(&self, stream: &StreamId) -> StreamState {
        self.entries.get(stream).copied().unwrap_or_default()
    }

    /// Whether a node with this vector needs the event at `seq` from one whose state of that stream is `mine`: it lies
    /// past its last, or both have as many and yet not the same ones, so that the whole stream is sent.
    pub(crate) fn lacks(&self, stream: &StreamId, seq: u64, mine: &StreamState) -> bool {
        let theirs = self.stream(stream);
        seq > theirs.last || (theirs.last == mine.last && theirs.sum != mine.sum)
    }
}
