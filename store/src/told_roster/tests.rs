//! In what order a roster is told.

use proptest::prelude::*;
use redb::ReadableDatabase;

use super::*;
use crate::keys::NodeKey;
use crate::limits::EXPEL_IDS_MAX;
use crate::roster::ever_owners;
use crate::schema::STATEMENTS;
use crate::statement::{Admit, Expel, StatementHeader};
use crate::time::UnixMillis;

const ROOT: u16 = 1;

fn key(number: u16) -> NodeKey {
    NodeKey::from_secret(std::array::from_fn(|at| number.to_le_bytes()[at % 2]))
}

fn id(number: u16) -> NodeId {
    key(number).node_id()
}

fn signed(signer: u16, at_ms: u64, body: &StatementBody) -> SignedStatement {
    let header = StatementHeader { signer: id(signer), at_ms: UnixMillis::new(at_ms), by: String::new() };
    SignedStatement::mint(&key(signer), &header, body)
}

fn admit(signer: u16, node: u16, role: Role) -> SignedStatement {
    signed(signer, 1, &StatementBody::Admit(Admit { node: id(node), role, prefixes: vec![] }))
}

fn owner(signer: u16, node: u16) -> SignedStatement {
    admit(signer, node, Role::Owner)
}

/// Lists nothing of that node's; `at_ms` tells it from other Expels of it.
fn expel_at(signer: u16, node: u16, at_ms: u64) -> SignedStatement {
    signed(signer, at_ms, &StatementBody::Expel(Expel { node: id(node), tips: vec![], statements: vec![] }))
}

fn expel(signer: u16, node: u16) -> SignedStatement {
    expel_at(signer, node, 1)
}

/// What is told, of a database that lives as long.
struct InMemory {
    roster: ToldRoster,
    _database: redb::Database,
}

impl std::ops::Deref for InMemory {
    type Target = ToldRoster;

    fn deref(&self) -> &ToldRoster {
        &self.roster
    }
}

/// What is told by a node of this root that holds some statements, while others wait.
fn told(root: u16, held: &[SignedStatement], waiting: &[SignedStatement]) -> InMemory {
    let database = redb::Database::builder().create_with_backend(redb::backends::InMemoryBackend::new()).unwrap();
    let write = database.begin_write().unwrap();
    for signed in held {
        let mut table = write.open_table(STATEMENTS).unwrap();
        table.insert(signed.id().as_bytes(), signed.stored_bytes().as_slice()).unwrap();
    }
    write.open_table(STATEMENTS).unwrap();
    write.commit().unwrap();
    let waiting = waiting.iter().map(|signed| (signed.clone(), signed.decode().unwrap())).collect();
    let table = database.begin_read().unwrap().open_table(STATEMENTS).unwrap();
    InMemory { roster: ToldRoster::new(table, waiting, id(root)).unwrap(), _database: database }
}

fn place(order: &[StatementId], signed: &SignedStatement) -> usize {
    order.iter().position(|id| *id == signed.id()).expect("it is told")
}

/// The root, owners 2 and 3, and what a thief signs with the key of 3: an Expel of 2, and a hundred owners, each of whom
/// expels somebody. 2 expels 3.
fn stolen() -> (Vec<SignedStatement>, SignedStatement) {
    let word = expel(2, 3);
    let mut all = vec![owner(ROOT, 2), owner(ROOT, 3), expel(3, 2), word.clone()];
    all.extend((100..200).flat_map(|made| [owner(3, made), expel(made, 900)]));
    (all, word)
}

#[test]
fn the_word_of_an_owner_whom_a_thief_expelled_is_not_behind_what_owners_say_whom_the_thief_admitted() {
    let (all, word) = stolen();
    let roster = told(ROOT, &all, &[]);
    let order = roster.order();
    assert_eq!(order.len(), all.len());
    assert!(place(&order, &word) < 4, "told as number {}", place(&order, &word));
}

#[test]
fn nor_is_it_for_the_thief_itself() {
    let (mut all, word) = stolen();
    all.extend((100..200).map(|made| expel(made, 3)));
    let bearing = told(ROOT, &all, &[]).bearing_on(&id(3));
    assert!(place(&bearing, &word) < 2, "told as number {}", place(&bearing, &word));
    let of_third = |id: &StatementId| {
        all.iter().any(|signed| {
            signed.id() == *id
                && matches!(&signed.decode().unwrap().body, StatementBody::Expel(expel) if expel.node == self::id(3))
        })
    };
    let last = bearing.iter().rposition(of_third).map(|last| last + 1);
    assert_eq!(last, Some(101 + 102), "all 101 by which it is out, with the 102 that make their signers owners");
    assert_eq!(bearing.len(), 101 + 102 + 1);
}

/// 2 was admitted by 3, and by 4, whom 3 admitted and nobody expelled. 3 is out; the Expel lists nothing.
#[test]
fn how_far_an_owner_is_from_the_root_does_not_depend_on_who_is_expelled() {
    let (near, far) = (expel(2, 900), expel(5, 901));
    let by_longer_way = [owner(ROOT, 4), owner(4, 6), owner(6, 7), owner(7, 2)];
    let mut all = vec![owner(ROOT, 3), owner(3, 2), expel(ROOT, 3), near.clone(), far.clone()];
    all.extend(by_longer_way);
    all.push(owner(6, 5));
    let order = told(ROOT, &all, &[]).order();
    assert!(place(&order, &near) < place(&order, &far), "2 is two Admits away from the root, 5 is three");
}

/// Owners that are only such by an expelled one's Admits, in a row, and more than once around.
#[test]
fn owners_whom_only_expelled_ones_admitted_come_by_their_distance_too() {
    let (near, far) = (expel(20, 900), expel(30, 900));
    for (first, second) in [(40, 50), (50, 40)] {
        let all = [
            owner(ROOT, 3),
            expel(ROOT, 3),
            owner(3, first),
            owner(first, 20),
            owner(first, second),
            owner(second, 20),
            owner(second, 30),
            owner(20, 3),
            near.clone(),
            far.clone(),
        ];
        let order = told(ROOT, &all, &[]).order();
        assert!(place(&order, &near) < place(&order, &far));
    }
}

#[test]
fn an_expel_that_waits_is_told_with_the_expels_and_changes_nothing_yet() {
    let word = expel(ROOT, 3);
    let held: Vec<_> = [owner(ROOT, 2), owner(ROOT, 3), owner(3, 4), admit(4, 5, Role::Publisher)]
        .into_iter()
        .chain((100..150).map(|made| admit(ROOT, made, Role::Replica)))
        .collect();
    let (without, with) = (told(ROOT, &held, &[]), told(ROOT, &held, std::slice::from_ref(&word)));
    assert!(with.contains(&word.id()) && !without.contains(&word.id()));
    let all = [held.as_slice(), std::slice::from_ref(&word)].concat();
    assert_eq!(with.digest(), told(ROOT, &all, &[]).digest(), "who waits and who took it tell the same");
    assert_ne!(with.digest(), without.digest());
    assert_eq!(place(&with.order(), &word), 0);
    assert_eq!(with.bearing_on(&id(3)).first(), Some(&word.id()));
    assert_eq!(with.page([word.id()], 1).unwrap(), [word], "its frame is at hand");
    assert_eq!(with.admitting(&id(5), usize::MAX), without.admitting(&id(5), usize::MAX));
}

#[test]
fn many_signers_take_turns_and_each_says_what_is_short_first() {
    let long = |signer: u16| {
        let statements = vec![StatementId::from_bytes([7; 32]); EXPEL_IDS_MAX];
        signed(signer, 1, &StatementBody::Expel(Expel { node: id(800), tips: vec![], statements }))
    };
    let owners: Vec<u16> = (2..42).collect();
    let mut all: Vec<_> = owners.iter().flat_map(|&node| [owner(ROOT, node), long(node), expel(node, 900)]).collect();
    all.extend((0..500).map(|at_ms| expel_at(2, 901, at_ms)));
    let roster = told(ROOT, &all, &[]);
    let order = roster.order();
    let last_short = owners[1..].iter().map(|&node| place(&order, &expel(node, 900))).max();
    assert!(last_short < Some(2 * owners.len()), "each with what makes its signer an owner: {last_short:?}");
    let last_long = owners[1..].iter().map(|&node| place(&order, &long(node))).max();
    assert!(last_long < Some(3 * owners.len()), "{last_long:?}");
    assert_eq!(place(&order, &long(2)), order.len() - 1);
    assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), all.len());
}

/// With ways to the root that are longer than any page, a stolen key may have admitted it as more than honest owners did.
#[test]
fn who_admitted_a_node_is_shown_whole_though_a_stolen_key_admitted_it_by_many_more_ways() {
    let shown = admit(2, 9, Role::Publisher);
    let mut all = vec![owner(ROOT, 2), shown.clone(), owner(ROOT, 3), owner(3, 1000)];
    all.extend((1000..1200).map(|made| owner(made, made + 1)));
    all.extend((1190..1200).map(|made| owner(made, 9)));
    let roster = told(ROOT, &all, &[]);
    let one = bytes_of(&shown);
    let page = roster.page_showing(&[id(9), id(2)], 20 * one).unwrap();
    assert!(page.iter().map(bytes_of).sum::<usize>() <= 20 * one);
    let statements: Vec<_> = page.iter().map(|signed| signed.decode().unwrap()).collect();
    assert!(statements.iter().any(|said| said.id == shown.id()), "{} statements, and not that", page.len());
    let shows = roster.page(roster.admitting(&id(9), usize::MAX), usize::MAX).unwrap();
    assert!(shows.len() > 190 && shows.len() < 220, "{}", shows.len());
}

/// Two meshes: the root's with 2, and that of 11 with 12; 2 and 12 admitted the other side's root.
#[test]
fn merged_meshes_tell_their_roster_each_from_its_own_root() {
    let word = expel(12, 13);
    let all = [
        owner(ROOT, 2),
        owner(2, 11),
        owner(11, 12),
        owner(12, ROOT),
        owner(12, 13),
        owner(13, 12),
        owner(13, ROOT),
        word.clone(),
        expel(2, 900),
        admit(12, 14, Role::Replica),
    ];
    let from = |root: u16| told(root, &all, &[]);
    assert_eq!(from(ROOT).digest(), from(11).digest());
    for root in [ROOT, 11] {
        let order = from(root).order();
        assert_eq!(order.len(), all.len());
        assert_each_is_taken_when_it_comes(root, &all, &order);
        assert_each_is_taken_when_it_comes(root, &all, &from(root).admitting(&id(14), usize::MAX));
        assert_each_is_taken_when_it_comes(root, &all, &from(root).bearing_on(&id(13)));
    }
    assert!(place(&from(11).order(), &word) < place(&from(ROOT).order(), &word), "it is nearer there");
}

/// Whoever trusts the root takes each when it comes, if it takes it at all.
fn assert_each_is_taken_when_it_comes(root: u16, all: &[SignedStatement], order: &[StatementId]) {
    let by_id: BTreeMap<_, _> = all.iter().map(|signed| (signed.id(), signed.decode().unwrap())).collect();
    let (whole, mut heard) = (ever_owners(id(root), by_id.values()), Vec::new());
    for said in order.iter().map(|id| &by_id[id]) {
        let signer = said.header.signer;
        let owners = ever_owners(id(root), heard.iter().copied());
        assert!(owners.contains(&signer) || !whole.contains(&signer), "{said:?} comes before its signer is an owner");
        heard.push(said);
    }
}

proptest! {
    #[test]
    fn expels_come_first_and_each_is_taken_when_it_comes(
        seed in prop::collection::vec((1u16..9, 1u16..9, 0u8..4), 0..40),
    ) {
        let says = |(at, (signer, node, what)): (usize, (u16, u16, u8))| match what {
            0 | 1 => owner(signer, node),
            2 => admit(signer, node, Role::Publisher),
            _ => expel_at(signer, node, at as u64),
        };
        let all: BTreeMap<_, _> = seed.into_iter().enumerate().map(says).map(|signed| (signed.id(), signed)).collect();
        let all: Vec<_> = all.into_values().collect();
        let roster = told(ROOT, &all, &[]);
        let order = roster.order();
        prop_assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), order.len());
        prop_assert_eq!(order.len(), all.len());
        assert_each_is_taken_when_it_comes(ROOT, &all, &order);
        let is_expel = |id: &StatementId| matches!(roster.briefs[id].says, Says::Expel(_));
        let last = order.iter().rposition(is_expel).map_or(0, |last| last + 1);
        let lineages: BTreeSet<_> =
            order[..last].iter().filter(|id| is_expel(id)).flat_map(|id| roster.lineage(*id, &BTreeSet::new())).collect();
        prop_assert!(order[..last].iter().all(|id| lineages.contains(id)), "what comes before an Expel leads to one");
    }
}
