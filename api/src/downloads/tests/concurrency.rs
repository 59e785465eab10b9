//! Many clients, and packages replaced under them.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use ods_store::Digest;
use tokio::task::JoinSet;

use super::{Bench, Reply};

/// Content that says in every byte which version it is.
fn version(n: u8) -> Vec<u8> {
    vec![n; 2_000_000 + usize::from(n)]
}

fn get(target: &str, range: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().uri(target);
    if let Some(range) = range {
        request = request.header("range", range);
    }
    request.body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn a_download_under_way_keeps_its_bytes_when_the_package_is_replaced_and_removed() {
    let bench = Bench::new();
    bench.publish("x.pkg", &version(1));
    let early = bench.begin(get("/Packages/x.pkg", None)).await;
    bench.publish("x.pkg", &version(2));
    let late = bench.begin(get("/Packages/x.pkg", None)).await;
    bench.remove("x.pkg");
    let (early, late) = (Reply::read(early).await, Reply::read(late).await);
    assert!(early.bytes() == version(1).as_slice() && late.bytes() == version(2).as_slice());
    assert_ne!(early.field("etag"), late.field("etag"));
    assert_eq!(bench.get("/Packages/x.pkg").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_client_ever_sees_two_versions_in_one_answer() {
    let bench = Arc::new(Bench::new());
    bench.publish("x.pkg", &version(0));
    let mut clients = JoinSet::new();
    for client in 0..8 {
        let bench = Arc::clone(&bench);
        clients.spawn(async move {
            for turn in 0..12 {
                let range = (turn % 3 == 1).then_some("bytes=0-99,1500000-");
                let reply = Reply::read(bench.begin(get("/Packages/x.pkg", range)).await).await;
                check_one_version(&reply, range.is_some(), client);
            }
        });
    }
    for n in 1..=10 {
        let bench = Arc::clone(&bench);
        tokio::task::spawn_blocking(move || bench.publish("x.pkg", &version(n))).await.expect("published");
    }
    while let Some(outcome) = clients.join_next().await {
        outcome.expect("a client that saw no mixed bytes");
    }
}

fn check_one_version(reply: &Reply, in_parts: bool, client: usize) {
    let bytes = reply.bytes();
    assert_eq!(reply.field("content-length"), bytes.len().to_string(), "client {client}");
    if in_parts {
        assert_eq!(reply.status, StatusCode::PARTIAL_CONTENT, "client {client}");
        return;
    }
    assert_eq!(reply.status, StatusCode::OK, "client {client}");
    assert!(bytes == version(bytes[0]).as_slice(), "client {client}: version {} is mixed", bytes[0]);
    assert_eq!(reply.field("etag"), format!("\"{}\"", Digest::of(bytes)), "client {client}");
}
