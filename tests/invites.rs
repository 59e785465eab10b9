//! Invites: one use, one hour, one node.

use std::time::Duration;

use serde_json::json;

use crate::support::mesh;
use crate::support::node::Node;
use crate::support::{tools, wait};

#[test]
fn an_invite_admits_one_node_and_refuses_the_next() {
    let (hq, branch, stranger) = (Node::start("hq"), Node::start("branch"), Node::start("stranger"));
    let line = mesh::invite(&hq, "replica");
    mesh::join(&branch, &line).expect(201);
    mesh::join(&stranger, &line).expect_problem(409, "invite_used");
    // The same node again: the same answer, since the first one may have got lost.
    let again = mesh::join(&branch, &line).status;
    assert!(matches!(again, 200 | 201), "{again}");
    assert_ne!(stranger.get_json("/node")["root"], hq.get_json("/node")["root"]);
}

#[test]
fn an_expired_invite_is_refused() {
    let (hq, branch) = (Node::start("hq"), Node::start("branch"));
    let body = json!({"role": "replica", "prefixes": [], "expires_in_s": 1});
    let line = hq.post_json("/invites", &body).expect(201).json()["invite"].as_str().expect("a line").to_owned();
    let id = |node: &Node| node.get_json("/invites")["items"][0]["state"].as_str().map(str::to_owned);
    wait::until_equal("the invite expires", Duration::from_secs(10), &Some("expired".to_owned()), || id(&hq));
    mesh::join(&branch, &line).expect_problem(409, "invite_expired");
}

#[test]
fn an_invite_of_a_node_that_is_not_there_is_an_error_that_says_so() {
    let (mut hq, branch) = (Node::start("hq"), Node::start("branch"));
    let line = mesh::invite(&hq, "replica");
    hq.kill();
    let problem = mesh::join(&branch, &line).expect_problem(503, "node_unreachable");
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains(&hq.port().to_string())), "{problem}");
    hq.launch();
    mesh::join(&branch, &line).expect(201);
}

#[test]
fn an_invite_of_another_node_on_the_same_address_is_refused() {
    let (mut hq, branch) = (Node::start("hq"), Node::start("branch"));
    let line = mesh::invite(&hq, "replica");
    hq.kill();
    tools::rename(hq.data(), &hq.folder().join("aside"));
    hq.launch();
    let answer = mesh::join(&branch, &line);
    assert!((400..600).contains(&answer.status) && answer.status != 500, "{}", answer.text());
    assert_eq!(branch.get_json("/peers")["items"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_line_that_is_no_invite_is_refused() {
    let branch = Node::start("branch");
    let hq = Node::start("hq");
    let line = mesh::invite(&hq, "replica");
    let cut = line[..line.len() - 4].to_owned();
    let mut bent = line.clone().into_bytes();
    let middle = bent.len() / 2;
    bent[middle] = if bent[middle] == b'a' { b'b' } else { b'a' };
    for bad in [String::new(), "hello".to_owned(), cut, String::from_utf8(bent).expect("ASCII"), "x".repeat(100_000)] {
        let answer = mesh::join(&branch, &bad);
        assert!(matches!(answer.status, 400 | 403 | 404 | 409 | 413 | 422), "{}: {}", answer.status, answer.text());
    }
    mesh::join(&branch, &line).expect(201);
}

#[test]
fn a_node_with_packages_of_its_own_cannot_become_a_replica() {
    let (hq, branch) = (Node::start("hq"), Node::start("branch"));
    branch.put("own.pkg", b"x").expect(201);
    mesh::join(&branch, &mesh::invite(&hq, "replica")).expect_problem(409, "replica_has_events");
    assert_eq!(branch.download("own.pkg").expect(200).text(), "x");
}
