//! Watches that an administrator adds, looks at and removes while the node runs, by API and by command.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::node::{Node, Setup};
use crate::support::{tools, wait};

/// Longer than settling and a rescan.
const WITHIN: Duration = Duration::from_secs(40);

/// A node that may watch below `drop/`, with the folder's real name.
fn node() -> (Node, PathBuf) {
    let mut node = Node::new(Setup { name: "hq".to_owned(), ..Setup::default() });
    let root = node.folder().canonicalize().expect("a real name").join("drop");
    fs::create_dir(&root).expect("a new folder");
    let address = node.address();
    node.setup().config =
        Some(format!("[[listeners]]\naddress = \"{address}\"\n[watch]\nroots = [\"{}\"]\n", root.display()));
    node.launch();
    (node, root)
}

fn folder(root: &Path, name: &str) -> String {
    let folder = root.join(name);
    fs::create_dir_all(&folder).expect("a new folder");
    folder.display().to_string()
}

fn is_published(node: &Node, path: &str) -> bool {
    node.package(path).is_some()
}

fn shown(node: &Node, id: &str) -> Value {
    node.get_json(&format!("/watches/{id}"))
}

fn add(node: &Node, body: &Value) -> String {
    node.post_json("/watches", body).expect(201).json()["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_watch_is_added_and_removed_while_the_node_runs_and_outlives_a_restart() {
    let (mut node, root) = node();
    let mac = folder(&root, "mac");
    let id = add(&node, &json!({"folder": mac, "prefix": "mac", "tags": ["new"], "settle_s": 0, "rescan_s": 2}));
    tools::write(&root.join("mac/a.pkg"), b"a");
    tools::write(&root.join("mac/empty folder.pkg"), b"");
    wait::until("the file is published", WITHIN, || is_published(&node, "mac/a.pkg"));
    wait::until("that is shown", WITHIN, || shown(&node, &id)["taken"][0]["path"] == "mac/a.pkg");
    let watch = shown(&node, &id);
    assert_eq!((&watch["state"], &watch["source"]), (&json!("watching"), &json!("stored")));
    assert!(watch["last_scan_at"].is_string(), "{watch}");

    node.kill();
    node.launch();
    tools::write(&root.join("mac/b.pkg"), b"b");
    wait::until("published after a restart", WITHIN, || is_published(&node, "mac/b.pkg"));

    node.api("DELETE", &format!("/watches/{id}")).send().expect(204);
    let win = folder(&root, "win");
    let other = add(&node, &json!({"folder": win, "settle_s": 0, "rescan_s": 1}));
    wait::until("the other watches", WITHIN, || shown(&node, &other)["state"] == "watching");
    tools::write(&root.join("mac/c.pkg"), b"c");
    tools::write(&root.join("win/d.msi"), b"d");
    wait::until("the other takes its file", WITHIN, || is_published(&node, "d.msi"));
    assert!(!is_published(&node, "mac/c.pkg") && is_published(&node, "mac/a.pkg"));
}

#[test]
fn a_watch_outside_the_roots_is_refused_however_it_is_spelt() {
    let (node, root) = node();
    std::os::unix::fs::symlink("/etc", root.join("link")).expect("a new link");
    let inside = folder(&root, "mac");
    let data = node.data().canonicalize().expect("a real name").display().to_string();
    for outside in ["/etc", "/", concat!("/proc/self/ro", "ot/etc"), &format!("{inside}/../../../etc"), &data]
        .into_iter()
        .map(str::to_owned)
        .chain([root.join("link").display().to_string(), root.join("link/ssl").display().to_string()])
    {
        let problem =
            node.post_json("/watches", &json!({"folder": outside})).expect_problem(422, "outside_watch_roots");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("watch.roots")), "{problem}");
    }
    node.post_json("/watches", &json!({"folder": "drop/mac"})).expect_problem(422, "invalid");
    let missing = root.join("missing").display().to_string();
    node.post_json("/watches", &json!({"folder": missing})).expect_problem(422, "invalid");
    assert_eq!(node.get_json("/watches")["items"], json!([]));

    // A folder that is swapped for a link once it is watched is not followed.
    let id = add(&node, &json!({"folder": inside, "settle_s": 0, "rescan_s": 1}));
    wait::until("it watches", WITHIN, || shown(&node, &id)["state"] == "watching");
    let secret = node.folder().join("secret");
    fs::create_dir(&secret).expect("a new folder");
    tools::write(&secret.join("shadow.pkg"), b"secret");
    fs::remove_dir(&inside).expect("removed");
    std::os::unix::fs::symlink(&secret, &inside).expect("a new link");
    wait::until("it fails", WITHIN, || shown(&node, &id)["state"] == "failing");
    assert!(!is_published(&node, "shadow.pkg"));
}

#[test]
fn a_watch_of_the_command_line_is_listed_and_not_changed_here() {
    let mut node = Node::new(Setup { name: "hq".to_owned(), ..Setup::default() });
    let folder = node.folder().join("drop");
    fs::create_dir(&folder).expect("a new folder");
    let flag = folder.display().to_string();
    node.setup().arguments = vec!["--watch".to_owned(), flag.clone()];
    node.launch();
    let watch = node.get_json("/watches")["items"][0].clone();
    assert_eq!((&watch["folder"], &watch["source"], &watch["enabled"]), (&json!(flag), &json!("flag"), &json!(true)));
    let one = format!("/watches/{}", watch["id"].as_str().expect("an id"));
    node.api("PATCH", &one).json(&json!({"enabled": false})).send().expect_problem(409, "set_elsewhere");
    node.api("DELETE", &one).send().expect_problem(409, "set_elsewhere");
    assert_eq!(node.ods(&["watch", "set", &flag, "--off"]).status.code(), Some(6));
    node.ods_well(&["watch", "scan", &flag]);
}

#[test]
fn a_mirror_asks_before_it_unpublishes_most_and_a_command_confirms() {
    let (mut node, root) = node();
    let folder = folder(&root, "mirror");
    node.ods_well(&["watch", "add", &folder, "--mode", "mirror", "--settle", "1s", "--rescan", "1s"]);
    for name in ["a", "b", "c", "d", "e"] {
        tools::write(&root.join(format!("mirror/{name}.pkg")), name.as_bytes());
    }
    let packages = |node: &Node| node.get_json("/node")["packages"].as_u64();
    wait::until_equal("all are published", WITHIN, &Some(5), || packages(&node));
    tools::remove(&root.join("mirror/a.pkg"));
    wait::until("one is unpublished", WITHIN, || !is_published(&node, "a.pkg"));
    for name in ["b", "c", "d"] {
        tools::remove(&root.join(format!("mirror/{name}.pkg")));
    }
    let state = |node: &Node| -> Value {
        serde_json::from_str(&node.ods_well(&["watch", "show", &folder, "--json"])).expect("JSON")
    };
    wait::until("it pauses", WITHIN, || state(&node)["pause"]["missing"] == 3);
    node.kill();
    node.launch();
    wait::until("it is paused still", WITHIN, || state(&node)["pause"]["missing"] == 3);
    assert_eq!(packages(&node), Some(4), "nothing was unpublished");
    let shown = node.ods_well(&["watch", "show", &folder]);
    let command = format!("`ods watch confirm '{folder}' --missing ");
    assert!(shown.contains("b.pkg") && shown.contains(&command), "{command} in {shown}");
    let stale = "0".repeat(64);
    assert_eq!(node.ods(&["watch", "confirm", &folder, "--missing", &stale]).status.code(), Some(6));
    let shown = state(&node)["pause"]["missing_digest"].as_str().expect("a digest").to_owned();
    node.ods_well(&["watch", "confirm", &folder, "--missing", &shown]);
    wait::until_equal("what was confirmed is unpublished", WITHIN, &Some(1), || packages(&node));
    assert!(is_published(&node, "e.pkg"));
    wait::until("it goes on", WITHIN, || state(&node)["state"] == "watching");
    let again = node.ods(&["watch", "confirm", &folder, "--missing", &shown]);
    assert_eq!(again.status.code(), Some(6), "it asks nothing now");
    let who: Vec<Value> = node.get_json("/audit?action=watch.confirmed")["items"].as_array().expect("a list").clone();
    assert_eq!(who.len(), 1, "{who:?}");
}
