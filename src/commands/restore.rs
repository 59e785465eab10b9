//! `ods restore`: make an earlier revision current again.

use super::{Context, parse_path, revision};
use crate::cli::{Connection, Failure, printable, short_id};

/// Make an earlier revision of a package current again
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Make an earlier revision of a package current again, on every node of the mesh.\n\nIt becomes a new \
                  revision with the earlier bytes and metadata; the history keeps both. Its bytes must be on this node.",
    after_help = "Examples:\n  ods show --history tool.pkg         lists the revisions\n  \
                  ods restore tool.pkg 5f0c61a2       the first digits are enough"
)]
pub(crate) struct Arguments {
    /// The package's path
    path: String,
    /// The revision, or the first digits of its id
    revision: String,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let path = parse_path(&arguments.path)?;
    let node = arguments.connection.connect(context)?;
    let revision = match revision::whole(&arguments.revision) {
        // The node says whose it is, if it is another package's.
        Some(whole) => whole,
        None => revision::find(&node, &path, &arguments.revision).await?.revision,
    };
    let restored = node.client.restore(&path, &revision).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&restored);
    }
    let path = printable(path.as_str());
    context.output.line(&if restored.changed {
        format!("restored {path} from {}", short_id(&revision))
    } else {
        format!("{path} is like that already")
    })
}
