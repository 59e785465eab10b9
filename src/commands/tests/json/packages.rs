//! Packages, their history, and what is on its way in.

use super::*;

#[tokio::test]
async fn packages() {
    let node = settled().await;
    let file = node.write("Tool-1.pkg", &bytes(1, 1000));
    snapshot(&node, "push", &["push", &file, "--path", "mac/Tool-1.pkg", "--tag", "prod"]).await;
    snapshot(&node, "set", &["set", "mac/Tool-1.pkg", "--title", "Tool", "--version", "1"]).await;
    snapshot(&node, "tag", &["tag", "mac/Tool-1.pkg", "--add", "new"]).await;
    snapshot(&node, "events", &["events", "--type", "package.published"]).await;
    snapshot(&node, "ls", &["ls"]).await;
    snapshot(&node, "ls-anchors", &["ls", "--anchors"]).await;
    snapshot(&node, "show", &["show", "mac/Tool-1.pkg"]).await;
    let history = snapshot(&node, "show-history", &["show", "--history", "mac/Tool-1.pkg"]).await;
    snapshot(&node, "show-nodes", &["show", "--nodes", "mac/Tool-1.pkg"]).await;
    let pulled = node.folder.path().join("pulled.pkg").display().to_string();
    snapshot(&node, "pull", &["pull", "mac/Tool-1.pkg", "--output", &pulled]).await;
    snapshot(&node, "rm", &["rm", "mac/Tool-1.pkg"]).await;
    let first = history["items"][2]["revision"].as_str().expect("the first revision");
    snapshot(&node, "restore", &["restore", "mac/Tool-1.pkg", first]).await;
    let failure = node.ods(&["show", "none.pkg", "--json"]).await.expect_err("there is none");
    let redaction = Redaction { folder: node.folder.path(), varying: &[] };
    hold("failure", &redaction, json!({"exit": failure.exit().code(), "failure": failure.to_json()}));
    node.stop().await;
}

#[tokio::test]
async fn uploads() {
    let node = Node::start().await;
    snapshot(&node, "api", &["api", "OPTIONS", "/uploads"]).await;
    // The path is `Tool-1.pkg`, in base64.
    let headers = ["Tus-Resumable: 1.0.0", "Upload-Length: 1000", "Upload-Metadata: path VG9vbC0xLnBrZw=="];
    let typed = [vec!["api", "POST", "/uploads"], headers.iter().flat_map(|header| ["--header", header]).collect()];
    node.well(&typed.concat()).await;
    let listed = snapshot(&node, "upload-ls", &["upload", "ls"]).await;
    let id = listed["items"][0]["id"].as_str().expect("an id");
    snapshot(&node, "upload-show", &["upload", "show", id]).await;
    snapshot(&node, "upload-rm", &["upload", "rm", id]).await;
    node.stop().await;
}
