//! `ods storage`: where a node's bytes are, and how that went.

use ods_api::{FilesView, StorageUsageView, TallyView, UsageNoteView};

use super::Context;
use crate::cli::{Connection, Failure, Output, Table, bytes_text, time_text};

/// Show where the node's bytes are
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods storage             what is held, and what for\n  \
    ods storage --trend     what was held: by the hour for a week, by the day for two years\n  \
    ods storage --json | jq .collectable.bytes")]
pub(crate) struct Arguments {
    /// What was held in the past, oldest first
    #[arg(long)]
    trend: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    if arguments.trend {
        let page = node.client.storage_trend().await.map_err(|error| node.explain(error))?;
        if context.output.is_json() {
            return context.output.json(&page);
        }
        return trend(&page.items).write(&mut context.output);
    }
    let usage = node.client.storage().await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&usage);
    }
    write(&usage, &mut context.output)
}

fn trend(notes: &[UsageNoteView]) -> Table {
    let mut table = Table::new(&["TIME", ">BLOBS", ">BYTES", ">DATABASE", ">FREE"]);
    for note in notes {
        table.row([
            time_text(note.at),
            note.blobs.count.to_string(),
            bytes_text(note.blobs.bytes),
            bytes_text(note.database_bytes),
            bytes_text(note.free_bytes),
        ]);
    }
    table
}

fn write(usage: &StorageUsageView, output: &mut Output) -> Result<(), Failure> {
    let blobs = |tally: TallyView| format!("{} in {} blobs", bytes_text(tally.bytes), tally.count);
    let files = |tally: FilesView| format!("{} in {} files", bytes_text(tally.bytes), tally.files);
    for (name, text) in [
        ("blobs", blobs(usage.blobs)),
        ("current", blobs(usage.live)),
        ("retained", blobs(usage.retained)),
        ("young", blobs(usage.young)),
        ("gc takes", blobs(usage.collectable)),
        ("left-over", files(usage.orphans)),
        ("incoming", files(usage.incoming)),
        ("database", bytes_text(usage.database_bytes)),
        ("free", bytes_text(usage.free_bytes)),
    ] {
        output.field(name, Some(&text))?;
    }
    let last = usage.last_gc.as_ref();
    let text =
        last.map(|last| format!("{}, removed {} in {} blobs", time_text(last.at), bytes_text(last.bytes), last.blobs));
    output.field("last gc", Some(text.as_deref().unwrap_or("never")))
}
