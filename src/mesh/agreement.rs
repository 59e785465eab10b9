//! What two nodes prove to each other when an invite is redeemed. (The invite's line itself is [`ods_api::InviteLine`].)
//!
//! ```text
//! key   derive_key("ods invite v1", secret)
//! MAC   keyed BLAKE3(key, direction u8 ‖ postcard(joiner, inviter, joiner's nonce, inviter's nonce, root, role,
//!       prefixes, expires_at))
//! ```
//! Invariants: the secret leaves the invite only as a key, never on the wire. The two directions have different MACs, so
//! neither side can send back what it got. Whoever changes the root, role, prefixes or expiry in a line gets no valid
//! MAC from the inviter's own row.

use ods_store::{NodeId, Role, UnixMillis};
use serde::Serialize;

const KEY_CONTEXT: &str = "ods invite v1";

/// An invite's one-time secret, as the key it is used as; never shown.
#[derive(Clone)]
pub(super) struct InviteKey([u8; 32]);

impl InviteKey {
    /// The key of this secret.
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        Self(blake3::derive_key(KEY_CONTEXT, secret))
    }

    /// The inviter's nonce for this joiner and its nonce: fresh because that is, and known only to who knows the secret,
    /// so the inviter need not remember it.
    pub(super) fn inviter_nonce(&self, joiner: &NodeId, joiner_nonce: &[u8; 32]) -> [u8; 32] {
        let message = [&[0], joiner.as_bytes().as_slice(), joiner_nonce].concat();
        *blake3::keyed_hash(&self.0, &message).as_bytes()
    }
}

impl std::fmt::Debug for InviteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InviteKey(…)")
    }
}

/// Who proves something to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// The joiner to the inviter.
    ToInviter,
    /// The inviter to the joiner.
    ToJoiner,
}

/// What both sides' MACs cover.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Agreement<'a> {
    /// Who joins.
    pub(super) joiner: NodeId,
    /// Who invited.
    pub(super) inviter: NodeId,
    /// Chosen by the joiner.
    pub(super) joiner_nonce: [u8; 32],
    /// Chosen by the inviter.
    pub(super) inviter_nonce: [u8; 32],
    /// The root of the inviter's mesh.
    pub(super) root: NodeId,
    /// What the joiner becomes.
    pub(super) role: Role,
    /// Where it may publish.
    pub(super) prefixes: &'a [String],
    /// When the invite ends.
    pub(super) expires_at: UnixMillis,
}

impl Agreement<'_> {
    /// The proof that one side knows the secret. Compare with `==` of [`blake3::Hash`], which takes constant time.
    pub(super) fn mac(&self, key: &InviteKey, direction: Direction) -> blake3::Hash {
        let label = match direction {
            Direction::ToInviter => 1,
            Direction::ToJoiner => 2,
        };
        let mut message = vec![label];
        message.extend(postcard::to_stdvec(self).expect("plain data always serialises into memory"));
        blake3::keyed_hash(&key.0, &message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn node(number: u8) -> NodeId {
        NodeId::from_bytes([number; 32])
    }

    fn agreement(prefixes: &[String]) -> Agreement<'_> {
        Agreement {
            joiner: node(1),
            inviter: node(2),
            joiner_nonce: [3; 32],
            inviter_nonce: [4; 32],
            root: node(5),
            role: Role::Publisher,
            prefixes,
            expires_at: UnixMillis::new(6),
        }
    }

    #[test]
    fn the_mac_covers_every_term_the_secret_and_the_direction() {
        let (key, prefixes) = (InviteKey::new(&[7; 32]), ["mac".to_owned()]);
        let mac = agreement(&prefixes).mac(&key, Direction::ToInviter);
        assert_eq!(mac, agreement(&prefixes).mac(&key, Direction::ToInviter));
        assert_ne!(mac, agreement(&prefixes).mac(&key, Direction::ToJoiner));
        assert_ne!(mac, agreement(&prefixes).mac(&InviteKey::new(&[8; 32]), Direction::ToInviter));
        let changes: [fn(&mut Agreement<'_>); 8] = [
            |terms| terms.joiner = node(9),
            |terms| terms.inviter = node(9),
            |terms| terms.joiner_nonce = [9; 32],
            |terms| terms.inviter_nonce = [9; 32],
            |terms| terms.root = node(9),
            |terms| terms.role = Role::Owner,
            |terms| terms.prefixes = &[],
            |terms| terms.expires_at = UnixMillis::new(9),
        ];
        for change in changes {
            let mut bent = agreement(&prefixes);
            change(&mut bent);
            assert_ne!(mac, bent.mac(&key, Direction::ToInviter), "{bent:?}");
        }
    }

    #[test]
    fn the_inviter_can_tell_its_nonce_again() {
        let key = InviteKey::new(&[7; 32]);
        assert_eq!(key.inviter_nonce(&node(1), &[3; 32]), key.inviter_nonce(&node(1), &[3; 32]));
        assert_ne!(key.inviter_nonce(&node(1), &[3; 32]), key.inviter_nonce(&node(2), &[3; 32]));
        assert_ne!(key.inviter_nonce(&node(1), &[3; 32]), key.inviter_nonce(&node(1), &[4; 32]));
    }

    #[test]
    fn the_key_is_never_shown() {
        assert_eq!(format!("{:?}", InviteKey::new(&[7; 32])), "InviteKey(…)");
    }
}
