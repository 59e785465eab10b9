//! `ods backup restore`.

use std::path::{Path, PathBuf};

use ods_store::{BackupFolder, Depth, Digest, FileSum, Store, StoreError};
use serde::Serialize;
use serde_json::json;

use super::manifest::Manifest;
use crate::cli::{Bar, Exit, Failure, Progress, bytes_text, short_id};
use crate::commands::{Context, stopped};

/// Packages that are named when their bytes couldn't be restored.
const NAMED_MAX: usize = 20;

/// What the backup's copies lack.
#[derive(Debug, Default, Serialize)]
struct InPart {
    /// Blobs whose copies are missing or damaged, those of earlier revisions too.
    lost: Vec<String>,
    /// The packages that now have no bytes here.
    lost_packages: Vec<LostPackage>,
    /// Whether the restored node knows somebody to fetch them from.
    has_peers: bool,
}

#[derive(Debug, Serialize)]
struct LostPackage {
    path: String,
    blob: String,
}

/// Restore a node from a backup, into a new folder
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Restore a node from a backup, into a new or an empty folder. Each byte is verified.\n\nThe node is the \
                  same one, with a new log: it takes back from its peers what it had published since, and what it publishes \
                  from then on counts as new. So the old one must never run again beside it.",
    after_help = "Examples:\n  ods backup restore /mnt/backup/ods --data /var/lib/ods-restored\n  \
                  ods backup restore /mnt/backup/ods --at 2026-11-22T10-00-00Z --data /var/lib/ods-restored"
)]
pub(super) struct Arguments {
    /// The folder of backups
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Which backup, as `ods backup ls` names it; the newest unless given
    #[arg(long, value_name = "NAME")]
    at: Option<String>,
    /// The folder to restore into
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

pub(super) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    let folder = BackupFolder::at(stopped::disk(), &arguments.folder);
    let (name, manifest) = choose(&folder, &arguments)?;
    let (sum, now, data) = (manifest.sum()?, (context.now)(), arguments.data.clone());
    let mut bar = Progress::on_standard_error(context.output.is_json()).bar("restore", manifest.blob_bytes);
    bar.doing("restoring");
    let work = {
        let name = name.clone();
        move || restore(&folder, &name, sum, &data, now, &mut bar)
    };
    let worked = tokio::task::spawn_blocking(work).await;
    let lost =
        worked.map_err(|error| Failure::new(Exit::Failed, "broke", "restoring broke down").caused_by(&error))??;
    let data = arguments.data.display().to_string();
    if context.output.is_json() {
        let mut told = json!({"name": name, "manifest": manifest, "data": data});
        if let (Some(told), Ok(serde_json::Value::Object(lost))) = (told.as_object_mut(), serde_json::to_value(&lost)) {
            told.extend(lost);
        }
        context.output.json(&told)?;
    } else {
        tell(&name, &manifest, &data, &lost, context)?;
    }
    verdict(&lost)
}

fn tell(name: &str, manifest: &Manifest, data: &str, lost: &InPart, context: &mut Context) -> Result<(), Failure> {
    let Manifest { name: node, node: id, blobs, blob_bytes, .. } = manifest;
    let output = &mut context.output;
    output.line(&format!(
        "restored {node} ({}) as of {name}: the backup has {blobs} blobs, {}; what was restored was verified",
        short_id(id),
        bytes_text(*blob_bytes)
    ))?;
    if !lost.lost_packages.is_empty() {
        output.line("without their bytes, whose copies in the backup are missing or damaged:")?;
        for package in lost.lost_packages.iter().take(NAMED_MAX) {
            output.line(&format!("  {} ({})", package.path, short_id(&package.blob)))?;
        }
        let more = lost.lost_packages.len().saturating_sub(NAMED_MAX);
        if more > 0 {
            output.line(&format!("  and {more} more; --json lists all"))?;
        }
    }
    output.line("next:")?;
    output.line("  make sure that the old node is stopped and never starts again: no two nodes may share a key")?;
    output.line(&format!("  start this one: ods serve --data {data}"))?;
    output.line("  with peers, it takes back what it had published since; if its address changed, set it with --url")
}

/// A node that was restored in part is one that somebody should look at.
fn verdict(lost: &InPart) -> Result<(), Failure> {
    if lost.lost.is_empty() {
        return Ok(());
    }
    let message = format!(
        "restored in part: the copies of {} in the backup are missing or damaged; packages without their bytes: {}",
        counted(lost.lost.len(), "blob"),
        lost.lost_packages.len()
    );
    let hint = match (lost.lost_packages.is_empty(), lost.has_peers) {
        (true, _) => "every package is whole; only earlier revisions can't be restored any more",
        (false, true) => {
            "the node fetches them from its peers once it runs, if they have them: `ods ls --state wanted` tells"
        }
        (false, false) => {
            "the node has no peers, so nothing will bring them: push the same files again, or restore another backup"
        }
    };
    Err(Failure::new(Exit::Failed, "restored_in_part", message).hint(hint))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn choose(folder: &BackupFolder, arguments: &Arguments) -> Result<(String, Manifest), Failure> {
    let mut backups = super::all(folder)?;
    let found = match &arguments.at {
        Some(at) => backups.into_iter().find(|(name, _)| name == at),
        None => backups.pop(),
    };
    found.ok_or_else(|| {
        let place = arguments.folder.display();
        let what = arguments.at.as_ref().map_or_else(|| "no backup".to_owned(), |at| format!("no backup {at}"));
        Failure::new(Exit::NotFound, "no_such_backup", format!("there is {what} in {place}"))
            .hint(format!("`ods backup ls {place}` lists what is there; one that was cut is none"))
    })
}

fn restore(
    folder: &BackupFolder,
    name: &str,
    sum: FileSum,
    data: &Path,
    now: ods_store::UnixMillis,
    bar: &mut Bar,
) -> Result<InPart, Failure> {
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy)
        .map_err(|error| Failure::new(Exit::Failed, "entropy", format!("the system gives no random bytes: {error}")))?;
    let mut done = 0;
    let mut on_blob = |bytes: u64| {
        done += bytes;
        bar.done(done);
    };
    let lost = folder.restore(name, sum, data, entropy, &mut on_blob).map_err(|error| super::unusable(&error))?;
    bar.doing("verifying the database");
    let store = stopped::open(data)?;
    store.disown(&lost, now).map_err(|error| stopped::explain(&error))?;
    let report = store.verify_all(Depth::Quick, &mut |_| {}).map_err(|error| stopped::explain(&error))?;
    bar.finish();
    // Blobs that couldn't be restored are told of as such.
    let is_known = |what: &str| lost.iter().any(|blob| what.contains(&blob.to_string()));
    match report.faults.iter().find(|fault| !is_known(&fault.what)) {
        None => name_lost(&store, &lost).map_err(|error| stopped::explain(&error)),
        Some(fault) => {
            let message = format!("the restored node is not sound: {}", fault.what);
            Err(Failure::new(Exit::Failed, "restored_unsound", message)
                .hint(format!("`ods verify --data {}` tells all; or restore an earlier backup", data.display())))
        }
    }
}

/// Which packages the lost blobs were of.
fn name_lost(store: &Store, lost: &[Digest]) -> Result<InPart, StoreError> {
    let mut lost_packages = Vec::new();
    for blob in lost {
        let named = |path| LostPackage { path, blob: blob.to_string() };
        lost_packages.extend(store.live_paths(blob)?.into_iter().map(named));
    }
    let lost = lost.iter().map(Digest::to_string).collect();
    Ok(InPart { lost, lost_packages, has_peers: !store.peers()?.is_empty() })
}
