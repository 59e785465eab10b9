//! Derived tables are spoiled at random; rebuilding makes them what they were.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use redb::Value;

use super::*;
use crate::open::StoreOptions;
use crate::open_tables::KeptTo;
use crate::path::PackagePath;
use crate::publish::{Author, Condition, PublishRequest};
use crate::statement::{Admit, Role};
use crate::store::{EventBatch, Store};
use crate::testing::SimDisk;
use crate::time::UnixMillis;
use crate::{Expel, LogQuery, SignedStatement, StatementBody, StatementHeader};

fn at(seconds: u64) -> UnixMillis {
    UnixMillis::new(1_700_000_000_000 + seconds * 1000)
}

fn open(disk: &SimDisk, seed: u8) -> Store {
    let options = StoreOptions { cache_bytes: 1 << 20, entropy: [seed; 32], name: "n".to_owned() };
    Store::open(Arc::new(disk.clone()), Path::new("/data"), &options).expect("it opens")
}

fn put(store: &Store, path: &str, content: &[u8], second: u64) {
    let mut upload = store.begin_upload(None).expect("room");
    upload.write(content).expect("a write");
    let path = PackagePath::parse(path).expect("a path");
    let (meta, author) = (std::iter::empty().collect(), Author::new("test"));
    let request = PublishRequest { path, meta, condition: Condition::None, author };
    store.publish(upload.finish().expect("whole"), &request, at(second)).expect("a publish");
}

fn exchange(to: &Store, from: &Store) {
    to.insert_statements(from.roster_statements().expect("readable"), at(50)).expect("they verify");
    let query = LogQuery { cursor: None, vector: to.vector().expect("readable") };
    let events = from.log_page(&query).expect("a page").items.into_iter().map(|(_, event)| event).collect();
    to.insert_events(EventBatch { events, pull: None, backfill: false }, at(51)).expect("an answer");
}

/// A store with something in every derived table: removals, a conflict, wants, an expelled node with covered events.
fn rich() -> (SimDisk, Store) {
    let (disk, other_disk) = (SimDisk::new(), SimDisk::new());
    let (store, other) = (open(&disk, 1), open(&other_disk, 2));
    let admit = Admit { node: other.node_id(), role: Role::Publisher, prefixes: vec![] };
    store.admit(&admit, &Author::new("test"), at(0)).expect("the root admits");
    other.take_root(store.node_id(), at(0)).expect("alone");
    exchange(&other, &store);
    for (second, name) in ["a.pkg", "b.pkg", "both.pkg", "a.pkg"].iter().enumerate() {
        put(&store, name, format!("{name} {second}").as_bytes(), second as u64);
    }
    let removed = PackagePath::parse("b.pkg").expect("a path");
    store.remove(&removed, &Condition::None, &Author::new("test"), at(9)).expect("a removal");
    put(&other, "both.pkg", b"theirs", 5);
    put(&other, "theirs.pkg", b"only theirs", 6);
    exchange(&store, &other);
    expel(&store, &other);
    put(&other, "late.pkg", b"after it was expelled", 60);
    exchange(&store, &other);
    (disk, store)
}

/// Expels a node; what it published so far still counts.
fn expel(store: &Store, other: &Store) {
    let query = LogQuery { cursor: None, vector: store.vector().expect("readable") };
    assert!(other.log_page(&query).expect("a page").items.is_empty(), "all of it is held");
    let origin = other.node_id();
    let tips = store.write(move |tx| log::events_of(tx, &origin)).expect("readable").into_iter().map(|(id, _)| id);
    let body = StatementBody::Expel(Expel { node: other.node_id(), tips: tips.collect(), statements: vec![] });
    let header = StatementHeader { signer: store.node_id(), at_ms: at(55), by: "test".to_owned() };
    let statement = SignedStatement::mint(store.key(), &header, &body);
    store.insert_statements(vec![statement], at(55)).expect("it verifies");
}

/// Every derived row, as text.
fn rows(store: &Store) -> Vec<String> {
    fn all<K: KeptTo<V>, V: Value + 'static>(
        tx: &Tx<'_>,
        table: TableDefinition<'static, K, V>,
        into: &mut Vec<String>,
    ) -> Result<()> {
        for entry in tx.read(table)?.iter()? {
            let (key, value) = entry?;
            into.push(format!("{table}: {:?} {:?}", key.value(), value.value()));
        }
        Ok(())
    }
    let gathered = store.write(|tx| {
        let mut into = Vec::new();
        all(tx, EVENTS, &mut into)?;
        all(tx, STREAMS, &mut into)?;
        all(tx, STREAM_EVENTS, &mut into)?;
        all(tx, COVERED, &mut into)?;
        all(tx, HISTORY, &mut into)?;
        all(tx, REPLACERS, &mut into)?;
        all(tx, HEADS, &mut into)?;
        all(tx, PACKAGES, &mut into)?;
        all(tx, LIVE_BLOBS, &mut into)?;
        let wants: BTreeMap<Digest, WantRow> = readable(tx, WANTS)?;
        into.extend(wants.iter().map(|(blob, want)| format!("want {blob} {}", want.size)));
        into.push(format!("{:?}", tx.catalog_sum()?.as_bytes()));
        into.push(format!("{} {}", tx.meta(&meta::BLOB_BYTES)?, tx.meta(&meta::WANT_BYTES)?));
        Ok(into)
    });
    gathered.expect("readable")
}

/// One way to spoil a table.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Erase,
    DropSome,
    Garble,
}

fn spoil_bytes(tx: &Tx<'_>, table: TableDefinition<'static, Key32, &'static [u8]>, how: Damage) -> Result<()> {
    let keys: Vec<[u8; 32]> = tx.read(table)?.iter()?.map(|entry| Ok(*entry?.0.value())).collect::<Result<_>>()?;
    let mut table = tx.write(table)?;
    for (index, key) in keys.iter().enumerate() {
        match how {
            Damage::Garble => drop(table.insert(key, &[0xff; 3][..])?),
            Damage::Erase => drop(table.remove(key)?),
            Damage::DropSome if index % 2 == 0 => drop(table.remove(key)?),
            Damage::DropSome => {}
        }
    }
    Ok(())
}

fn spoil_text(tx: &Tx<'_>, table: TableDefinition<'static, &'static str, &'static [u8]>, how: Damage) -> Result<()> {
    let keys: Vec<String> =
        tx.read(table)?.iter()?.map(|entry| Ok(entry?.0.value().to_owned())).collect::<Result<_>>()?;
    let mut table = tx.write(table)?;
    for (index, key) in keys.iter().enumerate() {
        match how {
            Damage::Garble => drop(table.insert(key.as_str(), &[0xff; 3][..])?),
            Damage::Erase => drop(table.remove(key.as_str())?),
            Damage::DropSome if index % 2 == 0 => drop(table.remove(key.as_str())?),
            Damage::DropSome => {}
        }
    }
    Ok(())
}

fn spoil_keyed<K: KeptTo<V>, V: Value + 'static>(
    tx: &Tx<'_>,
    table: TableDefinition<'static, K, V>,
    how: Damage,
) -> Result<()> {
    let mut index = 0;
    tx.write(table)?.retain(|_, _| {
        index += 1;
        matches!(how, Damage::DropSome) && index % 2 == 0
    })?;
    Ok(())
}

fn spoil(store: &Store, table: usize, how: Damage) {
    let spoiled = store.write(move |tx| match table {
        0 => spoil_keyed(tx, EVENTS, how),
        1 => spoil_keyed(tx, STREAMS, how),
        2 => spoil_keyed(tx, STREAM_EVENTS, how),
        3 => spoil_keyed(tx, COVERED, how),
        4 => spoil_keyed(tx, HISTORY, how),
        5 => spoil_keyed(tx, REPLACERS, how),
        6 => spoil_text(tx, HEADS, how),
        7 => spoil_text(tx, PACKAGES, how),
        8 => spoil_keyed(tx, LIVE_BLOBS, how),
        9 => spoil_bytes(tx, WANTS, how),
        10 => {
            tx.set_catalog_sum(SetSum::default());
            Ok(())
        }
        _ => tx.set_meta(&meta::WANT_BYTES, &7).and_then(|()| tx.set_meta(&meta::BLOB_BYTES, &7)),
    });
    spoiled.expect("spoiled");
}

fn damages() -> impl Strategy<Value = Vec<(usize, Damage)>> {
    let how = prop_oneof![Just(Damage::Erase), Just(Damage::DropSome), Just(Damage::Garble)];
    prop::collection::vec((0..12usize, how), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn whatever_was_spoiled_is_as_before_once_rebuilt(damages in damages()) {
        let (_, store) = rich();
        let (before, head) = (rows(&store), store.head());
        for (table, how) in damages {
            spoil(&store, table, how);
        }
        store.write(|tx| rebuild(tx, Moment::live(at(100)))).expect("rebuilt");
        prop_assert_eq!(rows(&store), before);
        prop_assert_eq!(store.head(), head, "nothing was told");
        prop_assert_eq!(store.check().expect("readable"), Vec::<String>::new());
    }
}

#[test]
fn a_power_cut_at_any_write_of_a_rebuild_leaves_the_old_or_the_new() {
    let (disk, store) = rich();
    let whole = rows(&store);
    spoil(&store, 7, Damage::Erase);
    spoil(&store, 4, Damage::DropSome);
    let spoiled = rows(&store);
    drop(store);
    let mut seen = (0, 0);
    for step in 0.. {
        let disk = disk.copy();
        let store = open(&disk, 3);
        disk.fail_after(step);
        let done = store.write(|tx| rebuild(tx, Moment::live(at(100)))).is_ok();
        drop(store);
        let store = open(&disk.crash(step), 4);
        let found = rows(&store);
        assert!(found == whole || found == spoiled, "neither, after {step} writes");
        seen = (seen.0 + u64::from(found == spoiled), seen.1 + u64::from(found == whole));
        assert!(!done || found == whole, "what was answered is durable");
        if done {
            break;
        }
    }
    assert!(seen.0 > 0 && seen.1 > 0, "{seen:?}");
}

#[test]
fn a_log_that_lacks_an_event_is_refused_and_left_alone() {
    let (_, store) = rich();
    let first =
        store.write(|tx| Ok(tx.read(crate::schema::LOG)?.first()?.map(|entry| entry.0.value()))).expect("readable");
    store.write(move |tx| Ok(tx.write(crate::schema::LOG)?.remove(first.unwrap_or(0))?.is_some())).expect("removed");
    let before = rows(&store);
    let error = store.write(|tx| rebuild(tx, Moment::live(at(100)))).expect_err("an event is missing");
    assert!(error.to_string().contains("the log, which lacks events"), "{error}");
    assert_eq!(rows(&store), before);
}
