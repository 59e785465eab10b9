//! Bytes that no honest client sends: each gets a 4xx or a closed connection, none a 5xx, and the node goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::bytes::Choices;
use crate::support::http::encode_path;
use crate::support::node::{Node, Setup};
use crate::support::wait;

/// A request after which the connection goes on.
const PING: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/// Sends raw bytes, closes the sending side, and reads what comes.
fn exchange(node: &Node, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(node.address()).expect("the node listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    drop(stream.write_all(bytes));
    drop(stream.shutdown(std::net::Shutdown::Write));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    answer
}

/// Sends raw bytes and reads up to where the node closes the connection.
fn converse(node: &Node, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(node.address()).expect("the node listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    drop(stream.write_all(bytes));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    answer
}

/// The statuses of all answers in what came back.
fn statuses(answer: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(answer).into_owned();
    let parts = text.split("HTTP/1.1 ").skip(1);
    parts.filter_map(|part| part.get(..3)?.parse().ok()).collect()
}

fn assert_no_fault(node: &Node, bytes: &[u8]) {
    let answer = exchange(node, bytes);
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
    assert!(statuses(&answer).iter().all(|status| *status < 500), "{:?} for {shown:?}", statuses(&answer));
}

#[test]
fn malformed_requests_are_the_clients_fault() {
    let node = Node::start("hq");
    node.put("a.pkg", b"0123456789").expect(201);
    let long = "x".repeat(100_000);
    let heads = [
        "GET /Packages/a.pkg HTTP/9.9\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        " / HTTP/1.1\r\n\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(2000)),
        "GET /Packages/a.pkg HTTP/1.1\r\nHost: x\r\nRange: bytes=9999999999999999999999-\r\n\r\n".to_owned(),
        format!("GET /Packages/a.pkg HTTP/1.1\r\nHost: x\r\nRange: bytes={}\r\n\r\n", "0-0,".repeat(5000)),
        "GET /Packages/a.pkg HTTP/1.1\r\nHost: x\r\nIf-Modified-Since: yesterday\r\n\r\n".to_owned(),
        "GET /Packages/a.pkg HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"\r\n\r\n".to_owned(),
        "GET /Packages/%zz HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "GET /Packages/% HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "GET http://elsewhere/Packages/a.pkg HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "BREW /Packages/a.pkg HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello".to_owned(),
        "POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n".to_owned(),
        "POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u{0}\u{0}\u{ff}".to_owned(),
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}".to_owned(),
        String::new(),
    ];
    for head in heads {
        assert_no_fault(&node, head.as_bytes());
    }
    assert_eq!(node.download("a.pkg").expect(200).text(), "0123456789");
}

/// Status and problem of the one answer in what came back; its id is in the header and in the body.
fn problem(answer: &[u8]) -> (u16, serde_json::Value) {
    let text = String::from_utf8_lossy(answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {text:?}"));
    let header =
        |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
    assert_eq!(header("content-type:").as_deref(), Some("application/problem+json"), "{text}");
    let problem: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {text}"));
    let id = header("x-request-id:").unwrap_or_else(|| panic!("no id in {text}"));
    assert_eq!(problem["request_id"], id.as_str());
    assert_eq!(problem["status"], statuses(answer)[0]);
    (statuses(answer)[0], problem)
}

#[test]
fn a_refusal_before_any_route_says_why_and_has_an_id() {
    let node = Node::start("hq");
    let long = "x".repeat(100_000);
    for (request, status, code) in [
        ("GET\r\n\r\n".to_owned(), 400, "malformed"),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), 400, "malformed"),
        ("GET / HTTP/1.1\r\nConnection: close\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), 400, "malformed"),
        (format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n"), 431, "head_too_large"),
        (format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(200)), 431, "head_too_large"),
        (format!("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", u64::MAX), 413, "too_large"),
        (format!("GET /{} HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n", &long[..50_000]), 414, "address_too_long"),
        (
            "POST /peer/v1/ping HTTP/1.1\r\nConnection: close\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_owned(),
            401,
            "unsigned",
        ),
    ] {
        let (found, problem) = problem(&converse(&node, request.as_bytes()));
        assert_eq!((found, &problem["code"]), (status, &code.into()), "{}", &request[..request.len().min(60)]);
    }
    let http_10 = converse(&node, b"GET /healthz HTTP/1.0\r\n\r\n");
    assert!(http_10.ends_with(b"ok\n"), "HTTP/1.0 needs no Host");
    let after_another = converse(&node, format!("{PING}nonsense\r\n\r\n").as_bytes());
    assert_eq!(statuses(&after_another), [200, 400]);
    let endless = format!("{PING}PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", u64::MAX);
    let answers = converse(&node, endless.as_bytes());
    assert_eq!(statuses(&answers), [200, 431]);
    assert!(String::from_utf8_lossy(&answers).contains("or no body is as long as its `Content-Length` says"));
}

#[test]
fn bodies_that_are_not_what_the_api_asks_for_are_the_clients_fault() {
    let node = Node::start("hq");
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let bodies: [&[u8]; 10] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\"text\"",
        b"{\"name\":1}",
        b"{\"name\":\"x\",\"scope\":\"god\"}",
        b"\xff\xfe",
        b"{\"name\":\"x\",\"scope\":\"read\",\"prefixes\":[\"..\"],\"expires_at\":\"never\"}",
        deep.as_bytes(),
    ];
    for (method, target) in [
        ("POST", "/tokens"),
        ("POST", "/invites"),
        ("POST", "/peers"),
        ("POST", "/restore"),
        ("PATCH", "/node"),
        ("PATCH", "/packages/a.pkg"),
        ("PATCH", "/peers/nonsense"),
        ("POST", "/nothing"),
        ("PUT", "/node"),
    ] {
        for body in bodies {
            for content_type in ["application/json", "text/plain", "application/json; charset=\"", ""] {
                let answer = node.api(method, target).header("Content-Type", content_type).body(body).send();
                assert!(
                    (400..500).contains(&answer.status),
                    "{method} {target} {content_type} {:?}: {} {}",
                    String::from_utf8_lossy(&body[..body.len().min(60)]),
                    answer.status,
                    answer.text()
                );
            }
        }
    }
    for query in
        ["limit=0", "limit=1001", "limit=-1", "limit=x", "after=%FF", "sort=sideways", "state=lost", "unknown=1"]
    {
        let answer = node.api("GET", &format!("/packages?{query}")).send();
        assert!((200..500).contains(&answer.status), "?{query}: {} {}", answer.status, answer.text());
    }
    for query in ["after=-1", "after=99999999999999999999999", "limit=0", "type=%00"] {
        let answer = node.api("GET", &format!("/events?{query}")).send();
        assert!((200..500).contains(&answer.status), "?{query}: {} {}", answer.status, answer.text());
    }
}

#[test]
fn requests_bent_at_random_fault_nothing() {
    let mut choices = Choices::new(20_260_704);
    let node = Node::start("hq");
    node.put("a b.pkg", b"0123456789").expect(201);
    let token = node.token();
    let templates = [
        format!("GET /Packages/{} HTTP/1.1\r\nHost: x\r\nRange: bytes=1-3,5-\r\nIf-Range: \"x\"\r\n\r\n", encode_path("a b.pkg")),
        format!("GET /api/v1/packages?q=a&limit=5&after=path:b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"),
        format!("PUT /api/v1/packages/x.pkg?tag=a&version=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 3\r\n\r\nabc"),
        "POST /peer/v1/ping HTTP/1.1\r\nHost: x\r\nSignature-Input: sig1=(\"@method\" \"@path\");keyid=\"ab\";nonce=\"cd\"\r\nSignature: sig1=:AAAA:\r\nContent-Length: 4\r\n\r\nabcd".to_owned(),
    ];
    for _ in 0..600 {
        let template = &templates[index(&mut choices, templates.len())];
        let mut bytes = template.clone().into_bytes();
        for _ in 0..=choices.below(4) {
            let at = index(&mut choices, bytes.len());
            match choices.below(3) {
                0 => bytes[at] = u8::try_from(choices.below(256)).expect("a byte"),
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, u8::try_from(choices.below(256)).expect("a byte")),
            }
        }
        assert_no_fault(&node, &bytes);
    }
    assert_eq!(node.download("a b.pkg").expect(200).text(), "0123456789");
}

fn index(choices: &mut Choices, length: usize) -> usize {
    let bound = u64::try_from(length).expect("a length fits");
    usize::try_from(choices.below(bound)).expect("below a length")
}

#[test]
fn clients_that_dawdle_are_let_go() {
    let mut node = Node::new(Setup { name: "hq".to_owned(), ..Setup::default() });
    let address = node.address();
    node.setup().config = Some(format!(
        "[limits]\nheader_timeout_s = 1\nidle_timeout_s = 1\nbody_stall_timeout_s = 1\n[[listeners]]\naddress = \"{address}\"\n"
    ));
    node.launch();
    let closes = |what: &str, bytes: &[u8]| {
        let mut stream = TcpStream::connect(node.address()).expect("the node listens");
        stream.set_read_timeout(Some(wait::SOON)).expect("a timeout");
        stream.write_all(bytes).expect("the node reads");
        let mut answer = Vec::new();
        let outcome = stream.read_to_end(&mut answer);
        let reset = outcome.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
        assert!(outcome.is_ok() || reset, "{what}: {outcome:?}");
        assert!(statuses(&answer).iter().all(|status| *status < 500), "{what}: {:?}", statuses(&answer));
    };
    closes("silence", b"");
    closes("half a head", b"GET / HTTP/1.1\r\nHos");
    closes("idle after an answer", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    let head = format!(
        "PUT /api/v1/packages/x.pkg HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 1000\r\n\r\nabc",
        node.token()
    );
    closes("half a body", head.as_bytes());
    assert!(node.package("x.pkg").is_none());
}
