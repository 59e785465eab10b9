//! Limits of bandwidth over a real wire: what a node sends within 60 s when it may send 100 kB, 10 MB and 100 MB a second, by its own
//! count of the bytes of its answers to peers.

use std::time::{Duration, Instant};

use crate::support::namespaces::Namespaces;
use crate::support::{Bench, Figure, Node, Place, leave_out, until, uploaded_bytes};

/// Faster than any of the limits.
const MBIT_PER_S: u32 = 4_000;
const RATES: [(u64, &str); 3] = [(100_000, "100 kB/s"), (10_000_000, "10 MB/s"), (100_000_000, "100 MB/s")];
const MEASURED_S: u64 = 60;
/// What is on its way before and after.
const AROUND_S: u64 = 6;

/// Whose limit it is.
#[derive(Debug, Clone, Copy)]
enum Limit {
    /// What the sender sends to all.
    Up,
    /// What the receiver takes from all.
    Down,
    /// What the sender sends to this one peer.
    UpToPeer,
    /// What the receiver takes from this one peer.
    DownFromPeer,
}

const LIMITS: [(Limit, &str); 4] = [
    (Limit::Up, "a limit of"),
    (Limit::Down, "a limit down of"),
    (Limit::UpToPeer, "a limit to one peer of"),
    (Limit::DownFromPeer, "a limit down from one peer of"),
];

pub(crate) fn run(bench: &Bench) -> Vec<Figure> {
    let all = LIMITS.into_iter().flat_map(|limit| RATES.map(|rate| (limit, rate)));
    all.filter_map(|((limit, what), (rate, name))| match at(bench, limit, rate) {
        Ok(sent) => {
            let off = (sent / (rate * MEASURED_S) as f64 - 1.0) * 100.0;
            eprintln!("{what} {name}: {sent} bytes in {MEASURED_S} s, {off:+.2} %");
            let name = format!("{what} {name} over {MEASURED_S} s: off by");
            Some(Figure::limit(&name, "%", off.abs(), 5.0))
        }
        Err(why) => {
            leave_out("limits over a wire", why);
            None
        }
    })
    .collect()
}

/// What is sent within the measured time.
fn at(bench: &Bench, limit: Limit, rate: u64) -> Result<f64, &'static str> {
    let names = ["l0", "l1"];
    let mut spaces = Namespaces::new(&names)?;
    spaces.wire("l0", "l1", MBIT_PER_S);
    let start = |name: &str| {
        let addresses = spaces.wire_addresses(name);
        Node::start_at(bench, name, &Place { namespace: spaces.space(name), address: spaces.address(name), addresses })
    };
    let (first, second) = (start(names[0]), start(names[1]));
    second.join_as(&first, "publisher");
    set(limit, rate, &first, &second);
    let file = bench.sparse_file("limits.pkg", rate * (MEASURED_S + AROUND_S));
    first.put("limits.pkg", &file);
    // Not before that: it may take longer than a connection may rest.
    let mut http = first.http();
    until("bytes flow", || uploaded_bytes(&mut http) >= rate as f64 * 2.0);
    let (before, began) = (uploaded_bytes(&mut http), Instant::now());
    std::thread::sleep(Duration::from_secs(MEASURED_S).saturating_sub(began.elapsed()));
    let (sent, took_s) = (uploaded_bytes(&mut http) - before, began.elapsed().as_secs_f64());
    drop((first, second));
    for name in &names {
        bench.clear(name);
    }
    Ok(sent * MEASURED_S as f64 / took_s)
}

/// Puts a limit in force, at the node whose it is.
fn set(limit: Limit, rate: u64, sender: &Node, receiver: &Node) {
    let (up, down) = match limit {
        Limit::Up | Limit::UpToPeer => (Some(rate), None),
        Limit::Down | Limit::DownFromPeer => (None, Some(rate)),
    };
    let limits = serde_json::json!({"limits": {"up_bytes_per_s": up, "down_bytes_per_s": down, "windows": [], "time_zone": null}});
    let mut http = if up.is_some() { sender } else { receiver }.http();
    let target = match limit {
        Limit::Up | Limit::Down => "/api/v1/node".to_owned(),
        Limit::UpToPeer | Limit::DownFromPeer => {
            let peers = http.json("GET", "/api/v1/peers", b"");
            format!("/api/v1/peers/{}", peers["items"][0]["id"].as_str().expect("its only peer"))
        }
    };
    http.json("PATCH", &target, limits.to_string().as_bytes());
}
