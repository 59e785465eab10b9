//! A data folder rolled back to yesterday's copy: numbers are used twice, and still nothing is lost nor stuck.

use crate::support::bytes::{Generated, blake3_hex};
use crate::support::node::Node;
use crate::support::{mesh, tools};

/// "Stop, then copy": the whole data folder.
fn copy(node: &Node, from: &str, to: &str) {
    tools::run_well("rm", &["-rf", to], node.folder());
    tools::run_well("cp", &["-a", from, to], node.folder());
}

#[test]
fn a_node_rolled_back_to_yesterday_gets_today_back_and_its_new_changes_count() {
    let hq = Node::start("hq");
    let mut branch = Node::start("branch");
    mesh::pair(&hq, &branch, "owner");
    branch.put("yesterday.pkg", b"yesterday").expect(201);
    branch.put("x.pkg", b"v1").expect(201);
    mesh::agree(&[&hq, &branch]);
    branch.stop();
    copy(&branch, "data", "yesterday");

    branch.launch();
    let today = Generated::new(1, 2_500_000).all();
    branch.put("today.pkg", &today).expect(201);
    branch.put("x.pkg", b"v2").expect(200);
    branch.remove("yesterday.pkg").expect(204);
    mesh::agree(&[&hq, &branch]);
    // What nobody else has is gone with the folder; so all of it is waited for.
    mesh::stored(&hq, "today.pkg", &blake3_hex(&today));
    mesh::stored(&hq, "x.pkg", &blake3_hex(b"v2"));
    branch.stop();

    copy(&branch, "yesterday", "data");
    branch.launch();
    branch.put("after.pkg", b"after the roll-back").expect(201);
    mesh::agree(&[&hq, &branch]);
    for node in [&hq, &branch] {
        mesh::stored(node, "after.pkg", &blake3_hex(b"after the roll-back"));
        mesh::stored(node, "today.pkg", &blake3_hex(&today));
        mesh::stored(node, "x.pkg", &blake3_hex(b"v2"));
        assert!(node.package("yesterday.pkg").is_none(), "removed stays removed on {}", node.name());
    }
    branch.put("x.pkg", b"v3").expect(200);
    mesh::agree(&[&hq, &branch]);
    mesh::stored(&hq, "x.pkg", &blake3_hex(b"v3"));
}

#[test]
fn a_stopped_nodes_copy_is_a_backup() {
    let mut node = Node::start("hq");
    let bytes = Generated::new(2, 3_000_000).all();
    node.put("a.pkg", &bytes).expect(201);
    let id = node.id();
    node.stop();
    copy(&node, "data", "backup");
    tools::run_well("rm", &["-rf", "data"], node.folder());
    copy(&node, "backup", "data");
    node.launch();
    assert_eq!(node.id(), id);
    assert!(node.download("a.pkg").expect(200).body == bytes);
}
