//! Rot: bytes on disk that changed by themselves are never served as a whole file, and come back from a peer.

use std::path::PathBuf;

use crate::support::bytes::{Generated, blake3_hex};
use crate::support::node::{Node, Setup, flip_byte};
use crate::support::proxy::Proxy;
use crate::support::{mesh, tools, wait};

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

/// Runs `ods scrub --wait`: its exit code, and what it answered.
fn scrub(node: &Node) -> (Option<i32>, serde_json::Value) {
    let output = node.ods(&["scrub", "--wait", "--json"]);
    let view = serde_json::from_slice(&output.stdout).expect("JSON");
    (output.status.code(), view)
}

fn alarms(node: &Node) -> Vec<String> {
    let page = node.get_json("/events?type=node.alarm&limit=1000");
    let items = page["items"].as_array().expect("a list has items").iter();
    items.map(|record| record["data"]["detail"].as_str().expect("an alarm says what").to_owned()).collect()
}

#[test]
fn a_scrub_finds_rot_and_only_the_wrong_piece_is_fetched() {
    let mut hq = Node::new(Setup { name: "hq".to_owned(), ..Setup::default() });
    let proxy = Proxy::before(&hq.address());
    hq.setup().arguments = vec!["--url".to_owned(), proxy.url()];
    hq.launch();
    let branch = Node::start("branch");
    mesh::pair(&hq, &branch, "replica");
    let bytes = Generated::new(3, 20_000_000).all();
    let blob = blake3_hex(&bytes);
    hq.put("mac/a.pkg", &bytes).expect(201);
    mesh::stored(&branch, "mac/a.pkg", &blob);
    assert_eq!(scrub(&branch).0, Some(0), "nothing is wrong yet");
    rot(&branch, &blob, 7_777_777);
    let before = proxy.passed();
    let (code, view) = scrub(&branch);
    assert_eq!((code, &view["damaged"], &view["blobs"]["done"]), (Some(1), &1.into(), &1.into()), "{view}");
    let told = alarms(&branch);
    assert!(told.len() == 1 && told[0].contains("mac/a.pkg") && told[0].contains("piece 7"), "{told:?}");
    mesh::stored(&branch, "mac/a.pkg", &blob);
    let fetched = proxy.passed() - before;
    assert!((1 << 20..2 << 20).contains(&fetched), "one piece of twenty is fetched, not {fetched} bytes");
    assert!(branch.download("mac/a.pkg").expect(200).body == bytes);
    assert_eq!(scrub(&branch).0, Some(0), "it is mended");
}

#[test]
fn a_scrub_is_paced_shown_stopped_and_goes_on_after_a_kill() {
    let mut node = Node::new(Setup { name: "hq".to_owned(), ..Setup::default() });
    node.setup().environment = vec![("ODS_SCRUB_RATE_BYTES_PER_S".to_owned(), "1048576".to_owned())];
    node.launch();
    for seed in 0..30 {
        node.put(&format!("{seed}.pkg"), &Generated::new(seed, 1_000_000).all()).expect(201);
    }
    let view = || node.get_json("/storage/scrub");
    assert_eq!((&view()["state"], &view()["started_at"]), (&"idle".into(), &serde_json::Value::Null));
    let started = node.api("POST", "/storage/scrub").send().expect(202).json();
    assert_eq!((&started["state"], &started["blobs"]["total"]), (&"running".into(), &30.into()));
    wait::until("some blobs are verified and that is written down", wait::SOON, || {
        view()["blobs"]["done"].as_u64() >= Some(8)
    });
    assert!(view()["bytes"]["done"].as_u64() < Some(30_000_000), "at 1 MiB a second it can't be over");
    node.kill();
    node.launch();
    let again = node.get_json("/storage/scrub");
    assert_eq!((&again["state"], &again["started_at"]), (&"running".into(), &started["started_at"]));
    assert!(again["blobs"]["done"].as_u64() >= Some(1), "what was done is not done again: {again}");
    let stopped = node.api("DELETE", "/storage/scrub").send().expect(200).json();
    assert_eq!((&stopped["state"], &stopped["stopped"]), (&"idle".into(), &true.into()));
}

#[test]
fn a_blob_that_cannot_be_read_is_named_and_stands_alone() {
    let mut setup = Setup { name: "hq".to_owned(), ..Setup::default() };
    // Root may read everything; whoever else runs this test is refused as the node would be.
    setup.unprivileged = tools::is_root();
    let node = Node::start_with(setup);
    let bytes = Generated::new(4, 300_000).all();
    node.put("locked.pkg", &bytes).expect(201);
    node.put("open.pkg", b"open").expect(201);
    let file = blob_file(&node, &blake3_hex(&bytes));
    tools::run_well("chmod", &["000", file.to_str().expect("a plain name")], node.folder());
    let answer = node.download("locked.pkg").expect(503);
    assert!(answer.text().contains("can't be read"), "{}", answer.text());
    assert!(node.log().contains(file.to_str().expect("a plain name")), "the log names the file");
    assert_eq!(node.download("open.pkg").expect(200).text(), "open");
    let (code, view) = scrub(&node);
    assert_eq!((code, &view["unreadable"], &view["damaged"]), (Some(1), &1.into(), &0.into()), "{view}");
    assert!(alarms(&node).iter().any(|told| told.contains("locked.pkg") && told.contains("can't be read")));
    tools::run_well("chmod", &["444", file.to_str().expect("a plain name")], node.folder());
    assert!(node.download("locked.pkg").expect(200).body == bytes);
    assert_eq!(scrub(&node).0, Some(0));
}
