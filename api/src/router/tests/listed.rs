//! Every error that any of these tests gets is one that the document lists for the operation.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::middleware::Next;
use axum::response::Response;

use super::document::{entries, operations};
use super::*;

/// What may be answered before any operation is reached; the document says so once, at its beginning.
const BEFORE: [&str; 2] = ["no_such_route", "method_not_allowed"];

/// An operation's method, its pattern, and the codes of its errors.
static LISTED: LazyLock<Vec<(Method, String, BTreeSet<String>)>> = LazyLock::new(|| {
    let each = operations().into_iter().map(|operation| {
        let answers = entries(&operation.about["responses"]);
        let codes = answers.flat_map(|(_, answer)| entries(&answer["content"]["application/problem+json"]["examples"]));
        (operation.method, operation.pattern.clone(), codes.map(|(code, _)| code.clone()).collect())
    });
    each.collect()
});

/// Around the router of these tests: panics if an answer is an error that isn't listed.
pub(super) async fn hold(request: Request<Body>, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (parts, body) = next.run(request).await.into_parts();
    if parts.headers.get("content-type").is_none_or(|kind| kind != "application/problem+json") {
        return Response::from_parts(parts, body);
    }
    let body = body.collect().await.expect("a problem").to_bytes();
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(code) = problem["code"].as_str().filter(|code| !BEFORE.contains(code)) {
        let is_listed = is_listed(&method, &path, code);
        assert!(is_listed, "the document lists no {code} of {method} {path}: name it beside the handler");
    }
    Response::from_parts(parts, body.into())
}

fn is_listed(method: &Method, path: &str, code: &str) -> bool {
    let mut meant = LISTED.iter().filter(|(listed, pattern, _)| listed == method && fits(pattern, path));
    meant.any(|(_, _, codes)| codes.contains(code))
}

/// Whether a path is one of a pattern; `{path}` is the whole rest.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), parts.next()) {
            (Some("{path}"), Some(_)) | (None, None) => return true,
            (Some(pattern), Some(part)) if pattern == part || pattern.starts_with('{') => {}
            _ => return false,
        }
    }
}

#[test]
fn an_error_of_another_operation_is_not_listed() {
    for (method, path, code) in [
        (Method::DELETE, "/api/v1/tokens/x", "bytes_not_held"),
        (Method::GET, "/api/v1/packages/a/b.pkg", "no_such_webhook"),
        (Method::GET, "/api/v1/node", "last_admin"),
    ] {
        assert!(!is_listed(&method, path, code), "{method} {path} {code}");
    }
    assert!(is_listed(&Method::DELETE, "/api/v1/tokens/x", "last_admin"));
}
