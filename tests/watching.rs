//! A watched folder, as people and other programs use it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::support::bytes::{Generated, blake3_hex};
use crate::support::node::{Node, Setup};
use crate::support::{mesh, tools, wait};

/// Longer than settling and a rescan.
const TAKEN_WITHIN: Duration = Duration::from_secs(40);

/// A node that watches `drop/` beside its data.
fn watching(options: &str) -> (Node, PathBuf) {
    let mut node = Node::new(Setup { name: "hq".to_owned(), ..Setup::default() });
    let folder = node.folder().join("drop");
    fs::create_dir(&folder).expect("a new folder");
    let (address, watched) = (node.address(), folder.display());
    node.setup().config = Some(format!(
        "[[listeners]]\naddress = \"{address}\"\n[[watches]]\nfolder = \"{watched}\"\nsettle_s = 1\nrescan_s = 2\n{options}"
    ));
    node.launch();
    (node, folder)
}

fn published(node: &Node, path: &str, bytes: &[u8]) {
    wait::until_equal(&format!("{path} is published"), TAKEN_WITHIN, &Some(blake3_hex(bytes)), || {
        Some(node.package(path)?["blob"].as_str()?.to_owned())
    });
}

/// The `watch.refused` records whose file ends in `file`.
fn refusals(node: &Node, file: &str) -> Vec<Value> {
    let items = node.get_json("/events?limit=1000")["items"].as_array().cloned().unwrap_or_default();
    let about = |item: &Value| {
        item["type"] == "watch.refused" && item["data"]["file"].as_str().is_some_and(|name| name.ends_with(file))
    };
    items.into_iter().filter(about).collect()
}

#[test]
fn a_dropped_file_is_published_and_stays() {
    let (node, folder) = watching("prefix = \"apps\"\ntags = [\"new\"]\n");
    let bytes = Generated::new(1, 3_000_000).all();
    tools::write(&folder.join("a b+c%.pkg"), &bytes);
    published(&node, "apps/a b+c%.pkg", &bytes);
    let package = node.package("apps/a b+c%.pkg").expect("a package");
    assert_eq!(package["tags"], serde_json::json!(["new"]));
    assert!(node.download("apps/a b+c%.pkg").expect(200).body == bytes);
    assert!(folder.join("a b+c%.pkg").exists());

    tools::write(&folder.join("a b+c%.pkg"), b"edited");
    published(&node, "apps/a b+c%.pkg", b"edited");
    tools::remove(&folder.join("a b+c%.pkg"));
    tools::write(&folder.join("later.pkg"), b"later");
    published(&node, "apps/later.pkg", b"later");
    assert!(node.package("apps/a b+c%.pkg").is_some(), "a deleted file stays published");
}

#[test]
fn a_consumed_file_is_moved_into_the_store() {
    let (node, folder) = watching("mode = \"consume\"\n");
    fs::create_dir_all(folder.join("mac/apps")).expect("new folders");
    tools::write(&folder.join("mac/apps/x.dmg"), b"disk image");
    published(&node, "mac/apps/x.dmg", b"disk image");
    wait::until("the file is gone", TAKEN_WITHIN, || !folder.join("mac/apps/x.dmg").exists());
    assert_eq!(node.download("mac/apps/x.dmg").expect(200).text(), "disk image");
}

#[test]
fn a_file_is_taken_only_when_it_is_whole() {
    let (node, folder) = watching("");
    let whole = Generated::new(2, 400_000).all();
    let path = folder.join("slow.pkg");
    for end in (0..=whole.len()).step_by(100_000) {
        tools::write(&path, &whole[..end]);
        assert!(node.package("slow.pkg").is_none(), "taken at {end} bytes");
        wait::pause(Duration::from_millis(300));
    }
    published(&node, "slow.pkg", &whole);
    assert_eq!(node.get_json("/revisions/slow.pkg")["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn partial_names_links_and_empty_files_are_left_alone() {
    let (node, folder) = watching("");
    for name in [".hidden", "a.pkg.part", "b.crdownload", "c.download", "d.tmp", "e.filepart", "f.pkg~", "._g.pkg"] {
        tools::write(&folder.join(name), b"partial");
    }
    tools::write(&folder.join("empty.pkg"), b"");
    std::os::unix::fs::symlink("/etc/hostname", folder.join("link.pkg")).expect("a new link");
    fs::create_dir(folder.join("Bundle.pkg")).expect("a new folder");
    tools::write(&folder.join("Bundle.pkg/inner"), b"inner");
    tools::write(&folder.join("bad\\name.pkg"), b"bad");
    tools::write(&folder.join("z.pkg"), b"good");
    published(&node, "z.pkg", b"good");
    for refused in ["link.pkg", "Bundle.pkg", "bad\\name.pkg"] {
        wait::until(&format!("{refused} is refused"), TAKEN_WITHIN, || !refusals(&node, refused).is_empty());
        let record = refusals(&node, refused).remove(0);
        assert!(record["data"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{record}");
    }
    assert_eq!(mesh::listing(&node), [("z.pkg".to_owned(), blake3_hex(b"good"))]);
    tools::rename(&folder.join("a.pkg.part"), &folder.join("a.pkg"));
    published(&node, "a.pkg", b"partial");
}

#[test]
fn a_folder_that_vanishes_unpublishes_nothing_and_is_taken_up_again() {
    let (node, folder) = watching("");
    tools::write(&folder.join("a.pkg"), b"a");
    published(&node, "a.pkg", b"a");
    tools::rename(&folder, &node.folder().join("aside"));
    wait::until("it is told", TAKEN_WITHIN, || !refusals(&node, "").is_empty());
    assert_eq!(node.download("a.pkg").expect(200).text(), "a");
    fs::create_dir(&folder).expect("the folder comes back");
    tools::write(&folder.join("b.pkg"), b"b");
    published(&node, "b.pkg", b"b");
    assert_eq!(node.download("a.pkg").expect(200).text(), "a");
}

#[test]
fn an_unreadable_file_is_told_and_taken_once_it_can_be_read() {
    if !tools::is_root() {
        return tools::leave_out("an unreadable watched file", "needs root to become another user");
    }
    let mut node = Node::new(Setup { unprivileged: true, ..Setup::default() });
    let folder = node.folder().join("drop");
    fs::create_dir(&folder).expect("a new folder");
    let (address, watched) = (node.address(), folder.display());
    let config = format!(
        "[[listeners]]\naddress = \"{address}\"\n[[watches]]\nfolder = \"{watched}\"\nsettle_s = 1\nrescan_s = 2\n"
    );
    node.setup().config = Some(config);
    tools::write(&folder.join("closed.pkg"), b"closed");
    tools::run_well("chmod", &["000", "closed.pkg"], &folder);
    node.launch();
    wait::until("it is told", TAKEN_WITHIN, || !refusals(&node, "closed.pkg").is_empty());
    tools::run_well("chmod", &["644", "closed.pkg"], &folder);
    published(&node, "closed.pkg", b"closed");
    tools::run_well("chmod", &["000", "drop"], node.folder());
    wait::until("the folder is told", TAKEN_WITHIN, || {
        !refusals(&node, "drop").is_empty() || !refusals(&node, "").is_empty()
    });
    assert_eq!(node.download("closed.pkg").expect(200).text(), "closed");
    tools::run_well("chmod", &["755", "drop"], node.folder());
}

#[test]
fn a_node_rebuilt_beside_an_old_folder_does_not_bring_old_versions_back() {
    let hq = Node::start("hq");
    let (mut branch, folder) = watching("");
    mesh::pair(&hq, &branch, "publisher");
    tools::write(&folder.join("a.pkg"), b"old");
    published(&hq, "a.pkg", b"old");
    mesh::stored(&hq, "a.pkg", &blake3_hex(b"old"));
    hq.put("a.pkg", b"new").expect(200);
    mesh::stored(&branch, "a.pkg", &blake3_hex(b"new"));
    branch.stop();
    branch.launch();
    tools::write(&folder.join("marker.pkg"), b"marker");
    published(&hq, "marker.pkg", b"marker");
    mesh::agree(&[&hq, &branch]);
    assert_eq!(hq.download("a.pkg").expect(200).text(), "new", "the old file beside the node stays superseded");
    tools::write(&folder.join("a.pkg"), b"newer");
    published(&hq, "a.pkg", b"newer");
}
