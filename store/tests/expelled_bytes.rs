//! Bytes of what a node published that was expelled, while events are lacking that its expulsion names.

use ods_store::{
    Author, Condition, Digest, EventId, GcMode, Keep, Retention, Role, SpacePolicy, Store, StreamId, UnixMillis,
};

use crate::expel_ahead::{ahead, listed, sign, sign_removal, take};
use crate::mesh::mesh;
use crate::states::fetch;
use crate::support::{assert_sound, at, path, pull, put};

/// With no grace, and no earlier revisions kept.
fn space() -> SpacePolicy {
    let keep = Keep { revisions: 0, age_ms: 0, removed_ms: 0 };
    SpacePolicy { grace_ms: 0, retention: Retention::new(keep, &[]).expect("valid") }
}

pub(crate) fn collect(store: &Store, now: UnixMillis) -> u64 {
    store.gc(&space(), GcMode::Collect, now).expect("a run").blobs.count
}

#[test]
fn bytes_of_what_may_count_again_stay_until_that_is_known() {
    let (nodes, lacking) = ahead();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    fetch(b, p);
    a.remove(&path("w.pkg"), &ods_store::Condition::None, &Author::new("test"), at(6)).expect("a removal");
    // The roster alone: a link broke before the events came.
    b.insert_statements(a.roster_statements().expect("readable"), at(10)).expect("they verify");
    assert!(!listed(b, "x.pkg"));
    assert_eq!(collect(b, at(100)), 0);
    let held = |bytes: &[u8]| b.open_blob(&Digest::of(bytes), at(101)).expect("readable").is_some();
    assert!(held(b"x") && held(b"w"), "perhaps the only copies");
    take(b, &lacking, at(102));
    assert!(listed(b, "x.pkg") && held(b"x"));
    assert_eq!(collect(b, at(103)), 0, "both are listed again");
    pull(b, a, at(104)).expect("a pull");
    assert_eq!(collect(b, at(105)), 1, "what was removed goes");
    assert!(held(b"x") && !held(b"w"));
    assert_sound(b);
}

/// The last event that the Expel names may be lost for good.
#[test]
fn of_what_may_count_again_removed_packages_go_as_ever_and_nothing_else() {
    let nodes = mesh(3, Role::Publisher);
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    for (second, content) in [(1, b"first"), (2, b"later")] {
        put(p, "x.pkg", content, at(second)).expect("a publish");
        put(p, "w.pkg", format!("w{second}").as_bytes(), at(second)).expect("a publish");
        pull(b, p, at(second)).expect("a pull");
        fetch(b, p);
    }
    pull(a, p, at(3)).expect("a pull");
    a.remove(&path("w.pkg"), &Condition::None, &Author::new("test"), at(3)).expect("a removal");
    pull(b, a, at(3)).expect("a pull");
    let expel = sign(a, p, vec![EventId::from_bytes([6; 32])]);
    b.insert_statements(vec![expel], at(4)).expect("it verifies");
    assert!(!listed(b, "x.pkg"));
    assert_eq!(collect(b, at(100)), 2);
    let held = |bytes: &[u8]| b.open_blob(&Digest::of(bytes), at(101)).expect("readable").is_some();
    // What is named may follow the first and not the later one.
    assert_eq!([held(b"later"), held(b"first"), held(b"w2"), held(b"w1")], [true, true, false, false]);
    assert_sound(b);
}

/// What a thief signed in a stream of his own counts no more once that is known, and then the honest revision is the head again.
#[test]
fn bytes_of_what_is_replaced_only_by_what_may_not_count_stay() {
    let nodes = mesh(3, Role::Publisher);
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    let honest = put(p, "x.pkg", b"x", at(1)).expect("a publish").package.revision;
    pull(b, p, at(2)).expect("a pull");
    fetch(b, p);
    let held = p.overview().expect("readable").head;
    put(p, "y.pkg", b"y", at(3)).expect("a publish");
    pull(a, p, at(4)).expect("a pull");
    a.expel(&p.node_id(), &Author::new("test"), at(5)).expect("an owner expels");
    let thiefs = StreamId { origin: p.node_id(), epoch: 7 };
    let removal = sign_removal(p, (thiefs, 1, EventId::ZERO), ("x.pkg", 5), vec![honest]);
    take(b, &[removal], at(5));
    b.insert_statements(a.roster_statements().expect("readable"), at(10)).expect("they verify");
    assert_eq!(collect(b, at(100)), 0);
    take(b, &p.events_after(held, usize::MAX).expect("readable"), at(102));
    assert!(listed(b, "x.pkg") && b.open_blob(&Digest::of(b"x"), at(103)).expect("readable").is_some());
    assert_sound(b);
}

/// Both are heads once the last event is here, and the bytes of the older one may be nowhere else.
#[test]
fn bytes_of_what_may_count_again_stay_though_the_package_was_published_anew() {
    let (nodes, lacking) = ahead();
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    fetch(b, p);
    b.insert_statements(a.roster_statements().expect("readable"), at(10)).expect("they verify");
    assert!(!listed(b, "x.pkg"));
    put(b, "x.pkg", b"anew", at(11)).expect("a publish");
    assert_eq!(collect(b, at(100)), 0);
    take(b, &lacking, at(102));
    let held = |bytes: &[u8]| b.open_blob(&Digest::of(bytes), at(101)).expect("readable").is_some();
    assert!(b.package(&path("x.pkg")).expect("readable").expect("listed").conflict && held(b"x") && held(b"anew"));
    assert_sound(b);
}

/// Of a removed package, too: the removal knew nothing of what may count again, and that is listed then.
#[test]
fn bytes_of_what_may_count_again_stay_beside_a_removal_that_did_not_know_of_it() {
    let nodes = mesh(3, Role::Publisher);
    let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
    put(p, "w.pkg", b"first", at(1)).expect("a publish");
    for store in [a, b] {
        pull(store, p, at(1)).expect("a pull");
    }
    fetch(b, p);
    a.remove(&path("w.pkg"), &Condition::None, &Author::new("test"), at(2)).expect("a removal");
    put(p, "w.pkg", b"later", at(2)).expect("a publish");
    pull(b, p, at(3)).expect("a pull");
    fetch(b, p);
    pull(b, a, at(3)).expect("a pull");
    assert!(listed(b, "w.pkg"), "both are heads");
    let expel = sign(a, p, vec![EventId::from_bytes([6; 32])]);
    b.insert_statements(vec![expel], at(4)).expect("it verifies");
    assert!(!listed(b, "w.pkg"));
    let removed = SpacePolicy { retention: space().retention.forgetting_removed(), ..space() };
    assert_eq!(b.gc(&removed, GcMode::Collect, at(100)).expect("a run").blobs.count, 1);
    let held = |bytes: &[u8]| b.open_blob(&Digest::of(bytes), at(101)).expect("readable").is_some();
    assert_eq!([held(b"later"), held(b"first")], [true, false]);
    assert_sound(b);
}
