//! When a node tells a new state: pure. Each state costs every link of the mesh a kilobyte or two, so what matters is
//! told soon, what moves all the time seldom, and what is as before not at all.
//!
//! | changed | told |
//! |---|---|
//! | what it holds, wants or keeps; its roster, name, urls, links; whether a peer's clock is off | after [`apart_ms`]; after a long one later, so that it isn't more than others take ([`STATE_BYTES_PER_MS`]) |
//! | how much is missing of what it wants, how fast it comes | after [`PROGRESS_MIN_MS`] and more in a larger mesh |
//! | free space by a tenth, a peer's clock by a second | after [`SLOW_MS`] |
//! | nothing | after [`REFRESH_MS`] |

use ods_store::{LinkBrief, NodeState, STATE_BYTES_PER_MS};

use super::clock_offset::is_off;
use super::gossip::apart_ms;
use super::limits::{BRIEF_BYTES, PROGRESS_MIN_MS, PROGRESS_PER_MEMBER_MS, REFRESH_MS, SLOW_MS};
use super::moment::Moment;

/// When `new` is to be told, if `told` was told at `told_at`.
pub(super) fn tell_at(told: &NodeState, told_at: Moment, new: &NodeState, members: usize) -> Moment {
    let members_ms = u64::try_from(members).unwrap_or(u64::MAX).saturating_mul(PROGRESS_PER_MEMBER_MS);
    told_at.plus_ms(if essence(told) != essence(new) {
        apart_ms(members).max(((told.wants.len() + told.links.len()) as u64 * BRIEF_BYTES) / STATE_BYTES_PER_MS)
    } else if progress(told) != progress(new) {
        PROGRESS_MIN_MS.saturating_add(members_ms)
    } else if moved_far(told, new) {
        SLOW_MS
    } else {
        REFRESH_MS
    })
}

/// What matters at once.
fn essence(state: &NodeState) -> impl PartialEq + '_ {
    let links =
        state.links.iter().map(|link| (link.node, link.link, link.clock_ahead_ms.map(is_off))).collect::<Vec<_>>();
    let wants = state.wants.iter().map(|want| want.blob).collect::<Vec<_>>();
    let identity = (state.run, state.log_id, &state.name, &state.urls, &state.version, &state.policy);
    (identity, state.vector, state.roster, state.catalog, wants, state.want_count, links)
}

/// What changes while bytes come in.
fn progress(state: &NodeState) -> impl PartialEq + '_ {
    (&state.wants, state.want_bytes, state.links.iter().map(|link| link.behind_events).collect::<Vec<_>>())
}

fn moved_far(told: &NodeState, new: &NodeState) -> bool {
    let tenth = told.free_bytes / 10;
    let clock = |link: &LinkBrief| link.clock_ahead_ms.unwrap_or_default();
    let clocks = told.links.iter().zip(&new.links).any(|(told, new)| clock(told).abs_diff(clock(new)) >= 1000);
    told.free_bytes.abs_diff(new.free_bytes) > tenth || told.blobs != new.blobs || clocks
}

#[cfg(test)]
mod tests {
    use ods_store::{Digest, LinkState, Lsn, NodeId, SetDigest, StatePolicy, UnixMillis, WantBrief};

    use super::*;

    fn state() -> NodeState {
        let zeros = SetDigest::from_bytes([0; 32]);
        NodeState {
            run: [1; 16],
            started_at: UnixMillis::new(1),
            name: "hq".to_owned(),
            urls: vec![],
            version: "1".to_owned(),
            policy: StatePolicy::All,
            log_id: [2; 16],
            head: Lsn::new(3),
            events: 0,
            vector: zeros,
            roster: zeros,
            catalog: zeros,
            streams: vec![],
            streams_complete: true,
            wants: vec![WantBrief { blob: Digest::of(b"x"), size: 10, missing: 10, rate: 0 }],
            wants_complete: true,
            want_count: 1,
            want_bytes: 10,
            rate: 0,
            links: vec![LinkBrief {
                node: NodeId::from_bytes([4; 32]),
                link: LinkState::Up,
                rtt_ms: None,
                clock_ahead_ms: Some(20),
                behind_events: 0,
            }],
            blobs: 0,
            blob_bytes: 0,
            free_bytes: 1000,
        }
    }

    fn wait_ms(members: usize, change: impl FnOnce(&mut NodeState)) -> u64 {
        let mut new = state();
        change(&mut new);
        tell_at(&state(), Moment::new(5), &new, members).ms_since(Moment::new(5))
    }

    #[test]
    fn what_matters_is_told_soon_and_the_rest_seldom() {
        assert_eq!(wait_ms(3, |_| {}), REFRESH_MS);
        assert_eq!(wait_ms(3, |state| state.head = Lsn::new(99)), REFRESH_MS, "the journal grows by itself");
        assert_eq!(wait_ms(3, |state| state.free_bytes = 950), REFRESH_MS);
        assert_eq!(wait_ms(3, |state| state.links[0].clock_ahead_ms = Some(900)), REFRESH_MS);
        for change in [
            (|state| state.free_bytes = 850) as fn(&mut NodeState),
            |state| state.links[0].clock_ahead_ms = Some(3000),
            |state| state.blobs = 1,
        ] {
            assert_eq!(wait_ms(3, change), SLOW_MS);
        }
        assert_eq!(wait_ms(3, |state| state.wants[0].missing = 5), PROGRESS_MIN_MS + 3 * PROGRESS_PER_MEMBER_MS);
        for change in [
            (|state| state.wants.clear()) as fn(&mut NodeState),
            |state| state.vector = SetDigest::from_bytes([1; 32]),
            |state| state.links[0].link = LinkState::Down,
            |state| state.links[0].clock_ahead_ms = Some(3_600_000),
            |state| state.links[0].clock_ahead_ms = None,
            |state| "office".clone_into(&mut state.name),
        ] {
            assert_eq!(wait_ms(3, change), apart_ms(3));
        }
    }

    #[test]
    fn a_large_mesh_hears_less_often_of_each() {
        assert!(wait_ms(50, |state| state.wants.clear()) > wait_ms(3, |state| state.wants.clear()));
        assert!(wait_ms(50, |state| state.want_bytes = 1) > wait_ms(3, |state| state.want_bytes = 1));
    }
}
