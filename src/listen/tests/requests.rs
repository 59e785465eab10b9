//! Ids, addresses, panics and the log line.

use std::{
    io,
    sync::{Arc, Mutex, atomic::Ordering},
};

use tracing_subscriber::fmt::MakeWriter;

use super::super::{ListenLimits, TrustedProxies};
use super::support::{SHORT, Scene, no_limits, until};

fn behind_proxy() -> Scene {
    let proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    Scene::with(no_limits(), proxies, None)
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn a_request_has_an_id_of_its_own() {
    let scene = Scene::new(no_limits());
    let (one, other) = (scene.ask("/who").await, scene.ask("/who").await);
    let id = header(&one, "x-request-id").unwrap();
    assert_eq!(id.len(), 16);
    assert!(one.ends_with(&format!("127.0.0.1 {id}")), "{one}");
    assert_ne!(header(&other, "x-request-id"), Some(id));
}

#[tokio::test]
async fn a_stranger_chooses_neither_id_nor_address() {
    let scene = Scene::new(no_limits());
    let mut client = scene.connect().await;
    client.send("GET /who HTTP/1.1\r\nhost: x\r\nx-request-id: mine\r\nx-forwarded-for: 198.51.100.1\r\n\r\n").await;
    let answer = client.answer().await;
    assert_ne!(header(&answer, "x-request-id"), Some("mine"));
    assert!(answer.contains("\r\n\r\n127.0.0.1 "), "{answer}");
}

#[tokio::test]
async fn a_trusted_proxy_names_both() {
    let scene = behind_proxy();
    let mut client = scene.connect().await;
    client.send("GET /who HTTP/1.1\r\nhost: x\r\nx-request-id: theirs\r\nx-forwarded-for: 198.51.100.1\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(header(&answer, "x-request-id"), Some("theirs"));
    assert!(answer.ends_with("198.51.100.1 theirs"), "{answer}");
}

/// The head of a request with a body that no handler reads, and the body.
fn unread(bytes: usize, more: &str) -> (String, String) {
    let head = format!("POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: {bytes}\r\n{more}\r\n");
    (head, "x".repeat(bytes))
}

#[tokio::test]
async fn after_a_small_body_that_nobody_read_the_connection_goes_on() {
    let scene = Scene::new(no_limits());
    let mut client = scene.connect().await;
    for bytes in [1, 60_000] {
        let (head, body) = unread(bytes, "");
        client.send(&(head + &body)).await;
        let answer = client.answer().await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        assert_eq!(header(&answer, "connection"), None);
    }
    client.send("GET /who HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(client.answer().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn after_another_the_answer_says_that_the_connection_ends() {
    let scene = Scene::new(ListenLimits { body_rest_timeout: SHORT, ..no_limits() });
    let whole = |(head, body): (String, String)| head + &body;
    let in_chunks = |target: &str, chunks: &str| {
        format!("POST {target} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunks}")
    };
    let chunk = format!("2710\r\n{}\r\n", "x".repeat(10_000));
    for request in [
        whole(unread(100_000, "")),
        unread(10, "").0,
        unread(10, "expect: 100-continue\r\n").0,
        in_chunks("/nowhere", &(chunk.repeat(10) + "0\r\n\r\n")),
        in_chunks("/upload", &(chunk.clone() + "no size\r\n" + &chunk)),
    ] {
        let mut client = scene.connect().await;
        client.send(&request).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        assert_eq!(header(&answer, "connection"), Some("close"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_would_have_to_be_decoded_is_refused() {
    let scene = Scene::new(no_limits());
    let twice = "chunked\r\ntransfer-encoding: chunked";
    for (coding, status) in [("gzip, chunked", 400), ("identity, chunked", 400), (twice, 400), ("Chunked", 200)] {
        let mut client = scene.connect().await;
        client
            .send(&format!(
                "POST /upload HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: {coding}\r\n\r\n1\r\nx\r\n0\r\n\r\n"
            ))
            .await;
        let answer = client.rest().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{coding}: {answer}");
    }
    assert_eq!(scene.handlers.whole_uploads.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_panic_is_one_500_and_the_connection_goes_on() {
    let scene = Scene::new(no_limits());
    let mut client = scene.connect().await;
    client.send("GET /panic HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let answer = client.answer().await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert_eq!(header(&answer, "content-type"), Some("application/problem+json"));
    let body: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["code"], "internal");
    assert_eq!(body["status"], 500);
    assert_eq!(body["request_id"].as_str(), header(&answer, "x-request-id"));
    assert!(!answer.contains("broke"), "the inside stays inside: {answer}");

    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(client.answer().await.ends_with("hello"));
    assert!(scene.listeners.counters().prometheus().contains("ods_http_panics_total 1"));
}

#[tokio::test]
async fn a_panic_in_a_body_cuts_that_answer_only() {
    let scene = Scene::new(no_limits());
    let answer = scene.ask("/panic-in-body").await;
    assert!(!answer.ends_with("0\r\n\r\n"), "a cut answer looks cut: {answer}");
    assert!(scene.ask("/").await.ends_with("hello"));
}

/// Collects log lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// The request lines so far.
    fn requests(&self) -> Vec<serde_json::Value> {
        let bytes = self.0.lock().unwrap().clone();
        let lines = String::from_utf8(bytes).unwrap();
        let all = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        all.filter(|line| line["target"] == "ods::request").collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn each_request_leaves_one_line_however_it_ends() {
    // Somebody always listens: else what another thread met first, with nobody listening, may count as of no interest to all.
    let listening = tracing_subscriber::fmt().with_writer(std::io::sink).finish();
    drop(tracing::subscriber::set_global_default(listening));
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(lines.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let scene = Scene::new(no_limits());

    let answer = scene.ask("/?secret=1").await;
    scene.ask("/panic").await;
    scene.ask("/panic-in-body").await;
    let mut gone = scene.connect().await;
    gone.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    scene.handlers.reached.notified().await;
    drop(gone);
    let mut head = scene.connect().await;
    head.send("HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    head.rest().await;
    scene.ask("/announced").await;

    until("six lines", || lines.requests().len() == 6).await;
    let mut found = lines.requests();
    found.sort_by_key(|line| (line["path"].to_string(), line["method"].to_string()));
    let brief: Vec<_> = found
        .iter()
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            (
                text("method"),
                text("path"),
                line["status"].as_u64().unwrap(),
                line["bytes"].as_u64().unwrap(),
                text("outcome"),
                text("level"),
            )
        })
        .collect();
    let errors: Vec<_> = found.iter().filter_map(|line| line["error"].as_str()).collect();
    assert_eq!(errors, ["the response's stream panicked"]);
    let expected = [
        ("GET", "/", 200, 5, "complete", "INFO"),
        ("HEAD", "/", 200, 0, "complete", "INFO"),
        ("GET", "/announced", 200, 6, "complete", "INFO"),
        ("GET", "/panic", 500, found[3]["bytes"].as_u64().unwrap(), "complete", "ERROR"),
        ("GET", "/panic-in-body", 200, 5, "failed", "WARN"),
        ("GET", "/wait", 499, 0, "cut", "INFO"),
    ];
    let expected = expected.map(|(method, path, status, bytes, outcome, level)| {
        (method.to_owned(), path.to_owned(), status, bytes, outcome.to_owned(), level.to_owned())
    });
    assert_eq!(brief, expected);
    assert_eq!(found[0]["request_id"].as_str(), header(&answer, "x-request-id"));
    assert_eq!(found[0]["client"], "127.0.0.1");
    assert!(found[0]["duration_ms"].is_u64());
}
