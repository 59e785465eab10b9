//! Stores that exchange events and statements, in any order, with roll-backs: equal sets, equal catalogs.

use ods_store::{
    Admit, Author, Condition, EventBatch, Happening, Lsn, RefusalReason, Role, SimDisk, Store, StoreError,
};
use proptest::prelude::*;

use crate::support::{assert_sound, at, bytes, fresh, open, path, pull, put, put_request, request};

/// `count` nodes in one mesh whose root is the first; the others have `role`.
pub(crate) fn mesh(count: u64, role: Role) -> Vec<(SimDisk, Store)> {
    let nodes: Vec<_> = (1..=count).map(fresh).collect();
    let root = &nodes[0].1;
    for (_, store) in &nodes[1..] {
        let admit = Admit { node: store.node_id(), role, prefixes: vec![] };
        root.admit(&admit, &Author::new("test"), at(0)).expect("the root admits");
        store.take_root(root.node_id(), at(0)).expect("a node alone takes the root");
    }
    for (_, store) in &nodes[1..] {
        pull(store, root, at(0)).expect("a first pull");
    }
    nodes
}

fn digest(store: &Store) -> ods_store::SetDigest {
    store.overview().expect("an overview").catalog_digest
}

/// Everybody pulls from everybody until nothing changes.
pub(crate) fn settle(stores: &[&Store]) {
    for _ in 0..2 {
        for to in stores {
            for from in stores.iter().filter(|from| from.node_id() != to.node_id()) {
                pull(to, from, at(1000)).expect("a pull");
            }
        }
    }
}

fn alarms(store: &Store) -> Vec<String> {
    let page = store.records(Lsn::ZERO, 1000).expect("the journal");
    let codes = page.items.into_iter().filter_map(|record| match record.what {
        Happening::Alarm { code, .. } => Some(code),
        _ => None,
    });
    codes.collect()
}

#[test]
fn a_package_reaches_the_other_node_and_its_bytes_are_wanted() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    put(a, "x.pkg", b"hello", at(1)).expect("a publish");
    pull(b, a, at(2)).expect("a pull");
    assert_eq!(digest(a), digest(b));
    let wants = b.wants(10).expect("wants");
    assert_eq!(wants.len(), 1);
    assert_eq!((wants[0].blob, wants[0].size), (ods_store::Digest::of(b"hello"), 5));
    b.remove(&path("x.pkg"), &Condition::None, &Author::new("test"), at(3)).expect("a removal");
    assert_eq!(b.wants(10).expect("wants"), [], "a want ends with its package");
    settle(&[a, b]);
    assert_eq!(a.package(&path("x.pkg")).expect("readable"), None);
}

/// How many revisions of `x.pkg` nothing comes after.
fn heads(store: &Store) -> usize {
    store.revisions(&path("x.pkg")).expect("readable").iter().filter(|revision| revision.head).count()
}

#[test]
fn concurrent_publishes_are_a_conflict_that_the_next_publish_ends() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    put(a, "x.pkg", b"from a", at(5)).expect("a publish");
    put(b, "x.pkg", b"from b", at(9)).expect("a publish");
    settle(&[a, b]);
    for store in [a, b] {
        let package = store.package(&path("x.pkg")).expect("readable").expect("listed");
        assert!(package.conflict);
        assert_eq!(package.blob, ods_store::Digest::of(b"from b"), "the later clock among concurrent ones");
        assert_eq!(heads(store), 2, "both sides");
    }
    put(a, "x.pkg", b"from a", at(2)).expect("a publish by a slow clock");
    settle(&[a, b]);
    for store in [a, b] {
        let package = store.package(&path("x.pkg")).expect("readable").expect("listed");
        assert!(!package.conflict, "the new revision names both");
        assert_eq!(package.blob, ods_store::Digest::of(b"from a"), "a slow clock can't lock a path");
        assert_eq!(heads(store), 1, "the one that names both");
        assert_sound(store);
    }
}

#[test]
fn a_removal_undoes_only_what_its_author_saw() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    put(a, "x.pkg", b"one", at(1)).expect("a publish");
    settle(&[a, b]);
    a.remove(&path("x.pkg"), &Condition::None, &Author::new("test"), at(99)).expect("a removal");
    put(b, "x.pkg", b"two", at(2)).expect("a publish");
    settle(&[a, b]);
    for store in [a, b] {
        let package = store.package(&path("x.pkg")).expect("readable").expect("listed");
        assert_eq!(package.blob, ods_store::Digest::of(b"two"));
    }
}

#[test]
fn a_replica_publishes_nothing() {
    let nodes = mesh(2, Role::Replica);
    let outcome = put(&nodes[1].1, "x.pkg", b"no", at(1));
    assert!(matches!(outcome, Err(StoreError::NotAPublisher { .. })), "{outcome:?}");
    let left: Vec<_> = nodes[1].0.file_names().into_iter().filter(|name| name.starts_with("/data/blobs")).collect();
    assert!(left.is_empty(), "refused bytes are gone: {left:?}");
}

#[test]
fn a_publisher_keeps_to_its_prefixes() {
    let nodes = [fresh(1), fresh(2)];
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let admit = Admit { node: b.node_id(), role: Role::Publisher, prefixes: vec!["mac".to_owned()] };
    a.admit(&admit, &Author::new("test"), at(0)).expect("the root admits");
    put(b, "win/early.msi", b"minted while it was its own root", at(0)).expect("a publish");
    b.take_root(a.node_id(), at(0)).expect("a node alone takes the root");
    settle(&[a, b]);
    assert_eq!(a.package(&path("win/early.msi")).expect("readable"), None, "known, stored, and without effect");
    assert_eq!(b.package(&path("win/early.msi")).expect("readable"), None, "the same set, the same catalog");
    put(b, "mac/x.pkg", b"yes", at(1)).expect("a publish under the prefix");
    assert!(matches!(put(b, "win/x.msi", b"no", at(1)), Err(StoreError::NotAPublisher { .. })));
    settle(&[a, b]);
    assert_eq!(digest(a), digest(b));
    assert_sound(a);
    assert_sound(b);
}

/// `modified` of a path is nobody's to push into the future but theirs who may publish it.
#[test]
fn what_takes_no_effect_has_none_on_when_a_later_revision_says_it_was_modified() {
    let nodes = [fresh(1), fresh(2), fresh(3)];
    let (a, b, c) = (&nodes[0].1, &nodes[1].1, &nodes[2].1);
    let admit = |prefix: &str| Admit { node: b.node_id(), role: Role::Publisher, prefixes: vec![prefix.to_owned()] };
    a.admit(&admit("mac"), &Author::new("test"), at(0)).expect("the root admits");
    let far = at(10_000_000_000);
    put(b, "win/x.msi", b"by a clock that is far ahead", far).expect("a publish");
    b.take_root(a.node_id(), at(0)).expect("a node alone takes the root");
    settle(&[a, b]);
    put(a, "win/x.msi", b"one", at(5)).expect("a publish");
    let modified = |store: &Store| store.package(&path("win/x.msi")).expect("readable").expect("there").modified;
    assert_eq!(modified(a), at(5).unix_seconds());
    settle(&[a, b]);
    assert_eq!(modified(b), at(5).unix_seconds());
    [a, b].into_iter().for_each(assert_sound);
    // When it may publish there after all, what it said counts.
    a.admit(&admit("win"), &Author::new("test"), at(6)).expect("the root admits");
    put(a, "win/x.msi", b"two", at(7)).expect("a publish");
    assert_eq!(modified(a), far.unix_seconds() + 1);
    let admit = Admit { node: c.node_id(), role: Role::Owner, prefixes: vec![] };
    a.admit(&admit, &Author::new("test"), at(8)).expect("the root admits");
    c.take_root(a.node_id(), at(8)).expect("alone");
    settle(&[a, b, c]);
    put(c, "win/x.msi", b"three", at(9)).expect("a publish");
    assert_eq!(modified(c), far.unix_seconds() + 2);
    [a, b, c].into_iter().for_each(assert_sound);
}

/// Receives all that is held by one in a single batch; how long that took.
fn received_from(from: &Store, statements: bool) -> (Store, std::time::Duration) {
    let to = fresh(9).1;
    to.take_root(from.roster().root(), at(0)).expect("alone");
    let all = from.roster_statements().expect("readable");
    // The first admits the origin; the second expels it.
    let some = if statements { all } else { all.into_iter().filter(|signed| signed.frame[1] == 1).collect() };
    to.insert_statements(some, at(1)).expect("they verify");
    let events = from.events_after(ods_store::Lsn::ZERO, usize::MAX).expect("readable");
    let batch = to.verify_events(EventBatch { events, pull: None, backfill: true }).expect("an answer");
    let began = std::time::Instant::now();
    assert_eq!(to.insert_verified(batch, at(2)).expect("an answer").refused, None);
    (to, began.elapsed())
}

#[test]
fn the_events_of_an_expelled_node_cost_about_as_much_as_those_of_another() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let content = b"the same bytes";
    for number in 0..1_500 {
        put(b, &format!("p/{number}.pkg"), content, at(number)).expect("a publish");
    }
    settle(&[a, b]);
    a.expel(&b.node_id(), &Author::new("test"), at(5_000)).expect("an owner expels");
    let (plain, plain_took) = received_from(a, false);
    let (expelled, took) = received_from(a, true);
    assert_eq!(digest(&plain), digest(&expelled), "all of it is covered");
    // It was a hundred times as much: each event looked at all before it.
    assert!(took < 8 * plain_took, "{took:?} and {plain_took:?}");
}

/// Two owners expelled it, each having heard of other events of it. What both cover counts once both tips are here.
#[test]
fn the_events_of_an_expelled_node_that_come_in_many_batches_count_from_the_last_tip_on() {
    let nodes = mesh(3, Role::Owner);
    let [a, b, c] = [0, 1, 2].map(|node| &nodes[node].1);
    let name = |number| format!("p/{number}.pkg");
    for number in 0..10 {
        put(b, &name(number), b"x", at(number)).expect("a publish");
        match number {
            3 => pull(c, b, at(number)).expect("a pull"),
            5 => pull(a, b, at(number)).expect("a pull"),
            _ => {}
        }
    }
    let to = fresh(9).1;
    to.take_root(a.node_id(), at(20)).expect("alone");
    for owner in [a, c] {
        owner.expel(&b.node_id(), &Author::new("test"), at(20)).expect("an owner expels");
        to.insert_statements(owner.roster_statements().expect("readable"), at(20)).expect("they verify");
    }
    let events = b.events_after(Lsn::ZERO, usize::MAX).expect("readable");
    let counts = events.chunks(2).map(|events| {
        let batch = EventBatch { events: events.to_vec(), pull: None, backfill: true };
        assert_eq!(to.insert_events(batch, at(21)).expect("an answer").refused, None);
        assert_sound(&to);
        (0..10).filter(|number| to.package(&path(&name(*number))).expect("readable").is_some()).count()
    });
    assert_eq!(counts.collect::<Vec<_>>(), [0, 0, 4, 4, 4]);
}

fn backfilled(store: &Store) -> Vec<bool> {
    let records = store.records(ods_store::Lsn::ZERO, 1000).expect("readable").items;
    let published =
        records.iter().filter(|record| matches!(record.what, ods_store::Happening::PackagePublished { .. }));
    published.map(|record| record.backfill).collect()
}

#[test]
fn what_was_there_before_a_node_joined_is_no_news_until_all_of_it_was_pulled_once() {
    let nodes = [fresh(1), fresh(2)];
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let admit = Admit { node: b.node_id(), role: Role::Publisher, prefixes: vec![] };
    a.admit(&admit, &Author::new("test"), at(0)).expect("the root admits");
    b.take_root(a.node_id(), at(0)).expect("alone");
    b.insert_statements(a.roster_statements().expect("readable"), at(0)).expect("they verify");
    for number in 0..4 {
        put(a, &format!("p/{number}.pkg"), b"x", at(number)).expect("a publish");
    }
    let pull_some = |count: usize, is_last: bool| {
        let query = ods_store::LogQuery { cursor: None, vector: b.vector().expect("a vector") };
        let page = a.log_page(&query).expect("a page");
        let (positions, events): (Vec<_>, Vec<_>) = page.items.into_iter().take(count).unzip();
        let cursor = ods_store::LogCursor { lsn: positions[count - 1], event: events[count - 1].id(), ..page.cursor };
        let pull = ods_store::PulledFrom { node: a.node_id(), positions, cursor, is_last };
        let batch = EventBatch { events, pull: Some(pull), backfill: b.is_backfilling().expect("readable") };
        b.insert_events(batch, at(10)).expect("taken");
    };
    pull_some(1, false);
    assert!(b.is_backfilling().expect("readable"), "the line broke after a page");
    pull_some(2, false);
    pull_some(1, true);
    assert!(!b.is_backfilling().expect("readable"));
    put(a, "p/new.pkg", b"x", at(11)).expect("a publish");
    pull_some(1, true);
    assert_eq!(backfilled(b), [true, true, true, true, false]);
    assert!(!a.is_backfilling().expect("readable"), "it joined nobody, so all that comes is news");
}

#[test]
fn a_batch_is_told_in_the_order_in_which_it_came() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let remove = |text: &str| a.remove(&path(text), &Condition::None, &Author::new("test"), at(2));
    put(a, "z.pkg", b"z", at(1)).expect("a publish");
    put(a, "b.pkg", b"b", at(1)).expect("a publish");
    put(a, "a.pkg", b"a", at(1)).expect("a publish");
    put(a, "z.pkg", b"other", at(1)).expect("a publish");
    remove("b.pkg").expect("a removal");
    put(a, "z.pkg", b"yet another", at(1)).expect("a publish");
    pull(b, a, at(3)).expect("a pull");
    let told = |store: &Store| {
        let records = store.records(Lsn::ZERO, 1000).expect("readable").items;
        let changes = records.into_iter().filter(|record| record.what.kind() != "package.stored");
        let told = changes.filter_map(|record| Some((record.what.kind(), record.what.package_path()?.to_owned())));
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(b).len(), 6);
    assert_eq!(told(b), told(a));
    assert_sound(b);
}

#[test]
fn bytes_that_move_to_another_path_are_wanted_as_before() {
    for (from, to) in [("a.pkg", "z.pkg"), ("z.pkg", "a.pkg")] {
        let nodes = mesh(2, Role::Publisher);
        let (a, b) = (&nodes[0].1, &nodes[1].1);
        put(a, from, b"bytes", at(1)).expect("a publish");
        pull(b, a, at(2)).expect("a pull");
        put(a, to, b"bytes", at(3)).expect("a publish");
        a.remove(&path(from), &Condition::None, &Author::new("test"), at(4)).expect("a removal");
        pull(b, a, at(5)).expect("a pull");
        let since: Vec<_> = b.wants(10).expect("wants").iter().map(|want| want.since).collect();
        assert_eq!(since, [at(2)], "from {from} to {to}");
        assert_sound(b);
    }
}

#[test]
fn events_of_strangers_are_refused_and_the_cursor_stops_before_them() {
    let (a, b) = (fresh(1).1, fresh(2).1);
    put(&b, "x.pkg", b"who?", at(1)).expect("a publish");
    let page =
        b.log_page(&ods_store::LogQuery { cursor: None, vector: a.vector().expect("a vector") }).expect("a page");
    let (positions, events) = page.items.into_iter().unzip();
    let pulled = ods_store::PulledFrom { node: b.node_id(), positions, cursor: page.cursor, is_last: !page.more };
    let outcome =
        a.insert_events(EventBatch { events, pull: Some(pulled), backfill: false }, at(2)).expect("an answer");
    assert_eq!(outcome.refused.map(|refusal| refusal.reason), Some(RefusalReason::UnknownOrigin));
    assert_eq!(a.peer_cursor(&b.node_id()).expect("readable"), None);
    assert_eq!(a.vector().expect("a vector"), ods_store::Vector::default());
}

#[test]
fn a_rolled_back_node_takes_its_tail_back_and_mints_in_a_new_epoch() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    put(b, "kept.pkg", b"kept", at(1)).expect("a publish");
    let yesterday = nodes[1].0.copy();
    put(b, "lost.pkg", b"lost", at(2)).expect("a publish");
    pull(a, b, at(3)).expect("a pull");
    let b = open(&yesterday, 99).expect("yesterday's copy opens");
    put(&b, "twin.pkg", b"twin", at(4)).expect("it doesn't know yet, and goes on");
    settle(&[a, &b]);
    assert_eq!(digest(a), digest(&b));
    for name in ["kept.pkg", "lost.pkg", "twin.pkg"] {
        assert!(a.package(&path(name)).expect("readable").is_some(), "{name}");
    }
    assert!(alarms(&b).contains(&"rolled_back".to_owned()) && alarms(a).contains(&"twin".to_owned()));
    put(&b, "new.pkg", b"new", at(5)).expect("a publish in the new epoch");
    let streams = b.vector().expect("a vector").entries;
    assert_eq!(streams.keys().filter(|stream| stream.origin == b.node_id()).count(), 2);
    settle(&[a, &b]);
    assert_eq!(digest(a), digest(&b));
    assert_sound(&b);
}

#[test]
fn a_want_carries_over_a_restart_and_pulls_by_cursor_cost_only_what_is_new() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    for number in 0..50 {
        put(a, &format!("p{number}"), &bytes(number, 10), at(number)).expect("a publish");
    }
    pull(b, a, at(60)).expect("a pull");
    put(a, "last", b"last", at(61)).expect("a publish");
    let cursor = b.peer_cursor(&a.node_id()).expect("readable");
    let page = a.log_page(&ods_store::LogQuery { cursor, vector: b.vector().expect("a vector") }).expect("a page");
    assert_eq!(page.items.len(), 1);
}

#[test]
fn statements_of_strangers_are_passed_over() {
    let (a, stranger) = (fresh(1).1, fresh(2).1);
    let admit = Admit { node: stranger.node_id(), role: Role::Owner, prefixes: vec![] };
    let own = stranger.sign_admit(&admit, &Author::new("test"), at(0)).expect("anybody can sign");
    assert_eq!(a.insert_statements(vec![own], at(0)).expect("an answer"), 0);
    assert_eq!(a.roster_statements().expect("statements"), []);
    assert!(!a.roster().is_known(&stranger.node_id()));
}

#[test]
fn two_meshes_with_history_merge_and_an_expelled_node_keeps_only_what_was_covered() {
    let (a, b) = (fresh(1).1, fresh(2).1);
    put(&a, "x.pkg", b"from a", at(1)).expect("a publish");
    put(&b, "x.pkg", b"from b", at(2)).expect("a publish");
    put(&b, "y.pkg", b"only b", at(3)).expect("a publish");
    let admit = |node: &Store| Admit { node: node.node_id(), role: Role::Owner, prefixes: vec![] };
    a.admit(&admit(&b), &Author::new("test"), at(4)).expect("an owner admits");
    b.admit(&admit(&a), &Author::new("test"), at(4)).expect("an owner admits");
    settle(&[&a, &b]);
    assert_eq!((digest(&a), a.roster_digest()), (digest(&b), b.roster_digest()));
    assert!(a.package(&path("x.pkg")).expect("readable").expect("listed").conflict);
    let tip = a.package(&path("y.pkg")).expect("readable").expect("listed").revision;
    put(&b, "z.pkg", b"late", at(5)).expect("a publish");
    let held = a.roster_statements().expect("statements");
    let by_b = held.iter().filter(|signed| signed.verify().expect("it was").header.signer == b.node_id());
    let statements = by_b.map(ods_store::SignedStatement::id).collect();
    let expel = ods_store::Expel { node: b.node_id(), tips: vec![tip], statements };
    let header = ods_store::StatementHeader { signer: a.node_id(), at_ms: at(6), by: String::new() };
    let expel = ods_store::SignedStatement::mint(a.key(), &header, &ods_store::StatementBody::Expel(expel));
    a.insert_statements(vec![expel], at(6)).expect("an owner expels");
    settle(&[&a, &b]);
    for store in [&a, &b] {
        assert!(store.package(&path("y.pkg")).expect("readable").is_some(), "covered by the tip");
        assert_eq!(store.package(&path("z.pkg")).expect("readable"), None, "minted after it");
        assert_sound(store);
    }
    assert_eq!(digest(&a), digest(&b));
    assert!(matches!(put(&b, "w.pkg", b"no", at(7)), Err(StoreError::Expelled { .. })));
}

#[derive(Debug, Clone)]
enum Step {
    Put { node: usize, path: u8, content: u8, clock: u64 },
    Remove { node: usize, path: u8, clock: u64 },
    Pull { to: usize, from: usize },
    Backup { node: usize },
    RollBack { node: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0usize..3;
    prop_oneof![
        4 => (node.clone(), 0u8..3, 0u8..4, 0u64..50)
            .prop_map(|(node, path, content, clock)| Step::Put { node, path, content, clock }),
        2 => (node.clone(), 0u8..3, 0u64..50).prop_map(|(node, path, clock)| Step::Remove { node, path, clock }),
        4 => (node.clone(), node.clone()).prop_map(|(to, from)| Step::Pull { to, from }),
        1 => node.clone().prop_map(|node| Step::Backup { node }),
        1 => node.prop_map(|node| Step::RollBack { node }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// Whatever is published, removed, pulled and rolled back in whatever order: once all have pulled from all, catalogs
    /// are equal and every derived table is what its log says.
    #[test]
    fn any_history_converges(steps in prop::collection::vec(step(), 1..25)) {
        let mut nodes = mesh(3, Role::Publisher);
        let mut backups: Vec<Option<SimDisk>> = vec![None; 3];
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Put { node, path, content, clock } => {
                    let request = request(&format!("p{path}"));
                    put_request(&nodes[node].1, &request, &[content], at(clock)).expect("a publish");
                }
                Step::Remove { node, path: name, clock } => {
                    let name = path(&format!("p{name}"));
                    match nodes[node].1.remove(&name, &Condition::None, &Author::new("test"), at(clock)) {
                        Ok(_) | Err(StoreError::NoSuchPackage { .. }) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
                Step::Pull { to, from } if to != from => pull(&nodes[to].1, &nodes[from].1, at(60)).expect("a pull"),
                Step::Pull { .. } => {}
                Step::Backup { node } => backups[node] = Some(nodes[node].0.copy()),
                Step::RollBack { node } => {
                    if let Some(disk) = backups[node].take() {
                        let store = open(&disk, 10_000 + number as u64).expect("a copy opens");
                        nodes[node] = (disk, store);
                    }
                }
            }
        }
        let stores: Vec<&Store> = nodes.iter().map(|(_, store)| store).collect();
        settle(&stores);
        for store in &stores {
            prop_assert_eq!(store.vector().expect("a vector"), stores[0].vector().expect("a vector"));
            prop_assert_eq!(digest(store), digest(stores[0]));
            assert_sound(store);
        }
    }
}
