//! `If-Match` on what people change: an edit of what somebody else changed meanwhile is refused, and changes nothing.

use axum::http::header::{ETAG, IF_MATCH};
use ods_store::PeerRow;
use serde_json::json;

use super::*;

impl Api {
    /// Asks for a change if the thing still is as `tag` says.
    async fn change_if(&self, method: Method, target: &str, tag: &str, body: &Value) -> Answer {
        let request = self.request(method, target).header(IF_MATCH, format!("\"{tag}\""));
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.header("content-type", "application/json").body(body).expect("a request")).await
    }

    /// The entity tag of a thing, which its header and its own field name alike.
    async fn tag(&self, target: &str) -> String {
        let answer = self.get(target).await;
        let header = answer.header(ETAG.as_str()).to_owned();
        let tag = text(&answer.ok(200)["etag"]);
        assert_eq!(header, format!("\"{tag}\""), "{target}");
        tag
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn peer(api: &Api) -> String {
    let row = PeerRow {
        node: ods_store::NodeId::from_bytes([9; 32]),
        name: "branch".to_owned(),
        urls: Vec::new(),
        observed_url: None,
        tls_pin: None,
        paused: false,
        added_at: NOW,
    };
    api.store.put_peer(&row, &Author::new("test"), NOW).expect("a peer");
    format!("/api/v1/peers/{}", row.node)
}

/// Two people read a thing; the first changes it, the second is told so, reads again, and gets through.
async fn first_come_first_served(api: &Api, target: &str, mine: &Value, theirs: &Value) {
    let seen = api.tag(target).await;
    let changed = api.change_if(Method::PATCH, target, &seen, theirs).await;
    let told = changed.header(ETAG.as_str()).to_owned();
    let after = changed.ok(200);
    assert_ne!(after["etag"], seen.as_str(), "{target}");
    assert_eq!(told, format!("\"{}\"", text(&after["etag"])), "{target}");
    for stale in [seen.as_str(), "nonsense", ""] {
        let refused = api.change_if(Method::PATCH, target, stale, mine).await;
        assert_eq!(refused.problem(412, "precondition_failed")["current"], after["etag"], "{target}");
    }
    assert_eq!(api.tag(target).await, text(&after["etag"]), "{target}: a refused change changed it");
    api.change_if(Method::PATCH, target, &text(&after["etag"]), mine).await.ok(200);
    api.json(Method::PATCH, target, theirs).await.ok(200);
}

#[tokio::test]
async fn a_node_is_changed_only_as_it_was_seen() {
    let api = Api::new();
    let limits =
        json!({"limits": {"down_bytes_per_s": 20_000, "up_bytes_per_s": null, "windows": [], "time_zone": null}});
    let policy = json!({"policy": {"mode": "selected", "paths": ["*.pkg"], "tags": [], "bytes_max": null}});
    first_come_first_served(&api, "/api/v1/node", &json!({"name": "lab"}), &json!({"urls": ["http://x.example"]}))
        .await;
    first_come_first_served(&api, "/api/v1/node", &limits, &policy).await;
    // Publishing changes what GET tells, but nothing that is edited.
    let seen = api.tag("/api/v1/node").await;
    api.call(Method::PUT, "/api/v1/packages/a.pkg", "a").await.ok(201);
    assert_eq!(api.tag("/api/v1/node").await, seen);
}

#[tokio::test]
async fn a_change_of_a_node_is_made_whole_or_not_at_all() {
    let api = Api::new();
    let half = json!({"name": "lab", "limits": {"down_bytes_per_s": 1, "up_bytes_per_s": null, "windows": [], "time_zone": null}});
    api.json(Method::PATCH, "/api/v1/node", &half).await.problem(422, "invalid");
    assert_eq!(api.get("/api/v1/node").await.ok(200)["name"], "hq");
}

#[tokio::test]
async fn a_peer_is_changed_and_removed_only_as_it_was_seen() {
    let api = Api::new();
    let target = peer(&api);
    first_come_first_served(&api, &target, &json!({"name": "annex"}), &json!({"paused": true})).await;
    let seen = api.tag(&target).await;
    // Where it called from is nobody's edit; that it was paused stays.
    let node = target.rsplit('/').next().expect("an id").parse().expect("an id");
    api.store.observe_peer(&node, "http://198.51.100.7:8637").expect("noted");
    let shown = api.get(&target).await.ok(200);
    assert_eq!((&shown["paused"], &shown["etag"]), (&true.into(), &seen.as_str().into()));
    assert_eq!(shown["observed_url"], "http://198.51.100.7:8637");
    api.change_if(Method::DELETE, &target, "stale", &Value::Null).await.problem(412, "precondition_failed");
    assert_eq!(api.change_if(Method::DELETE, &target, &seen, &Value::Null).await.status, 204);
    api.change_if(Method::DELETE, &target, &seen, &Value::Null).await.problem(404, "no_such_peer");
}

#[tokio::test]
async fn a_webhook_is_changed_rotated_and_removed_only_as_it_was_seen() {
    let api = Api::new();
    let made = api.json(Method::POST, "/api/v1/webhooks", &json!({"url": "https://example.com/"})).await.ok(201);
    let target = format!("/api/v1/webhooks/{}", text(&made["id"]));
    first_come_first_served(&api, &target, &json!({"name": "chat"}), &json!({"enabled": false})).await;
    let (rotate, seen) = (format!("{target}/rotate"), api.tag(&target).await);
    api.change_if(Method::POST, &rotate, &seen, &json!({})).await.ok(200);
    api.change_if(Method::POST, &rotate, &seen, &json!({})).await.problem(412, "precondition_failed");
    api.change_if(Method::DELETE, &target, &seen, &Value::Null).await.problem(412, "precondition_failed");
    let seen = api.tag(&target).await;
    assert_eq!(api.change_if(Method::DELETE, &target, &seen, &Value::Null).await.status, 204);
}

#[tokio::test]
async fn a_webhook_is_behind_by_what_it_will_be_told_and_by_nothing_else() {
    let api = Api::new();
    let of = |paths: Value, tags: Value| json!({"url": "https://example.com/", "types": ["package.published"], "paths": paths, "tags": tags});
    let images = api.json(Method::POST, "/api/v1/webhooks", &of(json!(["*.dmg"]), json!([]))).await.ok(201);
    let prod = api.json(Method::POST, "/api/v1/webhooks", &of(json!([]), json!(["prod"]))).await.ok(201);
    for path in ["a.pkg?tag=prod", "b.pkg?tag=prod", "c.dmg"] {
        api.call(Method::PUT, &format!("/api/v1/packages/{path}"), path.to_owned()).await.ok(201);
    }
    api.json(Method::PATCH, "/api/v1/node", &json!({"name": "lab"})).await.ok(200);
    for (made, behind) in [(images, 1), (prod, 2)] {
        let shown = api.get(&format!("/api/v1/webhooks/{}", text(&made["id"]))).await.ok(200);
        assert_eq!((&made["behind"], &shown["behind"]), (&json!(0), &json!(behind)));
        assert_eq!(shown["behind_more"], false);
    }
}

#[tokio::test]
async fn the_list_tells_of_webhooks_at_many_places_of_the_journal_what_each_has_before_it() {
    let api = Api::new();
    let hook = json!({"url": "https://example.com/", "types": ["package.published"]});
    api.json(Method::POST, "/api/v1/webhooks", &hook).await.ok(201);
    ods_store::fill(&api.store, 6000, 6000).expect("filled");
    api.json(Method::POST, "/api/v1/webhooks", &hook).await.ok(201);
    api.publish("a.pkg", b"a", &[]);
    api.json(Method::POST, "/api/v1/webhooks", &hook).await.ok(201);
    let listed = api.get("/api/v1/webhooks").await.ok(200);
    let told = |webhook: &Value| (webhook["behind"].clone(), webhook["behind_more"].clone());
    let mut told: Vec<_> = listed["items"].as_array().expect("items").iter().map(told).collect();
    told.sort_by_key(|(deliveries, _)| deliveries.as_u64());
    let told_of = |deliveries: u64, more: bool| (json!(deliveries), json!(more));
    // Of the 5,000 records that are looked through every second one is an entry of the audit.
    assert_eq!(told, [told_of(0, false), told_of(1, false), told_of(2500, true)]);
}

#[tokio::test]
async fn what_is_done_to_a_webhook_is_in_the_audit_and_its_secrets_are_not() {
    let api = Api::new();
    let made = api.json(Method::POST, "/api/v1/webhooks", &json!({"url": "https://example.com/"})).await.ok(201);
    let target = format!("/api/v1/webhooks/{}", text(&made["id"]));
    api.json(Method::PATCH, &target, &json!({"enabled": false, "tags": ["prod"]})).await.ok(200);
    let rotated = api.json(Method::POST, &format!("{target}/rotate"), &json!({})).await.ok(200);
    api.call(Method::POST, &format!("{target}/test"), Body::empty()).await.ok(202);
    api.call(Method::DELETE, &target, Body::empty()).await;
    let audit = api.get("/api/v1/audit?action=webhook.*").await.ok(200);
    let entries = audit["items"].as_array().expect("a list");
    let told: Vec<String> = entries.iter().map(|entry| text(&entry["action"])).collect();
    let all = ["removed", "tested", "rotated", "changed", "created"].map(|deed| format!("webhook.{deed}"));
    assert_eq!(told, all);
    assert!(entries.iter().all(|entry| entry["subject"] == made["id"] && !text(&entry["who"]).is_empty()), "{audit}");
    assert_eq!(entries[3]["before"], json!({"enabled": true}));
    assert_eq!(entries[3]["after"], json!({"enabled": false, "tags": ["prod"]}));
    for secret in [&made["secret"], &rotated["secret"]] {
        assert!(!audit.to_string().contains(&text(secret)), "{audit}");
    }
    assert!(api.get("/api/v1/audit?action=called").await.ok(200)["items"].as_array().is_some_and(Vec::is_empty));
}

#[tokio::test]
async fn tokens_and_invites_are_revoked_only_as_they_were_seen() {
    let api = Api::new();
    let made = [
        ("tokens", json!({"name": "ci", "scope": "read"}), "no_such_token"),
        ("invites", json!({"role": "replica", "prefixes": [], "expires_in_s": 60}), "no_such_invite"),
    ];
    for (kind, new, gone) in made {
        let made = api.json(Method::POST, &format!("/api/v1/{kind}"), &new).await.ok(201);
        let target = format!("/api/v1/{kind}/{}", text(&made["id"]));
        api.change_if(Method::DELETE, &target, "stale", &Value::Null).await.problem(412, "precondition_failed");
        assert_eq!(api.change_if(Method::DELETE, &target, &text(&made["etag"]), &Value::Null).await.status, 204);
        api.change_if(Method::DELETE, &target, &text(&made["etag"]), &Value::Null).await.problem(404, gone);
    }
}

#[tokio::test]
async fn an_invite_that_was_used_meanwhile_is_not_as_it_was_seen() {
    let api = Api::new();
    let new = json!({"role": "replica", "prefixes": [], "expires_in_s": 60});
    let made = api.json(Method::POST, "/api/v1/invites", &new).await.ok(201);
    let line: crate::InviteLine = text(&made["invite"]).parse().expect("an invite");
    api.store.redeem_invite(&line.id, &ods_store::NodeId::from_bytes([9; 32]), NOW).expect("redeemed");
    let target = format!("/api/v1/invites/{}", text(&made["id"]));
    let refused = api.change_if(Method::DELETE, &target, &text(&made["etag"]), &Value::Null).await;
    refused.problem(412, "precondition_failed");
}

#[test]
fn whatever_changes_one_thing_that_people_edit_takes_a_condition() {
    // Sessions and uploads are begun and ended, never edited; a scrub is started and stopped.
    const NOT_EDITED: [&str; 6] =
        ["end_session", "sign_out", "remove_upload", "send_bytes", "override_method", "stop_scrub"];
    let document = crate::openapi_document();
    let mut without = Vec::new();
    for item in document["paths"].as_object().expect("paths").values() {
        for (method, operation) in item.as_object().expect("operations") {
            let id = text(&operation["operationId"]);
            let takes = operation["parameters"].as_array().into_iter().flatten().any(|one| one["name"] == "If-Match");
            if ["put", "patch", "delete"].contains(&method.as_str()) && !takes {
                without.push(id);
            } else if takes {
                assert!(operation["responses"].get("412").is_some(), "{id} doesn't tell of 412");
            }
        }
    }
    without.retain(|id| !NOT_EDITED.contains(&id.as_str()));
    assert!(without.is_empty(), "no If-Match: {without:?}");
}
