//! The commands against a node in this process, as they are typed.

mod follow;
mod json;
mod silent;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Parser;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Context;
use crate::cli::{Cli, Exit, Failure, Input, Output};
use crate::config::{self, Environment, Flags, Surroundings};
use crate::server::Server;

/// What a command printed.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).expect("UTF-8")
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A running node and a folder to work in.
struct Node {
    server: Server,
    folder: tempfile::TempDir,
}

impl Node {
    async fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), "hq", &Environment::default()).await
    }

    async fn start_in(folder: tempfile::TempDir, name: &str, environment: &Environment) -> Self {
        let flags = Flags { name: Some(name.into()), listen: vec!["127.0.0.1:0".into()], ..Flags::default() };
        let resolution = config::resolve(&flags, environment, &machine(folder.path())).expect("resolved");
        let server = Server::start(&resolution).await.expect("started");
        Self { server, folder }
    }

    async fn stop(self) {
        self.server.stop().await;
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[expect(clippy::disallowed_methods, reason = "a test writes its own input")]
    fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).expect("written");
        self.path(name).display().to_string()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).expect("a folder");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Runs a command: what it printed, or why it failed.
    async fn ods(&self, typed: &[&str]) -> Result<String, Failure> {
        self.ods_with(typed, &[]).await
    }

    async fn ods_with(&self, typed: &[&str], environment: &[(&str, &str)]) -> Result<String, Failure> {
        let (outcome, printed) = run(self.folder.path(), typed, environment, "").await;
        outcome.map(|()| printed)
    }

    /// The same where it must succeed.
    async fn well(&self, typed: &[&str]) -> String {
        self.ods(typed).await.unwrap_or_else(|failure| panic!("{typed:?}: {}", failure.to_json()))
    }

    async fn json(&self, typed: &[&str]) -> Value {
        let typed: Vec<&str> = typed.iter().chain(&["--json"]).copied().collect();
        serde_json::from_str(&self.well(&typed).await).expect("JSON")
    }

    /// The same where it must fail: how, and what is said.
    async fn fails(&self, typed: &[&str]) -> (Exit, String) {
        match self.ods(typed).await {
            Ok(printed) => panic!("{typed:?} printed {printed}"),
            Err(failure) => (failure.exit(), failure.to_json()["detail"].as_str().unwrap_or_default().to_owned()),
        }
    }
}

/// Serves on a free port until the set is dropped: the URL.
async fn serve(router: axum::Router) -> (String, JoinSet<std::io::Result<()>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await });
    (url, serving)
}

/// Runs a command, with this piped in: how it ended, and what it printed until then.
async fn run(
    folder: &Path,
    typed: &[&str],
    environment: &[(&str, &str)],
    piped: &str,
) -> (Result<(), Failure>, String) {
    let cli = Cli::try_parse_from(std::iter::once(&"ods").chain(typed)).unwrap_or_else(|error| panic!("{error}"));
    let captured = Captured::default();
    let mut context = Context {
        environment: environment.iter().copied().collect(),
        machine: machine(folder),
        input: Input::of(piped),
        output: Output::into(Box::new(captured.clone()), cli.json),
        now: crate::clock::now,
    };
    (super::run(cli, &mut context).await, captured.text())
}

fn machine(folder: &Path) -> Surroundings {
    Surroundings {
        data: Some(folder.join("data")),
        system_data: None,
        hostname: "machine".to_owned(),
        working_folder: folder.to_owned(),
    }
}

fn bytes(seed: u8, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_says_what_it_did_and_sends_no_bytes_twice() {
    let node = Node::start().await;
    let file = node.write("a b.pkg", &bytes(1, 1_500_000));
    let pushed = node.well(&["push", &file, "--path", "apps/", "--tag", "x"]).await;
    assert!(pushed.starts_with("apps/a b.pkg: published, 1.5 MB, revision "), "{pushed}");
    assert!(node.well(&["push", &file, "--path", "apps/"]).await.starts_with("apps/a b.pkg: unchanged, "));
    let relabelled = node.well(&["push", &file, "--path", "apps/", "--tag", "y", "--version", "2"]).await;
    assert!(relabelled.starts_with("apps/a b.pkg: metadata changed, "), "{relabelled}");
    node.write("a b.pkg", &bytes(2, 10));
    assert!(node.well(&["push", &file, "--path", "apps/"]).await.starts_with("apps/a b.pkg: replaced, 10 B, "));
    let shown = node.json(&["show", "apps/a b.pkg"]).await;
    assert_eq!((&shown["tags"], &shown["version"], &shown["size"]), (&json!(["y"]), &json!("2"), &json!(10)));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guarded_push_refuses_with_the_conflict_exit() {
    let node = Node::start().await;
    let file = node.write("a.pkg", b"one");
    node.well(&["push", &file, "--only-if-new"]).await;
    let first = node.json(&["show", "a.pkg"]).await["revision"].as_str().expect("an id").to_owned();
    node.write("a.pkg", b"two");
    assert_eq!(node.fails(&["push", &file, "--only-if-new"]).await.0, Exit::Conflict);
    node.well(&["push", &file, "--only-if-revision", &first]).await;
    assert_eq!(node.fails(&["push", &file, "--only-if-revision", &first]).await.0, Exit::Conflict);
    assert_eq!(node.fails(&["rm", "a.pkg", "--if-revision", &first]).await.0, Exit::Conflict);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_files_are_pushed_and_one_that_fails_spoils_no_other() {
    let node = Node::start().await;
    node.well(&["push", &node.write("b.pkg", b"old"), "--path", "x/"]).await;
    let files = [node.write("a.pkg", b"a"), node.write("b.pkg", b"new"), node.write("c.pkg", b"c")];
    let typed: Vec<&str> =
        ["push", "--only-if-new", "--path", "x/"].into_iter().chain(files.iter().map(String::as_str)).collect();
    assert_eq!(node.fails(&typed).await, (Exit::Conflict, "1 of 3 files were not published".to_owned()));
    let listed = node.json(&["ls", "x"]).await;
    let paths: Vec<&str> =
        listed["items"].as_array().expect("items").iter().filter_map(|p| p["path"].as_str()).collect();
    assert_eq!(paths, ["x/a.pkg", "x/b.pkg", "x/c.pkg"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_uses_what_is_left_of_an_earlier_one_if_it_is_good() {
    let node = Node::start().await;
    let whole = bytes(3, 3_000_000);
    node.well(&["push", &node.write("big.pkg", &whole)]).await;
    let etag = format!("\"{}\"", blake3::hash(&whole).to_hex());
    let foreign = format!("\"{}\"", blake3::hash(b"x").to_hex());
    let too_long = [whole.clone(), vec![0; 5]].concat();
    let cases: &[(&str, &[u8], Option<&str>)] = &[
        ("nothing", b"", None),
        ("a good start", &whole[..1_234_567], Some(&etag)),
        ("all of it", &whole, Some(&etag)),
        ("a damaged start", &vec![0; 1_000_000], Some(&etag)),
        ("damaged and as long as the whole", &vec![0; whole.len()], Some(&etag)),
        ("more than all of it", &too_long, Some(&etag)),
        ("a start of something else", &whole[..1000], Some(&foreign)),
        ("a start of who knows what", &whole[..1000], None),
        ("a start and a broken note", &whole[..1000], Some("garbage")),
    ];
    for (what, part, etag) in cases {
        std::fs::create_dir(node.path("out")).expect("made");
        node.write("out/big.pkg.part", part);
        if let Some(etag) = etag {
            node.write("out/big.pkg.part.etag", etag.as_bytes());
        }
        let out = node.path("out").display().to_string();
        let pulled = node.well(&["pull", "big.pkg", "-o", &out]).await;
        assert!(pulled.ends_with("big.pkg: 3.0 MB, verified\n"), "{what}: {pulled}");
        assert!(std::fs::read(node.path("out/big.pkg")).expect("pulled") == whole, "{what}");
        assert_eq!(node.names("out"), ["big.pkg"], "{what}");
        std::fs::remove_dir_all(node.path("out")).expect("removed");
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pulls_do_not_write_to_one_file() {
    let node = Node::start().await;
    node.well(&["push", &node.write("a.pkg", b"a")]).await;
    let file = node.path("got.pkg");
    let held = std::fs::OpenOptions::new().create_new(true).write(true).open(node.path("got.pkg.part")).expect("made");
    held.lock().expect("locked");
    let (exit, detail) = node.fails(&["pull", "a.pkg", "-o", &file.display().to_string()]).await;
    assert_eq!(exit, Exit::Conflict);
    assert!(detail.starts_with("another `ods pull` is writing to "), "{detail}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_revisions_are_pulled_and_restored_by_the_start_of_their_id() {
    let node = Node::start().await;
    let file = node.write("a.pkg", b"one");
    node.well(&["push", &file]).await;
    node.write("a.pkg", b"two");
    node.well(&["push", &file]).await;
    let history = node.json(&["show", "--history", "a.pkg"]).await;
    let whole = history["items"][1]["revision"].as_str().expect("an id");
    let first = &whole[..10];
    let got = node.path("got").display().to_string();
    node.well(&["pull", "a.pkg", "-o", &got, "--revision", first]).await;
    assert_eq!(std::fs::read(&got).expect("pulled"), b"one");
    assert!(node.well(&["rm", "a.pkg"]).await.contains("brings it back"));
    assert_eq!(node.fails(&["pull", "a.pkg"]).await.0, Exit::NotFound);
    assert!(node.well(&["restore", "a.pkg", first]).await.starts_with("restored a.pkg from "));
    assert!(node.well(&["restore", "a.pkg", first]).await.contains("like that already"));
    assert_eq!(node.fails(&["restore", "a.pkg", "00000000"]).await.0, Exit::NotFound);
    assert_eq!(node.fails(&["restore", "a.pkg", "xyz"]).await.0, Exit::Usage);
    let (exit, said) = node.fails(&["restore", "b.pkg", whole]).await;
    assert!(exit == Exit::NotFound && said.contains("belongs to a.pkg"), "{said}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_events_are_shown_or_those_behind_a_number() {
    let node = Node::start().await;
    for index in 0..5 {
        node.well(&["push", &node.write(&format!("p{index}.pkg"), &[index])]).await;
    }
    let newest = node.json(&["events", "--limit", "2", "--type", "package.published"]).await;
    let paths: Vec<&str> = newest["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|record| record["data"]["path"].as_str())
        .collect();
    assert_eq!(paths, ["p3.pkg", "p4.pkg"]);
    let lsn = newest["items"][0]["lsn"].as_u64().expect("a number").to_string();
    let behind = node.well(&["events", "--after", &lsn, "--type", "package.published"]).await;
    assert!(behind.lines().count() == 1 && behind.contains("p4.pkg"), "{behind}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_revoked_by_name_and_then_refused() {
    let node = Node::start().await;
    let made = node.json(&["token", "create", "ci", "--scope", "read", "--expires", "1d"]).await;
    let token = made["token"].as_str().expect("shown once").to_owned();
    let allowed = node.ods_with(&["ls"], &[("ODS_TOKEN", &token)]).await;
    assert_eq!(allowed.expect("allowed"), "no packages\n");
    let refused = node.ods_with(&["rm", "x"], &[("ODS_TOKEN", &token)]).await.expect_err("refused");
    assert!(matches!(refused.exit(), Exit::Refused | Exit::NotFound), "{}", refused.to_json());
    assert_eq!(
        node.well(&["token", "revoke", "ci"]).await,
        format!("revoked ci ({})\n", made["id"].as_str().expect("an id"))
    );
    let refused = node.ods_with(&["ls"], &[("ODS_TOKEN", &token)]).await.expect_err("refused");
    assert_eq!(refused.exit(), Exit::Refused);
    assert_eq!(node.fails(&["token", "revoke", "ci"]).await.0, Exit::NotFound);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_links_of_a_node_alone() {
    let node = Node::start().await;
    let status = node.well(&["status"]).await;
    for line in ["role         owner", "packages     0", "to fetch     nothing", "no links to other nodes"] {
        assert!(status.contains(line), "{status}");
    }
    let status = node.json(&["status"]).await;
    assert_eq!((&status["node"]["name"], &status["peers"], &status["watches"]), (&json!("hq"), &json!([]), &json!([])));
    let invite = node.well(&["peer", "invite"]).await;
    assert!(invite.starts_with("ods-invite1.") && invite.lines().count() == 1, "{invite}");
    assert_eq!(node.fails(&["peer", "join", "nonsense"]).await.0, Exit::Usage);
    assert_eq!(node.fails(&["peer", "rm", "nobody"]).await.0, Exit::NotFound);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stopped_is_told_from_one_that_never_was() {
    let node = Node::start().await;
    let run_file = std::fs::read(node.path("data/run.json")).expect("written");
    let Node { server, folder } = node;
    server.stop().await;
    let other = Node::start().await;
    let ask =
        async |folder: &Path| other.ods(&["ls", "--data", &folder.display().to_string()]).await.expect_err("no node");
    assert_eq!(ask(&folder.path().join("data")).await.code(), "no_local_node");
    let crashed = Node { folder, server: other.server };
    crashed.write("data/run.json", &run_file);
    let failure = crashed.ods(&["ls"]).await.expect_err("no node");
    assert_eq!(failure.exit(), Exit::Unreachable);
    assert!(failure.to_json()["hint"].to_string().contains("start it again with `ods serve --data"));
    crashed.stop().await;
}

#[tokio::test]
async fn gc_tells_what_would_go_and_keeps_what_is_young() {
    let node = Node::start().await;
    for content in [&b"first"[..], b"second one"] {
        let file = node.write("a.pkg", content);
        node.ods(&["push", &file]).await.expect("pushed");
    }
    let told = node.ods(&["gc", "--dry-run"]).await.expect("told");
    assert_eq!(
        told,
        "would free 0 B: 0 blobs and 0 left-over files\n\
         kept 1 blobs of current revisions, 1 of earlier ones by retention, 0 that came only just\n"
    );
    let done: Value = serde_json::from_str(&node.ods(&["--json", "gc"]).await.expect("done")).expect("JSON");
    assert_eq!((&done["dry_run"], &done["blobs"], &done["kept"]["live"]), (&json!(false), &json!(0), &json!(1)));
    node.stop().await;
}

#[tokio::test]
async fn any_call_is_made_as_it_is_typed_and_a_refusal_without_a_text_is_explained() {
    let node = Node::start().await;
    for typed in ["node", "/node", "api/v1/node", "/api/v1/node"] {
        assert_eq!(node.json(&["api", "GET", typed]).await["name"], "hq", "{typed}");
    }
    assert_eq!(
        node.fails(&["api", "HEAD", "/nope"]).await,
        (Exit::NotFound, "the answer to HEAD /nope is 404, without a reason".to_owned())
    );
    assert!(node.fails(&["api", "GET", "/nope"]).await.1.starts_with("there is nothing at /api/v1/nope"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_webhook_or_watch_is_told_in_the_words_of_the_command_line() {
    let node = Node::start().await;
    for typed in [["webhook", "add", "http://10.1.2.3/"], ["webhook", "add", "http://localhost/"]] {
        let (exit, detail) = node.fails(&typed).await;
        assert_eq!(exit, Exit::Failed, "{typed:?}");
        assert!(detail.contains("; --allow-private lets a webhook be sent there"), "{detail}");
    }
    // Typed from here, where the node is too.
    for folder in ["drop", "/etc"] {
        let refused = node.ods(&["watch", "add", folder]).await.expect_err("no folder may be watched").to_json();
        assert_eq!(refused["code"], json!("outside_watch_roots"), "{refused}");
        let hint = refused["hint"].as_str().expect("a hint");
        assert!(hint.contains("ods.toml") && hint.contains("next start"), "{hint}");
    }
    node.stop().await;
}
