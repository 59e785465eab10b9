//! The audit, settings, many packages at once, and jumping in lists.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use ods_store::{GcMode, SpacePolicy};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::*;
use crate::request::ClientAddress;
use crate::settings_handle::{Setting, SettingChange, SettingSource, SettingsHandle};

impl Api {
    async fn entries(&self, query: &str) -> Vec<Value> {
        let page = self.get(&format!("/api/v1/audit?{query}")).await.ok(200);
        page["items"].as_array().expect("a list").clone()
    }

    /// With settings whose check does this as well.
    pub(super) fn with_settings(checking: impl Fn() + Send + Sync + 'static) -> Self {
        let setting = |key, value: Value, source, change| Setting {
            key,
            meaning: "what it means",
            kind: "text",
            bounds: None,
            default: Some(value.clone()),
            value,
            source,
            place: "flag --log".to_owned(),
            change,
        };
        let all = vec![
            setting("downloads.access", json!("open"), SettingSource::Default, SettingChange::Now),
            setting("gc.grace", json!("1d"), SettingSource::Default, SettingChange::Restart),
            setting("gc.every", json!("6h"), SettingSource::Flag, SettingChange::Restart),
            setting("data", json!("/srv"), SettingSource::Default, SettingChange::Never),
            setting("urls", json!([]), SettingSource::Default, SettingChange::Now),
            setting("name", json!("node"), SettingSource::Flag, SettingChange::Now),
            setting("quota.low", json!("1"), SettingSource::Default, SettingChange::Restart),
            setting("quota.high", json!("9"), SettingSource::Default, SettingChange::Restart),
        ];
        let check = move |values: &BTreeMap<String, Value>| match values.iter().find(|(_, value)| *value == "bad") {
            Some((key, _)) => Err((key.clone(), "it is bad".to_owned())),
            None if values.keys().filter(|key| key.starts_with("quota.")).count() == 2 => {
                Err(("quota.low".to_owned(), "the two cross".to_owned()))
            }
            None => {
                checking();
                Ok(())
            }
        };
        Self::with_options(ApiOptions { settings: SettingsHandle::new(all, check), ..ApiOptions::default() })
    }

    async fn all_bulk_places(&self) -> OwnedSemaphorePermit {
        let places = u32::try_from(self.state.bulk_places.available_permits()).expect("few");
        assert!(places > 0 && places <= 4, "{places} calls at a time");
        self.state.bulk_places.clone().acquire_many_owned(places).await.expect("all places")
    }
}

#[tokio::test]
async fn every_change_is_an_entry_with_who_from_where_before_and_after() {
    let api = Api::new();
    let mut put = api.request(Method::PUT, "/api/v1/packages/a.pkg?tag=test").body(Body::from("a")).expect("a request");
    put.extensions_mut().insert(ClientAddress(std::net::IpAddr::from([192, 0, 2, 7])));
    api.send(put).await.ok(201);
    let patch = json!({"tags": ["prod"]});
    api.json(Method::PATCH, "/api/v1/packages/a.pkg", &patch).await.ok(200);
    // The same again changes nothing, so there is nothing to tell.
    api.json(Method::PATCH, "/api/v1/packages/a.pkg", &patch).await.ok(200);
    api.call(Method::DELETE, "/api/v1/packages/a.pkg", Body::empty()).await;
    let named = api.json(Method::PATCH, "/api/v1/node", &json!({"name": "  lab "})).await.ok(200);
    assert_eq!(named["name"], "lab", "as the configuration takes it");
    let entries = api.entries("action=package.*,node.changed").await;
    let told: Vec<&Value> = entries.iter().map(|entry| &entry["action"]).collect();
    assert_eq!(told, ["node.changed", "package.removed", "package.changed", "package.published"]);
    assert_eq!((&entries[0]["before"], &entries[0]["after"]), (&json!({"name": "hq"}), &json!({"name": "lab"})));
    let events = api.get("/api/v1/events?type=node.changed").await.ok(200);
    let told = json!({"by": entries[0]["who"], "what": "name", "node": null, "before": {"name": "hq"}, "after": {"name": "lab"}});
    assert_eq!((events["items"].as_array().map(Vec::len), &events["items"][0]["data"]), (Some(1), &told));
    assert_eq!((&entries[2]["before"]["tags"], &entries[2]["after"]["tags"]), (&json!(["test"]), &json!(["prod"])));
    assert_eq!(entries[2]["before"].get("blob"), None, "the bytes are the same");
    assert_eq!((&entries[1]["before"]["tags"], &entries[1]["after"]), (&json!(["prod"]), &json!({})));
    let first = &entries[3];
    assert_eq!(
        (&first["who"], &first["from"], &first["subject"], &first["at"]),
        (&"token ci".into(), &"192.0.2.7".into(), &"a.pkg".into(), &"2027-01-15T08:00:00Z".into())
    );
}

/// Whoever asks may leave before the answer: what was asked goes on, and is told all the same.
#[tokio::test]
async fn garbage_collection_is_in_the_audit_before_anything_goes() {
    let api = Api::new();
    let collect = async |body: Value| api.json(Method::POST, "/api/v1/storage/gc", &body).await;
    collect(json!({"dry_run": true})).await.ok(200);
    assert_eq!(api.entries("action=gc.*,called").await.len(), 0, "a dry run changes nothing");
    let run = api.store.begin_gc(&SpacePolicy::default(), GcMode::Collect, NOW).expect("nobody else collects");
    collect(json!({"dry_run": false})).await.problem(409, "gc_running");
    assert_eq!(api.entries("action=gc.*,called").await.len(), 0, "another one collects");
    drop(run);
    collect(json!({"dry_run": false, "removed": true})).await.ok(200);
    let asked = api.entries("action=gc.asked,called").await;
    assert_eq!((asked.len(), &asked[0]["after"]), (1, &json!({"removed": true})));
}

#[tokio::test]
async fn uploads_and_scrubs_say_what_they_are_about() {
    let api = Api::new();
    let begun = |path: &str| {
        let name = data_encoding::BASE64.encode(path.as_bytes());
        let request = api.request(Method::POST, "/api/v1/uploads").header("tus-resumable", "1.0.0");
        request.header("upload-length", "5").header("upload-metadata", format!("path {name}")).body(Body::empty())
    };
    let answer = api.send(begun("mac/a.pkg").expect("a request")).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let id = answer.header("location").rsplit('/').next().expect("an id").to_owned();
    let gone = api.call(Method::DELETE, &format!("/api/v1/uploads/{id}"), Body::empty()).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let facts = json!({"path": "mac/a.pkg", "bytes": 5, "by": "token ci"});
    let told = api.entries("action=upload.*,called").await;
    assert_eq!((told.len(), &told[0]["subject"], &told[0]["before"]), (2, &json!(id), &facts));
    assert_eq!((&told[1]["action"], &told[1]["after"]), (&"upload.begun".into(), &facts));
    for (method, action) in [(Method::POST, "scrub.started"), (Method::DELETE, "scrub.stopped")] {
        for _ in 0..2 {
            api.call(method.clone(), "/api/v1/storage/scrub", Body::empty()).await;
        }
        assert_eq!(api.entries("action=scrub.*,called").await[0]["action"], action);
    }
    assert_eq!(api.entries("action=scrub.*,called").await.len(), 2, "once each");
}

#[tokio::test]
async fn what_changes_nothing_is_no_entry() {
    let api = Api::new();
    let user = json!({"name": "ada", "password": "a long enough password", "scope": "admin"});
    let user = api.json(Method::POST, "/api/v1/users", &user).await.ok(201);
    let user = format!("/api/v1/users/{}", user["id"].as_str().expect("an id"));
    let hook = json!({"name": "chat", "url": "https://example.com/hook", "tags": ["prod"]});
    let hook = api.json(Method::POST, "/api/v1/webhooks", &hook).await.ok(201);
    let hook = format!("/api/v1/webhooks/{}", hook["id"].as_str().expect("an id"));
    let entries = api.entries("limit=1000").await.len();
    for path in [user.as_str(), hook.as_str(), "/api/v1/node"] {
        let tag = api.get(path).await.header("etag").to_owned();
        for nothing in [json!({}), json!({"name": null})] {
            api.json(Method::PATCH, path, &nothing).await.ok(200);
        }
        assert_eq!(api.get(path).await.header("etag"), tag, "{path} stands as it did");
    }
    api.json(Method::PATCH, "/api/v1/settings", &json!({})).await.ok(200);
    api.json(Method::PATCH, &hook, &json!({"enabled": true, "tags": null})).await.ok(200);
    api.json(Method::PATCH, "/api/v1/node", &json!({"limits": null, "policy": null, "urls": null})).await.ok(200);
    api.json(Method::PATCH, &user, &json!({"scope": "admin"})).await.ok(200);
    let absent = json!({"action": "remove", "items": [{"path": "none.pkg"}]});
    api.json(Method::POST, "/api/v1/bulk", &absent).await.ok(200);
    assert_eq!(api.entries("limit=1000").await.len(), entries);
}

#[tokio::test]
async fn the_audit_is_filtered_and_paged_newest_first() {
    let api = Api::new();
    for number in 0..25 {
        api.call(Method::PUT, &format!("/api/v1/packages/{number}.pkg"), "a").await.ok(201);
    }
    let mut all = Vec::new();
    let mut query = "action=package.*&limit=10".to_owned();
    loop {
        let page = api.get(&format!("/api/v1/audit?{query}")).await.ok(200);
        all.extend(page["items"].as_array().expect("a list").iter().map(|entry| entry["subject"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("action=package.*&limit=10&after={next}");
    }
    let expected: Vec<Value> = (0..25).rev().map(|number| format!("{number}.pkg").into()).collect();
    assert_eq!(all, expected);
    for (filter, many) in [
        ("who=ci&action=package.*", 25),
        ("who=ada", 0),
        ("subject=7.pkg", 2),
        ("from=192.0.2.1", 0),
        ("action=package.*&since=2027-01-15T08:00:00Z", 25),
        ("action=package.*&until=2027-01-15T08:00:00Z", 0),
    ] {
        assert_eq!(api.entries(&format!("{filter}&limit=1000")).await.len(), many, "{filter}");
    }
    api.get("/api/v1/audit?since=yesterday").await.problem(400, "bad_query");
    api.get("/api/v1/audit?limit=1000000000").await.problem(400, "bad_query");
    for foreign in ["a/b.pkg", "7", "audit:", "audit:x", "deliveries:7", ""] {
        let told = api.get(&format!("/api/v1/audit?after={foreign}")).await.problem(400, "bad_query");
        assert_eq!(told["field"], "after", "{foreign}");
    }
}

#[tokio::test]
async fn settings_are_shown_with_their_source_and_changed_where_they_may_be() {
    let api = Api::with_settings(|| {});
    let shown = api.get("/api/v1/settings").await.ok(200);
    assert_eq!((&shown["version"], &shown["restart_needed"]), (&0.into(), &false.into()));
    let access = |settings: &Value| settings["items"][0].clone();
    assert_eq!((&access(&shown)["value"], &access(&shown)["source"]), (&"open".into(), &"default".into()));
    let changes = json!({"downloads.access": "token", "gc.grace": "2d"});
    let answer = api.json(Method::PATCH, "/api/v1/settings", &changes).await;
    assert_eq!(answer.header("etag"), "\"1\"");
    let shown = answer.ok(200);
    assert_eq!(
        (&access(&shown)["value"], &access(&shown)["source"], &access(&shown)["restart_needed"]),
        (&"token".into(), &"stored".into(), &false.into())
    );
    let grace = &shown["items"][1];
    assert_eq!(
        (&grace["value"], &grace["stored"], &grace["restart_needed"]),
        (&"1d".into(), &"2d".into(), &true.into())
    );
    assert_eq!(shown["restart_needed"], true);
    for (change, status, code, field) in [
        (json!({"gc.every": "1h"}), 409, "set_elsewhere", "gc.every"),
        (json!({"data": "/tmp"}), 409, "not_changeable", "data"),
        (json!({"no.such": 1}), 422, "invalid", "no.such"),
        (json!({"gc.grace": "bad", "downloads.access": "open"}), 422, "invalid", "gc.grace"),
        (json!({"urls": vec!["http://hq"; 17], "downloads.access": "open"}), 422, "invalid", "urls"),
        (json!({"name": "two\nlines", "urls": ["http://hq"], "gc.grace": "3d"}), 422, "invalid", "name"),
    ] {
        assert_eq!(api.json(Method::PATCH, "/api/v1/settings", &change).await.problem(status, code)["field"], field);
    }
    let shown = api.get("/api/v1/settings").await.ok(200);
    assert_eq!((&access(&shown)["value"], &shown["version"]), (&"token".into(), &1.into()), "all or none");
    let stale = api
        .request(Method::PATCH, "/api/v1/settings")
        .header("if-match", "\"0\"")
        .header("content-type", "application/json");
    let stale = stale.body(Body::from(r#"{"gc.grace":"3d"}"#)).expect("a request");
    api.send(stale).await.problem(412, "precondition_failed");
    let shown =
        api.json(Method::PATCH, "/api/v1/settings", &json!({"downloads.access": null, "gc.grace": null})).await.ok(200);
    assert_eq!((&access(&shown)["value"], &access(&shown)["source"]), (&"open".into(), &"default".into()));
    assert_eq!(shown["restart_needed"], false);
    let entries = api.entries("action=settings.changed").await;
    assert_eq!(entries[1]["after"], json!({"downloads.access": "token", "gc.grace": "2d"}));
}

#[tokio::test]
async fn a_name_that_a_flag_gave_is_changed_by_whoever_names_the_node_anew() {
    let api = Api::with_settings(|| {});
    let name = async || api.get("/api/v1/settings").await.ok(200)["items"][5].clone();
    api.json(Method::PATCH, "/api/v1/node", &json!({"name": "hq"})).await.ok(200);
    assert_eq!((&name().await["value"], &name().await["source"]), (&"hq".into(), &"stored".into()));
    api.json(Method::PATCH, "/api/v1/settings", &json!({"name": 5})).await.problem(422, "invalid");
    api.json(Method::PATCH, "/api/v1/settings", &json!({"name": "lab"})).await.ok(200);
    assert_eq!((&name().await["value"], &name().await["source"]), (&"lab".into(), &"stored".into()));
    api.json(Method::PATCH, "/api/v1/settings", &json!({"name": null})).await.ok(200);
    assert_eq!((&name().await["value"], &name().await["source"]), (&"node".into(), &"flag".into()));
}

/// Also those that nobody changed yet, and the name, which the node keeps elsewhere.
#[tokio::test]
async fn settings_are_changed_only_as_they_were_seen() {
    let api = Api::with_settings(|| {});
    let change = async |tag: &str, change: Value| {
        let request = api.request(Method::PATCH, "/api/v1/settings").header("if-match", tag);
        let request = request.header("content-type", "application/json");
        api.send(request.body(Body::from(change.to_string())).expect("a request")).await
    };
    for stale in ["\"nonsense\"", "W/\"0\"", "\"1\", \"2\"", "\"00\"", "\"+0\"", "\"18446744073709551615\""] {
        change(stale, json!({"gc.grace": "2d"})).await.problem(412, "precondition_failed");
    }
    api.store.set_name("lab", &Author::new("test"), NOW).expect("renamed");
    change("\"0\"", json!({"gc.grace": "2d"})).await.problem(412, "precondition_failed");
    let changed = change("\"0\", \"1\"", json!({"gc.grace": "2d"})).await;
    assert_eq!(changed.header("etag"), "\"2\"");
    change("\"2\"", json!({"gc.grace": "3d"})).await.ok(200);
    change("*", json!({"gc.grace": "4d"})).await.ok(200);
}

#[tokio::test]
async fn two_changes_of_settings_at_once_are_checked_together() {
    // Each waits for the other to look at what is stored beside it. It may not, so that is bounded.
    let (inside, came) = (Mutex::new(0), Condvar::new());
    let api = Api::with_settings(move || {
        let mut count = inside.lock().expect("no thread panics");
        *count += 1;
        came.notify_all();
        let waited = came.wait_timeout_while(count, Duration::from_millis(100), |count| *count < 2);
        *waited.expect("no thread panics").0 -= 1;
    });
    let change = |key: &str| {
        let change = json!({key: "5"});
        let api = &api;
        async move { api.json(Method::PATCH, "/api/v1/settings", &change).await }
    };
    let (low, high) = tokio::join!(change("quota.low"), change("quota.high"));
    let mut statuses = [low.status, high.status].map(|status| status.as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422], "the second must be checked with what the first stored");
}

#[tokio::test]
async fn many_packages_are_tagged_and_removed_with_a_result_each() {
    let api = Api::new();
    let a = api.publish("mac/a.pkg", b"a", &[("tags", "test")]);
    api.publish("mac/b.pkg", b"b", &[("tags", "prod")]);
    api.publish("win/c.msi", b"c", &[]);
    let token = api.token(Scope::Publish, &["mac"]);
    let send = |body: Value| {
        let request = as_token(Method::POST, "/api/v1/bulk", &token).header("content-type", "application/json");
        api.send(request.body(Body::from(body.to_string())).expect("a request"))
    };
    let items = json!([{"path": "mac/a.pkg"}, {"path": "mac/b.pkg"}, {"path": "win/c.msi"}, {"path": "mac/none"}, {"path": "../x"}]);
    let tag = json!({"action": "tag", "items": items, "add_tags": ["prod"], "remove_tags": ["test"]});
    for changed in [true, false] {
        let outcome = send(tag.clone()).await.ok(200);
        let results: Vec<(u64, bool, Value)> = outcome["items"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|item| (item["status"].as_u64().expect("a status"), item["changed"] == true, item["code"].clone()))
            .collect();
        assert_eq!(
            results,
            [
                (200, changed, Value::Null),
                (200, false, Value::Null),
                (403, false, "not_a_publisher".into()),
                (404, false, "no_such_package".into()),
                (400, false, "bad_path".into())
            ]
        );
        assert_eq!((&outcome["done"], &outcome["failed"]), (&2.into(), &3.into()));
    }
    assert_eq!(api.get("/api/v1/packages/mac/a.pkg").await.ok(200)["tags"], json!(["prod"]));
    let stale = json!({"path": "mac/a.pkg", "if_match": a.revision.to_string()});
    let outcome = send(json!({"action": "remove", "items": [stale, {"path": "mac/b.pkg"}]})).await.ok(200);
    assert_eq!(
        (&outcome["items"][0]["code"], &outcome["items"][1]["status"]),
        (&"precondition_failed".into(), &204.into())
    );
    api.publish("mac/c.pkg", b"c", &[]);
    let items = json!([{"path": "mac/c.pkg", "if_match": "*"}, {"path": "mac/none.pkg", "if_match": "*"}]);
    let outcome = send(json!({"action": "remove", "items": items})).await.ok(200);
    assert_eq!((&outcome["items"][0]["status"], &outcome["failed"]), (&204.into(), &1.into()), "{outcome}");
    let d = api.publish("mac/d.pkg", b"d", &[]);
    for (if_match, status) in [("old".to_owned(), 412), (format!("\"{}\"", d.revision), 204)] {
        let items = json!([{"path": "mac/d.pkg", "if_match": if_match}]);
        let outcome = send(json!({"action": "remove", "items": items})).await.ok(200);
        assert_eq!(outcome["items"][0]["status"], status, "{outcome}");
    }
    for bad in [
        json!({"action": "remove", "items": []}),
        json!({"action": "tag", "items": [{"path": "a"}]}),
        json!({"action": "tag", "items": [{"path": "a"}], "add_tags": ["x", "y"], "remove_tags": ["y"]}),
        json!({"action": "remove", "items": [{"path": "a"}], "add_tags": ["x"]}),
        json!({"action": "burn", "items": [{"path": "a"}]}),
    ] {
        send(bad).await.problem(422, "invalid");
    }
}

#[tokio::test]
async fn a_package_that_a_bulk_change_names_twice_is_changed_once() {
    let api = Api::new();
    api.publish("\u{e9}.pkg", b"a", &[]);
    let b = api.publish("b.pkg", b"b", &[]).revision.to_string();
    let send = async |body: Value| api.json(Method::POST, "/api/v1/bulk", &body).await.ok(200);
    let items = json!([{"path": "b.pkg"}, {"path": "\u{e9}.pkg"}, {"path": "e\u{301}.pkg"}, {"path": "b.pkg", "if_match": b},
        {"path": "../x"}, {"path": "../x"}]);
    let told = send(json!({"action": "tag", "items": items, "add_tags": ["prod"]})).await;
    let statuses: Vec<u64> =
        told["items"].as_array().expect("items").iter().filter_map(|item| item["status"].as_u64()).collect();
    assert_eq!(statuses, [200, 200, 200, 422, 400, 400], "{told}");
    assert_eq!((&told["done"], &told["failed"]), (&json!(3), &json!(3)));
    assert_eq!(told["items"][2]["revision"], told["items"][1]["revision"]);
    assert_eq!((&told["items"][2]["path"], &told["items"][3]["code"]), (&json!("e\u{301}.pkg"), &json!("invalid")));
    let history = api.get("/api/v1/revisions/%C3%A9.pkg").await.ok(200);
    assert_eq!(history["items"].as_array().map(Vec::len), Some(2), "published and tagged once: {history}");
    let told = send(json!({"action": "remove", "items": [{"path": "b.pkg"}, {"path": "b.pkg"}]})).await;
    assert_eq!((&told["done"], &told["items"][1]["status"]), (&json!(2), &json!(204)), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_bulk_change_waits_for_a_place_and_ends_with_its_token_meanwhile() {
    let api = Api::new();
    api.publish("a.pkg", b"a", &[]);
    let token = api.token(Scope::Publish, &[]);
    let taken = api.all_bulk_places().await;
    let mut calls = tokio::task::JoinSet::new();
    for (token, tag) in [(&api.admin, "first"), (&token, "revoked")] {
        let body = json!({"action": "tag", "items": [{"path": "a.pkg"}], "add_tags": [tag]}).to_string();
        let request = as_token(Method::POST, "/api/v1/bulk", token).header("content-type", "application/json");
        let (router, request) = (api.router.clone(), request.body(Body::from(body)).expect("a request"));
        calls.spawn(async move { (tag, router.oneshot(request).await.expect("infallible").status().as_u16()) });
    }
    // The clock goes on only once nobody has anything left to do but to wait.
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(calls.try_join_next().is_none(), "they wait");
    assert_eq!(api.get("/api/v1/packages/a.pkg").await.ok(200)["tags"], json!([]));
    let tokens = api.store.tokens().expect("tokens");
    let id = tokens.iter().find(|row| row.scope == Scope::Publish).expect("the token").id;
    assert!(api.store.revoke_token(id, &Expected::Any, &Author::new("test"), NOW).expect("revoked"));
    drop(taken);
    let mut ended = calls.join_all().await;
    ended.sort_unstable();
    assert_eq!(ended, [("first", 200), ("revoked", 401)]);
    assert_eq!(api.get("/api/v1/packages/a.pkg").await.ok(200)["tags"], json!(["first"]));
}

#[tokio::test(start_paused = true)]
async fn a_bulk_change_that_finds_no_place_in_a_minute_is_told_to_come_back() {
    let api = Api::new();
    api.publish("a.pkg", b"a", &[]);
    let _taken = api.all_bulk_places().await;
    let began = tokio::time::Instant::now();
    let body = json!({"action": "remove", "items": [{"path": "a.pkg"}]});
    let answer = api.json(Method::POST, "/api/v1/bulk", &body).await;
    assert_eq!(answer.header("retry-after"), "10");
    answer.problem(503, "busy");
    assert_eq!(began.elapsed().as_secs(), 60);
    api.get("/api/v1/packages/a.pkg").await.ok(200);
}

#[tokio::test]
async fn every_order_is_paged_without_a_gap_while_packages_change_and_anchors_jump_in_it() {
    let api = Api::new();
    for number in 0_u32..40 {
        let bytes = vec![0; usize::try_from(number % 7).expect("small")];
        api.publish(&format!("{number:02}.pkg"), &bytes, &[]);
    }
    for sort in ["path", "-path", "published_at", "-published_at", "size", "-size"] {
        let mut seen: Vec<(u64, String)> = Vec::new();
        let mut query = format!("sort={sort}&limit=7");
        loop {
            let page = api.get(&format!("/api/v1/packages?{query}")).await.ok(200);
            let rows = page["items"].as_array().expect("a list");
            seen.extend(
                rows.iter().map(|row| {
                    (row["size"].as_u64().expect("a size"), row["path"].as_str().expect("a path").to_owned())
                }),
            );
            // What goes and comes meanwhile moves no other row.
            let gone = seen.last().expect("a row").1.clone();
            api.call(Method::DELETE, &format!("/api/v1/packages/{gone}"), Body::empty()).await;
            let Some(next) = page["next"].as_str() else { break };
            query = format!(
                "sort={sort}&limit=7&after={}",
                percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC)
            );
        }
        let paths: BTreeSet<&String> = seen.iter().map(|(_, path)| path).collect();
        assert_eq!(paths.len(), seen.len(), "{sort}: no row twice");
        let mut expected = seen.clone();
        match sort.trim_start_matches('-') {
            "size" => expected.sort(),
            _ => expected.sort_by(|left, right| left.1.cmp(&right.1)),
        }
        if sort.starts_with('-') {
            expected.reverse();
        }
        assert_eq!(seen, expected, "{sort}");
        assert_eq!(api.store.check().expect("checked"), Vec::<String>::new());
        for (_, path) in &seen {
            let number: usize = path[..2].parse().expect("a number");
            api.publish(path, &vec![0; number % 7], &[]);
        }
    }
    let anchors = api.get("/api/v1/anchors?sort=-size").await.ok(200);
    assert_eq!((&anchors["every"], &anchors["total"], &anchors["items"]), (&1000.into(), &40.into(), &json!([])));
    api.get("/api/v1/anchors?sort=name").await.problem(400, "bad_query");
    api.get("/api/v1/packages?sort=size&after=a.pkg").await.problem(400, "bad_query");
    let narrow = api.token(Scope::Read, &["mac"]);
    let request = as_token(Method::GET, "/api/v1/anchors", &narrow).body(Body::empty()).expect("a request");
    api.send(request).await.problem(403, "outside_prefixes");
}
