//! Who may do what: tokens, users, sessions, and what they did.

use super::*;

#[tokio::test]
async fn tokens_and_the_audit() {
    let node = Node::start().await;
    let token = snapshot(&node, "token-create", &["token", "create", "ci", "--scope", "read"]).await;
    snapshot(&node, "token-ls", &["token", "ls"]).await;
    snapshot(&node, "token-revoke", &["token", "revoke", token["id"].as_str().expect("an id")]).await;
    snapshot(&node, "session-show", &["session", "show"]).await;
    snapshot(&node, "settings-set", &["settings", "set", "gc.grace=2d"]).await;
    snapshot(&node, "audit", &["audit", "--limit", "1"]).await;
    snapshot(&node, "settings-unset", &["settings", "unset", "gc.grace"]).await;
    snapshot(&node, "settings-show", &["settings", "show", "gc.grace"]).await;
    snapshot(&node, "settings-ls", &["settings", "ls"]).await;
    node.stop().await;
}

#[tokio::test]
async fn users_and_their_sessions() {
    let node = Node::start().await;
    let place = node.folder.path();
    snapshot(&node, "user-link", &["user", "link"]).await;
    let first = Given { piped: "a long enough one\n", ..Given::default() };
    let add = ["user", "add", "ada", "--scope", "publish", "--prefix", "mac", "--password-stdin"];
    snapshot_given(place, "user-add", &add, first).await;
    let begun = snapshot_given(place, "session-start", &["session", "start", "ada", "--password-stdin"], first).await;
    let secret = [("ODS_TOKEN", begun["secret"].as_str().expect("a secret"))];
    let signed_in = Given { environment: &secret, ..Given::default() };
    snapshot_given(place, "session-show-signed-in", &["session", "show"], signed_in).await;
    snapshot(&node, "session-ls", &["session", "ls"]).await;
    let both = Given { piped: "a long enough one\nanother long one\n", ..signed_in };
    snapshot_given(place, "session-password", &["session", "password", "--password-stdin"], both).await;
    snapshot_given(place, "session-end", &["session", "end"], signed_in).await;
    snapshot(&node, "user-show", &["user", "show", "ada"]).await;
    snapshot(&node, "user-edit", &["user", "edit", "ada", "--scope", "read", "--everywhere"]).await;
    snapshot(&node, "user-ls", &["user", "ls"]).await;
    snapshot(&node, "user-rm", &["user", "rm", "ada"]).await;
    node.stop().await;
}
