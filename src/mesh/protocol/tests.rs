//! The values survive the wire, and bodies that no honest node sends cost little.

use proptest::prelude::*;

use super::*;

fn summary() -> Summary {
    Summary {
        log_id: [1; 16],
        head: Lsn::new(5),
        vector: SetDigest::from_bytes([2; 32]),
        roster: SetDigest::from_bytes([3; 32]),
        states: SetDigest::from_bytes([0; 32]),
        events: 4,
        want_count: 1,
        want_bytes: 1 << 40,
    }
}

fn event() -> SignedEvent {
    SignedEvent { frame: vec![1, 2, 3], signature: vec![4; 64] }
}

fn states() -> StatesRequest {
    let node = ShortNode::of(&NodeId::from_bytes([8; 32]));
    StatesRequest {
        clock: UnixMillis::new(9),
        digest: SetDigest::from_bytes([1; 32]),
        index: Some(vec![StateEntry { node, counter: 3, tag: [1, 2, 3, 4] }]),
        fresh: vec![SignedState { frame: vec![1], signature: vec![2; 64] }],
    }
}

fn roster() -> RosterRequest {
    let held = Some(vec![StatementId::from_bytes([5; 32])]);
    RosterRequest { statements: vec![statement()], digest: SetDigest::from_bytes([1; 32]), held }
}

fn statement() -> SignedStatement {
    SignedStatement { frame: vec![1], signature: vec![2; 64] }
}

fn contact(name: &str, urls: usize) -> Contact {
    Contact { name: name.to_owned(), urls: vec!["http://x:1".to_owned(); urls], tls_pin: None }
}

#[test]
fn questions_and_answers_survive_the_wire() {
    let cursor = Cursor { log_id: [1; 16], lsn: Lsn::new(3), event: EventId::ZERO };
    let stream = StreamId { origin: NodeId::from_bytes([8; 32]), epoch: 2 };
    let vector = vec![StreamEntry { stream, last: 9, sum: SetSum::from_bytes([7; 32]) }];
    for request in [
        Request::Pair(PairRequest::Open { invite: [1; 16], joiner_nonce: [2; 32] }),
        Request::Ping(Ping { summary: summary(), events: vec![event()] }),
        Request::Roster(roster()),
        Request::States(states()),
        Request::Log(LogRequest { cursor: Some(cursor.clone()), vector }),
        Request::Goodbye,
    ] {
        assert_eq!(Request::decode(request.call(), &request.encode()), Ok(request));
    }
    let page = LogAnswer { items: vec![(Lsn::new(1), event())], cursor, more: true, summary: summary() };
    let RosterRequest { statements, digest, held } = roster();
    let answer = RosterAnswer { statements, digest, lacking: held.unwrap_or_default() };
    for (call, answer) in [
        (Call::Ping, Answer::Ping(summary())),
        (Call::Roster, Answer::Roster(answer)),
        (Call::Log, Answer::Log(page)),
        (Call::Outline, Answer::Outline(vec![[1; 32]; 3])),
        (Call::Pieces, Answer::Pieces(PieceMap::Some { size: 5, bits: vec![1] })),
    ] {
        assert_eq!(Answer::decode(call, &answer.encode()), Ok(answer));
    }
}

#[test]
fn bytes_after_a_value_are_refused() {
    let mut body = Request::States(states()).encode();
    body.push(0);
    assert_eq!(Request::decode(Call::States, &body), Err(BadBody { what: "states" }));
}

#[test]
fn a_length_of_a_gigabyte_costs_nothing() {
    assert!(Request::decode(Call::Ping, &[0xff; 64]).is_err());
    assert!(Answer::decode(Call::Outline, &[0xff, 0xff, 0xff, 0xff, 0x03]).is_err());
}

#[test]
fn contacts_are_capped() {
    assert!(check_contact(&contact("hq", limits::URLS_MAX)).is_ok());
    assert!(check_contact(&contact(&"x".repeat(limits::TEXT_BYTES_MAX + 1), 0)).is_err());
    assert!(check_contact(&contact("a\nb", 0)).is_err());
}

/// The least that a list's elements take on the wire is not much less than what they take in memory.
#[test]
fn what_is_small_on_the_wire_is_small_in_memory_or_refused_as_it_is_read() {
    let many = |element: &[u8]| [&[0x80, 0x80, 0x20], element.repeat(1 << 19).as_slice()].concat();
    assert_eq!(Request::decode(Call::Roster, &many(&[0, 0])), Err(BadBody { what: "roster" }));
    let rest = [1; 33];
    let whole = many(&[&[0, 64][..], &[7; 64]].concat());
    assert!(Request::decode(Call::Roster, &[whole.as_slice(), &rest, &[0]].concat()).is_ok());
    let ping = |events: &[u8]| [encode(&summary()).as_slice(), events].concat();
    assert_eq!(Request::decode(Call::Ping, &ping(&many(&[0, 0]))), Err(BadBody { what: "ping" }));
    let states = StatesRequest { index: None, fresh: vec![], ..states() };
    let mut states = encode(&states);
    states.pop();
    assert_eq!(Request::decode(Call::States, &[states, many(&[0, 0])].concat()), Err(BadBody { what: "states" }));
}

#[test]
fn no_more_urls_are_read_than_a_node_may_name() {
    for (urls, what) in [(limits::URLS_MAX, Ok(())), (limits::URLS_MAX + 1, Err("pairing answer"))] {
        let answer = PairAnswer::Redeemed { mac: [0; 32], contact: contact("hq", urls), statements: vec![] };
        let read = Answer::decode(Call::Pair, &Answer::Pair(answer).encode());
        assert_eq!(read.map(drop).map_err(|bad| bad.what), what);
    }
}

#[test]
fn a_question_for_the_log_stays_within_its_bound_and_leaves_out_who_has_the_most_streams() {
    let stream = |origin: u8, epoch: u64| StreamId { origin: NodeId::from_bytes([origin; 32]), epoch };
    let state = StreamState { last: u64::MAX, sum: SetSum::from_bytes([7; 32]) };
    let flood = (0..60_000).map(|number| stream(1, u64::MAX - number));
    let others = [stream(0, u64::MAX), stream(2, 5), stream(2, 6)];
    let vector = Vector { entries: flood.chain(others).map(|stream| (stream, state)).collect() };
    let cursor = LogCursor { log_id: [1; 16], lsn: Lsn::new(u64::MAX), event: EventId::ZERO };
    let asked = LogRequest::new(Some(cursor), &vector);
    for stream in others {
        assert!(asked.vector().entries.contains_key(&stream), "{stream:?}");
    }
    let body = Request::Log(asked).encode();
    assert!(body.len() <= limits::LOG_QUERY_BYTES_MAX, "{}", body.len());
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        for call in Call::POSTS {
            let _ = Request::decode(call, &body);
        }
        for call in [Call::Pair, Call::Ping, Call::Roster, Call::Log, Call::Outline, Call::Pieces] {
            let _ = Answer::decode(call, &body);
        }
    }
}
