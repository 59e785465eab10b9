//! Invites that were made, and revoking them.

use serde_json::json;

use crate::cli::{Connection, Failure, Table, time_text};
use crate::commands::Context;
use crate::commands::typed::Plain;

#[derive(Debug, clap::Args)]
pub(super) struct Revoke {
    /// The invite's id, as `ods peer invites` shows it
    invite: String,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn list(arguments: &Plain, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let invites = node.client.invites().await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&invites);
    }
    if invites.items.is_empty() {
        return context.output.line("no invites; `ods peer invite` makes one");
    }
    let mut table = Table::new(&["ID", "ROLE", "PREFIXES", "STATE", "MADE", "EXPIRES"]);
    for invite in invites.items {
        let (made, expires) = (time_text(invite.created_at), time_text(invite.expires_at));
        table.row([invite.id, invite.role, invite.prefixes.join(", "), invite.state, made, expires]);
    }
    table.write(&mut context.output)
}

pub(super) async fn revoke(arguments: &Revoke, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    node.client.remove_invite(&arguments.invite).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&json!({"id": arguments.invite, "removed": true}));
    }
    context.output.line(&format!("revoked the invite {}", arguments.invite))
}
