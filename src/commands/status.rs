//! `ods status`: how the node and its links are doing.

use ods_api::{ListenerView, NodeView, PeerView, WatchView};
use ods_store::UnixMillis;
use serde_json::json;

use super::Context;
use super::mesh::mesh_table;
use crate::cli::{Connection, Failure, Output, Table, age_text, bytes_text, short_id, time_text};

/// Show how the node and its links are doing
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods status\n  ods status --server https://branch-1.example.org\n  \
    ods status --json | jq .node.wants.count     what is still on its way here")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let view = node.client.node().await.map_err(|error| node.explain(error))?;
    let peers = node.client.peers().await.map_err(|error| node.explain(error))?;
    let mesh = node.client.mesh().await.map_err(|error| node.explain(error))?.items;
    let watches = node.client.watches().await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        let watches = watches.items;
        return context.output.json(&json!({"node": view, "peers": peers.items, "mesh": mesh, "watches": watches}));
    }
    write_node(&view, node.client.server().as_str(), &mut context.output)?;
    let now = (context.now)();
    view.listeners.iter().try_for_each(|one| context.output.field("listens", Some(&listener(one, now))))?;
    watches.items.iter().try_for_each(|watch| write_watch(watch, &mut context.output))?;
    context.output.line("")?;
    if peers.items.is_empty() {
        return context.output.line("no links to other nodes; `ods peer invite` makes one");
    }
    peer_table(&peers.items, context).write(&mut context.output)?;
    context.output.line("")?;
    mesh_table(&mesh, context).write(&mut context.output)
}

fn write_node(node: &NodeView, server: &str, output: &mut Output) -> Result<(), Failure> {
    output.field("node", Some(&format!("{} ({})", node.name, short_id(&node.id))))?;
    output.field("role", Some(node.role.as_deref().unwrap_or("none: it was expelled")))?;
    output.field("at", Some(server))?;
    output.field("version", Some(&node.version))?;
    output.field("keeps", Some(&super::policy::text(&node.policy)))?;
    output.field("packages", Some(&node.packages.to_string()))?;
    let wanted = match node.wants.count {
        0 => "nothing".to_owned(),
        count => format!("{} in {count} packages", bytes_text(node.wants.bytes)),
    };
    output.field("to fetch", Some(&wanted))?;
    let storage = &node.storage;
    output.field("on disk", Some(&format!("{}, {} free", bytes_text(storage.bytes), bytes_text(storage.free))))?;
    output.field("catalog", Some(short_id(&node.catalog_digest)))
}

/// Where it listens, and until when the certificate there is good.
fn listener(listener: &ListenerView, now: UnixMillis) -> String {
    let end = listener.certificate.as_ref().and_then(|certificate| certificate.expires_at);
    let encrypted = match (listener.tls.as_str(), end) {
        ("none", _) => "not encrypted".to_owned(),
        (_, None) => format!("TLS ({})", listener.tls),
        (_, Some(end)) if end.as_millisecond() <= i64::try_from(now.get()).unwrap_or(i64::MAX) => {
            format!("TLS ({}), THE CERTIFICATE ENDED at {}", listener.tls, time_text(end))
        }
        (_, Some(end)) => format!("TLS ({}), certificate good until {}", listener.tls, time_text(end)),
    };
    format!("{}: {}; {encrypted}", listener.address, listener.surfaces.join(", "))
}

fn write_watch(watch: &WatchView, output: &mut Output) -> Result<(), Failure> {
    /// Files listed of each watch; `--json` lists them all.
    const FILES_MAX: usize = 10;
    let reason = watch.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    output.field("watch", Some(&format!("{} ({}), {}{reason}", watch.folder, watch.mode, watch.state)))?;
    for refused in watch.refused.iter().take(FILES_MAX) {
        output.field("", Some(&format!("refused {}: {}", refused.file, refused.reason)))?;
    }
    for file in watch.superseded.iter().take(FILES_MAX) {
        output.field("", Some(&format!("left alone {file}: it is an older revision of what is published")))?;
    }
    let listed = watch.refused.len().min(FILES_MAX) + watch.superseded.len().min(FILES_MAX);
    match watch.refused.len() + watch.superseded.len() - listed {
        0 => Ok(()),
        more => output.field("", Some(&format!("and {more} more files; --json lists them all"))),
    }
}

/// The links as a table; `ods peer ls` shows the same.
pub(super) fn peer_table(peers: &[PeerView], context: &Context) -> Table {
    let now = (context.now)();
    let mut table = Table::new(&["PEER", "ID", "ROLE", "STATE", "LAST SEEN", "LACKING HERE", "REMARKS"]);
    for peer in peers {
        table.row([
            peer.name.clone(),
            short_id(&peer.id).to_owned(),
            peer.role.clone().unwrap_or_else(|| "none".to_owned()),
            peer.state.clone(),
            peer.last_seen.map_or_else(|| "never".to_owned(), |at| age_text(at, now)),
            lacking(peer),
            peer.error.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn lacking(peer: &PeerView) -> String {
    let behind = peer.behind.as_ref();
    let (events, bytes) = (behind.and_then(|behind| behind.events), behind.and_then(|behind| behind.bytes));
    match (events, bytes) {
        (None, None) => "unknown".to_owned(),
        (Some(0) | None, Some(0) | None) => "nothing".to_owned(),
        (Some(0) | None, Some(bytes)) => bytes_text(bytes),
        (Some(events), Some(0) | None) => format!("{events} events"),
        (Some(events), Some(bytes)) => format!("{events} events, {}", bytes_text(bytes)),
    }
}
