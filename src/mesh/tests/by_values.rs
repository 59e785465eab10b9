//! Three nodes that swap typed values, without HTTP: what a simulated network does too.

use ods_store::{Digest, MetaPatch, NodeId, PIECE_BYTES, PieceSet, Role, piece_bytes, piece_count};

use super::super::exchange::{Pull, PullError, Step, ping};
use super::super::limits::PULL_PAGES_MAX;
use super::super::moment::Moment;
use super::super::peers::{self, Peers, PullMode, PullReport};
use super::super::plan::{Action, Has, Opened, Planner, StepError, Trouble};
use super::super::protocol::{Answer, BytesRequest, LogAnswer, PieceMap, PiecesRequest, Request, Summary};
use super::super::schedule::Dice;
use super::super::serve::{Reply, summary};
use super::support::{TestNode, assert_converged, path};

/// One round as a driver does it: ping, and pull if the digests differ. True if something was gained.
fn sync(node: &TestNode, peer: &TestNode, mode: PullMode) -> bool {
    let sent = ping(node.store(), None).unwrap();
    let own = sent.summary.clone();
    let Answer::Ping(theirs) = peer.answer(node, Request::Ping(sent)) else { panic!("not a pong") };
    if (theirs.vector, theirs.roster) == (own.vector, own.roster) {
        return false;
    }
    let report = pull(node, peer, mode, &theirs, PULL_PAGES_MAX);
    assert_eq!(report.refused, None);
    report.gained > 0
}

fn pull(node: &TestNode, peer: &TestNode, mode: PullMode, theirs: &Summary, pages_max: usize) -> PullReport {
    let (mut pull, mut request) = Pull::start(node.store(), peer.store().node_id(), mode, theirs, pages_max).unwrap();
    loop {
        let answer = pull.checker().check(node.store(), peer.answer(node, request)).unwrap();
        match pull.take(node.store(), answer, node.now).unwrap() {
            Step::Ask(next) => request = next,
            Step::Done(report) => return report,
        }
    }
}

/// Rounds along the links, in both directions, until nobody gains.
fn settle(links: &[(&TestNode, &TestNode)]) {
    for _ in 0..20 {
        let mut gained = false;
        for (one, other) in links {
            gained |= sync(one, other, PullMode::Cursor);
            gained |= sync(other, one, PullMode::Cursor);
        }
        if gained {
            continue;
        }
        for (one, other) in links {
            gained |= sync(one, other, PullMode::Vector);
            gained |= sync(other, one, PullMode::Vector);
        }
        if !gained {
            return;
        }
    }
    panic!("no end after 20 rounds");
}

/// Fetches all that is wanted from these peers, with the real planner and the values of the protocol.
fn fetch_all(node: &TestNode, peers: &[&TestNode]) {
    let mut planner = Planner::new(node.store().node_id(), 7);
    planner.set_wants(node.store().wants(1000).unwrap(), Moment::new(0));
    planner.set_sources(peers.iter().map(|peer| peer.store().node_id()).collect(), Moment::new(0));
    for now in 0..1000 {
        let now = Moment::new(now);
        for action in planner.actions(now) {
            perform(node, peers, &mut planner, action, now);
        }
    }
}

fn find<'a>(peers: &[&'a TestNode], node: &NodeId) -> &'a TestNode {
    peers.iter().find(|peer| peer.store().node_id() == *node).unwrap()
}

fn perform(node: &TestNode, peers: &[&TestNode], planner: &mut Planner, action: Action, now: Moment) {
    let fetch = |blob: &Digest| node.store().fetch_in_progress(blob).unwrap();
    match action {
        Action::AskPieces { blob, size, node: at, seen } => {
            let request = Request::Pieces(PiecesRequest { blob, seen: seen.unwrap_or(0), wait_ms: 0 });
            let has = match find(peers, &at).answer(node, request) {
                Answer::Pieces(PieceMap::All { .. }) => Ok(Has::All),
                Answer::Pieces(PieceMap::Some { bits, .. }) => {
                    Ok(Has::Some(PieceSet::from_bits(piece_count(size), &bits).unwrap()))
                }
                _ => Err(Trouble::Absent),
            };
            planner.pieces(&blob, &at, has, now);
        }
        Action::Open { blob, size } => {
            let fetch = node.store().begin_fetch(&blob, size).unwrap();
            let opened = Opened { missing: fetch.have().complement(), outline_known: fetch.outline_known() };
            planner.opened(&blob, Some(opened), now);
        }
        Action::AskOutline { blob, node: at } => {
            let Answer::Outline(outline) = find(peers, &at).answer(node, Request::Outline(blob)) else { panic!() };
            fetch(&blob).set_outline(outline).unwrap();
            planner.outline(&blob, &at, Ok(()), now);
        }
        Action::FetchRun { blob, size, node: at, run } => {
            for piece in run.first..run.first + run.count {
                let fetch = fetch(&blob);
                let first = piece * PIECE_BYTES;
                let bytes = bytes_of(node, find(peers, &at), blob, first, piece_bytes(fetch.size(), piece)).unwrap();
                fetch.write_piece(piece, &bytes).unwrap();
                planner.piece_arrived(&blob, &at, piece, now);
            }
            planner.run_ended((&blob, size), &at, run, Ok(()), now);
        }
        Action::FetchWhole { blob, node: at, size } => {
            let bytes = bytes_of(node, find(peers, &at), blob, 0, usize::try_from(size).unwrap());
            let stored = bytes.ok_or(StepError::Source(Trouble::Absent)).map(|bytes| {
                let fetch = node.store().begin_fetch(&blob, size).unwrap();
                fetch.write_piece(0, &bytes).unwrap();
                fetch.finish(node.now).unwrap();
            });
            planner.whole_ended((&blob, size), &at, stored, now);
        }
        Action::Finish { blob } => {
            fetch(&blob).finish(node.now).unwrap();
            planner.finished(&blob, true, now);
        }
        Action::Close { .. } => {}
    }
}

fn bytes_of(node: &TestNode, peer: &TestNode, blob: Digest, first: u64, count: usize) -> Option<Vec<u8>> {
    if count == 0 {
        return Some(Vec::new());
    }
    let last = Some(first + count as u64 - 1);
    let Ok(Reply::Bytes(mut bytes)) = peer.asked(node, Request::Blob(BytesRequest { blob, first, last })) else {
        return None;
    };
    let mut whole = Vec::new();
    loop {
        let part = bytes.read_next(peer.now).unwrap();
        if part.is_empty() {
            return Some(whole);
        }
        whole.extend(part);
    }
}

fn ring() -> [TestNode; 3] {
    let [a, b, c] = ["a", "b", "c"].map(TestNode::new);
    b.joins(&a, Role::Publisher);
    c.joins(&a, Role::Publisher);
    settle(&[(&a, &b), (&a, &c)]);
    c.joins(&b, Role::Publisher);
    [a, b, c]
}

#[test]
fn a_ring_converges_after_concurrent_changes_with_one_node_down_in_between() {
    let [a, b, mut c] = ring();
    // A year off, either way.
    c.now = ods_store::UnixMillis::new(c.now.get() - 365 * 24 * 3_600_000);
    a.publish("shared.pkg", b"first");
    a.publish("gone.pkg", b"to be removed");
    settle(&[(&a, &b), (&b, &c), (&c, &a)]);
    assert_converged(&[&a, &b, &c]);

    // c is down: a and b go on, c too.
    a.publish("shared.pkg", b"of a");
    b.publish("shared.pkg", b"of b");
    c.publish("shared.pkg", b"of c");
    b.remove("gone.pkg");
    c.publish("only-c.pkg", &vec![7; 3 * 1_048_576 + 5]);
    a.publish("empty.pkg", b"");
    settle(&[(&a, &b)]);
    assert_converged(&[&a, &b]);
    settle(&[(&a, &b), (&b, &c), (&c, &a)]);
    assert_converged(&[&a, &b, &c]);
    for node in [&a, &b, &c] {
        assert!(node.store().package(&path("gone.pkg")).unwrap().is_none());
        assert!(node.store().package(&path("shared.pkg")).unwrap().unwrap().conflict);
    }

    fetch_all(&a, &[&b, &c]);
    fetch_all(&b, &[&a, &c]);
    fetch_all(&c, &[&a, &b]);
    for node in [&a, &b, &c] {
        assert!(node.wanted().is_empty(), "{:?}", node.wanted());
    }
    let big = b.store().package(&path("only-c.pkg")).unwrap().unwrap();
    let mut bytes = vec![];
    for piece in 0..piece_count(big.size) {
        let count = piece_bytes(big.size, piece);
        bytes.extend(bytes_of(&a, &b, big.blob, piece * PIECE_BYTES, count).unwrap());
    }
    assert_eq!(Digest::of(&bytes), big.blob);
}

#[test]
fn events_that_come_with_a_ping_need_no_pull() {
    let [a, b, c] = ring();
    settle(&[(&a, &b), (&b, &c), (&c, &a)]);
    let head = a.store().head();
    a.publish("x.pkg", b"x");
    let sent = ping(a.store(), Some(head)).unwrap();
    assert_eq!(sent.events.len(), 1);
    let own = sent.summary.clone();
    let Answer::Ping(theirs) = b.answer(&a, Request::Ping(sent.clone())) else { panic!("not a pong") };
    assert_eq!(theirs.vector, own.vector);
    // Again, and in a loop: nothing changes.
    let Answer::Ping(again) = b.answer(&a, Request::Ping(sent.clone())) else { panic!("not a pong") };
    assert_eq!(again, theirs);
    assert!(matches!(c.answer(&b, Request::Ping(sent)), Answer::Ping(summary) if summary.vector == own.vector));
    assert_converged(&[&a, &b, &c]);
}

/// The same page for ever, of events that are held, with the promise of more.
#[test]
fn a_pull_ends_where_a_peer_gives_the_same_page_again() {
    let [a, b, _] = ring();
    a.publish("x.pkg", b"x");
    let Answer::Ping(theirs) = a.answer(&b, Request::Ping(ping(b.store(), None).unwrap())) else {
        panic!("not a pong")
    };
    let (mut pull, request) =
        Pull::start(b.store(), a.store().node_id(), PullMode::Vector, &theirs, PULL_PAGES_MAX).unwrap();
    let Answer::Log(page) = a.answer(&b, request) else { panic!("not a page") };
    assert!(!page.items.is_empty());
    let again = || Answer::Log(LogAnswer { more: true, ..page.clone() });
    for time in 0..2 {
        let answer = pull.checker().check(b.store(), again()).unwrap();
        match pull.take(b.store(), answer, b.now) {
            Ok(Step::Ask(Request::Log(_))) if time == 0 => {}
            Err(PullError::Garbage(_)) if time == 1 => return,
            other => panic!("{time}: {other:?}"),
        }
    }
    panic!("it goes on");
}

#[test]
fn a_node_that_never_heard_of_the_caller_learns_from_its_roster_who_admitted_it() {
    let [a, b, c] = ["a", "b", "c"].map(TestNode::new);
    b.joins(&a, Role::Publisher);
    c.joins(&a, Role::Publisher);
    let request = || Request::Ping(ping(c.store(), None).unwrap());
    assert_eq!(b.asked(&c, request()).unwrap_err().code(), "not_a_member");
    let statements = c.store().roster_statements().unwrap();
    let digest = c.store().roster_digest();
    b.answer(&c, Request::Roster(super::super::protocol::RosterRequest { statements, digest, held: None }));
    assert!(b.asked(&c, request()).is_ok());
}

#[test]
fn a_partial_blob_is_served_piece_by_piece_and_only_those_pieces() {
    let [a, b, c] = ring();
    let package = a.publish("big.pkg", &vec![9; 3 * 1_048_576]);
    settle(&[(&a, &b), (&b, &c), (&c, &a)]);
    let fetch = b.store().begin_fetch(&package.blob, package.size).unwrap();
    let Answer::Outline(outline) = a.answer(&b, Request::Outline(package.blob)) else { panic!("no outline") };
    fetch.set_outline(outline).unwrap();
    let question = |wait_ms| Request::Pieces(PiecesRequest { blob: package.blob, seen: 0, wait_ms });
    assert!(matches!(b.asked(&c, question(1000)), Ok(Reply::Wait)));
    fetch.write_piece(1, &vec![9; 1_048_576]).unwrap();
    let map = PieceMap::Some { size: package.size, bits: vec![0b010] };
    assert_eq!(b.answer(&c, question(1000)), Answer::Pieces(map));
    assert_eq!(bytes_of(&c, &b, package.blob, PIECE_BYTES, 1_048_576), Some(vec![9; 1_048_576]));
    assert_eq!(bytes_of(&c, &b, package.blob, 0, 1_048_576), None);
}

#[test]
fn a_node_put_back_to_yesterdays_copy_gets_its_own_past_back_and_nothing_freezes() {
    let [a, b, c] = ring();
    b.publish("one.pkg", b"yesterday");
    settle(&[(&a, &b), (&b, &c), (&c, &a)]);
    let backup = b.copied("b", "backup");
    b.publish("one.pkg", b"today");
    b.publish("two.pkg", b"today");
    a.remove("one.pkg");
    settle(&[(&a, &b), (&b, &c), (&c, &a)]);
    drop(b);

    // It goes on before it has heard of what it forgot: its next event gets a number that it used before.
    let b = backup;
    b.publish("three.pkg", b"after the restore");
    settle(&[(&a, &b), (&b, &c), (&c, &a)]);
    assert_converged(&[&a, &b, &c]);
    b.publish("four.pkg", b"in a new epoch");
    settle(&[(&a, &b), (&b, &c), (&c, &a)]);
    assert_converged(&[&a, &b, &c]);
    for node in [&a, &b, &c] {
        let listed = |at| node.store().package(&path(at)).unwrap().is_some();
        assert_eq!(["two.pkg", "three.pkg", "four.pkg"].map(listed), [true; 3]);
    }
}

/// What a peer gains after it was read by cursor: of a stream of which it holds more, a pull by vector gets the rest alone.
#[test]
fn a_twin_before_what_a_pull_by_vector_brings_comes_with_the_next() {
    let [a, b, c] = ring();
    a.publish("one.pkg", b"yesterday");
    settle(&[(&a, &b), (&b, &c), (&c, &a)]);
    let backup = a.copied("a", "backup");
    a.publish("one.pkg", b"today");
    assert!(sync(&c, &a, PullMode::Cursor));
    backup.publish("two.pkg", b"after the restore");
    backup.publish("three.pkg", b"after the restore");
    assert!(sync(&b, &backup, PullMode::Cursor));
    assert_eq!([(); 3].map(|()| sync(&c, &b, PullMode::Vector)), [true, true, false]);
}

/// What the machine has a node do with one peer in a minute, with pulls of one page: each, and what it brought.
fn pulls_of_a_minute(node: &TestNode, peer: &TestNode) -> Vec<(PullMode, u64)> {
    let (at, mut pulls) = (peer.store().node_id(), Vec::new());
    let mut peers = Peers::new(summary(node.store()).unwrap(), Dice::new(1));
    peers.set_links(&[(at, false)], Moment::new(0));
    for now in (0..60_000).step_by(100).map(Moment::new) {
        for action in peers.actions(now) {
            match action {
                peers::Action::Ping(_) => {
                    let sent = ping(node.store(), None).unwrap();
                    let told = sent.summary.clone();
                    let Answer::Ping(theirs) = peer.answer(node, Request::Ping(sent)) else { panic!("not a pong") };
                    peers.pinged(&at, &told, theirs, now);
                }
                peers::Action::Pull(_, mode) => {
                    let report = pull(node, peer, mode, &peers.view(&at).unwrap().theirs.unwrap(), 1);
                    pulls.push((mode, report.gained));
                    assert!(pulls.len() <= 20, "no end: {pulls:?}");
                    peers.set_own(summary(node.store()).unwrap());
                    peers.pulled(&at, report, now);
                }
                peers::Action::NoteUp(_) | peers::Action::NoteDown(..) => {}
            }
        }
    }
    pulls
}

/// A stream of three pages with a twin on the last, before where the peer's log was read by cursor.
#[test]
fn a_twin_on_a_later_page_than_one_turn_takes_is_found() {
    let [a, b, c] = ring();
    let long = |key: &str| (key.to_owned(), Some("x".repeat(8 * 1024)));
    for number in 0..200 {
        a.publish_with("long.pkg", &[number], MetaPatch::from(["one", "two", "three"].map(long)));
    }
    settle(&[(&a, &b), (&b, &c), (&c, &a)]);
    let backup = a.copied("a", "backup");
    a.publish("one.pkg", b"today");
    assert!(sync(&c, &a, PullMode::Cursor));
    backup.publish("two.pkg", b"after the restore");
    backup.publish("three.pkg", b"after the restore");
    assert!(sync(&b, &backup, PullMode::Cursor));

    let [by_vector, on] = [PullMode::Vector, PullMode::Cursor].map(|mode| (mode, 0));
    let pulls = [(PullMode::Cursor, 1), by_vector, on, (PullMode::Cursor, 1), by_vector, on, on];
    assert_eq!(pulls_of_a_minute(&c, &b), pulls);
    // What c has and b has not is for b to pull.
    assert!(sync(&b, &c, PullMode::Cursor));
    assert_converged(&[&b, &c]);
}
