//! Five nodes in a row on loopback: how long until a removed or changed package is seen on the far end.

use std::time::{Duration, Instant};

use crate::support::{Bench, Figure, Http, Node, median};

const NODES: usize = 5;
const CHANGES: u64 = 200;

pub(crate) fn run(bench: &Bench) -> Vec<Figure> {
    let nodes: Vec<Node> = (0..NODES).map(|number| Node::start(bench, &format!("chain-{number}"))).collect();
    for pair in nodes.windows(2) {
        pair[1].join_as(&pair[0], "owner");
    }
    let mut https: Vec<Http> = nodes.iter().map(Node::http).collect();
    https[0].json("PUT", "/api/v1/packages/chain.pkg", b"chain");
    nodes[NODES - 1].wait_for(1);
    let mut took_ms: Vec<Vec<f64>> = (0..CHANGES).map(|at| one_change(&mut https, at)).collect();
    // Of each change four hops: from when a node showed it until the next one did.
    let hops = |took: &Vec<f64>| took.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>();
    let hop_ms = median(took_ms.iter().flat_map(hops));
    let mut far: Vec<f64> = took_ms.iter_mut().map(|took| took[NODES - 1]).collect();
    far.sort_by(f64::total_cmp);
    let p99 = far[far.len() * 99 / 100];
    vec![
        Figure::limit(
            "a change in a chain of 5, from its answer until seen on the far end, median",
            "ms",
            median(far),
            100.0,
        ),
        Figure::limit("the same, 99th percentile", "ms", p99, 100.0),
        Figure::limit("the same, a hop, median", "ms", hop_ms, 10.0),
    ]
}

/// Changes or removes the package on the first node; when each node showed it.
fn one_change(https: &mut [Http], at: u64) -> Vec<f64> {
    // Spread over time, as changes are, rather than in step with anything.
    std::thread::sleep(Duration::from_millis(60 + at * 7 % 61));
    let removes = at.is_multiple_of(2);
    if removes {
        let removed = https[0].send("DELETE", "/api/v1/packages/chain.pkg", b"");
        assert_eq!(removed.status, 204, "it is removed");
    } else {
        https[0].json("PUT", "/api/v1/packages/chain.pkg", b"chain");
    }
    let began = Instant::now();
    let mut seen = vec![0.0; https.len()];
    let mut left: Vec<usize> = (1..https.len()).collect();
    while !left.is_empty() {
        left.retain(|node| {
            let status = https[*node].send("HEAD", "/Packages/chain.pkg", b"").status;
            let shown = (status == 404) == removes;
            if shown {
                seen[*node] = began.elapsed().as_secs_f64() * 1000.0;
            }
            !shown
        });
        assert!(began.elapsed() < Duration::from_secs(30), "the change doesn't arrive");
    }
    seen
}
