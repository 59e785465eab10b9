//! Uploads that must not succeed: each is refused in words, stores nothing, and leaves the node as it was.

use crate::support::bytes::{Generated, blake3_hex, sha256_base64};
use crate::support::http::{Response, encode_path};
use crate::support::node::Node;
use crate::support::{mesh, wait};

/// The node holds no package, no blob beyond `blobs`, and no half of an upload.
fn assert_nothing_stored(node: &Node, blobs: u64) {
    assert_eq!(node.get_json("/node")["storage"]["blobs"], blobs);
    wait::until("incoming is empty", wait::SOON, || files_below(&node.data().join("incoming")) == 0);
}

fn files_below(folder: &std::path::Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 }).sum()
}

#[test]
fn a_path_that_climbs_or_is_malformed_is_refused() {
    let node = Node::start("hq");
    let long = "x".repeat(2000);
    let bad = [
        "../x.pkg",
        "a/../../x.pkg",
        "a/..",
        "..",
        ".",
        "a/./b",
        "%2e%2e/x.pkg",
        "a/%2E%2E/x",
        "a%2F..%2Fx",
        "%2e%2e%2fx",
        "a//b",
        "a/",
        "%2Fetc%2Fpasswd",
        "a%00b",
        "a%0Ab",
        "a%5Cb",
        "..%5Cx",
        "%C0%AE%C0%AE/x",
        "%FF",
        &long,
    ];
    for path in bad {
        for method in ["PUT", "GET", "DELETE"] {
            let answer = node.api(method, &format!("/packages/{path}")).body(b"x").send();
            assert!(matches!(answer.status, 400 | 404 | 422), "{method} {path}: {} {}", answer.status, answer.text());
            assert!(method != "PUT" || answer.status != 404 || path.is_empty(), "PUT {path} is not an unknown package");
        }
        let answer = node.request("GET", &format!("/Packages/{path}")).send();
        assert!(matches!(answer.status, 400 | 404), "GET /Packages/{path}: {}", answer.status);
    }
    assert!(mesh::listing(&node).is_empty());
    assert_nothing_stored(&node, 0);
}

#[test]
fn an_encoded_slash_is_a_slash_in_the_api_and_unknown_among_downloads() {
    let node = Node::start("hq");
    node.api("PUT", "/packages/mac%2Fapps%2Fx.pkg").body(b"x").send().expect(201);
    assert_eq!(mesh::listing(&node), [("mac/apps/x.pkg".to_owned(), blake3_hex(b"x"))]);
    node.request("GET", "/Packages/mac/apps/x.pkg").send().expect(200);
    node.request("GET", "/Packages/mac%2Fapps%2Fx.pkg").send().expect(404);
}

#[test]
fn a_body_shorter_than_said_stores_nothing() {
    let node = Node::start("hq");
    let request = node.api("PUT", "/packages/short.pkg");
    let mut exchange = request.open(Some("3000000")).expect("a connection");
    exchange.write(&Generated::new(1, 2_000_000).all()).expect("the node reads");
    exchange.finish_writing().expect("a half-closed connection");
    // Whether the node still answers is its choice; what it answers is not.
    if let Ok(answer) = exchange.answer() {
        assert!((400..500).contains(&answer.status), "{}: {}", answer.status, answer.text());
    }
    assert!(node.package("short.pkg").is_none());
    assert_nothing_stored(&node, 0);
}

#[test]
fn bytes_beyond_the_said_length_are_not_stored() {
    let node = Node::start("hq");
    let request = node.api("PUT", "/packages/long.pkg");
    let mut exchange = request.open(Some("5")).expect("a connection");
    exchange.write(b"12345surplus").expect("the node reads");
    exchange.answer().expect("an answer").expect(201);
    assert_eq!(node.download("long.pkg").expect(200).text(), "12345");
}

#[test]
fn a_connection_cut_in_the_middle_stores_nothing() {
    let node = Node::start("hq");
    for sent in [0, 1, 1_000_000, 2_999_999] {
        let mut exchange = node.api("PUT", "/packages/cut.pkg").open(Some("3000000")).expect("a connection");
        exchange.write(&Generated::new(2, sent).all()).expect("the node reads");
        drop(exchange);
    }
    assert_nothing_stored(&node, 0);
    assert!(node.package("cut.pkg").is_none());
}

#[test]
fn a_declared_digest_that_does_not_match_stores_nothing() {
    let node = Node::start("hq");
    let put = |target: &str| node.api("PUT", target).body(b"bytes");
    let wrong_header = format!("sha-256=:{}:", sha256_base64(b"other"));
    let refused: [Response; 2] = [
        put("/packages/x.pkg").header("Repr-Digest", &wrong_header).send(),
        put(&format!("/packages/x.pkg?blake3={}", blake3_hex(b"other"))).send(),
    ];
    for answer in refused {
        let problem = answer.expect_problem(422, "digest_mismatch");
        assert!(problem["expected"].is_string() && problem["actual"].is_string(), "{problem}");
    }
    assert!(node.package("x.pkg").is_none());
    assert_nothing_stored(&node, 0);
    let malformed = put("/packages/x.pkg?blake3=zz").send();
    assert!(matches!(malformed.status, 400 | 422), "{}: {}", malformed.status, malformed.text());

    let right = format!("sha-256=:{}:", sha256_base64(b"bytes"));
    put(&format!("/packages/x.pkg?blake3={}", blake3_hex(b"bytes"))).header("Repr-Digest", &right).send().expect(201);
}

#[test]
fn one_path_uploaded_twice_at_once_keeps_both_in_its_history() {
    let node = Node::start("hq");
    let [first, second] = [1, 2].map(|seed| Generated::new(seed, 2_000_000).all());
    let mut statuses = std::thread::scope(|scope| {
        let puts = [&first, &second].map(|bytes| scope.spawn(|| node.put("x.pkg", bytes).status));
        puts.map(|put| put.join().expect("an upload"))
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201], "one was new, the other replaced it");
    let package = node.package("x.pkg").expect("a package");
    assert_eq!(package["conflict"], false);
    assert_eq!(node.get_json("/revisions/x.pkg")["items"].as_array().map(Vec::len), Some(2));
    let body = node.download("x.pkg").expect(200).body;
    assert!(body == first || body == second, "one of the two, whole");
}

#[test]
fn of_two_uploads_that_must_be_new_one_is_refused() {
    let node = Node::start("hq");
    let put = |bytes: &[u8]| node.api("PUT", "/packages/x.pkg").header("If-None-Match", "*").body(bytes).send().status;
    let mut statuses = std::thread::scope(|scope| {
        let puts = [b"first", b"other"].map(|bytes| scope.spawn(|| put(bytes)));
        puts.map(|put| put.join().expect("an upload"))
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412]);
}

#[test]
fn a_lost_update_is_refused() {
    let node = Node::start("hq");
    let first = node.put("x.pkg", b"1").expect(201).json()["package"]["revision"].as_str().expect("an id").to_owned();
    node.put("x.pkg", b"2").expect(200);
    let stale = node.api("PUT", "/packages/x.pkg").header("If-Match", &format!("\"{first}\"")).body(b"3").send();
    stale.expect(412);
    assert_eq!(node.download("x.pkg").expect(200).text(), "2");
    let etag = node.api("GET", "/packages/x.pkg").send().expect(200).header("etag").expect("an ETag").to_owned();
    node.api("PUT", "/packages/x.pkg").header("If-Match", &etag).body(b"3").send().expect(200);
}

#[test]
fn metadata_over_its_caps_is_refused() {
    let node = Node::start("hq");
    let notes = "n".repeat(9 * 1024);
    let answer = node.api("PUT", &format!("/packages/x.pkg?notes={notes}")).body(b"x").send();
    assert!(matches!(answer.status, 400 | 413 | 414 | 422 | 431), "{}: {}", answer.status, answer.text());
    let unknown = node.api("PUT", &format!("/packages/{}?titel=x", encode_path("x.pkg"))).body(b"x").send();
    assert!(matches!(unknown.status, 400 | 422), "{}: {}", unknown.status, unknown.text());
    assert!(node.package("x.pkg").is_none());
}
