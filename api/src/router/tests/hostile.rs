//! Whatever is sent to whichever operation: a clear error, no panic, no 5xx.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::contract::documented;
use super::*;

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
    let address = pattern.replace("{path}", &raw).replace("{id}", &raw);
    let address = format!("{address}?{}={}", QUERIES[query.0], encoded(HOSTILE[query.1]));
    let request = api.request(method.parse().expect("a method"), &address).header("content-type", "application/json");
    request.header(HEADERS[header.0], HOSTILE[header.1]).body(Body::from(HOSTILE[*body])).ok()
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
    let mut runner = TestRunner::new(Config { cases: 1500, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&parts, |parts| {
        let Some(request) = request(&api, &operations, &parts) else { return Ok(()) };
        let asked = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
        let response = runtime.block_on(api.router.clone().oneshot(request)).expect("infallible");
        let (status, kind) = (response.status(), response.headers().get("content-type").cloned());
        prop_assert!(!status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE, "{status}: {asked}");
        if status.is_client_error() {
            prop_assert_eq!(
                kind.as_ref().and_then(|kind| kind.to_str().ok()),
                Some("application/problem+json"),
                "{}",
                asked
            );
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}\n{runner}");
    }
}
