//! `ods watch`: folders whose files the node publishes.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use ods_api::{ConfirmRequest, LeftView, WatchModeName, WatchPatch, WatchRequest, WatchView};
use serde_json::json;

use super::Context;
use crate::cli::{
    Connected, Connection, Exit, Failure, Output, Table, bytes_text, duration_or_zero, duration_seconds, printable,
    time_text,
};

/// Publish what is put into a folder on the node's machine
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Publish what is put into folders on the node's machine.\n\nFolders named in ods.toml or by `--watch` are \
                  listed too, and changed there. Others may be added below the folders that the setting watch.roots names.",
    after_help = "Examples:\n  ods watch ls\n  ods watch add /srv/drop/mac --prefix mac --tag new\n  ods watch show /srv/drop/mac\n  \
                  ods watch scan /srv/drop/mac"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the watched folders and how they are doing
    #[command(after_help = "Examples:\n  ods watch ls\n  ods watch ls --json")]
    Ls(Ls),
    /// Watch a folder, below one of the setting watch.roots
    #[command(after_help = "Examples:\n  ods watch add /srv/drop/mac --prefix mac --tag new\n  \
        ods watch add /srv/drop/in --mode consume --settle 30s")]
    Add(Add),
    /// Change a watch
    #[command(
        after_help = "Examples:\n  ods watch set /srv/drop/mac --tag prod\n  ods watch set 9f86d081884c7d65 --off"
    )]
    Set(Set),
    /// Watch a folder no longer; what it published stays
    #[command(after_help = "Examples:\n  ods watch rm /srv/drop/mac")]
    Rm(One),
    /// Show a watch: what it took, what it refused and why, what it waits for
    #[command(after_help = "Examples:\n  ods watch show /srv/drop/mac\n  ods watch show /srv/drop/mac --json")]
    Show(One),
    /// Read a watched folder at once
    #[command(after_help = "Examples:\n  ods watch scan /srv/drop/mac")]
    Scan(One),
    /// Have a paused mirror unpublish the files that are missing
    #[command(
        long_about = "Have a paused mirror unpublish the files that are missing.\n\nA mirror pauses when its folder or over \
                      half of its files vanish. `ods watch show` lists what is missing. What is confirmed is just the \
                      set that was looked at, by the digest that `show` prints: if more is missing by now, nothing is.",
        after_help = "Examples:\n  ods watch show /srv/mirror\n  ods watch confirm /srv/mirror --missing 3b6a27bc…"
    )]
    Confirm(Confirm),
}

/// What becomes of a file that was published.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// It stays; deleted, it stays published
    Keep,
    /// It is moved into the store
    Consume,
    /// It stays; deleted, it is unpublished
    Mirror,
}

impl From<Mode> for WatchModeName {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Keep => Self::Keep,
            Mode::Consume => Self::Consume,
            Mode::Mirror => Self::Mirror,
        }
    }
}

#[derive(Debug, clap::Args)]
struct Ls {
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Add {
    /// The folder, on the node's machine
    folder: PathBuf,
    /// The folder of the catalog that its files are published in
    #[arg(long, default_value = "")]
    prefix: String,
    /// A tag for its packages; repeat for more
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// What becomes of a file that was published
    #[arg(long, value_enum, default_value = "keep")]
    mode: Mode,
    /// How long a file must rest before it is taken [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration_or_zero)]
    settle: Option<u64>,
    /// After how long the folder is read anew, whatever events say [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = duration_seconds)]
    rescan: Option<u64>,
    /// Don't watch it yet
    #[arg(long)]
    off: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Set {
    /// The watch's id or folder
    watch: String,
    /// Another folder
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Another folder of the catalog; '' for the top
    #[arg(long)]
    prefix: Option<String>,
    /// These tags in place of those before; repeat for more, '' for none
    #[arg(long = "tag", value_name = "TAG")]
    tags: Option<Vec<String>>,
    /// What becomes of a file that was published
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// How long a file must rest before it is taken
    #[arg(long, value_name = "TIME", value_parser = duration_or_zero)]
    settle: Option<u64>,
    /// After how long the folder is read anew, whatever events say
    #[arg(long, value_name = "TIME", value_parser = duration_seconds)]
    rescan: Option<u64>,
    /// Watch it
    #[arg(long, conflicts_with = "off")]
    on: bool,
    /// Watch it no longer, for now
    #[arg(long)]
    off: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct One {
    /// The watch's id or folder
    watch: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Confirm {
    /// The watch's id or folder
    watch: String,
    /// The set of missing files that was looked at: "to confirm" of `ods watch show`
    #[arg(long, value_name = "DIGEST")]
    missing: String,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    match arguments.action {
        Action::Ls(arguments) => list(&arguments, context).await,
        Action::Add(arguments) => add(arguments, context).await,
        Action::Set(arguments) => set(arguments, context).await,
        Action::Rm(arguments) => remove(&arguments, context).await,
        Action::Show(arguments) => show(&arguments, context).await,
        Action::Scan(arguments) => scan(&arguments, context).await,
        Action::Confirm(arguments) => confirm(arguments, context).await,
    }
}

async fn list(arguments: &Ls, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let watches = node.client.watches().await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&watches);
    }
    let mut table = Table::new(&["FOLDER", "ID", "MODE", "STATE", ">FILES", ">SETTLING", ">REFUSED", "LAST READ"]);
    for watch in watches.items {
        let read = watch.last_scan_at.map_or_else(|| "never".to_owned(), time_text);
        table.row([
            watch.folder,
            watch.id,
            watch.mode,
            watch.state,
            watch.files.to_string(),
            watch.settling.len().to_string(),
            watch.refused.len().to_string(),
            read,
        ]);
    }
    table.write(&mut context.output)
}

async fn add(arguments: Add, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let request = WatchRequest {
        folder: there(&arguments.folder, &node, context),
        prefix: arguments.prefix,
        tags: arguments.tags,
        mode: arguments.mode.into(),
        settle_s: arguments.settle,
        rescan_s: arguments.rescan,
        enabled: arguments.off.then_some(false),
    };
    let watch = node.client.create_watch(&request).await.map_err(|error| node.explain(error))?;
    done(&watch, "watching", context)
}

async fn set(arguments: Set, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let watch = find(&node, &arguments.watch, context).await?;
    let without_empty = |tags: Vec<String>| tags.into_iter().filter(|tag| !tag.is_empty()).collect();
    let patch = WatchPatch {
        folder: arguments.folder.map(|folder| there(&folder, &node, context)),
        prefix: arguments.prefix,
        tags: arguments.tags.map(without_empty),
        mode: arguments.mode.map(Into::into),
        settle_s: arguments.settle,
        rescan_s: arguments.rescan,
        enabled: (arguments.on || arguments.off).then_some(arguments.on),
    };
    let watch = node.client.edit_watch(&watch.id, &patch).await.map_err(|error| node.explain(error))?;
    done(&watch, "changed", context)?;
    match &watch.left {
        Some(left) if !context.output.is_json() => tell_left(left, context),
        Some(_) | None => Ok(()),
    }
}

/// Says what stays at the old place, and how it goes.
fn tell_left(left: &LeftView, context: &mut Context) -> Result<(), Failure> {
    /// More would fill the screen.
    const SHOWN_MAX: usize = 5;
    let shown: Vec<String> = left.paths.iter().take(SHOWN_MAX).map(|path| format!("'{}'", printable(path))).collect();
    let more = if left.paths.len() > SHOWN_MAX { " …" } else { "" };
    let stay = if left.count == 1 { "1 package stays".to_owned() } else { format!("{} packages stay", left.count) };
    context.output.line(&format!(
        "{stay} where it was published before, and the watch has nothing to do with that any more; to remove it: ods rm {}{more}",
        shown.join(" ")
    ))
}

async fn remove(arguments: &One, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let watch = find(&node, &arguments.watch, context).await?;
    node.client.remove_watch(&watch.id).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&json!({"id": watch.id, "removed": true}));
    }
    context.output.line(&format!("no longer watching {}; what it published stays", watch.folder))
}

async fn scan(arguments: &One, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let watch = find(&node, &arguments.watch, context).await?;
    let watch = node.client.scan_watch(&watch.id).await.map_err(|error| node.explain(error))?;
    done(&watch, "asked to read", context)
}

async fn confirm(arguments: Confirm, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let watch = find(&node, &arguments.watch, context).await?;
    let request = ConfirmRequest { missing_digest: arguments.missing };
    let watch = node.client.confirm_watch(&watch.id, &request).await.map_err(|error| node.explain(error))?;
    done(&watch, "confirmed; what is missing is unpublished from", context)
}

fn done(watch: &WatchView, what: &str, context: &mut Context) -> Result<(), Failure> {
    if context.output.is_json() {
        return context.output.json(watch);
    }
    context.output.line(&format!("{what} {} ({})", watch.folder, watch.id))
}

async fn show(arguments: &One, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let watch = find(&node, &arguments.watch, context).await?;
    let watch = node.client.watch(&watch.id).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&watch);
    }
    write(&watch, &mut context.output)
}

fn write(watch: &WatchView, output: &mut Output) -> Result<(), Failure> {
    output.field("folder", Some(&watch.folder))?;
    output.field("id", Some(&watch.id))?;
    output.field("mode", Some(&watch.mode))?;
    output.field("prefix", Some(watch.prefix.as_str()).filter(|prefix| !prefix.is_empty()))?;
    output.field("tags", Some(watch.tags.join(" ").as_str()).filter(|tags| !tags.is_empty()))?;
    let place = watch.place.as_deref().unwrap_or("made while the node ran");
    output.field("given by", Some(place))?;
    output.field("state", Some(&watch.state))?;
    output.field("why", watch.reason.as_deref())?;
    output.field("last read", watch.last_scan_at.map(time_text).as_deref())?;
    output.field("files", Some(&watch.files.to_string()))?;
    if let Some(pause) = &watch.pause {
        output.field("missing", Some(&format!("{} of {}", pause.missing, pause.published)))?;
        pause.files.iter().try_for_each(|file| output.field("", Some(file)))?;
        output.field("to confirm", pause.missing_digest.as_deref())?;
    }
    for file in &watch.settling {
        output.field("settling", Some(&format!("{} ({})", file.file, bytes_text(file.bytes))))?;
    }
    for file in &watch.taken {
        output.field("taken", Some(&format!("{} as {}, {}", file.file, file.path, time_text(file.at))))?;
    }
    for file in &watch.refused {
        output.field("refused", Some(&format!("{}: {}", file.file, file.reason)))?;
    }
    for file in &watch.superseded {
        output.field("left alone", Some(&format!("{file}: it is an older revision of what is published")))?;
    }
    Ok(())
}

/// A folder as the node is told of it: one that was typed from here is meant from here, if the node is here too.
fn there(typed: &Path, node: &Connected, context: &Context) -> String {
    let folder = if node.is_here() { context.machine.working_folder.join(typed) } else { typed.to_owned() };
    folder.display().to_string()
}

async fn find(node: &Connected, typed: &str, context: &Context) -> Result<WatchView, Failure> {
    let watches = node.client.watches().await.map_err(|error| node.explain(error))?.items;
    let trimmed = typed.trim_end_matches('/');
    let from_here = there(Path::new(trimmed), node, context);
    let names = [typed, trimmed, &from_here];
    let fits = |watch: &WatchView| watch.id == typed || names.contains(&watch.folder.as_str());
    watches.into_iter().find(fits).ok_or_else(|| {
        Failure::new(Exit::NotFound, "no_such_watch", format!("there is no watch {typed}"))
            .hint("`ods watch ls` lists the watches, with their ids and folders")
    })
}
