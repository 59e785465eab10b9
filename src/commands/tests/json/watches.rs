//! Watched folders.

use super::*;

/// What a watch tells of its work, which goes on beside the command.
const AT_WORK: [&str; 7] = ["state", "reason", "pause", "last_scan_at", "files", "settling", "taken"];

#[expect(clippy::disallowed_methods, reason = "a test plays the admin who removes files")]
fn remove(file: &Path) {
    std::fs::remove_file(file).expect("removed");
}

#[tokio::test]
async fn watches() {
    let folder = tempfile::tempdir().expect("a folder");
    // Watches may be made below it.
    let environment = [("ODS_WATCH_ROOTS", folder.path().to_str().expect("UTF-8").to_owned())].into_iter().collect();
    let node = Node::start_in(folder, "hq", &environment).await;
    let at_work = Given { varying: &AT_WORK, ..Given::default() };
    let place = node.folder.path();
    for name in ["drop", "mirror"] {
        std::fs::create_dir(node.path(name)).expect("made");
        node.write(&format!("{name}/Tool-1.pkg"), b"a package");
    }
    let [drop, mirror] = ["drop", "mirror"].map(|name| node.path(name).display().to_string());
    let add = ["watch", "add", &drop, "--prefix", "mac", "--tag", "new", "--settle", "0s"];
    snapshot_given(place, "watch-add", &add, at_work).await;
    node.well(&["watch", "add", &mirror, "--prefix", "mirrored", "--mode", "mirror", "--settle", "0s"]).await;
    for folder in [&drop, &mirror] {
        let is_taken = async || node.json(&["watch", "show", folder]).await["taken"][0].is_object();
        until("the file is taken", is_taken).await;
    }
    snapshot(&node, "watch-show", &["watch", "show", &drop]).await;

    remove(&node.path("mirror/Tool-1.pkg"));
    snapshot_given(place, "watch-scan", &["watch", "scan", &mirror], at_work).await;
    let asks = async || node.json(&["watch", "show", &mirror]).await["pause"]["missing_digest"].is_string();
    until("the mirror asks", asks).await;
    let asking = snapshot(&node, "watch-show-paused", &["watch", "show", &mirror]).await;
    let missing = asking["pause"]["missing_digest"].as_str().expect("a digest");
    snapshot_given(place, "watch-confirm", &["watch", "confirm", &mirror, "--missing", missing], at_work).await;
    node.well(&["watch", "rm", &mirror]).await;

    snapshot_given(place, "watch-set", &["watch", "set", &drop, "--off"], at_work).await;
    snapshot_given(place, "watch-ls", &["watch", "ls"], at_work).await;
    snapshot(&node, "watch-rm", &["watch", "rm", &drop]).await;
    node.stop().await;
}
