//! When peers are pinged, pulled from and given up, by events and times.

use ods_store::Lsn;

use super::super::limits::{BACK_OFF_MAX_MS, BACK_OFF_MIN_MS, COMPARE_MS};
use super::*;

const A: NodeId = NodeId::from_bytes([1; 32]);
const B: NodeId = NodeId::from_bytes([2; 32]);

fn at(ms: u64) -> Moment {
    Moment::new(ms)
}

/// A summary of a node that holds the set of events `number`.
fn holds(number: u8) -> Summary {
    Summary {
        log_id: [9; 16],
        head: Lsn::new(u64::from(number)),
        vector: SetDigest::from_bytes([number; 32]),
        roster: SetDigest::from_bytes([0; 32]),
        states: SetDigest::from_bytes([0; 32]),
        events: u64::from(number),
        want_count: 0,
        want_bytes: 0,
    }
}

fn peers(links: &[NodeId]) -> Peers {
    let mut peers = Peers::new(holds(1), Dice::new(42));
    let links: Vec<_> = links.iter().map(|node| (*node, false)).collect();
    peers.set_links(&links, at(0));
    peers
}

/// A peer that was reached and holds the same.
fn in_sync() -> Peers {
    let mut peers = peers(&[A]);
    assert_eq!(peers.actions(at(0)), [Action::Ping(A)]);
    peers.pinged(&A, &holds(1), holds(1), at(5));
    assert_eq!(peers.actions(at(5)), [Action::NoteUp(A)]);
    peers
}

fn report(mode: PullMode, theirs: u8, gained: u64) -> PullReport {
    PullReport { mode, theirs: holds(theirs), gained, more: false, refused: None, is_offence: false, passed_over: 0 }
}

#[test]
fn a_new_link_is_pinged_at_once_and_only_once() {
    let mut peers = peers(&[A, B]);
    assert_eq!(peers.actions(at(0)), [Action::Ping(A), Action::Ping(B)]);
    assert_eq!(peers.actions(at(60_000)), []);
}

#[test]
fn peers_that_hold_the_same_only_compare_every_minute() {
    let mut peers = in_sync();
    let next = peers.next_at().unwrap();
    assert!(next.ms_since(at(5)).abs_diff(COMPARE_MS) <= COMPARE_MS / 4, "{next:?}");
    assert_eq!(peers.actions(at(5 + COMPARE_MS / 2)), []);
    assert_eq!(peers.actions(at(5 + COMPARE_MS * 2)), [Action::Ping(A)]);
}

#[test]
fn a_peer_that_says_that_it_stops_is_down_at_once_until_it_answers_again() {
    let mut peers = in_sync();
    peers.set_own(holds(2));
    assert_eq!(peers.actions(at(1000)), [Action::Ping(A)]);
    peers.left(&A, at(1003));
    assert_eq!(peers.actions(at(1003)), [Action::NoteDown(A, STOPPED.to_owned())]);
    assert!(!peers.pinged(&A, &holds(2), holds(2), at(1004)), "it answered before it stopped");
    assert_eq!((peers.actions(at(1005)), peers.view(&A).unwrap().link), (vec![], Link::Down));
    let again = peers.next_at().unwrap();
    assert!(again.ms_since(at(1003)) <= BACK_OFF_MAX_MS, "{again:?}");
    assert_eq!(peers.actions(again), [Action::Ping(A)]);
    peers.ping_failed(&A, "nobody there".to_owned(), again.plus_ms(1));
    assert_eq!(peers.actions(again.plus_ms(2)), [], "down is told once");
    peers.heard(&A, holds(2), &holds(2), at(90_000));
    assert_eq!(peers.actions(at(90_000)), [Action::Ping(A)]);
    assert!(peers.pinged(&A, &holds(2), holds(2), at(90_005)));
    assert_eq!(peers.actions(at(90_005)), [Action::NoteUp(A)]);
}

#[test]
fn one_who_says_goodbye_again_and_again_is_believed_once_a_minute() {
    let mut peers = in_sync();
    peers.left(&A, at(1000));
    assert_eq!(peers.actions(at(1000)), [Action::NoteDown(A, STOPPED.to_owned())]);
    let mut now = 1000;
    for _ in 0..50 {
        now += 1000;
        peers.heard(&A, holds(1), &holds(1), at(now));
        let actions = peers.actions(at(now));
        assert!(actions.iter().all(|action| matches!(action, Action::Ping(_))), "{actions:?}");
        peers.pinged(&A, &holds(1), holds(1), at(now + 1));
        let told = peers.actions(at(now + 1)).into_iter().filter(|action| matches!(action, Action::NoteUp(_)));
        assert!(told.count() <= usize::from(now == 2000), "it was never down again");
        peers.left(&A, at(now + 2));
        assert_eq!(peers.actions(at(now + 2)), []);
    }
    let mut peers = in_sync();
    peers.set_links(&[(A, true)], at(1000));
    peers.left(&A, at(1001));
    assert_eq!(peers.actions(at(60_000)), [], "a paused peer's stop is no news");
}

#[test]
fn the_first_news_go_at_once_and_later_ones_together() {
    let mut peers = in_sync();
    peers.set_own(holds(2));
    assert_eq!(peers.actions(at(1000)), [Action::Ping(A)]);
    peers.set_own(holds(3));
    peers.pinged(&A, &holds(2), holds(2), at(1012));
    assert_eq!((peers.actions(at(1012)), peers.next_at()), (vec![], Some(at(1050))));
    peers.set_own(holds(4));
    assert_eq!(peers.actions(at(1050)), [Action::Ping(A)]);
}

#[test]
fn what_a_peer_told_us_is_not_told_back() {
    let mut peers = in_sync();
    peers.set_own(holds(2));
    peers.heard(&A, holds(2), &holds(2), at(1000));
    assert_eq!(peers.actions(at(1001)), []);
    assert!(peers.next_at().unwrap() > at(20_000));
}

#[test]
fn a_commit_after_the_answer_to_a_ping_is_told() {
    let mut peers = in_sync();
    peers.set_own(holds(3));
    peers.heard(&A, holds(2), &holds(2), at(1001));
    assert!(peers.actions(at(1001)).contains(&Action::Ping(A)));
}

#[test]
fn a_peer_that_was_only_heard_is_pulled_from_as_soon_as_it_answers() {
    let mut peers = peers(&[A]);
    peers.heard(&A, holds(2), &holds(1), at(0));
    assert_eq!(peers.actions(at(0)), [Action::Ping(A)], "where it answers isn't known yet");
    peers.pinged(&A, &holds(1), holds(2), at(5));
    assert_eq!(peers.actions(at(5)), [Action::NoteUp(A), Action::Pull(A, PullMode::Cursor)]);
}

/// A machine that was rolled back, or two that run one node: what one said is never found at the other.
#[test]
fn a_log_that_is_shorter_than_its_node_said_is_read_once_and_asked_about() {
    let mut peers = in_sync();
    peers.heard(&A, holds(5), &holds(1), at(1000));
    assert_eq!(peers.actions(at(1000)), [Action::Pull(A, PullMode::Cursor)]);
    peers.pulled(&A, report(PullMode::Cursor, 3, 2), at(1010));
    assert_eq!(peers.actions(at(1010)), [Action::Ping(A)], "what it holds is asked");
    peers.pinged(&A, &holds(1), holds(3), at(1020));
    assert_eq!(peers.actions(at(1020)), [], "what it has is read");
}

#[test]
fn what_was_heard_while_a_shorter_log_was_read_is_not_forgotten() {
    let mut peers = in_sync();
    peers.heard(&A, holds(5), &holds(1), at(1000));
    assert_eq!(peers.actions(at(1000)), [Action::Pull(A, PullMode::Cursor)]);
    peers.set_own(holds(2));
    assert_eq!(peers.actions(at(1001)), [Action::Ping(A)]);
    peers.heard(&A, holds(4), &holds(2), at(1005));
    peers.pulled(&A, report(PullMode::Cursor, 3, 2), at(1010));
    peers.pinged(&A, &holds(2), holds(3), at(1012));
    assert_eq!(peers.actions(at(1051)), [Action::Ping(A)], "that ping was begun before there was a doubt");
    peers.pinged(&A, &holds(2), holds(4), at(1055));
    assert!(peers.next_at().unwrap() <= at(1010).plus_ms(BACK_OFF_MIN_MS));
    assert_eq!(peers.actions(at(1010).plus_ms(BACK_OFF_MIN_MS)), [Action::Pull(A, PullMode::Cursor)]);
}

/// Behind one address are two machines that run one node: pings reach one, pulls the other.
#[test]
fn two_logs_that_take_turns_are_asked_for_with_pauses() {
    let mut peers = in_sync();
    peers.heard(&A, holds(5), &holds(1), at(1000));
    let (mut pings, mut pulls, mut now) = (0, 0, at(1000));
    while now < at(11_000) {
        for action in peers.actions(now) {
            match action {
                Action::Ping(_) => {
                    pings += 1;
                    peers.pinged(&A, &holds(1), holds(5), now);
                }
                Action::Pull(_, mode) => {
                    pulls += 1;
                    peers.pulled(&A, report(mode, 3, 0), now);
                }
                other => panic!("{other:?}"),
            }
        }
        now = peers.next_at().unwrap().max(now.plus_ms(1));
    }
    assert!((2..=25).contains(&pulls) && pings <= 25, "{pulls} pulls and {pings} pings in 10 seconds");
}

#[test]
fn another_log_of_the_same_length_is_asked_about() {
    let mut peers = in_sync();
    let other = Summary { vector: SetDigest::from_bytes([7; 32]), ..holds(1) };
    peers.heard(&A, other, &holds(1), at(1000));
    assert!(peers.actions(at(1000)).contains(&Action::Ping(A)));
}

#[test]
fn what_a_pull_failed_by_is_told_until_one_succeeds() {
    let mut peers = in_sync();
    peers.heard(&A, holds(2), &holds(1), at(1000));
    assert_eq!(peers.actions(at(1000)), [Action::Pull(A, PullMode::Cursor)]);
    peers.pull_failed(&A, "the line broke".to_owned(), at(1001));
    assert_eq!(peers.actions(at(1001)), [Action::Ping(A)]);
    peers.pinged(&A, &holds(1), holds(2), at(1002));
    assert_eq!(peers.settled(&A, at(1003)), Some(Err("the line broke".to_owned())));
    let again = peers.next_at().unwrap();
    assert_eq!(peers.actions(again), [Action::Pull(A, PullMode::Cursor)]);
    peers.pulled(&A, report(PullMode::Cursor, 2, 1), again);
    assert_eq!(peers.view(&A).unwrap().error, None);
}

#[test]
fn news_that_overtake_a_page_are_pulled_at_once() {
    let mut peers = in_sync();
    peers.heard(&A, holds(3), &holds(1), at(1000));
    assert_eq!(peers.actions(at(1000)), [Action::Pull(A, PullMode::Cursor)]);
    peers.heard(&A, holds(5), &holds(1), at(1005));
    peers.pulled(&A, report(PullMode::Cursor, 4, 2), at(1010));
    assert_eq!(peers.actions(at(1010)), [Action::Pull(A, PullMode::Cursor)]);
}

#[test]
fn news_of_a_peer_are_pulled_one_pull_at_a_time() {
    let mut peers = in_sync();
    peers.heard(&A, holds(2), &holds(1), at(1000));
    assert_eq!(peers.actions(at(1000)), [Action::Pull(A, PullMode::Cursor)]);
    peers.heard(&A, holds(3), &holds(1), at(1001));
    assert_eq!(peers.actions(at(1001)), []);
    peers.set_own(holds(2));
    peers.pulled(&A, report(PullMode::Cursor, 2, 1), at(1002));
    assert!(peers.actions(at(1002)).contains(&Action::Pull(A, PullMode::Cursor)));
    peers.set_own(holds(3));
    peers.pulled(&A, report(PullMode::Cursor, 3, 1), at(1003));
    assert!(!peers.actions(at(1003)).iter().any(|action| matches!(action, Action::Pull(..))));
}

#[test]
fn a_peer_from_which_a_pull_fails_is_looked_for_again() {
    let mut peers = in_sync();
    peers.heard(&A, holds(2), &holds(1), at(1000));
    assert_eq!(peers.actions(at(1000)), [Action::Pull(A, PullMode::Cursor)]);
    peers.pull_failed(&A, "nobody is there".to_owned(), at(2000));
    assert_eq!(peers.actions(at(2000)), [Action::Ping(A)], "it answered elsewhere, or nowhere");
    peers.ping_failed(&A, "nobody is there".to_owned(), at(2001));
    assert_eq!(peers.actions(at(2001)), [], "nothing more before the back-off is over");
}

#[test]
fn when_cursors_find_nothing_the_vector_decides_once() {
    let mut peers = in_sync();
    peers.heard(&A, holds(2), &holds(1), at(1000));
    let (mut now, mut modes) = (1000, vec![]);
    for _ in 0..1000 {
        for action in peers.actions(at(now)) {
            match action {
                Action::Pull(_, mode) => {
                    modes.push(mode);
                    peers.pulled(&A, report(mode, 2, 0), at(now));
                }
                Action::Ping(_) => drop(peers.pinged(&A, &holds(1), holds(2), at(now))),
                Action::NoteUp(_) | Action::NoteDown(..) => {}
            }
        }
        now += 50;
    }
    assert_eq!(modes, [PullMode::Cursor, PullMode::Vector]);
    peers.heard(&A, holds(3), &holds(1), at(now));
    assert_eq!(peers.actions(at(now)), [Action::Pull(A, PullMode::Cursor)]);
}

/// What a peer came to hold since it was read hides twins from a pull by vector: it gives what lies past this node's last.
#[test]
fn a_pull_by_vector_settles_what_was_read_before_and_brings_nothing() {
    let mut peers = in_sync();
    peers.heard(&A, holds(2), &holds(1), at(1000));
    assert_eq!(peers.actions(at(1000)), [Action::Pull(A, PullMode::Cursor)]);
    peers.pulled(&A, report(PullMode::Cursor, 2, 1), at(1000));
    assert_eq!(peers.actions(at(3000)), [Action::Pull(A, PullMode::Vector)]);
    for (asked_ms, theirs, gained) in [(3000, 3, 1), (8000, 3, 1), (13_000, 4, 0), (18_000, 4, 0)] {
        peers.pulled(&A, report(PullMode::Vector, theirs, gained), at(asked_ms));
        assert_eq!(peers.actions(at(asked_ms + 4999)), []);
        let again = if asked_ms < 18_000 { vec![Action::Pull(A, PullMode::Vector)] } else { vec![] };
        assert_eq!(peers.actions(at(asked_ms + 5000)), again, "after {asked_ms}");
    }
}

#[test]
fn a_failing_peer_is_tried_ever_less_and_is_down_after_a_while() {
    let mut peers = in_sync();
    peers.set_own(holds(2));
    let (mut now, mut pings, mut downs) = (10_000, vec![], vec![]);
    while now < 200_000 {
        for action in peers.actions(at(now)) {
            match action {
                Action::Ping(node) => {
                    pings.push(now);
                    peers.ping_failed(&node, "refused".to_owned(), at(now));
                }
                Action::NoteDown(_, reason) => downs.push((now, reason)),
                other => panic!("{other:?} at {now}"),
            }
        }
        now += 10;
    }
    assert_eq!(downs, [(10_000 + DOWN_AFTER_MS, "refused".to_owned())]);
    assert!(pings.len() < 25, "{pings:?}");
    let longest = pings.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(longest <= BACK_OFF_MAX_MS * 5 / 4 + 10, "{longest}");
}

#[test]
fn a_short_failure_is_not_told() {
    let mut peers = in_sync();
    peers.set_own(holds(2));
    peers.actions(at(10_000));
    peers.ping_failed(&A, "refused".to_owned(), at(10_001));
    assert_eq!(peers.actions(at(11_000)), [Action::Ping(A)]);
    peers.pinged(&A, &holds(2), holds(2), at(11_001));
    assert_eq!(peers.actions(at(30_000)), []);
}

#[test]
fn a_sign_of_life_ends_the_back_off() {
    let mut peers = peers(&[A]);
    peers.actions(at(0));
    for failure in 1..10 {
        peers.ping_failed(&A, "refused".to_owned(), at(failure));
    }
    assert!(peers.next_at().unwrap() > at(5000));
    peers.heard(&A, holds(2), &holds(1), at(3000));
    assert_eq!(peers.actions(at(3000)), [Action::Ping(A)]);
    peers.pinged(&A, &holds(1), holds(2), at(3001));
    assert_eq!(peers.actions(at(3001)), [Action::NoteUp(A), Action::Pull(A, PullMode::Cursor)]);
}

#[test]
fn a_refused_event_stops_the_pull_and_it_is_tried_again_later() {
    let mut peers = in_sync();
    peers.heard(&A, holds(2), &holds(1), at(1000));
    peers.actions(at(1000));
    let refused = PullReport { refused: Some("unknown origin".to_owned()), ..report(PullMode::Cursor, 2, 0) };
    peers.pulled(&A, refused, at(1001));
    assert_eq!(peers.actions(at(1002)), []);
    assert_eq!(peers.view(&A).unwrap().error.as_deref(), Some("unknown origin"));
    // The cursor may be past what the event needs.
    assert_eq!(peers.actions(at(2000)), [Action::Pull(A, PullMode::Vector)]);
    let refused = PullReport { refused: Some("unknown origin".to_owned()), ..report(PullMode::Vector, 2, 0) };
    peers.pulled(&A, refused, at(2001));
    assert_eq!(peers.actions(at(2400)), []);
    assert_eq!(peers.actions(at(5000)), [Action::Pull(A, PullMode::Cursor)]);
}

#[test]
fn a_paused_peer_is_left_alone_until_resumed() {
    let mut peers = in_sync();
    peers.set_links(&[(A, true)], at(1000));
    peers.set_own(holds(2));
    peers.heard(&A, holds(3), &holds(2), at(1002));
    assert_eq!(peers.actions(at(500_000)), []);
    peers.set_links(&[(A, false)], at(600_000));
    assert_eq!(peers.actions(at(600_000)), [Action::Ping(A)], "where it answers now isn't known yet");
}

#[test]
fn a_removed_peer_is_forgotten() {
    let mut peers = in_sync();
    peers.set_links(&[], at(10));
    peers.pinged(&A, &holds(1), holds(2), at(11));
    assert_eq!((peers.actions(at(100_000)), peers.next_at()), (vec![], None));
}

#[test]
fn want_totals_are_told_within_a_second() {
    let mut peers = in_sync();
    peers.set_own(Summary { want_bytes: 7, ..holds(1) });
    assert_eq!(peers.actions(at(2000)), [Action::Ping(A)]);
    peers.pinged(&A, &Summary { want_bytes: 7, ..holds(1) }, holds(1), at(2001));
    peers.set_own(Summary { want_bytes: 3, ..holds(1) });
    assert_eq!((peers.actions(at(2002)), peers.next_at()), (vec![], Some(at(3000))));
}

#[test]
fn an_answer_that_was_overtaken_is_checked() {
    let mut peers = in_sync();
    peers.heard(&A, holds(5), &holds(1), at(1000));
    peers.heard(&A, holds(4), &holds(1), at(1001));
    assert!(peers.actions(at(1001)).contains(&Action::Ping(A)));
}

#[test]
fn a_node_has_caught_up_with_a_peer_when_its_log_was_read_to_the_end() {
    let mut peers = peers(&[A]);
    let caught_up = |peers: &Peers| peers.view(&A).unwrap().caught_up;
    assert!(!caught_up(&peers));
    peers.actions(at(0));
    peers.pinged(&A, &holds(1), holds(2), at(1));
    peers.actions(at(1));
    assert!(!caught_up(&peers));
    peers.pulled(&A, report(PullMode::Cursor, 2, 1), at(2));
    assert!(caught_up(&peers));
    peers.heard(&A, holds(3), &holds(1), at(3));
    assert!(!caught_up(&peers));
}

#[test]
fn a_peer_that_closes_connections_is_pinged_but_not_all_the_time() {
    let mut peers = in_sync();
    peers.lost(&A, at(500));
    assert_eq!((peers.actions(at(500)), peers.next_at()), (vec![], Some(at(LOST_MS))));
    assert_eq!(peers.actions(at(LOST_MS)), [Action::Ping(A)]);
    peers.pinged(&A, &holds(1), holds(1), at(LOST_MS + 1));
    peers.lost(&A, at(LOST_MS + 20_000));
    assert_eq!(peers.actions(at(LOST_MS + 20_000)), [Action::Ping(A)]);
}

/// A peer that was read by cursor and yet differs.
fn read_and_different() -> Peers {
    let mut peers = in_sync();
    peers.heard(&A, holds(2), &holds(1), at(1000));
    assert_eq!(peers.actions(at(1000)), [Action::Pull(A, PullMode::Cursor)]);
    peers.pulled(&A, report(PullMode::Cursor, 2, 1), at(1000));
    peers
}

fn part(mode: PullMode, theirs: u8, gained: u64) -> PullReport {
    PullReport { more: true, ..report(mode, theirs, gained) }
}

/// Begins a pull by vector; its first part comes to no end and brings nothing.
fn begun_by_vector(peers: &mut Peers, now: u64) {
    assert_eq!(peers.actions(at(now)), [Action::Pull(A, PullMode::Vector)]);
    peers.pulled(&A, part(PullMode::Vector, 2, 0), at(now));
    assert_eq!(peers.actions(at(now)), [Action::Pull(A, PullMode::Cursor)], "it goes on, at once");
}

#[test]
fn a_pull_by_vector_that_takes_many_turns_goes_on_by_cursor_and_settles_by_what_all_brought() {
    let mut peers = read_and_different();
    for (now, brought) in [(3000, 1), (8000, 0)] {
        begun_by_vector(&mut peers, now);
        peers.pulled(&A, part(PullMode::Cursor, 2, brought), at(now));
        assert_eq!(peers.actions(at(now)), [Action::Pull(A, PullMode::Cursor)]);
        assert_eq!(peers.settled(&A, at(now)), None);
        peers.pulled(&A, report(PullMode::Cursor, 2, 0), at(now));
        assert_eq!(peers.actions(at(now + 4999)), []);
    }
    assert_eq!(peers.actions(at(30_000)), [], "the second brought nothing");
}

#[test]
fn a_pull_by_vector_of_many_turns_settles_nothing_that_came_meanwhile() {
    let mut peers = read_and_different();
    begun_by_vector(&mut peers, 3000);
    peers.heard(&A, holds(3), &holds(1), at(3000));
    peers.pulled(&A, report(PullMode::Cursor, 3, 0), at(3000));
    assert_eq!(peers.actions(at(7999)), []);
    assert_eq!(peers.actions(at(8000)), [Action::Pull(A, PullMode::Vector)]);
}

#[test]
fn a_pull_by_vector_begins_again_if_the_log_is_replaced_between_its_turns() {
    let replaced = [Summary { log_id: [8; 16], ..holds(2) }, Summary { head: Lsn::new(1), ..holds(2) }];
    for (theirs, is_last) in replaced.into_iter().flat_map(|theirs| [(theirs.clone(), true), (theirs, false)]) {
        let mut peers = read_and_different();
        begun_by_vector(&mut peers, 3000);
        let report = report(PullMode::Cursor, 2, 0);
        peers.pulled(&A, PullReport { theirs: theirs.clone(), more: !is_last, ..report }, at(3000));
        if theirs.head < holds(2).head {
            assert_eq!(peers.actions(at(3000)), [Action::Ping(A)], "a shorter log is asked about");
            peers.pinged(&A, &holds(1), theirs.clone(), at(3000));
        }
        assert_eq!(peers.actions(at(7999)), []);
        assert_eq!(peers.actions(at(8000)), [Action::Pull(A, PullMode::Vector)], "{theirs:?}");
    }
}

/// What a turn took before it failed isn't known.
#[test]
fn a_pull_by_vector_of_which_a_turn_failed_goes_on_and_settles_nothing() {
    let mut peers = read_and_different();
    begun_by_vector(&mut peers, 3000);
    peers.pull_failed(&A, "the line broke".to_owned(), at(3000));
    assert_eq!(peers.actions(at(3000)), [Action::Ping(A)]);
    peers.pinged(&A, &holds(1), holds(2), at(3001));
    assert_eq!(peers.actions(at(4000)), [Action::Pull(A, PullMode::Cursor)]);
    peers.pulled(&A, report(PullMode::Cursor, 2, 0), at(4000));
    assert_eq!(peers.actions(at(8999)), []);
    begun_by_vector(&mut peers, 9000);
    peers.pulled(&A, report(PullMode::Cursor, 2, 0), at(9000));
    assert_eq!(peers.actions(at(30_000)), [], "the second did not fail");
}

#[test]
fn an_event_refused_in_a_later_turn_of_a_pull_by_vector_ends_it() {
    let mut peers = read_and_different();
    begun_by_vector(&mut peers, 3000);
    let refused = |mode| PullReport { refused: Some("unknown origin".to_owned()), ..report(mode, 2, 0) };
    peers.pulled(&A, refused(PullMode::Cursor), at(3000));
    assert!(!peers.view(&A).unwrap().caught_up);
    assert_eq!(peers.actions(at(8000)), [Action::Pull(A, PullMode::Cursor)]);
    peers.pulled(&A, refused(PullMode::Cursor), at(8000));
    assert_eq!(peers.actions(at(20_000)), [Action::Pull(A, PullMode::Vector)]);
}

#[test]
fn a_peer_of_which_an_event_was_refused_is_neither_read_nor_held() {
    let mut peers = in_sync();
    peers.heard(&A, holds(2), &holds(1), at(1000));
    peers.actions(at(1000));
    let refused = PullReport { refused: Some("unknown origin".to_owned()), ..report(PullMode::Cursor, 2, 1) };
    peers.pulled(&A, refused, at(1000));
    assert!(!peers.view(&A).unwrap().caught_up, "it stopped before the end");
    // What it lacked came from elsewhere while the pull by vector was under way, and a twin before that is still lacking.
    assert_eq!(peers.actions(at(3000)), [Action::Pull(A, PullMode::Vector)]);
    peers.pulled(&A, report(PullMode::Vector, 2, 0), at(3000));
    assert!(peers.view(&A).unwrap().caught_up);
    assert_eq!(peers.actions(at(7999)), []);
    assert_eq!(peers.actions(at(8000)), [Action::Pull(A, PullMode::Vector)]);
    peers.pulled(&A, report(PullMode::Vector, 2, 0), at(8000));
    assert_eq!(peers.actions(at(30_000)), []);
}
