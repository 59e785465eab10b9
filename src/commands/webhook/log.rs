//! What was sent to a webhook, and a test.

use std::time::Duration;

use ods_api::{AttemptView, DeliveryQuery, DeliveryView, Page};

use super::find;
use crate::cli::{Connection, Exit, Failure, Output, Table, printable, time_text};
use crate::commands::Context;

/// How often it is looked whether a test has been sent.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often at most: some 30 s, twice as long as an attempt may take.
const LOOKS_MAX: u32 = 150;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The webhook's id, or its name if only one has it
    webhook: String,
    /// Show this delivery whole, with its body and answers
    delivery: Option<String>,
    /// Only what was given up
    #[arg(long, conflicts_with = "delivery")]
    failed: bool,
    /// At most this many deliveries, the newest
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let webhook = find(&node, &arguments.webhook).await?;
    if let Some(delivery) = &arguments.delivery {
        let delivery = node.client.delivery(&webhook.id, delivery).await.map_err(|error| node.explain(error))?;
        return write_whole(&delivery, &mut context.output);
    }
    let state = arguments.failed.then(|| "failed".to_owned());
    let limit = usize::from(arguments.limit);
    let mut query = DeliveryQuery { limit: Some(limit), after: None, state };
    let mut whole = Page { items: Vec::new(), next: None, total: None };
    loop {
        let page = node.client.deliveries(&webhook.id, &query).await.map_err(|error| node.explain(error))?;
        whole.items.extend(page.items);
        whole.next.clone_from(&page.next);
        query.after = page.next;
        if query.after.is_none() || whole.items.len() >= limit {
            break;
        }
    }
    whole.items.truncate(limit);
    write_page(&whole, &mut context.output)
}

/// Sends a test, waits for it, and tells how it went.
pub(super) async fn test(webhook: &str, connection: &Connection, context: &mut Context) -> Result<(), Failure> {
    let node = connection.connect(context)?;
    let webhook = find(&node, webhook).await?;
    let mut delivery = node.client.test_webhook(&webhook.id).await.map_err(|error| node.explain(error))?;
    for _ in 0..LOOKS_MAX {
        if delivery.tries > 0 {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        delivery = node.client.delivery(&webhook.id, &delivery.id).await.map_err(|error| node.explain(error))?;
    }
    if context.output.is_json() {
        context.output.json(&delivery)?;
    }
    match delivery.attempts.last() {
        Some(AttemptView { error: None, status, took_ms, .. }) => {
            let status = status.map_or_else(String::new, |status| status.to_string());
            if context.output.is_json() {
                Ok(())
            } else {
                context.output.line(&format!("delivered: {status} after {took_ms} ms"))
            }
        }
        Some(attempt) => {
            let why = attempt.error.clone().unwrap_or_default();
            Err(Failure::new(
                Exit::Failed,
                "not_delivered",
                format!("the test didn't get through: {}", printable(&why)),
            )
            .hint("see to the receiver, then try again; `ods webhook log` shows what it answered"))
        }
        None => Err(Failure::new(Exit::Failed, "not_delivered", "the test was not sent yet".to_owned())
            .hint("other deliveries are in front of it; `ods webhook log` shows when it is done")),
    }
}

fn write_page(page: &Page<DeliveryView>, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.json(page);
    }
    let mut table = Table::new(&["ID", "TYPE", "AT", "STATE", ">TRIES", "LAST ANSWER"]);
    for delivery in &page.items {
        table.row([
            delivery.id.clone(),
            delivery.kind.clone(),
            time_text(delivery.at),
            delivery.state.clone(),
            delivery.tries.to_string(),
            delivery.attempts.last().map_or_else(String::new, outcome),
        ]);
    }
    table.write(output)
}

fn write_whole(delivery: &DeliveryView, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.json(delivery);
    }
    output.field("id", Some(&delivery.id))?;
    output.field("type", Some(&delivery.kind))?;
    output.field("state", Some(&delivery.state))?;
    output.field("body", Some(&delivery.body))?;
    for attempt in &delivery.attempts {
        let manual = if attempt.manual { ", by hand" } else { "" };
        let at = attempt.at.strftime("%Y-%m-%d %H:%M:%SZ");
        output.line(&printable(&format!(
            "{at}  {} ({} ms{manual})  {}",
            outcome(attempt),
            attempt.took_ms,
            attempt.answer
        )))?;
    }
    Ok(())
}

fn outcome(attempt: &AttemptView) -> String {
    match (&attempt.error, attempt.status) {
        (Some(error), _) => error.clone(),
        (None, Some(status)) => status.to_string(),
        (None, None) => String::new(),
    }
}
