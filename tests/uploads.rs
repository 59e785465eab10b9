//! Resumable uploads against a real node: cut by connection and by `kill -9`, by other people's clients, and by `ods push`.
//!
//! `ODS_UPLOAD_BYTES` is the size of the upload that is cut; `bash .ci/campaign uploads` sends 10 GB.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use data_encoding::BASE64;

use crate::support::bytes::{Choices, Generated};
use crate::support::http::Response;
use crate::support::node::Node;
use crate::support::proxy::{Manner, Proxy};
use crate::support::{tools, wait};

const MIB: u64 = 1 << 20;

/// Bytes that may be sent twice for a cut.
const RESENT_BYTES_MAX: u64 = 8 * MIB;

/// A large file that costs nothing to make: each mebibyte is one block with its number in front.
struct Large {
    size: u64,
    block: Vec<u8>,
}

impl Large {
    fn new(size: u64) -> Self {
        Self { size, block: Generated::new(9, MIB).all() }
    }

    /// The bytes from `offset` to the end of its mebibyte.
    fn from(&self, offset: u64) -> Vec<u8> {
        let (index, start) = (offset / MIB, usize::try_from(offset % MIB).expect("within a block"));
        let mut block = self.block.clone();
        block[..8].copy_from_slice(&index.to_le_bytes());
        let end = usize::try_from((self.size - index * MIB).min(MIB)).expect("a block");
        block[start..end].to_vec()
    }

    fn blake3(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut at = 0;
        while at < self.size {
            let bytes = self.from(at);
            hasher.update(&bytes);
            at += bytes.len() as u64;
        }
        hasher.finalize().to_hex().to_string()
    }
}

fn begin(node: &Node, path: &str, size: u64) -> String {
    let answer = node
        .request("POST", "/api/v1/uploads")
        .bearer(&node.token())
        .header("Tus-Resumable", "1.0.0")
        .header("Upload-Length", &size.to_string())
        .header("Upload-Metadata", &format!("path {}", BASE64.encode(path.as_bytes())))
        .send()
        .expect(201);
    answer.header("location").expect("an address").to_owned()
}

fn offset(node: &Node, upload: &str) -> u64 {
    let head = node.request("HEAD", upload).bearer(&node.token()).header("Tus-Resumable", "1.0.0").send();
    head.expect(200).header("upload-offset").expect("an offset").parse().expect("a number")
}

/// Sends bytes from `offset` on until `until` is reached; tells how far it came. The connection stays open.
fn send(node: &Node, upload: &str, large: &Large, offset: u64, until: u64) -> (u64, TcpStream) {
    let mut stream = TcpStream::connect(node.address()).expect("the node listens");
    stream.set_write_timeout(Some(Duration::from_mins(1))).expect("a timeout");
    // What lies in this end's buffer was not sent.
    socket2::SockRef::from(&stream).set_send_buffer_size(64 << 10).expect("a small buffer");
    let (token, address, length) = (node.token(), node.address(), large.size - offset);
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nTus-Resumable: 1.0.0\r\n\
         Upload-Offset: {offset}\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut at = offset;
    while at < until {
        let bytes = large.from(at);
        if stream.write_all(&bytes).is_err() {
            break;
        }
        at += bytes.len() as u64;
    }
    (at, stream)
}

#[expect(clippy::disallowed_methods, reason = "a campaign says how much is sent")]
fn size() -> u64 {
    std::env::var("ODS_UPLOAD_BYTES").ok().and_then(|text| text.parse().ok()).unwrap_or(1 << 30)
}

#[test]
fn an_upload_cut_ten_times_sends_little_twice_and_arrives_whole() {
    let large = Large::new(size());
    let mut choices = Choices::new(11);
    let mut node = Node::start("hq");
    let upload = begin(&node, "mac/large.pkg", large.size);
    let mut sent_twice = Vec::new();
    for cut in 1..=10 {
        let from = offset(&node, &upload);
        let until = large.size / 11 * cut + choices.below(large.size / 22);
        let (at, stream) = send(&node, &upload, &large, from, until);
        if cut % 2 == 0 {
            stream.shutdown(Shutdown::Both).expect("cut");
        } else {
            node.kill();
            node.launch();
        }
        let kept = offset(&node, &upload);
        sent_twice.push(at.saturating_sub(kept));
        assert!(kept >= from, "cut {cut}: {kept} after {from}");
    }
    println!("bytes sent twice, by cut: {sent_twice:?}");
    assert!(sent_twice.iter().all(|bytes| *bytes <= RESENT_BYTES_MAX), "{sent_twice:?}");
    let (_, mut stream) = send(&node, &upload, &large, offset(&node, &upload), large.size);
    stream.set_read_timeout(Some(Duration::from_mins(5))).expect("a timeout");
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 204");
    assert_eq!(node.package("mac/large.pkg").expect("published")["blob"], large.blake3());
}

#[test]
fn of_two_writers_on_one_upload_the_later_goes_on_and_the_earlier_is_told() {
    let (large, node) = (Large::new(8 * MIB), Node::start("hq"));
    let upload = begin(&node, "two.pkg", large.size);
    let (_, mut first) = send(&node, &upload, &large, 0, 3 * MIB);
    let from = offset(&node, &upload);
    let (_, mut second) = send(&node, &upload, &large, from, large.size);
    // Told when it goes on sending, some blocks later; perhaps the node has closed by then.
    for at in 3..8 {
        first.set_nonblocking(true).expect("a socket can be told");
        let is_told = first.peek(&mut [0]).is_ok();
        first.set_nonblocking(false).expect("a socket can be told");
        if is_told || first.write_all(&large.from(at * MIB)).is_err() {
            break;
        }
    }
    for (stream, expected) in [(&mut second, "HTTP/1.1 204"), (&mut first, "HTTP/1.1 409")] {
        stream.set_read_timeout(Some(Duration::from_mins(5))).expect("a timeout");
        let mut head = [0; 1024];
        let read = stream.read(&mut head).expect("an answer");
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        assert!(head.starts_with(expected), "{head}");
        assert!(expected.ends_with("204") || head.contains("problem+json"), "{head}");
    }
    assert_eq!(node.package("two.pkg").expect("published")["blob"], large.blake3());
}

/// A script in a folder of its own, with what it needs from a registry; `None` where that can't be had.
fn prepared(program: &str, install: &[&str]) -> Option<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("ods-tus-").tempdir().expect("a temporary folder");
    if Command::new(program).arg("--version").output().is_err() {
        tools::leave_out("an upload by another's client", &format!("{program} is missing"));
        return None;
    }
    let installed = Command::new(install[0]).args(&install[1..]).current_dir(folder.path()).output();
    if installed.as_ref().is_ok_and(|output| output.status.success()) {
        return Some(folder);
    }
    tools::leave_out("an upload by another's client", &format!("`{}` failed: {installed:?}", install.join(" ")));
    None
}

fn run_client(node: &Node, folder: &Path, program: &str, script: &str, text: &str, path: &str) {
    let content = Generated::new(5, 3_000_001).all();
    tools::write(&folder.join("file.pkg"), &content);
    tools::write(&folder.join(script), text.as_bytes());
    let output = Command::new(program)
        .arg(script)
        .args([&node.url("/api/v1/uploads"), &node.token(), path])
        .env("PYTHONPATH", folder.join("site"))
        .current_dir(folder)
        .output()
        .expect("it runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let package = node.package(path).expect("published");
    assert_eq!(
        (&package["blob"], &package["version"]),
        (&blake3::hash(&content).to_hex().as_str().into(), &"9".into())
    );
}

#[test]
fn tuspy_uploads_in_chunks_and_goes_on_after_a_restart() {
    let Some(folder) =
        prepared("python3", &["python3", "-m", "pip", "install", "-q", "--target", "site", "tuspy==1.1.0"])
    else {
        return;
    };
    let node = Node::start("hq");
    let script = "import sys\nfrom tusclient import client\nurl, token, path = sys.argv[1:4]\n\
        c = client.TusClient(url, headers={'Authorization': 'Bearer ' + token})\n\
        m = {'path': path, 'version': '9', 'tags': 'a,b'}\n\
        u = c.uploader('file.pkg', chunk_size=700000, metadata=m, upload_checksum=True)\nu.upload_chunk()\n\
        v = c.uploader('file.pkg', chunk_size=700000, url=u.url)\nassert v.get_offset() == 700000, v.get_offset()\nv.upload()\n";
    run_client(&node, folder.path(), "python3", "send.py", script, "py/x.pkg");
    assert_eq!(node.package("py/x.pkg").expect("published")["tags"], serde_json::json!(["a", "b"]));
}

#[test]
fn tus_js_client_uploads_and_is_gone_on_with() {
    let Some(folder) = prepared("node", &["npm", "install", "--no-audit", "--no-fund", "--silent", "tus-js-client@4"])
    else {
        return;
    };
    let node = Node::start("hq");
    let script = "const tus = require('tus-js-client'), fs = require('fs');\nconst [url, token, path] = process.argv.slice(2);\n\
        const file = fs.readFileSync('file.pkg');\nlet stopped = false;\nconst options = (more) => ({\n  endpoint: url, headers: {Authorization: 'Bearer ' + token},\n  \
        metadata: {path, version: '9', filetype: 'x'}, chunkSize: 500000, retryDelays: [0, 500, 1000],\n  \
        onError(error) { console.error(error); process.exit(1); }, ...more });\n\
        const first = new tus.Upload(file, options({ onChunkComplete() {\n  if (stopped) return; stopped = true;\n  first.abort().then(() => {\n    \
        const second = new tus.Upload(file, options({uploadUrl: first.url, onSuccess() { console.log('done'); }}));\n    second.start();\n  });\n} }));\nfirst.start();\n";
    run_client(&node, folder.path(), "node", "send.js", script, "js/x.pkg");
}

#[test]
fn a_guarded_push_whose_answer_was_lost_knows_its_own_success() {
    let node = Node::start("hq");
    let proxy = Proxy::before(&node.address());
    let (url, data) = (proxy.url(), node.data().display().to_string());
    // How it ended, and what it said.
    let push = |file: &str, more: &[&str]| {
        let typed = [&["push", file, "--server", &url, "--data", &data, "--json"], more].concat();
        let output = node.ods(&typed);
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    // (length, the request that does it)
    for (length, method) in [(100_000, "PUT "), (10_000_000, "PATCH ")] {
        let name = format!("{length}.pkg");
        tools::write(&node.folder().join(&name), &Generated::new(8, length).all());
        proxy.set(Manner::LoseAnswerTo(method));
        let (code, said) = push(&name, &["--only-if-new", "--version", "1", "--tag", "a", "--tag", "b"]);
        assert!(code == Some(0) && said.contains("\"changed\":true"), "{said}");
        assert_eq!(proxy.manner(), Manner::Honest, "the answer was lost");
        let first = node.package(&name).expect("published");
        assert_eq!((&first["version"], &first["tags"]), (&"1".into(), &serde_json::json!(["a", "b"])));
        let (code, said) = push(&name, &["--only-if-new", "--version", "1"]);
        assert!(code == Some(6) && said.contains("there is a package"), "what was there before is a conflict: {said}");

        tools::write(&node.folder().join(&name), &Generated::new(9, length).all());
        proxy.set(Manner::LoseAnswerTo(method));
        let revision = first["revision"].as_str().expect("an id");
        let (code, said) = push(&name, &["--only-if-revision", revision, "--version", "2"]);
        assert!(code == Some(0) && proxy.manner() == Manner::Honest, "{said}");
        let second = node.package(&name).expect("published");
        assert_eq!(second["version"], "2");
        let history = node.get_json(&format!("/revisions/{name}"));
        assert_eq!(history["total"], 2, "once each: {history}");
        assert_eq!(push(&name, &["--only-if-revision", revision, "--version", "3"]).0, Some(6));
    }
}

/// What a push of `big.pkg`, version 3, that was killed leaves: an upload of the same path, size, digest and metadata.
fn half_pushed(node: &Node, content: &[u8], if_none_match: Option<&str>) -> Response {
    let metadata = [("path", "big.pkg"), ("version", "3"), ("blake3", blake3::hash(content).to_hex().as_str())]
        .map(|(key, value)| format!("{key} {}", BASE64.encode(value.as_bytes())))
        .join(",");
    let request = node
        .request("POST", "/api/v1/uploads")
        .bearer(&node.token())
        .header("Tus-Resumable", "1.0.0")
        .header("Upload-Length", &content.len().to_string())
        .header("Upload-Metadata", &metadata)
        .header("Content-Type", "application/offset+octet-stream")
        .body(&content[..30_000_000]);
    let request = match if_none_match {
        Some(tag) => request.header("If-None-Match", tag),
        None => request,
    };
    let begun = request.send().expect(201);
    assert_eq!(begun.header("upload-offset"), Some("30000000"));
    begun
}

#[test]
fn a_push_without_a_condition_doesnt_go_on_with_an_upload_that_has_one() {
    let node = Node::start("hq");
    let content = Generated::new(6, 40_000_000).all();
    tools::write(&node.folder().join("big.pkg"), &content);
    half_pushed(&node, &content, Some("*"));
    assert_eq!(node.get_json("/uploads")["items"][0]["guarded"], true);
    node.put("big.pkg", b"somebody else's").expect(201);
    let said = node.ods_well(&["push", "big.pkg", "--version", "3", "--json"]);
    assert!(said.contains("\"changed\":true"), "{said}");
    assert_eq!(node.package("big.pkg").expect("published")["blob"], blake3::hash(&content).to_hex().as_str());
}

#[test]
fn a_push_whose_upload_another_one_goes_on_with_succeeds_all_the_same() {
    let node = Node::start("hq");
    let content = Generated::new(7, 150_000_000).all();
    tools::write(&node.folder().join("big.pkg"), &content);
    let output = std::thread::scope(|scope| {
        let push = scope.spawn(|| node.ods(&["push", "big.pkg", "--json"]));
        let begun = || node.get_json("/uploads")["items"][0]["id"].as_str().map(str::to_owned);
        wait::until("the push has begun", wait::SOON, || begun().is_some());
        let id = begun().expect("it goes on");
        // Whoever asks takes it over, now and for as long as the push tries.
        while !push.is_finished() {
            offset(&node, &format!("/api/v1/uploads/{id}"));
            wait::pause(Duration::from_millis(5));
        }
        let output = push.join().expect("it ends");
        assert_eq!(node.get_json(&format!("/uploads/{id}"))["state"], "receiving", "it was taken while it was sent");
        output
    });
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(node.package("big.pkg").expect("published")["blob"], blake3::hash(&content).to_hex().as_str());
}

#[test]
fn a_push_goes_on_however_often_it_is_cut_as_long_as_it_gets_further() {
    const BETWEEN_CUTS: u64 = 2 * MIB;
    let node = Node::start("hq");
    let proxy = Proxy::before(&node.address());
    proxy.set(Manner::CutRequestsAfter(BETWEEN_CUTS));
    // More cuts than tries without getting further.
    let content = Generated::new(8, 9 * BETWEEN_CUTS).all();
    tools::write(&node.folder().join("big.pkg"), &content);
    let data = node.data().display().to_string();
    let said = node.ods_well(&["push", "big.pkg", "--server", &proxy.url(), "--data", &data, "--json"]);
    assert!(said.contains("\"changed\":true"), "{said}");
    assert_eq!(node.package("big.pkg").expect("published")["blob"], blake3::hash(&content).to_hex().as_str());
}

#[test]
fn a_push_that_is_killed_is_gone_on_with_by_the_next() {
    let node = Node::start("hq");
    let content = Generated::new(6, 40_000_000).all();
    tools::write(&node.folder().join("big.pkg"), &content);
    let begun = half_pushed(&node, &content, None);
    let said = node.ods_well(&["push", "big.pkg", "--version", "3", "--json"]);
    assert!(said.contains("\"changed\":true"), "{said}");
    assert_eq!(node.package("big.pkg").expect("published")["blob"], blake3::hash(&content).to_hex().as_str());
    wait::until("no other upload was begun", wait::SOON, || {
        node.get_json("/uploads")["items"].as_array().is_some_and(Vec::is_empty)
    });
    let id = begun.header("location").and_then(|address| address.rsplit('/').next()).expect("an id").to_owned();
    assert_eq!(
        node.get_json(&format!("/uploads/{id}"))["state"],
        "published",
        "the one that was begun was gone on with"
    );
    assert!(node.ods_well(&["push", "big.pkg", "--version", "3"]).contains("unchanged"), "it is safe to repeat");
}
