//! Downloads on the wire: framing that keeps connections usable, paths no library would send, and what happens to a slow
//! client while its package is replaced. What each request gets is tabled in the API's own tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::bytes::{Generated, blake3_hex};
use crate::support::node::{Node, Setup};
use crate::support::{tools, wait};

/// A connection on which requests follow one another.
struct Line(BufReader<TcpStream>);

/// An answer's status, head and content.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    content: Vec<u8>,
}

impl Line {
    fn to(node: &Node) -> Self {
        let stream = TcpStream::connect(node.address()).expect("the node listens");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a timeout");
        Self(BufReader::new(stream))
    }

    fn send(&mut self, request: &str) {
        self.0.get_mut().write_all(request.as_bytes()).expect("the node reads");
    }

    /// Reads the next answer exactly, as a client that goes by RFC 9112 §6.3 does.
    fn read(&mut self, method: &str) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).expect("a line"), 0, "closed in the head: {head:?}");
        }
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a status");
        assert!(!head.contains("transfer-encoding"), "{head}");
        let length = field(&head, "content-length").map_or(0, |text| text.parse().expect("a number"));
        let mut content = vec![0; if method == "HEAD" || status == 304 { 0 } else { length }];
        self.0.read_exact(&mut content).expect("as many bytes as were announced");
        Answer { status, head, content }
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn one_connection_carries_answers_of_every_kind() {
    let node = Node::start("hq");
    node.put("a.txt", b"0123456789").expect(201);
    node.put("empty", b"").expect(201);
    let tag = format!("\"{}\"", blake3_hex(b"0123456789"));
    let requests = [
        ("HEAD", "/Packages/a.txt", String::new(), 200, ""),
        ("GET", "/Packages/a.txt", format!("If-None-Match: {tag}\r\n"), 304, ""),
        ("HEAD", "/Packages/a.txt", format!("If-None-Match: {tag}\r\n"), 304, ""),
        ("GET", "/Packages/a.txt", "Range: bytes=2-3\r\n".to_owned(), 206, "23"),
        ("HEAD", "/Packages/nope", String::new(), 404, ""),
        ("GET", "/Packages/empty", String::new(), 200, ""),
        ("HEAD", "/Packages/empty", String::new(), 200, ""),
        ("HEAD", "/Packages/", String::new(), 200, ""),
        ("HEAD", "/", String::new(), 200, ""),
        ("HEAD", "/Packages/a.txt", "If-Match: \"other\"\r\n".to_owned(), 412, ""),
        ("GET", "/Packages/a.txt", String::new(), 200, "0123456789"),
    ];
    let mut line = Line::to(&node);
    for (method, target, fields, _, _) in &requests {
        line.send(&format!("{method} {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
    }
    for (method, target, fields, status, content) in &requests {
        let answer = line.read(method);
        assert_eq!(answer.status, *status, "{method} {target} {fields}");
        assert_eq!(answer.content, content.as_bytes(), "{method} {target} {fields}");
    }
    for (range, status) in [("bytes=0-0,5-6", 206), ("bytes=10-", 416)] {
        line.send(&format!("GET /Packages/a.txt HTTP/1.1\r\nHost: x\r\nRange: {range}\r\n\r\n"));
        assert_eq!(line.read("GET").status, status, "{range}");
    }
    line.send("HEAD /Packages/a.txt HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(field(&line.read("HEAD").head, "content-length"), Some("10"));
}

#[test]
fn a_client_of_http_1_0_gets_a_length_too() {
    let node = Node::start("hq");
    node.put("a.txt", b"0123456789").expect(201);
    let mut line = Line::to(&node);
    line.send("GET /Packages/a.txt HTTP/1.0\r\n\r\n");
    let answer = line.read("GET");
    assert_eq!((answer.status, answer.content.as_slice()), (200, b"0123456789".as_slice()));
}

/// Request targets as an attacker types them.
const HOSTILE: [&[u8]; 46] = [
    b"/Packages/../node.key",
    b"/Packages/../../../../../../etc/passwd",
    b"/Packages/a/../../node.key",
    b"/Packages/./node.key",
    b"/Packages/..",
    b"/Packages/.",
    b"/Packages/%2e%2e/node.key",
    b"/Packages/%2E%2E/%2E%2E/etc/passwd",
    b"/Packages/.%2e/node.key",
    b"/Packages/%2e%2e%2fnode.key",
    b"/Packages/..%2fnode.key",
    b"/Packages/..%5cnode.key",
    b"/Packages/..\\node.key",
    b"/Packages/%5c%5chost%5cshare",
    b"/Packages/%2fetc%2fpasswd",
    b"/Packages//etc/passwd",
    b"/Packages///etc/passwd",
    b"/Packages//victim.pkg",
    b"/Packages/mac%2fvictim.pkg",
    b"/Packages/mac%2Fvictim.pkg",
    b"/Packages/victim.pkg/",
    b"/Packages/victim.pkg%00",
    b"/Packages/victim.pkg%00.txt",
    b"/Packages/victim.pkg%0a",
    b"/Packages/%0d%0aLocation:%20http:%2f%2fevil",
    b"/Packages/%c0%ae%c0%ae/node.key",
    b"/Packages/%e0%80%ae%e0%80%ae/node.key",
    b"/Packages/%ff",
    b"/Packages/\xff\xfe",
    b"/Packages/%",
    b"/Packages/%2",
    b"/Packages/%zz",
    b"/Packages/%u002e%u002e/node.key",
    b"/Packages/%252e%252e%252fnode.key",
    b"/Packages/%%32%65%%32%65/node.key",
    b"/Packages%2f..%2fnode.key",
    b"/Packages%2fvictim.pkg",
    b"/../Packages/victim.pkg",
    b"/%2e%2e/Packages/victim.pkg",
    b"/x/../Packages/victim.pkg",
    b"//Packages/victim.pkg",
    b"/api/Packages/victim.pkg",
    b"/peer/Packages/victim.pkg",
    b"/blobs/../node.key",
    b"/blobs/..%2f..%2fnode.key",
    b"/node.key",
];

#[test]
fn hostile_targets_get_neither_a_file_nor_a_redirect() {
    let node = Node::start("hq");
    for path in ["victim.pkg", "mac/victim.pkg", "etc/passwd", "node.key"] {
        node.put(path, b"must not be sent").expect(201);
    }
    for target in HOSTILE {
        let shown = String::from_utf8_lossy(target).into_owned();
        let mut line = Line::to(&node);
        let request = [b"GET ", target, b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"].concat();
        line.0.get_mut().write_all(&request).expect("the node reads");
        let mut answer = Vec::new();
        line.0.read_to_end(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(matches!(status, "400" | "404"), "{shown}: {answer}");
        assert!(!answer.contains("must not be sent") && !answer.contains("root:"), "{shown}: {answer}");
        assert!(!answer.to_ascii_lowercase().contains("\r\nlocation:"), "{shown}: {answer}");
    }
}

#[test]
fn a_slow_client_gets_the_file_it_began_with_though_it_was_replaced_and_removed() {
    let node = Node::start("hq");
    let (first, second) = (Generated::new(11, 40_000_000), Generated::new(12, 40_000_000));
    node.put("a.pkg", &first.all()).expect(201);
    let mut early = node.request("GET", "/Packages/a.pkg").open(None).expect("a connection");
    assert_eq!(early.head().expect("a head").0, 200);
    node.put("a.pkg", &second.all()).expect(200);
    let mut late = node.request("GET", "/Packages/a.pkg").open(None).expect("a connection");
    assert_eq!(late.head().expect("a head").0, 200);
    node.remove("a.pkg").expect(204);
    for (client, expected) in [(&mut early, first), (&mut late, second)] {
        let mut got = Vec::new();
        client.reader().read_to_end(&mut got).expect("the whole file comes");
        assert!(got == expected.all(), "{} of {} bytes came", got.len(), expected.size);
    }
    node.download("a.pkg").expect(404);
}

#[test]
fn many_clients_that_wait_cost_little_memory() {
    let node = Node::start("hq");
    let size = 64_000_000;
    node.put("a.pkg", &Generated::new(13, size).all()).expect(201);
    let before = memory_bytes(&node);
    let clients: Vec<_> = (0..40)
        .map(|_| {
            let mut client = node.request("GET", "/Packages/a.pkg").open(None).expect("a connection");
            assert_eq!(client.head().expect("a head").0, 200);
            client
        })
        .collect();
    let Some((before, after)) = before.zip(memory_bytes(&node)) else {
        tools::leave_out("memory of waiting clients", "this system doesn't tell a process's memory in /proc");
        return;
    };
    let grown = after.saturating_sub(before);
    assert!(grown < 40 * 4_000_000, "{grown} bytes for {} clients", clients.len());
}

/// The resident memory of the node's process.
fn memory_bytes(node: &Node) -> Option<u64> {
    let pid = node.pid()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

#[test]
fn rot_in_the_middle_breaks_the_download_off() {
    let node = Node::start("hq");
    let bytes = Generated::new(14, 30_000_000).all();
    let blob = blake3_hex(&bytes);
    node.put("a.pkg", &bytes).expect(201);
    crate::support::node::flip_byte(&node.data().join("blobs").join(&blob[..2]).join(&blob), 25_000_000);
    let mut client = node.request("GET", "/Packages/a.pkg").open(None).expect("a connection");
    let (status, headers) = client.head().expect("a head");
    assert_eq!(status, 200);
    assert!(headers.contains(&("content-length".to_owned(), "30000000".to_owned())), "{headers:?}");
    let mut got = Vec::new();
    drop(client.reader().read_to_end(&mut got));
    assert!(got.len() < bytes.len() && bytes.starts_with(&got), "{} bytes came", got.len());
    wait::until("the blob is wanted again", wait::SOON, || {
        let answer = node.download("a.pkg");
        answer.status == 503 && answer.header("retry-after").is_some()
    });
}

#[test]
fn common_clients_understand_the_answers() {
    let node = Node::start("hq");
    let bytes = Generated::new(15, 5_000_000).all();
    node.put("mac/say \"hi\" 100%.pkg", &bytes).expect(201);
    let url = node.url("/Packages/mac/say%20%22hi%22%20100%25.pkg");
    let folder = node.folder();
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    tools::run_well("curl", &["-sSf", "-o", "whole", "-z", "2001-01-01", &url], folder);
    assert!(read("whole") == bytes, "curl got the file");
    tools::run_well("curl", &["-sSf", "-o", "parts", "-r", "0-1,4999998-", &url], folder);
    let parts = read("parts");
    assert!(parts.windows(2).any(|pair| pair == &bytes[4_999_998..]), "curl got both parts");
    tools::run_well("curl", &["-sSf", "-o", "etag", "--etag-save", "tag", &url], folder);
    let status = ["-sSf", "-o", "again", "--etag-compare", "tag", "-w", "%{http_code}", &url];
    assert_eq!(tools::run_well("curl", &status, folder), "304");
    tools::run_well("curl", &["-sSf", "-OJ", &url], folder);
    assert!(read("say _hi_ 100%.pkg") == bytes, "curl took the name");
}

#[test]
fn closed_downloads_let_in_who_has_a_token() {
    for (mode, challenge) in [("basic", "Basic"), ("token", "Bearer")] {
        let environment = vec![("ODS_DOWNLOADS_ACCESS".to_owned(), mode.to_owned())];
        let node = Node::start_with(Setup { name: "hq".to_owned(), environment, ..Setup::default() });
        node.put("a.pkg", b"secret").expect(201);
        let answer = node.download("a.pkg").expect(401);
        assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with(challenge)), "{answer:?}");
        let token = node.new_token("read", &[]);
        let user = format!("anybody:{token}");
        let url = node.url("/Packages/a.pkg");
        assert_eq!(tools::run_well("curl", &["-sSf", "-u", &user, &url], node.folder()), "secret");
        assert_eq!(node.request("GET", "/Packages/a.pkg").bearer(&token).send().expect(200).text(), "secret");
    }
}
