//! Rot: bytes on disk that changed by themselves are never served as a whole file, and come back from a peer.

use std::path::PathBuf;

use crate::support::bytes::{Generated, blake3_hex};
use crate::support::node::{Node, flip_byte};
use crate::support::{mesh, tools};

fn blob_file(node: &Node, blob: &str) -> PathBuf {
    node.data().join("blobs").join(&blob[..2]).join(blob)
}

/// Changes one byte of a sealed blob behind the node's back.
fn rot(node: &Node, blob: &str, offset: u64) {
    let file = blob_file(node, blob);
    tools::run_well("chmod", &["u+w", file.to_str().expect("a plain name")], node.folder());
    flip_byte(&file, offset);
}

#[test]
fn rotten_bytes_are_not_served_and_are_mended_from_a_peer() {
    let (hq, branch) = (Node::start("hq"), Node::start("branch"));
    mesh::pair(&hq, &branch, "replica");
    let bytes = Generated::new(1, 5_000_000).all();
    let blob = blake3_hex(&bytes);
    hq.put("a.pkg", &bytes).expect(201);
    mesh::stored(&branch, "a.pkg", &blob);
    assert!(branch.download("a.pkg").expect(200).body == bytes);
    rot(&branch, &blob, 3_333_333);
    // Served from what is left and fetched again, cut short, or 503: anything but wrong bytes.
    let answer = branch.request("GET", "/Packages/a.pkg").try_send();
    assert!(
        answer.is_err() || answer.is_ok_and(|got| got.status == 503 || got.body == bytes),
        "wrong bytes were served"
    );
    mesh::stored(&branch, "a.pkg", &blob);
    assert!(branch.download("a.pkg").expect(200).body == bytes);
}

#[test]
fn a_lone_node_says_that_it_lost_bytes() {
    let node = Node::start("hq");
    let bytes = Generated::new(2, 100_000).all();
    node.put("a.pkg", &bytes).expect(201);
    rot(&node, &blake3_hex(&bytes), 5);
    let answer = node.request("GET", "/Packages/a.pkg").try_send();
    assert!(answer.is_err() || answer.is_ok_and(|got| got.status == 503), "wrong bytes were served");
    let events = node.get_json("/events?limit=1000").to_string();
    assert!(events.contains("node.alarm"), "{events}");
    assert_ne!(node.package("a.pkg").expect("still in the catalog")["state"], "stored");
    node.put("a.pkg", &bytes);
    assert!(node.download("a.pkg").expect(200).body == bytes, "putting it again mends it");
}
