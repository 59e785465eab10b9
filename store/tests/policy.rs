//! Policies: wants follow them, and bytes go only where others are known to have them. The last copy never goes, whatever
//! the order in which nodes change their minds, hear of each other and let go.

mod expelled;
mod relaying;
mod worlds;

use std::collections::BTreeSet;

use crate::mesh::{mesh, settle};
use crate::states::{fetch, link, outside};
use crate::support::{assert_sound, at, bytes, fresh, open, path, pull, put, put_request, request};
use ods_store::{
    Author, Condition, Description, Digest, EvictReport, EvictStep, GcMode, Happening, Keep, LinkBrief, LinkState, Lsn,
    MetaPatch, Outside, PackageState, Retention, Role, SignedState, SpacePolicy, StateHeader, StatePolicy, Store,
    StoreError, UnixMillis,
};

fn selected(paths: &[&str], tags: &[&str]) -> StatePolicy {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    StatePolicy::Selected { paths: texts(paths), tags: texts(tags) }
}

fn on_demand(bytes_max: u64) -> StatePolicy {
    StatePolicy::OnDemand { bytes_max }
}

fn set(store: &Store, policy: &StatePolicy) {
    store.set_policy(policy, &Author::new("test"), at(5)).expect("a policy");
    while store.follow_policy(at(5)).expect("a step") {}
    assert_sound(store);
}

#[test]
fn a_glob_is_made_nfc_where_it_is_taken() {
    let (_, store) = fresh(1);
    set(&store, &selected(&["e\u{301}/*"], &[]));
    assert_eq!(store.policy().expect("a policy"), selected(&["\u{E9}/*"], &[]));
}

fn evict(store: &Store, now: UnixMillis) -> EvictReport {
    let Some(mut run) = store.begin_evict(now).expect("a run") else { return EvictReport::default() };
    loop {
        if let EvictStep::Done(report) = run.step().expect("a step") {
            return report;
        }
    }
}

/// A node asks another for its word on what it would let go, and hears it.
fn ask(store: &Store, other: &Store) {
    assert_eq!(evict(store, at(10)).gone.count, 0, "nothing goes on a word from before it was asked for");
    tell(store);
    hear(other, store);
    tell(other);
    hear(store, other);
}

fn describe(store: &Store) -> Description {
    store.describe(outside(store)).expect("a node describes itself")
}

fn tell(store: &Store) {
    store.tell(&describe(store), at(500)).expect("a node signs its state").expect("of this moment");
}

fn hear(to: &Store, from: &Store) {
    let states: Vec<SignedState> = from.states().expect("states").into_iter().map(|held| held.signed).collect();
    to.insert_states(states, at(1)).expect("states are taken");
}

/// All tell, and all hear of all.
fn gossip(stores: &[&Store]) {
    for store in stores {
        tell(store);
    }
    for to in stores {
        for from in stores {
            hear(to, from);
        }
    }
}

fn wanted(store: &Store) -> BTreeSet<Digest> {
    store.wants(1000).expect("wants").into_iter().map(|want| want.blob).collect()
}

fn state(store: &Store, name: &str) -> PackageState {
    store.package(&path(name)).expect("readable").expect("listed").state
}

fn holds(store: &Store, blob: &Digest) -> bool {
    store.open_blob(blob, at(9)).expect("readable").is_some()
}

fn tagged(name: &str, tag: &str) -> ods_store::PublishRequest {
    ods_store::PublishRequest { meta: MetaPatch::from([("tags".to_owned(), Some(tag.to_owned()))]), ..request(name) }
}

#[test]
fn wants_follow_the_policy_and_the_catalog() {
    let nodes = mesh(2, Role::Replica);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    set(b, &selected(&["mac/*"], &["prod"]));
    let mac = put(a, "mac/x.pkg", b"mac", at(1)).expect("a publish").package.blob;
    let win = put(a, "win/x.msi", b"win", at(1)).expect("a publish").package.blob;
    let prod = put_request(a, &tagged("any.deb", "beta,prod"), b"prod", at(1)).expect("a publish").package.blob;
    pull(b, a, at(2)).expect("a pull");
    assert_eq!(wanted(b), BTreeSet::from([mac, prod]));
    assert_eq!((state(b, "win/x.msi"), state(b, "mac/x.pkg")), (PackageState::Remote, PackageState::Wanted));
    a.edit(&tagged("any.deb", "beta"), at(3)).expect("a tag goes");
    a.edit(&tagged("win/x.msi", "prod"), at(3)).expect("a tag comes");
    pull(b, a, at(4)).expect("a pull");
    assert_eq!(wanted(b), BTreeSet::from([mac, win]));
    set(b, &on_demand(100));
    assert_eq!(wanted(b), BTreeSet::new());
    assert!(b.want_now(&prod, at(5)).expect("a client asks"));
    set(b, &selected(&["win/*"], &[]));
    assert_eq!(wanted(b), BTreeSet::from([win, prod]), "what a client waits for stays");
    set(b, &StatePolicy::All);
    assert_eq!(wanted(b), BTreeSet::from([mac, win, prod]));
    assert!(!b.want_now(&Digest::of(b"nothing"), at(5)).expect("a client asks"), "of no package");
}

#[test]
fn a_change_is_a_walk_that_goes_on_after_a_restart_and_claims_nothing_meanwhile() {
    let (disk, a) = fresh(1);
    let count = 1200;
    for number in 0..count {
        put(&a, &format!("p{number}"), &bytes(number, 10), at(1)).expect("a publish");
    }
    let (b_disk, b) = {
        let (b_disk, b) = fresh(2);
        let admit = ods_store::Admit { node: b.node_id(), role: Role::Replica, prefixes: vec![] };
        a.admit(&admit, &Author::new("test"), at(0)).expect("admitted");
        b.take_root(a.node_id(), at(0)).expect("alone");
        b.set_policy(&on_demand(5), &Author::new("test"), at(0)).expect("a policy");
        while b.follow_policy(at(0)).expect("a step") {}
        pull(&b, &a, at(2)).expect("a pull");
        (b_disk, b)
    };
    assert_eq!(wanted(&b), BTreeSet::new());
    b.set_policy(&StatePolicy::All, &Author::new("test"), at(3)).expect("a policy");
    assert_sound(&b);
    assert!(b.follow_policy(at(3)).expect("a step"), "there is more");
    assert_eq!(b.wants(10_000).expect("wants").len(), ods_store::POLICY_STEP_BLOBS);
    assert!(!describe(&b).state.wants_complete, "others must not take the rest for held");
    put(&a, "new", b"new", at(4)).expect("a publish");
    pull(&b, &a, at(4)).expect("a pull");
    drop(b);
    let b = open(&b_disk, 2).expect("it opens again");
    assert_sound(&b);
    while b.follow_policy(at(5)).expect("a step") {}
    assert_eq!(b.wants(10_000).expect("wants").len(), usize::try_from(count).expect("small") + 1);
    assert_eq!(describe(&b).state.want_count, count + 1);
    assert_sound(&b);
    drop(disk);
}

#[test]
fn what_is_not_kept_goes_when_a_publisher_is_known_to_have_it() {
    let nodes = mesh(3, Role::Replica);
    let (a, b, c) = (&nodes[0].1, &nodes[1].1, &nodes[2].1);
    let blob = put(a, "x.pkg", b"hello", at(1)).expect("a publish").package.blob;
    settle(&[a, b, c]);
    fetch(b, a);
    fetch(c, a);
    // Before b knows anything of the owner, a replica's word is not enough.
    tell(b);
    tell(c);
    hear(b, c);
    set(b, &on_demand(0));
    assert_eq!(evict(b, at(10)).held_back.count, 1);
    // The owner spoke, but before b changed its mind.
    tell(a);
    let old: Vec<SignedState> = a.states().expect("states").into_iter().map(|held| held.signed).collect();
    tell(b);
    b.insert_states(old, at(1)).expect("taken");
    hear(a, b);
    tell(a);
    hear(b, a);
    ask(b, a);
    let report = evict(b, at(10));
    assert_eq!((report.gone.count, report.gone.bytes, holds(b, &blob)), (1, 5, false));
    assert_eq!((state(b, "x.pkg"), wanted(b)), (PackageState::Remote, BTreeSet::new()));
    let records = b.records(Lsn::ZERO, 1000).expect("the journal").items;
    assert!(records.iter().any(|record| record.what == Happening::StorageEvicted { blobs: 1, bytes: 5 }));
    assert_sound(b);
    // A client asks for it again, and then again its order counts.
    assert!(b.want_now(&blob, at(11)).expect("a client asks"));
    fetch(b, a);
    assert!(holds(b, &blob));
}

#[test]
fn the_word_of_a_node_that_is_not_reached_is_not_relied_on() {
    let nodes = mesh(3, Role::Publisher);
    let (a, b, c) = (&nodes[0].1, &nodes[1].1, &nodes[2].1);
    let blob = put(a, "x.pkg", b"hello", at(1)).expect("a publish").package.blob;
    settle(&[a, b, c]);
    fetch(b, a);
    set(b, &on_demand(0));
    set(c, &on_demand(0));
    gossip(&[b, c, a]);
    gossip(&[b, c, a]);
    // The node that has it too is gone, with its disk; its neighbours notice, one of them later.
    let tell_of = |store: &Store, links: Vec<LinkBrief>| {
        let described = store.describe(Outside { links, ..outside(store) }).expect("a node describes itself");
        store.tell(&described, at(500)).expect("a node signs its state").expect("of this moment");
    };
    tell_of(b, vec![link(a.node_id(), LinkState::Down), link(c.node_id(), LinkState::Connecting)]);
    assert_eq!(evict(b, at(10)).held_back.count, 1);
    tell_of(c, vec![link(a.node_id(), LinkState::Down), link(b.node_id(), LinkState::Up)]);
    hear(b, c);
    tell_of(b, vec![link(a.node_id(), LinkState::Down), link(c.node_id(), LinkState::Up)]);
    assert_eq!(evict(b, at(10)).held_back.count, 1);
    assert!(holds(b, &blob));
    // Another way leads to it.
    tell_of(c, vec![link(a.node_id(), LinkState::Up), link(b.node_id(), LinkState::Up)]);
    hear(b, c);
    assert!(evict(b, at(10)).awaits_word);
    tell_of(b, vec![link(a.node_id(), LinkState::Down), link(c.node_id(), LinkState::Up)]);
    assert!(evict(b, at(10)).awaits_word, "it said so once, and isn't heard since");
    hear(a, b);
    tell(a);
    hear(b, a);
    let report = evict(b, at(10));
    assert_eq!((report.gone.count, report.awaits_word), (1, false));
}

/// Counters pass what was heard in leaps. So a node that spoke often is far ahead of the question of one that didn't, and what
/// it said before is no answer.
#[test]
fn a_members_absurd_counter_makes_no_old_word_an_answer() {
    let nodes = mesh(3, Role::Publisher);
    let (a, b, c) = (&nodes[0].1, &nodes[1].1, &nodes[2].1);
    let blob = put(a, "x.pkg", b"hello", at(1)).expect("a publish").package.blob;
    settle(&[a, b, c]);
    fetch(b, a);
    set(b, &on_demand(0));
    gossip(&[b, c, a]);
    gossip(&[b, c, a]);
    let header = StateHeader { node: c.node_id(), counter: 1 << 60, at_ms: at(500) };
    let absurd = SignedState::mint(c.key(), &header, &describe(c).state);
    for store in [a, b] {
        store.insert_states(vec![absurd.clone()], at(1)).expect("taken");
    }
    (0..5).for_each(|_| tell(a));
    hear(b, a);
    assert!(evict(b, at(10)).awaits_word);
    tell(b);
    assert!(evict(b, at(10)).awaits_word, "nothing was said since it asked");
    assert!(holds(b, &blob));
    hear(a, b);
    tell(a);
    hear(b, a);
    assert_eq!(evict(b, at(10)).gone.count, 1);
}

#[test]
fn a_node_that_is_set_back_to_an_older_copy_takes_its_word_back_before_anything_goes() {
    let mut nodes = mesh(2, Role::Publisher);
    let old = nodes[0].0.copy();
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let blob = put(b, "x.pkg", b"hello", at(1)).expect("a publish").package.blob;
    settle(&[a, b]);
    fetch(a, b);
    set(b, &on_demand(0));
    gossip(&[b, a]);
    gossip(&[b, a]);
    // Its link is up again at once; what it said before is still the newest that is held of it.
    drop(nodes.swap_remove(0));
    let b = &nodes[0].1;
    let a = open(&old, 1).expect("an older copy opens");
    evict(b, at(10));
    tell(b);
    pull(&a, b, at(3)).expect("a pull");
    hear(&a, b);
    tell(&a);
    hear(b, &a);
    assert_eq!(evict(b, at(10)).gone.count, 0, "it wants them now");
    assert!(holds(b, &blob));
    fetch(&a, b);
    tell(&a);
    hear(b, &a);
    ask(b, &a);
    assert_eq!(evict(b, at(10)).gone.count, 1);
}

#[test]
fn a_word_from_before_the_change_is_not_relied_on() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let blob = put(a, "x.pkg", b"hello", at(1)).expect("a publish").package.blob;
    settle(&[a, b]);
    fetch(b, a);
    gossip(&[a, b]);
    // Each believes the other to keep everything. Then both change their mind, cut off from each other.
    set(a, &on_demand(0));
    set(b, &on_demand(0));
    evict(a, at(10));
    evict(b, at(10));
    assert!(holds(a, &blob) && holds(b, &blob));
    gossip(&[a, b]);
    evict(a, at(10));
    evict(b, at(10));
    assert!(holds(a, &blob) && holds(b, &blob), "now each knows better");
    set(a, &StatePolicy::All);
    gossip(&[b, a]);
    gossip(&[b, a]);
    ask(b, a);
    assert_eq!(evict(b, at(10)).gone.count, 1);
}

#[test]
fn what_the_catalog_takes_from_what_is_kept_is_renounced_too() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    set(b, &selected(&["p"], &[]));
    let blob = put(a, "p", b"hello", at(1)).expect("a publish").package.blob;
    put(a, "q", b"hello", at(1)).expect("the same bytes elsewhere");
    settle(&[a, b]);
    fetch(b, a);
    gossip(&[a, b]);
    gossip(&[a, b]);
    // The node that keeps all turns to on-demand, and hears once more from the one that keeps p. Cut off, that removes p.
    set(a, &on_demand(0));
    tell(b);
    hear(a, b);
    tell(b);
    hear(a, b);
    ask(a, b);
    b.remove(&path("p"), &Condition::None, &Author::new("test"), at(2)).expect("a removal");
    let gone = [evict(a, at(10)).gone.count, evict(b, at(10)).gone.count];
    assert!(holds(a, &blob) || holds(b, &blob), "{gone:?}");
    assert_eq!(gone, [1, 0]);
}

/// A node says that it keeps some bytes; then they are live only where it doesn't keep them, at once or after they were live
/// nowhere. What others said before it claimed them is no reason for it to let go: they may rely on what it claimed.
#[test]
fn what_is_live_again_where_it_is_not_kept_is_renounced_too() {
    for was_known in [true, false] {
        let nodes = mesh(3, Role::Publisher);
        let [a, b, c] = [0, 1, 2].map(|node| &nodes[node].1);
        let blob = put(a, "p", b"hello", at(1)).expect("a publish").package.blob;
        put(c, "other", b"other", at(1)).expect("a publish");
        settle(&[a, b, c]);
        for (to, from) in [(b, a), (b, c), (c, a)] {
            fetch(to, from);
        }
        // Of other bytes it waits to hear that somebody has them, now and for long.
        set(b, &selected(&["p"], &[]));
        gossip(&[b, c]);
        gossip(&[b, c]);
        assert!(evict(b, at(10)).awaits_word);
        tell(b);
        // After that it hears from another that keeps all; the same bytes are at a second path by now.
        put(c, "q", b"hello", at(2)).expect("the same bytes elsewhere");
        pull(a, c, at(3)).expect("a pull");
        if was_known {
            pull(b, c, at(3)).expect("a pull");
        }
        hear(a, b);
        tell(a);
        hear(b, a);
        // All others turn to on-demand, ask, and hear of it alone, which heard nothing.
        let heard_again = |other| {
            for _ in 0..9 {
                tell(b);
            }
            hear(other, b);
        };
        let gone = [a, c].map(|other| {
            set(other, &on_demand(0));
            heard_again(other);
            assert!(evict(other, at(10)).awaits_word);
            tell(other);
            heard_again(other);
            evict(other, at(10)).gone.count
        });
        assert_eq!(gone, [1, 1], "they let go");
        b.remove(&path("p"), &Condition::None, &Author::new("test"), at(4)).expect("a removal");
        pull(b, c, at(5)).expect("a pull");
        assert_eq!(state(b, "q"), PackageState::Stored);
        evict(b, at(10));
        assert!(holds(b, &blob), "the last copy went; at its second path it was known before: {was_known}");
        assert_sound(b);
    }
}

/// Others may still rely on what it claimed before that.
#[test]
fn what_was_renounced_stays_so_though_its_bytes_rot_and_come_back() {
    let nodes = mesh(2, Role::Publisher);
    let (a, (disk, b)) = (&nodes[0].1, &nodes[1]);
    set(b, &selected(&["p"], &[]));
    let blob = put(a, "p", b"hello", at(1)).expect("a publish").package.blob;
    put(a, "q", b"hello", at(1)).expect("the same bytes elsewhere");
    settle(&[a, b]);
    fetch(b, a);
    gossip(&[a, b]);
    (0..9).for_each(|_| tell(b));
    a.remove(&path("p"), &Condition::None, &Author::new("test"), at(2)).expect("a removal");
    pull(b, a, at(3)).expect("a pull");
    tell(a);
    hear(b, a);
    assert!(!b.is_held_by_publisher(&blob).expect("readable"), "no word that came before what it claimed");
    rot(disk, b, &blob);
    assert!(!holds(b, &blob));
    fetch(b, a);
    assert!(holds(b, &blob) && !b.is_held_by_publisher(&blob).expect("readable"));
    assert_sound(b);
}

/// Has the bytes of a small blob be wrong, and that be found.
fn rot(disk: &ods_store::SimDisk, store: &Store, blob: &Digest) {
    let file = crate::care::file_of("blobs", blob);
    crate::care::overwrite(disk, &file, b"wrong");
    crate::care::scrub(store, at(4));
}

#[test]
fn what_was_described_before_a_change_is_not_signed_after_it() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let before = describe(a);
    set(a, &on_demand(0));
    assert_eq!(a.tell(&before, at(9)).expect("no error"), None);
    tell(a);
    set(a, &selected(&["x"], &[]));
    put(a, "x", b"hello", at(1)).expect("a publish");
    let claims = describe(a);
    put(a, "y", b"hello", at(1)).expect("the same bytes elsewhere");
    a.remove(&path("x"), &Condition::None, &Author::new("test"), at(2)).expect("a removal");
    assert_eq!(a.tell(&claims, at(9)).expect("no error"), None, "the catalog took it from what is kept");
    pull(b, a, at(3)).expect("a pull");
}

/// Every publish would throw away what is about to be said of the node.
#[test]
fn what_is_published_where_it_is_kept_renounces_nothing() {
    let nodes = mesh(2, Role::Publisher);
    let a = &nodes[0].1;
    set(a, &selected(&["x"], &[]));
    let before = describe(a);
    put(a, "x", b"hello", at(1)).expect("a publish");
    assert!(a.tell(&before, at(9)).expect("no error").is_some());
    let before = describe(a);
    put(a, "y", b"elsewhere", at(2)).expect("a publish");
    assert_eq!(a.tell(&before, at(9)).expect("no error"), None, "it isn't kept there");
}

#[test]
fn the_longest_unused_go_first_and_what_is_read_stays() {
    let nodes = mesh(2, Role::Replica);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    set(b, &on_demand(20));
    let blobs: Vec<Digest> = (0..4)
        .map(|number| put(a, &format!("p{number}"), &bytes(number, 10), at(number)).expect("a publish").package.blob)
        .collect();
    settle(&[a, b]);
    for two in blobs.chunks(2) {
        for blob in two {
            b.want_now(blob, at(4)).expect("a client asks");
        }
        fetch(b, a);
    }
    gossip(&[b, a]);
    gossip(&[b, a]);
    b.note_uses().expect("readable");
    for (order, number) in [2, 0, 3, 1].into_iter().enumerate() {
        b.used(&blobs[number], at(20 + order as u64));
    }
    b.save_uses().expect("written");
    ask(b, a);
    let reader = b.open_blob(&blobs[2], at(30)).expect("readable").expect("held");
    assert_eq!(evict(b, at(30)).gone.count, 2);
    assert_eq!(blobs.iter().map(|blob| holds(b, blob)).collect::<Vec<_>>(), [false, true, true, false]);
    drop(reader);
    assert_eq!(evict(b, at(31)).gone.count, 0, "it fits");
    assert_sound(b);
}

#[test]
fn clients_have_no_more_fetched_at_once_than_the_node_keeps() {
    let nodes = mesh(2, Role::Replica);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    set(b, &on_demand(20));
    let sizes = [10, 10, 1, 30];
    let blobs: Vec<Digest> = (0..)
        .zip(sizes)
        .map(|(seed, size)| put(a, &format!("p{seed}"), &bytes(seed, size), at(1)).expect("a publish").package.blob)
        .collect();
    settle(&[a, b]);
    let refused = |blob: &Digest| matches!(b.want_now(blob, at(2)), Err(StoreError::AskedTooMuch { bytes_max: 20 }));
    assert!(b.want_now(&blobs[0], at(2)).expect("room") && b.want_now(&blobs[1], at(2)).expect("room"));
    assert!(refused(&blobs[2]) && refused(&blobs[3]));
    assert!(b.want_now(&blobs[0], at(2)).expect("it is on its way"));
    assert_eq!(wanted(b), BTreeSet::from([blobs[0], blobs[1]]));
    fetch(b, a);
    assert!(b.want_now(&blobs[3], at(3)).expect("one larger than all comes alone"));
    assert!(refused(&blobs[2]));
    assert_sound(b);
}

#[test]
fn what_clients_asked_for_is_wanted_no_more_once_nobody_waits_and_nothing_came() {
    let nodes = mesh(2, Role::Replica);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    set(b, &on_demand(1 << 30));
    let large = bytes(1, 2 << 20);
    let begun = put(a, "begun", &large, at(1)).expect("a publish").package.blob;
    let left = put(a, "left", b"left", at(1)).expect("a publish").package.blob;
    settle(&[a, b]);
    for blob in [&begun, &left] {
        assert!(b.want_now(blob, at(2)).expect("a client asks"));
    }
    let coming = b.begin_fetch(&begun, large.len() as u64).expect("room");
    coming.set_outline(a.open_blob(&begun, at(2)).expect("read").expect("held").outline().to_vec()).expect("right");
    coming.write_piece(1, &large[1 << 20..]).expect("a right piece");
    let waiting = b.begin_fetch(&left, 4).expect("room");
    let later = |seconds: u64| UnixMillis::new(at(2).get() + seconds * 1000);
    assert_eq!(b.drop_forsaken_wants(later(119)).expect("read"), 0, "somebody may come again");
    b.want_now(&left, later(119)).expect("somebody does");
    assert_eq!(b.drop_forsaken_wants(later(120)).expect("read"), 0);
    assert_eq!(b.drop_forsaken_wants(later(239)).expect("read"), 1);
    assert_eq!(wanted(b), BTreeSet::from([begun]), "what has begun to come is finished");
    b.abandon_fetch(&waiting).expect("nobody wants it");
    assert!(b.want_now(&left, later(300)).expect("a client asks again"));
    set(b, &selected(&["left"], &[]));
    assert_eq!(b.drop_forsaken_wants(later(900)).expect("read"), 0, "now the policy keeps it");
    assert_sound(b);
}

#[test]
fn what_was_lost_is_wanted_for_ever_though_nobody_asks() {
    let (disk, b) = fresh(1);
    let blob = put(&b, "x", b"the only copy", at(1)).expect("a publish").package.blob;
    set(&b, &on_demand(0));
    let name = blob.to_string();
    disk.flip_bit(std::path::Path::new(&format!("/data/blobs/{}/{name}", &name[..2])), 0);
    b.open_blob(&blob, at(2)).expect("read").expect("listed").read(0, 5, at(2)).expect_err("rotten");
    assert_eq!(b.drop_forsaken_wants(at(1_000_000_000)).expect("read"), 0);
    assert_eq!(wanted(&b), BTreeSet::from([blob]));
}

#[test]
fn earlier_revisions_stay_where_the_package_is_kept_or_was_published() {
    let nodes = mesh(2, Role::Replica);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let first = put(a, "x.pkg", b"one", at(1)).expect("a publish").package.blob;
    settle(&[a, b]);
    fetch(b, a);
    put(a, "x.pkg", b"two", at(2)).expect("a publish");
    settle(&[a, b]);
    let keep = Keep { revisions: 5, age_ms: 0, removed_ms: 0 };
    let space = SpacePolicy { grace_ms: 0, retention: Retention::new(keep, &[]).expect("valid") };
    let mut run = b.begin_gc(&space, GcMode::Collect, at(9)).expect("a run");
    run.step().expect("the walk over the paths");
    set(b, &on_demand(100));
    while !matches!(run.step().expect("a step"), ods_store::GcStep::Done(_)) {}
    drop(run);
    b.gc(&space, GcMode::Collect, at(10)).expect("a run");
    a.gc(&space, GcMode::Collect, at(10)).expect("a run");
    assert!(!holds(b, &first) && holds(a, &first));
}

#[test]
fn rot_of_what_is_not_kept_is_mended_all_the_same() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    set(a, &on_demand(0));
    let blob = put(a, "x.pkg", b"hello", at(1)).expect("a publish").package.blob;
    let name = blob.to_string();
    nodes[0].0.flip_bit(std::path::Path::new(&format!("/data/blobs/{}/{name}", &name[..2])), 0);
    let reader = a.open_blob(&blob, at(2)).expect("readable").expect("listed");
    assert!(matches!(reader.read(0, 5, at(2)), Err(StoreError::Rot { .. })));
    assert_eq!(wanted(a), BTreeSet::from([blob]), "it may have been the only copy");
    assert_sound(a);
    pull(b, a, at(3)).expect("a pull");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (_, store) = fresh(1);
    let (long, longer_in_nfc) = ("x".repeat(2000), "\u{958}".repeat(300));
    for bad in [
        selected(&[], &[]),
        selected(&["[a"], &[]),
        selected(&[""], &[]),
        selected(&[], &["a,b"]),
        selected(&[&long], &[]),
        selected(&[&longer_in_nfc], &[]),
    ] {
        let error = store.set_policy(&bad, &Author::new("test"), at(1)).expect_err("refused");
        assert!(matches!(error, StoreError::BadName { field: "policy", .. }), "{error}");
    }
    assert_eq!(store.policy().expect("readable"), StatePolicy::All);
}
