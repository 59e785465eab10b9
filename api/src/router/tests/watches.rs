//! Watched folders: who may add which, and what is told of them.

use std::time::Duration;

use axum::http::Method;
use ods_store::{Digest, WatchId, WatchOutcome, WatchedFile};
use serde_json::{Value, json};

use super::Api;
use crate::watch_handle::{RefusedFile, SettlingFile, WatchPause, WatchState, WatchStatus};

const LIST: &str = "/api/v1/watches";

fn status(state: WatchState) -> WatchStatus {
    WatchStatus {
        state,
        last_scan_at: Some(super::NOW),
        files: 3,
        settling: vec![SettlingFile { file: "new.pkg".to_owned(), bytes: 7 }],
        taken: Vec::new(),
        refused: vec![RefusedFile { file: "x".to_owned(), code: "empty", reason: "it is empty".to_owned() }],
        superseded: vec!["old.pkg".to_owned()],
    }
}

async fn made(api: &Api, folder: &str) -> Value {
    api.json(Method::POST, LIST, &json!({"folder": folder, "prefix": "/mac/", "tags": ["new"]})).await.ok(201)
}

async fn audited(api: &Api) -> Vec<String> {
    let entries = api.get("/api/v1/audit").await.ok(200)["items"].clone();
    let actions = entries.as_array().expect("entries").iter().filter_map(|entry| entry["action"].as_str());
    // A change that changes nothing is told as a call.
    actions.filter(|action| *action != "called").map(str::to_owned).collect()
}

#[tokio::test]
async fn a_watch_is_made_changed_and_removed_with_audit_and_version() {
    let api = Api::new();
    let watch = made(&api, "/srv/drop/mac").await;
    let shown = json!({"folder": "/srv/drop/mac", "prefix": "mac", "tags": ["new"], "mode": "keep", "settle_s": 10,
        "rescan_s": 60, "enabled": true, "source": "stored", "place": null, "version": 1, "state": "starting"});
    for (name, value) in shown.as_object().expect("fields") {
        assert_eq!(&watch[name], value, "{name}");
    }
    let one = format!("{LIST}/{}", watch["id"].as_str().expect("an id"));
    let read = api.get(&one).await;
    assert_eq!((read.header("etag"), read.json()), ("\"1\"", watch));

    let change = json!({"mode": "consume", "enabled": false, "settle_s": 0});
    let stale = api.request(Method::PATCH, &one).header("if-match", "\"9\"").header("content-type", "application/json");
    let stale = api.send(stale.body(change.to_string().into()).expect("a request")).await;
    assert_eq!(stale.problem(412, "precondition_failed")["current"], 1);
    let changed = api.json(Method::PATCH, &one, &change).await.ok(200);
    assert_eq!(
        (&changed["mode"], &changed["state"], &changed["version"]),
        (&json!("consume"), &json!("off"), &json!(2))
    );
    let again = api.json(Method::PATCH, &one, &change).await.ok(200);
    assert_eq!(again["version"], 2, "the same change twice is one");

    assert_eq!(api.call(Method::DELETE, &one, "").await.status, 204);
    api.call(Method::DELETE, &one, "").await.problem(404, "no_such_watch");
    assert_eq!(audited(&api).await[..3], ["watch.removed", "watch.changed", "watch.created"]);
    let records = api.get("/api/v1/events?type=watch.changed").await.ok(200)["items"].clone();
    let told: Vec<&Value> = records.as_array().expect("records").iter().map(|it| &it["data"]["change"]).collect();
    assert_eq!(told, ["created", "changed", "removed"]);
}

#[tokio::test]
async fn a_folder_that_may_not_be_watched_is_a_4xx_that_says_why() {
    let api = Api::new();
    made(&api, "/srv/drop/mac").await;
    let cases = [
        (json!({"folder": "/etc"}), 422, "outside_watch_roots"),
        (json!({"folder": ""}), 422, "outside_watch_roots"),
        (json!({"folder": "/srv/drop/none"}), 422, "invalid"),
        (json!({"folder": "/srv/drop/given"}), 409, "folder_taken"),
        (json!({"folder": "/srv/drop/mac"}), 409, "folder_taken"),
        (json!({"folder": "/srv/drop/mac/inner"}), 409, "folder_taken"),
        (json!({"folder": "/srv/drop/win", "prefix": "../x"}), 422, "invalid"),
        (json!({"folder": "/srv/drop/win", "tags": ["a,b", ""]}), 422, "invalid"),
        (json!({"folder": "/srv/drop/win", "rescan_s": 0}), 422, "invalid"),
        (json!({"folder": "/srv/drop/win", "settle_s": 86401}), 422, "invalid"),
        (json!({"folder": "/srv/drop/win", "mode": "eat"}), 422, "invalid"),
        (json!({"folder": "/srv/drop/win", "colour": 1}), 422, "invalid"),
        (json!({}), 422, "invalid"),
    ];
    for (body, status, code) in cases {
        let problem = api.json(Method::POST, LIST, &body).await.problem(status, code);
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
    }
    let endless = json!({"folder": "/srv/drop/win", "tags": ["x".repeat(100_000)]});
    let problem = api.json(Method::POST, LIST, &endless).await.problem(422, "invalid");
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.starts_with("tags has \"xxx") && detail.len() < 200, "{detail}");
    assert_eq!(api.get(LIST).await.ok(200)["total"], 2, "nothing was made");
    let other = made(&api, "/srv/drop/other").await;
    let thrice = json!({"folder": "/srv/drop/thrice", "tags": ["b", "a", "b", "b"]});
    assert_eq!(api.json(Method::POST, LIST, &thrice).await.ok(201)["tags"], json!(["b", "a"]));
    let one = format!("{LIST}/{}", other["id"].as_str().expect("an id"));
    api.json(Method::PATCH, &one, &json!({"folder": "/srv/drop/mac/x"})).await.problem(409, "folder_taken");
    api.json(Method::PATCH, &one, &json!({"folder": "/etc"})).await.problem(422, "outside_watch_roots");
}

#[tokio::test]
async fn a_watch_of_the_configuration_is_listed_first_and_changed_there() {
    let api = Api::new();
    made(&api, "/srv/drop/mac").await;
    let list = api.get(LIST).await.ok(200);
    let given = &list["items"][0];
    assert_eq!((&given["folder"], &given["source"]), (&json!("/srv/given"), &json!("flag")));
    assert_eq!(
        (&given["place"], &given["version"], &given["state"]),
        (&json!("flag --watch"), &Value::Null, &json!("starting"))
    );
    let one = format!("{LIST}/{}", given["id"].as_str().expect("an id"));
    api.json(Method::PATCH, &one, &json!({"enabled": false})).await.problem(409, "set_elsewhere");
    api.call(Method::DELETE, &one, "").await.problem(409, "set_elsewhere");
    api.call(Method::POST, &format!("{one}/scan"), "").await.ok(202);
    assert_eq!(audited(&api).await[0], "watch.scan_asked");
    assert_eq!(api.store.watch_orders(WatchId::of_folder("/srv/given")).expect("read").scans, 1);
    let first = api.get(&format!("{LIST}?limit=1")).await.ok(200);
    let next = first["next"].as_str().expect("more");
    let second = api.get(&format!("{LIST}?limit=1&after={next}")).await.ok(200);
    assert_eq!((&second["items"][0]["folder"], &second["next"]), (&json!("/srv/drop/mac"), &Value::Null));
}

#[tokio::test]
async fn a_watch_that_waits_says_for_what_and_what_to_do() {
    let api = Api::new();
    let id = WatchId::of_folder("/srv/given");
    api.watches.show(id, status(WatchState::Waiting));
    let shown = api.get(&format!("{LIST}/{id}")).await.ok(200);
    assert_eq!(shown["state"], "waiting");
    let reason = shown["reason"].as_str().expect("a reason");
    assert!(reason.contains("caught up with a peer") && reason.contains("doesn't wait for paused"), "{reason}");
}

#[tokio::test]
async fn a_watch_shows_what_its_worker_sees() {
    let api = Api::new();
    let id = WatchId::of_folder("/srv/given");
    api.watches.show(id, status(WatchState::Failing { reason: "it is gone".to_owned() }));
    let shown = api.get(&format!("{LIST}/{id}")).await.ok(200);
    let expected = json!({"state": "failing", "reason": "it is gone", "pause": null, "files": 3,
        "last_scan_at": "2027-01-15T08:00:00Z", "settling": [{"file": "new.pkg", "bytes": 7}], "taken": [],
        "refused": [{"file": "x", "code": "empty", "reason": "it is empty"}], "superseded": ["old.pkg"]});
    for (name, value) in expected.as_object().expect("fields") {
        assert_eq!(&shown[name], value, "{name}");
    }
}

#[tokio::test]
async fn only_what_a_paused_mirror_shows_is_confirmed() {
    let api = Api::new();
    let id = WatchId::of_folder("/srv/given");
    let confirm = format!("{LIST}/{id}/confirm");
    let (digest, other) = (Digest::of(b"missing"), Digest::of(b"other"));
    let body = |digest: &Digest| json!({"missing_digest": digest.to_string()});
    api.json(Method::POST, &confirm, &body(&digest)).await.problem(409, "nothing_to_confirm");
    let pause = WatchPause {
        reason: "paused".to_owned(),
        since: super::NOW,
        missing: 2,
        published: 3,
        files: vec!["a".to_owned(), "b".to_owned()],
        digest: Some(digest),
    };
    api.watches.show(id, status(WatchState::Paused(pause.clone())));
    let shown = api.get(&format!("{LIST}/{id}")).await.ok(200);
    assert_eq!(shown["pause"]["missing_digest"], digest.to_string());
    assert_eq!((&shown["state"], &shown["pause"]["files"]), (&json!("paused"), &json!(["a", "b"])));
    api.json(Method::POST, &confirm, &json!({"missing_digest": "x"})).await.problem(422, "invalid");
    api.json(Method::POST, &confirm, &body(&other)).await.problem(412, "precondition_failed");
    api.json(Method::POST, &confirm, &body(&digest)).await.ok(202);
    assert_eq!(api.store.watch_orders(id).expect("read").confirmed, Some(digest));
    api.watches.show(id, status(WatchState::Paused(WatchPause { digest: None, ..pause })));
    api.json(Method::POST, &confirm, &body(&digest)).await.problem(409, "nothing_to_confirm");
}

#[tokio::test]
async fn a_watch_told_to_publish_elsewhere_says_what_stays_at_the_old_place() {
    let api = Api::new();
    let watch = made(&api, "/srv/drop/mac").await;
    let package = api.publish("mac/a.pkg", b"a", &[]);
    let removed = api.publish("mac/b.pkg", b"b", &[]);
    api.call(Method::DELETE, "/api/v1/packages/mac/b.pkg", axum::body::Body::empty()).await;
    for (file, package) in [("a.pkg", &package), ("b.pkg", &removed)] {
        let outcome = WatchOutcome::Published(package.revision);
        let seen = WatchedFile { bytes: 1, modified_ns: 0, inode: 0, digest: Some(package.blob), outcome };
        api.store.put_watched_file(&format!("/srv/drop/mac/{file}"), &seen).expect("remembered");
    }
    let one = format!("{LIST}/{}", watch["id"].as_str().expect("an id"));
    assert_eq!(api.json(Method::PATCH, &one, &json!({"tags": ["prod"]})).await.ok(200)["left"], Value::Null);
    let moved = api.json(Method::PATCH, &one, &json!({"prefix": "new"})).await.ok(200);
    assert_eq!(moved["left"], json!({"count": 1, "paths": ["mac/a.pkg"]}));
    assert_eq!(api.get(&one).await.ok(200)["left"], Value::Null);
}

/// The clock stands until nobody has anything to do, and goes on to whatever is waited for.
#[tokio::test(start_paused = true)]
async fn removing_a_watch_is_answered_when_nothing_of_it_is_under_way_any_more_or_after_10_s() {
    let api = Api::new();
    let id: WatchId = made(&api, "/srv/drop/mac").await["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    api.state.watches.show(id, status(WatchState::Watching));
    let one = format!("{LIST}/{id}");
    let mut removal = std::pin::pin!(api.call(Method::DELETE, &one, ""));
    let early = tokio::time::timeout(Duration::from_secs(9), removal.as_mut()).await;
    assert!(early.is_err(), "answered while it takes a file still");
    api.get(&one).await.problem(404, "no_such_watch");
    api.state.watches.forget(id);
    assert_eq!(removal.await.status, 204);

    let id: WatchId = made(&api, "/srv/drop/win").await["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    api.state.watches.show(id, status(WatchState::Watching));
    let asked = tokio::time::Instant::now();
    assert_eq!(api.call(Method::DELETE, &format!("{LIST}/{id}"), "").await.status, 204);
    assert_eq!(asked.elapsed().as_secs(), 10);
}
