//! `ods scrub`: verify everything that a running node holds.

use std::time::Duration;

use ods_api::ScrubView;

use super::Context;
use crate::cli::{Connected, Connection, Exit, Failure, Output, Progress, bytes_text};

/// How often to ask how far it is.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Verify everything that the node holds
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Verify everything that the node holds: every blob against its digest, in the background, at the rate of \
                  the setting scrub.rate_bytes_per_s.\n\nWhat is found wrong is an alarm in `ods events`; it is set aside \
                  and fetched again from a peer, piece by piece. Without peers, push the package again. The node does this \
                  by itself every scrub.every_days. `ods verify` checks a stopped node, its database included.",
    after_help = "Examples:\n  ods scrub --wait      exits with 1 if something was found\n  ods scrub --status"
)]
pub(crate) struct Arguments {
    /// Wait for the end, and fail if something was found
    #[arg(long, conflicts_with_all = ["status", "stop"])]
    wait: bool,
    /// Only show how far it is, or what the last one found
    #[arg(long, conflicts_with = "stop")]
    status: bool,
    /// Stop it
    #[arg(long)]
    stop: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let view = match (arguments.status, arguments.stop) {
        (true, _) => node.client.scrub().await,
        (_, true) => node.client.stop_scrub().await,
        _ => node.client.start_scrub().await,
    };
    let mut view = view.map_err(|error| node.explain(error))?;
    if arguments.wait {
        view = wait(&node, view, context.output.is_json()).await?;
    }
    if context.output.is_json() {
        context.output.json(&view)?;
    } else {
        write(&view, &mut context.output)?;
    }
    if arguments.wait { verdict(&view) } else { Ok(()) }
}

async fn wait(node: &Connected, started: ScrubView, json: bool) -> Result<ScrubView, Failure> {
    let progress = Progress::on_standard_error(json);
    let mut bar = progress.bar("scrub", started.bytes.total);
    bar.doing("verifying");
    let mut view = started;
    while view.state != "idle" {
        bar.size(view.bytes.total);
        bar.done(view.bytes.done);
        tokio::time::sleep(ASK_EVERY).await;
        view = node.client.scrub().await.map_err(|error| node.explain(error))?;
    }
    bar.finish();
    Ok(view)
}

fn write(view: &ScrubView, output: &mut Output) -> Result<(), Failure> {
    let state = match (&view.reason, view.stopped) {
        (Some(reason), _) => format!("{}: {reason}", view.state),
        (None, true) => format!("{}; the last pass was stopped", view.state),
        (None, false) => view.state.clone(),
    };
    output.field("scrub", Some(&state))?;
    output.field("started", view.started_at.map(|at| at.to_string()).as_deref())?;
    output.field("finished", view.finished_at.map(|at| at.to_string()).as_deref())?;
    let (blobs, bytes) = (&view.blobs, &view.bytes);
    let done =
        format!("{} of {} blobs, {} of {}", blobs.done, blobs.total, bytes_text(bytes.done), bytes_text(bytes.total));
    output.field("verified", Some(&done))?;
    let found = &view.findings;
    let counted = [
        (found.damaged, "damaged, set aside and wanted again"),
        (found.unreadable, "unreadable"),
        (found.mended, "found whole again"),
        (found.outlines_mended, "outlines made again"),
        (found.sha256_lies, "with a wrong SHA-256"),
    ];
    let told: Vec<String> =
        counted.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let told = if told.is_empty() { "nothing".to_owned() } else { told.join(", ") };
    output.field("found", Some(&told))
}

fn verdict(view: &ScrubView) -> Result<(), Failure> {
    let found = &view.findings;
    match found.damaged + found.unreadable + found.sha256_lies {
        _ if view.stopped => Err(Failure::new(Exit::Failed, "scrub_stopped", "the scrub was stopped before its end")),
        0 => Ok(()),
        count => Err(Failure::new(Exit::Failed, "damage_found", format!("something is wrong with {count} blobs"))
            .hint(
                "`ods events --type node.alarm` tells which; with a peer that has them they are mended by themselves",
            )),
    }
}
