//! `ods backup DIR`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use ods_api::SnapshotDownload;
use ods_store::{BackupFolder, Copied, FileSum, HeldBlob, Store, StoreError, Trust, UnixMillis};
use serde_json::json;

use super::manifest::{FORMAT, File, LeftOut, Manifest};
use crate::cli::{Bar, Connected, Connection, Exit, Failure, Progress, bytes_text, run_file, short_id};
use crate::commands::{Context, stopped};
use crate::config::{self, Flags};

/// Files of the data folder that are kept beside the database, where they are there.
const FILES: [&str; 4] = ["node.key", "admin.token", "self-signed.pem", "ods.toml"];
/// How often the database is copied again because a live blob went away meanwhile.
const ROUNDS_MAX: usize = 3;
/// How often the node is asked for a copy of its database while it makes another, and how far apart.
const UNDER_WAY_TRIES: u32 = 30;
const TRY_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
#[group(id = "make")]
pub(super) struct Arguments {
    /// The folder of backups; it is made if it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Then remove all but the newest N backups, and the blobs that none of them needs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Read also the blobs that earlier backups copied, and copy again what is damaged there
    #[arg(long)]
    check: bool,
    #[arg(long, value_name = "DIR", help = "The node's data folder [env: ODS_DATA]")]
    data: Option<PathBuf>,
}

/// Where the database comes from.
enum Source {
    Running(Box<Connected>),
    Stopped(Store),
}

/// Which node it is.
struct Identity {
    node: String,
    name: String,
}

/// A round's result.
struct Round {
    /// All that the database lists: a restored node must know what it lacks.
    listed: Vec<HeldBlob>,
    left_out: Vec<LeftOut>,
    blob_bytes: u64,
    copied_bytes: u64,
}

pub(super) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    let flags = Flags { data: arguments.data.clone(), ..Flags::default() };
    let data = config::data_folder(&flags, &context.environment, &context.machine)?;
    stopped::must_be_there(&data)?;
    let source = open_source(&data, context).await?;
    let (identity, at) = (identity(&source).await?, (context.now)());
    must_be_apart(&arguments.folder, &data)?;
    let folder = BackupFolder::at(stopped::disk(), &arguments.folder);
    check_node(&folder, &identity)?;
    // Until the end, pruning included.
    let _lock = folder.prepare().map_err(|error| failed(&error))?;
    let trust = if arguments.check { Trust::Bytes } else { Trust::Length };
    let mut bar = Progress::on_standard_error(context.output.is_json()).bar("backup", 0);
    let mut round = copy(&source, &folder, &data, trust, &mut bar).await?;
    for _ in 1..ROUNDS_MAX {
        if !round.left_out.iter().any(|left| left.live && left.reason == "gone") {
            break;
        }
        // A collector took it, since it was replaced meanwhile: what is current now is there.
        let again = copy(&source, &folder, &data, trust, &mut bar).await?;
        round = Round { copied_bytes: round.copied_bytes + again.copied_bytes, ..again };
    }
    bar.finish();
    let name = name_of(at);
    let manifest = commit(&folder, &name, &data, &identity, at, &round)?;
    let pruned = arguments.keep.map(|keep| folder.prune(usize::try_from(keep).unwrap_or(usize::MAX)));
    let pruned = pruned.transpose().map_err(|error| failed(&error))?;
    if context.output.is_json() {
        let removed = pruned.map(|(backups, blobs)| json!({"backups": backups, "blobs": blobs}));
        context.output.json(
            &json!({"name": name, "manifest": manifest, "copied_bytes": round.copied_bytes, "removed": removed}),
        )?;
    } else {
        context.output.line(&format!(
            "{name}: {} blobs, {}, of which {} were copied now",
            manifest.blobs,
            bytes_text(manifest.blob_bytes),
            bytes_text(round.copied_bytes)
        ))?;
        if let Some((backups, blobs)) = pruned {
            context.output.line(&format!("removed {backups} older backups and {blobs} blobs that only they had"))?;
        }
    }
    verdict(&manifest)
}

/// One inside the other, blobs of the one would be taken for blobs of the other.
fn must_be_apart(folder: &Path, data: &Path) -> Result<(), Failure> {
    let real = |path: &Path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // Of what isn't there yet, the part that is.
        path.ancestors()
            .find_map(|there| Some((there.canonicalize().ok()?, path.strip_prefix(there).ok()?)))
            .map_or_else(|| path.clone(), |(there, rest)| there.join(rest))
    };
    let (folder, data) = (real(folder), real(data));
    if !folder.starts_with(&data) && !data.starts_with(&folder) {
        return Ok(());
    }
    let message = format!("{} and the data folder {} lie one in the other", folder.display(), data.display());
    Err(Failure::new(Exit::Conflict, "bad_place", message).hint("name a folder elsewhere, best on another disk"))
}

async fn open_source(data: &Path, context: &Context) -> Result<Source, Failure> {
    // After a crash a run file stays; then nobody has the folder, and it opens.
    if run_file::read(data).is_err() {
        return stopped::open(data).map(Source::Stopped);
    }
    let connection = Connection { data: Some(data.to_owned()), ..Connection::default() };
    let node = connection.connect(context)?;
    match node.client.node().await {
        Ok(_) => Ok(Source::Running(Box::new(node))),
        Err(error) => stopped::open(data).map(Source::Stopped).map_err(|stopped| match stopped.exit() {
            Exit::Conflict => node.explain(error),
            _ => stopped,
        }),
    }
}

async fn identity(source: &Source) -> Result<Identity, Failure> {
    match source {
        Source::Running(node) => {
            let view = node.client.node().await.map_err(|error| node.explain(error))?;
            Ok(Identity { node: view.id, name: view.name })
        }
        Source::Stopped(store) => {
            let name = store.overview().map_err(|error| failed(&error))?.name;
            Ok(Identity { node: store.node_id().to_string(), name })
        }
    }
}

/// Backups of two nodes in one folder would be mixed up when one is restored.
fn check_node(folder: &BackupFolder, identity: &Identity) -> Result<(), Failure> {
    match super::all(folder)?.pop().filter(|(_, manifest)| manifest.node != identity.node) {
        None => Ok(()),
        Some((name, manifest)) => {
            let other = format!("{} ({})", manifest.name, short_id(&manifest.node));
            Err(Failure::new(
                Exit::Conflict,
                "other_node",
                format!("the folder has backups of another node, {other}: {name}"),
            )
            .hint("give each node a folder of its own"))
        }
    }
}

/// Copies the database and the blobs that it lists.
async fn copy(
    source: &Source,
    folder: &BackupFolder,
    data: &Path,
    trust: Trust,
    bar: &mut Bar,
) -> Result<Round, Failure> {
    bar.doing("copying the database");
    copy_database(source, folder, bar).await?;
    let held = folder.held_blobs().map_err(|error| failed(&error))?;
    bar.doing("copying blobs");
    bar.size(held.iter().map(|held| held.size).sum());
    let mut round = Round { listed: Vec::new(), left_out: Vec::new(), blob_bytes: 0, copied_bytes: 0 };
    let mut done = 0;
    for one in &held {
        let copied =
            tokio::task::block_in_place(|| folder.copy_blob(data, one, trust)).map_err(|error| failed(&error))?;
        done += one.size;
        bar.done(done);
        let left_out = |reason: &str| LeftOut { blob: one.blob.to_string(), live: one.live, reason: reason.to_owned() };
        match copied {
            Copied::New | Copied::There => {
                round.blob_bytes += one.size;
                round.copied_bytes += if copied == Copied::New { one.size } else { 0 };
            }
            Copied::Gone => round.left_out.push(left_out("gone")),
            Copied::Damaged => round.left_out.push(left_out("damaged")),
        }
    }
    Ok(Round { listed: held, ..round })
}

/// Asks for a copy of the database; while the node makes one already, for a backup that was broken off a moment ago, again.
async fn snapshot(node: &Connected) -> Result<SnapshotDownload, Failure> {
    let mut left = UNDER_WAY_TRIES;
    loop {
        match node.client.snapshot().await {
            Err(error) if left > 0 && error.code() == Some("under_way") => {
                left -= 1;
                tokio::time::sleep(TRY_AGAIN).await;
            }
            other => return other.map_err(|error| node.explain(error)),
        }
    }
}

async fn copy_database(source: &Source, folder: &BackupFolder, bar: &mut Bar) -> Result<(), Failure> {
    let mut copy = folder.begin_database().map_err(|error| failed(&error))?;
    match source {
        Source::Running(node) => {
            let mut download = snapshot(node).await?;
            bar.size(download.size.unwrap_or(0));
            while let Some(chunk) = download.chunk().await.map_err(|error| node.explain(error))? {
                copy.write(&chunk).map_err(|error| failed(&error))?;
            }
        }
        Source::Stopped(store) => {
            let mut take = || {
                let snapshot = store.snapshot()?;
                let mut offset = 0;
                while offset < snapshot.bytes() {
                    let chunk = snapshot.read(offset, 1 << 20)?;
                    copy.write(&chunk)?;
                    offset += chunk.len() as u64;
                }
                Ok(())
            };
            tokio::task::block_in_place(&mut take).map_err(|error: StoreError| failed(&error))?;
        }
    }
    copy.finish().map_err(|error| failed(&error))
}

fn commit(
    folder: &BackupFolder,
    name: &str,
    data: &Path,
    identity: &Identity,
    at: UnixMillis,
    round: &Round,
) -> Result<Manifest, Failure> {
    let describe = |sum: FileSum| Manifest {
        format: FORMAT,
        node: identity.node.clone(),
        name: identity.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at: timestamp(at).to_string(),
        database: File { bytes: sum.bytes, blake3: sum.blake3.to_string() },
        blobs: (round.listed.len() - round.left_out.len()) as u64,
        blob_bytes: round.blob_bytes,
        left_out: round.left_out.clone(),
    };
    let mut manifest = None;
    let committed = folder.commit(name, data, &FILES, &round.listed, |sum| {
        let described = describe(sum);
        let bytes = serde_json::to_vec_pretty(&described).unwrap_or_default();
        manifest = Some(described);
        bytes
    });
    committed.map_err(|error| failed(&error))?;
    manifest.ok_or_else(|| Failure::new(Exit::Failed, "backup", "the backup has no manifest"))
}

/// A backup without a blob of a current revision is one that somebody should look at.
fn verdict(manifest: &Manifest) -> Result<(), Failure> {
    let lost = manifest.left_out.iter().filter(|left| left.live || left.reason == "damaged").count();
    if lost == 0 {
        return Ok(());
    }
    let message = format!("the backup was made, but {lost} blobs are missing or damaged in the data folder");
    Err(Failure::new(Exit::Failed, "backup_incomplete", message)
        .hint("`ods scrub --wait` on the running node tells which, and mends them from a peer; then back up again"))
}

fn timestamp(at: UnixMillis) -> Timestamp {
    i64::try_from(at.get()).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}

/// A backup's name: its moment in UTC, fit for any file system; names sort by time.
fn name_of(at: UnixMillis) -> String {
    timestamp(at).strftime("%Y-%m-%dT%H-%M-%S%.3fZ").to_string()
}

fn failed(error: &StoreError) -> Failure {
    stopped::explain_at("the backup can't be made", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_moments_that_sort_and_fit_any_file_system() {
        let names = [1_000, 1_700_000_000_123, 1_700_000_001_000].map(|ms| name_of(UnixMillis::new(ms)));
        assert_eq!(names[1], "2023-11-14T22-13-20.123Z");
        assert!(names.is_sorted() && names.iter().all(|name| name.len() == 24), "{names:?}");
    }
}
