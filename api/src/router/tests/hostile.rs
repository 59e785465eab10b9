//! Whatever is sent to whichever operation: a clear error, no panic, no 5xx.

use std::cell::Cell;
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::contract::documented;
use super::*;
use crate::openapi;

/// What is put where a path, an id, a query, a header or a body belongs.
const HOSTILE: [&str; 24] = [
    "",
    "%",
    "%00",
    "%FF",
    "..",
    "%2e%2e%2f",
    "a",
    "0",
    "-1",
    "18446744073709551616",
    "999999999999999999999999999999",
    "null",
    "[]",
    "{}",
    "{\"path\":\"a\",\"revision\":\"\"}",
    "{\"name\":\"\\u0000\",\"scope\":\"read\"}",
    "{\"role\":\"owner\",\"expires_in_s\":18446744073709551615}",
    "{\"name\":\"x\",\"scope\":\"read\",\"expires_at\":\"-009999-01-01T00:00:00Z\"}",
    "{\"urls\":[\"http://\"]}",
    "\"\u{fffd}\"",
    "*",
    "W/\"\"",
    "sha-256=::",
    "bytes=0-",
];

/// Parameters and headers that some operation looks at.
const QUERIES: [&str; 8] = ["limit", "after", "sort", "prefix", "type", "from", "blake3", "priority"];
const HEADERS: [&str; 8] = [
    "if-match",
    "if-none-match",
    "repr-digest",
    "last-event-id",
    "content-type",
    "content-length",
    "content-encoding",
    "content-range",
];

/// A request made of hostile parts: indexes of the operation, path, query and its value, header and its value, body.
type Parts = (usize, usize, (usize, usize), (usize, usize), usize);

fn request(api: &Api, operations: &[(String, String)], parts: &Parts) -> Option<Request<Body>> {
    let (operation, path, query, header, body) = parts;
    let (pattern, method) = &operations[operation % operations.len()];
    let encoded =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let raw = HOSTILE[*path].replace(['"', '{', '}', '[', ']', '\\', '\u{fffd}'], "_");
    let method: Method = method.parse().expect("a method");
    let heeds = openapi::heeds(&method, pattern).expect("an operation");
    let mut address = pattern.replace("{path}", &raw).replace("{id}", &raw).replace("{delivery}", &raw);
    // What an operation doesn't heed is refused before it is reached.
    if heeds.query {
        write!(address, "?{}={}", QUERIES[query.0], encoded(HOSTILE[query.1])).expect("a text takes all");
    }
    let body = if heeds.body { HOSTILE[*body] } else { "" };
    let request = api.request(method, &address).header("content-type", "application/json");
    request.header(HEADERS[header.0], HOSTILE[header.1]).body(Body::from(body)).ok()
}

/// Whether an answer is of the operation itself, or of what reads its arguments: not of what refuses all that isn't heeded.
fn reached_the_operation(body: &[u8]) -> bool {
    let told = String::from_utf8_lossy(body);
    !["this operation has no", "this operation heeds no", "this operation takes no"]
        .iter()
        .any(|idle| told.contains(idle))
}

#[test]
fn hostile_requests_get_clear_errors() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut api = Api::new();
    // Without a mesh its operations are 503, which is what they should be.
    api.mesh.close();
    let operations: Vec<(String, String)> = documented()
        .into_iter()
        .flat_map(|(pattern, methods)| methods.into_iter().map(move |method| (pattern.clone(), method)))
        .collect();
    let value = || 0..HOSTILE.len();
    let parts = (0..operations.len(), value(), (0..QUERIES.len(), value()), (0..HEADERS.len(), value()), value());
    let (asked_of, reached) = (Cell::new(0_u32), Cell::new(0_u32));
    let mut runner = TestRunner::new(Config { cases: 1500, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&parts, |parts| {
        let Some(request) = request(&api, &operations, &parts) else { return Ok(()) };
        let asked = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
        let response = runtime.block_on(api.router.clone().oneshot(request)).expect("infallible");
        let (status, kind) = (response.status(), response.headers().get("content-type").cloned());
        asked_of.set(asked_of.get() + 1);
        prop_assert!(!status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE, "{status}: {asked}");
        if status.is_client_error() {
            prop_assert_eq!(
                kind.as_ref().and_then(|kind| kind.to_str().ok()),
                Some("application/problem+json"),
                "{}",
                asked
            );
            let body = runtime.block_on(response.into_body().collect()).expect("a body").to_bytes();
            reached.set(reached.get() + u32::from(reached_the_operation(&body)));
        } else {
            reached.set(reached.get() + 1);
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}\n{runner}");
    }
    let (asked_of, reached) = (asked_of.get(), reached.get());
    assert!(reached > asked_of / 10 * 8 && asked_of > 1000, "{reached} of {asked_of} reached an operation");
}
