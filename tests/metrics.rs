//! `/metrics` as Prometheus' own tool sees it, and that it tells what happened.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::node::Node;
use crate::support::tools::leave_out;
use crate::support::wait;

fn metrics(node: &Node) -> String {
    node.request("GET", "/metrics").send().expect(200).text()
}

/// A series' value.
#[track_caller]
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is missing in\n{text}")).parse().expect("a number")
}

#[test]
fn what_happens_is_counted() {
    let node = Node::start("hq");
    node.put("a.pkg", &[7; 1000]).expect(201);
    node.download("a.pkg").expect(200);
    // A request is counted when it has ended, a moment after its answer was read.
    wait::until("the download is counted", wait::SOON, || {
        value(&metrics(&node), "ods_http_requests_total{area=\"downloads\",status=\"2xx\"}") >= 1.0
    });
    let text = metrics(&node);
    for (series, least) in [
        ("ods_packages", 1.0),
        ("ods_blob_bytes", 1000.0),
        ("ods_http_request_bytes_total", 1000.0),
        ("ods_http_response_bytes_total{area=\"downloads\"}", 1000.0),
        ("ods_http_request_duration_seconds_count{area=\"api\"}", 1.0),
        ("process_open_fds", 3.0),
        ("process_resident_memory_bytes", 1e6),
    ] {
        assert!(value(&text, series) >= least, "{series} is below {least} in\n{text}");
    }
    assert!(value(&text, "ods_http_requests_in_flight{area=\"health\"}") >= 1.0, "this request itself");
    assert!(value(&text, "ods_wants").abs() < 0.5);
    node.remove("a.pkg").expect(204);
    node.post_json("/storage/gc", &serde_json::json!({ "removed": true })).expect(200);
    let text = metrics(&node);
    for (series, least) in [
        ("ods_gc_blobs_removed_total", 1.0),
        ("ods_gc_bytes_removed_total", 1000.0),
        ("ods_gc_last_run_timestamp_seconds", 1.6e9),
        ("ods_alarms_total{code=\"rot\"}", 0.0),
    ] {
        assert!(value(&text, series) >= least, "{series} is below {least} in\n{text}");
    }
}

#[test]
fn promtool_finds_nothing_to_say() {
    let node = Node::start("hq");
    let text = metrics(&node);
    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = spawned else {
        leave_out("promtool's lint of /metrics", "there is no promtool (Debian's package `prometheus` has it)");
        return;
    };
    promtool.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("promtool reads");
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&said), "", "promtool lints\n{text}");
    assert!(output.status.success());
}
