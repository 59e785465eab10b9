//! `/storage`: usage, and runs of gc.

use ods_store::{Keep, Retention, SpacePolicy};
use serde_json::json;

use super::*;

/// An API whose node keeps one revision of each package and nothing for its youth.
fn strict() -> Api {
    let retention = Retention::new(Keep { revisions: 1, age_ms: 0, removed_ms: 3000 }, &[]).expect("valid");
    Api::with_space(SpacePolicy { grace_ms: 0, retention })
}

fn publish(api: &Api, content: &[u8]) {
    let path = PackagePath::parse("a.pkg").expect("a path");
    let (condition, author) = (ods_store::Condition::None, Author::new("test"));
    let request = PublishRequest { path, meta: ods_store::MetaPatch::new(), condition, author };
    let mut upload = api.store.begin_upload(None).expect("room");
    upload.write(content).expect("written");
    api.store.publish(upload.finish().expect("whole"), &request, NOW).expect("published");
}

#[tokio::test]
async fn the_trend_lists_what_was_noted_and_pages_through_it() {
    let api = strict();
    assert_eq!(api.get("/api/v1/storage/trend").await.ok(200), json!({"items": [], "next": null, "total": 0}));
    api.store.note_usage(NOW).expect("noted");
    publish(&api, b"first");
    api.store.note_usage(NOW.plus_ms(3_600_000)).expect("noted");
    let all = api.get("/api/v1/storage/trend").await.ok(200);
    let blobs: Vec<_> = all["items"].as_array().expect("items").iter().map(|note| &note["blobs"]).collect();
    assert_eq!(blobs, [&json!({"count": 0, "bytes": 0}), &json!({"count": 1, "bytes": 5})]);
    assert!(all["items"][0]["database_bytes"].as_u64() > Some(0), "{all}");
    let first = api.get("/api/v1/storage/trend?limit=1").await.ok(200);
    let next = first["next"].as_str().expect("there is more");
    let second = api.get(&format!("/api/v1/storage/trend?limit=1&after={next}")).await.ok(200);
    assert_eq!((&second["items"][0], &second["next"]), (&all["items"][1], &serde_json::Value::Null));
    api.get("/api/v1/storage/trend?limit=0").await.problem(400, "bad_query");
}

#[tokio::test]
async fn a_dry_run_tells_what_the_run_after_it_removes() {
    let api = strict();
    publish(&api, b"first");
    publish(&api, b"second one");
    let first = api.get("/api/v1/revisions/a.pkg").await.ok(200)["items"][1].clone();
    let dry = api.json(Method::POST, "/api/v1/storage/gc", &json!({"dry_run": true})).await.ok(200);
    assert_eq!(
        dry,
        json!({
            "dry_run": true, "blobs": 1, "bytes": 5, "orphans": {"files": 0, "bytes": 0},
            "kept": {"live": 1, "retained": 0, "young": 0},
            "items": [{"blob": first["blob"], "size": 5, "path": "a.pkg", "revision": first["revision"], "revisions": 1,
                "reason": "superseded"}],
            "truncated": false, "failed": {"count": 0, "first": null},
        })
    );
    assert_eq!(api.get("/api/v1/revisions/a.pkg").await.ok(200)["items"][1]["bytes_held"], true);
    let mut real = api.json(Method::POST, "/api/v1/storage/gc", &json!({})).await.ok(200);
    assert_eq!(real["dry_run"], false);
    real["dry_run"] = true.into();
    assert_eq!(real, dry);
    assert_eq!(api.get("/api/v1/revisions/a.pkg").await.ok(200)["items"][1]["bytes_held"], false);
    let restore = json!({"path": "a.pkg", "revision": first["revision"]});
    api.json(Method::POST, "/api/v1/restore", &restore).await.problem(409, "bytes_not_held");
    let told = api.get("/api/v1/events?type=storage.collected").await.ok(200);
    assert_eq!(
        told["items"][0]["data"],
        json!({"blobs": 1, "bytes": 5, "orphans": {"files": 0, "bytes": 0}}),
        "{told}"
    );
}

#[tokio::test]
async fn usage_says_what_the_bytes_are_kept_for() {
    let api = strict();
    publish(&api, b"first");
    publish(&api, b"second one");
    let before = api.get("/api/v1/storage").await.ok(200);
    assert_eq!(before["blobs"], json!({"count": 2, "bytes": 15}));
    assert_eq!(
        (&before["live"], &before["collectable"]),
        (&json!({"count": 1, "bytes": 10}), &json!({"count": 1, "bytes": 5}))
    );
    assert_eq!((&before["last_gc"], &before["incoming"]), (&Value::Null, &json!({"files": 0, "bytes": 0})));
    assert!(before["database_bytes"].as_u64() > Some(0) && before["free_bytes"].as_u64() > Some(0));
    api.json(Method::POST, "/api/v1/storage/gc", &json!({"dry_run": false})).await.ok(200);
    let after = api.get("/api/v1/storage").await.ok(200);
    assert_eq!(after["collectable"], json!({"count": 0, "bytes": 0}));
    assert_eq!(after["last_gc"], json!({"at": "2027-01-15T08:00:00Z", "blobs": 1, "bytes": 5}));
}

#[tokio::test]
async fn what_was_removed_is_kept_for_a_while_unless_it_is_to_be_forgotten() {
    let api = strict();
    publish(&api, b"first");
    let removed = api.call(Method::DELETE, "/api/v1/packages/a.pkg", Body::empty()).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    let kept = api.json(Method::POST, "/api/v1/storage/gc", &json!({})).await.ok(200);
    assert_eq!((&kept["blobs"], &kept["kept"]["retained"]), (&json!(0), &json!(1)));
    let dry = api.json(Method::POST, "/api/v1/storage/gc", &json!({"removed": true, "dry_run": true})).await.ok(200);
    assert_eq!((&dry["blobs"], &dry["items"][0]["reason"]), (&json!(1), &json!("removed")));
    api.json(Method::POST, "/api/v1/storage/gc", &json!({"removed": true})).await.ok(200);
    assert_eq!(api.get("/api/v1/revisions/a.pkg").await.ok(200)["items"][1]["bytes_held"], false);
}

#[tokio::test]
async fn only_an_admin_collects_and_only_one_run_at_a_time() {
    let api = strict();
    let reader = token(&api.store, Scope::Read, &[]);
    let call = |method, path: &str, body: &'static str| {
        let request = as_token(method, path, &reader).header("content-type", "application/json");
        request.body(Body::from(body)).expect("a request")
    };
    api.send(call(Method::GET, "/api/v1/storage", "")).await.ok(200);
    let dry = call(Method::POST, "/api/v1/storage/gc", "{\"dry_run\":true}");
    api.send(dry).await.problem(403, "scope_too_small");
    api.json(Method::POST, "/api/v1/storage/gc", &json!({"dryrun": true})).await.problem(422, "invalid");
    let policy = &api.options.space;
    let run = api.store.begin_gc(policy, ods_store::GcMode::Collect, NOW).expect("nobody else collects");
    api.json(Method::POST, "/api/v1/storage/gc", &json!({})).await.problem(409, "gc_running");
    drop(run);
    api.json(Method::POST, "/api/v1/storage/gc", &json!({})).await.ok(200);
}
