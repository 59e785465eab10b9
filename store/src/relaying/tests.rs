//! Who has a place, for how long, and who is next.

use super::*;

const PEER: NodeId = NodeId::from_bytes([9; 32]);

/// Whether a blob is taken on where clients wait for nothing.
fn take_on(relays: &Relays, blob: &Digest, size: u64, peer: NodeId, bytes_max: u64, now: UnixMillis) -> bool {
    let claim = Claim { blob, size, peer, is_here: false, bytes_max };
    relays.take_on(&claim, || Ok(Some(u64::MAX)), now).unwrap()
}

/// A peer asks for a blob that is here; whether it stays for it.
fn serve(relays: &Relays, blob: &Digest, peer: NodeId, now: UnixMillis) -> bool {
    if let Some(size) = relays.serve(blob, &peer, now) {
        let claim = Claim { blob, size, peer, is_here: true, bytes_max: 0 };
        relays.take_on(&claim, || Ok(None), now).unwrap();
    }
    relays.is_taken_on(blob, now)
}

const fn at(ms: u64) -> UnixMillis {
    UnixMillis::new(1_000_000 + ms)
}

#[test]
fn only_what_is_asked_for_again_and_again_is_fetched() {
    let (relays, blob) = (Relays::default(), Digest::of(b"x"));
    assert!(!relays.ask(&blob, &PEER, at(0)) && !relays.ask(&blob, &PEER, at(RELAY_AFTER_MS - 1)));
    assert!(relays.ask(&blob, &PEER, at(RELAY_AFTER_MS)));
    let later = RELAY_AFTER_MS + RELAY_FORGET_MS;
    assert!(!relays.ask(&blob, &PEER, at(later)), "it begins anew");
    assert!(!relays.ask(&blob, &PEER, UnixMillis::new(5)), "the clock went back");
    relays.serve(&Digest::of(b"never asked for"), &PEER, at(0));
    assert!(relays.all().len() == 1);
}

#[test]
fn what_does_not_come_gives_way_for_as_long_as_it_takes_others_to_ask_again() {
    let (relays, lost, other) = (Relays::default(), Digest::of(b"lost"), Digest::of(b"other"));
    let due =
        |blob: &Digest, now: u64| relays.ask(blob, &PEER, at(now)) && take_on(&relays, blob, 10, PEER, 0, at(now));
    assert!(!due(&lost, 0) && due(&lost, RELAY_AFTER_MS));
    assert!(!due(&other, RELAY_AFTER_MS) && !due(&other, 2 * RELAY_AFTER_MS), "there is room for one");
    let given_up = 3 * RELAY_AFTER_MS;
    relays.rest(&lost, at(given_up));
    assert!(!relays.is_taken_on(&lost, at(given_up)));
    assert!(!due(&lost, given_up + RELAY_REST_MS - 1));
    assert!(due(&other, given_up + RELAY_REST_MS - 1), "it has waited for longer");
    assert!(!due(&lost, given_up + RELAY_REST_MS), "there is room for one");
}

/// Blobs asked for again and again on a node with one place, each at times of its own, of which only the last can come; how
/// long that waits for its place.
fn wait_among_lost(lost: u64) -> u64 {
    let (relays, blob) = (Relays::default(), |number: u64| Digest::of(&number.to_le_bytes()));
    for now in 0..lost * 10 * RELAY_TURN_MS {
        for number in (0..=lost).filter(|number| (now + 777 * number) % (5000 + 3000 * number) == 0) {
            let due = relays.ask(&blob(number), &PEER, at(now)) && !relays.is_taken_on(&blob(number), at(now));
            if due && take_on(&relays, &blob(number), 10, PEER, 0, at(now)) {
                if number == lost {
                    return now;
                }
            } else if due {
                relays.overdue(at(now)).iter().for_each(|blob| relays.rest(blob, at(now)));
            }
        }
    }
    panic!("it never has its turn");
}

#[test]
fn what_can_come_waits_for_one_turn_of_each_that_cannot() {
    for lost in 1..12 {
        let most = (lost + 1) * (RELAY_TURN_MS + 5000 + 3000 * lost);
        assert!(wait_among_lost(lost) <= most, "{lost} lost ones: {} ms", wait_among_lost(lost));
    }
}

/// Who has each turn on a node with one place, where nothing comes. Of a greedy peer's blobs the last one comes up
/// late, behind so many that it asked for at once; a modest one asks for two a little later, numbered from 100 on.
fn turns_of_two(greedy: u64) -> Vec<u64> {
    let (relays, modest) = (Relays::default(), NodeId::from_bytes([2; 32]));
    let (blob, mut turns) = (|number: u64| Digest::of(&number.to_le_bytes()), Vec::new());
    for now in (0..16 * RELAY_TURN_MS).step_by(1000) {
        let late = u64::from(now > 12 * RELAY_TURN_MS);
        let of_modest = if now < RELAY_AFTER_MS { 0 } else { 2 };
        let asked = (0..greedy + late).map(|number| (number, PEER));
        for (number, peer) in asked.chain((100..100 + of_modest).map(|number| (number, modest))) {
            let waits = relays.ask(&blob(number), &peer, at(now)) && !relays.is_taken_on(&blob(number), at(now));
            if waits && take_on(&relays, &blob(number), 10, peer, 0, at(now)) {
                turns.push(number);
            } else if waits {
                relays.overdue(at(now)).iter().for_each(|blob| relays.rest(blob, at(now)));
            }
        }
    }
    turns
}

#[test]
fn a_peer_that_asks_for_much_has_every_other_turn() {
    let turns = turns_of_two(50);
    assert!(turns.len() > 12 && turns[0] < 100, "{turns:?}");
    assert!(turns.windows(2).all(|two| (two[0] < 100) != (two[1] < 100)), "{turns:?}");
    let of_greedy: Vec<u64> = turns.into_iter().filter(|number| *number < 100).collect();
    assert_eq!(of_greedy.len(), of_greedy.iter().collect::<BTreeSet<_>>().len(), "{of_greedy:?}");
}

#[test]
fn what_had_no_turn_goes_before_what_had_one_and_did_not_come() {
    let turns = turns_of_two(4);
    let of_greedy: Vec<u64> = turns.into_iter().filter(|number| *number < 100).collect();
    assert_eq!(of_greedy[..4].iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([0, 1, 2, 3]));
    assert_eq!(of_greedy[4..6], of_greedy[..2], "in their order");
    assert!(of_greedy[6..8].contains(&4), "{of_greedy:?}");
}

#[test]
fn what_came_makes_room_when_all_who_waited_say_that_they_have_it() {
    let (relays, one, other) = (Relays::default(), Digest::of(b"one"), Digest::of(b"other"));
    let second = NodeId::from_bytes([2; 32]);
    for blob in [&one, &other] {
        relays.ask(blob, &PEER, at(0));
    }
    assert!(take_on(&relays, &one, 10, PEER, 0, at(1)) && !take_on(&relays, &other, 10, PEER, 0, at(1)));
    relays.serve(&one, &second, at(2));
    relays.heard(&PEER, |blob| *blob == other);
    assert!(relays.unasked().is_empty() && !relays.passed_on(&one), "the second one waits for it");
    relays.heard(&second, |blob| *blob == one);
    assert!(relays.unasked().is_empty(), "it says so");
    relays.heard(&second, |_| false);
    assert_eq!(relays.unasked(), [one]);
    assert!(relays.passed_on(&one) && !relays.passed_on(&one) && !relays.is_taken_on(&one, at(3)));
    assert!(take_on(&relays, &other, 10, PEER, 0, at(3)));
    assert!(!serve(&relays, &one, second, at(4)), "it is sent again, and has no place while the other has it");
    assert!(serve(&relays, &other, second, at(4)));
    for peer in [PEER, second] {
        relays.heard(&peer, |blob| *blob == one);
    }
    assert!(relays.passed_on(&other) && serve(&relays, &one, second, at(5)), "there is room for it again");
}

#[test]
fn what_nobody_waits_for_any_more_gives_way_sooner_and_keeps_no_place_in_line() {
    let (relays, one, other) = (Relays::default(), Digest::of(b"one"), Digest::of(b"other"));
    let second = NodeId::from_bytes([2; 32]);
    relays.ask(&one, &PEER, at(0));
    assert!(take_on(&relays, &one, 1 << 40, PEER, 0, at(0)));
    relays.ask(&other, &PEER, at(0));
    assert!(!take_on(&relays, &other, 10, PEER, 0, at(1)));
    relays.heard(&PEER, |_| false);
    assert!(relays.overdue(at(RELAY_UNASKED_MS - 1)).is_empty());
    assert_eq!(relays.overdue(at(RELAY_UNASKED_MS)), [one]);
    assert!(!relays.is_overdue(&one, true, at(RELAY_UNASKED_MS)), "it is coming");
    relays.client_asks(&one, at(RELAY_UNASKED_MS));
    assert!(relays.overdue(at(2 * RELAY_UNASKED_MS - 1)).is_empty());
    relays.rest(&one, at(2 * RELAY_UNASKED_MS));
    let third = Digest::of(b"third");
    relays.ask(&third, &second, at(2 * RELAY_UNASKED_MS));
    assert!(take_on(&relays, &third, 10, second, 0, at(2 * RELAY_UNASKED_MS)), "the other waits no more");
}

#[test]
fn of_too_many_peers_none_is_forgotten() {
    let (relays, blob) = (Relays::default(), Digest::of(b"x"));
    let peer = |number: usize| NodeId::from_bytes([u8::try_from(number).unwrap(); 32]);
    for number in 0..=RELAY_WAITING_MAX {
        relays.ask(&blob, &peer(number), at(0));
    }
    assert!(take_on(&relays, &blob, 10, peer(0), 0, at(0)));
    (0..=RELAY_WAITING_MAX).for_each(|number| relays.heard(&peer(number), |_| false));
    assert!(relays.unasked().is_empty() && !relays.passed_on(&blob));
    assert!(serve(&relays, &blob, peer(0), at(RELAY_FORGET_MS)));
    relays.heard(&peer(0), |_| false);
    assert_eq!(relays.unasked(), [blob], "it began anew");
}

#[test]
fn a_turn_is_as_long_as_a_slow_line_needs_and_begins_anew_for_a_client() {
    let (relays, blob) = (Relays::default(), Digest::of(b"x"));
    relays.ask(&blob, &PEER, at(0));
    assert!(take_on(&relays, &blob, 1 << 40, PEER, 0, at(0)));
    assert!(relays.overdue(at(RELAY_TURN_MS - 1)).is_empty());
    assert_eq!(relays.overdue(at(RELAY_TURN_MS)), [blob]);
    let turn = RELAY_TURN_MS + PIECE_BYTES / RELAY_LEAST_BYTES_PER_MS;
    assert!(!relays.is_overdue(&blob, true, at(turn - 1)));
    relays.client_asks(&blob, at(turn - 1));
    assert!(!relays.is_overdue(&blob, true, at(turn)));
    assert!(relays.is_overdue(&blob, true, at(2 * turn)));
    relays.rest(&blob, at(2 * turn));
    assert!(relays.overdue(at(9 * turn)).is_empty());
}

#[test]
fn what_could_not_be_fetched_after_all_keeps_no_place() {
    let (relays, one, other) = (Relays::default(), Digest::of(b"one"), Digest::of(b"other"));
    for blob in [&one, &other] {
        relays.ask(blob, &PEER, at(0));
    }
    assert!(take_on(&relays, &one, 10, PEER, 0, at(0)) && !take_on(&relays, &other, 10, PEER, 0, at(1)));
    relays.give_back(&one, at(2));
    assert!(!relays.is_taken_on(&one, at(2)) && relays.overdue(at(RELAY_FORGET_MS)).is_empty());
    let (sooner, later) = if one < other { (one, other) } else { (other, one) };
    assert!(!take_on(&relays, &later, 10, PEER, 0, at(3)), "the other one is before it");
    assert!(take_on(&relays, &later, 10, PEER, 0, at(3 + RELAY_REST_MS)), "which asks no more");
    relays.give_back(&later, at(4 + RELAY_REST_MS));
    assert!(take_on(&relays, &sooner, 10, PEER, 0, at(5 + RELAY_REST_MS)));
}

#[test]
fn bytes_that_were_not_passed_on_yet_are_bounded_for_each_peer_and_for_all() {
    let relays = Relays::default();
    let (greedy, modest, third) =
        (NodeId::from_bytes([1; 32]), NodeId::from_bytes([2; 32]), NodeId::from_bytes([3; 32]));
    let (max, blob) = (100 * RELAY_SHARE, |number: u64| Digest::of(&number.to_le_bytes()));
    let take = |number: u64, size: u64, peer: NodeId, now: u64| {
        relays.ask(&blob(number), &peer, at(now));
        take_on(&relays, &blob(number), size, peer, max, at(now))
    };
    let taken: Vec<u64> = (0..10).filter(|number| take(*number, 20, greedy, 0)).collect();
    assert_eq!(taken, [0, 1], "50 for one peer");
    assert!(take(0, 20, greedy, 1), "what was taken on stays");
    assert!(take(20, 50, modest, 1));
    assert!(!take(21, 11, third, 1) && take(22, 10, third, 1), "100 for all");
    for now in (0..RELAY_FORGET_MS + 2).step_by(1000) {
        take(20, 50, modest, now);
    }
    let later = RELAY_FORGET_MS + 1;
    assert!(take(30, 40, greedy, later), "what isn't asked for any more was passed on");
    assert!(!take(31, 20, greedy, later));
    let alone = Relays::default();
    alone.ask(&blob(1), &greedy, at(0));
    assert!(take_on(&alone, &blob(1), 1 << 40, greedy, 0, at(0)), "who waits for nothing else gets a blob of any size");
}

#[test]
fn it_is_bounded_and_who_asks_for_the_most_gives_way() {
    let (relays, modest) = (Relays::default(), NodeId::from_bytes([2; 32]));
    let blob = |number: usize| Digest::of(&number.to_le_bytes());
    for number in 0..RELAYS_MAX + 5 {
        relays.ask(&blob(number), &PEER, at(0));
    }
    assert_eq!(relays.all().len(), RELAYS_MAX);
    let has = |blob: &Digest| relays.all().contains_key(blob);
    assert!(!has(&blob(RELAYS_MAX)), "it asks for the most itself");
    let first = Digest::of(b"x");
    relays.ask(&first, &modest, at(1));
    assert!(has(&first) && has(&blob(0)), "what was asked for last made room");
    assert!(relays.ask(&first, &modest, at(1 + RELAY_AFTER_MS)));
    assert_eq!(relays.all().len(), RELAYS_MAX);
    relays.ask(&Digest::of(b"y"), &PEER, at(1 + RELAY_AFTER_MS + RELAY_FORGET_MS));
    assert_eq!(relays.all().len(), 1);
}
