//! `ods push --wait` at a node that has the package, and says nothing of the others.

use std::time::{Duration, Instant};

use axum::routing::get;
use axum::{Json, Router};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_in_time_though_the_node_says_nothing() {
    let node = Node::start().await;
    let file = node.write("a.pkg", b"1");
    let pushed = node.json(&["push", &file]).await;
    let package = pushed["package"].clone();
    let router = Router::new()
        .route("/api/v1/packages/{*path}", get(|| async { Json(package) }).put(|| async { Json(pushed) }))
        .route("/api/v1/replication/{*path}", get(std::future::pending::<()>));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let silent = format!("http://{}", listener.local_addr().expect("an address"));
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await });

    let typed = ["push", &file, "--wait", "--timeout", "1s", "--server", &silent, "--json"];
    let began = Instant::now();
    let running = run(node.folder.path(), &typed, &[("ODS_TOKEN", "t")], "");
    let (outcome, printed) = tokio::time::timeout(Duration::from_mins(1), running).await.expect("it ends");
    let failure = outcome.expect_err("it isn't known to be everywhere").to_json();
    assert_eq!((&failure["code"], &failure["exit_code"]), (&json!("not_everywhere_yet"), &json!(5)), "{failure}");
    assert!(failure["detail"].as_str().expect("text").contains("the node asked doesn't answer"), "{failure}");
    assert!(began.elapsed() >= Duration::from_secs(1), "it gave up after {:?}", began.elapsed());
    assert_eq!(
        serde_json::from_str::<Value>(&printed).expect("JSON")["package"]["path"],
        "a.pkg",
        "that it is published was told"
    );
    node.stop().await;
}
