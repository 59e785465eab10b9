//! What every command prints with `--json`: the shapes that scripts rely on, as snapshots in `snapshots/`.
//!
//! What differs from run to run is put aside: ids, secrets, times, places, and numbers that tell of this machine. After
//! a change that is meant, `INSTA_UPDATE=always cargo test -p ods --lib commands::tests::json` writes them anew; the
//! diff is the change of contract. A command without a snapshot of its name fails [`every_command_has_a_snapshot`].

mod machine;
mod mesh;
mod packages;
mod people;
mod watches;
mod webhooks;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Command, CommandFactory};
use serde_json::{Map, Value};

use super::*;

/// Commands without a snapshot, and why that is right.
const WITHOUT: [(&str, &str); 5] = [
    ("completions", "its text is for a shell, with --json too"),
    ("man", "its text is for man(1), with --json too"),
    ("openapi", "the document itself, which the API's own tests hold to the code"),
    ("demo", "it runs until it is stopped; tests/command_line.rs reads the line that it prints"),
    ("service-status", "it prints what a running systemd says of the unit; .ci/systemd has one"),
];

/// Snapshots of no command: how any of them fails.
const OF_NO_COMMAND: [&str; 1] = ["failure"];

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

/// How a command is run.
#[derive(Clone, Copy, Default)]
struct Given<'a> {
    environment: &'a [(&'a str, &'a str)],
    piped: &'a str,
    /// Fields that differ from run to run in this command's output.
    varying: &'a [&'a str],
}

/// What is put aside, in the output of a command that works in a folder.
struct Redaction<'a> {
    folder: &'a Path,
    varying: &'a [&'a str],
}

impl Redaction<'_> {
    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => Value::Object(self.fields(fields)),
            other => other,
        }
    }

    fn fields(&self, fields: Map<String, Value>) -> Map<String, Value> {
        let field = |(name, value): (String, Value)| {
            let name = self.text(&name);
            let value = match value {
                _ if self.varying.contains(&name.as_str()) => Value::from("[varying]"),
                Value::Number(_) if VOLATILE.contains(&name.as_str()) => Value::from("[number]"),
                Value::String(_) if ["request_id", "x-request-id"].contains(&name.as_str()) => Value::from("[request]"),
                Value::String(_) if name == "date" => Value::from("[time]"),
                other => self.value(other),
            };
            (name, value)
        };
        fields.into_iter().map(field).collect()
    }

    fn text(&self, text: &str) -> String {
        let whole = match text.len() {
            16 | 32 | 64 if is_hex(text) => Some(format!("[id of {} digits]", text.len())),
            20.. if text.get(4..5) == Some("-") && text.ends_with('Z') => Some("[time]".to_owned()),
            _ if text.starts_with("/api/v1/webhooks/") => Some("/api/v1/webhooks/[id]".to_owned()),
            _ if text == env!("CARGO_PKG_VERSION") => Some("[version]".to_owned()),
            _ if text.starts_with("ods_") => Some("[token]".to_owned()),
            _ if text.starts_with("ods/") => Some("ods/[version]".to_owned()),
            _ if text.starts_with("whsec_") => Some("[secret]".to_owned()),
            _ if text.starts_with("msg_") => Some("[delivery]".to_owned()),
            _ if text.starts_with("ods-invite1.") => Some("[invite]".to_owned()),
            66.. if text.get(64..65) == Some("/") && is_hex(&text[..64]) => {
                Some("[id of 64 digits]/[epoch]".to_owned())
            }
            _ if text.contains("#setup=") => Some("/ui/#setup=[secret]".to_owned()),
            // JSON in a text, as the body of a delivery.
            _ if text.starts_with('{') => serde_json::from_str(text).ok().map(|it| self.value(it).to_string()),
            _ => None,
        };
        whole.unwrap_or_else(|| self.place(text))
    }

    /// Folders and ports.
    fn place(&self, text: &str) -> String {
        // Behind a link the node names the folder that it leads to.
        let real = self.folder.canonicalize().unwrap_or_else(|_| self.folder.to_owned());
        let text = [&real, self.folder]
            .iter()
            .fold(text.to_owned(), |text, folder| text.replace(&folder.display().to_string(), "[folder]"));
        match text.rsplit_once("127.0.0.1:") {
            Some((before, behind)) => {
                format!("{before}127.0.0.1:[port]{}", behind.trim_start_matches(|c: char| c.is_ascii_digit()))
            }
            // An id within words.
            None => text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()).map(without_id).collect(),
        }
    }
}

fn without_id(word: &str) -> String {
    match word.split_at_checked(64) {
        Some((id, rest)) if is_hex(id) => format!("[id of 64 digits]{rest}"),
        Some(_) | None => word.to_owned(),
    }
}

fn is_hex(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

/// Runs a command at a node, and holds what it prints against the snapshot of this name.
async fn snapshot(node: &Node, name: &str, typed: &[&str]) -> Value {
    snapshot_given(node.folder.path(), name, typed, Given::default()).await
}

async fn snapshot_given(folder: &Path, name: &str, typed: &[&str], given: Given<'_>) -> Value {
    let leaf = leaf(typed);
    assert!(name == leaf || name.starts_with(&format!("{leaf}-")), "{name} is printed by {leaf}");
    let typed: Vec<&str> = typed.iter().chain(&["--json"]).copied().collect();
    let (outcome, text) = run(folder, &typed, given.environment, given.piped).await;
    if let Err(failure) = outcome {
        panic!("{typed:?}: {}", failure.to_json());
    }
    // Some commands print an object a line, so that it may be read as it comes.
    let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&text).into_iter().collect();
    let mut values = values.expect("JSON");
    let printed = if values.len() == 1 { values.remove(0) } else { Value::Array(values) };
    hold(name, &Redaction { folder, varying: given.varying }, printed.clone());
    printed
}

fn hold(name: &str, redaction: &Redaction<'_>, printed: Value) {
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_json_snapshot!(name, redaction.value(printed));
    });
}

/// The name of the command that is typed, such as `token-create`.
fn leaf(typed: &[&str]) -> String {
    let read = Cli::command().try_get_matches_from(std::iter::once(&"ods").chain(typed));
    let matches = read.unwrap_or_else(|error| panic!("{typed:?}: {error}"));
    let all = std::iter::successors(Some(&matches), |at| at.subcommand().map(|(_, inner)| inner));
    let words: Vec<&str> = all.filter_map(ArgMatches::subcommand_name).collect();
    words.join("-")
}

/// A node that has told once how it stands, as it does just after its start.
async fn settled() -> Node {
    let node = Node::start().await;
    until("it tells of itself", async || !node.json(&["mesh"]).await[0]["started_at"].is_null()).await;
    node
}

/// Waits until something is so.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !is_so().await {
        assert!(Instant::now() < end, "{what}: it never is");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn gather(command: &Command, name: &str, leaves: &mut BTreeSet<String>) {
    if !command.is_subcommand_required_set() {
        leaves.insert(name.to_owned());
    }
    for inner in command.get_subcommands() {
        let prefix = if name.is_empty() { String::new() } else { format!("{name}-") };
        gather(inner, &format!("{prefix}{}", inner.get_name()), leaves);
    }
}

#[test]
fn every_command_has_a_snapshot() {
    let mut leaves = BTreeSet::new();
    gather(&Cli::command(), "", &mut leaves);
    assert!(leaves.len() > 80, "the tree is walked: {leaves:?}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands/tests/snapshots");
    let entries = std::fs::read_dir(folder).expect("the snapshots are there");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let kept: BTreeSet<String> = names.filter_map(|name| name.strip_suffix(".snap").map(str::to_owned)).collect();

    let missing: Vec<&String> =
        leaves.iter().filter(|leaf| !kept.contains(*leaf) && !WITHOUT.iter().any(|(name, _)| name == leaf)).collect();
    assert!(missing.is_empty(), "no snapshot shows what these print with --json: {missing:?}");
    for (name, reason) in WITHOUT {
        assert!(leaves.contains(name) && !kept.contains(name), "{name} is no command without a snapshot: {reason}");
    }

    let tests = [
        include_str!("json/machine.rs"),
        include_str!("json/mesh.rs"),
        include_str!("json/packages.rs"),
        include_str!("json/people.rs"),
        include_str!("json/watches.rs"),
        include_str!("json/webhooks.rs"),
    ];
    let made_by = |name: &str| [format!(", \"{name}\", &"), format!("hold(\"{name}\", &")];
    let is_made = |name: &str| made_by(name).iter().any(|call| tests.iter().any(|test| test.contains(call)));
    let left: Vec<&String> = kept.iter().filter(|name| !is_made(name)).collect();
    assert!(left.is_empty(), "no test prints these any more: {left:?}");
    let is_of = |name: &str| leaves.iter().any(|leaf| name == leaf || name.starts_with(&format!("{leaf}-")));
    let foreign: Vec<&String> =
        kept.iter().filter(|name| !is_of(name) && !OF_NO_COMMAND.contains(&name.as_str())).collect();
    assert!(foreign.is_empty(), "these are of no command: {foreign:?}");
}
