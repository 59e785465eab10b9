//! Making and changing a webhook.

use ods_api::{WebhookPatch, WebhookRequest};

use super::{called, find};
use crate::cli::{Connection, Failure};
use crate::commands::Context;

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Where to: an http or https address
    url: String,
    /// What to call it
    #[arg(long, default_value = "")]
    name: String,
    /// Only this type, or several such as 'package.*'; repeat for more
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Of packages only those whose path matches this glob; repeat for more
    #[arg(long = "path", value_name = "GLOB")]
    paths: Vec<String>,
    /// Of packages only those with this tag; repeat for more
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Allow an address on this machine or a private network
    #[arg(long)]
    allow_private: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
pub(super) struct Edit {
    /// The webhook's id, or its name if only one has it
    webhook: String,
    /// Where to
    #[arg(long)]
    url: Option<String>,
    /// What to call it
    #[arg(long)]
    name: Option<String>,
    /// These types in place of those before; repeat for more, '*' for all
    #[arg(long = "type", value_name = "TYPE")]
    types: Option<Vec<String>>,
    /// These globs in place of those before; repeat for more, '*' for all
    #[arg(long = "path", value_name = "GLOB")]
    paths: Option<Vec<String>>,
    /// These tags in place of those before; repeat for more, '' for all packages
    #[arg(long = "tag", value_name = "TAG")]
    tags: Option<Vec<String>>,
    /// Whether addresses on this machine and private networks are allowed
    #[arg(long, value_name = "BOOL")]
    allow_private: Option<bool>,
    #[command(flatten)]
    connection: Connection,
}

/// The node speaks of its fields; people here type options.
fn refused(failure: Failure) -> Failure {
    if failure.code() == "address_refused" { failure.reworded("`allow_private`", "--allow-private") } else { failure }
}

pub(super) async fn add(arguments: Add, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let request = WebhookRequest {
        url: arguments.url,
        name: arguments.name,
        types: arguments.types,
        paths: arguments.paths,
        tags: arguments.tags,
        allow_private: arguments.allow_private,
    };
    let made = node.client.create_webhook(&request).await.map_err(|error| refused(node.explain(error)))?;
    if context.output.is_json() {
        return context.output.json(&made);
    }
    context.output.line(&made.secret)?;
    eprintln!(
        "\nThe receiver checks signatures with this secret; it is shown this once. `ods webhook test {}` sends a test.",
        made.row.id
    );
    Ok(())
}

pub(super) async fn edit(arguments: Edit, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let webhook = find(&node, &arguments.webhook).await?;
    let without_empty = |texts: Vec<String>| texts.into_iter().filter(|text| !text.is_empty()).collect();
    let patch = WebhookPatch {
        url: arguments.url,
        name: arguments.name,
        types: arguments.types,
        paths: arguments.paths,
        tags: arguments.tags.map(without_empty),
        allow_private: arguments.allow_private,
        enabled: None,
    };
    let webhook = node.client.edit_webhook(&webhook.id, &patch).await.map_err(|error| refused(node.explain(error)))?;
    if context.output.is_json() {
        return context.output.json(&webhook);
    }
    context.output.line(&format!("changed {}", called(&webhook)))
}
