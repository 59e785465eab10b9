//! What every command prints with `--json`: the shapes that scripts rely on, as snapshots in `snapshots/`.
//!
//! What differs from run to run is put aside: ids, secrets, times, places, and numbers that tell of this machine. After
//! a change that is meant, `INSTA_UPDATE=always cargo test -p ods --lib commands::tests::json` writes them anew; the
//! diff is the change of contract.

use serde_json::{Map, Value};

use super::{Node, bytes};

/// Numbers that depend on the machine or the moment.
const VOLATILE: [&str; 24] = [
    "free",
    "free_bytes",
    "database_bytes",
    "head",
    "lsn",
    "cursor",
    "behind",
    "events",
    "log",
    "links",
    "seq",
    "bytes_per_s",
    "rate_bytes_per_s",
    "took_ms",
    "clock_ahead_ms",
    "age_s",
    "counted_at",
    "version_of_app",
    "epoch",
    "tries",
    "cache_bytes",
    "connections_max",
    "statements",
    "updated_ms",
];

fn redacted(node: &Node, value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(redacted_text(node, &text)),
        Value::Array(items) => items.into_iter().map(|item| redacted(node, item)).collect(),
        Value::Object(fields) => Value::Object(redacted_fields(node, fields)),
        other => other,
    }
}

fn redacted_fields(node: &Node, fields: Map<String, Value>) -> Map<String, Value> {
    let field = |(name, value): (String, Value)| {
        let name = redacted_text(node, &name);
        let value = match value {
            Value::Number(_) if VOLATILE.contains(&name.as_str()) => Value::from("[number]"),
            Value::String(_) if ["request_id", "x-request-id"].contains(&name.as_str()) => Value::from("[request]"),
            Value::String(_) if name == "date" => Value::from("[time]"),
            other => redacted(node, other),
        };
        (name, value)
    };
    fields.into_iter().map(field).collect()
}

fn redacted_text(node: &Node, text: &str) -> String {
    let is_hex = |text: &str| text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
    let whole = match text.len() {
        16 | 32 | 64 if is_hex(text) => Some(format!("[id of {} digits]", text.len())),
        20.. if text.get(4..5) == Some("-") && text.ends_with('Z') => Some("[time]".to_owned()),
        _ if text.starts_with("/api/v1/webhooks/") => Some("/api/v1/webhooks/[id]".to_owned()),
        _ if text == env!("CARGO_PKG_VERSION") => Some("[version]".to_owned()),
        _ if text.starts_with("ods_") => Some("[token]".to_owned()),
        _ if text.starts_with("whsec_") => Some("[secret]".to_owned()),
        _ if text.starts_with("msg_") => Some("[delivery]".to_owned()),
        _ if text.starts_with("ods-invite1.") => Some("[invite]".to_owned()),
        66.. if text.get(64..65) == Some("/") && is_hex(&text[..64]) => Some("[id of 64 digits]/[epoch]".to_owned()),
        _ if text.contains("#setup=") => Some("/ui/#setup=[secret]".to_owned()),
        _ => None,
    };
    whole.unwrap_or_else(|| {
        let text = text.replace(&node.folder.path().display().to_string(), "[folder]");
        match text.rsplit_once("127.0.0.1:") {
            Some((before, _)) => format!("{before}127.0.0.1:[port]"),
            None => text,
        }
    })
}

async fn snapshot(node: &Node, name: &str, typed: &[&str]) -> Value {
    let typed: Vec<&str> = typed.iter().chain(&["--json"]).copied().collect();
    let text = node.well(&typed).await;
    // Some commands print an object a line, so that it may be read as it comes.
    let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&text).into_iter().collect();
    let mut values = values.expect("JSON");
    let printed = if values.len() == 1 { values.remove(0) } else { Value::Array(values) };
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_json_snapshot!(name, redacted(node, printed.clone()));
    });
    printed
}

/// A node that has told once how it stands, as it does just after its start.
async fn settled() -> Node {
    let node = Node::start().await;
    let until = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while node.json(&["mesh"]).await[0]["started_at"].is_null() {
        assert!(std::time::Instant::now() < until, "it tells nothing of itself");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    node
}

#[tokio::test]
async fn packages() {
    let node = settled().await;
    let file = node.write("Tool-1.pkg", &bytes(1, 1000));
    snapshot(&node, "push", &["push", &file, "--path", "mac/Tool-1.pkg", "--tag", "prod"]).await;
    snapshot(&node, "set", &["set", "mac/Tool-1.pkg", "--title", "Tool", "--version", "1"]).await;
    snapshot(&node, "tag", &["tag", "mac/Tool-1.pkg", "--add", "new"]).await;
    snapshot(&node, "events", &["events", "--type", "package.published"]).await;
    snapshot(&node, "ls", &["ls"]).await;
    snapshot(&node, "ls-anchors", &["ls", "--anchors"]).await;
    snapshot(&node, "show", &["show", "mac/Tool-1.pkg"]).await;
    let history = snapshot(&node, "show-history", &["show", "--history", "mac/Tool-1.pkg"]).await;
    snapshot(&node, "show-nodes", &["show", "--nodes", "mac/Tool-1.pkg"]).await;
    snapshot(&node, "rm", &["rm", "mac/Tool-1.pkg"]).await;
    let first = history["items"][2]["revision"].as_str().expect("the first revision");
    snapshot(&node, "restore", &["restore", "mac/Tool-1.pkg", first]).await;
    snapshot(&node, "upload-ls", &["upload", "ls"]).await;
    node.stop().await;
}

#[tokio::test]
async fn the_node_and_the_mesh() {
    let node = settled().await;
    snapshot(&node, "status", &["status"]).await;
    snapshot(&node, "mesh", &["mesh"]).await;
    snapshot(&node, "mesh-missing", &["mesh", "--missing", "hq"]).await;
    snapshot(&node, "transfers", &["transfers"]).await;
    snapshot(&node, "limit", &["limit"]).await;
    snapshot(&node, "roster-ls", &["roster", "ls"]).await;
    snapshot(&node, "peer-ls", &["peer", "ls"]).await;
    let invite = snapshot(&node, "peer-invite", &["peer", "invite"]).await;
    snapshot(&node, "peer-invites", &["peer", "invites"]).await;
    snapshot(&node, "peer-revoke", &["peer", "revoke", invite["id"].as_str().expect("an id")]).await;
    snapshot(&node, "gc", &["gc", "--dry-run"]).await;
    snapshot(&node, "scrub", &["scrub", "--status"]).await;
    snapshot(&node, "watch-ls", &["watch", "ls"]).await;
    node.stop().await;
}

#[tokio::test]
async fn what_is_kept_and_how() {
    let node = settled().await;
    let file = node.write("Tool-1.pkg", &bytes(1, 1000));
    node.well(&["push", &file]).await;
    let pulled = node.folder.path().join("pulled.pkg").display().to_string();
    snapshot(&node, "pull", &["pull", "Tool-1.pkg", "--output", &pulled]).await;
    snapshot(&node, "policy", &["policy", "selected", "--path", "mac/*"]).await;
    snapshot(&node, "settings-show", &["settings", "show", "gc.grace"]).await;
    let webhook = ["webhook", "add", "https://hooks.example.org/ods", "--name", "chat", "--type", "peer.*"];
    node.well(&webhook).await;
    snapshot(&node, "webhook-enable", &["webhook", "enable", "chat"]).await;
    snapshot(&node, "webhook-redeliver", &["webhook", "redeliver", "chat", "--all-since", "1d"]).await;
    snapshot(&node, "api-options", &["api", "OPTIONS", "/uploads"]).await;
    node.stop().await;
}

#[tokio::test]
async fn people_and_webhooks() {
    let node = settled().await;
    let token = snapshot(&node, "token-create", &["token", "create", "ci", "--scope", "read"]).await;
    snapshot(&node, "token-ls", &["token", "ls"]).await;
    snapshot(&node, "token-revoke", &["token", "revoke", token["id"].as_str().expect("an id")]).await;
    snapshot(&node, "user-ls", &["user", "ls"]).await;
    snapshot(&node, "user-link", &["user", "link"]).await;
    snapshot(&node, "session-show", &["session", "show"]).await;
    snapshot(&node, "session-ls", &["session", "ls"]).await;
    let address = "https://hooks.example.org/ods";
    snapshot(&node, "webhook-add", &["webhook", "add", address, "--name", "chat", "--type", "package.*"]).await;
    snapshot(&node, "webhook-ls", &["webhook", "ls"]).await;
    snapshot(&node, "webhook-show", &["webhook", "show", "chat"]).await;
    snapshot(&node, "webhook-edit", &["webhook", "edit", "chat", "--tag", "prod"]).await;
    snapshot(&node, "webhook-disable", &["webhook", "disable", "chat"]).await;
    snapshot(&node, "webhook-rotate", &["webhook", "rotate", "chat"]).await;
    snapshot(&node, "webhook-log", &["webhook", "log", "chat"]).await;
    snapshot(&node, "webhook-rm", &["webhook", "rm", "chat"]).await;
    snapshot(&node, "settings-set", &["settings", "set", "gc.grace=2d"]).await;
    snapshot(&node, "audit", &["audit", "--limit", "1"]).await;
    let (exit, failure) = match node.ods(&["show", "none.pkg", "--json"]).await {
        Ok(printed) => panic!("printed {printed}"),
        Err(failure) => (failure.exit().code(), failure.to_json()),
    };
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_json_snapshot!("failure", redacted(&node, serde_json::json!({"exit": exit, "failure": failure})));
    });
    node.stop().await;
}
