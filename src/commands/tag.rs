//! `ods tag`: add and take away tags of many packages.

use ods_api::{BulkAction, BulkItem, BulkRequest};

use super::{Context, parse_path};
use crate::cli::{Connection, Exit, Failure, printable};

/// Packages of one call.
const ITEMS_MAX: usize = 1000;

/// Add tags to packages, and take some away
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods tag mac/Firefox-142.pkg --add prod --remove test\n  \
                  ods ls --tag test --json | jq -r '.items[].path' | xargs ods tag --add prod")]
pub(crate) struct Arguments {
    /// The packages' paths
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// A tag to add; repeat for several
    #[arg(long = "add", value_name = "TAG")]
    add: Vec<String>,
    /// A tag to take away; repeat for several
    #[arg(long = "remove", value_name = "TAG", required_unless_present = "add")]
    remove: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    for path in &arguments.paths {
        parse_path(path)?;
    }
    let mut failed = 0;
    for paths in arguments.paths.chunks(ITEMS_MAX) {
        let request = BulkRequest {
            action: BulkAction::Tag,
            items: paths.iter().map(|path| BulkItem { path: path.clone(), if_match: None }).collect(),
            add_tags: arguments.add.clone(),
            remove_tags: arguments.remove.clone(),
        };
        let outcome = node.client.change_packages(&request).await.map_err(|error| node.explain(error))?;
        failed += outcome.failed;
        if context.output.is_json() {
            context.output.json_line(&outcome)?;
            continue;
        }
        for item in outcome.items {
            let what = match (&item.detail, item.changed) {
                (Some(detail), _) => detail.clone(),
                (None, true) => "tagged".to_owned(),
                (None, false) => "was so already".to_owned(),
            };
            context.output.line(&printable(&format!("{}: {what}", item.path)))?;
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::new(Exit::Failed, "some_failed", format!("{failed} packages were not tagged"))),
    }
}
