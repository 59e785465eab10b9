//! `ods set`: metadata of a package.

use ods_api::{Change, Guard, PackagePatch};

use super::{Context, parse_path};
use crate::cli::{Connection, Failure, printable};

/// Change what is said of a package: its title, version, notes, tags; its bytes stay
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Change what is said of a package, on every node of the mesh: its title, version, identifier, notes, tags \
                  and priority. Its bytes stay. An empty text takes a value away.",
    after_help = "Examples:\n  ods set mac/Firefox-142.pkg --version 142.0.1 --title Firefox\n  \
                  ods set mac/Firefox-142.pkg --notes ''\n  ods set tool.pkg --tag prod --if-revision 5f0c…"
)]
pub(crate) struct Arguments {
    /// The package's path
    path: String,
    /// What people call it
    #[arg(long)]
    title: Option<String>,
    /// Its version
    #[arg(long)]
    version: Option<String>,
    /// Its maker's identifier
    #[arg(long)]
    identifier: Option<String>,
    /// Free text
    #[arg(long)]
    notes: Option<String>,
    /// These tags in place of those before; repeat for several, '' for none
    #[arg(long = "tag", value_name = "TAG")]
    tags: Option<Vec<String>>,
    /// Greater is fetched first
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    priority: Option<i64>,
    /// Only if this is the current revision: its whole id
    #[arg(long, value_name = "REVISION")]
    if_revision: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    let path = parse_path(&arguments.path)?;
    let patch = PackagePatch {
        title: text(arguments.title),
        version: text(arguments.version),
        identifier: text(arguments.identifier),
        notes: text(arguments.notes),
        tags: arguments.tags.map_or(Change::Keep, |tags| {
            let tags: Vec<String> = tags.into_iter().filter(|tag| !tag.is_empty()).collect();
            if tags.is_empty() { Change::Remove } else { Change::Set(tags) }
        }),
        priority: arguments.priority.map_or(Change::Keep, Change::Set),
    };
    if patch == PackagePatch::default() {
        return Err(Failure::usage("nothing is to be changed").hint("give --title, --version, --notes, --tag, …"));
    }
    let node = arguments.connection.connect(context)?;
    let guard = arguments.if_revision.map_or(Guard::Always, Guard::OnlyIf);
    let outcome = node.client.edit_package(&path, &patch, &guard).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&outcome);
    }
    let what = if outcome.changed { "changed" } else { "was so already:" };
    context.output.line(&format!("{what} {}", printable(path.as_str())))
}

fn text(typed: Option<String>) -> Change<String> {
    match typed {
        None => Change::Keep,
        Some(text) if text.is_empty() => Change::Remove,
        Some(text) => Change::Set(text),
    }
}
