//! A data folder rolled back to yesterday's copy: numbers are used twice, and still nothing is lost nor stuck.

use crate::support::bytes::{Generated, blake3_hex};
use crate::support::node::{Node, Setup};
use crate::support::{mesh, tools, wait};

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

fn alarms(node: &Node) -> Vec<String> {
    let records = node.get_json("/events?type=node.alarm&limit=1000");
    let codes = records["items"].as_array().expect("items").iter().map(|record| record["data"]["code"].to_string());
    codes.collect()
}

#[track_caller]
fn raises(node: &Node, code: &str) {
    let what = format!("{} raises the alarm {code}", node.name());
    wait::until(&what, mesh::AGREE_WITHIN, || alarms(node).contains(&format!("\"{code}\"")));
}

#[test]
fn a_machine_rolled_back_to_a_snapshot_of_it_running_freezes_nothing_and_is_told_of() {
    let (mut hq, mut branch) = (Node::start("hq"), Node::start("branch"));
    let other = Node::start("other");
    mesh::pair(&hq, &branch, "owner");
    mesh::pair(&hq, &other, "replica");
    branch.put("early.pkg", b"early").expect(201);
    branch.put("x.pkg", b"v1").expect(201);
    mesh::agree(&[&hq, &branch]);
    // The snapshot is of a machine that stands still for a moment, in the middle of its life.
    let pid = branch.pid().expect("it runs");
    tools::signal(pid, "STOP");
    copy(&branch, "data", "snapshot");
    tools::signal(pid, "CONT");
    branch.put("lost.pkg", b"minted after the snapshot").expect(201);
    branch.remove("early.pkg").expect(204);
    branch.put("x.pkg", b"v2").expect(200);
    mesh::agree(&[&hq, &branch, &other]);
    mesh::stored(&hq, "lost.pkg", &blake3_hex(b"minted after the snapshot"));
    mesh::stored(&hq, "x.pkg", &blake3_hex(b"v2"));
    hq.stop();
    branch.kill();
    copy(&branch, "snapshot", "data");
    branch.launch();
    // It can't know yet that these numbers are taken.
    branch.put("twin.pkg", b"a number used twice").expect(201);
    branch.put("twin2.pkg", b"and another").expect(201);
    hq.launch();
    mesh::agree(&[&hq, &branch, &other]);
    raises(&hq, "twin");
    raises(&branch, "rolled_back");
    for round in 0..3 {
        branch.put(&format!("after-{round}.pkg"), &[round]).expect(201);
    }
    mesh::agree(&[&hq, &branch, &other]);
    for node in [&hq, &branch, &other] {
        for (path, bytes) in [
            ("lost.pkg", &b"minted after the snapshot"[..]),
            ("x.pkg", b"v2"),
            ("twin.pkg", b"a number used twice"),
            ("twin2.pkg", b"and another"),
            ("after-2.pkg", &[2]),
        ] {
            mesh::stored(node, path, &blake3_hex(bytes));
        }
        assert!(node.package("early.pkg").is_none(), "removed stays removed on {}", node.name());
    }
}

#[test]
fn two_machines_with_one_key_lose_nothing_and_are_told_of() {
    let hq = Node::start("hq");
    let mut branch = Node::start("branch");
    mesh::pair(&hq, &branch, "publisher");
    branch.put("common.pkg", b"common").expect(201);
    mesh::agree(&[&hq, &branch]);
    branch.stop();
    let mut clone = Node::new(Setup { name: "branch".to_owned(), ..Setup::default() });
    let (from, to) = (branch.data().display().to_string(), clone.data().display().to_string());
    tools::run_well("cp", &["-a", &from, &to], clone.folder());
    branch.launch();
    clone.launch();
    assert_eq!(branch.id(), clone.id());
    // Both use the same numbers before they hear of each other.
    branch.put("of-the-one.pkg", b"of the one").expect(201);
    clone.put("of-the-other.pkg", b"of the other").expect(201);
    mesh::agree(&[&hq, &branch, &clone]);
    raises(&hq, "twin");
    raises(&clone, "rolled_back");
    branch.put("later-one.pkg", b"later, the one").expect(201);
    clone.put("later-other.pkg", b"later, the other").expect(201);
    mesh::agree(&[&hq, &branch, &clone]);
    for (path, bytes) in [
        ("of-the-one.pkg", &b"of the one"[..]),
        ("of-the-other.pkg", b"of the other"),
        ("later-one.pkg", b"later, the one"),
        ("later-other.pkg", b"later, the other"),
    ] {
        for node in [&hq, &branch, &clone] {
            assert!(node.package(path).is_some(), "{path} on {}", node.name());
        }
        mesh::stored(&hq, path, &blake3_hex(bytes));
    }
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
