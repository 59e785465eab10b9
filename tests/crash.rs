//! `kill -9` at any moment: every package that was acknowledged is there afterwards, whole, and nothing half is shown.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;

use crate::support::bytes::{Choices, Generated, blake3_hex};
use crate::support::http::Request;
use crate::support::node::Node;
use crate::support::{mesh, wait};

const ROUNDS: u64 = 6;

/// What the node acknowledged: a path and the bytes it must now have.
type Acknowledged = Mutex<Vec<(String, Generated)>>;

#[test]
fn uploads_and_commits_survive_kill_9() {
    let mut choices = Choices::new(20_261_122);
    let mut node = Node::start("hq");
    let acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        let pause = Duration::from_millis(50 + choices.below(500));
        upload_until_killed(&mut node, round, pause, &acknowledged);
        node.launch();
        for (path, file) in acknowledged.lock().expect("no upload panicked").iter() {
            assert!(node.download(path).expect(200).body == file.all(), "{path} after round {round}");
        }
    }
    let count = acknowledged.lock().expect("no upload panicked").len();
    println!("{count} acknowledged packages, {ROUNDS} kills, 0 lost");
    assert!(count > 0, "nothing was acknowledged: the rounds are too short");
}

/// Three clients upload as fast as they can until the node is gone.
fn upload_until_killed(node: &mut Node, round: u64, pause: Duration, acknowledged: &Acknowledged) {
    let (address, token) = (node.address(), node.token());
    let upload = |client: u64| {
        for index in 0.. {
            let path = format!("{client}/{round}-{index}.pkg");
            let file = Generated::new(client * 1_000_000 + round * 1000 + index, 1 + (index * 397_981) % 2_500_000);
            let target = format!("/api/v1/packages/{path}");
            let request = Request::new(&address, "PUT", &target).bearer(&token);
            match request.body(&file.all()).try_send() {
                Ok(answer) => {
                    answer.expect(201);
                    acknowledged.lock().expect("no upload panicked").push((path, file));
                }
                Err(_) => return,
            }
        }
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3).map(|client| scope.spawn(move || upload(client))).collect();
        wait::pause(pause);
        node.kill();
        for client in clients {
            client.join().expect("a client of the test");
        }
    });
}

#[test]
fn an_upload_cut_by_kill_9_leaves_nothing() {
    let mut node = Node::start("hq");
    node.put("there.pkg", b"there").expect(201);
    let mut exchange = node.api("PUT", "/packages/half.pkg").open(Some("8000000")).expect("a connection");
    exchange.write(&Generated::new(5, 5_000_000).all()).expect("the node reads");
    node.kill();
    drop(exchange);
    node.launch();
    assert!(node.package("half.pkg").is_none());
    assert_eq!(node.get_json("/node")["storage"]["blobs"], 1);
    let incoming = std::fs::read_dir(node.data().join("incoming")).map_or(0, Iterator::count);
    assert_eq!(incoming, 0, "a restart clears what no upload will finish");
    assert_eq!(node.download("there.pkg").expect(200).text(), "there");
}

#[test]
fn a_fetch_resumes_after_kill_9_of_either_side() {
    let mut choices = Choices::new(7_041_776);
    let (mut hq, mut branch) = (Node::start("hq"), Node::start("branch"));
    mesh::pair(&hq, &branch, "replica");
    for round in 0..4 {
        let path = format!("big-{round}.dmg");
        let bytes = Generated::new(100 + round, 48_000_000 + round).all();
        hq.put(&path, &bytes).expect(201);
        wait::pause(Duration::from_millis(choices.below(400)));
        let victim = if round % 2 == 0 { &mut branch } else { &mut hq };
        victim.kill();
        victim.launch();
        mesh::stored(&branch, &path, &blake3_hex(&bytes));
        assert!(branch.download(&path).expect(200).body == bytes, "{path} is whole");
    }
}

#[test]
fn an_orderly_stop_ends_well_and_loses_nothing() {
    let mut node = Node::start("hq");
    node.put("a.pkg", b"a").expect(201);
    let status = node.stop();
    assert!(status.success(), "SIGTERM ends with {status}");
    node.launch();
    assert_eq!(node.download("a.pkg").expect(200).text(), "a");
}

/// Bytes that a node sent to peers so far.
fn sent_to_peers(node: &Node) -> u64 {
    let text = node.request("GET", "/metrics").send().expect(200).text();
    let line = text.lines().find_map(|line| line.strip_prefix("ods_http_response_bytes_total{area=\"peers\"} "));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

/// What was written down before the kill isn't sent again; `.ci/bench cuts` does it with 2 GB and a fast wire.
#[test]
fn a_fetch_that_is_killed_goes_on_where_it_was() {
    const RATE: u64 = 8_000_000;
    const KILLED_AT: u64 = 56_000_000;
    let (hq, mut branch) = (Node::start("hq"), Node::start("branch"));
    mesh::pair(&hq, &branch, "replica");
    let limits = json!({"down_bytes_per_s": null, "up_bytes_per_s": RATE, "windows": [], "time_zone": null});
    hq.api("PATCH", "/node").json(&json!({ "limits": limits })).send().expect(200);
    let bytes = Generated::new(7, 72_000_000).all();
    let before = sent_to_peers(&hq);
    hq.put("large.pkg", &bytes).expect(201);
    wait::until("most of it is sent", wait::SOON, || sent_to_peers(&hq) > before + KILLED_AT);
    branch.kill();
    branch.launch();
    mesh::stored(&branch, "large.pkg", &blake3_hex(&bytes));
    assert!(branch.download("large.pkg").expect(200).body == bytes);
    let twice = (sent_to_peers(&hq) - before).saturating_sub(bytes.len() as u64);
    // It is written down every two seconds, which a busy machine may make four; beginning anew would send seven twice.
    println!("{twice} bytes were sent twice");
    assert!(twice < 4 * RATE + (4 << 20), "{twice} bytes were sent twice");
}
