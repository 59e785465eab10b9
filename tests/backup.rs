//! `ods backup` while packages come in, cut in the middle, and restored elsewhere.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::support::bytes::{Generated, blake3_hex};
use crate::support::http::Request;
use crate::support::node::{Node, Setup};
use crate::support::{mesh, tools, wait};

/// `ods backup` into a folder beside the node's data.
fn back_up(node: &Node, more: &[&str]) -> Value {
    let text = node.ods_well(&[&["backup", "backups", "--json"], more].concat());
    serde_json::from_str(&text).expect("JSON")
}

/// The newest backup, restored as another data folder, and its node, not started yet.
fn restore(node: &Node) -> Node {
    let said = node.ods_well(&["backup", "restore", "backups", "--data", "restored"]);
    assert!(said.contains("next:"), "{said}");
    Node::new(Setup { data: Some(node.folder().join("restored")), ..Setup::default() })
}

fn names(node: &Node) -> Vec<String> {
    let list: Value = serde_json::from_str(&node.ods_well(&["backup", "ls", "backups", "--json"])).expect("JSON");
    let items = list["items"].as_array().expect("a list has items").iter();
    items.map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_backup_into_or_around_the_data_folder_is_refused_and_touches_nothing() {
    let node = Node::start("hq");
    node.put("a.pkg", b"bytes").expect(201);
    let data = node.data().display().to_string();
    for place in [data.clone(), format!("{data}/backups"), format!("{data}/new/deeper"), format!("{data}/..")] {
        let output = node.ods(&["backup", &place, "--keep", "1", "--data", &data]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(6) && said.contains("one in the other"), "{place}: {said}");
    }
    assert_eq!(node.download("a.pkg").expect(200).text(), "bytes");
    for left in ["backups", "new", "partial", "lock"] {
        assert!(!node.data().join(left).exists(), "{left} was made");
    }
}

#[test]
fn two_backups_at_once_are_made_one_after_the_other() {
    let node = Node::start("hq");
    node.put("a.pkg", b"bytes").expect(201);
    std::thread::scope(|scope| {
        for folder in ["one", "other", "third"] {
            let node = &node;
            scope.spawn(move || node.ods_well(&["backup", folder]));
        }
    });
    for folder in ["one", "other", "third"] {
        let list: Value = serde_json::from_str(&node.ods_well(&["backup", "ls", folder, "--json"])).expect("JSON");
        assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{folder}");
    }
}

#[test]
fn a_backup_made_while_uploads_run_has_every_package_acknowledged_before() {
    let mut node = Node::start("hq");
    let before: Vec<Generated> = (0..12).map(|seed| Generated::new(seed, 1 + seed * 400_000)).collect();
    for file in &before {
        node.put(&format!("before/{}.pkg", file.seed), &file.all()).expect(201);
    }
    let stop = AtomicBool::new(false);
    let (address, token) = (node.address(), node.token());
    let (first, second) = std::thread::scope(|scope| {
        scope.spawn(|| {
            for index in 0.. {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let target = format!("/api/v1/packages/during/{index}.pkg");
                let bytes = Generated::new(1000 + index, 300_000).all();
                Request::new(&address, "PUT", &target).bearer(&token).body(&bytes).send().expect(201);
            }
        });
        // However the backups end, the uploads do too.
        let _ended = StopOnDrop(&stop);
        (back_up(&node, &[]), back_up(&node, &[]))
    });
    let all = before.iter().map(|file| file.size).sum::<u64>();
    assert!(first["copied_bytes"].as_u64() >= Some(all), "{first}");
    assert!(second["copied_bytes"].as_u64() < Some(all), "the second copies what is new: {second}");
    node.stop();
    let third = back_up(&node, &["--keep", "1"]);
    assert_eq!(third["removed"]["backups"], 2, "a stopped node is backed up too: {third}");
    assert_eq!(names(&node).len(), 1);
    let mut restored = restore(&node);
    restored.launch();
    for file in &before {
        let answer = restored.download(&format!("before/{}.pkg", file.seed)).expect(200);
        assert!(answer.body == file.all(), "{}", file.seed);
    }
    for (path, _) in mesh::listing(&restored) {
        assert_eq!(restored.package(&path).expect("listed")["state"], "stored", "{path}");
    }
    restored.put("after.pkg", b"it goes on").expect(201);
    restored.stop();
    let again = node.ods(&["backup", "restore", "backups", "--data", "restored"]);
    assert_eq!(again.status.code(), Some(6), "never into a folder that is in use");
    assert!(String::from_utf8_lossy(&again.stderr).contains("not empty"));
}

#[test]
fn a_restore_from_a_damaged_backup_fails_and_names_the_packages_without_bytes() {
    let node = Node::start("hq");
    let file = Generated::new(1, 3_000_000);
    let put = node.put("apps/damaged.pkg", &file.all()).expect(201).json();
    node.put("whole.pkg", b"whole").expect(201);
    back_up(&node, &[]);
    let blob = put["package"]["blob"].as_str().expect("a digest");
    let copy = node.folder().join("backups/blobs").join(&blob[..2]).join(blob);
    tools::run_well(
        "sh",
        &[
            "-c",
            &format!("chmod u+w {blob}; printf X | dd of={blob} seek=1000 bs=1 conv=notrunc", blob = copy.display()),
        ],
        node.folder(),
    );
    let output = node.ods(&["backup", "restore", "backups", "--data", "restored"]);
    let (said, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}{failed}");
    assert!(said.contains("  apps/damaged.pkg (") && !said.contains("whole.pkg"), "{said}");
    assert!(
        failed.contains("restored in part: the copies of 1 blob in") && failed.contains("has no peers"),
        "{failed}"
    );
    let output = node.ods(&["backup", "restore", "backups", "--data", "again", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["lost_packages"], serde_json::json!([{"path": "apps/damaged.pkg", "blob": blob}]));
    assert_eq!((&told["lost"][0], output.status.code()), (&put["package"]["blob"], Some(1)));
    let mut restored = Node::new(Setup { data: Some(node.folder().join("restored")), ..Setup::default() });
    restored.launch();
    assert_eq!(restored.download("whole.pkg").expect(200).text(), "whole");
}

#[test]
fn a_restored_node_takes_back_what_came_since_and_nothing_removed_comes_back() {
    let hq = Node::start("hq");
    let mut branch = Node::start("branch");
    mesh::pair(&hq, &branch, "owner");
    branch.put("removed.pkg", b"removed").expect(201);
    branch.put("kept.pkg", b"kept").expect(201);
    mesh::agree(&[&hq, &branch]);
    back_up(&branch, &[]);
    let since = Generated::new(5, 2_500_000).all();
    branch.put("since.pkg", &since).expect(201);
    branch.remove("removed.pkg").expect(204);
    mesh::agree(&[&hq, &branch]);
    mesh::stored(&hq, "since.pkg", &blake3_hex(&since));
    let id = branch.id();
    branch.stop();
    let mut restored = restore(&branch);
    restored.launch();
    assert_eq!(restored.id(), id);
    // It answers at another address than before, which its peer is told.
    let urls = serde_json::json!({"urls": [restored.url("")]});
    hq.api("PATCH", &format!("/peers/{id}")).json(&urls).send().expect(200);
    restored.put("new.pkg", b"new").expect(201);
    let paths = |node: &Node| mesh::listing(node).into_iter().map(|row| row.0).collect::<Vec<_>>();
    for node in [&hq, &restored] {
        wait::until_equal("both have all", mesh::AGREE_WITHIN, &vec!["kept.pkg", "new.pkg", "since.pkg"], || {
            let found = paths(node);
            ["kept.pkg", "new.pkg", "since.pkg", "removed.pkg"]
                .into_iter()
                .filter(|name| found.iter().any(|path| path == name))
                .collect()
        });
    }
    mesh::agree(&[&hq, &restored]);
    mesh::stored(&restored, "since.pkg", &blake3_hex(&since));
    assert!(restored.download("since.pkg").expect(200).body == since);
}

#[test]
fn a_backup_killed_in_the_middle_is_none_and_the_next_one_goes_on() {
    let node = Node::start("hq");
    for seed in 0..40 {
        node.put(&format!("{seed}.pkg"), &Generated::new(seed, 1_500_000).all()).expect(201);
    }
    for round in 0..4 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ods"))
            .args(["backup", "backups", "--json"])
            .current_dir(node.folder())
            .env("ODS_DATA", node.data())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ods can be run");
        wait::pause(Duration::from_millis(60 + 80 * round));
        child.kill().and_then(|()| child.wait()).expect("a child of ours can be killed");
        // The manifest comes last: what is listed was whole before the kill came, which may have come before the folder, too.
        if node.folder().join("backups").exists() && !names(&node).is_empty() {
            let whole = node.ods(&["backup", "restore", "backups", "--data", "killed"]);
            assert!(whole.status.success(), "what was cut is no backup: {}", String::from_utf8_lossy(&whole.stderr));
            break;
        }
    }
    let whole = back_up(&node, &[]);
    assert_eq!((&whole["manifest"]["blobs"], &whole["manifest"]["left_out"]), (&40.into(), &Value::Array(vec![])));
    let partial = node.folder().join("backups/partial");
    assert_eq!(partial.read_dir().expect("a folder").count(), 0, "nothing half is left");
    assert_eq!(names(&node).last().map(String::as_str), whole["name"].as_str());
    let mut restored = restore(&node);
    restored.launch();
    assert!(restored.download("39.pkg").expect(200).body == Generated::new(39, 1_500_000).all());
}

#[test]
fn a_backup_tells_of_damage_and_of_a_folder_of_another_node() {
    let (node, other) = (Node::start("hq"), Node::start("other"));
    let bytes = Generated::new(1, 50_000).all();
    node.put("a.pkg", &bytes).expect(201);
    let blob = blake3_hex(&bytes);
    let file = node.data().join("blobs").join(&blob[..2]).join(&blob);
    tools::remove(&file);
    let output = node.ods(&["backup", "backups"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("1 blobs are missing or damaged") && said.contains("ods scrub"), "{said}");
    assert_eq!(names(&node).len(), 1, "what can be saved is saved");
    let place = node.folder().join("backups");
    let output = other.ods(&["backup", place.to_str().expect("a plain name")]);
    assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(names(&node).len(), 1);
}
