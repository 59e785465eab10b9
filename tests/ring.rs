//! Three nodes in a ring: whoever is away, and whoever writes at the same time, all end with the same catalog.

use std::collections::BTreeMap;

use crate::support::bytes::{Generated, blake3_hex};
use crate::support::mesh;
use crate::support::node::Node;

fn ring() -> [Node; 3] {
    let nodes = ["north", "south", "west"].map(Node::start);
    let [north, south, west] = &nodes;
    mesh::pair(north, south, "owner");
    mesh::pair(north, west, "owner");
    mesh::agree(&[north, south, west]);
    mesh::pair(south, west, "owner");
    nodes
}

#[test]
fn a_ring_converges_after_concurrent_changes_with_one_node_down() {
    let [north, south, mut west] = ring();
    for index in 0..12 {
        north.put(&format!("shared/{index}.pkg"), format!("first {index}").as_bytes()).expect(201);
    }
    mesh::agree(&[&north, &south, &west]);
    west.kill();
    std::thread::scope(|scope| {
        scope.spawn(|| change(&north, "north", 0));
        scope.spawn(|| change(&south, "south", 6));
    });
    west.launch();
    west.put("only/west.pkg", b"west").expect(201);
    mesh::agree(&[&north, &south, &west]);
    let expected = mesh::listing(&north);
    for node in [&south, &west] {
        assert_eq!(mesh::listing(node), expected, "{} lists what north lists", node.name());
    }
    let paths: BTreeMap<_, _> = expected.iter().cloned().collect();
    assert_eq!(paths.get("only/west.pkg"), Some(&blake3_hex(b"west")));
    for (path, blob) in &expected {
        for node in [&north, &south, &west] {
            mesh::stored(node, path, blob);
            assert_eq!(blake3_hex(&node.download(path).expect(200).body), *blob, "{path} from {}", node.name());
        }
    }
    assert!(!paths.contains_key("shared/2.pkg") && !paths.contains_key("shared/8.pkg"), "removed stays removed");
}

/// One node's share of the changes: new packages, replacements and removals, `from` on.
fn change(node: &Node, name: &str, from: usize) {
    for index in from..from + 2 {
        node.put(&format!("shared/{index}.pkg"), format!("{name} {index}").as_bytes()).expect(200);
    }
    node.remove(&format!("shared/{}.pkg", from + 2)).expect(204);
    for index in 0..4 {
        let file = Generated::new(index, 100_000 * index + 1);
        node.put(&format!("{name}/{index}.pkg"), &file.all()).expect(201);
    }
}

#[test]
fn two_nodes_that_replace_one_path_at_once_end_in_one_conflict_that_a_publish_ends() {
    let [mut north, mut south, west] = ring();
    west.put("x.pkg", b"base").expect(201);
    mesh::agree(&[&north, &south, &west]);
    // Neither may hear of the other: each writes while the rest is down.
    south.kill();
    let mut west = west;
    west.kill();
    north.put("x.pkg", b"north").expect(200);
    north.kill();
    south.launch();
    south.put("x.pkg", b"south").expect(200);
    north.launch();
    west.launch();
    mesh::agree(&[&north, &south, &west]);
    let current: Vec<_> = [&north, &south, &west].map(|node| node.download("x.pkg").expect(200).text()).into();
    assert!(current.iter().all(|text| *text == current[0]), "one current revision everywhere: {current:?}");
    for node in [&north, &south, &west] {
        assert_eq!(node.package("x.pkg").expect("a package")["conflict"], true, "on {}", node.name());
    }
    west.put("x.pkg", b"settled").expect(200);
    mesh::agree(&[&north, &south, &west]);
    for node in [&north, &south, &west] {
        mesh::stored(node, "x.pkg", &blake3_hex(b"settled"));
        assert_eq!(node.package("x.pkg").expect("a package")["conflict"], false, "on {}", node.name());
    }
}

#[test]
fn a_package_travels_through_a_node_in_the_middle() {
    let nodes = ["first", "middle", "last"].map(Node::start);
    let [first, middle, last] = &nodes;
    mesh::pair(first, middle, "owner");
    mesh::pair(middle, last, "replica");
    let bytes = Generated::new(9, 5_000_000).all();
    first.put("a.pkg", &bytes).expect(201);
    mesh::stored(last, "a.pkg", &blake3_hex(&bytes));
    assert!(last.download("a.pkg").expect(200).body == bytes);
}
