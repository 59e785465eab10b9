//! `ods demo`: three paired nodes and a watched folder, to play with.

use std::path::{Path, PathBuf};

use futures_util::future::{join_all, select_all};
use ods_api::{Client, InviteRequest, RoleName, TlsTrust, Url};
use serde_json::json;
use tempfile::TempDir;

use super::Context;
use super::serve::failed;
use crate::cli::{Failure, Output};
use crate::config::{self, Environment, Flags, LogFormat, Surroundings};
use crate::logging;
use crate::server::{Server, StopSignals};

/// The nodes that the first one invites, and what they may do.
const BRANCHES: [(&str, RoleName); 2] = [("branch-1", RoleName::Publisher), ("branch-2", RoleName::Replica)];
const INVITE_S: u64 = 300;

/// Run three paired nodes in a temporary folder, to play with
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Run three paired nodes in a temporary folder, to play with: \"hq\" with a watched folder, \"branch-1\" \
                  that may publish too, and \"branch-2\" that only holds and serves.\n\nPrints what to try. Ctrl-C stops \
                  the nodes and removes the folder.",
    after_help = "Examples:\n  ods demo\n  ods demo --dir /big/disk      if the system's temporary folder is small"
)]
pub(crate) struct Arguments {
    /// Make the temporary folder in this one
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// A node of the demo.
struct Member {
    server: Server,
    client: Client,
    data: PathBuf,
    role: &'static str,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    logging::start(LogFormat::Human, "warn").map_err(|error| failed("cannot start", &error))?;
    let mut signals = StopSignals::catch().map_err(|error| failed("cannot listen to signals", &error))?;
    let folder = make_folder(arguments.dir.as_deref())?;
    let mut members = Vec::new();
    let outcome = tokio::select! {
        outcome = play(folder.path(), &mut members, context) => outcome,
        _ = signals.next() => Ok(()),
    };
    join_all(members.into_iter().map(|member| member.server.stop())).await;
    let path = folder.path().to_owned();
    folder.close().map_err(|error| Failure::file(format!("cannot remove {}", path.display()), &error))?;
    outcome
}

fn make_folder(place: Option<&Path>) -> Result<TempDir, Failure> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("ods-demo-");
    let made = place.map_or_else(|| builder.tempdir(), |place| builder.tempdir_in(place));
    made.map_err(|error| Failure::file("cannot make a temporary folder", &error).hint("name another place with --dir"))
}

/// Starts and pairs the nodes and says what to try; returns only if a node fails.
async fn play(folder: &Path, members: &mut Vec<Member>, context: &mut Context) -> Result<(), Failure> {
    let drop_folder = folder.join("drop");
    std::fs::create_dir(&drop_folder)
        .map_err(|error| Failure::file(format!("cannot make {}", drop_folder.display()), &error))?;
    members.push(start("hq", folder, Some(drop_folder.clone()), "owner", context).await?);
    for (name, role) in BRANCHES {
        let joining = start(name, folder, None, role_text(role), context).await?;
        let invite = InviteRequest { role, prefixes: Vec::new(), expires_in_s: INVITE_S };
        // Pushed first, so that it is stopped in good order whatever comes.
        members.push(joining);
        let line = members[0].client.create_invite(&invite).await?.invite.unwrap_or_default();
        members[members.len() - 1].client.join(&line).await?;
    }
    tell(members, &drop_folder, &mut context.output)?;
    let failures = members.iter_mut().map(|member| Box::pin(member.server.failure()));
    let (failure, _, _) = select_all(failures).await;
    Err(failed("a node failed", &failure))
}

async fn start(
    name: &str,
    folder: &Path,
    watch: Option<PathBuf>,
    role: &'static str,
    context: &Context,
) -> Result<Member, Failure> {
    let data = folder.join(name);
    let flags = Flags {
        data: Some(data.clone()),
        name: Some(name.to_owned()),
        listen: vec!["127.0.0.1:0".to_owned()],
        watch: watch.into_iter().collect(),
        ..Flags::default()
    };
    // What is set for a real node must not reach the demo's.
    let machine = Surroundings { data: None, ..context.machine.clone() };
    let resolution = config::resolve(&flags, &Environment::default(), &machine)?;
    let server = Server::start(&resolution).await.map_err(|error| failed("cannot start a node", &error))?;
    let client = client(&server)?;
    Ok(Member { server, client, data, role })
}

fn client(server: &Server) -> Result<Client, Failure> {
    let facts = server.facts();
    let address = facts.addresses.first().map(ToString::to_string).unwrap_or_default();
    let url = Url::parse(&format!("http://{address}"))
        .map_err(|error| failed("a node listens at an address that makes no url", &error))?;
    let token = std::fs::read_to_string(&facts.token_file)
        .map_err(|error| Failure::file(format!("cannot read {}", facts.token_file.display()), &error))?;
    Ok(Client::new(url, Some(token.trim().to_owned()), TlsTrust::System)?)
}

fn role_text(role: RoleName) -> &'static str {
    match role {
        RoleName::Owner => "owner",
        RoleName::Publisher => "publisher",
        RoleName::Replica => "replica",
    }
}

fn tell(members: &[Member], drop_folder: &Path, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        let node = |member: &Member| {
            let facts = member.server.facts();
            let url = member.client.server().as_str().trim_end_matches('/').to_owned();
            json!({"id": facts.node.to_string(), "name": facts.name, "role": member.role, "url": url, "data": member.data})
        };
        let nodes: Vec<_> = members.iter().map(node).collect();
        return output.json_line(&json!({"nodes": nodes, "watch": drop_folder}));
    }
    output.line("Three nodes are running, paired with each other:\n")?;
    for member in members {
        let name = &member.server.facts().name;
        output.line(&format!(
            "  {name:<9} {:<10} {:<24} {}",
            member.role,
            member.client.server(),
            member.data.display()
        ))?;
    }
    output.line(&what_to_try(members, drop_folder))
}

fn what_to_try(members: &[Member], drop_folder: &Path) -> String {
    // In full, since the commands are for another terminal, which may be in another folder.
    let program = std::env::current_exe().map_or_else(|_| "ods".to_owned(), |path| path.display().to_string());
    let [hq, writer, reader] = [0, 1, 2].map(|index| members[index].data.display().to_string());
    let url = members[2].client.server();
    let drop_folder = drop_folder.display();
    format!(
        "\nPackages (any files) put into {drop_folder} are published by hq, and appear on all three.\n\n\
         Try, in another terminal:\n\n  \
         echo hello > {drop_folder}/hello.txt\n  \
         {program} ls --data {reader}\n  \
         curl -i {url}Packages/hello.txt\n  \
         {program} push --data {writer} FILE…\n  \
         {program} events --follow --data {reader}\n  \
         {program} status --data {hq}\n\n\
         Ctrl-C stops the nodes and removes the folder."
    )
}
