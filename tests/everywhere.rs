//! What any node tells of all others: who has a package, who is away, and when a push has arrived everywhere.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::bytes::Generated;
use crate::support::node::Node;
use crate::support::{mesh, tools, wait};

const SOON: Duration = Duration::from_mins(1);

/// `west` and `east` are linked with `middle` only.
fn line() -> [Node; 3] {
    let nodes = ["west", "middle", "east"].map(Node::start);
    let [west, middle, east] = &nodes;
    mesh::pair(west, middle, "owner");
    mesh::agree(&[west, middle]);
    mesh::pair(middle, east, "replica");
    mesh::agree(&[west, middle, east]);
    nodes
}

#[expect(clippy::disallowed_methods, reason = "a test writes its own input")]
fn write(node: &Node, name: &str, bytes: &[u8]) -> String {
    let file = node.folder().join(name);
    std::fs::write(&file, bytes).expect("a file to push");
    file.to_str().expect("UTF-8").to_owned()
}

fn find<'a>(items: &'a Value, key: &str, id: &str) -> &'a Value {
    let mut rows = items.as_array().expect("a list").iter();
    rows.find(|row| row[key].as_str() == Some(id)).unwrap_or(&Value::Null)
}

fn member(at: &Node, of: &str) -> Value {
    find(&at.get_json("/mesh")["items"], "id", of).clone()
}

fn holder(at: &Node, path: &str, of: &str) -> Value {
    find(&at.get_json(&format!("/replication/{path}"))["items"], "node", of).clone()
}

#[test]
fn a_push_waits_until_every_node_has_it_and_every_node_knows() {
    let [west, middle, east] = line();
    let file = write(&west, "Tool.pkg", &Generated::new(7, 20 << 20).all());
    let said = west.ods_well(&["push", &file, "--wait", "--timeout", "5m"]);
    assert!(said.contains("every node that wants it has it (3)"), "{said}");
    for node in [&west, &middle, &east] {
        assert_eq!(node.package("Tool.pkg").expect("listed")["state"], "stored", "{} has it", node.name());
        wait::until("every node knows that all have it", SOON, || {
            node.get_json("/replication/Tool.pkg")["complete"] == Value::Bool(true)
        });
    }
    let told = || {
        let records = west.get_json("/events?limit=1000")["items"].as_array().cloned().unwrap_or_default();
        records.iter().filter(|record| record["type"] == "package.replicated").count()
    };
    wait::until("west tells it", SOON, || told() > 0);
    assert_eq!(told(), 1);
    // East says that it has the package, middle that it reaches east: west may hear the one before the other.
    let id = east.id();
    wait::until_equal("west shows east as it is", SOON, &json!(["east", "replica", "up", 0, 0]), || {
        let seen = member(&west, &id);
        json!([seen["name"], seen["role"], seen["state"], seen["behind"]["events"], seen["behind"]["bytes"]])
    });
    let measured = || member(&west, &id)["clock_ahead_ms"].as_i64();
    let skew = wait::until_some("its clock is measured along two links", SOON, measured);
    let seen = member(&west, &id);
    assert!(seen["storage"]["free"].as_u64() > Some(0) && seen["version"].is_string(), "{seen}");
    assert!(skew.abs() < 5_000, "one machine, one clock: {skew} ms");
    assert!(west.ods_well(&["mesh"]).contains("east") && west.ods_well(&["mesh", "--links"]).contains("connected"));
    assert!(west.ods_well(&["status"]).contains("east"));
    assert!(east.ods_well(&["show", "--nodes", "Tool.pkg"]).contains("verified"));
}

/// That it is quick is measured in simulated time; here one of some stops must be heard, however busy the machine is, and no stop
/// may wait for a peer that hangs.
#[test]
fn a_node_that_is_stopped_tells_its_peers_and_waits_for_none_that_hangs() {
    let [west, mut middle, east] = line();
    let (id, hung) = (middle.id(), east.pid());
    let hung = hung.expect("it runs");
    let downs = || {
        let mut records = west.get_json("/events?limit=1000")["items"].as_array().cloned().unwrap_or_default();
        records.retain(|record| record["type"] == "peer.down");
        records
    };
    for turn in 1..=3 {
        wait::until("west reaches middle", SOON, || member(&west, &id)["state"] == "up");
        tools::signal(hung, "STOP");
        let stopping = Instant::now();
        assert!(middle.stop().success());
        let took = stopping.elapsed();
        tools::signal(hung, "CONT");
        assert!(took < Duration::from_secs(15), "it waited for a peer that hangs: {took:?}");
        wait::until("west shows it as down", SOON, || downs().len() >= turn);
        if downs().iter().any(|record| record["data"]["reason"] == "it said that it stops") {
            return;
        }
        middle.launch();
    }
    panic!("no goodbye was heard");
}

#[test]
fn a_node_that_is_away_is_named_with_the_reason() {
    let [west, middle, mut east] = line();
    // Asked for while it is there to tell.
    let (id, of_middle) = (east.id(), middle.id());
    // It counts as down until middle has told that it reaches it: that isn't the down that is waited for below.
    wait::until("east has said who it is, and middle that it is there", SOON, || {
        let seen = member(&west, &id);
        (&seen["name"], &seen["state"]) == (&"east".into(), &"up".into())
    });
    east.kill();
    wait::until("west hears that middle lost east", SOON, || member(&west, &id)["state"] == "down");
    let file = write(&west, "Late.pkg", b"late");
    let output = west.ods(&["push", &file, "--wait", "--timeout", "1s"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("east") && said.contains("no node reaches it"), "{said}");
    // A file that was refused is told of before the wait for the others ends badly, and is what the command ends with.
    let taken = write(&west, "Taken.pkg", b"taken");
    west.ods_well(&["push", &taken]);
    let (taken, next) = (write(&west, "Taken.pkg", b"other"), write(&west, "Next.pkg", b"next"));
    let output = west.ods(&["push", &taken, &next, "--only-if-new", "--wait", "--timeout", "1s"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("Taken.pkg: ") && said.contains("not everywhere yet"), "{said}");
    assert!(said.contains("1 of 2 files were not published"), "{said}");
    assert_eq!(holder(&west, "Late.pkg", &id)["state"], "unreachable");
    let missing = west.get_json(&format!("/mesh/{id}/missing"));
    let lacked = find(&missing["items"], "path", "Late.pkg");
    assert_eq!((&lacked["state"], &missing["complete"]), (&"unreachable".into(), &true.into()), "{missing}");
    assert_eq!((lacked["bytes_missing"].as_u64(), &missing["state"]), (Some(4), &"down".into()), "{missing}");
    assert!(west.ods_well(&["mesh", "--missing", "east"]).contains("no node reaches it"));
    wait::until("middle has it", SOON, || holder(&west, "Late.pkg", &of_middle)["state"] == "stored");
    east.launch();
    wait::until("east has it", SOON, || holder(&west, "Late.pkg", &id)["state"] == "stored");
    // Middle says so in a state of its own.
    wait::until("west hears that middle has east again", SOON, || member(&west, &id)["state"] == "up");
    assert_eq!(west.ods_well(&["mesh", "--missing", "east"]).trim(), "it lacks nothing");
}

#[test]
fn limits_hold_for_bytes_while_news_go_at_once() {
    let (west, east) = (Node::start("west"), Node::start("east"));
    let said = west.ods_well(&["limit", "--up", "400kB", "--window", "daily 00:00-24:00 up=500kB"]);
    assert!(said.contains("500 kB a second"), "{said}");
    mesh::pair(&west, &east, "owner");
    mesh::agree(&[&west, &east]);
    let file = Generated::new(3, 3_000_000).all();
    let began = Instant::now();
    west.put("slow.pkg", &file).expect(201);
    let moving = |node: &Node, direction: &str| {
        let items = node.get_json("/transfers")["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().find(|item| item["direction"] == direction && item["path"] == "slow.pkg")
    };
    wait::until("west shows what it sends", SOON, || {
        moving(&west, "out").is_some_and(|item| item["peer"] == Value::String(east.id()))
    });
    wait::until("east shows what it fetches, and from whom", SOON, || {
        moving(&east, "in").is_some_and(|item| item["sources"][0] == Value::String(west.id()))
    });
    assert!(east.ods_well(&["transfers"]).contains("slow.pkg"));
    west.put("news.txt", b"").expect(201);
    wait::until("the news is there", SOON, || east.package("news.txt").is_some());
    assert_ne!(east.package("slow.pkg").expect("listed")["state"], "stored", "news overtook the bytes");
    wait::until("all of it is there", SOON, || east.package("slow.pkg").expect("listed")["state"] == "stored");
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(5_400), "3 MB at 500 kB a second: {took:?}");
    west.ods_well(&["limit", "--no-windows", "--up", "none"]);
    assert_eq!(west.get_json("/node")["limits"]["up_bytes_per_s"], Value::Null);
    let refused = west.ods(&["limit", "--up", "1kB"]);
    assert!(!refused.status.success(), "too slow for a piece ever to arrive");
}
