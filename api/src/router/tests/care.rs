//! The scrub, snapshots, and bytes that can't be had.

use ods_store::{ScrubStep, Scrubber};

use super::*;

#[tokio::test]
async fn a_scrub_is_started_shown_and_stopped() {
    let api = Api::new();
    api.publish("a.pkg", b"content", &[]);
    let idle = api.get("/api/v1/storage/scrub").await.ok(200);
    assert_eq!((&idle["state"], &idle["started_at"], &idle["by"]), (&"idle".into(), &Value::Null, &Value::Null));
    let started = api.call(Method::POST, "/api/v1/storage/scrub", Body::empty()).await.ok(202);
    assert_eq!(
        (&started["state"], &started["by"], &started["blobs"]["total"]),
        (&"running".into(), &"token ci".into(), &1.into())
    );
    let again = api.json(Method::POST, "/api/v1/storage/scrub", &serde_json::json!({})).await.ok(202);
    assert_eq!(again["started_at"], started["started_at"], "it is the same pass");
    let stopped = api.call(Method::DELETE, "/api/v1/storage/scrub", Body::empty()).await.ok(200);
    assert_eq!((&stopped["state"], &stopped["stopped"]), (&"idle".into(), &true.into()));
    api.call(Method::POST, "/api/v1/storage/scrub", Body::empty()).await.ok(202);
    let mut scrubber = Scrubber::new(api.store.clone());
    while scrubber.step(1 << 20, NOW).expect("a step") != ScrubStep::Finished {}
    let over = api.get("/api/v1/storage/scrub").await.ok(200);
    assert_eq!(
        (&over["state"], &over["blobs"]["done"], &over["damaged"]),
        (&"idle".into(), &1.into(), &0.into()),
        "{over}"
    );
    assert_eq!((&over["bytes"]["done"], over["finished_at"].is_string()), (&7.into(), true));
}

#[tokio::test]
async fn a_snapshot_is_a_whole_database_and_one_at_a_time() {
    let api = Api::new();
    api.publish("a.pkg", b"content", &[]);
    let answer = api.get("/api/v1/storage/snapshot").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/octet-stream"));
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    assert!(answer.body.starts_with(b"redb"));
    assert_eq!(api.incoming(), 0, "nothing is left behind");
    let held = api.store.snapshot().expect("a snapshot");
    let refused = api.get("/api/v1/storage/snapshot").await;
    refused.problem(503, "under_way");
    assert_eq!(refused.header("retry-after"), "60");
    drop(held);
    assert_eq!(api.get("/api/v1/storage/snapshot").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_snapshot_ends_with_the_token_that_asked_for_it() {
    let api = Api::new();
    let text = "x".repeat(4000);
    for number in 0..100 {
        api.publish(&format!("{number}.pkg"), b"content", &[("title", &text), ("notes", &text)]);
    }
    let token = api.token(Scope::Admin, &[]);
    let request = as_token(Method::GET, "/api/v1/storage/snapshot", &token).body(Body::empty()).expect("a request");
    let mut body = api.router.clone().oneshot(request).await.expect("infallible").into_body();
    body.frame().await.expect("a frame").expect("allowed");
    let row = api.store.authenticate(&token).expect("readable").expect("made");
    assert!(api.store.revoke_token(row.id, &Expected::Any, &Author::new("test"), NOW).expect("revoked"));
    let error = body.frame().await.expect("the end of it").map(drop).expect_err("no more of the database");
    assert!(error.to_string().contains("was revoked meanwhile"), "{error}");
    assert!(body.frame().await.is_none());
}
