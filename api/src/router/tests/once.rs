//! `Idempotency-Key`: a request that is sent again makes nothing twice.

use serde_json::json;

use super::*;

impl Api {
    async fn named(&self, key: &str, target: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, target).header("idempotency-key", key);
        let request = request.header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    async fn count(&self, target: &str) -> u64 {
        self.get(target).await.ok(200)["total"].as_u64().expect("a total")
    }
}

#[tokio::test]
async fn a_webhook_and_an_invite_are_made_once_and_their_secrets_told_again() {
    let api = Api::new();
    let hook = json!({"url": "https://hooks.example.org/ods", "name": "chat"});
    let invite = json!({"role": "replica", "expires_in_s": 60});
    for (target, body) in [("/api/v1/webhooks", hook), ("/api/v1/invites", invite)] {
        let made = api.named("\"one\"", target, &body).await.ok(201);
        assert_eq!(api.named("one", target, &body).await.ok(201), made, "quotes are not part of the key");
        assert_eq!(api.count(target).await, 1);
        let other = api.named("two", target, &body).await.ok(201);
        assert_ne!(other["id"], made["id"], "another key is another request");
        api.json(Method::POST, target, &body).await.ok(201);
        assert_eq!(api.count(target).await, 3, "without a key each is one more");
        let id = made["id"].as_str().expect("an id");
        let ended = api.call(Method::DELETE, &format!("{target}/{id}"), Body::empty()).await;
        assert_eq!(ended.status, StatusCode::NO_CONTENT);
        let gone = api.named("one", target, &body).await.problem(409, "made_already");
        assert_eq!(gone["id"], id, "what was ended doesn't come back");
    }
}

#[tokio::test]
async fn an_invite_that_was_used_since_is_named() {
    let api = Api::new();
    let invite = json!({"role": "replica"});
    let made = api.named("one", "/api/v1/invites", &invite).await.ok(201);
    let line: crate::InviteLine = made["invite"].as_str().expect("a line").parse().expect("an invite");
    api.store.redeem_invite(&line.id, &ods_store::NodeId::from_bytes([9; 32]), NOW).expect("redeemed");
    let again = api.named("one", "/api/v1/invites", &invite).await.problem(409, "made_already");
    assert_eq!(again["id"], made["id"]);
}

#[tokio::test]
async fn a_token_is_made_once_and_the_second_answer_names_it() {
    let api = Api::new();
    let token = json!({"name": "ci", "scope": "publish", "prefixes": ["mac"]});
    let before = api.count("/api/v1/tokens").await;
    let made = api.named("one", "/api/v1/tokens", &token).await.ok(201);
    let again = api.named("one", "/api/v1/tokens", &token).await.problem(409, "made_already");
    assert_eq!(again["id"], made["id"]);
    assert!(!again.to_string().contains("ods_p"), "its secret isn't there to be told: {again}");
    assert_eq!(api.count("/api/v1/tokens").await, before + 1);
}

#[tokio::test]
async fn a_key_names_one_request_of_one_sender() {
    let api = Api::new();
    let (one, other) = (json!({"name": "ci", "scope": "read"}), json!({"name": "ci", "scope": "admin"}));
    api.named("one", "/api/v1/tokens", &one).await.ok(201);
    api.named("one", "/api/v1/tokens", &other).await.problem(422, "key_reused");
    api.named("one", "/api/v1/invites", &json!({"role": "replica"})).await.ok(201);
    let elsewhere = Api { admin: api.token(Scope::Admin, &[]), ..api };
    elsewhere.named("one", "/api/v1/tokens", &one).await.ok(201);
    for bad in ["", "a b", "\"a"] {
        elsewhere.named(bad, "/api/v1/tokens", &one).await.problem(400, "bad_header");
    }
}

#[tokio::test]
async fn what_was_refused_is_not_remembered() {
    let api = Api::new();
    let refused = json!({"name": "", "scope": "read"});
    api.named("one", "/api/v1/tokens", &refused).await.problem(422, "invalid");
    api.named("one", "/api/v1/tokens", &json!({"name": "ci", "scope": "read"})).await.ok(201);
}

#[tokio::test]
async fn a_webhook_that_was_rotated_since_is_named_and_its_secret_not_told() {
    let api = Api::new();
    let hook = json!({"url": "https://hooks.example.org/ods"});
    let made = api.named("one", "/api/v1/webhooks", &hook).await.ok(201);
    let id = made["id"].as_str().expect("an id");
    api.json(Method::POST, &format!("/api/v1/webhooks/{id}/rotate"), &json!({})).await.ok(200);
    let again = api.named("one", "/api/v1/webhooks", &hook).await.problem(409, "made_already");
    assert!(again["id"] == id && !again.to_string().contains("whsec_"), "{again}");
}
