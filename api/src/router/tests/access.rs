//! Tokens: what they open, and what happens to wrong ones.

use ods_store::{Happening, Lsn};

use super::*;
use crate::request::ClientAddress;

async fn as_basic(api: &Api, user: &str, password: &str) -> Answer {
    let value = format!("Basic {}", data_encoding::BASE64.encode(format!("{user}:{password}").as_bytes()));
    let request = Request::builder().uri("/api/v1/node").header("authorization", value);
    api.send(request.extension(RequestId("request-1".to_owned())).body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_token_opens_as_bearer_and_as_the_password_of_basic_under_any_name() {
    let api = Api::new();
    api.get("/api/v1/node").await.ok(200);
    as_basic(&api, "anyone", &api.admin).await.ok(200);
    as_basic(&api, "", &api.admin).await.ok(200);
    as_basic(&api, &api.admin, "").await.problem(401, "token_unknown");
}

#[tokio::test]
async fn an_expired_token_is_told_from_an_unknown_one() {
    let api = Api::new();
    let new = NewToken { name: "old".to_owned(), scope: Scope::Admin, prefixes: vec![], expires_at: Some(NOW) };
    let (_, secret) = api.store.create_token(&new, &Author::new("test"), NOW).expect("a token");
    let call = |token: &str| as_token(Method::GET, "/api/v1/node", token).body(Body::empty()).expect("a request");
    api.send(call(&secret)).await.problem(401, "token_expired");
    let mut bent = api.admin.clone();
    bent.replace_range(10..11, if &bent[10..11] == "a" { "b" } else { "a" });
    api.send(call(&bent)).await.problem(401, "token_unknown");
}

#[tokio::test]
async fn a_revoked_token_ends_at_once() {
    let api = Api::new();
    let made =
        api.json(Method::POST, "/api/v1/tokens", &serde_json::json!({"name": "x", "scope": "read"})).await.ok(201);
    let secret = made["token"].as_str().expect("a secret");
    let call = || as_token(Method::GET, "/api/v1/node", secret).body(Body::empty()).expect("a request");
    api.send(call()).await.ok(200);
    let path = format!("/api/v1/tokens/{}", made["id"].as_str().expect("an id"));
    assert_eq!(api.call(Method::DELETE, &path, Body::empty()).await.status, StatusCode::NO_CONTENT);
    api.send(call()).await.problem(401, "token_unknown");
    api.call(Method::DELETE, &path, Body::empty()).await.problem(404, "no_such_token");
}

#[tokio::test]
async fn wrong_tokens_are_journalled_and_then_limited_by_address_while_right_ones_are_let_in() {
    let api = Api::new();
    let from = |token: &str, address: [u8; 4]| {
        let request = as_token(Method::GET, "/api/v1/node", token).extension(ClientAddress(address.into()));
        request.body(Body::empty()).expect("a request")
    };
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(api.send(from("ods_wrong", [192, 0, 2, 1])).await.status.as_u16());
    }
    assert_eq!((statuses[0], statuses[19], statuses[29]), (401, 401, 429), "{statuses:?}");
    let answer = api.send(from("ods_wrong", [192, 0, 2, 1])).await;
    answer.problem(429, "too_many_attempts");
    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=60).contains(&seconds)));
    api.send(from(&api.admin, [192, 0, 2, 1])).await.ok(200);
    api.send(from("ods_wrong", [192, 0, 2, 2])).await.problem(401, "token_unknown");
    let records = api.store.records(Lsn::ZERO, 1000).expect("the journal").items;
    let refusals: Vec<&String> = records
        .iter()
        .filter_map(|record| match &record.what {
            Happening::SignInRefused { reason, .. } => Some(reason),
            _ => None,
        })
        .collect();
    assert!((2..=22).contains(&refusals.len()), "{refusals:?}");
    // Those beyond the share aren't listed, but counted.
    let left_out = format!("(and {} more", 32 - refusals.len());
    assert!(refusals.last().is_some_and(|last| last.contains(&left_out)), "{refusals:?}");
}

#[tokio::test]
async fn prefixes_limit_what_a_token_reads_and_lists() {
    let api = Api::new();
    api.publish("mac/a.pkg", b"a", &[]);
    api.publish("win/b.msi", b"b", &[]);
    let token = api.token(Scope::Read, &["mac"]);
    let get = |path: &str| as_token(Method::GET, path, &token).body(Body::empty()).expect("a request");
    api.send(get("/api/v1/packages/mac/a.pkg")).await.ok(200);
    let refused = api.send(get("/api/v1/packages/win/b.msi")).await.problem(403, "outside_prefixes");
    assert_eq!(refused["path"], "win/b.msi");
    // Whether there is something outside is not told either.
    api.send(get("/api/v1/packages/win/none.msi")).await.problem(403, "outside_prefixes");
    api.send(get("/api/v1/revisions/win/b.msi")).await.problem(403, "outside_prefixes");
    let list = api.send(get("/api/v1/packages")).await.ok(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    assert_eq!((&list["items"][0]["path"], &list["total"]), (&"mac/a.pkg".into(), &Value::Null));
    let events = api.send(get("/api/v1/events")).await.ok(200);
    let paths: Vec<&str> = events["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|record| record["data"]["path"].as_str())
        .collect();
    assert!(!paths.is_empty() && paths.iter().all(|path| *path == "mac/a.pkg"), "{events}");
}

#[tokio::test]
async fn prefixes_limit_every_way_to_change_a_package() {
    let api = Api::new();
    let outside = api.publish("win/b.msi", b"b", &[]);
    let token = api.token(Scope::Publish, &["mac"]);
    let json = |method, path: &str, body: &str| {
        let request = as_token(method, path, &token).header("content-type", "application/json");
        request.body(Body::from(body.to_owned())).expect("a request")
    };
    api.send(json(Method::PUT, "/api/v1/packages/mac/a.pkg", "bytes")).await.ok(201);
    let restore = format!(r#"{{"path":"win/b.msi","revision":"{}"}}"#, outside.revision);
    for (method, path, body) in [
        (Method::PUT, "/api/v1/packages/win/a.pkg", "bytes"),
        (Method::PUT, "/api/v1/packages/macabre/a.pkg", "bytes"),
        (Method::PATCH, "/api/v1/packages/win/b.msi", "{}"),
        (Method::DELETE, "/api/v1/packages/win/b.msi", ""),
        (Method::POST, "/api/v1/restore", restore.as_str()),
    ] {
        let body = api.send(json(method, path, body)).await.problem(403, "not_a_publisher");
        assert_eq!(body["prefixes"], serde_json::json!(["mac"]));
    }
    // The bytes of what the token can't read can't be had by naming their revision either.
    let from = format!("/api/v1/packages/mac/stolen.msi?from={}", outside.revision);
    api.send(json(Method::PUT, &from, "")).await.problem(404, "no_such_revision");
}

#[tokio::test]
async fn who_did_it_is_the_token() {
    let api = Api::new();
    let made = api.call(Method::PUT, "/api/v1/packages/a.pkg", "a").await.ok(201);
    let node = api.store.node_id().to_string();
    assert_eq!(made["package"]["published_by"], serde_json::json!({"node": node, "name": "hq", "by": "token ci"}));
}
