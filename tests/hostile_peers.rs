//! A member gone bad, and callers that never were one: what they send is refused, and whoever looks at the node is told, once of
//! each. Calls are signed here from the words of RFC 9421 and of the module docs of `mesh/signature.rs`, not with the node's code.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use data_encoding::BASE64;
use ods_store::{NodeId, NodeKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::bytes::blake3_hex;
use crate::support::http::Request;
use crate::support::mesh;
use crate::support::node::Node;

/// Calls that one nonce is good for, and a few.
const FLOOD: usize = 8_300;
/// Of these on their way at once.
const FLOOD_AT_ONCE: usize = 50;
const LINKS: usize = 1_000;

/// Somebody with a key.
struct Caller<'a> {
    node: &'a Node,
    callee: String,
    key: NodeKey,
    /// Whom it says it is.
    speaks_as: NodeId,
    nonce: String,
    serial: u64,
}

impl<'a> Caller<'a> {
    fn new(node: &'a Node, key: NodeKey) -> Self {
        let speaks_as = key.node_id();
        let mut made = Self { node, callee: node.id(), key, speaks_as, nonce: String::new(), serial: 0 };
        made.nonce = made.fresh_nonce();
        made
    }

    /// Every answer names the nonce of the minute.
    fn fresh_nonce(&self) -> String {
        let answer = self.node.request("POST", "/peer/v1/ping").body(b"x").send();
        answer.header("ods-nonce").expect("each answer has one").to_owned()
    }

    /// The headers of a call with the next serial.
    fn headers(&mut self, method: &str, path: &str, body: &[u8]) -> Vec<(&'static str, String)> {
        self.serial += 1;
        let digest = format!("sha-256=:{}:", BASE64.encode(&Sha256::digest(body)));
        let input = format!(
            "(\"@method\" \"@path\" \"@query\" \"content-digest\");keyid=\"{}\";tag=\"{}\";nonce=\"{}\";serial={};alg=\"ed25519\"",
            self.speaks_as, self.callee, self.nonce, self.serial
        );
        let base = format!(
            "\"@method\": {method}\n\"@path\": {path}\n\"@query\": ?\n\"content-digest\": {digest}\n\"@signature-params\": {input}"
        );
        let signature = BASE64.encode(&self.key.sign(base.as_bytes()));
        vec![
            ("Content-Digest", digest),
            ("Signature-Input", format!("ods={input}")),
            ("Signature", format!("ods=:{signature}:")),
        ]
    }

    fn ping(&mut self, body: &[u8]) -> Request {
        let headers = self.headers("POST", "/peer/v1/ping", body);
        let request = self.node.request("POST", "/peer/v1/ping").body(body);
        headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    /// As many calls, on one connection, as it takes to be told to stop; none if the nonce grew too old on the way. Many are on
    /// their way at once, so that it takes seconds on a machine that is busy, too.
    fn flood(&mut self) -> Option<usize> {
        self.nonce = self.fresh_nonce();
        let stream = TcpStream::connect(self.node.address()).expect("it listens");
        let (mut to, mut from) = (stream.try_clone().expect("one more"), BufReader::new(stream));
        for first in (0..FLOOD).step_by(FLOOD_AT_ONCE) {
            let mut calls = String::new();
            for _ in 0..FLOOD_AT_ONCE {
                let address = self.node.address();
                write!(calls, "POST /peer/v1/ping HTTP/1.1\r\nHost: {address}\r\nContent-Length: 1\r\n")
                    .expect("a string takes all");
                for (name, value) in self.headers("POST", "/peer/v1/ping", b"x") {
                    write!(calls, "{name}: {value}\r\n").expect("a string takes all");
                }
                calls.push_str("\r\nx");
            }
            to.write_all(calls.as_bytes()).expect("it reads");
            for count in first..first + FLOOD_AT_ONCE {
                match status(&mut from) {
                    503 => return Some(count),
                    401 => return None,
                    _ => {}
                }
            }
        }
        panic!("nobody stops {FLOOD} calls");
    }
}

/// The status of an answer, which is read whole.
fn status(from: &mut impl BufRead) -> u16 {
    let (mut line, mut status, mut length) = (String::new(), 0, 0);
    loop {
        line.clear();
        assert!(from.read_line(&mut line).expect("an answer") > 0, "the connection ended");
        let text = line.trim_end().to_ascii_lowercase();
        if let Some(rest) = text.strip_prefix("http/1.1 ") {
            status = rest[..3].parse().expect("a status");
        } else if let Some(rest) = text.strip_prefix("content-length:") {
            length = rest.trim().parse().expect("a length");
        } else if text.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).expect("the body");
    status
}

/// The details of the alarms about calls.
fn alarms(node: &Node) -> Vec<String> {
    let records = node.get_json("/events?type=node.alarm&limit=1000");
    let items = records["items"].as_array().expect("items").iter();
    let calls = items.filter(|item| item["data"]["code"] == "bad_calls");
    calls.map(|item| item["data"]["detail"].as_str().unwrap_or_default().to_owned()).collect()
}

fn code(answer: &Value) -> &str {
    answer["code"].as_str().unwrap_or_default()
}

#[test]
fn whoever_looks_at_a_node_is_told_of_callers_that_no_honest_node_resembles() {
    let (hq, mut bad, other) = (Node::start("hq"), Node::start("bad"), Node::start("other"));
    mesh::pair(&hq, &bad, "publisher");
    mesh::pair(&hq, &other, "replica");
    bad.stop();
    let secret = std::fs::read(bad.data().join("node.key")).expect("its key");
    let member = NodeKey::from_secret(secret.try_into().expect("32 bytes"));
    let id = member.node_id().to_string();
    let mut caller = Caller::new(&hq, member.clone());

    let mut thief = Caller { speaks_as: member.node_id(), ..Caller::new(&hq, NodeKey::from_secret([9; 32])) };
    for _ in 0..5 {
        assert_eq!(code(&thief.ping(b"x").send().expect(401).json()), "bad_signature");
    }
    let once = caller.ping(b"x");
    once.send().expect_problem(400, "malformed");
    for _ in 0..5 {
        once.send().expect_problem(401, "replayed");
        caller.ping(b"signed").body(b"sent").send().expect_problem(400, "digest_mismatch");
    }
    let nonce = std::mem::replace(&mut caller.nonce, "c3RhbGU".to_owned());
    for _ in 0..60 {
        caller.ping(b"x").send().expect_problem(401, "stale_nonce");
    }
    let callee = std::mem::replace(&mut caller.callee, id.clone());
    for _ in 0..30 {
        caller.ping(b"x").send().expect_problem(421, "wrong_node");
    }
    (caller.nonce, caller.callee) = (nonce, callee);
    open_links(&mut caller);
    let calls = (0..5).find_map(|_| caller.flood()).expect("a nonce lasts for a minute");
    // The links may have used up some of what the nonce is good for.
    assert!(calls > 7_000, "{calls} calls were too many");

    let told = alarms(&hq);
    for (who, what) in [
        ("127.0.0.1", "bad_signature"),
        (&*id, "replayed"),
        (&*id, "digest_mismatch"),
        (&*id, "stale_nonce"),
        (&*id, "wrong_node"),
        (&*id, "links"),
        (&*id, "busy"),
    ] {
        let of_it: Vec<_> = told.iter().filter(|detail| detail.contains(&format!("({what})"))).collect();
        assert!(of_it.len() == 1 && of_it[0].contains(who), "{what}: {told:?}");
    }
    assert!(told.len() <= 9, "{told:?}");
    assert!(
        hq.request("GET", "/metrics")
            .bearer(&hq.token())
            .send()
            .text()
            .contains("ods_alarms_total{code=\"bad_calls\"}")
    );
    // Meanwhile the honest are served.
    hq.put("a.pkg", b"as ever").expect(201);
    mesh::stored(&other, "a.pkg", &blake3_hex(b"as ever"));
}

/// Opens links, and holds as many as there are places for.
fn open_links(caller: &mut Caller<'_>) {
    let mut held = std::collections::VecDeque::new();
    for _ in 0..LINKS {
        let mut head =
            format!("GET /peer/v1/link HTTP/1.1\r\nHost: {}\r\nConnection: upgrade\r\n", caller.node.address());
        head += "Upgrade: ods-link/1\r\n";
        for (name, value) in caller.headers("GET", "/peer/v1/link", b"") {
            write!(head, "{name}: {value}\r\n").expect("a string takes all");
        }
        let stream = TcpStream::connect(caller.node.address()).expect("it listens");
        let mut from = BufReader::new(stream);
        from.get_mut().write_all(format!("{head}\r\n").as_bytes()).expect("it reads");
        let mut line = String::new();
        from.read_line(&mut line).expect("an answer");
        if line.starts_with("HTTP/1.1 401") {
            // A minute went by.
            caller.nonce = caller.fresh_nonce();
            continue;
        }
        assert!(line.starts_with("HTTP/1.1 101"), "{line}");
        held.push_back(from);
        if held.len() > 50 {
            held.pop_front();
        }
    }
}
