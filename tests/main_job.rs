//! The main job: bytes put into one node are got, the same to the last, from another.

use crate::support::bytes::{Generated, blake3_hex, sha256_base64, sha256_hex};
use crate::support::node::Node;
use crate::support::{mesh, tools};

#[test]
fn a_package_put_into_one_node_is_got_from_another_and_resumed_in_the_middle() {
    let (hq, branch) = (Node::start("hq"), Node::start("branch"));
    mesh::pair(&hq, &branch, "replica");
    let bytes = Generated::new(1, 9_000_123).all();
    let published = hq.put("apps/Firefox 142.pkg", &bytes).expect(201).json();
    assert_eq!(published["changed"], true);
    assert_eq!(published["package"]["blob"], blake3_hex(&bytes));
    assert_eq!(published["package"]["sha256"], sha256_hex(&bytes));
    assert_eq!(published["package"]["size"], 9_000_123);
    assert_eq!(published["package"]["state"], "stored");
    mesh::stored(&branch, "apps/Firefox 142.pkg", &blake3_hex(&bytes));

    let url = branch.url("/Packages/apps/Firefox%20142.pkg");
    let folder = branch.folder();
    tools::run_well("curl", &["-sS", "-f", "-r", "0-4000000", "-o", "got.pkg", &url], folder);
    tools::run_well("curl", &["-sS", "-f", "-C", "-", "-o", "got.pkg", &url], folder);
    let got = std::fs::read(folder.join("got.pkg")).expect("curl wrote the file");
    assert!(got == bytes, "what curl got, resumed in the middle, is what was put");
}

#[test]
fn every_node_answers_a_download_with_the_same_headers() {
    let (hq, branch) = (Node::start("hq"), Node::start("branch"));
    mesh::pair(&hq, &branch, "replica");
    let bytes = Generated::new(2, 3_000_000).all();
    hq.put("a.pkg", &bytes).expect(201);
    mesh::stored(&branch, "a.pkg", &blake3_hex(&bytes));
    for node in [&hq, &branch] {
        let answer = node.download("a.pkg").expect(200);
        assert!(answer.body == bytes);
        assert_eq!(answer.header("etag"), Some(format!("\"{}\"", blake3_hex(&bytes)).as_str()));
        assert_eq!(answer.header("repr-digest"), Some(format!("sha-256=:{}:", sha256_base64(&bytes)).as_str()));
        assert_eq!(answer.header("content-length"), Some("3000000"));
        assert_eq!(answer.header("accept-ranges"), Some("bytes"));
        assert_eq!(answer.header("transfer-encoding"), None);
    }
    let modified = |node: &Node| node.download("a.pkg").header("last-modified").map(str::to_owned);
    assert!(modified(&hq).is_some());
    assert_eq!(modified(&hq), modified(&branch));
}

#[test]
fn a_replacement_and_a_removal_reach_the_other_node() {
    let (hq, branch) = (Node::start("hq"), Node::start("branch"));
    mesh::pair(&hq, &branch, "replica");
    let (first, second) = (Generated::new(3, 2_000_000).all(), Generated::new(4, 10).all());
    hq.put("a.pkg", &first).expect(201);
    hq.put("gone.pkg", b"soon gone").expect(201);
    mesh::stored(&branch, "a.pkg", &blake3_hex(&first));
    hq.put("a.pkg", &second).expect(200);
    hq.remove("gone.pkg").expect(204);
    mesh::stored(&branch, "a.pkg", &blake3_hex(&second));
    mesh::agree(&[&hq, &branch]);
    assert!(branch.download("a.pkg").expect(200).body == second);
    branch.download("gone.pkg").expect(404);
}

#[test]
fn a_replica_is_refused_as_publisher() {
    let (hq, branch) = (Node::start("hq"), Node::start("branch"));
    mesh::pair(&hq, &branch, "replica");
    branch.put("a.pkg", b"x").expect_problem(403, "not_a_publisher");
    assert!(mesh::listing(&branch).is_empty());
}

#[test]
fn publishing_the_same_again_changes_nothing() {
    let node = Node::start("hq");
    let first = node.put("a.pkg", b"bytes").expect(201).json();
    let head = node.get_json("/node")["log"]["events"].clone();
    let again = node.put("a.pkg", b"bytes").expect(200).json();
    assert_eq!(again["changed"], false);
    assert_eq!(again["package"]["revision"], first["package"]["revision"]);
    assert_eq!(node.get_json("/node")["log"]["events"], head);
}

#[test]
fn an_earlier_revision_is_listed_and_restored() {
    let node = Node::start("hq");
    let first = node.put("a.pkg", b"first").expect(201).json()["package"]["revision"].clone();
    node.put("a.pkg", b"second").expect(200);
    let history = node.get_json("/revisions/a.pkg");
    let changes: Vec<&str> = history["items"]
        .as_array()
        .expect("a list has items")
        .iter()
        .map(|item| item["change"].as_str().expect("a change"))
        .collect();
    assert_eq!(changes, ["published", "published"]);
    node.post_json("/restore", &serde_json::json!({"path": "a.pkg", "revision": first})).expect(200);
    assert_eq!(node.download("a.pkg").expect(200).text(), "first");
}
