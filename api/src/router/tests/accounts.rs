//! Tokens, invites, peers, watches.

use ods_store::{NodeId, PeerRow, StoreError};
use serde_json::json;

use super::*;
use crate::invite_line::InviteLine;
use crate::mesh_handle::{JoinError, PeerState, PeerStatus, SyncError};

pub(super) fn peer(api: &Api) -> NodeId {
    let node = NodeId::from_bytes([9; 32]);
    let row = PeerRow {
        node,
        name: "branch".to_owned(),
        urls: vec!["http://branch.example:8637".to_owned()],
        observed_url: None,
        tls_pin: Some([1; 32]),
        paused: false,
        added_at: NOW,
    };
    api.store.put_peer(&row, &Author::new("test"), NOW).expect("a peer");
    node
}

#[tokio::test]
async fn a_token_is_made_listed_without_its_secret_and_works() {
    let api = Api::new();
    let new = json!({"name": "ci", "scope": "publish", "prefixes": ["mac/"], "expires_at": "2030-01-01T00:00:00Z"});
    let made = api.json(Method::POST, "/api/v1/tokens", &new).await.ok(201);
    assert!(
        made["token"].as_str().is_some_and(|secret| secret.starts_with("ods_p") && !secret.contains(':')),
        "{made}"
    );
    assert_eq!(
        (&made["name"], &made["scope"], &made["prefixes"], &made["expires_at"]),
        (&"ci".into(), &"publish".into(), &json!(["mac"]), &"2030-01-01T00:00:00Z".into())
    );
    let list = api.get("/api/v1/tokens").await.ok(200);
    assert_eq!((list["items"].as_array().map(Vec::len), &list["total"]), (Some(2), &2.into()));
    assert!(!String::from_utf8_lossy(&api.get("/api/v1/tokens").await.body).contains("ods_"), "{list}");
    let page = api.get("/api/v1/tokens?limit=1").await.ok(200);
    let next =
        api.get(&format!("/api/v1/tokens?limit=1&after={}", page["next"].as_str().expect("a next"))).await.ok(200);
    assert_eq!((&next["items"][0]["id"], &next["next"]), (&list["items"][1]["id"], &Value::Null));
}

#[tokio::test]
async fn tokens_that_make_no_sense_are_refused() {
    let api = Api::new();
    for new in [
        json!({"name": "", "scope": "read"}),
        json!({"name": "x", "scope": "root"}),
        json!({"name": "x"}),
        json!({"name": "x", "scope": "admin", "prefixes": ["mac"]}),
        json!({"name": "x", "scope": "read", "prefixes": ["../x"]}),
        json!({"name": "x", "scope": "read", "prefixes": vec!["mac"; 65]}),
        json!({"name": "x", "scope": "read", "expires_at": "2020-01-01T00:00:00Z"}),
        json!({"name": "x", "scope": "read", "expires_at": "tomorrow"}),
        json!({"name": "x", "scope": "read", "expires": 3600}),
    ] {
        api.json(Method::POST, "/api/v1/tokens", &new).await.problem(422, "invalid");
    }
    let endless = json!({"name": "x", "scope": "read", "expires_at": "9999-12-31T23:59:59Z"});
    let problem = api.json(Method::POST, "/api/v1/tokens", &endless).await.problem(422, "invalid");
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.contains("9999-12-30T22:00:00Z is the latest; leave it out for what never ends)"), "{detail}");
    api.get("/api/v1/audit?until=9999-12-31T23:59:59Z").await.problem(400, "bad_query");
    api.call(Method::DELETE, "/api/v1/tokens/nonsense", Body::empty()).await.problem(404, "no_such_token");
}

#[tokio::test]
async fn an_invite_is_one_line_that_tells_the_other_node_all_it_needs() {
    let api = Api::new();
    let new = json!({"role": "publisher", "prefixes": ["mac"], "expires_in_s": 60});
    let made = api.json(Method::POST, "/api/v1/invites", &new).await.ok(201);
    assert_eq!(
        (&made["role"], &made["state"], &made["expires_at"]),
        (&"publisher".into(), &"open".into(), &"2027-01-15T08:01:00Z".into())
    );
    let line: InviteLine = made["invite"].as_str().expect("a line").parse().expect("an invite");
    assert_eq!((line.node, line.root), (api.store.node_id(), api.store.node_id()));
    assert_eq!((line.prefixes, line.urls), (vec!["mac".to_owned()], vec!["http://hq.example:8637".to_owned()]));

    let list = api.get("/api/v1/invites").await.ok(200);
    assert_eq!(list["items"][0], made);
    api.store.redeem_invite(&line.id, &NodeId::from_bytes([9; 32]), NOW).expect("redeemed");
    let list = api.get("/api/v1/invites").await.ok(200);
    assert_eq!((&list["items"][0]["state"], &list["items"][0]["invite"]), (&"used".into(), &Value::Null));

    let path = format!("/api/v1/invites/{}", made["id"].as_str().expect("an id"));
    assert_eq!(api.call(Method::DELETE, &path, Body::empty()).await.status, StatusCode::NO_CONTENT);
    api.call(Method::DELETE, &path, Body::empty()).await.problem(404, "no_such_invite");
    api.call(Method::DELETE, "/api/v1/invites/x", Body::empty()).await.problem(404, "no_such_invite");
    for new in [
        json!({"role": "king"}),
        json!({}),
        json!({"role": "owner", "expires_in_s": 0}),
        json!({"role": "owner", "expires_in_s": 99_999_999}),
    ] {
        api.json(Method::POST, "/api/v1/invites", &new).await.problem(422, "invalid");
    }
}

#[tokio::test]
async fn a_peer_is_shown_with_what_the_mesh_knows_changed_and_removed() {
    let api = Api::new();
    let node = peer(&api);
    let path = format!("/api/v1/peers/{node}");
    let shown = api.get(&path).await.ok(200);
    assert_eq!(
        (&shown["state"], &shown["role"], &shown["behind"], &shown["last_seen"]),
        (&"connecting".into(), &Value::Null, &Value::Null, &Value::Null)
    );
    let status = PeerStatus {
        state: PeerState::Unreachable,
        last_seen: Some(NOW),
        behind_events: Some(3),
        behind_bytes: None,
        error: Some("refused".to_owned()),
    };
    api.statuses.write().expect("not poisoned").insert(node, status);
    let list = api.get("/api/v1/peers").await.ok(200);
    let shown = &list["items"][0];
    assert_eq!(
        (&shown["state"], &shown["error"], &shown["behind"]),
        (&"unreachable".into(), &"refused".into(), &json!({"events": 3, "bytes": null}))
    );
    assert_eq!((&shown["last_seen"], &shown["tls_pin"]), (&"2027-01-15T08:00:00Z".into(), &"01".repeat(32).into()));

    let patch = json!({"name": "lab", "paused": true, "urls": ["https://lab.example"]});
    let shown = api.json(Method::PATCH, &path, &patch).await.ok(200);
    assert_eq!(
        (&shown["name"], &shown["state"], &shown["urls"]),
        (&"lab".into(), &"paused".into(), &json!(["https://lab.example"]))
    );
    api.call(Method::POST, &format!("{path}/sync"), Body::empty()).await.problem(409, "peer_paused");
    assert_eq!(api.get("/api/v1/audit?action=peer.synced").await.ok(200)["items"], json!([]), "nothing was done");
    for patch in [json!({"name": ""}), json!({"urls": ["x"]}), json!({"paused": 1})] {
        api.json(Method::PATCH, &path, &patch).await.problem(422, "invalid");
    }
    assert_eq!(api.call(Method::DELETE, &path, Body::empty()).await.status, StatusCode::NO_CONTENT);
    for gone in [path.as_str(), "/api/v1/peers/nonsense"] {
        api.get(gone).await.problem(404, "no_such_peer");
        api.call(Method::DELETE, gone, Body::empty()).await.problem(404, "no_such_peer");
        api.json(Method::PATCH, gone, &json!({})).await.problem(404, "no_such_peer");
        api.call(Method::POST, &format!("{gone}/sync"), Body::empty()).await.problem(404, "no_such_peer");
    }
}

/// Answers the mesh's next command.
async fn answer_mesh(api: &mut Api, joined: Result<NodeId, JoinError>, synced: Result<u64, SyncError>) {
    match api.mesh.recv().await.expect("a command") {
        MeshCommand::Join { reply, .. } => reply.send(joined).expect("someone waits"),
        MeshCommand::Sync { reply, .. } => reply.send(synced).expect("someone waits"),
    }
}

#[tokio::test]
async fn joining_and_pulling_are_done_by_the_mesh_and_answered_here() {
    let mut api = Api::new();
    let node = peer(&api);
    let call = |api: &Api, path: &str, body: Value| {
        let request = api.request(Method::POST, path).header("content-type", "application/json");
        api.router.clone().oneshot(request.body(Body::from(body.to_string())).expect("a request"))
    };
    let join = call(&api, "/api/v1/peers", json!({"invite": "line"}));
    let (response, ()) = tokio::join!(join, answer_mesh(&mut api, Ok(node), Ok(0)));
    assert_eq!(response.expect("infallible").status(), StatusCode::CREATED);
    let sync = call(&api, &format!("/api/v1/peers/{node}/sync"), Value::Null);
    let (response, ()) = tokio::join!(sync, answer_mesh(&mut api, Ok(node), Ok(4)));
    let body = response.expect("infallible").into_body().collect().await.expect("a body").to_bytes();
    assert_eq!(body, "{\"events\":4}");
    for (error, status) in
        [(JoinError::Used, 409), (JoinError::NotAnOwner, 403), (JoinError::Malformed { reason: "x".to_owned() }, 422)]
    {
        let join = call(&api, "/api/v1/peers", json!({"invite": "line"}));
        let (response, ()) = tokio::join!(join, answer_mesh(&mut api, Err(error), Ok(0)));
        assert_eq!(response.expect("infallible").status().as_u16(), status);
    }
}

#[tokio::test]
async fn an_invite_is_redeemed_for_a_token_only_while_it_stands() {
    let mut api = Api::new();
    let (row, secret) = {
        let new = NewToken { name: "slow".to_owned(), scope: Scope::Admin, prefixes: vec![], expires_at: None };
        api.store.create_token(&new, &Author::new("test"), NOW).expect("a token")
    };
    let request = as_token(Method::POST, "/api/v1/peers", &secret).header("content-type", "application/json");
    let request = request.body(Body::from(json!({"invite": "line"}).to_string())).expect("a request");
    let join = api.router.clone().oneshot(request);
    let (store, mesh) = (api.store.clone(), &mut api.mesh);
    let (response, ()) = tokio::join!(join, async {
        let Some(MeshCommand::Join { author, reply, .. }) = mesh.recv().await else { panic!("not to join") };
        assert!(store.revoke_token(row.id, &Expected::Any, &Author::new("test"), NOW).expect("revoked"));
        let Err(StoreError::Account(ended)) = store.note_joining("line", &author, NOW) else { panic!("it is noted") };
        reply.send(Err(JoinError::CredentialsEnded(ended))).expect("someone waits");
    });
    let response = response.expect("infallible");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.headers().contains_key("www-authenticate"));
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(
        (&body["code"], &body["detail"]),
        (&"token_unknown".into(), &"the token was revoked meanwhile; this was not done".into(),)
    );
}

#[tokio::test]
async fn a_mesh_that_is_gone_is_503() {
    let mut api = Api::new();
    api.mesh.close();
    api.json(Method::POST, "/api/v1/peers", &json!({"invite": "x"})).await.problem(503, "stopping");
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let api = Api::new();
    let lists = [
        "packages",
        "audit",
        "events",
        "revisions/a.pkg",
        "uploads",
        "tokens",
        "users",
        "sessions",
        "invites",
        "peers",
        "roster",
        "mesh",
        "transfers",
        "watches",
        "webhooks",
    ];
    api.publish("a.pkg", b"a", &[]);
    for list in lists {
        for foreign in ["-size:2:a.pkg", "somewhere:00000000001800000000:0011223344556677"] {
            api.get(&format!("/api/v1/{list}?after={foreign}")).await.problem(400, "bad_query");
        }
    }
}

#[tokio::test]
async fn the_audit_writes_times_as_all_the_api_does() {
    let api = Api::new();
    let new = json!({"name": "ci", "scope": "read", "expires_at": "2030-01-01T00:00:00Z"});
    api.json(Method::POST, "/api/v1/tokens", &new).await.ok(201);
    let hook = json!({"url": "https://hooks.example.org/ods"});
    let made = api.json(Method::POST, "/api/v1/webhooks", &hook).await.ok(201);
    let rotate = format!("/api/v1/webhooks/{}/rotate", made["id"].as_str().expect("an id"));
    let rotated = api.json(Method::POST, &rotate, &json!({})).await.ok(200);
    let entries = api.get("/api/v1/audit?limit=3").await.ok(200)["items"].clone();
    assert_eq!(entries[0]["after"], json!({"old_secret_until": rotated["old_secret_until"]}), "{entries}");
    assert_eq!(entries[2]["after"]["expires_at"], "2030-01-01T00:00:00Z", "{entries}");
}
