//! Nonces that this node issues, and serials that callers have used up.
//!
//! Every answer names the current nonce; a call is signed with it. A nonce is issued for a minute and accepted for
//! another one, so a recorded call is worthless after two. A call that changes something also carries a serial, accepted
//! once for each nonce and caller, so it can't be replayed within these minutes either. Moments are monotonic: clocks
//! play no part.
//!
//! Invariant: memory is bounded for each member and for all strangers (who may only pair) together, so nobody can use up
//! what another member needs.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64URL_NOPAD;
use ods_store::NodeId;

use super::limits::{NONCE_MS, SERIALS_MAX, STRANGER_SERIALS_MAX};
use super::moment::Moment;

/// Whether a caller is of this mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Admitted, and not expelled.
    Member,
    /// Anyone else.
    Stranger,
}

/// Why a call's nonce or serial is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NonceError {
    /// Not issued by this node, or too old: call again with the one in this answer.
    #[error("the nonce is unknown or too old; use the one in this answer")]
    Stale,
    /// The call was made before.
    #[error("the serial was used before with this nonce")]
    Replayed,
    /// Too many calls in this minute.
    #[error("too many calls with this nonce; wait a minute")]
    Busy,
}

struct Generation {
    nonce: String,
    issued: Moment,
    members: BTreeMap<NodeId, BTreeSet<u64>>,
    strangers: BTreeSet<(NodeId, u64)>,
}

/// The nonces of this and the last minute.
pub(super) struct Nonces {
    secret: [u8; 32],
    count: u64,
    current: Generation,
    previous: Option<Generation>,
}

impl Nonces {
    /// Fresh nonces out of `entropy`.
    pub(super) fn new(entropy: [u8; 32], now: Moment) -> Self {
        let current = Generation::new(&entropy, 0, now);
        Self { secret: entropy, count: 0, current, previous: None }
    }

    /// The nonce to issue now.
    pub(super) fn current(&mut self, now: Moment) -> &str {
        self.rotate(now);
        &self.current.nonce
    }

    /// Whether `nonce` may still be used.
    pub(super) fn check(&mut self, nonce: &str, now: Moment) -> Result<(), NonceError> {
        self.rotate(now);
        self.generation(nonce).map(|_| ())
    }

    /// Uses up `serial` of `caller` under `nonce`.
    pub(super) fn spend(
        &mut self,
        nonce: &str,
        caller: NodeId,
        serial: u64,
        standing: Standing,
        now: Moment,
    ) -> Result<(), NonceError> {
        self.rotate(now);
        let generation = self.generation(nonce)?;
        match standing {
            Standing::Member => spend(generation.members.entry(caller).or_default(), serial, SERIALS_MAX),
            Standing::Stranger => spend(&mut generation.strangers, (caller, serial), STRANGER_SERIALS_MAX),
        }
    }

    fn generation(&mut self, nonce: &str) -> Result<&mut Generation, NonceError> {
        if self.current.nonce == nonce {
            return Ok(&mut self.current);
        }
        self.previous.as_mut().filter(|previous| previous.nonce == nonce).ok_or(NonceError::Stale)
    }

    fn rotate(&mut self, now: Moment) {
        let age_ms = now.ms_since(self.current.issued);
        if age_ms < NONCE_MS {
            return;
        }
        self.count += 1;
        let next = Generation::new(&self.secret, self.count, now);
        let last = std::mem::replace(&mut self.current, next);
        self.previous = (age_ms < 2 * NONCE_MS).then_some(last);
    }
}

fn spend<T: Ord>(used: &mut BTreeSet<T>, item: T, max: usize) -> Result<(), NonceError> {
    if used.contains(&item) {
        return Err(NonceError::Replayed);
    }
    if used.len() >= max {
        return Err(NonceError::Busy);
    }
    used.insert(item);
    Ok(())
}

impl Generation {
    fn new(secret: &[u8; 32], number: u64, now: Moment) -> Self {
        let hash = blake3::keyed_hash(secret, &number.to_le_bytes());
        let nonce = BASE64URL_NOPAD.encode(&hash.as_bytes()[..16]);
        Self { nonce, issued: now, members: BTreeMap::new(), strangers: BTreeSet::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: NodeId = NodeId::from_bytes([1; 32]);
    const OTHER: NodeId = NodeId::from_bytes([2; 32]);

    fn at(ms: u64) -> Moment {
        Moment::new(ms)
    }

    fn nonces() -> (Nonces, String) {
        let mut nonces = Nonces::new([3; 32], at(0));
        let nonce = nonces.current(at(0)).to_owned();
        (nonces, nonce)
    }

    #[test]
    fn a_nonce_is_issued_for_a_minute_and_accepted_for_another() {
        let (mut nonces, first) = nonces();
        assert_eq!(nonces.current(at(NONCE_MS - 1)), first);
        assert_ne!(nonces.current(at(NONCE_MS)), first);
        assert_eq!(nonces.check(&first, at(2 * NONCE_MS - 1)), Ok(()));
        assert_eq!(nonces.check(&first, at(2 * NONCE_MS)), Err(NonceError::Stale));
    }

    #[test]
    fn after_a_long_silence_no_old_nonce_is_accepted() {
        let (mut nonces, first) = nonces();
        assert_eq!(nonces.check(&first, at(2 * NONCE_MS)), Err(NonceError::Stale));
    }

    #[test]
    fn a_nonce_of_another_node_is_stale() {
        let mut theirs = Nonces::new([4; 32], at(0));
        let (mut ours, _) = nonces();
        assert_eq!(ours.check(theirs.current(at(0)), at(0)), Err(NonceError::Stale));
        assert_eq!(ours.check("", at(0)), Err(NonceError::Stale));
    }

    #[test]
    fn a_serial_is_accepted_once_for_each_caller_and_nonce() {
        let (mut nonces, first) = nonces();
        let member = Standing::Member;
        assert_eq!(nonces.spend(&first, CALLER, 9, member, at(0)), Ok(()));
        assert_eq!(nonces.spend(&first, CALLER, 9, member, at(1)), Err(NonceError::Replayed));
        assert_eq!(nonces.spend(&first, CALLER, 8, member, at(1)), Ok(()));
        assert_eq!(nonces.spend(&first, OTHER, 9, member, at(1)), Ok(()));
        let second = nonces.current(at(NONCE_MS)).to_owned();
        assert_eq!(nonces.spend(&second, CALLER, 9, member, at(NONCE_MS)), Ok(()));
        assert_eq!(nonces.spend(&first, CALLER, 9, member, at(NONCE_MS)), Err(NonceError::Replayed));
    }

    #[test]
    fn a_member_cannot_use_up_the_serials_of_another() {
        let (mut nonces, first) = nonces();
        for serial in 0..SERIALS_MAX as u64 {
            assert_eq!(nonces.spend(&first, CALLER, serial, Standing::Member, at(0)), Ok(()));
        }
        assert_eq!(nonces.spend(&first, CALLER, u64::MAX, Standing::Member, at(0)), Err(NonceError::Busy));
        assert_eq!(nonces.spend(&first, OTHER, 0, Standing::Member, at(0)), Ok(()));
    }

    #[test]
    fn strangers_cannot_use_up_the_serials_of_members() {
        let (mut nonces, first) = nonces();
        for serial in 0..STRANGER_SERIALS_MAX as u64 {
            assert_eq!(nonces.spend(&first, CALLER, serial, Standing::Stranger, at(0)), Ok(()));
        }
        assert_eq!(nonces.spend(&first, OTHER, 0, Standing::Stranger, at(0)), Err(NonceError::Busy));
        assert_eq!(nonces.spend(&first, OTHER, 0, Standing::Member, at(0)), Ok(()));
        let second = nonces.current(at(NONCE_MS)).to_owned();
        assert_eq!(nonces.spend(&second, OTHER, 0, Standing::Stranger, at(NONCE_MS)), Ok(()));
    }
}
