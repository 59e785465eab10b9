//! What the planner asks of whom, in which order, and what it does when that goes wrong.

use ods_store::{PIECE_BYTES, UnixMillis, WantReason};

use super::super::limits::{
    BIG_RUNS_PER_PEER_MAX, PROGRESS_MS, RUN_PIECES_MAX, SMALL_BYTES_AT_ONCE, SMALL_RUNS_PER_PEER_MAX,
};
use super::*;

const A: NodeId = NodeId::from_bytes([1; 32]);
const OWN: NodeId = NodeId::from_bytes([9; 32]);
const B: NodeId = NodeId::from_bytes([2; 32]);

/// Of a big blob; which one doesn't matter.
const SIZE: u64 = 20 * PIECE_BYTES;

fn at(ms: u64) -> Moment {
    Moment::new(ms)
}

fn blob(number: u8) -> Digest {
    Digest::from_bytes([number; 32])
}

fn want(number: u8, pieces: u64) -> Want {
    let newest_at = UnixMillis::new(u64::from(number));
    Want {
        blob: blob(number),
        size: pieces * PIECE_BYTES,
        since: UnixMillis::new(0),
        newest_at,
        asked_at: None,
        reason: WantReason::Release,
    }
}

fn planner(wants: Vec<Want>, sources: &[NodeId]) -> Planner {
    let mut planner = Planner::new(OWN, 0);
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

/// The runs that are asked for at once, and those when they end.
fn both_runs(planner: &mut Planner, now: u64) -> Vec<(NodeId, u64, u64)> {
    let mut all = runs(&planner.actions(at(now)));
    for (node, first, count) in all.clone() {
        planner.run_ending(&blob(1), &node, Run { first, count });
    }
    all.extend(runs(&planner.actions(at(now))));
    all
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
    assert_eq!(
        planner.actions(at(0)),
        [Action::AskPieces { blob: blob(1), size: 20 * PIECE_BYTES, node: A, seen: None }]
    );
    planner.pieces(&blob(1), &A, Ok(Has::All), at(1));
    assert_eq!(planner.actions(at(1)), [Action::Open { blob: blob(1), size: 20 * PIECE_BYTES }]);
    planner.opened(&blob(1), Some(Opened { missing: PieceSet::all(20), outline_known: false }), at(2));
    assert_eq!(planner.actions(at(2)), [Action::AskOutline { blob: blob(1), node: A }]);
    planner.outline(&blob(1), &A, Ok(()), at(3));
    assert_eq!(runs(&planner.actions(at(3))), [(A, 19, 1)]);
    assert_eq!(planner.actions(at(3)), []);
    planner.piece_arrived(&blob(1), &A, 19, at(4));
    planner.run_ended((&blob(1), SIZE), &A, Run { first: 19, count: 1 }, Ok(()), at(4));
    // A piece a millisecond, so as many as a request may be for.
    let mut first = runs(&planner.actions(at(4)));
    assert_eq!(first, [(A, 0, RUN_PIECES_MAX)]);
    planner.run_ending(&blob(1), &A, Run { first: 0, count: RUN_PIECES_MAX });
    first.extend(runs(&planner.actions(at(4))));
    assert_eq!(first[1..], [(A, RUN_PIECES_MAX, 19 - RUN_PIECES_MAX)]);
    for (_, first, count) in &first {
        (*first..first + count).for_each(|piece| planner.piece_arrived(&blob(1), &A, piece, at(5)));
    }
    assert_eq!(planner.actions(at(7)), [Action::Finish { blob: blob(1) }]);
    for (node, first, count) in first {
        planner.run_ended((&blob(1), SIZE), &node, Run { first, count }, Ok(()), at(6));
    }
    planner.finished(&blob(1), true, at(8));
    assert_eq!((planner.actions(at(8)), planner.jobs().count()), (vec![], 0));
}

#[test]
fn no_piece_is_claimed_twice_and_all_sources_are_used() {
    let mut planner = under_way(100, &[A, B]);
    let runs = both_runs(&mut planner, 3);
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
fn a_source_is_asked_for_more_once_what_it_owes_will_soon_be_here() {
    let mut planner = under_way(100, &[A]);
    let first = runs(&planner.actions(at(3)));
    assert_eq!((first.len(), runs(&planner.actions(at(1000))).len()), (1, 0));
    let run = Run { first: first[0].1, count: first[0].2 };
    planner.run_ending(&blob(1), &A, run);
    let second = runs(&planner.actions(at(1001)));
    assert_eq!(second.len(), 1);
    planner.run_ending(&blob(1), &A, run);
    assert_eq!(runs(&planner.actions(at(1002))), [], "the second is not near its end");
    planner.run_ending(&blob(1), &A, Run { first: second[0].1, count: second[0].2 });
    assert_eq!(runs(&planner.actions(at(1003))), [], "two are enough");
    planner.run_ended((&blob(1), SIZE), &A, run, Ok(()), at(1004));
    assert_eq!(runs(&planner.actions(at(1004))).len(), 1);
}

#[test]
fn nodes_that_begin_together_begin_in_parts_of_their_own() {
    let begins = |own: NodeId, others: [NodeId; 2]| {
        let mut planner = Planner::new(own, 0);
        planner.set_wants(vec![want(1, 90)], at(0));
        planner.set_sources([A, others[0], others[1]].into(), at(0));
        planner.actions(at(0));
        // The source has all; of the others one lacks all so far, and one has not answered.
        planner.pieces(&blob(1), &A, Ok(Has::All), at(1));
        planner.pieces(&blob(1), &others[0], Ok(Has::Some(PieceSet::none(90))), at(1));
        planner.actions(at(1));
        let mut missing = PieceSet::all(90);
        missing.remove(89);
        planner.opened(&blob(1), Some(Opened { missing, outline_known: true }), at(2));
        runs(&planner.actions(at(2)))
    };
    let c = NodeId::from_bytes([3; 32]);
    assert_eq!(begins(B, [c, OWN]), [(A, 0, 1)]);
    assert_eq!(begins(c, [OWN, B]), [(A, 30, 1)]);
    assert_eq!(begins(OWN, [B, c]), [(A, 60, 1)]);
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
    let first: BTreeSet<_> = both_runs(&mut planner, 2).into_iter().collect();
    assert_eq!(first, BTreeSet::from([(A, 3, 1), (A, 5, 1)]));
    let later = planner.actions(at(200));
    assert_eq!(later, [Action::AskPieces { blob: blob(1), size: 20 * PIECE_BYTES, node: A, seen: Some(4) }]);
    let mut more = PieceSet::none(20);
    for piece in [3, 4, 5, 6, 19] {
        more.insert(piece);
    }
    planner.pieces(&blob(1), &A, Ok(Has::Some(more)), at(201));
    planner.run_ended((&blob(1), SIZE), &A, Run { first: 3, count: 1 }, Ok(()), at(201));
    planner.piece_arrived(&blob(1), &A, 3, at(201));
    assert_eq!(runs(&planner.actions(at(201))), [(A, 6, 1)]);
}

#[test]
fn a_source_that_sent_a_wrong_piece_is_banned_for_that_blob() {
    let mut planner = under_way(20, &[A, B]);
    let first = runs(&planner.actions(at(3)));
    let of_a: Vec<_> = first.iter().filter(|(node, ..)| *node == A).collect();
    for (node, first, count) in of_a {
        let wrong = Err(StepError::Source(Trouble::Wrong));
        planner.run_ended((&blob(1), SIZE), node, Run { first: *first, count: *count }, wrong, at(4));
    }
    planner.set_wants(vec![want(1, 20), want(2, 1)], at(5));
    planner.signs_of_life(&[A], at(60_000));
    let actions = planner.actions(at(60_000));
    assert!(!runs(&actions).iter().any(|(node, ..)| *node == A), "{actions:?}");
    assert_eq!(wholes(&actions), [2]);
}

#[test]
fn a_blob_that_is_wanted_with_another_size_begins_anew_and_its_sources_with_it() {
    let mut planner = under_way(20, &[A]);
    let closed = planner.set_wants(vec![want(1, 21)], at(4));
    assert_eq!(closed, [Action::Close { blob: blob(1) }]);
    assert!(!planner.is_wanted_as(&blob(1), SIZE) && planner.is_wanted_as(&blob(1), SIZE + PIECE_BYTES));
    let ask = Action::AskPieces { blob: blob(1), size: SIZE + PIECE_BYTES, node: A, seen: None };
    assert_eq!(planner.actions(at(4)), [ask]);
}

#[test]
fn a_ban_ends_and_the_next_is_longer() {
    let mut planner = under_way(20, &[A]);
    let mut wrong_at = Vec::new();
    for second in 0..1000 {
        let now = at(3 + second * 1000);
        for action in planner.actions(now) {
            match action {
                Action::AskPieces { .. } => planner.pieces(&blob(1), &A, Ok(Has::All), now),
                Action::Open { .. } => {
                    planner.opened(&blob(1), Some(Opened { missing: PieceSet::all(20), outline_known: true }), now);
                }
                Action::FetchRun { run, .. } => {
                    wrong_at.push(second);
                    let wrong = Err(StepError::Source(Trouble::Wrong));
                    planner.run_ended((&blob(1), SIZE), &A, run, wrong, now);
                }
                _ => {}
            }
        }
    }
    let waits: Vec<u64> = wrong_at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // What follows the end of a ban is a back-off's look at most.
    assert_eq!(waits.len(), 4, "{waits:?}");
    for (wait, ban) in waits.iter().zip([60, 120, 240, 480]) {
        assert!((ban..ban + 45).contains(wait), "{waits:?}");
    }
}

#[test]
fn the_pieces_of_a_source_that_fell_silent_go_to_others() {
    let mut planner = under_way(20, &[A, B]);
    let first = runs(&planner.actions(at(3)));
    for (node, first, count) in &first {
        let result = if *node == A { Err(StepError::Source(Trouble::Failed)) } else { Ok(()) };
        if *node == B {
            (*first..first + count).for_each(|piece| planner.piece_arrived(&blob(1), &A, piece, at(10)));
        }
        planner.run_ended((&blob(1), SIZE), node, Run { first: *first, count: *count }, result, at(10_000));
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
                    planner.piece_arrived(&blob(1), &A, run.first, at(now));
                    planner.run_ended((&blob(1), SIZE), &A, run, Err(StepError::Source(Trouble::Failed)), at(now));
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
            assert_eq!(action, Action::AskPieces { blob: blob(1), size: 20 * PIECE_BYTES, node: A, seen: None });
            asked.push(now);
            planner.pieces(&blob(1), &A, Err(Trouble::Absent), at(now));
        }
        assert!(planner.actions(at(now)).is_empty() && planner.jobs().count() == 0);
        now = planner.next_at(at(now + 1)).map_or(now + 1, |next| next.ms_since(at(0)));
    }
    assert!((8..20).contains(&asked.len()), "{asked:?}");
    planner.signs_of_life(&[A], at(now));
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
    assert_eq!(planner.jobs().count(), 10 + BIG_BLOBS_AT_ONCE + Urgency::Release.further_places());
}

#[test]
fn what_a_client_waits_for_comes_first_then_the_newest() {
    let mut wants: Vec<Want> = (1..=80).map(|number| want(number, 1)).collect();
    wants[0].asked_at = Some(UnixMillis::new(1));
    let mut planner = planner(wants, &[A]);
    let first = wholes(&planner.actions(at(0)));
    assert!(first.contains(&1) && first.len() == SMALL_RUNS_PER_PEER_MAX, "{first:?}");
    let newest: Vec<u8> = planner.jobs().map(|blob| blob.as_bytes()[0]).filter(|number| *number != 1).collect();
    let places = u64::from(*newest.iter().min().unwrap());
    assert!(places > 80 - SMALL_BYTES_AT_ONCE / PIECE_BYTES, "{newest:?}");
}

#[test]
fn a_small_blob_that_one_peer_lacks_is_asked_of_another() {
    let mut planner = planner(vec![want(1, 1)], &[A, B]);
    let Some(Action::FetchWhole { node: first, .. }) = planner.actions(at(0)).pop() else { panic!("no fetch") };
    planner.whole_ended((&blob(1), PIECE_BYTES), &first, Err(StepError::Source(Trouble::Absent)), at(1));
    let actions = planner.actions(at(1));
    let [Action::FetchWhole { node: second, .. }, Action::AskPieces { node: asked, seen: Some(0), .. }] = actions[..]
    else {
        panic!("{actions:?}")
    };
    assert_eq!(asked, first, "it may be getting it");
    assert_ne!(first, second);
    planner.whole_ended((&blob(1), PIECE_BYTES), &second, Ok(()), at(2));
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
        actions.contains(&Action::AskPieces { blob: blob(1), size: 20 * PIECE_BYTES, node: A, seen: None }),
        "{actions:?}"
    );
}

#[test]
fn a_want_that_is_gone_is_closed() {
    let mut planner = under_way(20, &[A]);
    planner.actions(at(3));
    assert_eq!(planner.set_wants(vec![], at(4)), [Action::Close { blob: blob(1) }]);
    planner.piece_arrived(&blob(1), &A, 1, at(10));
    planner.run_ended((&blob(1), SIZE), &A, Run { first: 0, count: 8 }, Ok(()), at(5));
    assert_eq!((planner.actions(at(6)), planner.next_at(at(6)).is_none_or(|next| next > at(6))), (vec![], true));
}

/// What rotted was here: who relies on it waits longer than for what nobody had yet, but a release comes first.
#[test]
fn what_rotted_comes_after_releases_and_before_what_was_there_before() {
    let of = |reason, number| Want { reason, ..want(number, 1) };
    for (others, comes_first) in [(WantReason::Backfill, true), (WantReason::Release, false)] {
        let mut wants: Vec<Want> = (2..=80).map(|number| of(others, number)).collect();
        wants.push(of(WantReason::Repair, if comes_first { 1 } else { 90 }));
        let first = wholes(&planner(wants, &[A]).actions(at(0)));
        assert_eq!(first.len(), SMALL_RUNS_PER_PEER_MAX);
        assert_eq!(first.iter().any(|number| [1, 90].contains(number)), comes_first, "{others:?}: {first:?}");
    }
}

/// Bytes that 100,000 wants may take in the planner's memory.
const WANTS_BYTES_MAX: usize = 40_000_000;

/// A hundred thousand blobs, small and big, of which the source has every other: planned quickly, with few requests at once.
#[test]
fn a_hundred_thousand_wants_cost_few_requests_at_once_and_little_time() {
    let name = |number: u64| {
        let mut name = [0; 32];
        name[..8].copy_from_slice(&number.to_le_bytes());
        Digest::from_bytes(name)
    };
    let wants =
        (0..100_000).map(|number| Want { blob: name(number), ..want(1, if number % 10 == 0 { 100 } else { 1 }) });
    let is_there = |blob: &Digest| blob.as_bytes()[0].is_multiple_of(2);
    let began = std::time::Instant::now();
    let mut planner = planner(wants.collect(), &[A]);
    let (mut open, mut fetched) = (Vec::<Action>::new(), 0);
    for now in 0..2000 {
        open.extend(planner.actions(at(now)));
        let requests = open.iter().filter(|action| !matches!(action, Action::Close { .. })).count();
        assert!(requests <= SMALL_RUNS_PER_PEER_MAX + BIG_RUNS_PER_PEER_MAX + MAPS_OPEN_MAX + 16, "{requests} at once");
        assert!(planner.jobs().count() <= SMALL_BLOBS_AT_ONCE + BIG_BLOBS_AT_ONCE + 4);
        for action in std::mem::take(&mut open) {
            match action {
                Action::FetchWhole { blob, node, .. } => {
                    let there = if is_there(&blob) { Ok(()) } else { Err(StepError::Source(Trouble::Absent)) };
                    fetched += usize::from(there.is_ok());
                    planner.whole_ended((&blob, PIECE_BYTES), &node, there, at(now));
                }
                Action::AskPieces { blob, node, .. } => planner.pieces(&blob, &node, Err(Trouble::Absent), at(now)),
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(fetched > 5_000, "{fetched}");
    // Each is in one place, nothing is kept of what was tried and put off, and what is kept of each is small.
    assert_eq!(planner.small.len() + planner.big.len() + planner.jobs().count(), planner.wants());
    let row_bytes = size_of::<(Digest, Wanted)>() + size_of::<(Moment, Rank)>();
    // A tree of rows may be half empty.
    assert!(planner.wants() * row_bytes * 2 <= WANTS_BYTES_MAX, "{row_bytes} bytes a want");
    assert!(planner.wants.values().all(|wanted| wanted.banned.is_empty()));
    assert!(began.elapsed().as_secs() < 60, "it took {:?}", began.elapsed());
}

#[test]
fn a_more_urgent_blob_has_the_line_for_itself_but_for_small_ones() {
    let backfill = Want { reason: WantReason::Backfill, ..want(1, 100) };
    let mut planner = planner(vec![backfill.clone()], &[A]);
    let open = |planner: &mut Planner, number| {
        planner.actions(at(0));
        planner.pieces(&blob(number), &A, Ok(Has::All), at(0));
        planner.actions(at(0));
        let missing = (0..99).fold(PieceSet::none(100), |mut set, piece| {
            set.insert(piece);
            set
        });
        planner.opened(&blob(number), Some(Opened { missing, outline_known: true }), at(0));
        runs(&planner.actions(at(0)))
    };
    let of_backfill = open(&mut planner, 1);
    assert_eq!(of_backfill.len(), 1);
    let asked = Want { asked_at: Some(UnixMillis::new(5)), ..want(2, 100) };
    planner.set_wants(vec![backfill, asked, want(3, 1)], at(0));
    assert_eq!(open(&mut planner, 2).len(), 1);
    let (node, first, count) = of_backfill[0];
    planner.run_ended((&blob(1), SIZE), &node, Run { first, count }, Ok(()), at(1));
    assert_eq!(planner.actions(at(1)), [], "the backfill waits");
    assert!(planner.is_fetching(&blob(1)) && planner.is_fetching(&blob(3)));
    planner.set_wants(vec![Want { reason: WantReason::Backfill, ..want(1, 100) }], at(2));
    assert_eq!(runs(&planner.actions(at(2))).len(), 1, "it goes on when the line is free");
}

#[test]
fn a_piece_that_a_reader_waits_for_comes_before_others() {
    let mut planner = under_way(100, &[A]);
    planner.pieces_asked(&blob(1), vec![70]);
    let first = runs(&planner.actions(at(3)));
    assert!(first.iter().all(|(_, first, _)| (70..80).contains(first)), "{first:?}");
}

#[test]
fn a_stopped_source_is_doubled_at_the_end_only() {
    let mut planner = under_way(400, &[A, B]);
    // Both lines are known to be fast; then A stops.
    for now in 3..200 {
        for (node, first, count) in runs(&planner.actions(at(now))) {
            if node == B || now < 6 {
                (first..first + count).for_each(|piece| planner.piece_arrived(&blob(1), &node, piece, at(now + 1)));
                planner.run_ended((&blob(1), SIZE), &node, Run { first, count }, Ok(()), at(now + 1));
            }
        }
    }
    let view = planner.view(at(200));
    let left = view[0].size - view[0].bytes_done;
    assert!(left > 0 && runs(&planner.actions(at(201))).is_empty(), "all that is left is A's");
    let doubled = runs(&planner.actions(at(10_000)));
    assert!(!doubled.is_empty() && doubled.iter().all(|(node, _, count)| *node == B && *count == 1), "{doubled:?}");
}

#[test]
fn a_source_whose_line_keeps_breaking_but_delivers_is_asked_again_soon() {
    let mut planner = under_way(200, &[A]);
    let mut now = 3;
    for _ in 0..20 {
        for (node, first, count) in runs(&planner.actions(at(now))) {
            planner.piece_arrived(&blob(1), &A, first, at(now));
            let broke = Err(StepError::Source(Trouble::Failed));
            planner.run_ended((&blob(1), SIZE), &node, Run { first, count }, broke, at(now));
        }
        now += 2000;
    }
    let more = runs(&planner.actions(at(now)));
    assert!(more.first().is_some_and(|(_, first, _)| *first >= 18), "{more:?}");
}

#[test]
fn blobs_whose_sources_have_no_more_to_give_make_room_for_others() {
    let mut planner = planner((1..=6).map(|number| want(number, 20)).collect(), &[A]);
    planner.actions(at(0));
    let last = || {
        let mut pieces = PieceSet::none(20);
        pieces.insert(19);
        pieces
    };
    for number in 2..=6 {
        planner.pieces(&blob(number), &A, Ok(Has::Some(last())), at(1));
    }
    planner.actions(at(1));
    for number in 2..=6 {
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

/// Two that drip don't keep a blob from an honest source, measured or not, whether it is the only piece or the last.
#[test]
fn a_piece_that_all_waits_for_is_asked_of_others_when_those_who_owe_it_are_silent() {
    const C: NodeId = NodeId::from_bytes([3; 32]);
    let mut small = planner(vec![want(1, 1)], &[A, B]);
    assert_eq!(wholes(&small.actions(at(0))), [1]);
    assert!(wholes(&small.actions(at(9_000))).is_empty(), "an honest line may be as slow");
    assert_eq!(wholes(&small.actions(at(10_001))), [1], "the other source is asked");
    assert!(wholes(&small.actions(at(60_000))).is_empty(), "nobody is left to ask");
    small.whole_ended((&blob(1), PIECE_BYTES), &B, Ok(()), at(60_001));
    small.whole_ended((&blob(1), PIECE_BYTES), &A, Ok(()), at(60_002));
    assert_eq!((small.wants(), small.actions(at(60_003))), (0, vec![]));

    let mut big = planner(vec![want(1, 20)], &[A, B, C]);
    big.actions(at(0));
    for node in [A, B, C] {
        big.pieces(&blob(1), &node, Ok(Has::All), at(1));
    }
    big.actions(at(1));
    big.opened(&blob(1), Some(Opened { missing: PieceSet::all(20), outline_known: true }), at(2));
    assert_eq!(runs(&big.actions(at(2))), [(A, 19, 1), (B, 19, 1)]);
    assert_eq!(runs(&big.actions(at(9_000))), []);
    assert_eq!(runs(&big.actions(at(10_003))), [(C, 19, 1)]);
}

/// What is late is told by what the other line is known to take.
#[test]
fn a_slow_source_of_a_small_blob_is_doubled_as_soon_as_a_fast_one_is_known() {
    let mut planner = planner(vec![want(2, 1)], &[B]);
    planner.actions(at(0));
    planner.whole_ended((&blob(2), PIECE_BYTES), &B, Ok(()), at(1_000));
    planner.set_sources([A, B].into(), at(1_000));
    planner.set_wants(vec![want(1, 1)], at(1_000));
    assert_eq!(planner.actions(at(1_000)), [Action::FetchWhole { blob: blob(1), node: A, size: PIECE_BYTES }]);
    assert!(wholes(&planner.actions(at(3_000))).is_empty());
    let again = planner.actions(at(3_600));
    assert_eq!(again, [Action::FetchWhole { blob: blob(1), node: B, size: PIECE_BYTES }]);
}

#[test]
fn a_sign_of_life_of_a_peer_that_is_banned_for_a_blob_does_not_have_it_tried_again() {
    let mut planner = under_way(20, &[A]);
    for (node, first, count) in runs(&planner.actions(at(3))) {
        let wrong = Err(StepError::Source(Trouble::Wrong));
        planner.run_ended((&blob(1), SIZE), &node, Run { first, count }, wrong, at(4));
    }
    assert_eq!(planner.actions(at(5)), [Action::Close { blob: blob(1) }]);
    let next = planner.next_at(at(6)).unwrap();
    assert!(next > at(6));
    planner.signs_of_life(&[A], at(6));
    assert_eq!(planner.next_at(at(6)), Some(next));
    planner.set_sources(BTreeSet::from([A, B]), at(6));
    let ask = Action::AskPieces { blob: blob(1), size: SIZE, node: B, seen: None };
    assert_eq!(planner.actions(at(6)), [ask]);
}
