//! Clocks that are a year off, either way: nodes talk, order is causal, and nobody's clock locks a path.

use crate::support::bytes::blake3_hex;
use crate::support::node::{Node, Setup};
use crate::support::{mesh, tools};

const LIBRARIES: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"];

/// A node whose clock is off by `offset`, such as `+365d`.
fn node_with_clock(name: &str, offset: &str) -> Option<Node> {
    let library = LIBRARIES.iter().find(|path| std::path::Path::new(path).exists())?;
    let environment = [("LD_PRELOAD", *library), ("FAKETIME", offset), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
    let environment = environment.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    Some(Node::start_with(Setup { name: name.to_owned(), environment, ..Setup::default() }))
}

#[test]
fn nodes_with_clocks_a_year_off_pair_and_a_later_change_wins() {
    let hq = Node::start("hq");
    let (Some(ahead), Some(behind)) = (node_with_clock("ahead", "+365d"), node_with_clock("behind", "-365d")) else {
        return tools::leave_out("clocks a year off", "faketime is not installed");
    };
    mesh::pair(&hq, &ahead, "owner");
    mesh::pair(&hq, &behind, "owner");
    mesh::pair(&ahead, &behind, "owner");
    let nodes = [&hq, &ahead, &behind];
    ahead.put("x.pkg", b"from the future").expect(201);
    mesh::agree(&nodes);
    let said_at = |node: &Node| node.package("x.pkg").expect("a package")["published_at"].as_str().map(str::to_owned);
    let year_ahead: i16 = said_at(&hq).and_then(|text| text[..4].parse().ok()).expect("a year");
    assert!(year_ahead > this_year(), "the clock of `ahead` is {year_ahead}: is faketime at work?");

    behind.put("x.pkg", b"from the past, but later").expect(200);
    mesh::agree(&nodes);
    for node in nodes {
        mesh::stored(node, "x.pkg", &blake3_hex(b"from the past, but later"));
        assert_eq!(node.package("x.pkg").expect("a package")["conflict"], false);
        let answer = node.download("x.pkg").expect(200);
        assert_eq!(answer.text(), "from the past, but later");
    }
    hq.remove("x.pkg").expect(204);
    mesh::agree(&nodes);
    for node in nodes {
        node.download("x.pkg").expect(404);
    }
    behind.put("x.pkg", b"back again").expect(201);
    mesh::agree(&nodes);
    mesh::stored(&ahead, "x.pkg", &blake3_hex(b"back again"));
}

fn this_year() -> i16 {
    let text = tools::run_well("date", &["-u", "+%Y"], std::path::Path::new("/"));
    text.trim().parse().expect("a year")
}
