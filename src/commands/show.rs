//! `ods show`: one package, and its history.

use ods_api::{PackageView, Page, ReplicationView, RevisionView};

use super::mesh::eta_text;
use super::{Context, parse_path, revision};
use crate::cli::{Connection, Failure, Output, Table, bytes_text, printable, short_id, time_text};

/// Show one package, and its history
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods show mac/Firefox-142.pkg\n  \
    ods show --history mac/Firefox-142.pkg     every revision, to pull or restore\n  \
    ods show --nodes mac/Firefox-142.pkg       which sites have it")]
pub(crate) struct Arguments {
    /// The package's path
    path: String,
    /// List the nodes of the mesh: which have it, and why the others don't
    #[arg(long, conflicts_with = "history")]
    nodes: bool,
    /// List the revisions, newest first (the newest thousand)
    #[arg(long)]
    history: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let path = parse_path(&arguments.path)?;
    let node = arguments.connection.connect(context)?;
    let output = &mut context.output;
    if arguments.history {
        let history = revision::history(&node, &path).await?;
        return if output.is_json() { output.json(&history) } else { write_history(&history, output) };
    }
    if arguments.nodes {
        let replication = node.client.replication(&path).await.map_err(|error| node.explain(error))?;
        return if output.is_json() { output.json(&replication) } else { write_holders(&replication, output) };
    }
    let package = node.client.package(&path).await.map_err(|error| node.explain(error))?;
    if output.is_json() { output.json(&package) } else { write_package(&package, output) }
}

fn write_package(package: &PackageView, output: &mut Output) -> Result<(), Failure> {
    output.line(&printable(&package.path))?;
    output.field("  title", package.title.as_deref())?;
    output.field("  version", package.version.as_deref())?;
    output.field("  identifier", package.identifier.as_deref())?;
    output.field("  tags", Some(package.tags.join(", ").as_str()).filter(|tags| !tags.is_empty()))?;
    output.field("  notes", package.notes.as_deref())?;
    output.field("  priority", package.priority.map(|priority| priority.to_string()).as_deref())?;
    package.other.iter().try_for_each(|(key, value)| output.field(&format!("  {key}"), Some(value)))?;
    output.field("  size", Some(&format!("{} ({} bytes)", bytes_text(package.size), package.size)))?;
    output.field("  state", Some(&package.state))?;
    if package.conflict {
        output.field("  conflict", Some("nodes published different things here; push or restore one to end it"))?;
    }
    let author = &package.published_by;
    let node = author.name.as_deref().unwrap_or_else(|| short_id(&author.node));
    output.field("  published", Some(&format!("{} by {} on {node}", time_text(package.published_at), author.by)))?;
    output.field("  url", Some(&package.url))?;
    output.field("  revision", Some(&package.revision))?;
    output.field("  blake3", Some(&package.blob))?;
    output.field("  sha256", Some(&package.sha256))
}

fn write_holders(replication: &ReplicationView, output: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new(&["NODE", "ID", "STATE", ">MISSING", "ETA", "WHY"]);
    for holder in &replication.items {
        let missing = holder.bytes_missing.filter(|bytes| *bytes > 0);
        table.row([
            holder.name.clone().unwrap_or_else(|| short_id(&holder.node).to_owned()),
            short_id(&holder.node).to_owned(),
            holder.state.clone(),
            missing.map(bytes_text).unwrap_or_default(),
            missing.map(|_| eta_text(holder.eta_s)).unwrap_or_default(),
            holder.reason.clone(),
        ]);
    }
    table.write(output)
}

fn write_history(history: &Page<RevisionView>, output: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new(&["REVISION", "PUBLISHED", "CHANGE", ">SIZE", "VERSION", "BY", "REMARKS"]);
    for revision in &history.items {
        let remarks = [
            (revision.current, "current"),
            (!revision.effective, "without effect"),
            (revision.bytes_held == Some(false), "bytes not here"),
        ];
        let author = &revision.published_by;
        table.row([
            short_id(&revision.revision).to_owned(),
            time_text(revision.published_at),
            revision.change.clone(),
            revision.size.map(bytes_text).unwrap_or_default(),
            revision.version.clone().unwrap_or_default(),
            format!("{} on {}", author.by, author.name.as_deref().unwrap_or_else(|| short_id(&author.node))),
            remarks.iter().filter(|(is, _)| *is).map(|(_, remark)| *remark).collect::<Vec<_>>().join(", "),
        ]);
    }
    table.write(output)?;
    if history.next.is_some() {
        let older =
            "older ones are not shown; `ods restore` finds them, and `GET /api/v1/revisions/{path}` lists them by page";
        output.line(older)?;
    }
    Ok(())
}
