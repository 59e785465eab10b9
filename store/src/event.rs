//! Events: what a node said about a package, signed, for every node to hold.
//!
//! The encoding is in [`crate::frame`]; the meaning (streams, twins, heads) in `store/README.md`. Here: the types, their
//! codec, minting and checking. Not here: whether an event takes effect (`roster.rs`, `heads.rs`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, EventId, NodeId, Sha256};
use crate::frame::{self, FrameError, SIGNATURE_BYTES};
use crate::keys::{self, NodeKey};
use crate::limits::{
    BLOB_BYTES_MAX, BY_BYTES_MAX, META_ENTRIES_MAX, META_KEY_BYTES_MAX, META_VALUE_BYTES_MAX, PATH_BYTES_MAX,
    REPLACES_MAX,
};
use crate::time::UnixMillis;

/// The BLAKE3 context of event ids.
pub const EVENT_CONTEXT: &str = "ods event v1";

const KIND_PUBLISH: u8 = 1;
const KIND_REMOVE: u8 = 2;

/// One origin's events of one epoch: dense from seq 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId {
    /// Who mints them.
    pub origin: NodeId,
    /// Random; a new one after every roll-back or restore, so that reused numbers are harmless.
    pub epoch: u64,
}

/// What every event says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The stream it belongs to. (Encodes as origin, epoch.)
    pub stream: StreamId,
    /// Its number there, from 1.
    pub seq: u64,
    /// The stream's event before it; [`EventId::ZERO`] at 1.
    pub prev: EventId,
    /// The origin's own clock.
    pub at_ms: UnixMillis,
    /// Who did it: the name of a token, user or watch.
    pub by: String,
}

/// Known meta: `title version identifier notes tags priority`; unknown keys are kept and relayed.
pub type Meta = BTreeMap<String, String>;

/// Bytes became the current revision of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// The package's path, as its author wrote it.
    pub path: String,
    /// The bytes.
    pub blob: Digest,
    /// How many there are.
    pub size: u64,
    /// Their SHA-256.
    pub sha256: Sha256,
    /// `Last-Modified` for clients, unix seconds; changes only with the bytes.
    pub modified: u64,
    /// Title, version, tags and so on.
    pub meta: Meta,
    /// The path's heads that the author saw.
    pub replaces: Vec<EventId>,
}

/// A path has no current revision any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remove {
    /// The package's path.
    pub path: String,
    /// The path's heads that the author saw.
    pub replaces: Vec<EventId>,
}

/// What an event says beyond its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// See [`Publish`].
    Publish(Publish),
    /// See [`Remove`].
    Remove(Remove),
    /// A kind of a later version: kept, relayed, folded after an upgrade.
    Unknown {
        /// The kind byte.
        kind: u8,
    },
}

impl Body {
    /// The path it is about, if this version can tell.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Publish(publish) => Some(&publish.path),
            Self::Remove(remove) => Some(&remove.path),
            Self::Unknown { .. } => None,
        }
    }

    /// The heads it replaces.
    pub fn replaces(&self) -> &[EventId] {
        match self {
            Self::Publish(publish) => &publish.replaces,
            Self::Remove(remove) => &remove.replaces,
            Self::Unknown { .. } => &[],
        }
    }
}

/// An event as it travels and is stored: the frame's exact bytes and the signature. Nothing in it is trusted yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedEvent {
    /// The frame.
    pub frame: Vec<u8>,
    /// ed25519 over the event's id; [`SIGNATURE_BYTES`] long, or the event is refused.
    #[serde(deserialize_with = "frame::signature")]
    pub signature: Vec<u8>,
}

/// An event whose framing and caps are right. Its signature has been checked, by [`SignedEvent::verify`] or before it
/// was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name.
    pub id: EventId,
    /// What every event says.
    pub header: Header,
    /// What this one says.
    pub body: Body,
}

impl SignedEvent {
    /// The event's name, whether or not the frame is any good.
    pub fn id(&self) -> EventId {
        EventId::from_bytes(frame::id(EVENT_CONTEXT, &self.frame))
    }

    /// Checks framing, caps and signature (about 60 µs, nearly all of it the signature).
    pub fn verify(&self) -> Result<Event, FrameError> {
        self.verify_as(Event::decode(&self.frame)?)
    }

    /// Checks the signature of what was decoded from this frame already.
    pub(crate) fn verify_as(&self, event: Event) -> Result<Event, FrameError> {
        keys::verify(&event.header.stream.origin, event.id.as_bytes(), &self.signature)?;
        Ok(event)
    }

    /// Bytes it takes in the log.
    pub(crate) fn stored_bytes(&self) -> Vec<u8> {
        [self.signature.as_slice(), self.frame.as_slice()].concat()
    }

    /// The reverse of [`Self::stored_bytes`].
    pub(crate) fn from_stored(bytes: &[u8]) -> Option<Self> {
        let (signature, frame) = bytes.split_at_checked(SIGNATURE_BYTES)?;
        Some(Self { frame: frame.to_vec(), signature: signature.to_vec() })
    }
}

impl Event {
    /// Encodes and signs a new event. The caller has checked names and values (`publish.rs`).
    pub(crate) fn mint(key: &NodeKey, header: &Header, body: &Body) -> SignedEvent {
        debug_assert_eq!(header.stream.origin, key.node_id(), "a node mints its own events only");
        let frame = match body {
            Body::Publish(publish) => frame::encode(KIND_PUBLISH, header, publish),
            Body::Remove(remove) => frame::encode(KIND_REMOVE, header, remove),
            Body::Unknown { kind } => frame::encode(*kind, header, &()),
        };
        let id = frame::id(EVENT_CONTEXT, &frame);
        SignedEvent { frame, signature: key.sign(&id).to_vec() }
    }

    /// Decodes a frame and checks its caps, not its signature.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let parts = frame::decode::<Header>(bytes)?;
        frame::cap("by", parts.header.by.len(), BY_BYTES_MAX)?;
        if parts.header.seq == 0 {
            return Err(FrameError::BadHeader);
        }
        let body = match parts.kind {
            KIND_PUBLISH => Body::Publish(check_publish(frame::decode_body(parts.body)?)?),
            KIND_REMOVE => Body::Remove(check_remove(frame::decode_body(parts.body)?)?),
            kind => Body::Unknown { kind },
        };
        let id = EventId::from_bytes(frame::id(EVENT_CONTEXT, bytes));
        Ok(Self { id, header: parts.header, body })
    }
}

fn check_publish(publish: Publish) -> Result<Publish, FrameError> {
    frame::cap("path", publish.path.len(), PATH_BYTES_MAX)?;
    frame::cap("replaces", publish.replaces.len(), REPLACES_MAX)?;
    frame::cap("meta", publish.meta.len(), META_ENTRIES_MAX)?;
    for (key, value) in &publish.meta {
        frame::cap("meta key", key.len(), META_KEY_BYTES_MAX)?;
        frame::cap("meta value", value.len(), META_VALUE_BYTES_MAX)?;
    }
    if publish.size > BLOB_BYTES_MAX {
        return Err(FrameError::BadBody);
    }
    Ok(publish)
}

fn check_remove(remove: Remove) -> Result<Remove, FrameError> {
    frame::cap("path", remove.path.len(), PATH_BYTES_MAX)?;
    frame::cap("replaces", remove.replaces.len(), REPLACES_MAX)?;
    Ok(remove)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> NodeKey {
        NodeKey::from_secret([7; 32])
    }

    fn header() -> Header {
        Header {
            stream: StreamId { origin: key().node_id(), epoch: 42 },
            seq: 1,
            prev: EventId::ZERO,
            at_ms: UnixMillis::new(1_700_000_000_123),
            by: "token ci".to_owned(),
        }
    }

    fn publish() -> Publish {
        Publish {
            path: "mac/Firefox-142.pkg".to_owned(),
            blob: Digest::of(b"x"),
            size: 1,
            sha256: Sha256::from_bytes([3; 32]),
            modified: 1_700_000_000,
            meta: Meta::from([("version".to_owned(), "142".to_owned())]),
            replaces: vec![],
        }
    }

    #[test]
    fn an_event_survives_the_wire_and_the_log() {
        let signed = Event::mint(&key(), &header(), &Body::Publish(publish()));
        let event = signed.verify().expect("a fresh event verifies");
        assert_eq!((event.header, event.body, event.id), (header(), Body::Publish(publish()), signed.id()));
        assert_eq!(SignedEvent::from_stored(&signed.stored_bytes()), Some(signed));
    }

    #[test]
    fn the_encoding_is_fixed() {
        let signed = Event::mint(&key(), &header(), &Body::Publish(publish()));
        assert_eq!(signed.id().to_string(), "64220dcb5bc891abf4f62d5b11909f84d28db006ee4ba8754c49665b32b86345");
    }

    #[test]
    fn any_flipped_bit_is_refused() {
        let signed = Event::mint(&key(), &header(), &Body::Publish(publish()));
        for bit in 0..signed.frame.len() * 8 {
            let mut bent = signed.clone();
            bent.frame[bit / 8] ^= 1 << (bit % 8);
            assert!(bent.verify().is_err(), "bit {bit} of the frame");
        }
        for bit in 0..signed.signature.len() * 8 {
            let mut bent = signed.clone();
            bent.signature[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(bent.verify(), Err(FrameError::BadSignature), "bit {bit} of the signature");
        }
    }

    #[test]
    fn an_unknown_kind_is_kept_and_verified() {
        let signed = Event::mint(&key(), &header(), &Body::Unknown { kind: 200 });
        assert_eq!(signed.verify().map(|event| event.body), Ok(Body::Unknown { kind: 200 }));
    }

    #[test]
    fn caps_are_met() {
        let over = |change: fn(&mut Publish)| {
            let mut body = publish();
            change(&mut body);
            Event::mint(&key(), &header(), &Body::Publish(body)).verify()
        };
        assert!(over(|p| p.replaces = vec![EventId::ZERO; REPLACES_MAX]).is_ok());
        assert!(over(|p| p.replaces = vec![EventId::ZERO; REPLACES_MAX + 1]).is_err());
        assert!(over(|p| p.path = "x".repeat(PATH_BYTES_MAX + 1)).is_err());
        assert!(over(|p| drop(p.meta.insert("k".repeat(META_KEY_BYTES_MAX + 1), String::new()))).is_err());
        assert!(over(|p| drop(p.meta.insert("k".to_owned(), "v".repeat(META_VALUE_BYTES_MAX + 1)))).is_err());
        assert!(over(|p| p.size = BLOB_BYTES_MAX + 1).is_err());
    }
}
