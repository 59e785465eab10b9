//! Growth: a node that joins a mesh with 1,000,000 events and 100,000 packages, beside a bare insert of as many rows into
//! the same kind of database; what news take then; and what an idle mesh of 50 nodes costs.
//!
//! The idle mesh's bytes are those of the loopback interface: let nothing else use it meanwhile (`bash .ci/bench` runs this
//! group in a network of its own where it can). `ODS_BENCH_EVENTS` is the number of events, a tenth of it that of packages.

use std::path::Path;
use std::time::{Duration, Instant};

use redb::{Database, TableDefinition};

use crate::support::{Bench, Figure, Node, median};
use crate::{hop, scale};

const EVENTS: u64 = 1_000_000;
/// Rows that an event has: log, two indexes of it, history, what it replaces, journal.
const ROWS_PER_EVENT: u64 = 6;
/// Events in one commit of the bare insert.
const EVENTS_PER_COMMIT: u64 = 10_000;
/// What a node's database has unless it is told otherwise (`limits.cache_bytes`).
const CACHE_BYTES: usize = 16 << 20;
const FEW: u64 = 20;
const IDLE_NODES: usize = 50;
/// Neighbours on each side.
const IDLE_REACH: usize = 3;
const IDLE_S: u64 = 180;

#[expect(clippy::disallowed_methods, reason = "the benches have no configuration but their variables")]
fn events() -> u64 {
    std::env::var("ODS_BENCH_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(EVENTS)
}

pub(crate) fn run(bench: &Bench) -> Vec<Figure> {
    let mut figures = join(bench);
    figures.extend(idle(bench));
    figures
}

fn join(bench: &Bench) -> Vec<Figure> {
    let (events, packages) = (events(), events() / 10);
    scale::fill(&bench.folder("growth-first").join("data"), events, packages).expect("the store takes it");
    let first = Node::start(bench, "growth-first");
    let expected = first.http().json("GET", "/api/v1/node", b"");
    let second = Node::start(bench, "growth-second");
    let began = Instant::now();
    second.join_as(&first, "publisher");
    let (mut http, mut answers_ms) = (second.http(), Vec::new());
    let mut look = || {
        let asked = Instant::now();
        let node = http.json("GET", "/api/v1/node", b"");
        answers_ms.push(asked.elapsed().as_secs_f64() * 1000.0);
        node["catalog_digest"] == expected["catalog_digest"]
    };
    while !look() {
        std::thread::sleep(Duration::from_millis(20));
        assert!(began.elapsed() < Duration::from_mins(20), "it doesn't catch up");
    }
    let joined_s = began.elapsed().as_secs_f64();
    let [bare_s, roomy_s] = [CACHE_BYTES, 4 * CACHE_BYTES]
        .map(|cache| bare_insert(&bench.folder(&format!("growth-bare-{cache}")).join("bare.redb"), events, cache));
    answers_ms.sort_by(f64::total_cmp);
    let p99 = answers_ms[answers_ms.len() * 99 / 100];
    let (mut putting, mut getting) = (first.http(), second.http());
    let news_ms = median((0..FEW).map(|at| hop::one_latency(&mut putting, &mut getting, at)));
    vec![
        Figure::new(&format!("{events} events: a new node has the catalog"), "s", joined_s, "bare redb insert", bare_s)
            .at_most(3.0),
        Figure::new("the same", "s", joined_s, "bare redb insert with four times the cache", roomy_s),
        Figure::limit("the API's answers meanwhile, 99th percentile", "ms", p99, 500.0),
        Figure::limit("1 KiB from its PUT until the other serves it after that, median", "ms", news_ms, 20.0),
    ]
}

/// As many rows of as many bytes as the events have, with keys as random and as sorted, and nothing thought.
fn bare_insert(file: &Path, events: u64, cache_bytes: usize) -> f64 {
    const SORTED: [TableDefinition<u64, &[u8]>; 2] = [TableDefinition::new("log"), TableDefinition::new("journal")];
    const RANDOM: [TableDefinition<&[u8], u64>; 4] = [
        TableDefinition::new("events"),
        TableDefinition::new("stream_events"),
        TableDefinition::new("history"),
        TableDefinition::new("replacers"),
    ];
    assert_eq!((SORTED.len() + RANDOM.len()) as u64, ROWS_PER_EVENT);
    let database = Database::builder().set_cache_size(cache_bytes).create(file).expect("a database can be made");
    let began = Instant::now();
    for first in (0..events).step_by(usize::try_from(EVENTS_PER_COMMIT).expect("a few")) {
        let mut txn = database.begin_write().expect("nobody else writes");
        txn.set_quick_repair(true);
        {
            let sorted = SORTED.map(|table| txn.open_table(table).expect("a table"));
            let random = RANDOM.map(|table| txn.open_table(table).expect("a table"));
            let [mut log, mut journal] = sorted;
            let [mut ids, mut streams, mut history, mut replacers] = random;
            for event in first..(first + EVENTS_PER_COMMIT).min(events) {
                let id = *blake3::hash(&event.to_le_bytes()).as_bytes();
                log.insert(2 * event, [7; 330].as_slice()).expect("a row");
                journal.insert(2 * event + 1, [7; 110].as_slice()).expect("a row");
                ids.insert(id.as_slice(), event).expect("a row");
                streams
                    .insert([&[1; 40], event.to_be_bytes().as_slice(), &id].concat().as_slice(), event)
                    .expect("a row");
                let path = format!("apps/{:03}/package-{:06}.pkg", event % 500, event % (events / 10 + 1));
                history.insert([path.as_bytes(), &id].concat().as_slice(), event).expect("a row");
                replacers.insert([id.as_slice(), &id].concat().as_slice(), event).expect("a row");
            }
        }
        txn.commit().expect("it is committed");
    }
    began.elapsed().as_secs_f64()
}

fn idle(bench: &Bench) -> Vec<Figure> {
    let nodes: Vec<Node> = (0..IDLE_NODES).map(|number| Node::start(bench, &format!("idle-{number}"))).collect();
    for reach in 1..=IDLE_REACH {
        for number in 0..IDLE_NODES {
            let other = (number + reach) % IDLE_NODES;
            // Each joins the one before; later invites only link.
            if reach > 1 || other != 0 {
                nodes[other].join_as(&nodes[number], "owner");
            }
        }
    }
    nodes[0].join_as(&nodes[IDLE_NODES - 1], "owner");
    for (package, node) in nodes.iter().enumerate().take(20) {
        node.http().json("PUT", &format!("/api/v1/packages/idle-{package}.pkg"), b"idle");
    }
    for node in &nodes {
        node.wait_for(20);
    }
    std::thread::sleep(Duration::from_secs(75));
    let cpu_s = || nodes.iter().map(|node| node.server().cpu_s()).sum::<f64>();
    let (bytes_before, cpu_before) = (loopback_bytes(), cpu_s());
    std::thread::sleep(Duration::from_secs(IDLE_S));
    let seconds = (IDLE_S * IDLE_NODES as u64) as f64;
    let (bytes, cpu) = ((loopback_bytes() - bytes_before) as f64, cpu_s() - cpu_before);
    vec![
        Figure::limit("idle mesh of 50 nodes with six links each: a node sends", "kB/s", bytes / seconds / 1000.0, 1.0),
        Figure::limit("the same: a node uses of a core", "%", cpu / seconds * 100.0, 1.0),
    ]
}

/// Bytes sent over the loopback interface so far.
fn loopback_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/net/dev").expect("this is Linux");
    let line = text.lines().find_map(|line| line.trim().strip_prefix("lo:")).expect("there is a loopback");
    let sent = line.split_whitespace().nth(8).and_then(|bytes| bytes.parse().ok());
    sent.expect("the ninth number is the bytes sent")
}
