//! `ods push`: publish files as packages.
//!
//! A file is hashed here first: bytes that the node holds already as the current revision aren't sent again, and the node
//! checks those that are sent against the digest, so that a file that changes under way is never published half old, half
//! new. An upload that is cut is gone on with, by this command or by the same one later; a small one is sent again. Where the
//! answer to its success is lost, the package is looked at before anything is told (`push/ours.rs`).

mod ours;
mod resumable;
mod targets;
mod upload;
mod wait;

use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt;
use ods_api::{Guard, HolderView, PackageView, PublishQuery, PublishedView};
use serde_json::json;

use self::targets::Target;
use self::upload::Pushed;
use self::wait::{Arrived, Awaited};
use super::Context;
use crate::cli::{Connection, Exit, Failure, Output, Progress, bytes_text, duration_seconds, printable, short_id};

/// Publish files as packages
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Publish files as packages, on every node of the mesh.\n\nA file becomes a package of the same name, or \
                  the one that --path says. A package that is there already is replaced; its history stays. Metadata that \
                  isn't given stays as it was; an empty value removes it. When the command ends, the package is durable \
                  on the node, and on its way to the others.",
    after_help = "Examples:\n  ods push Firefox-142.pkg --version 142 --tag prod\n  \
                  ods push build/*.deb --path linux/apps/            into a folder\n  \
                  ods push out.pkg --path mac/Tool-1.2.pkg           under another name\n  \
                  ods push tool.msi --only-if-new                    refuses to replace\n  \
                  ods push tool.msi --wait --timeout 1h              until every site has it"
)]
pub(crate) struct Arguments {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What to call the package; with a `/` at the end, the folder to put the files in
    #[arg(long, short, value_name = "PATH")]
    path: Option<String>,
    /// Its version
    #[arg(long, value_name = "TEXT", help_heading = "Metadata")]
    version: Option<String>,
    /// What people call it
    #[arg(long, value_name = "TEXT", help_heading = "Metadata")]
    title: Option<String>,
    /// Its maker's identifier, such as org.mozilla.firefox
    #[arg(long, value_name = "TEXT", help_heading = "Metadata")]
    identifier: Option<String>,
    /// Free text
    #[arg(long, value_name = "TEXT", help_heading = "Metadata")]
    notes: Option<String>,
    /// A label; repeat for several. Those given replace those there were
    #[arg(long = "tag", short, value_name = "TAG", help_heading = "Metadata")]
    tags: Vec<String>,
    /// A whole number; greater is fetched first by other nodes
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Metadata")]
    priority: Option<String>,
    /// Refuse to replace a package
    #[arg(long, conflicts_with = "only_if_revision")]
    only_if_new: bool,
    /// Only if this is still the current revision (one file)
    #[arg(long, value_name = "ID")]
    only_if_revision: Option<String>,
    /// How many files to send at once
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: u8,
    /// End only when every node that wants the packages has them
    #[arg(long)]
    wait: bool,
    /// With --wait: give up after this time, such as 30m
    #[arg(long, value_name = "TIME", requires = "wait", value_parser = duration_seconds)]
    timeout: Option<u64>,
    #[command(flatten)]
    connection: Connection,
}

impl Arguments {
    fn guard(&self) -> Guard {
        match (&self.only_if_revision, self.only_if_new) {
            (Some(revision), _) => Guard::OnlyIf(revision.clone()),
            (None, true) => Guard::OnlyIfNew,
            (None, false) => Guard::Always,
        }
    }

    fn metadata(&self) -> PublishQuery {
        PublishQuery {
            title: self.title.clone(),
            version: self.version.clone(),
            identifier: self.identifier.clone(),
            notes: self.notes.clone(),
            tag: self.tags.clone(),
            priority: self.priority.clone(),
            ..PublishQuery::default()
        }
    }
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    let targets = targets::targets(&arguments.files, arguments.path.as_deref())?;
    if arguments.only_if_revision.is_some() && targets.len() > 1 {
        return Err(Failure::usage("--only-if-revision goes with one file"));
    }
    let node = arguments.connection.connect(context)?;
    let progress = Progress::on_standard_error(context.output.is_json());
    let order = upload::Order { metadata: arguments.metadata(), guard: arguments.guard() };
    let (node, progress, order) = (&node, &progress, &order);
    let pushes = targets.iter().map(|target| async move {
        let bar = progress.bar(target.path.file_name(), target.size);
        let pushed = upload::push(node, target, order, bar.clone()).await;
        bar.finish();
        (target, pushed)
    });
    let mut pushes = futures_util::stream::iter(pushes).buffer_unordered(arguments.jobs.into());
    let (mut failures, mut awaited) = (Vec::new(), Vec::new());
    while let Some((target, pushed)) = pushes.next().await {
        match pushed {
            Ok(pushed) => {
                progress.suspend(|| report(target, &pushed, &mut context.output))?;
                let PackageView { revision, size, .. } = pushed.view.package;
                awaited.push(Awaited { path: target.path.clone(), revision, size });
            }
            Err(failure) => failures.push((target, failure)),
        }
    }
    drop(pushes);
    let json = context.output.is_json();
    // Before the wait, which may end badly or never.
    if targets.len() > 1 {
        failures.iter().try_for_each(|(target, failure)| tell(target, failure, json))?;
    }
    if arguments.wait {
        let (output, timeout) = (&mut context.output, arguments.timeout.map(Duration::from_secs));
        let arrived = |arrived| progress.suspend(|| report_arrival(&arrived, output));
        let waited = wait::wait(node, awaited, timeout, progress, arrived).await;
        return conclude(failures, targets.len(), waited, json);
    }
    conclude(failures, targets.len(), Ok(()), json)
}

fn report(target: &Target, pushed: &Pushed, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.json_line(&pushed.view);
    }
    let PublishedView { changed, package } = &pushed.view;
    let path = printable(target.path.as_str());
    let what = match (changed, pushed.sent, pushed.replaced) {
        (false, _, _) => "unchanged",
        (true, false, _) => "metadata changed",
        (true, true, true) => "replaced",
        (true, true, false) => "published",
    };
    output.line(&format!("{path}: {what}, {}, revision {}", bytes_text(package.size), short_id(&package.revision)))
}

fn report_arrival(arrived: &Arrived, output: &mut Output) -> Result<(), Failure> {
    let Arrived { path, replication } = arrived;
    if output.is_json() {
        return output.json_line(&json!({"path": path.as_str(), "replication": replication}));
    }
    let has = |holder: &&HolderView| holder.state == "stored";
    let count = replication.items.iter().filter(has).count();
    output.line(&format!("{}: every node that wants it has it ({count})", printable(path.as_str())))
}

/// Says what became of one of several files.
fn tell(target: &Target, failure: &Failure, json: bool) -> Result<(), Failure> {
    if !json {
        eprint!("{}: ", printable(&target.file.to_string_lossy()));
    }
    write(failure, json)
}

fn write(failure: &Failure, json: bool) -> Result<(), Failure> {
    if json {
        eprintln!("{}", failure.to_json());
        return Ok(());
    }
    Ok(failure.write_text(&mut std::io::stderr())?)
}

/// One file's failure is the command's; of several, which were told, the command's says how many. How the wait for the others
/// ended is the command's only if all were published: whoever reads an exit code must not take a file for published.
fn conclude(
    mut failures: Vec<(&Target, Failure)>,
    files: usize,
    waited: Result<(), Failure>,
    json: bool,
) -> Result<(), Failure> {
    if files == 1 {
        return failures.pop().map_or(waited, |(_, failure)| Err(failure));
    }
    let Some(exit) = failures.first().map(|(_, failure)| failure.exit()) else { return waited };
    waited.or_else(|failure| write(&failure, json))?;
    let same = failures.iter().all(|(_, failure)| failure.exit() == exit);
    let exit = if same { exit } else { Exit::Failed };
    let message = format!("{} of {files} files were not published", failures.len());
    Err(Failure::new(exit, "some_failed", message).hint("the others are done; run the same command again for the rest"))
}
