//! The node's key: who it is, and its signature.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::digest::NodeId;
use crate::frame::{FrameError, SIGNATURE_BYTES};

/// An ed25519 secret key (RFC 8032). Wiped from memory when dropped; never shown.
#[derive(Clone)]
pub struct NodeKey(SigningKey);

impl NodeKey {
    /// The key with this 32-byte secret.
    pub fn from_secret(secret: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&secret))
    }

    /// The secret, for the key file.
    pub(crate) fn secret(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The node this key belongs to.
    pub fn node_id(&self) -> NodeId {
        NodeId::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKey(of {})", self.node_id().short())
    }
}

/// Checks `node`'s signature over `message` with `verify_strict`: one set of valid signatures everywhere. (Batch
/// verification accepts another set, so nodes could disagree; it is never used.)
pub fn verify(node: &NodeId, message: &[u8], signature: &[u8]) -> Result<(), FrameError> {
    let signature: &[u8; SIGNATURE_BYTES] = signature.try_into().map_err(|_| FrameError::BadSignature)?;
    VerifyingKey::from_bytes(node.as_bytes())
        .and_then(|key| key.verify_strict(message, &Signature::from_bytes(signature)))
        .map_err(|_| FrameError::BadSignature)
}

/// Whether a node can have this id: it is a point of the curve, and none for which anybody could sign.
pub(crate) fn is_public_key(node: &NodeId) -> bool {
    VerifyingKey::from_bytes(node.as_bytes()).is_ok_and(|key| !key.is_weak())
}
