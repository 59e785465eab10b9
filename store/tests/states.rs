//! What nodes say of themselves: which state counts, who keeps it, and what it proves about who has which bytes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ods_store::{
    Author, Condition, EventBatch, Expel, Holder, Holding, LinkBrief, LinkState, Lsn, MetaPatch, NodeId, NotTold,
    Outside, Package, PublishRequest, Role, SignedState, SignedStatement, StatePolicy, StatementBody, StatementHeader,
    StatesTaken, Store, StoreError, UnixMillis, fill, filled_path,
};
use proptest::prelude::*;

use crate::mesh::{mesh, settle};
use crate::support::{assert_sound, at, bytes, fresh, open, path, pull, put, request};

/// A node that reaches all others.
pub(crate) fn outside(store: &Store) -> Outside {
    let roster = store.roster();
    let others = roster.nodes().map(|(node, _)| *node).filter(|node| *node != store.node_id());
    Outside {
        run: [1; 16],
        started_at: at(0),
        version: "1".to_owned(),
        fallback_urls: vec!["http://here:1".to_owned()],
        links: others.map(|node| link(node, LinkState::Up)).collect(),
        rate: 0,
        rates: BTreeMap::new(),
    }
}

pub(crate) fn link(node: NodeId, link: LinkState) -> LinkBrief {
    LinkBrief { node, link, rtt_ms: None, clock_ahead_ms: None, behind_events: 0 }
}

fn tell(store: &Store, now: UnixMillis) {
    let described = store.describe(outside(store)).expect("a node describes itself");
    store.tell(&described, now).expect("a node signs its state").expect("of this moment");
}

fn signed(store: &Store) -> Vec<SignedState> {
    store.states().expect("states").into_iter().map(|held| held.signed).collect()
}

fn swap(to: &Store, from: &Store) -> StatesTaken {
    to.insert_states(signed(from), at(1)).expect("states are taken")
}

/// All tell, and all take from all.
pub(crate) fn gossip(stores: &[&Store]) {
    for store in stores {
        tell(store, at(500));
    }
    for to in stores {
        for from in stores {
            swap(to, from);
        }
    }
}

/// Fetches what `to` wants and `from` has.
pub(crate) fn fetch(to: &Store, from: &Store) {
    for want in to.wants(100).expect("wants") {
        let Some(reader) = from.open_blob(&want.blob, at(9)).expect("readable") else { continue };
        let fetch = to.begin_fetch(&want.blob, want.size).expect("a fetch begins");
        let whole = reader.read(0, usize::try_from(want.size).expect("small"), at(9)).expect("its bytes");
        fetch.write_piece(0, &whole).expect("the right piece");
        fetch.finish(at(9)).expect("all of it");
    }
}

fn holders(store: &Store, name: &str) -> Vec<Holder> {
    store.holders(&path(name)).expect("readable").expect("listed").1
}

fn holding(at: &Store, name: &str, of: &Store) -> Holding {
    holders(at, name).into_iter().find(|holder| holder.node == of.node_id()).expect("a member").holding
}

#[test]
fn a_node_says_what_it_lacks_until_it_has_it() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let blob = put(a, "x.pkg", b"hello", at(1)).expect("a publish").package.blob;
    assert_eq!(holding(a, "x.pkg", a), Holding::Has);
    assert_eq!(holding(a, "x.pkg", b), Holding::Unknown(NotTold::NoState));
    gossip(&[a, b]);
    assert_eq!(holding(a, "x.pkg", b), Holding::Behind);
    pull(b, a, at(2)).expect("a pull");
    gossip(&[a, b]);
    assert_eq!(holding(a, "x.pkg", b), Holding::Wants { missing: 5, rate: 0 });
    assert!(!a.is_held_by_publisher(&blob).expect("readable"));
    fetch(b, a);
    assert_eq!(holding(a, "x.pkg", b), Holding::Wants { missing: 5, rate: 0 }, "as long as nobody says otherwise");
    gossip(&[a, b]);
    assert_eq!(holding(a, "x.pkg", b), Holding::Has);
    assert!(a.is_held_by_publisher(&blob).expect("readable"));
    assert!(!a.is_held_by_publisher(&ods_store::Digest::of(b"other")).expect("readable"));
}

/// All that `of` lacks as `at` tells it, in pages of `limit`, and why there may be more.
fn lacking(at: &Store, of: &Store, limit: usize) -> (Vec<(String, Holding)>, Option<NotTold>) {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = at.lacking(&of.node_id(), after.as_deref(), limit, &mut |_| true).expect("a member");
        assert!(page.items.len() <= limit);
        found.extend(page.items.into_iter().map(|(package, holding)| (package.path.to_string(), holding)));
        after = page.next;
        if after.is_none() {
            return (found, page.untold);
        }
    }
}

/// What `at` tells of one package after another.
fn lacking_one_by_one(at: &Store, of: &Store) -> Vec<(String, Holding)> {
    let packages = at.packages(None, 1000, &mut |_| true).expect("packages").items;
    let told = packages.into_iter().map(|package| {
        let holding = holding(at, package.path.as_str(), of);
        (package.path.to_string(), holding)
    });
    told.filter(|(_, holding)| matches!(holding, Holding::Wants { .. } | Holding::Behind)).collect()
}

#[test]
fn what_a_node_lacks_is_what_is_told_of_each_package() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let name = |number| format!("{number:02}.pkg");
    (0..12).for_each(|number| drop(put(a, &name(number), name(number).as_bytes(), at(1)).expect("a publish")));
    let check = |untold: Option<NotTold>, count: usize| {
        for (at, of) in [(a, b), (b, a), (a, a), (b, b)] {
            for limit in [1, 5, 1000] {
                assert_eq!(lacking(at, of, limit).0, lacking_one_by_one(at, of));
            }
        }
        let (found, why) = lacking(a, b, 7);
        assert_eq!((found.len(), why), (count, untold), "{found:?}");
    };
    check(Some(NotTold::NoState), 0);
    gossip(&[a, b]);
    check(None, 12);
    pull(b, a, at(2)).expect("a pull");
    // The same bytes once more, and one replaced and one removed since b heard last.
    put(a, "copy.pkg", name(3).as_bytes(), at(3)).expect("a publish");
    pull(b, a, at(4)).expect("a pull");
    gossip(&[a, b]);
    put(a, &name(5), b"other", at(5)).expect("a publish");
    a.remove(&path(&name(6)), &Condition::None, &Author::new("test"), at(6)).expect("a removal");
    check(None, 12);
    settle(&[a, b]);
    fetch(b, a);
    gossip(&[a, b]);
    check(None, 0);
    // What b has and a never heard of could have ended wants.
    put(b, "own.pkg", b"own", at(7)).expect("a publish");
    put(a, "late.pkg", b"late", at(8)).expect("a publish");
    gossip(&[a, b]);
    check(Some(NotTold::OtherEvents), 1);
    let stranger = fresh(9).1.node_id();
    let error = a.lacking(&stranger, None, 1, &mut |_| true).expect_err("no member");
    assert!(matches!(error, StoreError::NoSuchNode { node } if node == stranger), "{error}");
}

#[test]
fn a_node_that_lacks_a_lot_names_the_newest_and_tells_that_there_is_more() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let name = |number| format!("{number:04}.pkg");
    (0..1002).for_each(|number| drop(put(a, &name(number), name(number).as_bytes(), at(1)).expect("a publish")));
    settle(&[a, b]);
    gossip(&[a, b]);
    let (own, told) = (lacking(b, b, 300), lacking(a, b, 300));
    assert_eq!((own.0.len(), own.1), (1002, None), "more than its state names, so the catalog is walked");
    assert_eq!((told.0.len(), told.1), (1000, Some(NotTold::ManyWants)));
    let mut odd = |package: &Package| package.path.as_str().ends_with("7.pkg");
    let page = b.lacking(&b.node_id(), Some("0500.pkg"), 3, &mut odd).expect("a page");
    let names: Vec<&str> = page.items.iter().map(|(package, _)| package.path.as_str()).collect();
    assert_eq!((names, page.next.as_deref()), (vec!["0507.pkg", "0517.pkg", "0527.pkg"], Some("0527.pkg")));
}

#[test]
fn a_replica_is_no_reason_to_let_bytes_go() {
    let nodes = mesh(2, Role::Replica);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let blob = put(a, "x.pkg", b"hello", at(1)).expect("a publish").package.blob;
    settle(&[a, b]);
    fetch(b, a);
    gossip(&[a, b]);
    assert_eq!(holding(a, "x.pkg", b), Holding::Has);
    assert!(!a.is_held_by_publisher(&blob).expect("readable"));
    assert!(b.is_held_by_publisher(&blob).expect("readable"), "the owner has it");
}

#[test]
fn a_node_ahead_may_have_dropped_the_want_so_nothing_is_claimed() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    put(a, "x.pkg", b"one", at(1)).expect("a publish");
    pull(b, a, at(2)).expect("a pull");
    // It never had the bytes, and doesn't want them any more.
    b.remove(&path("x.pkg"), &Condition::None, &Author::new("test"), at(3)).expect("a removal");
    gossip(&[a, b]);
    assert_eq!(holding(a, "x.pkg", b), Holding::Unknown(NotTold::OtherEvents));
}

#[test]
fn what_a_member_published_after_it_last_told_of_itself_may_be_there_alone() {
    let nodes = mesh(3, Role::Publisher);
    let (a, b, c) = (&nodes[0].1, &nodes[1].1, &nodes[2].1);
    gossip(&[a, b, c]);
    put(b, "x.pkg", b"only here", at(1)).expect("a publish");
    pull(a, b, at(2)).expect("a pull");
    assert_eq!(holding(a, "x.pkg", b), Holding::Behind, "as far as was told");
    assert_eq!(a.expulsion(&b.node_id()).expect("readable").paths, [path("x.pkg")]);
    assert_eq!(a.expulsion(&c.node_id()).expect("readable").packages, 0, "what another minted since hasn't come there");
    fetch(a, b);
    assert_eq!(a.expulsion(&b.node_id()).expect("readable").packages, 0);
}

#[test]
fn what_a_member_has_alone_is_not_lost_sight_of_when_others_edit_it() {
    let nodes = mesh(3, Role::Publisher);
    let (a, b, c) = (&nodes[0].1, &nodes[1].1, &nodes[2].1);
    let tag = |store: &Store, name: &str, tag: &str| {
        let meta = MetaPatch::from([("tags".to_owned(), Some(tag.to_owned()))]);
        store.edit(&PublishRequest { meta, ..request(name) }, at(9)).expect("an edit");
    };
    // One of b that it told of, one of c that b has by what it told, one of b and one of c from after b's last word.
    c.set_policy(&StatePolicy::OnDemand { bytes_max: 0 }, &Author::new("test"), at(1)).expect("a policy");
    while c.follow_policy(at(1)).expect("a step") {}
    put(b, "told.pkg", b"only on b", at(1)).expect("a publish");
    put(c, "fetched.pkg", b"of c, on b too", at(1)).expect("a publish");
    settle(&[a, b, c]);
    fetch(b, c);
    gossip(&[a, b, c]);
    put(b, "after.pkg", b"only on b as well", at(2)).expect("a publish");
    put(c, "not-there.pkg", b"of c alone", at(2)).expect("a publish");
    let names = ["after.pkg", "fetched.pkg", "told.pkg"];
    for edited in [false, true] {
        pull(a, b, at(3)).expect("a pull");
        pull(a, c, at(3)).expect("a pull");
        assert_eq!(a.expulsion(&b.node_id()).expect("readable").paths, names.map(path), "edited: {edited}");
        names.iter().chain(&["not-there.pkg"]).for_each(|name| tag(a, name, "new"));
    }
}

#[test]
fn states_of_strangers_are_not_kept_and_those_of_expelled_nodes_go() {
    let nodes = mesh(3, Role::Publisher);
    let (a, b, c) = (&nodes[0].1, &nodes[1].1, &nodes[2].1);
    let (_, stranger) = fresh(9);
    tell(&stranger, at(1));
    assert_eq!(swap(a, &stranger), StatesTaken::default());
    gossip(&[a, b, c]);
    assert_eq!(a.states().expect("states").len(), 3);
    let header = StatementHeader { signer: a.node_id(), at_ms: at(6), by: String::new() };
    let expel = Expel { node: c.node_id(), tips: vec![], statements: vec![] };
    let expel = SignedStatement::mint(a.key(), &header, &StatementBody::Expel(expel));
    a.insert_statements(vec![expel], at(6)).expect("an owner expels");
    assert_eq!(a.states().expect("states").len(), 2);
    assert_eq!(swap(a, b).taken, 0, "it doesn't come back");
    pull(b, a, at(7)).expect("a pull");
    assert_eq!(a.states_digest().expect("a digest"), b.states_digest().expect("a digest"));
    assert_sound(a);
}

#[test]
fn a_node_that_was_rolled_back_is_heard_again_at_once() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    gossip(&[a, b]);
    let old = nodes[1].0.copy();
    (0..5).for_each(|_| gossip(&[a, b]));
    let restored = open(&old, 77).expect("a copy opens");
    tell(&restored, at(9));
    assert_eq!(swap(a, &restored).taken, 0, "older than what it said before");
    assert_eq!(swap(&restored, a), StatesTaken { taken: 2, own_met: true });
    tell(&restored, at(9));
    assert_eq!(swap(a, &restored), StatesTaken { taken: 1, own_met: false });
}

#[test]
fn damaged_and_older_states_are_passed_over() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    tell(b, at(1));
    let older = signed(b);
    tell(b, at(2));
    let mut bent = signed(b);
    bent[0].signature[5] ^= 1;
    assert_eq!(a.insert_states(bent, at(1)).expect("passed over"), StatesTaken::default());
    assert_eq!(swap(a, b).taken, 1);
    assert_eq!(a.insert_states(older, at(1)).expect("passed over").taken, 0);
    assert_eq!(a.states().expect("states"), a.states().expect("states"));
    assert_eq!(a.state(&b.node_id()).expect("readable").expect("held").state.header.at_ms, at(2));
}

#[test]
fn a_state_lists_a_thousand_wants_and_says_that_there_are_more() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    for number in 0..1001 {
        put(a, &format!("p{number}"), &bytes(number, 10), at(number)).expect("a publish");
    }
    pull(b, a, at(2000)).expect("a pull");
    gossip(&[a, b]);
    let state = b.state(&b.node_id()).expect("readable").expect("held").state.body.expect("known");
    assert_eq!((state.wants.len(), state.wants_complete, state.want_count), (1000, false, 1001));
    assert_eq!(state.want_bytes, 10_010);
    assert_eq!(holding(a, "p1000", b), Holding::Wants { missing: 10, rate: 0 }, "the newest are listed");
    assert_eq!(holding(a, "p0", b), Holding::Unknown(NotTold::ManyWants));
}

fn told_everywhere(store: &Store) -> Vec<String> {
    let page = store.records(ods_store::Lsn::ZERO, 1000).expect("the journal");
    let paths = page.items.into_iter().filter_map(|record| match record.what {
        ods_store::Happening::PackageReplicated { path, .. } => Some(path),
        _ => None,
    });
    paths.collect()
}

#[test]
fn that_a_package_is_everywhere_is_told_once_for_each_revision() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let watch = |replicated: usize, waiting: usize| {
        let step = a.watch_replication(None, at(9)).expect("a step");
        assert_eq!((step.replicated, step.waiting.len()), (replicated, waiting), "{step:?}");
    };
    watch(0, 0);
    put(a, "x.pkg", b"one", at(1)).expect("a publish");
    put(a, "gone.pkg", b"gone", at(1)).expect("a publish");
    watch(0, 2);
    a.remove(&path("gone.pkg"), &Condition::None, &Author::new("test"), at(2)).expect("a removal");
    pull(b, a, at(2)).expect("a pull");
    gossip(&[a, b]);
    watch(0, 1);
    fetch(b, a);
    gossip(&[a, b]);
    watch(1, 0);
    watch(0, 0);
    assert_eq!(told_everywhere(a), ["x.pkg"]);
    put(a, "x.pkg", b"two", at(3)).expect("a publish");
    watch(0, 1);
    settle(&[a, b]);
    fetch(b, a);
    gossip(&[a, b]);
    watch(1, 0);
    assert_eq!(told_everywhere(a), ["x.pkg", "x.pkg"]);
    assert!(!a.is_replicating().expect("readable") || a.watch_replication(None, at(9)).is_ok());
}

#[test]
fn what_was_there_before_is_waited_for_nowhere_and_costs_no_commits() {
    let nodes = mesh(2, Role::Publisher);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let take = |after: Lsn, backfill: bool| {
        let events = a.events_after(after, usize::MAX).expect("readable");
        b.insert_events(EventBatch { events, pull: None, backfill }, at(5)).expect("taken");
        a.head()
    };
    let waiting = || b.watch_replication(None, at(9)).expect("a step").waiting.len();
    fill(a, 2500, 50).expect("an empty store takes it");
    let seen = take(Lsn::ZERO, true);
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    b.on_commit(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!((waiting(), commits.load(Ordering::Relaxed)), (0, 1), "2500 records take three pages and one commit");
    assert!(!b.is_replicating().expect("readable"));
    put(a, filled_path(7).as_str(), b"new", at(2)).expect("a publish");
    let seen = take(seen, false);
    assert_eq!(waiting(), 1);
    put(a, filled_path(7).as_str(), b"newer, and yet from before", at(3)).expect("a publish");
    take(seen, true);
    assert_eq!(waiting(), 0, "what waited was replaced");
}

#[derive(Debug, Clone)]
enum Step {
    Put { node: usize, path: u8, content: u8 },
    Remove { node: usize, path: u8 },
    Pull { to: usize, from: usize },
    Fetch { to: usize, from: usize },
    Tell { node: usize },
    Swap { to: usize, from: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0usize..3;
    let two = (0usize..3, 0usize..3);
    prop_oneof![
        3 => (node.clone(), 0u8..3, 0u8..4).prop_map(|(node, path, content)| Step::Put { node, path, content }),
        1 => (node.clone(), 0u8..3).prop_map(|(node, path)| Step::Remove { node, path }),
        4 => two.clone().prop_map(|(to, from)| Step::Pull { to, from }),
        3 => two.clone().prop_map(|(to, from)| Step::Fetch { to, from }),
        3 => node.prop_map(|node| Step::Tell { node }),
        4 => two.prop_map(|(to, from)| Step::Swap { to, from }),
    ]
}

fn perform(stores: &[&Store], step: &Step, now: UnixMillis) {
    match *step {
        Step::Put { node, path, content } => {
            put(stores[node], &format!("p{path}"), &[content], now).expect("a publish");
        }
        Step::Remove { node, path: name } => {
            let name = path(&format!("p{name}"));
            match stores[node].remove(&name, &Condition::None, &Author::new("test"), now) {
                Ok(_) | Err(StoreError::NoSuchPackage { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        Step::Pull { to, from } if to != from => pull(stores[to], stores[from], now).expect("a pull"),
        Step::Fetch { to, from } if to != from => fetch(stores[to], stores[from]),
        Step::Swap { to, from } => {
            swap(stores[to], stores[from]);
        }
        Step::Tell { node } => tell(stores[node], now),
        Step::Pull { .. } | Step::Fetch { .. } => {}
    }
}

/// Whoever is said to have something has it.
fn assert_no_guess(stores: &[&Store]) {
    for store in stores {
        for package in (0..3).filter_map(|number| store.package(&path(&format!("p{number}"))).expect("readable")) {
            for holder in holders(store, package.path.as_str()) {
                let node = stores.iter().find(|store| store.node_id() == holder.node).expect("a member");
                let has = node.open_blob(&package.blob, at(9)).expect("readable").is_some();
                assert!(has || holder.holding != Holding::Has, "{holder:?} of {package:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    /// Whatever happens in whatever order, no node is said to have what it hasn't; and once all is exchanged, all are
    /// known to have everything, and all hold the same states.
    #[test]
    fn nothing_is_guessed_and_everything_is_known_in_the_end(steps in prop::collection::vec(step(), 1..40)) {
        let nodes = mesh(3, Role::Publisher);
        let stores: Vec<&Store> = nodes.iter().map(|(_, store)| store).collect();
        for (number, step) in steps.iter().enumerate() {
            perform(&stores, step, at(number as u64));
            assert_no_guess(&stores);
        }
        settle(&stores);
        for to in &stores {
            stores.iter().filter(|from| from.node_id() != to.node_id()).for_each(|from| fetch(to, from));
        }
        gossip(&stores);
        for store in &stores {
            assert_sound(store);
            prop_assert_eq!(store.states_digest().expect("a digest"), stores[0].states_digest().expect("a digest"));
            for package in (0..3).filter_map(|number| store.package(&path(&format!("p{number}"))).expect("readable")) {
                let all = holders(store, package.path.as_str());
                prop_assert!(all.iter().all(|holder| holder.holding == Holding::Has), "{:?}", all);
            }
        }
    }
}
