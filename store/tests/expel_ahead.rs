//! Expels that come ahead of the events they name: what they wait for, for how long, and what is kept meanwhile.

use std::sync::{Arc, Mutex};

use ods_store::{
    Admit, Author, Body, Digest, DiskError, DiskFault, EXPEL_WAIT_MS, EXPELS_AHEAD_MAX, Event, EventBatch, EventId,
    Expel, Happening, Header, LogCursor, Lsn, NodeId, Operation, PulledFrom, Remove, Role, STATEMENTS_MAX, SignedEvent,
    SignedStatement, StatementBody, StatementHeader, Store, StoreError, StreamId, UnixMillis,
};
use proptest::prelude::*;

use crate::expelled_bytes::collect;
use crate::mesh::mesh;
use crate::states::fetch;
use crate::support::{assert_sound, at, fresh, path, pull, put};

pub(crate) fn listed(store: &Store, name: &str) -> bool {
    store.package(&path(name)).expect("readable").is_some()
}

fn is_out(store: &Store, node: &Store) -> bool {
    store.roster().is_expelled(&node.node_id())
}

/// What is told of packages, and alarms.
fn told(store: &Store) -> Vec<String> {
    let records = store.records(Lsn::ZERO, 1000).expect("the journal").items;
    let told = records.into_iter().filter_map(|record| match record.what {
        Happening::PackagePublished { path, .. } => Some(format!("published {path}")),
        Happening::PackageRemoved { path, .. } => Some(format!("removed {path}")),
        Happening::Alarm { code, .. } => Some(code),
        _ => None,
    });
    told.collect()
}

/// As the ping of a peer brings them.
pub(crate) fn take(store: &Store, events: &[SignedEvent], now: UnixMillis) {
    let batch = EventBatch { events: events.to_vec(), pull: None, backfill: false };
    assert_eq!(store.insert_events(batch, now).expect("an answer").refused, None);
}

/// Hears of an owner's roster; how many Expels wait.
fn hear(store: &Store, owner: &Store, now: UnixMillis) -> usize {
    hear_all(store, owner.roster_statements().expect("readable"), now)
}

/// Hears of these; how many Expels wait.
pub(crate) fn hear_all(store: &Store, told: Vec<SignedStatement>, now: UnixMillis) -> usize {
    store.hear_statements(told, now).expect("they verify");
    let held = store.roster_statements().expect("readable").len();
    store.told_roster().expect("readable").order().len() - held
}

/// An owner `a`, a publisher `p` that it expelled, and `b`, which holds what `p` published but for `y.pkg`, the last that counts. With it
/// the events of `p` that `b` lacks: `y.pkg`, and `z.pkg`, which is no part of what `a` held.
pub(crate) fn ahead() -> (Vec<(ods_store::SimDisk, Store)>, Vec<SignedEvent>) {
    ahead_among(Role::Publisher)
}

/// The same where `b` and `p` have this role.
fn ahead_among(role: Role) -> (Vec<(ods_store::SimDisk, Store)>, Vec<SignedEvent>) {
    let nodes = mesh(3, role);
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    put(p, "w.pkg", b"w", at(1)).expect("a publish");
    put(p, "x.pkg", b"x", at(1)).expect("a publish");
    pull(b, p, at(2)).expect("a pull");
    let held = p.overview().expect("readable").head;
    put(p, "y.pkg", b"y", at(3)).expect("a publish");
    pull(a, p, at(4)).expect("a pull");
    a.expel(&p.node_id(), &Author::new("test"), at(5)).expect("an owner expels");
    put(p, "z.pkg", b"z", at(5)).expect("it hasn't heard of it");
    let lacking = p.events_after(held, usize::MAX).expect("readable");
    (nodes, lacking)
}

#[test]
fn an_expel_waits_for_its_tips_and_comes_into_force_with_the_last_of_them() {
    let (nodes, lacking) = ahead();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    assert_eq!(hear(b, a, at(6)), 1);
    assert_eq!(hear(b, a, at(7)), 1, "told again, it waits on");
    assert!(!is_out(b, p) && listed(b, "x.pkg"));
    assert_eq!(b.expels_due_in_ms(at(7)), Some(EXPEL_WAIT_MS - 1000));
    take(b, &lacking, at(8));
    assert!(is_out(b, p));
    assert_eq!(["w.pkg", "x.pkg", "y.pkg", "z.pkg"].map(|name| listed(b, name)), [true, true, true, false]);
    assert_eq!(told(b), ["w.pkg", "x.pkg", "y.pkg"].map(|name| format!("published {name}")), "z.pkg never counted");
    assert_eq!((b.expels_due_in_ms(at(9)), hear(b, a, at(9))), (None, 0));
    assert_eq!(b.roster_digest(), a.roster_digest());
    let records = b.records(Lsn::ZERO, 1000).expect("the journal").items;
    assert_eq!(records.iter().filter(|record| matches!(record.what, Happening::NodeExpelled { .. })).count(), 1);
    assert_sound(b);
}

#[test]
fn an_expel_that_waited_long_enough_is_taken_and_what_does_not_count_is_told_once() {
    let (nodes, lacking) = ahead();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    assert_eq!(hear(b, a, at(10)), 1);
    assert_eq!(b.take_due_expels(at(19)).expect("an answer"), 0);
    assert!(!is_out(b, p));
    assert_eq!(b.expels_due_in_ms(at(20)), Some(0));
    assert_eq!(b.take_due_expels(at(20)).expect("an answer"), 1);
    assert!(is_out(b, p) && !listed(b, "x.pkg"));
    assert_eq!(b.expels_due_in_ms(at(21)), None);
    assert_eq!((hear(b, a, at(21)), b.take_due_expels(at(99)).expect("an answer")), (0, 0));
    assert_eq!(told(b).iter().filter(|what| *what == "expel_incomplete").count(), 1);
    assert_sound(b);
    take(b, &lacking, at(30));
    assert_eq!(["w.pkg", "x.pkg", "y.pkg", "z.pkg"].map(|name| listed(b, name)), [true, true, true, false]);
    assert_sound(b);
}

#[test]
fn what_waited_long_enough_is_taken_when_it_is_told_again_too_and_when_the_clock_went_back() {
    for later in [at(40), at(19)] {
        let (nodes, _) = ahead();
        let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
        assert_eq!(hear(b, a, at(30)), 1);
        assert_eq!((b.expels_due_in_ms(later), hear(b, a, later)), (Some(0), 0));
        assert!(is_out(b, p));
        assert_eq!(b.expels_due_in_ms(later), None);
    }
}

/// A page of a log may be on its way to the disk while a peer tells of the Expel.
#[test]
fn events_that_came_a_while_before_an_expel_but_are_taken_after_it_do_not_end_its_waiting() {
    let (nodes, lacking) = ahead();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    put(a, "v.pkg", b"v", at(5)).expect("a publish");
    let other = a.events_after(Lsn::ZERO, usize::MAX).expect("readable").pop().expect("its own");
    assert_eq!(hear(b, a, at(10)), 1);
    take(b, &[other], at(8));
    assert!(listed(b, "v.pkg") && listed(b, "x.pkg") && !is_out(b, p));
    take(b, &lacking, at(11));
    assert!(is_out(b, p) && listed(b, "y.pkg"));
}

#[test]
fn an_expel_that_takes_nothing_away_waits_for_nothing() {
    let (nodes, _) = ahead();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    // A node that holds nothing of the expelled one, and the expelled one, also where it lacks what is named.
    let joiner = fresh(9).1;
    joiner.take_root(a.node_id(), at(6)).expect("alone");
    assert_eq!((hear(&joiner, a, at(6)), told(&joiner)), (0, vec![]));
    assert!(is_out(&joiner, p));
    let unknown = sign(a, p, vec![EventId::from_bytes([6; 32])]);
    assert_eq!((hear_all(p, vec![unknown], at(6)), is_out(p, p)), (0, true));
    // One that lacks what is named, but of which all that is held is covered by what else is named.
    let held = b.package(&path("x.pkg")).expect("readable").expect("listed").revision;
    let expel = sign(a, p, vec![held, EventId::from_bytes([7; 32])]);
    assert_eq!(hear_all(b, vec![expel], at(7)), 0);
    assert!(is_out(b, p) && listed(b, "w.pkg") && listed(b, "x.pkg"));
    assert_eq!(told(b), ["published w.pkg", "published x.pkg"]);
}

pub(crate) fn sign(by: &Store, node: &Store, tips: Vec<EventId>) -> SignedStatement {
    sign_body(by, &StatementBody::Expel(Expel { node: node.node_id(), tips, statements: vec![] }))
}

fn sign_body(by: &Store, body: &StatementBody) -> SignedStatement {
    let header = StatementHeader { signer: by.node_id(), at_ms: at(5), by: String::new() };
    SignedStatement::mint(by.key(), &header, body)
}

fn count_told(store: &Store, what: &str) -> usize {
    told(store).iter().filter(|told| *told == what).count()
}

#[test]
fn an_owner_that_expels_a_node_whose_expel_waits_takes_that_and_signs_no_second_one() {
    let (nodes, lacking) = ahead_among(Role::Owner);
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    assert_eq!(hear(b, a, at(6)), 1);
    assert_eq!(b.expel(&p.node_id(), &Author::new("test"), at(7)).expect("an owner"), None);
    assert!(is_out(b, p));
    assert_eq!(audited(b), [p.node_id().to_string()]);
    assert_eq!((b.expels_due_in_ms(at(7)), b.roster_digest()), (None, a.roster_digest()));
    take(b, &lacking, at(8));
    assert_eq!(["w.pkg", "x.pkg", "y.pkg", "z.pkg"].map(|name| listed(b, name)), [true, true, true, false]);
    assert_sound(b);
}

#[test]
fn what_does_not_count_is_told_once_of_a_node_and_not_to_the_expelled_one() {
    let (nodes, _) = ahead();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    let expels = [6, 7].map(|number| sign(a, p, vec![EventId::from_bytes([number; 32])]));
    for (store, alarms) in [(b, 1), (p, 0)] {
        assert_eq!(store.insert_statements(expels.to_vec(), at(6)).expect("they verify"), 2);
        assert_eq!(count_told(store, "expel_incomplete"), alarms);
    }
    assert_eq!(count_told(p, "expelled"), 2);
}

/// If its want ended in between, what is here of it would go, and who asked be forgotten.
#[test]
fn a_blob_that_leaves_a_path_by_an_expel_and_comes_to_another_with_its_tip_is_wanted_all_along() {
    let (nodes, _) = ahead();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    put(a, "other.pkg", b"x", at(5)).expect("a publish");
    let tip = a.events_after(Lsn::ZERO, usize::MAX).expect("readable").pop().expect("its own");
    assert!(b.want_now(&Digest::of(b"x"), at(5)).expect("a client asks"));
    let wanted = b.want(&Digest::of(b"x")).expect("readable");
    assert_eq!(hear_all(b, vec![sign(a, p, vec![tip.id()])], at(6)), 1);
    take(b, &[tip], at(7));
    assert!(is_out(b, p) && listed(b, "other.pkg") && !listed(b, "x.pkg"));
    let since = |want: &Option<ods_store::Want>| want.as_ref().map(|want| (want.since, want.asked_at));
    assert_eq!(since(&b.want(&Digest::of(b"x")).expect("readable")), since(&wanted));
    assert_sound(b);
}

/// It couldn't be taken when its time is over, and would be told again and wait again, for ever.
#[test]
fn an_expel_does_not_wait_for_whose_signer_there_is_no_room() {
    let (nodes, _) = ahead();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    let admit = |number: u64, role| {
        let mut node = [0; 32];
        node[..8].copy_from_slice(&number.to_le_bytes());
        sign_body(a, &StatementBody::Admit(Admit { node: NodeId::from_bytes(node), role, prefixes: vec![] }))
    };
    let flood = (0..STATEMENTS_MAX as u64).map(|number| admit(number, Role::Replica)).collect();
    b.insert_statements(flood, at(6)).expect("as many as fit");
    let friend = fresh(9).1;
    let body = Admit { node: friend.node_id(), role: Role::Owner, prefixes: vec![] };
    let told = vec![sign_body(a, &StatementBody::Admit(body)), sign(&friend, p, vec![EventId::from_bytes([6; 32])])];
    assert_eq!(hear_all(b, told, at(6)), 0);
    assert!(!b.is_put_out(&p.node_id()));
}

#[test]
fn only_so_many_wait() {
    let (nodes, _) = ahead();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    let expels: Vec<_> = (0..=EXPELS_AHEAD_MAX)
        .map(|number| sign(a, p, vec![EventId::from_bytes([u8::try_from(number).expect("few"); 32])]))
        .collect();
    assert_eq!(hear_all(b, expels, at(6)), EXPELS_AHEAD_MAX);
    assert!(is_out(b, p));
    assert_eq!(b.take_due_expels(at(16)).expect("an answer"), EXPELS_AHEAD_MAX);
    assert_eq!(b.expels_due_in_ms(at(16)), None);
}

/// What the audit says about who was expelled.
fn audited(store: &Store) -> Vec<String> {
    let entries = store.audit(None, 100, &mut |entry| entry.action == "node.expelled").expect("readable").items;
    entries.into_iter().map(|entry| entry.subject).collect()
}

/// Whoever has a node's key can sign what comes later beforehand, and name its end: that would count everywhere once it is told.
#[test]
fn an_owner_can_expel_whom_only_a_thief_expelled_up_to_what_nobody_holds() {
    let nodes = mesh(4, Role::Owner);
    let [a, b, p, friend] = [0, 1, 2, 3].map(|node| &nodes[node].1);
    put(p, "x.pkg", b"x", at(1)).expect("a publish");
    for to in [a, b] {
        pull(to, p, at(2)).expect("a pull");
    }
    let held = p.events_after(Lsn::ZERO, usize::MAX).expect("readable").pop().expect("its own");
    let later = follow(p, &held, "z.pkg", 7);
    let theirs = [sign(p, p, vec![later.id()]), sign(friend, p, vec![later.id()])];
    a.expel(&friend.node_id(), &Author::new("test"), at(3)).expect("an owner expels");
    pull(b, a, at(3)).expect("a pull");
    a.insert_statements(theirs.to_vec(), at(3)).expect("they verify");
    assert!(is_out(a, p) && !listed(a, "x.pkg"));
    assert!(a.expel(&p.node_id(), &Author::new("test"), at(4)).expect("an owner").is_some());
    assert_eq!(
        a.expel(&p.node_id(), &Author::new("test"), at(5)).expect("an owner"),
        None,
        "nothing is lacking of one"
    );
    take(a, &[later], at(6));
    assert_eq!([listed(a, "x.pkg"), listed(a, "z.pkg")], [true, false]);
    assert_sound(a);
    // Where they wait, they are no reason to sign none, and go on waiting; the own one counts at once.
    assert_eq!(hear_all(b, theirs.to_vec(), at(3)), 2);
    assert!(b.expel(&p.node_id(), &Author::new("test"), at(4)).expect("an owner").is_some());
    assert!(is_out(b, p) && listed(b, "x.pkg"));
    assert_eq!(b.expels_due_in_ms(at(4)), Some(EXPEL_WAIT_MS - 1000));
}

/// An event of a node's stream that comes after one that it signed.
fn follow(node: &Store, before: &SignedEvent, name: &str, second: u64) -> SignedEvent {
    let Header { stream, seq, .. } = Event::decode(&before.frame).expect("an event").header;
    sign_event(node, stream, seq + 1, before.id(), (name, second))
}

fn sign_event(node: &Store, stream: StreamId, seq: u64, prev: EventId, (name, second): (&str, u64)) -> SignedEvent {
    sign_removal(node, (stream, seq, prev), (name, second), vec![])
}

pub(crate) fn sign_removal(
    node: &Store,
    (stream, seq, prev): (StreamId, u64, EventId),
    (name, second): (&str, u64),
    replaces: Vec<EventId>,
) -> SignedEvent {
    let header = Header { stream, seq, prev, at_ms: at(second), by: String::new() };
    ods_store::sign_event(node.key(), &header, &Body::Remove(Remove { path: name.to_owned(), replaces }))
}

/// Equal sets must mean equal catalogs, and nobody looks at what is covered of a node when an event of another one comes.
#[test]
fn what_another_node_signed_covers_nothing_of_the_expelled_one() {
    let nodes = mesh(4, Role::Publisher);
    let [a, b, q, p] = [0, 1, 2, 3].map(|node| &nodes[node].1);
    put(p, "x.pkg", b"x", at(1)).expect("a publish");
    let held = p.events_after(Lsn::ZERO, usize::MAX).expect("readable");
    let forged = sign_event(q, StreamId { origin: q.node_id(), epoch: 7 }, 1, held[0].id(), ("y.pkg", 2));
    let expel = sign(a, p, vec![forged.id()]);
    for (store, order) in [(a, [&held, &vec![forged.clone()]]), (b, [&vec![forged.clone()], &held])] {
        store.insert_statements(vec![expel.clone()], at(3)).expect("it verifies");
        for events in order {
            take(store, events, at(4));
        }
        assert_sound(store);
    }
    assert_eq!([listed(a, "x.pkg"), listed(b, "x.pkg")], [false, false]);
}

/// A key has several streams, of which one may be a thief's.
#[test]
fn what_another_stream_of_a_node_names_as_before_it_is_not_covered() {
    let nodes = mesh(3, Role::Publisher);
    let [a, p] = [0, 2].map(|node| &nodes[node].1);
    put(p, "x.pkg", b"x", at(1)).expect("a publish");
    let held = p.events_after(Lsn::ZERO, usize::MAX).expect("readable");
    let stream = StreamId { origin: p.node_id(), epoch: 7 };
    let first = sign_event(p, stream, 1, EventId::ZERO, ("y.pkg", 2));
    let end = sign_event(p, stream, 2, held[0].id(), ("z.pkg", 3));
    take(a, &[held, vec![first, end.clone()]].concat(), at(4));
    assert!(listed(a, "x.pkg"));
    a.insert_statements(vec![sign(a, p, vec![end.id()])], at(5)).expect("it verifies");
    assert!(!listed(a, "x.pkg"));
    assert_sound(a);
}

/// After a roll-back an event may come later than what follows it.
#[test]
fn an_expel_waits_for_what_came_before_its_tips_too() {
    let nodes = mesh(3, Role::Publisher);
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    let stream = StreamId { origin: p.node_id(), epoch: 7 };
    let first = sign_event(p, stream, 1, EventId::ZERO, ("w.pkg", 1));
    let twin = sign_event(p, stream, 1, EventId::ZERO, ("w.pkg", 2));
    put(p, "x.pkg", b"x", at(1)).expect("a publish");
    let published = p.events_after(Lsn::ZERO, usize::MAX).expect("readable").pop().expect("its own");
    let tip = sign_event(p, stream, 2, twin.id(), ("v.pkg", 3));
    take(b, &[first, published.clone(), tip.clone()], at(3));
    let expel = sign(a, p, vec![tip.id(), published.id()]);
    assert_eq!(hear_all(b, vec![expel.clone()], at(4)), 1);
    take(b, &[twin], at(5));
    assert!(is_out(b, p) && listed(b, "x.pkg"));
    assert_sound(b);
}

/// An owner `a` that expelled `p`, and `b`, where a twin fills the place of an event that is returned: the one before the end that the
/// Expel names. `b` holds the bytes of all.
fn gap_filled_by_twin() -> (Vec<(ods_store::SimDisk, Store)>, SignedEvent) {
    let nodes = mesh(3, Role::Publisher);
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    put(p, "w.pkg", b"w", at(1)).expect("a publish");
    put(p, "x.pkg", b"x", at(1)).expect("a publish");
    let events = p.events_after(Lsn::ZERO, usize::MAX).expect("readable");
    let last = events.last().expect("two");
    let (before, twin) = (follow(p, last, "u.pkg", 2), follow(p, last, "u.pkg", 3));
    let end = follow(p, &before, "v.pkg", 4);
    take(a, &[events.as_slice(), &[before.clone(), end.clone()]].concat(), at(4));
    take(b, &[events.as_slice(), &[twin, end.clone()]].concat(), at(4));
    fetch(b, p);
    a.expel(&p.node_id(), &Author::new("test"), at(5)).expect("an owner expels");
    assert_eq!(named(a), [end.id()]);
    (nodes, before)
}

#[test]
fn an_expel_waits_for_an_event_whose_place_a_twin_fills() {
    let (nodes, before) = gap_filled_by_twin();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    assert_eq!(hear(b, a, at(6)), 1);
    assert!(!is_out(b, p) && listed(b, "w.pkg") && listed(b, "x.pkg"));
    take(b, &[before], at(7));
    assert!(is_out(b, p) && listed(b, "w.pkg") && listed(b, "x.pkg"));
    assert_eq!(told(b).iter().filter(|what| what.starts_with("removed") || *what == "expel_incomplete").count(), 0);
    assert_sound(b);
}

/// The bytes here may be the last there are.
#[test]
fn if_an_event_whose_place_a_twin_fills_comes_too_late_that_is_told_and_all_bytes_are_here() {
    let (nodes, before) = gap_filled_by_twin();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    assert_eq!(hear(b, a, at(6)), 1);
    assert_eq!(b.take_due_expels(at(16)).expect("an answer"), 1);
    assert!(is_out(b, p) && !listed(b, "x.pkg"));
    assert_eq!(count_told(b, "expel_incomplete"), 1);
    assert_eq!(collect(b, at(100)), 0);
    take(b, &[before], at(101));
    let held = |bytes: &[u8]| b.open_blob(&Digest::of(bytes), at(102)).expect("readable").is_some();
    assert!(listed(b, "w.pkg") && listed(b, "x.pkg") && held(b"w") && held(b"x"));
    assert_sound(b);
}

/// What its key signs now would count here until the Expel is in force. But it may be the only one that has what this names.
#[test]
fn of_who_is_about_to_be_expelled_only_the_events_are_taken_for_which_the_expel_waits() {
    let (nodes, lacking) = ahead();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    let before = Event::decode(&lacking[0].frame).expect("an event").header;
    let twin = sign_event(p, before.stream, before.seq, before.prev, ("x.pkg", 6));
    assert_eq!(hear(b, a, at(6)), 1);
    let pulled = |events: &[SignedEvent]| {
        let (node, is_last) = (p.node_id(), true);
        let positions = (1..).map(Lsn::new).take(events.len()).collect();
        let cursor = LogCursor { log_id: [1; 16], lsn: Lsn::new(9), event: events[0].id() };
        let pull = Some(PulledFrom { node, positions, cursor, is_last });
        b.insert_events(EventBatch { events: events.to_vec(), pull, backfill: false }, at(7))
    };
    let stands = || (b.vector().expect("a vector"), b.peer_cursor(&p.node_id()).expect("readable"));
    let before = stands();
    assert!(matches!(pulled(std::slice::from_ref(&twin)), Err(StoreError::Expelled { .. })));
    assert_eq!(stands(), before);
    assert_eq!(pulled(&[twin, lacking[0].clone(), lacking[1].clone()]).expect("taken").inserted, 3);
    assert!(is_out(b, p));
    assert_eq!(["x.pkg", "y.pkg", "z.pkg"].map(|name| listed(b, name)), [true, true, false]);
    assert_sound(b);
}

/// The driver takes it a moment later: until then a page of that node's must not be let in with it.
#[test]
fn of_who_is_about_to_be_expelled_no_page_is_taken_once_the_wait_is_over_either() {
    let (nodes, lacking) = ahead();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    let before = Event::decode(&lacking[0].frame).expect("an event").header;
    let twin = sign_event(p, before.stream, before.seq, before.prev, ("x.pkg", 6));
    assert_eq!(hear(b, a, at(6)), 1);
    let stood = b.vector().expect("a vector");
    let cursor = LogCursor { log_id: [1; 16], lsn: Lsn::new(9), event: twin.id() };
    let pull = PulledFrom { node: p.node_id(), positions: vec![Lsn::new(1)], cursor, is_last: true };
    let batch = EventBatch { events: vec![twin], pull: Some(pull), backfill: false };
    assert!(matches!(b.insert_events(batch, at(60)), Err(StoreError::Expelled { .. })));
    assert_eq!(b.vector().expect("a vector"), stood);
    assert_eq!((b.take_due_expels(at(60)).expect("an answer"), is_out(b, p)), (1, true));
}

/// The events are from before this node joined; that somebody was expelled is not.
#[test]
fn what_an_expel_takes_away_is_news_on_a_node_that_is_being_filled() {
    let (nodes, _) = ahead();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    put(a, "other.pkg", b"other", at(5)).expect("a publish");
    let tip = a.events_after(Lsn::ZERO, usize::MAX).expect("readable").pop().expect("its own");
    assert_eq!(hear_all(b, vec![sign(a, p, vec![tip.id()])], at(6)), 1);
    let batch = EventBatch { events: vec![tip], pull: None, backfill: true };
    assert_eq!(b.insert_events(batch, at(7)).expect("an answer").inserted, 1);
    let records = b.records(Lsn::ZERO, 1000).expect("the journal").items.into_iter();
    let told = records.filter_map(|record| match record.what {
        Happening::PackageRemoved { .. } => Some(("removed", record.backfill)),
        Happening::PackagePublished { path, .. } if path == "other.pkg" => Some(("published", record.backfill)),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [("removed", false), ("removed", false), ("published", true)]);
}

/// Nobody would be woken to tell peers of it, and they be asked again and again how they stand.
#[test]
fn an_expel_waits_only_once_that_is_committed() {
    let (nodes, _) = ahead();
    let (a, (disk, b), p) = (&nodes[0].1, &nodes[1], &nodes[2].1);
    let told = Arc::new(Mutex::new(b.told_digest().expect("readable")));
    let (notes, weak) = (Arc::clone(&told), b.downgrade());
    b.on_commit(move |commit| {
        if commit.roster_changed {
            *notes.lock().expect("sound") = weak.upgrade().expect("open").told_digest().expect("readable");
        }
    });
    let last_told = || *told.lock().expect("sound");
    let before = last_told();
    disk.fail(DiskFault::new(DiskError::Io).on(Operation::Sync).within("ods.redb"));
    b.hear_statements(a.roster_statements().expect("readable"), at(6)).expect_err("the disk fails");
    assert_eq!((b.told_digest().expect("readable"), b.expels_due_in_ms(at(6))), (before, None));
    assert!(!b.is_put_out(&p.node_id()));
    b.mend(at(7), at(7)).expect("the disk works again");
    assert_eq!(hear(b, a, at(8)), 1);
    assert!(b.told_digest().expect("readable") == last_told() && last_told() != before);
    b.take_due_expels(at(18)).expect("an answer");
    assert_eq!((b.told_digest().expect("readable"), b.expels_due_in_ms(at(18))), (last_told(), None));
    assert_sound(b);
}

/// The events that owners' Expels name.
fn named(store: &Store) -> Vec<EventId> {
    let statements = store.roster_statements().expect("readable").into_iter();
    let tips = statements.filter_map(|signed| match signed.verify().expect("sound").body {
        StatementBody::Expel(expel) => Some(expel.tips),
        StatementBody::Admit(_) | StatementBody::Unknown { .. } => None,
    });
    tips.flatten().collect()
}

/// A thief who begins more streams than an Expel can name would have the honest end be one that is followed, and its follower be left out.
#[test]
fn what_another_stream_names_as_before_it_is_the_end_of_its_own_stream_all_the_same() {
    let nodes = mesh(3, Role::Publisher);
    let [a, p] = [0, 2].map(|node| &nodes[node].1);
    let end = put(p, "x.pkg", b"x", at(1)).expect("a publish").package.revision;
    pull(a, p, at(2)).expect("a pull");
    let forged = sign_event(p, StreamId { origin: p.node_id(), epoch: 7 }, 1, end, ("y.pkg", 2));
    take(a, &[forged], at(3));
    a.expel(&p.node_id(), &Author::new("test"), at(4)).expect("an owner expels");
    assert_eq!(named(a).first(), Some(&end));
    assert!(listed(a, "x.pkg"));
    assert_sound(a);
}

/// It would be signed before the Expel and be shown after it.
#[test]
fn what_nobody_had_seen_when_its_signer_was_expelled_counts_nowhere() {
    let nodes = mesh(3, Role::Publisher);
    let [a, p] = [0, 2].map(|node| &nodes[node].1);
    let mine = put(a, "mine.pkg", b"mine", at(1)).expect("a publish").package.revision;
    let stream = |epoch| StreamId { origin: p.node_id(), epoch };
    let hide = |stream, second| sign_removal(p, (stream, 1, EventId::ZERO), ("mine.pkg", second), vec![mine]);
    let (elsewhere, twin) = (hide(stream(8), 2), hide(stream(9), 3));
    let shown = [
        sign_event(p, stream(7), 1, elsewhere.id(), ("y.pkg", 4)),
        sign_event(p, stream(9), 1, EventId::ZERO, ("y.pkg", 5)),
        sign_event(p, stream(9), 2, twin.id(), ("y.pkg", 6)),
    ];
    take(a, &shown, at(7));
    a.expel(&p.node_id(), &Author::new("test"), at(8)).expect("an owner expels");
    take(a, &[elsewhere, twin], at(9));
    assert!(listed(a, "mine.pkg"));
    assert_sound(a);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// In whatever parts and however late the last events of an expelled node come: what counts in the end is what counts where all was
    /// there at once; and if they come in time, what was listed before stays listed all the time.
    #[test]
    fn whenever_the_events_come_the_same_counts_in_the_end(
        count in 1u64..8, known in 0usize..8, named in 0usize..9, told_after in 0usize..8, part in 1usize..4, step_s in 0u64..8,
    ) {
        let nodes = mesh(3, Role::Publisher);
        let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
        let name = |number: u64| format!("{number}.pkg");
        for number in 0..count {
            put(p, &name(number), &[1], at(number)).expect("a publish");
        }
        let events = p.events_after(Lsn::ZERO, usize::MAX).expect("readable");
        let (known, named) = (known.min(events.len()), named.min(events.len()));
        take(b, &events[..known], at(20));
        take(a, &events[..named], at(20));
        a.expel(&p.node_id(), &Author::new("test"), at(21)).expect("an owner expels");
        let (mut now, mut in_time) = (30, true);
        for (index, events) in events[known..].chunks(part).enumerate() {
            if index >= told_after {
                hear(b, a, at(now));
            }
            let before: Vec<bool> = (0..count).map(|number| listed(b, &name(number))).collect();
            take(b, events, at(now));
            now += step_s;
            in_time &= b.take_due_expels(at(now)).expect("an answer") == 0;
            assert_sound(b);
            for number in (0..count).filter(|number| in_time && *number < named as u64 && before[usize::try_from(*number).expect("few")]) {
                prop_assert!(listed(b, &name(number)), "{number}");
            }
        }
        hear(b, a, at(now));
        b.take_due_expels(at(now + 10)).expect("an answer");
        prop_assert_eq!(b.expels_due_in_ms(at(now)), None);
        take(a, &events[named..], at(now));
        prop_assert_eq!(b.roster_digest(), a.roster_digest());
        prop_assert_eq!(b.overview().expect("readable").catalog_digest, a.overview().expect("readable").catalog_digest);
        assert_sound(b);
    }
}
