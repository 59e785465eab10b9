//! Builders for this module's tests.

use ods_store::{Change, Digest, EventId, NodeId, Revision, Sha256, UnixMillis};

/// An event's name.
pub(super) fn id(number: u8) -> EventId {
    EventId::from_bytes([number; 32])
}

/// A revision that published `bytes`: effective, not current, held.
pub(super) fn published(number: u8, bytes: &[u8]) -> Revision {
    let change = Change::Published {
        blob: Digest::of(bytes),
        size: bytes.len() as u64,
        sha256: Sha256::from_bytes([number; 32]),
        modified: u64::from(number),
        meta: ods_store::Meta::new(),
    };
    revision(number, change)
}

/// A revision that removed the path: effective.
pub(super) fn removed(number: u8) -> Revision {
    revision(number, Change::Removed)
}

fn revision(number: u8, change: Change) -> Revision {
    Revision {
        id: id(number),
        change,
        replaces: Vec::new(),
        published_at: UnixMillis::new(u64::from(number)),
        origin: NodeId::from_bytes([1; 32]),
        by: "token ci".to_owned(),
        current: false,
        head: false,
        effective: true,
        bytes_held: true,
    }
}
