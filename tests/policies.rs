//! Which packages' bytes a node keeps, and that its clients get all of them: while they arrive, many at once, and whoever
//! of those that send them goes away.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bad_peers::pair_through_a_proxy;
use crate::support::bytes::{Generated, blake3_hex};
use crate::support::node::Node;
use crate::support::proxy::Proxy;
use crate::support::{mesh, wait};

const SOON: Duration = Duration::from_mins(2);
const MIB: u64 = 1 << 20;

#[track_caller]
fn set(node: &Node, policy: &Value) {
    let answer = node.api("PATCH", "/node").json(&json!({"policy": policy})).send().expect(200).json();
    assert_eq!(answer["policy"]["mode"], policy["mode"]);
}

fn on_demand(bytes_max: u64) -> Value {
    json!({"mode": "on-demand", "bytes_max": bytes_max})
}

/// Nothing while the catalog has no such package.
fn state(node: &Node, path: &str) -> String {
    let package = node.package(path);
    package.and_then(|package| Some(package["state"].as_str()?.to_owned())).unwrap_or_default()
}

#[track_caller]
fn until_state(node: &Node, path: &str, expected: &str) {
    let what = format!("{path} is {expected} on {}", node.name());
    wait::until_equal(&what, SOON, &expected.to_owned(), || state(node, path));
}

fn limit_up(node: &Node, bytes_per_s: u64) {
    let limits = json!({"down_bytes_per_s": null, "up_bytes_per_s": bytes_per_s, "windows": [], "time_zone": null});
    node.api("PATCH", "/node").json(&json!({"limits": limits})).send().expect(200);
}

/// A download under way: how long its first byte took, and the rest to read.
fn begin(node: &Node, path: &str) -> (Duration, Box<dyn FnOnce() -> Vec<u8> + Send>) {
    let began = Instant::now();
    let request = node.request("GET", &format!("/Packages/{path}"));
    let mut exchange = request.open(None).expect("it is connected");
    let (status, _) = exchange.head().expect("an answer");
    assert_eq!(status, 200, "{path} from {}", node.name());
    let mut first = [0];
    exchange.reader().read_exact(&mut first).expect("a first byte");
    let rest = move || {
        let mut bytes = first.to_vec();
        exchange.reader().read_to_end(&mut bytes).expect("all bytes");
        bytes
    };
    (began.elapsed(), Box::new(rest))
}

/// An owner that keeps all, behind a proxy, and a replica that keeps what is asked for.
fn pair_on_demand(bytes_max: u64) -> (Node, Node, Proxy) {
    let (hq, proxy, branch) = pair_through_a_proxy();
    set(&branch, &on_demand(bytes_max));
    (hq, branch, proxy)
}

#[test]
fn a_hundred_clients_get_a_package_that_is_not_kept_while_it_arrives_once() {
    let (hq, branch, proxy) = pair_on_demand(1 << 30);
    let file = Generated::new(1, 24 * MIB);
    let bytes = file.all();
    hq.put("big.pkg", &bytes).expect(201);
    until_state(&branch, "big.pkg", "remote");
    assert_eq!(branch.get_json("/node")["wants"]["count"], 0);
    limit_up(&hq, 4 * MIB);
    let before = proxy.passed();
    let (first_byte, rest) = begin(&branch, "big.pkg");
    assert_ne!(state(&branch, "big.pkg"), "stored", "the first byte came in {first_byte:?}, before all had");
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..99).map(|_| scope.spawn(|| begin(&branch, "big.pkg").1())).collect();
        assert!(rest() == bytes, "the first client's bytes are right");
        for other in others {
            assert!(other.join().expect("no panic") == bytes, "every client's bytes are right");
        }
    });
    until_state(&branch, "big.pkg", "stored");
    let sent = proxy.passed() - before;
    assert!(sent < file.size + 4 * MIB, "{sent} bytes came over the line for {} that all share", file.size);
    assert!(branch.download("big.pkg").expect(200).body == bytes, "kept for those who come next");
}

#[test]
fn a_source_that_dies_in_mid_stream_is_replaced_and_the_client_sees_nothing() {
    let (mut hq, spare, branch) = (Node::start("hq"), Node::start("spare"), Node::start("branch"));
    mesh::pair(&hq, &spare, "owner");
    mesh::agree(&[&hq, &spare]);
    mesh::pair(&hq, &branch, "replica");
    mesh::agree(&[&hq, &spare, &branch]);
    mesh::pair(&spare, &branch, "replica");
    set(&branch, &on_demand(1 << 30));
    let bytes = Generated::new(2, 32 * MIB).all();
    let blob = blake3_hex(&bytes);
    hq.put("big.pkg", &bytes).expect(201);
    mesh::stored(&spare, "big.pkg", &blob);
    until_state(&branch, "big.pkg", "remote");
    limit_up(&hq, 4 * MIB);
    limit_up(&spare, 4 * MIB);
    let (_, rest) = begin(&branch, "big.pkg");
    let client = std::thread::spawn(rest);
    let missing = || branch.get_json("/node")["wants"]["count"].as_u64();
    assert_eq!(missing(), Some(1), "it is still coming");
    hq.kill();
    assert!(client.join().expect("the client sees nothing of it") == bytes);
    until_state(&branch, "big.pkg", "stored");
}

#[test]
fn a_package_that_nobody_can_send_is_503_and_comes_when_somebody_can() {
    let (mut hq, branch, _proxy) = pair_on_demand(1 << 30);
    hq.put("big.pkg", &Generated::new(3, 3 * MIB).all()).expect(201);
    until_state(&branch, "big.pkg", "remote");
    hq.kill();
    let began = Instant::now();
    let answer = branch.download("big.pkg").expect(503);
    assert!(answer.header("Retry-After").is_some_and(|after| after.parse::<u64>().is_ok()), "a client may come back");
    assert!(began.elapsed() >= Duration::from_secs(9), "it was waited for");
    assert_eq!(state(&branch, "big.pkg"), "wanted", "a client asked for it");
    hq.launch();
    until_state(&branch, "big.pkg", "stored");
}

#[test]
fn what_was_used_longest_ago_goes_first() {
    let (hq, branch, _proxy) = pair_on_demand(9 * MIB);
    for (seed, name) in (40..).zip(["a.pkg", "b.pkg", "c.pkg"]) {
        hq.put(name, &Generated::new(seed, 4 * MIB).all()).expect(201);
        until_state(&branch, name, "remote");
    }
    for name in ["a.pkg", "b.pkg", "a.pkg"] {
        branch.download(name).expect(200);
        until_state(&branch, name, "stored");
    }
    branch.download("c.pkg").expect(200);
    until_state(&branch, "b.pkg", "remote");
    assert_eq!((state(&branch, "a.pkg"), state(&branch, "c.pkg")), ("stored".to_owned(), "stored".to_owned()));
    let told = branch.get_json("/events?type=storage.evicted&limit=10");
    assert_eq!(told["items"][0]["data"]["blobs"], 1, "{told}");
    wait::until("the storage says what it is about", SOON, || {
        branch.get_json("/storage")["policy"]["mode"] == "on-demand"
    });
    branch.download("b.pkg").expect(200);
    until_state(&branch, "a.pkg", "remote");
}

#[test]
fn a_changed_policy_moves_the_node_to_it_and_back() {
    let (hq, branch) = (Node::start("hq"), Node::start("branch"));
    mesh::pair(&hq, &branch, "replica");
    let names = ["mac/x.pkg", "win/x.msi", "any.deb"];
    for (seed, name) in (50..).zip(names) {
        let bytes = Generated::new(seed, 2 * MIB + seed).all();
        let tag = if name == "any.deb" { "prod" } else { "beta" };
        hq.api("PUT", &format!("/packages/{name}?tag={tag}")).body(&bytes).send().expect(201);
        mesh::stored(&branch, name, &blake3_hex(&bytes));
    }
    let said = branch.ods_well(&["policy", "selected", "--path", "mac/*", "--tag", "prod"]);
    assert!(said.contains("mac/*") && said.contains("prod"), "{said}");
    until_state(&branch, "win/x.msi", "remote");
    assert_eq!((state(&branch, "mac/x.pkg"), state(&branch, "any.deb")), ("stored".to_owned(), "stored".to_owned()));
    let holder = || {
        let items = hq.get_json("/replication/win/x.msi")["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().find(|item| item["node"] == branch.id().as_str()).unwrap_or_default()
    };
    wait::until("hq says why branch hasn't got it", SOON, || holder()["state"] == "remote");
    assert!(holder()["reason"].as_str().is_some_and(|reason| reason.contains("policy")), "{}", holder());
    let seen = hq.get_json("/mesh")["items"].as_array().cloned().unwrap_or_default();
    assert!(seen.iter().any(|node| node["id"] == branch.id().as_str() && node["policy"] == "selected"), "{seen:?}");
    let audit = branch.get_json("/audit?action=node.changed&limit=1")["items"][0].clone();
    assert_eq!((&audit["subject"], &audit["after"]["mode"]), (&json!("policy"), &json!("selected")), "{audit}");
    set(&branch, &json!({"mode": "all"}));
    until_state(&branch, "win/x.msi", "stored");
    assert!(branch.ods_well(&["status"]).contains("all packages"));
    assert_eq!(state(&hq, "win/x.msi"), "stored", "an owner that nobody else replaces never lets go");
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let node = Node::start("hq");
    for bad in [
        json!({"mode": "selected"}),
        json!({"mode": "selected", "paths": ["[a"]}),
        json!({"mode": "selected", "tags": ["a,b"]}),
        json!({"mode": "on-demand"}),
        json!({"mode": "all", "bytes_max": 5}),
    ] {
        let problem = node.api("PATCH", "/node").json(&json!({"policy": bad})).send().expect_problem(422, "invalid");
        assert_eq!(problem["field"], "policy", "{problem}");
    }
    for bad in [json!({"mode": "some"}), json!({}), json!("all"), json!({"mode": "all", "colour": 1})] {
        let answer = node.api("PATCH", "/node").json(&json!({"policy": bad})).send();
        assert!((400..500).contains(&answer.status), "{bad}: {}", answer.text());
    }
    assert_eq!(node.get_json("/node")["policy"], json!({"mode": "all", "paths": [], "tags": [], "bytes_max": null}));
    let output = node.ods(&["policy", "on-demand"]);
    assert!(
        output.status.code() == Some(2) && String::from_utf8_lossy(&output.stderr).contains("--bytes-max"),
        "{output:?}"
    );
}
