//! What the planner asks of whom, in which order, and what it does when that goes wrong.

use ods_store::{PIECE_BYTES, UnixMillis};

use super::super::limits::{PROGRESS_MS, RUN_PIECES_MAX};
use super::*;

const A: NodeId = NodeId::from_bytes([1; 32]);
const B: NodeId = NodeId::from_bytes([2; 32]);

fn at(ms: u64) -> Moment {
    Moment::new(ms)
}

fn blob(number: u8) -> Digest {
    Digest::from_bytes([number; 32])
}

fn want(number: u8, pieces: u64) -> Want {
    let newest_at = UnixMillis::new(u64::from(number));
    Want { blob: blob(number), size: pieces * PIECE_BYTES, since: UnixMillis::new(0), newest_at, asked_at: None }
}

fn planner(wants: Vec<Want>, sources: &[NodeId]) -> Planner {
    let mut planner = Planner::new(0);
    planner.set_wants(wants, at(0));
    planner.set_sources(sources.iter().copied().collect(), at(0));
    planner
}

/// A planner with one big blob whose outline and last piece are here.
fn under_way(pieces: u64, sources: &[NodeId]) -> Planner {
    let mut planner = planner(vec![want(1, pieces)], sources);
    planner.actions(at(0));
    for node in sources {
        planner.pieces(&blob(1), node, Ok(Has::All), at(1));
    }
    planner.actions(at(1));
    let mut missing = PieceSet::all(pieces);
    missing.remove(pieces - 1);
    planner.opened(&blob(1), Some(Opened { missing, outline_known: true }), at(2));
    planner
}

fn runs(actions: &[Action]) -> Vec<(NodeId, u64, u64)> {
    let run = |action: &Action| match action {
        Action::FetchRun { node, run, .. } => Some((*node, run.first, run.count)),
        _ => None,
    };
    actions.iter().filter_map(run).collect()
}

fn wholes(actions: &[Action]) -> Vec<u8> {
    let whole = |action: &Action| match action {
        Action::FetchWhole { blob, .. } => Some(blob.as_bytes()[0]),
        _ => None,
    };
    actions.iter().filter_map(whole).collect()
}

#[test]
fn a_blob_goes_through_map_outline_last_piece_runs_and_finish() {
    let mut planner = planner(vec![want(1, 20)], &[A]);
    assert_eq!(planner.actions(at(0)), [Action::AskPieces { blob: blob(1), size: 20 * PIECE_BYTES, node: A, seen: 0 }]);
    planner.pieces(&blob(1), &A, Ok(Has::All), at(1));
    assert_eq!(planner.actions(at(1)), [Action::Open { blob: blob(1), size: 20 * PIECE_BYTES }]);
    planner.opened(&blob(1), Some(Opened { missing: PieceSet::all(20), outline_known: false }), at(2));
    assert_eq!(planner.actions(at(2)), [Action::AskOutline { blob: blob(1), node: A }]);
    planner.outline(&blob(1), &A, Ok(()), at(3));
    assert_eq!(runs(&planner.actions(at(3))), [(A, 19, 1)]);
    assert_eq!(planner.actions(at(3)), []);
    planner.piece_arrived(&blob(1), 19);
    planner.run_ended(&blob(1), &A, Run { first: 19, count: 1 }, Ok(()), at(4));
    assert_eq!(runs(&planner.actions(at(4))), [(A, 0, 8), (A, 8, 8)]);
    for piece in 0..16 {
        planner.piece_arrived(&blob(1), piece);
    }
    planner.run_ended(&blob(1), &A, Run { first: 0, count: 8 }, Ok(()), at(5));
    assert_eq!(runs(&planner.actions(at(5))), [(A, 16, 3)]);
    planner.run_ended(&blob(1), &A, Run { first: 8, count: 8 }, Ok(()), at(6));
    for piece in 16..19 {
        planner.piece_arrived(&blob(1), piece);
    }
    assert_eq!(planner.actions(at(6)), []);
    planner.run_ended(&blob(1), &A, Run { first: 16, count: 3 }, Ok(()), at(7));
    assert_eq!(planner.actions(at(7)), [Action::Finish { blob: blob(1) }]);
    planner.finished(&blob(1), true, at(8));
    assert_eq!((planner.actions(at(8)), planner.jobs().count()), (vec![], 0));
}

#[test]
fn no_piece_is_claimed_twice_and_all_sources_are_used() {
    let mut planner = under_way(100, &[A, B]);
    let runs = runs(&planner.actions(at(3)));
    let mut claimed = BTreeSet::new();
    for (_, first, count) in &runs {
        assert!(*count <= RUN_PIECES_MAX);
        for piece in *first..first + count {
            assert!(claimed.insert(piece), "piece {piece} twice in {runs:?}");
        }
    }
    assert_eq!(runs.iter().filter(|(node, ..)| *node == A).count(), 2);
    assert_eq!(runs.iter().filter(|(node, ..)| *node == B).count(), 2);
}

#[test]
fn a_source_is_only_asked_for_pieces_that_it_has() {
    let mut planner = planner(vec![want(1, 20)], &[A]);
    planner.actions(at(0));
    let mut some = PieceSet::none(20);
    for piece in [3, 4, 5, 19] {
        some.insert(piece);
    }
    planner.pieces(&blob(1), &A, Ok(Has::Some(some)), at(1));
    planner.actions(at(1));
    let mut missing = PieceSet::all(20);
    for piece in [4, 19] {
        missing.remove(piece);
    }
    planner.opened(&blob(1), Some(Opened { missing, outline_known: true }), at(2));
    assert_eq!(runs(&planner.actions(at(2))), [(A, 3, 1), (A, 5, 1)]);
    let later = planner.actions(at(200));
    assert_eq!(later, [Action::AskPieces { blob: blob(1), size: 20 * PIECE_BYTES, node: A, seen: 4 }]);
}

#[test]
fn a_source_that_sent_a_wrong_piece_is_banned_for_that_blob() {
    let mut planner = under_way(20, &[A, B]);
    let first = runs(&planner.actions(at(3)));
    let of_a: Vec<_> = first.iter().filter(|(node, ..)| *node == A).collect();
    for (node, first, count) in of_a {
        let wrong = Err(StepError::Source(Trouble::Wrong));
        planner.run_ended(&blob(1), node, Run { first: *first, count: *count }, wrong, at(4));
    }
    planner.set_wants(vec![want(1, 20), want(2, 1)], at(5));
    planner.sign_of_life(&A, at(60_000));
    let actions = planner.actions(at(60_000));
    assert!(!runs(&actions).iter().any(|(node, ..)| *node == A), "{actions:?}");
    assert_eq!(wholes(&actions), [2]);
}

#[test]
fn the_pieces_of_a_source_that_fell_silent_go_to_others() {
    let mut planner = under_way(20, &[A, B]);
    let first = runs(&planner.actions(at(3)));
    for (node, first, count) in &first {
        let result = if *node == A { Err(StepError::Source(Trouble::Failed)) } else { Ok(()) };
        if *node == B {
            (*first..first + count).for_each(|piece| planner.piece_arrived(&blob(1), piece));
        }
        planner.run_ended(&blob(1), node, Run { first: *first, count: *count }, result, at(10_000));
    }
    let second = runs(&planner.actions(at(10_001)));
    assert!(!second.is_empty() && second.iter().all(|(node, ..)| *node == B), "{second:?}");
}

#[test]
fn a_want_whose_runs_break_but_bring_pieces_is_not_left_alone_ever_longer() {
    let mut planner = planner(vec![want(1, 200)], &[A]);
    let mut missing = PieceSet::all(200);
    let mut broken = 0;
    for now in 0..20_000 {
        for action in planner.actions(at(now)) {
            match action {
                Action::AskPieces { .. } => planner.pieces(&blob(1), &A, Ok(Has::All), at(now)),
                Action::Open { .. } => {
                    planner.opened(&blob(1), Some(Opened { missing: missing.clone(), outline_known: true }), at(now));
                }
                Action::FetchRun { run, .. } => {
                    missing.remove(run.first);
                    planner.piece_arrived(&blob(1), run.first);
                    planner.run_ended(&blob(1), &A, run, Err(StepError::Source(Trouble::Failed)), at(now));
                    broken += 1;
                }
                _ => {}
            }
        }
    }
    assert!(broken > 20, "{broken} runs in 20 s, each with a piece");
}

#[test]
fn a_want_that_no_peer_has_gives_its_place_back_and_is_tried_again() {
    let mut planner = planner(vec![want(1, 20)], &[A]);
    let (mut now, mut asked) = (0, vec![]);
    while now < 60_000 {
        for action in planner.actions(at(now)) {
            assert_eq!(action, Action::AskPieces { blob: blob(1), size: 20 * PIECE_BYTES, node: A, seen: 0 });
            asked.push(now);
            planner.pieces(&blob(1), &A, Err(Trouble::Absent), at(now));
        }
        assert!(planner.actions(at(now)).is_empty() && planner.jobs().count() == 0);
        now = planner.next_at(at(now + 1)).map_or(now + 1, |next| next.ms_since(at(0)));
    }
    assert!((8..20).contains(&asked.len()), "{asked:?}");
    planner.sign_of_life(&A, at(now));
    assert_eq!(planner.actions(at(now)).len(), 1);
}

#[test]
fn without_peers_nothing_is_tried_and_a_new_peer_is_a_sign_of_life() {
    let mut planner = planner(vec![want(1, 1)], &[]);
    assert_eq!((planner.actions(at(0)), planner.next_at(at(0))), (vec![], None));
    planner.set_sources(BTreeSet::from([B]), at(5));
    assert_eq!(wholes(&planner.actions(at(5))), [1]);
}

#[test]
fn small_blobs_do_not_wait_behind_big_ones() {
    let mut wants: Vec<Want> = (1..20).map(|number| want(number, 1000)).collect();
    wants.extend((100..110).map(|number| want(number, 1)));
    let mut planner = planner(wants, &[A, B]);
    let actions = planner.actions(at(0));
    assert_eq!(wholes(&actions).len(), 10);
    assert_eq!(planner.jobs().count(), 10 + BIG_BLOBS_AT_ONCE);
}

#[test]
fn what_a_client_waits_for_comes_first_then_the_newest() {
    let mut wants: Vec<Want> = (1..=40).map(|number| want(number, 1)).collect();
    wants[0].asked_at = Some(UnixMillis::new(1));
    let mut planner = planner(wants, &[A]);
    let first = wholes(&planner.actions(at(0)));
    assert!(first.contains(&1) && first.len() == RUNS_PER_PEER_MAX, "{first:?}");
    let newest: Vec<u8> = planner.jobs().map(|blob| blob.as_bytes()[0]).filter(|number| *number != 1).collect();
    assert!(newest.iter().all(|number| *number > 40 - 12), "{newest:?}");
}

#[test]
fn a_small_blob_that_one_peer_lacks_is_asked_of_another() {
    let mut planner = planner(vec![want(1, 1)], &[A, B]);
    let Some(Action::FetchWhole { node: first, .. }) = planner.actions(at(0)).pop() else { panic!("no fetch") };
    planner.whole_ended(&blob(1), &first, Err(StepError::Source(Trouble::Absent)), at(1));
    let Some(Action::FetchWhole { node: second, .. }) = planner.actions(at(1)).pop() else { panic!("no fetch") };
    assert_ne!(first, second);
    planner.whole_ended(&blob(1), &second, Ok(()), at(2));
    assert_eq!((planner.actions(at(2)), planner.jobs().count()), (vec![], 0));
}

#[test]
fn a_full_disk_is_tried_again_later_and_blocks_no_other_blob() {
    let mut planner = planner(vec![want(1, 20), want(2, 1)], &[A]);
    planner.actions(at(0));
    planner.pieces(&blob(1), &A, Ok(Has::All), at(1));
    planner.actions(at(1));
    planner.opened(&blob(1), None, at(2));
    assert_eq!(planner.jobs().collect::<Vec<_>>(), [&blob(2)]);
    assert_eq!(planner.actions(at(LOCAL_FAILURE_MS / 2)), []);
    let actions = planner.actions(at(LOCAL_FAILURE_MS * 2));
    assert!(
        actions.contains(&Action::AskPieces { blob: blob(1), size: 20 * PIECE_BYTES, node: A, seen: 0 }),
        "{actions:?}"
    );
}

#[test]
fn a_want_that_is_gone_is_closed() {
    let mut planner = under_way(20, &[A]);
    planner.actions(at(3));
    assert_eq!(planner.set_wants(vec![], at(4)), [Action::Close { blob: blob(1) }]);
    planner.piece_arrived(&blob(1), 1);
    planner.run_ended(&blob(1), &A, Run { first: 0, count: 8 }, Ok(()), at(5));
    assert_eq!((planner.actions(at(6)), planner.next_at(at(6)).is_none_or(|next| next > at(6))), (vec![], true));
}

#[test]
fn a_hundred_thousand_wants_are_planned_quickly() {
    let wants = (0..100_000_u64).map(|number| {
        let mut name = [0; 32];
        name[..8].copy_from_slice(&number.to_le_bytes());
        Want { blob: Digest::from_bytes(name), ..want(1, 1) }
    });
    let mut planner = planner(wants.collect(), &[A]);
    for now in 0..1000 {
        for action in planner.actions(at(now)) {
            let Action::FetchWhole { blob, node, .. } = action else { panic!("{action:?}") };
            planner.whole_ended(&blob, &node, Ok(()), at(now));
        }
        assert!(planner.jobs().count() <= SMALL_BLOBS_AT_ONCE + ASKED_BLOBS_AT_ONCE);
    }
}

#[test]
fn a_source_whose_line_keeps_breaking_but_delivers_is_asked_again_soon() {
    let mut planner = under_way(200, &[A]);
    let mut now = 3;
    for _ in 0..20 {
        for (node, first, count) in runs(&planner.actions(at(now))) {
            planner.piece_arrived(&blob(1), first);
            let broke = Err(StepError::Source(Trouble::Failed));
            planner.run_ended(&blob(1), &node, Run { first, count }, broke, at(now));
        }
        now += 2000;
    }
    let more = runs(&planner.actions(at(now)));
    assert!(more.first().is_some_and(|(_, first, _)| *first >= 18), "{more:?}");
}

#[test]
fn blobs_whose_sources_have_no_more_to_give_make_room_for_others() {
    let mut planner = planner((1..=4).map(|number| want(number, 20)).collect(), &[A]);
    planner.actions(at(0));
    let last = || {
        let mut pieces = PieceSet::none(20);
        pieces.insert(19);
        pieces
    };
    for number in 2..=4 {
        planner.pieces(&blob(number), &A, Ok(Has::Some(last())), at(1));
    }
    planner.actions(at(1));
    for number in 2..=4 {
        planner.opened(&blob(number), Some(Opened { missing: last().complement(), outline_known: true }), at(2));
    }
    let asks_for_the_fourth = |actions: &[Action]| {
        actions.iter().any(|action| matches!(action, Action::AskPieces { blob: asked, .. } if *asked == blob(1)))
    };
    let actions = planner.actions(at(200));
    assert!(!asks_for_the_fourth(&actions), "pieces may come yet: {actions:?}");
    let mut later = planner.actions(at(200 + PROGRESS_MS));
    later.extend(planner.actions(at(201 + PROGRESS_MS)));
    assert!(
        later.iter().any(|action| matches!(action, Action::Close { .. })) && asks_for_the_fourth(&later),
        "{later:?}"
    );
}
