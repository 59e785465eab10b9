//! `ods push --wait` at a node that has the packages, and says little of the others.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::extract::Path as UrlPath;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use super::*;

/// What a node says of where a package is, asked for the first, second, … time; `None`: it says nothing.
type Says = fn(path: &str, time: usize, revision: &Value) -> Option<Response>;

/// `a.pkg` and `b.pkg`, and a node that has them.
struct Bench {
    node: Node,
    files: [String; 2],
    pushed: BTreeMap<String, Value>,
}

impl Bench {
    async fn new() -> Self {
        let node = Node::start().await;
        let files = [node.write("a.pkg", b"1"), node.write("b.pkg", b"2")];
        let mut pushed = BTreeMap::new();
        for (name, file) in ["a.pkg", "b.pkg"].into_iter().zip(&files) {
            pushed.insert(name.to_owned(), node.json(&["push", file]).await);
        }
        Self { node, files, pushed }
    }

    /// Pushes both to one that says this, and waits: how it ended, and what was printed.
    async fn wait(&self, says: Says, timeout: &str) -> (Result<(), Failure>, String) {
        let times = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
        let [pushed, put, found] = [(); 3].map(|()| self.pushed.clone());
        let replication = async move |UrlPath(path): UrlPath<String>| {
            let time = {
                let mut times = times.lock().expect("no thread panics");
                let time = times.entry(path.clone()).or_default();
                *time += 1;
                *time
            };
            match says(&path, time, &pushed[&path]["package"]["revision"]) {
                Some(response) => response,
                None => std::future::pending().await,
            }
        };
        let show = async move |UrlPath(path): UrlPath<String>| Json(found[&path]["package"].clone());
        let publish = async move |UrlPath(path): UrlPath<String>| Json(put[&path].clone());
        let router = Router::new()
            .route("/api/v1/packages/{*path}", get(show).put(publish))
            .route("/api/v1/replication/{*path}", get(replication));
        let (server, _serving) = serve(router).await;
        let [a, b] = &self.files;
        let typed = ["push", a, b, "--jobs", "1", "--wait", "--timeout", timeout, "--server", &server, "--json"];
        let running = run(self.node.folder.path(), &typed, &[("ODS_TOKEN", "t")], "");
        tokio::time::timeout(Duration::from_mins(1), running).await.expect("it ends")
    }

    /// The same where the time runs out: what is said then.
    async fn too_late(&self, says: Says) -> String {
        let began = Instant::now();
        let (outcome, printed) = self.wait(says, "1s").await;
        let failure = outcome.expect_err("it isn't known to be everywhere").to_json();
        assert_eq!((&failure["code"], &failure["exit_code"]), (&json!("not_everywhere_yet"), &json!(5)), "{failure}");
        assert!(began.elapsed() >= Duration::from_secs(1), "it gave up after {:?}", began.elapsed());
        assert!(printed.contains("\"a.pkg\"") && printed.contains("\"b.pkg\""), "that they are published was told");
        failure["detail"].as_str().expect("text").to_owned()
    }
}

fn everywhere(revision: &Value) -> Response {
    Json(json!({"revision": revision, "complete": true, "items": [], "next": null})).into_response()
}

fn lacking_east(revision: &Value) -> Response {
    let east = json!({"node": "e".repeat(64), "name": "east", "state": "unreachable", "reason": "no node reaches it",
        "bytes_missing": 1, "eta_s": null});
    Json(json!({"revision": revision, "complete": false, "items": [east], "next": null})).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_in_time_and_says_what_it_knows() {
    let bench = Bench::new().await;
    let silent = "the node asked doesn't answer";
    assert_eq!(
        bench.too_late(|_, _, _| None).await,
        format!("2 packages are published, and not everywhere yet ({silent})")
    );
    let said = bench.too_late(|path, _, revision| (path == "a.pkg").then(|| lacking_east(revision))).await;
    assert_eq!(
        said,
        format!("2 packages are published, and not everywhere yet (east: no node reaches it; {silent})"),
        "what this round told, too"
    );
    let said = bench.too_late(|path, _, revision| (path == "a.pkg").then(|| everywhere(revision))).await;
    assert_eq!(
        said,
        format!("the package is published, and not everywhere yet ({silent})"),
        "one has arrived everywhere"
    );
    let said = bench.too_late(|_, time, revision| (time == 1).then(|| lacking_east(revision))).await;
    assert_eq!(
        said,
        format!("2 packages are published, and not everywhere yet (east: no node reaches it; {silent})"),
        "what the round before told, too"
    );
    let said = bench.too_late(|_, _, _| Some(StatusCode::SERVICE_UNAVAILABLE.into_response())).await;
    assert!(said.contains("503") && !said.contains(silent), "{said}");
    bench.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_goes_on_when_the_node_was_busy() {
    let bench = Bench::new().await;
    let busy_at_first: Says = |_, time, revision| match time {
        1 => Some(StatusCode::SERVICE_UNAVAILABLE.into_response()),
        _ => Some(everywhere(revision)),
    };
    let (outcome, printed) = bench.wait(busy_at_first, "1m").await;
    outcome.expect("both are everywhere");
    assert_eq!(printed.matches("\"complete\":true").count(), 2, "{printed}");
    bench.node.stop().await;
}
