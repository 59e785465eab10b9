//! `ods mesh`: every node of the mesh, as it said of itself last.

use ods_api::{LinkView, MeshNodeView, MissingView, PageQuery};

use super::Context;
use crate::cli::{Connected, Connection, Exit, Failure, Output, Table, age_text, bytes_text, printable, short_id};

/// Packages asked for at a time.
const PAGE_ROWS: usize = 1000;

/// Show every node of the mesh: how it stands, what it lacks, whom it reaches
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods mesh\n  ods mesh --links     each link, seen from both ends\n  \
    ods mesh --json | jq -r '.[] | select(.behind.bytes > 0) | .name'     who still lacks something\n  \
    ods mesh --missing branch     which packages a node lacks, and why")]
pub(crate) struct Arguments {
    /// List each link, with round trip and clocks, seen from both ends
    #[arg(long)]
    links: bool,
    /// List the packages that one node lacks, and why; its name, or how its id begins
    #[arg(long, value_name = "NODE", conflicts_with = "links")]
    missing: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let mesh = node.client.mesh().await.map_err(|error| node.explain(error))?.items;
    if let Some(typed) = &arguments.missing {
        return missing(&node, &find(&mesh, typed)?.id, context).await;
    }
    if context.output.is_json() {
        return context.output.json(&mesh);
    }
    let table = if arguments.links { link_table(&mesh) } else { mesh_table(&mesh, context) };
    table.write(&mut context.output)
}

/// The node of the mesh with this name, or whose id starts so.
fn find<'a>(mesh: &'a [MeshNodeView], typed: &str) -> Result<&'a MeshNodeView, Failure> {
    let by_id = |node: &&MeshNodeView| typed.len() >= 4 && node.id.starts_with(&typed.to_ascii_lowercase());
    let mut fitting = mesh.iter().filter(|node| node.name.as_deref() == Some(typed) || by_id(node));
    match (fitting.next(), fitting.next()) {
        (Some(node), None) => Ok(node),
        (Some(_), Some(_)) => {
            Err(Failure::usage(format!("several nodes are called {typed}")).hint("give the id; `ods mesh` shows it"))
        }
        (None, _) => Err(Failure::new(Exit::NotFound, "no_such_node", format!("the mesh has no node {typed}"))
            .hint("`ods mesh` lists the nodes")),
    }
}

async fn missing(node: &Connected, id: &str, context: &mut Context) -> Result<(), Failure> {
    let mut query = PageQuery { limit: Some(PAGE_ROWS), after: None };
    let mut whole = node.client.missing(id, &query).await.map_err(|error| node.explain(error))?;
    while let Some(after) = whole.next.take() {
        query.after = Some(after);
        let mut page = node.client.missing(id, &query).await.map_err(|error| node.explain(error))?;
        page.items.splice(0..0, whole.items);
        whole = page;
    }
    if context.output.is_json() {
        return context.output.json(&whole);
    }
    write_missing(&whole, &mut context.output)
}

fn write_missing(missing: &MissingView, output: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new(&["PATH", ">SIZE", "VERSION", "STATE", ">MISSING", "ETA", "WHY"]);
    for package in &missing.items {
        table.row([
            printable(&package.path),
            bytes_text(package.size),
            package.version.clone().unwrap_or_default(),
            package.state.clone(),
            package.bytes_missing.map(bytes_text).unwrap_or_default(),
            eta_text(package.eta_s),
            package.reason.clone(),
        ]);
    }
    match &missing.reason {
        Some(reason) => output.line(&format!("there may be more: {reason}"))?,
        None if missing.items.is_empty() => return output.line("it lacks nothing"),
        None => {}
    }
    if missing.items.is_empty() { Ok(()) } else { table.write(output) }
}

/// The nodes as a table; `ods status` shows the same.
pub(super) fn mesh_table(mesh: &[MeshNodeView], context: &Context) -> Table {
    let now = (context.now)();
    let mut table = Table::new(&["NODE", "ID", "ROLE", "STATE", "LACKS", "ETA", ">FREE", "CLOCK", "VERSION", "SAID"]);
    for node in mesh {
        table.row([
            name(node),
            short_id(&node.id).to_owned(),
            node.role.clone(),
            if node.this { "this node".to_owned() } else { node.state.clone() },
            lacks(node),
            eta_text(node.eta_s.filter(|_| node.behind.bytes != Some(0))),
            node.storage.map(|storage| bytes_text(storage.free)).unwrap_or_default(),
            node.clock_ahead_ms.filter(|_| !node.this).map(clock_text).unwrap_or_default(),
            node.version.clone().unwrap_or_default(),
            node.as_of.map_or_else(|| "nothing yet".to_owned(), |at| age_text(at, now)),
        ]);
    }
    table
}

fn link_table(mesh: &[MeshNodeView]) -> Table {
    let mut table = Table::new(&["FROM", "TO", "STATE", ">ROUND TRIP", "CLOCK", "LACKS"]);
    for node in mesh {
        for link in &node.links {
            let LinkView { node: id, name: to, state, rtt_ms, clock_ahead_ms, behind_events } = link;
            table.row([
                name(node),
                to.clone().unwrap_or_else(|| short_id(id).to_owned()),
                state.clone(),
                rtt_ms.map(|ms| format!("{ms} ms")).unwrap_or_default(),
                clock_ahead_ms.map(clock_text).unwrap_or_default(),
                if *behind_events == 0 { "nothing".to_owned() } else { format!("{behind_events} events") },
            ]);
        }
    }
    table
}

fn name(node: &MeshNodeView) -> String {
    node.name.clone().unwrap_or_else(|| short_id(&node.id).to_owned())
}

fn lacks(node: &MeshNodeView) -> String {
    match (node.behind.events, node.behind.bytes) {
        (None, None) => "unknown".to_owned(),
        (Some(0), Some(0)) => "nothing".to_owned(),
        (Some(0) | None, bytes) => bytes_text(bytes.unwrap_or(0)),
        (Some(events), Some(0) | None) => format!("{events} events"),
        (Some(events), Some(bytes)) => format!("{events} events, {}", bytes_text(bytes)),
    }
}

/// A length of time as people say it; a dash if nobody knows.
pub(super) fn eta_text(seconds: Option<u64>) -> String {
    match seconds {
        None => "-".to_owned(),
        Some(seconds @ ..120) => format!("{seconds} s"),
        Some(seconds @ ..7200) => format!("{} min", seconds.div_ceil(60)),
        Some(seconds) => format!("{} h", seconds.div_ceil(3600)),
    }
}

/// How far a clock is off: nothing to speak of below a second.
fn clock_text(ahead_ms: i64) -> String {
    let seconds = ahead_ms.unsigned_abs() / 1000;
    match (seconds, ahead_ms < 0) {
        (0, _) => "right".to_owned(),
        (seconds, true) => format!("{} behind", eta_text(Some(seconds))),
        (seconds, false) => format!("{} ahead", eta_text(Some(seconds))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_clocks_read_like_speech() {
        assert_eq!(
            [None, Some(0), Some(119), Some(120), Some(7199), Some(7201)].map(eta_text),
            ["-", "0 s", "119 s", "2 min", "120 min", "3 h"]
        );
        assert_eq!([0, -999, 1500, -90_000].map(clock_text), ["right", "right", "1 s ahead", "90 s behind"]);
    }
}
