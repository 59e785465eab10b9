//! `ods audit`: who changed what.

use jiff::Timestamp;
use ods_api::{AuditQuery, AuditView};
use serde_json::{Map, Value};

use super::Context;
use crate::cli::{Connection, Failure, duration_seconds, printable, time_text};

/// Show who changed what on a node, and whose sign-in was refused
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods audit\n  ods audit --who ci --limit 20\n  \
                  ods audit --action 'sign_in.refused' --since 7d\n  ods audit --subject mac/Firefox-142.pkg --json")]
pub(crate) struct Arguments {
    /// Only what was done by this one: `token ci`, `user ada`, or part of it
    #[arg(long)]
    who: Option<String>,
    /// Only what was done from this address
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// Only deeds of these kinds, separated by commas; with * at the end, all that begin like this
    #[arg(long, value_name = "KINDS")]
    action: Option<String>,
    /// Only what was done to this: an id or a path, or part of it
    #[arg(long)]
    subject: Option<String>,
    /// Only what was done in this time until now, such as 12h or 7d
    #[arg(long, value_name = "TIME", value_parser = duration_seconds)]
    since: Option<u64>,
    /// At most so many entries, newest first
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let now_s = (context.now)().unix_seconds();
    let since = arguments.since.and_then(|seconds| i64::try_from(now_s.saturating_sub(seconds)).ok());
    let mut query = AuditQuery {
        who: arguments.who,
        from: arguments.from,
        action: arguments.action,
        subject: arguments.subject,
        since: since.and_then(|at| Timestamp::from_second(at).ok()),
        ..AuditQuery::default()
    };
    let mut left = arguments.limit;
    while left > 0 {
        query.limit = Some(left.min(1000));
        let page = node.client.audit(&query).await.map_err(|error| node.explain(error))?;
        left -= page.items.len().min(left);
        for entry in &page.items {
            tell(entry, context)?;
        }
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    Ok(())
}

fn tell(entry: &AuditView, context: &mut Context) -> Result<(), Failure> {
    if context.output.is_json() {
        return context.output.json_line(entry);
    }
    let from = entry.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
    let head = format!("{}  {}{from}: {} {}", time_text(entry.at), entry.who, entry.action, entry.subject);
    context.output.line(&printable(&head))?;
    let names: std::collections::BTreeSet<&String> = entry.before.keys().chain(entry.after.keys()).collect();
    for name in names {
        let of = |facts: &Map<String, Value>| facts.get(name).map(words);
        let text = match (of(&entry.before), of(&entry.after)) {
            (Some(before), Some(after)) => format!("    {name}: {before} -> {after}"),
            (Some(before), None) => format!("    {name}: {before} -> nothing"),
            (None, after) => format!("    {name}: {}", after.unwrap_or_default()),
        };
        context.output.line(&printable(&text))?;
    }
    Ok(())
}

/// A text as it is, whatever else there is as JSON.
fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
