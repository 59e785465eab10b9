//! What keeps a node from starting: each time the message names the thing and what to do, and nothing is changed.

use std::fs;

use crate::support::node::{Node, Setup};
use crate::support::tools;

/// Starts the node in vain: what it said, in one text.
#[track_caller]
fn refusal(node: &mut Node) -> String {
    let output = node.launch_in_vain();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "it ended well: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[track_caller]
fn assert_names(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.to_lowercase().contains(&word.to_lowercase()), "`{word}` is missing in: {said}");
    }
}

fn setup() -> Setup {
    Setup { name: "hq".to_owned(), ..Setup::default() }
}

#[test]
fn a_port_in_use_is_named() {
    let mut node = Node::new(setup());
    let _taken = std::net::TcpListener::bind(node.address()).expect("the port is free");
    let said = refusal(&mut node);
    assert_names(&said, &[&node.port().to_string(), "in use", "--listen"]);
}

#[test]
fn an_unknown_config_key_is_named_with_its_nearest() {
    let mut node = Node::new(setup());
    node.setup().config = Some("[downloads]\naccess = \"open\"\nroot = [\"Packages\"]\n".to_owned());
    let said = refusal(&mut node);
    assert_names(&said, &["downloads.root", "downloads.roots", "ods.toml:3"]);
}

#[test]
fn a_bad_config_value_is_named() {
    for (text, words) in [
        ("[log]\nformat = \"xml\"\n", ["log.format", "json"]),
        ("[limits]\nconnections_max = 0\n", ["limits.connections_max", "1"]),
        ("[[listeners]]\naddress = \"nonsense\"\n", ["listeners", "nonsense"]),
        ("name = \n", ["ods.toml:1", "ods.toml"]),
    ] {
        let mut node = Node::new(setup());
        node.setup().config = Some(text.to_owned());
        assert_names(&refusal(&mut node), &words);
    }
}

#[test]
fn another_process_on_the_same_data_is_refused_and_the_first_goes_on() {
    let first = Node::start("hq");
    first.put("a.pkg", b"a").expect(201);
    let mut second = Node::new(Setup { data: Some(first.data().to_owned()), ..setup() });
    let said = refusal(&mut second);
    assert_names(&said, &[first.data().to_str().expect("a plain name"), "another"]);
    assert_eq!(first.download("a.pkg").expect(200).text(), "a");
}

#[test]
fn a_key_file_of_another_node_is_refused() {
    let (mut node, mut other) = (Node::start("hq"), Node::start("other"));
    node.put("a.pkg", b"a").expect(201);
    node.stop();
    other.stop();
    let (own, aside) = (node.data().join("node.key"), node.folder().join("aside.key"));
    fs::copy(&own, &aside).expect("the key can be copied");
    fs::copy(other.data().join("node.key"), &own).expect("the key can be copied");
    assert_names(&refusal(&mut node), &["node.key"]);
    for content in [&b""[..], b"not a key", &[0; 31], &[0; 64]] {
        tools::write(&own, content);
        assert_names(&refusal(&mut node), &["node.key"]);
    }
    tools::remove(&own);
    assert_names(&refusal(&mut node), &["node.key"]);
    assert!(!own.exists(), "a lost key is never replaced in silence");
    fs::copy(&aside, &own).expect("the key can be put back");
    node.launch();
    assert_eq!(node.download("a.pkg").expect(200).text(), "a");
}

#[test]
fn a_damaged_database_is_refused_in_words() {
    let mut node = Node::start("hq");
    node.put("a.pkg", b"a").expect(201);
    node.stop();
    tools::write(&node.data().join("ods.redb"), b"this is not a database, however long one looks at it");
    assert_names(&refusal(&mut node), &["ods.redb"]);
}

#[test]
fn a_read_only_data_folder_is_refused() {
    if !tools::is_root() {
        return tools::leave_out("a read-only data folder", "needs root to become another user");
    }
    let mut node = Node::new(Setup { unprivileged: true, ..setup() });
    node.launch();
    node.put("a.pkg", b"a").expect(201);
    node.stop();
    for mode in ["a-w", "u+w"] {
        tools::run_well("chmod", &["-R", mode, "data"], node.folder());
        if mode == "a-w" {
            let data = node.data().to_str().expect("a plain name").to_owned();
            assert_names(&refusal(&mut node), &[&data]);
        }
    }
    node.launch();
    assert_eq!(node.download("a.pkg").expect(200).text(), "a");
}

#[test]
fn a_data_folder_that_is_a_file_is_refused() {
    let mut node = Node::new(setup());
    tools::write(node.data(), b"a file");
    let data = node.data().to_str().expect("a plain name").to_owned();
    assert_names(&refusal(&mut node), &[&data]);
}
