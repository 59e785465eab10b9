//! Admitting and expelling: what owners may say, and that what follows depends on what is held, never on its order.

use ods_store::{
    Admit, Author, Condition, EXPEL_WAIT_MS, Event, EventBatch, Expel, Happening, Header, Lsn, NodeId, RefusalReason,
    Role, SignedEvent, SignedStatement, SimDisk, StatementBody, StatementHeader, Store, StoreError, UnixMillis,
};
use proptest::prelude::*;

use crate::expel_ahead::{sign_removal, take};
use crate::support::{assert_sound, at, fresh, open, path, pull, put};

fn author() -> Author {
    Author::new("test")
}

fn admit(by: &Store, node: &Store, role: Role, prefixes: &[&str]) -> Result<bool, StoreError> {
    let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
    by.admit(&Admit { node: node.node_id(), role, prefixes }, &author(), at(0)).map(|signed| signed.is_some())
}

fn expel(by: &Store, node: &Store) -> Result<bool, StoreError> {
    by.expel(&node.node_id(), &author(), at(50)).map(|signed| signed.is_some())
}

/// The root and one node for each role, in one mesh.
fn mesh(roles: &[Role]) -> Vec<(SimDisk, Store)> {
    let nodes: Vec<_> = (1..=roles.len() as u64 + 1).map(fresh).collect();
    let root = &nodes[0].1;
    for ((_, store), role) in nodes[1..].iter().zip(roles) {
        admit(root, store, *role, &[]).expect("the root admits");
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

fn listed(store: &Store, name: &str) -> bool {
    store.package(&path(name)).expect("readable").is_some()
}

fn happenings(store: &Store) -> Vec<Happening> {
    let (mut all, mut after) = (Vec::new(), Some(Lsn::ZERO));
    while let Some(lsn) = after {
        let page = store.records(lsn, 1000).expect("the journal");
        all.extend(page.items.into_iter().map(|record| record.what));
        after = page.next;
    }
    all
}

/// Copied before it belonged anywhere, a node founds one mesh and joins another. Who joined its first life trusts its
/// key alone.
#[test]
fn a_node_that_forgot_what_it_founded_brings_that_into_the_mesh_that_it_joined() {
    let (disk, founder) = fresh(1);
    let again = open(&disk.copy(), 9).expect("a copy opens");
    let (follower, root) = (fresh(2).1, fresh(3).1);
    admit(&founder, &follower, Role::Owner, &[]).expect("the founder admits");
    follower.take_root(founder.node_id(), at(0)).expect("alone");
    pull(&follower, &founder, at(0)).expect("a first pull");
    drop(founder);

    admit(&root, &again, Role::Owner, &[]).expect("the root admits");
    again.take_root(root.node_id(), at(0)).expect("alone, as far as it knows");
    pull(&again, &root, at(0)).expect("a first pull");
    put(&root, "a.pkg", b"of the mesh that was joined", at(1)).expect("published");
    for _ in 0..2 {
        for (to, from) in [(&again, &follower), (&follower, &again), (&root, &again), (&again, &root)] {
            pull(to, from, at(2)).expect("a pull");
        }
    }
    for store in [&again, &follower] {
        assert_eq!(store.roster_digest(), root.roster_digest());
        assert!(listed(store, "a.pkg"));
    }
    assert_eq!(root.roster_statements().expect("statements").len(), 3, "two admissions, and that of the root, once");
    assert!(root.roster().is_member(&follower.node_id()));
}

#[test]
fn roles_only_rise_and_what_changes_nothing_is_not_signed() {
    let (a, b) = (fresh(1).1, fresh(2).1);
    assert_eq!(admit(&a, &b, Role::Publisher, &["mac"]).ok(), Some(true));
    assert_eq!(admit(&a, &b, Role::Publisher, &["mac"]).ok(), Some(false));
    assert_eq!(admit(&a, &b, Role::Publisher, &["win/"]).ok(), Some(true), "prefixes add up");
    let narrower = admit(&a, &b, Role::Publisher, &["mac"]);
    assert!(matches!(narrower, Err(StoreError::RolesOnlyRise { role: Role::Publisher, .. })), "{narrower:?}");
    let lower = admit(&a, &b, Role::Replica, &[]);
    assert!(matches!(lower, Err(StoreError::RolesOnlyRise { .. })), "{lower:?}");
    assert_eq!(admit(&a, &b, Role::Publisher, &[]).ok(), Some(true), "everywhere is more");
    assert_eq!(admit(&a, &b, Role::Owner, &[]).ok(), Some(true));
    assert_eq!(a.roster_statements().expect("statements").len(), 4);
    for role in [Role::Owner, Role::Replica] {
        let bound = admit(&a, &fresh(3).1, role, &["mac"]);
        assert!(matches!(bound, Err(StoreError::BadName { field: "prefixes", .. })), "{bound:?}");
    }
    let many: Vec<String> = (0..40).map(|number| format!("{number}{}", "p".repeat(120))).collect();
    let long = Admit { node: fresh(3).1.node_id(), role: Role::Publisher, prefixes: many.clone() };
    let long = a.admit(&long, &author(), at(0)).expect_err("too long");
    assert!(long.to_string().contains("at most 4096"), "{long}");
    for half in many.chunks(20) {
        let half = Admit { node: fresh(3).1.node_id(), role: Role::Publisher, prefixes: half.to_vec() };
        assert!(a.admit(&half, &author(), at(0)).expect("they add up").is_some());
    }
    let nobody = Admit { node: NodeId::from_bytes([0; 32]), role: Role::Replica, prefixes: vec![] };
    let nobody = a.admit(&nobody, &author(), at(0));
    assert!(matches!(nobody, Err(StoreError::BadName { field: "node", .. })), "{nobody:?}");
}

#[test]
fn only_owners_admit_and_expel_and_nobody_itself() {
    let nodes = mesh(&[Role::Publisher]);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let stranger = fresh(9).1;
    assert!(matches!(admit(b, &stranger, Role::Replica, &[]), Err(StoreError::NotAnOwner)));
    assert!(matches!(expel(b, a), Err(StoreError::NotAnOwner)));
    assert!(matches!(expel(a, a), Err(StoreError::OwnNode)));
    assert!(matches!(expel(a, &stranger), Err(StoreError::NoSuchNode { .. })));
    assert_eq!(expel(a, b).ok(), Some(true));
    assert_eq!(expel(a, b).ok(), Some(false), "once is enough");
    assert!(matches!(admit(a, b, Role::Owner, &[]), Err(StoreError::Expelled { .. })), "for good");
}

#[test]
fn an_expelled_node_keeps_what_was_known_of_it_stops_minting_and_raises_an_alarm() {
    let nodes = mesh(&[Role::Publisher]);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    put(b, "known.pkg", b"known", at(1)).expect("a publish");
    pull(a, b, at(2)).expect("a pull");
    put(b, "racing.pkg", b"on its way when the owner acted", at(3)).expect("a publish");
    expel(a, b).expect("an owner expels");
    put(b, "after.pkg", b"it doesn't know yet", at(4)).expect("a publish");
    pull(a, b, at(5)).expect("its events are stored, since others may have them too");
    assert!(listed(a, "known.pkg") && !listed(a, "racing.pkg") && !listed(a, "after.pkg"));

    pull(b, a, at(6)).expect("it learns");
    let refused = put(b, "more.pkg", b"no", at(7));
    assert!(matches!(refused, Err(StoreError::Expelled { node }) if node == b.node_id()), "{refused:?}");
    let removal = b.remove(&path("known.pkg"), &Condition::None, &author(), at(7));
    assert!(matches!(removal, Err(StoreError::Expelled { .. })), "{removal:?}");
    assert_eq!(digest(a), digest(b));
    let alarm = |what: &Happening| matches!(what, Happening::Alarm { code, .. } if code == "expelled");
    assert_eq!(happenings(b).iter().filter(|what| alarm(what)).count(), 1);
    for store in [a, b] {
        let told = Happening::NodeExpelled { node: b.node_id(), by_node: a.node_id() };
        assert!(happenings(store).contains(&told));
        assert_sound(store);
    }
}

#[test]
fn a_stolen_key_cannot_backdate() {
    let nodes = mesh(&[Role::Publisher, Role::Replica]);
    let (a, b, c) = (&nodes[0].1, &nodes[1].1, &nodes[2].1);
    put(b, "one.pkg", b"one", at(1)).expect("a publish");
    // The thief has the key and the data folder as it was here, so it can continue the stream at any point.
    let stolen = nodes[1].0.copy();
    put(b, "two.pkg", b"two", at(2)).expect("a publish");
    pull(a, b, at(3)).expect("a pull");
    expel(a, b).expect("an owner expels");
    let thief = open(&stolen, 77).expect("a copy opens");
    put(&thief, "two.pkg", b"the thief's, numbered like the true one", at(0)).expect("a publish");
    put(&thief, "three.pkg", b"the thief's", at(0)).expect("a publish");
    for store in [a, c] {
        pull(store, &thief, at(4)).expect("a pull");
        pull(store, a, at(4)).expect("a pull");
    }
    for store in [a, c] {
        assert!(listed(store, "one.pkg") && listed(store, "two.pkg") && !listed(store, "three.pkg"));
        let package = store.package(&path("two.pkg")).expect("readable").expect("listed");
        assert_eq!((package.blob, package.conflict), (ods_store::Digest::of(b"two"), false));
        assert_sound(store);
    }
    assert_eq!(digest(a), digest(c));
}

#[test]
fn an_expelled_owners_admissions_stay_where_they_were_known_and_later_ones_count_nowhere() {
    let nodes = mesh(&[Role::Owner]);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let (early, late) = (fresh(3).1, fresh(4).1);
    admit(b, &early, Role::Publisher, &[]).expect("an owner admits");
    pull(a, b, at(1)).expect("a pull");
    expel(a, b).expect("an owner expels");
    admit(b, &late, Role::Owner, &[]).expect("it doesn't know yet");
    pull(a, b, at(2)).expect("a pull");
    let roster = a.roster();
    assert!(roster.is_member(&early.node_id()) && !roster.is_member(&late.node_id()));
    let told = happenings(a).into_iter().filter(|what| matches!(what, Happening::NodeAdmitted { .. }));
    let told: Vec<NodeId> =
        told.map(|what| if let Happening::NodeAdmitted { node, .. } = what { node } else { unreachable!() }).collect();
    assert_eq!(told, [b.node_id(), early.node_id()], "an admission without effect is no news");
    let members = a.members().expect("members");
    let of = |store: &Store| members.iter().find(|member| member.node == store.node_id()).expect("known");
    assert_eq!(of(&late).admits.iter().map(|(_, counts)| *counts).collect::<Vec<_>>(), [false]);
    assert_eq!(of(&early).admits.iter().map(|(_, counts)| *counts).collect::<Vec<_>>(), [true]);
    assert_eq!(of(b).expels.len(), 1);
}

#[test]
fn a_node_that_is_out_learns_why_and_nothing_of_others() {
    let nodes = mesh(&[Role::Owner, Role::Publisher, Role::Publisher]);
    let (root, owner, out, other) = (&nodes[0].1, &nodes[1].1, &nodes[2].1, &nodes[3].1);
    pull(out, root, at(1)).expect("a pull");
    expel(owner, out).expect("an owner expels");
    admit(owner, &fresh(9).1, Role::Replica, &[]).expect("an owner admits");
    let roster = owner.told_roster().expect("readable");
    let told = roster.page(roster.bearing_on(&out.node_id()), usize::MAX).expect("statements");
    let subjects: Vec<NodeId> = told
        .iter()
        .map(|signed| match signed.verify().expect("good").body {
            StatementBody::Admit(admit) => admit.node,
            StatementBody::Expel(expel) => expel.node,
            StatementBody::Unknown { .. } => panic!("none was signed"),
        })
        .collect();
    assert!(subjects.iter().all(|node| [out.node_id(), owner.node_id()].contains(node)), "{subjects:?}");
    out.insert_statements(told, at(2)).expect("they verify");
    assert!(out.roster().is_expelled(&out.node_id()));
    assert!(!roster.bearing_on(&other.node_id()).is_empty());
}

#[test]
fn what_one_expel_cannot_list_is_told_and_the_oldest_counts() {
    let nodes = mesh(&[Role::Publisher]);
    let (a, mut b) = (&nodes[0].1, nodes[1].1.clone());
    let yesterday = nodes[1].0.copy();
    put(&b, "true.pkg", b"true", at(1)).expect("a publish");
    pull(a, &b, at(1)).expect("a pull");
    // A copied machine that mints the same number again and again.
    for round in 0..ods_store::EXPEL_IDS_MAX as u64 / 100 {
        drop(b);
        b = open(&yesterday.copy(), 1000 + round).expect("a copy opens");
        put(&b, &format!("twin{round}.pkg"), &round.to_le_bytes(), at(2)).expect("a publish");
        pull(a, &b, at(2)).expect("a pull");
    }
    expel(a, &b).expect("an owner expels");
    assert!(listed(a, "true.pkg") && listed(a, "twin0.pkg"), "all fit here");
    assert!(!happenings(a).iter().any(|what| matches!(what, Happening::Alarm { code, .. } if code == "expel_cut")));
    assert_sound(a);
}

/// Once it is expelled they count nowhere any more, also if what is lacking comes.
#[test]
fn ends_below_which_something_is_lacking_are_told_when_an_expel_leaves_them_out() {
    for (name, alarms) in [("end.pkg", 1), ("../no path", 0)] {
        let nodes = mesh(&[Role::Publisher]);
        let [a, b] = [0, 1].map(|node| &nodes[node].1);
        put(b, "true.pkg", b"true", at(1)).expect("a publish");
        pull(a, b, at(1)).expect("a pull");
        let last = b.events_after(Lsn::ZERO, usize::MAX).expect("readable").pop().expect("its own");
        let Header { stream, seq, .. } = Event::decode(&last.frame).expect("an event").header;
        let next = |seq, prev, name, second| sign_removal(b, (stream, seq, prev), (name, second), vec![]);
        let (lacking, twin) = (next(seq + 1, last.id(), "x.pkg", 2), next(seq + 1, last.id(), "x.pkg", 3));
        let before = next(seq + 2, lacking.id(), name, 4);
        let end = next(seq + 3, before.id(), "../no path", 5);
        take(a, &[twin, before, end], at(5));
        expel(a, b).expect("an owner expels");
        let cut = |what: &Happening| matches!(what, Happening::Alarm { code, detail, .. } if code == "expel_cut" && detail.contains("the ends of 1 of"));
        assert_eq!(happenings(a).iter().filter(|what| cut(what)).count(), alarms, "{name}");
        assert!(listed(a, "true.pkg"));
        assert_sound(a);
    }
}

#[test]
fn an_expel_is_taken_though_the_roster_is_full_of_a_thiefs_admits() {
    let nodes = mesh(&[Role::Owner]);
    let (a, b) = (&nodes[0].1, &nodes[1].1);
    let header = StatementHeader { signer: b.node_id(), at_ms: at(1), by: String::new() };
    let flood = |number: u64| {
        let mut node = [0; 32];
        node[..8].copy_from_slice(&number.to_le_bytes());
        let admit = Admit { node: NodeId::from_bytes(node), role: Role::Replica, prefixes: vec![] };
        SignedStatement::mint(b.key(), &header, &StatementBody::Admit(admit))
    };
    let flood: Vec<_> = (0..ods_store::STATEMENTS_MAX as u64 + 10).map(flood).collect();
    let taken = a.insert_statements(flood, at(2)).expect("as many as fit");
    assert_eq!(taken, ods_store::STATEMENTS_MAX - 1, "one was there");
    assert!(matches!(admit(a, &fresh(7).1, Role::Owner, &[]), Err(StoreError::TooMany { .. })));
    assert_eq!(expel(a, b).ok(), Some(true));
    assert!(!a.roster().is_member(&b.node_id()));
    let cut = |what: &Happening| matches!(what, Happening::Alarm { code, .. } if code == "expel_cut");
    assert!(happenings(a).iter().any(cut), "and it says that not all of them could be listed");
}

#[test]
fn a_statement_of_a_later_format_spoils_nothing_that_comes_with_it() {
    let nodes = mesh(&[Role::Replica]);
    let [a, b] = [0, 1].map(|node| &nodes[node].1);
    let admit = Admit { node: fresh(9).1.node_id(), role: Role::Replica, prefixes: vec![] };
    let signed = a.sign_admit(&admit, &author(), at(3)).expect("signed");
    let mut later = signed.clone();
    later.frame[0] = ods_store::FORMAT + 1;
    assert_eq!(b.hear_statements(vec![later, signed], at(4)).expect("the other is good"), 1);
    assert!(b.roster().is_member(&admit.node));
}

/// It has expelled who puts it out, and signed more than any page has.
#[test]
fn what_puts_a_stolen_key_out_is_told_before_what_that_key_signed() {
    let nodes = mesh(&[Role::Owner, Role::Owner]);
    let (root, owner, thief) = (&nodes[0].1, &nodes[1].1, &nodes[2].1);
    let signed = |number: u8, body: StatementBody| {
        let header = StatementHeader { signer: thief.node_id(), at_ms: at(u64::from(number)), by: String::new() };
        SignedStatement::mint(thief.key(), &header, &body)
    };
    let out = |node: NodeId| StatementBody::Expel(Expel { node, tips: vec![], statements: vec![] });
    let mut much = vec![signed(0, out(owner.node_id()))];
    for number in 1..60 {
        let made = NodeId::from_bytes([number; 32]);
        let admit =
            Admit { node: if number < 30 { made } else { owner.node_id() }, role: Role::Owner, prefixes: vec![] };
        much.extend([signed(number, out(made)), signed(number, StatementBody::Admit(admit))]);
    }
    assert_eq!(root.hear_statements(much, at(70)).expect("heard"), 119);
    assert_eq!(expel(owner, thief).ok(), Some(true));
    let word = owner.roster_statements().expect("statements");
    root.hear_statements(word, at(80)).expect("heard");
    let told = root.told_roster().expect("readable");
    let all = told.page(told.order(), usize::MAX).expect("readable");
    let says = |signed: &SignedStatement, by: &Store, of: &Store| {
        let statement = signed.verify().expect("right");
        let expels = matches!(statement.body, StatementBody::Expel(Expel { node, .. }) if node == of.node_id());
        expels && statement.header.signer == by.node_id()
    };
    let place = all.iter().position(|signed| says(signed, owner, thief)).expect("it is told");
    assert!(place < 5, "it is told as number {place} of {}", all.len());
    let admitting = told.admitting(&owner.node_id(), usize::MAX);
    let first = told.page(admitting.clone(), usize::MAX).expect("readable");
    assert!(first[0].verify().expect("right").header.signer == root.node_id() && admitting.len() < 10);
}

#[test]
fn an_admit_that_is_long_is_passed_over_and_one_that_is_not_is_taken() {
    let nodes = mesh(&[Role::Replica]);
    let [a, b] = [0, 1].map(|node| &nodes[node].1);
    let admit = |number: u8, prefix_bytes: usize| {
        let header = StatementHeader { signer: a.node_id(), at_ms: at(3), by: String::new() };
        let (node, prefixes) = (NodeId::from_bytes([number; 32]), vec!["p".repeat(prefix_bytes); 8]);
        SignedStatement::mint(a.key(), &header, &StatementBody::Admit(Admit { node, role: Role::Publisher, prefixes }))
    };
    assert_eq!(b.hear_statements(vec![admit(1, 1024), admit(2, 1000)], at(4)).expect("the other is good"), 1);
    assert!(b.roster().is_member(&NodeId::from_bytes([2; 32])) && !b.roster().is_known(&NodeId::from_bytes([1; 32])));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Put { node: usize, path: u8, content: u8 },
    Remove { node: usize, path: u8 },
    Pull { to: usize, from: usize },
    Admit { by: usize, node: usize, role: Role },
    AdmitWithin { by: usize, node: usize, folder: u8 },
    Expel { by: usize, node: usize },
    RollBack { node: usize },
    Backup { node: usize },
}

const NODES: usize = 4;

/// The paths are in two folders, and few contents are at many paths.
fn name(path: u8) -> String {
    format!("d{}/p{path}", path % 2)
}

fn step() -> impl Strategy<Value = Step> {
    let node = || 0..NODES;
    let role = prop_oneof![Just(Role::Replica), Just(Role::Publisher), Just(Role::Owner)];
    prop_oneof![
        6 => (node(), 0u8..3, 0u8..3).prop_map(|(node, path, content)| Step::Put { node, path, content }),
        2 => (node(), 0u8..3).prop_map(|(node, path)| Step::Remove { node, path }),
        5 => (node(), node()).prop_map(|(to, from)| Step::Pull { to, from }),
        2 => (node(), node(), role).prop_map(|(by, node, role)| Step::Admit { by, node, role }),
        1 => (node(), node(), 0u8..2).prop_map(|(by, node, folder)| Step::AdmitWithin { by, node, folder }),
        2 => (node(), node()).prop_map(|(by, node)| Step::Expel { by, node }),
        1 => node().prop_map(|node| Step::Backup { node }),
        1 => node().prop_map(|node| Step::RollBack { node }),
    ]
}

/// What is refused for a reason is no failure of the test.
fn fine<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    match outcome {
        Ok(_)
        | Err(
            StoreError::NoSuchPackage { .. }
            | StoreError::NotAPublisher { .. }
            | StoreError::Expelled { .. }
            | StoreError::NoSuchNode { .. }
            | StoreError::NotAnOwner
            | StoreError::OwnNode
            | StoreError::RolesOnlyRise { .. },
        ) => {}
        Err(error) => panic!("{error:?}"),
    }
}

fn perform(nodes: &mut [(SimDisk, Store)], backups: &mut [Option<SimDisk>], number: usize, step: Step) {
    match step {
        Step::Put { node, path, content } => {
            fine(put(&nodes[node].1, &name(path), &[content], at(number as u64)));
        }
        Step::Remove { node, path: removed } => {
            fine(nodes[node].1.remove(&path(&name(removed)), &Condition::None, &author(), at(number as u64)));
        }
        Step::Pull { to, from } if to != from => pull(&nodes[to].1, &nodes[from].1, at(60)).expect("a pull"),
        Step::Pull { .. } => {}
        Step::Admit { by, node, role } => fine(admit(&nodes[by].1, &nodes[node].1, role, &[])),
        Step::AdmitWithin { by, node, folder } => {
            fine(admit(&nodes[by].1, &nodes[node].1, Role::Publisher, &[&format!("d{folder}")]));
        }
        Step::Expel { by, node } => fine(expel(&nodes[by].1, &nodes[node].1)),
        Step::Backup { node } => backups[node] = Some(nodes[node].0.copy()),
        Step::RollBack { node } => {
            if let Some(disk) = backups[node].take() {
                let store = open(&disk, 10_000 + number as u64).expect("a copy opens");
                nodes[node] = (disk, store);
            }
        }
    }
}

/// Everything that any of the stores holds.
fn union(stores: &[&Store]) -> (Vec<SignedStatement>, Vec<SignedEvent>) {
    let (mut statements, mut events) = (Vec::new(), Vec::new());
    for store in stores {
        statements.extend(store.roster_statements().expect("statements"));
        events.extend(store.events_after(Lsn::ZERO, usize::MAX).expect("events"));
    }
    (statements, events)
}

/// A deterministic shuffle.
fn shuffled<T>(mut items: Vec<T>, seed: u64) -> Vec<T> {
    let key = |at: usize| *blake3::hash(&[seed.to_le_bytes(), (at as u64).to_le_bytes()].concat()).as_bytes();
    let mut keyed: Vec<_> = items.drain(..).enumerate().map(|(at, item)| (key(at), item)).collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, item)| item).collect()
}

enum One {
    Statement(SignedStatement),
    Event(SignedEvent),
}

/// A node that gets all of it one at a time, in some order; what it can't take yet is offered again a while later. Statements as
/// peers tell them, or as they are.
fn observer(
    number: u64,
    (root, statements, events): (NodeId, &[SignedStatement], &[SignedEvent]),
    tell: impl Fn(&Store, SignedStatement, UnixMillis),
) -> Store {
    let store = fresh(500 + number).1;
    store.take_root(root, at(0)).expect("a node alone takes the root");
    let all = statements.iter().cloned().map(One::Statement).chain(events.iter().cloned().map(One::Event));
    let mut left = shuffled(all.collect(), number);
    let mut now = at(90);
    while !left.is_empty() {
        let before = left.len();
        left.retain(|one| match one {
            One::Statement(signed) => {
                tell(&store, signed.clone(), now);
                !store.roster_statements().expect("statements").contains(signed)
            }
            One::Event(signed) => {
                let batch = EventBatch { events: vec![signed.clone()], pull: None, backfill: false };
                let refused = store.insert_events(batch, at(90)).expect("an answer").refused;
                let reason = refused.map(|refusal| refusal.reason);
                assert!(matches!(reason, None | Some(RefusalReason::Gap | RefusalReason::UnknownOrigin)), "{reason:?}");
                reason.is_some()
            }
        });
        assert!(left.len() < before || now < at(120), "{before} are never taken");
        now = now.plus_ms(EXPEL_WAIT_MS);
    }
    store
}

fn tell_as_it_is(store: &Store, signed: SignedStatement, now: UnixMillis) {
    store.insert_statements(vec![signed], now).expect("verified");
}

fn tell_as_a_peer(store: &Store, signed: SignedStatement, now: UnixMillis) {
    store.hear_statements(vec![signed], now).expect("verified");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever was published, removed, admitted, expelled, each by the other too, rolled back, and gone on with by nodes
    /// that were out: who holds it all agrees with everybody else who does, in whatever order it came.
    #[test]
    fn the_same_set_gives_the_same_standings_and_catalog_in_any_order(
        steps in prop::collection::vec(step(), 1..40),
        seed in any::<u32>(),
    ) {
        let mut nodes = mesh(&[Role::Owner, Role::Replica, Role::Publisher]);
        let mut backups: Vec<Option<SimDisk>> = vec![None; NODES];
        for (number, step) in steps.into_iter().enumerate() {
            perform(&mut nodes, &mut backups, number, step);
        }
        let stores: Vec<&Store> = nodes.iter().map(|(_, store)| store).collect();
        // First: who was rolled back signs something when it meets what it had signed.
        for _ in 0..3 {
            for (to, from) in (0..NODES).flat_map(|to| (0..NODES).map(move |from| (to, from))).filter(|(a, b)| a != b) {
                pull(stores[to], stores[from], at(99)).expect("a pull");
            }
        }
        let (statements, events) = union(&stores);
        let root = stores[0].roster().root();
        let all = (root, statements.as_slice(), events.as_slice());
        let first = observer(u64::from(seed), all, tell_as_it_is);
        let second = observer(u64::from(seed) + (1 << 32), all, tell_as_a_peer);
        for store in stores.into_iter().chain([&second]) {
            prop_assert_eq!(store.vector().expect("a vector"), first.vector().expect("a vector"));
            prop_assert_eq!(&*store.roster(), &*first.roster());
            prop_assert_eq!(digest(store), digest(&first));
            assert_sound(store);
        }
        assert_sound(&first);
    }

    /// Two meshes with history of their own, merged and then changed by owners of both: all nodes of both agree.
    #[test]
    fn merged_meshes_agree(early in prop::collection::vec(step(), 0..15), late in prop::collection::vec(step(), 0..15)) {
        let mut left = mesh(&[Role::Owner]);
        let mut right: Vec<_> = (11..=12).map(fresh).collect();
        admit(&right[0].1, &right[1].1, Role::Owner, &[]).expect("the other root admits");
        right[1].1.take_root(right[0].1.node_id(), at(0)).expect("alone");
        pull(&right[1].1, &right[0].1, at(0)).expect("a pull");
        left.append(&mut right);
        let mut nodes = left;
        // Before the merge, each side keeps to itself, and owners of one are unknown to the other.
        let same_side = |step: &Step| match step {
            Step::Pull { to, from } => (to < &2) == (from < &2),
            Step::Admit { .. } | Step::AdmitWithin { .. } | Step::Expel { .. } => false,
            Step::Put { .. } | Step::Remove { .. } | Step::Backup { .. } | Step::RollBack { .. } => true,
        };
        let mut backups: Vec<Option<SimDisk>> = vec![None; NODES];
        for (number, step) in early.into_iter().filter(same_side).enumerate() {
            perform(&mut nodes, &mut backups, number, step);
        }
        // In one act, as pairing does: each side's owner admits the other's root, and both sides have all statements.
        let (a, b) = (&nodes[1].1, &nodes[2].1);
        let root = |node: NodeId| Admit { node, role: Role::Owner, prefixes: vec![] };
        let mut statements = [a, b].map(|store| store.roster_statements().expect("statements")).concat();
        statements.push(a.sign_admit(&root(b.roster().root()), &author(), at(30)).expect("signed"));
        statements.push(b.sign_admit(&root(a.roster().root()), &author(), at(30)).expect("signed"));
        for (_, store) in &nodes {
            store.insert_statements(statements.clone(), at(30)).expect("verified");
        }
        // Backups from before the merge would put an owner back to where it knows nothing of it: another test's matter.
        backups.fill(None);
        for (number, step) in late.into_iter().enumerate() {
            perform(&mut nodes, &mut backups, 100 + number, step);
        }
        for _ in 0..3 {
            for (to, from) in (0..NODES).flat_map(|to| (0..NODES).map(move |from| (to, from))).filter(|(a, b)| a != b) {
                pull(&nodes[to].1, &nodes[from].1, at(200)).expect("a pull");
            }
        }
        for (_, store) in &nodes {
            prop_assert_eq!(store.vector().expect("a vector"), nodes[0].1.vector().expect("a vector"));
            prop_assert_eq!(store.roster_digest(), nodes[0].1.roster_digest());
            let members = |store: &Store| store.roster().nodes().map(|(id, of)| (*id, of.clone())).collect::<Vec<_>>();
            prop_assert_eq!(members(store), members(&nodes[0].1));
            prop_assert_eq!(digest(store), digest(&nodes[0].1));
            assert_sound(store);
        }
    }
}
