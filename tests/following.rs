//! Following the journal over the node's restarts: no gap and no repeat.

use serde_json::Value;

use crate::support::http::Exchange;
use crate::support::node::Node;

const ROUNDS: u64 = 4;
/// Packages published in a round, and how many of them the follower sees before the node dies.
const PACKAGES: u64 = 20;
const SEEN: u64 = 13;

/// Follows the publishing of packages behind a place of the journal.
fn follow(node: &Node, behind: u64) -> Exchange {
    let request = node.api("GET", "/events/stream?type=package.published").header("Last-Event-ID", &behind.to_string());
    let mut exchange = request.open(None).expect("the node listens");
    assert_eq!(exchange.head().expect("an answer").0, 200);
    exchange
}

/// The next record: its id, and what its data says.
fn next(stream: &mut Exchange) -> (u64, Value) {
    let mut id = 0;
    loop {
        let mut line = String::new();
        assert_ne!(stream.reader().read_line(&mut line).expect("the node goes on"), 0, "the stream ended");
        if let Some(text) = line.trim_end().strip_prefix("id:") {
            id = text.trim().parse().expect("a number");
        } else if let Some(text) = line.trim_end().strip_prefix("data:") {
            return (id, serde_json::from_str(text.trim()).expect("JSON"));
        }
    }
}

#[test]
fn a_follower_that_goes_on_where_it_was_misses_nothing_and_sees_nothing_twice_whatever_the_node_went_through() {
    let mut node = Node::start("hq");
    let mut last = node.get_json("/node")["log"]["head"].as_u64().expect("a place");
    let mut followed = Vec::new();
    for round in 0..ROUNDS {
        let mut stream = follow(&node, last);
        let total = (round + 1) * PACKAGES;
        for number in round * PACKAGES..total {
            node.put(&format!("{number:03}.pkg"), b"x").expect(201);
        }
        while followed.len() < usize::try_from(total - PACKAGES + SEEN).expect("few") {
            let (id, record) = next(&mut stream);
            assert_eq!(Some(id), record["lsn"].as_u64(), "an event's id is its record's place");
            followed.push(record);
            last = id;
        }
        if round % 2 == 0 {
            node.kill();
        } else {
            assert!(node.stop().success());
        }
        node.launch();
    }
    let mut stream = follow(&node, last);
    while followed.len() < usize::try_from(ROUNDS * PACKAGES).expect("few") {
        followed.push(next(&mut stream).1);
    }
    let listed = node.get_json("/events?type=package.published&limit=1000");
    assert_eq!(listed["items"].as_array(), Some(&followed));
}
