//! One hop over loopback: a package of 1 GiB from one node to a new second one, over plain HTTP beside rsync from its
//! daemon, which encrypts nothing either, and over TLS; beside Syncthing; and 1 KiB from the moment that it is sent to one
//! node until the other serves it.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{
    Bench, Figure, GIB, Http, Node, RsyncDaemon, SyncthingPair, has_program, leave_out, median, take_turns,
};

/// Packages published one after the other.
const LATENCIES: u64 = 300;

pub(crate) fn run(bench: &Bench) -> Vec<Figure> {
    let mut figures = large(bench);
    figures.extend(latency(bench));
    figures
}

fn large(bench: &Bench) -> Vec<Figure> {
    if !has_program("rsync") {
        leave_out("one hop", "it needs rsync");
        return vec![];
    }
    let daemon = RsyncDaemon::start(bench, "hop-rsync");
    let file = bench.random_file("hop-rsync/files/hop.pkg", GIB);
    let mut plain = hop(bench, "hop-ods", Node::start_plain, &file);
    let mut encrypted = hop(bench, "hop-tls", Node::start, &file);
    let mut copies = 0;
    let mut rsync = || {
        copies += 1;
        let target = bench.folder(&format!("hop-copy-{copies}"));
        let cost = daemon.copy_to(&target);
        bench.clear(&format!("hop-copy-{copies}"));
        cost.wall_s
    };
    let results = take_turns::<f64>(&mut [&mut plain, &mut encrypted, &mut rsync]);
    let [ours, over_tls, rsyncs] = [0, 1, 2].map(|side: usize| median(results[side].iter().copied()));
    eprintln!("1 GiB to a second node: {results:.3?} s (ODS, over TLS, rsync)");
    let mut figures = vec![
        Figure::new("1 GiB to a second node", "s", ours, "rsync -W --fsync", rsyncs).at_most(1.0),
        Figure::new("1 GiB to a second node, over TLS", "s", over_tls, "rsync -W --fsync, plain", rsyncs),
    ];
    if has_program("syncthing") {
        let pair = SyncthingPair::start(bench, "hop-syncthing", daemon.folder());
        pair.offer();
        let began = Instant::now();
        pair.receive(1);
        figures.push(Figure::new(
            "1 GiB to a second node",
            "s",
            ours,
            "Syncthing, one turn",
            began.elapsed().as_secs_f64(),
        ));
    } else {
        leave_out("Syncthing", "it isn't installed");
    }
    figures
}

/// What takes a turn: a new node joins one that has the file, and gets it.
fn hop<'a>(
    bench: &'a Bench,
    name: &'a str,
    start: fn(&Bench, &str) -> Node,
    file: &Path,
) -> impl FnMut() -> f64 + use<'a> {
    let node = start(bench, name);
    node.put("hop.pkg", file);
    let mut turn = 0;
    move || {
        turn += 1;
        let name = format!("{name}-second-{turn}");
        let second = start(bench, &name);
        let began = Instant::now();
        second.join(&node);
        second.wait_for(1);
        let took_s = began.elapsed().as_secs_f64();
        drop(second);
        bench.clear(&name);
        took_s
    }
}

fn latency(bench: &Bench) -> Vec<Figure> {
    let (first, second) = (Node::start(bench, "latency-first"), Node::start(bench, "latency-second"));
    second.join(&first);
    let (mut putting, mut getting) = (first.http(), second.http());
    let mut took_ms: Vec<f64> = (0..LATENCIES).map(|at| one_latency(&mut putting, &mut getting, at)).collect();
    took_ms.sort_by(f64::total_cmp);
    let p99 = took_ms[took_ms.len() * 99 / 100];
    vec![
        Figure::limit("1 KiB from its PUT until the peer serves it, median", "ms", median(took_ms), 20.0),
        Figure::limit("the same, 99th percentile", "ms", p99, 100.0),
    ]
}

/// How many milliseconds a small package takes until `getting` serves it. It begins somewhat later, by `at`: packages are
/// spread over time, and not in step with anything, least of all with pings, which rest 50 ms after each.
pub(crate) fn one_latency(putting: &mut Http, getting: &mut Http, at: u64) -> f64 {
    std::thread::sleep(Duration::from_millis(20 + at * 7 % 61));
    let mut bytes = vec![0; 1024];
    blake3::Hasher::new().update(&at.to_le_bytes()).finalize_xof().fill(&mut bytes);
    let name = format!("latency-{at}.pkg");
    let began = Instant::now();
    putting.json("PUT", &format!("/api/v1/packages/{name}"), &bytes);
    let target = format!("/Packages/{name}");
    loop {
        let answer = getting.send("GET", &target, b"");
        if answer.status == 200 {
            assert!(answer.body == bytes, "the peer serves {name} with other bytes");
            return began.elapsed().as_secs_f64() * 1000.0;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{name} doesn't arrive");
        std::thread::sleep(Duration::from_millis(1));
    }
}
