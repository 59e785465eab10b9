//! `ods verify`: check a stopped node's data folder, all of it, and mend what can be mended.

use std::path::{Path, PathBuf};

use ods_store::{Depth, FaultKind, Mended, Store, StoreError, VerifyProgress, VerifyReport, check_database};
use serde_json::{Value, json};

use super::{Context, stopped};
use crate::cli::{Bar, Exit, Failure, Output, Progress, bytes_text, printable};
use crate::config::{self, Flags};

/// Verify everything in a stopped node's data folder
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Verify everything in the data folder of a node that is stopped: each page of its database, each event's \
                  and statement's signature, what is derived from them, and each byte of each blob. Nothing is changed, so \
                  it may be broken off at any time, and the folder may be read-only.\n\nWith --rebuild, what is derived is made anew from the log in one \
                  transaction, whole files in blobs/ that were not listed are listed again, lost outlines are made anew, \
                  and damaged blobs are set aside, to be fetched from a peer once the node runs.\n\nExits with 0 if all \
                  is well, 1 if something is wrong (still, with --rebuild), 3 if there is no data folder, 6 if the node is \
                  running.",
    after_help = "Examples:\n  ods verify --data /var/lib/ods\n  ods verify --quick             without reading the blobs\n  \
                  ods verify --rebuild           mends what can be mended here"
)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "DIR", help = "The data folder [env: ODS_DATA]")]
    data: Option<PathBuf>,
    /// Don't read the blobs; only see that their files are there, with their lengths
    #[arg(long, conflicts_with = "rebuild")]
    quick: bool,
    /// Make anew what is derived, and mend what can be mended
    #[arg(long)]
    rebuild: bool,
}

/// What was done and found.
struct Outcome {
    mended: Option<Mended>,
    report: VerifyReport,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let flags = Flags { data: arguments.data.clone(), ..Flags::default() };
    let folder = config::data_folder(&flags, &context.environment, &context.machine)?;
    let (depth, rebuild) = (if arguments.quick { Depth::Quick } else { Depth::Full }, arguments.rebuild);
    let bar = Progress::on_standard_error(context.output.is_json()).bar("verify", 0);
    let now = context.now;
    let work = {
        let folder = folder.clone();
        move || verify(&folder, depth, rebuild.then_some(now), bar)
    };
    let worked = tokio::task::spawn_blocking(work).await;
    let outcome = worked.map_err(|error| {
        Failure::new(Exit::Failed, "broke", "verifying broke down, as it may on a database that is badly damaged")
            .caused_by(&error)
            .hint(FaultKind::Database.remedy())
    })??;
    if context.output.is_json() {
        context.output.json(&to_json(&outcome))?;
    } else {
        write(&outcome, &mut context.output)?;
    }
    match outcome.report.faults.len() {
        0 => Ok(()),
        count => {
            Err(Failure::new(Exit::Failed, "faults_found", format!("{count} things are wrong in {}", folder.display())))
        }
    }
}

fn verify(
    folder: &Path,
    depth: Depth,
    rebuild_at: Option<fn() -> ods_store::UnixMillis>,
    mut bar: Bar,
) -> Result<Outcome, Failure> {
    stopped::must_be_there(folder)?;
    bar.doing("reading the database");
    let integrity = check_database(&stopped::disk(), folder, stopped::CACHE_BYTES);
    // What keeps it from being read says nothing of what is in it.
    if let Err(error @ (StoreError::AlreadyOpen { .. } | StoreError::NotWritable { .. } | StoreError::Io { .. })) =
        &integrity
    {
        return Err(stopped::explain(error));
    }
    let mut on_progress = |progress: VerifyProgress| {
        bar.doing(progress.stage);
        bar.size(progress.total);
        bar.done(progress.done);
    };
    let mends = rebuild_at.is_some() && integrity.is_ok();
    let opened = if mends { stopped::open(folder) } else { stopped::open_to_read(folder) };
    let (mut mended, mut report) = (None, VerifyReport::default());
    match (&integrity, opened) {
        (Ok(()), Err(failure)) => return Err(failure),
        (Ok(()), Ok(store)) => {
            mended = rebuild_at
                .map(|now| store.rebuild(now(), &mut on_progress))
                .transpose()
                .map_err(|e| stopped::explain(&e))?;
            report = all(&store, depth, &mut on_progress)?;
        }
        // What a damaged database still says is told too, but nothing is written to it.
        (Err(_), Ok(store)) => report = all(&store, depth, &mut on_progress).unwrap_or_default(),
        (Err(_), Err(_)) => {}
    }
    if let Err(error) = &integrity {
        let what = Failure::new(Exit::Failed, "database", "").caused_by(error).to_json();
        let what = what["detail"].as_str().unwrap_or_default().trim_start_matches(": ").to_owned();
        report.faults.insert(0, ods_store::Fault { kind: FaultKind::Database, what });
    }
    bar.finish();
    Ok(Outcome { mended, report })
}

fn all(store: &Store, depth: Depth, on_progress: &mut dyn FnMut(VerifyProgress)) -> Result<VerifyReport, Failure> {
    store.verify_all(depth, on_progress).map_err(|error| stopped::explain(&error))
}

fn write(outcome: &Outcome, output: &mut Output) -> Result<(), Failure> {
    let Outcome { mended, report } = outcome;
    if let Some(Mended { adopted, pass }) = mended {
        output.line("what is derived was made anew from the log")?;
        let told = [
            (*adopted, "blobs were whole and are listed again"),
            (pass.outlines_mended, "outlines were made anew"),
            (pass.mended, "blobs were found whole among what was set aside"),
            (pass.damaged, "damaged blobs were set aside; a peer mends them once the node runs"),
        ];
        told.iter()
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(count, what)| output.line(&format!("{count} {what}")))?;
    }
    output.line(&format!(
        "verified {} events, {} statements, {} blobs ({} read)",
        report.events,
        report.statements,
        report.blobs,
        bytes_text(report.bytes)
    ))?;
    let mut last = None;
    for fault in &report.faults {
        if last != Some(fault.kind) {
            output.line(&format!("{}: {}", fault.kind.as_str(), fault.kind.remedy()))?;
            last = Some(fault.kind);
        }
        output.line(&format!("  {}", printable(&fault.what)))?;
    }
    if report.wanted > 0 {
        output.line(&format!("{} blobs of current packages are not here yet: they come from a peer", report.wanted))?;
    }
    match (report.more, report.is_sound()) {
        (0, true) => output.line("all is well"),
        (0, false) => Ok(()),
        (more, _) => output.line(&format!("and {more} more of the same kinds")),
    }
}

fn to_json(outcome: &Outcome) -> Value {
    let Outcome { mended, report } = outcome;
    let faults: Vec<Value> = report
        .faults
        .iter()
        .map(|fault| json!({"kind": fault.kind.as_str(), "what": fault.what, "remedy": fault.kind.remedy()}))
        .collect();
    let mended = mended.as_ref().map(|Mended { adopted, pass }| {
        json!({"adopted": adopted, "outlines": pass.outlines_mended, "found_whole": pass.mended, "set_aside": pass.damaged})
    });
    json!({"sound": report.is_sound(), "faults": faults, "more": report.more, "events": report.events,
        "statements": report.statements, "blobs": report.blobs, "bytes": report.bytes, "wanted": report.wanted, "rebuilt": mended})
}
