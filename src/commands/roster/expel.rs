//! `ods roster expel`: shows what it would do, asks, and does it.
//!
//! Invariant: nobody is expelled by a name typed in passing: a person says yes to what was shown, a script says `--yes`. What
//! may be on that node alone is given up only by who was told how much it is, or says so.

use std::io::{BufRead, IsTerminal, Read};

use ods_api::{ExpelQuery, ExpulsionView, MeshNodeView};

use super::{Expel, find, load, title, warn};
use crate::cli::{Connected, Exit, Failure, age_text, bytes_text, time_text};
use crate::commands::Context;

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 1000;

pub(super) async fn run(arguments: &Expel, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let id = find(&node, &arguments.node).await?.node;
    let dry = ExpelQuery { dry_run: true, even_if_last_holder: false };
    if arguments.dry_run {
        let would = node.client.expel(&id, &dry).await.map_err(|error| node.explain(error))?;
        return show(&would, &node, context).await;
    }
    let mut even_if_last_holder = arguments.even_if_last_holder;
    if !arguments.yes {
        let can_ask = std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !context.output.is_json();
        if !can_ask {
            return Err(Failure::usage(format!("expelling {} can't be undone", arguments.node))
                .hint("look at what it means with --dry-run, and say --yes"));
        }
        let would = node.client.expel(&id, &dry).await.map_err(|error| node.explain(error))?;
        show(&would, &node, context).await?;
        ask()?;
        even_if_last_holder |= would.only_there.packages > 0;
    }
    let query = ExpelQuery { dry_run: false, even_if_last_holder };
    let done = node.client.expel(&id, &query).await.map_err(|error| explain(node.explain(error)))?;
    if context.output.is_json() {
        return context.output.json(&done);
    }
    let title = title(&done.member);
    context.output.line(&format!("expelled {title}, for good; what it published so far stays until you remove it"))?;
    warn(&load(&node).await?);
    Ok(())
}

fn explain(failure: Failure) -> Failure {
    if failure.code() == "last_holder" {
        return failure.hint("wait until others have them (`ods mesh`), or say --even-if-last-holder");
    }
    failure
}

/// What expelling a node would mean.
async fn show(would: &ExpulsionView, node: &Connected, context: &mut Context) -> Result<(), Failure> {
    if context.output.is_json() {
        return context.output.json(would);
    }
    let mesh = node.client.mesh().await.map_err(|error| node.explain(error))?.items;
    let seen = mesh.iter().find(|seen| seen.id == would.member.node);
    let (member, output) = (&would.member, &mut context.output);
    output.field("node", member.name.as_deref())?;
    output.field("id", Some(&member.node))?;
    output.field("role", member.role.as_deref())?;
    output.field("last heard of", Some(&last_heard_of(seen, (context.now)())))?;
    output.field("only there", Some(&only_there(would)))?;
    for path in &would.only_there.paths {
        output.field("", Some(path))?;
    }
    output.line("It can't be undone: to return, the machine needs a new key, so an empty data folder.")?;
    output.line("Until somebody stops it, it goes on serving what it holds to whoever downloads there.")
}

fn last_heard_of(seen: Option<&MeshNodeView>, now: ods_store::UnixMillis) -> String {
    match seen.and_then(|seen| Some((seen, seen.as_of?))) {
        Some((seen, at)) => format!("{} ({}, now {})", age_text(at, now), time_text(at), seen.state),
        None => "never".to_owned(),
    }
}

fn only_there(would: &ExpulsionView) -> String {
    match would.only_there.packages {
        0 => "nothing: every package that it may have is known to be on another node".to_owned(),
        1 => format!("1 package ({}) that no other node is known to have", bytes_text(would.only_there.bytes)),
        n => format!("{n} packages ({}) that no other node is known to have", bytes_text(would.only_there.bytes)),
    }
}

fn ask() -> Result<(), Failure> {
    eprint!("Expel it? Type yes: ");
    let mut answer = String::new();
    let read = std::io::stdin().lock().take(ANSWER_BYTES_MAX).read_line(&mut answer);
    read.map_err(|error| Failure::file("cannot read the answer", &error))?;
    match answer.trim() {
        "yes" => Ok(()),
        _ => Err(Failure::new(Exit::Failed, "not_confirmed", "nobody was expelled")),
    }
}
