//! Who may do what over HTTP: credentials that are missing, wrong, expired, or too weak.

use std::time::Duration;

use serde_json::json;

use crate::support::node::Node;
use crate::support::{mesh, wait};

#[test]
fn the_api_asks_for_a_token_and_refuses_wrong_ones() {
    let node = Node::start("hq");
    let admin = node.token();
    let last = if admin.ends_with('x') { 'y' } else { 'x' };
    let bent = format!("{}{last}", &admin[..admin.len() - 1]);
    for target in ["/api/v1/node", "/api/v1/packages", "/api/v1/tokens", "/api/v1/events"] {
        let bare = node.request("GET", target).send();
        assert!(bare.header("www-authenticate").is_some(), "{target} says how to sign in");
        bare.expect(401);
    }
    for wrong in ["", "ods_", "nonsense", &bent] {
        node.request("GET", "/api/v1/node").bearer(wrong).send().expect(401);
    }
    node.request("GET", "/api/v1/node").header("Authorization", "Basic !!!").send().expect(401);
    node.request("PUT", "/api/v1/packages/x.pkg").body(b"x").send().expect(401);
    assert!(mesh::listing(&node).is_empty());
}

#[test]
fn who_guesses_tokens_is_slowed_down_and_right_ones_go_on_elsewhere() {
    let node = Node::start("hq");
    let guess = |number: u32| node.request("GET", "/api/v1/node").bearer(&format!("ods_a_{number:026}")).send();
    let refused = (0..200).map(guess).find(|answer| answer.status != 401).expect("guessing goes on for ever");
    assert!(refused.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    refused.expect_problem(429, "too_many_attempts");
    node.request("GET", "/Packages/").send().expect(200);
}

#[test]
fn a_scope_allows_what_it_says_and_no_more() {
    let node = Node::start("hq");
    let (reader, publisher) = (node.new_token("read", &[]), node.new_token("publish", &[]));
    let put = |token: &str| node.request("PUT", "/api/v1/packages/x.pkg").bearer(token).body(b"x").send();
    put(&reader).expect(403);
    put(&publisher).expect(201);
    node.request("GET", "/api/v1/packages").bearer(&reader).send().expect(200);
    for token in [&reader, &publisher] {
        node.request("GET", "/api/v1/tokens").bearer(token).send().expect(403);
        let spec = json!({"name": "more", "scope": "admin", "prefixes": []});
        node.request("POST", "/api/v1/tokens").bearer(token).json(&spec).send().expect(403);
        let spec = json!({"role": "owner", "prefixes": [], "expires_in_s": 60});
        node.request("POST", "/api/v1/invites").bearer(token).json(&spec).send().expect(403);
    }
}

#[test]
fn a_prefix_confines_a_token() {
    let node = Node::start("hq");
    let token = node.new_token("publish", &["mac"]);
    let put = |path: &str| node.request("PUT", &format!("/api/v1/packages/{path}")).bearer(&token).body(b"x").send();
    put("mac/x.pkg").expect(201);
    for outside in ["x.pkg", "macs/x.pkg", "win/x.msi", "mac%2F..%2Fx.pkg"] {
        let status = put(outside).status;
        assert!(matches!(status, 400 | 403 | 422), "{outside}: {status}");
    }
    assert_eq!(mesh::listing(&node).len(), 1);
}

#[test]
fn an_expired_and_a_revoked_token_are_refused() {
    let node = Node::start("hq");
    let soon = jiff::Timestamp::from_millisecond(unix_ms() + 3000).expect("a time").to_string();
    let body = json!({"name": "brief", "scope": "read", "prefixes": [], "expires_at": soon});
    let brief = node.post_json("/tokens", &body).expect(201).json();
    let (brief, id) = (brief["token"].as_str().expect("shown once").to_owned(), brief["id"].clone());
    assert!(id.is_string());
    wait::until("the token expires", Duration::from_secs(30), || {
        node.request("GET", "/api/v1/packages").bearer(&brief).send().status == 401
    });
    let body = json!({"name": "short-lived", "scope": "read", "prefixes": []});
    let answer = node.post_json("/tokens", &body).expect(201).json();
    let (token, id) = (answer["token"].as_str().expect("shown once"), answer["id"].as_str().expect("an id"));
    node.request("GET", "/api/v1/packages").bearer(token).send().expect(200);
    node.api("DELETE", &format!("/tokens/{id}")).send().expect(204);
    node.request("GET", "/api/v1/packages").bearer(token).send().expect(401);
}

#[test]
fn a_token_is_never_shown_again_nor_logged() {
    let node = Node::start("hq");
    let token = node.new_token("read", &[]);
    node.request("GET", "/api/v1/packages").bearer(&token).send().expect(200);
    let listed = node.api("GET", "/tokens").send().expect(200).text();
    for text in [listed, node.log()] {
        assert!(!text.contains(&token) && !text.contains(&node.token()), "a secret is shown");
    }
}

#[expect(clippy::disallowed_methods, reason = "a client has a clock of its own")]
fn unix_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("milliseconds fit")
}
