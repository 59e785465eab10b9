//! `ods gc`: removes bytes that nothing needs any more.

use ods_api::{GcRequest, GcView};

use super::Context;
use crate::cli::{Connection, Exit, Failure, Output, Table, bytes_text, short_id};

/// Blobs listed for people; `--json` lists more.
const ITEMS_SHOWN: usize = 20;

/// Remove bytes of earlier revisions that nothing needs any more
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Remove bytes of earlier revisions that nothing needs any more.\n\nThe node does so by itself, regularly; \
                  this does it now. What is kept is set under [retention] and [gc] in the node's configuration; \
                  `ods config` explains it. Current revisions always stay. The bytes of removed packages stay for a while, so \
                  that they can be restored; --removed lets them go now, on this node.",
    after_help = "Examples:\n  ods gc --dry-run          what would go\n  ods gc                    remove it\n  \
                  ods gc --removed          and all bytes of packages that were removed\n  \
                  ods gc --dry-run --json | jq .bytes"
)]
pub(crate) struct Arguments {
    /// Only tell what would go
    #[arg(long)]
    dry_run: bool,
    /// Keep nothing of packages that were removed, however lately
    #[arg(long)]
    removed: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let request = GcRequest { dry_run: arguments.dry_run, removed: arguments.removed };
    let done = node.client.collect_garbage(&request).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        context.output.json(&done)?;
    } else {
        write(&done, &mut context.output)?;
    }
    let Some(first) = &done.failed.first else { return Ok(()) };
    let message = format!("{} left-over files couldn't be looked at or removed; the first: {first}", done.failed.count);
    Err(Failure::new(Exit::Failed, "gc_incomplete", message)
        .hint("mend their owner, their mode or the disk; the next run tries again"))
}

fn write(done: &GcView, output: &mut Output) -> Result<(), Failure> {
    if !done.items.is_empty() {
        let mut table = Table::new(&["PATH", "REVISION", ">SIZE", "WHY"]);
        for item in done.items.iter().take(ITEMS_SHOWN) {
            table.row([
                item.path.clone().unwrap_or_else(|| "none".to_owned()),
                short_id(item.revision.as_deref().unwrap_or("none")).to_owned(),
                bytes_text(item.size),
                item.reason.clone(),
            ]);
        }
        table.write(output)?;
        let more = done.blobs.saturating_sub(done.items.len().min(ITEMS_SHOWN) as u64);
        if more > 0 {
            output.line(&format!("and {more} more"))?;
        }
        output.line("")?;
    }
    let verb = if done.dry_run { "would free" } else { "freed" };
    let (bytes, blobs) = (bytes_text(done.bytes + done.orphans.bytes), done.blobs);
    output.line(&format!("{verb} {bytes}: {blobs} blobs and {} left-over files", done.orphans.files))?;
    let kept = done.kept;
    output.line(&format!(
        "kept {} blobs of current revisions, {} of earlier ones by retention, {} that came only just",
        kept.live, kept.retained, kept.young
    ))
}
