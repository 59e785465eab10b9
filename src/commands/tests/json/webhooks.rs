//! Webhooks, and what is sent to them.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;

use super::*;

/// A receiver that takes what is sent to `/good`, and nothing that is sent to `/bad`; ends when the set is dropped.
async fn receiver() -> (String, JoinSet<std::io::Result<()>>) {
    let router = Router::new()
        .route("/good", post(async || StatusCode::NO_CONTENT))
        .route("/bad", post(async || (StatusCode::INTERNAL_SERVER_ERROR, "not today")));
    serve(router).await
}

#[tokio::test]
async fn webhooks() {
    let node = Node::start().await;
    let address = "https://hooks.example.org/ods";
    snapshot(&node, "webhook-add", &["webhook", "add", address, "--name", "chat", "--type", "package.*"]).await;
    snapshot(&node, "webhook-ls", &["webhook", "ls"]).await;
    snapshot(&node, "webhook-show", &["webhook", "show", "chat"]).await;
    snapshot(&node, "webhook-edit", &["webhook", "edit", "chat", "--tag", "prod"]).await;
    snapshot(&node, "webhook-disable", &["webhook", "disable", "chat"]).await;
    snapshot(&node, "webhook-enable", &["webhook", "enable", "chat"]).await;
    snapshot(&node, "webhook-rotate", &["webhook", "rotate", "chat"]).await;
    snapshot(&node, "webhook-rm", &["webhook", "rm", "chat"]).await;
    node.stop().await;
}

#[tokio::test]
async fn what_is_sent_to_them() {
    let node = Node::start().await;
    let (url, _serving) = receiver().await;
    for name in ["good", "bad"] {
        let address = format!("{url}/{name}");
        node.well(&["webhook", "add", &address, "--name", name, "--allow-private", "--type", "package.published"])
            .await;
    }
    let sent = snapshot(&node, "webhook-test", &["webhook", "test", "good"]).await;
    let delivery = sent["id"].as_str().expect("an id");
    snapshot(&node, "webhook-log", &["webhook", "log", "good"]).await;
    snapshot(&node, "webhook-log-one", &["webhook", "log", "good", delivery]).await;
    snapshot(&node, "webhook-redeliver", &["webhook", "redeliver", "good", delivery]).await;
    let is_delivered = async || node.json(&["webhook", "log", "good", delivery]).await["state"] == "delivered";
    until("it is delivered again", is_delivered).await;
    snapshot(&node, "webhook-redeliver-since", &["webhook", "redeliver", "good", "--all-since", "1d"]).await;
    node.well(&["push", &node.write("Tool-1.pkg", b"a package")]).await;
    let fails = async || !node.json(&["webhook", "show", "bad"]).await["failing"].is_null();
    until("it fails", fails).await;
    snapshot(&node, "webhook-skip", &["webhook", "skip", "bad"]).await;
    node.stop().await;
}
