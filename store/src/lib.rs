//! The store of an ODS node: blobs, log, journal, catalog and their on-disk format.

mod digest;
mod event;
mod frame;
mod keys;
mod limits;
mod lsn;
mod path;
mod statement;
mod time;

pub use digest::{Digest, EventId, NodeId, NotHex32, SetDigest, Sha256, StatementId};
pub use event::{Body, EVENT_CONTEXT, Event, Header, Meta, Publish, Remove, SignedEvent, StreamId};
pub use frame::{FORMAT, FrameError, SIGNATURE_BYTES};
pub use keys::{NodeKey, verify as verify_signature};
pub use limits::*;
pub use lsn::Lsn;
pub use path::{PackagePath, PathError};
pub use statement::{
    Admit, Expel, Role, STATEMENT_CONTEXT, SignedStatement, Statement, StatementBody, StatementHeader,
};
pub use time::UnixMillis;
