//! Names that people give files, through every door and back.

use crate::support::bytes::blake3_hex;
use crate::support::http::encode_path;
use crate::support::mesh;
use crate::support::node::Node;

const NAMES: [&str; 16] = [
    "with space.pkg",
    "a+b.pkg",
    "100%.pkg",
    "%20.pkg",
    "percent%2Fencoded.pkg",
    "quote\"double.pkg",
    "quote'single.pkg",
    "semi;colon,comma.pkg",
    "question?hash#.pkg",
    "Größe-Ünïcode.pkg",
    "日本語/パッケージ.dmg",
    "emoji-🎁.msi",
    "a&b=c.deb",
    "[brackets]{braces}.whl",
    "deep/er/and/deep er/x.tar.gz",
    " leading and trailing .pkg",
];

#[test]
fn odd_names_come_back_as_they_went_in_on_every_node() {
    let (hq, branch) = (Node::start("hq"), Node::start("branch"));
    mesh::pair(&hq, &branch, "replica");
    for name in NAMES {
        let published = hq.put(name, name.as_bytes()).expect(201).json();
        assert_eq!(published["package"]["path"], name);
        assert_eq!(published["package"]["url"], format!("/Packages/{}", encode_path(name)), "one spelling of the URL");
    }
    mesh::agree(&[&hq, &branch]);
    for name in NAMES {
        mesh::stored(&branch, name, &blake3_hex(name.as_bytes()));
        for node in [&hq, &branch] {
            assert_eq!(node.download(name).expect(200).text(), name, "from {}", node.name());
        }
    }
    let mut listed: Vec<String> = mesh::listing(&branch).into_iter().map(|(path, _)| path).collect();
    let mut expected: Vec<String> = NAMES.map(str::to_owned).into();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

#[test]
fn a_plus_in_a_url_is_a_plus() {
    let node = Node::start("hq");
    node.api("PUT", "/packages/a+b.pkg").body(b"plus").send().expect(201);
    assert_eq!(node.request("GET", "/Packages/a+b.pkg").send().expect(200).text(), "plus");
    assert_eq!(node.request("GET", "/Packages/a%2Bb.pkg").send().expect(200).text(), "plus");
    node.request("GET", "/Packages/a%20b.pkg").send().expect(404);
}

#[test]
fn composed_and_decomposed_spellings_are_one_name() {
    let node = Node::start("hq");
    node.put("Cafe\u{301}.pkg", b"x").expect(201);
    assert_eq!(mesh::listing(&node), [("Caf\u{e9}.pkg".to_owned(), blake3_hex(b"x"))]);
    for spelling in ["Cafe\u{301}.pkg", "Caf\u{e9}.pkg"] {
        assert_eq!(node.download(spelling).expect(200).text(), "x");
        assert_eq!(node.put(spelling, b"x").expect(200).json()["changed"], false);
    }
}

#[test]
fn the_longest_path_is_taken_and_one_more_byte_is_not() {
    let node = Node::start("hq");
    let segment = "s".repeat(255);
    let longest = format!("{segment}/{segment}/{segment}/{}", "t".repeat(256 - 1));
    assert_eq!(longest.len(), 1023);
    node.put(&longest, b"x").expect(201);
    assert_eq!(node.download(&longest).expect(200).text(), "x");
    let refused = node.put(&"s".repeat(256), b"x");
    assert!(matches!(refused.status, 400 | 422), "{}", refused.text());
}
