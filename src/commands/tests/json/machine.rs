//! The node's machine: settings, storage, backups, the service.

use super::*;

/// The text of a path in a node's folder.
fn place(node: &Node, name: &str) -> String {
    node.path(name).display().to_string()
}

#[tokio::test]
async fn the_configuration_and_what_a_start_says() {
    let node = Node::start().await;
    let folder = node.folder.path();
    snapshot_given(folder, "config", &["config"], Given::default()).await;
    let said = crate::commands::serve::to_json(node.server.facts(), &folder.join("data"));
    hold("serve", &Redaction { folder, varying: &["set_up"] }, said);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored() {
    let node = settled().await;
    node.well(&["push", &node.write("Tool-1.pkg", &bytes(1, 1000))]).await;
    snapshot(&node, "storage", &["storage"]).await;
    snapshot(&node, "storage-trend", &["storage", "--trend"]).await;
    snapshot(&node, "gc", &["gc", "--dry-run"]).await;
    let scrubbing = Given { varying: &["state", "finished_at", "done"], ..Given::default() };
    snapshot_given(node.folder.path(), "scrub", &["scrub"], scrubbing).await;

    let database = Given { varying: &["database"], ..Given::default() };
    let folder = node.folder.path();
    snapshot_given(folder, "backup", &["backup", &place(&node, "backups"), "--keep", "2"], database).await;
    snapshot_given(folder, "backup-ls", &["backup", "ls", &place(&node, "backups")], database).await;
    let restored = place(&node, "restored");
    let restore = ["backup", "restore", &place(&node, "backups"), "--data", &restored];
    snapshot_given(folder, "backup-restore", &restore, database).await;
    snapshot(&node, "verify", &["verify", "--data", &restored]).await;
    snapshot(&node, "verify-rebuild", &["verify", "--data", &restored, "--rebuild"]).await;
    node.stop().await;
}

/// Into the image of a system, so nothing is started.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_service_of_a_system_with_systemd() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().display().to_string();
    let install = ["service", "install", "--root", &root, "--data", "/var/lib/ods"];
    snapshot_given(folder.path(), "service-install", &install, Given::default()).await;
    let uninstall = ["service", "uninstall", "--root", &root];
    snapshot_given(folder.path(), "service-uninstall", &uninstall, Given::default()).await;
}
