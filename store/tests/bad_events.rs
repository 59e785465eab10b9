//! Events that are wrong, early, unknown or absurd: what is refused costs nothing, and what is kept harms nothing.

use ods_store::{
    Digest, EVENT_CONTEXT, EventBatch, EventId, Inserted, LogQuery, NodeKey, PulledFrom, RefusalReason, SetSum,
    SignedEvent, Store, StreamId, StreamState, Vector,
};

use crate::support::{assert_sound, at, fresh, path, pull, put};

/// A member of `a`'s mesh that has published three packages, and its events.
fn member(a: &Store) -> (Store, Vec<SignedEvent>) {
    let b = fresh(2).1;
    let admit = ods_store::Admit { node: b.node_id(), role: ods_store::Role::Publisher, prefixes: vec![] };
    a.admit(&admit, &ods_store::Author::new("test"), at(0)).expect("the root admits");
    b.take_root(a.node_id(), at(0)).expect("alone");
    pull(&b, a, at(0)).expect("a pull");
    for number in 0..3_u8 {
        put(&b, &format!("p{number}"), &[number], at(1)).expect("a publish");
    }
    let events = b.events_after(ods_store::Lsn::ZERO, usize::MAX).expect("events");
    (b, events)
}

fn offer(a: &Store, events: &[SignedEvent]) -> Inserted {
    a.insert_events(EventBatch { events: events.to_vec(), pull: None, backfill: false }, at(2)).expect("an answer")
}

fn refused(a: &Store, events: &[SignedEvent]) -> Option<RefusalReason> {
    offer(a, events).refused.map(|refusal| refusal.reason)
}

fn varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(u8::try_from(value & 0x7f).expect("7 bits") | 0x80);
        value >>= 7;
    }
    to.push(u8::try_from(value).expect("7 bits"));
}

/// A frame as the format has it, with whatever is said of it.
fn frame(key: &NodeKey, kind: u8, seq: u64, prev: EventId, length: u32, body: &[u8]) -> SignedEvent {
    frame_in(77, key, (kind, seq, prev), length, body)
}

/// One in a stream of this epoch.
fn frame_in(epoch: u64, key: &NodeKey, (kind, seq, prev): (u8, u64, EventId), length: u32, body: &[u8]) -> SignedEvent {
    let mut frame = vec![ods_store::FORMAT, kind];
    frame.extend(key.node_id().as_bytes());
    varint(epoch, &mut frame);
    varint(seq, &mut frame);
    frame.extend(prev.as_bytes());
    varint(5, &mut frame);
    varint(0, &mut frame);
    frame.extend(length.to_le_bytes());
    frame.extend(body);
    let mut hasher = blake3::Hasher::new_derive_key(EVENT_CONTEXT);
    hasher.update(&frame);
    let signature = key.sign(hasher.finalize().as_bytes()).to_vec();
    SignedEvent { frame, signature }
}

#[test]
fn a_gap_is_refused_and_filled_later() {
    let a = fresh(1).1;
    let (b, events) = member(&a);
    assert_eq!(refused(&a, &[events[0].clone(), events[2].clone()]), Some(RefusalReason::Gap));
    assert_eq!(refused(&a, &events), None, "in order, with what was there already");
    assert_eq!(a.vector().expect("a vector"), b.vector().expect("a vector"));
    assert_sound(&a);
}

#[test]
fn a_wrong_signature_stops_the_batch_and_the_cursor() {
    let a = fresh(1).1;
    let (b, events) = member(&a);
    let page = b.log_page(&LogQuery { cursor: None, vector: Vector::default() }).expect("a page");
    let positions: Vec<_> = page.items.iter().map(|(lsn, _)| *lsn).collect();
    let mut bent = events.clone();
    bent[1].signature[3] ^= 1;
    let cursor = page.cursor;
    let batch = EventBatch {
        events: bent,
        pull: Some(PulledFrom { node: b.node_id(), positions: positions.clone(), cursor, is_last: true }),
        backfill: false,
    };
    let outcome = a.insert_events(batch, at(2)).expect("an answer");
    assert_eq!((outcome.inserted, outcome.refused.map(|refusal| refusal.index)), (1, Some(1)));
    assert_eq!(a.peer_cursor(&b.node_id()).expect("readable").map(|cursor| cursor.lsn), Some(positions[0]));
    assert!(a.package(&path("p1")).expect("readable").is_none());
}

#[test]
fn a_body_of_a_gigabyte_is_refused_by_its_length() {
    let a = fresh(1).1;
    let (b, events) = member(&a);
    let absurd = frame(b.key(), 1, 1, EventId::ZERO, 1 << 30, b"short");
    let huge = frame(b.key(), 1, 1, EventId::ZERO, 1 << 20, &vec![0; 1 << 20]);
    for bad in [absurd, huge, SignedEvent { frame: vec![], signature: vec![] }] {
        assert!(matches!(refused(&a, &[bad]), Some(RefusalReason::Malformed(_))));
    }
    let cut = SignedEvent { frame: events[0].frame[..20].to_vec(), ..events[0].clone() };
    assert!(matches!(refused(&a, &[cut]), Some(RefusalReason::Malformed(_))));
    assert_eq!(a.vector().expect("a vector"), Vector::default());
}

#[test]
fn a_kind_of_a_later_version_is_kept_relayed_and_without_effect() {
    let (a, c) = (fresh(1).1, fresh(3).1);
    let (b, _) = member(&a);
    let later = frame(b.key(), 200, 1, EventId::ZERO, 3, &[1, 2, 3]);
    let next = frame(b.key(), 201, 2, later.id(), 0, &[]);
    assert_eq!(refused(&a, &[later.clone(), next.clone()]), None);
    assert_eq!(a.package_count().expect("readable"), 0);
    c.take_root(a.node_id(), at(0)).expect("alone");
    pull(&c, &a, at(3)).expect("a pull");
    assert_eq!(c.events_after(ods_store::Lsn::ZERO, usize::MAX).expect("events"), [later, next]);
    assert_sound(&c);
}

#[test]
fn who_lies_about_its_vector_gets_a_bounded_page_and_learns_nothing_new() {
    let a = fresh(1).1;
    let (b, events) = member(&a);
    assert_eq!(refused(&a, &events), None);
    let whole = a.vector().expect("a vector");
    let stream = *whole.entries.keys().next().expect("one stream");
    let lie = |last: u64, sum: SetSum| Vector { entries: [(stream, StreamState { last, sum })].into() };
    let items = |vector: Vector| a.log_page(&LogQuery { cursor: None, vector }).expect("a page").items.len();
    let nonsense = SetSum::from_bytes(*Digest::of(b"nonsense").as_bytes());
    assert_eq!(items(lie(u64::MAX, nonsense)), 0, "it says that it has more than there is");
    assert_eq!(items(lie(3, nonsense)), 3, "equal numbers and another sum: the stream as a whole, for twins");
    assert_eq!(items(lie(1, nonsense)), 2);
    assert_eq!(items(whole), 0);
    let unknown = StreamId { origin: b.node_id(), epoch: 1234 };
    let many = (0..50_000).map(|epoch| (StreamId { epoch, ..unknown }, StreamState { last: 9, sum: nonsense }));
    assert_eq!(items(Vector { entries: many.collect() }), 3);
}

#[test]
fn a_path_that_hides_something_is_taken_from_others_and_not_published_here() {
    let a = fresh(1).1;
    let (b, _) = member(&a);
    let (name, digest) = ("t/\u{202E}gkp.exe", Digest::of(b""));
    let mut body = Vec::new();
    varint(name.len() as u64, &mut body);
    body.extend(name.as_bytes());
    body.extend(digest.as_bytes());
    varint(0, &mut body);
    body.extend(digest.as_bytes());
    // Modified at 0, no metadata, in place of nothing.
    body.extend([0, 0, 0]);
    let length = u32::try_from(body.len()).expect("short");
    let event = frame(b.key(), 1, 1, EventId::ZERO, length, &body);
    assert_eq!(refused(&a, &[event]), None);
    assert!(a.package(&path(name)).expect("readable").is_some(), "older nodes publish such names");
    let refused = put(&a, name, b"x", at(3)).expect_err("not from here");
    assert!(matches!(refused, ods_store::StoreError::BadPath(ods_store::PathError::HiddenCharacter { code: 0x202E })));
    a.remove(&path(name), &ods_store::Condition::None, &ods_store::Author::new("test"), at(4)).expect("gone");
    assert_sound(&a);
}

#[test]
fn a_tag_that_hides_something_is_taken_from_others_and_not_added_here() {
    let a = fresh(1).1;
    let (b, _) = member(&a);
    let (name, tag, digest) = ("t/a.pkg", "prod\u{200B}", Digest::of(b""));
    let text = |text: &str, body: &mut Vec<u8>| {
        varint(text.len() as u64, body);
        body.extend(text.as_bytes());
    };
    let mut body = Vec::new();
    text(name, &mut body);
    body.extend(digest.as_bytes());
    varint(0, &mut body);
    body.extend(digest.as_bytes());
    // Modified at 0, one entry of metadata, in place of nothing.
    body.extend([0, 1]);
    text("tags", &mut body);
    text(tag, &mut body);
    body.push(0);
    let length = u32::try_from(body.len()).expect("short");
    assert_eq!(refused(&a, &[frame(b.key(), 1, 1, EventId::ZERO, length, &body)]), None);
    let patch = |key: &str, value: &str| {
        let meta = [(key.to_owned(), Some(value.to_owned()))].into();
        a.edit(&ods_store::PublishRequest { meta, ..crate::support::request(name) }, at(3))
    };
    assert_eq!(a.package(&path(name)).expect("readable").expect("there").tags(), [tag]);
    patch("title", "A").expect("what is there may stay");
    patch("tags", &format!("{tag},lab")).expect("beside another one, too");
    let added = patch("tags", "prod\u{202E}").expect_err("not from here");
    assert!(matches!(&added, ods_store::StoreError::BadMeta { key, .. } if key == "tags"), "{added}");
    assert!(added.to_string().contains("U+202E"), "{added}");
    patch("tags", "prod").expect("it goes");
    patch("tags", tag).expect_err("and doesn't come back");
}

#[test]
fn what_a_replicas_key_signs_is_refused_until_it_is_raised() {
    let (a, b) = (fresh(1).1, fresh(2).1);
    let admit = |role| {
        let admit = ods_store::Admit { node: b.node_id(), role, prefixes: vec![] };
        a.admit(&admit, &ods_store::Author::new("test"), at(0)).expect("the root admits");
    };
    admit(ods_store::Role::Replica);
    let event = frame(b.key(), 9, 1, EventId::ZERO, 1, b"x");
    assert_eq!(refused(&a, std::slice::from_ref(&event)), Some(RefusalReason::UnknownOrigin));
    assert_eq!(a.vector().expect("a vector"), Vector::default(), "nothing of it is held");
    admit(ods_store::Role::Publisher);
    assert_eq!(
        offer(&a, std::slice::from_ref(&event)).inserted,
        1,
        "an event that came before the word is taken after it"
    );
    a.expel(&b.node_id(), &ods_store::Author::new("test"), at(1)).expect("the root expels");
    let next = frame(b.key(), 9, 2, event.id(), 1, b"y");
    assert_eq!(offer(&a, &[next]).inserted, 1, "what is held depends on who was admitted alone");
    assert_sound(&a);
}

#[test]
fn an_admin_is_told_of_a_flood_of_streams_once() {
    let a = fresh(1).1;
    let b = fresh(2).1;
    let admit = ods_store::Admit { node: b.node_id(), role: ods_store::Role::Publisher, prefixes: vec![] };
    a.admit(&admit, &ods_store::Author::new("test"), at(0)).expect("the root admits");
    let alarms = || -> Vec<String> {
        let records = a.records(ods_store::Lsn::ZERO, 1000).expect("readable").items;
        let alarm = |record: ods_store::Record| match record.what {
            ods_store::Happening::Alarm { code, .. } => Some(code),
            _ => None,
        };
        records.into_iter().filter_map(alarm).collect()
    };
    let event = |epoch: u64| frame_in(epoch, b.key(), (9, 1, EventId::ZERO), 1, b"x");
    for epoch in 1..=63 {
        assert_eq!(offer(&a, &[event(epoch)]).inserted, 1);
    }
    assert_eq!(alarms(), [""; 0]);
    let more: Vec<SignedEvent> = (64..=200).map(event).collect();
    assert_eq!(offer(&a, &more).inserted, 137);
    assert_eq!(alarms(), ["many_streams"]);
}
