//! `ods upload`: resumable uploads that go on.

use clap::Subcommand;
use ods_api::UploadView;
use serde_json::json;

use super::Context;
use super::typed::{Plain, whole};
use crate::cli::{Connection, Failure, Table, bytes_text, time_text};

/// Look after uploads that go on or broke off; `ods push` makes and resumes them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods upload ls\n  ods upload rm 019a0b1c2d3e4f5061728394a5b6c7d8")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the uploads that go on
    #[command(after_help = "Examples:\n  ods upload ls\n  ods upload ls --json")]
    Ls(Plain),
    /// Show an upload, for a day also what became of it
    #[command(after_help = "Examples:\n  ods upload show 019a0b1c2d3e4f5061728394a5b6c7d8")]
    Show(One),
    /// Forget an upload with its bytes
    #[command(after_help = "Examples:\n  ods upload rm 019a0b1c2d3e4f5061728394a5b6c7d8")]
    Rm(One),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The upload's id
    upload: String,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    match arguments.action {
        Action::Ls(arguments) => list(&arguments, context).await,
        Action::Show(arguments) => show(&arguments, context).await,
        Action::Rm(arguments) => remove(&arguments, context).await,
    }
}

async fn list(arguments: &Plain, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let uploads = whole(&node, async |page| node.client.uploads(page).await).await?;
    if context.output.is_json() {
        return context.output.json(&uploads);
    }
    if uploads.items.is_empty() {
        return context.output.line("no uploads go on");
    }
    let mut table = Table::new(&["ID", "PACKAGE", "STATE", ">HERE", ">OF", "BY", "FORGOTTEN"]);
    for upload in uploads.items {
        let (here, of, until) = (bytes_text(upload.offset), bytes_text(upload.length), time_text(upload.expires_at));
        table.row([upload.id, upload.path, upload.state, here, of, upload.by, until]);
    }
    table.write(&mut context.output)
}

async fn show(arguments: &One, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let upload: UploadView = node.client.upload(&arguments.upload).await.map_err(|error| node.explain(error))?;
    let output = &mut context.output;
    if output.is_json() {
        return output.json(&upload);
    }
    output.field("id", Some(&upload.id))?;
    output.field("package", Some(&upload.path))?;
    output.field("state", Some(&upload.state))?;
    output.field("bytes", Some(&format!("{} of {}", upload.offset, upload.length)))?;
    output.field("by", Some(&upload.by))?;
    output.field("begun", Some(&time_text(upload.created_at)))?;
    output.field("last bytes", Some(&time_text(upload.touched_at)))?;
    output.field("forgotten", Some(&time_text(upload.expires_at)))?;
    output.field("revision", upload.revision.as_deref())
}

async fn remove(arguments: &One, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    node.client.remove_upload(&arguments.upload).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&json!({"id": arguments.upload, "removed": true}));
    }
    context.output.line(&format!("forgot the upload {}", arguments.upload))
}
