//! `ods transfers`: what moves now, and what moved lately.

use ods_api::{PastTransferView, TransferView};

use super::Context;
use super::mesh::eta_text;
use crate::cli::{Connection, Failure, Table, bytes_text, short_id, time_text};

/// Show what moves now: what the node fetches, and what it sends; or what moved lately
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ods transfers\n  ods transfers --recent\n  ods transfers --json | jq '.items[].rate_bytes_per_s'"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// What moved lately, the newest first: the last 500 since the node was started
    #[arg(long)]
    recent: bool,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    if arguments.recent {
        let past = node.client.recent_transfers().await.map_err(|error| node.explain(error))?;
        return if context.output.is_json() { context.output.json(&past) } else { show_past(past.items, context) };
    }
    let transfers = node.client.transfers().await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&transfers);
    }
    if transfers.items.is_empty() {
        return context.output.line("nothing moves");
    }
    let mut table = Table::new(&["WAY", "PACKAGE", ">DONE", ">OF", ">A SECOND", "ETA", "WITH", "REMARKS"]);
    for transfer in transfers.items {
        table.row([
            transfer.direction.clone(),
            transfer.path.clone().unwrap_or_else(|| short_id(&transfer.blob).to_owned()),
            bytes_text(transfer.bytes.done),
            bytes_text(transfer.bytes.total),
            transfer.rate_bytes_per_s.map(bytes_text).unwrap_or_default(),
            eta_text(transfer.eta_s),
            with(&transfer),
            transfer.reason.unwrap_or_default(),
        ]);
    }
    table.write(&mut context.output)
}

fn show_past(items: Vec<PastTransferView>, context: &mut Context) -> Result<(), Failure> {
    if items.is_empty() {
        return context.output.line("nothing moved since this node was started");
    }
    let mut table = Table::new(&["WAY", "PACKAGE", ">BYTES", ">A SECOND", "WITH", "ENDED"]);
    for past in items {
        let client = past.client.as_ref().map(|address| format!("client {address}"));
        table.row([
            past.direction.clone(),
            past.path.clone().unwrap_or_else(|| short_id(&past.blob).to_owned()),
            bytes_text(past.bytes),
            past.rate_bytes_per_s.map(bytes_text).unwrap_or_default(),
            past.peer.as_deref().map(|id| short_id(id).to_owned()).or(client).unwrap_or_default(),
            time_text(past.ended_at),
        ]);
    }
    table.write(&mut context.output)
}

fn with(transfer: &TransferView) -> String {
    let client = transfer.client.as_ref().map(|address| format!("client {address}"));
    let peer = transfer.peer.as_ref().map(|id| short_id(id).to_owned()).or(client);
    peer.unwrap_or_else(|| transfer.sources.iter().map(|id| short_id(id)).collect::<Vec<_>>().join(" "))
}
