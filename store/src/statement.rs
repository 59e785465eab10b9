//! Roster statements: what an owner said about who may do what. Framed and signed like events ([`crate::frame`]), in
//! the context `ods statement v1`. What a set of them means is `roster.rs`.

use serde::{Deserialize, Serialize};

use crate::digest::{EventId, NodeId, StatementId};
use crate::frame::{self, FrameError, SIGNATURE_BYTES};
use crate::keys::{self, NodeKey};
use crate::limits::{ADMIT_FRAME_BYTES_MAX, BY_BYTES_MAX, EXPEL_IDS_MAX, PATH_BYTES_MAX, PREFIXES_MAX};
use crate::time::UnixMillis;

/// The BLAKE3 context of statement ids.
pub const STATEMENT_CONTEXT: &str = "ods statement v1";

const KIND_ADMIT: u8 = 1;
const KIND_EXPEL: u8 = 2;

/// What a node may do. Greater roles may do all that lesser ones may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Holds and serves; its events have no effect anywhere.
    Replica,
    /// Publishes, under its prefixes if it has any.
    Publisher,
    /// Admits and expels, and publishes.
    Owner,
}

impl Role {
    /// `owner`, `publisher` or `replica`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replica => "replica",
            Self::Publisher => "publisher",
            Self::Owner => "owner",
        }
    }
}

/// What every statement says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementHeader {
    /// Who says it.
    pub signer: NodeId,
    /// The signer's own clock; for display only.
    pub at_ms: UnixMillis,
    /// Who did it: the name of a token or user.
    pub by: String,
}

/// A node may take part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admit {
    /// The node.
    pub node: NodeId,
    /// As what.
    pub role: Role,
    /// Where it may publish; empty: everywhere.
    pub prefixes: Vec<String>,
}

/// A node may not take part any more. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expel {
    /// The node.
    pub node: NodeId,
    /// Its events that still count, with their ancestors by `prev`.
    pub tips: Vec<EventId>,
    /// Its statements that still count.
    pub statements: Vec<StatementId>,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementBody {
    /// See [`Admit`].
    Admit(Admit),
    /// See [`Expel`].
    Expel(Expel),
    /// A kind of a later version: kept and relayed.
    Unknown {
        /// The kind byte.
        kind: u8,
    },
}

/// A statement as it travels and is stored. Nothing in it is trusted yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedStatement {
    /// The frame.
    pub frame: Vec<u8>,
    /// ed25519 over the statement's id.
    #[serde(deserialize_with = "frame::signature")]
    pub signature: Vec<u8>,
}

/// A statement whose framing, caps and signature are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its name.
    pub id: StatementId,
    /// What every statement says.
    pub header: StatementHeader,
    /// What this one says.
    pub body: StatementBody,
}

impl SignedStatement {
    /// Encodes and signs a statement.
    pub fn mint(key: &NodeKey, header: &StatementHeader, body: &StatementBody) -> Self {
        let frame = match body {
            StatementBody::Admit(admit) => frame::encode(KIND_ADMIT, header, admit),
            StatementBody::Expel(expel) => frame::encode(KIND_EXPEL, header, expel),
            StatementBody::Unknown { kind } => frame::encode(*kind, header, &()),
        };
        let id = frame::id(STATEMENT_CONTEXT, &frame);
        Self { frame, signature: key.sign(&id).to_vec() }
    }

    /// Bytes it takes in the roster's table.
    pub(crate) fn stored_bytes(&self) -> Vec<u8> {
        [self.signature.as_slice(), self.frame.as_slice()].concat()
    }

    /// The reverse of [`Self::stored_bytes`].
    pub(crate) fn from_stored(bytes: &[u8]) -> Option<Self> {
        let (signature, frame) = bytes.split_at_checked(SIGNATURE_BYTES)?;
        Some(Self { frame: frame.to_vec(), signature: signature.to_vec() })
    }

    /// The statement's name, whether or not the frame is any good.
    pub fn id(&self) -> StatementId {
        StatementId::from_bytes(frame::id(STATEMENT_CONTEXT, &self.frame))
    }

    /// Checks framing, caps and signature.
    pub fn verify(&self) -> Result<Statement, FrameError> {
        let statement = self.decode()?;
        keys::verify(&statement.header.signer, statement.id.as_bytes(), &self.signature)?;
        Ok(statement)
    }

    /// Decodes one that a peer told. `None` for one that is passed over, so that it spoils nothing that comes with it: of a later format
    /// (who can read that passes it on, and it is told again once this node is upgraded), or an Admit longer than any node signs.
    pub(crate) fn arrived(&self) -> Result<Option<Statement>, FrameError> {
        match self.decode() {
            Err(FrameError::UnknownFormat { .. }) => Ok(None),
            Ok(Statement { body: StatementBody::Admit(_), .. }) if self.frame.len() > ADMIT_FRAME_BYTES_MAX => Ok(None),
            decoded => decoded.map(Some),
        }
    }

    /// Whether a node of this version passes it over when a peer tells it.
    pub fn is_passed_over(&self) -> bool {
        matches!(self.arrived(), Ok(None))
    }

    /// Decodes and checks caps, not the signature: for statements verified before they were stored.
    pub fn decode(&self) -> Result<Statement, FrameError> {
        let parts = frame::decode::<StatementHeader>(&self.frame)?;
        frame::cap("by", parts.header.by.len(), BY_BYTES_MAX)?;
        let body = match parts.kind {
            KIND_ADMIT => StatementBody::Admit(check_admit(frame::decode_body(parts.body)?)?),
            KIND_EXPEL => StatementBody::Expel(check_expel(frame::decode_body(parts.body)?)?),
            kind => StatementBody::Unknown { kind },
        };
        Ok(Statement { id: self.id(), header: parts.header, body })
    }
}

fn check_admit(admit: Admit) -> Result<Admit, FrameError> {
    frame::cap("prefixes", admit.prefixes.len(), PREFIXES_MAX)?;
    for prefix in &admit.prefixes {
        frame::cap("prefix", prefix.len(), PATH_BYTES_MAX)?;
    }
    Ok(admit)
}

fn check_expel(expel: Expel) -> Result<Expel, FrameError> {
    frame::cap("tips and statements", expel.tips.len() + expel.statements.len(), EXPEL_IDS_MAX)?;
    Ok(expel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expel_may_be_as_long_as_its_ids_make_it() {
        let key = NodeKey::from_secret([9; 32]);
        let header = StatementHeader { signer: key.node_id(), at_ms: UnixMillis::new(5), by: String::new() };
        let statements = vec![StatementId::from_bytes([1; 32]); EXPEL_IDS_MAX];
        let expel = StatementBody::Expel(Expel { node: key.node_id(), tips: vec![], statements });
        SignedStatement::mint(&key, &header, &expel).verify().expect("as long as may be");
    }

    #[test]
    fn a_statement_survives_the_wire_and_any_flipped_bit_is_refused() {
        let key = NodeKey::from_secret([9; 32]);
        let header = StatementHeader { signer: key.node_id(), at_ms: UnixMillis::new(5), by: "cli".to_owned() };
        let admit = Admit { node: key.node_id(), role: Role::Publisher, prefixes: vec!["mac".to_owned()] };
        let signed = SignedStatement::mint(&key, &header, &StatementBody::Admit(admit.clone()));
        let statement = signed.verify().expect("a fresh statement verifies");
        assert_eq!((statement.header, statement.body), (header, StatementBody::Admit(admit)));
        for bit in 0..signed.frame.len() * 8 {
            let mut bent = signed.clone();
            bent.frame[bit / 8] ^= 1 << (bit % 8);
            assert!(bent.verify().is_err(), "bit {bit} of the frame");
        }
    }
}
