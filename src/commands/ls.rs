//! `ods ls`: the packages of a node.

use std::num::NonZeroUsize;

use ods_api::{AnchorQuery, PackageQuery, PackageView, Page};

use super::Context;
use crate::cli::{Connected, Connection, Failure, Table, bytes_text, time_text};

/// Rows asked for at a time.
const PAGE_ROWS: usize = 500;

/// List packages
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods ls                       everything\n  \
    ods ls mac/apps              only below this folder\n  ods ls --q firefox --tag prod\n  \
    ods ls --state wanted        what is still on its way here\n  ods ls --json | jq -r .items[].path")]
pub(crate) struct Arguments {
    /// Only packages below this folder
    prefix: Option<String>,
    /// Only packages whose path, title, version, identifier or tags contain these words, or whose SHA-256 or BLAKE3 begins
    /// so (eight digits or more)
    #[arg(long, short, value_name = "WORDS")]
    q: Option<String>,
    /// Only packages with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only packages of this kind, such as pkg, msi or deb
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only packages in this state: stored, fetching, wanted, remote or conflict
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// The order: `path`, `size` or `published_at`; with a `-` in front, the largest or newest first
    #[arg(long, value_name = "ORDER", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Also show on how many nodes each is
    #[arg(long)]
    replicas: bool,
    /// Print where every 1000th package of the order begins, instead of the packages: what `after` of the API takes
    #[arg(long, conflicts_with_all = ["prefix", "q", "tag", "kind", "state", "limit"])]
    anchors: bool,
    /// At most this many packages
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroUsize>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    if arguments.anchors {
        return anchors(&node, arguments.sort, context).await;
    }
    let limit = arguments.limit.map_or(usize::MAX, NonZeroUsize::get);
    let query = PackageQuery {
        q: arguments.q,
        prefix: arguments.prefix.map(|prefix| prefix.trim_matches('/').to_owned()),
        tag: arguments.tag,
        kind: arguments.kind,
        state: arguments.state,
        sort: arguments.sort,
        replicas: arguments.replicas.then_some(true),
        ..PackageQuery::default()
    };
    let page = collect(&node, query, limit).await?;
    if context.output.is_json() {
        return context.output.json(&page);
    }
    let mut table = Table::new(&["PATH", ">SIZE", "VERSION", "STATE", "PUBLISHED", "TAGS"]);
    for package in &page.items {
        table.row([
            package.path.clone(),
            bytes_text(package.size),
            package.version.clone().unwrap_or_default(),
            state_text(package),
            time_text(package.published_at),
            package.tags.join(", "),
        ]);
    }
    if page.items.is_empty() {
        return context.output.line("no packages");
    }
    table.write(&mut context.output)
}

fn state_text(package: &PackageView) -> String {
    let conflict = if package.conflict { ", conflict" } else { "" };
    let spread = package.replicas.map(|replicas| format!(", on {} of {} nodes", replicas.have, replicas.of));
    format!("{}{conflict}{}", package.state, spread.unwrap_or_default())
}

async fn anchors(node: &Connected, sort: Option<String>, context: &mut Context) -> Result<(), Failure> {
    let anchors = node.client.package_anchors(&AnchorQuery { sort }).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&anchors);
    }
    let mut table = Table::new(&[">ROW", "AFTER"]);
    for (number, anchor) in (1u64..).zip(anchors.items) {
        table.row([(number * anchors.every).to_string(), anchor]);
    }
    table.write(&mut context.output)
}

/// All pages together, up to `limit` rows; `next` is kept if there is more.
async fn collect(node: &Connected, mut query: PackageQuery, limit: usize) -> Result<Page<PackageView>, Failure> {
    let mut whole = Page { items: Vec::new(), next: None, total: None };
    loop {
        query.limit = Some(PAGE_ROWS.min(limit - whole.items.len()));
        let page = node.client.packages(&query).await.map_err(|error| node.explain(error))?;
        whole.items.extend(page.items);
        whole.total = page.total;
        whole.next.clone_from(&page.next);
        if page.next.is_none() || whole.items.len() >= limit {
            return Ok(whole);
        }
        query.after = page.next;
    }
}
