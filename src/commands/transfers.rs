//! `ods transfers`: what moves now.

use ods_api::TransferView;

use super::Context;
use super::mesh::eta_text;
use crate::cli::{Connection, Failure, Table, bytes_text, short_id};

/// Show what moves now: what the node fetches, and what it sends
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods transfers\n  ods transfers --json | jq '.items[].rate_bytes_per_s'")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
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

fn with(transfer: &TransferView) -> String {
    let client = transfer.client.as_ref().map(|address| format!("client {address}"));
    let peer = transfer.peer.as_ref().map(|id| short_id(id).to_owned()).or(client);
    peer.unwrap_or_else(|| transfer.sources.iter().map(|id| short_id(id)).collect::<Vec<_>>().join(" "))
}
