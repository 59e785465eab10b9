//! The command line, as an administrator uses it on the node's own machine.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::bytes::{Generated, blake3_hex};
use crate::support::http::Request;
use crate::support::node::Node;
use crate::support::{mesh, tools, wait};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))
}

#[test]
fn a_package_is_pushed_listed_shown_pulled_removed_and_restored() {
    let node = Node::start("hq");
    let bytes = Generated::new(1, 3_500_000).all();
    tools::write(&node.folder().join("Firefox 142.pkg"), &bytes);
    node.ods_well(&["push", "Firefox 142.pkg", "--path", "apps/", "--tag", "prod", "--version", "142"]);
    let listed = json(&node.ods_well(&["ls", "--json"]));
    let package = &listed["items"][0];
    assert_eq!(package["path"], "apps/Firefox 142.pkg");
    assert_eq!(package["version"], "142");
    assert_eq!(package["tags"], serde_json::json!(["prod"]));
    assert!(node.ods_well(&["ls"]).contains("Firefox 142.pkg"));
    assert!(node.ods_well(&["show", "apps/Firefox 142.pkg"]).contains(&blake3_hex(&bytes)));

    node.ods_well(&["pull", "apps/Firefox 142.pkg", "-o", "got.pkg"]);
    assert!(std::fs::read(node.folder().join("got.pkg")).expect("pulled") == bytes);

    let revision = package["revision"].as_str().expect("an id").to_owned();
    node.ods_well(&["rm", "apps/Firefox 142.pkg"]);
    assert!(mesh::listing(&node).is_empty());
    node.ods_well(&["restore", "apps/Firefox 142.pkg", &revision[..12]]);
    assert!(node.download("apps/Firefox 142.pkg").expect(200).body == bytes);
}

#[test]
fn a_revision_is_found_however_many_followed() {
    let node = Node::start("hq");
    let first = node.put("a.pkg", b"first").expect(201).json()["package"]["revision"].clone();
    let first = first.as_str().expect("an id");
    node.put("a.pkg", b"second").expect(200);
    for number in 0..1100 {
        let notes = serde_json::json!({"notes": number.to_string()});
        node.api("PATCH", "/packages/a.pkg").json(&notes).send().expect(200);
    }
    let shown = node.ods_well(&["show", "--history", "a.pkg"]);
    assert!(shown.contains("older ones are not shown") && !shown.contains(&first[..12]), "{shown}");
    node.ods_well(&["restore", "a.pkg", &first[..16]]);
    assert_eq!(node.download("a.pkg").expect(200).text(), "first");
    let absent = node.ods(&["restore", "a.pkg", "00000000000000"]);
    assert_eq!(absent.status.code(), Some(3), "{}", String::from_utf8_lossy(&absent.stderr));
}

#[test]
fn a_pull_goes_on_where_it_was_broken_off() {
    let node = Node::start("hq");
    let bytes = Generated::new(2, 5_000_000).all();
    node.put("big.dmg", &bytes).expect(201);
    let mut child = Command::new(env!("CARGO_BIN_EXE_ods"))
        .args(["pull", "big.dmg"])
        .current_dir(node.folder())
        .env("ODS_DATA", node.data())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("ods can be run");
    wait::pause(std::time::Duration::from_millis(30));
    drop(child.kill());
    child.wait().expect("a child of ours can be waited for");
    node.ods_well(&["pull", "big.dmg"]);
    assert!(std::fs::read(node.folder().join("big.dmg")).expect("pulled") == bytes);
}

#[test]
fn nodes_are_paired_by_the_line_that_invite_prints() {
    let (hq, branch) = (Node::start("hq"), Node::start("branch"));
    let printed = hq.ods_well(&["peer", "invite", "--role", "publisher"]);
    let line = printed.lines().find(|line| line.starts_with("ods-invite1")).expect("the invite is a line of its own");
    branch.ods_well(&["peer", "join", line]);
    let peers = json(&branch.ods_well(&["peer", "ls", "--json"]));
    assert_eq!(peers["items"][0]["id"].as_str(), Some(hq.id().as_str()));
    branch.put("from-branch.pkg", b"x").expect(201);
    mesh::stored(&hq, "from-branch.pkg", &blake3_hex(b"x"));
    assert!(hq.ods_well(&["status"]).contains("branch"));
    hq.ods_well(&["peer", "rm", &branch.id()]);
    assert_eq!(json(&hq.ods_well(&["peer", "ls", "--json"]))["items"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_token_made_on_the_command_line_works_until_it_is_revoked() {
    let node = Node::start("hq");
    let printed = json(&node.ods_well(&["token", "create", "ci", "--scope", "publish", "--json"]));
    let (token, id) = (printed["token"].as_str().expect("shown"), printed["id"].as_str().expect("an id"));
    let put = || node.request("PUT", "/api/v1/packages/x.pkg").bearer(token).body(b"x").send().status;
    assert_eq!(put(), 201);
    assert!(node.ods_well(&["token", "ls"]).contains("ci"));
    node.ods_well(&["token", "revoke", id]);
    assert_eq!(put(), 401);
}

#[test]
fn the_newest_events_are_shown_and_those_before_them() {
    let node = Node::start("hq");
    for number in 0..20 {
        node.put(&format!("{number}.pkg"), b"a").expect(201);
    }
    let lsns = |arguments: &[&str]| -> Vec<u64> {
        let page = json(&node.ods_well(&[&["events", "--json", "--type", "package.published"], arguments].concat()));
        page["items"].as_array().expect("items").iter().map(|item| item["lsn"].as_u64().expect("a number")).collect()
    };
    let all = lsns(&["--after", "0"]);
    assert_eq!(all.len(), 20);
    assert_eq!(lsns(&["--limit", "5"]), all[15..]);
    assert_eq!(lsns(&["--limit", "5", "--before", &all[15].to_string()]), all[10..15]);
    assert_eq!(node.ods(&["events", "--before", "9", "--follow"]).status.code(), Some(2));
}

#[test]
fn events_are_followed_as_they_happen() {
    let node = Node::start("hq");
    let mut child = Command::new(env!("CARGO_BIN_EXE_ods"))
        .args(["events", "--follow", "--json"])
        .current_dir(node.folder())
        .env("ODS_DATA", node.data())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("ods can be run");
    let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
    let (sender, receiver) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    node.put("a.pkg", b"a").expect(201);
    let mut seen = String::new();
    wait::until("the event is printed", wait::SOON, || {
        seen.extend(receiver.try_iter());
        seen.contains("package.published") && seen.contains("a.pkg")
    });
    drop(child.kill());
    child.wait().expect("a child of ours can be waited for");
    drop(reader.join());
}

#[test]
fn errors_say_what_to_do_next_and_have_their_exit_codes() {
    let mut node = Node::start("hq");
    let fails = |node: &Node, arguments: &[&str]| {
        let output = node.ods(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("panicked"), "{said}");
        (output.status.code(), said)
    };
    for (arguments, code, word) in [
        (&["show", "nothing.pkg"][..], 3, "nothing.pkg"),
        (&["push", "not-there.pkg"], 1, "not-there.pkg"),
        (&["frobnicate"], 2, "frobnicate"),
        (&["ls", "--limit", "many"], 2, "many"),
        (&["peer", "join", "nonsense"], 2, "invite"),
        (&["ls", "--server", "http://127.0.0.1:1"], 5, "127.0.0.1:1"),
    ] {
        let (found, said) = fails(&node, arguments);
        assert!(said.contains(word), "{arguments:?}: {said}");
        assert_eq!(found, Some(code), "{arguments:?}: {said}");
    }
    node.stop();
    let (found, said) = fails(&node, &["ls"]);
    assert_eq!(found, Some(5), "{said}");
    assert!(said.contains("ods serve"), "{said}");
}

#[test]
fn the_resolved_configuration_is_printed_with_comments_and_is_a_configuration() {
    let mut node = Node::start("hq");
    let printed = node.ods_well(&["config"]);
    assert!(printed.contains('#') && printed.contains("[downloads]"), "{printed}");
    node.stop();
    let listener = format!("\"{}\"", node.address());
    let printed = printed.replacen("\"[::]:8637\"", &listener, 1);
    node.setup().config = Some(printed);
    node.launch();
}

#[test]
fn the_help_shows_every_command_and_an_example() {
    let node = Node::start("hq");
    let help = node.ods_well(&["--help"]);
    let commands =
        ["serve", "push", "pull", "ls", "show", "rm", "restore", "status", "events", "peer", "token", "demo", "config"];
    for command in commands {
        assert!(help.contains(command), "{command} is missing in the help");
        let text = node.ods_well(&[command, "--help"]);
        assert!(text.contains("Usage:") && text.lines().count() > 5, "{command}: {text}");
    }
}

#[test]
fn the_demo_runs_three_paired_nodes_with_a_watched_folder_and_cleans_up() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_ods"))
        .args(["demo", "--json", "--dir"])
        .arg(place.path())
        .current_dir(place.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ods can be run");
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("its output is piped"));
    output.read_line(&mut line).expect("the demo says where its nodes are");
    let demo = json(&line);
    let fields = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&demo), ["nodes", "watch"]);
    let nodes = demo["nodes"].as_array().expect("nodes");
    assert_eq!(nodes.iter().map(fields).collect::<Vec<_>>(), [["data", "id", "name", "role", "url"]; 3]);
    assert_eq!(nodes[0]["id"].as_str().map(str::len), Some(64), "{demo}");
    let watched = std::path::PathBuf::from(demo["watch"].as_str().expect("a folder"));
    tools::write(&watched.join("hello.txt"), b"hello");
    let last = demo["nodes"][2]["url"].as_str().expect("a url").trim_end_matches('/').to_owned();
    let address = last.trim_start_matches("http://");
    wait::until("the last node serves what was dropped at the first", mesh::AGREE_WITHIN, || {
        let answer = Request::new(address, "GET", "/Packages/hello.txt").try_send();
        answer.is_ok_and(|answer| answer.status == 200 && answer.body == b"hello")
    });
    tools::signal(child.id(), "INT");
    let status = wait::until_some("the demo ends", wait::SOON, || child.try_wait().expect("a child of ours"));
    assert!(status.success(), "Ctrl-C ends the demo with {status}");
    let left: Vec<_> = std::fs::read_dir(place.path()).expect("the place is there").flatten().collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}
