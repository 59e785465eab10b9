//! `ods webhook`: who is told of what happens on the node.

mod log;
mod settings;

use clap::Subcommand;
use jiff::Timestamp;
use ods_api::{Page, PageQuery, RedeliverRequest, RotateRequest, SkipRequest, WebhookPatch, WebhookView};
use serde_json::json;

use self::settings::{Add, Edit};
use super::Context;
use super::typed::Plain;
use crate::cli::{
    Connected, Connection, Exit, Failure, Table, duration_or_zero, duration_seconds, printable, time_text,
};

/// Tell other programs what happens: make, test and watch over webhooks
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Tell other programs what happens on this node.\n\nEach record of the journal that a webhook asks for is \
                  sent to its address, signed, in order and at least once (Standard Webhooks 1.0). What doesn't get \
                  through is tried again over three days.",
    after_help = "Examples:\n  ods webhook add https://hooks.example.org/ods --type 'package.*' --path '*.pkg'\n  \
                  ods webhook ls\n  ods webhook test chat\n  ods webhook log chat --failed"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a webhook and print its secret, this once
    #[command(
        after_help = "Examples:\n  ods webhook add https://hooks.example.org/ods --name chat --type 'package.*'\n  \
        ods webhook add http://127.0.0.1:9000/ --allow-private"
    )]
    Add(Add),
    /// List the webhooks and how they are doing
    #[command(after_help = "Examples:\n  ods webhook ls\n  ods webhook ls --json")]
    Ls(Plain),
    /// Show a webhook: what it is told of, and how far it is
    #[command(after_help = "Examples:\n  ods webhook show chat")]
    Show(One),
    /// Change a webhook
    #[command(after_help = "Examples:\n  ods webhook edit chat --type package.published --type node.alarm")]
    Edit(Edit),
    /// Remove a webhook with its log
    #[command(after_help = "Examples:\n  ods webhook rm chat")]
    Rm(One),
    /// Send a test and tell how it went
    #[command(after_help = "Examples:\n  ods webhook test chat")]
    Test(One),
    /// Switch a webhook on: it goes on where it stopped
    #[command(after_help = "Examples:\n  ods webhook enable chat")]
    Enable(One),
    /// Switch a webhook off; what happens is kept for it
    #[command(after_help = "Examples:\n  ods webhook disable chat")]
    Disable(One),
    /// Give a webhook a new secret and print it, this once
    #[command(after_help = "Examples:\n  ods webhook rotate chat --keep-old 1h")]
    Rotate(Rotate),
    /// Pass over the delivery that holds a webhook up
    #[command(after_help = "Examples:\n  ods webhook skip chat\n  ods webhook skip chat --all")]
    Skip(Skip),
    /// Show what was sent, with every attempt
    #[command(after_help = "Examples:\n  ods webhook log chat\n  ods webhook log chat msg_0a1b2c3d4e5f_42")]
    Log(log::Arguments),
    /// Send something again: one delivery, or all that failed, or all, since a while ago
    #[command(after_help = "Examples:\n  ods webhook redeliver chat msg_0a1b2c3d4e5f_42\n  \
        ods webhook redeliver chat --failed-since 1d\n  ods webhook redeliver chat --all-since 1d")]
    Redeliver(Redeliver),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The webhook's id, or its name if only one has it
    webhook: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Rotate {
    /// The webhook's id, or its name if only one has it
    webhook: String,
    /// How long the present secret signs too, such as 1h; at most 7d, 0s for not at all [default: 1d]
    #[arg(long, value_name = "TIME", value_parser = duration_or_zero)]
    keep_old: Option<u64>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Skip {
    /// The webhook's id, or its name if only one has it
    webhook: String,
    /// Pass over everything that it wasn't told yet; what was never tried can't be sent again then
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Redeliver {
    /// The webhook's id, or its name if only one has it
    webhook: String,
    /// The delivery's id, as `ods webhook log` and the receiver's `webhook-id` show it
    #[arg(required_unless_present_any = ["failed_since", "all_since"])]
    delivery: Option<String>,
    /// All that were given up or skipped since then, such as 2h or 3d
    #[arg(long, value_name = "TIME", value_parser = duration_seconds, conflicts_with = "delivery")]
    failed_since: Option<u64>,
    /// The same, and those that were delivered, as for a receiver that lost what it had
    #[arg(long, value_name = "TIME", value_parser = duration_seconds, conflicts_with_all = ["delivery", "failed_since"])]
    all_since: Option<u64>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    match arguments.action {
        Action::Add(arguments) => settings::add(arguments, context).await,
        Action::Ls(arguments) => list(&arguments, context).await,
        Action::Edit(arguments) => settings::edit(arguments, context).await,
        Action::Show(arguments) => show(&arguments, context).await,
        Action::Rm(arguments) => remove(&arguments, context).await,
        Action::Test(arguments) => log::test(&arguments.webhook, &arguments.connection, context).await,
        Action::Enable(arguments) => switch(&arguments, true, context).await,
        Action::Disable(arguments) => switch(&arguments, false, context).await,
        Action::Rotate(arguments) => rotate(&arguments, context).await,
        Action::Skip(arguments) => skip(&arguments, context).await,
        Action::Log(arguments) => log::run(&arguments, context).await,
        Action::Redeliver(arguments) => redeliver(arguments, context).await,
    }
}

async fn list(arguments: &Plain, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let webhooks = all(&node).await?;
    if context.output.is_json() {
        return context.output.json(&webhooks);
    }
    let mut table = Table::new(&["NAME", "ID", "STATE", ">BEHIND", "LAST DELIVERED", "URL"]);
    for webhook in webhooks.items {
        let state = brief_state(&webhook);
        let delivered = webhook.delivered_at.map_or_else(|| "never".to_owned(), time_text);
        let behind = behind(&webhook);
        table.row([webhook.name, webhook.id, state, behind, delivered, webhook.url]);
    }
    table.write(&mut context.output)
}

async fn show(arguments: &One, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let webhook = find(&node, &arguments.webhook).await?;
    let webhook = node.client.webhook(&webhook.id).await.map_err(|error| node.explain(error))?;
    let output = &mut context.output;
    if output.is_json() {
        return output.json(&webhook);
    }
    let or_all = |texts: &[String]| if texts.is_empty() { "all".to_owned() } else { texts.join(" ") };
    output.field("name", Some(webhook.name.as_str()).filter(|name| !name.is_empty()))?;
    output.field("id", Some(&webhook.id))?;
    output.field("url", Some(&webhook.url))?;
    output.field("types", Some(&or_all(&webhook.types)))?;
    output.field("paths", Some(&or_all(&webhook.paths)))?;
    output.field("tags", Some(&or_all(&webhook.tags)))?;
    output.field("private", Some(if webhook.allow_private { "allowed" } else { "refused" }))?;
    output.field("state", Some(&state(&webhook)))?;
    output.field("behind", Some(&format!("{} deliveries", behind(&webhook))))?;
    output.field("delivered", webhook.delivered_at.map(time_text).as_deref())
}

/// The state in few words, for a row of a table; `show` tells why.
fn brief_state(webhook: &WebhookView) -> String {
    match (&webhook.disabled_reason, &webhook.failing) {
        (Some(_), _) => "off".to_owned(),
        (None, Some(failing)) => format!("failing, next {}", time_text(failing.next_attempt_at)),
        (None, None) => "on".to_owned(),
    }
}

fn state(webhook: &WebhookView) -> String {
    match (&webhook.disabled_reason, &webhook.failing) {
        (Some(reason), _) => format!("off: {reason}"),
        (None, Some(failing)) => {
            format!("failing, tried again at {}: {}", time_text(failing.next_attempt_at), failing.error)
        }
        (None, None) => "on".to_owned(),
    }
}

async fn remove(arguments: &One, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let webhook = find(&node, &arguments.webhook).await?;
    node.client.remove_webhook(&webhook.id).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&json!({"id": webhook.id, "removed": true}));
    }
    context.output.line(&format!("removed {}", called(&webhook)))
}

async fn switch(arguments: &One, on: bool, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let webhook = find(&node, &arguments.webhook).await?;
    let patch = WebhookPatch { enabled: Some(on), ..WebhookPatch::default() };
    let webhook = node.client.edit_webhook(&webhook.id, &patch).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&webhook);
    }
    let done = if on { "switched on; it goes on where it stopped:" } else { "switched off" };
    context.output.line(&format!("{done} {}", called(&webhook)))
}

async fn rotate(arguments: &Rotate, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let webhook = find(&node, &arguments.webhook).await?;
    let request = RotateRequest { keep_old_for_s: arguments.keep_old };
    let made = node.client.rotate_webhook(&webhook.id, &request).await;
    // The node speaks of its fields; people here type options.
    let made = made.map_err(|error| node.explain(error).reworded("`keep_old_for_s` 0", "`--keep-old 0`"))?;
    if context.output.is_json() {
        return context.output.json(&made);
    }
    context.output.line(&made.secret)?;
    if let Some(until) = made.row.old_secret_until {
        eprintln!("\nThe secret before signs too until {}. Give the receiver the new one by then.", time_text(until));
    }
    Ok(())
}

async fn skip(arguments: &Skip, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let webhook = find(&node, &arguments.webhook).await?;
    // The very delivery that this command saw: asking twice passes over one.
    let delivery = webhook.failing.as_ref().map(|failing| failing.delivery.clone()).filter(|_| !arguments.all);
    let request = SkipRequest { delivery: delivery.clone(), all: arguments.all };
    let webhook = node.client.skip_delivery(&webhook.id, &request).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&webhook);
    }
    let what = delivery.unwrap_or_else(|| "everything that it wasn't told yet".to_owned());
    context.output.line(&format!("passed over {what} of {}", called(&webhook)))
}

async fn redeliver(arguments: Redeliver, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let webhook = find(&node, &arguments.webhook).await?;
    if let Some(delivery) = arguments.delivery {
        let queued = node.client.redeliver(&webhook.id, &delivery).await.map_err(|error| node.explain(error))?;
        if context.output.is_json() {
            return context.output.json(&queued);
        }
        return context.output.line(&format!("{} goes out again", queued.id));
    }
    let now_s = (context.now)().unix_seconds();
    let since_s = now_s.saturating_sub(arguments.all_since.or(arguments.failed_since).unwrap_or_default());
    let since = i64::try_from(since_s).ok().and_then(|at| Timestamp::from_second(at).ok()).unwrap_or(Timestamp::MIN);
    let request = RedeliverRequest { since, delivered: arguments.all_since.is_some() };
    let queued = node.client.redeliver_since(&webhook.id, &request).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&queued);
    }
    context.output.line(&format!("{} deliveries go out again", queued.queued))
}

async fn all(node: &Connected) -> Result<Page<WebhookView>, Failure> {
    node.client.webhooks(&PageQuery::default()).await.map_err(|error| node.explain(error))
}

async fn find(node: &Connected, typed: &str) -> Result<WebhookView, Failure> {
    let fits = |webhook: &WebhookView| webhook.id == typed || webhook.name == typed;
    let mut fitting: Vec<WebhookView> = all(node).await?.items.into_iter().filter(fits).collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(webhook), true) => Ok(webhook),
        (Some(_), false) => Err(Failure::usage(format!("several webhooks are called {typed}"))
            .hint("give the id; `ods webhook ls` shows it")),
        (None, _) => Err(Failure::new(Exit::NotFound, "no_such_webhook", format!("there is no webhook {typed}"))
            .hint("`ods webhook ls` lists the webhooks")),
    }
}

fn called(webhook: &WebhookView) -> String {
    if webhook.name.is_empty() { webhook.id.clone() } else { format!("{} ({})", printable(&webhook.name), webhook.id) }
}

/// What it has yet to be told: `7`, or `7+` if the journal goes on further than was looked.
fn behind(webhook: &WebhookView) -> String {
    format!("{}{}", webhook.behind, if webhook.behind_more { "+" } else { "" })
}
