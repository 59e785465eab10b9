//! `ods backup`: copies of this machine's node, and nodes restored from them.
//!
//! What a folder of backups is, and what a cut leaves, is in `store/src/backup.rs`; here is where the database comes from (a
//! running node's API, else the data folder), what the manifest says, and what to do about blobs that go away meanwhile.

mod make;
mod manifest;
mod restore;

use std::path::PathBuf;

use ods_store::BackupFolder;
use serde_json::json;

use self::manifest::Manifest;
use super::{Context, stopped};
use crate::cli::{Exit, Failure, Table, bytes_text};

/// Back up the node on this machine, or restore one
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    long_about = "Back up the node on this machine into a folder, while it runs or while it is stopped.\n\nThe database is \
                  copied as it is at one moment; then each blob that the folder doesn't have yet, verified on the way. So a \
                  second backup costs little more than what is new. A backup that was cut is none, and the next one goes \
                  on with what is there. It holds the node's key: guard it like the node itself.",
    after_help = "Examples:\n  ods backup /mnt/backup/ods --keep 14\n  ods backup ls /mnt/backup/ods\n  \
                  ods backup restore /mnt/backup/ods --data /var/lib/ods-restored"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    make: Option<make::Arguments>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List a folder's backups
    #[command(after_help = "Examples:\n  ods backup ls /mnt/backup/ods\n  ods backup ls /mnt/backup/ods --json")]
    Ls {
        /// The folder of backups
        folder: PathBuf,
    },
    Restore(restore::Arguments),
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    match (arguments.command, arguments.make) {
        (Some(Command::Ls { folder }), _) => list(&folder, context),
        (Some(Command::Restore(arguments)), _) => restore::run(arguments, context).await,
        (None, Some(arguments)) => make::run(arguments, context).await,
        (None, None) => Err(Failure::usage("the folder of backups is missing").hint("name it: `ods backup DIR`")),
    }
}

fn list(folder: &std::path::Path, context: &mut Context) -> Result<(), Failure> {
    if !folder.is_dir() {
        let message = format!("there is no folder {}", folder.display());
        return Err(Failure::new(Exit::NotFound, "no_folder", message)
            .hint("name the folder that `ods backup DIR` writes to; is its disk mounted?"));
    }
    let backups = all(&BackupFolder::at(stopped::disk(), folder))?;
    if context.output.is_json() {
        let items: Vec<_> =
            backups.iter().map(|(name, manifest)| json!({"name": name, "manifest": manifest})).collect();
        return context.output.json(&json!({"items": items, "next": null, "total": items.len()}));
    }
    if backups.is_empty() {
        return context.output.line("no backups there");
    }
    let mut table = Table::new(&["BACKUP", "NODE", "BLOBS", "BYTES", "LEFT OUT"]);
    for (name, manifest) in backups {
        let bytes = bytes_text(manifest.blob_bytes);
        table.row([name, manifest.name, manifest.blobs.to_string(), bytes, manifest.left_out.len().to_string()]);
    }
    table.write(&mut context.output)
}

/// A folder's backups and what they say, oldest first.
fn all(folder: &BackupFolder) -> Result<Vec<(String, Manifest)>, Failure> {
    let names = folder.names().map_err(|error| unusable(&error))?;
    let one = |name: String| {
        let bytes = folder.manifest(&name).map_err(|error| unusable(&error))?;
        Ok((name, Manifest::parse(&bytes)?))
    };
    names.into_iter().map(one).collect()
}

fn unusable(error: &ods_store::StoreError) -> Failure {
    stopped::explain_at("the backup can't be used", error)
}
