//! The node among others: how it stands, links, invites, the roster.

use super::*;

#[tokio::test]
async fn a_node_alone() {
    let node = settled().await;
    snapshot(&node, "status", &["status"]).await;
    snapshot(&node, "mesh", &["mesh"]).await;
    snapshot(&node, "mesh-missing", &["mesh", "--missing", "hq"]).await;
    snapshot(&node, "transfers", &["transfers"]).await;
    snapshot(&node, "transfers-recent", &["transfers", "--recent"]).await;
    snapshot(&node, "limit", &["limit"]).await;
    snapshot(&node, "policy", &["policy", "selected", "--path", "mac/*"]).await;
    snapshot(&node, "roster-ls", &["roster", "ls"]).await;
    // A key of RFC 8032, section 7.1, as that of a node that comes later.
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    snapshot(&node, "roster-admit", &["roster", "admit", key, "--role", "publisher", "--prefix", "mac"]).await;
    snapshot(&node, "roster-expel-dry-run", &["roster", "expel", key, "--dry-run"]).await;
    snapshot(&node, "roster-expel", &["roster", "expel", key, "--yes"]).await;
    node.stop().await;
}

#[tokio::test]
async fn two_that_are_linked() {
    let hq = Node::start().await;
    let branch = Node::start_in(tempfile::tempdir().expect("a folder"), "branch", &Environment::default()).await;
    let invite = snapshot(&hq, "peer-invite", &["peer", "invite"]).await;
    let line = invite["invite"].as_str().expect("a line");
    // How far it is with the link differs.
    let given = Given { varying: &["state", "last_seen", "error", "behind"], ..Given::default() };
    snapshot_given(branch.folder.path(), "peer-join", &["peer", "join", line], given).await;
    let is_linked = async || {
        let peer = branch.json(&["peer", "show", "hq"]).await;
        peer["state"] == "connected" && peer["behind"].is_object()
    };
    until("they are linked", is_linked).await;
    snapshot(&branch, "peer-ls", &["peer", "ls"]).await;
    snapshot(&branch, "peer-show", &["peer", "show", "hq"]).await;
    snapshot(&branch, "peer-sync", &["peer", "sync", "hq"]).await;
    snapshot(&branch, "peer-set", &["peer", "set", "hq", "--pause"]).await;
    snapshot(&branch, "peer-rm", &["peer", "rm", "hq"]).await;
    snapshot(&hq, "peer-invites", &["peer", "invites"]).await;
    let open = hq.json(&["peer", "invite", "--role", "publisher", "--prefix", "mac"]).await;
    snapshot(&hq, "peer-revoke", &["peer", "revoke", open["id"].as_str().expect("an id")]).await;
    branch.stop().await;
    hq.stop().await;
}
