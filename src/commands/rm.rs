//! `ods rm`: unpublish packages.

use ods_api::Guard;
use serde_json::json;

use super::{Context, parse_path};
use crate::cli::{Connection, Exit, Failure, printable, short_id};
use crate::shell;

/// Unpublish packages; `restore` brings them back
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Unpublish packages, on every node of the mesh.\n\nTheir history stays: `ods restore PATH REVISION` brings \
                  a revision back while its bytes are kept: for 7 days, unless the node's configuration says otherwise \
                  (retention.keep_removed). Then their room is free by itself; `ods gc --removed` frees it at once.",
    after_help = "Examples:\n  ods rm mac/Firefox-141.pkg\n  ods rm old/a.deb old/b.deb\n  \
                  ods rm tool.pkg --if-revision 5f0c61…     only if nobody changed it since"
)]
pub(crate) struct Arguments {
    /// The packages' paths
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// Only if this is still the current revision
    #[arg(long, value_name = "ID")]
    if_revision: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let paths = arguments.paths.iter().map(|path| parse_path(path)).collect::<Result<Vec<_>, _>>()?;
    if arguments.if_revision.is_some() && paths.len() > 1 {
        return Err(Failure::usage("--if-revision goes with one path"));
    }
    let node = arguments.connection.connect(context)?;
    for path in paths {
        let before = node.client.package(&path).await.map_err(|error| node.explain(error))?;
        if let Some(expected) = arguments.if_revision.as_deref().filter(|start| !before.revision.starts_with(start)) {
            let message = format!("{path} is at revision {}, not {expected}", short_id(&before.revision));
            return Err(Failure::new(Exit::Conflict, "precondition_failed", message)
                .hint("look at what is there now with `ods show`, then decide"));
        }
        // What is removed is what was there a moment ago, so that the undo below is right.
        let guard = Guard::OnlyIf(before.revision.clone());
        node.client.remove_package(&path, &guard).await.map_err(|error| node.explain(error))?;
        if context.output.is_json() {
            context.output.json_line(&json!({"path": path, "removed": true, "revision": before.revision}))?;
        } else {
            let undo = format!("ods restore {} {}", shell::word(path.as_str()), short_id(&before.revision));
            context.output.line(&format!("removed {}; `{undo}` brings it back", printable(path.as_str())))?;
        }
    }
    Ok(())
}
