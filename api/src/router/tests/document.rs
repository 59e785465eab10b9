//! The document against what is served, for whatever is in the router: every operation has summary, parameters, examples and
//! errors, and opens to exactly the credentials that it says.

use std::collections::BTreeSet;

use super::*;
use crate::openapi::{document, scope_of};
use crate::request::ClientAddress;

/// One operation: its method, its path as a path, and what the document says of it.
pub(super) struct Operation {
    pub(super) method: Method,
    /// As the document has it.
    pub(super) pattern: String,
    path: String,
    id: String,
    pub(super) about: Value,
}

impl Operation {
    /// For lists of what is missing.
    pub(super) fn at(&self) -> String {
        format!("{} ({} {})", self.id, self.method, self.path)
    }

    fn scope(&self) -> &str {
        self.about["x-ods-scope"].as_str().unwrap_or_default()
    }
}

pub(super) fn operations() -> Vec<Operation> {
    let document = document();
    let paths = document["paths"].as_object().expect("paths");
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object().expect("an item").iter().map(|(method, about)| Operation {
            method: method.to_uppercase().parse().expect("a method"),
            pattern: path.clone(),
            path: path.replace("{path}", "a/b.pkg").replace("{id}", "x"),
            id: about["operationId"].as_str().unwrap_or_default().to_owned(),
            about: about.clone(),
        })
    });
    each.collect()
}

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(super) fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[test]
fn every_operation_says_what_it_takes_gives_and_refuses_with_examples() {
    let mut missing = Vec::new();
    for operation in operations() {
        let at = operation.at();
        let about = &operation.about;
        let mut need = |there: bool, what: &str| {
            if !there {
                missing.push(format!("{at}: {what}"));
            }
        };
        need(about["summary"].as_str().is_some_and(|text| !text.trim().is_empty()), "a summary");
        need(about["tags"][0].is_string(), "a tag");
        need(!operation.scope().is_empty(), "its scope");
        for parameter in list(&about["parameters"]) {
            let name = &parameter["name"];
            need(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), &format!("what {name} is"));
            need(!parameter["example"].is_null(), &format!("an example of {name}"));
        }
        for (kind, body) in entries(&about["requestBody"]["content"]) {
            need(!body["example"].is_null(), &format!("an example of its body, {kind}"));
        }
        let mut successes = 0;
        for (status, answer) in entries(&about["responses"]) {
            successes += usize::from(status.starts_with('2'));
            need(answer["description"].is_string(), &format!("what {status} means"));
            for (kind, body) in entries(&answer["content"]) {
                let has_one = !body["example"].is_null() || entries(&body["examples"]).next().is_some();
                need(has_one, &format!("an example of {status}, {kind}"));
                need(status.as_str() < "400" || kind == "application/problem+json", &format!("{status} as a problem"));
            }
            need(status.as_str() < "400" || answer["content"].is_object(), &format!("the body of {status}"));
        }
        need(successes > 0, "a success");
        let public = operation.scope() == "none";
        for status in ["401", "429", "500", "503"] {
            let excused = public && status != "500";
            need(excused || !about["responses"][status].is_null(), status);
        }
        let takes_json = entries(&about["requestBody"]["content"]).any(|(kind, _)| kind.contains("json"));
        for status in ["400", "413", "415", "422"] {
            need(!takes_json || !about["responses"][status].is_null(), &format!("{status}, since it takes JSON"));
        }
        let queried = list(&about["parameters"]).any(|parameter| parameter["in"] == "query");
        need(!queried || !about["responses"]["400"].is_null(), "400, since it takes a query");
    }
    assert!(missing.is_empty(), "the document lacks:\n{}", missing.join("\n"));
}

/// Who calls, and what the document makes one expect.
struct Caller {
    name: &'static str,
    secret: Option<String>,
    /// The scope it has; none is let in with anything else.
    scope: Option<&'static str>,
    code: Option<&'static str>,
}

fn callers(api: &Api) -> Vec<Caller> {
    let good = |name, scope, secret| Caller { name, secret: Some(secret), scope: Some(scope), code: None };
    let bad = |name, secret, code| Caller { name, secret, scope: None, code: Some(code) };
    let new = |scope| NewToken { name: "gone".to_owned(), scope, prefixes: vec![], expires_at: Some(NOW) };
    let author = Author::new("test");
    let (_, expired) = api.store.create_token(&new(Scope::Admin), &author, NOW).expect("a token");
    let (row, revoked) = api.store.create_token(&new(Scope::Admin), &author, NOW).expect("a token");
    assert!(api.store.revoke_token(row.id, &Expected::Any, &author, NOW).expect("revoked"));
    vec![
        bad("nobody", None, "credentials_missing"),
        good("read", "read", api.token(Scope::Read, &[])),
        good("publish", "publish", api.token(Scope::Publish, &[])),
        good("admin", "admin", api.token(Scope::Admin, &[])),
        bad("expired", Some(expired), "token_expired"),
        bad("revoked", Some(revoked), "token_unknown"),
        bad("other node's", Some(Api::with_seed([9; 32]).admin), "token_unknown"),
        bad("mistyped", Some("ods_a".to_owned()), "token_unknown"),
    ]
}

#[tokio::test]
async fn every_operation_opens_to_exactly_the_credentials_that_the_document_says() {
    let rank = |scope: &str| ["none", "read", "publish", "admin"].iter().position(|name| *name == scope);
    let api = Api::new();
    let callers = callers(&api);
    let mut wrong = Vec::new();
    for (number, operation) in operations().into_iter().enumerate() {
        for (place, caller) in callers.iter().enumerate() {
            let mut request = Request::builder().method(&operation.method).uri(&operation.path);
            if let Some(secret) = &caller.secret {
                request = request.header("authorization", format!("Bearer {secret}"));
            }
            // Each from its own address: only so many wrong tokens from one are answered with 401.
            let last = u8::try_from(place).expect("few callers");
            let address = u32::from_be_bytes([10, 0, 0, last]) + u32::try_from(number).expect("few operations") * 256;
            let request = request.extension(ClientAddress(std::net::Ipv4Addr::from(address).into()));
            let request = request.extension(RequestId("request-1".to_owned())).body(Body::empty()).expect("a request");
            let (status, code) = api.outcome(request).await;
            let head = operation.method == Method::HEAD;
            let public = operation.scope() == "none";
            let enough = public || caller.scope.is_some_and(|scope| rank(scope) >= rank(operation.scope()));
            let fine = match (enough, caller.code, public) {
                (true, _, _) => !matches!(status, 401 | 403),
                (false, None, _) => status == 403 && (head || code == "scope_too_small"),
                (false, Some(expected), _) => status == 401 && (head || code == expected),
            };
            if !fine {
                wrong.push(format!("{} as {}: {status} {code}", operation.at(), caller.name));
            }
        }
    }
    assert!(wrong.is_empty(), "not as the document says (scopes are in openapi/complete.rs):\n{}", wrong.join("\n"));
}

impl Api {
    /// The status of an answer, and the code of a refusal. A stream has no end to wait for, so no more is read.
    pub(super) async fn outcome(&self, request: Request<Body>) -> (u16, String) {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let status = response.status().as_u16();
        if status < 400 {
            return (status, String::new());
        }
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    }
}

#[test]
fn what_the_scopes_name_is_there() {
    let known: BTreeSet<String> = operations().into_iter().map(|operation| operation.id).collect();
    for public in crate::openapi::PUBLIC {
        assert!(known.contains(public) && scope_of(public) == "none", "{public}");
    }
}

#[tokio::test]
async fn the_rendered_document_is_one_page_with_a_policy_of_its_own() {
    let api = Api::new();
    let request = Request::builder().uri("/api/v1/docs").body(Body::empty()).expect("a request");
    let answer = api.send(request).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'sha256-"), "{policy}");
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused_even_where_every_field_may_be_missing() {
    let api = Api::new();
    for (method, path) in
        [(Method::PATCH, "/api/v1/node"), (Method::PATCH, "/api/v1/settings"), (Method::POST, "/api/v1/tokens")]
    {
        for body in ["[null,null]", "[]", "null", "1", "\"x\""] {
            let request = api.request(method.clone(), path).header("content-type", "application/json");
            api.send(request.body(Body::from(body)).expect("a request")).await.problem(422, "invalid");
        }
    }
}

#[tokio::test]
async fn what_can_not_be_read_is_named_in_bodies_and_queries() {
    let api = Api::new();
    for (method, path, body, field) in [
        (Method::POST, "tokens", r#"{"name":"x","scope":"root"}"#, "scope"),
        (Method::POST, "tokens", r#"{"name":1,"scope":"read"}"#, "name"),
        (Method::POST, "tokens", r#"{"scope":"read"}"#, "name"),
        (Method::POST, "tokens", r#"{"name":"x","scope":"read","scop":1}"#, "scop"),
        (Method::POST, "tokens", r#"{"name":"x","name":"y","scope":"read"}"#, "name"),
        (Method::POST, "tokens", r#"{"name":"x","scope":"read","prefixes":["a",1]}"#, "prefixes[1]"),
        (Method::POST, "tokens", r#"{"name":"x","scope":"read","expires_at":"soon"}"#, "expires_at"),
        (Method::PATCH, "node", r#"{"policy":{"mode":"some"}}"#, "policy"),
        (Method::PATCH, "node", r#"{"policy":1}"#, "policy"),
    ] {
        let request = api.request(method, &format!("/api/v1/{path}")).header("content-type", "application/json");
        let answer = api.send(request.body(Body::from(body)).expect("a request")).await;
        assert_eq!(answer.problem(422, "invalid")["field"], field, "{body}");
    }
    for (query, field) in [
        ("packages?limit=x", "limit"),
        ("packages?limitt=1", "limitt"),
        ("packages?limit=1&limit=2", "limit"),
        ("events?after=-1", "after"),
        ("audit?since=yesterday", "since"),
    ] {
        let answer = api.get(&format!("/api/v1/{query}")).await;
        assert_eq!(answer.problem(400, "bad_query")["field"], field, "{query}");
    }
    let broken = api.request(Method::POST, "/api/v1/tokens").header("content-type", "application/json");
    let broken = api.send(broken.body(Body::from(r#"{"name":"#)).expect("a request")).await.problem(400, "bad_json");
    assert_eq!(broken.get("field"), None);
}
