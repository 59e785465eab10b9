//! The document, the router and the credentials agree.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::openapi::document;
use crate::request::ClientAddress;

/// The document's operations: path pattern → methods.
pub(super) fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let document = serde_json::to_value(document()).expect("json");
    let paths = document["paths"].as_object().expect("paths");
    let methods = |item: &Value| item.as_object().expect("an item").keys().map(|name| name.to_uppercase()).collect();
    paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

/// A path pattern as a path.
fn filled(pattern: &str) -> String {
    pattern.replace("{path}", "a/b.pkg").replace("{id}", "x").replace("{delivery}", "y")
}

/// What needs no credentials: the document, also as a page, and signing in.
pub(super) fn is_public(method: &str, pattern: &str) -> bool {
    ["/api/v1/openapi.json", "/api/v1/docs"].contains(&pattern)
        || (method.eq_ignore_ascii_case("POST") && pattern == "/api/v1/session")
}

#[test]
fn the_document_has_every_route_and_no_other() {
    let served: BTreeSet<String> =
        crate::router::admin().patterns.iter().map(|pattern| pattern.replace("{*path}", "{path}")).collect();
    assert_eq!(served, documented().into_keys().collect());
}

/// The names in back-ticks of a paragraph of the contract: `token.created|revoked` are two.
fn named_in(paragraph: &str) -> BTreeSet<String> {
    let readme = include_str!("../../../README.md");
    let paragraph = readme.split("\n\n").find(|text| text.starts_with(paragraph)).expect("the paragraph");
    let (_, listed) = paragraph.split_once("ypes: ").or_else(|| paragraph.split_once("Actions: ")).expect("a list");
    let listed = listed.split("`type` takes").next().and_then(|text| text.split("`action` takes").next());
    let groups = listed.expect("a list").split('`').skip(1).step_by(2);
    let names = groups.flat_map(|group| {
        let (area, verbs) = group.split_once('.').map_or(("", group), |(area, verbs)| (area, verbs));
        verbs.split('|').map(move |verb| if area.is_empty() { verb.to_owned() } else { format!("{area}.{verb}") })
    });
    names.collect()
}

#[test]
fn the_contract_names_every_type_of_event_and_every_action_of_the_audit() {
    let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(named_in("**Events.**"), all(ods_store::Happening::KINDS));
    assert_eq!(named_in("**Audit.**"), all(&ods_store::AUDIT_ACTIONS));
}

/// No call makes something without the contract saying what a lost answer means.
#[test]
fn the_contract_says_of_every_post_what_becomes_of_it_when_it_is_sent_again() {
    let readme = include_str!("../../../README.md");
    let (_, from) = readme.split_once("**Retrying.**").expect("the section");
    let (section, _) = from.split_once("**Settings.**").expect("its end");
    let posts = documented().into_iter().filter(|(_, methods)| methods.contains("POST"));
    let said: BTreeSet<&str> = section.split('`').filter_map(|name| name.strip_prefix("POST ")).collect();
    let served: BTreeSet<String> = posts.map(|(path, _)| path.trim_start_matches("/api/v1").to_owned()).collect();
    assert_eq!(said.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), served);
}

#[tokio::test]
async fn a_method_that_is_not_documented_is_405_and_allow_has_those_that_are() {
    let api = Api::new();
    for (pattern, methods) in documented() {
        let answer = api.call(Method::TRACE, &filled(&pattern), Body::empty()).await;
        answer.problem(405, "method_not_allowed");
        let allowed: BTreeSet<String> = answer
            .header("allow")
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| name != "HEAD")
            .collect();
        let methods: BTreeSet<String> = methods.into_iter().filter(|name| name != "HEAD").collect();
        assert_eq!(allowed, methods, "{pattern}");
    }
}

#[tokio::test]
async fn every_operation_refuses_a_caller_without_credentials() {
    let api = Api::new();
    for (pattern, methods) in documented() {
        for method in methods {
            let request = || Request::builder().method(method.as_str()).uri(filled(&pattern));
            let request = || request().extension(RequestId("request-1".to_owned()));
            if is_public(&method, &pattern) {
                let answer = api.send(request().body(Body::empty()).expect("a request")).await;
                assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{method} {pattern}");
                continue;
            }
            let none = api.send(request().body(Body::empty()).expect("a request")).await;
            if method == "HEAD" {
                assert_eq!(none.status, StatusCode::UNAUTHORIZED, "{pattern}: an answer to HEAD has no body");
                continue;
            }
            none.problem(401, "credentials_missing");
            // Each from its own address, since only so many are answered with 401.
            let address = std::net::Ipv4Addr::from(u32::from_be_bytes(
                *blake3::hash(format!("{method} {pattern}").as_bytes()).as_bytes().first_chunk().expect("32 bytes"),
            ));
            let wrong = request().header("authorization", "Bearer ods_wrong").extension(ClientAddress(address.into()));
            let wrong = api.send(wrong.body(Body::empty()).expect("a request")).await;
            wrong.problem(401, "token_unknown");
            for answer in [none, wrong] {
                assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"ods\"", "{method} {pattern}");
            }
        }
    }
}

#[tokio::test]
async fn a_parameter_that_is_not_known_is_refused_everywhere() {
    let api = Api::new();
    api.publish("a/b.pkg", b"bytes", &[]);
    for (pattern, methods) in documented() {
        for method in methods.iter().filter(|method| *method != "HEAD" && pattern != "/api/v1/docs") {
            let address = format!("{}?dry_ran=true", filled(&pattern));
            let answer = api.call(method.parse().expect("a method"), &address, Body::empty()).await;
            let code = answer.json()["code"].clone();
            assert_eq!((answer.status.as_u16(), &code), (400, &"bad_query".into()), "{method} {pattern}");
        }
    }
    api.get("/api/v1/packages/a/b.pkg").await.ok(200);
    api.get("/api/v1/node?").await.ok(200);
    // A page for people, who come by links that have something behind them.
    assert_eq!(api.get("/api/v1/docs?utm_source=chat").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_condition_on_a_change_that_does_not_heed_it_is_refused() {
    let api = Api::new();
    let document = crate::openapi::document();
    let mut refused = 0;
    for (pattern, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let heeded: Vec<&str> = parameters.filter_map(|parameter| parameter["name"].as_str()).collect();
            // Clients of tus send what goes with the creation with every request.
            let is_upload = pattern == "/api/v1/uploads/{id}";
            if ["get", "head", "options"].contains(&method.as_str()) || is_upload {
                continue;
            }
            for header in ["If-Match", "If-None-Match"].iter().filter(|header| !heeded.contains(header)) {
                let request = as_token(method.to_uppercase().parse().expect("a method"), &filled(pattern), &api.admin);
                let request = request.header(*header, "*").body(Body::empty()).expect("a request");
                let problem = api.send(request).await.problem(400, "bad_header");
                assert_eq!(problem["header"], header.to_lowercase(), "{method} {pattern}");
                refused += 1;
            }
        }
    }
    assert!(refused > 40, "{refused}");
    // What reads may come with whatever a cache adds.
    let request = as_token(Method::GET, "/api/v1/roster", &api.admin).header("if-none-match", "\"x\"");
    api.send(request.body(Body::empty()).expect("a request")).await.ok(200);
}

#[tokio::test]
async fn a_body_where_an_operation_takes_none_is_refused() {
    let api = Api::new();
    let document = crate::openapi::document();
    let mut refused = 0;
    for (pattern, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if ["get", "head", "options"].contains(&method.as_str()) || operation.get("requestBody").is_some() {
                continue;
            }
            let method: Method = method.to_uppercase().parse().expect("a method");
            for body in ["{\"dry_run\":true}", "x", &" ".repeat(100_000)] {
                let answer = api.call(method.clone(), &filled(pattern), Body::from(body.to_owned())).await;
                answer.problem(400, "unexpected_body");
                refused += 1;
            }
            let cut = futures_util::stream::iter([Ok("{"), Err(std::io::Error::other("cut"))]);
            api.call(method.clone(), &filled(pattern), Body::from_stream(cut)).await.problem(400, "body_incomplete");
            for body in ["", "\n", "{}", "{\r\n\r\n}", "null"] {
                let answer = api.call(method.clone(), &filled(pattern), Body::from(body)).await;
                assert_ne!(answer.status, StatusCode::BAD_REQUEST, "{method} {pattern} {body:?}");
            }
        }
    }
    assert!(refused > 40, "{refused}");
}

/// Whoever may not make the change is told so at once, whatever else comes, or doesn't.
#[tokio::test]
async fn who_may_not_is_not_waited_for_whatever_body_is_on_its_way() {
    let api = Api::new();
    let reader = format!("Bearer {}", api.token(Scope::Read, &[]));
    let mut refused = 0;
    for (pattern, methods) in documented() {
        for method in methods {
            let method: Method = method.parse().expect("a method");
            if method.is_safe() || crate::openapi::heeds(&method, &pattern).is_some_and(|heeds| heeds.body) {
                continue;
            }
            let scope = crate::openapi::heeds(&method, &pattern).map(|heeds| heeds.scope);
            for (credentials, status, code) in [
                (None, 401, "credentials_missing"),
                (Some("Bearer ods_wrong"), 401, "token_unknown"),
                (Some(reader.as_str()), 403, "scope_too_small"),
            ] {
                if status == 403 && scope == Some(Scope::Read) {
                    continue;
                }
                let waiting = futures_util::stream::pending::<std::io::Result<Vec<u8>>>();
                let address = ClientAddress(std::net::Ipv4Addr::from_bits(refused).into());
                let request = Request::builder().method(&method).uri(filled(&pattern)).extension(address);
                let request = request.extension(RequestId("request-1".to_owned()));
                let request =
                    credentials.into_iter().fold(request, |request, told| request.header("authorization", told));
                let request = request.body(Body::from_stream(waiting)).expect("a request");
                let answer = tokio::time::timeout(std::time::Duration::from_secs(10), api.send(request)).await;
                answer.unwrap_or_else(|_| panic!("{method} {pattern} waits")).problem(status, code);
                refused += 1;
            }
        }
    }
    assert!(refused > 30, "{refused}");
}

#[tokio::test]
async fn a_refusal_says_which_scope_is_needed() {
    let api = Api::new();
    let token = api.token(Scope::Read, &[]);
    let answer =
        api.send(as_token(Method::GET, "/api/v1/tokens", &token).body(Body::empty()).expect("a request")).await;
    let body = answer.problem(403, "scope_too_small");
    assert_eq!((&body["needed"], &body["actual"]), (&"admin".into(), &"read".into()));
}

#[tokio::test]
async fn answers_are_kept_by_nobody_in_between() {
    let api = Api::new();
    for path in ["/api/v1/node", "/api/v1/tokens", "/api/v1/nothing", "/api/v1/openapi.json"] {
        let answer = api.get(path).await;
        assert_eq!(
            (answer.header("cache-control"), answer.header("x-content-type-options")),
            ("no-store", "nosniff"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_in_the_same_form() {
    let api = Api::new();
    for path in
        ["/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/node", "/api/v1/nodes", "/api/v1/packages/", "/api/v1/node/"]
    {
        api.get(path).await.problem(404, "no_such_route");
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_whole() {
    let api = Api::new();
    let document = api.get("/api/v1/openapi.json").await.ok(200);
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", document["openapi"]);
    assert_eq!(document["security"], serde_json::json!([{"bearer": []}, {"basic": []}, {"session": []}]));
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let at = format!("{method} {path}");
            assert!(
                operation["summary"].as_str().is_some_and(|text| text.ends_with(['.', ':']) || !text.is_empty()),
                "{at}: a summary"
            );
            assert!(ids.insert(operation["operationId"].as_str().expect("an id").to_owned()), "{at}: its id is unique");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{at}: {parameter}");
            }
            let responses = operation["responses"].as_object().expect("responses");
            assert!(responses.keys().any(|status| status.starts_with('2')), "{at}: a success");
            assert_eq!(operation.get("security"), is_public(method, path).then_some(&serde_json::json!([{}])), "{at}");
            if !is_public(method, path) {
                for status in ["401", "429", "500", "503"] {
                    assert!(responses.contains_key(status), "{at}: {status}");
                }
            }
            let names = path.matches('{').count();
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            assert_eq!(
                parameters.filter(|parameter| parameter["in"] == "path").count(),
                names,
                "{at}: its path's parameters"
            );
        }
    }
    check_references(&document, &document);
}

/// Checks that whatever is referred to is there.
fn check_references(document: &Value, value: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let pointer = reference.strip_prefix('#').expect("a local reference");
                assert!(document.pointer(pointer).is_some(), "{reference} is not there");
            }
            fields.values().for_each(|field| check_references(document, field));
        }
        Value::Array(items) => items.iter().for_each(|item| check_references(document, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
