//! Packages sent straight from their files: the very bytes in every framing, and never what stands for them inside.
//!
//! The stand-in is a long run of one byte; the packages here have no such run, and are compared byte for byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::support::bytes::Generated;
use crate::support::node::{Node, Setup};
use crate::support::{tools, wait};

const PACKAGE: Generated = Generated::new(77, 5 * (1 << 20) + 12_345);

fn node() -> (Node, Vec<u8>) {
    let node = Node::start("hq");
    let bytes = PACKAGE.all();
    node.put("a.pkg", &bytes).expect(201);
    node.put("b.pkg", b"short").expect(201);
    (node, bytes)
}

/// Sends all this and reads up to the end of the connection, in reads of so many bytes.
fn exchange(node: &Node, requests: &str, read_bytes: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(node.address()).expect("the node listens");
    stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a timeout");
    stream.write_all(requests.as_bytes()).expect("the node reads");
    let (mut out, mut buffer) = (Vec::new(), vec![0; read_bytes]);
    loop {
        match stream.read(&mut buffer).expect("bytes, or the end") {
            0 => return out,
            bytes => out.extend_from_slice(&buffer[..bytes]),
        }
    }
}

/// Splits answers with a `Content-Length` that follow one another: heads and contents. `HEAD` says which have none.
fn answers(mut bytes: &[u8], methods: &[&str]) -> Vec<(String, Vec<u8>)> {
    let split = methods.iter().map(|method| {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).expect("a head is text").to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let length = if *method == "HEAD" { 0 } else { length };
        let content = bytes[end..end + length].to_vec();
        bytes = &bytes[end + length..];
        (head, content)
    });
    let split = split.collect();
    assert!(bytes.is_empty(), "{} bytes more than were announced", bytes.len());
    split
}

#[test]
fn requests_in_a_row_on_one_connection_get_their_own_bytes() {
    let (node, package) = node();
    let get = |target: &str, fields: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let requests = [
        ("HEAD", "HEAD /Packages/a.pkg HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), vec![]),
        ("GET", get("/Packages/a.pkg", ""), package.clone()),
        ("GET", get("/Packages/b.pkg", ""), b"short".to_vec()),
        ("GET", get("/Packages/a.pkg", "Range: bytes=1048575-1048577\r\n"), package[1_048_575..1_048_578].to_vec()),
        ("GET", get("/Packages/a.pkg", "Range: bytes=-9\r\n"), package[package.len() - 9..].to_vec()),
        ("GET", get("/Packages/b.pkg", "Range: bytes=1-1\r\n"), b"h".to_vec()),
        ("GET", get("/Packages/a.pkg", "Range: bytes=3000000-\r\n"), package[3_000_000..].to_vec()),
        ("GET", get("/Packages/a.pkg", "Connection: close\r\n"), package.clone()),
    ];
    let text: String = requests.iter().map(|(_, text, _)| text.as_str()).collect();
    for read_bytes in [1 << 20, 1000] {
        let methods: Vec<&str> = requests.iter().map(|(method, _, _)| *method).collect();
        let answers = answers(&exchange(&node, &text, read_bytes), &methods);
        for ((head, content), (_, request, expected)) in answers.iter().zip(&requests) {
            assert!(content == expected, "{request}{head}");
        }
    }
}

#[test]
fn a_client_of_http_1_0_gets_the_bytes_and_the_end() {
    let (node, package) = node();
    let answer = exchange(&node, "GET /Packages/a.pkg HTTP/1.0\r\n\r\n", 1 << 16);
    assert!(answers(&answer, &["GET"])[0].1 == package);
}

#[test]
fn several_ranges_at_once_are_parts_of_the_file_between_text() {
    let (node, package) = node();
    let request =
        "GET /Packages/a.pkg HTTP/1.1\r\nHost: x\r\nConnection: close\r\nRange: bytes=0-99999,2000000-4999999\r\n\r\n";
    let (head, content) = answers(&exchange(&node, request, 4096), &["GET"]).remove(0);
    assert!(head.contains("multipart/byteranges"), "{head}");
    let find = |part: &[u8]| content.windows(part.len()).any(|window| window == part);
    assert!(
        find(b"content-range: bytes 0-99999/5255225\r\n\r\n") || find(b"Content-Range: bytes 0-99999/5255225\r\n\r\n")
    );
    for range in [0..100_000, 2_000_000..5_000_000] {
        let start = content.windows(64).position(|window| window == &package[range.start..range.start + 64]);
        let start = start.expect("the part begins somewhere");
        assert!(content[start..start + range.len()] == package[range.clone()], "{range:?}");
    }
}

#[test]
fn a_client_that_leaves_in_the_middle_harms_nobody() {
    let (node, package) = node();
    for taken in [0, 1, 100_000, 1_500_000] {
        let mut stream = TcpStream::connect(node.address()).expect("the node listens");
        stream.write_all(b"GET /Packages/a.pkg HTTP/1.1\r\nHost: x\r\n\r\n").expect("the node reads");
        stream.read_exact(&mut vec![0; taken]).expect("so many bytes come");
        stream.shutdown(Shutdown::Both).expect("a client may leave");
    }
    assert!(node.download("a.pkg").expect(200).body == package);
    // One who leaves before the node looked has asked for nothing; who got bytes has a line.
    wait::until("those who got bytes are logged", wait::SOON, || {
        node.log().matches("outcome=\"cut\"").count() >= 3 || node.log().matches("outcome=cut").count() >= 3
    });
}

#[test]
fn http_2_and_tls_get_the_bytes_too() {
    let config = "[[listeners]]\naddress = \"127.0.0.1:PORT\"\n\n[[listeners]]\naddress = \"127.0.0.1:TLS\"\ntls = \"self-signed\"\n";
    let tls_port = crate::support::node::free_port();
    let mut node = Node::new(Setup { name: "hq".to_owned(), ..Setup::default() });
    let config = config.replace("PORT", &node.port().to_string()).replace("TLS", &tls_port.to_string());
    node.setup().config = Some(config);
    node.launch();
    let package = PACKAGE.all();
    node.put("a.pkg", &package).expect(201);
    let (plain, tls) = (node.url("/Packages/a.pkg"), format!("https://127.0.0.1:{tls_port}/Packages/a.pkg"));
    for (protocol, url) in [("--http2-prior-knowledge", &plain), ("--http2", &tls), ("--http1.1", &tls)] {
        let output = tools::run("curl", &["-sSfk", protocol, url], node.folder());
        assert!(output.status.success(), "{protocol} {url}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == package, "{protocol} {url}");
    }
}
