//! `ods events`: the node's journal.

use std::num::NonZeroUsize;
use std::time::Duration;

use ods_api::{ClientError, EventQuery, Followed, RecordView, RecordsView, StreamQuery};
use serde_json::Value;

use super::{Context, retry};
use crate::cli::{Connected, Connection, Failure, Output, printable, short_id};

/// Rows asked for at a time, and the most that are in memory while following.
const PAGE_ROWS: usize = 500;

/// Show what happened on the node, and follow it as it happens
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show what happened on the node: packages published, replaced, removed and stored, links up and down, \
                  alarms.\n\nWithout --after, the newest records are shown. Each has a number; `--after` goes on behind one, \
                  and `--before` shows what came earlier.",
    after_help = "Examples:\n  ods events\n  ods events --follow\n  ods events --type 'package.*' --after 1200\n  \
                  ods events --follow --json | jq -c 'select(.type == \"package.stored\") | .data.path'"
)]
pub(crate) struct Arguments {
    /// Go on showing what happens, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Show the records behind the one with this number
    #[arg(long, value_name = "LSN")]
    after: Option<u64>,
    /// Show the newest records before the one with this number
    #[arg(long, value_name = "LSN", conflicts_with_all = ["after", "follow"])]
    before: Option<u64>,
    /// Only these types, separated by commas: package.published, package.*, peer.down, …
    #[arg(long = "type", value_name = "TYPES")]
    kind: Option<String>,
    /// Only records of packages whose path matches this glob, such as 'mac/*.pkg'
    #[arg(long, value_name = "GLOB")]
    path: Option<String>,
    /// At most this many records before following
    #[arg(long, value_name = "N", default_value = "50")]
    limit: NonZeroUsize,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    // Where to go on from if there is nothing to show: asked for first, so that nothing in between is passed over.
    let begins = match arguments.after {
        None => head(&node).await?,
        Some(after) => after,
    };
    let wanted = EventQuery { kind: arguments.kind.clone(), path: arguments.path.clone(), ..EventQuery::default() };
    let page = match arguments.after {
        Some(after) => forward(&node, after, arguments.limit.get(), &wanted).await?,
        None => newest(&node, (arguments.before, begins), arguments.limit.get(), &wanted).await?,
    };
    if let (Some(after), true) = (arguments.after, page.pruned) {
        tell_gap(after, page.cursor);
    }
    if !arguments.follow {
        return write_page(&page, &mut context.output);
    }
    let shown = page.items.last().map_or(begins, |record| record.lsn);
    let after = if page.pruned { page.cursor } else { page.cursor.max(shown) };
    page.items.iter().try_for_each(|record| write_record(record, &mut context.output))?;
    follow(&node, after, &wanted, &mut context.output).await
}

/// Says why what follows doesn't go on from `after`.
fn tell_gap(after: u64, begins: u64) {
    if begins < after {
        eprintln!("the journal ends at {begins}; {after} may be a place of another");
    } else {
        eprintln!("records behind {after} are no longer kept; those that are follow");
    }
}

async fn head(node: &Connected) -> Result<u64, Failure> {
    Ok(node.client.node().await.map_err(|error| node.explain(error))?.log.head)
}

/// Records behind `after`, oldest first, up to the limit.
async fn forward(node: &Connected, after: u64, limit: usize, wanted: &EventQuery) -> Result<RecordsView, Failure> {
    pages(node, limit, EventQuery { after: Some(after), ..wanted.clone() }).await
}

/// The newest records before a place, oldest first.
async fn newest(
    node: &Connected,
    (before, head): (Option<u64>, u64),
    limit: usize,
    wanted: &EventQuery,
) -> Result<RecordsView, Failure> {
    let query = EventQuery { before: Some(before.unwrap_or(u64::MAX)), ..wanted.clone() };
    let begins = before.map_or(head, |before| before.saturating_sub(1).min(head));
    let mut page = pages(node, limit, query).await?;
    page.items.reverse();
    // Whoever goes on from there reads forwards.
    let cursor = page.items.last().map_or(begins, |record| record.lsn.max(begins));
    Ok(RecordsView { next: None, cursor, ..page })
}

/// As many records as the limit says, in the order of the query.
async fn pages(node: &Connected, limit: usize, mut query: EventQuery) -> Result<RecordsView, Failure> {
    let mut whole = RecordsView { items: Vec::new(), next: None, total: None, cursor: 0, pruned: false };
    loop {
        query.limit = Some(PAGE_ROWS.min(limit - whole.items.len()));
        let page = node.client.events(&query).await.map_err(|error| node.explain(error))?;
        whole.items.extend(page.items);
        whole.next.clone_from(&page.next);
        (whole.cursor, whole.pruned) = (page.cursor, whole.pruned || page.pruned);
        let next = page.next.and_then(|next| next.parse().ok()).filter(|_| whole.items.len() < limit);
        let Some(next) = next else { return Ok(whole) };
        *if query.before.is_some() { &mut query.before } else { &mut query.after } = Some(next);
    }
}

async fn follow(node: &Connected, mut after: u64, wanted: &EventQuery, output: &mut Output) -> Result<(), Failure> {
    let mut pause = retry::Pauses::default();
    loop {
        let query = StreamQuery { after: Some(after), kind: wanted.kind.clone(), path: wanted.path.clone() };
        let broken = match node.client.follow(&query).await {
            Ok(mut stream) => loop {
                match stream.next().await {
                    Ok(Some(Followed::Record(record))) => {
                        after = record.lsn;
                        pause = retry::Pauses::default();
                        write_record(&record, output)?;
                    }
                    Ok(Some(Followed::Place { lsn })) => {
                        after = lsn;
                        pause = retry::Pauses::default();
                    }
                    Ok(Some(Followed::Reset { head })) => {
                        tell_gap(after, head);
                        if let Some(error) = catch_up(node, &mut after, head, wanted, output).await? {
                            break Some(error);
                        }
                        pause = retry::Pauses::default();
                    }
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            },
            Err(error) => Some(error),
        };
        let why = match broken {
            Some(error) if !retry::may_help(&error) => return Err(node.explain(error)),
            Some(error) => error.to_string(),
            None => "the node ended the stream".to_owned(),
        };
        if !output.is_json() {
            eprintln!("{why}; following again behind {after}");
        }
        tokio::time::sleep(pause.next().unwrap_or(Duration::from_secs(30))).await;
    }
}

/// Writes the records behind `after`, up to `head`, page by page, and moves `after` on with them. Tells what kept it from all.
async fn catch_up(
    node: &Connected,
    after: &mut u64,
    head: u64,
    wanted: &EventQuery,
    output: &mut Output,
) -> Result<Option<ClientError>, Failure> {
    while *after < head {
        let query = EventQuery { after: Some(*after), limit: Some(PAGE_ROWS), ..wanted.clone() };
        let page = match node.client.events(&query).await {
            Ok(page) => page,
            Err(error) => return Ok(Some(error)),
        };
        page.items.iter().filter(|record| record.lsn <= head).try_for_each(|record| write_record(record, output))?;
        let next = page.next.and_then(|next| next.parse().ok());
        *after = next.filter(|next| *next > *after).unwrap_or(head).min(head);
    }
    // The place was beyond all records, as after a roll-back.
    *after = (*after).min(head);
    Ok(None)
}

fn write_page(page: &RecordsView, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.json(page);
    }
    if page.items.is_empty() {
        return output.line("nothing happened");
    }
    page.items.iter().try_for_each(|record| write_record(record, output))
}

fn write_record(record: &RecordView, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.json_line(record);
    }
    let mut facts: Vec<Fact> = record.data.iter().filter_map(|(key, value)| fact(key, value)).collect();
    facts.sort_by_key(|fact| matches!(fact, Fact::Labelled(_)));
    let facts: Vec<String> = facts.into_iter().map(Fact::into_text).collect();
    let at = record.at.strftime("%Y-%m-%d %H:%M:%SZ");
    output.line(format!("{:>8}  {at}  {:<18} {}", record.lsn, record.kind, printable(&facts.join("  "))).trim_end())
}

/// A fact of a record, in few words.
enum Fact {
    /// What a path or a name is needs no label; it comes first.
    Plain(String),
    /// Everything else says what it is.
    Labelled(String),
}

impl Fact {
    fn into_text(self) -> String {
        match self {
            Self::Plain(text) | Self::Labelled(text) => text,
        }
    }
}

fn fact(key: &str, value: &Value) -> Option<Fact> {
    match (key, value) {
        (_, Value::Null) => None,
        ("path" | "name" | "file" | "detail" | "reason", Value::String(text)) => Some(Fact::Plain(text.clone())),
        ("package", Value::Object(package)) => Some(Fact::Plain(package.get("path")?.as_str()?.to_owned())),
        (_, Value::String(id)) if id.len() == 64 => Some(Fact::Labelled(format!("{key} {}", short_id(id)))),
        (_, Value::String(text)) => Some(Fact::Labelled(format!("{key} {text}"))),
        (_, other) => Some(Fact::Labelled(format!("{key} {other}"))),
    }
}
